"""What a notice says in numbers: how much more than usual, how sure, since when; and a person's own range.

A notice is looked at after the fact, so its own weeks are the lucky ones. Two things keep the number honest: a change
is shrunk towards none, and averaged over every week in which it may have begun, weighted by how well that week fits::

    t-111 ........................ | .......... t
    before: usual rate           since   after: the rate now
                                 every observed week of t-25 ... t is tried

Arrays run along calendar weeks of one series, ``NaN`` is a missing week, ``week`` is a position in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.shifts import DISPERSION, FURTHEST, PRIOR_COUNT, PRIOR_EXPOSURE, TYPICAL_SD, TYPICAL_SD_WEEKS

Floats = NDArray[np.float64]

LOG_RATIO_SD = 0.4
"""Prior deviation of a change in log rate: nine in ten lie between half and twice the usual."""

LONGEST_CHANGE = 26
"""Weeks within which a change that is noticed now is taken to have begun."""

OWN_RANGE_WEEKS, OWN_RANGE_LEAST = 12, 6

INTERVAL = NormalDist().inv_cdf(0.95)
"""Deviations either side of a 90 % interval."""


@dataclass(frozen=True, slots=True)
class RateRatio:
    """How many times the usual, with its 90 % interval, for ``weeks`` calendar weeks from ``since_week_index`` on.

    ``seen`` is the plain ratio of those weeks to the ones before, in which nothing allows for chance.
    """

    ratio: float
    low: float
    high: float
    since_week_index: int
    weeks: int
    seen: float


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """How much above the usual mean, in its unit, with its 90 % interval; the rest as in :class:`RateRatio`."""

    difference: float
    low: float
    high: float
    since_week_index: int
    weeks: int
    seen: float


@dataclass(frozen=True, slots=True)
class _Changes:
    """One candidate a row: how well a step there fits, its size, the variance of that size."""

    likelihood: Floats
    size: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a rate before its weeks are seen: a count in an exposure.

    And of a change: the deviation of its log; and of a week: the size of its negative binomial.
    """

    count: float = PRIOR_COUNT
    exposure: float = PRIOR_EXPOSURE
    log_ratio_sd: float = LOG_RATIO_SD
    dispersion: float = DISPERSION


SHIPPED = Prior()
"""The same for everybody: nothing is pooled over people."""


def rate_ratio(counts: ArrayLike, exposure: ArrayLike, week: int, *, prior: Prior = SHIPPED) -> RateRatio | None:
    """The rate up to ``week`` over the usual rate before; ``None`` where nothing was observed before or in that week.

    ``since_week_index`` is where the likelihood of a step peaks. Raises ValueError as the detectors do.
    """
    weeks, y, e = _observed(counts, exposure, week)
    if (y < 0).any():
        raise ValueError("counts must not be negative")
    after = _candidates(weeks, week)
    if not len(after):
        return None
    changes = _rate_changes(y, e, after, prior)
    middle, spread = _averaged(changes, prior.log_ratio_sd)
    low, ratio, high = np.exp([middle - INTERVAL * spread, middle, middle + INTERVAL * spread])
    since, seen = _since(weeks, after, changes)
    return RateRatio(float(ratio), float(low), float(high), since, week - since + 1, float(np.exp(seen)))


def mean_difference(
    values: ArrayLike, weights: ArrayLike, week: int, *, typical_sd: float = TYPICAL_SD
) -> MeanDifference | None:
    """The mean up to ``week`` less the usual mean before; shrunk by a prior of ``typical_sd``, else as a rate ratio."""
    weeks, x, w = _observed(values, weights, week)
    after = _candidates(weeks, week)
    if not len(after):
        return None
    changes = _mean_changes(x, np.minimum(1.0, w / w.mean()), after, typical_sd)
    middle, spread = _averaged(changes, typical_sd)
    since, seen = _since(weeks, after, changes)
    return MeanDifference(middle, middle - INTERVAL * spread, middle + INTERVAL * spread, since, week - since + 1, seen)


