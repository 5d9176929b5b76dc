"""The methods that race: what others do, what the product does, and what one could do who knew the truth.

Scores run along (weeks, people), higher is more raised. Every rival is given its better variant of those tried.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import betainc, ndtri

from benchmarks.validity.notices import BUDGET, AtStrictness, Method, notices
from benchmarks.validity.simulator import Bools, Drawn, Floats
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
"""The ratio for which the CUSUM is at its best."""

PELT_WEEKS, PELT_RECENT, FIRST_SEARCH = 60, 26, 20
LATENCY_SD = 0.4
"""By how much a person's weekly mean of log minutes usually varies."""


def scored(score: Callable[[Drawn], Floats]) -> Callable[[Drawn], AtStrictness]:
    """A method that is one number a week, compared with a threshold."""

    def prepare(drawn: Drawn) -> AtStrictness:
        numbers = np.nan_to_num(score(drawn), nan=-np.inf)
        return lambda threshold: notices(numbers >= threshold, drawn.observed)

    return prepare


# What others do


def weekly_rate(drawn: Drawn) -> Floats:
    """This week's messages per 20 sessions, compared with one limit for everybody."""
    return drawn.amounts / drawn.weights


def percent_change(drawn: Drawn) -> Floats:
    """The rate of four weeks over that of the twelve before."""
    y, e = filled(drawn)
    now, before = window(y, 0, 3) / divisor(window(e, 0, 3)), window(y, 4, 15) / divisor(window(e, 4, 15))
    return now / divisor(before)


def individuals_chart(drawn: Drawn) -> Floats:
    """XmR: this week's rate in moving-range deviations above the year's mean."""
    seen = drawn.observed
    rate = np.where(seen, drawn.amounts / np.where(seen, drawn.weights, 1), 0.0)
    pairs = seen[1:] & seen[:-1]
    moves = np.zeros_like(rate)
    moves[1:] = np.where(pairs, np.abs(np.diff(rate, axis=0)), 0.0)
    moved = np.zeros_like(rate)
    moved[1:] = pairs
    mean = window(rate, NEAREST, YEAR) / divisor(window(seen.astype(float), NEAREST, YEAR))
    deviation = window(moves, NEAREST, YEAR) / divisor(window(moved, NEAREST, YEAR)) / 1.128
    return (rate - mean) / divisor(deviation)


def poisson_cusum(drawn: Drawn) -> Floats:
    """Log-likelihood ratio of a rise over a rate that was fixed in the first year, summed and never below nothing."""
    y, e = filled(drawn)
    first = np.cumsum(drawn.observed, axis=0) <= FROZEN_WEEKS
    rate = (PRIOR_COUNT + (y * first).sum(axis=0)) / (PRIOR_EXPOSURE + (e * first).sum(axis=0))
    gain = np.where(first, 0.0, y * np.log(TUNED_FOR) - rate * e * (TUNED_FOR - 1))
    total = np.zeros_like(gain)
    for week in range(1, len(gain)):
        total[week] = np.maximum(0, total[week - 1] + gain[week])
    return total


def change_points(drawn: Drawn) -> AtStrictness:
    """PELT on variance-stabilised rates of the last 60 observed weeks; raised if the newest segment is above the last.

    The threshold is its penalty, in variances of the person's own week-to-week differences.
    """
    from ruptures.detection.kernelcpd import KernelCPD

    search = KernelCPD(kernel="linear", min_size=2)

    def told_at(penalty: float) -> Bools:
        high = np.zeros_like(drawn.observed)
        for person in range(len(drawn.scatter)):
            at = np.flatnonzero(drawn.observed[:, person])
            root = np.sqrt((drawn.amounts[at, person] + 3 / 8) / drawn.weights[at, person])
            for end in range(FIRST_SEARCH, len(at) + 1):
                high[at[end - 1], person] = raised(search, root[max(0, end - PELT_WEEKS) : end], penalty)
        return notices(high, drawn.observed)

    return told_at


def raised(search: object, root: Floats, penalty: float) -> bool:
    """Whether the newest segment began lately and lies above the one before."""
    noise = np.median(np.abs(np.diff(root))) / (0.6745 * np.sqrt(2))
    scaled = root / max(noise, 0.05)
    ends = search.fit_predict(scaled, pen=penalty)  # type: ignore[attr-defined]
    if len(ends) < 2:
        return False
    begins, before = ends[-2], ends[-3] if len(ends) > 2 else 0
    return bool(len(root) - begins <= PELT_RECENT and scaled[begins:].mean() > scaled[before:begins].mean())


# What the product does, and what it could


def plain_ewma(drawn: Drawn) -> Floats:
    """Surprises under the rate of the last year, smoothed: no clip, no gate, no second look at bare counts."""
    y, e = filled(drawn)
    rough = (PRIOR_COUNT + window(y, NEAREST, YEAR)) / (PRIOR_EXPOSURE + window(e, NEAREST, YEAR))
    rate, strength = np.empty_like(y), np.empty_like(y)
    for week in range(len(y)):
        past = slice(max(0, week - YEAR), max(0, week - NEAREST + 1))
        weight = 1 / (1 + rough[week] * e[past] / DISPERSION)
        strength[week] = PRIOR_COUNT + (weight * y[past]).sum(axis=0)
        rate[week] = strength[week] / (PRIOR_EXPOSURE + (weight * e[past]).sum(axis=0))
    surprise = normal_score(y, rate * np.where(e > 0, e, 1), 1 / DISPERSION + 1 / strength)
    return smoothed(surprise, drawn.observed, COUNT_SMOOTHING)


