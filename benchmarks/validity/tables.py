"""The race as text: the table of all methods, the rows with a target, and how often each method is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from benchmarks.validity import pairs
from benchmarks.validity.cells import MEASURES, TARGETS, Cell
from benchmarks.validity.methods import EVENHOURS, ORACLE
from benchmarks.validity.rows import Row, pooled

Rows = dict[tuple[str, str, str], Row]


def gathered(rows: Iterable[Row]) -> Rows:
    """All seeds together, by measure, method and cell, in the order of the race."""
    order: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        order.setdefault((row.measure, row.method, row.cell), []).append(row)
    return {key: pooled(same) for key, same in order.items()}


def race_table(rows: Rows) -> str:
    """Share found within 12 weeks with its error, and the median delay, of all methods on replies after hours."""
    measure = MEASURES[0]
    lines = [line("", *(cell.name for cell in measure.cells)), rule(len(measure.cells) + 1)]
    for method in measure.methods:
        name = f"**{method.name}**" if method.name == EVENHOURS else method.name
        lines.append(line(name, *(share(rows[measure.name, method.name, cell.name]) for cell in measure.cells)))
    return "\n".join(lines)


def targets_table(rows: Rows) -> str:
    """Every row of the product with its target, and what one would find who knew the truth."""
    lines = [line("", "", "target", "Evenhours", "oracle", ""), rule(6)]
    for (measure, name), cell in TARGETS.items():
        ours, oracle = rows[measure, EVENHOURS, name], rows[measure, ORACLE, name]
        lines.append(line(measure, name, wanted(cell), share(ours), share(oracle), verdict(cell, ours)))
    return "\n".join(lines)


def clients_table(rows: Rows) -> str:
    """The methods for one client at a time."""
    methods = pairs.UNSHRUNK, EVENHOURS, ORACLE
    found = ((method, [share(rows[pairs.MEASURE, method, name]) for name in pairs.CHANGES]) for method in methods)
    head = [line(pairs.MEASURE, *pairs.CHANGES), rule(len(pairs.CHANGES) + 1)]
    return "\n".join([*head, *(line(method, *shares) for method, shares in found)])


def false_table(rows: Rows) -> str:
    """False notices a clinician and year at a budget of 0.5; rivals were set to it on another seed."""
    lines = [line("", "", "method", "false notices a year"), rule(4)]
    for row in rows.values():
        if len(row.years):
            rate, error = row.rate
            lines.append(line(row.measure, row.cell, row.method, f"{rate:.2f} ± {error:.2f}"))
    return "\n".join(lines)


def by_seed_table(rows: Iterable[Row]) -> str:
    """The product's rows seed by seed."""
    own = [row for row in rows if row.method == EVENHOURS]
    own.sort(key=lambda row: (row.measure, row.cell))
    lines = []
    for (measure, cell), same in groupby(own, key=lambda row: (row.measure, row.cell)):
        each = (f"{row.rate[0]:.2f}" if len(row.years) else f"{row.share[0]:.1f} %" for row in same)
        lines.append(line(measure, cell, " · ".join(each)))
    return "\n".join([line("", "", "by seed"), rule(3), *lines])


def share(row: Row) -> str:
    """62.1 ± 0.9 % (10)."""
    found, error = row.share
    median = f" ({row.median:.0f})" if np.isfinite(row.median) else ""
    return f"{found:.1f} ± {error:.1f} %{median}"


def wanted(cell: Cell) -> str:
    """The target in words."""
    if cell.most is not None:
        return f"at most {cell.most:.0f} %"
    least = f"{cell.least:.0f} %" if cell.least is not None else "–"
    return f"{least} ({cell.soon:.0f})" if cell.soon is not None else least


def verdict(cell: Cell, row: Row) -> str:
    """Whether the target was met, without regard to the error."""
    found = row.share[0]
    if cell.most is not None:
        return "met" if found <= cell.most else "not met"
    if cell.least is None:
        return ""
    return "met" if found >= cell.least and row.median <= (cell.soon or np.inf) else "not met"


def line(*cells: str) -> str:
    """One row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def rule(columns: int) -> str:
    """Below a heading."""
    return "|" + "---|" * columns
