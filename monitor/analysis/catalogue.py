"""Every metric is declared once, here its words, beside it its function; the function's docstring is the definition.

The nightly run, the pages, the help, docs/definitions.md and the property tests all read :func:`catalogue`.
The order of the modules and of the functions in them is the order in which metrics are shown.
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
"""Printed in every report; raised whenever a definition changes what a number means."""

_MODULES = (
    "sessions", "days", "messages", "between_sessions", "recovery", "leave", "supervision", "caseload", "bookings",
    "agreements",
)  # fmt: skip


class Category(StrEnum):
    """Where a metric is stored: what the director's blocks of four weeks are made from, or for its owner alone."""

    WORKLOAD = "workload"
    WELLBEING = "wellbeing"


class Family(StrEnum):
    """What a metric is about."""

    SESSIONS = "sessions"
    MESSAGES = "messages"
    RECOVERY = "recovery"
    CASELOAD = "caseload"
    CLIENTS = "clients"


MetricFunction = Callable[["Frames"], "WeeklyValues"]
"""From one clinician's frames to the value, n and coverage (0 to 1) of each of their weeks."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue.

    ``evidence`` is a grade from A to D (docs/definitions.md says what each means), ``source`` where the definition
    comes from, ``look_back`` the weeks before a week that its value depends on, ``min_coverage`` the coverage below
    which a value is kept but not shown. What is not on a page (``on_pages`` is false) stands on no page: the program
    alone needs it. What is counted ``uses_agreed_hours`` rests on the agreed hours: where nobody declared any, a 0 is
    not known to be one.
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
        """The column of the weeks that says whether what the metric rests on was read to the end.

        Sessions are the calendar's alone. When messages were after hours depends on both, as do nights and days off.
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
    """Declare the metric whose key is the function's name."""

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
    """All metrics by key, in the order in which they are shown."""
    modules = [import_module(f"monitor.analysis.metrics.{name}") for name in _MODULES]
    functions = [value for module in modules for value in vars(module).values()]
    declared = [value.__dict__["metric"] for value in functions if "metric" in getattr(value, "__dict__", {})]
    return {entry.key: entry for entry in declared}


def compute_metrics(frames: Frames) -> pd.DataFrame:
    """Every metric of one clinician: columns week, key, value, n, coverage; value NaN where there is no data.

    A week of which something was not read to its end has no number that would need it, rather than a smaller one.
    """
    import numpy as np
    import pandas as pd

    from monitor.analysis.metrics.weekly import blank_unless, observed

    found = [blank_unless(observed(frames, entry.read_column), entry.compute(frames)) for entry in catalogue().values()]
    value, n, coverage = (np.concatenate(parts) for parts in zip(*found, strict=True))
    weeks = frames.weeks.index.to_numpy()
    keys = pd.Series(np.repeat(list(catalogue()), len(weeks)), dtype=object)
    return pd.DataFrame({"week": np.tile(weeks, len(found)), "value": value, "n": n, "coverage": coverage, "key": keys})
