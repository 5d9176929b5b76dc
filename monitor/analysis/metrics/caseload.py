"""Caseload: who is being seen, and how much that is. The director's measures live here and nothing else of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.metrics.weekly import counts, no_data, table

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

DAY = 86_400
ACTIVE_DAYS = 30
SILENT_DAYS = 90
LOAD_WEEKS = 8


@metric("Active clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="C", source="design choice", look_back=5)
def active_clients(frames: Frames) -> pd.DataFrame:
    """Clients with a held session in the last 30 days, or a booking in the next 30 as it was known in that week.

    Where it is not recorded since when a booking was known, held sessions alone count.
    """
    if frames.sessions.empty:
        return no_data(frames)
    active = _active(frames)
    seen = frames.weeks["calendar_seen"]
    value = pd.Series(active.sum(axis=1), index=frames.weeks.index, dtype=float)
    return table(value.where(seen), value.where(seen, 0), seen.astype(float))


def _clients(frames: Frames) -> NDArray[np.int64]:
    return np.unique(frames.sessions.loc[frames.sessions["client"] >= 0, "client"].to_numpy())


def _active(frames: Frames) -> NDArray[np.bool_]:
    """Whether each client (column) is active at the end of each week (row)."""
    ends = frames.weeks["end"].to_numpy()
    held = frames.held[frames.held["client"] >= 0]
    recent = _any_between(frames, held, ends - ACTIVE_DAYS * DAY, ends)
    ahead = frames.sessions[(frames.sessions["client"] >= 0) & frames.sessions["status"].isin(["held", "booked"])]
    known_week = frames.calendar.week_of(ahead["known_at"].to_numpy(dtype=np.int64))
    for week, part in ahead.groupby(known_week):
        soon = _any_between(frames, part, ends, ends + ACTIVE_DAYS * DAY)
        recent |= soon & (frames.weeks.index.to_numpy() >= week)[:, None]
    return recent


def _any_between(
    frames: Frames, sessions: pd.DataFrame, start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each client (column) has one of ``sessions`` beginning in ``[start, end)`` of each row."""
    clients = _clients(frames)
    packed = np.sort((sessions["client"].to_numpy(dtype=np.int64) << 34) | sessions["booked_start"].to_numpy())
    base = clients[None, :] << 34
    return np.searchsorted(packed, base | end[:, None]) > np.searchsorted(packed, base | start[:, None])


@metric("New clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D", source="design choice", look_back=13)
def intakes(frames: Frames) -> pd.DataFrame:
    """First held sessions: of somebody new, or back after 90 days of silence. Unknown in the first 90 days of data."""
    held = _by_client(frames)
    gap = held.groupby("client")["booked_start"].diff()
    table_ = counts(frames, held.loc[gap.isna() | (gap > SILENT_DAYS * DAY), "week"], "calendar_seen")
    return _after_first_months(frames, table_)


@metric("Endings", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D", source="design choice", look_back=13)
def closures(frames: Frames) -> pd.DataFrame:
    """Clients not seen for 90 days, dated to the 90th."""
    held = _by_client(frames)
    following = held.groupby("client")["booked_start"].shift(-1).fillna(np.inf)
    ended_at = held["booked_start"] + SILENT_DAYS * DAY
    closed = ended_at[(following > ended_at) & (ended_at <= frames.as_of)]
    weeks = pd.Series(frames.calendar.week_of(closed.to_numpy(dtype=np.int64)), index=closed.index)
    return _after_first_months(frames, counts(frames, weeks, "calendar_seen"))


def _by_client(frames: Frames) -> pd.DataFrame:
    return frames.held[frames.held["client"] >= 0].sort_values(["client", "booked_start"])


def _after_first_months(frames: Frames, weekly: pd.DataFrame) -> pd.DataFrame:
    first = frames.weeks.index[frames.weeks["calendar_seen"]].min() if frames.weeks["calendar_seen"].any() else 0
    early = weekly.index < first + SILENT_DAYS
    return weekly.assign(value=weekly["value"].where(~early), n=weekly["n"].where(~early, 0))


@metric(
    "Available full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="–", source="roster"
)
def available_fte(frames: Frames) -> pd.DataFrame:
    """The full-time equivalent of the week, without the share of it that was not available; the reason is not told."""
    return table(frames.weeks["fte"], (frames.weeks["fte"] > 0).astype(int), frames.weeks["employed"].astype(float))


@metric(
    "Weighted load per full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D",
    source="design choice", look_back=LOAD_WEEKS,
)  # fmt: skip
def weighted_load(frames: Frames) -> pd.DataFrame:
    """Sessions a week that the active clients stand for, each by its weight, per full-time equivalent.

    A client stands for held sessions divided by the weeks since the first, 8 at most; every weight is 1 until the
    practice sets its own. The full-time equivalent is the mean over the same weeks, so that leave lowers both sides.
    """
    if frames.sessions.empty:
        return no_data(frames)
    sessions_a_week = (_active(frames) * _frequency(frames)).sum(axis=1)
    fte = frames.weeks["fte"].rolling(LOAD_WEEKS, min_periods=1).mean()
    seen = frames.weeks["calendar_seen"] & (fte > 0)
    load = pd.Series(sessions_a_week, index=frames.weeks.index) / fte.where(fte > 0)
    return table(load.where(seen), pd.Series(_active(frames).sum(axis=1), index=frames.weeks.index), seen.astype(float))


def _frequency(frames: Frames) -> NDArray[np.float64]:
    """Held sessions a week of each client (column) over the last 8 weeks (row), fewer for somebody new."""
    clients, weeks = _clients(frames), frames.weeks.index
    held = frames.held[frames.held["client"] >= 0]
    grid = held.groupby(["week", "client"]).size().unstack(fill_value=0).reindex(index=weeks, columns=clients)
    first = held.groupby("client")["week"].min().reindex(clients).to_numpy()
    since = (weeks.to_numpy()[:, None] - first[None, :]) // 7 + 1
    recent = grid.fillna(0).rolling(LOAD_WEEKS, min_periods=1).sum().to_numpy()
    return np.where(since > 0, recent / np.clip(since, 1, LOAD_WEEKS), 0.0)
