"""The week by hour: seven rows of cells, the agreed hours as one outline around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, chart_size
from reports.drawing import ChartMark, Drawing, box
from reports.models import Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.models import Rhythm, RhythmDay

Stroke = tuple[tuple[float, float], tuple[float, float]]
Spans = list[tuple[float, float]]
Piece = tuple[float, float]
GAP = 2.6


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells are, in points; columns follow the hours, the first of which is ``first``."""

    left: float
    top: float
    column: float
    row: float
    first: int
    columns: int

    def x(self, hour: float) -> float:
        """Place of a local hour of the work day, kept inside the grid."""
        return self.left + min(max(hour - self.first, 0), self.columns) * self.column

    def y(self, day: int) -> float:
        """Upper edge of a day's row."""
        return self.top + day * self.row


def rhythm(week: Rhythm, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """The rhythm of a week as SVG: minutes of work in each hour, inside and outside the agreed hours."""
    paper = chart_size(narrow=narrow)
    left, right = (36.0, 54.0) if narrow else (38.0, 58.0)
    column = (paper.width - left - right) / max(len(week.hours), 1)
    row = 24.0 if narrow else min(column, 25.0)
    first = week.hours[0] if week.hours else 0
    grid = Grid(left, paper.small * 2, column, row, first, len(week.hours))
    legend = Legend(_legend_entries(week), paper.width - (0 if narrow else left), paper.small)
    foot = grid.y(len(week.days)) + 12
    on = Drawing(paper.width, foot + legend.height + 2)
    _draw_hours(on, grid, week, paper)
    _draw_empty_cells(on, grid, week)
    for at, day in enumerate(week.days):
        _draw_day(on, grid, at, day, paper)
    _draw_work(on, grid, week)
    on.strokes(agreed_outline([_agreed_spans(grid, day) for day in week.days], grid), "teal-4", 1.3)
    legend.draw(on, 0 if narrow else left, foot)
    return on.svg(Caption(key, week.title, _description(week)), literal=literal)


def _draw_hours(on: Drawing, grid: Grid, week: Rhythm, paper: ChartSize) -> None:
    baseline = grid.top - paper.small * 0.7
    for hour in week.hours:
        if hour % (3 if grid.column * 3 >= paper.small * 3.6 else 6) == 0:
            on.text(grid.x(hour), baseline, wording.hour(hour), paper.small, anchor="center")
    on.text(paper.width, baseline, "outside", paper.small, anchor="right")


def _draw_day(on: Drawing, grid: Grid, at: int, day: RhythmDay, paper: ChartSize) -> None:
    baseline = grid.y(at) + grid.row / 2 + paper.body * 0.36
    on.text(grid.left - 8, baseline, wording.short_weekday(day.day), paper.body, "ink", anchor="right")
    part = "amber-4" if day.in_notice else "quiet"
    on.text(
        paper.width, baseline, value_texts.outside_hours(day), paper.small, part, anchor="right", bold=day.in_notice
    )


def _draw_empty_cells(on: Drawing, grid: Grid, week: Rhythm) -> None:
    """An empty cell for each hour; a day of leave is one bar."""
    left, right = grid.left + GAP / 2, grid.left + grid.columns * grid.column - GAP / 2
    middles = [grid.y(at) + grid.row / 2 for at in range(len(week.days))]
    worked = [(left, right, y) for y, day in zip(middles, week.days, strict=True) if not day.leave]
    on.cells(worked, (grid.column - GAP, grid.row - GAP), GAP, "blank")
    for y, day in zip(middles, week.days, strict=True):
        if day.leave:
            on.area(left, y - (grid.row - GAP) / 2, right - left, grid.row - GAP, "blank")


def _draw_work(on: Drawing, grid: Grid, week: Rhythm) -> None:
    """Work, one group of marks for each colour and shape."""
    groups: dict[tuple[str, float], list[ChartMark]] = {}
    for at, day in enumerate(week.days):
        for n, hour in enumerate(week.hours):
            for part, share, offset, says in _cell_pieces(day, n, hour):
                x = grid.left + (n + offset + share / 2) * grid.column
                groups.setdefault((part, share), []).append(ChartMark(x, grid.y(at) + grid.row / 2, says))
    for (part, share), marks in sorted(groups.items()):
        path = box(grid.column * share - GAP, grid.row - GAP, 2.5)
        on.marks(path, marks, part, ring=part, ring_width=0)


def _cell_pieces(day: RhythmDay, n: int, hour: int) -> Iterator[tuple[str, float, float, str]]:
    """The pieces of one cell: part, share of the cell's width, offset in it, words."""
    inside, outside = day.inside[n], day.outside[n]
    where_inside, where_outside = _split_cell(day, hour, shared=inside > 0 and outside > 0)
    when = f"{wording.short_weekday(day.day)} {wording.hour(hour)}"
    if inside > 0:
        words = f"{when}: {wording.quantity(inside, Unit.MINUTES)} inside"
        yield f"teal-{_shade(inside)}", *where_inside, words
    if outside > 0:
        ramp = "amber" if day.in_notice else "slate"
        words = f"{when}: {wording.quantity(outside, Unit.MINUTES)} outside"
        yield f"{ramp}-{_shade(outside)}", *where_outside, words


def _split_cell(day: RhythmDay, hour: int, *, shared: bool) -> tuple[Piece, Piece]:
    """Which piece of an hour's cell is for work inside, which for outside: cut where the agreed hours cut the hour."""
    for start, end in day.agreed:
        left, right = max(start - hour, 0), min(end - hour, 1)
        if 0 < right - left < 1:
            rest = (0.0, left) if left > 1 - right else (right, 1.0)
            return _piece_of(left, right), _piece_of(*rest)
    if not shared:
        return (1.0, 0.0), (1.0, 0.0)
    begun = any(start <= hour for start, _ in day.agreed)
    return ((0.5, 0.0), (0.5, 0.5)) if begun else ((0.5, 0.5), (0.5, 0.0))


def _piece_of(left: float, right: float) -> Piece:
    """Share and offset of a piece, a quarter of the cell at least."""
    share = max(right - left, 0.25)
    return share, min(left, 1 - share)


def _shade(minutes: float) -> int:
    """The shade of a cell, 1 to 4: a quarter of an hour each."""
    return min(max(math.ceil(minutes / 15), 1), 4)


def _agreed_spans(grid: Grid, day: RhythmDay) -> Spans:
    """A day's agreed hours as places, in order, touching ones joined, none of no width."""
    spans: Spans = []
    for start, end in sorted((grid.x(start), grid.x(end)) for start, end in day.agreed):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif end > start:
            spans.append((start, end))
    return spans


def agreed_outline(days: list[Spans], grid: Grid) -> Iterator[Stroke]:
    """The edge of the agreed hours of all days together, as strokes.

    ::

        Mon   ┌──────────┐         an edge runs between two rows
        Tue   └──┐       └──┐      where just one of them is agreed
        Wed      └──────────┘
    """
    for at, spans in enumerate(days):
        for x in (edge for span in spans for edge in span):
            yield (x, grid.y(at)), (x, grid.y(at + 1))
    for at, (above, below) in enumerate(pairwise([[], *days, []])):
        for start, end in _one_sided_spans(above, below):
            yield (start, grid.y(at)), (end, grid.y(at))


def _one_sided_spans(above: Spans, below: Spans) -> Iterator[tuple[float, float]]:
    """Where just one of two rows is agreed."""
    edges = sorted({edge for span in (*above, *below) for edge in span})
    for start, end in pairwise(edges):
        middle = (start + end) / 2
        if any(a < middle < b for a, b in above) != any(a < middle < b for a, b in below):
            yield start, end


def _draw_shades(ramp: str, on: Drawing, x: float, y: float) -> None:
    for step in range(4):
        on.shapes(box(10, 10, 2), [(x + 5 + 11.5 * step, y)], f"{ramp}-{step + 1}")


def _draw_outline_sample(on: Drawing, x: float, y: float) -> None:
    left, right, top, bottom = x + 1, x + 17, y - 5, y + 5
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    on.strokes(pairwise(corners), "teal-4", 1.3)


def _legend_entries(week: Rhythm) -> list[LegendEntry]:
    """Only what is drawn is explained."""
    keys = [
        LegendEntry("assumed hours" if week.assumed else "agreed hours", 18, _draw_outline_sample),
        LegendEntry("inside", 44.5, partial(_draw_shades, "teal")),
    ]
    outside = [day for day in week.days if any(minutes > 0 for minutes in day.outside)]
    if any(not day.in_notice for day in outside):
        keys.append(LegendEntry("outside", 44.5, partial(_draw_shades, "slate")))
    if any(day.in_notice for day in outside):
        keys.append(LegendEntry("outside, part of the note", 44.5, partial(_draw_shades, "amber")))
    return [*keys, LegendEntry("faint to 15 min, strong from 46", 0, lambda *_: None)]


def _description(week: Rhythm) -> str:
    days = ", ".join(f"{wording.weekday(day.day)} {value_texts.outside_hours(day)}" for day in week.days)
    return f"Minutes of work in each hour of the week. Outside agreed hours: {days}."
