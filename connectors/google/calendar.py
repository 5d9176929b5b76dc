"""A Google calendar: the whole window once a week, and every night what has changed since.

::

    first time, settings or permission changed, a week gone, token expired (410)     events of the window → one snapshot
    otherwise                                                                        changes since the token → one page

Google's sync token holds for the window it was made with, which does not move along; so the window is read whole
again once it is a week behind. A deleted entry is only known by its id: it is gone, not cancelled, because Google
does not say whether a client called off or somebody tidied up. Our own history of an entry survives both.
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
from connectors.google.access import SCOPES
from connectors.google.entries import EntryFields, entry_name, event_from, is_gone, traits_of
from connectors.google.options import GoogleOptions, problems
from connectors.google.service import GoneError, GoogleClient, RefusedError
from connectors.records import CalendarEvent
from connectors.retry import Pause

PAGE = 2500  # Google gives no more


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
    """The sync token, with the window (epoch seconds) that it holds for."""

    token: str = ""
    start: int = 0
    end: int = 0

    def holds_for(self, window: Window) -> bool:
        """Whether what changed since is enough: there is a token, and its window is less than a week behind."""
        return bool(self.token) and window.is_close_after(self.start, self.end)


class GoogleCalendar:
    """Reads one calendar of one account."""

    def __init__(self, options: CalendarOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause
        self._name = options.calendar or options.calendar_id
        self._wanted = EntryFields.by(context, people=options.attendees)

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """One batch: the snapshot of the window, or what changed since the cursor's token."""
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            known = GoogleCalendarCursor.parse(cursor, self._settings(google.permission))
            if known.holds_for(self._context.window):
                # a token that is of no use any more: all is read again
                with suppress(GoneError, RefusedError):
                    yield self._changes(google, known)
                    return
            yield self._snapshot(google, known)

    def sightings(self) -> Iterator[ClassifiedEntry]:
        """Each entry of the window with its title and what the rules make of it."""
        if not self._context.times_suffice:
            self._wanted = replace(self._wanted, titles=True)
        owner = self._context.owners[0]
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            for items, _ in self._pages(google, self._bounds()):
                for item, (found, _) in zip(items, self._read(items), strict=True):
                    if isinstance(found, CalendarEvent):
                        yield self._context.classifier.explain(traits_of(item, owner, self._name), found)

    def _bounds(self) -> dict[str, str]:
        window = self._context.window
        return {"timeMin": _written(window.start), "timeMax": _written(window.end)}

    def _settings(self, permission: str) -> str:
        told = self._context
        decisive = (told.owners, told.classifier, permission)
        asked = (self._wanted.fields(), self._parameters(), self._options)
        return fingerprint(told.pseudonyms, asked, decisive)

    def _parameters(self) -> dict[str, Any]:
        """What every request of one sync must say alike."""
        found = {"calendarId": self._options.calendar_id, "singleEvents": True, "maxResults": PAGE}
        return found if self._wanted.people else found | {"maxAttendees": 1}

    def _snapshot(self, google: GoogleClient, known: GoogleCalendarCursor) -> Batch:
        window = self._context.window
        records: dict[str, CalendarEvent] = {}
        rejected: list[RejectedRecord] = []
        token = ""
        for items, last in self._pages(google, self._bounds()):
            token = last
            for found, name in self._read(items):
                if isinstance(found, RejectedRecord):
                    rejected.append(found)
                elif found is not None:
                    records[name] = found
        cursor, told = GoogleCalendarCursor(known.settings, token, *window.epoch_seconds), tuple(records.values())
        return Batch(cursor.dump(), told, replaces=window, rejected=tuple(rejected), done=1, total=1)

    def _changes(self, google: GoogleClient, known: GoogleCalendarCursor) -> Batch:
        """All that has changed at once, so that it can be seen whether much is gone."""
        token = known.token
        found: dict[str, CalendarEvent | RejectedRecord | None] = {}
        for items, last in self._pages(google, {"syncToken": known.token}):
            token = last or token
            found |= {name: one for one, name in self._read(items)}
        records = {name: one for name, one in found.items() if isinstance(one, CalendarEvent)}
        rejected = tuple(one for one in found.values() if isinstance(one, RejectedRecord))
        return Batch(
            replace(known, token=token).dump(),
            tuple(records.values()),
            removed=tuple(name for name in found if name and name not in records),
            rejected=rejected,
            resolved=tuple(_place(name) for name, one in found.items() if not isinstance(one, RejectedRecord)),
        )

    def _pages(self, google: GoogleClient, bounds: Mapping[str, str]) -> Iterator[tuple[list[Any], str]]:
        """Each page's entries with the sync token, which only the last one bears."""
        events, page = google.api("calendar", "v3").events(), None
        while True:
            asked = self._parameters() | dict(bounds) | ({"pageToken": page} if page else {})
            answer = google.execute(events.list(**asked, fields=self._wanted.fields()))
            items, token = answer.get("items", []), answer.get("nextSyncToken", "")
            following = answer.get("nextPageToken")
            if not isinstance(items, list) or not isinstance(token, str) or (following and following == page):
                raise MalformedError(self._context.source, "the list of entries is none.", "The next run tries again.")
            yield items, token
            if not following:
                return
            page = following

    def _read(self, items: list[Any]) -> Iterator[tuple[CalendarEvent | RejectedRecord | None, str]]:
        """Each entry as a record, a fault, or ``None`` where it is gone, with its keyed name."""
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("id"), str):
                yield RejectedRecord("an entry", "it is no entry"), ""
                continue
            name = entry_name(self._context.pseudonyms, item["id"])
            try:
                yield None if is_gone(item) else event_from(item, self._context, self._name), name
            except UnusableError as error:
                yield RejectedRecord(_place(name), str(error)), name


def _place(name: str) -> str:
    """Where an entry that cannot be used is kept aside."""
    return f"entry {name}"


def preview(options: CalendarOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """What the rules make of each entry in the window, for ``evenhours classify --try``; stores nothing."""
    return GoogleCalendar(options, context).sightings()


def _written(instant: datetime) -> str:
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
