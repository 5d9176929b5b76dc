"""Each measure beside its own past: the weeks as a line, the person's own range as a band, this week as a dot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from reports import readings
from reports.charts.layout import Sheet, sheet, shortened
from reports.drawing import Anchor, Drawing, Mark, disc
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import OwnRange

TITLE = "You, compared only with you"


@dataclass(frozen=True, slots=True)
class Strip:
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
    paper = sheet(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    on = Drawing(paper.width, pitch * len(measures) + paper.small * 2.2)
    for at, measure in enumerate(measures):
        strip = _strip(measure, paper, at * pitch, pitch)
        if at:
            on.line([(0, at * pitch), (paper.width, at * pitch)], "rule", 0.8)
        _names(on, measure, paper, at * pitch)
        _band(on, measure, strip)
        _weeks(on, measure, strip)
    if measures:
        longest = max(measures, key=lambda measure: len(measure.weeks))
        _axis(on, _strip(longest, paper, 0, pitch), paper, pitch * len(measures) + paper.small * 1.3)
    return on.svg(Caption(key, TITLE, _description(measures)), literal=literal)


def _strip(measure: OwnRange, paper: Sheet, top: float, pitch: float) -> Strip:
    known = [value for value in (*measure.values, measure.low, measure.high) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if measure.low is None:  # without a range to read them by, small moves are to look small
        low, high = min(low, 0.0), max(high * 1.2, 0.0)
    if low == high:
        low, high = low - 1, high + 1
    left, right = (0.0, paper.width) if paper.narrow else (178.0, paper.width - 118)
    inner = (top + 46, top + pitch - 14) if paper.narrow else (top + 12, top + pitch - 12)
    return Strip(left, right, *inner, low, high, len(measure.weeks))


def _right_column(paper: Sheet) -> tuple[float, Anchor]:
    return (paper.width, "right") if paper.narrow else (paper.width - 106, "left")


def _names(on: Drawing, measure: OwnRange, paper: Sheet, top: float) -> None:
    first, second = (top + 17, top + 32) if paper.narrow else (top + 27, top + 42)
    room = paper.width - 90 if paper.narrow else 172
    part = "amber-4" if measure.attention else "teal-4"
    value = measure.values[-1] if measure.values else None
    words = readings.this_week(measure)
    x, anchor = _right_column(paper)
    on.words(0, first, shortened(measure.title, room, paper.body, bold=True), paper.body, "ink", bold=True)
    on.words(0, second, readings.usual(measure), paper.small)
    on.words(x, first, words, paper.body + 2, part if value is not None else "quiet", anchor=anchor, bold=True)
    on.words(x, second, readings.standing(measure), paper.small, anchor=anchor)


def _band(on: Drawing, measure: OwnRange, strip: Strip) -> None:
    if measure.low is None or measure.high is None:
        return
    top, bottom = strip.y(measure.high), strip.y(measure.low)
    if bottom - top < 3:
        top, bottom = (top + bottom) / 2 - 1.5, (top + bottom) / 2 + 1.5
    on.area(strip.left, top, strip.right - strip.left, bottom - top, "band")
    if measure.middle is not None:
        y = strip.y(measure.middle)
        on.line([(strip.left, y), (strip.right, y)], "teal-2", 0.9, dashed=True)


def _weeks(on: Drawing, measure: OwnRange, strip: Strip) -> None:
    """The line breaks where a week has no value."""
    marks = [
        Mark(strip.x(n), strip.y(value), readings.week(measure, n)) if value is not None else None
        for n, value in enumerate(measure.values)
    ]
    for known, run in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in run if mark]
        if known and len(points) > 1:
            on.line(points, "teal-2", 1.5)
    on.marks(disc(2), [mark for mark in marks[:-1] if mark], "teal-3", ring="teal-3", ring_width=0)
    on.marks(disc(4.6), [mark for mark in marks[-1:] if mark], "amber-4" if measure.attention else "teal-4")


def _axis(on: Drawing, strip: Strip, paper: Sheet, baseline: float) -> None:
    last = strip.weeks - 1
    on.words(strip.right, baseline, "this week", paper.small, anchor="right")
    for ago in range(4, last + 1, 4):
        if ago + 4 > last:
            on.words(strip.left, baseline, f"{ago} weeks ago", paper.small)
        else:
            on.words(strip.x(last - ago), baseline, str(ago), paper.small, anchor="center")


def _description(measures: Sequence[OwnRange]) -> str:
    said = (f"{measure.title} {readings.this_week(measure)}, {readings.usual(measure)}" for measure in measures)
    return f"This week beside your own weeks before it. {'; '.join(said)}."
