"""One client at a time, by week: contacts, what they are measured by, and the signs that a frame drifts.

All of it is for the clinician alone. Clients are judged by their own agreement; what an emergency protocol covers is no
contact here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Counterpart
from monitor.analysis.contact import agreed_time, off_channel
from monitor.analysis.metrics.active import active, agreed_frequency, cells, clients_of, held_by_week

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LAST = 8  # sessions, or replies, whose slope is taken

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairWeeks:
    """Weeks (rows) by clients (columns): contacts between sessions, and the share of a week that they are measured by.

    NaN where a week does not count for a client: not active, or not compared.
    """

    contacts: pd.DataFrame
    exposure: pd.DataFrame


def pair_weeks(frames: Frames) -> PairWeeks:
    """Sent episodes of each active client by week, for :func:`monitor.analysis.pairs.pair_shifts`."""
    clients, weeks = clients_of(frames), frames.weeks
    sent = _to_clients(frames)
    counted = active(frames) & (weeks["compared"] & weeks["messages_seen"] & weeks["calendar_seen"]).to_numpy()[:, None]
    contacts = _contacts(frames, sent[~(sent["outside"] & sent["covered"])])
    present = np.where(
        weeks["usual_days"] > 0, weeks["worked_days"] / weeks["usual_days"].where(weeks["usual_days"] > 0), 1.0
    )
    exposure = np.broadcast_to(np.minimum(present, 1.0)[:, None], counted.shape)
    return PairWeeks(
        *(
            pd.DataFrame(np.where(counted, cells, np.nan), index=weeks.index, columns=clients)
            for cells in (contacts, exposure)
        )
    )


def _to_clients(frames: Frames) -> pd.DataFrame:
    return frames.episodes[frames.episodes["counterpart_kind"] == Counterpart.CLIENT]


def _contacts(frames: Frames, episodes: pd.DataFrame) -> Floats:
    return cells(frames, episodes["week"], episodes["counterpart"])


def off_agreement(frames: Frames) -> Floats:
    """Of each sent episode: 1 if its channel or time is not in the client's agreement, 0 if it is, NaN if none says."""
    episodes, agreements = frames.episodes, frames.agreements
    who = episodes["counterpart"]
    named, within = agreed_time(agreements, frames.calendar, who, episodes["sent_at"])
    channel = off_channel(agreements, who, episodes["day"], episodes["channel"])
    off = np.where(np.isnan(channel) & ~named, np.nan, ((channel == 1) | (named & ~within)).astype(float))
    return np.where((episodes["counterpart_kind"] == Counterpart.CLIENT) & ~episodes["covered"], off, np.nan)


def drift_signals(frames: Frames) -> pd.DataFrame:
    """One row a client and week with any contact or session: client, week and the signs of that week.

    contacts             sent episodes; covered ones apart
    sessions             held sessions
    extra_sessions       held beyond the agreed frequency, NaN where none was agreed
    off_agreement_share  of the contacts, per cent on a channel or at a time not agreed; NaN where nothing was agreed
    after_hours_share    of the contacts, per cent after hours
    overrun_slope        minutes by which a session runs longer than the one before: Theil-Sen over the last 8
    reply_slope          doublings of the working time from one reply to the next: Theil-Sen over the last 8
    """
    clients = clients_of(frames)
    sent = _to_clients(frames)
    own = sent[~(sent["outside"] & sent["covered"])]
    off = pd.Series(off_agreement(frames), index=frames.episodes.index).loc[own.index]
    contacts = _contacts(frames, own)
    judged = _contacts(frames, own[off.notna()])
    sessions = held_by_week(frames)
    signs = {
        "contacts": contacts,
        "sessions": sessions,
        "extra_sessions": np.maximum(sessions - np.ceil(agreed_frequency(frames)), 0),
        "off_agreement_share": _share(_contacts(frames, own[off == 1]), judged),
        "after_hours_share": _share(_contacts(frames, own[own["after_hours"]]), contacts),
        "overrun_slope": _overrun_slopes(frames, clients),
        "reply_slope": _reply_slopes(frames, clients),
    }
    row, column = np.nonzero((contacts > 0) | (sessions > 0))
    keys = {"client": clients[column], "week": frames.weeks.index.to_numpy()[row]}
    return pd.DataFrame(keys | {name: values[row, column] for name, values in signs.items()})


def _share(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, 100 * part / np.maximum(whole, 1), np.nan)


def _overrun_slopes(frames: Frames, clients: NDArray[np.int64]) -> Floats:
    held = frames.held[frames.held["overrun_minutes"].notna() & (frames.held["client"] >= 0)]
    held = held.sort_values(["client", "booked_start"], kind="stable")
    return _latest_slopes(frames, clients, held["client"], held["week"], held["overrun_minutes"])


def _reply_slopes(frames: Frames, clients: NDArray[np.int64]) -> Floats:
    replies = frames.replies[frames.replies["reply_at"].notna()].sort_values(["client", "inbound_at"], kind="stable")
    return _latest_slopes(frames, clients, replies["client"], replies["week"], np.log2(replies["minutes_working"] + 1))


def _latest_slopes(
    frames: Frames, clients: NDArray[np.int64], client: pd.Series, week: pd.Series, values: pd.Series
) -> Floats:
    """The slope of each client's (column) last 8 values at the end of each week (row); NaN before there are 8."""
    slopes = theil_sen(client.to_numpy(dtype=np.int64), values.to_numpy(dtype=float))
    found = np.full((len(frames.weeks), len(clients)), np.nan)
    row = (week.to_numpy() - (frames.weeks.index.min() if len(frames.weeks) else 0)) // 7
    there = (row >= 0) & (row < len(found)) & np.isin(client, clients)
    found[row[there], np.searchsorted(clients, client[there])] = slopes[there]  # the last of a week counts
    return pd.DataFrame(found).ffill().to_numpy()


def theil_sen(groups: NDArray[np.int64], values: Floats, last: int = LAST) -> Floats:
    """At each value the median slope, per step, over all pairs of its group's last values (Sen 1968); else NaN.

    ``groups`` are sorted, and within one the values are in order of time. NaN before a group has ``last`` values.
    """
    if len(values) < last:
        return np.full(len(values), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(values, last)
    one, other = np.triu_indices(last, k=1)
    slopes = np.median((windows[:, other] - windows[:, one]) / (other - one), axis=1)
    whole = groups[last - 1 :] == groups[: len(groups) - last + 1]
    return np.append(np.full(last - 1, np.nan), np.where(whole, slopes, np.nan))
