"""The practice's policy: which records are stored, and in what form. It is the same for all kinds of sources.

::

    record                  another job's source          any other source
    event                   stored as a busy time only    stored; excluded if longer than any session
      free or called off    not stored                    stored
    evidence                not stored                    stored; rejected if longer than any session
    message                 not stored                    stored

    Records outside the window are not stored:

    window         |-----------------|
    stored       |---|   |--|  |   |----|    a message counts at its instant, evidence by the ends that are known
    not stored  |--|                  |--|   an event that was stored inside and has moved out of the window is removed

The code is pure: a batch goes in, and a page with the records to store comes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import Batch, RejectedRecord, Skipped, Window
from connectors.errors import ShrunkSourceError
from connectors.records import (
    CALLED_OFF,
    LONG_KINDS,
    CalendarEvent,
    Grade,
    Kind,
    MessageStamp,
    Record,
    SessionEvidence,
    Status,
)
from monitor.store.events import EventKey

MAX_SHRINK_PERCENT = 30  # a source that has lost more than this of its stored records is refused
TOO_LONG = "longer than longest_session_hours"


@dataclass(frozen=True, slots=True)
class Page:
    """A batch with the records that are to be stored.

    ``dropped`` are the events of the batch that are not stored. ``skipped`` are the records that the window has left
    out since the source was read from the beginning, this page included.
    """

    batch: Batch
    dropped: frozenset[EventKey]
    skipped: Skipped


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy for one source in one run. ``owners`` are the keys of the clinicians who may have records in it."""

    source: str
    owners: frozenset[str]
    window: Window
    busy_only: bool = False
    longest_seconds: float = 12 * 60 * 60
    accept_shrink: bool = False

    @property
    def settings(self) -> str:
        """The settings that also apply to stored records: if they change, the source is read from the beginning.

        The window is not one of them, because it moves every night. The records that it left out are stored instead
        (:class:`~connectors.base.Skipped`).
        """
        return f"busy_only={self.busy_only} longest_seconds={self.longest_seconds:g}"

    def page(self, batch: Batch, skipped: Skipped) -> Page:
        """Return the page to store of a batch; ``skipped`` are the records that the window has left out so far.

        Raises:
            LookupError: The batch has a record of somebody who is not an owner of the source.
        """
        if not self.owners.issuperset(record.clinician for record in batch.records):
            raise LookupError("a record of somebody who is not an owner of the source")
        events: dict[EventKey, CalendarEvent | None] = {}  # of two events with one key the later counts
        other_records: list[Record] = []
        outside: list[Record] = []
        rejected: list[RejectedRecord] = []
        resolved: list[str] = []
        for record in batch.records:
            span = _span(record)
            is_inside = span is None or self.window.touches(*span)
            if not is_inside:
                outside.append(record)
            if isinstance(record, CalendarEvent):
                events[record.clinician, record.uid_key] = self._event_to_store(record) if is_inside else None
            elif is_inside and not self.busy_only:
                if isinstance(record, SessionEvidence) and record.grade is Grade.EHR:
                    place = f"actual times of entry {record.uid_key or record.key}"
                    if self._is_too_long(record.started_at, record.ended_at):
                        rejected.append(RejectedRecord(place, f"they are {TOO_LONG}"))
                        # Stored without times, it replaces earlier evidence with the same key.
                        record = replace(record, started_at=None, ended_at=None)  # noqa: PLW2901
                    else:
                        resolved.append(place)
                other_records.append(record)
        if batch.replaces is None:  # a snapshot is complete whenever it is read, so that nothing has to be read again
            skipped = self._with_skipped(outside, skipped)
        stored = replace(
            batch,
            records=(*filter(None, events.values()), *other_records),
            rejected=(*batch.rejected, *rejected),
            resolved=batch.resolved if batch.replaces else (*batch.resolved, *resolved),
        )
        return Page(stored, frozenset(key for key, event in events.items() if event is None), skipped)

    def refuse_shrunk(self, before: int, after: int, what: str = "entries") -> None:
        """Raise :class:`ShrunkSourceError` if far too many records are gone, unless the request accepts that."""
        if 100 * (before - after) > MAX_SHRINK_PERCENT * before and not self.accept_shrink:
            raise ShrunkSourceError(self.source, before, after, what)

    def _event_to_store(self, event: CalendarEvent) -> CalendarEvent | None:
        """Return an event in the window as it is to be stored; ``None`` if it is another job's and takes no time."""
        if self.busy_only:
            if event.is_free or event.status in CALLED_OFF:
                return None
            return replace(event, kind=Kind.BUSY, status=Status.CONFIRMED, client=None, edited_at=None, meeting=None)
        if not event.all_day and event.kind not in LONG_KINDS and self._is_too_long(event.start, event.end):
            return replace(event, excluded=event.excluded or TOO_LONG)
        return event

    def _is_too_long(self, start: datetime | None, end: datetime | None) -> bool:
        # Python subtracts two datetimes of one zone by the wall clock, which is wrong across a change of the clocks.
        return start is not None and end is not None and end.timestamp() - start.timestamp() > self.longest_seconds

    def _with_skipped(self, outside: Iterable[Record], skipped: Skipped) -> Skipped:
        """Return the skipped records including these.

        Events after the window are left out, since the window reaches one of them every night. A connector that returns
        only changes returns the events that come into the window as well (see :class:`~connectors.base.Connector`).
        """
        for record in outside:
            if span := _span(record):
                start, end = span
                if start < self.window.start:
                    # The end counts: a later window that begins before it would contain a part of the record.
                    skipped = skipped.including(min(end, self.window.start - timedelta(seconds=1)), self.window)
                elif not isinstance(record, CalendarEvent):
                    skipped = skipped.including(start, self.window)
        return skipped


def _span(record: Record) -> tuple[datetime, datetime] | None:
    """Return the start and end of a record; ``None`` for evidence with neither."""
    if isinstance(record, CalendarEvent):
        return record.start, record.end
    if isinstance(record, MessageStamp):
        return record.sent_at, record.sent_at
    start, end = record.started_at or record.ended_at, record.ended_at or record.started_at
    return (start, end) if start and end else None
