"""Caseload: who is being seen, and how much that is. The director's measures live here and nothing else of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis import fairness
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.messages import packed
from monitor.analysis.metrics.weekly import counts, no_data, where
from monitor.analysis.sessions import BOOKED, HELD

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

DAY = 86_400
ACTIVE_DAYS = 30
SILENT_DAYS = 90
LOAD_WEEKS = 8


@metric(
    "Active clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="C", source="design choice", look_back=5
)
def active_clients(frames: Frames) -> pd.DataFrame:
    """Clients with a held session in the last 30 days, or a booking in the next 30 as it was known in that week.

    Where it is not recorded since when a booking was known, held sessions alone count.
    """
    if frames.sessions.empty:
        return no_data(frames)
    active = pd.Series(_active(frames).sum(axis=1), index=frames.weeks.index, dtype=float)
    return where(frames.weeks["calendar_seen"], active, active)


def _clients(frames: Frames) -> NDArray[np.int64]:
    return np.unique(frames.sessions.loc[frames.sessions["client"] >= 0, "client"].to_numpy())


def _active(frames: Frames) -> NDArray[np.bool_]:
    """Whether each client (column) is active at the end of each week (row).

    ::

        weeks            |------|------|------|------|------|------|
        session                            x
        active                            |----- 30 days ----|
        as a booking         |--- 30 days ---|               from the week on in which it was known
    """
    weeks, ends = frames.weeks.index.to_numpy(), frames.weeks["end"].to_numpy()
    planned = frames.sessions["status"].isin([HELD, BOOKED]) & (frames.sessions["client"] >= 0)
    sessions = frames.sessions[planned]
    start, held = sessions["booked_start"].to_numpy(), sessions["status"] == HELD
    over = np.searchsorted(ends, start, side="right")
    fades = np.where(held, np.searchsorted(ends, start + ACTIVE_DAYS * DAY, side="right"), over)
    known = np.searchsorted(weeks, frames.calendar.week_of(sessions["known_at"].to_numpy()))
    comes = np.maximum(np.searchsorted(ends, start - ACTIVE_DAYS * DAY, side="right"), known)
    column = np.searchsorted(_clients(frames), sessions["client"].to_numpy())
    change = np.zeros((len(weeks) + 1, len(_clients(frames))), dtype=np.int64)
    np.add.at(change, (np.minimum(comes, over), column), 1)
    np.add.at(change, (fades, column), -1)
    return np.asarray(np.cumsum(change, axis=0)[:-1] > 0)


@metric(
    "New clients", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D", source="design choice", look_back=13
)
def intakes(frames: Frames) -> pd.DataFrame:
    """First held sessions: of somebody new, or back after 90 days of silence.

    Unknown in the first 90 days of data, unless the clinician joined the practice after the data begin.
    """
    return counts(frames, _beginnings(frames)["week"], "beginnings_known")


@metric("Endings", Unit.COUNT, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D", source="design choice", look_back=13)
def closures(frames: Frames) -> pd.DataFrame:
    """Clients not seen for 90 days, dated to the 90th. Unknown as long as intakes are."""
    held = _by_client(frames)
    following = held.groupby("client")["booked_start"].shift(-1).fillna(np.inf)
    ended_at = held["booked_start"] + SILENT_DAYS * DAY
    closed = ended_at[(following > ended_at) & (ended_at <= frames.as_of)]
    weeks = pd.Series(frames.calendar.week_of(closed.to_numpy(dtype=np.int64)), index=closed.index)
    return counts(frames, weeks, "beginnings_known")


def _by_client(frames: Frames) -> pd.DataFrame:
    return frames.held[frames.held["client"] >= 0].sort_values(["client", "booked_start"])


def _beginnings(frames: Frames) -> pd.DataFrame:
    """The held sessions with which a client begins, or begins anew after 90 days of silence; by client and time."""
    held = _by_client(frames)
    gap = held.groupby("client")["booked_start"].diff()
    return held[gap.isna() | (gap > SILENT_DAYS * DAY)]


@metric("Available full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="–", source="roster")
def available_fte(frames: Frames) -> pd.DataFrame:
    """The full-time equivalent of the week, without the share of it that was not available; the reason is not told."""
    fte = frames.weeks["fte"]
    return where(frames.weeks["employed"], fte, (fte > 0).astype(int))


@metric(
    "Weighted load per full-time equivalent", Unit.LOAD, Family.CASELOAD, wing=Wing.WORKLOAD, evidence="D",
    source="design choice", look_back=LOAD_WEEKS,
)  # fmt: skip
def weighted_load(frames: Frames) -> pd.DataFrame:
    """Sessions a week that the active clients stand for, each by its weight, per full-time equivalent.

    A client stands for held sessions divided by the weeks since the first, 8 at most; every weight is 1 until the
    practice sets its own. The full-time equivalent is the week's, growing over a new colleague's first twelve weeks,
    less the leave of the last 8 weeks, so that leave lowers both sides.
    """
    if frames.sessions.empty:
        return no_data(frames)
    active = _active(frames)
    sessions_a_week = pd.Series((active * _frequency(frames)).sum(axis=1), index=frames.weeks.index)
    present = frames.weeks["present"].rolling(LOAD_WEEKS, min_periods=1).mean().clip(0, 1)
    fte = fairness.available_fte(frames.clinician.fte, present, frames.weeks["since_start"])
    known = frames.weeks["calendar_seen"] & (fte > 0)
    return where(known, sessions_a_week / np.where(known, fte, 1), pd.Series(active.sum(axis=1), index=known.index))


def _frequency(frames: Frames) -> NDArray[np.float64]:
    """Held sessions a week of each client (column) over the last 8 weeks (row), fewer for somebody new."""
    clients, weeks = _clients(frames), frames.weeks.index.to_numpy()[:, None]
    held = _by_client(frames)
    seen = np.sort(packed(held["client"].to_numpy(), held["week"].to_numpy()))
    earliest, latest = (packed(clients, weeks - 7 * back) for back in (LOAD_WEEKS - 1, 0))
    recent = np.searchsorted(seen, latest, side="right") - np.searchsorted(seen, earliest)
    began = _beginnings(frames)
    starts = np.sort(packed(began["client"].to_numpy(), began["week"].to_numpy()))
    last_start = np.append(starts, 0)[np.searchsorted(starts, latest, side="right") - 1]
    since = (latest - last_start) // 7 + 1  # more than enough where the last start is another client's
    return np.asarray(recent / np.clip(since, 1, LOAD_WEEKS))
