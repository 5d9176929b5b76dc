"""When sessions ended: a row a day, a dot a session, placed by its minutes after the booked end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, chart_size, text_width
from reports.drawing import ChartMark, Drawing, arrowhead, disc
from reports.models import EndState
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reports.models import EndsDay, SessionEnd, SessionEnds

RADIUS = 4.2
EARLIEST, LATEST = -60, 60
DOT_STYLES = {
    "within": ("teal-3", "paper"),
    "past": ("slate-4", "paper"),
    "amber": ("amber-4", "paper"),
    "planned": ("paper", "quiet"),
}


@dataclass(frozen=True, slots=True)
class MinuteAxis:
    """Minutes after the booked end along the sheet; what lies beyond the ends is drawn at them."""

    low: int
    high: int
    left: float
    right: float

    def x(self, minutes: float) -> float:
        """Place of a number of minutes."""
        inside = min(max(minutes, self.low), self.high)
        return self.left + (inside - self.low) / (self.high - self.low) * (self.right - self.left)


def session_ends(week: SessionEnds, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Session ends of a week as SVG. Dots that would cover each other step aside; far ends are arrows at the edge."""
    paper = chart_size(narrow=narrow)
    low, high = _axis_ends(week)
    beyond = any(end.minutes > high for day in week.days for end in day.ends)
    right = 98 if not narrow or beyond else 66
    scale = MinuteAxis(low, high, 44 if narrow else 52, paper.width - right)
    aside = [
        spread_dots([scale.x(end.minutes) for end in day.ends], 2 * RADIUS + (4.4 if beyond else 1.4))
        for day in week.days
    ]
    heights = [max(30.0, 2 * max(map(abs, steps), default=0) + 2 * RADIUS + 8) for steps in aside]
    top = paper.small * 2.1
    tops = [*accumulate(heights, initial=top)]
    legend = Legend(_legend_entries(week), paper.width - (0 if narrow else 38), paper.small)
    foot = tops[-1] + paper.small * 1.8 + 8
    on = Drawing(paper.width, foot + legend.height + 2)
    _draw_background(on, week, scale, paper, (top, tops[-1]))
    for edge in tops[1:-1]:
        on.line([(scale.left - 8, edge), (scale.right + 8, edge)], "rule", 0.8)
    for day, steps, (upper, lower) in zip(week.days, aside, pairwise(tops), strict=True):
        _draw_day(on, day, paper, (upper + lower) / 2)
        _draw_dots(on, day, scale, steps, (upper + lower) / 2, paper.small)
    legend.draw(on, 0 if narrow else 38, foot)
    return on.svg(Caption(key, week.title, _description(week)), literal=literal)


def _axis_ends(week: SessionEnds) -> tuple[int, int]:
    """First and last minute of the scale, whole tens."""
    minutes = [end.minutes for day in week.days for end in day.ends]
    low = math.floor(min([*minutes, -10]) / 10) * 10
    high = math.ceil(max([*minutes, 20, week.grace_minutes + 5]) / 10) * 10
    return max(low, EARLIEST), min(high, max(LATEST, week.grace_minutes))


def spread_dots(places: Sequence[float], apart: float) -> list[float]:
    """How far each dot steps up (−) or down (+) from its row so that no two lie closer than ``apart``."""
    steps = [0.0] * len(places)
    placed: list[tuple[float, float]] = []
    for at in sorted(range(len(places)), key=places.__getitem__):
        x = places[at]
        near = [(px, py) for px, py in placed if x - px < apart]
        steps[at] = next(y for y in _candidate_offsets(near, x, apart) if _is_free(near, x, y, apart))
        placed.append((x, steps[at]))
    return steps


def _candidate_offsets(near: Iterable[tuple[float, float]], x: float, apart: float) -> list[float]:
    """The row itself, then what just touches a neighbour, the smallest step first."""
    touching = [py + side * math.sqrt(max(apart**2 - (x - px) ** 2, 0)) * 1.001 for px, py in near for side in (1, -1)]
    return [0.0, *sorted(touching, key=lambda y: (round(abs(y), 3), -y))]


def _is_free(near: Iterable[tuple[float, float]], x: float, y: float, apart: float) -> bool:
    return all((x - px) ** 2 + (y - py) ** 2 >= apart**2 * 0.999 for px, py in near)


