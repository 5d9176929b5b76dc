"""Session ends of a week: a row a day, a dot a session, placed by its minutes after the booked end."""

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
EARLIEST, LATEST = -60, 60  # minutes; a session that ends further off is drawn at the edge
DOT_STYLES = {  # fill and ring
    "within": ("teal-3", "paper"),
    "past": ("slate-4", "paper"),
    "amber": ("amber-4", "paper"),
    "planned": ("paper", "quiet"),
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
    low, high = _axis_ends(week)
    has_arrows = any(end.minutes > high for day in week.days for end in day.ends)
    # Arrows at the edge carry their minutes, which need room.
    right = 98 if not narrow or has_arrows else 66
    scale = MinuteAxis(low, high, 44 if narrow else 52, layout.width - right)
    offsets = [
        spread_dots([scale.x(end.minutes) for end in day.ends], 2 * RADIUS + (4.4 if has_arrows else 1.4))
        for day in week.days
    ]
    heights = [max(30.0, 2 * max(map(abs, day_offsets), default=0) + 2 * RADIUS + 8) for day_offsets in offsets]
    top = layout.small * 2.1
    tops = [*accumulate(heights, initial=top)]
    legend = Legend(_legend_entries(week), layout.width - (0 if narrow else 38), layout.small)
    legend_top = tops[-1] + layout.small * 1.8 + 8
    drawing = Drawing(layout.width, legend_top + legend.height + 2)
    _draw_background(drawing, week, scale, layout, (top, tops[-1]))
    for edge in tops[1:-1]:
        drawing.line([(scale.left - 8, edge), (scale.right + 8, edge)], "rule", 0.8)
    for day, day_offsets, (upper, lower) in zip(week.days, offsets, pairwise(tops), strict=True):
        _draw_day(drawing, day, layout, (upper + lower) / 2)
        _draw_dots(drawing, day, scale, day_offsets, (upper + lower) / 2, layout.small)
    legend.draw(drawing, 0 if narrow else 38, legend_top)
    return drawing.svg(Caption(key, week.title, _description(week)), literal=literal)


def _axis_ends(week: SessionEnds) -> tuple[int, int]:
    """Return the first and last minute of the axis, in whole tens."""
    minutes = [end.minutes for day in week.days for end in day.ends]
    low = math.floor(min([*minutes, -10]) / 10) * 10
    high = math.ceil(max([*minutes, 20, week.grace_minutes + 5]) / 10) * 10
    return max(low, EARLIEST), min(high, max(LATEST, week.grace_minutes))


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
        offsets[index] = next(y for y in _candidate_offsets(neighbours, x, apart) if _is_free(neighbours, x, y, apart))
        placed.append((x, offsets[index]))
    return offsets


def _candidate_offsets(neighbours: Iterable[tuple[float, float]], x: float, apart: float) -> list[float]:
    """Return the row itself, then the offsets that just touch a neighbour, the smallest first."""
    # The circle around a neighbour at this x, slightly enlarged so that rounding leaves no overlap.
    touching = [
        py + side * math.sqrt(max(apart**2 - (x - px) ** 2, 0)) * 1.001 for px, py in neighbours for side in (1, -1)
    ]
    # Of two equal steps the lower one (+) comes first.
    return [0.0, *sorted(touching, key=lambda y: (round(abs(y), 3), -y))]


def _is_free(neighbours: Iterable[tuple[float, float]], x: float, y: float, apart: float) -> bool:
    return all((x - px) ** 2 + (y - py) ** 2 >= apart**2 * 0.999 for px, py in neighbours)


def _draw_background(
    drawing: Drawing, week: SessionEnds, scale: MinuteAxis, layout: ChartSize, edges: tuple[float, float]
) -> None:
    top, bottom = edges
    booked, grace_end = scale.x(0), scale.x(week.grace_minutes)
    drawing.area(booked, top, grace_end - booked, bottom - top, "band")
    step = next(
        minutes_
        for minutes_ in (10, 20, 30, 60)
        if scale.x(minutes_) - scale.x(0) >= layout.small * 4.5 or minutes_ == 60
    )
    ticks = [minutes for minutes in range(scale.low, scale.high + 1) if minutes % step == 0]
    drawing.strokes(
        (((scale.x(minutes), top), (scale.x(minutes), bottom)) for minutes in ticks if minutes), "rule", 0.8
    )
    drawing.line([(booked, top), (booked, bottom)], "teal-4", 1.2)
    for minutes in ticks:
        drawing.text(
            scale.x(minutes),
            bottom + layout.small * 1.4,
            _tick_label(minutes, scale, layout),
            layout.small,
            anchor="center",
        )
    label = f"your {week.grace_minutes}-min buffer" if week.grace_minutes else "no buffer set"
    half = text_width(label, layout.small) / 2
    # The label is centred on the buffer, but never runs out of the chart at the left.
    middle = max((booked + grace_end) / 2, half)
    drawing.text(middle, top - layout.small * 0.7, label, layout.small, "teal-4", anchor="center")
    drawing.text(layout.width, top - layout.small * 0.7, "past buffer", layout.small, anchor="right")


def _tick_label(minutes: int, scale: MinuteAxis, layout: ChartSize) -> str:
    if minutes == 0:
        return "booked end"
    if minutes < 0:
        return f"−{-minutes}" if layout.narrow or minutes > scale.low else f"{-minutes} min early"
    return f"+{minutes} min" if minutes + 10 > scale.high else f"+{minutes}"


def _draw_day(drawing: Drawing, day: EndsDay, layout: ChartSize, middle: float) -> None:
    baseline = middle + layout.body * 0.36
    drawing.text(
        30 if layout.narrow else 34, baseline, wording.short_weekday(day.day), layout.body, "ink", anchor="right"
    )
    colour = "amber-4" if day.in_notice else "quiet"
    drawing.text(
        layout.width,
        baseline,
        value_texts.ends_past_grace(day),
        layout.small,
        colour,
        anchor="right",
        bold=day.in_notice,
    )


def _dot_style(end: SessionEnd, day: EndsDay) -> str:
    return "amber" if end.state is EndState.PAST and day.in_notice else end.state.value


def _draw_dots(
    drawing: Drawing, day: EndsDay, scale: MinuteAxis, offsets: Sequence[float], middle: float, size: float
) -> None:
    groups: dict[tuple[str, bool], list[ChartMark]] = {}
    for end, offset in zip(day.ends, offsets, strict=True):
        x, y, is_beyond = scale.x(end.minutes), middle + offset, end.minutes > scale.high
        label = f"{wording.weekday(day.day)}, booked to {end.booked_end:%H:%M}: {value_texts.session_end(end)}"
        groups.setdefault((_dot_style(end, day), is_beyond), []).append(ChartMark(x, y, label))
        if is_beyond:
            drawing.text(x + RADIUS + 2, y + size * 0.36, wording.signed(round(end.minutes)), size)
    for (style, is_beyond), marks in groups.items():
        colour, ring = DOT_STYLES[style]
        width = 1.5 if style == "planned" else 1.2
        drawing.marks(arrowhead(RADIUS) if is_beyond else disc(RADIUS), marks, colour, ring=ring, ring_width=width)


def _legend_entries(week: SessionEnds) -> list[LegendEntry]:
    """Return an entry for each style that is drawn."""
    drawn_styles = {_dot_style(end, day) for day in week.days for end in day.ends}
    labels = {
        "within": "within time or buffer",
        "past": "past your buffer",
        "amber": "past your buffer, part of the note",
        "planned": "as planned",
    }
    return [
        LegendEntry(label, 2 * RADIUS, partial(_draw_legend_dot, style))
        for style, label in labels.items()
        if style in drawn_styles
    ]


def _draw_legend_dot(style: str, drawing: Drawing, x: float, y: float) -> None:
    colour, ring = DOT_STYLES[style]
    drawing.stamp(disc(RADIUS), [(x + RADIUS, y)], colour, ring, 1.5 if style == "planned" else 1.2)


def _description(week: SessionEnds) -> str:
    days = ", ".join(f"{wording.weekday(day.day)} {value_texts.ends_past_grace(day)}" for day in week.days)
    return f"Minutes after the booked end, one dot a session. Past your {week.grace_minutes}-minute buffer: {days}."
