"""Weekly numbers of one person against that person's own past, and the weeks in which a notice is due.

Rows are calendar weeks, columns are series, ``NaN`` is a missing week. Nothing is pooled over columns: a series gives
the same notices alone and among a thousand others. Nothing looks ahead: a later week never changes an earlier row.
The procedure and its constants were chosen by simulation; docs/validity.md shows what they keep::

    week   t-111 ............... t-8   t-7 ....... t
           baseline, own usual rate    rate gate
           observed weeks only         at least 1.25 × usual, at least 3 weeks observed

Each week's surprise ``z`` against the baseline is clipped and smoothed, and divided by how far it may stray by chance:
by the chance of the weeks, and by that of a baseline which is itself only estimated and errs the same way every week.
A notice is the score's way up through a threshold that is met by chance ``alarms_per_year`` times in a year of
ordinary life. A way up less than eight weeks after the last notice is told when they are over, if it is high still.
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
"""The baseline of week ``t`` is what was observed from ``t - 111`` to ``t - 8``: two years without the last two months.

Of two years, as far as they were recorded: each month of the year is then in it as often as any other.
"""

PRIOR_COUNT, PRIOR_EXPOSURE, DISPERSION = 0.5, 0.1, 5.0
"""Shipped, never fitted over people. ``DISPERSION`` is the size of a week's negative binomial around a known rate."""

LOWEST, HIGHEST = -2.0, 2.25
"""Where a week's surprise ends: one crisis is not a drift."""

COUNT_SMOOTHING, MEAN_SMOOTHING = 0.2, 0.25
"""The share of the newest week in a score. A mean rests on many sessions or replies, so fewer weeks have to tell."""

GATE_RATIO, GATE_WEEKS, GATE_OBSERVED = 1.25, 8, 3
PLAIN_MARGIN = 0.5
"""How far a score per session may exceed the score of the bare counts: fewer sessions are not more messages."""

FIRST_NOTICE = 26
"""Observed weeks, the week itself included, before a series may give a notice."""

SPACING = 8
"""Weeks from one notice of a series to its next."""

COUNT_THRESHOLDS = {0.5: 1.92, 0.25: 2.26, 0.1: 2.62}
MEAN_THRESHOLDS = {0.5: 2.05, 0.25: 2.38, 0.1: 2.74}
"""Score by false alarms a year in ordinary life."""

TYPICAL_SD = 1.4
"""Minutes by which one person's weekly mean overrun usually varies from week to week."""

TYPICAL_SD_WEEKS = 12
"""How many weeks of one's own the typical deviation counts for."""

COUNTABLE = 1000.0
"""Beyond, Poisson's part of the scatter is lost in the rest, so that counts can be taken in larger units."""

BLOCK = 32
"""Series worked on at a time: their windows then stay in the processor's cache."""

_Z = np.linspace(LOWEST, HIGHEST, 2001)
_P = np.array([NormalDist().cdf(z) for z in _Z])


