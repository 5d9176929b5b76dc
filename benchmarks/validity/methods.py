"""The compared methods: common ones, the product, and an oracle that knows the truth.

Scores are (weeks, people), higher for a clearer rise. Of every rival the best of the tried variants is used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import betainc, ndtri

from benchmarks.validity.notices import BUDGET, Method, NoticesAtThreshold, notices
from benchmarks.validity.simulator import Bools, Floats, SimulatedSeries
from monitor.analysis.shifts import (
    COUNT_SMOOTHING,
    DISPERSION,
    MEAN_SMOOTHING,
    NEAREST,
    PRIOR_COUNT,
    PRIOR_EXPOSURE,
    count_shifts,
    mean_shifts,
)

FROZEN_WEEKS, YEAR = 52, 59
TUNED_FOR = 1.5
"""The ratio for which the CUSUM is optimal."""

PELT_WEEKS, PELT_RECENT, FIRST_SEARCH = 60, 26, 20
LATENCY_SD = 0.4
"""The usual standard deviation of a person's weekly mean of log minutes."""


def from_score(score: Callable[[SimulatedSeries], Floats]) -> Callable[[SimulatedSeries], NoticesAtThreshold]:
    """Return a method that compares one score a week with a threshold."""

    def prepare(series: SimulatedSeries) -> NoticesAtThreshold:
        numbers = np.nan_to_num(score(series), nan=-np.inf)
        return lambda threshold: notices(numbers >= threshold, series.observed)

    return prepare


# Common methods


def weekly_rate(series: SimulatedSeries) -> Floats:
    """Return this week's messages per 20 sessions, for one limit for everybody."""
    return series.amounts / series.weights


def percent_change(series: SimulatedSeries) -> Floats:
    """Return the rate of four weeks over that of the twelve before."""
    y, e = zero_filled(series)
    now, before = (
        window_sums(y, 0, 3) / positive_or_nan(window_sums(e, 0, 3)),
        window_sums(y, 4, 15) / positive_or_nan(window_sums(e, 4, 15)),
    )
    return now / positive_or_nan(before)


def individuals_chart(series: SimulatedSeries) -> Floats:
    """Return this week's rate in moving-range deviations above the year's mean (an XmR chart)."""
    observed = series.observed
    rate = np.where(observed, series.amounts / np.where(observed, series.weights, 1), 0.0)
    pairs = observed[1:] & observed[:-1]
    ranges = np.zeros_like(rate)
    ranges[1:] = np.where(pairs, np.abs(np.diff(rate, axis=0)), 0.0)
    has_range = np.zeros_like(rate)
    has_range[1:] = pairs
    mean = window_sums(rate, NEAREST, YEAR) / positive_or_nan(window_sums(observed.astype(float), NEAREST, YEAR))
    deviation = window_sums(ranges, NEAREST, YEAR) / positive_or_nan(window_sums(has_range, NEAREST, YEAR)) / 1.128
    return (rate - mean) / positive_or_nan(deviation)


def poisson_cusum(series: SimulatedSeries) -> Floats:
    """Return the summed log likelihood ratio of a rise over a rate fixed in the first year, never below 0."""
    y, e = zero_filled(series)
    first = np.cumsum(series.observed, axis=0) <= FROZEN_WEEKS
    rate = (PRIOR_COUNT + (y * first).sum(axis=0)) / (PRIOR_EXPOSURE + (e * first).sum(axis=0))
    gain = np.where(first, 0.0, y * np.log(TUNED_FOR) - rate * e * (TUNED_FOR - 1))
    total = np.zeros_like(gain)
    for week in range(1, len(gain)):
        total[week] = np.maximum(0, total[week - 1] + gain[week])
    return total


def change_points(series: SimulatedSeries) -> NoticesAtThreshold:
    """Return PELT on variance-stabilised rates of the last 60 observed weeks; raised if the newest segment is higher.

    The threshold is PELT's penalty, in variances of the person's own week-to-week differences.
    """
    from ruptures.detection.kernelcpd import KernelCPD

    search = KernelCPD(kernel="linear", min_size=2)

    def notices_at(penalty: float) -> Bools:
        high = np.zeros_like(series.observed)
        for person in range(len(series.scatter)):
            weeks = np.flatnonzero(series.observed[:, person])
            root = np.sqrt((series.amounts[weeks, person] + 3 / 8) / series.weights[weeks, person])
            for end in range(FIRST_SEARCH, len(weeks) + 1):
                high[weeks[end - 1], person] = is_raised(search, root[max(0, end - PELT_WEEKS) : end], penalty)
        return notices(high, series.observed)

    return notices_at


def is_raised(search: object, root: Floats, penalty: float) -> bool:
    """Return whether the newest segment began recently and is above the one before."""
    noise = np.median(np.abs(np.diff(root))) / (0.6745 * np.sqrt(2))
    scaled = root / max(noise, 0.05)
    ends = search.fit_predict(scaled, pen=penalty)  # type: ignore[attr-defined]
    if len(ends) < 2:
        return False
    begins, before = ends[-2], ends[-3] if len(ends) > 2 else 0
    return bool(len(root) - begins <= PELT_RECENT and scaled[begins:].mean() > scaled[before:begins].mean())


# The product and the oracle


