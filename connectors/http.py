"""An HTTP client for all connectors: one session, one retry policy (connectors.retry), limits on size and time.

An address may be a secret in itself (a calendar's private link), so no error contains one, and the library that would
log it is kept from doing so. A password is sent to the server it was configured for and to no other, also after a
redirect. Nothing is sent unencrypted, except on this machine.
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

from connectors.deadline import MAX_RESPONSE_BYTES, Deadline
from connectors.errors import (
    AuthorizationError,
    ConnectorError,
    MalformedError,
    RateLimitError,
    UnavailableError,
)
from connectors.network import connection_error, is_unencrypted
from connectors.retry import RETRYABLE_STATUSES, Pause, Retrier, RetryableError, long_wait, retry_after

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

CONNECT_SECONDS, READ_SECONDS = 10, 60  # of silence; connectors.deadline limits the whole
MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 307, 308))
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A server's response. ``headers`` have lower-case names; ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that may be repeated. ``accepted`` are statuses, besides 2xx and 304, that the caller handles.

    If ``is_unchanged`` is true of a response's headers, the body is not read and the response becomes a 304. A request
    to which no complete response comes is sent again, so only use it for what may happen twice.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accepted: frozenset[int] = frozenset()
    is_unchanged: Callable[[Mapping[str, str]], bool] | None = None


class HttpClient:
    """A client that sends requests for one source. ``pause`` sleeps for some seconds; a test may count instead.

    With a ``login`` (name and password, or a token) every request carries it, and redirects to another server are
    refused; so are those of a request with a body, which may contain a secret too. Several clients of one source share
    a ``deadline``.
    """

    def __init__(
        self,
        source: str,
        pause: Pause | None = None,
        login: tuple[str, str] | str | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        from requests import Session

        from connectors.adapter import WatchedAdapter

        self._source = source
        self._deadline = deadline or Deadline()
        self._retrier = Retrier(self._deadline, pause)
        # urllib3 logs addresses: at DEBUG each that it requests, at WARNING those whose responses have malformed
        # headers. A private link is nothing but an address.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._session = Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, WatchedAdapter(self._deadline))
        self._session.headers["User-Agent"] = "evenhours"
        self._may_leave_server = login is None
        if login:
            self._session.auth = _authorizer(login)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Return the response, 2xx or 304. Raises a :class:`~connectors.errors.ConnectorError` for everything else."""
        return self.send(HttpRequest("GET", url, headers or {}))

    def send(self, request: HttpRequest) -> HttpResponse:
        """Return the response, 2xx, 304 or an accepted status.

        Raises a :class:`~connectors.errors.ConnectorError` for everything else.
        """
        self._deadline.renew()
        return self._retrier.run(lambda: self._attempt(request))

    def _attempt(self, request: HttpRequest) -> HttpResponse:
        """Return the first response that is no redirect, if its status is one that the caller handles."""
        for _ in range(MAX_REDIRECTS):
            if is_unencrypted(request.url):
                found = "the connection would not be encrypted."
                raise UnavailableError(self._source, found, "Use an address that begins with https.")
            response = self._exchange(request)
            # 303 asks for a GET in place of the request, so it is followed only if that was one.
            is_see_other = response.status == HTTPStatus.SEE_OTHER and request.method == "GET"
            if response.status not in _REDIRECTS and not is_see_other:
                break
            # The UTF-8 bytes of a header arrive decoded as Latin-1.
            location = response.headers.get("location", "").encode("latin-1", "replace").decode("utf-8", "replace")
            target = resolve_url(request.url, location)
            self._check_redirect(request, target)
            request = replace(request, url=target)
        else:
            raise UnavailableError(self._source, "the server redirects in a circle.", "Check the address.")
        is_success = response.status < HTTPStatus.MULTIPLE_CHOICES or response.status == HTTPStatus.NOT_MODIFIED
        if is_success or response.status in request.accepted:
            return response
        problem = self._status_error(response)
        if response.status in RETRYABLE_STATUSES:
            raise RetryableError(problem, retry_after(response.headers))
        raise problem

    def _check_redirect(self, request: HttpRequest, target: str) -> None:
        origin, target_origin = origin_of(request.url), origin_of(target)
        if origin == target_origin:
            return
        if not self._may_leave_server or request.body is not None:
            raise UnavailableError(
                self._source,
                "the server redirects to another server, to which the password is not sent.",
                "If that is right, put the other server's address into the configuration.",
            )
        if is_unencrypted(target) or (origin[0] == "https" and target_origin[0] != "https"):
            raise UnavailableError(
                self._source,
                "the server redirects to an address without encryption.",
                "Ask whoever runs it for an address that begins with https.",
            )

    def _exchange(self, request: HttpRequest) -> HttpResponse:
        from requests import RequestException

        try:
            with self._session.request(
                request.method, request.url, data=request.body, headers=dict(request.headers), stream=True,
                timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
            ) as response:  # fmt: skip
                headers = {name.lower(): value for name, value in response.headers.items()}
                if request.is_unchanged and response.status_code == HTTPStatus.OK and request.is_unchanged(headers):
                    return HttpResponse(HTTPStatus.NOT_MODIFIED, headers, b"")
                # A buffer returns its bytes without copying; joined chunks would need twice the memory for a moment.
                buffer = BytesIO()
                buffer.writelines(self._chunks(response))
                body = buffer.getvalue()
        except (RequestException, ValueError, OSError) as error:
            # Without its cause: requests repeats the address in its messages.
            raise RetryableError(connection_error(self._source, "the server", error)) from None
        return HttpResponse(response.status_code, headers, body)

    def _chunks(self, response: Response) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            # The deadline counts bytes as they travel; this counts them decompressed.
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise MalformedError(
                    self._source,
                    f"the server sends more than {MAX_RESPONSE_BYTES // 1024**2} MB.",
                    "Check that the address is the right one.",
                )
            yield chunk

    def _status_error(self, response: HttpResponse) -> ConnectorError:
        status = response.status
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AuthorizationError(
                self._source,
                f"the server no longer accepts the login (HTTP {status}).",
                "Make a new link or password there, store it where the configuration looks for it, then run: "
                f"evenhours ingest --source {self._source}",
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitError(
                self._source,
                "the server asks us to stop for now (HTTP 429).",
                "What was read is kept; the next run goes on from there.",
                long_wait(retry_after(response.headers)),
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
                f"the server at the address does not support this kind of source (HTTP {status}).",
                "Check the address: whoever runs the server knows the right one.",
            )
        return UnavailableError(self._source, f"the server answered HTTP {status}.", "The next run tries again.")


def _authorizer(login: tuple[str, str] | str) -> Callable[[PreparedRequest], PreparedRequest]:
    """Return a function that adds a token (RFC 6750), or a name and password (RFC 7617), to a request.

    The login is encoded in UTF-8; requests' own basic authentication would use Latin-1.
    """
    value = f"Bearer {login}" if isinstance(login, str) else f"Basic {b64encode(':'.join(login).encode()).decode()}"

    def authorize(request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = value
        return request

    return authorize


def origin_of(url: str) -> tuple[str, str]:
    """Return scheme and host with port as they are spelled; empty strings for an invalid address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def resolve_url(url: str, reference: str) -> str:
    """Return the absolute address of ``reference`` relative to ``url``; empty if it is invalid."""
    try:
        return urljoin(url, reference)
    except ValueError:
        return ""
