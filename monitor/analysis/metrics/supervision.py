"""Supervision and one's own learning: hours of the month that ends with the week, by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.records import SUPERVISION, Kind
from monitor.analysis.catalogue import Category, Family, metric
from monitor.analysis.columns import arrays
from monitor.analysis.intervals import seconds_inside
from monitor.analysis.metrics.recovery import days_since
from monitor.analysis.metrics.sessions import contact_spans
from monitor.analysis.metrics.weekly import Bools, Floats, WeeklyValues, observed, values_where, weekly_ratios
from reports.models import Unit

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

MONTH_SECONDS = round(365.25 / 12 * 86_400)
HELD_SECONDS = 5 * 7 * 86_400  # from one first Friday of a month to the next there are five weeks at the most
SMALL_GROUP, SMALL_GROUP_SHARE = 4, 0.5  # BACP: up to four count half, larger groups are divided by their number


@metric("Supervision", Unit.HOURS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=5)
def supervision_hours(frames: Frames) -> WeeklyValues:
    """Hours of supervision in the month (30.4 days) that ends with the week, by the calendar.

    Alone it counts whole; in a group of up to four by half, in a larger one by the number who share it. Unknown until a
    whole month was read.
    """
    hours, n = _supervision(frames)
    return values_where(_read(frames), hours, n)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, category=Category.WORKLOAD, evidence="A as standard",
    source="BACP", look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> WeeklyValues:
    """1 if supervision took place in the five weeks that end with the week, else 0: all that a director is told of it.

    Five weeks, so that one each month is always among them. Unknown until there was one or all five of the calendar
    have been read.
    """
    (end,) = arrays(frames.other_events, "end", rows=_taken(frames, *SUPERVISION))
    held = _sums(frames, end, np.ones(len(end)), HELD_SECONDS) > 0
    known = _read(frames, HELD_SECONDS) | (observed(frames, "calendar_observed") & held)
    return values_where(known, held, held)


@metric("Days since supervision", Unit.DAYS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=13)
def days_since_supervision(frames: Frames) -> WeeklyValues:
    """Days from the last supervision in the calendar to the end of the week; unknown where none was ever seen."""
    (day,) = arrays(frames.other_events, "day", rows=_taken(frames, *SUPERVISION))
    return days_since(frames, np.unique(day))


@metric(
    "Client hours for one of supervision",
    Unit.HOURS,
    Family.RECOVERY,
    evidence="A as standard",
    source="BACP",
    look_back=5,
)
def client_hours_per_supervision_hour(frames: Frames) -> WeeklyValues:
    """Hours with clients by hours of supervision, both of the month that ends with the week; unknown without any."""
    hours, n = _supervision(frames)
    end = frames.weeks["end"].to_numpy()
    begin = frames.calendar.clock.instants(frames.calendar.clock.local(end) - MONTH_SECONDS)
    with_clients = seconds_inside(contact_spans(frames), begin, end) / 3600
    return weekly_ratios(_read(frames), with_clients, hours, n)


@metric("Learning and consultation", Unit.HOURS, Family.RECOVERY, evidence="D", source="design choice", look_back=5)
def development_hours(frames: Frames) -> WeeklyValues:
    """Hours of training, consultation and one's own therapy in the month that ends with the week.

    Unknown until a month was read.
    """
    hours, n = _in_month(frames, Kind.TRAINING, Kind.CONSULTATION, Kind.OWN_THERAPY)
    return values_where(_read(frames), hours, n)


def _supervision(frames: Frames) -> tuple[Floats, Floats]:
    """Hours of supervision, as they count, and how many there were, of the month that ends with each week."""
    alone, n = _in_month(frames, Kind.SUPERVISION)
    shared, more = _in_month(frames, Kind.GROUP_SUPERVISION)
    people = frames.practice.supervision_group
    return alone + shared * (SMALL_GROUP_SHARE if people <= SMALL_GROUP else 1 / people), n + more


def _taken(frames: Frames, *kinds: Kind) -> Bools:
    """Which entries are of these kinds and over; an all-day entry says no hours."""
    kind, start, end, all_day = arrays(frames.other_events, "kind", "start", "end", "all_day")
    return np.isin(kind, kinds) & (end <= frames.as_of) & (end > start) & ~all_day


def _in_month(frames: Frames, *kinds: Kind) -> tuple[Floats, Floats]:
    """Hours and number of entries of these kinds that ended in the month that ends with each week."""
    start, end = arrays(frames.other_events, "start", "end", rows=_taken(frames, *kinds))
    return _sums(frames, end, (end - start) / 3600), _sums(frames, end, np.ones(len(end)))


def _sums(frames: Frames, instants: NDArray[np.int64], amounts: Floats, seconds: int = MONTH_SECONDS) -> Floats:
    """The sum of amounts whose instants lie in the month that ends with each week, or such a time; its end included.

    By the wall clock, so that no change of clocks makes it an hour longer.
    """
    at, ends = frames.calendar.clock.local(instants), frames.calendar.clock.local(frames.weeks["end"])
    order = np.argsort(at)
    month = np.searchsorted(at[order], [ends - seconds, ends], side="right")
    before = np.append(0.0, np.cumsum(amounts[order]))
    return np.asarray(before[month[1]] - before[month[0]])


def _read(frames: Frames, seconds: int = MONTH_SECONDS) -> Bools:
    """Whether all of the month that ends with each week, or of such a time, has been read."""
    (looked,) = arrays(frames.weeks, "calendar_observed")
    start, end = map(frames.calendar.clock.local, arrays(frames.weeks, "start", "end"))
    read_since = start[looked].min(initial=2**40)
    return np.asarray(looked & (end - seconds >= read_since))
