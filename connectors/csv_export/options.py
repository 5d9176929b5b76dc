"""The configuration of a ``csv`` source: roles of columns, and formats of times and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.csv_export.columns import DIRECTION_WORDS, STATUS_WORDS, lists_by_word
from connectors.csv_export.presets import presets
from connectors.csv_export.records import RowType, row_type_of
from connectors.records import Grade

_EXAMPLE = datetime(2024, 5, 16, 13, 47)  # noqa: DTZ001 - what a wall clock shows, to try a pattern on
_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";"}


def _optional(help_text: str) -> Any:
    return field(default=None, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """The roles: ``role = "column"``, or ``role = "Date + Start"`` for a time in two columns."""

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

    def configured(self) -> dict[str, str]:
        """Return the roles that have a column, with its name."""
        return {role: name for role, name in asdict(self).items() if name is not None}


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """The formats of cells. A configured list of words replaces the default list."""

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

    def lists_by_word(self, defaults: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Return the list name of each word: from the configured lists, else from ``defaults``."""
        listed = {name: getattr(self, name) for name in defaults if getattr(self, name) is not None}
        return lists_by_word(listed, defaults)

    @property
    def delimiter_character(self) -> str | None:
        """The delimiter as a character."""
        return _DELIMITERS.get(self.delimiter, self.delimiter) if self.delimiter else None


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """The options of a ``[[source]]`` of kind ``csv``."""

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
    """Return the problems of the mapping beyond types and keys, each beginning with its path below the source."""
    if options.preset is not None and options.preset not in presets():
        return [f"preset: unknown; the presets are {', '.join(presets())}"]
    problems = [] if options.preset else list(_column_problems(options.columns.configured()))
    csv_format = options.format
    if csv_format.instant is not None and not _is_complete(csv_format.instant):
        problems.append(
            'format.instant: a strptime pattern that gives a whole date and time, such as "%d/%m/%Y %H:%M" or '
            '"%m/%d/%Y %I:%M %p"; the zone goes into format.zone'
        )
    delimiter = csv_format.delimiter_character
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0 '):
        problems.append("format.delimiter: one character, or tab")
    for lists in (STATUS_WORDS, DIRECTION_WORDS):
        counts = Counter(word.lower() for name in lists for word in set(getattr(csv_format, name) or ()))
        duplicates = [
            name for name in lists if any(counts[word.lower()] > 1 for word in getattr(csv_format, name) or ())
        ]
        if duplicates:
            problems.append(f"format.{duplicates[-1]}: a word stands in {' and in '.join(duplicates)}")
    return problems


def _column_problems(columns: Mapping[str, str]) -> Iterator[str]:
    for role, name in columns.items():
        if not name.strip(" +"):
            yield f"columns.{role}: the name of a column is needed"
    for prefix in ("booked", "actual"):
        if {f"{prefix}_end", f"{prefix}_minutes"} <= columns.keys():
            yield f"columns.{prefix}_minutes: {prefix}_end or {prefix}_minutes, not both"
        elif f"{prefix}_minutes" in columns and f"{prefix}_start" not in columns:
            yield f"columns.{prefix}_minutes: counted from {prefix}_start, which has no column"
    row_type = row_type_of(columns)
    if row_type is None:
        yield (
            "columns: visits need booked_start with booked_end or booked_minutes, a call log actual_start with "
            "actual_end or actual_minutes, a message log sent_at with direction"
        )
    elif row_type is not RowType.MESSAGE and "sent_at" in columns:
        yield "columns.sent_at: a row is a visit, a call or a message; sent_at goes with messages alone"


def _is_complete(pattern: str) -> bool:
    # A complete pattern reads back the afternoon that it wrote: %I without %p or a missing year do not. %Z is excluded
    # because strptime reads it and then ignores it.
    without_offset = pattern.replace("%z", "")
    try:
        return "%Z" not in pattern and datetime.strptime(_EXAMPLE.strftime(without_offset), without_offset) == _EXAMPLE  # noqa: DTZ007
    except (ValueError, OverflowError, re.error):  # strptime makes a regular expression of it: "%d %d" is none
        return False
