"""Sessions: how many, how long, and whether they ended when they were booked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.catalogue import Category, Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import Spans, intersection, seconds_inside, spans, union
from monitor.analysis.messages import pack_keys
from monitor.analysis.metrics.weekly import (
    Bools,
    Floats,
    WeeklyValues,
    cached,
    from_both_sources,
    no_data,
    observed,
    trailing_sums,
    values_where,
    week_column,
    weekly_counts,
    weekly_means,
    weekly_shares,
    weekly_sums,
)
from monitor.analysis.metrics.work import outside_work
from monitor.analysis.sessions import BOOKED, HELD, distinct_meetings
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LEAST_SESSIONS, LEAST_WEEKS = 8, 4  # overruns need this many known ends in this many weeks
EARLIEST, LATEST = -10.0, 20.0  # minutes to which an overrun is clipped where changes are looked for
CLIPPED_OFTEN = 1 / 3  # the share of a week's sessions from which on a clipped mean would hide what happened
EARLY_END_MINUTES, ON_TIME_MINUTES = -5.0, 5.0  # minutes before the booked end, and after the booked start
BILLED_LONG = 53 * 60  # CPT 90837 begins here; 90834 is 38 to 52 minutes
LONGEST_WEEK = (7 * 24 + 1) * 60.0  # minutes, where the clocks go back
LONGEST_GAP = 2 * 3600  # between two sessions of a day: beyond, an overrun consumes nobody's time


@metric(
    "Sessions held", Unit.COUNT, Family.SESSIONS, category=Category.WORKLOAD, evidence="–", source="calendar, records"
)
def sessions_held(frames: Frames) -> WeeklyValues:
    """Sessions that took place: neither cancelled nor a no-show. A group counts once."""
    return weekly_counts(frames, held_meetings(frames)["week"], "calendar_observed")


@cached
def held_meetings(frames: Frames) -> pd.DataFrame:
    """The held sessions, a group once: what all measures of sessions are about."""
    return distinct_meetings(frames.held_sessions)


@metric(
    "Time with clients", Unit.HOURS, Family.SESSIONS, evidence="C", source="NHS Talking Therapies manual, as context"
)
def contact_hours(frames: Frames) -> WeeklyValues:
    """Hours of the clock in which a held session took place: entries that overlap count once.

    A session lasts from its actual start to its actual end; of either that is not known, the booked one is taken.
    """
    minutes, _ = minutes_of(frames, contact_spans(frames))
    held = weekly_sums(frames, held_meetings(frames)["week"])
    known = observed(frames, "calendar_observed") & (
        (week_column(frames, "worked_days") > 0) | (minutes > 0) | (held > 0)
    )
    return values_where(known, minutes / 60, held)


@cached
def contact_spans(frames: Frames) -> Spans:
    """When a held session took place: the union of their spans."""
    return spans(np.column_stack(arrays(frames.held_sessions, "effective_start", "effective_end")))


@metric(
    "Minutes past booked ends", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=LEAST_WEEKS, low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def overrun_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual end less booked end over held sessions.

    Needs 8 sessions with a known end within 4 weeks; shown where at least 60 % of the ends are known.
    """
    week, overrun = arrays(held_meetings(frames), "week", "overrun_minutes")
    return _of_enough(weekly_means(frames, week, overrun))


def _of_enough(found: WeeklyValues) -> WeeklyValues:
    """The values of weeks that, with the three before, rest on enough sessions."""
    enough = trailing_sums(found.n.astype(float), LEAST_WEEKS) >= LEAST_SESSIONS
    return found._replace(value=np.where(enough, found.value, np.nan))


