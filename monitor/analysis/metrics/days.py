"""Metrics of the day: sessions in a row, and the hours from the first work to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.calendar import monday_of
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.metrics.sessions import held_meetings
from monitor.analysis.metrics.weekly import (
    WeeklyValues,
    cached,
    from_both_sources,
    observed,
    values_where,
    week_rows,
    weekly_counts,
    weekly_sums,
)
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

SHORT_GAP, REAL_GAP = 10 * 60, 15 * 60  # seconds between two sessions
LONGEST_DAY = 30.0  # hours: an overnight span can make a work day longer than 24
LONG_RUN, LONG_CONTACT = 4, 3 * 3600  # sessions in a row, seconds of contact without a real gap


@metric("Sessions in a row", Unit.COUNT, Family.SESSIONS, evidence="C", source="design choice")
def back_to_back_run(frames: Frames) -> WeeklyValues:
    """Longest chain of held sessions of one day with gaps of less than 10 minutes between them."""
    day, _, run = _chains(frames, SHORT_GAP)
    week = monday_of(day)
    longest = np.zeros(len(frames.time.weeks))
    row = week_rows(frames, week)
    np.maximum.at(longest, row[row >= 0], run[row >= 0])
    return values_where(observed(frames, "calendar_observed") & (longest > 0), longest, weekly_sums(frames, week))


@metric("Days of four or more in a row", Unit.DAYS, Family.SESSIONS, evidence="C", source="design choice", high=7.0)
def back_to_back_days(frames: Frames) -> WeeklyValues:
    """Days with 4 sessions or more in a row, or with more than 3 hours of contact without a 15-minute break."""
    day, _, run = _chains(frames, SHORT_GAP)
    _, contact, _ = _chains(frames, REAL_GAP)
    full = np.unique(day[(run >= LONG_RUN) | (contact > LONG_CONTACT)])
    return weekly_counts(frames, monday_of(full), "calendar_observed")


def _chains(frames: Frames, gap: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for the held sessions, by start, the day, and the seconds and sessions of their chain so far.

    ::

        sessions        |----||----|  |----|        |----|
        chain so far       1     2       3             1
    """
    begin, end, day = arrays(held_meetings(frames), "effective_start", "effective_end", "day")
    order = np.lexsort((end, begin))
    begin, end, day = begin[order], end[order], day[order]
    if not len(day):
        return day, begin, begin
    # A group's entries overlap: the chain goes on from the furthest end so far.
    reach = np.maximum.accumulate(end)
    is_first = np.append(True, (begin[1:] - reach[:-1] >= gap) | (day[1:] != day[:-1]))
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(day)), 0))
    before = np.where(is_first, begin, np.append(begin[:1], reach[:-1]))  # overlaps count once
    total = np.append(0, np.cumsum(end - np.minimum(np.maximum(begin, before), end)))
    return day, total[1:] - total[first], np.arange(len(day)) - first + 1


@metric(
    "Length of a day", Unit.HOURS, Family.SESSIONS, evidence="C", source="Directive 2003/88, by implication",
    high=LONGEST_DAY,
)  # fmt: skip
def day_span_hours(frames: Frames) -> WeeklyValues:
    """Hours from the first work of a day to the last, median of the days with work; over 13 leave less than 11 of rest.

    Work is a held session, a sent episode, or another job (without its all-day entries, which have no hours). Days of
    leave are left out.
    """
    return _spans_by_week(frames, 50)


@metric(
    "Length of a long day", Unit.HOURS, Family.SESSIONS, evidence="C", source="Directive 2003/88, by implication",
    high=LONGEST_DAY,
)  # fmt: skip
def day_span_p90_hours(frames: Frames) -> WeeklyValues:
    """Hours from the first work of a day to the last, 90th percentile: the longest days of the week."""
    return _spans_by_week(frames, 90)


def _spans_by_week(frames: Frames, percentile: float) -> WeeklyValues:
    (leave_share,) = arrays(frames.time.days, "leave_share")
    not_leave = frames.time.days.index.to_numpy()[leave_share < 1]
    day, first, last, _ = day_edges(frames)
    # Work over the edge of the day counts for this day only up to its end.
    last = np.minimum(last, frames.time.calendar.day_starts(day + 1))
    row = np.where(np.isin(day, not_leave), week_rows(frames, monday_of(day)), -1)
    order = np.lexsort((last - first, row))
    hours = np.append((last - first)[order] / 3600, 0.0)
    begin, end = np.searchsorted(
        row[order], [np.arange(len(frames.time.weeks)), np.arange(1, len(frames.time.weeks) + 1)]
    )
    n = end - begin
    # A percentile by linear interpolation, as NumPy computes it, for all weeks at once.
    rank = begin + np.maximum(n - 1, 0) * percentile / 100
    below, above = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    values = hours[below] + (hours[above] - hours[below]) * (rank - below)
    return from_both_sources(frames, values_where(observed(frames, "calendar_observed") & (n > 0), values, n))


@cached
def activities(frames: Frames) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return start, end and whether it is an episode of every piece of work, another job included; by start."""
    began, ended = arrays(frames.sessions.held, "effective_start", "effective_end")
    sent, last = arrays(frames.messages.episodes, "sent_at", "last_at")
    kind, start, end, all_day = arrays(frames.other_events, "kind", "start", "end", "all_day")
    # Another job's calendar has future entries, too.
    busy = (kind == Kind.BUSY.value) & ~all_day & (start <= frames.as_of)
    starts, ends = np.concatenate((began, sent, start[busy])), np.concatenate((ended, last, end[busy]))
    episode = np.repeat([False, True, False], [len(began), len(sent), len(starts) - len(began) - len(sent)])
    order = np.lexsort((episode, ends, starts))
    return starts[order], ends[order], episode[order]


@cached
def day_edges(
    frames: Frames,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each day with work its number, the first start, the last end, and the row of the first."""
    starts, ends, _ = activities(frames)
    days = frames.time.calendar.day_of(starts)
    day, first = np.unique(days, return_index=True)
    last = np.maximum.reduceat(ends, first) if len(first) else ends
    return day, starts[first], last, first
