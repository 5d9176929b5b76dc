"""A clinician's work days, weeks and agreed hours, and the one function that decides about *after hours*.

Days are numbered from 1970-01-01 as integers; a work day runs from ``day_starts_at`` to the next, so a reply at 00:40
belongs to the day before. A week is the number of its Monday.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.clock import LocalClock, local_clock
from monitor.analysis.intervals import NO_SPANS, Instants, Spans, contains, seconds_inside, spans, subtract, union
from monitor.roster import ASSUMED_HOURS, DAY_STARTS_AT, Clinician, MinuteSpan

DAY_SECONDS = 86_400
BREAK_MINUTES = 2 * 60  # the longest gap between two spans of one day that is a break
HALO_SECONDS = 30 * 60  # around a session inside the agreed hours, not after hours (design choice)
EPOCH = date(1970, 1, 1)
MARGIN_DAYS = 15  # work days beyond either date, so that the weeks at the edges are whole

Pattern = Sequence[tuple[int, tuple[MinuteSpan, ...]]]
"""The agreed spans of each day, by day number."""


def day_number(day: date) -> int:
    """Return the day as days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """Return the date of a day number."""
    return EPOCH + timedelta(days=int(number))


def monday_of(days: ArrayLike) -> NDArray[np.int64]:
    """Return the Monday on or before each day number."""
    number = np.asarray(days, dtype=np.int64)
    return number - (number + 3) % 7  # day 0, 1970-01-01, was a Thursday


BLOCK_DAYS = 28


def block_start(day: int) -> int:
    """Return the first Monday of a day's block of four weeks; they are counted from 5 January 1970."""
    return day - (day - day_number(date(1970, 1, 5))) % BLOCK_DAYS


def last_complete_week(now: datetime, day_starts_at: int) -> date:
    """Return the Monday of the last week that is over at a local time.

    Work days begin ``day_starts_at`` seconds after midnight.
    """
    today = (now - timedelta(seconds=day_starts_at)).date()
    return today - timedelta(days=today.weekday() + 7)


