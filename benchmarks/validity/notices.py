"""When a score becomes a notice, how strict a method must be for a budget of false ones, and what it then finds.

The rule is the product's and the same for every method: a notice is the week in which a person's score goes up
through the threshold, from the 26th observed week on and at least eight weeks after that person's last. A rise before
those are over is told when they are, if it is still there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import ONSET, Bools, Drawn, Floats
from monitor.analysis.shifts import FIRST_NOTICE, space_notices

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
    trials: int = 12
    slow: bool = False
    nominal: float | None = None
    """What is asked of a method that claims to keep the budget by itself; it is then not calibrated."""


def notices(high: Bools, observed: Bools, first: int = FIRST_NOTICE) -> Bools:
    """The product's rule; a missing week holds what the last observed one said."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(len(high))[:, None], 0), axis=0)
    high = np.take_along_axis(high & observed, latest, axis=0)
    possible = observed & (np.cumsum(observed, axis=0) >= first)
    return space_notices(high.T, possible.T).T


def years(observed: Bools) -> Floats:
    """Years of each person in which notices were possible."""
    return np.asarray((np.cumsum(observed, axis=0) >= FIRST_NOTICE).sum(axis=0) / 52)


def strict_enough(method: Method, ordinary: Drawn, budget: float = BUDGET) -> float:
    """The threshold at which ordinary life gives as many notices a year as the budget allows."""
    if method.nominal is not None:
        return method.nominal
    told_at, possible = method.prepare(ordinary), years(ordinary.observed).sum()
    return threshold(lambda height: float(told_at(height).sum() / possible), method.range, method.trials, budget)


def threshold(rate: Callable[[float], float], between: tuple[float, float], trials: int, budget: float) -> float:
    """Where a falling rate meets the budget."""
    low, high = between
    for _ in range(trials):
        middle = (low + high) / 2
        low, high = (middle, high) if rate(middle) > budget else (low, middle)
    return (low + high) / 2


def weeks_until(told: Bools) -> Floats:
    """Weeks from the onset to each person's first notice, the week of the onset being one; infinite where none came."""
    after = told[ONSET:]
    return np.where(after.any(axis=0), after.argmax(axis=0) + 1.0, np.inf)
