"""How the caseload is shared: a dot a clinician beside an equal share, the two blocks before as a hollow dot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, chart_size, shorten, text_width
from reports.drawing import ChartMark, Drawing, disc
from reports.models import CaseloadStanding, Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import CaseloadRow, FairnessReport

RADIUS = 4.6
COLOURS = {
    CaseloadStanding.INSIDE: "teal-4",
    CaseloadStanding.ABOVE: "amber-4",
    CaseloadStanding.BELOW: "slate-4",
    CaseloadStanding.JOINING: "slate-3",
    CaseloadStanding.LEAVING: "slate-3",
    CaseloadStanding.UNKNOWN: "slate-3",
}
LEGEND_TEXTS = {
    CaseloadStanding.INSIDE: "inside the band",
    CaseloadStanding.ABOVE: "above it",
    CaseloadStanding.BELOW: "below it",
    CaseloadStanding.JOINING: "joining, not compared",
    CaseloadStanding.LEAVING: "leaving, not compared",
}
AXIS = "weighted sessions a week per full-time equivalent"


@dataclass(frozen=True, slots=True)
class Plot:
    """Where the dots are: loads along the sheet, a row a clinician."""

    left: float
    right: float
    top: float
    row: float
    low: float
    high: float

    def x(self, load: float) -> float:
        """Place of a load."""
        return self.left + (load - self.low) / (self.high - self.low) * (self.right - self.left)


def shares(report: FairnessReport, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """The dot plot of weighted load per full-time equivalent as SVG; each row has that person's own band."""
    paper = chart_size(narrow=narrow)
    plot = _plot(report.rows, paper)
    bottom = plot.top + plot.row * len(report.rows)
    legend = Legend(_legend_entries(report.rows), paper.width, paper.small)
    on = Drawing(paper.width, bottom + paper.small * 3.4 + 6 + legend.height)
    _draw_headings(on, report, plot, paper)
    for at, row in enumerate(report.rows):
        _draw_band(on, report, row, plot, plot.top + at * plot.row, paper)
    for at, row in enumerate(report.rows):
        _draw_labels(on, row, plot, paper, plot.top + at * plot.row)
        _draw_dots(on, row, plot, paper, plot.top + at * plot.row)
    _draw_axis(on, plot, paper, bottom)
    legend.draw(on, 0, bottom + paper.small * 3.4)
    return on.svg(Caption(key, report.headline, _description(report)), literal=literal)


def _draw_band(on: Drawing, report: FairnessReport, row: CaseloadRow, plot: Plot, top: float, paper: ChartSize) -> None:
    """The person's own band and the equal share; on a phone below the name, so that no word stands on the line."""
    if top > plot.top:
        on.line([(0 if paper.narrow else plot.left, top), (plot.right, top)], "rule", 0.8)
    if row.low is None or row.high is None:
        return
    upper, height = (top + 22, plot.row - 23) if paper.narrow else (top, plot.row)
    on.area(plot.x(row.low), upper, plot.x(row.high) - plot.x(row.low), height, "band")
    if report.equal_share is not None:
        share = plot.x(report.equal_share)
        on.line([(share, upper), (share, upper + height)], "teal-4", 1.4)


def _plot(rows: Sequence[CaseloadRow], paper: ChartSize) -> Plot:
    values = [value for row in rows for value in (row.load, row.load_before, row.low, row.high) if value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low or 1) * 0.04
    names = max([60.0, *(text_width(row.name, paper.body) for row in rows)])
    left = 0.0 if paper.narrow else min(names, 150.0) + 56
    right = paper.width - (0 if paper.narrow else 162 if any(row.note for row in rows) else 54)
    return Plot(left, right, paper.small * 2.1, 46.0 if paper.narrow else 24.0, max(low - margin, 0), high + margin)


def _draw_headings(on: Drawing, report: FairnessReport, plot: Plot, paper: ChartSize) -> None:
    baseline = plot.top - paper.small * 0.75
    on.text(0, baseline, "Clinician", paper.small)
    if not paper.narrow:
        on.text(plot.left - 14, baseline, "FTE", paper.small, anchor="right")
    on.text(paper.width if paper.narrow else plot.right + 46, baseline, "vs share", paper.small, anchor="right")
    if report.equal_share is not None:
        words = f"equal share {wording.quantity(report.equal_share, Unit.LOAD)}"
        half = text_width(words, paper.small) / 2
        x = min(max(plot.x(report.equal_share), plot.left + half), plot.right - half - (60 if paper.narrow else 0))
        on.text(x, baseline, words, paper.small, "teal-4", anchor="center")