def own_range(before: ArrayLike) -> tuple[float, float, float] | None:
    """The middle 80 % of the last 12 observed weeks: 10th, 50th and 90th percentile; ``None`` below 6 of them."""
    values = np.asarray(before, dtype=float)
    last = values[np.isfinite(values)][-OWN_RANGE_WEEKS:]
    if len(last) < OWN_RANGE_LEAST:
        return None
    low, middle, high = np.percentile(last, [10, 50, 90])
    return float(low), float(middle), float(high)


def _observed(values: ArrayLike, weights: ArrayLike, week: int) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Positions, values and weights of the observed weeks that may bear on ``week``."""
    first, second = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError("one series and its weights, of the same length")
    if not 0 <= week < len(first):
        raise ValueError(f"week {week} is not among the {len(first)} of the series")
    start = max(0, week - FURTHEST)
    first, second = first[start : week + 1], second[start : week + 1]
    if np.isinf(first).any() or np.isinf(second).any() or (second < 0).any():
        raise ValueError("values must be finite, and weights not negative")
    at = np.flatnonzero(np.isfinite(first) & (second > 0))
    return at + start, first[at], second[at]


def _candidates(weeks: NDArray[np.intp], week: int) -> NDArray[np.bool_]:
    """(candidates, observed weeks): which weeks lie after a change that begins in the candidate's week."""
    begins = [at for at in weeks[1:] if at > week - LONGEST_CHANGE] if len(weeks) and weeks[-1] == week else []
    after: NDArray[np.bool_] = weeks[None, :] >= np.array(begins, dtype=np.intp)[:, None]
    return after


def _rate_changes(y: Floats, e: Floats, after: NDArray[np.bool_], prior: Prior) -> _Changes:
    old, old_strength = _rates(y, e, ~after, prior)
    new, new_strength = _rates(y, e, after, prior)
    expected = np.where(after, new, old) * e
    fit = y * np.log(expected / (expected + prior.dispersion))
    fit -= prior.dispersion * np.log1p(expected / prior.dispersion)
    return _Changes(fit.sum(-1), np.log(new / old)[:, 0], (1 / old_strength + 1 / new_strength)[:, 0])


def _rates(y: Floats, e: Floats, where: NDArray[np.bool_], prior: Prior) -> tuple[Floats, Floats]:
    """Rate and the count it rests on over the chosen weeks, weighted as the detectors weight their baseline."""
    rough = (prior.count + where @ y) / (prior.exposure + where @ e)
    weight = where / (1 + rough[:, None] * e / prior.dispersion)
    strength = prior.count + weight @ y
    return (strength / (prior.exposure + weight @ e))[:, None], strength[:, None]


def _mean_changes(x: Floats, share: Floats, after: NDArray[np.bool_], typical_sd: float) -> _Changes:
    old_weight, new_weight = ~after @ share, after @ share
    old, new = (~after @ (share * x)) / old_weight, (after @ (share * x)) / new_weight
    squares = (share * (x - np.where(after, new[:, None], old[:, None])) ** 2).sum(-1)
    total, n = squares + TYPICAL_SD_WEEKS * typical_sd**2, len(x) + TYPICAL_SD_WEEKS
    return _Changes(-n / 2 * np.log(total), new - old, total / n * (1 / old_weight + 1 / new_weight))


def _averaged(changes: _Changes, prior_sd: float) -> tuple[float, float]:
    """Mean and deviation of the change's size, each candidate shrunk and weighted by its marginal likelihood."""
    whole = changes.variance + prior_sd**2
    kept = prior_sd**2 / whole
    size, variance = kept * changes.size, kept * changes.variance
    evidence = changes.likelihood + np.log(changes.variance / whole) / 2 - changes.size**2 / whole / 2
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    mean = float(weight @ size)
    return mean, float(np.sqrt(weight @ (variance + (size - mean) ** 2)))


def _since(weeks: NDArray[np.intp], after: NDArray[np.bool_], changes: _Changes) -> tuple[int, float]:
    """The week in which a step fits best, and its size."""
    best = changes.likelihood.argmax()
    return int(weeks[after[best].argmax()]), float(changes.size[best])
