"""The race for one client at a time; the budget of false notices is that of all clients of a clinician together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.validity.clients import Clients, clients
from benchmarks.validity.methods import EVENHOURS, ORACLE, divisor, window
from benchmarks.validity.notices import BUDGET, notices, threshold
from benchmarks.validity.rows import ORDINARY, Row, of_change, of_ordinary
from benchmarks.validity.simulator import ONSET, WEEKS, Bools, Floats
from monitor.analysis.client_shifts import FIRST_NOTICE, FURTHEST, NEAREST, UsualRates, client_shifts, rise_evidence

MEASURE, UNSHRUNK = "one client", "an unshrunk ratio, 8 weeks"
CHANGES = {"+1 a week": 1.0, "+2 a week": 2.0}
YEARS = (WEEKS - FIRST_NOTICE) / 52

Score = Callable[[Clients], Floats]


def plain_ratio(theirs: Clients) -> Floats:
    """The rate of the last eight weeks over that of the year before, where both are known."""
    y, e = np.nan_to_num(theirs.counts), np.nan_to_num(theirs.exposure)
    now = window(y, 0, 7) / divisor(window(e, 0, 7))
    return np.nan_to_num(now / divisor(window(y, NEAREST, FURTHEST) / divisor(window(e, NEAREST, FURTHEST))))


def knowing_the_rates(theirs: Clients) -> Floats:
    """The product's evidence, had one known the true rates."""
    y, e = np.nan_to_num(theirs.counts), np.nan_to_num(theirs.exposure)
    rate = np.broadcast_to(theirs.usual, y.shape)
    return rise_evidence(y, e, UsualRates(rate, np.full_like(y, np.inf)))


RIVALS: dict[str, tuple[Score, tuple[float, float]]] = {
    UNSHRUNK: (plain_ratio, (1, 40)),
    ORACLE: (knowing_the_rates, (0, 12)),
}


def told(score: Floats, theirs: Clients, height: float) -> Bools:
    """The product's rule."""
    return notices(score >= height, np.isfinite(theirs.exposure), FIRST_NOTICE)


def shipped(theirs: Clients) -> Bools:
    """``pair_shifts`` at its nominal budget."""
    return client_shifts(pd.DataFrame(theirs.counts), pd.DataFrame(theirs.exposure)).to_numpy()


def practice(number: int, seed: int, more: float = 0.0) -> list[Clients]:
    """So many clinicians."""
    return [clients(seed * 10_000 + at, more) for at in range(number)]


def thresholds(clinicians: int, seed: int) -> dict[tuple[str, str], float]:
    """The heights at which the rivals keep the budget over all clients."""
    ordinary = practice(clinicians, seed)
    strict = {}
    for name, (score, between) in RIVALS.items():
        scored = [(score(theirs), theirs) for theirs in ordinary]

        def rate(height: float, scored: list[tuple[Floats, Clients]] = scored) -> float:
            return sum(float(told(*one, height).sum()) for one in scored) / len(scored) / YEARS

        strict[MEASURE, name] = threshold(rate, between, 12, BUDGET)
    return strict


def rows(seed: int, clinicians: int, strict: dict[tuple[str, str], float]) -> list[Row]:
    """Ordinary life, and one client who writes more."""
    every: dict[str, Callable[[Clients], Bools]] = {EVENHOURS: shipped}
    for name, (score, _) in RIVALS.items():
        every[name] = lambda theirs, score=score, height=strict[MEASURE, name]: told(score(theirs), theirs, height)  # type: ignore[misc]
    ordinary = practice(clinicians, seed)
    changed = {name: practice(clinicians, seed, more) for name, more in CHANGES.items()}
    found = []
    for method, tell in every.items():
        false = np.array([float(tell(theirs).sum()) for theirs in ordinary])
        found.append(of_ordinary(MEASURE, method, ORDINARY, false, np.full(clinicians, YEARS)))
        for name, theirs in changed.items():
            found.append(of_change(MEASURE, method, name, np.array([until(tell(each), each) for each in theirs])))
    return found


def until(notices: Bools, theirs: Clients) -> float:
    """Weeks until the client is told in whom something changed."""
    after = notices[ONSET:, theirs.changed]
    return float(after.argmax() + 1) if after.any() else np.inf
