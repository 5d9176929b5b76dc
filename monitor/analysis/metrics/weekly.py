"""Weekly sums, means, shares and ratios: the building blocks of the metrics.

A metric takes the columns that it needs as arrays with one element for each occurrence; a week is its number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

T = TypeVar("T")
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class WeeklyValues(NamedTuple):
    """A metric's weeks: the value (NaN without data), n (the number of things behind it) and the coverage (0 to 1)."""

    value: Floats
    n: NDArray[np.int64]
    coverage: Floats


def cached(derive: Callable[[Frames], T]) -> Callable[[Frames], T]:
    """Decorate a function of one clinician's frames so that it runs once and several metrics share its result."""
    name = f"{derive.__module__}.{derive.__qualname__}"

    @wraps(derive)
    def derived(frames: Frames) -> T:
        if name not in frames.cache:
            frames.cache[name] = derive(frames)
        result: T = frames.cache[name]
        return result

    return derived


def week_column(frames: Frames, name: str) -> NDArray[np.float64]:
    """Return a column of the weeks as numbers."""
    return frames.time.weeks[name].to_numpy(dtype=np.float64)


def observed(frames: Frames, column: str) -> Bools:
    """Return a Boolean column of the weeks, such as ``calendar_observed`` or ``all_complete``."""
    if column not in frames.cache:  # nearly every metric asks, and pandas is slow at small things
        frames.cache[column] = frames.time.weeks[column].to_numpy(dtype=bool).copy()
        frames.cache[column].setflags(write=False)
    mask: Bools = frames.cache[column]
    return mask


def week_rows(frames: Frames, weeks: ArrayLike) -> NDArray[np.int64]:
    """Return the row of each occurrence's week; -1 for a week that is not in the table."""
    index = frames.time.weeks.index.to_numpy()
    if not len(index):
        return np.full(len(np.asarray(weeks)), -1)
    row = (np.asarray(weeks, dtype=np.int64) - index[0]) // 7
    return np.asarray(np.where((row >= 0) & (row < len(index)), row, -1))


def weekly_sums(frames: Frames, weeks: ArrayLike, amounts: ArrayLike | None = None) -> Floats:
    """Return the number of occurrences by week, or the sum of their ``amounts``."""
    row = week_rows(frames, weeks)
    in_table = row >= 0
    weights = None if amounts is None else np.asarray(amounts, dtype=np.float64)[in_table]
    return np.bincount(row[in_table], weights=weights, minlength=len(frames.time.weeks)).astype(np.float64)


def weekly_counts(frames: Frames, weeks: ArrayLike, source: str, amounts: ArrayLike | None = None) -> WeeklyValues:
    """Return the number of occurrences a week, or the sum of their ``amounts``: 0 for none, NaN where not observed.

    ``weeks`` is the week of each occurrence, ``source`` the column that says in which weeks the number is known. A week
    of leave without any occurrence is missing, not zero.
    """
    n = weekly_sums(frames, weeks)
    value = n if amounts is None else weekly_sums(frames, weeks, amounts)
    away = (week_column(frames, "worked_days") <= 0) & (n == 0)
    return values_where(observed(frames, source) & ~away, value, n)


def from_both_sources(frames: Frames, values: WeeklyValues) -> WeeklyValues:
    """Return values that need calendars and messages: with half the coverage where only one of them was observed.

    No data where one of them, or another job's calendar, is connected and was not read to the week's end.
    """
    sources = week_column(frames, "calendar_observed") + week_column(frames, "messages_observed")
    return blank_unless(observed(frames, "all_complete"), values._replace(coverage=values.coverage * sources / 2))


def blank_unless(known: Bools, values: WeeklyValues) -> WeeklyValues:
    """Return the values in the weeks in which they are known, and no data in the others."""
    return WeeklyValues(
        np.where(known, values.value, np.nan), np.where(known, values.n, 0), np.where(known, values.coverage, 0.0)
    )


def values_where(known: Bools, value: ArrayLike, n: ArrayLike) -> WeeklyValues:
    """Return a value with full coverage in the weeks in which it is known, and no data in the others."""
    return WeeklyValues(
        np.where(known, value, np.nan), np.where(known, n, 0).astype(np.int64), np.asarray(known, dtype=np.float64)
    )


def weekly_means(frames: Frames, weeks: ArrayLike, values: ArrayLike) -> WeeklyValues:
    """Return the mean of the known ``values`` a week; n is the number known, coverage their share of all rows."""
    amounts = np.asarray(values, dtype=np.float64)
    row = week_rows(frames, weeks)
    in_table = (row >= 0) & ~np.isnan(amounts)
    rows = np.bincount(row[row >= 0], minlength=len(frames.time.weeks))
    n = np.bincount(row[in_table], minlength=len(frames.time.weeks))
    total = np.bincount(row[in_table], weights=amounts[in_table], minlength=len(frames.time.weeks))
    value = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return WeeklyValues(value, n, n / np.maximum(rows, 1))


def weekly_shares(frames: Frames, weeks: ArrayLike, hits: ArrayLike) -> WeeklyValues:
    """Return the percentage of rows that are hits, by week; a row whose hit is NaN lowers the coverage alone."""
    return weekly_means(frames, weeks, np.asarray(hits, dtype=np.float64) * 100)


def weekly_ratios(known: Bools, numerator: Floats, denominator: Floats, n: ArrayLike) -> WeeklyValues:
    """Return the ratio in the weeks in which both are known and the denominator is positive."""
    usable = known & (denominator > 0)
    return values_where(usable, numerator / np.where(usable, denominator, 1.0), n)


def trailing_sums(values: Floats, weeks: int) -> Floats:
    """Return the sum of each row and the ``weeks - 1`` before it, along the first axis; of fewer at the beginning."""
    total = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)))
    first = np.maximum(np.arange(len(values)) + 1 - weeks, 0)
    return np.asarray(total[1:] - total[first])


def no_data(frames: Frames) -> WeeklyValues:
    """Return no data for any week."""
    zeros = np.zeros(len(frames.time.weeks))
    return values_where(zeros > 0, zeros, zeros)
