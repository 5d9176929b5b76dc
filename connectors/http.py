"""One way to ask a web server: one session, one back-off policy, a limit on size and time.

A refused or failing server is asked again a few times, after what its Retry-After says or a doubling pause. An
address may be a secret in itself (a calendar's private link), so none is ever part of an error, and the library that
would log it is kept from doing so. A password goes to the server it was meant for and to no other, also where that
server sends us on.
"""

from __future__ import annotations

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from connectors.errors import AuthorizationError, ConnectorError, MalformedError, RateLimitError, UnavailableError
from connectors.network import failure

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

TRIES = 4
FIRST_PAUSE = 1.0  # seconds; doubles
LONGEST_PAUSE = 60.0  # seconds; a server that asks for more is left until the next run
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 10, 60, 300
LARGEST = 64 * 1024 * 1024  # bytes, unpacked
MOST_HOPS = 5
_AGAIN = frozenset((429, 500, 502, 503, 504))
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

    Only for what may be asked twice: a question to which no whole answer comes is repeated.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    answers: frozenset[int] = frozenset()


class _BrokenOffError(Exception):
    """No whole answer came; ``problem`` says so in our words."""

    def __init__(self, problem: UnavailableError) -> None:
        super().__init__()
        self.problem = problem


class Client:
    """Asks servers on behalf of one source. ``pause`` sleeps for some seconds; a test may count instead.

    With a ``login`` (name and password, or a token) every question carries it, and a server that sends us on to another
    is not followed there.
    """

    def __init__(
        self, source: str, pause: Callable[[float], None] | None = None, login: tuple[str, str] | str | None = None
    ) -> None:
        self._source = source
        self._pause = pause or time.sleep
        self._session = _session()
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
        problem: ConnectorError
        for attempt in range(TRIES):
            wait = FIRST_PAUSE * 2**attempt
            try:
                answer = self._settled(question)
            except _BrokenOffError as broken_off:
                problem = broken_off.problem
            else:
                if _is_answer(question, answer.status):
                    return answer
                problem = self._refusal(answer)
                if answer.status not in _AGAIN:
                    raise problem
                wait = _retry_after(answer.headers, wait)
            if attempt + 1 == TRIES or wait > LONGEST_PAUSE:
                break
            self._pause(wait)
        raise problem

    def _settled(self, question: Question) -> Answer:
        """The answer of the place to which the server sends us on, as long as it is the same server."""
        for _ in range(MOST_HOPS):
            answer = self._exchanged(question)
            if self._may_roam or answer.status not in _MOVED:
                return answer
            target = joined(question.url, answer.headers.get("location", ""))
            if server_of(target) != server_of(question.url):
                raise UnavailableError(
                    self._source,
                    "the server sends us on to another, which is not told the password.",
                    "If that is right, write the other one's address into the configuration.",
                )
            question = replace(question, url=target)
        raise UnavailableError(self._source, "the server sends us round in circles.", "Check the address.")

    def _exchanged(self, question: Question) -> Answer:
        from requests import RequestException

        try:
            with self._session.request(
                question.method, question.url, data=question.body, headers=dict(question.headers), stream=True,
                timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=self._may_roam,
            ) as response:  # fmt: skip
                # A buffer hands its bytes over as they are: pieces that are joined are there twice for a moment.
                buffer = BytesIO()
                buffer.writelines(self._chunks(response))
                body = buffer.getvalue()
        except (RequestException, ValueError, OSError) as error:
            # without its cause: requests repeats the address in its messages
            raise self._broken_off(error) from None
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, names, body)

    def _chunks(self, response: Response) -> Iterator[bytes]:
        ends_at, size = time.monotonic() + WHOLE_SECONDS, 0
        for chunk in response.iter_content(_SOME_BYTES):
            size += len(chunk)
            if size > LARGEST:
                raise MalformedError(
                    self._source,
                    f"the server sends more than {LARGEST // 1024**2} MB.",
                    "Check that the address is the right one.",
                )
            if time.monotonic() > ends_at:
                raise self._broken_off(TimeoutError())
            yield chunk

    def _broken_off(self, error: Exception) -> _BrokenOffError:
        found, check = failure("the server", error)
        return _BrokenOffError(UnavailableError(self._source, found, f"{check} The next run tries again."))

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
            asked = _retry_after(answer.headers, 0)
            return RateLimitError(
                self._source,
                "the server asks us to stop for now (HTTP 429).",
                "What was read is kept; the next run goes on from there.",
                timedelta(seconds=asked) if asked > LONGEST_PAUSE else None,
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


def _session() -> Session:
    from requests import Session

    # at DEBUG it writes every path it asks for, and a private link is nothing but a path
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    session = Session()
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


def _retry_after(headers: Mapping[str, str], otherwise: float) -> float:
    """Seconds to wait: the header's number, or its date counted from the server's own clock."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return otherwise
    return max(0.0, wait.total_seconds())
