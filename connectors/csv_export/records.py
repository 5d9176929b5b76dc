"""Records of one row: a visit, a call or a message, by the roles that have a column.

::

    booked_start, booked_end | booked_minutes      visit     an event, with its actual times if the row has them
    actual_start, actual_end | actual_minutes      call      actual times alone; their session is found by overlap
    sent_at, direction                             message   a stamp

An empty actual time is unknown. An impossible one is rejected, and the visit is kept.
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
    ColumnMapping,
    is_outgoing,
    is_true,
    parse_instant,
    parse_minutes,
    parse_status,
)
from connectors.csv_export.table import CsvRow, clean_cell
from connectors.pseudonyms import canonical_address
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, Record, SessionEvidence

_HALF_A_DAY = timedelta(hours=12)
_LONGEST_OVER_MIDNIGHT = timedelta(hours=16)  # a time before its start is taken for one on the next day up to this
_TOTAL = re.compile(r"(grand |sub)?totals?\b|sum\b|summe\b|gesamt|somme\b", re.IGNORECASE)


class RowType(StrEnum):
    """The type of an export's rows."""

    VISIT = "visit"
    CALL = "call"
    MESSAGE = "message"


def row_type_of(roles: Iterable[str]) -> RowType | None:
    """Return the type of the rows, by the roles that have a column; ``None`` if these are not enough for any."""
    roles = set(roles)
    if "booked_start" in roles and roles & {"booked_end", "booked_minutes"}:
        return RowType.VISIT
    if "booked_start" not in roles and "actual_start" in roles and roles & {"actual_end", "actual_minutes"}:
        return RowType.CALL
    return RowType.MESSAGE if {"sent_at", "direction"} <= roles else None


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """The records of one row.

    Rows of one ``key`` are about the same visit, call or message; ``rejected`` are the reasons why parts of the row
    were rejected.
    """

    key: str | int
    start: datetime
    end: datetime
    records: tuple[Record, ...]
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowParser:
    """Parses the rows of one type.

    ``zone`` is the export's, ``None`` for each owner's. ``statuses`` and ``directions`` give the list of each word.
    """

    row_type: RowType
    context: Context
    pattern: str | None
    zone: ZoneInfo | None
    grade: Grade
    channel: str
    statuses: Mapping[str, str]
    directions: Mapping[str, str]

    def parse(self, row: CsvRow, columns: ColumnMapping) -> ParsedRow | None:
        """Return the row's records; ``None`` if no owner of this source is concerned. Raises :class:`CellError`."""
        if len(row.cells) < columns.width or any(map(str.strip, row.cells[columns.width :])):
            raise CellError("the row has another number of cells than the header")
        owner = self._owner(row, columns)
        if owner is None:
            return None
        cells = _RowCells(row, columns, owner, self.pattern, self.zone or owner.zone)
        try:
            if self.row_type is RowType.VISIT:
                return self._visit(cells)
            return self._call(cells) if self.row_type is RowType.CALL else self._message(cells)
        except OverflowError:
            raise CellError("a time is out of range") from None

    def _owner(self, row: CsvRow, columns: ColumnMapping) -> Owner | None:
        # If there is a column for it, the column decides even in a source of one owner: an export of the whole practice
        # must not give one clinician everybody's sessions.
        if "clinician" not in columns.places:
            return self.context.owners[0] if len(self.context.owners) == 1 else None
        cell = columns.text(row, "clinician")
        # Many programs write "Silva, Ana".
        last, _, first = cell.partition(",")
        spellings = {canonical_address(cell), canonical_address(f"{first} {last}")} - {""}
        owners = [
            owner
            for owner in self.context.owners
            if spellings & {*owner.addresses, canonical_address(owner.key), canonical_address(owner.name)}
        ]
        return owners[0] if len(owners) == 1 else None

    def _visit(self, cells: _RowCells) -> ParsedRow:
        clinician = cells.owner.key
        start = cells.required_instant("booked_start")
        end = cells.end("booked", "booked_start", start)
        if end is None:
            raise CellError("booked_end is empty")
        client_text = cells.text("client")
        client = self.context.pseudonyms.person(clinician, client_text) if client_text else None
        key = self._key(cells, client or "", start.isoformat())
        status = parse_status(cells.text("status"), self.statuses)
        event = CalendarEvent(clinician, key, start, end, Kind.SESSION, status=status, client=client)
        try:
            started_at, ended_at = _actual_times(cells, start)
        except CellError as error:
            return ParsedRow(key, start, end, (event,), (str(error),))
        if started_at is None and ended_at is None:
            return ParsedRow(key, start, end, (event,))
        evidence = SessionEvidence(clinician, key, self.grade, started_at, ended_at, uid_key=key)
        return ParsedRow(key, start, end, (event, evidence))

    def _call(self, cells: _RowCells) -> ParsedRow:
        started_at = cells.instant("actual_start")
        ended_at = cells.end("actual", "actual_start", started_at)
        start, end = started_at or ended_at, ended_at or started_at
        if start is None or end is None:
            raise CellError("actual_start and actual_end are empty")
        key = self._key(cells, "call", str(started_at), str(ended_at))
        return ParsedRow(key, start, end, (SessionEvidence(cells.owner.key, key, self.grade, started_at, ended_at),))

    def _message(self, cells: _RowCells) -> ParsedRow:
        pseudonyms, owner = self.context.pseudonyms, cells.owner.key
        sent_at = cells.required_instant("sent_at")
        outgoing = is_outgoing(cells.text("direction"), self.directions)
        counterpart, thread = cells.text("counterpart"), cells.text("thread")
        identity = cells.text("id") or f"{sent_at.isoformat()} {outgoing} {counterpart}"
        key = pseudonyms.node(owner, f"{self.context.source} message {identity}")
        stamp = MessageStamp(
            owner,
            key,
            sent_at,
            outgoing,
            pseudonyms.person(owner, counterpart) if counterpart else None,
            self.context.classifier.counterpart_kind(counterpart) if counterpart else CounterpartKind.OTHER,
            is_true(cells.text("automatic")),
            self.channel,
            (key, pseudonyms.node(owner, f"{self.context.source} thread {thread}")) if thread else (),
        )
        return ParsedRow(key, sent_at, sent_at, (stamp,))

    def _key(self, cells: _RowCells, *fallback: str) -> str:
        # The row's identifier stays when a visit is moved; without one, client and time are the same in two exports.
        identity = ("id", cells.text("id")) if cells.text("id") else fallback
        return self.context.pseudonyms.entry("\x1f".join((self.context.source, cells.owner.key, *identity)))


