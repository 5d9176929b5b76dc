"""Three families of one person at once: they share weeks, moods and seasons, and rise together or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.validity.methods import EVENHOURS, ORACLE, knowing_the_truth
from benchmarks.validity.notices import BUDGET, notices, threshold, weeks_until, years
from benchmarks.validity.rows import ORDINARY, Row, of_change, of_ordinary
from benchmarks.validity.simulator import NOTHING, Bools, Change, Drawn, Floats, counts, lives, step
from monitor.analysis.pattern import pattern_shifts
from monitor.analysis.shifts import count_scores

MEASURE, CHANGE = "three families", "all ×1.5"
RATES = (1.0, 0.6, 1.6)
"""By what the families' usual rates differ."""


def drawn(people: int, seed: int, change: Change = NOTHING) -> list[Drawn]:
    """The families of so many people."""
    someone = lives(people, seed)
    return [counts(replace(someone, rate=someone.rate * rate), change, draw=10 + at) for at, rate in enumerate(RATES)]


def shipped(families: list[Drawn]) -> Bools:
    """``pattern_shifts`` over ``count_scores``, person by person, at its nominal budget."""
    scores = [count_scores(pd.DataFrame(one.amounts), pd.DataFrame(one.weights)) for one in families]
    told = [pattern_shifts(pd.concat([score[person] for score in scores], axis=1)) for person in scores[0]]
    return np.array(told).T


def knowing(families: list[Drawn]) -> Floats:
    """The sum of the positive parts of the scores of an oracle."""
    return np.asarray(sum(knowing_the_truth(one).clip(0) for one in families))


def thresholds(people: int, seed: int) -> dict[tuple[str, str], float]:
    """The height at which the oracle keeps the budget."""
    ordinary = drawn(people, seed)
    score, possible = knowing(ordinary), years(ordinary[0].observed).sum()

    def rate(height: float) -> float:
        return float(notices(score >= height, ordinary[0].observed).sum() / possible)

    return {(MEASURE, ORACLE): threshold(rate, (1, 15), 12, BUDGET)}


def rows(seed: int, people: int, strict: dict[tuple[str, str], float]) -> list[Row]:
    """Ordinary life and a rise of all three."""
    usual, risen = drawn(people, seed), drawn(people, seed, Change(rate=step(1.5)))
    height, possible = strict[MEASURE, ORACLE], years(usual[0].observed)
    told = {EVENHOURS: [shipped(each) for each in (usual, risen)]}
    told[ORACLE] = [notices(knowing(each) >= height, each[0].observed) for each in (usual, risen)]
    return [
        row
        for method, (before, after) in told.items()
        for row in (
            of_change(MEASURE, method, CHANGE, weeks_until(after)),
            of_ordinary(MEASURE, method, ORDINARY, before.sum(axis=0), possible),
        )
    ]
