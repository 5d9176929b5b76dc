"""The size of a change, its interval and its start, for a notice; and a person's own range.

A notice picks the weeks that were high, so their plain ratio overstates the change. Two things correct that: the change
is shrunk towards none, and averaged over every week in which it may have begun, weighted by how well that week fits::

    t-111 ........................ | .......... t
    before: usual rate           since   after: the rate now
                                 every observed week of t-25 ... t is tried

Arrays run along the calendar weeks of one series, ``NaN`` is a missing week, ``week`` is a position in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.shifts import DISPERSION, FURTHEST, PRIOR_COUNT, PRIOR_EXPOSURE, TYPICAL_SD, TYPICAL_SD_WEEKS

Floats = NDArray[np.float64]

LOG_RATIO_SD = 0.4
"""Prior standard deviation of a change in log rate: nine in ten changes are between half and twice the usual."""

LONGEST_CHANGE = 26
"""A change that is noticed now began within so many weeks."""

GRID_STEP, GRID_REACH = 0.02, 300
"""The grid of log rates: its step, half the standard deviation of the best known rate, and the steps to each side."""

OWN_RANGE_WEEKS, OWN_RANGE_MIN_WEEKS = 12, 6

INTERVAL = NormalDist().inv_cdf(0.95)
"""Standard deviations from the middle of a 90 % interval to its ends."""


@dataclass(frozen=True, slots=True)
class RateRatio:
    """The ratio to the usual rate with its 90 % interval, for ``weeks`` calendar weeks from ``since_week_index`` on.

    ``unadjusted`` is the plain ratio of those weeks to the ones before, without any allowance for chance.
    """

    ratio: float
    low: float
    high: float
    since_week_index: int
    weeks: int
    unadjusted: float


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The difference from the usual mean, in its unit, with its 90 % interval; the rest as in :class:`RateRatio`."""

    difference: float
    low: float
    high: float
    since_week_index: int
    weeks: int
    unadjusted: float


@dataclass(frozen=True, slots=True)
class RatePrior:
    """The prior distributions.

    ``count`` in ``exposure`` for a rate, ``log_ratio_sd`` for the logarithm of a change, and ``dispersion``, the size
    of a week's negative binomial.
    """

    count: float = PRIOR_COUNT
    exposure: float = PRIOR_EXPOSURE
    log_ratio_sd: float = LOG_RATIO_SD
    dispersion: float = DISPERSION


DEFAULT_PRIOR = RatePrior()
"""The same for everybody: nothing is estimated from other people."""


def rate_ratio(
    counts: ArrayLike, exposure: ArrayLike, week: int, *, prior: RatePrior = DEFAULT_PRIOR
) -> RateRatio | None:
    """Return the rate up to ``week`` over the usual rate before; ``None`` if that week or all before it is missing.

    The exact posterior distribution (Bayes): the ratio is its median, the interval its middle 90 %,
    ``since_week_index`` the likeliest start. Raises ValueError as the detectors do.
    """
    weeks, y, e = _observed_weeks(counts, exposure, week)
    if (y < 0).any():
        raise ValueError("counts must not be negative")
    after = _candidates(weeks, week)
    if not len(after):
        return None
    begins = after.argmax(axis=1)
    ratios, likely = _log_ratios(y, e, begins, prior)
    below = np.cumsum(likely.sum(axis=0))
    low, ratio, high = np.exp(np.interp((0.05, 0.5, 0.95), below / below[-1], ratios + GRID_STEP / 2))
    begin = int(begins[likely.sum(axis=1).argmax()])
    since = int(weeks[begin])
    # A count of 0 before is taken as 0.5.
    before = max(y[:begin].sum(), PRIOR_COUNT) / e[:begin].sum()
    unadjusted = float(y[begin:].sum() / e[begin:].sum() / before)
    return RateRatio(float(ratio), float(low), float(high), since, week - since + 1, unadjusted)


def mean_difference(
    values: ArrayLike, weights: ArrayLike, week: int, *, typical_sd: float = TYPICAL_SD
) -> MeanDifference | None:
    """Return the mean up to ``week`` minus the usual mean before, shrunk by a prior of ``typical_sd``."""
    weeks, x, w = _observed_weeks(values, weights, week)
    after = _candidates(weeks, week)
    if not len(after):
        return None
    # For a step at each candidate: the means on both sides, its size, the variance of that size, and its likelihood.
    share, prior = np.minimum(1.0, w / w.mean()), typical_sd**2
    old_weight, new_weight = ~after @ share, after @ share
    old, new = (~after @ (share * x)) / old_weight, (after @ (share * x)) / new_weight
    squares = (share * (x - np.where(after, new[:, None], old[:, None])) ** 2).sum(-1)
    total, n = squares + TYPICAL_SD_WEEKS * prior, len(x) + TYPICAL_SD_WEEKS
    size, variance = new - old, total / n * (1 / old_weight + 1 / new_weight)
    likelihood = -n / 2 * np.log(total)
    likely, middle, spread = _posterior_change(likelihood, size, variance, prior)
    reach = INTERVAL * spread
    best = likely.argmax()
    since = int(weeks[after[best].argmax()])
    return MeanDifference(middle, middle - reach, middle + reach, since, week - since + 1, float(size[best]))


