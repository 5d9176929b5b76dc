"""Metrics of the caseload: active clients, intakes, endings and load, among them those that the director sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis import fairness
from monitor.analysis.calendar import contract_fte
from monitor.analysis.catalogue import Category, Family, metric
from monitor.analysis.columns import Column, arrays
from monitor.analysis.metrics.active_clients import (
    LOOK_BACK,
    client_weights,
    has_booking,
    is_active,
    is_in_care,
    is_trauma_focused,
    weekly_frequency,
)
from monitor.analysis.metrics.weekly import (
    WeeklyValues,
    no_data,
    observed,
    values_where,
    week_column,
    weekly_counts,
    weekly_ratios,
)
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@metric(
    "Active clients",
    Unit.COUNT,
    Family.CASELOAD,
    category=Category.WORKLOAD,
    evidence="C",
    source="design choice",
    look_back=5,
)
def active_clients(frames: Frames) -> WeeklyValues:
    """Clients with a held session in the last 30 days, or a booking in the next 30 as it was known in that week.

    Clients who were discharged or handed over do not count until they are seen again. Where it is not recorded since
    when a booking was known, held sessions alone count. A cancelled booking counts until it was cancelled, where that
    time is known.
    """
    if frames.sessions.all.empty:
        return no_data(frames)
    clients = is_active(frames).sum(axis=1)
    return values_where(observed(frames, "calendar_observed"), clients, clients)


@metric(
    "New clients",
    Unit.COUNT,
    Family.CASELOAD,
    category=Category.WORKLOAD,
    evidence="D",
    source="design choice",
    look_back=13,
)
def intakes(frames: Frames) -> WeeklyValues:
    """First held sessions of new clients and of clients who came back after an ending or 90 days without a session.

    Unknown in the first 90 days of data, unless the clinician joined the practice after the data begin.
    """
    begins, week = arrays(frames.sessions.courses, "begins", "week")
    return weekly_counts(frames, week[begins], "intakes_known")


@metric("Endings", Unit.COUNT, Family.CASELOAD, evidence="D", source="design choice", look_back=13)
def closures(frames: Frames) -> WeeklyValues:
    """Clients discharged, handed over, or not seen for 90 days, dated to the 90th; unknown as long as intakes are."""
    week, _ = _closed(frames)
    return weekly_counts(frames, week, "intakes_known")


@metric("Endings without a word", Unit.COUNT, Family.CASELOAD, evidence="D", source="design choice", look_back=13)
def unplanned_endings(frames: Frames) -> WeeklyValues:
    """Clients not seen for 90 days who were neither discharged nor handed over, dated to the 90th day."""
    week, by_silence = _closed(frames)
    return weekly_counts(frames, week[by_silence], "intakes_known")


def _closed(frames: Frames) -> tuple[Column, Column]:
    """Return for each course that ended the week, and whether it ended without an entry."""
    closed_at, by_silence = arrays(frames.sessions.courses, "closed_at", "by_silence")
    closed = ~np.isnan(closed_at)
    return frames.time.calendar.week_of(closed_at[closed]), by_silence[closed]


@metric("Available full-time equivalent", Unit.LOAD, Family.CASELOAD, evidence="–", source="roster")
def available_fte(frames: Frames) -> WeeklyValues:
    """Full-time equivalent of the week, less the share of it that was not available; the reason is not stated."""
    fte = week_column(frames, "fte")
    return values_where(observed(frames, "employed"), fte, fte > 0)


@metric(
    "Weighted load per full-time equivalent", Unit.LOAD, Family.CASELOAD, category=Category.WORKLOAD, evidence="D",
    source="design choice", look_back=LOOK_BACK,
)  # fmt: skip
def weighted_load(frames: Frames) -> WeeklyValues:
    """Weighted sessions that the caseload needs in an ordinary week, per full-time equivalent, whatever the leave.

    Each active client needs the agreed frequency, else held sessions divided by the weeks since the first (after a
    return the first of the new course), at most the last 8 in which the clinician was present. Leave and public
    holidays are left out of both, with the sessions that remained in the calendar on them, and days of leave make no
    client less active. A client counts with the weight of the client's band in the practice's table of that week, 1
    without a band. The full-time equivalent is the contract's of that week, growing over a new colleague's first twelve
    weeks.
    """
    if frames.sessions.all.empty:
        return no_data(frames)
    clients = is_in_care(frames)
    sessions_a_week = (clients * weekly_frequency(frames) * client_weights(frames)).sum(axis=1)
    contract = contract_fte(frames.clinician, frames.time.weeks.index)
    fte = fairness.phased_in_fte(contract, week_column(frames, "weeks_since_start"))
    return weekly_ratios(observed(frames, "calendar_observed"), sessions_a_week, fte, clients.sum(axis=1))


@metric(
    "Clients with nothing booked", Unit.COUNT, Family.CASELOAD, category=Category.WORKLOAD, evidence="–",
    source="design choice", look_back=5,
)  # fmt: skip
def nothing_booked(frames: Frames) -> WeeklyValues:
    """Active clients without a booking in the next 30 days, as it was known in that week.

    Unknown in weeks before the calendar was first read, because it is not known what was booked then.
    """
    if frames.sessions.all.empty:
        return no_data(frames)
    clients = is_active(frames)
    start, known_at = (
        table[name].to_numpy() for table, name in ((frames.time.weeks, "start"), (frames.sessions.all, "known_at"))
    )
    since_first_reading = start >= known_at.min()
    return values_where(
        observed(frames, "calendar_observed") & since_first_reading,
        (clients & ~has_booking(frames)).sum(axis=1),
        clients.sum(axis=1),
    )


@metric(
    "Trauma-focused work", Unit.PERCENT, Family.CASELOAD, evidence="B, small", source="studies of secondary trauma",
    look_back=5, high=100.0,
)  # fmt: skip
def trauma_share(frames: Frames) -> WeeklyValues:
    """Of the active clients, the share with whom the work is marked trauma-focused. Unknown until one was marked."""
    if frames.sessions.all.empty or not frames.clients.agreements.has("trauma"):
        return no_data(frames)
    clients = is_active(frames)
    marked = (clients & is_trauma_focused(frames)).sum(axis=1)
    total = clients.sum(axis=1)
    return weekly_ratios(observed(frames, "calendar_observed"), 100.0 * marked, total.astype(float), total)