def knowing_the_truth(drawn: Drawn) -> Floats:
    """The product's smoothing of surprises under the true rate, the true season and the true scatter of each person."""
    y, e = filled(drawn)
    surprise = normal_score(y, drawn.usual * np.where(e > 0, e, 1), drawn.scatter)
    return smoothed(surprise, drawn.observed, COUNT_SMOOTHING)


def knowing_the_mean(drawn: Drawn) -> Floats:
    """The same for means: deviations from the true mean by their true deviation."""
    x, n = filled(drawn)
    surprise = (x - drawn.usual) / np.sqrt(drawn.between + drawn.scatter / np.maximum(n, 1))
    return smoothed(surprise, drawn.observed, MEAN_SMOOTHING)


def shipped_counts(drawn: Drawn) -> AtStrictness:
    """``count_shifts``, asked for one false notice in so many years."""
    return shipped(count_shifts, drawn)


def shipped_overruns(drawn: Drawn) -> AtStrictness:
    """``mean_shifts`` on minutes."""
    return shipped(mean_shifts, drawn)


def shipped_latencies(drawn: Drawn) -> AtStrictness:
    """``mean_shifts`` on log minutes."""
    return shipped(mean_shifts, drawn, typical_sd=LATENCY_SD)


def shipped(detector: Callable[..., pd.DataFrame], drawn: Drawn, **options: float) -> AtStrictness:
    """A detector of the product as it stands."""
    tables = pd.DataFrame(drawn.amounts), pd.DataFrame(drawn.weights)
    return lambda years: detector(*tables, alarms_per_year=1 / years, **options).to_numpy()


# What they share


def filled(drawn: Drawn) -> tuple[Floats, Floats]:
    """Values and weights, nothing in missing weeks."""
    return np.where(drawn.observed, drawn.amounts, 0.0), np.where(drawn.observed, drawn.weights, 0.0)


def window(x: Floats, nearest: int, furthest: int) -> Floats:
    """Sums over the weeks t-furthest … t-nearest."""
    total = np.concatenate([np.zeros((furthest + 1, x.shape[1])), np.cumsum(x, axis=0)])
    return np.asarray(total[furthest + 1 - nearest : len(total) - nearest] - total[: len(x)])


def divisor(x: Floats) -> Floats:
    """NaN where nothing lies, so that nothing is divided by it."""
    return np.where(x > 0, x, np.nan)


def normal_score(y: Floats, expected: Floats, scatter: Floats) -> Floats:
    """Mid-p normal score of counts under a negative binomial of that mean and relative variance."""
    size = np.broadcast_to(1 / scatter, y.shape)
    expected = np.maximum(expected, 1e-9)
    missed = expected / (size + expected)
    at_least = np.where(y > 0, betainc(np.maximum(y, 1), size, missed), 1.0)
    above = (at_least + betainc(y + 1, size, missed)) / 2
    return np.asarray(-ndtri(above.clip(1e-15, 1 - 1e-15)))


def smoothed(surprise: Floats, observed: Bools, share: float) -> Floats:
    """Exponentially weighted sum over its own standard deviation, held in missing weeks."""
    score, total, variance = np.zeros_like(surprise), np.zeros(surprise.shape[1]), np.zeros(surprise.shape[1])
    kept = 1 - share
    for week, seen in enumerate(observed):
        total = np.where(seen, kept * total + share * surprise[week], total)
        variance = np.where(seen, kept**2 * variance + share**2, variance)
        score[week] = total / np.sqrt(np.where(variance > 0, variance, 1.0))
    return score


EVENHOURS, ORACLE = "Evenhours", "an oracle that knows the true rate"
ONCE_IN = 1 / BUDGET

COUNTS = (
    Method("fixed limit for everybody", scored(weekly_rate), (5, 200)),
    Method("percent change, 4 against 12 weeks", scored(percent_change), (1, 20)),
    Method("XmR control chart", scored(individuals_chart), (1, 10)),
    Method("change points by PELT", change_points, (4, 40), trials=7, slow=True),
    Method("Poisson CUSUM, frozen base", scored(poisson_cusum), (1, 60)),
    Method("plain EWMA on empirical-Bayes scores", scored(plain_ewma), (0.5, 6)),
    Method(EVENHOURS, shipped_counts, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, scored(knowing_the_truth), (0.5, 6)),
)
OVERRUNS = (
    Method(EVENHOURS, shipped_overruns, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, scored(knowing_the_mean), (0.5, 6)),
)
LATENCIES = (
    Method(EVENHOURS, shipped_latencies, (0.5, 20), nominal=ONCE_IN),
    Method(ORACLE, scored(knowing_the_mean), (0.5, 6)),
)
