"""The shapes that every metric's weekly numbers come in.

A metric takes the columns it needs as arrays, an element an occurrence; a week is found by its number.
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
    """What a metric says of each week: a value, NaN without data; on how many it rests; how much of it was known."""

    value: Floats
    n: NDArray[np.int64]
    coverage: Floats


def cached(derive: Callable[[Frames], T]) -> Callable[[Frames], T]:
    """Let what several metrics need be derived from one clinician's frames only once."""
    name = f"{derive.__module__}.{derive.__qualname__}"

    @wraps(derive)
    def derived(frames: Frames) -> T:
        if name not in frames.cache:
            frames.cache[name] = derive(frames)
        kept: T = frames.cache[name]
        return kept

    return derived


def week_column(frames: Frames, name: str) -> NDArray[np.float64]:
    """A column of the weeks as numbers."""
    return frames.weeks[name].to_numpy(dtype=np.float64)


def observed(frames: Frames, source: str) -> Bools:
    """Return a Boolean column of the weeks, such as ``calendar_observed`` or ``all_complete``."""
    if source not in frames.cache:  # nearly every metric asks
        frames.cache[source] = frames.weeks[source].to_numpy(dtype=bool).copy()
        frames.cache[source].setflags(write=False)
    read: Bools = frames.cache[source]
    return read


def week_rows(frames: Frames, weeks: ArrayLike) -> NDArray[np.int64]:
    """The row of each occurrence's week; -1 for a week that is not there."""
    index = frames.weeks.index.to_numpy()
    if not len(index):
        return np.full(len(np.asarray(weeks)), -1)
    place = (np.asarray(weeks, dtype=np.int64) - index[0]) // 7
    return np.asarray(np.where((place >= 0) & (place < len(index)), place, -1))


def weekly_sums(frames: Frames, weeks: ArrayLike, amounts: ArrayLike | None = None) -> Floats:
    """Occurrences by week, or the sum of their ``amounts``."""
    place = week_rows(frames, weeks)
    there = place >= 0
    weights = None if amounts is None else np.asarray(amounts, dtype=np.float64)[there]
    return np.bincount(place[there], weights=weights, minlength=len(frames.weeks)).astype(np.float64)


def weekly_counts(frames: Frames, weeks: ArrayLike, source: str, amounts: ArrayLike | None = None) -> WeeklyValues:
    """Occurrences a week, or the sum of their ``amounts``: 0 where nothing was found, NaN where nobody looked.

    ``weeks`` is the week of each occurrence, ``source`` says whose having been read makes the number known. A week of
    leave without any occurrence is missing, not zero.
    """
    n = weekly_sums(frames, weeks)
    value = n if amounts is None else weekly_sums(frames, weeks, amounts)
    away = (week_column(frames, "worked_days") <= 0) & (n == 0)
    return values_where(observed(frames, source) & ~away, value, n)


def from_both_sources(frames: Frames, found: WeeklyValues) -> WeeklyValues:
    """What calendars and messages tell of together: with half the coverage where only one of them is there.

    No data where one of them, or another job's calendar, is there and was not read to the week's end.
    """
    read = week_column(frames, "calendar_observed") + week_column(frames, "messages_observed")
    return blank_unless(observed(frames, "all_complete"), found._replace(coverage=found.coverage * read / 2))


def blank_unless(known: Bools, found: WeeklyValues) -> WeeklyValues:
    """The same numbers in the weeks in which they are known; no data in the others."""
    return WeeklyValues(
        np.where(known, found.value, np.nan), np.where(known, found.n, 0), np.where(known, found.coverage, 0.0)
    )


def values_where(known: Bools, value: ArrayLike, n: ArrayLike) -> WeeklyValues:
    """A value in the weeks in which it is known, wholly; no data in the others."""
    return WeeklyValues(
        np.where(known, value, np.nan), np.where(known, n, 0).astype(np.int64), np.asarray(known, dtype=np.float64)
    )


def weekly_means(frames: Frames, weeks: ArrayLike, values: ArrayLike) -> WeeklyValues:
    """The mean of the known ``values`` a week; n is how many are known, coverage their share of all rows."""
    amounts = np.asarray(values, dtype=np.float64)
    place = week_rows(frames, weeks)
    there = (place >= 0) & ~np.isnan(amounts)
    rows = np.bincount(place[place >= 0], minlength=len(frames.weeks))
    n = np.bincount(place[there], minlength=len(frames.weeks))
    total = np.bincount(place[there], weights=amounts[there], minlength=len(frames.weeks))
    value = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return WeeklyValues(value, n, n / np.maximum(rows, 1))


def weekly_shares(frames: Frames, weeks: ArrayLike, hits: ArrayLike) -> WeeklyValues:
    """Per cent of rows that are hits a week; a row whose hit is NaN is in coverage, not in the share."""
    return weekly_means(frames, weeks, np.asarray(hits, dtype=np.float64) * 100)


def weekly_ratios(known: Bools, part: Floats, whole: Floats, n: ArrayLike) -> WeeklyValues:
    """``part`` by ``whole`` in the weeks in which both are known and there is a whole."""
    usable = known & (whole > 0)
    return values_where(usable, part / np.where(usable, whole, 1.0), n)


def trailing_sums(values: Floats, weeks: int) -> Floats:
    """The sum of each row and the ``weeks - 1`` before it, along the first axis; fewer at the beginning."""
    total = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)))
    first = np.maximum(np.arange(len(values)) + 1 - weeks, 0)
    return np.asarray(total[1:] - total[first])


def no_data(frames: Frames) -> WeeklyValues:
    """The weeks of somebody about whom nothing can be said."""
    nothing = np.zeros(len(frames.weeks))
    return values_where(nothing > 0, nothing, nothing)
