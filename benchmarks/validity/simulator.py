"""Simulated clinicians with known changes. docs/validity.md justifies each assumption.

Tables are (weeks, people). After :data:`ONSET` weeks of ordinary life something changes, or nothing::

    week   0 ................................ 110 ........... 122 ........ 161
           ordinary life, recorded            onset
                                              found if noticed by here
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WEEKS, ONSET, WEEKS_IN_TIME = 162, 110, 12

SCATTER = 0.2
"""Variance of a week's rate around the person's own, beyond Poisson: counts of mean μ vary by μ + 0.2 μ² on average."""

MOOD_SD, MOOD_CARRIED = 0.15, 0.4
"""Standard deviation of the autocorrelated part of the scatter, and its correlation with the next week."""

SESSION_SD = 5.2
"""Standard deviation of one session's overrun around the week's mean, in minutes."""

REPLY_SD = 1.1
"""Standard deviation of the log minutes of one reply."""

OVERRUN_MOOD, REPLY_MOOD = 0.5, 0.2
"""Additional standard deviation of a week's mean overrun (minutes) and of its mean log minutes to a reply."""

KNOWN_SHARE = 0.85
"""The share of sessions whose actual end is known."""


@dataclass(frozen=True)
class SimulatedSeries:
    """Weekly numbers with their exposure, NaN in missing weeks, and the true rates that an oracle knows."""

    amounts: Floats
    weights: Floats
    usual: Floats
    scatter: Floats
    between: float = 0.0
    """For means: the variance of a week's true mean around the usual; ``scatter`` is that of one session or reply."""

    @property
    def observed(self) -> Bools:
        """The mask of weeks that count."""
        mask: Bools = np.isfinite(self.amounts) & (self.weights > 0)
        return mask


@dataclass(frozen=True)
class Population:
    """The true values of simulated clinicians before any change: one value a person, or (weeks, people)."""

    seed: int
    rate: Floats
    scatter: Floats
    season: Floats
    mood: Floats
    sessions: Floats
    worked: Bools

    @property
    def size(self) -> int:
        """The number of people."""
        return len(self.rate)


@dataclass(frozen=True)
class Change:
    """A change at the onset, as factors (minutes for overruns): one value a week, or one for all weeks."""

    rate: Floats | float = 1.0
    sessions: Floats | float = 1.0
    overrun: Floats | float = 0.0
    latency: Floats | float = 1.0


NO_CHANGE = Change()


def simulate_population(people: int, seed: int) -> Population:
    """Simulate so many clinicians; rates are after-hours replies per 20 sessions."""
    rng = np.random.default_rng((seed, 0))
    begins = rng.integers(0, 52, people)
    week = np.arange(WEEKS)[:, None] + begins
    season = 1 + rng.uniform(0, 0.12, people) * np.cos(2 * np.pi * (week / 52 + rng.random(people)))
    worked = working_weeks(rng, week)
    return Population(
        seed=seed,
        rate=np.exp(rng.normal(np.log(5), 0.6, people)).clip(1, 12),
        scatter=SCATTER * np.exp(rng.normal(-(0.3**2) / 2, 0.3, people)),
        season=season,
        mood=np.exp(autocorrelated_noise(rng, people, MOOD_SD) - MOOD_SD**2 / 2),
        sessions=sessions_held(rng, people),
        worked=worked,
    )


def autocorrelated_noise(rng: np.random.Generator, people: int, sd: float) -> Floats:
    """Return noise that is correlated from week to week."""
    noise = rng.normal(0, sd, (WEEKS, people))
    for week in range(1, WEEKS):
        noise[week] = MOOD_CARRIED * noise[week - 1] + np.sqrt(1 - MOOD_CARRIED**2) * noise[week]
    return noise


def working_weeks(rng: np.random.Generator, week: NDArray[np.int64]) -> Bools:
    """Return the weeks at work: all but two in summer, that of New Year, and two others (a course, an illness)."""
    people, years = week.shape[1], week // 52
    starts = np.stack([rng.integers(first, last, (years.max() + 1, people)) for first, last in LEAVE_BETWEEN])
    of_year = week % 52
    start = starts[:, years, np.arange(people)]
    length = np.array(LEAVE_WEEKS)[:, None, None]
    away: Bools = ((of_year >= start) & (of_year < start + length)).any(axis=0)
    return ~away


LEAVE_BETWEEN = ((27, 34), (51, 52), (2, 50), (2, 50))
LEAVE_WEEKS = (2, 1, 1, 1)


