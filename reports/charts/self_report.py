"""Self-reports and measured weeks: a row a scale with a dot an answer, a row a metric with its weeks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, chart_size, draw_broken_line, draw_row_texts
from reports.drawing import ChartMark, Drawing, disc
from reports.models import Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reports.models import ComparedMetric, Comparison, SelfReportScale

MIN_MONTH_WIDTH = 7 * 4  # points of a month below which its name would touch the next


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


def comparison(data: Comparison, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return answers and weeks on one axis of time as SVG; a fine line leads from each answer down to its week."""
    layout = chart_size(narrow=narrow)
    rows = len(data.self_reports) + len(data.measures)
    tops = [index * layout.row_height for index in range(rows)]
    scale_tops, measure_tops = tops[: len(data.self_reports)], tops[len(data.self_reports) :]
    bottom = layout.row_height * rows
    drawing = Drawing(layout.width, bottom + layout.small * 2.2)
    # The axis ends with the last week's Sunday.
    days = (data.weeks[-1] - data.weeks[0]).days + 6
    time = TimeAxis(layout.row_left, layout.row_right, data.weeks[0], days)

    # One fine line for each day of answers, through the measured weeks only.
    answer_days = sorted({day for scale in data.self_reports for day, _ in scale.points})
    for top in measure_tops:
        row = layout.value_row(top, 0, 1)
        drawing.strokes(
            (((time.x(day), row.top - 6), (time.x(day), row.bottom + 6)) for day in answer_days), "slate-2", 0.8
        )
    # A stronger line divides the answers from the measures.
    for top in tops[1:]:
        colour, width = ("slate-2", 1.2) if top in measure_tops[:1] else ("rule", 0.8)
        drawing.line([(0, top), (layout.width, top)], colour, width)
    for scale, top in zip(data.self_reports, scale_tops, strict=True):
        _draw_scale(drawing, scale, time, layout, top)
    for metric, top in zip(data.measures, measure_tops, strict=True):
        _draw_metric(drawing, metric, data.weeks, time, layout, top)

    # The first Monday of a month stands for its beginning; months are as far apart as their names need.
    next_free = time.left
    for month_start in (week.replace(day=1) for week in data.weeks if week.day <= 7):
        is_january = month_start.month == 1
        name = wording.MONTHS[month_start.month - 1][:3] + (f" {month_start.year}" if is_january else "")
        x = time.x(max(month_start, data.weeks[0]))
        if x >= next_free and x + MIN_MONTH_WIDTH <= time.right:
            drawing.text(x, bottom + layout.small * 1.3, name, layout.small)
            next_free = x + MIN_MONTH_WIDTH + (18 if is_january else 0)

    answers = "; ".join(value_texts.self_report(scale, len(scale.points) - 1) for scale in data.self_reports)
    titles = wording.listed([metric.title for metric in data.measures])
    return drawing.svg(Caption(key, data.title, f"{answers}. Below, by week: {titles}."), literal=literal)


def _draw_scale(drawing: Drawing, scale: SelfReportScale, time: TimeAxis, layout: ChartSize, top: float) -> None:
    row = layout.value_row(top, scale.low, scale.high)
    _, last = scale.points[-1]
    range_text = wording.value_range(scale.low, scale.high, Unit.COUNT)
    if scale.bands:
        range_text += f", shaded: {scale.bands[1][1]}"
    right = wording.quantity(last, Unit.COUNT), value_texts.band_name(scale, last)
    draw_row_texts(drawing, layout, top, (scale.title, range_text), right, "slate-4")

    # The middle one of three bands is shaded, which separates it from both others; without bands the whole range.
    edges = [scale.low, *(low for low, _ in scale.bands[1:]), scale.high]
    for low, high in list(pairwise(edges))[1::2] or [(scale.low, scale.high)]:
        upper, lower = row.y(high), row.y(low)
        drawing.area(time.left, upper, time.right - time.left, lower - upper, "blank")

    marks = [
        ChartMark(time.x(day), row.y(value), value_texts.self_report(scale, index))
        for index, (day, value) in enumerate(scale.points)
    ]
    if len(marks) > 1:
        drawing.line([(mark.x, mark.y) for mark in marks], "slate-2", 1.5)
    drawing.marks(disc(4.6), marks, "slate-4")


def _draw_metric(
    drawing: Drawing, metric: ComparedMetric, weeks: Sequence[date], time: TimeAxis, layout: ChartSize, top: float
) -> None:
    known_values = [value for value in metric.values if value is not None]
    # Zero belongs to the scale of a measure, so that small changes look small.
    low, high = min([0.0, *known_values]), max([0.0, *known_values])
    row = layout.value_row(top, low, high if high > low else low + 1)
    latest = value_texts.latest_value(metric, weeks)
    draw_row_texts(drawing, layout, top, (metric.title, "by week"), latest, "teal-4")

    marks = [
        ChartMark(time.x(week), row.y(value), value_texts.week_of_metric(metric, week, value))
        if value is not None
        else None
        for week, value in zip(weeks, metric.values, strict=True)
    ]
    draw_broken_line(drawing, marks)
    drawing.marks(disc(1.8), [mark for mark in marks if mark], "teal-3", ring="teal-3", ring_width=0)
