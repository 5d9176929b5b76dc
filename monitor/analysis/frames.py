"""The tables that metrics are computed from.

:func:`frames_from` derives :class:`Frames` from one clinician's :class:`~monitor.analysis.records.Records`. Days and
weeks are day numbers (see :mod:`monitor.analysis.calendar`), instants UTC epoch seconds, unknown ones NaN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import CALLED_OFF, CounterpartKind, Kind
from monitor.analysis.agreements import Agreements, Persons, agreements_from, persons_from, terms_on_day
from monitor.analysis.booking_outcomes import booking_outcomes
from monitor.analysis.calendar import (
    DAY_SECONDS,
    WorkCalendar,
    date_of,
    monday_of,
    with_entries,
    with_sessions,
    work_calendar,
)
from monitor.analysis.contact_rules import classify_contact
from monitor.analysis.courses import courses_from
from monitor.analysis.intervals import Spans, spans, union
from monitor.analysis.messages import episodes_from, replies_from, working_seconds
from monitor.analysis.periods import days_from, record_span, weeks_from, with_completeness
from monitor.analysis.records import FOREVER, ReadSpan, Records
from monitor.analysis.sessions import HELD, sessions_from, unscheduled_calls_from
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.roster import Clinician, Practice

MARGIN = timedelta(days=8)
LONG_AGO, FAR_AHEAD = 50 * 366 * DAY_SECONDS, 5 * 366 * DAY_SECONDS
"""Seconds before and after ``as_of`` beyond which a date comes from a wrong clock; no calendar is made for it."""


@dataclass(frozen=True, slots=True)
class Frames:
    """One clinician's tables. All keys of one person are replaced by that person first, so a client is a person here.

    sessions
        as :func:`~monitor.analysis.sessions.sessions_from` returns them, and day, week, overrun_minutes,
        effective_start and effective_end (the actual times where known, else the booked ones), outside_hours,
        covered_by_protocol and after_hours (from the booked start to effective_end, see
        :func:`~monitor.analysis.contact_rules.classify_contact`), cancelled_late, no_show, cancelled_by_clinician,
        moved and cancelled_at (see :func:`~monitor.analysis.booking_outcomes.booking_outcomes`)
    held_sessions
        the sessions that took place
    courses
        see :func:`~monitor.analysis.courses.courses_from`
    messages
        sent_at, outgoing, automatic, counterpart, counterpart_kind, channel, thread, emergency, and day, week,
        outside_hours, covered_by_protocol, after_hours
    episodes
        see :func:`~monitor.analysis.messages.episodes_from`, and day, week, outside_hours, covered_by_protocol,
        after_hours, is_reply
    replies
        see :func:`~monitor.analysis.messages.replies_from`, and week (of the reply, -1 if there is none), inbound_week,
        after_hours (NaN where unanswered), inbound_after_hours, minutes_clock, minutes_working
    unscheduled_calls
        calls that nobody booked, which are not counted as sessions: client (-1 if unknown), started_at, ended_at, day,
        week
    other_events
        calendar events other than sessions: kind, start, end, all_day, client, known_at, day, week
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
    clients
        one row a key: client, person, and for each term the value that holds at ``as_of``, as text
    ledger
        the ledger's entries: client (-1 for nobody in particular), kind, day, week
    agreements
        the terms of each client, by day
    cache
        results that several metrics derive from these tables, see :func:`monitor.analysis.metrics.weekly.cached`
    """

    clinician: Clinician
    practice: Practice
    calendar: WorkCalendar
    as_of: int
    sessions: pd.DataFrame
    held_sessions: pd.DataFrame
    courses: pd.DataFrame
    messages: pd.DataFrame
    episodes: pd.DataFrame
    replies: pd.DataFrame
    unscheduled_calls: pd.DataFrame
    other_events: pd.DataFrame
    days: pd.DataFrame
    weeks: pd.DataFrame
    clients: pd.DataFrame
    ledger: pd.DataFrame
    agreements: Agreements
    cache: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


def frames_from(  # noqa: PLR0913 - every input has a name of its own
    records: Records,
    clinician: Clinician,
    practice: Practice,
    *,
    as_of: int,
    calendar_span: ReadSpan,
    messages_span: ReadSpan,
    other_jobs_read_to: int = FOREVER,
    holidays: Collection[date] = (),
) -> Frames:
    """Derive all tables of one clinician as known at the instant ``as_of``.

    ``calendar_span`` and ``messages_span`` are the spans in which all calendars and all message sources were read;
    ``other_jobs_read_to`` is the instant up to which calendars of other jobs were read.
    """
    persons = persons_from(records.persons)
    agreements = agreements_from(records.terms, persons)
    calendar = _calendar(records, clinician, practice, as_of, holidays)
    keys = _client_keys(records)
    records = _without_non_clients(_with_persons(records, persons), agreements, calendar)
    sessions = sessions_from(records.events, records.evidence, records.corrections, as_of=as_of)
    # The half hour around sessions can only be known now; everything below uses this calendar.
    calendar = _with_held_sessions(calendar, sessions)
    sessions = _sessions(sessions, records.events, agreements, calendar)
    held = sessions[sessions["status"] == HELD]
    # A clock that runs ahead dates messages in the future; they count when their time has come.
    messages = _with_days(records.messages[records.messages["sent_at"] <= as_of], calendar, "sent_at")
    messages = messages.assign(
        **classify_contact(
            agreements, calendar, messages["counterpart"], messages["sent_at"], emergencies=messages["emergency"]
        )
    )
    episodes = episodes_from(messages)
    replies = _replies(replies_from(messages, episodes, sessions, as_of=as_of), agreements, calendar)
    episodes = _episodes(episodes, replies, agreements, calendar)
    other_events = _other_events(records.events, calendar)
    own_events = _events_of_a_used_calendar(records.events)
    record_spans = (
        record_span(calendar_span, own_events["start"].to_numpy(), calendar.clock, as_of),
        record_span(messages_span, records.messages["sent_at"].to_numpy(), calendar.clock, as_of),
    )
    active_days = np.concatenate((held["day"], episodes["day"]))
    busy = _spans_of(other_events[other_events["kind"] == Kind.BUSY], calendar)
    days = days_from(clinician, calendar, record_spans[0], active_days, busy)
    weeks = weeks_from(clinician, calendar, days, record_spans, calendar_span, as_of)
    read_spans = (calendar_span, messages_span, (0, other_jobs_read_to))
    weeks = with_completeness(weeks, read_spans, held["week"], episodes["week"])
    return Frames(
        clinician=clinician,
        practice=practice,
        calendar=calendar,
        as_of=as_of,
        sessions=sessions,
        held_sessions=held,
        courses=courses_from(held, agreements, calendar, as_of=as_of),
        messages=messages,
        episodes=episodes,
        replies=replies,
        unscheduled_calls=_with_days(
            unscheduled_calls_from(records.events, records.evidence, as_of=as_of), calendar, "started_at"
        ),
        other_events=other_events,
        days=days,
        weeks=weeks,
        clients=terms_on_day(agreements, persons, keys, int(calendar.day_of(as_of))),
        ledger=records.ledger.assign(week=monday_of(records.ledger["day"])),
        agreements=agreements,
    )


def _events_of_a_used_calendar(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events that show that a calendar is used for sessions: those of known kinds from the first session on.

    A team meeting in a shared calendar, or a holiday entered ahead, does not show that sessions are entered already.
    """
    of_known_kind = ~events["kind"].isin([Kind.BUSY, Kind.OTHER])
    first = events.loc[events["kind"] == Kind.SESSION, "start"].min()
    used: pd.DataFrame = events[of_known_kind & (events["start"] >= first)]
    return used


