"""The comparison: rivals are calibrated to the budget, the product keeps it by its own setting."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.validity import all_families, families, single_clients
from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.notices import Method, calibrated_threshold, possible_years, weeks_to_notice
from benchmarks.validity.rows import ORDINARY, Row, Sizes, change_row, ordinary_row
from benchmarks.validity.scenarios import MEASURES, Measure
from benchmarks.validity.simulator import NO_CHANGE, Change, random_walk, simulate_population

CALIBRATION_SEED = 2000
"""The seed on which rivals are calibrated. The comparison runs on others; Evenhours was tuned on yet others."""

RANDOM_WALK, RANDOM_WALK_SD = "a level that wanders", 0.1

Thresholds = dict[tuple[str, str], float]


def thresholds(sizes: Sizes) -> Thresholds:
    """Return the threshold of each method."""
    limits = {}
    for measure in MEASURES:
        for method in measure.methods:
            ordinary = measure.draw(simulate_population(sample_size(method, sizes), CALIBRATION_SEED), NO_CHANGE)
            limits[measure.name, method.name] = calibrated_threshold(method, ordinary)
    limits |= families.thresholds(sizes.patterns, CALIBRATION_SEED)
    return limits | single_clients.thresholds(sizes.clinicians, CALIBRATION_SEED)


def compare_on_seed(seed: int, sizes: Sizes, limits: Thresholds) -> list[Row]:
    """Return every row of one seed."""
    rows = [row for measure in MEASURES for row in compare_measure(measure, seed, sizes, limits)]
    rows += families.rows(seed, sizes.patterns, limits)
    rows += single_clients.rows(seed, sizes.clinicians, limits)
    return rows + all_families.rows(seed, sizes.all_families)


def compare_measure(measure: Measure, seed: int, sizes: Sizes, limits: Thresholds) -> Iterator[Row]:
    """Yield the rows of all methods on one measure."""
    for method in measure.methods:
        population, height = simulate_population(sample_size(method, sizes), seed), limits[measure.name, method.name]
        for scenario in measure.scenarios:
            notices = method.prepare(measure.draw(population, scenario.change))(height)
            yield change_row(measure.name, method.name, scenario.name, weeks_to_notice(notices))
        changes = {ORDINARY: NO_CHANGE}
        if measure is MEASURES[0] and method.name == EVENHOURS:
            changes[RANDOM_WALK] = Change(rate=random_walk(population.size, seed, RANDOM_WALK_SD))
        for name, change in changes.items():
            series = measure.draw(population, change)
            false = method.prepare(series)(height).sum(axis=0)
            yield ordinary_row(measure.name, method.name, name, false, possible_years(series.observed))


def sample_size(method: Method, sizes: Sizes) -> int:
    """Return the number of people on which a method is tried."""
    return sizes.slow if method.slow else sizes.people
