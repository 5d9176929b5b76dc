"""Self-reports and measured weeks: a row a scale with a dot an answer, a row a metric with its weeks."""

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
"""Points of a month below which its name would touch the next."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The axis of time that all rows share."""

    left: float
    right: float
    first: date
    days: int

    def x(self, day: date) -> float:
        """Return the place of a day."""
        return self.left + 8 + (day - self.first).days * (self.right - self.left - 16) / self.days


@dataclass(frozen=True, slots=True)
class ScaleRow:
    """The place of one scale or metric, which turns its values into heights."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class RowLabels:
    """Text around a row: its title and range at the left, the latest value and a note about it at the right."""

    title: str
    range: str
    value: str
    value_note: str
    colour: str


def comparison(data: Comparison, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return answers and weeks on one axis of time as SVG; a fine line leads from each answer down to its week."""
    layout = chart_size(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    rows = len(data.self_reports) + len(data.measures)
    drawing = Drawing(layout.width, pitch * rows + layout.small * 2.2)
    time = _time_axis(data, layout)
    _draw_answer_days(drawing, data, time, layout, pitch)
    for index in range(1, rows):
        is_divider = index == len(data.self_reports)
        drawing.line(
            [(0, index * pitch), (layout.width, index * pitch)],
            "slate-2" if is_divider else "rule",
            1.2 if is_divider else 0.8,
        )
    for index, scale in enumerate(data.self_reports):
        _draw_scale(drawing, scale, time, layout, (index * pitch, pitch))
    for index, metric in enumerate(data.measures, len(data.self_reports)):
        _draw_metric(drawing, metric, data.weeks, time, layout, (index * pitch, pitch))
    _draw_months(drawing, data.weeks, time, layout, pitch * rows + layout.small * 1.3)
    return drawing.svg(Caption(key, data.title, _description(data)), literal=literal)


def _time_axis(data: Comparison, layout: ChartSize) -> TimeAxis:
    left, right = (0.0, layout.width) if layout.narrow else (178.0, layout.width - 118)
    return TimeAxis(left, right, data.weeks[0], (data.weeks[-1] - data.weeks[0]).days + 6)


def _row_edges(layout: ChartSize, row: tuple[float, float]) -> tuple[float, float]:
    """Return the upper and lower edge of what is drawn in a row, on a phone below its text."""
    top, pitch = row
    return (top + 46, top + pitch - 14) if layout.narrow else (top + 12, top + pitch - 12)


def _draw_answer_days(drawing: Drawing, data: Comparison, time: TimeAxis, layout: ChartSize, pitch: float) -> None:
    """Draw one fine line for each day of answers, through the measured weeks only."""
    days = sorted({day for scale in data.self_reports for day, _ in scale.points})
    for index in range(len(data.self_reports), len(data.self_reports) + len(data.measures)):
        top, bottom = _row_edges(layout, (index * pitch, pitch))
        drawing.strokes((((time.x(day), top - 6), (time.x(day), bottom + 6)) for day in days), "slate-2", 0.8)


def _draw_labels(drawing: Drawing, names: RowLabels, layout: ChartSize, top: float) -> None:
    first, second = (top + 17, top + 32) if layout.narrow else (top + 27, top + 42)
    right: tuple[float, Anchor] = (layout.width, "right") if layout.narrow else (layout.width - 106, "left")
    room = layout.width - 90 if layout.narrow else 172
    drawing.text(0, first, shorten(names.title, room, layout.body, bold=True), layout.body, "ink", bold=True)
    drawing.text(0, second, names.range, layout.small)
    drawing.text(right[0], first, names.value, layout.body + 2, names.colour, anchor=right[1], bold=True)
    drawing.text(right[0], second, names.value_note, layout.small, anchor=right[1])


def _draw_scale(
    drawing: Drawing, scale: SelfReportScale, time: TimeAxis, layout: ChartSize, row: tuple[float, float]
) -> None:
    scale_row = ScaleRow(*_row_edges(layout, row), scale.low, scale.high)
    _, last = scale.points[-1]
    range_text = wording.value_range(scale.low, scale.high, Unit.COUNT)
    if scale.bands:
        range_text += f", shaded: {scale.bands[1][1]}"
    value = wording.quantity(last, Unit.COUNT)
    _draw_labels(
        drawing,
        RowLabels(scale.title, range_text, value, value_texts.band_name(scale, last), "slate-4"),
        layout,
        row[0],
    )
    _draw_bands(drawing, scale, scale_row, time)
    places = [(time.x(day), scale_row.y(value)) for day, value in scale.points]
    if len(places) > 1:
        drawing.line(places, "slate-2", 1.5)
    labels = [value_texts.self_report(scale, index) for index in range(len(scale.points))]
    marks = [ChartMark(x, y, label) for (x, y), label in zip(places, labels, strict=True)]
    drawing.marks(disc(4.6), marks, "slate-4")


def _draw_bands(drawing: Drawing, scale: SelfReportScale, scale_row: ScaleRow, time: TimeAxis) -> None:
    """Shade every second published band; where none is published, the whole range."""
    # The middle one of three bands is shaded, which separates it from both others.
    edges = [scale.low, *(low for low, _ in scale.bands[1:]), scale.high]
    shaded = list(pairwise(edges))[1::2] or [(scale.low, scale.high)]
    for low, high in shaded:
        top, bottom = scale_row.y(high), scale_row.y(low)
        drawing.area(time.left, top, time.right - time.left, bottom - top, "blank")


def _draw_metric(
    drawing: Drawing,
    metric: ComparedMetric,
    weeks: Sequence[date],
    time: TimeAxis,
    layout: ChartSize,
    row: tuple[float, float],
) -> None:
    known_values = [value for value in metric.values if value is not None]
    # Zero belongs to the scale of a measure, so that small changes look small.
    low, high = min([0.0, *known_values]), max([0.0, *known_values])
    scale_row = ScaleRow(*_row_edges(layout, row), low, high if high > low else low + 1)
    value, week_text = value_texts.latest_value(metric, weeks)
    _draw_labels(drawing, RowLabels(metric.title, "by week", value, week_text, "teal-4"), layout, row[0])
    marks = [
        ChartMark(time.x(week), scale_row.y(value), value_texts.week_of_metric(metric, week, value))
        if value is not None
        else None
        for week, value in zip(weeks, metric.values, strict=True)
    ]
    for is_known, group in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in group if mark]
        if is_known and len(points) > 1:
            drawing.line(points, "teal-2", 1.5)
    drawing.marks(disc(1.8), [mark for mark in marks if mark], "teal-3", ring="teal-3", ring_width=0)


def _draw_months(drawing: Drawing, weeks: Sequence[date], time: TimeAxis, layout: ChartSize, baseline: float) -> None:
    """Draw the months, as far apart as their names need."""
    # The first Monday of a month stands for its beginning.
    month_starts = [week.replace(day=1) for week in weeks if week.day <= 7]
    next_free = time.left
    for month_start in month_starts:
        name = wording.MONTHS[month_start.month - 1][:3]
        name = f"{name} {month_start.year}" if month_start.month == 1 else name
        x = time.x(max(month_start, weeks[0]))
        if x >= next_free and x + MIN_MONTH_WIDTH <= time.right:
            drawing.text(x, baseline, name, layout.small)
            next_free = x + MIN_MONTH_WIDTH + (18 if month_start.month == 1 else 0)


def _description(data: Comparison) -> str:
    scale_texts = "; ".join(value_texts.self_report(scale, len(scale.points) - 1) for scale in data.self_reports)
    titles = wording.listed([metric.title for metric in data.measures])
    return f"{scale_texts}. Below, by week: {titles}."