@dataclass(frozen=True, slots=True)
class _RowCells:
    """The cells of one owner's row, by role."""

    row: CsvRow
    columns: ColumnMapping
    owner: Owner
    pattern: str | None
    zone: ZoneInfo

    def text(self, role: str) -> str:
        return self.columns.text(self.row, role)

    def instant(self, role: str) -> datetime | None:
        text = self.text(role)
        try:
            return parse_instant(text, self.pattern, self.zone) if text else None
        except CellError as error:
            raise CellError(f"{role} {error}") from None

    def required_instant(self, role: str) -> datetime:
        instant = self.instant(role)
        if instant is None:
            raise CellError(f"{role} is empty")
        return instant

    def next_day(self, instant: datetime) -> datetime:
        return (instant.astimezone(self.zone) + timedelta(days=1)).astimezone(UTC)

    def end(self, prefix: str, start_role: str, start: datetime | None) -> datetime | None:
        """Return the booked or actual end: some minutes after ``start``, or an instant that is not before it.

        If start and end share a date column, a session over midnight ends on the next day.
        """
        minutes = self.text(f"{prefix}_minutes")
        if minutes and start:
            try:
                return start + parse_minutes(minutes)
            except CellError as error:
                raise CellError(f"{prefix}_minutes {error}") from None
        end = self.instant(f"{prefix}_end")
        if end is None or start is None or end >= start:
            return end
        next_day = self.next_day(end)
        shares_date = self.columns.share_date(start_role, f"{prefix}_end")
        if shares_date and next_day - start <= _LONGEST_OVER_MIDNIGHT:
            return next_day
        raise CellError(f"{prefix}_end is before {start_role}")


def _actual_times(cells: _RowCells, booked_start: datetime) -> tuple[datetime | None, datetime | None]:
    """Return a visit's actual start and end, ``None`` if unknown. Raises :class:`CellError` if they are impossible."""
    started_at = cells.instant("actual_start")
    shares_date = cells.columns.share_date("booked_start", "actual_start")
    if started_at and shares_date and booked_start - started_at > _HALF_A_DAY:  # booked for 23:50, begun at 0:05
        started_at = cells.next_day(started_at)
    ended_at = cells.end("actual", "actual_start" if started_at else "booked_start", started_at or booked_start)
    if ended_at and ended_at == started_at:
        raise CellError("actual_end is the same as actual_start")
    return started_at, ended_at


def is_total(row: CsvRow) -> bool:
    """Return ``True`` if a row contains totals of the others."""
    return _TOTAL.match(clean_cell(row.cells[0])) is not None
