"""Caseload: who is being seen, and how much that is. The director's measures live here and nothing else of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis import fairness
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.columns import Column, arrays
from monitor.analysis.metrics.active import LOAD_WEEKS, active, frequency, trauma, weights
from monitor.analysis.metrics.weekly import Weekly, column, counts, no_data, ratios, seen, where
from monitor.analysis.referral import WHOLE, room_below

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames


@metric(
    "Active clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="C", source="design choice", look_back=5
)
def active_clients(frames: Frames) -> Weekly:
    """Clients with a held session in the last 30 days, or a booking in the next 30 as it was known in that week.

    Discharged and handed over clients are not, until they are seen again. Where it is not recorded since when a booking
    was known, held sessions alone count. A booking that was called off counts until then, where it is known when.
    """
    if frames.sessions.empty:
        return no_data(frames)
    found = active(frames).sum(axis=1)
    return where(seen(frames, "calendar_seen"), found, found)


@metric(
    "New clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D", source="design choice", look_back=13
)
def intakes(frames: Frames) -> Weekly:
    """First held sessions: of somebody new, or back after an ending, which 90 days of silence are too.

    Unknown in the first 90 days of data, unless the clinician joined the practice after the data begin.
    """
    begins, week = arrays(frames.courses, "begins", "week")
    return counts(frames, week[begins], "beginnings_known")


@metric("Endings", Unit.COUNT, Family.CASELOAD, evidence="D", source="design choice", look_back=13)
def closures(frames: Frames) -> Weekly:
    """Clients discharged, handed over, or not seen for 90 days, dated to the 90th. Unknown as long as intakes are."""
    week, _ = _closed(frames)
    return counts(frames, week, "beginnings_known")


@metric("Endings without a word", Unit.COUNT, Family.CASELOAD, evidence="D", source="design choice", look_back=13)
def unplanned_endings(frames: Frames) -> Weekly:
    """Endings by 90 days of silence, of clients who were neither discharged nor handed over."""
    week, by_silence = _closed(frames)
    return counts(frames, week[by_silence], "beginnings_known")


def _closed(frames: Frames) -> tuple[Column, Column]:
    """Of each course that ended: the week, and whether nobody said so."""
    closed_at, by_silence = arrays(frames.courses, "closed_at", "by_silence")
    closed = ~np.isnan(closed_at)
    return frames.calendar.week_of(closed_at[closed]), by_silence[closed]


@metric("Available full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="–", source="roster")
def available_fte(frames: Frames) -> Weekly:
    """The full-time equivalent of the week, without the share of it that was not available; the reason is not told."""
    fte = column(frames, "fte")
    return where(seen(frames, "employed"), fte, fte > 0)


@metric(
    "Weighted load per full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D",
    source="design choice", look_back=LOAD_WEEKS,
)  # fmt: skip
def weighted_load(frames: Frames) -> Weekly:
    """Sessions a week that the active clients stand for, each by its weight, per full-time equivalent.

    A client stands for the agreed frequency, else for held sessions divided by the weeks since the first (after a
    return the first of the new course), 8 at most, those of leave left out; and counts for the weight of the client's
    band in the practice's table of that week, 1 without a band. The full-time equivalent is the week's, growing over a
    new colleague's first twelve weeks. Unknown in a week of nothing but leave.
    """
    if frames.sessions.empty:
        return no_data(frames)
    clients = active(frames)
    sessions_a_week = (clients * frequency(frames) * weights(frames)).sum(axis=1)
    there = column(frames, "present") > 0
    fte = fairness.available_fte(frames.clinician.fte, there, column(frames, "since_start"))
    return ratios(seen(frames, "calendar_seen"), sessions_a_week, np.asarray(fte), clients.sum(axis=1))


@metric(
    "Room for trauma-focused clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="–", source="roster",
    look_back=5, shown=False,
)  # fmt: skip
def trauma_room(frames: Frames) -> Weekly:
    """How many more trauma-focused clients the clinician's own cap leaves room for. Unknown without such a cap.

    The next referral asks for this number and no page shows it, so that nobody reads how many there are.
    """
    cap = frames.clinician.takes.trauma_cap
    if cap is None or cap >= WHOLE or frames.sessions.empty:
        return no_data(frames)
    clients = active(frames)
    everybody, marked = clients.sum(axis=1), (clients & trauma(frames)).sum(axis=1)
    room = [room_below(cap, *both) for both in zip(everybody.tolist(), marked.tolist(), strict=True)]
    return where(seen(frames, "calendar_seen"), room, everybody)


@metric(
    "Trauma-focused work", Unit.PERCENT, Family.CASELOAD, evidence="B, small", source="studies of secondary trauma",
    look_back=5, high=100.0,
)  # fmt: skip
def trauma_share(frames: Frames) -> Weekly:
    """Of the active clients, the share with whom the work is marked trauma-focused. Unknown until any was marked."""
    if frames.sessions.empty or not frames.agreements.has("trauma"):
        return no_data(frames)
    clients = active(frames)
    marked = (clients & trauma(frames)).sum(axis=1)
    everybody = clients.sum(axis=1)
    return ratios(seen(frames, "calendar_seen"), 100.0 * marked, everybody.astype(float), everybody)
