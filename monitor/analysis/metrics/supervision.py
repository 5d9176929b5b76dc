"""Supervision and one's own learning: hours of the month that ends with the week, by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import SUPERVISION, Kind
from monitor.analysis.catalogue import Family, Unit, Wing, metric
from monitor.analysis.columns import arrays
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.sessions import contact_seconds, met
from monitor.analysis.metrics.weekly import Bools, Floats, Weekly, ratios, seen, where

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

MONTH_SECONDS = round(365.25 / 12 * 86_400)
SMALL_GROUP, SMALL_GROUP_SHARE = 4, 0.5  # BACP: up to four count half, larger groups are divided by their number


@metric("Supervision", Unit.HOURS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=5)
def supervision_hours(frames: Frames) -> Weekly:
    """Hours of supervision in the month (30.4 days) that ends with the week, by the calendar.

    Alone it counts whole; in a group of up to four by half, in a larger one by the number who share it. Unknown until a
    whole month was read.
    """
    hours, n = _supervision(frames)
    return where(_whole_month(frames), hours, n)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, wing=Wing.WORKLOAD, evidence="A as standard", source="BACP",
    look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> Weekly:
    """1 if supervision took place in the month that ends with the week, else 0: all that a director is told of it.

    Unknown until there was one or a whole month of the calendar has been read.
    """
    _, n = _supervision(frames)
    known = _whole_month(frames) | (seen(frames, "calendar_seen") & (n > 0))
    return where(known, n > 0, n > 0)


@metric("Days since supervision", Unit.DAYS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=13)
def days_since_supervision(frames: Frames) -> Weekly:
    """Days from the last supervision in the calendar to the end of the week; unknown where none was ever seen."""
    (day,) = arrays(frames.entries, "day", rows=_taken(frames, *SUPERVISION))
    return days_since(frames, np.unique(day))


@metric(
    "Client hours for one of supervision",
    Unit.HOURS,
    Family.RECOVERY,
    evidence="A as standard",
    source="BACP",
    look_back=5,
)
def client_hours_per_supervision_hour(frames: Frames) -> Weekly:
    """Hours with clients by hours of supervision, both of the month that ends with the week; unknown without any."""
    hours, n = _supervision(frames)
    (start,) = arrays(met(frames), "booked_start")
    with_clients = _month_sums(frames, start, contact_seconds(frames) / 3600)
    return ratios(_whole_month(frames), with_clients, hours, n)


@metric("Learning and consultation", Unit.HOURS, Family.RECOVERY, evidence="D", source="design choice", look_back=5)
def development_hours(frames: Frames) -> Weekly:
    """Hours of training, consultation and one's own therapy in the month that ends with the week.

    Unknown until a month was read.
    """
    hours, n = _in_month(frames, Kind.TRAINING, Kind.CONSULTATION, Kind.OWN_THERAPY)
    return where(_whole_month(frames), hours, n)


def _supervision(frames: Frames) -> tuple[Floats, Floats]:
    """Hours of supervision, as they count, and how many there were, of the month that ends with each week."""
    alone, n = _in_month(frames, Kind.SUPERVISION)
    shared, more = _in_month(frames, Kind.GROUP_SUPERVISION)
    people = frames.practice.supervision_group
    return alone + shared * (SMALL_GROUP_SHARE if people <= SMALL_GROUP else 1 / people), n + more


def _taken(frames: Frames, *kinds: Kind) -> Bools:
    """Which entries are of these kinds and over; an all-day entry says no hours."""
    kind, start, end, all_day = arrays(frames.entries, "kind", "start", "end", "all_day")
    return np.isin(kind, kinds) & (end <= frames.as_of) & (end > start) & ~all_day


def _in_month(frames: Frames, *kinds: Kind) -> tuple[Floats, Floats]:
    """Hours and number of entries of these kinds that ended in the month that ends with each week."""
    start, end = arrays(frames.entries, "start", "end", rows=_taken(frames, *kinds))
    return _month_sums(frames, end, (end - start) / 3600), _month_sums(frames, end, np.ones(len(end)))


def _month_sums(frames: Frames, instants: NDArray[np.int64], amounts: Floats) -> Floats:
    """The sum of amounts whose instants lie in the month that ends with each week, its end included."""
    order = np.argsort(instants)
    (ends,) = arrays(frames.weeks, "end")
    month = np.searchsorted(instants[order], [ends - MONTH_SECONDS, ends], side="right")
    before = np.append(0.0, np.cumsum(amounts[order]))
    return np.asarray(before[month[1]] - before[month[0]])


def _whole_month(frames: Frames) -> Bools:
    """Whether all of the month that ends with each week has been read."""
    start, end, looked = arrays(frames.weeks, "start", "end", "calendar_seen")
    read_since = start[looked].min(initial=2**40)
    return np.asarray(looked & (end - MONTH_SECONDS >= read_since))
