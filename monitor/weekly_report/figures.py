"""The three charts of a weekly report, as data: rhythm, session ends, own range."""

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
    """The metrics and days of the week's notice: only these are ever drawn in amber.

    ``planned_ends`` is true where an answer of the person makes the week's session ends an exception: drawn hollow.
    """

    metrics: tuple[str, ...] = ()
    days: frozenset[int] = frozenset()
    planned_ends: bool = False


def rhythm(frames: Frames, week: int, highlights: Highlights, completeness: WeekCompleteness) -> Rhythm | None:
    """Return the week by hour, ``None`` where no source saw any of it."""
    days = np.arange(week, week + 7)
    first = frames.time.calendar.day_starts_at // HOUR
    # 25 edges make the 24 hours of a work day, which can begin at 4:00.
    grid = np.arange(first, first + 25)
    edges = frames.time.calendar.clock.instants(days[:, None] * DAY_SECONDS + grid[None, :] * HOUR)
    inside, outside = (_minutes(spans, edges) for spans in (inside_work(frames), outside_work(frames)))
    has_work = (inside + outside >= MIN_DRAWN_MINUTES).any(axis=0)
    if not has_work.any():
        return None
    columns = [n for n, hour in enumerate(grid[:-1]) if DAYTIME[0] <= hour < DAYTIME[1] or has_work[n]]
    # Close the gaps: an hour between two drawn hours is drawn, too.
    columns = list(range(columns[0], columns[-1] + 1))
    rows = tuple(
        _rhythm_day(frames, int(day), inside[n][columns], outside[n][columns], float(outside[n].sum()), highlights)
        for n, day in enumerate(days)
    )
    title_and_subtitle = (
        _rhythm_words(rows, is_mostly_inside=mostly_inside(frames, week))
        if completeness.can_judge_hours
        else _rhythm_so_far(rows, completeness)
    )
    is_assumed = frames.clinician.has_assumed_hours
    return Rhythm(*title_and_subtitle, tuple(int(grid[n]) for n in columns), rows, is_assumed)


def mostly_inside(frames: Frames, week: int) -> bool:
    """Return whether at most a fifth of the week's known work lay outside the agreed hours."""
    start, end = frames.time.calendar.day_starts([week, week + 7])
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
        leave=bool(frames.time.days["leave_share"].get(day, 0.0) > 0.5),
    )


def _agreed_hours(frames: Frames, day: int) -> tuple[tuple[float, float], ...]:
    """Return the agreed spans that begin on a day, breaks closed, in local hours of that day."""
    # Hours are spans of instants; the drawing needs wall clock time of this day.
    wall = frames.time.calendar.clock.local(frames.time.calendar.hours) / HOUR - day * 24
    first = frames.time.calendar.day_starts_at / HOUR
    return tuple((float(start), min(float(end), first + 24)) for start, end in wall if first <= start < first + 24)


def _rhythm_words(days: Sequence[RhythmDay], *, is_mostly_inside: bool) -> tuple[str, str]:
    """Return the finding as a title and, as a subtitle, when the minutes outside were."""
    outside = {day.day: day.outside_minutes for day in days if day.outside_minutes}
    total = sum(outside.values())
    if not outside:
        return "All of your week lay inside the hours you chose", "Nothing was seen outside your agreed hours."
    # The two days with most minutes, named in the order of the week.
    longest = sorted(outside, key=lambda day: -(outside[day] or 0))[:2]
    day_names = listed([weekday(day) for day in sorted(longest)])
    title = "Your week stayed mostly inside the hours you chose"
    if not is_mostly_inside:
        title = "A good part of your week lay outside the hours you chose"
    share = "all" if len(outside) <= len(longest) else "most"
    return title, f"At least {quantity(total, Unit.MINUTES)} fell outside agreed hours, {share} of it on {day_names}."


def _rhythm_so_far(days: Sequence[RhythmDay], completeness: WeekCompleteness) -> tuple[str, str]:
    """Return title and subtitle where not all work was seen, or where the hours were not chosen."""
    total = sum(day.outside_minutes or 0 for day in days)
    hours = "the assumed hours" if completeness.has_gap(GapKind.HOURS_ASSUMED) else "agreed hours"
    subtitle = f"At least {quantity(total, Unit.MINUTES)} fell outside {hours}." if total else ""
    return "What was seen of your week, by hour", subtitle


def session_ends(frames: Frames, week: int, highlights: Highlights) -> SessionEnds | None:
    """Return when the week's sessions ended, ``None`` if none was held; without days below 60 % of known ends."""
    sessions = distinct_meetings(frames.sessions.held[frames.sessions.held["week"] == week])
    if sessions.empty:
        return None
    number_known = int(sessions["overrun_minutes"].notna().sum())
    grace_minutes = frames.clinician.grace_minutes
    days = tuple(_ends_day(frames, day, day_sessions, highlights) for day, day_sessions in by_day(sessions))
    has_enough_ends = number_known >= MIN_KNOWN_SHARE * len(sessions)
    title, subtitle = (
        _ends_words(days, number_known, len(sessions))
        if has_enough_ends
        else _ends_unknown(number_known, len(sessions))
    )
    return SessionEnds(title, subtitle, grace_minutes, days if has_enough_ends else (), number_known, len(sessions))


