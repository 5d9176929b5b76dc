"""The shape of a day: sessions in a row, and how long it is from the first work to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.metrics.sessions import met
from monitor.analysis.metrics.weekly import counts, half_each, once, places, seen, sums, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

SHORT_GAP, REAL_GAP = 10 * 60, 15 * 60  # seconds between two sessions
LONGEST_DAY = 30.0  # hours: a day is longer than 24 where an overnight span draws it out
LONG_RUN, LONG_CONTACT = 4, 3 * 3600  # sessions in a row, seconds of contact without a real gap


@metric("Sessions in a row", Unit.COUNT, Family.SESSIONS, evidence="C", source="design choice")
def back_to_back_run(frames: Frames) -> pd.DataFrame:
    """The longest chain of held sessions of one day with gaps of less than 10 minutes between them."""
    held, _, run = _chains(frames, SHORT_GAP)
    longest = np.zeros(len(frames.weeks))
    place = places(frames, held["week"])
    np.maximum.at(longest, place[place >= 0], run[place >= 0])
    return where(frames, seen(frames, "calendar_seen") & (longest > 0), longest, sums(frames, held["week"]))


@metric("Days of four or more in a row", Unit.DAYS, Family.SESSIONS, evidence="C", source="design choice", high=7.0)
def back_to_back_days(frames: Frames) -> pd.DataFrame:
    """Days with 4 sessions or more in a row, or with more than 3 hours of contact without a 15-minute break."""
    held, _, run = _chains(frames, SHORT_GAP)
    _, contact, _ = _chains(frames, REAL_GAP)
    full = held[(run >= LONG_RUN) | (contact > LONG_CONTACT)].drop_duplicates("day")
    return counts(frames, full["week"], "calendar_seen")


def _chains(frames: Frames, gap: int) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Held sessions by the time they began, with the seconds of contact and the sessions of their chain so far.

    ::

        sessions   |----||----|  |----|        |----|
        so far        1     2       3             1
    """
    held = met(frames).sort_values(["began_at", "ended_at"], kind="stable")
    begin, end, day = (held[name].to_numpy(dtype=np.int64) for name in ("began_at", "ended_at", "day"))
    if held.empty:
        return held, begin, begin
    reach = np.maximum.accumulate(end)
    fresh = np.append(True, (begin[1:] - reach[:-1] >= gap) | (day[1:] != day[:-1]))
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(held)), 0))
    total = np.append(0, np.cumsum(end - begin))
    return held, total[1:] - total[first], np.arange(len(held)) - first + 1


@metric(
    "Length of a day", Unit.HOURS, Family.SESSIONS, evidence="C", source="Directive 2003/88, by implication",
    high=LONGEST_DAY,
)  # fmt: skip
def day_span_hours(frames: Frames) -> pd.DataFrame:
    """Hours from the first work of a day to the last, the median of the days with work; over 13 leave less than 11.

    Work is a held session, a sent episode, and another job, whose all-day entries tell no hours. Days of leave are left
    out.
    """
    return _spans_by_week(frames, 50)


@metric(
    "Length of a long day", Unit.HOURS, Family.SESSIONS, evidence="C", source="Directive 2003/88, by implication",
    high=LONGEST_DAY,
)  # fmt: skip
def day_span_p90_hours(frames: Frames) -> pd.DataFrame:
    """As the length of a day, the 90th percentile: what the longest days of the week are like."""
    return _spans_by_week(frames, 90)


def _spans_by_week(frames: Frames, percentile: float) -> pd.DataFrame:
    there = frames.days.index[frames.days["leave_share"] < 1]
    day, first, last, _ = day_edges(frames)
    last = np.minimum(last, frames.calendar.day_starts(day + 1))
    place = np.where(np.isin(day, there), places(frames, day - (day + 3) % 7), -1)
    order = np.lexsort((last - first, place))
    hours = np.append((last - first)[order] / 3600, 0.0)
    begin, end = np.searchsorted(place[order], [np.arange(len(frames.weeks)), np.arange(1, len(frames.weeks) + 1)])
    n = end - begin
    rank = begin + np.maximum(n - 1, 0) * percentile / 100
    below, above = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    values = hours[below] + (hours[above] - hours[below]) * (rank - below)
    return half_each(frames, where(frames, seen(frames, "calendar_seen") & (n > 0), values, n))


@once
def activities(frames: Frames) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Start, end and whether it is an episode, of everything that was done, another job's hours included; by start."""
    entries = frames.entries
    busy = entries[(entries["kind"] == Kind.BUSY) & ~entries["all_day"] & (entries["start"] <= frames.as_of)]
    held, episodes = frames.held, frames.episodes
    starts = np.concatenate((held["began_at"], episodes["sent_at"], busy["start"])).astype(np.int64)
    ends = np.concatenate((held["ended_at"], episodes["last_at"], busy["end"])).astype(np.int64)
    episode = np.repeat([False, True, False], [len(held), len(episodes), len(busy)])
    order = np.lexsort((episode, ends, starts))
    return starts[order], ends[order], episode[order]


@once
def day_edges(
    frames: Frames,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each day with work: its number, when the first began, when the last ended, and the first's row."""
    starts, ends, _ = activities(frames)
    days = frames.calendar.day_of(starts)
    day, first = np.unique(days, return_index=True)
    last = np.maximum.reduceat(ends, first) if len(first) else ends
    return day, starts[first], last, first
