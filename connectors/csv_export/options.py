"""How a source of kind ``csv`` is configured: which column has which role, how times and words are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.csv_export.columns import DIRECTIONS, WORDS, words_from
from connectors.csv_export.presets import presets
from connectors.csv_export.records import Shape, shape_of
from connectors.records import Grade

_SAMPLE = datetime(2024, 5, 16, 13, 47)  # noqa: DTZ001 - what a wall clock shows, to try a pattern on
_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";"}


def _optional(meaning: str) -> Any:
    return field(default=None, metadata={"help": meaning})


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """``role = "column"``, or ``role = "Date + Start"`` where a time stands in two columns."""

    id: str | None = _optional("the row's identifier, which stays when a visit is moved")
    clinician: str | None = _optional("the clinician's key, address or name; needed if a source has several owners")
    client: str | None = _optional("anything that identifies a client: a code, an address, a number")
    booked_start: str | None = _optional("visits: the booked start")
    booked_end: str | None = _optional("visits: the booked end")
    booked_minutes: str | None = _optional("visits: the booked length instead, in minutes or h:mm")
    actual_start: str | None = _optional("visits and calls: the actual start; empty is unknown")
    actual_end: str | None = _optional("visits and calls: the actual end; empty is unknown")
    actual_minutes: str | None = _optional("visits and calls: the actual length instead, from actual_start")
    status: str | None = _optional("visits: the status, in the words of [source.format]")
    sent_at: str | None = _optional("messages: the time of sending")
    direction: str | None = _optional("messages: sent or received")
    counterpart: str | None = _optional("messages: the address or number at the other end")
    thread: str | None = _optional("messages: the thread's identifier")
    automatic: str | None = _optional("messages: yes, true or 1 for an automatic message")

    def given(self) -> dict[str, str]:
        """The roles that have a column."""
        return {role: name for role, name in asdict(self).items() if name is not None}


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How cells are written. A list of words takes the place of the usual ones for the same thing."""

    instant: str | None = _optional('a strptime pattern for every time, such as "%d/%m/%Y %H:%M" (default: ISO 8601)')
    zone: ZoneInfo | None = field(
        default=None, metadata={"help": "the zone of times without an offset (default: the clinician's)"}
    )
    delimiter: str | None = _optional('the character between two cells, or "tab" (default: detected)')
    held: tuple[str, ...] | None = _optional("status words of a session that took place or is booked")
    cancelled: tuple[str, ...] | None = _optional("status words of one cancelled in time")
    late_cancelled: tuple[str, ...] | None = _optional("status words of one cancelled late")
    clinician_cancelled: tuple[str, ...] | None = _optional("status words of one that the clinician cancelled")
    no_show: tuple[str, ...] | None = _optional("status words of one the client did not come to")
    incoming: tuple[str, ...] | None = _optional("direction words of a message received")
    outgoing: tuple[str, ...] | None = _optional("direction words of a message sent")

    def words(self, defaults: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Each word with the list it stands in: the declared one, else that of ``defaults``."""
        listed = {name: getattr(self, name) for name in defaults if getattr(self, name) is not None}
        return words_from(listed, defaults)

    @property
    def sign(self) -> str | None:
        """The delimiter as a character."""
        return _DELIMITERS.get(self.delimiter, self.delimiter) if self.delimiter else None


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """A ``[[source]]`` of kind ``csv``."""

    path: Path = field(metadata={"help": "a file, or a folder in which every *.csv and *.txt file is read"})
    columns: CsvColumns = field(default=CsvColumns(), metadata={"help": "the role of each column"})
    format: CsvFormat = field(
        default=CsvFormat(), metadata={"help": "the spelling of times and words, and the file's format"}
    )
    accumulate: bool = field(
        default=False, metadata={"help": "true: each file contains new rows only, so missing rows stay"}
    )
    channel: str = field(
        default="sms", metadata={"help": "the name of this channel in exports and agreements, for example sms or phone"}
    )
    evidence: Grade | None = field(
        default=None,
        metadata={"help": 'the grade of actual times: "ehr" or "call" (default: ehr for visits, call for calls)'},
    )
    preset: str | None = _optional("the practice system whose export it is, in the place of columns and format")


def check(options: CsvOptions) -> list[str]:
    """What is wrong with the mapping beyond types and keys, each problem with its path below the source."""
    if options.preset is not None and options.preset not in presets():
        return [f"preset: is none of those there are: {', '.join(presets())}"]
    columns = options.columns.given()
    return [*(() if options.preset else _column_problems(columns)), *_format_problems(options.format)]


def _column_problems(columns: Mapping[str, str]) -> Iterator[str]:
    for role, name in columns.items():
        if not name.strip(" +"):
            yield f"columns.{role}: the name of a column is needed"
    for which in ("booked", "actual"):
        if {f"{which}_end", f"{which}_minutes"} <= columns.keys():
            yield f"columns.{which}_minutes: {which}_end or {which}_minutes, not both"
        elif f"{which}_minutes" in columns and f"{which}_start" not in columns:
            yield f"columns.{which}_minutes: counted from {which}_start, which has no column"
    shape = shape_of(columns)
    if shape is None:
        yield (
            "columns: visits need booked_start with booked_end or booked_minutes, a call log actual_start with "
            "actual_end or actual_minutes, a message log sent_at with direction"
        )
    elif shape is not Shape.MESSAGE and "sent_at" in columns:
        yield "columns.sent_at: a row is a visit, a call or a message; sent_at goes with messages alone"


def _format_problems(given: CsvFormat) -> Iterator[str]:
    if given.instant is not None and not _is_whole(given.instant):
        yield (
            'format.instant: a strptime pattern that gives a whole date and time, such as "%d/%m/%Y %H:%M" or '
            '"%m/%d/%Y %I:%M %p"; the zone goes into format.zone'
        )
    if given.sign is not None and (len(given.sign) != 1 or given.sign in '"\r\n\0 '):
        yield "format.delimiter: one character, or tab"
    for lists in (WORDS, DIRECTIONS):
        words = Counter(word.lower() for name in lists for word in set(getattr(given, name) or ()))
        twice = [name for name in lists if any(words[word.lower()] > 1 for word in getattr(given, name) or ())]
        if twice:
            yield f"format.{twice[-1]}: a word stands in {' and in '.join(twice)}"


def _is_whole(pattern: str) -> bool:
    # What the pattern writes of an afternoon it must read back: so %I without %p and a missing year are found. %Z is
    # read by strptime and then ignored.
    bare = pattern.replace("%z", "")
    try:
        return "%Z" not in pattern and datetime.strptime(_SAMPLE.strftime(bare), bare) == _SAMPLE  # noqa: DTZ007
    except (ValueError, OverflowError, re.error):  # strptime makes a regular expression of it: "%d %d" is none
        return False
