"""One way to ask a web server: one session, one back-off policy (connectors.retry), a limit on size and time.

An address may be a secret in itself (a calendar's private link), so none is ever part of an error, and the library that
would log it is kept from doing so. A password goes to the server it was meant for and to no other, also where that
server sends us on. Nothing travels in the open, except on this machine itself.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from connectors.deadline import LARGEST, Deadline
from connectors.errors import (
    AuthorizationError,
    ConnectorError,
    MalformedError,
    RateLimitError,
    UnavailableError,
)
from connectors.network import is_open, no_answer
from connectors.retry import AGAIN, AgainError, Patience, Pause, put_off, retry_after

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

CONNECT_SECONDS, READ_SECONDS = 10, 60  # of silence; see connectors.deadline for the whole
MOST_HOPS = 5
_MOVED = frozenset((301, 302, 307, 308))
_SOME_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. ``headers`` have lower-case names; ``body`` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """What a server is asked. ``answers`` are statuses beside 2xx and 304 that the asker understands.

    ``is_known`` may say by an answer's headers that the rest is known: it is left unread, and the answer a 304.
    Only for what may be asked twice: a question to which no whole answer comes is repeated.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    answers: frozenset[int] = frozenset()
    is_known: Callable[[Mapping[str, str]], bool] | None = None


class Client:
    """Asks servers on behalf of one source. ``pause`` sleeps for some seconds; a test may count instead.

    With a ``login`` (name and password, or a token) every question carries it, and a server that sends us on to another
    is not followed there; nor is it with a body, which may hold a secret, too. Several clients of one source share a
    ``deadline``.
    """

    def __init__(
        self,
        source: str,
        pause: Pause | None = None,
        login: tuple[str, str] | str | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._source = source
        self._deadline = deadline or Deadline()
        self._patience = Patience(self._deadline, pause)
        self._session = _session(self._deadline)
        self._may_roam = login is None
        if login:
            self._session.auth = _signature(login)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer, 2xx or 304. Raises a :class:`~connectors.errors.ConnectorError` for everything else."""
        return self.ask(Question("GET", url, headers or {}))

    def ask(self, question: Question) -> Answer:
        """The answer, if it is one that was asked for.

        Raises a :class:`~connectors.errors.ConnectorError` for everything else.
        """
        self._deadline.renew()
        return self._patience.ask(lambda: self._answered(question))

    def _answered(self, question: Question) -> Answer:
        answer = self._settled(question)
        if _is_answer(question, answer.status):
            return answer
        problem = self._refusal(answer)
        if answer.status in AGAIN:
            raise AgainError(problem, retry_after(answer.headers))
        raise problem

    def _settled(self, question: Question) -> Answer:
        """The answer of the place to which the server sends us on, where it may."""
        for _ in range(MOST_HOPS):
            if is_open(question.url):
                found = "what is read there would travel in the open."
                raise UnavailableError(self._source, found, "Write an address that begins with https.")
            answer = self._exchanged(question)
            if answer.status not in _MOVED and not (answer.status == HTTPStatus.SEE_OTHER and question.method == "GET"):
                return answer
            target = joined(question.url, _location(answer.headers))
            self._refuse_to_follow(question, target)
            question = replace(question, url=target)
        raise UnavailableError(self._source, "the server sends us round in circles.", "Check the address.")

    def _refuse_to_follow(self, question: Question, target: str) -> None:
        here, there = server_of(question.url), server_of(target)
        if here == there:
            return
        if not self._may_roam or question.body is not None:
            raise UnavailableError(
                self._source,
                "the server sends us on to another, which is not told the password.",
                "If that is right, write the other one's address into the configuration.",
            )
        if is_open(target) or (here[0] == "https" and there[0] != "https"):
            raise UnavailableError(
                self._source,
                "the server sends us on to an address at which all would travel in the open.",
                "Ask whoever runs it for an address that begins with https.",
            )

    def _exchanged(self, question: Question) -> Answer:
        from requests import RequestException

        try:
            with self._session.request(
                question.method, question.url, data=question.body, headers=dict(question.headers), stream=True,
                timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
            ) as response:  # fmt: skip
                names = {name.lower(): value for name, value in response.headers.items()}
                if question.is_known and response.status_code == HTTPStatus.OK and question.is_known(names):
                    return Answer(HTTPStatus.NOT_MODIFIED, names, b"")
                # A buffer hands its bytes over as they are: pieces that are joined are there twice for a moment.
                buffer = BytesIO()
                buffer.writelines(self._chunks(response))
                body = buffer.getvalue()
        except (RequestException, ValueError, OSError) as error:
            # without its cause: requests repeats the address in its messages
            raise AgainError(no_answer(self._source, "the server", error)) from None
        return Answer(response.status_code, names, body)

    def _chunks(self, response: Response) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_content(_SOME_BYTES):
            size += len(chunk)
            if size > LARGEST:
                raise MalformedError(
                    self._source,
                    f"the server sends more than {LARGEST // 1024**2} MB.",
                    "Check that the address is the right one.",
                )
            yield chunk

    def _refusal(self, answer: Answer) -> ConnectorError:
        status = answer.status
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AuthorizationError(
                self._source,
                f"the server no longer lets us in (HTTP {status}).",
                "Make a new link or password there, store it where the configuration looks for it, then run: "
                f"evenhours ingest --source {self._source}",
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitError(
                self._source,
                "the server asks us to stop for now (HTTP 429).",
                "What was read is kept; the next run goes on from there.",
                put_off(retry_after(answer.headers)),
            )
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return UnavailableError(
                self._source,
                f"there is nothing at the address (HTTP {status}).",
                "Check it; a link that was reset has a new one.",
            )
        if status in {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}:
            return UnavailableError(
                self._source,
                f"the server at the address is not one for this (HTTP {status}).",
                "Check the address: whoever runs the server knows the right one.",
            )
        return UnavailableError(self._source, f"the server answered HTTP {status}.", "The next run tries again.")


def _is_answer(question: Question, status: int) -> bool:
    return status < HTTPStatus.MULTIPLE_CHOICES or status == HTTPStatus.NOT_MODIFIED or status in question.answers


def _session(deadline: Deadline) -> Session:
    from requests import Session

    from connectors.adapter import WatchedAdapter

    # it writes addresses, at DEBUG each that it asks for, at WARNING those whose answers have odd heads; a private link
    # is nothing but an address
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    session = Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, WatchedAdapter(deadline))
    session.headers["User-Agent"] = "evenhours"
    return session


def _signature(login: tuple[str, str] | str) -> Callable[[PreparedRequest], PreparedRequest]:
    """Signs questions with a token (RFC 6750), or a name and password (RFC 7617).

    requests itself would spell these in Latin-1.
    """
    words = f"Bearer {login}" if isinstance(login, str) else f"Basic {b64encode(':'.join(login).encode()).decode()}"

    def sign(request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = words
        return request

    return sign


def server_of(url: str) -> tuple[str, str]:
    """Scheme, host and port of an address as they are spelled; empty where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def joined(url: str, reference: str) -> str:
    """The address that a server means by ``reference``; empty where it makes no sense."""
    try:
        return urljoin(url, reference)
    except ValueError:
        return ""


def _location(headers: Mapping[str, str]) -> str:
    """Return the place to which a server sends us on; letters beyond ASCII come as if they were Latin-1."""
    return headers.get("location", "").encode("latin-1", "replace").decode("utf-8", "replace")