def _client_keys(records: Records) -> NDArray[np.int64]:
    """Return every client key that has a session, a message, a term or another key."""
    in_messages = records.messages.loc[records.messages["counterpart_kind"] == CounterpartKind.CLIENT, "counterpart"]
    in_sessions = records.events.loc[records.events["kind"] == Kind.SESSION, "client"]
    keys = np.concatenate((in_sessions, in_messages, records.terms["client"], records.persons["client"]))
    return np.asarray(np.unique(keys[keys >= 0]), dtype=np.int64)


def _with_persons(records: Records, persons: Persons) -> Records:
    """Return the records with each client key replaced by its person."""
    return replace(
        records,
        events=records.events.assign(client=persons.of(records.events["client"])),
        messages=records.messages.assign(counterpart=persons.of(records.messages["counterpart"])),
        ledger=records.ledger.assign(client=persons.of(records.ledger["client"])),
    )


def _without_non_clients(records: Records, agreements: Agreements, calendar: WorkCalendar) -> Records:
    """Return the records with everybody who is marked as no client on a day counted as none.

    Their messages are other mail, and their sessions other events.
    """
    if not agreements.has("standing"):
        return records
    events, messages = records.events, records.messages
    not_client = agreements.holds("standing", events["client"], calendar.day_of(events["start"]), NOT_A_CLIENT)
    not_client_message = agreements.holds(
        "standing", messages["counterpart"], calendar.day_of(messages["sent_at"]), NOT_A_CLIENT
    )
    not_client_message &= (messages["counterpart_kind"] == CounterpartKind.CLIENT).to_numpy()
    return replace(
        records,
        events=events.assign(
            client=events["client"].mask(not_client, -1),
            kind=events["kind"].mask(not_client & (events["kind"] == Kind.SESSION), Kind.OTHER.value),
        ),
        messages=messages.assign(
            counterpart_kind=messages["counterpart_kind"].mask(not_client_message, CounterpartKind.OTHER.value)
        ),
    )


def _with_days(table: pd.DataFrame, calendar: WorkCalendar, instant: str) -> pd.DataFrame:
    days = calendar.day_of(table[instant].to_numpy(dtype=np.int64))
    return table.assign(day=days, week=monday_of(days))


