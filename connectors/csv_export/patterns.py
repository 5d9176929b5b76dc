"""How a column is written: what kind of cell it holds, and which strptime patterns read its times.

Day and month are told apart by the whole column, never by one cell. Where no row decides, both patterns are given
back, and choosing is left to whoever knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

from connectors.csv_export.columns import CellError, instant_from

_MOST = 0.9
_SAMPLE = 200
_LONGEST_NAME = 80
_UTC = ZoneInfo("UTC")
_WRITTEN = datetime(2024, 5, 16, 13, 47, tzinfo=UTC)

_DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y"),
)
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p", "%I:%M:%S%p")

_CLOCK = r"\d{1,2}:\d\d(:\d\d([.,]\d{1,6})?)?( ?[ap]\.? ?m\.?)?"
_DAY = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}|\d{1,2}[ -][^\W\d]{3,9}\.?[ -]\d{2,4}|[^\W\d]{3,9}\.? \d{1,2},? \d{4}"
_ZONE = r" ?(Z|[+-]\d\d:?(\d\d)?)"
_OFFSET = rf"({_ZONE})?"


class CellKind(Enum):
    """What most cells of a column hold."""

    INSTANT = re.compile(rf"({_DAY})(T|,? ){_CLOCK}{_OFFSET}", re.IGNORECASE)
    DAY = re.compile(_DAY, re.IGNORECASE)
    CLOCK = re.compile(_CLOCK, re.IGNORECASE)
    NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*")
    TEXT = re.compile(r".*")


def kind_of(values: Collection[str]) -> CellKind:
    """The first kind that nine in ten of the values are; text for none at all."""
    some = _sample(values)
    fits = (kind for kind in CellKind if sum(bool(kind.value.fullmatch(value)) for value in some) >= _MOST * len(some))
    return next(fits) if some else CellKind.TEXT


def may_be_name(cell: str) -> bool:
    """Whether a cell of the first row may be a column's name: it is short and holds no number, day, time or address."""
    data = kind_of([cell]) is not CellKind.TEXT or "@" in cell or re.search(f"{_DAY}|{_CLOCK}", cell)
    return len(cell) <= _LONGEST_NAME and not data


def patterns_of(values: Collection[str]) -> tuple[str | None, ...]:
    """The patterns that read most of the values, equally many each; ``None`` is ISO 8601. Empty if none does.

    Two patterns come back where no value tells the day from the month.
    """
    sample = _sample(values)
    looks = {_look(value) for value in sample}
    likely = [
        pattern
        for pattern, look in _looks().items()
        if (look is None or look in looks) and sample and _read(sample, pattern) >= _MOST * len(sample)
    ]
    counts = {pattern: _read(values, pattern) for pattern in likely} if len(likely) > 1 else dict.fromkeys(likely, 1)
    most = max(counts.values(), default=0)
    return (None,) if counts.get(None) == most else tuple(pattern for pattern in likely if counts[pattern] == most)


def carries_offset(value: str) -> bool:
    """Whether a time ends with its offset from UTC."""
    return re.search(rf":\d\d([.,]\d+)?{_ZONE}$", value, re.IGNORECASE) is not None


def read_alike(values: Iterable[str], one: str, other: str) -> bool:
    """Whether two patterns read the same in each of these values."""
    return all(_instant(value, one) == _instant(value, other) for value in values)


def _sample(values: Collection[str]) -> list[str]:
    return sorted(values)[:: len(values) // _SAMPLE + 1]


@cache
def _looks() -> dict[str | None, str | None]:
    """Every pattern with the look of what it writes; ISO 8601 has more than one."""
    patterns = [f"{day}{between}{clock}" for day, between, clock in product(_DATES, (" ", ", ", "T"), _TIMES)]
    return {None: None} | {pattern: _look(_WRITTEN.strftime(pattern)) for pattern in patterns}


def _look(text: str) -> str:
    # Compiling a pattern is slow; most are ruled out by where digits and letters stand. "p.m." looks like "PM".
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", text.replace(".", "")))


def _read(values: Iterable[str], pattern: str | None) -> int:
    return sum(_instant(value, pattern) is not None for value in values)


def _instant(value: str, pattern: str | None) -> datetime | None:
    try:
        return instant_from(value, pattern, _UTC)
    except CellError:
        return None
