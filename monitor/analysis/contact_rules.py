"""When contact with a client is covered by what was agreed: an emergency protocol, or other hours with that client."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.agreements import Agreements
from monitor.analysis.calendar import DAY_SECONDS, WorkCalendar
from monitor.analysis.intervals import contains
from monitor.analysis.terms import CRISIS_PLAN, REASONS, WEEKDAYS
from monitor.config.hours import parse_span

MINUTES = 24 * 60


def classify_contact(
    agreements: Agreements,
    calendar: WorkCalendar,
    clients: ArrayLike,
    instants: ArrayLike,
    ends: ArrayLike | None = None,
    *,
    emergencies: ArrayLike = False,
) -> dict[str, NDArray[np.bool_]]:
    """How each instant with a client is to be counted, or each session from its instant to its end.

    ``emergencies`` says of each whether its thread was marked as an emergency.

    outside_hours        outside the clinician's own agreed time (:meth:`WorkCalendar.after_hours`); of a session any
    part of it
                         (:meth:`WorkCalendar.any_outside_hours`)
    covered_by_protocol  the emergency protocol covers it: the client on that day, the thread, or a window of the
    calendar in
                         which it begins or ends
    after_hours          outside, not covered, and not in the hours that a documented modified boundary grants the
    client
    """
    who, at = np.asarray(clients, dtype=np.int64), np.asarray(instants, dtype=np.int64)
    last = at if ends is None else np.maximum(np.asarray(ends, dtype=np.int64) - 1, at)
    outside = calendar.after_hours(at) if ends is None else calendar.any_outside_hours(at, last)
    days = calendar.day_of(at)
    covered = agreements.holds("emergency", who, days) | np.asarray(emergencies, dtype=bool)
    for moment in (at, last) if len(calendar.emergency) else ():
        covered |= contains(calendar.emergency, moment)
    granted = has_modified_boundary(agreements, who, days)
    for moment in (at, last) if granted.any() else ():
        granted[granted] = np.logical_and(*contact_time(agreements, calendar, who[granted], moment[granted]))
    return {"outside_hours": outside, "covered_by_protocol": covered, "after_hours": outside & ~covered & ~granted}


def has_modified_boundary(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, *, reasons: Collection[str] = REASONS.keys()
) -> NDArray[np.bool_]:
    """Whether a documented modified boundary holds: it has one of these reasons, and its review date lies ahead."""
    if not agreements.has("modified"):
        return np.zeros(np.broadcast(clients, days).shape, dtype=bool)
    has_reason = agreements.holds("modified", clients, days, *reasons)
    return np.array(has_reason & (agreements.numbers("modified_until", clients, days) > np.asarray(days)))


def in_crisis(agreements: Agreements, clients: ArrayLike, days: ArrayLike) -> NDArray[np.bool_]:
    """Whether an emergency protocol holds, or a crisis plan whose review date lies ahead."""
    plan = has_modified_boundary(agreements, clients, days, reasons=(CRISIS_PLAN,))
    return agreements.holds("emergency", clients, days) | plan


def contact_time(
    agreements: Agreements, calendar: WorkCalendar, clients: ArrayLike, instants: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether hours or days of contact were agreed with each client, and whether each instant lies within them."""
    at, days = np.asarray(instants, dtype=np.int64), calendar.day_of(instants)
    if not (agreements.has("contact_hours") or agreements.has("contact_days")):
        return np.zeros(at.shape, dtype=bool), np.ones(at.shape, dtype=bool)
    hours = agreements.lookup("contact_hours", clients, days, _hours, np.int64)
    weekdays = agreements.lookup("contact_days", clients, days, _weekdays, np.bool_)
    minute = calendar.clock.local(at) % DAY_SECONDS // 60
    begin, end, named = hours.T
    in_hours = ((minute >= begin) & (minute < end)) | (minute + MINUTES < end)
    on_day = np.take_along_axis(weekdays, (days[:, None] + 3) % 7, axis=1)[:, 0]
    return (named > 0) | weekdays[:, -1], in_hours & on_day


def _hours(text: str | None) -> tuple[int, int, bool]:
    """From which minute of the day to which, and whether any hours were agreed."""
    return (*parse_span(text), True) if text else (0, MINUTES, text is not None)


def _weekdays(text: str | None) -> tuple[bool, ...]:
    """Of each day of the week whether it was agreed, and whether any days were."""
    names = (text or ",".join(WEEKDAYS)).split(",")
    return (*(name in names for name in WEEKDAYS), text is not None)


def off_channel(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, channels: ArrayLike
) -> NDArray[np.float64]:
    """1 where a channel is not among those agreed with the client, 0 where it is, NaN where none were agreed."""
    used, place = np.unique(np.asarray(channels, dtype=object), return_inverse=True)

    def off(text: str | None) -> list[float]:
        return [np.nan if text is None else channel not in text.split(",") for channel in used.tolist()]

    off_each = agreements.lookup("channels", clients, days, off, np.float64)
    return np.asarray(np.take_along_axis(off_each, place[:, None], axis=1)[:, 0])
