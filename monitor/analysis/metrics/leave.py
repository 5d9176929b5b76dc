"""Metrics of leave: taken, past, ahead and interrupted; unknown where none is known, never "never"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.calendar import DAY_SECONDS, monday_of
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import contains, intersection, spans, subtract, union
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.sessions import LONGEST_WEEK, minutes_of
from monitor.analysis.metrics.weekly import (
    Bools,
    WeeklyValues,
    blank_unless,
    cached,
    from_both_sources,
    observed,
    values_where,
    week_column,
    weekly_sums,
)
from monitor.analysis.metrics.work import work_not_covered
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LEAVE_SHARE = 0.5  # the share of a day from which it is a day of leave
SATURDAY = 5
STUDIES = "Sinsky 2024 and Obermiller 2025, physicians"


@metric("Leave taken", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", high=7.0)
def leave_days(frames: Frames) -> WeeklyValues:
    """Agreed working days that were leave, halves counted as halves."""
    days = week_column(frames, "leave_days")
    return values_where(observed(frames, "calendar_observed"), days, days > 0)


@metric("Days since leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", look_back=52)
def days_since_leave(frames: Frames) -> WeeklyValues:
    """Days from the last day of leave to the end of the week; unknown where there was none."""
    (share,) = arrays(frames.time.days, "leave_share")
    return days_since(frames, frames.time.days.index.to_numpy()[share >= LEAVE_SHARE])


@cached
def leaves(frames: Frames) -> NDArray[np.int64]:
    """Return the first and last day of each leave, as rows; days without agreed hours do not divide a leave.

    ::

        leave    mon|-------|fri           mon|-------|fri
        agreed   mon|-------|fri           mon|-------|fri  mon|-------|fri
        leaves   mon|-----------------------------|fri
    """
    share, agreed = arrays(frames.time.days, "leave_share", "agreed_minutes")
    # Free weekends inside a leave are dropped here, so that the days around them become neighbours.
    counted = (share >= LEAVE_SHARE) | (agreed > 0)
    day, away = frames.time.days.index.to_numpy()[counted], share[counted] >= LEAVE_SHARE
    begins = np.flatnonzero(away & ~np.append(False, away[:-1])[: len(away)])
    ends = np.flatnonzero(away & ~np.append(away[1:], False)[: len(away)])
    return np.column_stack((day[begins], day[ends]))


@cached
def leaves_with_weekends(frames: Frames) -> NDArray[np.int64]:
    """Return the first and last day of each leave with the free weekend days and holidays that adjoin it, as rows.

    ::

        agreed           |fri|       |mon|-------|fri|       |mon|
        leave                        |mon|-------|fri|
        with weekends          |sat|-----------------|sun|
    """
    agreed, in_pattern = arrays(frames.time.days, "agreed_minutes", "in_pattern")
    day = frames.time.days.index.to_numpy()
    free = (agreed == 0) & (in_pattern | ((day + 3) % 7 >= SATURDAY))
    row = np.arange(len(day))
    before = np.maximum.accumulate(np.where(free, -1, row))  # the last day up to each that is not free
    after = np.minimum.accumulate(np.where(free, len(day), row)[::-1])[::-1]
    begins, ends = leaves(frames).T - day[0]
    first = np.minimum(before[np.maximum(begins - 1, 0)] + 1, begins)
    last = np.maximum(after[np.minimum(ends + 1, len(day) - 1)] - 1, ends)
    return np.asarray(np.column_stack((first, last)) + day[0])


@metric("Days until leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries")
def next_leave_in(frames: Frames) -> WeeklyValues:
    """Days from the end of the week to the next leave that was booked by then; unknown where none was booked."""
    is_leave = (frames.other_events["kind"] == Kind.LEAVE).to_numpy()
    start, day, all_day, known_at = arrays(frames.other_events, "start", "day", "all_day", "known_at", rows=is_leave)
    # An all-day event begins with its own day, although midnight still belongs to the work day before.
    midnight = (frames.time.calendar.clock.local(start) + DAY_SECONDS // 2) // DAY_SECONDS
    begins = np.where(all_day, midnight, day)
    sundays, ends = frames.time.weeks.index.to_numpy()[:, None] + 6, frames.time.weeks["end"].to_numpy()[:, None]
    ahead = np.where((begins > sundays) & (known_at < ends), begins - sundays, np.inf)
    nearest = ahead.min(axis=1, initial=np.inf)
    known = observed(frames, "calendar_observed") & np.isfinite(nearest)
    return values_where(known, np.where(known, nearest, 0), known)


@metric("Days of leave interrupted", Unit.DAYS, Family.RECOVERY, evidence="B", source=STUDIES, high=7.0)
def leave_interrupted(frames: Frames) -> WeeklyValues:
    """Days between the first and the last day of a leave with a held session or a sent episode.

    Weekends and public holidays that adjoin a leave belong to its edges; days without agreed hours do not divide a
    leave. Where a day is leave only in part, its remaining agreed hours are not leave. On-call windows and contact that
    an emergency protocol covers do not count. n is the days of leave, those at the edges included.
    """
    return _days_in_leave(frames, interrupted_days(frames))


@metric("Work inside leave", Unit.MINUTES, Family.RECOVERY, evidence="B", source=STUDIES, high=LONGEST_WEEK)
def leave_interrupted_minutes(frames: Frames) -> WeeklyValues:
    """At least this many minutes of work on interrupted days of leave, outside their remaining agreed hours.

    Held sessions and the 5 minutes before each sent episode; the edges of a leave are left out here, too.
    """
    calendar, days = frames.time.calendar, interrupted_days(frames)
    (working,) = arrays(frames.time.days, "working_minutes")
    # On a day without working time work at any hour counts, on another that in the hours of leave.
    whole_days = days[working[days - calendar.first_day] == 0]
    day_spans, whole_day_spans = (
        spans(np.column_stack((calendar.day_starts(number), calendar.day_starts(number + 1))))
        for number in (days, whole_days)
    )
    time = union(intersection(day_spans, calendar.leave), whole_day_spans)
    work = subtract(intersection(work_not_covered(frames), time), calendar.on_call)
    minutes, _ = minutes_of(frames, work)
    values = leave_interrupted(frames)
    return blank_unless(~np.isnan(values.value), values._replace(value=minutes))


@metric("Edges of leave worked", Unit.DAYS, Family.RECOVERY, evidence="B", source=STUDIES, high=7.0)
def leave_edge_days(frames: Frames) -> WeeklyValues:
    """Days with work at the edges of a leave, where most work in leave is done; separate from those in its middle.

    The edges are its first and its last day, each with the weekend and the public holidays that adjoin it. n is the
    days of leave.
    """
    worked = _days_of_work(frames)
    at_edges = _within(worked, *leaves_with_weekends(frames).T) & ~np.isin(worked, interrupted_days(frames))
    return _days_in_leave(frames, worked[at_edges])


def _days_in_leave(frames: Frames, days: NDArray[np.int64]) -> WeeklyValues:
    """Return by week the number of these days; unknown in a week without any leave.

    n is the days of leave, with the weekends and public holidays that adjoin it.
    """
    all_days = frames.time.days.index.to_numpy()
    taken = weekly_sums(frames, monday_of(all_days[_within(all_days, *leaves_with_weekends(frames).T)]))
    known = observed(frames, "calendar_observed") & (taken > 0)
    return from_both_sources(frames, values_where(known, weekly_sums(frames, monday_of(days)), taken))


def _within(days: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> Bools:
    """Return whether each day lies in one of these ranges, both ends included."""
    index = np.searchsorted(first, days, side="right") - 1
    return np.asarray((index >= 0) & (days <= np.append(last, 0)[index]))


@cached
def interrupted_days(frames: Frames) -> NDArray[np.int64]:
    """Return the days with work between the first and the last day of a leave, sorted."""
    first, last = leaves(frames).T
    worked = _days_of_work(frames)
    return worked[_within(worked, first + 1, last - 1)]


@cached
def _days_of_work(frames: Frames) -> NDArray[np.int64]:
    """Return the days with work in leave that no emergency protocol and no on-call window covers.

    Work is in leave if it began in the hours of leave, or at any hour of a day without working time.
    """
    parts = (
        arrays(frames.sessions.held, "effective_start", "day", "covered_by_protocol"),
        arrays(frames.messages.episodes, "sent_at", "day", "covered_by_protocol"),
    )
    begin, day, covered = map(np.concatenate, zip(*parts, strict=True))
    (working,) = arrays(frames.time.days, "working_minutes")
    away = contains(frames.time.calendar.leave, begin) | np.isin(day, frames.time.days.index.to_numpy()[working == 0])
    return np.unique(day[away & ~covered & ~contains(frames.time.calendar.on_call, begin)])
