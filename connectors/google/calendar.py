"""A Google calendar: the whole window once a week, and every night the changes since.

::

    first run, changed settings or permission, after a week, expired token (410)    events of the window → one snapshot
    otherwise                                                                       changes since the token → one page

A sync token is valid for the window with which it was created, and that does not move; so the whole window is read
again once it is a week old. Of a deleted entry Google returns only the id. It is stored as removed, not as cancelled,
because Google does not say whether a client cancelled or somebody tidied up. Our own history of an entry survives both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Batch, Context, RejectedRecord, SourceKind, Window
from connectors.classify import ClassifiedEntry
from connectors.cursor import Cursor, fingerprint
from connectors.errors import MalformedError, UnusableError
from connectors.google.access import SCOPES, GoogleOptions, problems
from connectors.google.entries import EntryFields, entry_name, event_from, is_gone, traits_of
from connectors.google.service import GoneError, GoogleClient, RefusedError
from connectors.records import CalendarEvent
from connectors.retry import Pause

PAGE = 2500  # the API's maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOptions(GoogleOptions):
    """The options of a Google calendar."""

    calendar_id: str = field(
        default="primary", metadata={"help": "The id of the calendar. Default: the account's main calendar."}
    )
    calendar: str = field(default="", metadata={"help": "The calendar's name in rules. Default: its id."})
    attendees: bool = field(
        default=True,
        metadata={"help": "Request the attendees. If false, only rules and titles identify a session."},
    )


@dataclass(frozen=True, slots=True)
class GoogleCalendarCursor(Cursor):
    """The sync token, with the window (epoch seconds) for which it is valid."""

    token: str = ""
    start: int = 0
    end: int = 0

    def holds_for(self, window: Window) -> bool:
        """Return ``True`` if the changes suffice: there is a token, and its window is less than a week old."""
        return bool(self.token) and window.is_close_after(self.start, self.end)


class GoogleCalendar:
    """A reader of one calendar of one account."""

    def __init__(self, options: CalendarOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause
        self._name = options.calendar or options.calendar_id
        self._fields = EntryFields.for_rules(context, attendees=options.attendees)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield one batch: a snapshot of the window, or the changes since the cursor's token."""
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            context = self._context
            of_context = (context.owners, context.classifier, google.permission)
            of_request = (self._fields.mask(), self._parameters(), self._options)
            last = GoogleCalendarCursor.parse(cursor, fingerprint(context.pseudonyms, of_request, of_context))
            if last.holds_for(context.window):
                # If the token is no longer valid, the window is read again.
                with suppress(GoneError, RefusedError):
                    yield self._changes(google, last)
                    return
            yield self._snapshot(google, last)

    def classified_entries(self) -> Iterator[ClassifiedEntry]:
        """Yield each entry of the window with its title and its kind by the rules."""
        if not self._context.times_suffice:
            self._fields = replace(self._fields, titles=True)
        owner = self._context.owners[0]
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            for items, _ in self._pages(google, self._bounds()):
                for item, (record, _) in zip(items, self._read(items), strict=True):
                    if isinstance(record, CalendarEvent):
                        yield self._context.classifier.explain(traits_of(item, owner, self._name), record)

    def _bounds(self) -> dict[str, str]:
        window = self._context.window
        return {"timeMin": _rfc3339(window.start), "timeMax": _rfc3339(window.end)}

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters that must be the same in every request of one sync."""
        parameters = {"calendarId": self._options.calendar_id, "singleEvents": True, "maxResults": PAGE}
        # With maxAttendees Google returns only the owner's own response, which is all that a status needs.
        return parameters if self._fields.attendees else parameters | {"maxAttendees": 1}

    def _snapshot(self, google: GoogleClient, last: GoogleCalendarCursor) -> Batch:
        window = self._context.window
        records: dict[str, CalendarEvent] = {}
        rejected: list[RejectedRecord] = []
        token = ""
        for items, page_token in self._pages(google, self._bounds()):
            token = page_token
            for record, name in self._read(items):
                if isinstance(record, RejectedRecord):
                    rejected.append(record)
                elif record is not None:
                    # An entry that changes between two pages is returned twice; the later one counts.
                    records[name] = record
        cursor, events = GoogleCalendarCursor(last.settings, token, *window.epoch_seconds), tuple(records.values())
        return Batch(cursor.dump(), events, replaces=window, rejected=tuple(rejected), done=1, total=1)

    def _changes(self, google: GoogleClient, last: GoogleCalendarCursor) -> Batch:
        """Return all changes in one batch, so that ingest can see whether a large part was removed."""
        token = last.token
        changes: dict[str, CalendarEvent | RejectedRecord | None] = {}
        for items, page_token in self._pages(google, {"syncToken": last.token}):
            token = page_token or token
            changes |= {name: record for record, name in self._read(items)}
        events = {name: record for name, record in changes.items() if isinstance(record, CalendarEvent)}
        rejected = tuple(record for record in changes.values() if isinstance(record, RejectedRecord))
        return Batch(
            replace(last, token=token).dump(),
            tuple(events.values()),
            removed=tuple(name for name in changes if name and name not in events),
            rejected=rejected,
            resolved=tuple(_place(name) for name, record in changes.items() if not isinstance(record, RejectedRecord)),
        )

    def _pages(self, google: GoogleClient, bounds: Mapping[str, str]) -> Iterator[tuple[list[Any], str]]:
        """Yield each page's entries with the sync token, which only the last page has."""
        events, page = google.api("calendar", "v3").events(), None
        while True:
            query = self._parameters() | dict(bounds) | ({"pageToken": page} if page else {})
            response = google.execute(events.list(**query, fields=self._fields.mask()))
            items, token = response.get("items", []), response.get("nextSyncToken", "")
            next_page = response.get("nextPageToken")
            if not isinstance(items, list) or not isinstance(token, str) or (next_page and next_page == page):
                found = "Google's list of entries cannot be read."
                raise MalformedError(self._context.source, found, "The next run tries again.")
            yield items, token
            if not next_page:
                return
            page = next_page

    def _read(self, items: list[Any]) -> Iterator[tuple[CalendarEvent | RejectedRecord | None, str]]:
        """Yield each entry as an event, a rejected record, or ``None`` if it is gone, with its pseudonym."""
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("id"), str):
                yield RejectedRecord("an entry", "it is not an entry"), ""
                continue
            name = entry_name(self._context.pseudonyms, item["id"])
            try:
                yield None if is_gone(item) else event_from(item, self._context, self._name), name
            except UnusableError as error:
                yield RejectedRecord(_place(name), str(error)), name


def _place(name: str) -> str:
    """Return the place of a rejected entry."""
    return f"entry {name}"


def preview(options: CalendarOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """Yield the entries of the window as the rules classify them, for ``evenhours classify --try``; store nothing."""
    return GoogleCalendar(options, context).classified_entries()


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SOURCE_KIND = SourceKind(
    name="google_calendar",
    options=CalendarOptions,
    make=GoogleCalendar,
    title="Google Calendar",
    kept_fields=(
        "id", "status", "eventType", "updated", "start", "end", "transparency", "endTimeUnspecified",
        "conferenceData.conferenceId", "attendees (self, responseStatus, resource)",
        "attendees.email, summary, colorId (where a rule needs them)",
    ),
    other_fields="never requested",
    check=problems,
    per_owner=True,
    preview=preview,
)  # fmt: skip
