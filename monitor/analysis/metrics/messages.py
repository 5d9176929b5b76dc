"""Messages: what was answered after hours, how much of that was demand, and how long clients waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from connectors.records import Counterpart
from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.messages import median_wait
from monitor.analysis.metrics.weekly import Bools, counts, half_each, seen, shares, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LEAST_RUNS = 5  # a median wait needs this many runs
NIGHT = (22, 6)  # local hours
HOUR = 3600


def _replies_sent(frames: Frames) -> pd.DataFrame:
    """Outgoing episodes that answer a run; one that answers several counts once."""
    return frames.episodes[frames.episodes["is_reply"]]


@metric("Replies sent after hours", Unit.COUNT, Family.MESSAGES, evidence="B, mixed", source="physicians' studies")
def after_hours_replies(frames: Frames) -> pd.DataFrame:
    """Episodes that answer a client and were sent after hours. Compared per 20 held sessions.

    Contact that an emergency protocol or a documented modified boundary covers is not after hours.
    """
    sent = _replies_sent(frames)
    return counts(frames, sent.loc[sent["after_hours"], "week"], "messages_seen")


@metric(
    "Share of replies sent after hours", Unit.PERCENT, Family.MESSAGES, evidence="B, mixed",
    source="physicians' studies", high=100.0,
)  # fmt: skip
def after_hours_reply_share(frames: Frames) -> pd.DataFrame:
    """Of all replies to clients, the share that was sent after hours."""
    sent = _replies_sent(frames)
    return shares(frames, sent["week"], sent["after_hours"])


@metric("Client messages after hours", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def after_hours_inbound(frames: Frames) -> pd.DataFrame:
    """Client messages that arrived after hours, automatic ones and those an emergency protocol covers left out."""
    return _inbound(frames, "after_hours", Counterpart.CLIENT)


@metric("Emergency messages after hours", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def after_hours_inbound_emergency(frames: Frames) -> pd.DataFrame:
    """Messages outside the agreed hours of clients whom an emergency protocol covers: load, and as agreed."""
    return _inbound(frames, "emergency", Counterpart.CLIENT)


@metric("Messages from the practice after hours", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def after_hours_inbound_staff(frames: Frames) -> pd.DataFrame:
    """Messages of colleagues and management that arrived after hours: the organisation's own share of the pressure."""
    return _inbound(frames, "after_hours", Counterpart.COLLEAGUE, Counterpart.MANAGEMENT)


def _inbound(frames: Frames, how: str, *kinds: Counterpart) -> pd.DataFrame:
    messages = frames.messages
    late = messages["outside"] & messages["covered"] if how == "emergency" else messages["after_hours"]
    pressing = ~messages["outgoing"] & ~messages["automatic"] & late & messages["counterpart_kind"].isin(kinds)
    return counts(frames, messages.loc[pressing, "week"], "messages_seen")


@metric(
    "Answered before the next working span", Unit.PERCENT, Family.MESSAGES, evidence="D", source="design choice",
    high=100.0,
)  # fmt: skip
def reply_propensity(frames: Frames) -> pd.DataFrame:
    """Of the client messages that arrived after hours, the share answered before work began again.

    With the number that arrived it tells whether demand rose or the boundary moved. Messages in a row count as one.
    """
    late = frames.replies[frames.replies["inbound_after_hours"]]
    begins = frames.calendar.working[:, 0]
    index = np.searchsorted(begins, late["inbound_at"].to_numpy(), side="right")
    next_span = np.append(begins, np.iinfo(np.int64).max)[index]
    decided = late["reply_at"].notna() | (next_span <= frames.as_of)
    return shares(frames, late["inbound_week"], (late["reply_at"] < next_span).where(decided))


@metric("Messages begun after hours", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def self_initiated_after_hours(frames: Frames) -> pd.DataFrame:
    """Outgoing episodes to clients sent after hours that answer nothing."""
    own = frames.episodes[~frames.episodes["is_reply"] & to_clients(frames)]
    return counts(frames, own.loc[own["after_hours"], "week"], "messages_seen")


def to_clients(frames: Frames) -> pd.Series:
    """Which sent episodes went to a client."""
    return frames.episodes["counterpart_kind"] == Counterpart.CLIENT


@metric("Evenings touched", Unit.DAYS, Family.MESSAGES, evidence="C", source="design choice", high=7.0)
def evenings_touched(frames: Frames) -> pd.DataFrame:
    """Work days with a sent episode after hours, or a held session that lies outside the agreed hours, if only in part.

    Contact that an emergency protocol or a documented modified boundary covers does not count. At least so many where
    only the calendar, or only messages, were read.
    """
    late = [part.loc[part["after_hours"], "day"] for part in (frames.episodes, frames.held)]
    days = np.unique(np.concatenate(late)).astype(np.int64)
    return half_each(frames, counts(frames, days - (days + 3) % 7, "any_seen"))


@metric("Messages at night", Unit.COUNT, Family.MESSAGES, evidence="C", source="design choice")
def night_messages(frames: Frames) -> pd.DataFrame:
    """Messages sent between 22:00 and 06:00 local time and after hours; automatic ones left out."""
    messages = frames.messages
    sent = messages.loc[messages["outgoing"] & ~messages["automatic"] & messages["after_hours"], ["sent_at", "week"]]
    return counts(frames, sent.loc[_at_night(frames, sent["sent_at"]), "week"], "messages_seen")


def _at_night(frames: Frames, instants: pd.Series) -> Bools:
    hour = frames.calendar.clock.local(instants.to_numpy(dtype=np.int64)) // HOUR % 24
    return np.asarray((hour >= NIGHT[0]) | (hour < NIGHT[1]))


@metric("Time to a reply", Unit.MINUTES, Family.MESSAGES, evidence="D", source="Kaplan and Meier 1958", look_back=2)
def reply_minutes_clock(frames: Frames) -> pd.DataFrame:
    """Median wait of a client's messages on the wall clock, unanswered ones censored at 7 days; needs 5.

    A wait belongs to the week in which the client wrote.
    """
    return _median_waits(frames, "minutes_clock")


@metric(
    "Working time to a reply", Unit.MINUTES, Family.MESSAGES, evidence="D", source="Kaplan and Meier 1958", look_back=2
)
def reply_minutes_working(frames: Frames) -> pd.DataFrame:
    """As the time to a reply, counting only the clinician's own working minutes."""
    return _median_waits(frames, "minutes_working")


def _median_waits(frames: Frames, column: str) -> pd.DataFrame:
    weeks = frames.weeks.index.to_numpy()
    order = np.argsort(frames.replies["inbound_week"].to_numpy(), kind="stable")
    runs = frames.replies.iloc[order]
    week, minutes = runs["inbound_week"].to_numpy(), runs[column].to_numpy(dtype=float)
    answered = runs["reply_at"].notna().to_numpy()
    edges = np.searchsorted(week, [weeks, weeks + 7])
    medians = [median_wait(minutes[a:b], answered[a:b]) if b - a >= LEAST_RUNS else np.nan for a, b in edges.T]
    return where(frames, seen(frames, "messages_seen"), medians, edges[1] - edges[0])
