"""Detects shifts: weeks in which a weekly number has risen above the person's own usual, so that a notice is due.

Rows are calendar weeks, columns are series, ``NaN`` is a missing week. Nothing is pooled over columns: a series gives
the same notices alone and among a thousand others. Nothing looks ahead: a later week never changes an earlier row.
The procedure and its constants were chosen by simulation; docs/validity.md shows what they achieve::

    week   t-111 ............... t-8   t-7 ....... t
           baseline, own usual rate    rate gate
           observed weeks only         at least 1.25 × usual, at least 3 weeks observed

Each week's surprise ``z`` against the baseline is clipped and smoothed, and divided by its standard deviation by
chance. That has two parts: the scatter of the weeks, and the error of the estimated baseline, which is the same every
week. A notice is due when the score rises through a threshold that chance crosses ``alarms_per_year`` times in an
ordinary year. After a notice, a rise within eight weeks waits until they are over, and gives a notice if the score is
still high.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEAREST, FURTHEST = 8, 111
"""The baseline of week ``t`` are the observed weeks ``t - 111`` to ``t - 8``: two years, without the last two months.

Two whole years, because each month of the year then counts as often as any other.
"""

PRIOR_COUNT, PRIOR_EXPOSURE, DISPERSION = 0.5, 0.1, 5.0
"""Fixed, never fitted to the people of a practice. ``DISPERSION`` is the size of a week's negative binomial."""

LOWEST, HIGHEST = -2.0, 2.25
"""The bounds of a week's surprise: one crisis is not a drift."""

COUNT_SMOOTHING, MEAN_SMOOTHING = 0.2, 0.25
"""The weight of the newest week in a score; larger for means, which rest on many sessions or replies a week."""

GATE_RATIO, GATE_WEEKS, GATE_OBSERVED = 1.25, 8, 3
COUNT_MARGIN = 0.5
"""The most by which a score per session may exceed that of the counts alone: fewer sessions are not more messages."""

FIRST_NOTICE = 26
"""Observed weeks, the week itself included, before a series can give a notice."""

SPACING = 8
"""The least number of weeks between two notices of a series."""

COUNT_THRESHOLDS = {0.5: 1.92, 0.25: 2.26, 0.1: 2.62}
MEAN_THRESHOLDS = {0.5: 2.05, 0.25: 2.38, 0.1: 2.74}
"""The threshold for each number of false alarms in an ordinary year."""

TYPICAL_SD = 1.4
"""The usual standard deviation of one person's weekly mean overrun, in minutes."""

TYPICAL_SD_WEEKS = 12
"""The number of own weeks that the typical deviation counts for."""

COUNTABLE = 1000.0
"""Above this count the Poisson part of the scatter is negligible, so that counts can be taken in larger units."""

BLOCK = 32
"""Series computed at a time, so that their windows stay in the processor's cache."""

_Z = np.linspace(LOWEST, HIGHEST, 2001)
_P = np.array([NormalDist().cdf(z) for z in _Z])


