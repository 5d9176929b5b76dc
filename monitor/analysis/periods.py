"""Days and weeks of one clinician: what was agreed, worked and leave, and what the sources have seen."""

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

QUIET_DAYS = 14  # by the wall clock: a source whose last record is older is taken as silent, not as empty
BEGINNING_DAYS = 90  # days of calendar before it can be told who is new

Stretch = tuple[int, int]
"""What the records of a kind of source cover; ``(0, 0)`` is nothing."""


def days_from(
    clinician: Clinician, calendar: WorkCalendar, seen: Stretch, active: NDArray[np.int64], busy: Spans
) -> pd.DataFrame:
    """Every work day of the calendar: how much was agreed, how much of it was leave, and whether it was worked.

    ``seen`` is what the calendar's sources cover, ``active`` are the days with activity, ``busy`` is another job.

    ``worked`` is 1 for a day that is agreed or active, less the share of it that is leave, so that a leave which
    begins at noon leaves half a day.
    """
    days = np.arange(calendar.first_day, calendar.last_day + 1)
    starts, ends = calendar.day_starts(days), calendar.day_starts(days + 1)
    agreed, left = _agreed_seconds(calendar, days)
    on_leave = seconds_inside(calendar.leave, starts, ends) / np.maximum(ends - starts, 1)
    leave_share = np.where(agreed > 0, 1 - left / np.maximum(agreed, 1), on_leave)
    is_active = np.isin(days, active)
    return pd.DataFrame(
        {
            "week": monday_of(days),
            "agreed_minutes": agreed / 60,
            "working_minutes": left / 60,
            "leave_share": leave_share,
            "worked": ((agreed > 0) | is_active) * (1 - leave_share) * _employed(clinician, days, days),
            "in_pattern": calendar.in_pattern,
            "employed": _employed(clinician, days, days),
            "active": is_active,
            "occupied": is_active | (seconds_inside(busy, starts, ends) > 0),
            "calendar_observed": (starts >= seen[0]) & (ends <= seen[1]),
        },
        index=pd.Index(days, name="day"),
    )


