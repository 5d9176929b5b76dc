"""Who is being seen: the matrices of weeks and clients that the caseload's measures are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.bookings import CALLED_OFF
from monitor.analysis.calendar import day_number
from monitor.analysis.columns import arrays
from monitor.analysis.courses import ENDED, next_ending
from monitor.analysis.messages import packed
from monitor.analysis.metrics.weekly import Bools, Floats, column, once, places
from monitor.analysis.sessions import HELD
from monitor.roster import USUAL_WEIGHTS

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

ACTIVE_DAYS = 30
LOAD_WEEKS = 8


@once
def clients_of(frames: Frames) -> NDArray[np.int64]:
    """Every client with a session of any kind, sorted: the columns of the matrices here."""
    client = frames.sessions["client"].to_numpy(dtype=np.int64)
    return np.unique(client[client >= 0])


def _sundays(frames: Frames) -> NDArray[np.int64]:
    return frames.weeks.index.to_numpy()[:, None] + 6


@once
def ended(frames: Frames) -> Bools:
    """Whether each client (column) is discharged or handed over at the end of each week (row)."""
    return frames.agreements.holds("standing", clients_of(frames), _sundays(frames), *ENDED)


@once
def active(frames: Frames) -> Bools:
    """Whether each client (column) is active at the end of each week (row).

    ::

        weeks            |------|------|------|------|------|------|
        session                            x
        active                            |----- 30 days ----|            until a discharge or hand-over
        as a booking         |--- 30 days ---|               from the week on in which it was known
        called off           |------|                        until then; one called off nobody knows when is none
    """
    weeks, ends = frames.weeks.index.to_numpy(), frames.weeks["end"].to_numpy()
    clients = clients_of(frames)
    names = ("status", "client", "booked_start", "known_at", "cancelled_at")
    named = frames.sessions["client"].to_numpy() >= 0
    status, client, start, known_at, cancelled_at = arrays(frames.sessions, *names, rows=named)
    over = np.searchsorted(ends, start, side="right")
    days = frames.calendar.day_of(start)
    fading, near = (frames.calendar.day_starts(days + apart) for apart in (ACTIVE_DAYS, -ACTIVE_DAYS))
    seen_until = np.minimum(fading, next_ending(frames.agreements, frames.calendar, client, start))
    fades = np.where(status == HELD, np.searchsorted(ends, seen_until, side="right"), over)
    known = np.searchsorted(weeks, frames.calendar.week_of(known_at))
    off = np.searchsorted(ends, np.where(np.isnan(cancelled_at), 0, cancelled_at))
    until = np.minimum(np.where(np.isin(status, CALLED_OFF), off, over), over)
    comes = np.maximum(np.searchsorted(ends, near, side="right"), known)
    column = np.searchsorted(clients, client)
    shape = len(weeks), len(clients)
    booked = _covered(shape, column, np.minimum(comes, until), until) & ~ended(frames)
    return booked | _covered(shape, column, over, np.maximum(fades, over))


def _covered(
    shape: tuple[int, int], column: NDArray[np.int64], first: NDArray[np.int64], after: NDArray[np.int64]
) -> Bools:
    """Which rows of its column any stretch ``[first, after)`` covers."""
    change = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    np.add.at(change, (first, column), 1)
    np.add.at(change, (after, column), -1)
    return np.asarray(np.cumsum(change, axis=0)[:-1] > 0)


def cells(frames: Frames, weeks: ArrayLike, clients: ArrayLike) -> Floats:
    """How many occurrences fall on each week (row) and client (column)."""
    columns = clients_of(frames)
    row, client = places(frames, weeks), np.asarray(clients, dtype=np.int64)
    there = (row >= 0) & np.isin(client, columns)
    found = np.zeros((len(frames.weeks), len(columns)))
    np.add.at(found, (row[there], np.searchsorted(columns, client[there])), 1)
    return found


@once
def held_by_week(frames: Frames) -> Floats:
    """Held sessions of each client (column) in each week (row)."""
    return cells(frames, frames.courses["week"], frames.courses["client"])


@once
def agreed_frequency(frames: Frames) -> Floats:
    """Sessions a week agreed with each client (column) at the end of each week (row), NaN where none were."""
    return frames.agreements.numbers("frequency", clients_of(frames), _sundays(frames))


def frequency(frames: Frames) -> Floats:
    """Sessions a week that each client (column) stands for in each week (row).

    What was agreed, else held sessions of the last 8 weeks or since the course began, if that is later, by these weeks
    less the share of them that was leave; one week at least.
    """
    clients, weeks = clients_of(frames), frames.weeks.index.to_numpy()[:, None]
    client, week, begins = arrays(frames.courses, "client", "week", "begins")
    held = np.sort(packed(client, week))
    earliest, latest = (packed(clients, weeks - 7 * back) for back in (LOAD_WEEKS - 1, 0))
    starts = np.sort(packed(client[begins], week[begins]))
    last_start = np.append(starts, 0)[np.searchsorted(starts, latest, side="right") - 1]
    since = (latest - last_start) // 7 + 1  # more than enough where the last start is another client's
    first = np.maximum(earliest, last_start)
    recent = np.searchsorted(held, latest, side="right") - np.searchsorted(held, first)
    since = np.clip(since, 1, LOAD_WEEKS)
    leave = np.append(0.0, np.cumsum(1 - column(frames, "present")))
    row = np.arange(1, len(frames.weeks) + 1)[:, None]
    away = leave[row] - leave[np.maximum(row - since, 0)]
    agreed = agreed_frequency(frames)
    return np.where(np.isnan(agreed), recent / np.maximum(since - away, 1), agreed)


def weights(frames: Frames) -> Floats:
    """How many ordinary clients each client (column) counts for at the end of each week (row), by the table."""
    sundays = _sundays(frames)
    band = frames.agreements.numbers("band", clients_of(frames), sundays)
    found = np.ones(band.shape)
    for number, version in enumerate(frames.practice.weights or (USUAL_WEIGHTS,)):
        begun = number == 0 or version.starts is None or sundays >= day_number(version.starts)
        row = np.array(version.bands)[np.clip(np.nan_to_num(band, nan=1).astype(int), 1, len(version.bands)) - 1]
        found = np.where(begun, row, found)
    return np.where(np.isnan(band), 1.0, found)


def trauma(frames: Frames) -> Bools:
    """Which clients (columns) are marked trauma-focused at the end of each week (row)."""
    return frames.agreements.holds("trauma", clients_of(frames), _sundays(frames))
