"""Asks Microsoft Graph for named fields, page by page, in one owner's name."""

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
_BAD, _FORBIDDEN, _NOT_THERE, _EXPIRED = 400, 403, 404, 410
_FORGOTTEN = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_MOST_PAGES = 10_000
_PREFER = 'outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize={size}'


class ExpiredLinkError(Exception):
    """The link is too old: everything has to be asked for again."""


class ForbiddenError(AuthorizationError):
    """Signed in as we are, this may not be read."""


class GraphClient:
    """One account. ``said_at`` is the server's own clock at its last answer."""

    def __init__(self, source: str, access: MicrosoftAccess, page_size: int) -> None:
        self._source = source
        self._access = access
        self._headers = {"Prefer": _PREFER.format(size=page_size), "Accept": "application/json"}
        self._token = ""
        self._client = HttpClient(source, deadline=access.deadline)
        self.server_time: datetime | None = None

    def items(self, path: str, query: Query, *, optional: bool = False) -> Iterator[Item]:
        """Every item of a collection. ``optional``: none where there is no such thing.

        Raises :class:`ForbiddenError` and other :class:`~connectors.errors.ConnectorError`.
        """
        with self._never_expired():
            for page, _ in self.pages(path, urlencode(query, quote_via=quote), optional=optional):
                yield from page

    def pages(self, path: str, query: str, *, optional: bool = False) -> Iterator[tuple[list[Item], str]]:
        """Pages, each with the query of what comes next: the next page, or the next round's first.

        A link's path and host are our own again, only its query is the server's: a token is sent nowhere else. Raises
        :class:`ExpiredLinkError` for a query that the server no longer understands.
        """
        for _ in range(_MOST_PAGES):
            answer = self._asked(f"{self._access.root}/{path}?{query}", optional=optional)
            items = answer.get("value", [])
            if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
                raise self._malformed("gives an answer that is no list of items.")
            following = _query(answer.get("@odata.nextLink"))
            yield items, following or _query(answer.get("@odata.deltaLink"))
            if not following:
                return
            if following == query:
                break
            query = following
        raise self._malformed("sends us round in circles.")

    def item(self, path: str, query: Query) -> Item:
        """One item; an empty one where there is none."""
        with self._never_expired():
            return self._asked(f"{self._access.root}/{path}?{urlencode(query, quote_via=quote)}", optional=True)

    @contextmanager
    def _never_expired(self) -> Iterator[None]:
        """Say so where a server takes a question of our own for a link of another day."""
        try:
            yield
        except ExpiredLinkError:
            raise self._malformed("says that a question is too old.") from None

    def _asked(self, url: str, *, optional: bool) -> Item:
        accepted = {_BAD, _EXPIRED, _FORBIDDEN, *({_NOT_THERE} if optional else ())}
        client = self._signed()
        try:
            answer = client.send(HttpRequest("GET", url, self._headers, accepted=frozenset(accepted)))
        except AuthorizationError as error:
            raise self._access.refused("Microsoft does not let us in any more.") from error
        if answer.status == _FORBIDDEN:
            raise ForbiddenError(*self._access.refused("Microsoft does not let us read this, or no longer.").args)
        if answer.status == _EXPIRED or (answer.status == _BAD and _code(answer.body).lower() in _FORGOTTEN):
            raise ExpiredLinkError
        if answer.status == _BAD:
            remedy = "The next run tries again."
            raise UnavailableError(self._source, "the server does not accept the request (HTTP 400).", remedy)
        if answer.status == _NOT_THERE:
            return {}
        self.server_time = _date(answer.headers.get("date", "")) or self.server_time
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._malformed("gives an answer that is no JSON.") from None
        if not isinstance(found, Mapping):
            raise self._malformed("gives an answer that is no item.")
        return found

    def _signed(self) -> HttpClient:
        """A client with a token that is valid now: a first reading may take longer than one lasts."""
        token = self._access.token()
        if token != self._token:
            self._token, self._client = token, HttpClient(self._source, login=token, deadline=self._access.deadline)
        return self._client

    def _malformed(self, found: str) -> MalformedError:
        return MalformedError(self._source, f"the server {found}", "Nothing was changed. The next run tries again.")


def _code(body: bytes) -> str:
    """By which word an answer says why it refuses."""
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
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else None
