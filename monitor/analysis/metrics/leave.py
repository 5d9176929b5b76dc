"""Leave: taken, gone by, ahead and interrupted. What is not known is unknown, and never "never"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.calendar import DAY
from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.intervals import contains
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.weekly import column, half_each, seen, sums, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

HALF = 0.5  # the share of a day from which on it is a day of leave


@metric("Leave taken", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", high=7.0)
def leave_days(frames: Frames) -> pd.DataFrame:
    """Agreed working days that were leave, halves counted as halves."""
    days = column(frames, "leave_days")
    return where(frames, seen(frames, "calendar_seen"), days, days > 0)


@metric("Days since leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", look_back=52)
def days_since_leave(frames: Frames) -> pd.DataFrame:
    """Days from the last day of leave to the end of the week; unknown where none was ever seen."""
    return days_since(frames, _on_leave(frames))


def leaves(frames: Frames) -> NDArray[np.int64]:
    """The first and the last day of each leave, as rows; days without agreed hours do not part what lies around them.

    ::

        leave    mon|-------|fri           mon|-------|fri
        agreed   mon|-------|fri           mon|-------|fri  mon|-------|fri
        leaves   mon|-----------------------------|fri
    """
    days = frames.days[(frames.days["leave_share"] >= HALF) | (frames.days["agreed_minutes"] > 0)]
    day, away = days.index.to_numpy(), (days["leave_share"] >= HALF).to_numpy()
    begins = np.flatnonzero(away & ~np.append(False, away[:-1])[: len(away)])
    ends = np.flatnonzero(away & ~np.append(away[1:], False)[: len(away)])
    return np.column_stack((day[begins], day[ends]))


def _on_leave(frames: Frames) -> NDArray[np.int64]:
    """Every day of which at least half was leave, free days inside a leave among them."""
    return frames.days.index.to_numpy()[frames.days["leave_share"] >= HALF]


@metric("Days until leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries")
def next_leave_in(frames: Frames) -> pd.DataFrame:
    """Days from the end of the week to the next leave that was booked by then; unknown where none was."""
    leave = frames.entries[frames.entries["kind"] == Kind.LEAVE]
    begins, known_at = _first_days(frames, leave), leave["known_at"].to_numpy(dtype=np.int64)
    sundays, ends = frames.weeks.index.to_numpy()[:, None] + 6, frames.weeks["end"].to_numpy()[:, None]
    ahead = np.where((begins > sundays) & (known_at < ends), begins - sundays, np.inf)
    nearest = ahead.min(axis=1, initial=np.inf)
    known = seen(frames, "calendar_seen") & np.isfinite(nearest)
    return where(frames, known, np.where(known, nearest, 0), known)


def _first_days(frames: Frames, leave: pd.DataFrame) -> NDArray[np.int64]:
    """The day on which each leave begins; an all-day entry's midnight belongs to the day that it opens."""
    midnights = (frames.calendar.clock.local(leave["start"]) + DAY // 2) // DAY
    return np.where(leave["all_day"], midnights, leave["day"]).astype(np.int64)


@metric("Days of leave interrupted", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", high=7.0)
def leave_interrupted(frames: Frames) -> pd.DataFrame:
    """Days of leave with a held session or a sent episode, the first of each leave left out: it is for handing over.

    Days without agreed hours, such as a weekend, do not make two leaves of one. On-call windows and contact that an
    emergency protocol covers do not count. n is the days of leave.
    """
    days = _on_leave(frames)
    later = days[~np.isin(days, leaves(frames)[:, 0])]
    touched = later[np.isin(later, _days_of_work(frames))]
    taken = sums(frames, days - (days + 3) % 7)
    found = sums(frames, touched - (touched + 3) % 7)
    return half_each(frames, where(frames, seen(frames, "calendar_seen") & (taken > 0), found, taken))


def _days_of_work(frames: Frames) -> NDArray[np.int64]:
    """Days with work that nobody had agreed for any hour."""
    parts = ((frames.held, "began_at"), (frames.episodes, "sent_at"))
    own = [part.loc[~part["covered"], [at, "day"]].to_numpy(dtype=np.int64) for part, at in parts]
    work = np.concatenate(own)
    return np.unique(work[~contains(frames.calendar.on_call, work[:, 0]), 1])
