"""Rows of results: the share of changes found in time, and the rate of false notices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import WEEKS_IN_TIME, Floats

ORDINARY = "ordinary life"


@dataclass(frozen=True)
class Sizes:
    """The numbers of people or clinicians that are simulated for each seed."""

    people: int = 800
    slow: int = 64
    patterns: int = 160
    clinicians: int = 200
    all_families: int = 80
    intervals: int = 400


@dataclass(frozen=True)
class Row:
    """The result of a method: for a change the weeks to each person's notice, else notices and years of each."""

    measure: str
    method: str
    scenario: str
    weeks: Floats
    false: Floats
    years: Floats

    @property
    def share(self) -> tuple[float, float]:
        """The percentage found in time, and its Monte-Carlo standard error."""
        share = float((self.weeks <= WEEKS_IN_TIME).mean())
        return 100 * share, 100 * float(np.sqrt(share * (1 - share) / len(self.weeks)))

    @property
    def median(self) -> float:
        """The median of the weeks to a notice; infinite ones come last."""
        return float(np.median(self.weeks))

    @property
    def rate(self) -> tuple[float, float]:
        """False notices per person and year, and the standard error over people."""
        false, years = self.false, self.years
        rate = false.sum() / years.sum()
        return float(rate), float(np.sqrt(((false - rate * years) ** 2).sum()) / years.sum())


EMPTY: Floats = np.empty(0)


def change_row(measure: str, method: str, scenario: str, weeks: Floats) -> Row:
    """Return the row of a change."""
    return Row(measure, method, scenario, weeks, EMPTY, EMPTY)


def ordinary_row(measure: str, method: str, scenario: str, false: Floats, years: Floats) -> Row:
    """Return the row of ordinary life."""
    return Row(measure, method, scenario, EMPTY, false, years)


def pool(rows: list[Row]) -> Row:
    """Return one row for the same method and change on several seeds."""
    parts = [np.concatenate([getattr(row, name) for row in rows]) for name in ("weeks", "false", "years")]
    return Row(rows[0].measure, rows[0].method, rows[0].scenario, *parts)
