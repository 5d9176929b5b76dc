"""Several families that move together: a pattern, though none of them may be a notice by itself.

The pattern's score is the sum of the positive parts of the families' scores. Families share their weeks (a full week
makes replies late and sessions long), so how high the sum gets by chance depends on the families and on the person. It
is measured: the weekly steps from which the scores came are put into many random orders, whole weeks at a time and
half of them turned over, so that what belongs together stays together while every drift is gone. Then they are summed::

    scores   ~~~~~/‾‾  ─ steps →  | | | | | |  ─ shuffled, built again →  the height reached so many times a year
"""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.shifts import COUNT_SMOOTHING, MEAN_THRESHOLDS, Bools, Floats, is_new_score, space_notices

ORDERS = 100
"""Random orders of a person's weeks."""

ORDINARY_WEEKS, ORDINARY_CORRELATION = 52, 0.15
"""Shipped weeks of unit steps that are shuffled in with one's own, so that a year of them is not everything known."""

AGAIN_AFTER = 26
"""Weeks for which a threshold holds before it is measured again, with what has been seen since."""

CHANCE = 2.5
"""How often the shuffled scores cross for each time that real ones do in ordinary life."""

SECOND_SIGN = {2: 1.8, 3: 1.43}
"""By what the second largest of so many scores is multiplied, so that it crosses a threshold as rarely as one alone."""

_KEPT = 1 - COUNT_SMOOTHING
_STEP = np.sqrt(1 - _KEPT**2)


def pattern_shifts(
    scores: pd.DataFrame, *, alarms_per_year: float = 0.5, answered: pd.Series[bool] | None = None
) -> pd.Series[bool]:
    """Weeks in which the families together have risen above the usual: one row a week, one column a family.

    ``scores`` are of unit deviation in ordinary life, as from :func:`monitor.analysis.shifts.count_scores`; NaN where a
    family is not known. At least two must be. ``True`` stands in the first week of each notice, at least eight weeks
    from the last and from those that were ``answered``. The threshold is that of the families known in a week, and
    rests on earlier weeks alone.
    """
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    array = scores.to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(array)
    possible = known.sum(axis=1) >= 2
    total = np.where(known, array, 0.0).clip(0).sum(axis=1)
    high = ~possible | (total >= _thresholds(array, known, alarms_per_year))
    said = None if answered is None else answered.to_numpy(dtype=bool)[None]
    found = space_notices(high[None], possible[None] & is_new_score(total[None]), said)
    return pd.Series(found[0], index=scores.index, dtype=bool)


def family_score(scores: pd.DataFrame, *, signals: int = 1) -> pd.Series[float]:
    """One score for a family of two or three measures: the largest, or the second largest where it needs two signals.

    It is set back (or forth) by what the choice alone gives, so that it means what a single score means. That is by the
    number of measures known in the week and taken as independent: for measures that move together one signal becomes
    a little too careful, two signals a little too easy. NaN where fewer are known than the signals asked for.
    """
    array = scores.to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(array).sum(axis=1)
    if not 1 <= signals <= 2 or not signals <= array.shape[1] <= 3:
        raise ValueError(f"one or two signals of at most three measures: {signals} of {array.shape[1]}")
    chosen = -np.sort(-np.where(np.isfinite(array), array, -np.inf), axis=1)[:, signals - 1]
    chosen = np.where(known >= signals, chosen, np.nan)
    if signals == 2:
        chosen = chosen * np.where(known == 2, SECOND_SIGN[2], SECOND_SIGN[3])
        return pd.Series(chosen, index=scores.index)
    return pd.Series(_set_back(chosen, known), index=scores.index)


def _set_back(best: Floats, measures: NDArray[np.intp]) -> Floats:
    """The score that one measure crosses as often as the largest of several crosses ``best`` (Rice's formula)."""
    slope = (MEAN_THRESHOLDS[0.1] ** 2 - MEAN_THRESHOLDS[0.5] ** 2) / log(5)
    squared = best**2 - slope * np.log(np.maximum(measures, 1))
    return np.where(best > 0, np.sqrt(squared.clip(0)), best)


def _thresholds(scores: Floats, known: Bools, alarms_per_year: float) -> Floats:
    """The height for each week, measured anew each half year and where another family becomes known."""
    heights = np.full(len(scores), np.inf)
    term = np.arange(len(scores)) // AGAIN_AFTER
    another = (known[1:] != known[:-1]).any(axis=1) | (term[1:] != term[:-1])
    edges = [0, *(np.flatnonzero(another) + 1), len(scores)]
    for start, end in pairwise(edges if len(scores) else []):
        families = known[start]
        if families.sum() >= 2:
            heights[start:end] = _height(_steps(scores[:start, families]), alarms_per_year)
    return heights


def _steps(scores: Floats) -> Floats:
    """What each week added, in weeks in which all families were known and something was observed."""
    steps = (scores[1:] - _KEPT * scores[:-1]) / _STEP
    new = np.isfinite(steps).all(axis=1) & (scores[1:] != scores[:-1]).any(axis=1)
    return np.asarray(steps[new])


def _height(steps: Floats, alarms_per_year: float) -> float:
    """What the sum reaches so often when whole weeks come in random order."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    weeks = np.concatenate([steps, _ordinary(rng, steps.shape[1])])
    order = rng.permuted(np.tile(np.arange(len(weeks)), (ORDERS, 1)), axis=1).ravel()
    turned = rng.choice([-1.0, 1.0], (len(order), 1))
    total = lfilter([_STEP], [1, -_KEPT], turned * weeks[order], axis=0).clip(0).sum(axis=1)
    lower, at = np.sort(np.minimum(total[1:], total[:-1])), np.sort(total[1:])
    crossings = np.searchsorted(lower, at) - np.arange(len(at))
    rare = crossings[::-1] > alarms_per_year * CHANCE * len(at) / 52
    return float(at[::-1][max(int(rare.argmax()) - 1, 0)])


def _ordinary(rng: np.random.Generator, families: int) -> Floats:
    """Shipped weeks: unit steps with something in common."""
    own = rng.normal(size=(ORDINARY_WEEKS, families)) * np.sqrt(1 - ORDINARY_CORRELATION)
    return np.asarray(own + rng.normal(size=(ORDINARY_WEEKS, 1)) * np.sqrt(ORDINARY_CORRELATION))
