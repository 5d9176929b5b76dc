"""Calendars on a server (CalDAV): the whole window once a week, otherwise each night what is new.

::

    first run, settings changed, a week over, sync token expired    every object → one snapshot of the window
    otherwise     the objects that changed, and those with an occurrence in the days that the window newly covers

A series does not change while the window moves over it, so each night the server is asked for the objects in the days
that are new. The cursor stores the entries of each object: if an object is deleted or has fewer entries than before,
the missing entries are removed. If that is not enough to decide (an entry is in two objects, one was rejected before,
or much disappears at once), everything is read again, and ingest's rules for a snapshot apply.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connectors.base import Batch, Context, RejectedRecord, SourceKind
from connectors.caldav.cursor import CaldavCursor, StoredObject
from connectors.caldav.server import (
    CaldavCalendar,
    CalendarChanges,
    CalendarObject,
    CalendarServer,
    SyncTokenExpiredError,
)
from connectors.caldav.webdav import path_of
from connectors.classify import ClassifiedEntry
from connectors.cursor import fingerprint
from connectors.errors import MalformedError, UnavailableError
from connectors.http import HttpClient
from connectors.ics.source import rule_properties
from connectors.ics.text import CalendarText, EventText, InvalidCalendarError, parse_calendars
from connectors.network import is_unencrypted
from connectors.records import CalendarEvent

_MARGIN = timedelta(days=1)  # all-day and floating events begin at another instant in another zone
_MOST_REMOVED = 0.3  # of all entries

ObjectKey = tuple[str, str]
"""The keyed names of a calendar and of an object in it."""


@dataclass(frozen=True, slots=True)
class CaldavOptions:
    """The address and the account. Each of several owners has an account: ``{key}`` stands for the clinician's key."""

    url: str = field(
        metadata={"help": "The address of the server or of one calendar; {key} is replaced by each clinician's key."}
    )
    username: str = field(metadata={"help": "The user name; {key} as above."})
    password: str = field(metadata={"help": "Where the password is stored; {key} as above.", "secret": True})
    calendars: tuple[str, ...] = field(
        default=(), metadata={"help": "The names of the calendars to read. Default: all."}
    )
    hosts: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Further servers that may receive the password, if calendars are there; * is any word."},
    )


@dataclass(frozen=True, slots=True)
class _ReadObjects:
    """The contents of some objects: their records, their rejected records, and each object as the cursor stores it."""

    records: tuple[CalendarEvent, ...]
    rejected: tuple[RejectedRecord, ...]
    stored: Mapping[ObjectKey, StoredObject]


class _FullReadNeededError(Exception):
    """The changes alone do not decide which entries were removed."""


