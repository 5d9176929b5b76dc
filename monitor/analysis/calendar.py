"""A clinician's time: work days, weeks, agreed hours, and the one function that says *after hours*.

Days are numbered from 1970-01-01 as integers; a work day runs from ``day_starts_at`` to the next, so a reply at 00:40
belongs to the evening before. A week is the number of its Monday.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.clock import LocalClock, local_clock
from monitor.analysis.intervals import NO_SPANS, Instants, Spans, contains, seconds_inside, spans, subtract, union
from monitor.roster import ASSUMED_HOURS, DAY_STARTS_AT, Clinician, Hours, MinuteSpan

DAY_SECONDS = 86_400
BREAK_MINUTES = 2 * 60  # minutes between two spans of one day that are a break
HALO_SECONDS = 30 * 60  # seconds around a session inside the agreed hours (design choice)
EPOCH = date(1970, 1, 1)
MARGIN_DAYS = 15  # work days known beyond either date, so that the weeks at the edges are whole

Pattern = Sequence[tuple[int, tuple[MinuteSpan, ...]]]
"""The agreed spans of each day, by day number."""


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


BLOCK_DAYS = 28


def block_start(day: int) -> int:
    """Return the first Monday of a day's block of four weeks; they are counted from 5 January 1970."""
    return day - (day - day_number(date(1970, 1, 5))) % BLOCK_DAYS


def last_complete_week(now: datetime, day_starts_at: int) -> date:
    """The Monday of the last week that is over at a local time; work days begin so many seconds after midnight."""
    today = (now - timedelta(seconds=day_starts_at)).date()
    return today - timedelta(days=today.weekday() + 7)


def last_complete_week_of(
    clinician: Clinician, now: int, *, day_starts_at: int = DAY_STARTS_AT, holidays: Collection[date] = ()
) -> tuple[int, int]:
    """The clinician's last week that is over at an instant, and the instant at which it was.

    It is over when its last work day is, which an overnight span may draw out.
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
    later = [day_number(one.starts) for one in clinician.contracts[1:] if one.starts]
    place = np.searchsorted(later, np.asarray(weeks, dtype=np.int64) + 6, side="right")
    return np.array([one.fte for one in clinician.contracts], dtype=np.float64)[place]


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """One clinician's agreed time between two dates.

    ``agreed`` are the spans of the work pattern, public holidays and leave taken out; ``hours`` are the same with their
    breaks closed; ``within_hours`` is everything in which work is not after hours. ``emergency`` are the windows marked
    as covered by the emergency protocol: work in them is load, and as agreed. ``pattern_spans`` are the spans of the
    pattern one by one, on leave too, as rows of (day it starts on, start, end); ``in_pattern`` says for each day from
    ``first_day`` to ``last_day`` whether the pattern agrees work on it, public holiday or not. ``day_edges`` are the
    instants at which work days begin, from ``MARGIN_DAYS`` before the first to as many after the last.
    ``day_starts_at`` is in seconds.
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
        """Whether each instant is after hours. Every metric asks here and nowhere else.

        After hours is outside the agreed hours and their breaks, outside on-call windows, and more than 30 minutes from
        a held session that itself lay inside the agreed hours, a design choice. An end is outside: 18:00:00 is after
        an 18:00 end, 17:59:59 is not.
        """
        return ~contains(self.within_hours, instants)

    def any_outside_hours(self, first: ArrayLike, last: ArrayLike) -> NDArray[np.bool_]:
        """Whether any second of each stretch, its last one included, is outside the hours, breaks and on-call windows.

        So a session is judged: the half hour around another one makes it no less.
        """
        begin, end = np.asarray(first, dtype=np.int64), np.asarray(last, dtype=np.int64) + 1
        return seconds_inside(union(self.hours, self.on_call), begin, end) < end - begin

    def day_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """The work day of each instant."""
        at = np.asarray(instants, dtype=np.int64)
        place = np.searchsorted(self.day_edges, at, side="right")
        return np.asarray(place + (self.first_day - MARGIN_DAYS - 1), dtype=np.int64)

    def week_of(self, instants: ArrayLike) -> NDArray[np.int64]:
        """The week (its Monday) of each instant."""
        return monday_of(self.day_of(instants))

    def day_starts(self, days: ArrayLike) -> Instants:
        """The instant at which each work day begins."""
        place = np.asarray(days, dtype=np.int64) - (self.first_day - MARGIN_DAYS)
        return self.day_edges[np.clip(place, 0, len(self.day_edges) - 1)]

    def whole_days(self, all_day: Spans) -> Spans:
        """All-day entries (local midnight to local midnight) as the work days that they mean.

        ::

            all-day    00:00|---- Monday ----|00:00
            work day        04:00|---- Monday ----|04:00
        """
        midnights = (
            self.clock.local(all_day) + DAY_SECONDS // 2
        ) // DAY_SECONDS  # the nearest one, wherever the entry was made
        return spans(self.day_starts(midnights))


