"""The practice's policy: what is kept of whatever any source tells, decided here once for all of them.

::

    what is told        in another job's source          in any other
    entry               busy: its times alone            as it is; set aside if no session lasts as long
      free, called off  not kept                         as it is
    true times          not kept                         as they are; not believed if no session lasts as long
    message             not kept                         as it is

    outside the window nothing is kept:

    window       |-----------------|
    kept       |---|   |--|  |   |----|      a message counts where it stands, true times by the ends that are known
    not      |---|                    |--|   an entry that was stored inside has moved away: it is taken back

Pure: a batch comes in, and what is stored of it goes out.
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

SHRUNKEN_PERCENT = 30  # a source that lost more than this of what it held, where it reaches, is refused
TOO_LONG = "longer than longest_session_hours"

EntryKey = tuple[str, str]
"""A clinician's key and a uid_key."""


@dataclass(frozen=True, slots=True)
class Page:
    """A batch with the records that are stored of it.

    ``dropped`` are entries that it tells and that are not kept. ``skipped`` is what the window left out since the
    source was begun, this page included.
    """

    batch: Batch
    dropped: frozenset[EntryKey]
    skipped: Skipped


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run keeps of one source. ``owners`` are the keys of those whose times it may tell."""

    source: str
    owners: frozenset[str]
    window: Window
    busy_only: bool = False
    longest_seconds: float = 12 * 60 * 60
    accept_shrink: bool = False

    @property
    def settings(self) -> str:
        """A text of all that has to reach what is already stored: when it changes, the source is begun again.

        The window is not in it, because it moves every night. What it left out is remembered instead (``Skipped``).
        """
        return f"busy_only={self.busy_only} longest_seconds={self.longest_seconds:g}"

    def page(self, batch: Batch, skipped: Skipped) -> Page:
        """Return what is stored of a batch; ``skipped`` is what the window has left out before.

        Raises LookupError for a record of somebody whose source it is not.
        """
        if not self.owners.issuperset(record.clinician for record in batch.records):
            raise LookupError("a record of somebody whose source it is not")
        entries: dict[EntryKey, CalendarEvent | None] = {}  # of two of one name the later counts
        others: list[Record] = []
        outside: list[Record] = []
        rejected: list[RejectedRecord] = []
        resolved: list[str] = []
        for record in batch.records:
            is_inside = self._is_inside(record)
            if not is_inside:
                outside.append(record)
            if isinstance(record, CalendarEvent):
                entries[record.clinician, record.uid_key] = self._entry(record) if is_inside else None
            elif is_inside and not self.busy_only:
                if isinstance(record, SessionEvidence) and record.grade is Grade.EHR:
                    place = f"true times of entry {record.uid_key or record.key}"
                    if self._is_too_long(record.started_at, record.ended_at):
                        rejected.append(RejectedRecord(place, f"they are {TOO_LONG}"))
                        record = replace(record, started_at=None, ended_at=None)  # noqa: PLW2901 - takes back earlier ones
                    else:
                        resolved.append(place)
                others.append(record)
        if batch.replaces is None:  # a snapshot tells everything again when the window is another one
            skipped = self._skipping(outside, skipped)
        stored = replace(
            batch,
            records=(*filter(None, entries.values()), *others),
            rejected=(*batch.rejected, *rejected),
            resolved=batch.resolved if batch.replaces else (*batch.resolved, *resolved),
        )
        return Page(stored, frozenset(key for key, entry in entries.items() if entry is None), skipped)

    def refuse_shrunken(self, held: int, holds: int, what: str = "entries") -> None:
        """Raise :class:`ShrunkSourceError` if far too much is gone: that is not believed until somebody confirms it."""
        if 100 * (held - holds) > SHRUNKEN_PERCENT * held and not self.accept_shrink:
            raise ShrunkSourceError(self.source, held, holds, what)

    def _is_inside(self, record: Record) -> bool:
        span = _span(record)
        return span is None or self.window.touches(*span)

    def _entry(self, entry: CalendarEvent) -> CalendarEvent | None:
        """Return what is kept of an entry in the window; ``None`` for another job's that takes nobody's time."""
        if self.busy_only:
            if entry.is_free or entry.status in CALLED_OFF:
                return None
            return replace(entry, kind=Kind.BUSY, status=Status.CONFIRMED, client=None, edited_at=None, meeting=None)
        if not entry.all_day and entry.kind not in LONG_KINDS and self._is_too_long(entry.start, entry.end):
            return replace(entry, excluded=entry.excluded or TOO_LONG)
        return entry

    def _is_too_long(self, start: datetime | None, end: datetime | None) -> bool:
        # By the clock in UTC: two instants of one zone are subtracted as its wall clock shows them.
        return start is not None and end is not None and end.timestamp() - start.timestamp() > self.longest_seconds

    def _skipping(self, outside: Iterable[Record], skipped: Skipped) -> Skipped:
        """Return what the window has left out, these records included.

        Entries to come are not among it: the window moves on to one of them every night, and a connector that tells
        of changes alone brings what comes into the window (see :class:`~connectors.base.Connector`).
        """
        for record in outside:
            if span := _span(record):
                start, end = span
                if start < self.window.start:
                    # Its end, not its beginning: a window that begins in between would hold a part of it.
                    skipped = skipped.including(min(end, self.window.start - timedelta(seconds=1)), self.window)
                elif not isinstance(record, CalendarEvent):
                    skipped = skipped.including(start, self.window)
        return skipped


def _span(record: Record) -> tuple[datetime, datetime] | None:
    """Return from when to when a record is; ``None`` for true times of which neither end is known."""
    if isinstance(record, CalendarEvent):
        return record.start, record.end
    if isinstance(record, MessageStamp):
        return record.sent_at, record.sent_at
    start, end = record.started_at or record.ended_at, record.ended_at or record.started_at
    return (start, end) if start and end else None
