"""The rule by which scores give notices, the calibration of a method to a budget, and the delay of its notices.

The rule is the product's and the same for every method: a notice is due in the week in which a person's score rises
through the threshold, from the 26th observed week on and at least eight weeks after that person's last notice. An
earlier rise waits until the eight weeks are over, and gives a notice if the score is still high.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import ONSET, Bools, Floats, SimulatedSeries
from monitor.analysis.shifts import FIRST_NOTICE, space_notices

BUDGET = 0.5
"""False notices a clinician and year."""

NoticesAtThreshold = Callable[[float], Bools]
"""Returns the notices, (weeks, people), at a threshold; a higher threshold gives fewer."""


@dataclass(frozen=True)
class Method:
    """A method to detect a change. ``range`` contains the threshold, on which ``prepare`` does not depend."""

    name: str
    prepare: Callable[[SimulatedSeries], NoticesAtThreshold]
    range: tuple[float, float]
    trials: int = 12
    slow: bool = False
    nominal: float | None = None
    """The setting of a method that claims to keep the budget by itself; such a method is not calibrated."""


def notices(high: Bools, observed: Bools, first: int = FIRST_NOTICE) -> Bools:
    """Apply the product's rule; a missing week keeps the flag of the last observed one."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(len(high))[:, None], 0), axis=0)
    high = np.take_along_axis(high & observed, latest, axis=0)
    possible = observed & (np.cumsum(observed, axis=0) >= first)
    return space_notices(high.T, possible.T).T


def possible_years(observed: Bools) -> Floats:
    """Return the years of each person in which notices were possible."""
    return np.asarray((np.cumsum(observed, axis=0) >= FIRST_NOTICE).sum(axis=0) / 52)


def calibrated_threshold(method: Method, ordinary: SimulatedSeries, budget: float = BUDGET) -> float:
    """Return the threshold at which ordinary life gives as many notices a year as the budget allows."""
    if method.nominal is not None:
        return method.nominal
    notices_at, possible = method.prepare(ordinary), possible_years(ordinary.observed).sum()
    return find_threshold(
        lambda height: float(notices_at(height).sum() / possible), method.range, method.trials, budget
    )


def find_threshold(rate: Callable[[float], float], between: tuple[float, float], trials: int, budget: float) -> float:
    """Return the threshold at which a falling rate meets the budget, by bisection."""
    low, high = between
    for _ in range(trials):
        middle = (low + high) / 2
        low, high = (middle, high) if rate(middle) > budget else (low, middle)
    return (low + high) / 2


def weeks_to_notice(notices_: Bools) -> Floats:
    """Return the weeks to each person's first notice, 1 for the week of the onset; infinite without a notice."""
    after = notices_[ONSET:]
    return np.where(after.any(axis=0), after.argmax(axis=0) + 1.0, np.inf)
