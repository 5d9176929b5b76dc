"""Calendars on a server (CalDAV): the whole window once a week, and every night what has changed and come nearer.

::

    first time, settings changed, a week gone, state forgotten     every object → one snapshot of the window
    otherwise      objects that changed, and those with an occurrence in the days that the window reaches anew

A series does not change while the window moves over it, so the server is asked each night for what takes place in the
days that are new. The cursor knows the entries to which each object came: when one is gone or says less than it did,
they are gone, too. Where that is not enough (an entry lies in two objects, one could not be used before, much is gone
at once), everything is read again, and it is the store that decides what to believe.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connectors.base import Batch, Context, RejectedRecord, SourceKind
from connectors.caldav.cursor import CaldavCursor, Held
from connectors.caldav.multistatus import path_of
from connectors.caldav.server import Calendar, CalendarServer, Changes, ExpiredError, Object
from connectors.classify import ClassifiedEntry
from connectors.cursor import fingerprint
from connectors.errors import MalformedError, UnavailableError
from connectors.http import HttpClient
from connectors.ics.source import looked_at
from connectors.ics.text import CalendarText, EntryText, UnsoundError, calendars
from connectors.network import is_unencrypted
from connectors.records import CalendarEvent

_MARGIN = timedelta(days=1)  # whole days and floating times begin at another instant in another zone
_MUCH = 0.3  # of all entries

Place = tuple[str, str]
"""The keyed names of a calendar and of an object in it."""


@dataclass(frozen=True, slots=True)
class CaldavOptions:
    """Where the calendars are and who reads them. Of several owners each has some: ``{key}`` is the clinician's."""

    url: str = field(
        metadata={"help": "The server's address, or one calendar's own; {key} stands for each clinician's key."}
    )
    username: str = field(metadata={"help": "Who signs in; {key} as above."})
    password: str = field(metadata={"help": "Where the password is kept; {key} as above.", "secret": True})
    calendars: tuple[str, ...] = field(default=(), metadata={"help": "The names of those to read; by default all."})
    hosts: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Other servers that may be told the password, where calendars lie there; * is any word."},
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What some objects came to: their records and rejected ones, and what is remembered of each."""

    records: tuple[CalendarEvent, ...]
    rejected: tuple[RejectedRecord, ...]
    held: Mapping[Place, Held]


class _NotEnoughError(Exception):
    """What changed cannot be told apart from what did not."""


class Caldav:
    """Reads the calendars of one clinician; a run yields one snapshot, or one page of what changed."""

    def __init__(self, options: CaldavOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._wanted = looked_at(context)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """One batch: the window's snapshot, or what changed since."""
        known = CaldavCursor.parse(cursor, self._settings())
        server = self._server()
        found = self._calendars(server)
        if known.holds_for(self._context.window) and known.states.keys() == found.keys():
            with suppress(ExpiredError, _NotEnoughError):
                yield self._since(server, found, known)
                return
        yield self._whole(server, found, known.settings)

    def _server(self) -> CalendarServer:
        options, told, key = self._options, self._context, self._context.owners[0].key
        login = options.username.replace("{key}", key), told.read_secret(options.password.replace("{key}", key))
        return CalendarServer(told.source, HttpClient(told.source, login=login), options.hosts)

    def _settings(self) -> str:
        told = self._context
        decisive = (told.owners, told.classifier)
        return fingerprint(told.pseudonyms, self._options, decisive)

    def _calendars(self, server: CalendarServer) -> dict[str, Calendar]:
        """The calendars to read under their keyed names."""
        found = server.calendars(self._options.url.replace("{key}", self._context.owners[0].key))
        missing = set(self._options.calendars) - {calendar.name for calendar in found}
        if missing:
            raise UnavailableError(
                self._context.source,
                f'there is no calendar named "{min(missing)}".',
                "Correct its name under calendars, or leave that out to read all.",
            )
        wanted = [one for one in found if not self._options.calendars or one.name in self._options.calendars]
        return {self._name("calendar", calendar.path): calendar for calendar in wanted}

    # Everything

    def sightings(self) -> Iterator[ClassifiedEntry]:
        """Each instance near the window with its title and what the rules make of it."""
        from connectors.ics.records import look_at

        self._wanted = looked_at(self._context, titles=True)
        server, own = self._server(), self._context.owners[0].addresses
        objects: dict[Place, Object] = {}
        found = self._calendars(server)
        for name, calendar in found.items():
            hrefs = list(server.changes(calendar, "").etags)
            objects |= self._objects(name, server.objects(calendar, hrefs, self._wanted))
        for one in self._records(self._texts(objects, found, [])):
            if not isinstance(one, RejectedRecord):
                yield self._context.classifier.explain(look_at(one[0], own), one[1])

    def _whole(self, server: CalendarServer, found: Mapping[str, Calendar], settings: str) -> Batch:
        states: dict[str, str] = {}
        objects: dict[Place, Object] = {}
        for name, calendar in found.items():
            changes = server.changes(calendar, "")
            states[name] = self._state(calendar, changes.state)
            objects |= self._objects(name, server.objects(calendar, list(changes.etags), self._wanted))
        came = self._read(objects, found)
        start, end = self._context.window.epoch_seconds
        reached = CaldavCursor(settings, start, end, end, states, _by_calendar(came.held, found))
        window = self._context.window
        return Batch(reached.dump(), came.records, replaces=window, rejected=came.rejected, done=1, total=1)

    # What changed

    def _since(self, server: CalendarServer, found: Mapping[str, Calendar], known: CaldavCursor) -> Batch:
        objects: dict[Place, Object] = {}
        gone: set[Place] = set()
        states = dict(known.states)
        for name, calendar in found.items():
            changes = self._changes(server, calendar, states[name], known.objects[name])
            states[name] = self._state(calendar, changes.state)
            fresh = list(server.objects(calendar, list(changes.etags), self._wanted))
            gone |= {(name, self._name("object", path)) for path in self._vanished(changes, fresh)}
            objects |= self._objects(name, self._reached(server, calendar, known))
            objects |= self._objects(name, fresh)
        if not objects and not gone and states == known.states:
            return Batch(known.dump())
        came = self._read(objects, found)
        before = dict(known.held())
        removed = self._removed(before, came.held, gone | objects.keys())
        after = {place: held for place, held in {**before, **came.held}.items() if place not in gone}
        reached = replace(
            known, reached=self._context.window.epoch_seconds[1], states=states, objects=_by_calendar(after, found)
        )
        return Batch(reached.dump(), came.records, tuple(removed), rejected=came.rejected, done=1, total=1)

    def _changes(self, server: CalendarServer, calendar: Calendar, since: str, known: Mapping[str, Held]) -> Changes:
        """What has changed since a state, whether or not the server can compare it with another."""
        if since and since == self._state(calendar, calendar.state):
            return Changes({}, frozenset(), calendar.state)
        told = server.changes(calendar, since if calendar.tells_changes else "")
        names = {href: self._name("object", path_of(href)) for href in told.etags}
        fresh = {
            href: etag
            for href, etag in told.etags.items()
            if names[href] not in known or known[names[href]].etag != self._name("etag", etag)
        }
        if not calendar.tells_changes and known.keys() - names.values():
            raise _NotEnoughError
        return Changes(fresh, told.gone, told.state)

    def _state(self, calendar: Calendar, state: str) -> str:
        """Return a calendar's state as it is remembered: itself where the server is asked by it, else a keyed name."""
        return state if calendar.tells_changes or not state else self._name("state", state)

    def _vanished(self, changes: Changes, came: Iterable[Object]) -> set[str]:
        """The paths of what was deleted, also while we looked."""
        return set(changes.gone) | {path_of(href) for href in changes.etags} - {path_of(one.href) for one in came}

    def _reached(self, server: CalendarServer, calendar: Calendar, known: CaldavCursor) -> Iterator[Object]:
        """The objects with an occurrence in the days that the window has not reached before."""
        start, end = datetime.fromtimestamp(known.reached, UTC), self._context.window.end.astimezone(UTC)
        if start < end:
            yield from server.objects_between(calendar, start - _MARGIN, end + _MARGIN, self._wanted)

    def _removed(self, before: Mapping[Place, Held], came: Mapping[Place, Held], touched: set[Place]) -> list[str]:
        """The entries that were in the window and are not any more.

        Raises :class:`_NotEnoughError` where the objects looked at do not decide alone.
        """
        old = {name: end for place in touched & before.keys() for name, end in before[place].entries.items()}
        new = {name for held in came.values() for name in held.entries}
        others = {name for place in before.keys() - touched for name in before[place].entries}
        gone = [name for name, end in old.items() if name not in new and end > self._context.window.epoch_seconds[0]]
        mended = [
            place
            for place in touched & before.keys()
            if before[place].is_faulty and not (place in came and came[place].is_faulty)
        ]
        if mended or not others.isdisjoint(old.keys() | new):
            raise _NotEnoughError
        if len(gone) > _MUCH * (len(old) + len(others)):
            raise _NotEnoughError
        return gone

    # Objects become records

    def _objects(self, calendar: str, objects: Iterable[Object]) -> dict[Place, Object]:
        return {(calendar, self._name("object", path_of(one.href))): one for one in objects}

    def _read(self, objects: Mapping[Place, Object], found: Mapping[str, Calendar]) -> _Found:
        rejected: list[RejectedRecord] = []
        texts = list(self._texts(objects, found, rejected))
        came: list[tuple[EntryText, CalendarEvent]] = []
        for one in self._records(texts):
            if isinstance(one, RejectedRecord):
                rejected.append(one)
            else:
                came.append(one)
        entries = _entries(texts, came)
        faulty = {_object_at(record.where) for record in rejected}
        held = {
            (calendar, name): Held(self._name("etag", one.etag), entries[name], name in faulty)
            for (calendar, name), one in objects.items()
        }
        return _Found(tuple(record for _, record in came), tuple(rejected), held)

    def _records(self, texts: Iterable[CalendarText]) -> Iterator[tuple[EntryText, CalendarEvent] | RejectedRecord]:
        from connectors.ics.records import records
        from connectors.ics.series import TooLongError

        try:
            yield from records(texts, self._context)
        except TooLongError as error:
            raise MalformedError(
                self._context.source,
                "its repeating entries take too long to work out.",
                "Nothing was changed. Narrow the source's window, or read fewer calendars.",
            ) from error

    def _texts(
        self, objects: Mapping[Place, Object], found: Mapping[str, Calendar], rejected: list[RejectedRecord]
    ) -> Iterator[CalendarText]:
        for (calendar, name), one in sorted(objects.items()):
            try:
                yield from calendars(one.data, self._wanted, found[calendar].name, f"object {name}, ")
            except UnsoundError as error:
                rejected.append(RejectedRecord(f"object {name}", str(error)))

    def _name(self, what: str, text: str) -> str:
        return self._context.pseudonyms.entry(f"caldav {what}", text)


