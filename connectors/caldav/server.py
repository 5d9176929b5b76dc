"""A calendar server: discovery of an account's calendars, and the requests to each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from connectors.caldav import webdav
from connectors.caldav.webdav import (
    CALDAV,
    CALENDAR_SERVER,
    DAV,
    InvalidAnswerError,
    Multistatus,
    ResourceResponse,
    parse_multistatus,
    parse_xml,
    path_of,
)
from connectors.errors import AuthorizationError, MalformedError, UnavailableError
from connectors.http import HttpClient, HttpRequest, origin_of, resolve_url

OBJECTS_PER_REQUEST = 100
# A server that repeats its last page would never come to an end.
_MOST_PAGES = 1_000
_EXPIRED = frozenset((403, 409, 410, 412))  # servers disagree about the status of an invalid sync token
_MISSING = frozenset((404, 405))
_TRUNCATED = 507


class SyncTokenExpiredError(Exception):
    """The server no longer knows the state since which the changes were requested."""


@dataclass(frozen=True, slots=True)
class CaldavCalendar:
    """A calendar. ``state`` names its present state; ``has_sync`` means that the server can list changes since one."""

    url: str
    name: str
    state: str
    has_sync: bool

    @property
    def path(self) -> str:
        """The path on the server, in one spelling."""
        return path_of(self.url)


@dataclass(frozen=True, slots=True)
class CalendarChanges:
    """The objects that exist or have changed, with their ETags by address, and the paths of those deleted."""

    etags: Mapping[str, str]
    deleted: frozenset[str]
    state: str


@dataclass(frozen=True, slots=True)
class CalendarObject:
    """One calendar object: an event with all changes to single occurrences."""

    href: str
    etag: str
    data: bytes


class CalendarServer:
    """Sends one account's requests; ``hosts`` are patterns of other servers that may be given the password."""

    def __init__(self, source: str, client: HttpClient, hosts: Sequence[str] = ()) -> None:
        self._source = source
        self._client = client
        self._hosts = hosts
        self._requests_all_lines = False

    # From an address to calendars

    def calendars(self, url: str) -> list[CaldavCalendar]:
        """Return the calendar at the address, or all calendars of the account that signs in there."""
        response = self._discover(url)
        if _is_calendar(response):
            return [_calendar(url, response)]
        # Most servers name the home set of calendars at once, others only at the account's principal.
        homes = response.hrefs(f"{CALDAV}calendar-home-set")
        for principal in () if homes else response.hrefs(f"{DAV}current-user-principal"):
            url = self._resolve(url, principal)
            homes = self._discover(url).hrefs(f"{CALDAV}calendar-home-set")
        calendars = {
            response.path: _calendar(self._resolve(home, response.href), response)
            for home in (self._resolve(url, home) for home in homes)
            for response in self._request("PROPFIND", home, webdav.propfind(), depth="1").responses
            if _is_calendar(response)
        }
        if not calendars:
            raise UnavailableError(
                self._source,
                "there is no calendar at the address for this account.",
                "Write the address that a calendar program is given, or a calendar's own.",
            )
        return [calendars[path] for path in sorted(calendars)]

    def _discover(self, url: str) -> ResourceResponse:
        """Return the properties of the address, or of the well-known place of calendars on that server (RFC 6764)."""
        well_known = resolve_url(url, "/.well-known/caldav")
        for address in (url, well_known) if urlsplit(url).path in {"", "/"} else (url,):
            answer = self._request("PROPFIND", address, webdav.propfind(), accepted=_MISSING)
            if answer.responses:
                return answer.responses[0]
        raise UnavailableError(self._source, "there is no calendar server at the address.", "Check the address.")

    def _resolve(self, base: str, href: str) -> str:
        """Return the absolute address of ``href``. Raises UnavailableError if it may not be given the password."""
        url = resolve_url(base, href)
        scheme, host = origin_of(url)
        if (scheme, host) == origin_of(base):
            return url
        if scheme == "https" and any(fnmatchcase(host.lower(), pattern.lower()) for pattern in self._hosts):
            return url
        raise UnavailableError(
            self._source,
            "the server keeps its calendars on another server, which is not given the password.",
            "If that is right, name the other one under hosts.",
        )

    # Requests to a calendar

    def changes(self, calendar: CaldavCalendar, since: str) -> CalendarChanges:
        """Return the changes since a state; every object for "". Raises :class:`SyncTokenExpiredError`."""
        if not calendar.has_sync:
            body = webdav.propfind(["getetag", "resourcetype"])
            answer = self._request("PROPFIND", calendar.url, body, depth="1")
            etags = {
                response.href: response.text(f"{DAV}getetag")
                for response in answer.responses
                if response.path != calendar.path and response.text(f"{DAV}getetag")
            }
            return CalendarChanges(etags, frozenset(), calendar.state)
        etags = {}
        deleted: set[str] = set()
        for _ in range(_MOST_PAGES):
            answer = self._request("REPORT", calendar.url, webdav.sync_collection(since), accepted=_EXPIRED)
            for response in answer.responses:
                # Some servers list the calendar itself among its objects.
                if response.path == calendar.path:
                    continue
                if response.status == 404:
                    deleted.add(response.path)
                else:
                    etags[response.href] = response.text(f"{DAV}getetag")
            since = answer.token
            if not any(response.status == _TRUNCATED for response in answer.responses):
                return CalendarChanges(etags, frozenset(deleted), since)
        raise MalformedError(self._source, "the server's list of changes has no end.", "The next run tries again.")

    def objects(
        self, calendar: CaldavCalendar, hrefs: Sequence[str], rule_properties: frozenset[str]
    ) -> Iterator[CalendarObject]:
        """Yield these objects, as far as they still exist."""
        for start in range(0, len(hrefs), OBJECTS_PER_REQUEST):
            requested = hrefs[start : start + OBJECTS_PER_REQUEST]
            body = webdav.multiget(requested, self._requested_lines(rule_properties))
            answer = self._request("REPORT", calendar.url, body)
            # RFC 4791 requires a response for each address; a missing one would be taken for a deleted object.
            if {path_of(href) for href in requested} - {response.path for response in answer.responses}:
                raise self._malformed()
            yield from self._objects_in(calendar, answer)

    def objects_between(
        self, calendar: CaldavCalendar, start: datetime, end: datetime, rule_properties: frozenset[str]
    ) -> Iterator[CalendarObject]:
        """Yield the objects with an occurrence between two UTC instants."""
        body = webdav.calendar_query(start, end, self._requested_lines(rule_properties))
        yield from self._objects_in(calendar, self._request("REPORT", calendar.url, body, depth="1"))

    def _requested_lines(self, rule_properties: frozenset[str]) -> frozenset[str] | None:
        return None if self._requests_all_lines else rule_properties

    def _objects_in(self, calendar: CaldavCalendar, answer: Multistatus) -> Iterator[CalendarObject]:
        without_data = []
        for response in answer.responses:
            if data := response.text(f"{CALDAV}calendar-data"):
                yield CalendarObject(response.href, response.text(f"{DAV}getetag"), data.encode())
            elif response.status != 404:
                without_data.append(response.href)
        if without_data and self._requests_all_lines:
            raise self._malformed()
        # Some servers fail to select lines if an object lacks one of them, so its whole text is requested instead.
        self._requests_all_lines |= bool(without_data)
        yield from self.objects(calendar, without_data, frozenset())

    def _request(
        self, method: str, url: str, body: bytes, depth: str = "0", accepted: frozenset[int] = frozenset()
    ) -> Multistatus:
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        response = self._client.send(HttpRequest(method, url, headers, body, accepted))
        if response.status not in accepted:
            if response.status != 207:
                raise self._malformed()
            try:
                return parse_multistatus(response.body)
            except InvalidAnswerError as error:
                raise self._malformed() from error
        if response.status in _MISSING:
            return Multistatus(())
        try:
            has_expired = next(parse_xml(response.body).iter(f"{DAV}valid-sync-token"), None) is not None
        except InvalidAnswerError:
            has_expired = False
        # 403 means an expired sync token only if the body says so.
        if has_expired or response.status != 403:
            raise SyncTokenExpiredError
        raise AuthorizationError(
            self._source,
            "the server does not let us read a calendar (HTTP 403).",
            "Give the account the right to read it, or make a new password there.",
        )

    def _malformed(self) -> MalformedError:
        return MalformedError(
            self._source,
            "the server's answer is not a calendar server's, perhaps a page that asks to sign in.",
            "Check the address; the next run tries again.",
        )


def _is_calendar(response: ResourceResponse) -> bool:
    """Return ``True`` for a calendar that may contain events."""
    components = response.properties.get(f"{CALDAV}supported-calendar-component-set")
    names = {part.get("name", "").upper() for part in components} if components is not None else set()
    return response.has(f"{DAV}resourcetype", f"{CALDAV}calendar") and (not names or "VEVENT" in names)


def _calendar(url: str, response: ResourceResponse) -> CaldavCalendar:
    token = response.text(f"{DAV}sync-token")
    has_sync = response.has(f"{DAV}supported-report-set", f"{DAV}sync-collection") and bool(token)
    state = token if has_sync else response.text(f"{CALENDAR_SERVER}getctag")
    return CaldavCalendar(url, response.text(f"{DAV}displayname"), state, has_sync)
