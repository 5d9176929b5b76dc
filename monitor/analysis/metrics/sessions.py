"""Sessions: how many, how long, and whether they ended when they were booked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.intervals import Spans, intersection, seconds_inside, spans, union
from monitor.analysis.metrics.weekly import (
    column,
    counts,
    half_each,
    means,
    no_data,
    once,
    seen,
    shares,
    sums,
    trailing,
    where,
)
from monitor.analysis.metrics.work import outside_work
from monitor.analysis.sessions import meetings

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LEAST_SESSIONS, LEAST_WEEKS = 8, 4  # overruns need this many known ends in this many weeks
EARLIEST, LATEST = -10.0, 20.0  # minutes to which an overrun is clipped before it is averaged
SHORTER, ON_TIME = -5.0, 5.0  # minutes before the booked end, and after the booked start
BILLED_LONG = 53 * 60  # CPT 90837 begins here; 90834 is 38 to 52 minutes
LONGEST_GAP = 2 * 3600  # between two sessions of a day: beyond, an overrun consumes nobody's time


@metric("Sessions held", Unit.COUNT, Family.SESSIONS, wing=Wing.WORKLOAD, evidence="–", source="calendar, records")
def sessions_held(frames: Frames) -> pd.DataFrame:
    """Sessions that took place: neither cancelled nor a no-show. A group counts once."""
    return counts(frames, met(frames)["week"], "calendar_seen")


@once
def met(frames: Frames) -> pd.DataFrame:
    """The held sessions, a group once: what all measures of sessions are about."""
    return meetings(frames.held)


@metric(
    "Time with clients", Unit.HOURS, Family.SESSIONS, evidence="C", source="NHS Talking Therapies manual, as context"
)
def contact_hours(frames: Frames) -> pd.DataFrame:
    """Hours of held sessions, actual duration where both ends are known, else booked; a group counts once."""
    return counts(frames, met(frames)["week"], "calendar_seen", contact_seconds(frames) / 3600)


@once
def contact_seconds(frames: Frames) -> pd.Series:
    """Of each held session, a group's once."""
    held = met(frames)
    actual = (held["actual_end"] - held["actual_start"]).clip(lower=0)  # a corrected end may lie before a logged start
    return actual.fillna(held["booked_end"] - held["booked_start"])


@metric(
    "Minutes past booked ends", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=LEAST_WEEKS, low=EARLIEST, high=LATEST, least_coverage=0.6,
)  # fmt: skip
def overrun_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual end less booked end over held sessions, each clipped to -10 to +20 minutes.

    Needs 8 sessions with a known end within 4 weeks; shown where at least 60 % of the ends are known.
    """
    held = met(frames)
    weekly = means(frames, held["week"], held["overrun_minutes"].clip(EARLIEST, LATEST))
    enough = trailing(weekly["n"].to_numpy(dtype=float), LEAST_WEEKS) >= LEAST_SESSIONS
    return weekly.assign(value=weekly["value"].where(enough))


@metric(
    "Sessions past your buffer", Unit.PERCENT, Family.SESSIONS, evidence="D", source="design choice",
    high=100.0, least_coverage=0.6,
)  # fmt: skip
def overrun_share(frames: Frames) -> pd.DataFrame:
    """Share of held sessions with a known end that ended more than the person's own buffer after the booked end.

    A session of a client with an exception in the ledger on that day was planned so and is left out.
    """
    held = met(frames)
    held = held[~as_planned(frames, held)]
    late = (held["overrun_minutes"] > frames.clinician.grace_minutes).where(held["overrun_minutes"].notna())
    return shares(frames, held["week"], late)


def as_planned(frames: Frames, held: pd.DataFrame) -> pd.Series:
    """Which of these sessions were planned as they went, by an exception with anybody who was there."""
    return held["booked_start"].isin(frames.held.loc[_planned(frames), "booked_start"])


def _planned(frames: Frames) -> pd.Series:
    """Which held sessions are those of an exception that the clinician wrote down."""
    made = frames.ledger[(frames.ledger["kind"] == "exception") & (frames.ledger["client"] >= 0)]
    days = pd.MultiIndex.from_frame(made[["client", "day"]])
    if made.empty:
        return pd.Series(data=False, index=frames.held.index)
    return pd.Series(pd.MultiIndex.from_frame(frames.held[["client", "day"]]).isin(days), index=frames.held.index)


@metric(
    "Minutes past booked starts", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), least_coverage=0.6,
)  # fmt: skip
def late_start_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual start less booked start: a late start that runs to time is not an overrun."""
    held = met(frames)
    return means(frames, held["week"], (held["actual_start"] - held["booked_start"]) / 60)


@metric(
    "Minutes longer than booked", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), least_coverage=0.6,
)  # fmt: skip
def stretch_minutes(frames: Frames) -> pd.DataFrame:
    """Mean of actual duration less booked duration, over held sessions with both ends known."""
    held = met(frames)
    actual, booked = held["actual_end"] - held["actual_start"], held["booked_end"] - held["booked_start"]
    return means(frames, held["week"], (actual - booked) / 60)


