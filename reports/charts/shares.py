"""The shares of the caseload: a dot a clinician with the equal share, the two blocks before as a hollow dot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, baseline_at, chart_size, shorten, text_width
from reports.drawing import ChartMark, Drawing, disc
from reports.models import CaseloadStanding, Unit
from reports.svg import Caption

if TYPE_CHECKING:
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
    """Places of the dots: loads along the sheet, a row a clinician."""

    left: float
    right: float
    top: float
    row: float
    low: float
    high: float

    def x(self, load: float) -> float:
        """Return the place of a load."""
        return self.left + (load - self.low) / (self.high - self.low) * (self.right - self.left)


def shares(report: FairnessReport, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return the dot plot of weighted load per full-time equivalent as SVG; each row has that person's own band."""
    layout = chart_size(narrow=narrow)
    rows = report.rows
    values = [value for row in rows for value in (row.load, row.load_before, row.low, row.high) if value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    # No dot touches the edge. Equal loads have no span; 1 keeps the scale from dividing by zero.
    margin = (high - low or 1) * 0.04
    names = max([60.0, *(text_width(row.name, layout.body) for row in rows)])
    # A very long name is cut instead of pushing the plot away.
    left = 0.0 if narrow else min(names, 150.0) + 56
    right = layout.width - (0 if narrow else 162 if any(row.note for row in rows) else 54)
    row_height = 46.0 if narrow else 24.0
    plot = Plot(left, right, layout.small * 2.1, row_height, max(low - margin, 0), high + margin)
    tops = [plot.top + index * plot.row for index in range(len(rows))]
    bottom = plot.top + plot.row * len(rows)

    drawn_standings = {row.standing for row in rows if row.load is not None}
    entries = [
        LegendEntry(text, 2 * RADIUS, partial(_draw_legend_dot, standing))
        for standing, text in LEGEND_TEXTS.items()
        if standing in drawn_standings
    ]
    if any(row.load_before is not None for row in rows):
        entries.append(LegendEntry("the two blocks before", 6, _draw_legend_ring))
    legend = Legend(entries, layout.width, layout.small)

    drawing = Drawing(layout.width, bottom + layout.small * 3.4 + 6 + legend.height)
    _draw_headings(drawing, report, plot, layout)
    # All bands come first, so that no dot or text is covered.
    for row, top in zip(rows, tops, strict=True):
        _draw_band(drawing, report, row, plot, top, layout)
    for row, top in zip(rows, tops, strict=True):
        _draw_row(drawing, row, plot, layout, top)

    # The smallest round step that gives at most six ticks.
    steps = (1, 2, 4, 5, 10, 20, 50, 100, 1000, 10**9)
    step = next(step for step in steps if (plot.high - plot.low) / step <= 6)
    for load in range(math.ceil(plot.low / step) * step, math.floor(plot.high) + 1, step):
        if plot.left + 8 <= plot.x(load) <= plot.right - 8:
            drawing.text(plot.x(load), bottom + layout.small * 1.4, f"{load}", layout.small, anchor="center")
    drawing.text((plot.left + plot.right) / 2, bottom + layout.small * 2.8, AXIS, layout.small, anchor="center")
    legend.draw(drawing, 0, bottom + layout.small * 3.4)

    description = f"Caseload in {AXIS}. {'. '.join(value_texts.load(row) for row in rows)}."
    return drawing.svg(Caption(key, report.headline, description), literal=literal)


def _draw_headings(drawing: Drawing, report: FairnessReport, plot: Plot, layout: ChartSize) -> None:
    baseline = plot.top - layout.small * 0.75
    drawing.text(0, baseline, "Clinician", layout.small)
    if not layout.narrow:
        drawing.text(plot.left - 14, baseline, "FTE", layout.small, anchor="right")
    drawing.text(layout.width if layout.narrow else plot.right + 46, baseline, "vs share", layout.small, anchor="right")
    if report.equal_share is not None:
        text = f"equal share {wording.quantity(report.equal_share, Unit.LOAD)}"
        half = text_width(text, layout.small) / 2
        # The label stays within the plot, and on a phone clear of "vs share".
        x = min(max(plot.x(report.equal_share), plot.left + half), plot.right - half - (60 if layout.narrow else 0))
        drawing.text(x, baseline, text, layout.small, "teal-4", anchor="center")


def _draw_band(
    drawing: Drawing, report: FairnessReport, row: CaseloadRow, plot: Plot, top: float, layout: ChartSize
) -> None:
    """Draw the person's own band and the equal share; on a phone below the name, so that no text stands on the line."""
    if top > plot.top:
        drawing.line([(0 if layout.narrow else plot.left, top), (plot.right, top)], "rule", 0.8)
    if row.low is None or row.high is None:
        return
    upper, height = (top + 22, plot.row - 23) if layout.narrow else (top, plot.row)
    drawing.area(plot.x(row.low), upper, plot.x(row.high) - plot.x(row.low), height, "band")
    if report.equal_share is not None:
        share = plot.x(report.equal_share)
        drawing.line([(share, upper), (share, upper + height)], "teal-4", 1.4)


def _draw_row(drawing: Drawing, row: CaseloadRow, plot: Plot, layout: ChartSize, top: float) -> None:
    difference, fte = wording.signed_percent(row.difference), value_texts.fte(row)
    colour = COLOURS[row.standing] if row.difference is not None else "quiet"
    stands_out = row.standing in {CaseloadStanding.ABOVE, CaseloadStanding.BELOW}
    if layout.narrow:
        # On a phone the texts stand above the dots.
        baseline, y, edge = top + 16, top + 33.5, layout.width - 50
        note = f"{row.note} · {fte} FTE" if row.note else f"{fte} FTE"
        room = edge - text_width(note, layout.small) - 8
        drawing.text(edge, baseline, note, layout.small, anchor="right")
        drawing.text(0, baseline, shorten(row.name, room, layout.body), layout.body, "ink")
        drawing.text(layout.width, baseline, difference, layout.body, colour, anchor="right", bold=stands_out)
    else:
        y = top + plot.row / 2
        baseline = baseline_at(y, layout.body)
        drawing.text(0, baseline, shorten(row.name, plot.left - 54, layout.body), layout.body, "ink")
        drawing.text(plot.left - 14, baseline, fte, layout.small, anchor="right")
        drawing.text(plot.right + 46, baseline, difference, layout.body, colour, anchor="right", bold=stands_out)
        drawing.text(plot.right + 56, baseline, shorten(row.note, 104, layout.small), layout.small)

    before = None if row.load_before is None else (plot.x(row.load_before), y)
    now = None if row.load is None else (plot.x(row.load), y)
    # The line shows the direction of the change.
    if before and now:
        drawing.line([before, now], "slate-2", 2)
    if before:
        mark = ChartMark(*before, value_texts.load_before(row))
        drawing.marks(disc(3), [mark], "paper", ring="quiet", ring_width=1.3)
    if now:
        drawing.marks(disc(RADIUS), [ChartMark(*now, value_texts.load(row))], COLOURS[row.standing])


def _draw_legend_dot(standing: CaseloadStanding, drawing: Drawing, x: float, y: float) -> None:
    drawing.stamp(disc(RADIUS), [(x + RADIUS, y)], COLOURS[standing], "paper", 1.2)


def _draw_legend_ring(drawing: Drawing, x: float, y: float) -> None:
    drawing.stamp(disc(3), [(x + 3, y)], "paper", "quiet", 1.3)