def _entries(
    texts: Iterable[CalendarText], came: Iterable[tuple[EntryText, CalendarEvent]]
) -> dict[str, dict[str, int]]:
    """What each object came to. An entry of which two objects tell is both's, whichever of them counted."""
    tellers: dict[str, set[str]] = defaultdict(set)
    for text in (entry for calendar in texts for entry in calendar.entries):
        tellers[text.uid].add(_object_at(text.place))
    entries: dict[str, dict[str, int]] = defaultdict(dict)
    for text, record in came:
        for name in tellers[text.uid]:
            entries[name][record.uid_key] = int(record.end.timestamp())
    return entries


def _object_at(place: str) -> str:
    """The object in "object NAME, event 1"; empty where the place is in none."""
    match = re.match(r"object (\w+)", place)
    return match[1] if match else ""


def _by_calendar(held: Mapping[Place, Held], found: Mapping[str, Calendar]) -> dict[str, dict[str, Held]]:
    objects: dict[str, dict[str, Held]] = {calendar: {} for calendar in found}
    for (calendar, name), one in held.items():
        objects[calendar][name] = one
    return objects


def _problems(options: CaldavOptions) -> list[str]:
    if is_unencrypted(options.url):
        return ["url: has to begin with https://, or the password would be sent in the open"]
    return []


def preview(options: CaldavOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """What the rules make of each instance in the window, for ``evenhours classify --try``; stores nothing."""
    return Caldav(options, context).sightings()


SOURCE_KIND = SourceKind(
    name="caldav",
    options=CaldavOptions,
    make=Caldav,
    title="Calendars on a server (CalDAV)",
    kept_fields=(
        "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
        "TRANSP", "LAST-MODIFIED", "VTIMEZONE", "ATTENDEE and ORGANIZER (address, PARTSTAT)",
        "SUMMARY, CATEGORIES, COLOR (where a rule looks at them)", "displayname of calendars (for rules)",
    ),
    other_fields="not asked for; left out while parsing where a server sends it all the same",
    check=_problems,
    per_owner=True,
    preview=preview,
)  # fmt: skip