@metric(
    "Sessions that reached 53 minutes", Unit.COUNT, Family.SESSIONS, evidence="A", source="CPT 90834 and 90837",
    least_coverage=0.6,
)  # fmt: skip
def billing_boundary(frames: Frames) -> pd.DataFrame:
    """Sessions booked for less than 53 minutes that lasted 53 or more, where both ends are known; US practices only.

    Unknown in a week in which such sessions were held and both ends of none of them are known.
    """
    if frames.practice.region != "US":
        return no_data(frames)
    held = met(frames)
    short = (held["booked_end"] - held["booked_start"]) < BILLED_LONG
    lasted = held["actual_end"] - held["actual_start"]
    found = counts(frames, held.loc[short & (lasted >= BILLED_LONG), "week"], "calendar_seen")
    known = means(frames, held.loc[short, "week"], lasted[short])
    some = sums(frames, held.loc[short, "week"]) > 0
    value = found["value"].mask(some & (known["n"] == 0))
    return found.assign(value=value, coverage=known["coverage"].where(some, found["coverage"]))


@metric(
    "Work outside agreed hours", Unit.MINUTES, Family.SESSIONS, evidence="C", source="design choice",
    high=(7 * 24 + 1) * 60.0,
)  # fmt: skip
def outside_hours_minutes(frames: Frames) -> pd.DataFrame:
    """At least this much work outside the agreed hours and on-call windows.

    The union of held sessions' minutes and of the 5 minutes before each sent episode. What leaves no trace is missing,
    and contact that an emergency protocol or a documented modified boundary covers is left out.
    """
    work = outside_work(frames)
    minutes, pieces = minutes_of(frames, work)
    looked = seen(frames, "calendar_seen") & ((column(frames, "worked_days") > 0) | (minutes > 0))
    return half_each(frames, where(frames, looked, minutes, pieces))


def minutes_of(frames: Frames, work: Spans) -> tuple[np.ndarray, np.ndarray]:
    """By week: how many minutes of the spans lie in it, and how many spans begin in it."""
    edges = frames.weeks[["start", "end"]].to_numpy(dtype=np.int64)
    pieces = np.diff(np.searchsorted(work[:, 0], edges), axis=1)[:, 0]
    return seconds_inside(work, edges[:, 0], edges[:, 1]) / 60, pieces


@metric(
    "Minutes that overruns took from what followed", Unit.MINUTES, Family.SESSIONS, evidence="D",
    source="design choice", least_coverage=0.6,
)  # fmt: skip
def cascade_minutes(frames: Frames) -> pd.DataFrame:
    """Minutes after a booked end that lay in the gap before the next session, in a break, or in the next session.

    A gap of more than two hours is nobody's, and so is the time after the day's last session.
    """
    held = met(frames)
    over = spans(held.loc[held["overrun_minutes"] > 0, ["booked_end", "actual_end"]].to_numpy(dtype=np.int64))
    minutes, pieces = minutes_of(frames, intersection(over, _what_followed(frames)))
    known = means(frames, held["week"], held["overrun_minutes"])
    there = (known["n"] > 0).to_numpy()
    return where(frames, there, minutes, pieces).assign(coverage=known["coverage"])


def _what_followed(frames: Frames) -> Spans:
    """Booked sessions, the gaps of up to two hours between them, and the breaks of the agreed hours.

    ::

        booked    |-----|  |-----|                  |-----|
        agreed    |--------------|   |--------------------|
        followed  |------------------|              |-----|
    """
    calendar, standing = frames.calendar, frames.sessions[frames.sessions["status"].isin(("held", "booked"))]
    booked = spans(standing[["booked_start", "booked_end"]].to_numpy(dtype=np.int64))
    gaps = np.column_stack((booked[:-1, 1], booked[1:, 0]))
    near = gaps[gaps[:, 1] - gaps[:, 0] <= LONGEST_GAP]
    breaks = intersection(calendar.hours, _between(calendar.agreed))
    return union(booked, spans(near), breaks)


def _between(agreed: Spans) -> Spans:
    return spans(np.column_stack((agreed[:-1, 1], agreed[1:, 0])))


@metric(
    "Sessions ended early", Unit.PERCENT, Family.SESSIONS, evidence="C", source="design choice", high=100.0,
    least_coverage=0.6,
)  # fmt: skip
def shortened_share(frames: Frames) -> pd.DataFrame:
    """Of the held sessions that began on time, the share that ended 5 minutes or more before the booked end.

    On time is at most 5 minutes after the booked start; both ends have to be known.
    """
    held = met(frames)
    late_by = (held["actual_start"] - held["booked_start"]) / 60
    held = held[~(late_by > ON_TIME)]
    early = (held["overrun_minutes"] <= SHORTER).where(held["overrun_minutes"].notna() & held["actual_start"].notna())
    return shares(frames, held["week"], early)
