"""The three drawings of a weekly report: rhythm, session ends, own range."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.calendar import DAY_SECONDS, date_of
from monitor.analysis.catalogue import catalogue
from monitor.analysis.clock import local_time
from monitor.analysis.intervals import Spans, seconds_inside
from monitor.analysis.metrics.sessions import has_exception, is_past_grace
from monitor.analysis.metrics.work import inside_work, outside_work
from monitor.analysis.sessions import distinct_meetings
from monitor.readiness import GapKind
from monitor.weekly_report.gaps import WeekCompleteness
from reports.models import EndsDay, EndState, OwnRange, Rhythm, RhythmDay, SessionEnd, SessionEnds, Unit
from reports.wording import listed, quantity, spelled, weekday

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

HOUR = 3600
DAYTIME = (6, 24)  # hours always drawn; others only if there was work in them
MIN_KNOWN_SHARE = 0.6
MIN_DRAWN_MINUTES = 1.0  # minutes in a cell below which it is empty
INSIDE_FOR_ONE = 4  # seconds inside the hours for each one outside, from which on most of a week lay inside
RANGE_WEEKS = 12


@dataclass(frozen=True, slots=True)
class Highlights:
    """What the week's notice rests on: the only thing that is ever drawn in amber.

    ``planned_ends`` says that the week's session ends are an exception by the person's own answer: drawn hollow.
    """

    metrics: tuple[str, ...] = ()
    days: frozenset[int] = frozenset()
    planned_ends: bool = False


def rhythm(frames: Frames, week: int, highlights: Highlights, completeness: WeekCompleteness) -> Rhythm | None:
    """The week by hour, ``None`` where no source saw anything of it."""
    days = np.arange(week, week + 7)
    first = frames.calendar.day_starts_at // HOUR
    grid = np.arange(first, first + 25)
    edges = frames.calendar.clock.instants(days[:, None] * DAY_SECONDS + grid[None, :] * HOUR)
    inside, outside = (_minutes(spans, edges) for spans in (inside_work(frames), outside_work(frames)))
    busy = (inside + outside >= MIN_DRAWN_MINUTES).any(axis=0)
    if not busy.any():
        return None
    shown = [n for n, hour in enumerate(grid[:-1]) if DAYTIME[0] <= hour < DAYTIME[1] or busy[n]]
    shown = list(range(shown[0], shown[-1] + 1))
    rows = tuple(
        _rhythm_day(frames, int(day), inside[n][shown], outside[n][shown], float(outside[n].sum()), highlights)
        for n, day in enumerate(days)
    )
    said = (
        _rhythm_words(rows, mostly=mostly_inside(frames, week))
        if completeness.can_judge_hours
        else _rhythm_so_far(rows, completeness)
    )
    assumed = frames.clinician.has_assumed_hours
    return Rhythm(*said, tuple(int(grid[n]) for n in shown), rows, assumed)


def mostly_inside(frames: Frames, week: int) -> bool:
    """Whether at most a fifth of the week's work is known to have been outside the agreed hours."""
    start, end = frames.calendar.day_starts([week, week + 7])
    inside, outside = (
        seconds_inside(spans, [start], [end])[0] for spans in (inside_work(frames), outside_work(frames))
    )
    return bool(outside <= inside / INSIDE_FOR_ONE)


def _minutes(spans: Spans, edges: np.ndarray) -> np.ndarray:
    return seconds_inside(spans, edges[:, :-1], edges[:, 1:]) / 60


def _rhythm_day(
    frames: Frames, day: int, inside: np.ndarray, outside: np.ndarray, sum_outside: float, highlights: Highlights
) -> RhythmDay:
    return RhythmDay(
        day=date_of(day),
        inside=tuple(map(float, inside)),
        outside=tuple(map(float, outside)),
        agreed=_agreed_hours(frames, day),
        outside_minutes=sum_outside if sum_outside >= MIN_DRAWN_MINUTES else None,
        in_notice=day in highlights.days,
        leave=bool(frames.days["leave_share"].get(day, 0.0) > 0.5),
    )


def _agreed_hours(frames: Frames, day: int) -> tuple[tuple[float, float], ...]:
    """The agreed spans that begin on a day, their breaks closed, in local hours of that day."""
    wall = frames.calendar.clock.local(frames.calendar.hours) / HOUR - day * 24
    first = frames.calendar.day_starts_at / HOUR
    return tuple((float(a), min(float(b), first + 24)) for a, b in wall if first <= a < first + 24)


def _rhythm_words(days: Sequence[RhythmDay], *, mostly: bool) -> tuple[str, str]:
    """The finding as a title, and where the minutes outside were; ``mostly`` says whether most work was inside."""
    outside = {day.day: day.outside_minutes for day in days if day.outside_minutes}
    total = sum(outside.values())
    if not outside:
        return "All of your week lay inside the hours you chose", "Nothing was seen outside your agreed hours."
    most = sorted(outside, key=lambda day: -(outside[day] or 0))[:2]
    where = listed([weekday(day) for day in sorted(most)])
    title = "Your week stayed mostly inside the hours you chose"
    if not mostly:
        title = "A good part of your week lay outside the hours you chose"
    share = "all" if len(outside) <= len(most) else "most"
    return title, f"At least {quantity(total, Unit.MINUTES)} fell outside agreed hours, {share} of it on {where}."


