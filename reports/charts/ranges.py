"""Each measure beside its own past: the weeks as a line, the person's own range as a band, this week as a dot."""

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
    """Where one measure's weeks are drawn, and how its values become places."""

    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    weeks: int

    def x(self, week: int) -> float:
        """Place of a week, the last one being this week."""
        return self.left + 10 + week * (self.right - self.left - 20) / max(self.weeks - 1, 1)

    def y(self, value: float) -> float:
        """Place of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


def own_ranges(measures: Sequence[OwnRange], key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Small multiples of measures over the last weeks as SVG, each on its own scale."""
    paper = chart_size(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    on = Drawing(paper.width, pitch * len(measures) + paper.small * 2.2)
    for at, measure in enumerate(measures):
        strip = _range_row(measure, paper, at * pitch, pitch)
        if at:
            on.line([(0, at * pitch), (paper.width, at * pitch)], "rule", 0.8)
        _draw_labels(on, measure, paper, at * pitch)
        _draw_band(on, measure, strip)
        _draw_weeks(on, measure, strip)
    if measures:
        longest = max(measures, key=lambda measure: len(measure.weeks))
        _draw_axis(on, _range_row(longest, paper, 0, pitch), paper, pitch * len(measures) + paper.small * 1.3)
    return on.svg(Caption(key, TITLE, _description(measures)), literal=literal)


def _range_row(measure: OwnRange, paper: ChartSize, top: float, pitch: float) -> RangeRow:
    known = [value for value in (*measure.values, measure.low, measure.high) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if measure.low is None:  # without a range to read them by, small moves are to look small
        low, high = min(low, 0.0), max(high * 1.2, 0.0)
    if low == high:
        low, high = low - 1, high + 1
    left, right = (0.0, paper.width) if paper.narrow else (178.0, paper.width - 118)
    inner = (top + 46, top + pitch - 14) if paper.narrow else (top + 12, top + pitch - 12)
    return RangeRow(left, right, *inner, low, high, len(measure.weeks))


def _right_column(paper: ChartSize) -> tuple[float, Anchor]:
    return (paper.width, "right") if paper.narrow else (paper.width - 106, "left")


def _draw_labels(on: Drawing, measure: OwnRange, paper: ChartSize, top: float) -> None:
    first, second = (top + 17, top + 32) if paper.narrow else (top + 27, top + 42)
    room = paper.width - 90 if paper.narrow else 172
    part = "amber-4" if measure.in_notice else "teal-4"
    value = measure.values[-1] if measure.values else None
    words = value_texts.this_week(measure)
    x, anchor = _right_column(paper)
    on.text(0, first, shorten(measure.title, room, paper.body, bold=True), paper.body, "ink", bold=True)
    on.text(0, second, value_texts.usual_range(measure), paper.small)
    on.text(x, first, words, paper.body + 2, part if value is not None else "quiet", anchor=anchor, bold=True)
    on.text(x, second, value_texts.range_standing(measure), paper.small, anchor=anchor)


def _draw_band(on: Drawing, measure: OwnRange, strip: RangeRow) -> None:
    if measure.low is None or measure.high is None:
        return
    top, bottom = strip.y(measure.high), strip.y(measure.low)
    if bottom - top < 3:
        top, bottom = (top + bottom) / 2 - 1.5, (top + bottom) / 2 + 1.5
    on.area(strip.left, top, strip.right - strip.left, bottom - top, "band")
    if measure.middle is not None:
        y = strip.y(measure.middle)
        on.line([(strip.left, y), (strip.right, y)], "teal-2", 0.9, dashed=True)


def _draw_weeks(on: Drawing, measure: OwnRange, strip: RangeRow) -> None:
    """The line breaks where a week has no value."""
    marks = [
        ChartMark(strip.x(n), strip.y(value), value_texts.week_value(measure, n)) if value is not None else None
        for n, value in enumerate(measure.values)
    ]
    for known, run in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in run if mark]
        if known and len(points) > 1:
            on.line(points, "teal-2", 1.5)
    on.marks(disc(2), [mark for mark in marks[:-1] if mark], "teal-3", ring="teal-3", ring_width=0)
    on.marks(disc(4.6), [mark for mark in marks[-1:] if mark], "amber-4" if measure.in_notice else "teal-4")


def _draw_axis(on: Drawing, strip: RangeRow, paper: ChartSize, baseline: float) -> None:
    last = strip.weeks - 1
    on.text(strip.right, baseline, "this week", paper.small, anchor="right")
    for ago in range(4, last + 1, 4):
        if ago + 4 > last:
            on.text(strip.left, baseline, f"{ago} weeks ago", paper.small)
        else:
            on.text(strip.x(last - ago), baseline, str(ago), paper.small, anchor="center")


def _description(measures: Sequence[OwnRange]) -> str:
    said = (
        f"{measure.title} {value_texts.this_week(measure)}, {value_texts.usual_range(measure)}" for measure in measures
    )
    return f"This week beside your own weeks before it. {'; '.join(said)}."
