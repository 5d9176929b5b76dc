"""One row of an export becomes an entry: a visit, a call or a message, by the roles its columns have.

::

    booked_start, booked_end | booked_minutes      visit     an event; true times too, where the row has them
    actual_start, actual_end | actual_minutes      call      true times alone: sessions are found by overlap
    sent_at, direction                             message   a stamp

An actual cell that is empty is unknown. One that cannot be true is set aside as a fault, and the visit stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from connectors.base import Context, Owner
from connectors.csv_export.columns import (
    CellError,
    Columns,
    instant_from,
    is_outgoing,
    is_yes,
    minutes_from,
    status_from,
)
from connectors.csv_export.table import Row, clean
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, Record, SessionEvidence

_HALF_A_DAY = timedelta(hours=12)
_LONGEST_NIGHT = timedelta(hours=16)  # an end that is written before its start lies on the next day, if not later
_TOTAL = re.compile(r"(grand |sub)?totals?\b|sum\b|summe\b|gesamt|somme\b", re.IGNORECASE)


class Shape(StrEnum):
    """What one row of the export is."""

    VISIT = "visit"
    CALL = "call"
    MESSAGE = "message"


def shape_of(roles: Iterable[str]) -> Shape | None:
    """What the rows are, by the roles that have a column; ``None`` where these make nothing whole."""
    given = set(roles)
    if "booked_start" in given and given & {"booked_end", "booked_minutes"}:
        return Shape.VISIT
    if "booked_start" not in given and "actual_start" in given and given & {"actual_end", "actual_minutes"}:
        return Shape.CALL
    return Shape.MESSAGE if {"sent_at", "direction"} <= given else None


@dataclass(frozen=True, slots=True)
class Entry:
    """What one row says. Rows of one ``key`` tell of one thing; ``doubts`` are reasons why a part was set aside."""

    key: str | int
    start: datetime
    end: datetime
    records: tuple[Record, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads the rows of one shape. ``zone`` is the export's own, else each owner's; ``words`` by list."""

    shape: Shape
    context: Context
    pattern: str | None
    zone: ZoneInfo | None
    grade: Grade
    channel: str
    statuses: Mapping[str, str]
    directions: Mapping[str, str]

    def entry(self, row: Row, columns: Columns) -> Entry | None:
        """The row's entry; ``None`` if it is nobody's of this source. Raises :class:`CellError` with the reason."""
        if len(row.cells) < columns.width or any(map(str.strip, row.cells[columns.width :])):
            raise CellError("the row has not as many cells as the header")
        owner = self._owner(row, columns)
        if owner is None:
            return None
        cells = _Cells(row, columns, owner, self.pattern, self.zone or owner.zone)
        make = {Shape.VISIT: self._visit, Shape.CALL: self._call, Shape.MESSAGE: self._message}[self.shape]
        try:
            return make(cells)
        except OverflowError:
            raise CellError("a time lies beyond the calendar") from None

    def _owner(self, row: Row, columns: Columns) -> Owner | None:
        # With a column for it, the column decides even in a source of one owner: an export of the whole practice
        # must not give one person everybody's sessions.
        if "clinician" not in columns.places:
            return self.context.owners[0] if len(self.context.owners) == 1 else None
        cell = columns.text(row, "clinician")
        last, _, first = cell.partition(",")
        spellings = {canonical_address(cell), canonical_address(f"{first} {last}")} - {""}
        named = [owner for owner in self.context.owners if _spellings(owner) & spellings]
        return named[0] if len(named) == 1 else None

    def _visit(self, cells: _Cells) -> Entry:
        event = self._event(cells)
        try:
            times = self._evidence(cells, event)
        except CellError as doubt:
            return Entry(event.uid_key, event.start, event.end, (event,), (str(doubt),))
        return Entry(event.uid_key, event.start, event.end, (event, *times))

    def _event(self, cells: _Cells) -> CalendarEvent:
        owner = cells.owner.key
        start = cells.known("booked_start")
        end = cells.end("booked", "booked_start", start)
        if end is None:
            raise CellError("booked_end is empty")
        named = cells.text("client")
        client = self.context.pseudonyms.person(owner, named) if named else None
        return CalendarEvent(
            owner,
            self._name(cells, client or "", start.isoformat()),
            start,
            end,
            Kind.SESSION,
            status=status_from(cells.text("status"), self.statuses),
            client=client,
        )

    def _evidence(self, cells: _Cells, event: CalendarEvent) -> tuple[SessionEvidence, ...]:
        started, ended = _actual(cells, event.start)
        if started is None and ended is None:
            return ()
        return (SessionEvidence(event.clinician, event.uid_key, self.grade, started, ended, event.uid_key),)

    def _call(self, cells: _Cells) -> Entry:
        started = cells.instant("actual_start")
        ended = cells.end("actual", "actual_start", started)
        start, end = started or ended, ended or started
        if start is None or end is None:
            raise CellError("actual_start and actual_end are empty")
        key = self._name(cells, "call", str(started), str(ended))
        return Entry(key, start, end, (SessionEvidence(cells.owner.key, key, self.grade, started, ended),))

    def _message(self, cells: _Cells) -> Entry:
        names, owner = self.context.pseudonyms, cells.owner.key
        sent_at = cells.known("sent_at")
        outgoing = is_outgoing(cells.text("direction"), self.directions)
        other, thread = cells.text("counterpart"), cells.text("thread")
        identity = cells.text("id") or f"{sent_at.isoformat()} {outgoing} {other}"
        key = names.node(owner, f"{self.context.source} message {identity}")
        stamp = MessageStamp(
            owner,
            key,
            sent_at,
            outgoing,
            names.person(owner, other) if other else None,
            self.context.classifier.counterpart_kind(other) if other else CounterpartKind.OTHER,
            is_yes(cells.text("automatic")),
            self.channel,
            (key, names.node(owner, f"{self.context.source} thread {thread}")) if thread else (),
        )
        return Entry(key, sent_at, sent_at, (stamp,))

    def _name(self, cells: _Cells, *otherwise: str) -> str:
        # A row's own identifier survives a move; without one, client and time are what stays between two exports.
        identity = ("id", cells.text("id")) if cells.text("id") else otherwise
        return self.context.pseudonyms.entry("\x1f".join((self.context.source, cells.owner.key, *identity)))


