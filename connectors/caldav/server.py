"""A calendar server: from an address to the calendars of whoever signs in, and what is asked of each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from connectors.caldav import requests
from connectors.caldav.multistatus import (
    CALDAV,
    CALENDAR_SERVER,
    DAV,
    Multistatus,
    Told,
    UnsoundAnswerError,
    multistatus,
    parsed,
    path_of,
)
from connectors.errors import AuthorizationError, MalformedError, UnavailableError
from connectors.http import HttpClient, HttpRequest, origin_of, resolve_url

AT_ONCE = 100  # objects asked for in one question
_MOST_PAGES = 1_000
_EXPIRED = frozenset((403, 409, 410, 412))
_MISSING = frozenset((404, 405))
_CUT_SHORT = 507


class ExpiredError(Exception):
    """The server has forgotten the state of which we ask what changed since."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar. ``state`` names what it is like now, ``tells_changes`` whether the server can compare states."""

    url: str
    name: str
    state: str
    tells_changes: bool

    @property
    def path(self) -> str:
        """Its place on the server in one spelling."""
        return path_of(self.url)


@dataclass(frozen=True, slots=True)
class Changes:
    """The objects that are there or have changed, each with the name of its state, and the paths of those gone."""

    etags: Mapping[str, str]
    gone: frozenset[str]
    state: str


@dataclass(frozen=True, slots=True)
class Object:
    """One calendar object, which holds an entry with all its exceptions."""

    href: str
    etag: str
    data: bytes


