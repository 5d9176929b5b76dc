"""Recovery: days off, breaks, leave and supervision. What protects is news too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from connectors.records import Kind
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.intervals import complement, intersection
from monitor.analysis.metrics.weekly import counts, shares, table
from monitor.analysis.metrics.sessions import work_spans

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LONG_DAY = 6 * 60  # agreed minutes from which a break is due
BREAK_SECONDS = 30 * 60
MONTH_DAYS = 365.25 / 12


@metric("Days since a full day off", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", look_back=4)
def days_since_full_day_off(frames: Frames) -> pd.DataFrame:
    """Days from the last local day without a session or a sent message to the end of the week."""
    days = frames.days.index.to_numpy()
    quiet = np.where(frames.days["active"].to_numpy(), days[0] - 1, days)
    last_quiet = pd.Series(np.maximum.accumulate(quiet), index=frames.days.index)
    sundays = frames.weeks.index + 6
    since = pd.Series(sundays - last_quiet.reindex(sundays).to_numpy(), index=frames.weeks.index, dtype=float)
    seen = frames.weeks["calendar_seen"] & (since <= sundays - days[0])
    return table(since.where(seen), seen.astype(int), seen.astype(float))


@metric("Breaks kept", Unit.PERCENT, Family.RECOVERY, evidence="C", source="design choice", high=100.0)
def break_kept_share(frames: Frames) -> pd.DataFrame:
    """Of the worked days with more than 6 agreed hours, the share with a free half hour inside the day's middle.

    The middle is the agreed span of the day, breaks included, without its first and its last hour.
    """
    long_days = frames.days[(frames.days["agreed_minutes"] > LONG_DAY) & frames.days["active"]]
    free = _longest_free(frames, long_days.index.to_numpy())
    kept = pd.Series(free >= BREAK_SECONDS, index=long_days.index, dtype=float)
    over = pd.Series(frames.calendar.day_starts(long_days.index.to_numpy() + 1) <= frames.as_of, index=long_days.index)
    return shares(frames, long_days.loc[over, "week"], kept[over])


def _longest_free(frames: Frames, days: np.ndarray) -> np.ndarray:
    """Seconds of the longest stretch without work in the middle of each day."""
    hours, work = frames.calendar.hours, work_spans(frames)
    longest = np.zeros(len(days))
    for place, (start, end) in enumerate(zip(*map(frames.calendar.day_starts, (days, days + 1)), strict=True)):
        today = intersection(hours, np.array([[start, end]], dtype=np.int64))
        if len(today) == 0 or today[-1, 1] - today[0, 0] <= 7200:
            continue
        near = work[(work[:, 1] > start) & (work[:, 0] < end)]
        free = complement(near, int(today[0, 0]) + 3600, int(today[-1, 1]) - 3600)
        longest[place] = (free[:, 1] - free[:, 0]).max(initial=0)
    return longest


@metric("Supervision", Unit.HOURS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=5)
def supervision_hours(frames: Frames) -> pd.DataFrame:
    """Hours of supervision in the month (30.4 days) that ends with the week, by the calendar."""
    return _trailing_month(frames, Kind.SUPERVISION)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, wing=Wing.WORKLOAD, evidence="A as standard", source="BACP",
    look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> pd.DataFrame:
    """1 if supervision took place in the month that ends with the week, else 0: all that a director is told of it."""
    hours = _trailing_month(frames, Kind.SUPERVISION)
    return hours.assign(value=(hours["value"] > 0).astype(float).where(hours["value"].notna()))


def _trailing_month(frames: Frames, kind: Kind) -> pd.DataFrame:
    entries = frames.entries[(frames.entries["kind"] == kind) & ~frames.entries["all_day"]]
    entries = entries[entries["end"] <= frames.as_of]
    ends = frames.weeks["end"].to_numpy()
    took_place = (entries["end"].to_numpy() <= ends[:, None]) & (
        entries["end"].to_numpy() > ends[:, None] - MONTH_DAYS * 86_400
    )
    hours = took_place @ ((entries["end"] - entries["start"]).to_numpy() / 3600)
    seen = frames.weeks["calendar_seen"]
    return table(
        pd.Series(hours, index=frames.weeks.index, dtype=float).where(seen),
        pd.Series(took_place.sum(axis=1), index=frames.weeks.index),
        seen.astype(float),
    )


@metric("Leave taken", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", high=7.0)
def leave_days(frames: Frames) -> pd.DataFrame:
    """Agreed working days that were leave, halves counted as halves."""
    seen = frames.weeks["calendar_seen"]
    days = frames.weeks["leave_days"].where(seen)
    return table(days, (days > 0).astype(int), seen.astype(float))


@metric("Own days off worked", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", high=7.0)
def off_day_work(frames: Frames) -> pd.DataFrame:
    """Days that the pattern leaves free, with a held session or two sent episodes."""
    free = frames.days.index[~frames.days["usual"]]
    sessions, episodes = frames.held["day"], frames.episodes["day"].value_counts()
    worked = free[free.isin(sessions) | free.isin(episodes.index[episodes >= 2])]
    return counts(frames, frames.days.loc[worked, "week"], "calendar_seen")
