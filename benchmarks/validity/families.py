"""The comparison for patterns: three families of one person that share weeks, mood and season, and rise together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.validity.methods import EVENHOURS, ORACLE, oracle_count_score
from benchmarks.validity.notices import BUDGET, find_threshold, notices, possible_years, weeks_to_notice
from benchmarks.validity.rows import ORDINARY, Row, change_row, ordinary_row
from benchmarks.validity.simulator import (
    NO_CHANGE,
    Bools,
    Change,
    Floats,
    SimulatedSeries,
    counts,
    simulate_population,
    step,
)
from monitor.analysis.pattern import pattern_shifts
from monitor.analysis.shifts import count_scores

MEASURE, CHANGE = "three families", "all ×1.5"
RATES = (1.0, 0.6, 1.6)
"""The factors by which the families' usual rates differ."""


def simulate_families(people: int, seed: int, change: Change = NO_CHANGE) -> list[SimulatedSeries]:
    """Simulate the families of so many people."""
    population = simulate_population(people, seed)
    return [
        counts(replace(population, rate=population.rate * rate), change, draw=10 + index)
        for index, rate in enumerate(RATES)
    ]


def product_patterns(families: list[SimulatedSeries]) -> Bools:
    """Return the notices of ``pattern_shifts`` over ``count_scores``, by person, at its nominal budget."""
    scores = [count_scores(pd.DataFrame(series.amounts), pd.DataFrame(series.weights)) for series in families]
    notices_by_person = [pattern_shifts(pd.concat([score[person] for score in scores], axis=1)) for person in scores[0]]
    return np.array(notices_by_person).T


def oracle_score(families: list[SimulatedSeries]) -> Floats:
    """Return the sum of the positive parts of an oracle's scores."""
    return np.asarray(sum(oracle_count_score(series).clip(0) for series in families))


def thresholds(people: int, seed: int) -> dict[tuple[str, str], float]:
    """Return the threshold at which the oracle keeps the budget."""
    ordinary = simulate_families(people, seed)
    score, possible = oracle_score(ordinary), possible_years(ordinary[0].observed).sum()

    def rate(height: float) -> float:
        return float(notices(score >= height, ordinary[0].observed).sum() / possible)

    return {(MEASURE, ORACLE): find_threshold(rate, (1, 15), 12, BUDGET)}


def rows(seed: int, people: int, limits: dict[tuple[str, str], float]) -> list[Row]:
    """Return the rows of ordinary life and of a rise of all three."""
    usual, risen = simulate_families(people, seed), simulate_families(people, seed, Change(rate=step(1.5)))
    height, possible = limits[MEASURE, ORACLE], possible_years(usual[0].observed)
    notices_by_method = {EVENHOURS: [product_patterns(families) for families in (usual, risen)]}
    notices_by_method[ORACLE] = [
        notices(oracle_score(families) >= height, families[0].observed) for families in (usual, risen)
    ]
    return [
        row
        for method, (before, after) in notices_by_method.items()
        for row in (
            change_row(MEASURE, method, CHANGE, weeks_to_notice(after)),
            ordinary_row(MEASURE, method, ORDINARY, before.sum(axis=0), possible),
        )
    ]