def _calendar(
    records: Records, clinician: Clinician, practice: Practice, as_of: int, holidays: Collection[date]
) -> WorkCalendar:
    instants = [records.messages["sent_at"], records.events["start"], records.events["end"], pd.Series([as_of])]
    plausible = pd.concat(instants).clip(as_of - LONG_AGO, as_of + FAR_AHEAD)
    first = date_of(plausible.min() // DAY_SECONDS) - MARGIN
    last = date_of(plausible.max() // DAY_SECONDS) + MARGIN
    calendar = work_calendar(clinician, first, last, day_starts_at=practice.day_starts_at, holidays=holidays)
    return with_entries(
        calendar,
        leave=_spans_of(_of_kind(records.events, Kind.LEAVE), calendar),
        on_call=_spans_of(_of_kind(records.events, Kind.ON_CALL), calendar),
        emergency=_spans_of(_of_kind(records.events, Kind.EMERGENCY), calendar),
    )


def _with_held_sessions(calendar: WorkCalendar, sessions: pd.DataFrame) -> WorkCalendar:
    held = sessions[sessions["status"] == HELD]
    return with_sessions(
        calendar, held[["booked_start", "booked_end"]].to_numpy(dtype=np.int64), _effective_spans(held)
    )


def _effective_spans(held: pd.DataFrame) -> Spans:
    """Return (start, end) of each session, the actual times where they are known; row by row, unsorted."""
    start = held["actual_start"].fillna(held["booked_start"]).to_numpy(dtype=np.int64)
    end = held["actual_end"].fillna(held["booked_end"]).to_numpy(dtype=np.int64)
    # A corrected end can lie before the start; such a session has no length.
    return np.column_stack((start, np.maximum(end, start)))


def _of_kind(events: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    return events[(events["kind"] == kind) & ~events["status"].isin(CALLED_OFF)]


def _timed_spans(events: pd.DataFrame) -> Spans:
    return spans(events[["start", "end"]].to_numpy(dtype=np.int64))


def _spans_of(events: pd.DataFrame, calendar: WorkCalendar) -> Spans:
    """Return the time of the events: to the minute, or whole work days where they last all day."""
    all_day = events["all_day"]
    return union(_timed_spans(events[~all_day]), calendar.whole_days(_timed_spans(events[all_day])))


def _sessions(
    sessions: pd.DataFrame, events: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar
) -> pd.DataFrame:
    overrun = (sessions["actual_end"] - sessions["booked_end"]) / 60
    effective = _effective_spans(sessions)
    return _with_days(sessions, calendar, "booked_start").assign(
        overrun_minutes=overrun.where(sessions["status"] == HELD),
        effective_start=effective[:, 0],
        effective_end=effective[:, 1],
        **classify_contact(
            agreements,
            calendar,
            sessions["client"],
            np.minimum(sessions["booked_start"], effective[:, 1]),
            effective[:, 1],
        ),
        **booking_outcomes(sessions, events),
    )


def _replies(replies: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar) -> pd.DataFrame:
    inbound, client = replies["inbound_at"].to_numpy(dtype=np.int64), replies["client"]
    emergencies = replies["emergency"]
    answered = replies["reply_at"].notna().to_numpy()
    reply_at = replies["reply_at"].fillna(0).to_numpy(dtype=np.int64)
    by_message = ~replies["by_session"].to_numpy()
    after_hours = classify_contact(agreements, calendar, client, reply_at, emergencies=emergencies)["after_hours"]
    return replies.assign(
        inbound_week=calendar.week_of(inbound),
        week=np.where(answered, calendar.week_of(reply_at), -1),
        inbound_after_hours=classify_contact(agreements, calendar, client, inbound, emergencies=emergencies)[
            "after_hours"
        ],
        after_hours=np.where(answered, by_message & after_hours, np.nan),
        minutes_clock=replies["waited_seconds"] / 60,
        minutes_working=working_seconds(replies, calendar) / 60,
    )


def _episodes(
    episodes: pd.DataFrame, replies: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar
) -> pd.DataFrame:
    """Return the episodes with their day and how they count.

    An episode that answers is classified at its first answer, any other at its start.
    """
    answered_at = np.full(len(episodes), np.inf)
    answering = replies[replies["episode"] >= 0]
    np.minimum.at(answered_at, answering["episode"].to_numpy(), answering["reply_at"].to_numpy())
    is_reply = np.isfinite(answered_at)
    instants = np.where(is_reply, answered_at, episodes["sent_at"]).astype(np.int64)
    contact = classify_contact(
        agreements, calendar, episodes["counterpart"], instants, emergencies=episodes["emergency"]
    )
    return _with_days(episodes, calendar, "sent_at").assign(is_reply=is_reply, **contact)


def _other_events(events: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    counts = ~events["status"].isin(CALLED_OFF) & events["excluded"].isna()
    other = events[counts & (events["kind"] != Kind.SESSION)]
    return _with_days(other[["kind", "start", "end", "all_day", "client", "known_at"]], calendar, "start")