def work_calendar(
    clinician: Clinician,
    first: date,
    last: date,
    *,
    day_starts_at: int = DAY_STARTS_AT,
    holidays: Collection[date] = (),
) -> WorkCalendar:
    """The calendar of one clinician from ``first`` to ``last`` (local dates, inclusive), before entries are known."""
    margin = timedelta(days=MARGIN_DAYS)
    clock = local_clock(clinician.residences, first - margin, last + margin)
    versions = clinician.hours or (ASSUMED_HOURS,)
    days = [first + timedelta(days=index) for index in range(-1, (last - first).days + 1)]
    dated = [(day, _version_on(versions, day)) for day in days]
    pattern = [(day_number(day), _spans_on(version, day, holidays)) for day, version in dated]
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
        in_pattern=np.array([bool(version.days.get(day.weekday())) for day, version in dated[1:]], dtype=bool),
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
    """The calendar with its leave, on-call windows and emergencies. On leave no hour is an agreed hour."""
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
    """The calendar with the half hour around each held session that was booked inside the agreed hours.

    ``booked`` and ``held`` are rows of (start, end) of the same sessions, unsorted and unmerged; ``held`` carries the
    actual times where they are known. A session outside the agreed hours opens no halo.

    ::

        agreed     |------------|
        session        |----|       |----|
        actual         |------|     |----|
        halo        |------------|
    """
    inside = contains(calendar.hours, booked[:, 0]) & contains(calendar.hours, booked[:, 1] - 1)
    whole = inside & (_span_index(calendar.hours, booked[:, 0]) == _span_index(calendar.hours, booked[:, 1] - 1))
    halo = held[whole] + np.array([-HALO_SECONDS, HALO_SECONDS + 1])  # exactly 30 minutes is not more than 30
    return replace(calendar, within_hours=union(calendar.hours, calendar.on_call, spans(halo)))


def _span_index(hours: Spans, instants: Instants) -> NDArray[np.intp]:
    return np.searchsorted(hours[:, 0], instants, side="right")


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
        if closed and start - closed[-1][1] <= BREAK_MINUTES:
            closed[-1] = (closed[-1][0], max(end, closed[-1][1]))
        else:
            closed.append((start, end))
    return tuple(closed)


def _pattern_spans(pattern: Pattern, clock: LocalClock) -> NDArray[np.int64]:
    """Each span of each day as a row of (day, start, end)."""
    rows = [
        (day, day * DAY_SECONDS + a * 60, day * DAY_SECONDS + b * 60)
        for day, day_spans in pattern
        for a, b in day_spans
    ]
    wall = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return np.column_stack((wall[:, 0], clock.instants(wall[:, 1:])))


def _day_edges(
    clock: LocalClock, first_day: int, last_day: int, day_starts_at: int, pattern_spans: NDArray[np.int64]
) -> Instants:
    """When each work day begins: at its hour, or when an overnight span of the evening before is over.

    ::

        agreed          22:00|-----------|06:00
        day          ---- Friday --------|-- Saturday ----
        otherwise    ---- Friday -----|04:00 -- Saturday ----
    """
    days = np.arange(first_day - MARGIN_DAYS, last_day + MARGIN_DAYS + 1)
    edges = clock.instants(days * DAY_SECONDS + day_starts_at)
    np.maximum.at(edges, pattern_spans[:, 0] + 1 - days[0], pattern_spans[:, 2])
    return np.maximum.accumulate(edges)
