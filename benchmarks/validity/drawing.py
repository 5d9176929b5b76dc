"""A chart of the comparison: the share that each method finds in time at the same rate of false notices."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.scenarios import MEASURES
from benchmarks.validity.tables import Rows

OURS, THEIRS = "#0f6b63", "#9aa5ad"


def draw(rows: Rows, path: Path) -> None:
    """Draw one panel a change, with one bar a method and its standard error."""
    measure = MEASURES[0]
    methods = [method.name for method in measure.methods][::-1]
    figure = Figure(figsize=(12, 5.5), layout="constrained")
    for panel, scenario in zip(figure.subplots(2, 3, sharey=True).flat, measure.scenarios, strict=True):
        shares = [rows[measure.name, name, scenario.name].share for name in methods]
        colours = [OURS if name == EVENHOURS else THEIRS for name in methods]
        panel.barh(methods, [percent for percent, _ in shares], xerr=[error for _, error in shares], color=colours)
        panel.set(xlim=(0, 100), title=scenario.name, xlabel="% found within 12 weeks")
        for limit in (scenario.min_share, scenario.max_share):
            if limit is not None:
                panel.axvline(limit, color="black", linewidth=0.8, linestyle=":")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
