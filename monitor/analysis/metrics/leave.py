"""Leave: taken, gone by, ahead and interrupted. What is not known is unknown, and never "never"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import Kind
from monitor.analysis.calendar import DAY, monday_of
from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import contains
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.weekly import Weekly, column, half_each, seen, sums, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

HALF = 0.5  # the share of a day from which on it is a day of leave


@metric("Leave taken", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", high=7.0)
def leave_days(frames: Frames) -> Weekly:
    """Agreed working days that were leave, halves counted as halves."""
    days = column(frames, "leave_days")
    return where(seen(frames, "calendar_seen"), days, days > 0)


@metric("Days since leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries", look_back=52)
def days_since_leave(frames: Frames) -> Weekly:
    """Days from the last day of leave to the end of the week; unknown where none was ever seen."""
    return days_since(frames, _on_leave(frames))


def leaves(frames: Frames) -> NDArray[np.int64]:
    """The first and the last day of each leave, as rows; days without agreed hours do not part what lies around them.

    ::

        leave    mon|-------|fri           mon|-------|fri
        agreed   mon|-------|fri           mon|-------|fri  mon|-------|fri
        leaves   mon|-----------------------------|fri
    """
    share, agreed = arrays(frames.days, "leave_share", "agreed_minutes")
    counted = (share >= HALF) | (agreed > 0)
    day, away = frames.days.index.to_numpy()[counted], share[counted] >= HALF
    begins = np.flatnonzero(away & ~np.append(False, away[:-1])[: len(away)])
    ends = np.flatnonzero(away & ~np.append(away[1:], False)[: len(away)])
    return np.column_stack((day[begins], day[ends]))


def _on_leave(frames: Frames) -> NDArray[np.int64]:
    """Every day of which at least half was leave, free days inside a leave among them."""
    (share,) = arrays(frames.days, "leave_share")
    return np.asarray(frames.days.index.to_numpy()[share >= HALF])


@metric("Days until leave", Unit.DAYS, Family.RECOVERY, evidence="C", source="time-off entries")
def next_leave_in(frames: Frames) -> Weekly:
    """Days from the end of the week to the next leave that was booked by then; unknown where none was."""
    kind, known_at = arrays(frames.entries, "kind", "known_at")
    leave = kind == Kind.LEAVE.value
    begins, known_at = _first_days(frames)[leave], known_at[leave]
    sundays, ends = frames.weeks.index.to_numpy()[:, None] + 6, frames.weeks["end"].to_numpy()[:, None]
    ahead = np.where((begins > sundays) & (known_at < ends), begins - sundays, np.inf)
    nearest = ahead.min(axis=1, initial=np.inf)
    known = seen(frames, "calendar_seen") & np.isfinite(nearest)
    return where(known, np.where(known, nearest, 0), known)


def _first_days(frames: Frames) -> NDArray[np.int64]:
    """The day on which each entry begins; an all-day entry's midnight belongs to the day that it opens."""
    start, day, all_day = arrays(frames.entries, "start", "day", "all_day")
    return np.where(all_day, (frames.calendar.clock.local(start) + DAY // 2) // DAY, day)


@metric("Days of leave interrupted", Unit.DAYS, Family.RECOVERY, evidence="C", source="design choice", high=7.0)
def leave_interrupted(frames: Frames) -> Weekly:
    """Days of leave with a held session or a sent episode, the first of each leave left out: it is for handing over.

    Days without agreed hours, such as a weekend, do not make two leaves of one. Of a day that is leave only in part,
    the agreed rest is no leave. On-call windows and contact that an emergency protocol covers do not count. n is the
    days of leave.
    """
    taken = sums(frames, monday_of(_on_leave(frames)))
    found = sums(frames, monday_of(touched_days(frames)))
    return half_each(frames, where(seen(frames, "calendar_seen") & (taken > 0), found, taken))


def touched_days(frames: Frames) -> NDArray[np.int64]:
    """The days of leave with work, sorted; the first of each leave is not among them."""
    days = _on_leave(frames)
    later = days[~np.isin(days, leaves(frames)[:, 0])]
    return np.asarray(later[np.isin(later, _days_of_work(frames))])


def _days_of_work(frames: Frames) -> NDArray[np.int64]:
    """Days with work in time of leave, or at any hour where all of the day is, that nobody had agreed for any hour."""
    parts = arrays(frames.held, "began_at", "day", "covered"), arrays(frames.episodes, "sent_at", "day", "covered")
    at, day, covered = map(np.concatenate, zip(*parts, strict=True))
    (left,) = arrays(frames.days, "working_minutes")
    away = contains(frames.calendar.leave, at) | np.isin(day, frames.days.index.to_numpy()[left == 0])
    return np.unique(day[away & ~covered & ~contains(frames.calendar.on_call, at)])
