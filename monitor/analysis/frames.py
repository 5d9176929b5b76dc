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

from connectors.records import CALLED_OFF, CounterpartKind, Kind
from monitor.analysis.agreements import Agreements, Persons, agreements_from, persons_from, terms_on_day
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
from monitor.analysis.periods import SourceSpans, WorkTime, days_from, record_span, weeks_from
from monitor.analysis.records import FOREVER, ReadSpan, Records
from monitor.analysis.sessions import HELD, booking_outcomes, sessions_from, unscheduled_calls_from
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.roster import Clinician, Practice

MARGIN = timedelta(days=8)
LONG_AGO, FAR_AHEAD = 50 * 366 * DAY_SECONDS, 5 * 366 * DAY_SECONDS
"""Seconds before and after ``as_of`` beyond which a date comes from a wrong clock; no calendar is made for it."""


@dataclass(frozen=True, slots=True)
class SessionTables:
    """The sessions of one clinician, by booked start.

    all
        as :func:`~monitor.analysis.sessions.sessions_from` returns them, and day, week, overrun_minutes,
        effective_start and effective_end (the actual times where known, else the booked ones), outside_hours,
        covered_by_protocol and after_hours (from the booked start to effective_end, see
        :func:`~monitor.analysis.contact_rules.classify_contact`), cancelled_late, no_show, cancelled_by_clinician,
        moved and cancelled_at (see :func:`~monitor.analysis.sessions.booking_outcomes`)
    held
        those that took place
    courses
        see :func:`~monitor.analysis.courses.courses_from`
    unscheduled_calls
        calls that nobody booked, which are not counted as sessions: client (-1 if unknown), started_at, ended_at, day,
        week
    """

    all: pd.DataFrame
    held: pd.DataFrame
    courses: pd.DataFrame
    unscheduled_calls: pd.DataFrame


@dataclass(frozen=True, slots=True)
class MessageTables:
    """The messages of one clinician up to ``as_of``.

    all
        sent_at, outgoing, automatic, counterpart, counterpart_kind, channel, thread, emergency, and day, week,
        outside_hours, covered_by_protocol, after_hours
    episodes
        see :func:`~monitor.analysis.messages.episodes_from`, and day, week, outside_hours, covered_by_protocol,
        after_hours, is_reply
    replies
        see :func:`~monitor.analysis.messages.replies_from`, and week (of the reply, -1 if there is none), inbound_week,
        after_hours (NaN where unanswered), inbound_after_hours, minutes_clock, minutes_working
    """

    all: pd.DataFrame
    episodes: pd.DataFrame
    replies: pd.DataFrame


@dataclass(frozen=True, slots=True)
class ClientTables:
    """The facts that a clinician has entered about clients.

    agreements
        the terms of each client, by day
    terms
        one row a key: client, person, and for each term the value that holds at ``as_of``, as text
    ledger
        the ledger's entries: client (-1 for nobody in particular), kind, day, week
    """

    agreements: Agreements
    terms: pd.DataFrame
    ledger: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Frames:
    """One clinician as known at the instant ``as_of``: everything that a metric reads.

    All keys of one person are replaced by that person first, so a client is a person here. ``other_events`` are the
    calendar events other than sessions: kind, start, end, all_day, client, known_at, day, week. ``cache`` has results
    that several metrics derive from the tables, see :func:`monitor.analysis.metrics.weekly.cached`.
    """

    clinician: Clinician
    practice: Practice
    as_of: int
    time: WorkTime
    sessions: SessionTables
    messages: MessageTables
    other_events: pd.DataFrame
    clients: ClientTables
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
    clients = _client_tables(records, agreements, persons, int(calendar.day_of(as_of)))
    records = _by_person(records, persons, agreements, calendar)
    sessions, calendar = _session_tables(records, agreements, calendar, as_of)
    # From here on the calendar has the half hour around sessions.
    messages = _message_tables(records.messages, sessions, agreements, calendar, as_of)
    held, sent = sessions.held, messages.episodes

    events = records.events
    counted = events[(events["kind"] != Kind.SESSION) & ~events["status"].isin(CALLED_OFF) & events["excluded"].isna()]
    other_events = _with_days(counted[["kind", "start", "end", "all_day", "client", "known_at"]], calendar, "start")
    busy = _spans_of(other_events[other_events["kind"] == Kind.BUSY], calendar)

    # A team meeting in a shared calendar, or a holiday entered ahead, does not show that sessions are entered already:
    # a calendar is used from its first session on.
    of_known_kind = ~events["kind"].isin([Kind.BUSY, Kind.OTHER])
    used_from = events.loc[events["kind"] == Kind.SESSION, "start"].min()
    own_starts = events.loc[of_known_kind & (events["start"] >= used_from), "start"]
    source_spans = SourceSpans(
        calendar_read=calendar_span,
        messages_read=messages_span,
        other_jobs_read_to=other_jobs_read_to,
        calendar_records=record_span(calendar_span, own_starts.to_numpy(), calendar.clock, as_of),
        message_records=record_span(messages_span, records.messages["sent_at"].to_numpy(), calendar.clock, as_of),
    )
    active_days = np.concatenate((held["day"], sent["day"]))
    days = days_from(clinician, calendar, source_spans.calendar_records, active_days, busy)
    weeks = weeks_from(clinician, calendar, days, source_spans, (held["week"], sent["week"]), as_of)
    return Frames(
        clinician=clinician,
        practice=practice,
        as_of=as_of,
        time=WorkTime(calendar, days, weeks),
        sessions=sessions,
        messages=messages,
        other_events=other_events,
        clients=clients,
    )