def count_shifts(
    counts: pd.DataFrame,
    exposure: pd.DataFrame,
    *,
    alarms_per_year: float = 0.5,
    answered: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the weeks in which a count per exposure has risen above the person's own usual.

    ``exposure`` is the amount of work behind the counts: held sessions / 20 for messages, worked days / 5 for days. A
    week without exposure is missing. The result is ``True`` in the first week of each notice; a score that stays high
    does not repeat it. ``answered`` marks the weeks of notices that were shown and answered: new notices keep their
    distance from those, too.

    Raises:
        ValueError: the tables do not match, are negative or infinite, or the weeks are not consecutive.
    """
    threshold = _threshold(COUNT_THRESHOLDS, alarms_per_year)
    check_tables(counts, exposure)
    answered = counts == np.inf if answered is None else answered  # no count is infinite: none was answered
    return _by_block(lambda y, e, a: _crossings(*_count_scores(y, e), threshold, a > 0), counts, exposure, answered)


def count_scores(counts: pd.DataFrame, exposure: pd.DataFrame) -> pd.DataFrame:
    """Return the score behind the notices of :func:`count_shifts`, with standard deviation 1 in ordinary life.

    It keeps its value in missing weeks and is NaN before the first week in which a notice is possible. Raises the same
    errors.
    """
    check_tables(counts, exposure)
    return _by_block(lambda y, e: _latest_scores(*_count_scores(y, e)), counts, exposure)


def mean_shifts(
    values: pd.DataFrame, weights: pd.DataFrame, *, alarms_per_year: float = 0.5, typical_sd: float = TYPICAL_SD
) -> pd.DataFrame:
    """Return the weeks in which a weekly mean has risen above the person's own usual.

    ``weights`` is the number behind each mean (sessions with a known end). A week with fewer than usual counts
    proportionally less; one with more counts no more than a usual week, since weeks differ by more than sampling.
    ``typical_sd`` is the usual standard deviation from week to week, in the unit of ``values``. The rest is as for
    :func:`count_shifts`.
    """
    threshold = _threshold(MEAN_THRESHOLDS, alarms_per_year)
    _check_means(values, weights, typical_sd)
    return _by_block(lambda x, w: _crossings(*_mean_scores(x, w, typical_sd), threshold), values, weights)


def mean_scores(values: pd.DataFrame, weights: pd.DataFrame, *, typical_sd: float = TYPICAL_SD) -> pd.DataFrame:
    """Return the score behind the notices of :func:`mean_shifts`; see :func:`count_scores`."""
    _check_means(values, weights, typical_sd)
    return _by_block(lambda x, w: _latest_scores(*_mean_scores(x, w, typical_sd)), values, weights)


def score_shifts(
    scores: pd.DataFrame, *, alarms_per_year: float = 0.5, answered: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the weeks in which a score rises through the threshold of that budget, at least eight weeks apart.

    For scores that combine several: see :func:`monitor.analysis.pattern.family_score`. Where a score is NaN no notice
    is possible. ``answered`` as in :func:`count_shifts`.
    """
    threshold = _threshold(MEAN_THRESHOLDS, alarms_per_year)
    array = scores.to_numpy(dtype=float, na_value=np.nan).T
    known = np.isfinite(array)
    answered_weeks = None if answered is None else answered.to_numpy(dtype=bool).T
    notices = space_notices(~known | (array >= threshold), known & is_new_score(array), answered_weeks)
    return pd.DataFrame(notices.T, index=scores.index, columns=scores.columns)


def _threshold(thresholds: dict[float, float], alarms_per_year: float) -> float:
    """Return the score that chance crosses so often, interpolated between the simulated thresholds."""
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    rates = sorted(thresholds)
    low, high = (rates[0], rates[1]) if alarms_per_year < rates[1] else (rates[1], rates[2])
    # By Rice's formula the square of the threshold is almost linear in the logarithm of the rate.
    slope = (thresholds[low] ** 2 - thresholds[high] ** 2) / log(high / low)
    return sqrt(thresholds[low] ** 2 - slope * log(alarms_per_year / low))


def _check_means(values: pd.DataFrame, weights: pd.DataFrame, typical_sd: float) -> None:
    if not 0 < typical_sd < np.inf:
        raise ValueError(f"typical_sd must be positive: {typical_sd}")
    check_tables(weights, values, signed=True)


def check_tables(amounts: pd.DataFrame, other: pd.DataFrame, *, signed: bool = False) -> None:
    """Raise ValueError for tables that do not match, weeks that are not consecutive, and impossible numbers."""
    if not (amounts.index.equals(other.index) and amounts.columns.equals(other.columns)):
        raise ValueError("the two tables must have the same weeks and the same series")
    if isinstance(amounts.index, pd.DatetimeIndex) and (np.diff(amounts.index) != np.timedelta64(7, "D")).any():
        raise ValueError("rows must be consecutive weeks; a missing week is a row of NaN")
    for table, may_be_negative in ((amounts, False), (other, signed)):
        array = table.to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(array).any() or (not may_be_negative and (array < 0).any()):
            raise ValueError("counts, exposure and weights must be finite and not negative")


def _by_block(compute: Callable[..., NDArray[Any]], *tables: pd.DataFrame) -> pd.DataFrame:
    """Compute a table from tables, a block of series at a time; arrays passed on are (series, weeks)."""
    arrays = [table.to_numpy(dtype=float, na_value=np.nan).T for table in tables]
    starts = range(0, max(len(arrays[0]), 1), BLOCK)
    blocks = np.concatenate([compute(*(array[start : start + BLOCK] for array in arrays)) for start in starts])
    return pd.DataFrame(blocks.T, index=tables[0].index, columns=tables[0].columns)


def _count_scores(counts: Floats, exposure: Floats) -> tuple[Floats, Bools]:
    """Return the scores per exposure, limited by those of the counts alone, and the mask of observed weeks."""
    observed = np.isfinite(counts) & np.isfinite(exposure) & (exposure > 0)
    y = np.where(observed, counts, 0.0)
    e = np.where(observed, exposure, 0.0)
    usual = zip(_usual_rate(y, e), _usual_count(y, observed), strict=True)
    # Both scores in one pass: per exposure in the first half of the rows, per week in the second.
    pairs = (y, y), (e, observed), (observed, observed), *usual
    counted, exposed, is_observed, rate, strength = (np.concatenate(pair) for pair in pairs)
    expected = np.where(is_observed, rate * exposed, 1.0)
    baseline_variance = 1 / strength / (1 / expected + 1 / DISPERSION)
    score = _smoothed(_surprise(counted, expected), is_observed, COUNT_SMOOTHING, baseline_variance)
    # Positive only where the last weeks' rate is at least 1.25 times the usual.
    risen = _gate_sums(counted) >= GATE_RATIO * rate * _gate_sums(exposed)
    is_open = risen & (_gate_sums(is_observed) >= GATE_OBSERVED)
    per_exposure, per_week = np.split(np.where(is_open, score, np.minimum(score, 0.0)), 2)
    return np.minimum(per_exposure, per_week + COUNT_MARGIN), observed


def _usual_rate(y: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Return the baseline's rate and the effective count behind it.

    Weeks with much exposure weigh less per unit of it, because counts vary by more than Poisson.
    """
    ys, es = _baselines(y), _baselines(e)
    rough = (PRIOR_COUNT + _baseline_sums(y)) / (PRIOR_EXPOSURE + _baseline_sums(e))
    weight = (rough / DISPERSION)[..., None] * es
    weight += 1
    np.reciprocal(weight, out=weight)
    strength = PRIOR_COUNT + np.einsum("swb,swb->sw", weight, ys)
    return strength / (PRIOR_EXPOSURE + np.einsum("swb,swb->sw", weight, es)), strength


def _usual_count(y: Floats, observed: Bools) -> tuple[Floats, Floats]:
    """Return the same with every week counted as one, so that all have the same weight."""
    count, weeks = _baseline_sums(y), _baseline_sums(observed)
    weight = 1 / (1 + (PRIOR_COUNT + count) / (PRIOR_EXPOSURE + weeks) / DISPERSION)
    strength = PRIOR_COUNT + weight * count
    return strength / (PRIOR_EXPOSURE + weight * weeks), strength


def _surprise(y: Floats, expected: Floats, size: float = DISPERSION) -> Floats:
    """Return the clipped mid-p normal score of a count under the negative binomial of mean ``expected`` and that size.

    The probabilities are computed one from another; the size is small, so the first one never becomes 0.
    """
    # Huge counts (a broken source) would make the loop below run for ever.
    unit = np.maximum(1, np.maximum(y, expected) / COUNTABLE)
    y, expected = y / unit, expected / unit
    mass = (size / (size + expected)) ** size
    step = expected / (size + expected)
    # Mid-p: all of the probability below the count, and half of that of the count itself.
    below = np.zeros_like(mass)
    for k in range(int(y.max(initial=0)) + 2):
        below += mass * np.clip(y - k + 0.5, 0, 1)
        mass *= step * (size + k) / (k + 1)
    return np.interp(below, _P, _Z)


def _mean_scores(values: Floats, weights: Floats, typical_sd: float) -> tuple[Floats, Bools]:
    """Return the scores of weekly means, and the mask of observed weeks."""
    observed = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    x, w = np.where(observed, values, 0.0), np.where(observed, weights, 0.0)
    xs, ws, n = _baselines(x), _baselines(w), _baselines(observed).sum(-1)
    usual = ws.sum(-1) / np.maximum(n, 1)
    usual[n == 0] = np.inf  # no baseline: every share becomes 0
    # Weeks with more than usual count as usual: weeks differ by more than sampling.
    shares = np.minimum(1.0, ws / usual[..., None])
    total = np.where(n > 0, shares.sum(-1), 1.0)
    mean = (shares * xs).sum(-1) / total
    squares = (shares * (xs - mean[..., None]) ** 2).sum(-1) / np.maximum(n - 1, 1)
    variance = (n * squares + TYPICAL_SD_WEEKS * typical_sd**2) / (n + TYPICAL_SD_WEEKS)
    share = np.where(observed & (n > 0), np.minimum(1.0, w / usual), 1.0)
    surprise = np.clip((x - mean) / np.sqrt(variance / share), LOWEST, HIGHEST)
    return _smoothed(surprise, observed & (n > 0), MEAN_SMOOTHING, share / total), observed


def _smoothed(surprise: Floats, observed: Bools, smoothing: float, baseline_variance: Floats) -> Floats:
    """Return the exponentially weighted sum of the surprises over its standard deviation, kept in missing weeks.

    ``baseline_variance`` is the variance that the error of the baseline adds to every surprise alike.
    """
    # Dividing by a decaying weight lets one cumulative sum do the work of a loop; a float holds 46 years of weeks.
    decay = (1 - smoothing) ** np.cumsum(observed, axis=1)
    total = smoothing * decay * np.cumsum(np.where(observed, surprise, 0.0) / decay, axis=1)
    variance = smoothing / (2 - smoothing) * (1 - decay**2) + baseline_variance
    return np.asarray(total / np.sqrt(np.where(decay < 1, variance, 1.0)))


def latest_observed(values: NDArray[Any], observed: Bools) -> NDArray[Any]:
    """Return the value of the latest observed week up to each week; arrays are (series, weeks).

    Before any observed week it is the value of the first week.
    """
    latest = np.maximum.accumulate(np.where(observed, np.arange(values.shape[1]), 0), axis=1)
    return np.asarray(np.take_along_axis(values, latest, axis=1))


def _latest_scores(score: Floats, observed: Bools) -> Floats:
    """Return the score of the latest observed week, NaN until a notice is possible."""
    has_baseline = np.cumsum(observed, axis=1) >= FIRST_NOTICE
    return np.where(has_baseline, latest_observed(score, observed), np.nan)


def _crossings(score: Floats, observed: Bools, threshold: float, answered: Bools | None = None) -> Bools:
    """Return the upward crossings from the first week in which a notice is possible; missing weeks keep the score."""
    has_baseline = np.cumsum(observed, axis=1) >= FIRST_NOTICE
    return space_notices(latest_observed(score, observed) >= threshold, observed & has_baseline, answered)


def space_notices(high: Bools, possible: Bools, answered: Bools | None = None) -> Bools:
    """Return the weeks of the notices: one for each rise, and at least :data:`SPACING` weeks apart.

    All arrays are (series, weeks). A rise gives its notice in its first week, or, if the last notice is less than
    SPACING weeks ago, in the first week after that in which it is still high. What is high already when notices become
    possible began earlier and gives none. A notice that was ``answered`` stays in its week, although its weeks are now
    left out of the numbers: other notices keep the same distance from it, and a rise that continues when the weeks
    count again gives a notice once that distance is over.

    ::

        answered            |x|
        left out     ........
        high                   -----------------
        notice                       |x|              eight weeks after the answered one
    """
    was_high = np.ones_like(high)
    was_high[:, 1:] = high[:, :-1]
    begins = high & ~was_high & possible
    answered = np.zeros_like(high) if answered is None else answered
    notices, waits, last = np.zeros_like(high), np.zeros(len(high), dtype=bool), np.full(len(high), -SPACING)
    for week in np.flatnonzero(high.any(axis=0) | answered.any(axis=0)):
        waits = (waits & was_high[:, week] & high[:, week]) | begins[:, week]
        answer_ahead = answered[:, week + 1 : week + SPACING].any(axis=1)
        notices[:, week] = waits & possible[:, week] & (week - last >= SPACING) & ~answer_ahead
        last[notices[:, week] | answered[:, week]] = week
        waits &= ~notices[:, week]
    return notices


def is_new_score(scores: Floats) -> Bools:
    """Return where a score, (series, weeks), differs from the week before; in missing weeks it does not."""
    changed = np.ones(scores.shape, dtype=bool)
    changed[:, 1:] = scores[:, 1:] != scores[:, :-1]
    return changed


def _baselines(x: Floats | Bools) -> Floats:
    """Return the values of each week's baseline window: (series, weeks, 104)."""
    padded = np.concatenate([np.zeros((len(x), FURTHEST)), x], axis=1)
    return sliding_window_view(padded, FURTHEST - NEAREST + 1, axis=1)[:, : x.shape[1]]


def _baseline_sums(x: Floats | Bools) -> Floats:
    """Return the sums over the baseline window of each week."""
    return _window_sums(x, NEAREST, FURTHEST)


def _gate_sums(x: Floats | Bools) -> Floats:
    """Return the sums over the weeks t-7 to t."""
    return _window_sums(x, 0, GATE_WEEKS - 1)


def _window_sums(x: Floats | Bools, nearest: int, furthest: int) -> Floats:
    total = np.cumsum(np.concatenate([np.zeros((len(x), furthest + 1)), x], axis=1), axis=1)
    return np.asarray(total[:, furthest + 1 - nearest : total.shape[1] - nearest] - total[:, : x.shape[1]])
