"""A clinician's Microsoft account: calendar, message times, Teams attendance.

::

    calendar   a snapshot of the window, of named fields alone
    meetings   from when to when one was there together with somebody, of those that ended since
    mail       what changed in each folder since the last run

The calendar has a delta query, too, but that cannot be asked for less than everything: subjects and texts would come.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from connectors.base import Batch, Context, RecordType, RejectedRecord, SourceKind
from connectors.cursor import fingerprint
from connectors.errors import UnusableError
from connectors.microsoft.access import MicrosoftAccess
from connectors.microsoft.cursor import MicrosoftCursor, graph_time, sortable_time
from connectors.microsoft.entries import MicrosoftRecordMaker
from connectors.microsoft.graph import GraphClient, Item
from connectors.microsoft.mail import MESSAGE, Mailbox
from connectors.microsoft.meetings import ATTENDANCE, TeamsMeetings
from connectors.microsoft.options import MicrosoftOptions, problems
from connectors.records import CalendarEvent

PAGE_SIZE = 500
_TIMES = ("id", "type", "start", "end", "isAllDay", "isCancelled", "showAs", "responseStatus", "lastModifiedDateTime")


class Microsoft:
    """Reads one clinician's account."""

    def __init__(self, options: MicrosoftOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._parts = set(options.read) & {"calendar"} if context.times_suffice else set(options.read)
        self._maker = MicrosoftRecordMaker(context, options.channel)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield what is new: the calendar as one snapshot, then attendance, then mail page by page.

        That attendance is refused is said at the end, when the rest has been read.
        """
        access = MicrosoftAccess(self._context, self._options)
        graph = GraphClient(self._context.source, access, PAGE_SIZE)
        known = MicrosoftCursor.parse(cursor, self._settings(access.account))
        start = sortable_time(self._context.window.start)
        restarts = known.is_new or start < known.start
        for batch in self._batches(graph, MicrosoftCursor(known.settings, start) if restarts else known):
            yield replace(batch, restarts=restarts)
            restarts = False

    def _batches(self, graph: GraphClient, cursor: MicrosoftCursor) -> Iterator[Batch]:
        entries = self._entries(graph) if {"calendar", "meetings"} & self._parts else []
        if "calendar" in self._parts and (content := self._content(entries)) != cursor.content:
            cursor = replace(cursor, content=content)
            yield self._snapshot(entries, cursor)
        meetings = TeamsMeetings(graph, self._maker, cursor)
        if "meetings" in self._parts:
            yield from meetings.batches(entries)
        mailbox = Mailbox(graph, self._maker, meetings.cursor)
        if "mail" in self._parts:
            yield from mailbox.batches()
        yield Batch(mailbox.cursor.dump())
        if meetings.refusal:
            raise meetings.refusal

    def _entries(self, graph: GraphClient) -> list[Item]:
        """What the calendar holds in the window; a day more is asked for, as all-day entries have local midnights.

        That day is left out again, so that a window which moved over something shows in the content's fingerprint.
        """
        window = self._context.window
        query = (
            ("startDateTime", graph_time(window.start - timedelta(days=1))),
            ("endDateTime", graph_time(window.end + timedelta(days=1))),
            ("$select", ",".join(self._fields())),
        )
        items = (item for item in graph.items("calendarView", query) if item.get("type") != "seriesMaster")
        return [item for item in items if self._maker.may_be_inside(item)]

    def _fields(self) -> Iterator[str]:
        """What is asked for of an entry: times, and what the practice's rules look at."""
        yield from _TIMES
        if self._context.times_suffice:
            return
        yield from ("attendees", "organizer")
        rules = self._context.classifier
        if rules.client_title or any(rule.title for rule in rules.rules):
            yield "subject"
        if any(rule.category for rule in rules.rules):
            yield "categories"
        if "meetings" in self._parts:
            yield "onlineMeeting"

    def _snapshot(self, entries: Iterable[Item], cursor: MicrosoftCursor) -> Batch:
        records: list[CalendarEvent] = []
        rejected: list[RejectedRecord] = []
        for number, item in enumerate(entries, 1):
            try:
                records.append(self._maker.event(item))
            except UnusableError as error:
                rejected.append(RejectedRecord(f"event {number}", str(error)))
        return Batch(
            cursor.dump(), tuple(records), replaces=self._context.window, rejected=tuple(rejected), done=1, total=1
        )

    def _settings(self, account: str) -> str:
        told = self._context
        decisive = (sorted(self._parts), self._options.channel, told.owners, told.classifier, account)
        return fingerprint(told.pseudonyms, *decisive)

    def _content(self, entries: list[Item]) -> str:
        return fingerprint(self._context.pseudonyms, json.dumps(entries, sort_keys=True))


_BRINGS = {"calendar": RecordType.CALENDAR, "mail": RecordType.MESSAGES, "meetings": RecordType.TIMES}

SOURCE_KIND = SourceKind(
    name="microsoft",
    options=MicrosoftOptions,
    make=Microsoft,
    title="Microsoft 365: calendar, message times, Teams attendance",
    kept_fields=(
        *_TIMES,
        "attendees and organizer (address), subject, categories (where a rule needs them)",
        "onlineMeeting.joinUrl (where attendance is read)",
        *MESSAGE,
        *ATTENDANCE,
    ),
    other_fields="never requested; names beside an address and telephone numbers of a meeting are dropped while "
    "parsing",
    check=problems,
    per_owner=True,
    record_types=lambda options: frozenset(_BRINGS[name] for name in options.read),
    sent_by_address=True,
)