@metric(
    "Minutes past booked ends, as watched", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=LEAST_WEEKS, low=-float("inf"), min_coverage=0.6, on_pages=False,
)  # fmt: skip
def overrun_minutes_clipped(frames: Frames) -> WeeklyValues:
    """The minutes past booked ends as changes are looked for in them, so that one session makes no notice.

    The mean of the week's sessions, each clipped to -10 to +20 minutes; where that changes a third of them or more, the
    median of all as they were.
    """
    week, overrun = arrays(held_meetings(frames), "week", "overrun_minutes")
    clipped = np.clip(overrun, EARLIEST, LATEST)
    found = weekly_means(frames, week, clipped)
    changed = weekly_means(frames, week, np.where(np.isnan(overrun), np.nan, clipped != overrun)).value
    weeks, value = frames.weeks.index.to_numpy(), found.value.copy()
    for row in np.flatnonzero(changed >= CLIPPED_OFTEN - 1e-9):
        value[row] = np.nanmedian(overrun[week == weeks[row]])
    return _of_enough(found._replace(value=value))


@metric(
    "Sessions past your buffer", Unit.PERCENT, Family.SESSIONS, evidence="D", source="design choice",
    high=100.0, min_coverage=0.6,
)  # fmt: skip
def overrun_share(frames: Frames) -> WeeklyValues:
    """Share of held sessions with a known end that ended more than the person's own buffer after the booked end.

    A session of a client with an exception in the ledger on that day was planned so and is left out.
    """
    held = held_meetings(frames)
    week, overrun = arrays(held, "week", "overrun_minutes")
    late = np.where(np.isnan(overrun), np.nan, is_past_grace(frames, held))
    counted = ~has_exception(frames, held)
    return weekly_shares(frames, week[counted], late[counted])


def is_past_grace(frames: Frames, held: pd.DataFrame) -> Bools:
    """Which of these sessions ended past the person's own buffer and were not planned so: the share, chart and rows."""
    late = held["overrun_minutes"].to_numpy() > frames.clinician.grace_minutes
    return np.asarray(late & ~has_exception(frames, held))


def has_exception(frames: Frames, held: pd.DataFrame) -> Bools:
    """Which of these sessions were planned as they went, by an exception with anybody who was there."""
    return np.isin(held["booked_start"].to_numpy(), _planned_starts(frames))


@cached
def _planned_starts(frames: Frames) -> NDArray[np.int64]:
    """When the held sessions were booked to begin of which the clinician wrote down an exception."""
    kind, client = arrays(frames.ledger, "kind", "client")
    made = pack_keys(*arrays(frames.ledger, "client", "day", rows=(kind == "exception") & (client >= 0)))
    client, day, start = arrays(frames.held_sessions, "client", "day", "booked_start")
    return start[np.isin(pack_keys(client, day), made)]


