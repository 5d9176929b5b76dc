"""What was felt beside what was measured: a strip a scale with a dot an answer, a strip a measure with its weeks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from reports import readings, wording
from reports.charts.layout import Sheet, sheet, shortened
from reports.drawing import Anchor, Drawing, Mark, disc
from reports.models import Unit
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reports.models import Beside, Felt, Measured

DAY_LEAST = 7 * 4  # points of a month below which its name would touch the next


@dataclass(frozen=True, slots=True)
class Time:
    """The line of time that all strips share."""

    left: float
    right: float
    first: date
    days: int

    def x(self, day: date) -> float:
        """Place of a day."""
        return self.left + 8 + (day - self.first).days * (self.right - self.left - 16) / self.days


@dataclass(frozen=True, slots=True)
class Strip:
    """Where one scale or measure lies, and how its values become places."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """Place of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Names:
    """The words around a strip: its title and what is below it; at the right the last value, and what that is."""

    title: str
    below: str
    value: str
    standing: str
    part: str


def beside(shown: Beside, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Answers and weeks on one line of time as SVG; a fine line leads from each answer down to its week."""
    paper = sheet(narrow=narrow)
    pitch = 96.0 if narrow else 62.0
    rows = len(shown.felt) + len(shown.measured)
    on = Drawing(paper.width, pitch * rows + paper.small * 2.2)
    time = _time(shown, paper)
    _answers_down(on, shown, time, paper, pitch)
    for at in range(1, rows):
        strong = at == len(shown.felt)
        on.line([(0, at * pitch), (paper.width, at * pitch)], "slate-2" if strong else "rule", 1.2 if strong else 0.8)
    for at, felt in enumerate(shown.felt):
        _felt(on, felt, time, paper, (at * pitch, pitch))
    for at, measure in enumerate(shown.measured, len(shown.felt)):
        _measured(on, measure, shown.weeks, time, paper, (at * pitch, pitch))
    _axis(on, shown.weeks, time, paper, pitch * rows + paper.small * 1.3)
    return on.svg(Caption(key, shown.title, _description(shown)), literal=literal)


def _time(shown: Beside, paper: Sheet) -> Time:
    left, right = (0.0, paper.width) if paper.narrow else (178.0, paper.width - 118)
    return Time(left, right, shown.weeks[0], (shown.weeks[-1] - shown.weeks[0]).days + 6)


def _inner(paper: Sheet, row: tuple[float, float]) -> tuple[float, float]:
    """Upper and lower edge of what is drawn in a row, below its words on a phone."""
    top, pitch = row
    return (top + 46, top + pitch - 14) if paper.narrow else (top + 12, top + pitch - 12)


def _answers_down(on: Drawing, shown: Beside, time: Time, paper: Sheet, pitch: float) -> None:
    """One fine line a day of answers, through the measured weeks alone."""
    days = sorted({day for felt in shown.felt for day, _ in felt.points})
    for at in range(len(shown.felt), len(shown.felt) + len(shown.measured)):
        top, bottom = _inner(paper, (at * pitch, pitch))
        on.strokes((((time.x(day), top - 6), (time.x(day), bottom + 6)) for day in days), "slate-2", 0.8)


def _name(on: Drawing, names: Names, paper: Sheet, top: float) -> None:
    first, second = (top + 17, top + 32) if paper.narrow else (top + 27, top + 42)
    right: tuple[float, Anchor] = (paper.width, "right") if paper.narrow else (paper.width - 106, "left")
    room = paper.width - 90 if paper.narrow else 172
    on.words(0, first, shortened(names.title, room, paper.body, bold=True), paper.body, "ink", bold=True)
    on.words(0, second, names.below, paper.small)
    on.words(right[0], first, names.value, paper.body + 2, names.part, anchor=right[1], bold=True)
    on.words(right[0], second, names.standing, paper.small, anchor=right[1])


def _felt(on: Drawing, felt: Felt, time: Time, paper: Sheet, row: tuple[float, float]) -> None:
    strip = Strip(*_inner(paper, row), felt.low, felt.high)
    _, last = felt.points[-1]
    reach = wording.between(felt.low, felt.high, Unit.COUNT)
    if felt.bands:
        reach += f", shaded: {felt.bands[1][1]}"
    value = wording.quantity(last, Unit.COUNT)
    _name(on, Names(felt.title, reach, value, readings.band(felt, last), "slate-4"), paper, row[0])
    _bands(on, felt, strip, time)
    places = [(time.x(day), strip.y(value)) for day, value in felt.points]
    if len(places) > 1:
        on.line(places, "slate-2", 1.5)
    says = [readings.felt(felt, at) for at in range(len(felt.points))]
    marks = [Mark(x, y, said) for (x, y), said in zip(places, says, strict=True)]
    on.marks(disc(4.6), marks, "slate-4")


def _bands(on: Drawing, felt: Felt, strip: Strip, time: Time) -> None:
    """Every second published part is shaded; where none is published, the whole reach is."""
    edges = [felt.low, *(low for low, _ in felt.bands[1:]), felt.high]
    shaded = list(pairwise(edges))[1::2] or [(felt.low, felt.high)]
    for low, high in shaded:
        top, bottom = strip.y(high), strip.y(low)
        on.area(time.left, top, time.right - time.left, bottom - top, "blank")


def _measured(
    on: Drawing, measure: Measured, weeks: Sequence[date], time: Time, paper: Sheet, row: tuple[float, float]
) -> None:
    known = [value for value in measure.values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    strip = Strip(*_inner(paper, row), low, high if high > low else low + 1)
    value, when = readings.last_measured(measure, weeks)
    _name(on, Names(measure.title, "by week", value, when, "teal-4"), paper, row[0])
    marks = [
        Mark(time.x(week), strip.y(value), readings.measured(measure, week, value)) if value is not None else None
        for week, value in zip(weeks, measure.values, strict=True)
    ]
    for there, run in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in run if mark]
        if there and len(points) > 1:
            on.line(points, "teal-2", 1.5)
    on.marks(disc(1.8), [mark for mark in marks if mark], "teal-3", ring="teal-3", ring_width=0)


def _axis(on: Drawing, weeks: Sequence[date], time: Time, paper: Sheet, baseline: float) -> None:
    """The months, as far apart as their names need."""
    firsts = [week.replace(day=1) for week in weeks if week.day <= 7]
    free = time.left
    for first in firsts:
        name = wording.MONTHS[first.month - 1][:3]
        name = f"{name} {first.year}" if first.month == 1 else name
        x = time.x(max(first, weeks[0]))
        if x >= free and x + DAY_LEAST <= time.right:
            on.words(x, baseline, name, paper.small)
            free = x + DAY_LEAST + (18 if first.month == 1 else 0)


def _description(shown: Beside) -> str:
    felt = "; ".join(readings.felt(felt, len(felt.points) - 1) for felt in shown.felt)
    measures = wording.listed([measure.title for measure in shown.measured])
    return f"{felt}. Below, by week: {measures}."
