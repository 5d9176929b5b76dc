"""Every method on every row: rivals are set to the budget, the product is asked for it and left alone."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.validity import everything, families, pairs
from benchmarks.validity.cells import MEASURES, Measure
from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.notices import Method, strict_enough, weeks_until, years
from benchmarks.validity.rows import ORDINARY, Row, Sizes, of_change, of_ordinary
from benchmarks.validity.simulator import NOTHING, Change, lives, wandering

CALIBRATED_ON = 2000
"""The seed on which rivals are set to the budget; the race is run on others. Evenhours was tuned on others again."""

WANDERING, WANDERING_SD = "a level that wanders", 0.1

Strict = dict[tuple[str, str], float]


def thresholds(sizes: Sizes) -> Strict:
    """How strict each method must be."""
    strict = {}
    for measure in MEASURES:
        for method in measure.methods:
            ordinary = measure.draw(lives(size(method, sizes), CALIBRATED_ON), NOTHING)
            strict[measure.name, method.name] = strict_enough(method, ordinary)
    strict |= families.thresholds(sizes.patterns, CALIBRATED_ON)
    return strict | pairs.thresholds(sizes.clinicians, CALIBRATED_ON)


def one_seed(seed: int, sizes: Sizes, strict: Strict) -> list[Row]:
    """Every row of one seed."""
    rows = [row for measure in MEASURES for row in of_measure(measure, seed, sizes, strict)]
    rows += families.rows(seed, sizes.patterns, strict)
    rows += pairs.rows(seed, sizes.clinicians, strict)
    return rows + everything.rows(seed, sizes.whole)


def of_measure(measure: Measure, seed: int, sizes: Sizes, strict: Strict) -> Iterator[Row]:
    """All methods on one measure."""
    for method in measure.methods:
        someone, height = lives(size(method, sizes), seed), strict[measure.name, method.name]
        for cell in measure.cells:
            told = method.prepare(measure.draw(someone, cell.change))(height)
            yield of_change(measure.name, method.name, cell.name, weeks_until(told))
        lifes = {ORDINARY: NOTHING}
        if measure is MEASURES[0] and method.name == EVENHOURS:
            lifes[WANDERING] = Change(rate=wandering(someone.people, seed, WANDERING_SD))
        for name, change in lifes.items():
            drawn = measure.draw(someone, change)
            false = method.prepare(drawn)(height).sum(axis=0)
            yield of_ordinary(measure.name, method.name, name, false, years(drawn.observed))


def size(method: Method, sizes: Sizes) -> int:
    """How many a method is tried on."""
    return sizes.slow if method.slow else sizes.people
