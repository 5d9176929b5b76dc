"""The metric catalogue: every metric is declared once, by its function and the decorator :func:`metric`.

The function's docstring is the public definition. The nightly run, the pages, the help, docs/definitions.md and the
property tests all read :func:`catalogue`. The order of the modules, and of the functions in them, is the display order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from reports.models import Unit

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.analysis.metrics.weekly import WeeklyValues

DEFINITIONS_VERSION = "6"
"""Printed in every report; raised whenever the meaning of a number changes, not for a change of wording."""

_MODULES = (
    "sessions", "days", "messages", "between_sessions", "recovery", "leave", "supervision", "caseload", "bookings",
    "agreements",
)  # fmt: skip


class Category(StrEnum):
    """The two categories of metrics: the director's blocks are made from workload, wellbeing is its owner's alone."""

    WORKLOAD = "workload"
    WELLBEING = "wellbeing"


class Family(StrEnum):
    """The sections in which metrics are shown."""

    SESSIONS = "sessions"
    MESSAGES = "messages"
    RECOVERY = "recovery"
    CASELOAD = "caseload"
    CLIENTS = "clients"


MetricFunction = Callable[["Frames"], "WeeklyValues"]
"""Computes the value, n and coverage (0 to 1) of each week from one clinician's frames."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the catalogue.

    evidence           a grade from A to D (docs/definitions.md explains them)
    source             where the definition comes from
    look_back          the number of weeks, up to the week itself, that its value depends on
    low, high          the bounds of its values
    min_coverage       the coverage below which a value is stored but not shown
    on_pages           false for a metric that only the program needs
    uses_agreed_hours  true where the value depends on the agreed hours: where nobody declared any, a 0 is uncertain
    """

    key: str
    title: str
    unit: Unit
    family: Family
    category: Category
    evidence: str
    source: str
    look_back: int
    low: float
    high: float
    min_coverage: float
    on_pages: bool
    uses_agreed_hours: bool
    compute: MetricFunction

    @property
    def read_column(self) -> str:
        """The column of the weeks that says whether the sources of the metric were read to the week's end.

        Sessions need the calendar alone. Whether messages were after hours depends on both, as do nights and days off.
        """
        return "calendar_complete" if self.family in {Family.SESSIONS, Family.CASELOAD} else "all_complete"

    @property
    def definition(self) -> str:
        """The definition in one paragraph."""
        return inspect.cleandoc(self.compute.__doc__ or "")


def metric(  # noqa: PLR0913 - a declaration names everything once
    title: str,
    unit: Unit,
    family: Family,
    *,
    evidence: str,
    source: str,
    category: Category = Category.WELLBEING,
    look_back: int = 1,
    low: float = 0.0,
    high: float = float("inf"),
    min_coverage: float = 0.0,
    on_pages: bool = True,
    uses_agreed_hours: bool = False,
) -> Callable[[MetricFunction], MetricFunction]:
    """Return a decorator that declares a function as the metric with the function's name as its key."""

    def declare(compute: MetricFunction) -> MetricFunction:
        declared = Metric(
            compute.__name__, title, unit, family, category, evidence, source, look_back, low, high, min_coverage,
            on_pages, uses_agreed_hours, compute,
        )  # fmt: skip
        compute.__dict__["metric"] = declared
        return compute

    return declare


@cache
def catalogue() -> Mapping[str, Metric]:
    """Return all metrics by key, in the order in which they are shown."""
    # Imported here and not above: the modules import this one for the decorator.
    modules = [import_module(f"monitor.analysis.metrics.{name}") for name in _MODULES]
    functions = [value for module in modules for value in vars(module).values()]
    declared = [value.__dict__["metric"] for value in functions if "metric" in getattr(value, "__dict__", {})]
    return {entry.key: entry for entry in declared}


def compute_metrics(frames: Frames) -> pd.DataFrame:
    """Compute every metric of one clinician: columns week, key, value, n, coverage; value NaN where there is no data.

    Where a source was not read to a week's end, the metrics that need it have no value for that week, rather than one
    that is too small.
    """
    import numpy as np
    import pandas as pd

    from monitor.analysis.metrics.weekly import blank_unless, observed

    results = [
        blank_unless(observed(frames, entry.read_column), entry.compute(frames)) for entry in catalogue().values()
    ]
    value, n, coverage = (np.concatenate(parts) for parts in zip(*results, strict=True))
    weeks = frames.time.weeks.index.to_numpy()
    keys = pd.Series(np.repeat(list(catalogue()), len(weeks)), dtype=object)
    return pd.DataFrame(
        {"week": np.tile(weeks, len(results)), "value": value, "n": n, "coverage": coverage, "key": keys}
    )