def _posterior_change(likelihood: Floats, size: Floats, variance: Floats, prior: float) -> tuple[Floats, float, float]:
    """Return the probability of each start, and mean and standard deviation of the change over all of them.

    ``likelihood`` is the log likelihood of a step at each start, ``variance`` that of its size, ``prior`` the variance
    of changes.
    """
    total = variance + prior
    # The marginal likelihoods, scaled to sum to one.
    evidence = likelihood + np.log(variance / total) / 2 - size**2 / total / 2
    weight = np.exp(evidence - evidence.max())
    likely = weight / weight.sum()
    # Each size is shrunk towards 0 and weighted by its probability; not knowing the start widens the interval.
    shrinkage = prior / total
    shrunk = shrinkage * size
    mean = float(likely @ shrunk)
    return likely, mean, float(np.sqrt(likely @ (shrinkage * variance + (shrunk - mean) ** 2)))


def own_range(before: ArrayLike) -> tuple[float, float, float] | None:
    """Return the 10th, 50th and 90th percentile of the last 12 observed weeks; ``None`` if there are fewer than 6."""
    values = np.asarray(before, dtype=float)
    last = values[np.isfinite(values)][-OWN_RANGE_WEEKS:]
    if len(last) < OWN_RANGE_MIN_WEEKS:
        return None
    low, middle, high = np.percentile(last, [10, 50, 90])
    return float(low), float(middle), float(high)


def _observed_weeks(values: ArrayLike, weights: ArrayLike, week: int) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return positions, values and weights of the observed weeks from the start of the baseline to ``week``."""
    first, second = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError("a series and its weights must be one-dimensional and of the same length")
    if not 0 <= week < len(first):
        raise ValueError(f"week {week} is not among the {len(first)} of the series")
    start = max(0, week - FURTHEST)
    first, second = first[start : week + 1], second[start : week + 1]
    if np.isinf(first).any() or np.isinf(second).any() or (second < 0).any():
        raise ValueError("values must be finite, and weights not negative")
    observed = np.flatnonzero(np.isfinite(first) & (second > 0))
    return observed + start, first[observed], second[observed]


def _candidates(weeks: NDArray[np.intp], week: int) -> NDArray[np.bool_]:
    """Return (candidates, observed weeks): whether a week is in or after the candidate's week, where a change begins.

    ::

        observed weeks    0  1  2  3
        begins in 2       -  -  x  x
        begins in 3       -  -  -  x
    """
    begins = [begin for begin in weeks[1:] if begin > week - LONGEST_CHANGE] if len(weeks) and weeks[-1] == week else []
    after: NDArray[np.bool_] = weeks[None, :] >= np.array(begins, dtype=np.intp)[:, None]
    return after


def _log_ratios(y: Floats, e: Floats, begins: NDArray[np.intp], prior: RatePrior) -> tuple[Floats, Floats]:
    """Return the grid of log ratios, and the likelihood of each with each start: (starts, log ratios), up to a factor.

    Both rates are on one grid, so that the distribution of their ratio is a correlation. A week is negative binomial
    around its rate; the usual rate has a gamma prior, the log ratio a normal one, and all starts are equally likely.
    """
    # Both rates are within the grid around the overall rate, for any data that give a notice.
    middle = np.log((prior.count + y.sum()) / (prior.exposure + e.sum()))
    rates = middle + np.arange(-GRID_REACH, GRID_REACH + 1) * GRID_STEP
    expected = np.exp(rates)[:, None] * e
    weeks = y * np.log(expected / (expected + prior.dispersion))
    weeks -= prior.dispersion * np.log1p(expected / prior.dispersion)
    until = np.cumsum(weeks, axis=1)
    before = until[:, begins - 1] + (prior.count * rates - prior.exposure * np.exp(rates))[:, None]
    after = until[:, -1:] - until[:, begins - 1]
    # Likelihoods are scaled by their maximum before exp, which would underflow otherwise.
    fit = before.max(axis=0) + after.max(axis=0)
    pairs = zip(np.exp(before - before.max(axis=0)).T, np.exp(after - after.max(axis=0)).T, strict=True)
    likelihood: Floats = np.array([np.correlate(new, old, "full") for old, new in pairs])
    ratios = np.arange(-2 * GRID_REACH, 2 * GRID_REACH + 1) * GRID_STEP
    likelihood *= np.exp(-((ratios / prior.log_ratio_sd) ** 2) / 2)
    likelihood *= np.exp(fit - fit.max())[:, None]
    return np.asarray(ratios), likelihood
