"""Cells of an export, by the role of their column: times, durations and status words.

The value of a role names a column, or several joined by a plus: ``booked_start = "Date + Start"`` reads the two cells
as one, with a space between them. No reason repeats a cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from connectors.csv_export.table import CsvRow, TableError, clean_cell
from connectors.records import Status

STATUS_WORDS = {
    "held": (
        *("show", "attended", "arrived", "completed", "complete", "fulfilled", "finished", "held", "kept", "seen"),
        *("scheduled", "booked", "confirmed", "active", "erschienen", "wahrgenommen", "bestätigt", "honoré", "présent"),
    ),
    "cancelled": ("cancelled", "canceled", "client cancelled", "client canceled", "abgesagt", "storniert", "annulé"),
    "late_cancelled": (
        *("late cancelled", "late canceled", "late cancel", "late cancellation", "cancelled late", "canceled late"),
        *("kurzfristig abgesagt", "annulé tardivement"),
    ),
    "clinician_cancelled": (
        *("clinician cancelled", "clinician canceled", "provider cancelled", "provider canceled"),
        *("therapist cancelled", "therapist canceled", "cancelled by provider", "canceled by provider"),
        *("cancelled by clinician", "canceled by clinician", "vom therapeuten abgesagt", "annulé par le thérapeute"),
    ),
    "no_show": ("no show", "no-show", "noshow", "dna", "did not attend", "missed", "nicht erschienen", "absent"),
}
"""The default words of each status; compared trimmed and without case."""

DIRECTION_WORDS = {
    "incoming": ("in", "inbound", "incoming", "received", "eingehend", "empfangen", "entrant", "reçu"),
    "outgoing": ("out", "outbound", "outgoing", "sent", "outbound-api", "outbound-reply", "outbound-call",
                 "outbound-dial", "ausgehend", "gesendet", "sortant", "envoyé"),
}  # fmt: skip

_STATUS_BY_LIST = {
    "held": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
    "late_cancelled": Status.LATE_CANCELLED,
    "clinician_cancelled": Status.CLINICIAN_CANCELLED,
    "no_show": Status.NO_SHOW,
}
EMPTY_VALUES = frozenset({"", "-", "–", "—", "n/a", "na", "nan", "none", "null"})
_TRUE_WORDS = frozenset({"1", "y", "yes", "true", "x", "ja", "oui", "auto", "automatic"})
_LONGEST_TIME = 64
_MINUTES = re.compile(r"(\d{1,6}(?:[.,]\d{1,6})?) ?(?:m|min|mins|minutes?)?\.?", re.IGNORECASE)
_HOURS_AND_MINUTES = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")
_AM_PM = re.compile(r"\b([ap])\. ?m\.?", re.IGNORECASE)


class CellError(ValueError):
    """A row or a part of it cannot be used; the message is the reason, without content."""


def possible_names(columns: Mapping[str, str]) -> frozenset[str]:
    """Return every name that a fitting header may contain: the values of ``columns`` and their parts around a plus."""
    return frozenset(clean_cell(part) for value in columns.values() for part in (value, *value.split("+")))


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The places of each role's columns in a row; the cells of several places are joined by a space."""

    places: Mapping[str, tuple[int, ...]]
    width: int

    def text(self, row: CsvRow, role: str) -> str:
        """Return the role's cell, cleaned; empty if it is unknown, not mapped, or any of its parts is empty."""
        parts = [clean_cell(row.cells[place]) for place in self.places.get(role, ())]
        return "" if any(part.lower() in EMPTY_VALUES for part in parts) else " ".join(parts)

    def share_date(self, start: str, end: str) -> bool:
        """Return ``True`` if two roles take their date from the same column, so that the end's own is just a time."""
        first, second = self.places.get(start, ()), self.places.get(end, ())
        return len(first) > 1 and len(second) > 1 and first[0] == second[0]


def map_columns(header: Sequence[str], columns: Mapping[str, str]) -> ColumnMapping:
    """Find each role's columns. Raises :class:`TableError` naming each column that is missing or duplicate."""
    problems = []
    places = {}
    for role, value in columns.items():
        names = [clean_cell(value)] if clean_cell(value) in header else [clean_cell(part) for part in value.split("+")]
        places[role] = tuple(header.index(name) for name in names if name in header)
        if not all(name in header for name in names):
            problems.append(f'columns {role} = "{value}": the file has no such column')
        elif any(header.count(name) > 1 for name in names):
            problems.append(f'columns {role} = "{value}": the file has more than one column of that name')
    if problems:
        raise TableError("; ".join(problems) + ".")
    return ColumnMapping(places, len(header))


def parse_instant(text: str, pattern: str | None, zone: ZoneInfo) -> datetime:
    """Return the instant of a cell in UTC; without an offset it is read in ``zone``.

    ``pattern`` is strptime's, ``None`` for ISO 8601. A local time that a clock change skips is moved past the gap; of
    one that occurs twice the first is taken. Raises :class:`CellError`.
    """
    reason = f'is not a time in the format "{pattern}"' if pattern else "is not an ISO 8601 date and time"
    is_date_only = not pattern and ":" not in text and "T" not in text.upper()  # would be read as its midnight
    if is_date_only or len(text) > _LONGEST_TIME:
        raise CellError(reason)
    try:
        local = _parse_local(text, pattern) if pattern else datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(reason) from None  # the cause repeats the cell


@lru_cache(maxsize=65_536)  # sessions of a practice begin at the same times; strptime is most of the work
def _parse_local(text: str, pattern: str) -> datetime:
    # strptime reads PM, but not p.m.
    text = _AM_PM.sub(r"\1m", text) if "%p" in pattern else text
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - its zone is known to the caller


def parse_minutes(text: str) -> timedelta:
    """Return a duration from minutes ("50", "52.5 min") or hours and minutes ("0:50"). Raises :class:`CellError`."""
    if match := _HOURS_AND_MINUTES.fullmatch(text):
        hours, minutes, seconds = match.groups(default="0")
        return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    if match := _MINUTES.fullmatch(text):
        return timedelta(minutes=float(match[1].replace(",", ".")))
    raise CellError("is not a number of minutes")


def lists_by_word(listed: Mapping[str, Sequence[str]], defaults: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the list name of each word: from ``listed`` if the practice configures a list, else from the defaults."""
    default_lists = {
        word: list_name for list_name, words in defaults.items() if list_name not in listed for word in words
    }
    return default_lists | {
        " ".join(word.lower().split()): list_name for list_name, words in listed.items() for word in words
    }


def parse_status(text: str, words: Mapping[str, str]) -> Status:
    """Return the status of a visit; an empty cell is confirmed. Raises :class:`CellError` for a word in no list."""
    word = text.lower()
    if not word or word in words:
        return _STATUS_BY_LIST[words[word]] if word else Status.CONFIRMED
    # A cancellation in words of the practice's own counts as one in time.
    if "cancel" in word:
        return Status.CANCELLED
    raise CellError("status is not one of the words in [source.format]")


def is_outgoing(text: str, words: Mapping[str, str]) -> bool:
    """Return ``True`` if the owner sent the message. Raises :class:`CellError` for a word in no list."""
    if text.lower() not in words:
        raise CellError("direction is not one of the words in [source.format]")
    return words[text.lower()] == "outgoing"


def is_true(text: str) -> bool:
    """Return ``True`` if a cell means yes."""
    return text.lower() in _TRUE_WORDS
