"""Days and weeks of one clinician: agreed hours, work, leave, and how far the sources were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

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


class SourceSpans(NamedTuple):
    """The spans in which the sources of one clinician were read, and the spans that their records cover.

    Another job's calendar is only known by the instant up to which it was read.
    """

    calendar_read: ReadSpan
    messages_read: ReadSpan
    other_jobs_read_to: int
    calendar_records: RecordSpan
    message_records: RecordSpan


@dataclass(frozen=True, slots=True)
class WorkTime:
    """One clinician's time.

    calendar
        the agreed hours, leave and on-call windows
    days
        one row a work day: week, agreed_minutes, working_minutes (less leave), leave_share, in_pattern (agreed by the
        work pattern, public holiday or not), employed, active (a held session or a sent message), occupied (active, or
        busy in another job), worked (0 to 1), calendar_observed
    weeks
        index week, without gaps: worked_days, pattern_days, leave_days, present_share (share of the pattern's days on
        which the clinician was with the practice and had neither leave nor a public holiday), compared,
        weeks_since_start (infinite without a starting date), fte, employed, calendar_observed, messages_observed,
        any_observed (either of them), primary_observed (calendars, or messages of somebody who has no calendar),
        calendar_complete and all_complete (calendars, and everything connected, were read to the week's end),
        intakes_known (whether a client never seen before is new), start, end
    """

    calendar: WorkCalendar
    days: pd.DataFrame
    weeks: pd.DataFrame


def days_from(
    clinician: Clinician, calendar: WorkCalendar, calendar_span: RecordSpan, active_days: NDArray[np.int64], busy: Spans
) -> pd.DataFrame:
    """Return one row for each work day of the calendar; columns as in :class:`WorkTime`.

    ``calendar_span`` is what the records of calendars cover, ``active_days`` are the days with activity, ``busy`` is
    the time of another job.

    ``worked`` is 1 for a day that is agreed or active, less the share of it that is leave, so that a leave which
    begins at noon leaves half a day.
    """
    days = np.arange(calendar.first_day, calendar.last_day + 1)
    starts, ends = calendar.day_starts(days), calendar.day_starts(days + 1)
    # The pattern begins a day earlier, because of overnight spans, which count where they start.
    pattern_day, begins, finishes = calendar.pattern_spans[calendar.pattern_spans[:, 0] >= days[0]].T
    agreed, working = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    np.add.at(agreed, pattern_day - days[0], finishes - begins)
    np.add.at(working, pattern_day - days[0], finishes - begins - seconds_inside(calendar.leave, begins, finishes))
    # A day without agreed hours has no working time to lose: there leave counts by the clock.
    on_leave = seconds_inside(calendar.leave, starts, ends) / np.maximum(ends - starts, 1)
    leave_share = np.where(agreed > 0, 1 - working / np.maximum(agreed, 1), on_leave)
    is_active, employed = np.isin(days, active_days), _employed(clinician, days, days)
    return pd.DataFrame(
        {
            "week": monday_of(days),
            "agreed_minutes": agreed / 60,
            "working_minutes": working / 60,
            "leave_share": leave_share,
            "worked": ((agreed > 0) | is_active) * (1 - leave_share) * employed,
            "in_pattern": calendar.in_pattern,
            "employed": employed,
            "active": is_active,
            "occupied": is_active | (seconds_inside(busy, starts, ends) > 0),
            "calendar_observed": (starts >= calendar_span[0]) & (ends <= calendar_span[1]),
        },
        index=pd.Index(days, name="day"),
    )


def weeks_from(
    clinician: Clinician,
    calendar: WorkCalendar,
    days: pd.DataFrame,
    source_spans: SourceSpans,
    active_weeks: tuple[pd.Series[int], pd.Series[int]],
    as_of: int,
) -> pd.DataFrame:
    """Return every week that is over at ``as_of``, from the first that a source observed to the last.

    ``active_weeks`` are the week of each held session and of each sent episode. A week is compared if it has at least
    half the worked days of its pattern, and at least one. Days are present on which the clinician was with the
    practice and had neither leave nor a public holiday without agreed hours; a week without any day in the pattern
    counts as present.

    A source that was not read to a week's end has not observed it. A week with sessions but without a single sent
    message has not been observed for messages: another mailbox is in use.
    """
    week, leave = days["week"].to_numpy(), days["leave_share"].to_numpy()
    number, row = np.unique(week), (week - week[0]) // 7
    in_pattern, agreed = days["in_pattern"].to_numpy(), days["agreed_minutes"].to_numpy() > 0
    away = np.where(days["employed"] & agreed, leave, 1.0)  # in the pattern but without agreed hours: a holiday
    worked_days, pattern_days, leave_days, days_away = (
        np.bincount(row, weights=amount) for amount in (days["worked"], in_pattern, leave * agreed, away * in_pattern)
    )
    present_share = np.where(pattern_days > 0, 1 - days_away / np.maximum(pattern_days, 1), 1.0).clip(0, 1)
    weeks_since_start = np.full(len(number), np.inf)
    if clinician.starts is not None:
        weeks_since_start = (number - monday_of(day_number(clinician.starts))) / 7.0

    start, end = calendar.day_starts(number), calendar.day_starts(number + 7)
    employed = _employed(clinician, number, number + 6)
    has_calendar, has_messages = (
        _mostly_covered(calendar.clock, start, end, span)
        for span in (source_spans.calendar_records, source_spans.message_records)
    )
    calendar_complete, messages_complete = (
        np.full(len(end), fill_value=True) if span is None else end <= span[1]
        for span in (source_spans.calendar_read, source_spans.messages_read)
    )
    held, sent = active_weeks
    other_mailbox = np.isin(number, held) & ~np.isin(number, sent)
    calendar_observed = has_calendar & calendar_complete
    messages_observed = has_messages & messages_complete & ~other_mailbox
    intakes_known = _intakes_known(clinician, calendar, number, has_calendar, source_spans.calendar_read)
    table = pd.DataFrame(
        {
            "worked_days": worked_days,
            "pattern_days": pattern_days,
            "leave_days": leave_days,
            "present_share": present_share,
            "start": start,
            "end": end,
            "calendar_observed": calendar_observed,
            "messages_observed": messages_observed,
            "employed": employed,
            "compared": (worked_days >= np.maximum(pattern_days / 2, 1)) & employed,
            "weeks_since_start": weeks_since_start,
            "fte": available_fte(contract_fte(clinician, number), present_share, weeks_since_start),
            "intakes_known": intakes_known & calendar_observed,
            "any_observed": calendar_observed | messages_observed,
            "primary_observed": messages_observed if source_spans.calendar_read is None else calendar_observed,
            "calendar_complete": calendar_complete,
            "all_complete": calendar_complete & messages_complete & (end <= source_spans.other_jobs_read_to),
        },
        index=pd.Index(number, name="week"),
    )
    # Weeks in between stay, even unobserved ones: a gap is a row, so that weeks are consecutive.
    rows = np.flatnonzero((has_calendar | has_messages) & (end <= as_of) & employed)
    return table.iloc[rows[0] : rows[-1] + 1] if len(rows) else table.iloc[:0]


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