def _calendar(
    records: Records, clinician: Clinician, practice: Practice, as_of: int, holidays: Collection[date]
) -> WorkCalendar:
    """Return the work calendar with its entries, from the first record to the last."""
    instants = [records.messages["sent_at"], records.events["start"], records.events["end"], pd.Series([as_of])]
    plausible = pd.concat(instants).clip(as_of - LONG_AGO, as_of + FAR_AHEAD)
    first = date_of(plausible.min() // DAY_SECONDS) - MARGIN
    last = date_of(plausible.max() // DAY_SECONDS) + MARGIN
    calendar = work_calendar(clinician, first, last, day_starts_at=practice.day_starts_at, holidays=holidays)
    entries = records.events[~records.events["status"].isin(CALLED_OFF)]
    leave, on_call, emergency = (
        _spans_of(entries[entries["kind"] == kind], calendar) for kind in (Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY)
    )
    return with_entries(calendar, leave=leave, on_call=on_call, emergency=emergency)


def _client_tables(records: Records, agreements: Agreements, persons: Persons, day: int) -> ClientTables:
    """Return the terms and the ledger, with the terms on ``day`` of every client key that anything is known of."""
    in_messages = records.messages.loc[records.messages["counterpart_kind"] == CounterpartKind.CLIENT, "counterpart"]
    in_sessions = records.events.loc[records.events["kind"] == Kind.SESSION, "client"]
    keys = np.concatenate((in_sessions, in_messages, records.terms["client"], records.persons["client"]))
    terms = terms_on_day(agreements, persons, np.unique(keys[keys >= 0]).astype(np.int64), day)
    ledger = records.ledger
    ledger = ledger.assign(client=persons.of(ledger["client"]), week=monday_of(ledger["day"]))
    return ClientTables(agreements, terms, ledger)


def _by_person(records: Records, persons: Persons, agreements: Agreements, calendar: WorkCalendar) -> Records:
    """Return the records with each client key of an event or a message replaced by its person.

    Somebody who is marked as no client on a day is none: their messages are other mail, and their sessions other
    events.
    """
    events = records.events.assign(client=persons.of(records.events["client"]))
    messages = records.messages.assign(counterpart=persons.of(records.messages["counterpart"]))
    if agreements.has("standing"):
        not_client = agreements.holds("standing", events["client"], calendar.day_of(events["start"]), NOT_A_CLIENT)
        events = events.assign(
            client=events["client"].mask(not_client, -1),
            kind=events["kind"].mask(not_client & (events["kind"] == Kind.SESSION), Kind.OTHER.value),
        )
        sent_on = calendar.day_of(messages["sent_at"])
        not_client = agreements.holds("standing", messages["counterpart"], sent_on, NOT_A_CLIENT)
        not_client &= (messages["counterpart_kind"] == CounterpartKind.CLIENT).to_numpy()
        messages = messages.assign(
            counterpart_kind=messages["counterpart_kind"].mask(not_client, CounterpartKind.OTHER.value)
        )
    return replace(records, events=events, messages=messages)


def _session_tables(
    records: Records, agreements: Agreements, calendar: WorkCalendar, as_of: int
) -> tuple[SessionTables, WorkCalendar]:
    """Return the sessions, and the calendar with the half hour around those that were held."""
    sessions = sessions_from(records.events, records.evidence, records.corrections, as_of=as_of)
    is_held = sessions["status"] == HELD
    booked = sessions[["booked_start", "booked_end"]].to_numpy(dtype=np.int64)
    start = sessions["actual_start"].fillna(sessions["booked_start"]).to_numpy(dtype=np.int64)
    end = sessions["actual_end"].fillna(sessions["booked_end"]).to_numpy(dtype=np.int64)
    # A corrected end can lie before the start; such a session has no length.
    end = np.maximum(end, start)
    calendar = with_sessions(calendar, booked[is_held], np.column_stack((start, end))[is_held])
    first = np.minimum(sessions["booked_start"], end)
    sessions = _with_days(sessions, calendar, "booked_start").assign(
        overrun_minutes=((sessions["actual_end"] - sessions["booked_end"]) / 60).where(is_held),
        effective_start=start,
        effective_end=end,
        **classify_contact(agreements, calendar, sessions["client"], first, end),
        **booking_outcomes(sessions, records.events),
    )
    calls = unscheduled_calls_from(records.events, records.evidence, as_of=as_of)
    held = sessions[is_held]
    courses = courses_from(held, agreements, calendar, as_of=as_of)
    return SessionTables(sessions, held, courses, _with_days(calls, calendar, "started_at")), calendar


def _message_tables(
    messages: pd.DataFrame, sessions: SessionTables, agreements: Agreements, calendar: WorkCalendar, as_of: int
) -> MessageTables:
    """Return the messages, the outgoing ones as episodes, and the replies to clients."""
    # A clock that runs ahead dates messages in the future; they count when their time has come.
    messages = _with_days(messages[messages["sent_at"] <= as_of], calendar, "sent_at")
    contact = classify_contact(
        agreements, calendar, messages["counterpart"], messages["sent_at"], emergencies=messages["emergency"]
    )
    messages = messages.assign(**contact)

    episodes = episodes_from(messages)
    replies = replies_from(messages, episodes, sessions.all, as_of=as_of)
    inbound, client, emergencies = replies["inbound_at"], replies["client"], replies["emergency"]
    answered = replies["reply_at"].notna().to_numpy()
    reply_at = replies["reply_at"].fillna(0).to_numpy(dtype=np.int64)
    received = classify_contact(agreements, calendar, client, inbound, emergencies=emergencies)
    replied = classify_contact(agreements, calendar, client, reply_at, emergencies=emergencies)
    replies = replies.assign(
        inbound_week=calendar.week_of(inbound),
        week=np.where(answered, calendar.week_of(reply_at), -1),
        inbound_after_hours=received["after_hours"],
        # A session that answers is no message after hours.
        after_hours=np.where(answered, ~replies["by_session"].to_numpy() & replied["after_hours"], np.nan),
        minutes_clock=replies["waited_seconds"] / 60,
        minutes_working=working_seconds(replies, calendar) / 60,
    )

    # An episode that answers is classified at its first answer, any other at its start.
    answered_at = np.full(len(episodes), np.inf)
    answering = replies[replies["episode"] >= 0]
    np.minimum.at(answered_at, answering["episode"].to_numpy(), answering["reply_at"].to_numpy())
    is_reply = np.isfinite(answered_at)
    instants = np.where(is_reply, answered_at, episodes["sent_at"]).astype(np.int64)
    contact = classify_contact(
        agreements, calendar, episodes["counterpart"], instants, emergencies=episodes["emergency"]
    )
    episodes = _with_days(episodes, calendar, "sent_at").assign(is_reply=is_reply, **contact)
    return MessageTables(messages, episodes, replies)


def _with_days(table: pd.DataFrame, calendar: WorkCalendar, instant: str) -> pd.DataFrame:
    days = calendar.day_of(table[instant].to_numpy(dtype=np.int64))
    return table.assign(day=days, week=monday_of(days))


def _spans_of(events: pd.DataFrame, calendar: WorkCalendar) -> Spans:
    """Return the time of the events: to the minute, or whole work days where they last all day."""
    all_day = events["all_day"].to_numpy()
    pairs = events[["start", "end"]].to_numpy(dtype=np.int64)
    return union(spans(pairs[~all_day]), calendar.whole_days(spans(pairs[all_day])))
