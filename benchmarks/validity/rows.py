"""What the race writes down, and the two numbers that are made of it: how many in time, how often wrongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import IN_TIME, Floats

ORDINARY = "ordinary life"


@dataclass(frozen=True)
class Sizes:
    """How many are simulated for each seed."""

    people: int = 800
    slow: int = 64
    patterns: int = 160
    clinicians: int = 200
    whole: int = 80
    intervals: int = 400


@dataclass(frozen=True)
class Row:
    """One method on one change: weeks until each person was told. Or on none: notices and years of each."""

    measure: str
    method: str
    cell: str
    weeks: Floats
    false: Floats
    years: Floats

    @property
    def share(self) -> tuple[float, float]:
        """Per cent told in time, and one Monte-Carlo standard error of it."""
        found = float((self.weeks <= IN_TIME).mean())
        return 100 * found, 100 * float(np.sqrt(found * (1 - found) / len(self.weeks)))

    @property
    def median(self) -> float:
        """Weeks until half were told; whoever never was comes last."""
        return float(np.median(self.weeks))

    @property
    def rate(self) -> tuple[float, float]:
        """False notices a person and year, and one standard error over people."""
        each, years = self.false, self.years
        rate = each.sum() / years.sum()
        return float(rate), float(np.sqrt(((each - rate * years) ** 2).sum()) / years.sum())


NOBODY: Floats = np.empty(0)


def of_change(measure: str, method: str, cell: str, weeks: Floats) -> Row:
    """A row of a change."""
    return Row(measure, method, cell, weeks, NOBODY, NOBODY)


def of_ordinary(measure: str, method: str, cell: str, false: Floats, years: Floats) -> Row:
    """A row of ordinary life."""
    return Row(measure, method, cell, NOBODY, false, years)


def pooled(rows: list[Row]) -> Row:
    """The same method and change on several seeds."""
    parts = [np.concatenate([getattr(row, name) for row in rows]) for name in ("weeks", "false", "years")]
    return Row(rows[0].measure, rows[0].method, rows[0].cell, *parts)