def _agreed_seconds(calendar: WorkCalendar, days: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Agreed seconds of each day, and what of them is no leave; an overnight span counts where it starts."""
    day, start, end = calendar.pattern_spans[calendar.pattern_spans[:, 0] >= days[0]].T
    agreed, left = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    np.add.at(agreed, day - days[0], end - start)
    np.add.at(left, day - days[0], end - start - seconds_inside(calendar.leave, start, end))
    return agreed, left


def weeks_from(
    clinician: Clinician,
    calendar: WorkCalendar,
    days: pd.DataFrame,
    covered: tuple[Stretch, Stretch],
    calendar_span: ReadSpan,
    as_of: int,
) -> pd.DataFrame:
    """Every week that is over at ``as_of``, from the first that a source has seen to the last.

    ``covered`` is what the records of calendars and of messages cover. A week is compared if it has at least half its
    usual worked days, and at least one.
    """
    sums = _day_sums(days)
    number = np.unique(days["week"].to_numpy())
    start, end = calendar.day_starts(number), calendar.day_starts(number + 7)
    employed = _employed(clinician, number, number + 6)
    since = _weeks_since_start(clinician, number)
    weeks: dict[str, NDArray[Any]] = {
        **sums,
        "start": start,
        "end": end,
        "calendar_observed": _saw(calendar.clock, start, end, covered[0]),
        "messages_observed": _saw(calendar.clock, start, end, covered[1]),
        "employed": employed,
        "compared": (sums["worked_days"] >= np.maximum(sums["pattern_days"] / 2, 1)) & employed,
        "weeks_since_start": since,
    }
    weeks["fte"] = available_fte(contract_fte(clinician, number), sums["present_share"], since)
    weeks["intakes_known"] = _beginnings_known(clinician, calendar, number, weeks["calendar_observed"], calendar_span)
    seen = np.flatnonzero((weeks["calendar_observed"] | weeks["messages_observed"]) & (end <= as_of) & employed)
    table = pd.DataFrame(weeks, index=pd.Index(number, name="week"))
    return table.iloc[seen[0] : seen[-1] + 1] if len(seen) else table.iloc[:0]


def with_readings(
    weeks: pd.DataFrame, read: Sequence[ReadSpan], held: pd.Series[int], sent: pd.Series[int]
) -> pd.DataFrame:
    """Return the weeks with what may be said of them: a part that was not read to a week's end says nothing of it.

    ``read`` are the spans of calendars, messages and another job's calendar; ``held`` and ``sent`` the week of each
    held session and of each sent episode. Sessions without a single sent message mean that the mailbox in use
    is another one: such a week says nothing about messages.
    """
    end = weeks["end"].to_numpy()
    calendar, messages, elsewhere = (span is None or end <= span[1] for span in read)
    wrote_elsewhere = weeks.index.isin(held) & ~weeks.index.isin(sent)
    calendar_observed = weeks["calendar_observed"] & calendar
    messages_observed = weeks["messages_observed"] & messages & ~wrote_elsewhere
    return weeks.assign(
        calendar_observed=calendar_observed,
        messages_observed=messages_observed,
        any_observed=calendar_observed | messages_observed,
        primary_observed=messages_observed if read[0] is None else calendar_observed,
        calendar_complete=calendar,
        all_complete=calendar & messages & elsewhere,
        intakes_known=weeks["intakes_known"] & calendar_observed,
    )


def _day_sums(days: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """By week: worked, usual and leave days, and the share of the usual days on which the person was there.

    That is: no leave, no public holiday without agreed hours, and with the practice. With no usual day at all, nobody
    is away.
    """
    week, leave = days["week"].to_numpy(), days["leave_share"].to_numpy()
    place = (week - week[0]) // 7
    usual, agreed = days["in_pattern"].to_numpy(), days["agreed_minutes"].to_numpy() > 0
    away = np.where(days["employed"] & agreed, leave, 1.0)  # a usual day without agreed hours is a public holiday
    sums = [np.bincount(place, weights=amount) for amount in (days["worked"], usual, leave * agreed, away * usual)]
    worked_days, pattern_days, leave_days, away = sums
    present = np.where(pattern_days > 0, 1 - away / np.maximum(pattern_days, 1), 1.0).clip(0, 1)
    return {
        "worked_days": worked_days,
        "pattern_days": pattern_days,
        "leave_days": leave_days,
        "present_share": present,
    }


def stretch_of(seen: ReadSpan, instants: NDArray[np.int64], clock: LocalClock, as_of: int) -> Stretch:
    """What the sources cover: from the first record on, until they fall silent; nothing where there is none."""
    if seen is None or not len(instants):
        return (0, 0)
    silent = int(clock.instants(clock.local(instants.max()) + QUIET_DAYS * DAY_SECONDS))
    return max(seen[0], int(instants.min())), min(seen[1], silent, as_of)


def _saw(clock: LocalClock, start: NDArray[np.int64], end: NDArray[np.int64], stretch: Stretch) -> NDArray[np.bool_]:
    """Whether half of each week or more is covered, by the wall clock: one with a change of clocks is no longer."""
    begins, ends, (first, last) = clock.local(start), clock.local(end), clock.local(stretch)
    return np.asarray(np.minimum(ends, last) - np.maximum(begins, first) >= (ends - begins) / 2)


def _employed(clinician: Clinician, first_days: NDArray[np.int64], last_days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the person was with the practice for a part of each stretch of days."""
    begun = last_days >= day_number(clinician.starts or date.min)
    return np.asarray(begun & (first_days <= day_number(clinician.ends or date.max)))


def _weeks_since_start(clinician: Clinician, weeks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weeks from the one in which the person joined; infinite for who was always there."""
    if clinician.starts is None:
        return np.full(len(weeks), np.inf)
    return np.asarray((weeks - monday_of(day_number(clinician.starts))) / 7.0)


def _beginnings_known(
    clinician: Clinician,
    calendar: WorkCalendar,
    weeks: NDArray[np.int64],
    covered: NDArray[np.bool_],
    seen: ReadSpan,
) -> NDArray[np.bool_]:
    """Whether a client never seen before a week is new: 90 days of calendar lie before it, or the person joined since.

    ::

        calendar seen        |-----------------------------
        always there          ----90 days---|known
        joined since              starts|known
    """
    if not covered.any():
        return covered
    first = int(weeks[covered][0])
    starts = clinician.starts
    if starts is None or seen is None or day_number(starts) < calendar.day_of(seen[0]):
        first += BEGINNING_DAYS
    return np.asarray(covered & (weeks >= first))
