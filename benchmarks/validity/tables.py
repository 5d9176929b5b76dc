"""The comparison as Markdown tables: all methods, the targets of the product, and the false notices."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from benchmarks.validity import single_clients
from benchmarks.validity.methods import EVENHOURS, ORACLE
from benchmarks.validity.rows import Row, pool
from benchmarks.validity.scenarios import MEASURES, TARGETS, Scenario

Rows = dict[tuple[str, str, str], Row]


def pool_seeds(rows: Iterable[Row]) -> Rows:
    """Return the pooled rows of all seeds by measure, method and scenario, in the order of the comparison."""
    order: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        order.setdefault((row.measure, row.method, row.scenario), []).append(row)
    return {key: pool(same) for key, same in order.items()}


def methods_table(rows: Rows) -> str:
    """Return for all methods on replies after hours the share found within 12 weeks, its error and the median delay."""
    measure = MEASURES[0]
    lines = [table_row("", *(scenario.name for scenario in measure.scenarios)), header_rule(len(measure.scenarios) + 1)]
    for method in measure.methods:
        name = f"**{method.name}**" if method.name == EVENHOURS else method.name
        lines.append(
            table_row(
                name, *(share_text(rows[measure.name, method.name, scenario.name]) for scenario in measure.scenarios)
            )
        )
    return "\n".join(lines)


def targets_table(rows: Rows) -> str:
    """Return every row of the product with its target, beside the oracle."""
    lines = [table_row("", "", "target", "Evenhours", "oracle", ""), header_rule(6)]
    for (measure, name), scenario in TARGETS.items():
        ours, oracle = rows[measure, EVENHOURS, name], rows[measure, ORACLE, name]
        lines.append(
            table_row(
                measure, name, target_text(scenario), share_text(ours), share_text(oracle), verdict(scenario, ours)
            )
        )
    return "\n".join(lines)


def clients_table(rows: Rows) -> str:
    """Return the table of the methods for single clients."""
    methods = single_clients.UNSHRUNK, EVENHOURS, ORACLE
    shares_by_method = (
        (method, [share_text(rows[single_clients.MEASURE, method, name]) for name in single_clients.CHANGES])
        for method in methods
    )
    head = [table_row(single_clients.MEASURE, *single_clients.CHANGES), header_rule(len(single_clients.CHANGES) + 1)]
    return "\n".join([*head, *(table_row(method, *shares) for method, shares in shares_by_method)])


def false_table(rows: Rows) -> str:
    """Return the false notices per clinician and year at a budget of 0.5; rivals were calibrated on another seed."""
    lines = [table_row("", "", "method", "false notices a year"), header_rule(4)]
    for row in rows.values():
        if len(row.years):
            rate, error = row.rate
            lines.append(table_row(row.measure, row.scenario, row.method, f"{rate:.2f} ± {error:.2f}"))
    return "\n".join(lines)


def by_seed_table(rows: Iterable[Row]) -> str:
    """Return the product's rows, seed by seed."""
    own = [row for row in rows if row.method == EVENHOURS]
    own.sort(key=lambda row: (row.measure, row.scenario))
    lines = []
    for (measure, scenario), same in groupby(own, key=lambda row: (row.measure, row.scenario)):
        cells = (f"{row.rate[0]:.2f}" if len(row.years) else f"{row.share[0]:.1f} %" for row in same)
        lines.append(table_row(measure, scenario, " · ".join(cells)))
    return "\n".join([table_row("", "", "by seed"), header_rule(3), *lines])


def share_text(row: Row) -> str:
    """Return the share with its error and the median delay: "62.1 ± 0.9 % (10)"."""
    percent, error = row.share
    median = f" ({row.median:.0f})" if np.isfinite(row.median) else ""
    return f"{percent:.1f} ± {error:.1f} %{median}"


def target_text(scenario: Scenario) -> str:
    """Return the target as text."""
    if scenario.max_share is not None:
        return f"at most {scenario.max_share:.0f} %"
    least = f"{scenario.min_share:.0f} %" if scenario.min_share is not None else "–"
    return f"{least} ({scenario.max_weeks:.0f})" if scenario.max_weeks is not None else least


def verdict(scenario: Scenario, row: Row) -> str:
    """Return "met" or "not met", without regard to the error; empty without a target."""
    percent = row.share[0]
    if scenario.max_share is not None:
        return "met" if percent <= scenario.max_share else "not met"
    if scenario.min_share is None:
        return ""
    return "met" if percent >= scenario.min_share and row.median <= (scenario.max_weeks or np.inf) else "not met"


def table_row(*scenarios: str) -> str:
    """Return one row of a Markdown table."""
    return f"| {' | '.join(scenarios)} |"


def header_rule(columns: int) -> str:
    """Return the line below the heading of a Markdown table."""
    return "|" + "---|" * columns
