"""A summary of each client: sessions, contacts and replies, beside the agreement and the weeks before.

A boundary drifts gradually and with one person; a sum over all clients hides it. These are facts to look at, not
notices: :mod:`monitor.notices` finds those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CounterpartKind
from monitor.analysis.columns import arrays

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

CURRENT_WEEKS, RECENT_WEEKS, USUAL_WEEKS = 4, 8, 26
LAST_COUNT, MIN_COUNT = 8, 4  # of session ends, or replies, for a mean and a slope
SUMMARY_COLUMNS = (
    "sessions", "agreed_sessions", "extra_sessions", "contacts", "usual_contacts", "sent", "after_hours",
    "other_channel", "reply_minutes", "reply_slope", "end_minutes", "end_slope",
)  # fmt: skip


def client_summaries(frames: Frames) -> pd.DataFrame:
    """Return one row for each client with a session or a sent message in the last eight complete weeks, by client.

    sessions           held in the last four weeks
    agreed_sessions    four times the agreed sessions a week, NaN without an agreement
    extra_sessions     the held ones beyond the agreed number of each week, NaN without an agreement
    contacts           sent episodes of the last four weeks
    usual_contacts     sent episodes per four weeks in the 26 weeks before; NaN under eight weeks with the client
    sent               sent episodes of the last eight weeks
    after_hours        of those, the ones sent after hours
    other_channel      messages of the last eight weeks on channels that the agreement does not name; NaN without one
    reply_minutes      median working minutes of the last eight replies, NaN under four
    reply_slope        doublings of that time from one reply to the next (as below); negative where replies get faster
    end_minutes        mean minutes after the booked end over the last eight known ends, NaN under four
    end_slope          change of those ends in minutes per session (Theil and Sen: the median of all pairs' slopes)
    """
    if frames.time.weeks.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS), dtype=float)
    last = int(frames.time.weeks.index.max())
    held = frames.sessions.held[(frames.sessions.held["client"] >= 0) & (frames.sessions.held["week"] <= last)]
    sent = frames.messages.episodes[
        (frames.messages.episodes["counterpart_kind"] == CounterpartKind.CLIENT)
        & (frames.messages.episodes["week"] <= last)
    ]
    recent = [
        table.loc[table["week"] > last - 7 * RECENT_WEEKS, column]
        for table, column in ((held, "client"), (sent, "counterpart"))
    ]
    clients = np.unique(np.concatenate(recent)).astype(np.int64)
    replies = frames.messages.replies[
        frames.messages.replies["reply_at"].notna() & (frames.messages.replies["week"] <= last)
    ]
    messages = _recent_messages(frames, last)
    rows = [
        _client_columns(frames, int(client), held, sent, messages, last) | _reply_columns(replies, int(client))
        for client in clients
    ]
    return pd.DataFrame(rows, index=pd.Index(clients, name="client"), columns=list(SUMMARY_COLUMNS), dtype=float)


def _recent_messages(frames: Frames, last: int) -> pd.DataFrame:
    """Return the sent messages of the last eight weeks."""
    outgoing, automatic, week = arrays(frames.messages.all, "outgoing", "automatic", "week")
    return frames.messages.all[outgoing & ~automatic & (week > last - 7 * RECENT_WEEKS) & (week <= last)]


def _client_columns(
    frames: Frames, client: int, held: pd.DataFrame, sent: pd.DataFrame, messages: pd.DataFrame, last: int
) -> dict[str, float]:
    own_sessions, own_episodes = held[held["client"] == client], sent[sent["counterpart"] == client]
    before = last - 7 * CURRENT_WEEKS  # the last week before the current four
    recent = own_episodes[own_episodes["week"] > last - 7 * RECENT_WEEKS]
    ends = own_sessions.sort_values("booked_start")["overrun_minutes"].dropna().to_numpy(dtype=np.float64)[-LAST_COUNT:]
    is_enough = len(ends) >= MIN_COUNT
    frequency = frames.clients.agreements.numbers("frequency", [client], [last + 6])[0]
    by_week = own_sessions.loc[own_sessions["week"] > before].groupby("week").size().to_numpy(dtype=np.float64)
    return {
        "sessions": float((own_sessions["week"] > before).sum()),
        "agreed_sessions": CURRENT_WEEKS * float(frequency),
        "extra_sessions": float(np.maximum(by_week - np.ceil(frequency), 0).sum()) if frequency > 0 else np.nan,
        "contacts": float((own_episodes["week"] > before).sum()),
        "usual_contacts": _usual_contacts(own_sessions, own_episodes, before),
        "sent": float(len(recent)),
        "after_hours": float(recent["after_hours"].sum()),
        "other_channel": _other_channel(frames, client, messages, last),
        "end_minutes": float(ends.mean()) if is_enough else np.nan,
        "end_slope": _slope(ends) if is_enough else np.nan,
    }


def _reply_columns(replies: pd.DataFrame, client: int) -> dict[str, float]:
    """Return the median time of the last replies to a client, and its slope."""
    own = replies[replies["client"] == client].sort_values("inbound_at")
    minutes = own["minutes_working"].to_numpy(dtype=np.float64)[-LAST_COUNT:]
    if len(minutes) < MIN_COUNT:
        return {"reply_minutes": np.nan, "reply_slope": np.nan}
    return {"reply_minutes": float(np.median(minutes)), "reply_slope": _slope(np.log2(minutes + 1))}


def _usual_contacts(sessions: pd.DataFrame, episodes: pd.DataFrame, last: int) -> float:
    """Return the sent episodes per four weeks in the half year up to the week ``last``, or since the client began."""
    began = min(sessions["week"].min() if len(sessions) else last, episodes["week"].min() if len(episodes) else last)
    first = max(int(began), last - 7 * (USUAL_WEEKS - 1))
    weeks = (last - first) // 7 + 1
    count = int(((episodes["week"] >= first) & (episodes["week"] <= last)).sum())
    return CURRENT_WEEKS * count / weeks if weeks >= RECENT_WEEKS else np.nan


def _other_channel(frames: Frames, client: int, messages: pd.DataFrame, last: int) -> float:
    """Return the number of sent messages on a channel that was not agreed on their day; NaN without an agreement."""
    sent = messages[messages["counterpart"] == client]
    agreed = frames.clients.agreements.texts("channels", [client] * len(sent), sent["day"].to_numpy(dtype=np.int64))
    is_agreed = [
        None if text is None else channel in text.split(",")
        for text, channel in zip(agreed, sent["channel"], strict=True)
    ]
    current = frames.clients.agreements.texts("channels", [client], [last + 6])[0]
    known = [flag for flag in is_agreed if flag is not None]
    return float(sum(not flag for flag in known)) if known or current is not None else np.nan


def _slope(values: NDArray[np.float64]) -> float:
    """Return the median change from one value to the next, over all pairs: one outlier among eight does not tilt it."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))