class CalendarServer:
    """Asks one server as one person; ``hosts`` are others that may be told the password, as patterns."""

    def __init__(self, source: str, client: HttpClient, hosts: Sequence[str] = ()) -> None:
        self._source = source
        self._client = client
        self._hosts = hosts
        self._gives_whole_objects_only = False

    # From an address to calendars

    def calendars(self, url: str) -> list[Calendar]:
        """The calendar at the address, or all those of whoever signs in there."""
        here = self._first(url)
        if _is_calendar(here):
            return [_calendar(url, here)]
        homes = here.hrefs(f"{CALDAV}calendar-home-set")
        for principal in () if homes else here.hrefs(f"{DAV}current-user-principal"):
            url = self._place(url, principal)
            homes = self._first(url).hrefs(f"{CALDAV}calendar-home-set")
        found = {
            told.path: _calendar(self._place(home, told.href), told)
            for home in (self._place(url, home) for home in homes)
            for told in self._asked("PROPFIND", home, requests.properties(), depth="1").told
            if _is_calendar(told)
        }
        if not found:
            raise UnavailableError(
                self._source,
                "there is no calendar at the address for whoever signs in.",
                "Write the address that a calendar program is given, or a calendar's own.",
            )
        return [found[path] for path in sorted(found)]

    def _first(self, url: str) -> Told:
        """What the server says of an address, or of where it says that calendars are (RFC 6764)."""
        well_known = resolve_url(url, "/.well-known/caldav")
        for place in (url, well_known) if urlsplit(url).path in {"", "/"} else (url,):
            answer = self._asked("PROPFIND", place, requests.properties(), answers=_MISSING)
            if answer.told:
                return answer.told[0]
        raise UnavailableError(self._source, "there is no calendar server at the address.", "Check the address.")

    def _place(self, base: str, href: str) -> str:
        """The address that the server means, if it may be told the password."""
        url = resolve_url(base, href)
        scheme, host = origin_of(url)
        if (scheme, host) == origin_of(base):
            return url
        if scheme == "https" and any(fnmatchcase(host.lower(), pattern.lower()) for pattern in self._hosts):
            return url
        raise UnavailableError(
            self._source,
            "the server keeps its calendars on another, which is not told the password.",
            "If that is right, name the other one under hosts.",
        )

    # What is asked of a calendar

    def changes(self, calendar: Calendar, since: str) -> Changes:
        """What has changed since a state ("": everything there is). Raises :class:`ExpiredError`."""
        if not calendar.tells_changes:
            answer = self._asked("PROPFIND", calendar.url, requests.properties(["getetag", "resourcetype"]), depth="1")
            objects = (told for told in answer.told if told.path != calendar.path and told.text(f"{DAV}getetag"))
            return Changes({told.href: told.text(f"{DAV}getetag") for told in objects}, frozenset(), calendar.state)
        etags: dict[str, str] = {}
        gone: set[str] = set()
        for _ in range(_MOST_PAGES):
            answer = self._asked("REPORT", calendar.url, requests.changes(since), answers=_EXPIRED)
            for told in (told for told in answer.told if told.path != calendar.path):
                if told.status == 404:
                    gone.add(told.path)
                else:
                    etags[told.href] = told.text(f"{DAV}getetag")
            since = answer.token
            if not any(told.status == _CUT_SHORT for told in answer.told):
                return Changes(etags, frozenset(gone), since)
        raise MalformedError(self._source, "the server's list of changes has no end.", "The next run tries again.")

    def objects(self, calendar: Calendar, hrefs: Sequence[str], wanted: frozenset[str]) -> Iterator[Object]:
        """These objects, as far as they are still there."""
        for at in range(0, len(hrefs), AT_ONCE):
            asked = hrefs[at : at + AT_ONCE]
            answer = self._asked("REPORT", calendar.url, requests.entries(asked, self._lines(wanted)))
            if {path_of(href) for href in asked} - {told.path for told in answer.told}:
                raise self._malformed()
            yield from self._held(calendar, answer)

    def objects_between(
        self, calendar: Calendar, start: datetime, end: datetime, wanted: frozenset[str]
    ) -> Iterator[Object]:
        """The objects with an occurrence in a span of time."""
        asked = requests.between(start, end, self._lines(wanted))
        yield from self._held(calendar, self._asked("REPORT", calendar.url, asked, depth="1"))

    def _lines(self, wanted: frozenset[str]) -> frozenset[str] | None:
        return None if self._gives_whole_objects_only else wanted

    def _held(self, calendar: Calendar, answer: Multistatus) -> Iterator[Object]:
        without = []
        for told in answer.told:
            if data := told.text(f"{CALDAV}calendar-data"):
                yield Object(told.href, told.text(f"{DAV}getetag"), data.encode())
            elif told.status != 404:
                without.append(told.href)
        if without and self._gives_whole_objects_only:
            raise self._malformed()
        # some refuse to leave lines out that an entry does not have
        self._gives_whole_objects_only |= bool(without)
        yield from self.objects(calendar, without, frozenset())

    def _asked(
        self, method: str, url: str, body: bytes, depth: str = "0", answers: frozenset[int] = frozenset()
    ) -> Multistatus:
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        answer = self._client.send(HttpRequest(method, url, headers, body, answers))
        if answer.status in answers:
            self._refused(answer.status, answer.body)
            return Multistatus(())
        if answer.status != 207:
            raise self._malformed()
        try:
            return multistatus(answer.body)
        except UnsoundAnswerError as error:
            raise self._malformed() from error

    def _refused(self, status: int, body: bytes) -> None:
        """What a status means that is one of several answers: the state is forgotten, or we are not let in."""
        if status in _MISSING:
            return
        try:
            forgotten = next(parsed(body).iter(f"{DAV}valid-sync-token"), None) is not None
        except UnsoundAnswerError:
            forgotten = False
        if forgotten or status != 403:
            raise ExpiredError
        raise AuthorizationError(
            self._source,
            "the server does not let us read a calendar (HTTP 403).",
            "Give whoever signs in the right to read it, or make a new password there.",
        )

    def _malformed(self) -> MalformedError:
        return MalformedError(
            self._source,
            "the server's answer is not a calendar server's, perhaps a page that asks to sign in.",
            "Check the address; the next run tries again.",
        )


def _is_calendar(told: Told) -> bool:
    """Whether it is a calendar that may hold events."""
    components = told.properties.get(f"{CALDAV}supported-calendar-component-set")
    names = {part.get("name", "").upper() for part in components} if components is not None else set()
    return told.has(f"{DAV}resourcetype", f"{CALDAV}calendar") and (not names or "VEVENT" in names)


def _calendar(url: str, told: Told) -> Calendar:
    tells = told.has(f"{DAV}supported-report-set", f"{DAV}sync-collection") and bool(told.text(f"{DAV}sync-token"))
    state = told.text(f"{DAV}sync-token") if tells else told.text(f"{CALENDAR_SERVER}getctag")
    return Calendar(url, told.text(f"{DAV}displayname"), state, tells)
