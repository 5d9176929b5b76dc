"""Rules about contact with clients: after hours, covered by an emergency protocol, at an agreed time, on a channel."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.agreements import Agreements
from monitor.analysis.calendar import DAY_SECONDS, WorkCalendar
from monitor.analysis.intervals import contains
from monitor.analysis.terms import CRISIS_PLAN, REASONS, WEEKDAYS
from monitor.config.hours import parse_span

DAY_MINUTES = 24 * 60


def classify_contact(
    agreements: Agreements,
    calendar: WorkCalendar,
    clients: ArrayLike,
    instants: ArrayLike,
    ends: ArrayLike | None = None,
    *,
    emergencies: ArrayLike = False,
) -> dict[str, NDArray[np.bool_]]:
    """Return how each contact with a client counts: an instant, or a session from its instant to its end.

    ``emergencies`` says of each contact whether its thread was marked as an emergency. The columns returned are:

    outside_hours        outside the clinician's own agreed time (:meth:`WorkCalendar.after_hours`); for a session any
                         part of it (:meth:`WorkCalendar.any_outside_hours`)
    covered_by_protocol  covered by an emergency protocol: that of the client on the day, the marked thread, or an
                         emergency window of the calendar in which the contact begins or ends
    after_hours          outside the hours, not covered, and not in the hours that a documented modified boundary grants
                         the client
    """
    client, first = np.asarray(clients, dtype=np.int64), np.asarray(instants, dtype=np.int64)
    last = first if ends is None else np.maximum(np.asarray(ends, dtype=np.int64) - 1, first)
    outside = calendar.after_hours(first) if ends is None else calendar.any_outside_hours(first, last)
    days = calendar.day_of(first)
    covered = agreements.holds("emergency", client, days) | np.asarray(emergencies, dtype=bool)
    # Most practices have no emergency windows; skipping them saves two searches over all messages.
    for instant in (first, last) if len(calendar.emergency) else ():
        covered |= contains(calendar.emergency, instant)
    granted = has_modified_boundary(agreements, client, days)
    for instant in (first, last) if granted.any() else ():
        granted[granted] = np.logical_and(*contact_time(agreements, calendar, client[granted], instant[granted]))
    return {
        "outside_hours": outside,
        "covered_by_protocol": covered,
        "after_hours": outside & ~covered & ~granted,
    }


def has_modified_boundary(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, *, reasons: Collection[str] = REASONS.keys()
) -> NDArray[np.bool_]:
    """Return whether a documented modified boundary holds: with one of these reasons, and before its review date."""
    if not agreements.has("modified"):
        return np.zeros(np.broadcast(clients, days).shape, dtype=bool)
    has_reason = agreements.holds("modified", clients, days, *reasons)
    return np.array(has_reason & (agreements.numbers("modified_until", clients, days) > np.asarray(days)))


def in_crisis(agreements: Agreements, clients: ArrayLike, days: ArrayLike) -> NDArray[np.bool_]:
    """Return whether an emergency protocol holds, or a crisis plan before its review date."""
    has_plan = has_modified_boundary(agreements, clients, days, reasons=(CRISIS_PLAN,))
    return agreements.holds("emergency", clients, days) | has_plan


def contact_time(
    agreements: Agreements, calendar: WorkCalendar, clients: ArrayLike, instants: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether hours or days of contact were agreed with each client, and whether each instant is within them."""
    instant, days = np.asarray(instants, dtype=np.int64), calendar.day_of(instants)
    if not (agreements.has("contact_hours") or agreements.has("contact_days")):
        return np.zeros(instant.shape, dtype=bool), np.ones(instant.shape, dtype=bool)
    hours = agreements.lookup("contact_hours", clients, days, _parse_hours, np.int64)
    weekdays = agreements.lookup("contact_days", clients, days, _parse_weekdays, np.bool_)
    minute = calendar.clock.local(instant) % DAY_SECONDS // 60
    begin, end, has_hours = hours.T
    # The second case is the part after midnight of a span that ends on the next day (its end is above 24 hours).
    in_hours = ((minute >= begin) & (minute < end)) | (minute + DAY_MINUTES < end)
    on_day = np.take_along_axis(weekdays, (days[:, None] + 3) % 7, axis=1)[:, 0]  # day number 0 was a Thursday
    return (has_hours > 0) | weekdays[:, -1], in_hours & on_day


def _parse_hours(text: str | None) -> tuple[int, int, bool]:
    """Return the first minute of the day, the last, and whether any hours were agreed."""
    return (*parse_span(text), True) if text else (0, DAY_MINUTES, text is not None)


def _parse_weekdays(text: str | None) -> tuple[bool, ...]:
    """Return for each day of the week whether it was agreed, and last whether any days were."""
    names = (text or ",".join(WEEKDAYS)).split(",")
    return (*(name in names for name in WEEKDAYS), text is not None)


def off_channel(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, channels: ArrayLike
) -> NDArray[np.float64]:
    """Return 1 where a channel is not among those agreed with the client, 0 where it is, NaN where none were agreed."""
    used, index = np.unique(np.asarray(channels, dtype=object), return_inverse=True)

    def flags(text: str | None) -> list[float]:
        return [np.nan if text is None else channel not in text.split(",") for channel in used.tolist()]

    # A row of flags for every channel in use; the channel of the message picks one below.
    by_channel = agreements.lookup("channels", clients, days, flags, np.float64)
    return np.asarray(np.take_along_axis(by_channel, index[:, None], axis=1)[:, 0])