def by_day(sessions: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the sessions of each work day, in order."""
    for day in sorted(set(sessions["day"].tolist())):
        yield int(day), sessions[sessions["day"] == day]


def _ends_day(frames: Frames, day: int, sessions: pd.DataFrame, highlights: Highlights) -> EndsDay:
    known_ends = sessions[sessions["overrun_minutes"].notna()]
    # An answer "planned" to the week's notice draws all late ends hollow, as it takes them out of the count.
    past_state = EndState.PLANNED if highlights.planned_ends else EndState.PAST
    planned = np.where(has_exception(frames, known_ends), EndState.PLANNED, EndState.WITHIN)
    states = np.where(is_past_grace(frames, known_ends), past_state, planned)
    ends = tuple(
        SessionEnd(float(minutes), EndState(state), local_time(frames.clinician, end))
        for minutes, state, end in zip(known_ends["overrun_minutes"], states, known_ends["booked_end"], strict=True)
    )
    is_any_past = any(end.state is EndState.PAST for end in ends)
    return EndsDay(date_of(day), ends, len(sessions), "overrun_minutes" in highlights.metrics and is_any_past)


def _ends_words(days: Sequence[EndsDay], known_ends: int, sessions_held: int) -> tuple[str, str]:
    past = {day.day: sum(end.state is EndState.PAST for end in day.ends) for day in days}
    number_past = sum(past.values())
    counts_sentence = (
        f"{known_ends} sessions"
        if known_ends == sessions_held
        else f"{known_ends} of {sessions_held} sessions; the other ends are not known"
    )
    subtitle = f"Each dot is one session, placed by when it ended. {counts_sentence}."
    unplanned = sum(end.state is not EndState.PLANNED for day in days for end in day.ends)
    if not unplanned:
        return "Your sessions ended as you had planned", subtitle
    if not number_past:
        subject = "Every session" if known_ends == sessions_held else f"All {known_ends} sessions whose end is known"
        return f"{subject} ended within your buffer{', or as planned' if unplanned < known_ends else ''}", subtitle
    if number_past > unplanned / 2:
        return f"{number_past} of {unplanned} sessions ended past your buffer", subtitle
    latest_day = max(past, key=lambda day: past[day])
    # Name a day only if it has more than one late session and at least half of all.
    is_one_day = past[latest_day] > 1 and past[latest_day] >= number_past / 2
    late_sessions = f"{weekday(latest_day)}’s ran over" if is_one_day else f"{spelled(number_past)} ran past it"
    return f"Most sessions ended within your buffer; {late_sessions}", subtitle


def _ends_unknown(known_ends: int, sessions_held: int) -> tuple[str, str]:
    share = f"{known_ends} of {sessions_held} ends are known; the chart needs 60 %."
    return (
        "Too few session ends are known to draw them",
        f"{share} A call log or your record system can add the others.",
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
    """Return each metric's last 13 weeks with the middle 80 % of earlier ones, weeks that are not compared left out.

    ``values`` are the stored weekly numbers by (week, key); ``in_notice`` are the metrics of the week's notice. Where
    not all work is seen or the hours were not chosen (``unsure``), a 0 of work outside them is not drawn.
    """
    from monitor.analysis.ratios import own_range

    weeks = [week - 7 * back for back in range(RANGE_WEEKS, -1, -1)]
    compared = {int(monday) for monday in frames.time.weeks.index[frames.time.weeks["compared"]]}
    # 60 weeks as the pages load; own_range decides how many it needs.
    before = [monday for monday in range(week - 7 * 60, week, 7) if monday in compared]
    ranges = []
    for key in keys:
        if all(values.get((monday, key)) is None for monday in weeks):
            continue
        unit = catalogue()[key].unit
        usual = own_range([_or_nan(values.get((monday, key))) for monday in before])
        low, middle, high = _whole_numbers(usual, unit) if usual else (None, None, None)
        shown_values = tuple(
            _drop_unsure_zero(values.get((monday, key)), unsure=unsure and catalogue()[key].uses_agreed_hours)
            for monday in weeks
        )
        if all(value is None for value in shown_values):
            continue
        title, dates = catalogue()[key].title, tuple(map(date_of, weeks))
        ranges.append(OwnRange(key, title, unit, dates, shown_values, low, middle, high, in_notice=key in in_notice))
    return tuple(ranges)


def _whole_numbers(usual: tuple[float, float, float], unit: Unit) -> tuple[float, float, float]:
    """Return the range of a count in whole numbers: nobody holds 15.1 sessions."""
    low, middle, high = usual
    return (math.floor(low), middle, math.ceil(high)) if unit is Unit.COUNT else usual


def _drop_unsure_zero(value: float | None, *, unsure: bool) -> float | None:
    """Return the value, or ``None`` for a 0 that is not certain."""
    return None if value == 0 and unsure else value


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