def count_shifts(
    counts: pd.DataFrame,
    exposure: pd.DataFrame,
    *,
    alarms_per_year: float = 0.5,
    answered: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Weeks in which a count per exposure has risen above the person's own usual.

    ``exposure`` is what the counts are measured by: held sessions / 20 for messages, worked days / 5 for days. A week
    without exposure is missing. ``True`` stands in the first week of each notice; staying high does not repeat.
    ``answered`` says in which weeks notices were told and answered: the others keep their distance from them, too.
    Raises ValueError where the tables do not match, are negative or infinite, or the weeks are not consecutive.
    """
    threshold = _threshold(COUNT_THRESHOLDS, alarms_per_year)
    check_tables(counts, exposure)
    said = counts == np.inf if answered is None else answered
    return _by_block(lambda y, e, a: _crossings(*_count_scores(y, e), threshold, a > 0), counts, exposure, said)


def count_scores(counts: pd.DataFrame, exposure: pd.DataFrame) -> pd.DataFrame:
    """The score whose way up gives the notices of :func:`count_shifts`: of unit deviation in ordinary life.

    It holds in missing weeks and is NaN before the first week in which a notice may be given. Raises as there.
    """
    check_tables(counts, exposure)
    return _by_block(lambda y, e: _known(*_count_scores(y, e)), counts, exposure)


def mean_shifts(
    values: pd.DataFrame, weights: pd.DataFrame, *, alarms_per_year: float = 0.5, typical_sd: float = TYPICAL_SD
) -> pd.DataFrame:
    """Weeks in which a weekly mean has risen above the person's own usual.

    ``weights`` is the number behind each mean (sessions with a known end). A week with fewer than usual counts
    for less, in proportion; one with more counts no more than a usual week, since weeks differ by more than sampling.
    ``typical_sd`` is in the unit of ``values``: the week-to-week deviation shipped for the measure. For the rest as
    :func:`count_shifts`.
    """
    threshold = _threshold(MEAN_THRESHOLDS, alarms_per_year)
    _check_means(values, weights, typical_sd)
    return _by_block(lambda x, w: _crossings(*_mean_scores(x, w, typical_sd), threshold), values, weights)


def mean_scores(values: pd.DataFrame, weights: pd.DataFrame, *, typical_sd: float = TYPICAL_SD) -> pd.DataFrame:
    """The score of :func:`mean_shifts`, as :func:`count_scores` is that of counts."""
    _check_means(values, weights, typical_sd)
    return _by_block(lambda x, w: _known(*_mean_scores(x, w, typical_sd)), values, weights)


def score_shifts(
    scores: pd.DataFrame, *, alarms_per_year: float = 0.5, answered: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Weeks in which a score goes up through the threshold of that budget, at least eight weeks after the last.

    For scores that were put together from several: see :func:`monitor.analysis.pattern.family_score`. Where a score is
    NaN no notice may be given. ``answered`` as in :func:`count_shifts`.
    """
    threshold = _threshold(MEAN_THRESHOLDS, alarms_per_year)
    array = scores.to_numpy(dtype=float, na_value=np.nan).T
    known = np.isfinite(array)
    said = None if answered is None else answered.to_numpy(dtype=bool).T
    found = space_notices(~known | (array >= threshold), known & is_new_score(array), said)
    return pd.DataFrame(found.T, index=scores.index, columns=scores.columns)


def _threshold(known: dict[float, float], alarms_per_year: float) -> float:
    """The score crossed by chance so often. Its square is almost straight in the log of the rate (Rice's formula)."""
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    rates = sorted(known)
    low, high = (rates[0], rates[1]) if alarms_per_year < rates[1] else (rates[1], rates[2])
    slope = (known[low] ** 2 - known[high] ** 2) / log(high / low)
    return sqrt(known[low] ** 2 - slope * log(alarms_per_year / low))


def _check_means(values: pd.DataFrame, weights: pd.DataFrame, typical_sd: float) -> None:
    if not 0 < typical_sd < np.inf:
        raise ValueError(f"typical_sd must be positive: {typical_sd}")
    check_tables(weights, values, signed=True)


def check_tables(amounts: pd.DataFrame, other: pd.DataFrame, *, signed: bool = False) -> None:
    """Refuse tables that do not match, weeks that are not consecutive, and numbers that cannot be."""
    if not (amounts.index.equals(other.index) and amounts.columns.equals(other.columns)):
        raise ValueError("the two tables must have the same weeks and the same series")
    if isinstance(amounts.index, pd.DatetimeIndex) and (np.diff(amounts.index) != np.timedelta64(7, "D")).any():
        raise ValueError("rows must be consecutive weeks; a missing week is a row of NaN")
    for table, may_be_negative in ((amounts, False), (other, signed)):
        array = table.to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(array).any() or (not may_be_negative and (array < 0).any()):
            raise ValueError("counts, exposure and weights must be finite and not negative")


def _by_block(answer: Callable[..., NDArray[Any]], *tables: pd.DataFrame) -> pd.DataFrame:
    """Run series by series, in blocks; arrays inside are (series, weeks)."""
    arrays = [table.to_numpy(dtype=float, na_value=np.nan).T for table in tables]
    starts = range(0, max(len(arrays[0]), 1), BLOCK)
    found = np.concatenate([answer(*(array[start : start + BLOCK] for array in arrays)) for start in starts])
    return pd.DataFrame(found.T, index=tables[0].index, columns=tables[0].columns)


def _count_scores(counts: Floats, exposure: Floats) -> tuple[Floats, Bools]:
    """Scores per exposure, held down by the scores of the bare counts; and which weeks are observed."""
    observed = np.isfinite(counts) & np.isfinite(exposure) & (exposure > 0)
    y = np.where(observed, counts, 0.0)
    e = np.where(observed, exposure, 0.0)
    usual = zip(_usual_rate(y, e), _usual_plain(y, observed), strict=True)
    pairs = (y, y), (e, observed), (observed, observed), *usual
    per_exposure, plain = np.split(_gated_scores(*(np.concatenate(pair) for pair in pairs)), 2)
    return np.minimum(per_exposure, plain + PLAIN_MARGIN), observed


def _gated_scores(y: Floats, e: Floats, observed: Bools, rate: Floats, strength: Floats) -> Floats:
    expected = np.where(observed, rate * e, 1.0)
    doubt = 1 / strength / (1 / expected + 1 / DISPERSION)
    score = _smoothed(_surprise(y, expected), observed, COUNT_SMOOTHING, doubt)
    risen = _trailing(y) >= GATE_RATIO * rate * _trailing(e)
    is_open = risen & (_trailing(observed) >= GATE_OBSERVED)
    return np.where(is_open, score, np.minimum(score, 0.0))


def _usual_rate(y: Floats, e: Floats) -> tuple[Floats, Floats]:
    """The baseline's rate and the count it rests on; long weeks weigh less, as counts vary by more than Poisson."""
    ys, es = _baselines(y), _baselines(e)
    rough = (PRIOR_COUNT + _past(y)) / (PRIOR_EXPOSURE + _past(e))
    weight = (rough / DISPERSION)[..., None] * es
    weight += 1
    np.reciprocal(weight, out=weight)
    strength = PRIOR_COUNT + np.einsum("swb,swb->sw", weight, ys)
    return strength / (PRIOR_EXPOSURE + np.einsum("swb,swb->sw", weight, es)), strength


def _usual_plain(y: Floats, observed: Bools) -> tuple[Floats, Floats]:
    """The same where every week counts as one, so that all weigh alike."""
    count, weeks = _past(y), _past(observed)
    weight = 1 / (1 + (PRIOR_COUNT + count) / (PRIOR_EXPOSURE + weeks) / DISPERSION)
    strength = PRIOR_COUNT + weight * count
    return strength / (PRIOR_EXPOSURE + weight * weeks), strength


def _surprise(y: Floats, expected: Floats, size: float = DISPERSION) -> Floats:
    """Mid-p normal score, clipped, of a count under the negative binomial of mean ``expected`` and that size.

    Masses follow from one another, and the size is small, so that the first one never vanishes.
    """
    unit = np.maximum(1, np.maximum(y, expected) / COUNTABLE)
    y, expected = y / unit, expected / unit
    mass = (size / (size + expected)) ** size
    step = expected / (size + expected)
    below = np.zeros_like(mass)
    for k in range(int(y.max(initial=0)) + 2):
        below += mass * np.clip(y - k + 0.5, 0, 1)
        mass *= step * (size + k) / (k + 1)
    return np.interp(below, _P, _Z)


def _mean_scores(values: Floats, weights: Floats, typical_sd: float) -> tuple[Floats, Bools]:
    """Scores of weekly means, and which weeks are observed."""
    observed = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    x, w = np.where(observed, values, 0.0), np.where(observed, weights, 0.0)
    xs, ws, n = _baselines(x), _baselines(w), _baselines(observed).sum(-1)
    usual = ws.sum(-1) / np.maximum(n, 1)
    usual[n == 0] = np.inf
    shares = np.minimum(1.0, ws / usual[..., None])
    total = np.where(n > 0, shares.sum(-1), 1.0)
    mean = (shares * xs).sum(-1) / total
    squares = (shares * (xs - mean[..., None]) ** 2).sum(-1) / np.maximum(n - 1, 1)
    variance = (n * squares + TYPICAL_SD_WEEKS * typical_sd**2) / (n + TYPICAL_SD_WEEKS)
    share = np.where(observed & (n > 0), np.minimum(1.0, w / usual), 1.0)
    surprise = np.clip((x - mean) / np.sqrt(variance / share), LOWEST, HIGHEST)
    return _smoothed(surprise, observed & (n > 0), MEAN_SMOOTHING, share / total), observed


def _smoothed(surprise: Floats, observed: Bools, smoothing: float, doubt: Floats) -> Floats:
    """Exponentially weighted sum of the surprises over its standard deviation; missing weeks hold it.

    ``doubt`` is the variance that the baseline's own error brings into every surprise alike.
    """
    # weights that grow instead of fading: a float holds those of 46 years of weeks
    kept = (1 - smoothing) ** np.cumsum(observed, axis=1)
    total = smoothing * kept * np.cumsum(np.where(observed, surprise, 0.0) / kept, axis=1)
    variance = smoothing / (2 - smoothing) * (1 - kept**2) + doubt
    return np.asarray(total / np.sqrt(np.where(kept < 1, variance, 1.0)))


def _known(score: Floats, observed: Bools) -> Floats:
    """The score of the latest observed week, NaN until a notice may be given."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(score.shape[1]), 0), axis=1)
    held: Floats = np.take_along_axis(score, latest, axis=1)
    return np.where(np.cumsum(observed, axis=1) >= FIRST_NOTICE, held, np.nan)


def _crossings(score: Floats, observed: Bools, threshold: float, answered: Bools | None = None) -> Bools:
    """Upward crossings from the first week on in which a notice may be given; missing weeks hold the score."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(score.shape[1]), 0), axis=1)
    high = np.take_along_axis(score, latest, axis=1) >= threshold
    return space_notices(high, observed & (np.cumsum(observed, axis=1) >= FIRST_NOTICE), answered)


def space_notices(high: Bools, possible: Bools, answered: Bools | None = None) -> Bools:
    """The week in which each stretch that is high gives its one notice: its first, or the first SPACING after the last.

    All are (series, weeks). What is high already when notices become possible began earlier: it gives none. A notice
    that was ``answered`` stands in its week, whatever the numbers say now that its weeks are left out: others are as
    far from it, and a rise that goes on when they are counted again is told once that long is over.

    ::

        answered            |x|
        left out     ........
        high                   -----------------
        notice                       |x|              eight weeks after the answered one
    """
    was_high = np.ones_like(high)
    was_high[:, 1:] = high[:, :-1]
    begins = high & ~was_high & possible
    stands = np.zeros_like(high) if answered is None else answered
    told, waits, last = np.zeros_like(high), np.zeros(len(high), dtype=bool), np.full(len(high), -SPACING)
    for week in np.flatnonzero(high.any(axis=0) | stands.any(axis=0)):
        waits = (waits & was_high[:, week] & high[:, week]) | begins[:, week]
        ahead = stands[:, week + 1 : week + SPACING].any(axis=1)
        told[:, week] = waits & possible[:, week] & (week - last >= SPACING) & ~ahead
        last[told[:, week] | stands[:, week]] = week
        waits &= ~told[:, week]
    return told


def is_new_score(scores: Floats) -> Bools:
    """Where (series, weeks) of scores are not just held over from the week before, as they are in missing weeks."""
    changed = np.ones(scores.shape, dtype=bool)
    changed[:, 1:] = scores[:, 1:] != scores[:, :-1]
    return changed


def _baselines(x: Floats | Bools) -> Floats:
    """(series, weeks, 104): for each week what lies in its baseline window."""
    padded = np.concatenate([np.zeros((len(x), FURTHEST)), x], axis=1)
    return sliding_window_view(padded, FURTHEST - NEAREST + 1, axis=1)[:, : x.shape[1]]


def _past(x: Floats | Bools) -> Floats:
    """Sums over the baseline window of each week."""
    return _summed(x, NEAREST, FURTHEST)


def _trailing(x: Floats | Bools) -> Floats:
    """Sums over the weeks t-7 … t."""
    return _summed(x, 0, GATE_WEEKS - 1)


def _summed(x: Floats | Bools, nearest: int, furthest: int) -> Floats:
    total = np.cumsum(np.concatenate([np.zeros((len(x), furthest + 1)), x], axis=1), axis=1)
    return np.asarray(total[:, furthest + 1 - nearest : total.shape[1] - nearest] - total[:, : x.shape[1]])
