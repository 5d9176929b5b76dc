"""What was felt beside what was measured: a strip a scale with a dot an answer, a strip a measure with its weeks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, chart_size, shorten
from reports.drawing import Anchor, ChartMark, Drawing, disc
from reports.models import Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reports.models import ComparedMetric, Comparison, SelfReportScale

MIN_MONTH_WIDTH = 7 * 4  # points of a month below which its name would touch the next


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The line of time that all strips share."""

    left: float
    right: float
    first: date
    days: int

    def x(self, day: date) -> float:
        """Place of a day."""
        return self.left + 8 + (day - self.first).days * (self.right - self.left - 16) / self.days


@dataclass(frozen=True, slots=True)
class ScaleRow:
    """Where one scale or measure lies, and how its values become places."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """Place of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class RowLabels:
    """The words around a strip: its title and what is below it; at the right the last value, and what that is."""

    title: str
    range: str
    value: str
    value_note: str
    colour: str


def comparison(data: Comparison, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Answers and weeks on one line of time as SVG; a fine line leads from each answer down to its week."""
    paper = chart_size(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    rows = len(data.self_reports) + len(data.measures)
    on = Drawing(paper.width, pitch * rows + paper.small * 2.2)
    time = _time_axis(data, paper)
    _draw_answer_days(on, data, time, paper, pitch)
    for at in range(1, rows):
        strong = at == len(data.self_reports)
        on.line([(0, at * pitch), (paper.width, at * pitch)], "slate-2" if strong else "rule", 1.2 if strong else 0.8)
    for at, felt in enumerate(data.self_reports):
        _draw_scale(on, felt, time, paper, (at * pitch, pitch))
    for at, measure in enumerate(data.measures, len(data.self_reports)):
        _draw_metric(on, measure, data.weeks, time, paper, (at * pitch, pitch))
    _draw_months(on, data.weeks, time, paper, pitch * rows + paper.small * 1.3)
    return on.svg(Caption(key, data.title, _description(data)), literal=literal)


def _time_axis(shown: Comparison, paper: ChartSize) -> TimeAxis:
    left, right = (0.0, paper.width) if paper.narrow else (178.0, paper.width - 118)
    return TimeAxis(left, right, shown.weeks[0], (shown.weeks[-1] - shown.weeks[0]).days + 6)


def _row_edges(paper: ChartSize, row: tuple[float, float]) -> tuple[float, float]:
    """Upper and lower edge of what is drawn in a row, below its words on a phone."""
    top, pitch = row
    return (top + 46, top + pitch - 14) if paper.narrow else (top + 12, top + pitch - 12)


def _draw_answer_days(on: Drawing, shown: Comparison, time: TimeAxis, paper: ChartSize, pitch: float) -> None:
    """One fine line a day of answers, through the measured weeks alone."""
    days = sorted({day for felt in shown.self_reports for day, _ in felt.points})
    for at in range(len(shown.self_reports), len(shown.self_reports) + len(shown.measures)):
        top, bottom = _row_edges(paper, (at * pitch, pitch))
        on.strokes((((time.x(day), top - 6), (time.x(day), bottom + 6)) for day in days), "slate-2", 0.8)


def _draw_labels(on: Drawing, names: RowLabels, paper: ChartSize, top: float) -> None:
    first, second = (top + 17, top + 32) if paper.narrow else (top + 27, top + 42)
    right: tuple[float, Anchor] = (paper.width, "right") if paper.narrow else (paper.width - 106, "left")
    room = paper.width - 90 if paper.narrow else 172
    on.text(0, first, shorten(names.title, room, paper.body, bold=True), paper.body, "ink", bold=True)
    on.text(0, second, names.range, paper.small)
    on.text(right[0], first, names.value, paper.body + 2, names.colour, anchor=right[1], bold=True)
    on.text(right[0], second, names.value_note, paper.small, anchor=right[1])


def _draw_scale(on: Drawing, felt: SelfReportScale, time: TimeAxis, paper: ChartSize, row: tuple[float, float]) -> None:
    strip = ScaleRow(*_row_edges(paper, row), felt.low, felt.high)
    _, last = felt.points[-1]
    reach = wording.value_range(felt.low, felt.high, Unit.COUNT)
    if felt.bands:
        reach += f", shaded: {felt.bands[1][1]}"
    value = wording.quantity(last, Unit.COUNT)
    _draw_labels(on, RowLabels(felt.title, reach, value, value_texts.band_name(felt, last), "slate-4"), paper, row[0])
    _draw_bands(on, felt, strip, time)
    places = [(time.x(day), strip.y(value)) for day, value in felt.points]
    if len(places) > 1:
        on.line(places, "slate-2", 1.5)
    says = [value_texts.self_report(felt, at) for at in range(len(felt.points))]
    marks = [ChartMark(x, y, said) for (x, y), said in zip(places, says, strict=True)]
    on.marks(disc(4.6), marks, "slate-4")


def _draw_bands(on: Drawing, felt: SelfReportScale, strip: ScaleRow, time: TimeAxis) -> None:
    """Every second published part is shaded; where none is published, the whole reach is."""
    edges = [felt.low, *(low for low, _ in felt.bands[1:]), felt.high]
    shaded = list(pairwise(edges))[1::2] or [(felt.low, felt.high)]
    for low, high in shaded:
        top, bottom = strip.y(high), strip.y(low)
        on.area(time.left, top, time.right - time.left, bottom - top, "blank")


def _draw_metric(
    on: Drawing,
    measure: ComparedMetric,
    weeks: Sequence[date],
    time: TimeAxis,
    paper: ChartSize,
    row: tuple[float, float],
) -> None:
    known = [value for value in measure.values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    strip = ScaleRow(*_row_edges(paper, row), low, high if high > low else low + 1)
    value, when = value_texts.latest_value(measure, weeks)
    _draw_labels(on, RowLabels(measure.title, "by week", value, when, "teal-4"), paper, row[0])
    marks = [
        ChartMark(time.x(week), strip.y(value), value_texts.week_of_metric(measure, week, value))
        if value is not None
        else None
        for week, value in zip(weeks, measure.values, strict=True)
    ]
    for there, run in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in run if mark]
        if there and len(points) > 1:
            on.line(points, "teal-2", 1.5)
    on.marks(disc(1.8), [mark for mark in marks if mark], "teal-3", ring="teal-3", ring_width=0)


def _draw_months(on: Drawing, weeks: Sequence[date], time: TimeAxis, paper: ChartSize, baseline: float) -> None:
    """The months, as far apart as their names need."""
    firsts = [week.replace(day=1) for week in weeks if week.day <= 7]
    free = time.left
    for first in firsts:
        name = wording.MONTHS[first.month - 1][:3]
        name = f"{name} {first.year}" if first.month == 1 else name
        x = time.x(max(first, weeks[0]))
        if x >= free and x + MIN_MONTH_WIDTH <= time.right:
            on.text(x, baseline, name, paper.small)
            free = x + MIN_MONTH_WIDTH + (18 if first.month == 1 else 0)


def _description(shown: Comparison) -> str:
    felt = "; ".join(value_texts.self_report(felt, len(felt.points) - 1) for felt in shown.self_reports)
    measures = wording.listed([measure.title for measure in shown.measures])
    return f"{felt}. Below, by week: {measures}."
