"""One client at a time: what passes with each, against what was agreed and against the weeks before.

Drift of a boundary is gradual and lies with one person; a sum over all clients hides it. These are facts to look at, no
notices: what becomes a notice is found elsewhere.
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

NOW_WEEKS, LATELY_WEEKS, USUAL_WEEKS = 4, 8, 26
LAST, LEAST = 8, 4  # sessions' ends, or replies, whose slope is taken
SUMMARY_COLUMNS = (
    "sessions", "agreed_sessions", "extra_sessions", "contacts", "usual_contacts", "sent", "after_hours",
    "other_channel", "reply_minutes", "reply_slope", "end_minutes", "end_slope",
)  # fmt: skip


def client_summaries(frames: Frames) -> pd.DataFrame:
    """One row a client with a session or a sent message in the last eight complete weeks, by client.

    sessions           held in the last four weeks
    agreed_sessions    four times the agreed sessions a week, NaN where none were agreed
    extra_sessions     of the held ones those beyond the agreed number, week by week, NaN where none were agreed
    contacts           sent episodes of the last four weeks
    usual_contacts     sent episodes for four weeks, mean of the 26 weeks before; NaN under eight weeks with the client
    sent               sent episodes of the last eight weeks
    after_hours        those of them that were sent after hours
    other_channel      messages of the last eight weeks on channels that the agreement does not name; NaN without one
    reply_minutes      median working minutes of the last eight replies, NaN under four
    reply_slope        doublings of that time from one reply to the next (as below); growing faster is below 0
    end_minutes        mean minutes after the booked end over the last eight known ends, NaN under four
    end_slope          minutes a session by which those ends move (Theil and Sen: the median of all pairs' slopes)
    """
    if frames.weeks.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS), dtype=float)
    last = int(frames.weeks.index.max())
    held = frames.held_sessions[(frames.held_sessions["client"] >= 0) & (frames.held_sessions["week"] <= last)]
    sent = frames.episodes[
        (frames.episodes["counterpart_kind"] == CounterpartKind.CLIENT) & (frames.episodes["week"] <= last)
    ]
    lately = [
        part.loc[part["week"] > last - 7 * LATELY_WEEKS, who] for part, who in ((held, "client"), (sent, "counterpart"))
    ]
    clients = np.unique(np.concatenate(lately)).astype(np.int64)
    replies = frames.replies[frames.replies["reply_at"].notna() & (frames.replies["week"] <= last)]
    messages = _sent_lately(frames, last)
    rows = [_row(frames, int(client), held, sent, messages, last) | _speed(replies, int(client)) for client in clients]
    return pd.DataFrame(rows, index=pd.Index(clients, name="client"), columns=list(SUMMARY_COLUMNS), dtype=float)


def _sent_lately(frames: Frames, last: int) -> pd.DataFrame:
    """Return the sent messages of the last eight weeks."""
    outgoing, automatic, week = arrays(frames.messages, "outgoing", "automatic", "week")
    return frames.messages[outgoing & ~automatic & (week > last - 7 * LATELY_WEEKS) & (week <= last)]


def _row(
    frames: Frames, client: int, held: pd.DataFrame, sent: pd.DataFrame, messages: pd.DataFrame, last: int
) -> dict[str, float]:
    met, wrote = held[held["client"] == client], sent[sent["counterpart"] == client]
    now, lately = last - 7 * NOW_WEEKS, last - 7 * LATELY_WEEKS
    recent = wrote[wrote["week"] > lately]
    ends = met.sort_values("booked_start")["overrun_minutes"].dropna().to_numpy(dtype=np.float64)[-LAST:]
    enough = len(ends) >= LEAST
    frequency = frames.agreements.numbers("frequency", [client], [last + 6])[0]
    by_week = met.loc[met["week"] > now].groupby("week").size().to_numpy(dtype=np.float64)
    return {
        "sessions": float((met["week"] > now).sum()),
        "agreed_sessions": NOW_WEEKS * float(frequency),
        "extra_sessions": float(np.maximum(by_week - np.ceil(frequency), 0).sum()) if frequency > 0 else np.nan,
        "contacts": float((wrote["week"] > now).sum()),
        "usual_contacts": _usual(met, wrote, now),
        "sent": float(len(recent)),
        "after_hours": float(recent["after_hours"].sum()),
        "other_channel": _other_channel(frames, client, messages, last),
        "end_minutes": float(ends.mean()) if enough else np.nan,
        "end_slope": _slope(ends) if enough else np.nan,
    }


def _speed(replies: pd.DataFrame, client: int) -> dict[str, float]:
    """How fast the last replies to a client were, and which way that moves."""
    theirs = replies[replies["client"] == client].sort_values("inbound_at")
    minutes = theirs["minutes_working"].to_numpy(dtype=np.float64)[-LAST:]
    if len(minutes) < LEAST:
        return {"reply_minutes": np.nan, "reply_slope": np.nan}
    return {"reply_minutes": float(np.median(minutes)), "reply_slope": _slope(np.log2(minutes + 1))}


def _usual(met: pd.DataFrame, wrote: pd.DataFrame, now: int) -> float:
    """Sent episodes for four weeks over the half year before, or since the client began."""
    begun = min(met["week"].min() if len(met) else now, wrote["week"].min() if len(wrote) else now)
    first = max(int(begun), now - 7 * (USUAL_WEEKS - 1))
    weeks = (now - first) // 7 + 1
    number = int(((wrote["week"] >= first) & (wrote["week"] <= now)).sum())
    return NOW_WEEKS * number / weeks if weeks >= LATELY_WEEKS else np.nan


def _other_channel(frames: Frames, client: int, messages: pd.DataFrame, last: int) -> float:
    """Sent messages on a channel that what was agreed on their day does not name."""
    sent = messages[messages["counterpart"] == client]
    agreed = frames.agreements.texts("channels", [client] * len(sent), sent["day"].to_numpy(dtype=np.int64))
    named = [
        None if text is None else channel in text.split(",")
        for text, channel in zip(agreed, sent["channel"], strict=True)
    ]
    holds = frames.agreements.texts("channels", [client], [last + 6])[0]
    known = [inside for inside in named if inside is not None]
    return float(sum(not inside for inside in known)) if known or holds is not None else np.nan


def _slope(values: NDArray[np.float64]) -> float:
    """By how much they grow from one to the next; one that stands out among eight does not tilt it."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))
