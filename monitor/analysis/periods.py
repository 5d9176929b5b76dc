"""Days and weeks of one clinician: agreed hours, work, leave, and how far the sources were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.calendar import DAY_SECONDS, WorkCalendar, contract_fte, day_number, monday_of
from monitor.analysis.clock import LocalClock
from monitor.analysis.fairness import available_fte
from monitor.analysis.intervals import Spans, seconds_inside
from monitor.analysis.records import ReadSpan
from monitor.roster import Clinician

QUIET_DAYS = 14  # by the wall clock: after its last record a source is taken as unused, not as empty
INTAKE_DAYS = 90  # days of calendar before a client who was never seen counts as new

RecordSpan = tuple[int, int]
"""The span that the records of one kind of source cover; ``(0, 0)`` is nothing."""


def days_from(
    clinician: Clinician, calendar: WorkCalendar, calendar_span: RecordSpan, active_days: NDArray[np.int64], busy: Spans
) -> pd.DataFrame:
    """Return one row for each work day of the calendar; columns as in :class:`~monitor.analysis.frames.Frames`.

    ``calendar_span`` is what the records of calendars cover, ``active_days`` are the days with activity, ``busy`` is
    the time of another job.

    ``worked`` is 1 for a day that is agreed or active, less the share of it that is leave, so that a leave which
    begins at noon leaves half a day.
    """
    days = np.arange(calendar.first_day, calendar.last_day + 1)
    starts, ends = calendar.day_starts(days), calendar.day_starts(days + 1)
    agreed, working = _agreed_seconds(calendar, days)
    # A day without agreed hours has no working time to lose: there leave counts by the clock.
    on_leave = seconds_inside(calendar.leave, starts, ends) / np.maximum(ends - starts, 1)
    leave_share = np.where(agreed > 0, 1 - working / np.maximum(agreed, 1), on_leave)
    is_active = np.isin(days, active_days)
    return pd.DataFrame(
        {
            "week": monday_of(days),
            "agreed_minutes": agreed / 60,
            "working_minutes": working / 60,
            "leave_share": leave_share,
            "worked": ((agreed > 0) | is_active) * (1 - leave_share) * _employed(clinician, days, days),
            "in_pattern": calendar.in_pattern,
            "employed": _employed(clinician, days, days),
            "active": is_active,
            "occupied": is_active | (seconds_inside(busy, starts, ends) > 0),
            "calendar_observed": (starts >= calendar_span[0]) & (ends <= calendar_span[1]),
        },
        index=pd.Index(days, name="day"),
    )


def _agreed_seconds(calendar: WorkCalendar, days: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the agreed seconds of each day, and those without leave; an overnight span counts where it starts."""
    # The pattern begins a day earlier, because of overnight spans; that day is not in the table.
    day, start, end = calendar.pattern_spans[calendar.pattern_spans[:, 0] >= days[0]].T
    agreed, working = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    np.add.at(agreed, day - days[0], end - start)
    np.add.at(working, day - days[0], end - start - seconds_inside(calendar.leave, start, end))
    return agreed, working


def weeks_from(
    clinician: Clinician,
    calendar: WorkCalendar,
    days: pd.DataFrame,
    record_spans: tuple[RecordSpan, RecordSpan],
    calendar_read: ReadSpan,
    as_of: int,
) -> pd.DataFrame:
    """Return every week that is over at ``as_of``, from the first that a source observed to the last.

    ``record_spans`` is what the records of calendars and of messages cover, ``calendar_read`` the span in which
    calendars were read. A week is compared if it has at least half the worked days of its pattern, and at least one.
    """
    sums = _day_sums(days)
    number = np.unique(days["week"].to_numpy())
    start, end = calendar.day_starts(number), calendar.day_starts(number + 7)
    employed = _employed(clinician, number, number + 6)
    weeks_since_start = _weeks_since_start(clinician, number)
    weeks: dict[str, NDArray[Any]] = {
        **sums,
        "start": start,
        "end": end,
        "calendar_observed": _mostly_covered(calendar.clock, start, end, record_spans[0]),
        "messages_observed": _mostly_covered(calendar.clock, start, end, record_spans[1]),
        "employed": employed,
        "compared": (sums["worked_days"] >= np.maximum(sums["pattern_days"] / 2, 1)) & employed,
        "weeks_since_start": weeks_since_start,
    }
    weeks["fte"] = available_fte(contract_fte(clinician, number), sums["present_share"], weeks_since_start)
    weeks["intakes_known"] = _intakes_known(clinician, calendar, number, weeks["calendar_observed"], calendar_read)
    observed = np.flatnonzero((weeks["calendar_observed"] | weeks["messages_observed"]) & (end <= as_of) & employed)
    table = pd.DataFrame(weeks, index=pd.Index(number, name="week"))
    # Weeks in between stay, even unobserved ones: a gap is a row, so that weeks are consecutive.
    return table.iloc[observed[0] : observed[-1] + 1] if len(observed) else table.iloc[:0]


