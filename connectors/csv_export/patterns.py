"""The format of a column: the kind of its cells, and the strptime patterns that parse its times.

Day and month are told apart by the whole column, never by one cell. If no row decides, both patterns are returned and
the user chooses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

from connectors.csv_export.columns import CellError, parse_instant

_MIN_SHARE = 0.9
_SAMPLE_SIZE = 200
_LONGEST_NAME = 80
_UTC = ZoneInfo("UTC")
_EXAMPLE = datetime(2024, 5, 16, 13, 47, tzinfo=UTC)

_DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y"),
)
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p", "%I:%M:%S%p")

_CLOCK = r"\d{1,2}:\d\d(:\d\d([.,]\d{1,6})?)?( ?[ap]\.? ?m\.?)?"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}|\d{1,2}[ -][^\W\d]{3,9}\.?[ -]\d{2,4}|[^\W\d]{3,9}\.? \d{1,2},? \d{4}"
_ZONE = r" ?(Z|[+-]\d\d:?(\d\d)?)"
_OFFSET = rf"({_ZONE})?"


class CellKind(Enum):
    """The kind of most cells in a column."""

    INSTANT = re.compile(rf"({_DATE})(T|,? ){_CLOCK}{_OFFSET}", re.IGNORECASE)
    DAY = re.compile(_DATE, re.IGNORECASE)
    CLOCK = re.compile(_CLOCK, re.IGNORECASE)
    NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*")
    TEXT = re.compile(r".*")


def cell_kind(values: Collection[str]) -> CellKind:
    """Return the first kind that nine in ten of the values match; text if there are no values."""
    sample = _sample(values)
    kinds = (
        kind
        for kind in CellKind
        if sum(bool(kind.value.fullmatch(value)) for value in sample) >= _MIN_SHARE * len(sample)
    )
    return next(kinds) if sample else CellKind.TEXT


def may_be_header(cell: str) -> bool:
    """Return ``True`` if a cell may be a column name: it is short and not a number, date, time or address."""
    is_data = cell_kind([cell]) is not CellKind.TEXT or "@" in cell or re.search(f"{_DATE}|{_CLOCK}", cell)
    return len(cell) <= _LONGEST_NAME and not is_data


def matching_patterns(values: Collection[str]) -> tuple[str | None, ...]:
    """Return the patterns that parse most of the values, equally many each; ``None`` is ISO 8601. Empty if none does.

    There are two patterns if no value shows which is the day and which the month.
    """
    sample = _sample(values)
    shapes = {_shape(value) for value in sample}
    likely = [
        pattern
        for pattern, shape in _shapes().items()
        if (shape is None or shape in shapes) and sample and _count_parsed(sample, pattern) >= _MIN_SHARE * len(sample)
    ]
    counts = (
        {pattern: _count_parsed(values, pattern) for pattern in likely} if len(likely) > 1 else dict.fromkeys(likely, 1)
    )
    most = max(counts.values(), default=0)
    # ISO 8601 counts before patterns that read the same values.
    return (None,) if counts.get(None) == most else tuple(pattern for pattern in likely if counts[pattern] == most)


def has_offset(value: str) -> bool:
    """Return ``True`` if a time ends with an offset from UTC."""
    return re.search(rf":\d\d([.,]\d+)?{_ZONE}$", value, re.IGNORECASE) is not None


def parse_alike(values: Iterable[str], first: str, second: str) -> bool:
    """Return ``True`` if two patterns give the same instant for each of these values."""
    return all(_try_parse(value, first) == _try_parse(value, second) for value in values)


def _sample(values: Collection[str]) -> list[str]:
    return sorted(values)[:: len(values) // _SAMPLE_SIZE + 1]


@cache
def _shapes() -> dict[str | None, str | None]:
    """Return every pattern with the shape of what it writes; ISO 8601 has several, so ``None``."""
    patterns = [f"{date_}{separator}{time_}" for date_, separator, time_ in product(_DATES, (" ", ", ", "T"), _TIMES)]
    return {None: None} | {pattern: _shape(_EXAMPLE.strftime(pattern)) for pattern in patterns}


def _shape(text: str) -> str:
    # strptime compiles each pattern, which is slow; most are ruled out by the order of digits and letters. The dots are
    # removed so that "p.m." has the shape of "PM".
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", text.replace(".", "")))


def _count_parsed(values: Iterable[str], pattern: str | None) -> int:
    return sum(_try_parse(value, pattern) is not None for value in values)


def _try_parse(value: str, pattern: str | None) -> datetime | None:
    try:
        return parse_instant(value, pattern, _UTC)
    except CellError:
        return None
