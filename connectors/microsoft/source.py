"""The Microsoft connector: calendar, message times and Teams attendance of a clinician's account.

::

    calendar   a snapshot of the window, with the named fields only
    meetings   evidence from the meetings that have ended since the last run
    mail       the changes in each folder since the last run

The calendar has a delta query, too, but it cannot be limited to some fields: subjects and texts would be sent.
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
    """A reader of one clinician's account."""

    def __init__(self, options: MicrosoftOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._parts = set(options.read) & {"calendar"} if context.times_suffice else set(options.read)
        self._maker = MicrosoftRecordMaker(context, options.channel)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield what is new: the calendar as one snapshot, then attendance, then mail page by page.

        If attendance is refused, the error is raised at the end, when the rest has been read.
        """
        access = MicrosoftAccess(self._context, self._options)
        graph = GraphClient(self._context.source, access, PAGE_SIZE)
        context = self._context
        decisive = (sorted(self._parts), self._options.channel, context.owners, context.classifier, access.account)
        last = MicrosoftCursor.parse(cursor, fingerprint(context.pseudonyms, *decisive))
        start = sortable_time(context.window.start)
        restarts = last.is_new or start < last.start
        for batch in self._batches(graph, MicrosoftCursor(last.settings, start) if restarts else last):
            yield replace(batch, restarts=restarts)
            restarts = False

    def _batches(self, graph: GraphClient, cursor: MicrosoftCursor) -> Iterator[Batch]:
        entries = self._entries(graph) if {"calendar", "meetings"} & self._parts else []
        if "calendar" in self._parts:
            content = fingerprint(self._context.pseudonyms, json.dumps(entries, sort_keys=True))
            if content != cursor.content:
                cursor = replace(cursor, content=content)
                yield self._snapshot(entries, cursor)
        meetings = TeamsMeetings(graph, self._maker, cursor)
        if "meetings" in self._parts:
            yield from meetings.batches(entries)
        mailbox = Mailbox(graph, self._maker, meetings.cursor)
        if "mail" in self._parts:
            yield from mailbox.batches()
        # Stores the cursor also where nothing was new.
        yield Batch(mailbox.cursor.dump())
        if meetings.refusal:
            raise meetings.refusal

    def _entries(self, graph: GraphClient) -> list[Item]:
        """Return the calendar's items in the window, with their times and the fields that the practice's rules need.

        A day more is requested on both sides, as all-day entries begin at local midnight. Items outside the window are
        left out again, so that the content's fingerprint changes when the window comes to include one.
        """
        window, classifier, fields = self._context.window, self._context.classifier, [*_TIMES]
        if not self._context.times_suffice:
            fields += ["attendees", "organizer"]
            if classifier.client_title or any(rule.title for rule in classifier.rules):
                fields.append("subject")
            if any(rule.category for rule in classifier.rules):
                fields.append("categories")
            if "meetings" in self._parts:
                fields.append("onlineMeeting")
        query = (
            ("startDateTime", graph_time(window.start - timedelta(days=1))),
            ("endDateTime", graph_time(window.end + timedelta(days=1))),
            ("$select", ",".join(fields)),
        )
        items = (item for item in graph.items("calendarView", query) if item.get("type") != "seriesMaster")
        return [item for item in items if self._maker.may_be_inside(item)]

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


_RECORD_TYPES = {"calendar": RecordType.CALENDAR, "mail": RecordType.MESSAGES, "meetings": RecordType.TIMES}

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
    record_types=lambda options: frozenset(_RECORD_TYPES[name] for name in options.read),
    sent_by_address=True,
)
