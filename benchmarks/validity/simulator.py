"""Simulated clinicians, of whom it is known what changed and when. docs/validity.md argues for each assumption.

Tables run along (weeks, people). Everybody is watched for :data:`ONSET` weeks of ordinary life, then something
changes, or nothing::

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

WEEKS, ONSET, IN_TIME = 162, 110, 12

SCATTER = 0.2
"""Variance of a week's rate around one's own, beside Poisson's: counts of mean μ vary by μ + 0.2 μ² on average."""

MOOD_SD, MOOD_KEPT = 0.15, 0.4
"""The part of the scatter that is carried over, and how much of it into the next week."""

SESSION_SD = 5.2
"""Minutes by which one session's overrun varies around the week's mean."""

REPLY_SD = 1.1
"""By how much the log of one reply's minutes varies."""

OVERRUN_MOOD, REPLY_MOOD = 0.5, 0.2
"""By how much a week's mean overrun in minutes, and its mean log of minutes until a reply, vary beside that."""

NUMBER_KNOWN = 0.85
"""Share of the sessions whose actual end is known."""


@dataclass(frozen=True)
class Drawn:
    """Weekly numbers with what they are measured by, NaN in missing weeks, and the rate an oracle would know."""

    amounts: Floats
    weights: Floats
    usual: Floats
    scatter: Floats
    between: float = 0.0
    """Of means: the variance of a week's true mean around the usual; ``scatter`` is that of one session or reply."""

    @property
    def observed(self) -> Bools:
        """Weeks that count."""
        found: Bools = np.isfinite(self.amounts) & (self.weights > 0)
        return found


@dataclass(frozen=True)
class Lives:
    """What is true of simulated clinicians before anything changes: one value a person, or (weeks, people)."""

    seed: int
    rate: Floats
    scatter: Floats
    season: Floats
    mood: Floats
    sessions: Floats
    worked: Bools

    @property
    def people(self) -> int:
        """How many."""
        return len(self.rate)


@dataclass(frozen=True)
class Change:
    """What changes at the onset, as factors (minutes for overruns): one value a week, or one for all weeks."""

    rate: Floats | float = 1.0
    sessions: Floats | float = 1.0
    overrun: Floats | float = 0.0
    latency: Floats | float = 1.0


NOTHING = Change()


def lives(people: int, seed: int) -> Lives:
    """So many clinicians; rates are after-hours replies per 20 sessions."""
    rng = np.random.default_rng((seed, 0))
    begins = rng.integers(0, 52, people)
    week = np.arange(WEEKS)[:, None] + begins
    season = 1 + rng.uniform(0, 0.12, people) * np.cos(2 * np.pi * (week / 52 + rng.random(people)))
    worked = at_work(rng, week)
    return Lives(
        seed=seed,
        rate=np.exp(rng.normal(np.log(5), 0.6, people)).clip(1, 12),
        scatter=SCATTER * np.exp(rng.normal(-(0.3**2) / 2, 0.3, people)),
        season=season,
        mood=np.exp(carried_over(rng, people, MOOD_SD) - MOOD_SD**2 / 2),
        sessions=sessions_held(rng, people),
        worked=worked,
    )


def carried_over(rng: np.random.Generator, people: int, sd: float) -> Floats:
    """Noise of which a share lasts into the next week."""
    noise = rng.normal(0, sd, (WEEKS, people))
    for week in range(1, WEEKS):
        noise[week] = MOOD_KEPT * noise[week - 1] + np.sqrt(1 - MOOD_KEPT**2) * noise[week]
    return noise


def at_work(rng: np.random.Generator, week: NDArray[np.int64]) -> Bools:
    """All but two weeks in summer, the week of New Year, and two single weeks anywhere: leave, a course, the flu."""
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
    """Eight to 32 a week by person, in one week in twelve only about half of them: a holiday, a short week."""
    usual = rng.normal(20, 5, people).clip(8, 32)
    short = np.where(rng.random((WEEKS, people)) < 1 / 12, rng.uniform(0.4, 0.7, (WEEKS, people)), 1.0)
    expected = usual * short * np.exp(rng.normal(0, 0.12, (WEEKS, people)))
    return rng.poisson(expected).astype(float)


