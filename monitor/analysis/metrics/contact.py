"""Contact between sessions, work that no booking shows, and work that was agreed for any hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitor.analysis.catalogue import Family, Unit, metric
from monitor.analysis.contact import off_channel
from monitor.analysis.intervals import seconds_inside, spans, subtract
from monitor.analysis.metrics.active import active
from monitor.analysis.metrics.messages import to_clients
from monitor.analysis.metrics.sessions import minutes_of
from monitor.analysis.metrics.weekly import column, counts, half_each, no_data, ratios, seen, sums, where
from monitor.analysis.metrics.work import on_call_work, work_spans

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

A_DAY = 8  # hours of booked time that other work is told for (WOW8)


@metric(
    "Contacts between sessions, per client",
    Unit.LOAD,
    Family.MESSAGES,
    evidence="D",
    source="design choice",
    look_back=5,
)
def between_session_messages(frames: Frames) -> pd.DataFrame:
    """Sent episodes to clients of the week, by active client."""
    sent = sums(frames, frames.episodes.loc[to_clients(frames), "week"])
    clients = active(frames).sum(axis=1).astype(float)
    known = seen(frames, "messages_seen") & seen(frames, "calendar_seen")
    return ratios(frames, known, sent, clients, sent)


@metric("Messages on other channels than agreed", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def off_policy_channel(frames: Frames) -> pd.DataFrame:
    """Messages sent to clients on a channel that the client's agreement does not name.

    Unknown until channels were agreed with somebody; clients with whom none were agreed are not counted.
    """
    if not frames.agreements.has("channels"):
        return no_data(frames)
    sent = frames.messages[frames.messages["outgoing"] & ~frames.messages["automatic"]]
    off = off_channel(frames.agreements, sent["counterpart"], sent["day"], sent["channel"])
    return counts(frames, sent.loc[off == 1, "week"], "messages_seen")


@metric(
    "Work beside 8 hours with clients", Unit.HOURS, Family.MESSAGES, evidence="B, mixed",
    source="WOW8, from studies of record systems; definitions vary",
)  # fmt: skip
def work_outside_work(frames: Frames) -> pd.DataFrame:
    """Hours of work outside booked client time for every 8 hours of it: overruns and 5 minutes before each episode.

    All of it, none trimmed around sessions; known only where messages are read, which show it.
    """
    held = frames.held
    booked = spans(held[["booked_start", "booked_end"]].to_numpy(dtype=np.int64))
    beside, pieces = minutes_of(frames, subtract(work_spans(frames), booked))
    edges = frames.weeks[["start", "end"]].to_numpy(dtype=np.int64)
    with_clients = seconds_inside(booked, edges[:, 0], edges[:, 1]) / 60
    known = seen(frames, "calendar_seen") & seen(frames, "messages_seen")
    return ratios(frames, known, A_DAY * beside, with_clients, pieces)


@metric("Emergency contacts", Unit.COUNT, Family.MESSAGES, evidence="D", source="design choice")
def emergency_contacts(frames: Frames) -> pd.DataFrame:
    """Sent episodes and held sessions outside the agreed hours with clients whom an emergency protocol covers.

    Load that was agreed: it is in none of the numbers about work after hours. At least so many where only the calendar,
    or only messages, were read.
    """
    covered = [part.loc[part["outside"] & part["covered"], "week"] for part in (frames.episodes, frames.held)]
    return half_each(frames, counts(frames, np.concatenate(covered), "any_seen"))


@metric("Work on call", Unit.MINUTES, Family.MESSAGES, evidence="D", source="design choice", high=(7 * 24 + 1) * 60.0)
def on_call_minutes(frames: Frames) -> pd.DataFrame:
    """Minutes of work in on-call windows outside the agreed hours: load that was agreed, and never after hours."""
    minutes, pieces = minutes_of(frames, on_call_work(frames))
    looked = seen(frames, "calendar_seen") & ((column(frames, "worked_days") > 0) | (minutes > 0))
    return half_each(frames, where(frames, looked, minutes, pieces))