def _rhythm_so_far(days: Sequence[RhythmDay], completeness: WeekCompleteness) -> tuple[str, str]:
    """What was seen, where it is not known that all work was seen or when work was meant to be."""
    total = sum(day.outside_minutes or 0 for day in days)
    hours = "the assumed hours" if completeness.has_gap(GapKind.HOURS_ASSUMED) else "agreed hours"
    found = f"At least {quantity(total, Unit.MINUTES)} fell outside {hours}." if total else ""
    return "What was seen of your week, by hour", found


def session_ends(frames: Frames, week: int, highlights: Highlights) -> SessionEnds | None:
    """When the week's sessions ended, ``None`` if none was held; no days are drawn below 60 % of known ends."""
    held = distinct_meetings(frames.held_sessions[frames.held_sessions["week"] == week])
    if held.empty:
        return None
    known = int(held["overrun_minutes"].notna().sum())
    grace = frames.clinician.grace_minutes
    days = tuple(_ends_day(frames, day, part, highlights) for day, part in by_day(held))
    enough = known >= MIN_KNOWN_SHARE * len(held)
    title, subtitle = _ends_words(days, known, len(held)) if enough else _ends_unknown(known, len(held))
    return SessionEnds(title, subtitle, grace, days if enough else (), known, len(held))


def by_day(sessions: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """The sessions of each work day, in order."""
    for day in sorted(set(sessions["day"].tolist())):
        yield int(day), sessions[sessions["day"] == day]


def _ends_day(frames: Frames, day: int, held: pd.DataFrame, highlights: Highlights) -> EndsDay:
    known = held[held["overrun_minutes"].notna()]
    beyond = EndState.PLANNED if highlights.planned_ends else EndState.PAST
    planned = np.where(has_exception(frames, known), EndState.PLANNED, EndState.WITHIN)
    states = np.where(is_past_grace(frames, known), beyond, planned)
    ends = tuple(
        SessionEnd(float(over), EndState(state), local_time(frames.clinician, end))
        for over, state, end in zip(known["overrun_minutes"], states, known["booked_end"], strict=True)
    )
    past = any(end.state is EndState.PAST for end in ends)
    return EndsDay(date_of(day), ends, len(held), "overrun_minutes" in highlights.metrics and past)


def _ends_words(days: Sequence[EndsDay], known: int, held: int) -> tuple[str, str]:
    past = {day.day: sum(end.state is EndState.PAST for end in day.ends) for day in days}
    late = sum(past.values())
    rest = f"{known} sessions" if known == held else f"{known} of {held} sessions; the other ends are not known"
    subtitle = f"Each dot is one session, placed by when it ended. {rest}."
    judged = sum(end.state is not EndState.PLANNED for day in days for end in day.ends)
    if not judged:
        return "Your sessions ended as you had planned", subtitle
    if not late:
        every = "Every session" if known == held else f"All {known} sessions whose end is known"
        return f"{every} ended within your buffer{', or as planned' if judged < known else ''}", subtitle
    if late > judged / 2:
        return f"{late} of {judged} sessions ended past your buffer", subtitle
    most = max(past, key=lambda day: past[day])
    one_day = past[most] > 1 and past[most] >= late / 2
    ran_on = f"{weekday(most)}’s ran on" if one_day else f"{spelled(late)} ran past it"
    return f"Most sessions ended within your buffer; {ran_on}", subtitle


def _ends_unknown(known: int, held: int) -> tuple[str, str]:
    return (
        "When sessions ended is not known for enough of them",
        f"{known} of {held} ends are known; we show them from 60 % on. A call log or your record system would tell.",
    )


def own_ranges(
    frames: Frames,
    week: int,
    values: Mapping[tuple[int, str], float | None],
    keys: Sequence[str],
    in_notice: Collection[str],
    *,
    unsure: bool = False,
) -> tuple[OwnRange, ...]:
    """Each measure's last 13 weeks with the middle 80 % of those before; weeks that are not compared stay out of it.

    ``values`` are the stored weekly numbers by (week, key); ``rests_on`` are those that the week's notice rests on.
    Where not all work is seen, or nobody declared the hours (``unsure``), no 0 of work outside them is drawn.
    """
    from monitor.analysis.ratios import own_range

    weeks = [week - 7 * back for back in range(RANGE_WEEKS, -1, -1)]
    compared = {int(at) for at in frames.weeks.index[frames.weeks["compared"]]}
    before = [at for at in range(week - 7 * 60, week, 7) if at in compared]
    ranges = []
    for key in keys:
        if all(values.get((at, key)) is None for at in weeks):
            continue
        unit = catalogue()[key].unit
        usual = own_range([_or_nan(values.get((at, key))) for at in before])
        low, middle, high = _whole_numbers(usual, unit) if usual else (None, None, None)
        drawn = tuple(
            _drop_unsure_zero(values.get((at, key)), unsure=unsure and catalogue()[key].uses_agreed_hours)
            for at in weeks
        )
        if all(value is None for value in drawn):
            continue
        title, dates = catalogue()[key].title, tuple(map(date_of, weeks))
        ranges.append(OwnRange(key, title, unit, dates, drawn, low, middle, high, in_notice=key in in_notice))
    return tuple(ranges)


def _whole_numbers(usual: tuple[float, float, float], unit: Unit) -> tuple[float, float, float]:
    """The range of a count in whole numbers: nobody holds 15.1 sessions."""
    low, middle, high = usual
    return (math.floor(low), middle, math.ceil(high)) if unit is Unit.COUNT else usual


def _drop_unsure_zero(value: float | None, *, unsure: bool) -> float | None:
    """The value, unless it is a 0 of which nobody can be sure."""
    return None if value == 0 and unsure else value


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
