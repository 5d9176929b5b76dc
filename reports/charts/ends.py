"""Session ends of a week: a row a day, a dot a session, placed by its minutes after the booked end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from reports import value_texts, wording
from reports.charts.layout import ChartSize, Legend, LegendEntry, baseline_at, chart_size, text_width
from reports.drawing import ChartMark, Drawing, arrowhead, disc
from reports.models import EndState
from reports.svg import Caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.models import EndsDay, SessionEnd, SessionEnds

RADIUS = 4.2
EARLIEST, LATEST = -60, 60  # minutes; a session that ends further off is drawn at the edge
DOT_STYLES = {  # fill and ring, and the width of the ring
    "within": ("teal-3", "paper", 1.2),
    "past": ("slate-4", "paper", 1.2),
    "amber": ("amber-4", "paper", 1.2),
    "planned": ("paper", "quiet", 1.5),
}
LEGEND_TEXTS = {
    "within": value_texts.ENDS[EndState.WITHIN],
    "past": value_texts.ENDS[EndState.PAST],
    "amber": f"{value_texts.ENDS[EndState.PAST]}, part of the note",
    "planned": value_texts.ENDS[EndState.PLANNED],
}


@dataclass(frozen=True, slots=True)
class MinuteAxis:
    """Axis of minutes after the booked end; values beyond its ends are drawn at them."""

    low: int
    high: int
    left: float
    right: float

    def x(self, minutes: float) -> float:
        """Return the place of a number of minutes."""
        inside = min(max(minutes, self.low), self.high)
        return self.left + (inside - self.low) / (self.high - self.low) * (self.right - self.left)


def session_ends(week: SessionEnds, key: str, *, narrow: bool = False, literal: bool = False) -> str:
    """Return the session ends of a week as SVG. Dots that would cover each other move apart; far ends are arrows."""
    layout = chart_size(narrow=narrow)

    # The axis runs in whole tens, and at least from ten minutes early to the end of the buffer.
    minutes = [end.minutes for day in week.days for end in day.ends]
    low = max(math.floor(min([*minutes, -10]) / 10) * 10, EARLIEST)
    high = math.ceil(max([*minutes, 20, week.grace_minutes + 5]) / 10) * 10
    high = min(high, max(LATEST, week.grace_minutes))
    has_arrows = any(end > high for end in minutes)
    # Arrows at the edge carry their minutes, which need room.
    right = 98 if not narrow or has_arrows else 66
    axis = MinuteAxis(low, high, 44 if narrow else 52, layout.width - right)

    # A day's row is as high as its dots need.
    apart = 2 * RADIUS + (4.4 if has_arrows else 1.4)
    offsets = [spread_dots([axis.x(end.minutes) for end in day.ends], apart) for day in week.days]
    heights = [max(30.0, 2 * max(map(abs, day_offsets), default=0) + 2 * RADIUS + 8) for day_offsets in offsets]
    top = layout.small * 2.1
    edges = [*accumulate(heights, initial=top)]

    drawn_styles = {_dot_style(end, day) for day in week.days for end in day.ends}
    entries = [
        LegendEntry(label, 2 * RADIUS, partial(_draw_legend_dot, style))
        for style, label in LEGEND_TEXTS.items()
        if style in drawn_styles
    ]
    legend_left = 0 if narrow else 38
    legend_top = edges[-1] + layout.small * 1.8 + 8
    legend = Legend(entries, layout.width - legend_left, layout.small)

    drawing = Drawing(layout.width, legend_top + legend.height + 2)
    _draw_axis(drawing, week, axis, layout, (top, edges[-1]))
    for edge in edges[1:-1]:
        drawing.line([(axis.left - 8, edge), (axis.right + 8, edge)], "rule", 0.8)
    for day, day_offsets, (upper, lower) in zip(week.days, offsets, pairwise(edges), strict=True):
        _draw_day(drawing, day, day_offsets, axis, layout, (upper + lower) / 2)
    legend.draw(drawing, legend_left, legend_top)

    days = ", ".join(f"{wording.weekday(day.day)} {value_texts.ends_past_grace(day)}" for day in week.days)
    description = (
        f"Minutes after the booked end, one dot a session. Past your {week.grace_minutes}-minute buffer: {days}."
    )
    return drawing.svg(Caption(key, week.title, description), literal=literal)


def spread_dots(places: Sequence[float], apart: float) -> list[float]:
    """Return how far each dot moves up (−) or down (+) from its row so that no two lie closer than ``apart``.

    ::

        before  ●──●●──●    two dots overlap
        after   ●──●───●    each keeps its place along the row,
                    ●       one moves off it
    """
    offsets = [0.0] * len(places)
    placed: list[tuple[float, float]] = []
    # From left to right, each dot only has to avoid those already placed.
    for index in sorted(range(len(places)), key=places.__getitem__):
        x = places[index]
        neighbours = [(px, py) for px, py in placed if x - px < apart]
        # The circle around a neighbour at this x, slightly enlarged so that rounding leaves no overlap.
        touching = [
            py + side * math.sqrt(max(apart**2 - (x - px) ** 2, 0)) * 1.001 for px, py in neighbours for side in (1, -1)
        ]
        # The row itself comes first, then the smallest step; of two equal steps the lower one (+).
        candidates = [0.0, *sorted(touching, key=lambda y: (round(abs(y), 3), -y))]
        offsets[index] = next(
            y for y in candidates if all((x - px) ** 2 + (y - py) ** 2 >= apart**2 * 0.999 for px, py in neighbours)
        )
        placed.append((x, offsets[index]))
    return offsets


def _draw_axis(
    drawing: Drawing, week: SessionEnds, axis: MinuteAxis, layout: ChartSize, edges: tuple[float, float]
) -> None:
    """Draw what lies behind the days: the buffer, a line at each tick, and their texts below and above."""
    top, bottom = edges
    booked, grace_end = axis.x(0), axis.x(week.grace_minutes)
    drawing.area(booked, top, grace_end - booked, bottom - top, "band")

    step = next(
        minutes for minutes in (10, 20, 30, 60) if axis.x(minutes) - booked >= layout.small * 4.5 or minutes == 60
    )
    ticks = [minutes for minutes in range(axis.low, axis.high + 1) if minutes % step == 0]
    drawing.strokes((((axis.x(minutes), top), (axis.x(minutes), bottom)) for minutes in ticks if minutes), "rule", 0.8)
    drawing.line([(booked, top), (booked, bottom)], "teal-4", 1.2)
    for minutes in ticks:
        # Only the outermost ticks carry the unit.
        if minutes == 0:
            label = "booked end"
        elif minutes < 0:
            label = f"−{-minutes}" if layout.narrow or minutes > axis.low else f"{-minutes} min early"
        else:
            label = f"+{minutes} min" if minutes + 10 > axis.high else f"+{minutes}"
        drawing.text(axis.x(minutes), bottom + layout.small * 1.4, label, layout.small, anchor="center")

    buffer_text = f"your {week.grace_minutes}-min buffer" if week.grace_minutes else "no buffer set"
    # The text is centred on the buffer, but never runs out of the chart at the left.
    middle = max((booked + grace_end) / 2, text_width(buffer_text, layout.small) / 2)
    baseline = top - layout.small * 0.7
    drawing.text(middle, baseline, buffer_text, layout.small, "teal-4", anchor="center")
    drawing.text(layout.width, baseline, "past buffer", layout.small, anchor="right")


def _draw_day(
    drawing: Drawing, day: EndsDay, offsets: Sequence[float], axis: MinuteAxis, layout: ChartSize, middle: float
) -> None:
    """Draw a day's name, its count past the buffer, and its dots, one group of marks for each style."""
    baseline = baseline_at(middle, layout.body)
    name, count = wording.short_weekday(day.day), value_texts.ends_past_grace(day)
    colour = "amber-4" if day.in_notice else "quiet"
    drawing.text(30 if layout.narrow else 34, baseline, name, layout.body, "ink", anchor="right")
    drawing.text(layout.width, baseline, count, layout.small, colour, anchor="right", bold=day.in_notice)

    groups: dict[tuple[str, bool], list[ChartMark]] = {}
    for end, offset in zip(day.ends, offsets, strict=True):
        x, y, is_beyond = axis.x(end.minutes), middle + offset, end.minutes > axis.high
        label = f"{wording.weekday(day.day)}, booked to {end.booked_end:%H:%M}: {value_texts.session_end(end)}"
        groups.setdefault((_dot_style(end, day), is_beyond), []).append(ChartMark(x, y, label))
        if is_beyond:
            minutes = wording.signed(round(end.minutes))
            drawing.text(x + RADIUS + 2, baseline_at(y, layout.small), minutes, layout.small)
    for (style, is_beyond), marks in groups.items():
        colour, ring, ring_width = DOT_STYLES[style]
        shape = arrowhead(RADIUS) if is_beyond else disc(RADIUS)
        drawing.marks(shape, marks, colour, ring=ring, ring_width=ring_width)


def _dot_style(end: SessionEnd, day: EndsDay) -> str:
    return "amber" if end.state is EndState.PAST and day.in_notice else end.state.value


def _draw_legend_dot(style: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.stamp(disc(RADIUS), [(x + RADIUS, y)], *DOT_STYLES[style])
