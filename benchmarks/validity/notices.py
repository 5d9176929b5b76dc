"""When a score becomes a notice, how strict a method must be for a budget of false ones, and what it then finds.

The rule is the product's and the same for every method: a notice is the week in which a person's score goes up
through the threshold, from the 26th observed week on and at least eight weeks after that person's last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import IN_TIME, ONSET, Bools, Drawn
from monitor.analysis.shifts import FIRST_NOTICE, SPACING

BUDGET = 0.5
"""False notices a clinician and year."""

AtStrictness = Callable[[float], Bools]
"""(weeks, people) of notices at a threshold; a higher one gives fewer."""


@dataclass(frozen=True)
class Method:
    """A way to find a change. ``prepare`` does what no threshold changes; the range holds the right threshold."""

    name: str
    prepare: Callable[[Drawn], AtStrictness]
    range: tuple[float, float]
    trials: int = 13
    slow: bool = False


@dataclass(frozen=True)
class Found:
    """What a method made of one cell: the share told in time, weeks until half are told, of so many people."""

    share: float
    median: float
    people: int
    alarms_per_year: float

    @property
    def error(self) -> float:
        """One Monte-Carlo standard error of the share."""
        return float(np.sqrt(self.share * (1 - self.share) / self.people))


def notices(high: Bools, observed: Bools) -> Bools:
    """The product's rule; a missing week holds what the last observed one said."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(len(high))[:, None], 0), axis=0)
    high = np.take_along_axis(high & observed, latest, axis=0)
    known = np.cumsum(observed, axis=0) >= FIRST_NOTICE
    told = np.zeros_like(high)
    last = np.full(high.shape[1], -SPACING)
    for week in range(1, len(high)):
        told[week] = high[week] & ~high[week - 1] & known[week] & (week - last >= SPACING)
        last[told[week]] = week
    return told


def alarms_per_year(told: Bools, drawn: Drawn) -> float:
    """Notices a person and year in which notices were possible."""
    possible = (np.cumsum(drawn.observed, axis=0) >= FIRST_NOTICE).sum()
    return float(52 * told.sum() / possible)


def calibrated(method: Method, ordinary: Drawn, budget: float = BUDGET) -> float:
    """The threshold at which ordinary life gives as many notices a year as the budget allows."""
    told_at = method.prepare(ordinary)
    low, high = method.range
    for _ in range(method.trials):
        middle = (low + high) / 2
        too_many = alarms_per_year(told_at(middle), ordinary) > budget
        low, high = (middle, high) if too_many else (low, middle)
    return (low + high) / 2


def found(told: Bools, drawn: Drawn) -> Found:
    """Notices from the onset on; whoever is never told is last in the median."""
    after = told[ONSET:]
    weeks = np.where(after.any(axis=0), after.argmax(axis=0) + 1, np.inf)
    in_time = float((weeks <= IN_TIME).mean())
    return Found(in_time, float(np.median(weeks)), len(weeks), alarms_per_year(told, drawn))
