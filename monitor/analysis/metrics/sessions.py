"""Metrics of sessions: their number and length, and overruns of the booked end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.catalogue import Category, Family, metric
from monitor.analysis.columns import arrays, pack_keys
from monitor.analysis.intervals import Spans, intersection, seconds_inside, spans, union
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

MIN_SESSIONS, MIN_WEEKS = 8, 4  # overruns need this many known ends in this many weeks
CLIP_LOW, CLIP_HIGH = -10.0, 20.0  # minutes to which overruns are clipped for the detection of changes
MAX_CLIPPED_SHARE = 1 / 3  # with as many sessions clipped, a clipped mean would hide the change
EARLY_END_MINUTES, ON_TIME_MINUTES = -5.0, 5.0  # minutes before the booked end, and after the booked start
BILLED_LONG = 53 * 60  # CPT 90837 begins here; 90834 is 38 to 52 minutes
LONGEST_WEEK = (7 * 24 + 1) * 60.0  # minutes of the week in which the clocks go back
LONGEST_GAP = 2 * 3600  # between two sessions of a day; a longer gap is not used up by an overrun


@metric(
    "Sessions held", Unit.COUNT, Family.SESSIONS, category=Category.WORKLOAD, evidence="–", source="calendar, records"
)
def sessions_held(frames: Frames) -> WeeklyValues:
    """Sessions that took place: neither cancelled nor a no-show. A group counts once."""
    return weekly_counts(frames, held_meetings(frames)["week"], "calendar_observed")


@cached
def held_meetings(frames: Frames) -> pd.DataFrame:
    """Return the held sessions, each group once; all metrics of sessions count these."""
    return distinct_meetings(frames.sessions.held)


@metric(
    "Time with clients", Unit.HOURS, Family.SESSIONS, evidence="C", source="NHS Talking Therapies manual, as context"
)
def contact_hours(frames: Frames) -> WeeklyValues:
    """Hours in which a held session took place; overlapping entries count once.

    A session lasts from its actual start to its actual end; where one is not known, the booked one is taken.
    """
    minutes, _ = minutes_of(frames, contact_spans(frames))
    held = weekly_sums(frames, held_meetings(frames)["week"])
    known = observed(frames, "calendar_observed") & (
        (week_column(frames, "worked_days") > 0) | (minutes > 0) | (held > 0)
    )
    return values_where(known, minutes / 60, held)


@cached
def contact_spans(frames: Frames) -> Spans:
    """Return the time in which a held session took place: the union of their spans."""
    return spans(np.column_stack(arrays(frames.sessions.held, "effective_start", "effective_end")))


@metric(
    "Minutes past booked ends", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=MIN_WEEKS, low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def overrun_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual end minus booked end over held sessions.

    Needs 8 sessions with a known end within 4 weeks; shown where at least 60 % of the ends are known.
    """
    week, overrun = arrays(held_meetings(frames), "week", "overrun_minutes")
    return _with_enough_sessions(weekly_means(frames, week, overrun))


def _with_enough_sessions(values: WeeklyValues) -> WeeklyValues:
    """Return the values of weeks that, with the three before, have enough sessions."""
    is_enough = trailing_sums(values.n.astype(float), MIN_WEEKS) >= MIN_SESSIONS
    return values._replace(value=np.where(is_enough, values.value, np.nan))


@metric(
    "Minutes past booked ends, clipped", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    look_back=MIN_WEEKS, low=-float("inf"), min_coverage=0.6, on_pages=False,
)  # fmt: skip
def overrun_minutes_clipped(frames: Frames) -> WeeklyValues:
    """Minutes past booked ends in the form in which changes are detected, so that one session gives no notice.

    The mean of the week's sessions, each clipped to -10 to +20 minutes; where that changes a third of them or more, the
    median without clipping.
    """
    week, overrun = arrays(held_meetings(frames), "week", "overrun_minutes")
    clipped = np.clip(overrun, CLIP_LOW, CLIP_HIGH)
    means = weekly_means(frames, week, clipped)
    changed = weekly_means(frames, week, np.where(np.isnan(overrun), np.nan, clipped != overrun)).value
    weeks, value = frames.time.weeks.index.to_numpy(), means.value.copy()
    # A third is no exact float; the small number lets exactly a third count.
    for row in np.flatnonzero(changed >= MAX_CLIPPED_SHARE - 1e-9):
        value[row] = np.nanmedian(overrun[week == weeks[row]])
    return _with_enough_sessions(means._replace(value=value))


@metric(
    "Sessions past your buffer", Unit.PERCENT, Family.SESSIONS, evidence="D", source="design choice",
    high=100.0, min_coverage=0.6,
)  # fmt: skip
def overrun_share(frames: Frames) -> WeeklyValues:
    """Share of held sessions with a known end that ended later than booked by more than the person's own buffer.

    The buffer is the setting grace_minutes. A session of a client with an exception in the ledger on that day was
    planned and is left out.
    """
    held = held_meetings(frames)
    week, overrun = arrays(held, "week", "overrun_minutes")
    late = np.where(np.isnan(overrun), np.nan, is_past_grace(frames, held))
    counted = ~has_exception(frames, held)
    return weekly_shares(frames, week[counted], late[counted])


def is_past_grace(frames: Frames, held: pd.DataFrame) -> Bools:
    """Return whether each session overran by more than the clinician's grace and was not planned.

    The share, the chart and the rows behind it all use this.
    """
    # The one comparison with grace_minutes: the metric, the chart and the rows all call this. NaN compares as false.
    is_late = held["overrun_minutes"].to_numpy() > frames.clinician.grace_minutes
    return np.asarray(is_late & ~has_exception(frames, held))


