"""Requests to Microsoft Graph for named fields, page by page, in one owner's name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from connectors.errors import AuthorizationError, MalformedError, UnavailableError
from connectors.http import HttpClient, HttpRequest
from connectors.microsoft.access import MicrosoftAccess

Item = Mapping[str, Any]
Query = Sequence[tuple[str, str]]
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _EXPIRED = 400, 403, 404, 410
_EXPIRED_CODES = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_MAX_PAGES = 10_000
# Times in UTC, and ids that stay the same when a message is moved to another folder.
_PREFER = 'outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize={size}'


class ExpiredLinkError(Exception):
    """The link has expired: everything has to be requested again."""


class ForbiddenError(AuthorizationError):
    """The permission does not include this."""


class GraphClient:
    """A client for one account. ``server_time`` is the server's clock at its last response."""

    def __init__(self, source: str, access: MicrosoftAccess, page_size: int) -> None:
        self._source = source
        self._access = access
        self._headers = {"Prefer": _PREFER.format(size=page_size), "Accept": "application/json"}
        self._token = ""
        self._client = HttpClient(source, deadline=access.deadline)
        self.server_time: datetime | None = None

    def items(self, path: str, query: Query, *, optional: bool = False) -> Iterator[Item]:
        """Yield every item of a collection; with ``optional`` none if it does not exist.

        Raises :class:`ForbiddenError` and other :class:`~connectors.errors.ConnectorError`.
        """
        with self._refuse_expiry():
            for page, _ in self.pages(path, urlencode(query, quote_via=quote), optional=optional):
                yield from page

    def pages(self, path: str, query: str, *, optional: bool = False) -> Iterator[tuple[list[Item], str]]:
        """Yield pages, each with the query of the next page, or on the last page of the next run's first.

        Of a link only the query is used; path and host stay our own, so the token is sent nowhere else. Raises
        :class:`ExpiredLinkError` for a query that the server no longer accepts.
        """
        for _ in range(_MAX_PAGES):
            response = self._get(f"{self._access.root}/{path}?{query}", optional=optional)
            items = response.get("value", [])
            if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
                raise self._malformed("sends a response that is not a list of items.")
            next_query = _query(response.get("@odata.nextLink"))
            yield items, next_query or _query(response.get("@odata.deltaLink"))
            if not next_query:
                return
            # A server that links a page to itself would go on for ever.
            if next_query == query:
                break
            query = next_query
        raise self._malformed("repeats the same page.")

    def item(self, path: str, query: Query) -> Item:
        """Return one item; an empty mapping if it does not exist."""
        with self._refuse_expiry():
            return self._get(f"{self._access.root}/{path}?{urlencode(query, quote_via=quote)}", optional=True)

    @contextmanager
    def _refuse_expiry(self) -> Iterator[None]:
        """Raise MalformedError where a request without an old link is said to have expired."""
        try:
            yield
        except ExpiredLinkError:
            raise self._malformed("says that a new request has expired.") from None

    def _get(self, url: str, *, optional: bool) -> Item:
        accepted = {_BAD_REQUEST, _EXPIRED, _FORBIDDEN, *({_NOT_FOUND} if optional else ())}
        # A first reading may take longer than one token is valid.
        token = self._access.token()
        if token != self._token:
            self._token, self._client = token, HttpClient(self._source, login=token, deadline=self._access.deadline)
        try:
            response = self._client.send(HttpRequest("GET", url, self._headers, accepted=frozenset(accepted)))
        except AuthorizationError as error:
            raise self._access.refused("Microsoft no longer accepts the sign-in.") from error
        if response.status == _FORBIDDEN:
            raise ForbiddenError(*self._access.refused("Microsoft does not, or no longer, allow us to read this.").args)
        # Graph reports an expired link with 410, or with 400 and one of these codes.
        if response.status == _EXPIRED or (
            response.status == _BAD_REQUEST and _code(response.body).lower() in _EXPIRED_CODES
        ):
            raise ExpiredLinkError
        if response.status == _BAD_REQUEST:
            remedy = "The next run tries again."
            raise UnavailableError(self._source, "the server does not accept the request (HTTP 400).", remedy)
        if response.status == _NOT_FOUND:
            return {}
        self.server_time = _date(response.headers.get("date", "")) or self.server_time
        try:
            item = json.loads(response.body)
        except (ValueError, RecursionError):
            raise self._malformed("sends a response that is not JSON.") from None
        if not isinstance(item, Mapping):
            raise self._malformed("sends a response that is not an item.")
        return item

    def _malformed(self, found: str) -> MalformedError:
        return MalformedError(self._source, f"the server {found}", "Nothing was changed. The next run tries again.")


def _code(body: bytes) -> str:
    """Return the error code in a response."""
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _query(link: object) -> str:
    try:
        return urlsplit(link).query if isinstance(link, str) else ""
    except ValueError:
        return ""


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return date if date.tzinfo else None
