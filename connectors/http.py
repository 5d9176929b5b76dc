"""One way to ask a web server: one session, one back-off policy, a limit on size and time.

A refused or failing server is asked again a few times, after what its Retry-After says or a doubling pause. An
address may be a secret in itself (a calendar's private link), so none is ever part of an error, and the library that
would log it is kept from doing so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from connectors.errors import AuthorizationError, ConnectorError, MalformedError, RateLimitError, UnavailableError

if TYPE_CHECKING:
    from requests import Response, Session

TRIES = 4
FIRST_PAUSE = 1.0  # seconds; doubles
LONGEST_PAUSE = 60.0  # seconds; a server that asks for more is left until the next run
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 10, 60, 300
LARGEST = 64 * 1024 * 1024  # bytes, unpacked
_AGAIN = frozenset((429, 500, 502, 503, 504))
_SOME_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. ``headers`` have lower-case names; ``body`` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _BrokenOffError(Exception):
    """No whole answer came."""


class Client:
    """Asks servers on behalf of one source. ``pause`` sleeps for some seconds; a test may count instead."""

    def __init__(self, source: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._source = source
        self._pause = pause
        self._session = _session()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer, 2xx or 304. Raises a :class:`~connectors.errors.ConnectorError` for everything else."""
        problem: ConnectorError = self._unreachable()
        for attempt in range(TRIES):
            wait = FIRST_PAUSE * 2**attempt
            try:
                answer = self._ask(url, headers or {})
            except _BrokenOffError:
                problem = self._unreachable()
            else:
                if answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status == HTTPStatus.NOT_MODIFIED:
                    return answer
                problem = self._refusal(answer.status)
                if answer.status not in _AGAIN:
                    raise problem
                wait = _retry_after(answer.headers, wait)
            if attempt + 1 == TRIES or wait > LONGEST_PAUSE:
                break
            self._pause(wait)
        raise problem

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        from requests import RequestException

        try:
            with self._session.get(
                url, headers=dict(headers), stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
            ) as response:
                body = b"".join(self._chunks(response))
        except (RequestException, ValueError, OSError):
            # without its cause: requests repeats the address in its messages
            raise _BrokenOffError from None
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
                raise _BrokenOffError
            yield chunk

    def _unreachable(self) -> UnavailableError:
        return UnavailableError(
            self._source,
            "the server gave no whole answer.",
            "Check the address and the network; the next run tries again.",
        )

    def _refusal(self, status: int) -> ConnectorError:
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AuthorizationError(
                self._source,
                f"the server no longer lets us in (HTTP {status}).",
                "Make a new link or password there and store it where the configuration looks for it.",
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitError(
                self._source, "the server asks us to stop for now (HTTP 429).", "The next run tries again."
            )
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return UnavailableError(
                self._source,
                f"there is nothing at the address (HTTP {status}).",
                "Check it; a link that was reset has a new one.",
            )
        return UnavailableError(self._source, f"the server answered HTTP {status}.", "The next run tries again.")


def _session() -> Session:
    from requests import Session

    # at DEBUG it writes every path it asks for, and a private link is nothing but a path
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    session = Session()
    session.headers["User-Agent"] = "evenhours"
    return session


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
