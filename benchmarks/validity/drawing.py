"""The race as a picture: what each method finds in time at the same false alarms."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.validity.cells import MEASURES
from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.tables import Rows

OURS, THEIRS = "#0f6b63", "#9aa5ad"


def draw(rows: Rows, path: Path) -> None:
    """One panel a change, one bar a method with one standard error."""
    measure = MEASURES[0]
    methods = [method.name for method in measure.methods][::-1]
    figure = Figure(figsize=(12, 5.5), layout="constrained")
    for panel, cell in zip(figure.subplots(2, 3, sharey=True).flat, measure.cells, strict=True):
        shares = [rows[measure.name, name, cell.name].share for name in methods]
        colours = [OURS if name == EVENHOURS else THEIRS for name in methods]
        panel.barh(methods, [found for found, _ in shares], xerr=[error for _, error in shares], color=colours)
        panel.set(xlim=(0, 100), title=cell.name, xlabel="% told within 12 weeks")
        for limit in (cell.least, cell.most):
            if limit is not None:
                panel.axvline(limit, color="black", linewidth=0.8, linestyle=":")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
