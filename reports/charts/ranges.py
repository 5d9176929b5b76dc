"""Each metric and its own past: the weeks as a line, the person's own range as a band, this week as a dot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import value_texts
from reports.charts.layout import ChartSize, chart_size, draw_broken_line, draw_row_texts
from reports.drawing import ChartMark, Drawing, disc
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import OwnRange


def own_ranges(metrics: Sequence[OwnRange], key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return small multiples of metrics over the last weeks as SVG, each on its own scale."""
    layout = chart_size(narrow=narrow)
    bottom = layout.row_height * len(metrics)
    drawing = Drawing(layout.width, bottom + layout.small * 2.2)
    for index, metric in enumerate(metrics):
        top = index * layout.row_height
        if index:
            drawing.line([(0, top), (layout.width, top)], "rule", 0.8)
        _draw_metric(drawing, metric, layout, top)

    # The time axis is that of the metric with most weeks.
    places = _week_places(max((len(metric.weeks) for metric in metrics), default=0), layout)
    baseline = bottom + layout.small * 1.3
    if metrics:
        drawing.text(layout.row_right, baseline, "this week", layout.small, anchor="right")
    for weeks_ago in range(4, len(places), 4):
        # The leftmost tick carries the unit.
        if weeks_ago + 4 >= len(places):
            drawing.text(layout.row_left, baseline, f"{weeks_ago} weeks ago", layout.small)
        else:
            drawing.text(places[-1 - weeks_ago], baseline, str(weeks_ago), layout.small, anchor="center")

    texts = (f"{metric.title} {value_texts.this_week(metric)}, {value_texts.usual_range(metric)}" for metric in metrics)
    description = f"This week and your own weeks before it. {'; '.join(texts)}."
    return drawing.svg(Caption(key, value_texts.OWN_RANGES, description), literal=literal)


def _week_places(weeks: int, layout: ChartSize) -> list[float]:
    """Return the place of each of a number of weeks, the last one being this week."""
    room = layout.row_right - layout.row_left - 20
    return [layout.row_left + 10 + week * room / max(weeks - 1, 1) for week in range(weeks)]


def _draw_metric(drawing: Drawing, metric: OwnRange, layout: ChartSize, top: float) -> None:
    known_values = [value for value in (*metric.values, metric.low, metric.high) if value is not None]
    low, high = (min(known_values), max(known_values)) if known_values else (0.0, 1.0)
    if metric.low is None:  # without a range to read them by, small moves are to look small
        low, high = min(low, 0.0), max(high * 1.2, 0.0)
    # A flat line still needs a scale.
    if low == high:
        low, high = low - 1, high + 1
    row = layout.value_row(top, low, high)

    colour = "amber-4" if metric.in_notice else "teal-4"
    has_value = bool(metric.values) and metric.values[-1] is not None
    left = metric.title, value_texts.usual_range(metric)
    right = value_texts.this_week(metric), value_texts.range_standing(metric)
    draw_row_texts(drawing, layout, top, left, right, colour if has_value else "quiet")

    if metric.low is not None and metric.high is not None:
        upper, lower = row.y(metric.high), row.y(metric.low)
        # A range of one value would be an invisible line.
        if lower - upper < 3:
            upper, lower = (upper + lower) / 2 - 1.5, (upper + lower) / 2 + 1.5
        drawing.area(layout.row_left, upper, layout.row_right - layout.row_left, lower - upper, "band")
        if metric.middle is not None:
            y = row.y(metric.middle)
            drawing.line([(layout.row_left, y), (layout.row_right, y)], "teal-2", 0.9, dashed=True)

    places = _week_places(len(metric.weeks), layout)
    marks = [
        ChartMark(places[index], row.y(value), value_texts.week_value(metric, index)) if value is not None else None
        for index, value in enumerate(metric.values)
    ]
    draw_broken_line(drawing, marks)
    drawing.marks(disc(2), [mark for mark in marks[:-1] if mark], "teal-3", ring="teal-3", ring_width=0)
    drawing.marks(disc(4.6), [mark for mark in marks[-1:] if mark], colour)