@metric(
    "Minutes past booked starts", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def late_start_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual start less booked start: a late start that runs to time is not an overrun."""
    week, began, start = arrays(held_meetings(frames), "week", "actual_start", "booked_start")
    return weekly_means(frames, week, (began - start) / 60)


@metric(
    "Minutes longer than booked", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def stretch_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual duration less booked duration, over held sessions with both ends known."""
    began, ended, start, end = arrays(held_meetings(frames), "actual_start", "actual_end", "booked_start", "booked_end")
    return weekly_means(frames, held_meetings(frames)["week"], ((ended - began) - (end - start)) / 60)


@metric(
    "Sessions that reached 53 minutes", Unit.COUNT, Family.SESSIONS, evidence="A", source="CPT 90834 and 90837",
    min_coverage=0.6,
)  # fmt: skip
def billing_boundary(frames: Frames) -> WeeklyValues:
    """Sessions booked for less than 53 minutes that lasted 53 or more, where both ends are known; US practices only.

    Unknown in a week in which such sessions were held and both ends of none of them are known.
    """
    if frames.practice.region != "US":
        return no_data(frames)
    start, end = arrays(held_meetings(frames), "booked_start", "booked_end")
    names = ("week", "actual_start", "actual_end")
    week, began, ended = arrays(held_meetings(frames), *names, rows=end - start < BILLED_LONG)
    lasted = ended - began
    found = weekly_counts(frames, week[lasted >= BILLED_LONG], "calendar_observed")
    known = weekly_means(frames, week, lasted)
    some = weekly_sums(frames, week) > 0
    value = np.where(some & (known.n == 0), np.nan, found.value)
    return found._replace(value=value, coverage=np.where(some, known.coverage, found.coverage))


@metric(
    "Work outside agreed hours", Unit.MINUTES, Family.SESSIONS, evidence="C", source="design choice",
    high=LONGEST_WEEK, uses_agreed_hours=True
)  # fmt: skip
def outside_hours_minutes(frames: Frames) -> WeeklyValues:
    """At least this much work outside the agreed hours and on-call windows.

    The union of held sessions' minutes and of the 5 minutes before each sent episode. What leaves no trace is missing,
    and contact that an emergency protocol or a documented modified boundary covers is left out.
    """
    work = outside_work(frames)
    minutes, pieces = minutes_of(frames, work)
    looked = observed(frames, "primary_observed") & ((week_column(frames, "worked_days") > 0) | (minutes > 0))
    return from_both_sources(frames, values_where(looked, minutes, pieces))


def minutes_of(frames: Frames, work: Spans) -> tuple[Floats, NDArray[np.int64]]:
    """By week: how many minutes of the spans lie in it, and how many spans begin in it."""
    start, end = arrays(frames.weeks, "start", "end")
    pieces = np.searchsorted(work[:, 0], end) - np.searchsorted(work[:, 0], start)
    return seconds_inside(work, start, end) / 60, pieces


@metric(
    "Minutes that overruns took from what followed", Unit.MINUTES, Family.SESSIONS, evidence="D",
    source="design choice", min_coverage=0.6,
)  # fmt: skip
def cascade_minutes(frames: Frames) -> WeeklyValues:
    """Minutes after a booked end that lay in the gap before the next session, in a break, or in the next session.

    A gap of more than two hours is nobody's, and so is the time after the day's last session.
    """
    week, overrun, booked_end, ended = arrays(
        held_meetings(frames), "week", "overrun_minutes", "booked_end", "actual_end"
    )
    late = overrun > 0
    over = spans(np.column_stack((booked_end[late], ended[late].astype(np.int64))))
    minutes, pieces = minutes_of(frames, intersection(over, _what_followed(frames)))
    known = weekly_means(frames, week, overrun)
    return values_where(known.n > 0, minutes, pieces)._replace(coverage=known.coverage)


def _what_followed(frames: Frames) -> Spans:
    """Booked sessions, the gaps of up to two hours between them, and the breaks of the agreed hours.

    ::

        booked    |-----|  |-----|                  |-----|
        agreed    |--------------|   |--------------------|
        followed  |------------------|              |-----|
    """
    calendar = frames.calendar
    status, start, end = arrays(frames.sessions, "status", "booked_start", "booked_end")
    standing = np.isin(status, (HELD, BOOKED))
    booked = spans(np.column_stack((start[standing], end[standing])))
    gaps = np.column_stack((booked[:-1, 1], booked[1:, 0]))
    near = gaps[gaps[:, 1] - gaps[:, 0] <= LONGEST_GAP]
    breaks = intersection(calendar.hours, _between(calendar.agreed))
    return union(booked, spans(near), breaks)


def _between(agreed: Spans) -> Spans:
    return spans(np.column_stack((agreed[:-1, 1], agreed[1:, 0])))


@metric(
    "Sessions ended early", Unit.PERCENT, Family.SESSIONS, evidence="C", source="design choice", high=100.0,
    min_coverage=0.6,
)  # fmt: skip
def shortened_share(frames: Frames) -> WeeklyValues:
    """Of the held sessions that began on time, the share that ended 5 minutes or more before the booked end.

    On time is at most 5 minutes after the booked start; both ends have to be known.
    """
    week, began, start, overrun = arrays(
        held_meetings(frames), "week", "actual_start", "booked_start", "overrun_minutes"
    )
    on_time = ~((began - start) / 60 > ON_TIME_MINUTES)
    early = np.where(np.isnan(overrun) | np.isnan(began), np.nan, overrun <= EARLY_END_MINUTES)
    return weekly_shares(frames, week[on_time], early[on_time])
