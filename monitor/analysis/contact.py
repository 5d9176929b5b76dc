"""When contact with a client is covered by what was agreed with that client: an emergency protocol, or other hours."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.agreements import Agreements
from monitor.analysis.calendar import DAY, WorkCalendar
from monitor.analysis.terms import CRISIS_PLAN, REASONS, WEEKDAYS
from monitor.config.hours import span_from

MINUTES = 24 * 60
_NUMBERS = {name: number for number, name in enumerate(WEEKDAYS)}


def judged(
    agreements: Agreements,
    calendar: WorkCalendar,
    clients: ArrayLike,
    instants: ArrayLike,
    ends: ArrayLike | None = None,
) -> dict[str, NDArray[np.bool_]]:
    """How each instant with a client is to be counted, or each session from its instant to its end.

    outside      outside the clinician's own agreed time (:meth:`WorkCalendar.after_hours`); of a session any part of it
                 (:meth:`WorkCalendar.outside`)
    covered      an emergency protocol or crisis plan covers the client on that day
    after_hours  outside, not covered, and not in the hours that a documented modified boundary grants the client
    """
    who, at = np.asarray(clients, dtype=np.int64), np.asarray(instants, dtype=np.int64)
    last = at if ends is None else np.asarray(ends, dtype=np.int64) - 1
    outside = calendar.after_hours(at) if ends is None else calendar.outside(at, last)
    days = calendar.day_of(at)
    covered = agreements.holds("emergency", who, days)
    granted = modified(agreements, who, days)
    for moment in (at, last):
        granted[granted] = np.logical_and(*agreed_time(agreements, calendar, who[granted], moment[granted]))
    return {"outside": outside, "covered": covered, "after_hours": outside & ~covered & ~granted}


def modified(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, *, reasons: Collection[str] = REASONS.keys()
) -> NDArray[np.bool_]:
    """Whether a documented modified boundary holds: it has one of these reasons, and its review date lies ahead."""
    if not agreements.has("modified"):
        return np.zeros(np.broadcast(clients, days).shape, dtype=bool)
    has_reason = agreements.holds("modified", clients, days, *reasons)
    return np.array(has_reason & (agreements.numbers("modified_until", clients, days) > np.asarray(days)))


def in_crisis(agreements: Agreements, clients: ArrayLike, days: ArrayLike) -> NDArray[np.bool_]:
    """Whether an emergency protocol holds, or a crisis plan whose review date lies ahead."""
    plan = modified(agreements, clients, days, reasons=(CRISIS_PLAN,))
    return agreements.holds("emergency", clients, days) | plan


def agreed_time(
    agreements: Agreements, calendar: WorkCalendar, clients: ArrayLike, instants: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether hours or days of contact were agreed with each client, and whether each instant lies within them."""
    at, days = np.asarray(instants, dtype=np.int64), calendar.day_of(instants)
    if not (agreements.has("contact_hours") or agreements.has("contact_days")):
        return np.zeros(at.shape, dtype=bool), np.ones(at.shape, dtype=bool)
    hours = agreements.texts("contact_hours", clients, days)
    weekdays = agreements.texts("contact_days", clients, days)
    minute = calendar.clock.local(at) % DAY // 60
    spans = np.array([_span(text) for text in hours.tolist()], dtype=np.int64).reshape(-1, 2)
    in_hours = ((minute >= spans[:, 0]) & (minute < spans[:, 1])) | (minute + MINUTES < spans[:, 1])
    on_day = np.array([_named(text, day) for text, day in zip(weekdays, (days + 3) % 7, strict=True)], dtype=bool)
    return (hours != None) | (weekdays != None), in_hours & on_day  # noqa: E711 - element by element


@cache
def _span(text: str | None) -> tuple[int, int]:
    return span_from(text) if text else (0, MINUTES)


@cache
def _named(text: str | None, weekday: int) -> bool:
    return not text or weekday in {_NUMBERS[name] for name in text.split(",")}


def off_channel(
    agreements: Agreements, clients: ArrayLike, days: ArrayLike, channels: ArrayLike
) -> NDArray[np.float64]:
    """1 where a channel is not among those agreed with the client, 0 where it is, NaN where none were agreed."""
    agreed = agreements.texts("channels", clients, days)
    pairs = zip(agreed.tolist(), np.asarray(channels, dtype=object).tolist(), strict=True)
    return np.array(
        [np.nan if text is None else channel not in text.split(",") for text, channel in pairs], dtype=float
    )
