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
from monitor.analysis.intervals import seconds_inside
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
    clock, first_second = frames.time.calendar.clock, frames.time.calendar.day_starts_at
    days = np.arange(week, week + 7)
    # 25 edges make the 24 hours of a work day, which can begin at 4:00.
    hours = np.arange(first_second // HOUR, first_second // HOUR + 25)
    edges = clock.instants(days[:, None] * DAY_SECONDS + hours[None, :] * HOUR)
    inside, outside = (
        seconds_inside(spans, edges[:, :-1], edges[:, 1:]) / 60 for spans in (inside_work(frames), outside_work(frames))
    )
    has_work = np.any(inside + outside >= MIN_DRAWN_MINUTES, axis=0)
    if not has_work.any():
        return None
    columns = [n for n, hour in enumerate(hours[:-1]) if DAYTIME[0] <= hour < DAYTIME[1] or has_work[n]]
    # Close the gaps: an hour between two drawn hours is drawn, too.
    columns = list(range(columns[0], columns[-1] + 1))

    rhythm_days = []
    for n, day in enumerate(days.tolist()):
        # Agreed hours are instants, breaks closed; the drawing needs the wall clock time of the day they begin on.
        wall = clock.local(frames.time.calendar.hours) / HOUR - day * 24
        first = first_second / HOUR
        agreed = ((float(start), min(float(end), first + 24)) for start, end in wall if first <= start < first + 24)
        outside_minutes = float(outside[n].sum())
        rhythm_days.append(
            RhythmDay(
                day=date_of(day),
                inside=tuple(map(float, inside[n][columns])),
                outside=tuple(map(float, outside[n][columns])),
                agreed=tuple(agreed),
                outside_minutes=outside_minutes if outside_minutes >= MIN_DRAWN_MINUTES else None,
                in_notice=day in highlights.days,
                leave=bool(frames.time.days["leave_share"].get(day, 0.0) > 0.5),
            )
        )
    title, subtitle = _rhythm_title(rhythm_days, completeness, is_mostly_inside=mostly_inside(frames, week))
    drawn_hours = tuple(int(hours[n]) for n in columns)
    return Rhythm(title, subtitle, drawn_hours, tuple(rhythm_days), frames.clinician.has_assumed_hours)


def _rhythm_title(
    days: Sequence[RhythmDay], completeness: WeekCompleteness, *, is_mostly_inside: bool
) -> tuple[str, str]:
    """Return the finding as a title and, as a subtitle, when the minutes outside were."""
    outside = {day.day: day.outside_minutes for day in days if day.outside_minutes}
    at_least = f"At least {quantity(sum(outside.values()), Unit.MINUTES)} fell outside"
    # Where not all work was seen, or where the hours were not chosen, nothing is concluded.
    if not completeness.can_judge_hours:
        hours = "the assumed hours" if completeness.has_gap(GapKind.HOURS_ASSUMED) else "agreed hours"
        return "What was seen of your week, by hour", f"{at_least} {hours}." if outside else ""
    if not outside:
        return "All of your week lay inside the hours you chose", "Nothing was seen outside your agreed hours."
    # The two days with most minutes, named in the order of the week.
    longest = sorted(outside, key=lambda day: -outside[day])[:2]
    day_names = listed([weekday(day) for day in sorted(longest)])
    share = "all" if len(outside) <= len(longest) else "most"
    title = "Your week stayed mostly inside the hours you chose"
    if not is_mostly_inside:
        title = "A good part of your week lay outside the hours you chose"
    return title, f"{at_least} agreed hours, {share} of it on {day_names}."


def mostly_inside(frames: Frames, week: int) -> bool:
    """Return whether at most a fifth of the week's known work lay outside the agreed hours."""
    start, end = frames.time.calendar.day_starts([week, week + 7])
    inside, outside = (
        seconds_inside(spans, [start], [end])[0] for spans in (inside_work(frames), outside_work(frames))
    )
    return bool(outside <= inside / INSIDE_FOR_ONE)


def session_ends(frames: Frames, week: int, highlights: Highlights) -> SessionEnds | None:
    """Return when the week's sessions ended, ``None`` if none was held; without days below 60 % of known ends."""
    sessions = distinct_meetings(frames.sessions.held[frames.sessions.held["week"] == week])
    if sessions.empty:
        return None
    number_known, number_held = int(sessions["overrun_minutes"].notna().sum()), len(sessions)
    grace_minutes = frames.clinician.grace_minutes
    if number_known < MIN_KNOWN_SHARE * number_held:
        return SessionEnds(
            "Too few session ends are known to draw them",
            f"{number_known} of {number_held} ends are known; the chart needs 60 %. A call log or your record system "
            "can add the others.",
            grace_minutes,
            (),
            number_known,
            number_held,
        )
    # An answer "planned" to the week's notice draws all late ends hollow, as it takes them out of the count.
    past_state = EndState.PLANNED if highlights.planned_ends else EndState.PAST
    days = []
    for day, day_sessions in by_day(sessions):
        known_ends = day_sessions[day_sessions["overrun_minutes"].notna()]
        planned = np.where(has_exception(frames, known_ends), EndState.PLANNED, EndState.WITHIN)
        states = np.where(is_past_grace(frames, known_ends), past_state, planned)
        ends = tuple(
            SessionEnd(float(minutes), EndState(state), local_time(frames.clinician, end))
            for minutes, state, end in zip(known_ends["overrun_minutes"], states, known_ends["booked_end"], strict=True)
        )
        is_any_past = any(end.state is EndState.PAST for end in ends)
        in_notice = "overrun_minutes" in highlights.metrics and is_any_past
        days.append(EndsDay(date_of(day), ends, len(day_sessions), in_notice))
    title, subtitle = _ends_title(days, number_known, number_held)
    return SessionEnds(title, subtitle, grace_minutes, tuple(days), number_known, number_held)


def _ends_title(days: Sequence[EndsDay], known_ends: int, sessions_held: int) -> tuple[str, str]:
    """Return the finding as a title and, as a subtitle, how many ends are known."""
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


def by_day(sessions: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the sessions of each work day, in order."""
    for day in sorted(set(sessions["day"].tolist())):
        yield int(day), sessions[sessions["day"] == day]


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
        metric = catalogue()[key]
        week_values = [values.get((monday, key)) for monday in weeks]
        if unsure and metric.uses_agreed_hours:
            week_values = [None if value == 0 else value for value in week_values]
        if all(value is None for value in week_values):
            continue
        earlier = [values.get((monday, key)) for monday in before]
        usual = own_range([math.nan if value is None else value for value in earlier])
        low, middle, high = usual or (None, None, None)
        if low is not None and high is not None and metric.unit is Unit.COUNT:
            low, high = math.floor(low), math.ceil(high)  # nobody holds 15.1 sessions
        dates = tuple(map(date_of, weeks))
        ranges.append(
            OwnRange(
                key, metric.title, metric.unit, dates, tuple(week_values), low, middle, high, in_notice=key in in_notice
            )
        )
    return tuple(ranges)
