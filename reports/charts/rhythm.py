"""The week by hour: seven rows of cells, the agreed hours as one outline around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, baseline_at, chart_size
from reports.drawing import ChartMark, Drawing, box
from reports.models import Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.models import Rhythm, RhythmDay

Stroke = tuple[tuple[float, float], tuple[float, float]]
Spans = list[tuple[float, float]]
Piece = tuple[float, float]
GAP = 2.6  # points between two cells


@dataclass(frozen=True, slots=True)
class Grid:
    """Places of the cells, in points; columns follow the hours from ``first`` on."""

    left: float
    top: float
    column: float
    row: float
    first: int
    columns: int

    def x(self, hour: float) -> float:
        """Return the place of a local hour of the work day, kept inside the grid."""
        return self.left + min(max(hour - self.first, 0), self.columns) * self.column

    def y(self, day: int) -> float:
        """Return the upper edge of a day's row."""
        return self.top + day * self.row


def rhythm(week: Rhythm, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return the rhythm of a week as SVG: minutes of work in each hour, inside and outside the agreed hours."""
    layout = chart_size(narrow=narrow)
    left, right = (36.0, 54.0) if narrow else (38.0, 58.0)
    column = (layout.width - left - right) / max(len(week.hours), 1)
    # Square cells, unless few hours would make them very tall.
    row = 24.0 if narrow else min(column, 25.0)
    first = week.hours[0] if week.hours else 0
    grid = Grid(left, layout.small * 2, column, row, first, len(week.hours))

    # The legend explains only what is drawn.
    entries = [
        LegendEntry("assumed hours" if week.assumed else "agreed hours", 18, _draw_outline_sample),
        LegendEntry("inside", 44.5, partial(_draw_shades, "teal")),
    ]
    outside = [day for day in week.days if any(minutes > 0 for minutes in day.outside)]
    if any(not day.in_notice for day in outside):
        entries.append(LegendEntry("outside", 44.5, partial(_draw_shades, "slate")))
    if any(day.in_notice for day in outside):
        entries.append(LegendEntry("outside, part of the note", 44.5, partial(_draw_shades, "amber")))
    entries.append(LegendEntry("palest: up to 15 min, strongest: from 46 min", 0, lambda *_: None))
    legend_left = 0 if narrow else left
    legend_top = grid.y(len(week.days)) + 12
    legend = Legend(entries, layout.width - legend_left, layout.small)

    drawing = Drawing(layout.width, legend_top + legend.height + 2)
    _draw_grid(drawing, grid, week, layout)
    _draw_work(drawing, grid, week)
    drawing.strokes(agreed_outline([_agreed_spans(grid, day) for day in week.days], grid), "teal-4", 1.3)
    legend.draw(drawing, legend_left, legend_top)

    days = ", ".join(f"{wording.weekday(day.day)} {value_texts.outside_hours(day)}" for day in week.days)
    description = f"Minutes of work in each hour of the week. Outside agreed hours: {days}."
    return drawing.svg(Caption(key, week.title, description), literal=literal)


def _draw_grid(drawing: Drawing, grid: Grid, week: Rhythm, layout: ChartSize) -> None:
    """Draw the hours above, an empty cell for each hour, and the days with their sums at the sides."""
    baseline = grid.top - layout.small * 0.7
    # Every third hour is named, every sixth where the cells are too narrow for that.
    step = 3 if grid.column * 3 >= layout.small * 3.6 else 6
    for hour in week.hours:
        if hour % step == 0:
            drawing.text(grid.x(hour), baseline, wording.hour(hour), layout.small, anchor="center")
    drawing.text(layout.width, baseline, "outside", layout.small, anchor="right")

    left, right = grid.left + GAP / 2, grid.left + grid.columns * grid.column - GAP / 2
    cell_height = grid.row - GAP
    middles = [grid.y(index) + grid.row / 2 for index in range(len(week.days))]
    worked = [(left, right, y) for y, day in zip(middles, week.days, strict=True) if not day.leave]
    drawing.cells(worked, (grid.column - GAP, cell_height), GAP, "blank")
    for y, day in zip(middles, week.days, strict=True):
        if day.leave:  # one bar
            drawing.area(left, y - cell_height / 2, right - left, cell_height, "blank")

    for y, day in zip(middles, week.days, strict=True):
        baseline = baseline_at(y, layout.body)
        colour = "amber-4" if day.in_notice else "quiet"
        outside = value_texts.outside_hours(day)
        drawing.text(grid.left - 8, baseline, wording.short_weekday(day.day), layout.body, "ink", anchor="right")
        drawing.text(layout.width, baseline, outside, layout.small, colour, anchor="right", bold=day.in_notice)


def _draw_work(drawing: Drawing, grid: Grid, week: Rhythm) -> None:
    """Draw the work, one group of marks for each colour and shape."""
    # Grouped because every group costs an element of its own in the SVG.
    groups: dict[tuple[str, float], list[ChartMark]] = {}
    for index, day in enumerate(week.days):
        ramp_outside = "amber" if day.in_notice else "slate"
        for column, (hour, inside, outside) in enumerate(zip(week.hours, day.inside, day.outside, strict=True)):
            piece_inside, piece_outside = _split_cell(day, hour, shared=inside > 0 and outside > 0)
            pieces = (("teal", inside, "inside", piece_inside), (ramp_outside, outside, "outside", piece_outside))
            for ramp, minutes, where, (share, offset) in pieces:
                if minutes <= 0:
                    continue
                x = grid.left + (column + offset + share / 2) * grid.column
                when = f"{wording.short_weekday(day.day)} {wording.hour(hour)}"
                label = f"{when}: {wording.quantity(minutes, Unit.MINUTES)} {where}"
                # One of four shades, a quarter of an hour each.
                shade = min(max(math.ceil(minutes / 15), 1), 4)
                mark = ChartMark(x, grid.y(index) + grid.row / 2, label)
                groups.setdefault((f"{ramp}-{shade}", share), []).append(mark)
    for (colour, share), marks in sorted(groups.items()):
        path = box(grid.column * share - GAP, grid.row - GAP, 2.5)
        drawing.marks(path, marks, colour, ring=colour, ring_width=0)


def _split_cell(day: RhythmDay, hour: int, *, shared: bool) -> tuple[Piece, Piece]:
    """Return the pieces of an hour's cell for work inside and outside: cut where the agreed hours cut the hour."""
    for start, end in day.agreed:
        left, right = max(start - hour, 0), min(end - hour, 1)
        if 0 < right - left < 1:
            # Work outside goes to the longer of the two rests of the hour.
            remainder = (0.0, left) if left > 1 - right else (right, 1.0)
            return _piece_of(left, right), _piece_of(*remainder)
    if not shared:
        return (1.0, 0.0), (1.0, 0.0)
    # No agreed hours cut this hour, so the halves only show an order: inside first once agreed hours have begun.
    begins_agreed = any(start <= hour for start, _ in day.agreed)
    return ((0.5, 0.0), (0.5, 0.5)) if begins_agreed else ((0.5, 0.5), (0.5, 0.0))


def _piece_of(left: float, right: float) -> Piece:
    """Return share and offset of a piece, a quarter of the cell at least."""
    share = max(right - left, 0.25)
    return share, min(left, 1 - share)


def _agreed_spans(grid: Grid, day: RhythmDay) -> Spans:
    """Return a day's agreed hours as places, in order, touching ones joined, without empty ones."""
    spans: Spans = []
    for start, end in sorted((grid.x(start), grid.x(end)) for start, end in day.agreed):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif end > start:
            spans.append((start, end))
    return spans


def agreed_outline(days: list[Spans], grid: Grid) -> Iterator[Stroke]:
    """Yield the edge of the agreed hours of all days together, as strokes.

    ::

        Mon   ┌──────────┐         an edge runs between two rows
        Tue   └──┐       └──┐      where just one of them is agreed
        Wed      └──────────┘
    """
    for index, spans in enumerate(days):
        for x in (edge for span in spans for edge in span):
            yield (x, grid.y(index)), (x, grid.y(index + 1))
    # Empty rows above and below close the outline.
    for index, (above, below) in enumerate(pairwise([[], *days, []])):
        for start, end in pairwise(sorted({edge for span in (*above, *below) for edge in span})):
            # Between two neighbouring edges agreement cannot change, so its middle decides.
            middle = (start + end) / 2
            is_agreed = [any(left < middle < right for left, right in spans) for spans in (above, below)]
            if is_agreed[0] != is_agreed[1]:
                yield (start, grid.y(index)), (end, grid.y(index))


def _draw_shades(ramp: str, drawing: Drawing, x: float, y: float) -> None:
    for step in range(4):
        drawing.shapes(box(10, 10, 2), [(x + 5 + 11.5 * step, y)], f"{ramp}-{step + 1}")


def _draw_outline_sample(drawing: Drawing, x: float, y: float) -> None:
    left, right, top, bottom = x + 1, x + 17, y - 5, y + 5
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    drawing.strokes(pairwise(corners), "teal-4", 1.3)