@dataclass(frozen=True, slots=True)
class _Cells:
    """One owner's row, read by role."""

    row: Row
    columns: Columns
    owner: Owner
    pattern: str | None
    zone: ZoneInfo

    def text(self, role: str) -> str:
        return self.columns.text(self.row, role)

    def instant(self, role: str) -> datetime | None:
        text = self.text(role)
        try:
            return instant_from(text, self.pattern, self.zone) if text else None
        except CellError as error:
            raise CellError(f"{role} {error}") from None

    def known(self, role: str) -> datetime:
        instant = self.instant(role)
        if instant is None:
            raise CellError(f"{role} is empty")
        return instant

    def next_day(self, instant: datetime) -> datetime:
        return (instant.astimezone(self.zone) + timedelta(days=1)).astimezone(UTC)

    def end(self, which: str, start_role: str, start: datetime | None) -> datetime | None:
        """The booked or actual end: minutes after ``start``, or an instant that is not before it.

        Where start and end share a date column, a session over midnight ends on the day after.
        """
        minutes = self.text(f"{which}_minutes")
        if minutes and start:
            return start + _duration(minutes, f"{which}_minutes")
        end = self.instant(f"{which}_end")
        if end is None or start is None or end >= start:
            return end
        later = self.next_day(end)
        if self.columns.share_date(start_role, f"{which}_end") and later - start <= _LONGEST_NIGHT:
            return later
        raise CellError(f"{which}_end is before {start_role}")


def _duration(text: str, role: str) -> timedelta:
    try:
        return minutes_from(text)
    except CellError as error:
        raise CellError(f"{role} {error}") from None


def _actual(cells: _Cells, booked: datetime) -> tuple[datetime | None, datetime | None]:
    """When a visit began and ended, ``None`` where unknown. Raises :class:`CellError` if it cannot have been so."""
    started = cells.instant("actual_start")
    shared = cells.columns.share_date("booked_start", "actual_start")
    if started and shared and booked - started > _HALF_A_DAY:  # booked for 23:50, begun at 0:05
        started = cells.next_day(started)
    ended = cells.end("actual", "actual_start" if started else "booked_start", started or booked)
    if ended and ended == started:
        raise CellError("actual_end is the same as actual_start")
    return started, ended


def is_total(row: Row) -> bool:
    """Whether a row that holds no entry sums up the others."""
    return _TOTAL.match(clean(row.cells[0])) is not None


def _spellings(owner: Owner) -> frozenset[str]:
    return owner.addresses | {canonical_address(word) for word in (owner.key, owner.name) if word}