def _draw_labels(on: Drawing, row: CaseloadRow, plot: Plot, paper: ChartSize, top: float) -> None:
    difference, part = wording.signed_percent(row.difference), COLOURS[row.standing]
    stands_out = row.standing in {CaseloadStanding.ABOVE, CaseloadStanding.BELOW}
    part = part if row.difference is not None else "quiet"
    fte = value_texts.fte(row)
    if paper.narrow:
        _draw_narrow_labels(on, row, paper, top + 16, fte)
        on.text(paper.width, top + 16, difference, paper.body, part, anchor="right", bold=stands_out)
        return
    baseline = top + plot.row / 2 + paper.body * 0.36
    on.text(0, baseline, shorten(row.name, plot.left - 54, paper.body), paper.body, "ink")
    on.text(plot.left - 14, baseline, fte, paper.small, anchor="right")
    on.text(plot.right + 46, baseline, difference, paper.body, part, anchor="right", bold=stands_out)
    on.text(plot.right + 56, baseline, shorten(row.note, 104, paper.small), paper.small)


def _draw_narrow_labels(on: Drawing, row: CaseloadRow, paper: ChartSize, baseline: float, fte: str) -> None:
    aside = f"{row.note} · {fte} FTE" if row.note else f"{fte} FTE"
    edge = paper.width - 50
    on.text(edge, baseline, aside, paper.small, anchor="right")
    room = edge - text_width(aside, paper.small) - 8
    on.text(0, baseline, shorten(row.name, room, paper.body), paper.body, "ink")


def _draw_dots(on: Drawing, row: CaseloadRow, plot: Plot, paper: ChartSize, top: float) -> None:
    y = top + (33.5 if paper.narrow else plot.row / 2)
    before = None if row.load_before is None else (plot.x(row.load_before), y)
    now = None if row.load is None else (plot.x(row.load), y)
    if before and now:
        on.line([before, now], "slate-2", 2)
    if before:
        on.marks(disc(3), [ChartMark(*before, value_texts.load_before(row))], "paper", ring="quiet", ring_width=1.3)
    if now:
        on.marks(disc(RADIUS), [ChartMark(*now, value_texts.load(row))], COLOURS[row.standing])


def _draw_axis(on: Drawing, plot: Plot, paper: ChartSize, bottom: float) -> None:
    step = next(s for s in (1, 2, 4, 5, 10, 20, 50, 100, 1000, 10**9) if (plot.high - plot.low) / s <= 6)
    for load in range(math.ceil(plot.low / step) * step, math.floor(plot.high) + 1, step):
        if plot.left + 8 <= plot.x(load) <= plot.right - 8:
            on.text(plot.x(load), bottom + paper.small * 1.4, f"{load}", paper.small, anchor="center")
    on.text((plot.left + plot.right) / 2, bottom + paper.small * 2.8, AXIS, paper.small, anchor="center")


def _legend_entries(rows: Sequence[CaseloadRow]) -> list[LegendEntry]:
    """Only what is drawn is explained."""
    drawn = {row.standing for row in rows if row.load is not None}
    keys = [
        LegendEntry(words, 2 * RADIUS, partial(_draw_legend_dot, standing))
        for standing, words in LEGEND_TEXTS.items()
        if standing in drawn
    ]
    return (
        [*keys, LegendEntry("the two blocks before", 6, _draw_legend_ring)]
        if any(row.load_before is not None for row in rows)
        else keys
    )


def _draw_legend_dot(standing: CaseloadStanding, on: Drawing, x: float, y: float) -> None:
    on.stamp(disc(RADIUS), [(x + RADIUS, y)], COLOURS[standing], "paper", 1.2)


def _draw_legend_ring(on: Drawing, x: float, y: float) -> None:
    on.stamp(disc(3), [(x + 3, y)], "paper", "quiet", 1.3)


def _description(report: FairnessReport) -> str:
    return f"Caseload in {AXIS}. {'. '.join(value_texts.load(row) for row in report.rows)}."
