"""Matrices of weeks (rows) and clients (columns) for the caseload metrics: active, booked, sessions, weights."""

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
"""Weeks in which the last eight with any presence are searched: a course ends after 13 weeks without a session."""


@cached
def client_columns(frames: Frames) -> NDArray[np.int64]:
    """Return every client with a session of any status, sorted: the columns of the matrices here."""
    client = frames.sessions.all["client"].to_numpy(dtype=np.int64)
    return np.unique(client[client >= 0])


def _sundays(frames: Frames) -> NDArray[np.int64]:
    return frames.time.weeks.index.to_numpy()[:, None] + 6


@cached
def has_ended(frames: Frames) -> Bools:
    """Return whether each client is discharged or handed over at the end of each week."""
    return frames.clients.agreements.holds("standing", client_columns(frames), _sundays(frames), *ENDED)


@cached
def is_active(frames: Frames) -> Bools:
    """Return whether each client is active at the end of each week.

    ::

        weeks            |------|------|------|------|------|------|
        session                            x
        held: active                      |----- 30 days ----|   until a discharge or hand-over
        booked: active       |--- 30 days ---|                   from the week on in which it was known
        cancelled            |------|                            until then; ignored where the time is unknown
    """
    return has_booking(frames) | _had_recent_session(frames, lambda days: days + ACTIVE_DAYS)


@cached
def is_in_care(frames: Frames) -> Bools:
    """Return whether each client is in the clinician's care at the end of each week: active, apart from leave.

    Days of the clinician's own leave do not count among the 30, so that leave makes no caseload smaller. After 90 days
    in all without a session a course has ended.

    ::

        session      x
        leave            |--------------------|
        active       |----- 30 days ----|
        in care      |-----------------------------------|
    """
    days_present = np.cumsum(1 - frames.time.days["leave_share"].to_numpy())
    first, last = frames.time.calendar.first_day, frames.time.calendar.last_day
    # Later days have no leave yet.
    days_present = np.append(days_present, days_present[-1] + np.arange(1, SILENT_DAYS + 1))

    def expiry_day(days: NDArray[np.int64]) -> NDArray[np.int64]:
        present_by_then = days_present[np.clip(days, first, last) - first]
        # Shares of days add up with rounding errors; the small number keeps a whole day from being missed.
        after_presence = first + np.searchsorted(days_present, present_by_then + ACTIVE_DAYS - 1e-9)
        return np.minimum(after_presence, days + SILENT_DAYS)

    return has_booking(frames) | _had_recent_session(frames, expiry_day)


@cached
def has_booking(frames: Frames) -> Bools:
    """Return whether each client has a booking in the 30 days after the end of each week, as known in that week."""
    calendar = frames.time.calendar
    weeks, ends = frames.time.weeks.index.to_numpy(), frames.time.weeks["end"].to_numpy()
    clients = client_columns(frames)
    names = ("status", "client", "booked_start", "known_at", "cancelled_at")
    has_client = frames.sessions.all["client"].to_numpy() >= 0
    status, client, start, known_at, cancelled_at = arrays(frames.sessions.all, *names, rows=has_client)
    # All of these are rows of weeks: a booking counts from `counts_from` up to (not including) `until`.
    began = np.searchsorted(ends, start, side="right")
    near = calendar.day_starts(calendar.day_of(start) - ACTIVE_DAYS)
    known = np.searchsorted(weeks, calendar.week_of(known_at))
    cancelled = np.searchsorted(ends, np.where(np.isnan(cancelled_at), 0, cancelled_at))
    until = np.minimum(np.where(np.isin(status, CALLED_OFF), cancelled, began), began)
    # Not before it was known: a week shows what could be seen in it, also when computed again later.
    counts_from = np.maximum(np.searchsorted(ends, near, side="right"), known)
    shape = len(weeks), len(clients)
    return _covered(shape, np.searchsorted(clients, client), np.minimum(counts_from, until), until) & ~has_ended(frames)


@cached
def _ending(frames: Frames) -> Floats:
    """Return for each held session with a client when that client is next discharged or handed over, or infinity."""
    client, start = arrays(frames.sessions.courses, "client", "booked_start")
    return next_ending(frames.clients.agreements, frames.time.calendar, client, start)