def counts(someone: Lives, change: Change = NOTHING, *, draw: int = 1) -> Drawn:
    """After-hours replies, measured by held sessions / 20."""
    rng = np.random.default_rng((someone.seed, draw))
    sessions = np.round(someone.sessions * change.sessions)
    usual = someone.rate * someone.season
    size = 1 / np.maximum(someone.scatter - MOOD_SD**2, 0.02)
    week = rng.gamma(size, 1 / size, sessions.shape) * someone.mood
    replies = rng.poisson(usual * change.rate * sessions / 20 * week).astype(float)
    missing = ~someone.worked | (sessions == 0)
    return Drawn(np.where(missing, np.nan, replies), np.where(missing, np.nan, sessions / 20), usual, someone.scatter)


def overruns(someone: Lives, change: Change = NOTHING, *, draw: int = 2) -> Drawn:
    """Weekly mean overruns in minutes over the sessions whose end is known, each clipped to -10 … +20 minutes."""
    rng = np.random.default_rng((someone.seed, draw))
    known = rng.binomial(someone.sessions.astype(int), NUMBER_KNOWN)
    usual = rng.normal(2, 1.5, someone.people)
    week = usual + carried_over(rng, someone.people, OVERRUN_MOOD) + change.overrun
    own_sd = SESSION_SD * np.exp(rng.normal(0, 0.15, someone.people))

    def one_session() -> Floats:
        """Skewed as lateness is: a gamma of shape 4."""
        return np.clip(week + own_sd * (rng.standard_gamma(4, week.shape) - 4) / 2, -10, 20)

    drawn = means_of(one_session, np.where(someone.worked, known, 0), usual)
    return replace(drawn, scatter=own_sd**2, between=OVERRUN_MOOD**2)


def latencies(someone: Lives, change: Change = NOTHING, *, draw: int = 3) -> Drawn:
    """Weekly mean of the log minutes until a reply, in weeks with five or more of them."""
    rng = np.random.default_rng((someone.seed, draw))
    replies = rng.poisson(rng.uniform(6, 20, someone.people) * someone.sessions / 20)
    usual = rng.normal(np.log(90), 0.6, someone.people)
    week = usual + carried_over(rng, someone.people, REPLY_MOOD) + np.log(change.latency)
    replies = np.where(someone.worked & (replies >= 5), replies, 0)
    drawn = means_of(lambda: rng.normal(week, REPLY_SD), replies, usual)
    return replace(drawn, scatter=np.full(someone.people, REPLY_SD**2), between=REPLY_MOOD**2)


def means_of(one: Callable[[], Floats], number: NDArray[np.int64], usual: Floats) -> Drawn:
    """Means of so many draws a week; missing where there are none."""
    total = np.zeros(number.shape)
    for at in range(int(number.max())):
        total += np.where(at < number, one(), 0.0)
    n = np.where(number > 0, number, np.nan)
    return Drawn(total / n, n, np.broadcast_to(usual, number.shape), np.zeros(len(usual)))


def step(factor: float, *, before: float = 1.0) -> Floats:
    """``before``, then ``factor`` from the onset on."""
    return ramp(factor, weeks=1, before=before)


def ramp(factor: float, *, weeks: int, before: float = 1.0) -> Floats:
    """``before``, then ``factor``, reached in equal steps over so many weeks."""
    risen = np.clip((np.arange(WEEKS) - ONSET + 1) / weeks, 0, 1)
    return (before + (factor - before) * risen)[:, None]


def wandering(people: int, seed: int, sd: float) -> Floats:
    """A level that is never quite the same: a random walk, deviating by so much of its log in a year."""
    rng = np.random.default_rng((seed, 4))
    return np.asarray(np.exp(np.cumsum(rng.normal(0, sd / np.sqrt(52), (WEEKS, people)), axis=0)))


def one_week(factor: float) -> Floats:
    """The week of the onset alone."""
    shape = np.ones((WEEKS, 1))
    shape[ONSET] = factor
    return shape