def has_exception(frames: Frames, held: pd.DataFrame) -> Bools:
    """Return whether the ledger has an exception for each session, on its day and for anybody who took part."""
    return np.isin(held["booked_start"].to_numpy(), _starts_with_exception(frames))


@cached
def _starts_with_exception(frames: Frames) -> NDArray[np.int64]:
    """Return the booked starts of the held sessions with an exception in the ledger."""
    kind, client = arrays(frames.clients.ledger, "kind", "client")
    made = pack_keys(*arrays(frames.clients.ledger, "client", "day", rows=(kind == "exception") & (client >= 0)))
    client, day, start = arrays(frames.sessions.held, "client", "day", "booked_start")
    return start[np.isin(pack_keys(client, day), made)]


@metric(
    "Minutes past booked starts", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def late_start_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual start minus booked start: a late start that runs to time is not an overrun."""
    week, began, start = arrays(held_meetings(frames), "week", "actual_start", "booked_start")
    return weekly_means(frames, week, (began - start) / 60)


@metric(
    "Minutes longer than booked", Unit.MINUTES, Family.SESSIONS, evidence="D", source="design choice",
    low=-float("inf"), min_coverage=0.6,
)  # fmt: skip
def stretch_minutes(frames: Frames) -> WeeklyValues:
    """Mean of actual duration minus booked duration, over held sessions with both ends known."""
    began, ended, start, end = arrays(held_meetings(frames), "actual_start", "actual_end", "booked_start", "booked_end")
    return weekly_means(frames, held_meetings(frames)["week"], ((ended - began) - (end - start)) / 60)


@metric(
    "Sessions that reached 53 minutes", Unit.COUNT, Family.SESSIONS, evidence="A", source="CPT 90834 and 90837",
    min_coverage=0.6,
)  # fmt: skip
def billing_boundary(frames: Frames) -> WeeklyValues:
    """Sessions booked for less than 53 minutes that lasted 53 or more, where both ends are known; US practices only.

    Unknown in a week in which such sessions were held, but none of them with both ends known.
    """
    # CPT codes exist in the US alone.
    if frames.practice.region != "US":
        return no_data(frames)
    start, end = arrays(held_meetings(frames), "booked_start", "booked_end")
    names = ("week", "actual_start", "actual_end")
    week, began, ended = arrays(held_meetings(frames), *names, rows=end - start < BILLED_LONG)
    lasted = ended - began
    reached = weekly_counts(frames, week[lasted >= BILLED_LONG], "calendar_observed")
    known = weekly_means(frames, week, lasted)
    has_any = weekly_sums(frames, week) > 0
    value = np.where(has_any & (known.n == 0), np.nan, reached.value)
    return reached._replace(value=value, coverage=np.where(has_any, known.coverage, reached.coverage))


@metric(
    "Work outside agreed hours", Unit.MINUTES, Family.SESSIONS, evidence="C", source="design choice",
    high=LONGEST_WEEK, uses_agreed_hours=True
)  # fmt: skip
def outside_hours_minutes(frames: Frames) -> WeeklyValues:
    """At least this many minutes of work outside the agreed hours and on-call windows.

    The union of the minutes of held sessions and the 5 minutes before each sent episode. Work that leaves no trace is
    missing, and contact that an emergency protocol or a documented modified boundary covers is left out.
    """
    work = outside_work(frames)
    minutes, pieces = minutes_of(frames, work)
    is_known = observed(frames, "primary_observed") & ((week_column(frames, "worked_days") > 0) | (minutes > 0))
    return from_both_sources(frames, values_where(is_known, minutes, pieces))


def minutes_of(frames: Frames, work: Spans) -> tuple[Floats, NDArray[np.int64]]:
    """Return for each week the minutes of the spans in it, and the number of spans that begin in it."""
    start, end = arrays(frames.time.weeks, "start", "end")
    pieces = np.searchsorted(work[:, 0], end) - np.searchsorted(work[:, 0], start)
    return seconds_inside(work, start, end) / 60, pieces


@metric(
    "Minutes that overruns took from what followed", Unit.MINUTES, Family.SESSIONS, evidence="D",
    source="design choice", min_coverage=0.6,
)  # fmt: skip
def cascade_minutes(frames: Frames) -> WeeklyValues:
    """Minutes after a booked end that lay in the gap before the next session, in a break, or in the next session.

    A gap of more than two hours does not count, nor does the time after the day's last session.
    """
    week, overrun, booked_end, ended = arrays(
        held_meetings(frames), "week", "overrun_minutes", "booked_end", "actual_end"
    )
    late = overrun > 0
    over = spans(np.column_stack((booked_end[late], ended[late].astype(np.int64))))

    # Booked sessions, the gaps of up to two hours between them, and the breaks of the agreed hours:
    #
    #   booked    |-----|  |-----|                  |-----|
    #   agreed    |--------------|   |--------------------|
    #   followed  |------------------|              |-----|
    status, start, end = arrays(frames.sessions.all, "status", "booked_start", "booked_end")
    is_expected = np.isin(status, (HELD, BOOKED))
    booked = spans(np.column_stack((start[is_expected], end[is_expected])))
    gaps, between_agreed = (
        np.column_stack((parts[:-1, 1], parts[1:, 0])) for parts in (booked, frames.time.calendar.agreed)
    )
    near = gaps[gaps[:, 1] - gaps[:, 0] <= LONGEST_GAP]
    breaks = intersection(frames.time.calendar.hours, spans(between_agreed))
    minutes, pieces = minutes_of(frames, intersection(over, union(booked, spans(near), breaks)))
    known = weekly_means(frames, week, overrun)
    return values_where(known.n > 0, minutes, pieces)._replace(coverage=known.coverage)


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