def _had_recent_session(frames: Frames, expiry_day: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Bools:
    """Return whether each client had a held session that still counts at the end of each week.

    ``expiry_day`` returns for the day of a session the first day on which it no longer counts.
    """
    ends, clients = frames.time.weeks["end"].to_numpy(), client_columns(frames)
    client, start = arrays(frames.sessions.courses, "client", "booked_start")
    expires_at = frames.time.calendar.day_starts(expiry_day(frames.time.calendar.day_of(start)))
    until = np.minimum(expires_at, _ending(frames))
    begun, expired = (np.searchsorted(ends, instant, side="right") for instant in (start, until))
    shape = len(ends), len(clients)
    return _covered(shape, np.searchsorted(clients, client), begun, np.maximum(expired, begun))


def _covered(
    shape: tuple[int, int], column: NDArray[np.int64], first: NDArray[np.int64], after: NDArray[np.int64]
) -> Bools:
    """Return a matrix with the rows ``[first, after)`` of each given column marked."""
    # One is added where a range begins and taken where it ends; the running sum counts the ranges over each cell.
    change = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    np.add.at(change, (first, column), 1)
    np.add.at(change, (after, column), -1)
    return np.asarray(np.cumsum(change, axis=0)[:-1] > 0)


def count_by_client(frames: Frames, weeks: ArrayLike, clients: ArrayLike) -> Floats:
    """Return the number of occurrences for each week and client."""
    columns = client_columns(frames)
    row, client = week_rows(frames, weeks), np.asarray(clients, dtype=np.int64)
    in_table = (row >= 0) & np.isin(client, columns)
    count = np.zeros((len(frames.time.weeks), len(columns)))
    np.add.at(count, (row[in_table], np.searchsorted(columns, client[in_table])), 1)
    return count


@cached
def held_by_week(frames: Frames) -> Floats:
    """Return the number of held sessions of each client in each week."""
    return count_by_client(frames, frames.sessions.courses["week"], frames.sessions.courses["client"])


@cached
def agreed_frequency(frames: Frames) -> Floats:
    """Return the sessions a week agreed with each client at the end of each week, NaN without an agreement."""
    return frames.clients.agreements.numbers("frequency", client_columns(frames), _sundays(frames))


@cached
def presence_share(frames: Frames) -> Floats:
    """Return for each week the share of the pattern's days that were neither leave nor a public holiday.

    A holiday on which hours are agreed is a day like any other. A week without any day in the pattern counts fully.
    """
    week, in_pattern, agreed, employed, leave_share = arrays(
        frames.time.days, "week", "in_pattern", "agreed_minutes", "employed", "leave_share"
    )
    present = in_pattern * (agreed > 0) * employed * (1 - leave_share)
    days = weekly_sums(frames, week, in_pattern)
    return np.where(days > 0, weekly_sums(frames, week, present) / np.maximum(days, 1), 1.0)


def weekly_frequency(frames: Frames) -> Floats:
    """Return the sessions a week that each client needs in an ordinary week, as known in each week.

    The agreed frequency, else held sessions divided by the weeks in which client and clinician were both present: since
    the course began, at most the last eight in which the clinician was not away all week. Leave and public holidays
    count neither as weeks (each by its share of the week) nor with the sessions that remained in the calendar on them.
    The divisor is at least one week.

    ::

        weeks        |------|------|------|------|------|
        leave                      |---------|
        presence        1      1      0      0.6    1
        sessions        x      x     (x)     x      x       4 in 3.6 weeks
    """
    rows, shape = np.arange(len(frames.time.weeks))[:, None], (1, len(client_columns(frames)))
    client, week, start, begins = arrays(frames.sessions.courses, "client", "week", "booked_start", "begins")
    in_pattern, minutes = arrays(frames.time.days, "in_pattern", "agreed_minutes")
    holiday = frames.time.days.index.to_numpy()[in_pattern & (minutes <= 0)]
    away = contains(frames.time.calendar.leave, start) | np.isin(frames.time.calendar.day_of(start), holiday)
    presence = presence_share(frames)
    present_weeks = np.cumsum(presence > 0)
    # The first row of the last eight weeks with any presence, and of the client's course.
    eight_back = np.searchsorted(present_weeks, present_weeks - LOAD_WEEKS, side="right")
    window = np.maximum(eight_back, rows[:, 0] - (LOOK_BACK - 1))
    is_start = count_by_client(frames, week[begins], client[begins]) > 0
    course = np.maximum.accumulate(np.where(is_start, rows, 0), axis=0)
    first = np.maximum(window[:, None], course)
    held = np.vstack((np.zeros(shape), np.cumsum(count_by_client(frames, week[~away], client[~away]), axis=0)))
    total_presence = np.append(0.0, np.cumsum(presence))
    sessions = np.take_along_axis(held, rows + 1, axis=0) - np.take_along_axis(held, first, axis=0)
    weeks = total_presence[rows + 1] - total_presence[first]
    agreed = agreed_frequency(frames)
    return np.where(np.isnan(agreed), sessions / np.maximum(weeks, 1), agreed)


def client_weights(frames: Frames) -> Floats:
    """Return the weight of each client at the end of each week, by the practice's table of weights."""
    sundays = _sundays(frames)
    band = frames.clients.agreements.numbers("band", client_columns(frames), sundays)
    weights = np.ones(band.shape)
    for number, version in enumerate(frames.practice.weights or (DEFAULT_WEIGHTS,)):
        holds = number == 0 or version.starts is None or sundays >= day_number(version.starts)
        weight = np.array(version.bands)[np.clip(np.nan_to_num(band, nan=1).astype(int), 1, len(version.bands)) - 1]
        weights = np.where(holds, weight, weights)
    return np.where(np.isnan(band), 1.0, weights)


def is_trauma_focused(frames: Frames) -> Bools:
    """Return whether the work with each client is marked trauma-focused at the end of each week."""
    return frames.clients.agreements.holds("trauma", client_columns(frames), _sundays(frames))