def sessions_held(rng: np.random.Generator, people: int) -> Floats:
    """Simulate 8 to 32 sessions a week by person; in one week of twelve about half of them (a short week)."""
    usual = rng.normal(20, 5, people).clip(8, 32)
    short = np.where(rng.random((WEEKS, people)) < 1 / 12, rng.uniform(0.4, 0.7, (WEEKS, people)), 1.0)
    expected = usual * short * np.exp(rng.normal(0, 0.12, (WEEKS, people)))
    return rng.poisson(expected).astype(float)


def counts(population: Population, change: Change = NO_CHANGE, *, draw: int = 1) -> SimulatedSeries:
    """Simulate after-hours replies; the exposure is held sessions / 20."""
    rng = np.random.default_rng((population.seed, draw))
    sessions = np.round(population.sessions * change.sessions)
    usual = population.rate * population.season
    size = 1 / np.maximum(population.scatter - MOOD_SD**2, 0.02)
    week = rng.gamma(size, 1 / size, sessions.shape) * population.mood
    replies = rng.poisson(usual * change.rate * sessions / 20 * week).astype(float)
    missing = ~population.worked | (sessions == 0)
    return SimulatedSeries(
        np.where(missing, np.nan, replies), np.where(missing, np.nan, sessions / 20), usual, population.scatter
    )


def overruns(population: Population, change: Change = NO_CHANGE, *, draw: int = 2) -> SimulatedSeries:
    """Simulate weekly mean overruns in minutes over sessions with a known end, each clipped to -10 to +20 minutes."""
    rng = np.random.default_rng((population.seed, draw))
    known_ends = rng.binomial(population.sessions.astype(int), KNOWN_SHARE)
    usual = rng.normal(2, 1.5, population.size)
    week = usual + autocorrelated_noise(rng, population.size, OVERRUN_MOOD) + change.overrun
    own_sd = SESSION_SD * np.exp(rng.normal(0, 0.15, population.size))

    def one_session() -> Floats:
        """Return overruns that are skewed as lateness is: gamma distributed with shape 4."""
        return np.clip(week + own_sd * (rng.standard_gamma(4, week.shape) - 4) / 2, -10, 20)

    series = weekly_means(one_session, np.where(population.worked, known_ends, 0), usual)
    return replace(series, scatter=own_sd**2, between=OVERRUN_MOOD**2)


def latencies(population: Population, change: Change = NO_CHANGE, *, draw: int = 3) -> SimulatedSeries:
    """Simulate the weekly mean of the log minutes to a reply, in weeks with five or more replies."""
    rng = np.random.default_rng((population.seed, draw))
    replies = rng.poisson(rng.uniform(6, 20, population.size) * population.sessions / 20)
    usual = rng.normal(np.log(90), 0.6, population.size)
    week = usual + autocorrelated_noise(rng, population.size, REPLY_MOOD) + np.log(change.latency)
    replies = np.where(population.worked & (replies >= 5), replies, 0)
    series = weekly_means(lambda: rng.normal(week, REPLY_SD), replies, usual)
    return replace(series, scatter=np.full(population.size, REPLY_SD**2), between=REPLY_MOOD**2)


def weekly_means(sample: Callable[[], Floats], number: NDArray[np.int64], usual: Floats) -> SimulatedSeries:
    """Return the means of so many samples a week; missing where there are none."""
    total = np.zeros(number.shape)
    for index in range(int(number.max())):
        total += np.where(index < number, sample(), 0.0)
    n = np.where(number > 0, number, np.nan)
    return SimulatedSeries(total / n, n, np.broadcast_to(usual, number.shape), np.zeros(len(usual)))


def step(factor: float, *, before: float = 1.0) -> Floats:
    """Return ``before``, then ``factor`` from the onset on."""
    return ramp(factor, weeks=1, before=before)


def ramp(factor: float, *, weeks: int, before: float = 1.0) -> Floats:
    """Return ``before``, then ``factor``, reached in equal steps over so many weeks."""
    risen = np.clip((np.arange(WEEKS) - ONSET + 1) / weeks, 0, 1)
    return (before + (factor - before) * risen)[:, None]


def random_walk(people: int, seed: int, sd: float) -> Floats:
    """Return a level that wanders: a random walk whose logarithm has this standard deviation after a year."""
    rng = np.random.default_rng((seed, 4))
    return np.asarray(np.exp(np.cumsum(rng.normal(0, sd / np.sqrt(52), (WEEKS, people)), axis=0)))


def one_week(factor: float) -> Floats:
    """Return ``factor`` in the week of the onset alone."""
    shape = np.ones((WEEKS, 1))
    shape[ONSET] = factor
    return shape
