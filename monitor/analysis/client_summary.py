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
from monitor.analysis.agreements import Agreements
from monitor.analysis.columns import arrays
from monitor.analysis.contact_rules import off_channel

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
    held, sent = frames.sessions.held, frames.messages.episodes
    messages, replies = frames.messages.all, frames.messages.replies
    held = held[(held["client"] >= 0) & (held["week"] <= last)]
    sent = sent[(sent["counterpart_kind"] == CounterpartKind.CLIENT) & (sent["week"] <= last)]
    replies = replies[replies["reply_at"].notna() & (replies["week"] <= last)]
    recent = last - 7 * RECENT_WEEKS  # the last week before the recent ones
    outgoing, automatic, week = arrays(messages, "outgoing", "automatic", "week")
    messages = messages[outgoing & ~automatic & (week > recent) & (week <= last)]
    in_recent = held.loc[held["week"] > recent, "client"], sent.loc[sent["week"] > recent, "counterpart"]
    clients = np.unique(np.concatenate(in_recent)).astype(np.int64)
    rows = [
        _summary(
            frames.clients.agreements,
            client,
            held[held["client"] == client],
            sent[sent["counterpart"] == client],
            messages[messages["counterpart"] == client],
            replies[replies["client"] == client],
            last,
        )
        for client in clients.tolist()
    ]
    return pd.DataFrame(rows, index=pd.Index(clients, name="client"), columns=list(SUMMARY_COLUMNS), dtype=float)


def _summary(
    agreements: Agreements,
    client: int,
    held: pd.DataFrame,
    sent: pd.DataFrame,
    messages: pd.DataFrame,
    replies: pd.DataFrame,
    last: int,
) -> dict[str, float]:
    """Return the columns of one client from the client's own rows; ``last`` is the last complete week."""
    before = last - 7 * CURRENT_WEEKS  # the last week before the current four
    frequency = float(agreements.numbers("frequency", [client], [last + 6])[0])
    by_week = held.loc[held["week"] > before].groupby("week").size().to_numpy(dtype=np.float64)

    # The usual is that of half a year, or of the weeks since the client began.
    begins = [int(table["week"].min()) for table in (held, sent) if len(table)]
    usual_from = max(min([before, *begins]), before - 7 * (USUAL_WEEKS - 1))
    usual_weeks = (before - usual_from) // 7 + 1
    usual = int(((sent["week"] >= usual_from) & (sent["week"] <= before)).sum())
    recent = sent[sent["week"] > last - 7 * RECENT_WEEKS]

    # A message counts by the agreement of its own day.
    off = off_channel(agreements, messages["counterpart"], messages["day"], messages["channel"])
    names_channels = (~np.isnan(off)).any() or agreements.texts("channels", [client], [last + 6])[0] is not None

    waits = replies.sort_values("inbound_at")["minutes_working"].to_numpy(dtype=np.float64)[-LAST_COUNT:]
    ends = held.sort_values("booked_start")["overrun_minutes"].dropna().to_numpy(dtype=np.float64)[-LAST_COUNT:]
    enough_replies, enough_ends = len(waits) >= MIN_COUNT, len(ends) >= MIN_COUNT
    return {
        "sessions": float((held["week"] > before).sum()),
        "agreed_sessions": CURRENT_WEEKS * frequency,
        "extra_sessions": float(np.maximum(by_week - np.ceil(frequency), 0).sum()) if frequency > 0 else np.nan,
        "contacts": float((sent["week"] > before).sum()),
        "usual_contacts": CURRENT_WEEKS * usual / usual_weeks if usual_weeks >= RECENT_WEEKS else np.nan,
        "sent": float(len(recent)),
        "after_hours": float(recent["after_hours"].sum()),
        "other_channel": float((off == 1).sum()) if names_channels else np.nan,
        "reply_minutes": float(np.median(waits)) if enough_replies else np.nan,
        "reply_slope": _slope(np.log2(waits + 1)) if enough_replies else np.nan,
        "end_minutes": float(ends.mean()) if enough_ends else np.nan,
        "end_slope": _slope(ends) if enough_ends else np.nan,
    }


def _slope(values: NDArray[np.float64]) -> float:
    """Return the median change from one value to the next, over all pairs: one outlier among eight does not tilt it."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))
