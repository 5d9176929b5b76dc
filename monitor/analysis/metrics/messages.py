"""Metrics of messages: after hours, at night, initiated by whom, and the time to a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from connectors.records import CounterpartKind
from monitor.analysis.calendar import monday_of
from monitor.analysis.catalogue import Family, metric
from monitor.analysis.columns import Column, arrays
from monitor.analysis.messages import median_wait
from monitor.analysis.metrics.weekly import (
    Bools,
    WeeklyValues,
    cached,
    from_both_sources,
    observed,
    values_where,
    weekly_counts,
    weekly_shares,
)
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

MIN_RUNS = 5  # a median wait needs this many runs
NIGHT = (22, 6)  # local hours
HOUR = 3600


def _replies_sent(frames: Frames) -> tuple[Column, ...]:
    """Return week and after_hours of the outgoing episodes that answer a run; one that answers several counts once."""
    (is_reply,) = arrays(frames.messages.episodes, "is_reply")
    return arrays(frames.messages.episodes, "week", "after_hours", rows=is_reply)


@metric(
    "Replies sent after hours",
    Unit.COUNT,
    Family.MESSAGES,
    evidence="B, mixed",
    source="physicians' studies",
    uses_agreed_hours=True,
)
def after_hours_replies(frames: Frames) -> WeeklyValues:
    """Episodes that answer a client and were sent after hours; compared per 20 held sessions.

    Contact that an emergency protocol or a documented modified boundary covers is not after hours.
    """
    week, after_hours = _replies_sent(frames)
    return weekly_counts(frames, week[after_hours], "messages_observed")


@metric(
    "Share of replies sent after hours", Unit.PERCENT, Family.MESSAGES, evidence="B, mixed",
    source="physicians' studies", high=100.0, uses_agreed_hours=True
)  # fmt: skip
def after_hours_reply_share(frames: Frames) -> WeeklyValues:
    """Of all replies to clients, the share that was sent after hours."""
    return weekly_shares(frames, *_replies_sent(frames))


@metric(
    "Client messages after hours",
    Unit.COUNT,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    uses_agreed_hours=True,
)
def after_hours_inbound(frames: Frames) -> WeeklyValues:
    """Client messages that arrived after hours, automatic ones and those an emergency protocol covers left out."""
    late, week = arrays(frames.messages.all, "after_hours", "week")
    return weekly_counts(frames, week[late & _came_from(frames, CounterpartKind.CLIENT)], "messages_observed")


@metric(
    "Emergency messages after hours",
    Unit.COUNT,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    uses_agreed_hours=True,
)
def after_hours_inbound_emergency(frames: Frames) -> WeeklyValues:
    """Client messages outside the agreed hours that an emergency protocol covers: load as agreed."""
    outside, covered, week = arrays(frames.messages.all, "outside_hours", "covered_by_protocol", "week")
    return weekly_counts(
        frames, week[outside & covered & _came_from(frames, CounterpartKind.CLIENT)], "messages_observed"
    )


@metric(
    "Messages from the practice after hours",
    Unit.COUNT,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    uses_agreed_hours=True,
)
def after_hours_inbound_staff(frames: Frames) -> WeeklyValues:
    """Messages from colleagues and management that arrived after hours: the organisation's share of the pressure."""
    late, week = arrays(frames.messages.all, "after_hours", "week")
    staff = _came_from(frames, CounterpartKind.COLLEAGUE) | _came_from(frames, CounterpartKind.MANAGEMENT)
    return weekly_counts(frames, week[late & staff], "messages_observed")


def _came_from(frames: Frames, kind: CounterpartKind) -> Bools:
    """Return whether each message came in from a counterpart of that kind; automatic ones do not count."""
    outgoing, automatic, counterpart_kind = arrays(frames.messages.all, "outgoing", "automatic", "counterpart_kind")
    return np.asarray(~outgoing & ~automatic & (counterpart_kind == kind.value))


@cached
def sent_messages(frames: Frames) -> Bools:
    """Return whether each message was sent by the clinician; automatic ones do not count."""
    outgoing, automatic = arrays(frames.messages.all, "outgoing", "automatic")
    return np.asarray(outgoing & ~automatic)