def with_completeness(
    weeks: pd.DataFrame, read_spans: Sequence[ReadSpan], held: pd.Series[int], sent: pd.Series[int]
) -> pd.DataFrame:
    """Return the weeks with the columns that say how far they were read.

    A source that was not read to a week's end has not observed it. ``read_spans`` are the spans of calendars, messages
    and another job's calendar; ``held`` and ``sent`` the week of each held session and of each sent episode. A week
    with sessions but without a single sent message has not been observed for messages: another mailbox is in use.
    """
    end = weeks["end"].to_numpy()
    calendar, messages, other_jobs = (span is None or end <= span[1] for span in read_spans)
    other_mailbox = weeks.index.isin(held) & ~weeks.index.isin(sent)
    calendar_observed = weeks["calendar_observed"] & calendar
    messages_observed = weeks["messages_observed"] & messages & ~other_mailbox
    return weeks.assign(
        calendar_observed=calendar_observed,
        messages_observed=messages_observed,
        any_observed=calendar_observed | messages_observed,
        primary_observed=messages_observed if read_spans[0] is None else calendar_observed,
        calendar_complete=calendar,
        all_complete=calendar & messages & other_jobs,
        intakes_known=weeks["intakes_known"] & calendar_observed,
    )


def _day_sums(days: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return by week the worked, pattern and leave days, and the share of the pattern's days that were present.

    A day is present if the clinician was with the practice and had neither leave nor a public holiday without agreed
    hours. A week without any day in the pattern counts as present.
    """
    week, leave = days["week"].to_numpy(), days["leave_share"].to_numpy()
    row = (week - week[0]) // 7
    in_pattern, agreed = days["in_pattern"].to_numpy(), days["agreed_minutes"].to_numpy() > 0
    away = np.where(days["employed"] & agreed, leave, 1.0)  # in the pattern but without agreed hours: a holiday
    sums = [
        np.bincount(row, weights=amount) for amount in (days["worked"], in_pattern, leave * agreed, away * in_pattern)
    ]
    worked_days, pattern_days, leave_days, away = sums
    present = np.where(pattern_days > 0, 1 - away / np.maximum(pattern_days, 1), 1.0).clip(0, 1)
    return {
        "worked_days": worked_days,
        "pattern_days": pattern_days,
        "leave_days": leave_days,
        "present_share": present,
    }


def record_span(read_span: ReadSpan, instants: NDArray[np.int64], clock: LocalClock, as_of: int) -> RecordSpan:
    """Return the span that records cover: from the first one to :data:`QUIET_DAYS` after the last.

    ::

        records        x   x x      x
        read       |------------------------------|
        covered        |------------|- 14 days -|
    """
    if read_span is None or not len(instants):
        return (0, 0)
    unused_from = int(clock.instants(clock.local(instants.max()) + QUIET_DAYS * DAY_SECONDS))
    return max(read_span[0], int(instants.min())), min(read_span[1], unused_from, as_of)


def _mostly_covered(
    clock: LocalClock, start: NDArray[np.int64], end: NDArray[np.int64], span: RecordSpan
) -> NDArray[np.bool_]:
    """Return whether at least half of each week lies in the span.

    By the wall clock, so that a week with a change of clocks is as long as any other.
    """
    begins, ends, (first, last) = clock.local(start), clock.local(end), clock.local(span)
    return np.asarray(np.minimum(ends, last) - np.maximum(begins, first) >= (ends - begins) / 2)


def _employed(clinician: Clinician, first_days: NDArray[np.int64], last_days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the clinician was with the practice on at least one day of each range of days."""
    begun = last_days >= day_number(clinician.starts or date.min)
    return np.asarray(begun & (first_days <= day_number(clinician.ends or date.max)))


def _weeks_since_start(clinician: Clinician, weeks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weeks since the one in which the clinician joined; infinite without a starting date."""
    if clinician.starts is None:
        return np.full(len(weeks), np.inf)
    return np.asarray((weeks - monday_of(day_number(clinician.starts))) / 7.0)


def _intakes_known(
    clinician: Clinician,
    calendar: WorkCalendar,
    weeks: NDArray[np.int64],
    observed: NDArray[np.bool_],
    calendar_read: ReadSpan,
) -> NDArray[np.bool_]:
    """Return for each week whether a client who was never seen before it is new.

    That is known after 90 days of calendar, and from the start for a clinician who joined after the data begin.

    ::

        calendar read            |-----------------------------
        without starting date    |--- 90 days ---| known
        joined since                  starts| known
    """
    if not observed.any():
        return observed
    first = int(weeks[observed][0])
    starts = clinician.starts
    if starts is None or calendar_read is None or day_number(starts) < calendar.day_of(calendar_read[0]):
        first += INTAKE_DAYS
    return np.asarray(observed & (weeks >= first))
