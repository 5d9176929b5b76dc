"""Detects patterns: several families that rise together, though none of them may give a notice alone.

The pattern's score is the sum of the positive parts of the families' scores. Families share their weeks (a full week
makes replies late and sessions long), so the height that the sum reaches by chance depends on the families and on the
person. It is measured by simulation: the weekly steps behind the scores are put into many random orders, whole weeks at
a time and half of them with the opposite sign, so that the correlation of the families stays while every drift is
removed. Then they are summed again::

    scores   ~~~~~/‾‾  ─ steps →  | | | | | |  ─ shuffled, summed again →  the height reached so many times a year
"""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.shifts import COUNT_SMOOTHING, MEAN_THRESHOLDS, Bools, Floats, is_new_score, space_notices

ORDERS = 100
"""The number of random orders of a person's weeks."""

ORDINARY_WEEKS, ORDINARY_CORRELATION = 52, 0.15
"""Simulated weeks of unit steps that are shuffled in with the own ones, because one own year says too little."""

THRESHOLD_WEEKS = 26
"""Weeks for which a threshold holds before it is measured again."""

CROSSINGS_RATIO = 2.5
"""Crossings of the shuffled scores for each crossing of real ones in ordinary life."""

SECOND_SIGNAL = {2: 1.8, 3: 1.43}
"""The factor for the second largest of so many scores, with which it crosses a threshold as rarely as one alone."""

_DECAY = 1 - COUNT_SMOOTHING
_STEP = np.sqrt(1 - _DECAY**2)


def pattern_shifts(
    scores: pd.DataFrame, *, alarms_per_year: float = 0.5, answered: pd.Series[bool] | None = None
) -> pd.Series[bool]:
    """Return the weeks in which the families together have risen above the usual.

    ``scores`` has one row a week and one column a family, with standard deviation 1 in ordinary life (as from
    :func:`monitor.analysis.shifts.count_scores`) and NaN where a family is unknown; a pattern needs at least two known
    ones. The result is ``True`` in the first week of each notice, at least eight weeks from the last and from those
    that were ``answered``. The threshold is that of the families known in a week, and depends on earlier weeks alone.
    """
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    array = scores.to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(array)
    possible = known.sum(axis=1) >= 2
    total = np.where(known, array, 0.0).clip(0).sum(axis=1)
    high = ~possible | (total >= _thresholds(array, known, alarms_per_year))
    answered_weeks = None if answered is None else answered.to_numpy(dtype=bool)[None]
    notices = space_notices(high[None], possible[None] & is_new_score(total[None]), answered_weeks)
    return pd.Series(notices[0], index=scores.index, dtype=bool)


def family_score(scores: pd.DataFrame, *, signals: int = 1) -> pd.Series[float]:
    """Return one score for a family of two or three measures: the largest, or the second largest for two signals.

    The largest of several scores is higher by chance than a single one. It is reduced (the second largest is raised)
    so that it means the same as a single score, for the number of measures known in the week and as if they were
    independent: for correlated measures one signal becomes a little too strict, two signals a little too lenient. NaN
    where fewer measures are known than signals are needed.
    """
    array = scores.to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(array).sum(axis=1)
    if not 1 <= signals <= 2 or not signals <= array.shape[1] <= 3:
        raise ValueError(f"one or two signals of at most three measures: {signals} of {array.shape[1]}")
    # Sorted downwards, with unknown scores last.
    chosen = -np.sort(-np.where(np.isfinite(array), array, -np.inf), axis=1)[:, signals - 1]
    chosen = np.where(known >= signals, chosen, np.nan)
    if signals == 2:
        chosen = chosen * np.where(known == 2, SECOND_SIGNAL[2], SECOND_SIGNAL[3])
        return pd.Series(chosen, index=scores.index)
    return pd.Series(_as_single_score(chosen, known), index=scores.index)


def _as_single_score(largest: Floats, measures: NDArray[np.intp]) -> Floats:
    """Return the score that a single measure crosses as often as the largest of several crosses ``largest``."""
    # Rice's formula: the square of a threshold is almost linear in the logarithm of the rate of crossings.
    slope = (MEAN_THRESHOLDS[0.1] ** 2 - MEAN_THRESHOLDS[0.5] ** 2) / log(5)
    squared = largest**2 - slope * np.log(np.maximum(measures, 1))
    return np.where(largest > 0, np.sqrt(squared.clip(0)), largest)


def _thresholds(scores: Floats, known: Bools, alarms_per_year: float) -> Floats:
    """Return the threshold of each week, measured again each half year and where the known families change."""
    heights = np.full(len(scores), np.inf)
    half_year = np.arange(len(scores)) // THRESHOLD_WEEKS
    is_new = (known[1:] != known[:-1]).any(axis=1) | (half_year[1:] != half_year[:-1])
    edges = [0, *(np.flatnonzero(is_new) + 1), len(scores)]
    for start, end in pairwise(edges if len(scores) else []):
        families = known[start]
        if families.sum() >= 2:
            heights[start:end] = _height(_steps(scores[:start, families]), alarms_per_year)
    return heights


def _steps(scores: Floats) -> Floats:
    """Return what each week added to the scores; only weeks with all families known and something observed."""
    steps = (scores[1:] - _DECAY * scores[:-1]) / _STEP
    new = np.isfinite(steps).all(axis=1) & (scores[1:] != scores[:-1]).any(axis=1)
    return np.asarray(steps[new])


def _height(steps: Floats, alarms_per_year: float) -> float:
    """Return the height that the sum reaches so often when whole weeks come in random order."""
    # A fixed seed: the same data give the same threshold, tonight and in a test.
    rng = np.random.default_rng(0)
    weeks = np.concatenate([steps, _ordinary(rng, steps.shape[1])])
    order = rng.permuted(np.tile(np.arange(len(weeks)), (ORDERS, 1)), axis=1).ravel()
    signs = rng.choice([-1.0, 1.0], (len(order), 1))
    total = (_STEP * decaying_sums(signs * weeks[order], _DECAY)).clip(0).sum(axis=1)
    # The sum crosses a height upwards where the lower of two neighbouring weeks is below it and the later one is not.
    lower, heights = np.sort(np.minimum(total[1:], total[:-1])), np.sort(total[1:])
    crossings = np.searchsorted(lower, heights) - np.arange(len(heights))
    too_often = crossings[::-1] > alarms_per_year * CROSSINGS_RATIO * len(heights) / 52
    return float(heights[::-1][max(int(too_often.argmax()) - 1, 0)])


def decaying_sums(values: Floats, decay: float) -> Floats:
    """Return for each row the sum of all rows up to it, each weighted by ``decay`` to the power of its distance.

    ::

        sums[n] = values[n] + decay * values[n - 1] + decay² * values[n - 2] + ...
    """
    sums, span, weight = values.copy(), 1, decay
    # Each pass doubles how many rows a sum reaches back; beyond the last pass nothing is left of a row's weight.
    while span < len(sums) and weight > 1e-30:
        sums[span:] += weight * sums[:-span]
        span, weight = 2 * span, weight**2
    return sums


def _ordinary(rng: np.random.Generator, families: int) -> Floats:
    """Return simulated weeks: correlated unit steps."""
    own = rng.normal(size=(ORDINARY_WEEKS, families)) * np.sqrt(1 - ORDINARY_CORRELATION)
    return np.asarray(own + rng.normal(size=(ORDINARY_WEEKS, 1)) * np.sqrt(ORDINARY_CORRELATION))
