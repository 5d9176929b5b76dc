"""Each metric and its own past: the weeks as a line, the person's own range as a band, this week as a dot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from reports import value_texts
from reports.charts.layout import ChartSize, chart_size, shorten
from reports.drawing import Anchor, ChartMark, Drawing, disc
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import OwnRange

TITLE = "You, compared only with you"


@dataclass(frozen=True, slots=True)
class RangeRow:
    """The place of one metric's weeks, which turns its values into heights."""

    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    weeks: int

    def x(self, week: int) -> float:
        """Return the place of a week, the last one being this week."""
        return self.left + 10 + week * (self.right - self.left - 20) / max(self.weeks - 1, 1)

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


def own_ranges(metrics: Sequence[OwnRange], key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return small multiples of metrics over the last weeks as SVG, each on its own scale."""
    layout = chart_size(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    drawing = Drawing(layout.width, pitch * len(metrics) + layout.small * 2.2)
    for index, metric in enumerate(metrics):
        row = _range_row(metric, layout, index * pitch, pitch)
        if index:
            drawing.line([(0, index * pitch), (layout.width, index * pitch)], "rule", 0.8)
        _draw_labels(drawing, metric, layout, index * pitch)
        _draw_band(drawing, metric, row)
        _draw_weeks(drawing, metric, row)
    if metrics:
        # The time axis is that of the metric with most weeks.
        longest = max(metrics, key=lambda metric: len(metric.weeks))
        _draw_axis(drawing, _range_row(longest, layout, 0, pitch), layout, pitch * len(metrics) + layout.small * 1.3)
    return drawing.svg(Caption(key, TITLE, _description(metrics)), literal=literal)


def _range_row(metric: OwnRange, layout: ChartSize, top: float, pitch: float) -> RangeRow:
    known_values = [value for value in (*metric.values, metric.low, metric.high) if value is not None]
    low, high = (min(known_values), max(known_values)) if known_values else (0.0, 1.0)
    if metric.low is None:  # without a range to read them by, small moves are to look small
        low, high = min(low, 0.0), max(high * 1.2, 0.0)
    # A flat line still needs a scale.
    if low == high:
        low, high = low - 1, high + 1
    left, right = (0.0, layout.width) if layout.narrow else (178.0, layout.width - 118)
    inner = (top + 46, top + pitch - 14) if layout.narrow else (top + 12, top + pitch - 12)
    return RangeRow(left, right, *inner, low, high, len(metric.weeks))


def _right_column(layout: ChartSize) -> tuple[float, Anchor]:
    return (layout.width, "right") if layout.narrow else (layout.width - 106, "left")


def _draw_labels(drawing: Drawing, metric: OwnRange, layout: ChartSize, top: float) -> None:
    first, second = (top + 17, top + 32) if layout.narrow else (top + 27, top + 42)
    room = layout.width - 90 if layout.narrow else 172
    colour = "amber-4" if metric.in_notice else "teal-4"
    value = metric.values[-1] if metric.values else None
    value_text = value_texts.this_week(metric)
    x, anchor = _right_column(layout)
    drawing.text(0, first, shorten(metric.title, room, layout.body, bold=True), layout.body, "ink", bold=True)
    drawing.text(0, second, value_texts.usual_range(metric), layout.small)
    drawing.text(
        x, first, value_text, layout.body + 2, colour if value is not None else "quiet", anchor=anchor, bold=True
    )
    drawing.text(x, second, value_texts.range_standing(metric), layout.small, anchor=anchor)


def _draw_band(drawing: Drawing, metric: OwnRange, row: RangeRow) -> None:
    if metric.low is None or metric.high is None:
        return
    top, bottom = row.y(metric.high), row.y(metric.low)
    # A range of one value would be an invisible line.
    if bottom - top < 3:
        top, bottom = (top + bottom) / 2 - 1.5, (top + bottom) / 2 + 1.5
    drawing.area(row.left, top, row.right - row.left, bottom - top, "band")
    if metric.middle is not None:
        y = row.y(metric.middle)
        drawing.line([(row.left, y), (row.right, y)], "teal-2", 0.9, dashed=True)


def _draw_weeks(drawing: Drawing, metric: OwnRange, row: RangeRow) -> None:
    """Draw the weeks as a line that breaks where a week has no value."""
    marks = [
        ChartMark(row.x(index), row.y(value), value_texts.week_value(metric, index)) if value is not None else None
        for index, value in enumerate(metric.values)
    ]
    for is_known, group in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in group if mark]
        if is_known and len(points) > 1:
            drawing.line(points, "teal-2", 1.5)
    drawing.marks(disc(2), [mark for mark in marks[:-1] if mark], "teal-3", ring="teal-3", ring_width=0)
    drawing.marks(disc(4.6), [mark for mark in marks[-1:] if mark], "amber-4" if metric.in_notice else "teal-4")


def _draw_axis(drawing: Drawing, row: RangeRow, layout: ChartSize, baseline: float) -> None:
    last = row.weeks - 1
    drawing.text(row.right, baseline, "this week", layout.small, anchor="right")
    for weeks_ago in range(4, last + 1, 4):
        # The leftmost tick carries the unit.
        if weeks_ago + 4 > last:
            drawing.text(row.left, baseline, f"{weeks_ago} weeks ago", layout.small)
        else:
            drawing.text(row.x(last - weeks_ago), baseline, str(weeks_ago), layout.small, anchor="center")


def _description(metrics: Sequence[OwnRange]) -> str:
    texts = (f"{metric.title} {value_texts.this_week(metric)}, {value_texts.usual_range(metric)}" for metric in metrics)
    return f"This week and your own weeks before it. {'; '.join(texts)}."
