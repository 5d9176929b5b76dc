"""A clinician's time: local clock, work days, weeks, agreed hours, and the one function that says *after hours*.

Days are numbered from 1970-01-01 as integers; a work day runs from ``day_starts_at`` to the next, so a reply at 00:40
belongs to the evening before. A week is the number of its Monday.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.intervals import NO_SPANS, Instants, Spans, contains, spans, subtract, union
from monitor.roster import ASSUMED_HOURS, Clinician, Hours, MinuteSpan, Residence

DAY = 86_400
BREAK = 2 * 60  # minutes between two spans of one day that are a break (METRICS section 1)
HALO = 30 * 60  # seconds around a session inside the agreed hours (design choice, METRICS section 1)
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """The day as days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=int(number))


def monday_of(days: ArrayLike) -> NDArray[np.int64]:
    """The Monday on or before each day number; 1970-01-01 was a Thursday."""
    number = np.asarray(days, dtype=np.int64)
    return number - (number + 3) % 7


@dataclass(frozen=True, slots=True)
class LocalClock:
    """A person's wall clock as a table: from ``since[i]`` on, local time is UTC plus ``offset[i]`` seconds.

    Both arrays are ``int64``; the first entry holds from the beginning of time.
    """

    since: Instants
    offset: NDArray[np.int64]

    def local(self, instants: ArrayLike) -> NDArray[np.int64]:
        """Wall-clock seconds (as if the wall clock were UTC) of each instant."""
        at = np.asarray(instants, dtype=np.int64)
        return at + self.offset[np.searchsorted(self.since[1:], at, side="right")]

    def instants(self, wall: ArrayLike) -> Instants:
        """The instant at which the wall clock shows each time.

        An hour that happens twice is taken the first time; one that never happens is taken as far after the gap as it
        was written into it.
        """
        shown = np.asarray(wall, dtype=np.int64)
        switch = self.since[1:] + np.maximum(self.offset[:-1], self.offset[1:])
        return shown - self.offset[np.searchsorted(switch, shown, side="right")]


def local_clock(residences: Sequence[Residence], first: date, last: date) -> LocalClock:
    """The wall clock of somebody who lives in dated zones, exact between two dates."""
    since: list[int] = [np.iinfo(np.int64).min]
    offset: list[int] = []
    moves = [home.starts or first for home in residences[1:]]
    for home, start, end in zip(residences, [first, *moves], [*moves, last], strict=True):
        for at, shift in _offsets(home.zone, start, end):
            since.append(at)
            offset.append(shift)
    del since[1]  # the first offset holds before it too
    return LocalClock(np.array(since, dtype=np.int64), np.array(offset, dtype=np.int64))


def _offsets(zone: ZoneInfo, first: date, last: date) -> list[tuple[int, int]]:
    """The offset at local midnight of ``first``, then every change until ``last``, each as (instant, offset)."""
    start = int(datetime.combine(first, time(), zone).timestamp())
    end = int(datetime.combine(last, time(), zone).timestamp())
    probes = [*range(start, end, DAY), end]
    changed = [(one, other) for one, other in pairwise(probes) if _offset(zone, one) != _offset(zone, other)]
    return [(start, _offset(zone, start)), *(_exact_change(zone, one, other) for one, other in changed)]


def _exact_change(zone: ZoneInfo, before: int, after: int) -> tuple[int, int]:
    target = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(zone, middle) == target else (middle, after)
    return after, target


def _offset(zone: ZoneInfo, instant: int) -> int:
    shift = datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """One clinician's agreed time between two dates.

    ``agreed`` are the spans of the work pattern, public holidays taken out; ``hours`` are the same with their breaks
    closed; ``working`` is ``agreed`` without leave; ``covered`` is everything in which work is not after hours.
    """

    clock: LocalClock
    day_starts_at: int
    first_day: int
    last_day: int
    agreed: Spans
    hours: Spans
    working: Spans
    leave: Spans
    on_call: Spans
    covered: Spans

    def after_hours(self, instants: ArrayLike) -> NDArray[np.bool_]:
        """Whether each instant is after hours. Every metric asks here and nowhere else.

        After hours is outside the agreed hours and their breaks, outside on-call windows, and more than 30 minutes from
        a held session that itself lay inside the agreed hours (METRICS section 1). An end is outside: 18:00:00 is after
        an 18:00 end, 17:59:59 is not.
        """
        return ~contains(self.covered, instants)

    def day_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """The work day of each instant."""
        return (self.clock.local(instants) - self.day_starts_at) // DAY

    def week_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """The week (its Monday) of each instant."""
        return monday_of(self.day_of(instants))

    def day_starts(self, days: ArrayLike) -> Instants:
        """The instant at which each work day begins."""
        return self.clock.instants(np.asarray(days, dtype=np.int64) * DAY + self.day_starts_at)