def _draw_background(
    on: Drawing, week: SessionEnds, scale: MinuteAxis, paper: ChartSize, edges: tuple[float, float]
) -> None:
    top, bottom = edges
    booked, grace = scale.x(0), scale.x(week.grace_minutes)
    on.area(booked, top, grace - booked, bottom - top, "band")
    step = next(s for s in (10, 20, 30, 60) if scale.x(s) - scale.x(0) >= paper.small * 4.5 or s == 60)
    ticks = [m for m in range(scale.low, scale.high + 1) if m % step == 0]
    on.strokes((((scale.x(m), top), (scale.x(m), bottom)) for m in ticks if m), "rule", 0.8)
    on.line([(booked, top), (booked, bottom)], "teal-4", 1.2)
    for minutes in ticks:
        on.text(
            scale.x(minutes),
            bottom + paper.small * 1.4,
            _tick_label(minutes, scale, paper),
            paper.small,
            anchor="center",
        )
    label = f"your {week.grace_minutes}-min buffer" if week.grace_minutes else "no buffer set"
    half = text_width(label, paper.small) / 2
    middle = max((booked + grace) / 2, half)
    on.text(middle, top - paper.small * 0.7, label, paper.small, "teal-4", anchor="center")
    on.text(paper.width, top - paper.small * 0.7, "past buffer", paper.small, anchor="right")


def _tick_label(minutes: int, scale: MinuteAxis, paper: ChartSize) -> str:
    if minutes == 0:
        return "booked end"
    if minutes < 0:
        return f"−{-minutes}" if paper.narrow or minutes > scale.low else f"{-minutes} min early"
    return f"+{minutes} min" if minutes + 10 > scale.high else f"+{minutes}"


def _draw_day(on: Drawing, day: EndsDay, paper: ChartSize, middle: float) -> None:
    baseline = middle + paper.body * 0.36
    on.text(30 if paper.narrow else 34, baseline, wording.short_weekday(day.day), paper.body, "ink", anchor="right")
    part = "amber-4" if day.in_notice else "quiet"
    on.text(
        paper.width, baseline, value_texts.ends_past_buffer(day), paper.small, part, anchor="right", bold=day.in_notice
    )


def _dot_style(end: SessionEnd, day: EndsDay) -> str:
    return "amber" if end.state is EndState.PAST and day.in_notice else end.state.value


def _draw_dots(
    on: Drawing, day: EndsDay, scale: MinuteAxis, steps: Sequence[float], middle: float, size: float
) -> None:
    groups: dict[tuple[str, bool], list[ChartMark]] = {}
    for end, step in zip(day.ends, steps, strict=True):
        x, y, beyond = scale.x(end.minutes), middle + step, end.minutes > scale.high
        says = f"{wording.weekday(day.day)}, booked to {end.booked_end:%H:%M}: {value_texts.session_end(end)}"
        groups.setdefault((_dot_style(end, day), beyond), []).append(ChartMark(x, y, says))
        if beyond:
            on.text(x + RADIUS + 2, y + size * 0.36, wording.signed(round(end.minutes)), size)
    for (look, beyond), marks in groups.items():
        part, ring = DOT_STYLES[look]
        width = 1.5 if look == "planned" else 1.2
        on.marks(arrowhead(RADIUS) if beyond else disc(RADIUS), marks, part, ring=ring, ring_width=width)


def _legend_entries(week: SessionEnds) -> list[LegendEntry]:
    """Only what is drawn is explained."""
    drawn = {_dot_style(end, day) for day in week.days for end in day.ends}
    words = {
        "within": "within time or buffer",
        "past": "past your buffer",
        "amber": "past it, part of the note",
        "planned": "as planned",
    }
    return [
        LegendEntry(says, 2 * RADIUS, partial(_draw_legend_dot, look)) for look, says in words.items() if look in drawn
    ]


def _draw_legend_dot(look: str, on: Drawing, x: float, y: float) -> None:
    part, ring = DOT_STYLES[look]
    on.stamp(disc(RADIUS), [(x + RADIUS, y)], part, ring, 1.5 if look == "planned" else 1.2)


def _description(week: SessionEnds) -> str:
    days = ", ".join(f"{wording.weekday(day.day)} {value_texts.ends_past_buffer(day)}" for day in week.days)
    return f"Minutes after the booked end, one dot a session. Past your {week.grace_minutes}-minute buffer: {days}."
