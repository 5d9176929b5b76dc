"""Who is being seen: the matrices of weeks and clients that the caseload's measures are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connectors.records import CALLED_OFF
from monitor.analysis.calendar import day_number
from monitor.analysis.columns import arrays
from monitor.analysis.courses import ENDED, SILENT_DAYS, next_ending
from monitor.analysis.intervals import contains
from monitor.analysis.metrics.weekly import Bools, Floats, cached, week_rows, weekly_sums
from monitor.roster import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

ACTIVE_DAYS = 30
LOAD_WEEKS = 8
LOOK_BACK = LOAD_WEEKS + 13
"""Weeks among which the last eight with any presence are looked for: a client not seen for 13 has left by silence."""


@cached
def client_columns(frames: Frames) -> NDArray[np.int64]:
    """Every client with a session of any kind, sorted: the columns of the matrices here."""
    client = frames.sessions["client"].to_numpy(dtype=np.int64)
    return np.unique(client[client >= 0])


def _sundays(frames: Frames) -> NDArray[np.int64]:
    return frames.weeks.index.to_numpy()[:, None] + 6


@cached
def has_ended(frames: Frames) -> Bools:
    """Whether each client (column) is discharged or handed over at the end of each week (row)."""
    return frames.agreements.holds("standing", client_columns(frames), _sundays(frames), *ENDED)


@cached
def is_active(frames: Frames) -> Bools:
    """Whether each client (column) is active at the end of each week (row).

    ::

        weeks            |------|------|------|------|------|------|
        session                            x
        active                            |----- 30 days ----|            until a discharge or hand-over
        as a booking         |--- 30 days ---|               from the week on in which it was known
        called off           |------|                        until then; one called off nobody knows when is none
    """
    return has_booking(frames) | _seen_lately(frames, lambda days: days + ACTIVE_DAYS)


@cached
def is_in_care(frames: Frames) -> Bools:
    """Which clients (columns) are the clinician's at the end of each week (row): the active ones.

    Days of the clinician's own leave are none of the 30, so that nobody's caseload fades because they are away. After
    90 days in all a client has left by silence.

    ::

        session      x
        leave            |--------------------|
        active       |----- 30 days ----|
        in care      |-----------------------------------|
    """
    there = np.cumsum(1 - frames.days["leave_share"].to_numpy())
    first, last = frames.calendar.first_day, frames.calendar.last_day
    there = np.append(there, there[-1] + np.arange(1, SILENT_DAYS + 1))  # nothing is known of later days

    def fading(days: NDArray[np.int64]) -> NDArray[np.int64]:
        seen_by = there[np.clip(days, first, last) - first]
        faded = first + np.searchsorted(there, seen_by + ACTIVE_DAYS - 1e-9)
        return np.minimum(faded, days + SILENT_DAYS)

    return has_booking(frames) | _seen_lately(frames, fading)


@cached
def has_booking(frames: Frames) -> Bools:
    """Which clients (columns) have a booking in the 30 days after the end of each week (row), as known in it."""
    weeks, ends = frames.weeks.index.to_numpy(), frames.weeks["end"].to_numpy()
    clients = client_columns(frames)
    names = ("status", "client", "booked_start", "known_at", "cancelled_at")
    named = frames.sessions["client"].to_numpy() >= 0
    status, client, start, known_at, cancelled_at = arrays(frames.sessions, *names, rows=named)
    over = np.searchsorted(ends, start, side="right")
    near = frames.calendar.day_starts(frames.calendar.day_of(start) - ACTIVE_DAYS)
    known = np.searchsorted(weeks, frames.calendar.week_of(known_at))
    off = np.searchsorted(ends, np.where(np.isnan(cancelled_at), 0, cancelled_at))
    until = np.minimum(np.where(np.isin(status, CALLED_OFF), off, over), over)
    comes = np.maximum(np.searchsorted(ends, near, side="right"), known)
    shape = len(weeks), len(clients)
    return _covered(shape, np.searchsorted(clients, client), np.minimum(comes, until), until) & ~has_ended(frames)


@cached
def _ending(frames: Frames) -> Floats:
    """Return for each held session with a client when that client is next discharged or handed over, or infinity."""
    client, start = arrays(frames.courses, "client", "booked_start")
    return next_ending(frames.agreements, frames.calendar, client, start)


def _seen_lately(frames: Frames, fading: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Bools:
    """Which clients (columns) had a held session that has not faded by the end of each week (row).

    ``fading`` gives the day on which a session of a day no longer counts.
    """
    ends, clients = frames.weeks["end"].to_numpy(), client_columns(frames)
    client, start = arrays(frames.courses, "client", "booked_start")
    faded = frames.calendar.day_starts(fading(frames.calendar.day_of(start)))
    until = np.minimum(faded, _ending(frames))
    over, fades = (np.searchsorted(ends, at, side="right") for at in (start, until))
    shape = len(ends), len(clients)
    return _covered(shape, np.searchsorted(clients, client), over, np.maximum(fades, over))


def _covered(
    shape: tuple[int, int], column: NDArray[np.int64], first: NDArray[np.int64], after: NDArray[np.int64]
) -> Bools:
    """Which rows of its column any stretch ``[first, after)`` covers."""
    change = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    np.add.at(change, (first, column), 1)
    np.add.at(change, (after, column), -1)
    return np.asarray(np.cumsum(change, axis=0)[:-1] > 0)


def count_by_client(frames: Frames, weeks: ArrayLike, clients: ArrayLike) -> Floats:
    """How many occurrences fall on each week (row) and client (column)."""
    columns = client_columns(frames)
    row, client = week_rows(frames, weeks), np.asarray(clients, dtype=np.int64)
    there = (row >= 0) & np.isin(client, columns)
    found = np.zeros((len(frames.weeks), len(columns)))
    np.add.at(found, (row[there], np.searchsorted(columns, client[there])), 1)
    return found


@cached
def held_by_week(frames: Frames) -> Floats:
    """Held sessions of each client (column) in each week (row)."""
    return count_by_client(frames, frames.courses["week"], frames.courses["client"])


@cached
def agreed_frequency(frames: Frames) -> Floats:
    """Sessions a week agreed with each client (column) at the end of each week (row), NaN where none were."""
    return frames.agreements.numbers("frequency", client_columns(frames), _sundays(frames))


@cached
def presence_share(frames: Frames) -> Floats:
    """Return of each week the share of the usual days on which the clinician was there: no leave, no public holiday.

    A holiday on which hours are agreed is a day like any other. Without any usual day the whole week counts.
    """
    week, usual, agreed, employed, leave_share = arrays(
        frames.days, "week", "in_pattern", "agreed_minutes", "employed", "leave_share"
    )
    there = usual * (agreed > 0) * employed * (1 - leave_share)
    days = weekly_sums(frames, week, usual)
    return np.where(days > 0, weekly_sums(frames, week, there) / np.maximum(days, 1), 1.0)


def weekly_frequency(frames: Frames) -> Floats:
    """Return the sessions a week that each client (column) asks for in an ordinary week, as known in each week (row).

    What was agreed, else held sessions by the weeks in which both were there: since the course began, the last eight in
    which the clinician was not away all week. Leave and public holidays are in neither: not their part of a week, and
    not a session that was left standing in the diary. One week at least.

    ::

        weeks        |------|------|------|------|------|
        leave                      |---------|
        there           1      1      0      0.6    1
        sessions        x      x     (x)     x      x       4 in 3.6 weeks
    """
    rows, shape = np.arange(len(frames.weeks))[:, None], (1, len(client_columns(frames)))
    client, week, at, begins = arrays(frames.courses, "client", "week", "booked_start", "begins")
    usual, minutes = arrays(frames.days, "in_pattern", "agreed_minutes")
    day_off = frames.days.index.to_numpy()[usual & (minutes <= 0)]
    away = contains(frames.calendar.leave, at) | np.isin(frames.calendar.day_of(at), day_off)
    there = presence_share(frames)
    some = np.cumsum(there > 0)
    # The first row of the last eight weeks with any presence, and of the client's course.
    window = np.maximum(np.searchsorted(some, some - LOAD_WEEKS, side="right"), rows[:, 0] - (LOOK_BACK - 1))
    begun = np.maximum.accumulate(np.where(count_by_client(frames, week[begins], client[begins]) > 0, rows, 0), axis=0)
    first = np.maximum(window[:, None], begun)
    held = np.vstack((np.zeros(shape), np.cumsum(count_by_client(frames, week[~away], client[~away]), axis=0)))
    weeks_there = np.append(0.0, np.cumsum(there))
    sessions = np.take_along_axis(held, rows + 1, axis=0) - np.take_along_axis(held, first, axis=0)
    both = weeks_there[rows + 1] - weeks_there[first]
    agreed = agreed_frequency(frames)
    return np.where(np.isnan(agreed), sessions / np.maximum(both, 1), agreed)


def client_weights(frames: Frames) -> Floats:
    """How many ordinary clients each client (column) counts for at the end of each week (row), by the table."""
    sundays = _sundays(frames)
    band = frames.agreements.numbers("band", client_columns(frames), sundays)
    found = np.ones(band.shape)
    for number, version in enumerate(frames.practice.weights or (DEFAULT_WEIGHTS,)):
        begun = number == 0 or version.starts is None or sundays >= day_number(version.starts)
        row = np.array(version.bands)[np.clip(np.nan_to_num(band, nan=1).astype(int), 1, len(version.bands)) - 1]
        found = np.where(begun, row, found)
    return np.where(np.isnan(band), 1.0, found)


def is_trauma_focused(frames: Frames) -> Bools:
    """Which clients (columns) are marked trauma-focused at the end of each week (row)."""
    return frames.agreements.holds("trauma", client_columns(frames), _sundays(frames))
