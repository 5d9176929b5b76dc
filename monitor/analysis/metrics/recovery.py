"""Recovery: days off, breaks, leave and supervision. What protects is news too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.intervals import spans, subtract
from monitor.analysis.metrics.sessions import work_spans
from monitor.analysis.metrics.weekly import counts, shares, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LONG_DAY = 6 * 60  # agreed minutes beyond which a break is due
BREAK_SECONDS = 30 * 60
EDGE_SECONDS = 3600  # before and after a day's middle
MONTH_SECONDS = round(365.25 / 12 * 86_400)


@metric("Days since a full day off", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", look_back=4)
def days_since_full_day_off(frames: Frames) -> pd.DataFrame:
    """Days from the last local day without a session, a sent message or another job to the end of the week.

    Unknown until there was such a day.
    """
    days = frames.days.index.to_numpy()
    unknown = days[0] - 1
    off = ~frames.days["occupied"] & frames.days["calendar_seen"]
    last_off = pd.Series(np.maximum.accumulate(np.where(off, days, unknown)), index=days)
    sundays = frames.weeks.index + 6
    last = last_off.reindex(sundays).to_numpy()
    since = pd.Series(sundays - last, index=frames.weeks.index, dtype=float)
    known = frames.weeks["calendar_seen"] & (last > unknown)
    return where(known, since, known)


@metric("Breaks kept", Unit.PERCENT, Family.RECOVERY, evidence="C", source="design choice", high=100.0)
def break_kept_share(frames: Frames) -> pd.DataFrame:
    """Of the worked days with more than 6 agreed hours, the share with a free half hour inside the day's middle.

    The middle is the agreed span of the day, breaks included, without its first and its last hour.
    """
    days = frames.days[frames.days["active"] & (frames.days["working_minutes"] > LONG_DAY)]
    days = days[frames.calendar.day_starts(days.index.to_numpy() + 1) <= frames.as_of]
    kept = pd.Series(_longest_free(frames, days.index.to_numpy()) >= BREAK_SECONDS, index=days.index)
    return shares(frames, days["week"], kept)


def _longest_free(frames: Frames, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Seconds of the longest stretch without work in the middle of each day, all of which have agreed hours.

    ::

        agreed    09:00|-------|13:00   14:00|-------------|18:00
        middle       10:00|-----------------------------|17:00
        work           |--| |---------|  |-----| |-----------|
        longest free                  |--|
    """
    shifts = frames.calendar.shifts
    begins, ends = np.searchsorted(shifts[:, 0], days), np.searchsorted(shifts[:, 0], days, side="right")
    starts = shifts[begins, 1] + EDGE_SECONDS
    middle = spans(np.column_stack((starts, shifts[ends - 1, 2] - EDGE_SECONDS)))
    free = subtract(middle, work_spans(frames))
    longest = np.zeros(len(days), dtype=np.int64)
    np.maximum.at(longest, np.searchsorted(starts, free[:, 0], side="right") - 1, free[:, 1] - free[:, 0])
    return longest


@metric("Supervision", Unit.HOURS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=5)
def supervision_hours(frames: Frames) -> pd.DataFrame:
    """Hours of supervision in the month (30.4 days) that ends with the week, by the calendar.

    Unknown until a whole month of the calendar has been read.
    """
    hours, n, whole = _supervision(frames)
    return where(whole, hours, n)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, wing=Wing.WORKLOAD, evidence="A as standard", source="BACP",
    look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> pd.DataFrame:
    """1 if supervision took place in the month that ends with the week, else 0: all that a director is told of it.

    Unknown until there was one or a whole month of the calendar has been read.
    """
    _, n, whole = _supervision(frames)
    known = whole | (frames.weeks["calendar_seen"] & (n > 0))
    return where(known, (n > 0).astype(float), (n > 0).astype(int))


def _supervision(frames: Frames) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Hours and number of supervisions in the month that ends with each week, and whether all of it has been read."""
    entries = frames.entries[(frames.entries["kind"] == Kind.SUPERVISION) & ~frames.entries["all_day"]]
    entries = entries[(entries["end"] <= frames.as_of) & (entries["end"] > entries["start"])].sort_values("end")
    weeks, ends = frames.weeks, frames.weeks["end"].to_numpy()
    month = np.searchsorted(entries["end"].to_numpy(), [ends - MONTH_SECONDS, ends], side="right")
    before = np.concatenate(([0.0], np.cumsum((entries["end"] - entries["start"]) / 3600)))
    hours = pd.Series(before[month[1]] - before[month[0]], index=weeks.index)
    read_since = weeks.loc[weeks["calendar_seen"], "start"].min()
    whole = weeks["calendar_seen"] & (ends - MONTH_SECONDS >= read_since)
    return hours, pd.Series(month[1] - month[0], index=weeks.index), whole


@metric("Leave taken", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", high=7.0)
def leave_days(frames: Frames) -> pd.DataFrame:
    """Agreed working days that were leave, halves counted as halves."""
    days = frames.weeks["leave_days"]
    return where(frames.weeks["calendar_seen"], days, (days > 0).astype(int))


@metric("Own days off worked", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", high=7.0)
def off_day_work(frames: Frames) -> pd.DataFrame:
    """Days without agreed hours, with a held session or two sent episodes outside on-call windows."""
    free = frames.days.index[frames.days["agreed_minutes"] == 0]
    sessions, episodes = (part.loc[part["after_hours"], "day"] for part in (frames.held, frames.episodes))
    often = episodes.value_counts()
    worked = free[free.isin(sessions) | free.isin(often.index[often >= 2])]
    return counts(frames, frames.days.loc[worked, "week"], "calendar_seen")
