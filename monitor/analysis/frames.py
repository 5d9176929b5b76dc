"""The tables a metric may see, and nothing else.

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
from monitor.analysis.periods import days_from, stretch_of, weeks_from, with_readings
from monitor.analysis.records import FOREVER, ReadSpan, Records
from monitor.analysis.sessions import HELD, sessions_from, unscheduled_calls_from
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.roster import Clinician, Practice

MARGIN = timedelta(days=8)
LONG_AGO, FAR_AHEAD = 50 * 366 * DAY_SECONDS, 5 * 366 * DAY_SECONDS
"""Beyond, a date is a broken clock's, and no calendar is made for it."""


@dataclass(frozen=True, slots=True)
class Frames:
    """One clinician's tables. Keys of one person are joined before anything is derived: a client is a person here.

    sessions  see :func:`~monitor.analysis.sessions.sessions_from`, and day, week, overrun_minutes, began_at and
              ended_at (the actual times where known, else the booked ones), outside, covered, after_hours (from the
              booked start to ended_at, see :func:`~monitor.analysis.contact_rules.classify_contact`), late, missed,
              by_clinician, moved, cancelled_at (see :func:`~monitor.analysis.booking_outcomes.booking_outcomes`)
    held_sessions  those of the sessions that took place
    courses   see :func:`~monitor.analysis.courses.courses_from`
    messages  sent_at, outgoing, automatic, counterpart, counterpart_kind, channel, thread, emergency, and day, week,
              outside, covered, after_hours
    episodes  see :func:`~monitor.analysis.messages.episodes_from`, and day, week, outside, covered, after_hours,
              is_reply
    replies   see :func:`~monitor.analysis.messages.replies_from`, and week (of the reply, -1 if there is none),
              inbound_week, after_hours (NaN where unanswered), inbound_after_hours, minutes_clock, minutes_working
    unscheduled_calls  calls that nobody booked, which are no sessions: client (-1 if unknown), started_at, ended_at,
    day, week other_events  calendar events other than sessions: kind, start, end, all_day, client, known_at, day, week
    days      one row a work day: week, agreed_minutes, working_minutes (less leave), leave_share, usual (agreed by the
              pattern, public holiday or not), employed, active (a held session or a sent message), occupied (active, or
              another job's span), worked (0 to 1), calendar_observed
    weeks     index week, without gaps; worked_days, pattern_days, leave_days, present (share of the usual days that
    were
              neither leave nor public holiday, and with the practice), compared, weeks_since_start (weeks; infinite for
              who was always there), fte, employed, calendar_observed, messages_observed, any_observed (one of them),
              primary_observed (calendars, or messages of somebody who has no calendar), calendar_complete and
              all_complete (what is connected of calendars, and of everything, was read to the week's end),
              intakes_known (whether a client never seen before is new), start, end
    clients   one row a key: client, person, and per term what holds at ``as_of``, as it is written
    ledger    what was entered: client (-1 for nobody in particular), kind, day, week
    agreements  what was said of each client, by day
    cache     what several metrics derive from these, see :func:`monitor.analysis.metrics.weekly.cached`
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


def frames_from(  # noqa: PLR0913 - all that is known of one clinician, each by its name
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
    """Derive every table of one clinician as known at the instant ``as_of``.

    ``calendar_span`` and ``messages_span`` are the spans in which all sources of the part have been read,
    ``other_jobs_read_to`` is up to when another job's calendar was.
    """
    persons = persons_from(records.joined)
    agreements = agreements_from(records.terms, persons)
    calendar = _calendar(records, clinician, practice, as_of, holidays)
    keys = _keys(records)
    records = _of_clients(_of_persons(records, persons), agreements, calendar)
    sessions = sessions_from(records.events, records.evidence, records.corrections, as_of=as_of)
    calendar = _with_held(calendar, sessions)
    sessions = _sessions(sessions, records.events, agreements, calendar)
    held = sessions[sessions["status"] == HELD]
    messages = _placed(records.messages[records.messages["sent_at"] <= as_of], calendar, "sent_at")
    marked = messages["emergency"]
    messages = messages.assign(
        **classify_contact(agreements, calendar, messages["counterpart"], messages["sent_at"], emergencies=marked)
    )
    episodes = episodes_from(messages)
    replies = _replies(replies_from(messages, episodes, sessions, as_of=as_of), agreements, calendar)
    episodes = _episodes(episodes, replies, agreements, calendar)
    other_events = _other_events(records.events, calendar)
    own = _since_the_first_session(records.events)
    covered = (
        stretch_of(calendar_span, own["start"].to_numpy(), calendar.clock, as_of),
        stretch_of(messages_span, records.messages["sent_at"].to_numpy(), calendar.clock, as_of),
    )
    active = np.concatenate((held["day"], episodes["day"]))
    busy = _time_of(other_events[other_events["kind"] == Kind.BUSY], calendar)
    days = days_from(clinician, calendar, covered[0], active, busy)
    weeks = weeks_from(clinician, calendar, days, covered, calendar_span, as_of)
    read_to = (calendar_span, messages_span, (0, other_jobs_read_to))
    weeks = with_readings(weeks, read_to, held["week"], episodes["week"])
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
        unscheduled_calls=_placed(
            unscheduled_calls_from(records.events, records.evidence, as_of=as_of), calendar, "started_at"
        ),
        other_events=other_events,
        days=days,
        weeks=weeks,
        clients=terms_on_day(agreements, persons, keys, int(calendar.day_of(as_of))),
        ledger=records.ledger.assign(week=monday_of(records.ledger["day"])),
        agreements=agreements,
    )


def _since_the_first_session(events: pd.DataFrame) -> pd.DataFrame:
    """What shows that a calendar is kept: entries of known kinds, from the first session on.

    A team meeting in a shared calendar, or a holiday entered ahead, does not show that sessions are entered already.
    """
    known = ~events["kind"].isin([Kind.BUSY, Kind.OTHER])
    first = events.loc[events["kind"] == Kind.SESSION, "start"].min()
    own: pd.DataFrame = events[known & (events["start"] >= first)]
    return own


def _keys(records: Records) -> NDArray[np.int64]:
    """Every key of a client that was met, wrote, was written to, or of whom something was said."""
    clients = records.messages.loc[records.messages["counterpart_kind"] == CounterpartKind.CLIENT, "counterpart"]
    met = records.events.loc[records.events["kind"] == Kind.SESSION, "client"]
    keys = np.concatenate((met, clients, records.terms["client"], records.joined["client"]))
    return np.asarray(np.unique(keys[keys >= 0]), dtype=np.int64)


def _of_persons(records: Records, persons: Persons) -> Records:
    """Return the records with the person in the place of each of their keys."""
    return replace(
        records,
        events=records.events.assign(client=persons.of(records.events["client"])),
        messages=records.messages.assign(counterpart=persons.of(records.messages["counterpart"])),
        ledger=records.ledger.assign(client=persons.of(records.ledger["client"])),
    )


def _of_clients(records: Records, agreements: Agreements, calendar: WorkCalendar) -> Records:
    """Whoever is not a client on a day counts as none: what they write is other mail, and meeting them no session."""
    if not agreements.has("standing"):
        return records
    events, messages = records.events, records.messages
    met = agreements.holds("standing", events["client"], calendar.day_of(events["start"]), NOT_A_CLIENT)
    wrote = agreements.holds("standing", messages["counterpart"], calendar.day_of(messages["sent_at"]), NOT_A_CLIENT)
    wrote &= (messages["counterpart_kind"] == CounterpartKind.CLIENT).to_numpy()
    return replace(
        records,
        events=events.assign(
            client=events["client"].mask(met, -1),
            kind=events["kind"].mask(met & (events["kind"] == Kind.SESSION), Kind.OTHER.value),
        ),
        messages=messages.assign(
            counterpart_kind=messages["counterpart_kind"].mask(wrote, CounterpartKind.OTHER.value)
        ),
    )


def _placed(table: pd.DataFrame, calendar: WorkCalendar, instant: str) -> pd.DataFrame:
    days = calendar.day_of(table[instant].to_numpy(dtype=np.int64))
    return table.assign(day=days, week=monday_of(days))


def _calendar(
    records: Records, clinician: Clinician, practice: Practice, as_of: int, holidays: Collection[date]
) -> WorkCalendar:
    known = pd.concat([records.messages["sent_at"], records.events["start"], records.events["end"], pd.Series([as_of])])
    known = known.clip(as_of - LONG_AGO, as_of + FAR_AHEAD)
    first, last = date_of(known.min() // DAY_SECONDS) - MARGIN, date_of(known.max() // DAY_SECONDS) + MARGIN
    calendar = work_calendar(clinician, first, last, day_starts_at=practice.day_starts_at, holidays=holidays)
    return with_entries(
        calendar,
        leave=_time_of(_of_kind(records.events, Kind.LEAVE), calendar),
        on_call=_time_of(_of_kind(records.events, Kind.ON_CALL), calendar),
        emergency=_time_of(_of_kind(records.events, Kind.EMERGENCY), calendar),
    )


def _with_held(calendar: WorkCalendar, sessions: pd.DataFrame) -> WorkCalendar:
    held = sessions[sessions["status"] == HELD]
    return with_sessions(calendar, held[["booked_start", "booked_end"]].to_numpy(dtype=np.int64), _true_spans(held))


def _true_spans(held: pd.DataFrame) -> Spans:
    """(start, end) of each session, the actual ones where they are known; unsorted, row by row."""
    start = held["actual_start"].fillna(held["booked_start"]).to_numpy(dtype=np.int64)
    end = held["actual_end"].fillna(held["booked_end"]).to_numpy(dtype=np.int64)
    return np.column_stack((start, np.maximum(end, start)))


def _of_kind(events: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    return events[(events["kind"] == kind) & ~events["status"].isin(CALLED_OFF)]


def _spans_of(entries: pd.DataFrame) -> Spans:
    return spans(entries[["start", "end"]].to_numpy(dtype=np.int64))


def _time_of(entries: pd.DataFrame, calendar: WorkCalendar) -> Spans:
    """Entries to the minute where they have hours, else by whole work days."""
    return union(_spans_of(entries[~entries["all_day"]]), calendar.whole_days(_spans_of(entries[entries["all_day"]])))


def _sessions(
    sessions: pd.DataFrame, events: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar
) -> pd.DataFrame:
    over = (sessions["actual_end"] - sessions["booked_end"]) / 60
    true = _true_spans(sessions)
    return _placed(sessions, calendar, "booked_start").assign(
        overrun_minutes=over.where(sessions["status"] == HELD),
        effective_start=true[:, 0],
        effective_end=true[:, 1],
        **classify_contact(
            agreements, calendar, sessions["client"], np.minimum(sessions["booked_start"], true[:, 1]), true[:, 1]
        ),
        **booking_outcomes(sessions, events),
    )


def _replies(replies: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar) -> pd.DataFrame:
    inbound, client = replies["inbound_at"].to_numpy(dtype=np.int64), replies["client"]
    marked = replies["emergency"]
    answered = replies["reply_at"].notna().to_numpy()
    reply_at = replies["reply_at"].fillna(0).to_numpy(dtype=np.int64)
    written = ~replies["by_session"].to_numpy()
    late = classify_contact(agreements, calendar, client, reply_at, emergencies=marked)["after_hours"]
    return replies.assign(
        inbound_week=calendar.week_of(inbound),
        week=np.where(answered, calendar.week_of(reply_at), -1),
        inbound_after_hours=classify_contact(agreements, calendar, client, inbound, emergencies=marked)["after_hours"],
        after_hours=np.where(answered, written & late, np.nan),
        minutes_clock=replies["waited_seconds"] / 60,
        minutes_working=working_seconds(replies, calendar) / 60,
    )


def _episodes(
    episodes: pd.DataFrame, replies: pd.DataFrame, agreements: Agreements, calendar: WorkCalendar
) -> pd.DataFrame:
    """Episodes with their day; one that answers is judged at its first answer, any other where it begins."""
    answers = np.full(len(episodes), np.inf)
    answering = replies[replies["episode"] >= 0]
    np.minimum.at(answers, answering["episode"].to_numpy(), answering["reply_at"].to_numpy())
    is_reply = np.isfinite(answers)
    at = np.where(is_reply, answers, episodes["sent_at"]).astype(np.int64)
    placed = _placed(episodes, calendar, "sent_at")
    told = classify_contact(agreements, calendar, episodes["counterpart"], at, emergencies=episodes["emergency"])
    return placed.assign(is_reply=is_reply, **told)


def _other_events(events: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    standing = ~events["status"].isin(CALLED_OFF) & events["excluded"].isna()
    other = events[standing & (events["kind"] != Kind.SESSION)]
    return _placed(other[["kind", "start", "end", "all_day", "client", "known_at"]], calendar, "start")