def plain_ewma(series: SimulatedSeries) -> Floats:
    """Return the smoothed surprises under the rate of the last year, without clipping, gate or check of the counts."""
    y, e = zero_filled(series)
    rough = (PRIOR_COUNT + window_sums(y, NEAREST, YEAR)) / (PRIOR_EXPOSURE + window_sums(e, NEAREST, YEAR))
    rate, strength = np.empty_like(y), np.empty_like(y)
    for week in range(len(y)):
        past = slice(max(0, week - YEAR), max(0, week - NEAREST + 1))
        weight = 1 / (1 + rough[week] * e[past] / DISPERSION)
        strength[week] = PRIOR_COUNT + (weight * y[past]).sum(axis=0)
        rate[week] = strength[week] / (PRIOR_EXPOSURE + (weight * e[past]).sum(axis=0))
    surprise = normal_score(y, rate * np.where(e > 0, e, 1), 1 / DISPERSION + 1 / strength)
    return smoothed(surprise, series.observed, COUNT_SMOOTHING)


def oracle_count_score(series: SimulatedSeries) -> Floats:
    """Return the smoothed surprises under each person's true rate, season and scatter."""
    y, e = zero_filled(series)
    surprise = normal_score(y, series.usual * np.where(e > 0, e, 1), series.scatter)
    return smoothed(surprise, series.observed, COUNT_SMOOTHING)


def oracle_mean_score(series: SimulatedSeries) -> Floats:
    """Return the same for means: differences from the true mean over their true standard deviation."""
    x, n = zero_filled(series)
    surprise = (x - series.usual) / np.sqrt(series.between + series.scatter / np.maximum(n, 1))
    return smoothed(surprise, series.observed, MEAN_SMOOTHING)


def product_counts(series: SimulatedSeries) -> NoticesAtThreshold:
    """Return the notices of ``count_shifts`` at a budget of one false notice in so many years."""
    return product_notices(count_shifts, series)


def product_overruns(series: SimulatedSeries) -> NoticesAtThreshold:
    """Return the notices of ``mean_shifts`` on minutes."""
    return product_notices(mean_shifts, series)


def product_latencies(series: SimulatedSeries) -> NoticesAtThreshold:
    """Return the notices of ``mean_shifts`` on log minutes."""
    return product_notices(mean_shifts, series, typical_sd=LATENCY_SD)


def product_notices(
    detector: Callable[..., pd.DataFrame], series: SimulatedSeries, **options: float
) -> NoticesAtThreshold:
    """Return the notices of one of the product's detectors."""
    tables = pd.DataFrame(series.amounts), pd.DataFrame(series.weights)
    return lambda years: detector(*tables, alarms_per_year=1 / years, **options).to_numpy()


# Shared by the methods


def zero_filled(series: SimulatedSeries) -> tuple[Floats, Floats]:
    """Return values and weights with 0 in missing weeks."""
    return np.where(series.observed, series.amounts, 0.0), np.where(series.observed, series.weights, 0.0)


def window_sums(x: Floats, nearest: int, furthest: int) -> Floats:
    """Return the sums over the weeks t-furthest to t-nearest."""
    total = np.concatenate([np.zeros((furthest + 1, x.shape[1])), np.cumsum(x, axis=0)])
    return np.asarray(total[furthest + 1 - nearest : len(total) - nearest] - total[: len(x)])


def positive_or_nan(x: Floats) -> Floats:
    """Return the positive numbers, else NaN, so that nothing is divided by 0."""
    return np.where(x > 0, x, np.nan)


def normal_score(y: Floats, expected: Floats, scatter: Floats) -> Floats:
    """Return the mid-p normal score of counts under a negative binomial of that mean and relative variance."""
    size = np.broadcast_to(1 / scatter, y.shape)
    expected = np.maximum(expected, 1e-9)
    failure = expected / (size + expected)
    at_least = np.where(y > 0, betainc(np.maximum(y, 1), size, failure), 1.0)
    above = (at_least + betainc(y + 1, size, failure)) / 2
    return np.asarray(-ndtri(above.clip(1e-15, 1 - 1e-15)))


def smoothed(surprise: Floats, observed: Bools, share: float) -> Floats:
    """Return the exponentially weighted sum over its standard deviation, decay in missing weeks."""
    score, total, variance = np.zeros_like(surprise), np.zeros(surprise.shape[1]), np.zeros(surprise.shape[1])
    decay = 1 - share
    for week, is_observed in enumerate(observed):
        total = np.where(is_observed, decay * total + share * surprise[week], total)
        variance = np.where(is_observed, decay**2 * variance + share**2, variance)
        score[week] = total / np.sqrt(np.where(variance > 0, variance, 1.0))
    return score


EVENHOURS, ORACLE = "Evenhours", "an oracle that knows the true rate"
ONCE_IN = 1 / BUDGET

COUNTS = (
    Method("fixed limit for everybody", from_score(weekly_rate), (5, 200)),
    Method("percent change, 4 against 12 weeks", from_score(percent_change), (1, 20)),
    Method("XmR control chart", from_score(individuals_chart), (1, 10)),
    Method("change points by PELT", change_points, (4, 40), trials=7, slow=True),
    Method("Poisson CUSUM, frozen base", from_score(poisson_cusum), (1, 60)),
    Method("plain EWMA on empirical-Bayes scores", from_score(plain_ewma), (0.5, 6)),
    Method(EVENHOURS, product_counts, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, from_score(oracle_count_score), (0.5, 6)),
)
OVERRUNS = (
    Method(EVENHOURS, product_overruns, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, from_score(oracle_mean_score), (0.5, 6)),
)
LATENCIES = (
    Method(EVENHOURS, product_latencies, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, from_score(oracle_mean_score), (0.5, 6)),
)
