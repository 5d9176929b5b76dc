"""Metrics of supervision and training: hours of the month that ends with the week, by the calendar."""

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

    Individual supervision counts in full; in a group of up to four it counts half, in a larger one it is divided by the
    size of the group. Unknown until a whole month was read.
    """
    hours, n = _supervision(frames)
    return values_where(_was_read(frames), hours, n)


@metric(
    "Supervision held", Unit.COUNT, Family.RECOVERY, category=Category.WORKLOAD, evidence="A as standard",
    source="BACP", look_back=5, high=1.0,
)  # fmt: skip
def supervision_held(frames: Frames) -> WeeklyValues:
    """1 if supervision took place in the five weeks that end with the week, else 0: all that the director sees of it.

    Five weeks, so that they always contain a monthly one. Unknown until there was one or the calendar of all five weeks
    was read.
    """
    (end,) = arrays(frames.other_events, "end", rows=_is_past(frames, *SUPERVISION))
    held = _sums(frames, end, np.ones(len(end)), HELD_SECONDS) > 0
    known = _was_read(frames, HELD_SECONDS) | (observed(frames, "calendar_observed") & held)
    return values_where(known, held, held)


@metric("Days since supervision", Unit.DAYS, Family.RECOVERY, evidence="A as standard", source="BACP", look_back=13)
def days_since_supervision(frames: Frames) -> WeeklyValues:
    """Days from the last supervision in the calendar to the end of the week; unknown where there was none."""
    (day,) = arrays(frames.other_events, "day", rows=_is_past(frames, *SUPERVISION))
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
    """Hours with clients for each hour of supervision in the month that ends with the week; unknown without any."""
    hours, n = _supervision(frames)
    end = frames.time.weeks["end"].to_numpy()
    begin = frames.time.calendar.clock.instants(frames.time.calendar.clock.local(end) - MONTH_SECONDS)
    with_clients = seconds_inside(contact_spans(frames), begin, end) / 3600
    return weekly_ratios(_was_read(frames), with_clients, hours, n)


@metric("Learning and consultation", Unit.HOURS, Family.RECOVERY, evidence="D", source="design choice", look_back=5)
def development_hours(frames: Frames) -> WeeklyValues:
    """Hours of training, consultation and one's own therapy in the month that ends with the week.

    Unknown until a whole month was read.
    """
    hours, n = _in_month(frames, Kind.TRAINING, Kind.CONSULTATION, Kind.OWN_THERAPY)
    return values_where(_was_read(frames), hours, n)


def _supervision(frames: Frames) -> tuple[Floats, Floats]:
    """Return the hours of supervision as they count, and their number, of the month that ends with each week."""
    individual, n = _in_month(frames, Kind.SUPERVISION)
    group, group_n = _in_month(frames, Kind.GROUP_SUPERVISION)
    group_size = frames.practice.supervision_group
    return individual + group * (SMALL_GROUP_SHARE if group_size <= SMALL_GROUP else 1 / group_size), n + group_n


def _is_past(frames: Frames, *kinds: Kind) -> Bools:
    """Return whether each event is of these kinds and over; all-day events do not count, as they have no hours."""
    kind, start, end, all_day = arrays(frames.other_events, "kind", "start", "end", "all_day")
    return np.isin(kind, kinds) & (end <= frames.as_of) & (end > start) & ~all_day


def _in_month(frames: Frames, *kinds: Kind) -> tuple[Floats, Floats]:
    """Return hours and number of the events of these kinds that ended in the month that ends with each week."""
    start, end = arrays(frames.other_events, "start", "end", rows=_is_past(frames, *kinds))
    return _sums(frames, end, (end - start) / 3600), _sums(frames, end, np.ones(len(end)))


def _sums(frames: Frames, instants: NDArray[np.int64], amounts: Floats, seconds: int = MONTH_SECONDS) -> Floats:
    """Return the sum of amounts with instants in the month (or so many seconds) that ends with each week.

    The end is included. By the wall clock, so that a change of clocks does not make the month an hour longer.
    """
    instant, ends = (
        frames.time.calendar.clock.local(instants),
        frames.time.calendar.clock.local(frames.time.weeks["end"]),
    )
    order = np.argsort(instant)
    month = np.searchsorted(instant[order], [ends - seconds, ends], side="right")
    # The sum of a span is the difference of two running sums.
    before = np.append(0.0, np.cumsum(amounts[order]))
    return np.asarray(before[month[1]] - before[month[0]])


def _was_read(frames: Frames, seconds: int = MONTH_SECONDS) -> Bools:
    """Return whether all of the month (or so many seconds) that ends with each week was read."""
    (is_observed,) = arrays(frames.time.weeks, "calendar_observed")
    start, end = map(frames.time.calendar.clock.local, arrays(frames.time.weeks, "start", "end"))
    read_since = start[is_observed].min(initial=2**40)
    return np.asarray(is_observed & (end - seconds >= read_since))
