"""What the columns of an export mean: roles, times, minutes and status words.

A role's value names a column, or several joined by a plus: ``booked_start = "Date + Start"`` reads the two cells as
one, with a space between them. Reasons given here never repeat a cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from connectors.csv_export.table import Row, TableError, clean
from connectors.records import Status

WORDS = {
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
"""The words taken for each status where ``[source.format]`` lists none; compared trimmed, case ignored."""

DIRECTIONS = {
    "incoming": ("in", "inbound", "incoming", "received", "eingehend", "empfangen", "entrant", "reçu"),
    "outgoing": ("out", "outbound", "outgoing", "sent", "outbound-api", "outbound-reply", "outbound-call",
                 "outbound-dial", "ausgehend", "gesendet", "sortant", "envoyé"),
}  # fmt: skip

_STATUS = {
    "held": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
    "late_cancelled": Status.LATE_CANCELLED,
    "clinician_cancelled": Status.CLINICIAN_CANCELLED,
    "no_show": Status.NO_SHOW,
}
UNKNOWN = frozenset({"", "-", "–", "—", "n/a", "na", "nan", "none", "null"})
_YES = frozenset({"1", "y", "yes", "true", "x", "ja", "oui", "auto", "automatic"})
_LONGEST_TIME = 64
_MINUTES = re.compile(r"(\d{1,6}(?:[.,]\d{1,6})?) ?(?:m|min|mins|minutes?)?\.?", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")
_HALF_DAY = re.compile(r"\b([ap])\. ?m\.?", re.IGNORECASE)


class CellError(ValueError):
    """A row, or a part of one, cannot be used; the words are the reason, without content."""


def alternatives(columns: Mapping[str, str]) -> frozenset[str]:
    """Every name that a header fitting ``columns`` may hold: the values themselves and the parts around a plus."""
    return frozenset(clean(part) for value in columns.values() for part in (value, *value.split("+")))


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each role stands in a row; several places are joined by a space."""

    places: Mapping[str, tuple[int, ...]]
    width: int

    def text(self, row: Row, role: str) -> str:
        """The role's cell, cleaned; empty where it is unknown, not mapped, or any of its parts is empty."""
        parts = [clean(row.cells[place]) for place in self.places.get(role, ())]
        return "" if any(part.lower() in UNKNOWN for part in parts) else " ".join(parts)

    def share_date(self, start: str, end: str) -> bool:
        """Whether two roles take their date from one column, so that the end's own is its time alone."""
        first, second = self.places.get(start, ()), self.places.get(end, ())
        return len(first) > 1 and len(second) > 1 and first[0] == second[0]


def columns_in(header: Sequence[str], columns: Mapping[str, str]) -> Columns:
    """Find every role's column. Raises :class:`TableError` naming each that is missing or there twice."""
    problems = []
    places = {}
    for role, value in columns.items():
        names = [clean(value)] if clean(value) in header else [clean(part) for part in value.split("+")]
        places[role] = tuple(header.index(name) for name in names if name in header)
        if not all(name in header for name in names):
            problems.append(f'columns {role} = "{value}": the file has no such column')
        elif any(header.count(name) > 1 for name in names):
            problems.append(f'columns {role} = "{value}": the file has more than one column of that name')
    if problems:
        raise TableError("; ".join(problems) + ".")
    return Columns(places, len(header))


def instant_from(text: str, pattern: str | None, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, that a cell states in ``zone`` unless it carries an offset of its own.

    ``pattern`` is strptime's; without one ISO 8601 is read. A local time that the clock skipped counts as that much
    after the gap; one that it showed twice is the first. Raises :class:`CellError`.
    """
    reason = f'is no time written as "{pattern}"' if pattern else "is no date and time of ISO 8601"
    a_day_alone = not pattern and ":" not in text and "T" not in text.upper()  # would be read as its midnight
    if a_day_alone or len(text) > _LONGEST_TIME:
        raise CellError(reason)
    try:
        local = _wall_clock(text, pattern) if pattern else datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(reason) from None  # the cause repeats the cell


@lru_cache(maxsize=65_536)  # sessions of a practice begin at the same times; strptime is most of the work
def _wall_clock(text: str, pattern: str) -> datetime:
    text = _HALF_DAY.sub(r"\1m", text) if "%p" in pattern else text
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - its zone is known to the caller


def minutes_from(text: str) -> timedelta:
    """A duration from minutes ("50", "52.5 min") or hours and minutes ("0:50"). Raises :class:`CellError`."""
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups(default="0")
        return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    if number := _MINUTES.fullmatch(text):
        return timedelta(minutes=float(number[1].replace(",", ".")))
    raise CellError("is no number of minutes")


def words_from(listed: Mapping[str, Sequence[str]], defaults: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each word with the list it stands in: ``listed`` where the practice names words for a list, else the defaults."""
    usual = {word: name for name, words in defaults.items() if name not in listed for word in words}
    return usual | {" ".join(word.lower().split()): name for name, words in listed.items() for word in words}


def status_from(text: str, words: Mapping[str, str]) -> Status:
    """What became of a visit; empty is confirmed. Raises :class:`CellError` for a word in no list."""
    word = text.lower()
    if not word or word in words:
        return _STATUS[words[word]] if word else Status.CONFIRMED
    if "cancel" in word:
        return Status.CANCELLED
    raise CellError("status is none of the words listed in [source.format]")


def is_outgoing(text: str, words: Mapping[str, str]) -> bool:
    """Whether the owner sent the message. Raises :class:`CellError` for a word in no list."""
    if text.lower() not in words:
        raise CellError("direction is none of the words listed in [source.format]")
    return words[text.lower()] == "outgoing"


def is_yes(text: str) -> bool:
    """Whether a cell says yes."""
    return text.lower() in _YES