def last_complete_week_of(
    clinician: Clinician, now: int, *, day_starts_at: int = DAY_STARTS_AT, holidays: Collection[date] = ()
) -> tuple[int, int]:
    """Return the clinician's last week that is over at an instant, and the instant at which it ended.

    A week ends with its last work day, which an overnight span can extend.
    """
    today = date_of(now // DAY_SECONDS)
    week = timedelta(days=7)
    calendar = work_calendar(clinician, today - week, today + week, day_starts_at=day_starts_at, holidays=holidays)
    mondays = monday_of(day_number(today)) + np.array([-7, 0, 7])
    ends = calendar.day_starts(mondays)
    over = int(np.searchsorted(ends, now, side="right")) - 1
    return int(mondays[over]) - 7, int(ends[over])


def contract_fte(clinician: Clinician, weeks: ArrayLike) -> NDArray[np.float64]:
    """Return the contract's full-time equivalent at the end of each week."""
    changes = [day_number(contract.starts) for contract in clinician.contracts[1:] if contract.starts]
    index = np.searchsorted(changes, np.asarray(weeks, dtype=np.int64) + 6, side="right")
    return np.array([contract.fte for contract in clinician.contracts], dtype=np.float64)[index]


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """One clinician's agreed time between two dates.

    clock           the wall clock
    day_starts_at   the seconds after midnight at which work days begin
    first_day, last_day
                    the dates, as day numbers
    day_edges       the instants at which work days begin, from ``MARGIN_DAYS`` before the first day to as many after
                    the last
    pattern_spans   the spans of the work pattern one by one, on leave too, as rows of (day of the start, start, end)
    in_pattern      for each day from first to last whether the pattern has work on it, public holiday or not
    agreed          the spans of the pattern without public holidays and leave
    hours           the same with their breaks closed
    leave, on_call  the time of such calendar entries
    emergency       windows marked as covered by the emergency protocol: work in them is load, and as agreed
    within_hours    the time in which work is not after hours
    """

    clock: LocalClock
    day_starts_at: int
    first_day: int
    last_day: int
    day_edges: Instants
    pattern_spans: NDArray[np.int64]
    in_pattern: NDArray[np.bool_]
    agreed: Spans
    hours: Spans
    leave: Spans
    on_call: Spans
    emergency: Spans
    within_hours: Spans

    def after_hours(self, instants: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each instant is after hours. Every metric uses this function and no other.

        After hours is outside the agreed hours and their breaks, outside on-call windows, and more than 30 minutes from
        a held session that itself lay inside the agreed hours, a design choice. An end is outside: 18:00:00 is after
        an 18:00 end, 17:59:59 is not.
        """
        return ~contains(self.within_hours, instants)

    def any_outside_hours(self, first: ArrayLike, last: ArrayLike) -> NDArray[np.bool_]:
        """Return whether any second from first to last (inclusive) is outside the hours, breaks and on-call windows.

        Sessions are judged so: the half hour around another session does not count as within the hours here.
        """
        begin, end = np.asarray(first, dtype=np.int64), np.asarray(last, dtype=np.int64) + 1
        return seconds_inside(union(self.hours, self.on_call), begin, end) < end - begin

    def day_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """Return the work day of each instant."""
        index = np.searchsorted(self.day_edges, np.asarray(instants, dtype=np.int64), side="right")
        return np.asarray(index + (self.first_day - MARGIN_DAYS - 1), dtype=np.int64)

    def week_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """Return the week (its Monday) of each instant."""
        return monday_of(self.day_of(instants))

    def day_starts(self, days: ArrayLike) -> Instants:
        """Return the instant at which each work day begins."""
        index = np.asarray(days, dtype=np.int64) - (self.first_day - MARGIN_DAYS)
        return self.day_edges[np.clip(index, 0, len(self.day_edges) - 1)]

    def whole_days(self, all_day: Spans) -> Spans:
        """Return all-day entries (local midnight to local midnight) as work days.

        ::

            all-day    00:00|---- Monday ----|00:00
            work day        04:00|---- Monday ----|04:00
        """
        # The nearest midnight, because the entry may be of another zone.
        midnights = (self.clock.local(all_day) + DAY_SECONDS // 2) // DAY_SECONDS
        return spans(self.day_starts(midnights))


def work_calendar(
    clinician: Clinician,
    first: date,
    last: date,
    *,
    day_starts_at: int = DAY_STARTS_AT,
    holidays: Collection[date] = (),
) -> WorkCalendar:
    """Return one clinician's calendar from ``first`` to ``last`` (local dates, inclusive), without calendar entries."""
    margin = timedelta(days=MARGIN_DAYS)
    clock = local_clock(clinician.residences, first - margin, last + margin)
    # Every number that rests on this is labelled "assumed hours" on the pages.
    versions = clinician.hours or (ASSUMED_HOURS,)
    pattern, in_pattern = [], []
    # From the day before, whose overnight span may reach into the first day.
    for number in range(day_number(first) - 1, day_number(last) + 1):
        day = date_of(number)
        begun = [version for version in versions if version.starts is None or version.starts <= day]
        # The earliest version also holds before its own start.
        version = begun[-1] if begun else versions[0]
        day_spans = version.days.get(day.weekday(), ())
        in_pattern.append(bool(day_spans))
        # A pattern can have hours of its own for public holidays; without them a holiday has none.
        pattern.append((number, version.holidays if day in holidays else day_spans))
    pattern_spans = _pattern_spans(pattern, clock)
    agreed = spans(pattern_spans[:, 1:])
    hours = spans(_pattern_spans([(day, _close_breaks(day_spans)) for day, day_spans in pattern], clock)[:, 1:])
    return WorkCalendar(
        clock=clock,
        day_starts_at=day_starts_at,
        first_day=day_number(first),
        last_day=day_number(last),
        day_edges=_day_edges(clock, day_number(first), day_number(last), day_starts_at, pattern_spans),
        pattern_spans=pattern_spans,
        in_pattern=np.array(in_pattern[1:], dtype=bool),
        agreed=agreed,
        hours=hours,
        leave=NO_SPANS,
        on_call=NO_SPANS,
        emergency=NO_SPANS,
        within_hours=hours,
    )


def with_entries(
    calendar: WorkCalendar, *, leave: Spans = NO_SPANS, on_call: Spans = NO_SPANS, emergency: Spans = NO_SPANS
) -> WorkCalendar:
    """Return the calendar with leave, on-call and emergency windows. On leave no hour is an agreed hour.

    ::

        hours          |--------|  |--------|  |--------|
        leave                      |--------|
        on call                                           |---|
        within_hours   |--------|              |--------| |---|
    """
    hours = subtract(calendar.hours, leave)
    return replace(
        calendar,
        agreed=subtract(calendar.agreed, leave),
        hours=hours,
        leave=leave,
        on_call=on_call,
        emergency=emergency,
        within_hours=union(hours, on_call),
    )


def with_sessions(calendar: WorkCalendar, booked: Spans, held: Spans) -> WorkCalendar:
    """Return the calendar with the half hour around each held session that was booked inside the agreed hours.

    ``booked`` and ``held`` are rows of (start, end) of the same sessions, unsorted and unmerged; ``held`` has the
    actual times where they are known. Around a session outside the agreed hours nothing changes.

    ::

        agreed     |------------|
        session        |----|       |----|
        actual         |------|     |----|
        halo        |------------|
    """
    inside = contains(calendar.hours, booked[:, 0]) & contains(calendar.hours, booked[:, 1] - 1)
    in_one_span = inside & (_span_index(calendar.hours, booked[:, 0]) == _span_index(calendar.hours, booked[:, 1] - 1))
    halo = held[in_one_span] + np.array([-HALO_SECONDS, HALO_SECONDS + 1])  # exactly 30 minutes is not more than 30
    return replace(calendar, within_hours=union(calendar.hours, calendar.on_call, spans(halo)))


def _span_index(hours: Spans, instants: Instants) -> NDArray[np.intp]:
    return np.searchsorted(hours[:, 0], instants, side="right")


def _close_breaks(day_spans: tuple[MinuteSpan, ...]) -> tuple[MinuteSpan, ...]:
    """Return the spans of a day with gaps of up to two hours closed.

    ::

        spans   09:00|----|13:00  14:00|----|18:00        20:30|--|22:00
        closed  09:00|-----------------------|18:00       20:30|--|22:00
    """
    closed: list[MinuteSpan] = []
    for start, end in sorted(day_spans):
        if closed and start - closed[-1][1] <= BREAK_MINUTES:
            closed[-1] = (closed[-1][0], max(end, closed[-1][1]))
        else:
            closed.append((start, end))
    return tuple(closed)


def _pattern_spans(pattern: Pattern, clock: LocalClock) -> NDArray[np.int64]:
    """Return each span of each day as a row of (day, start, end)."""
    rows = [
        (day, day * DAY_SECONDS + start * 60, day * DAY_SECONDS + end * 60)
        for day, day_spans in pattern
        for start, end in day_spans
    ]
    wall = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return np.column_stack((wall[:, 0], clock.instants(wall[:, 1:])))


def _day_edges(
    clock: LocalClock, first_day: int, last_day: int, day_starts_at: int, pattern_spans: NDArray[np.int64]
) -> Instants:
    """Return when each work day begins: at its hour, or when an overnight span of the day before is over.

    ::

        agreed          22:00|-----------|06:00
        day          ---- Friday --------|-- Saturday ----
        otherwise    ---- Friday -----|04:00 -- Saturday ----
    """
    days = np.arange(first_day - MARGIN_DAYS, last_day + MARGIN_DAYS + 1)
    edges = clock.instants(days * DAY_SECONDS + day_starts_at)
    # Of several overnight spans on one day the last end counts, hence the unbuffered maximum.
    np.maximum.at(edges, pattern_spans[:, 0] + 1 - days[0], pattern_spans[:, 2])
    # A span longer than a day would put an edge behind the next one.
    return np.maximum.accumulate(edges)
