"""One client at a time: what passes with each, against what was agreed and against the weeks before.

Drift of a boundary is gradual and lies with one person; a sum over all clients hides it. These are facts to look at, no
notices: what becomes a notice is found elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Counterpart

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

NOW_WEEKS, LATELY_WEEKS, USUAL_WEEKS = 4, 8, 26
LAST_ENDS = 8
LEAST_ENDS = 4
COLUMNS = (
    "sessions", "agreed_sessions", "contacts", "usual_contacts", "sent", "after_hours", "other_channel", "end_minutes",
    "end_slope",
)  # fmt: skip


def one_by_one(frames: Frames) -> pd.DataFrame:
    """One row a client with a session or a sent message in the last eight complete weeks, by client.

    sessions           held in the last four weeks
    agreed_sessions    four times the agreed sessions a week, NaN where none were agreed
    contacts           sent episodes of the last four weeks
    usual_contacts     sent episodes for four weeks, mean of the 26 weeks before; NaN under eight weeks with the client
    sent               sent episodes of the last eight weeks
    after_hours        those of them that were sent after hours
    other_channel      messages of the last eight weeks on channels that the agreement does not name; NaN without one
    end_minutes        mean minutes after the booked end over the last eight known ends, NaN under four
    end_slope          minutes a session by which those ends move (Theil and Sen: the median of all pairs' slopes)
    """
    if frames.weeks.empty:
        return pd.DataFrame(columns=list(COLUMNS), dtype=float)
    last = int(frames.weeks.index.max())
    held = frames.held[(frames.held["client"] >= 0) & (frames.held["week"] <= last)]
    sent = frames.episodes[
        (frames.episodes["counterpart_kind"] == Counterpart.CLIENT) & (frames.episodes["week"] <= last)
    ]
    lately = [
        part.loc[part["week"] > last - 7 * LATELY_WEEKS, who] for part, who in ((held, "client"), (sent, "counterpart"))
    ]
    clients = np.unique(np.concatenate(lately)).astype(np.int64)
    rows = [_row(frames, int(client), held, sent, last) for client in clients]
    return pd.DataFrame(rows, index=pd.Index(clients, name="client"), columns=list(COLUMNS), dtype=float)


def _row(frames: Frames, client: int, held: pd.DataFrame, sent: pd.DataFrame, last: int) -> dict[str, float]:
    met, wrote = held[held["client"] == client], sent[sent["counterpart"] == client]
    now, lately = last - 7 * NOW_WEEKS, last - 7 * LATELY_WEEKS
    recent = wrote[wrote["week"] > lately]
    ends = met.sort_values("booked_start")["overrun_minutes"].dropna().to_numpy(dtype=np.float64)[-LAST_ENDS:]
    enough = len(ends) >= LEAST_ENDS
    frequency = frames.agreements.numbers("frequency", [client], [last + 6])[0]
    return {
        "sessions": float((met["week"] > now).sum()),
        "agreed_sessions": NOW_WEEKS * float(frequency),
        "contacts": float((wrote["week"] > now).sum()),
        "usual_contacts": _usual(met, wrote, now),
        "sent": float(len(recent)),
        "after_hours": float(recent["after_hours"].sum()),
        "other_channel": _other_channel(frames, client, lately, last),
        "end_minutes": float(ends.mean()) if enough else np.nan,
        "end_slope": _slope(ends) if enough else np.nan,
    }


def _usual(met: pd.DataFrame, wrote: pd.DataFrame, now: int) -> float:
    """Sent episodes for four weeks over the half year before, or since the client began."""
    begun = min(met["week"].min() if len(met) else now, wrote["week"].min() if len(wrote) else now)
    first = max(int(begun), now - 7 * (USUAL_WEEKS - 1))
    weeks = (now - first) // 7 + 1
    number = int(((wrote["week"] >= first) & (wrote["week"] <= now)).sum())
    return NOW_WEEKS * number / weeks if weeks >= LATELY_WEEKS else np.nan


def _other_channel(frames: Frames, client: int, since: int, last: int) -> float:
    """Sent messages on a channel that what was agreed on their day does not name."""
    sent = frames.messages[frames.messages["outgoing"] & ~frames.messages["automatic"]]
    sent = sent[(sent["counterpart"] == client) & (sent["week"] > since) & (sent["week"] <= last)]
    agreed = frames.agreements.texts("channels", [client] * len(sent), sent["day"].to_numpy(dtype=np.int64))
    named = [
        None if text is None else channel in text.split(",")
        for text, channel in zip(agreed, sent["channel"], strict=True)
    ]
    holds = frames.agreements.texts("channels", [client], [last + 6])[0]
    known = [inside for inside in named if inside is not None]
    return float(sum(not inside for inside in known)) if known or holds is not None else np.nan


def _slope(ends: NDArray[np.float64]) -> float:
    """Minutes a session; one long session among eight does not tilt it."""
    first, second = np.triu_indices(len(ends), 1)
    return float(np.median((ends[second] - ends[first]) / (second - first)))