class CaldavConnector:
    """Reads the calendars of one clinician; a run yields one snapshot, or one page of changes."""

    def __init__(self, options: CaldavOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._properties = rule_properties(context)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield one batch: the window's snapshot, or the changes since the last run."""
        context = self._context
        settings = fingerprint(context.pseudonyms, self._options, (context.owners, context.classifier))
        previous = CaldavCursor.parse(cursor, settings)
        server = self._server()
        calendars = self._calendars(server)
        # After a calendar was added or removed, only a snapshot shows which entries are missing.
        if previous.covers(context.window) and previous.states.keys() == calendars.keys():
            with suppress(SyncTokenExpiredError, _FullReadNeededError):
                yield self._changes_batch(server, calendars, previous)
                return
        yield self._snapshot(server, calendars, previous.settings)

    def _server(self) -> CalendarServer:
        options, context, key = self._options, self._context, self._context.owners[0].key
        login = options.username.replace("{key}", key), context.read_secret(options.password.replace("{key}", key))
        return CalendarServer(context.source, HttpClient(context.source, login=login), options.hosts)

    def _calendars(self, server: CalendarServer) -> dict[str, CaldavCalendar]:
        """Return the calendars to read by their keyed names."""
        calendars = server.calendars(self._options.url.replace("{key}", self._context.owners[0].key))
        missing = set(self._options.calendars) - {calendar.name for calendar in calendars}
        if missing:
            raise UnavailableError(
                self._context.source,
                f'there is no calendar named "{min(missing)}".',
                "Correct its name under calendars, or leave that out to read all.",
            )
        selected = self._options.calendars
        return {
            self._keyed_name("calendar", calendar.path): calendar
            for calendar in calendars
            if not selected or calendar.name in selected
        }

    # Everything

    def classified_entries(self) -> Iterator[ClassifiedEntry]:
        """Yield each instance near the window with its title and what the practice's rules make of it."""
        from connectors.ics.records import traits_of

        self._properties = rule_properties(self._context, titles=True)
        server, own_addresses = self._server(), self._context.owners[0].addresses
        objects: dict[ObjectKey, CalendarObject] = {}
        calendars = self._calendars(server)
        for name, calendar in calendars.items():
            hrefs = list(server.changes(calendar, "").etags)
            objects |= self._by_key(name, server.objects(calendar, hrefs, self._properties))
        for result in self._records(self._texts(objects, calendars, [])):
            if not isinstance(result, RejectedRecord):
                text, record = result
                yield self._context.classifier.explain(traits_of(text, own_addresses), record)

    def _snapshot(self, server: CalendarServer, calendars: Mapping[str, CaldavCalendar], settings: str) -> Batch:
        states: dict[str, str] = {}
        objects: dict[ObjectKey, CalendarObject] = {}
        for name, calendar in calendars.items():
            changes = server.changes(calendar, "")
            states[name] = self._state(calendar, changes.state)
            objects |= self._by_key(name, server.objects(calendar, list(changes.etags), self._properties))
        read = self._read(objects, calendars)
        window = self._context.window
        start, end = window.epoch_seconds
        current = CaldavCursor(settings, start, end, end, states, _by_calendar(read.stored, calendars))
        return Batch(current.dump(), read.records, replaces=window, rejected=read.rejected, done=1, total=1)

    # Changes

    def _changes_batch(
        self, server: CalendarServer, calendars: Mapping[str, CaldavCalendar], previous: CaldavCursor
    ) -> Batch:
        objects: dict[ObjectKey, CalendarObject] = {}
        deleted: set[ObjectKey] = set()
        states = dict(previous.states)
        start, end = datetime.fromtimestamp(previous.reached, UTC), self._context.window.end.astimezone(UTC)
        for name, calendar in calendars.items():
            changes = self._changes(server, calendar, states[name], previous.objects[name])
            states[name] = self._state(calendar, changes.state)
            changed = list(server.objects(calendar, list(changes.etags), self._properties))
            # Some were deleted only after the changes were requested.
            missing = {path_of(href) for href in changes.etags} - {path_of(object_.href) for object_ in changed}
            deleted |= {(name, self._keyed_name("object", path)) for path in changes.deleted | missing}
            # The objects with an occurrence in the days that the window has not covered before.
            if start < end:
                added = server.objects_between(calendar, start - _MARGIN, end + _MARGIN, self._properties)
                objects |= self._by_key(name, added)
            # Last, since an object that was changed while we read is newer here.
            objects |= self._by_key(name, changed)
        if not objects and not deleted and states == previous.states:
            return Batch(previous.dump())
        read = self._read(objects, calendars)
        before = dict(previous.stored_objects())
        removed = self._removed(before, read.stored, deleted | objects.keys())
        after = {key: stored for key, stored in {**before, **read.stored}.items() if key not in deleted}
        current = replace(
            previous,
            reached=self._context.window.epoch_seconds[1],
            states=states,
            objects=_by_calendar(after, calendars),
        )
        return Batch(current.dump(), read.records, tuple(removed), rejected=read.rejected, done=1, total=1)

    def _changes(
        self, server: CalendarServer, calendar: CaldavCalendar, since: str, stored: Mapping[str, StoredObject]
    ) -> CalendarChanges:
        """Return the changes since a state, also if the server has only the list of all objects."""
        if since and since == self._state(calendar, calendar.state):
            return CalendarChanges({}, frozenset(), calendar.state)
        changes = server.changes(calendar, since if calendar.has_sync else "")
        names = {href: self._keyed_name("object", path_of(href)) for href in changes.etags}
        changed = {
            href: etag
            for href, etag in changes.etags.items()
            if names[href] not in stored or stored[names[href]].etag != self._keyed_name("etag", etag)
        }
        if not calendar.has_sync and stored.keys() - names.values():
            raise _FullReadNeededError
        return CalendarChanges(changed, changes.deleted, changes.state)

    def _state(self, calendar: CaldavCalendar, state: str) -> str:
        """Return a state as the cursor stores it: unchanged if the server needs it back, else as a keyed name."""
        return state if calendar.has_sync or not state else self._keyed_name("state", state)

    def _removed(
        self,
        before: Mapping[ObjectKey, StoredObject],
        after: Mapping[ObjectKey, StoredObject],
        changed: set[ObjectKey],
    ) -> list[str]:
        """Return the uid_keys of entries in the window that are in none of the changed objects any more.

        Raises :class:`_FullReadNeededError` if the changed objects alone do not decide.
        """
        old = {uid_key: end for key in changed & before.keys() for uid_key, end in before[key].entries.items()}
        new = {uid_key for stored in after.values() for uid_key in stored.entries}
        unchanged = {uid_key for key in before.keys() - changed for uid_key in before[key].entries}
        window_start = self._context.window.epoch_seconds[0]
        removed = [uid_key for uid_key, end in old.items() if uid_key not in new and end > window_start]
        # Only a snapshot tells ingest that a rejected record is resolved.
        has_resolved = any(
            before[key].has_rejected and not (key in after and after[key].has_rejected)
            for key in changed & before.keys()
        )
        if has_resolved or not unchanged.isdisjoint(old.keys() | new):
            raise _FullReadNeededError
        if len(removed) > _MOST_REMOVED * (len(old) + len(unchanged)):
            raise _FullReadNeededError
        return removed

    # Objects become records

    def _by_key(self, calendar: str, objects: Iterable[CalendarObject]) -> dict[ObjectKey, CalendarObject]:
        return {(calendar, self._keyed_name("object", path_of(object_.href))): object_ for object_ in objects}

    def _read(
        self, objects: Mapping[ObjectKey, CalendarObject], calendars: Mapping[str, CaldavCalendar]
    ) -> _ReadObjects:
        rejected: list[RejectedRecord] = []
        texts = list(self._texts(objects, calendars, rejected))
        records: list[tuple[EventText, CalendarEvent]] = []
        for result in self._records(texts):
            if isinstance(result, RejectedRecord):
                rejected.append(result)
            else:
                records.append(result)
        entries = _entries_by_object(texts, records)
        with_rejected = {_object_in(record.where) for record in rejected}
        stored = {
            (calendar, name): StoredObject(self._keyed_name("etag", object_.etag), entries[name], name in with_rejected)
            for (calendar, name), object_ in objects.items()
        }
        return _ReadObjects(tuple(record for _, record in records), tuple(rejected), stored)

    def _records(self, texts: Iterable[CalendarText]) -> Iterator[tuple[EventText, CalendarEvent] | RejectedRecord]:
        from connectors.ics.records import records
        from connectors.ics.series import ExpansionTimeoutError

        try:
            yield from records(texts, self._context)
        except ExpansionTimeoutError as error:
            raise MalformedError(
                self._context.source,
                "expanding its recurring events takes too long.",
                "Nothing was changed. Narrow the source's window, or read fewer calendars.",
            ) from error

    def _texts(
        self,
        objects: Mapping[ObjectKey, CalendarObject],
        calendars: Mapping[str, CaldavCalendar],
        rejected: list[RejectedRecord],
    ) -> Iterator[CalendarText]:
        for (calendar, name), object_ in sorted(objects.items()):
            try:
                yield from parse_calendars(object_.data, self._properties, calendars[calendar].name, f"object {name}, ")
            except InvalidCalendarError as error:
                rejected.append(RejectedRecord(f"object {name}", str(error)))

    def _keyed_name(self, what: str, text: str) -> str:
        return self._context.pseudonyms.entry(f"caldav {what}", text)


def _entries_by_object(
    texts: Iterable[CalendarText], records: Iterable[tuple[EventText, CalendarEvent]]
) -> dict[str, dict[str, int]]:
    """Return the entries of each object, as uid_keys with ends in epoch seconds.

    An event that is in two objects is counted for both, whichever of the two was used.
    """
    objects_by_uid: dict[str, set[str]] = defaultdict(set)
    for text in (event for calendar in texts for event in calendar.events):
        objects_by_uid[text.uid].add(_object_in(text.place))
    entries: dict[str, dict[str, int]] = defaultdict(dict)
    for text, record in records:
        for name in objects_by_uid[text.uid]:
            entries[name][record.uid_key] = int(record.end.timestamp())
    return entries


def _object_in(place: str) -> str:
    """Return NAME of the place "object NAME, event 1"; empty if the place is in no object."""
    match = re.match(r"object (\w+)", place)
    return match[1] if match else ""


def _by_calendar(
    stored: Mapping[ObjectKey, StoredObject], calendars: Mapping[str, CaldavCalendar]
) -> dict[str, dict[str, StoredObject]]:
    objects: dict[str, dict[str, StoredObject]] = {calendar: {} for calendar in calendars}
    for (calendar, name), object_ in stored.items():
        objects[calendar][name] = object_
    return objects


def _problems(options: CaldavOptions) -> list[str]:
    if is_unencrypted(options.url):
        return ["url: has to begin with https://, or the password would be sent unencrypted"]
    return []


def preview(options: CaldavOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """Yield what the rules make of each instance in the window, for ``evenhours classify --try``; store nothing."""
    return CaldavConnector(options, context).classified_entries()


SOURCE_KIND = SourceKind(
    name="caldav",
    options=CaldavOptions,
    make=CaldavConnector,
    title="Calendars on a server (CalDAV)",
    kept_fields=(
        "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
        "TRANSP", "LAST-MODIFIED", "VTIMEZONE", "ATTENDEE and ORGANIZER (address, PARTSTAT)",
        "SUMMARY, CATEGORIES, COLOR (where a rule needs them)", "displayname of calendars (for rules)",
    ),
    other_fields="not requested; dropped while parsing if a server sends it anyway",
    check=_problems,
    per_owner=True,
    preview=preview,
)  # fmt: skip