@metric(
    "Answered before the next working span", Unit.PERCENT, Family.MESSAGES, evidence="D", source="design choice",
    high=100.0, uses_agreed_hours=True
)  # fmt: skip
def reply_propensity(frames: Frames) -> WeeklyValues:
    """Of the client messages that arrived after hours, the share answered before work began again.

    Together with the number that arrived it shows whether demand rose or the boundary moved. Messages in a row count as
    one.
    """
    (late,) = arrays(frames.messages.replies, "inbound_after_hours")
    inbound_at, week, reply_at = arrays(frames.messages.replies, "inbound_at", "inbound_week", "reply_at", rows=late)
    begins = frames.time.calendar.agreed[:, 0]
    next_span = np.append(begins, np.iinfo(np.int64).max)[np.searchsorted(begins, inbound_at, side="right")]
    # While the next working span is still ahead, an answer may yet come before it.
    decided = ~np.isnan(reply_at) | (next_span <= frames.as_of)
    return weekly_shares(frames, week, np.where(decided, reply_at < next_span, np.nan))


@metric(
    "Messages begun after hours",
    Unit.COUNT,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    uses_agreed_hours=True,
)
def self_initiated_after_hours(frames: Frames) -> WeeklyValues:
    """Outgoing episodes to clients that were sent after hours and answer no message."""
    is_reply, after_hours, week = arrays(frames.messages.episodes, "is_reply", "after_hours", "week")
    return weekly_counts(frames, week[~is_reply & after_hours & to_clients(frames)], "messages_observed")


@cached
def to_clients(frames: Frames) -> Bools:
    """Return whether each sent episode went to a client."""
    (counterpart_kind,) = arrays(frames.messages.episodes, "counterpart_kind")
    return np.asarray(counterpart_kind == CounterpartKind.CLIENT.value)


@metric(
    "Evenings touched",
    Unit.DAYS,
    Family.MESSAGES,
    evidence="C",
    source="design choice",
    high=7.0,
    uses_agreed_hours=True,
)
def evenings_touched(frames: Frames) -> WeeklyValues:
    """Work days with a message sent after hours, or a held session wholly or partly outside the agreed hours.

    A session counts from its booked start to its actual end where that is known, else to its booked end. Contact that
    an emergency protocol or a documented modified boundary covers does not count. Where only the calendar, or only
    messages, were read, it is at least this many.
    """
    late, day = arrays(frames.messages.all, "after_hours", "day", rows=sent_messages(frames))
    sessions_late, session_day = arrays(frames.sessions.held, "after_hours", "day")
    days = np.unique(np.concatenate((day[late], session_day[sessions_late])))
    return from_both_sources(frames, weekly_counts(frames, monday_of(days), "any_observed"))


@metric("Messages at night", Unit.COUNT, Family.MESSAGES, evidence="C", source="design choice", uses_agreed_hours=True)
def night_messages(frames: Frames) -> WeeklyValues:
    """Messages sent between 22:00 and 06:00 local time and after hours; automatic ones left out."""
    after_hours, sent_at, week = arrays(frames.messages.all, "after_hours", "sent_at", "week")
    late = sent_messages(frames) & after_hours
    hour = frames.time.calendar.clock.local(sent_at[late]) // HOUR % 24
    return weekly_counts(frames, week[late][(hour >= NIGHT[0]) | (hour < NIGHT[1])], "messages_observed")


@metric("Time to a reply", Unit.MINUTES, Family.MESSAGES, evidence="D", source="Kaplan and Meier 1958", look_back=2)
def reply_minutes_clock(frames: Frames) -> WeeklyValues:
    """Median time until a client's messages were answered, unanswered ones censored at 7 days; needs 5 of them.

    It belongs to the week in which the client wrote.
    """
    return _median_waits(frames, "minutes_clock")


@metric(
    "Working time to a reply", Unit.MINUTES, Family.MESSAGES, evidence="D", source="Kaplan and Meier 1958", look_back=2
)
def reply_minutes_working(frames: Frames) -> WeeklyValues:
    """Median time until a client's messages were answered, counting only the clinician's own working minutes."""
    return _median_waits(frames, "minutes_working")


def _median_waits(frames: Frames, column: str) -> WeeklyValues:
    weeks = frames.time.weeks.index.to_numpy()
    week, minutes, reply_at = arrays(frames.messages.replies, "inbound_week", column, "reply_at")
    order = np.argsort(week, kind="stable")
    week, minutes, answered = week[order], minutes[order], ~np.isnan(reply_at[order])
    # The rows of each week, as first and one past the last.
    edges = np.searchsorted(week, [weeks, weeks + 7])
    medians = [
        median_wait(minutes[start:end], answered[start:end]) if end - start >= MIN_RUNS else np.nan
        for start, end in edges.T
    ]
    return values_where(observed(frames, "messages_observed"), medians, edges[1] - edges[0])
