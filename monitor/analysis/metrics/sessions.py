"""Sessions: how many, how long, and whether they ended when they were booked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.intervals import Spans, intersection, seconds_inside, spans, subtract, union
from monitor.analysis.metrics.weekly import counts, means, shares, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LEAST_SESSIONS, LEAST_WEEKS = 8, 4  # overruns need this many known ends in this many weeks
EARLIEST, LATEST = -10.0, 20.0  # minutes to which an overrun is clipped before it is averaged
BEFORE_MESSAGE = 5 * 60  # seconds of work taken to lie before a sent episode


@metric("Sessions held", Unit.COUNT, Family.SESSIONS, wing=Wing.WORKLOAD, evidence="–", source="calendar, records")
def sessions_held(frames: Frames) -> pd.DataFrame:
    """Sessions that took place: neither cancelled nor a no-show."""
    return counts(frames, frames.held["week"], "calendar_seen")


@metric(
    "Time with clients", Unit.HOURS, Family.SESSIONS, evidence="C", source="NHS Talking Therapies manual, as context"
)
def contact_hours(frames: Frames) -> pd.DataFrame:
    """Hours of held sessions, actual duration where both ends are known, else booked; a group counts once."""
    held = frames.held
    actual = (held["actual_end"] - held["actual_start"]).clip(lower=0)  # a corrected end may lie before a logged start
    hours = actual.fillna(held["booked_end"] - held["booked_start"]) / 3600
    return counts(frames, held["week"], "calendar_seen", hours)


@metric(
    "Minutes past booked ends", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=LEAST_WEEKS, low=EARLIEST, high=LATEST, least_coverage=0.6,
)  # fmt: skip
def overrun_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual end less booked end over held sessions, each clipped to -10 to +20 minutes.

    Needs 8 sessions with a known end within 4 weeks; shown where at least 60 % of the ends are known.
    """
    held = frames.held
    weekly = means(frames, held["week"], held["overrun_minutes"].clip(EARLIEST, LATEST))
    enough = weekly["n"].rolling(LEAST_WEEKS, min_periods=1).sum() >= LEAST_SESSIONS
    return weekly.assign(value=weekly["value"].where(enough))


@metric(
    "Sessions past your buffer", Unit.PERCENT, Family.SESSIONS, evidence="D", source="design choice",
    high=100.0, least_coverage=0.6,
)  # fmt: skip
def overrun_share(frames: Frames) -> pd.DataFrame:
    """Share of held sessions with a known end that ended more than the person's own buffer after the booked end."""
    held = frames.held
    late = (held["overrun_minutes"] > frames.clinician.grace_minutes).where(held["overrun_minutes"].notna())
    return shares(frames, held["week"], late)


@metric(
    "Minutes past booked starts", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), least_coverage=0.6,
)  # fmt: skip
def late_start_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual start less booked start: a late start that runs to time is not an overrun."""
    held = frames.held
    return means(frames, held["week"], (held["actual_start"] - held["booked_start"]) / 60)


@metric(
    "Minutes longer than booked", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), least_coverage=0.6,
)  # fmt: skip
def stretch_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual duration less booked duration, over held sessions with both ends known."""
    held = frames.held
    actual, booked = held["actual_end"] - held["actual_start"], held["booked_end"] - held["booked_start"]
    return means(frames, held["week"], (actual - booked) / 60)


@metric(
    "Work outside agreed hours", Unit.MINUTES, Family.SESSIONS, evidence="C", source="design choice",
    high=(7 * 24 + 1) * 60.0,
)  # fmt: skip
def outside_hours_minutes(frames: Frames) -> pd.DataFrame:
    """At least this much work outside the agreed hours and on-call windows.

    The union of held sessions' minutes and of the 5 minutes before each sent episode. What leaves no trace is missing.
    """
    weeks = frames.weeks
    work = outside_work(frames)
    minutes = seconds_inside(work, weeks["start"].to_numpy(), weeks["end"].to_numpy()) / 60
    pieces = np.diff(np.searchsorted(work[:, 0], weeks[["start", "end"]].to_numpy()), axis=1)[:, 0]
    looked = weeks["calendar_seen"] & ((weeks["worked_days"] > 0) | (minutes > 0))
    found = where(looked, pd.Series(minutes, index=weeks.index), pd.Series(pieces, index=weeks.index))
    return found.assign(
        coverage=found["coverage"] * (0.5 + weeks["messages_seen"] / 2)
    )  # half the picture without mail


def work_spans(frames: Frames) -> Spans:
    """When work is known to have been done: held sessions, and five minutes before each sent episode."""
    held = frames.held[["began_at", "ended_at"]].to_numpy(dtype=np.int64)
    episodes = frames.episodes[["sent_at", "last_at"]].to_numpy(dtype=np.int64) - np.array([BEFORE_MESSAGE, 0])
    return union(spans(held), spans(episodes))


def outside_work(frames: Frames) -> Spans:
    """The part of the work that lies outside the agreed hours, their breaks and on-call windows."""
    return subtract(work_spans(frames), union(frames.calendar.hours, frames.calendar.on_call))


def inside_work(frames: Frames) -> Spans:
    """The part of the work that lies inside the agreed hours, their breaks and on-call windows."""
    return intersection(work_spans(frames), union(frames.calendar.hours, frames.calendar.on_call))
