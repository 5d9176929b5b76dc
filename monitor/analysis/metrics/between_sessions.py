"""Metrics of contact between sessions, work outside booked time, emergencies and work on call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.contact_rules import off_channel
from monitor.analysis.intervals import contains, seconds_inside, spans, subtract
from monitor.analysis.metrics.active_clients import is_active
from monitor.analysis.metrics.messages import sent_messages, to_clients
from monitor.analysis.metrics.sessions import LONGEST_WEEK, minutes_of
from monitor.analysis.metrics.weekly import (
    WeeklyValues,
    from_both_sources,
    no_data,
    observed,
    values_where,
    week_column,
    weekly_counts,
    weekly_ratios,
    weekly_sums,
)
from monitor.analysis.metrics.work import on_call_work, work_spans
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

BOOKED_HOURS = 8  # of booked time, to which other work is related (WOW8)


@metric(
    "Contacts between sessions, per client",
    Unit.LOAD,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    look_back=5,
)
def between_session_messages(frames: Frames) -> WeeklyValues:
    """Sent episodes to clients in the week, per active client."""
    (week,) = arrays(frames.messages.episodes, "week")
    sent = weekly_sums(frames, week[to_clients(frames)])
    clients = is_active(frames).sum(axis=1).astype(float)
    known = observed(frames, "messages_observed") & observed(frames, "calendar_observed")
    return weekly_ratios(known, sent, clients, sent)


@metric("Messages on other channels than agreed", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def off_policy_channel(frames: Frames) -> WeeklyValues:
    """Messages sent to clients on a channel that the client's agreement does not name.

    Unknown until channels were agreed with a client. Clients with whom none were agreed are left out, and so is contact
    that an emergency protocol covers or that was sent on call.
    """
    if not frames.clients.agreements.has("channels"):
        return no_data(frames)
    names = ("counterpart", "day", "channel", "week", "covered_by_protocol", "sent_at")
    client, day, channel, week, covered, sent_at = arrays(frames.messages.all, *names, rows=sent_messages(frames))
    off = off_channel(frames.clients.agreements, client, day, channel) == 1
    return weekly_counts(
        frames, week[off & ~covered & ~contains(frames.time.calendar.on_call, sent_at)], "messages_observed"
    )


@metric(
    "Work beside 8 hours with clients", Unit.HOURS, Family.MESSAGES, evidence="B, mixed",
    source="WOW8, from studies of record systems; definitions vary",
)  # fmt: skip
def work_outside_work(frames: Frames) -> WeeklyValues:
    """Hours of work outside booked client time for every 8 hours of it: overruns and 5 minutes before each episode.

    All such work, also close to sessions; known only where messages, which show it, are read.
    """
    booked = spans(np.column_stack(arrays(frames.sessions.held, "booked_start", "booked_end")))
    other_work, pieces = minutes_of(frames, subtract(work_spans(frames), booked))
    with_clients = seconds_inside(booked, *arrays(frames.time.weeks, "start", "end")) / 60
    known = observed(frames, "calendar_observed") & observed(frames, "messages_observed")
    return weekly_ratios(known, BOOKED_HOURS * other_work, with_clients, pieces)


@metric("Emergency contacts", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice", uses_agreed_hours=True)
def emergency_contacts(frames: Frames) -> WeeklyValues:
    """Sent episodes and held sessions outside the agreed hours that an emergency protocol covers.

    A client, a thread or a window of the calendar can be marked as covered. This is load as agreed and counts in none
    of the numbers about work after hours. Where only the calendar, or only messages, were read, it is at least this
    many.
    """
    parts = [
        arrays(part, "outside_hours", "covered_by_protocol", "week")
        for part in (frames.messages.episodes, frames.sessions.held)
    ]
    weeks = [week[outside & covered] for outside, covered, week in parts]
    return from_both_sources(frames, weekly_counts(frames, np.concatenate(weeks), "any_observed"))


@metric("Work on call", Unit.MINUTES, Family.MESSAGES, evidence="D", source="design choice", high=LONGEST_WEEK)
def on_call_minutes(frames: Frames) -> WeeklyValues:
    """Minutes of work in on-call windows outside the agreed hours: load as agreed, and never after hours."""
    minutes, pieces = minutes_of(frames, on_call_work(frames))
    is_known = observed(frames, "calendar_observed") & ((week_column(frames, "worked_days") > 0) | (minutes > 0))
    return from_both_sources(frames, values_where(is_known, minutes, pieces))