def work_calendar(
    clinician: Clinician,
    first: date,
    last: date,
    *,
    day_starts_at: int = 4 * 60,
    holidays: Collection[date] = (),
    leave: Spans = NO_SPANS,
    on_call: Spans = NO_SPANS,
) -> WorkCalendar:
    """The calendar of one clinician from ``first`` to ``last`` (local dates, inclusive), before sessions are known."""
    clock = local_clock(clinician.residences, first - timedelta(days=2), last + timedelta(days=2))
    pattern = _pattern(clinician.hours or (ASSUMED_HOURS,), first - timedelta(days=1), last, holidays)
    agreed = _instants_of(pattern, clock)
    hours = _instants_of([(day, _close_breaks(day_spans)) for day, day_spans in pattern], clock)
    return WorkCalendar(
        clock=clock,
        day_starts_at=day_starts_at * 60,
        first_day=day_number(first),
        last_day=day_number(last),
        agreed=agreed,
        hours=hours,
        working=subtract(agreed, leave),
        leave=leave,
        on_call=on_call,
        covered=union(hours, on_call),
    )


def with_sessions(calendar: WorkCalendar, booked: Spans, held: Spans) -> WorkCalendar:
    """The calendar with the half hour around each held session that was booked inside the agreed hours.

    ``booked`` and ``held`` are rows of (start, end) of the same sessions, unsorted and unmerged; ``held`` carries the
    actual end where it is known. A session outside the agreed hours opens no halo.

    ::

        agreed     |------------|
        session        |----|       |----|
        actual         |------|     |----|
        halo        |------------|
    """
    inside = contains(calendar.hours, booked[:, 0]) & contains(calendar.hours, booked[:, 1] - 1)
    whole = inside & (np.diff(_span_index(calendar.hours, booked), axis=1)[:, 0] == 0)
    halo = held[whole] + np.array([-HALO, HALO + 1])  # exactly 30 minutes is not more than 30
    return replace(calendar, covered=union(calendar.hours, calendar.on_call, spans(halo)))


def _span_index(hours: Spans, booked: Spans) -> NDArray[np.int64]:
    edges = np.column_stack((booked[:, 0], booked[:, 1] - 1))
    return np.asarray(np.searchsorted(hours[:, 0], edges, side="right"), dtype=np.int64)


def _pattern(
    versions: Sequence[Hours], first: date, last: date, holidays: Collection[date]
) -> list[tuple[int, tuple[MinuteSpan, ...]]]:
    days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
    return [(day_number(day), _spans_on(_version_on(versions, day), day, holidays)) for day in days]


def _version_on(versions: Sequence[Hours], day: date) -> Hours:
    """The pattern of a day; the earliest also holds before its own beginning."""
    begun = [version for version in versions if version.starts is None or version.starts <= day]
    return begun[-1] if begun else versions[0]


def _spans_on(version: Hours, day: date, holidays: Collection[date]) -> tuple[MinuteSpan, ...]:
    return version.holidays if day in holidays else version.days.get(day.weekday(), ())


def _close_breaks(day_spans: tuple[MinuteSpan, ...]) -> tuple[MinuteSpan, ...]:
    """Gaps of up to two hours closed.

    ::

        spans   09:00|----|13:00  14:00|----|18:00        20:30|--|22:00
        closed  09:00|-----------------------|18:00       20:30|--|22:00
    """
    closed: list[MinuteSpan] = []
    for start, end in sorted(day_spans):
        if closed and start - closed[-1][1] <= BREAK:
            closed[-1] = (closed[-1][0], max(end, closed[-1][1]))
        else:
            closed.append((start, end))
    return tuple(closed)


def _instants_of(pattern: Sequence[tuple[int, tuple[MinuteSpan, ...]]], clock: LocalClock) -> Spans:
    wall = [(day * DAY + a * 60, day * DAY + b * 60) for day, day_spans in pattern for a, b in day_spans]
    return spans(clock.instants(np.array(wall, dtype=np.int64).reshape(-1, 2)))
