"""The tables a metric may see, and nothing else.

:class:`Facts` is what is stored of one clinician; :func:`frames_from` derives :class:`Frames` from it. Days and weeks
are day numbers (see :mod:`monitor.analysis.calendar`), instants UTC epoch seconds, unknown ones NaN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Counterpart, Kind, Status
from monitor.analysis.agreements import (
    ENTERED,
    PERSONS,
    SAID,
    Agreements,
    Persons,
    agreements_from,
    empty,
    persons_from,
    what_holds,
)
from monitor.analysis.calendar import (
    DAY,
    WorkCalendar,
    date_of,
    day_number,
    monday_of,
    with_entries,
    with_sessions,
    work_calendar,
)
from monitor.analysis.fairness import available_fte
from monitor.analysis.intervals import Spans, seconds_inside, spans, union
from monitor.analysis.messages import episodes_from, replies_from, working_seconds
from monitor.analysis.sessions import HELD, sessions_from, unscheduled_from
from monitor.analysis.terms import NOT_A_CLIENT
from monitor.roster import Clinician, Practice

QUIET_DAYS = 14  # a source whose last record is older than this is taken as silent, not as empty
BEGINNING_DAYS = 90  # days of calendar before it can be told who is new (METRICS, intakes)
MARGIN = timedelta(days=8)
LONG_AGO, FAR_AHEAD = (
    50 * 366 * DAY,
    5 * 366 * DAY,
)  # beyond, a date is a broken clock's, and no calendar is made for it

Seen = tuple[int, int] | None
"""From when to when a kind of source has been read: ``[start, end)``, or ``None`` if none is connected."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of one clinician; columns as :func:`monitor.store.facts.stored` returns them.

    ``calendar_seen`` and ``messages_seen`` are the spans in which the sources have been read. ``joined`` says which
    keys are one person (client, person), ``terms`` what was said of clients (client, term, day, value, said_at),
    ``ledger`` what was entered (client, -1 for nobody in particular, kind, day).
    """

    clinician: Clinician
    events: pd.DataFrame
    evidence: pd.DataFrame
    corrections: pd.DataFrame
    messages: pd.DataFrame
    calendar_seen: Seen
    messages_seen: Seen
    joined: pd.DataFrame = field(default_factory=lambda: empty(PERSONS))
    terms: pd.DataFrame = field(default_factory=lambda: empty(SAID))
    ledger: pd.DataFrame = field(default_factory=lambda: empty(ENTERED))


@dataclass(frozen=True, slots=True)
class Frames:
    """One clinician's tables. Keys of one person are joined before anything is derived: a client is a person here.

    sessions  see :func:`~monitor.analysis.sessions.sessions_from`, and day, week, overrun_minutes, after_hours, and
              began_at and ended_at, the actual times where known, else the booked ones
    held      those of the sessions that took place
    messages  sent_at, outgoing, automatic, counterpart, counterpart_kind, channel, thread, and day, week, after_hours
    episodes  see :func:`~monitor.analysis.messages.episodes_from`, and day, week, after_hours, is_reply
    replies   see :func:`~monitor.analysis.messages.replies_from`, and week (of the reply, -1 if there is none),
              inbound_week, after_hours, inbound_after_hours, minutes_clock, minutes_working
    extras    calls that nobody booked, which are no sessions: client (-1 if unknown), started_at, ended_at, day, week
    entries   calendar entries other than sessions: kind, start, end, all_day, day, week
    days      one row a work day: week, agreed_minutes, working_minutes (less leave), leave_share, usual (agreed by the
              pattern, public holiday or not), active (a held session or a sent message), occupied (active, or another
              job's span), worked (0 to 1), calendar_seen
    weeks     index week, without gaps; worked_days, usual_days, leave_days, present (share of the usual days that were
              no leave), compared, since_start (weeks; infinite for who was always there), fte, employed,
              calendar_seen, messages_seen, beginnings_known (whether a client never seen before is new), start, end
    clients   one row a key: client, person, and per term what holds at ``as_of``, as it is written
    ledger    what was entered: client (-1 for nobody in particular), kind, day, week
    agreements  what was said of each client, by day
    """

    clinician: Clinician
    practice: Practice
    calendar: WorkCalendar
    as_of: int
    sessions: pd.DataFrame
    held: pd.DataFrame
    messages: pd.DataFrame
    episodes: pd.DataFrame
    replies: pd.DataFrame
    extras: pd.DataFrame
    entries: pd.DataFrame
    days: pd.DataFrame
    weeks: pd.DataFrame
    clients: pd.DataFrame
    ledger: pd.DataFrame
    agreements: Agreements


def frames_from(facts: Facts, practice: Practice, *, as_of: int, holidays: Collection[date] = ()) -> Frames:
    """Derive every table of one clinician as known at the instant ``as_of``."""
    persons = persons_from(facts.joined)
    agreements = agreements_from(facts.terms, persons)
    calendar = _calendar(facts, practice, as_of, holidays)
    keys = _keys(facts)
    facts = _of_clients(_of_persons(facts, persons), agreements, calendar)
    sessions = sessions_from(facts.events, facts.evidence, facts.corrections, as_of=as_of)
    calendar = _with_held(calendar, sessions)
    sessions = _sessions(sessions, calendar)
    held = sessions[sessions["status"] == HELD]
    messages = _placed(facts.messages[facts.messages["sent_at"] <= as_of], calendar, "sent_at")
    messages["after_hours"] = calendar.after_hours(messages["sent_at"].to_numpy(dtype=np.int64))
    episodes = episodes_from(messages)
    replies = _replies(replies_from(messages, episodes, sessions, as_of=as_of), calendar)
    episodes = _episodes(episodes, replies, calendar)
    entries = _entries(facts.events, calendar)
    active = np.concatenate((held["day"], episodes["day"]))
    busy = _spans_of(entries[entries["kind"] == Kind.BUSY])
    days = _days(facts.clinician, calendar, _stretch(facts.calendar_seen, facts.events["start"], as_of), active, busy)
    return Frames(
        clinician=facts.clinician,
        practice=practice,
        calendar=calendar,
        as_of=as_of,
        sessions=sessions,
        held=held,
        messages=messages,
        episodes=episodes,
        replies=replies,
        extras=_placed(unscheduled_from(facts.events, facts.evidence, as_of=as_of), calendar, "started_at"),
        entries=entries,
        days=days,
        weeks=_weeks(facts, calendar, days, as_of),
        clients=what_holds(agreements, persons, keys, int(calendar.day_of(as_of))),
        ledger=facts.ledger.assign(week=monday_of(facts.ledger["day"])),
        agreements=agreements,
    )


def _keys(facts: Facts) -> NDArray[np.int64]:
    """Every key of a client that was met, wrote, was written to, or of whom something was said."""
    clients = facts.messages.loc[facts.messages["counterpart_kind"] == Counterpart.CLIENT, "counterpart"]
    keys = np.concatenate((facts.events["client"], clients, facts.terms["client"], facts.joined["client"]))
    return np.asarray(np.unique(keys[keys >= 0]), dtype=np.int64)


def _of_persons(facts: Facts, persons: Persons) -> Facts:
    """The facts with the person in the place of each of their keys."""
    return replace(
        facts,
        events=facts.events.assign(client=persons.of(facts.events["client"])),
        messages=facts.messages.assign(counterpart=persons.of(facts.messages["counterpart"])),
        ledger=facts.ledger.assign(client=persons.of(facts.ledger["client"])),
    )


def _of_clients(facts: Facts, agreements: Agreements, calendar: WorkCalendar) -> Facts:
    """Whoever is not a client on a day counts as none: what they write is other mail, and meeting them no session."""
    if not agreements.has("standing"):
        return facts
    events, messages = facts.events, facts.messages
    met = agreements.holds("standing", events["client"], calendar.day_of(events["start"]), NOT_A_CLIENT)
    wrote = agreements.holds("standing", messages["counterpart"], calendar.day_of(messages["sent_at"]), NOT_A_CLIENT)
    wrote &= (messages["counterpart_kind"] == Counterpart.CLIENT).to_numpy()
    return replace(
        facts,
        events=events.assign(
            client=events["client"].mask(met, -1),
            kind=events["kind"].mask(met & (events["kind"] == Kind.SESSION), Kind.OTHER.value),
        ),
        messages=messages.assign(counterpart_kind=messages["counterpart_kind"].mask(wrote, Counterpart.OTHER.value)),
    )


def _placed(table: pd.DataFrame, calendar: WorkCalendar, instant: str) -> pd.DataFrame:
    days = calendar.day_of(table[instant].to_numpy(dtype=np.int64))
    return table.assign(day=days, week=monday_of(days))


def _calendar(facts: Facts, practice: Practice, as_of: int, holidays: Collection[date]) -> WorkCalendar:
    known = pd.concat([facts.messages["sent_at"], facts.events["start"], facts.events["end"], pd.Series([as_of])])
    known = known.clip(as_of - LONG_AGO, as_of + FAR_AHEAD)
    first, last = date_of(known.min() // DAY) - MARGIN, date_of(known.max() // DAY) + MARGIN
    calendar = work_calendar(facts.clinician, first, last, day_starts_at=practice.day_starts_at, holidays=holidays)
    return with_entries(
        calendar, leave=_leave(facts.events, calendar), on_call=_spans_of(_of_kind(facts.events, Kind.ON_CALL))
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
    return events[(events["kind"] == kind) & ~events["status"].isin([Status.CANCELLED, Status.DECLINED])]


def _spans_of(entries: pd.DataFrame) -> Spans:
    return spans(entries[["start", "end"]].to_numpy(dtype=np.int64))


def _leave(events: pd.DataFrame, calendar: WorkCalendar) -> Spans:
    """Leave to the minute where it has hours, else by whole work days."""
    leave = _of_kind(events, Kind.LEAVE)
    return union(_spans_of(leave[~leave["all_day"]]), calendar.whole_days(_spans_of(leave[leave["all_day"]])))


def _sessions(sessions: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    placed = _placed(sessions, calendar, "booked_start")
    over = (placed["actual_end"] - placed["booked_end"]) / 60
    placed["overrun_minutes"] = over.where(placed["status"] == HELD)
    placed["after_hours"] = calendar.after_hours(placed["booked_start"].to_numpy(dtype=np.int64))
    true = _true_spans(placed)
    placed["began_at"], placed["ended_at"] = true[:, 0], true[:, 1]
    return placed


def _replies(replies: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    inbound = replies["inbound_at"].to_numpy(dtype=np.int64)
    answered = replies["reply_at"].notna().to_numpy()
    reply_at = replies["reply_at"].fillna(0).to_numpy(dtype=np.int64)
    return replies.assign(
        inbound_week=calendar.week_of(inbound),
        week=np.where(answered, calendar.week_of(reply_at), -1),
        inbound_after_hours=calendar.after_hours(inbound),
        after_hours=answered & ~replies["by_session"].to_numpy() & calendar.after_hours(reply_at),
        minutes_clock=replies["waited_seconds"] / 60,
        minutes_working=working_seconds(replies, calendar) / 60,
    )


def _episodes(episodes: pd.DataFrame, replies: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    """Episodes with their day; one that answers is judged at its first answer, any other where it begins."""
    answers = replies[replies["episode"] >= 0].groupby("episode")["reply_at"].min().reindex(episodes.index)
    at = answers.fillna(episodes["sent_at"]).to_numpy(dtype=np.int64)
    placed = _placed(episodes, calendar, "sent_at")
    return placed.assign(after_hours=calendar.after_hours(at), is_reply=answers.notna())


def _entries(events: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    standing = ~events["status"].isin([Status.CANCELLED, Status.DECLINED]) & events["set_aside"].isna()
    other = events[standing & (events["kind"] != Kind.SESSION)]
    return _placed(other[["kind", "start", "end", "all_day"]], calendar, "start")


def _days(
    clinician: Clinician, calendar: WorkCalendar, seen: tuple[int, int], active: NDArray[np.int64], busy: Spans
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
            "usual": calendar.usual,
            "active": is_active,
            "occupied": is_active | (seconds_inside(busy, starts, ends) > 0),
            "calendar_seen": (starts >= seen[0]) & (ends <= seen[1]),
        },
        index=pd.Index(days, name="day"),
    )


def _agreed_seconds(calendar: WorkCalendar, days: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Agreed seconds of each day, and what of them is no leave; an overnight span counts where it starts."""
    day, start, end = calendar.shifts[calendar.shifts[:, 0] >= days[0]].T
    agreed, left = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    np.add.at(agreed, day - days[0], end - start)
    np.add.at(left, day - days[0], end - start - seconds_inside(calendar.leave, start, end))
    return agreed, left


def _weeks(facts: Facts, calendar: WorkCalendar, days: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Every week that is over at ``as_of``, from the first that a source has seen to the last.

    A week is compared if it has at least half its usual worked days, and at least one (METRICS section 1).
    """
    weeks = _day_sums(days)
    number = weeks.index.to_numpy()
    weeks["start"], weeks["end"] = calendar.day_starts(number), calendar.day_starts(number + 7)
    weeks["calendar_seen"] = _saw(weeks, _stretch(facts.calendar_seen, facts.events["start"], as_of))
    weeks["messages_seen"] = _saw(weeks, _stretch(facts.messages_seen, facts.messages["sent_at"], as_of))
    weeks["employed"] = _employed(facts.clinician, number, number + 6)
    weeks["compared"] = (weeks["worked_days"] >= np.maximum(weeks["usual_days"] / 2, 1)) & weeks["employed"]
    weeks["since_start"] = _weeks_since_start(facts.clinician, number)
    weeks["fte"] = available_fte(facts.clinician.fte, weeks["present"], weeks["since_start"])
    weeks["beginnings_known"] = _beginnings_known(facts, calendar, weeks)
    seen = (weeks["calendar_seen"] | weeks["messages_seen"]) & (weeks["end"] <= as_of) & weeks["employed"]
    return weeks.loc[seen.idxmax() : seen[::-1].idxmax()] if seen.any() else weeks[seen]


def _day_sums(days: pd.DataFrame) -> pd.DataFrame:
    """By week: worked, usual and leave days, and the share of the usual days that was no leave.

    A public holiday inside a leave is no leave day, yet the person is away; with no usual day at all, nobody is.
    """
    leave = {
        "leave_days": days["leave_share"] * (days["agreed_minutes"] > 0),
        "away": days["leave_share"] * days["usual"],
    }
    sums = days.assign(**leave).groupby("week")[["worked", "usual", "leave_days", "away"]].sum()
    present = (1 - sums["away"] / sums["usual"].where(sums["usual"] > 0)).fillna(1).clip(0, 1)
    weeks = sums.rename(columns={"worked": "worked_days", "usual": "usual_days"})
    return weeks.drop(columns="away").assign(present=present)


def _stretch(seen: Seen, instants: pd.Series, as_of: int) -> tuple[int, int]:
    """What the sources cover: from the first record on, until they fall silent; nothing where there is none."""
    if seen is None or instants.empty:
        return (0, 0)
    end = min(seen[1], int(instants.max()) + QUIET_DAYS * DAY, as_of)
    return max(seen[0], int(instants.min())), end


def _saw(weeks: pd.DataFrame, stretch: tuple[int, int]) -> pd.Series:
    """Whether most of each week is covered."""
    shared = weeks["end"].clip(upper=stretch[1]) - weeks["start"].clip(lower=stretch[0])
    return shared >= (weeks["end"] - weeks["start"]) / 2


def _employed(clinician: Clinician, first_days: NDArray[np.int64], last_days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the person was with the practice for a part of each stretch of days."""
    begun = last_days >= day_number(clinician.starts or date.min)
    return np.asarray(begun & (first_days <= day_number(clinician.ends or date.max)))


def _weeks_since_start(clinician: Clinician, weeks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weeks from the one in which the person joined; infinite for who was always there."""
    if clinician.starts is None:
        return np.full(len(weeks), np.inf)
    return np.asarray((weeks - monday_of(day_number(clinician.starts))) / 7.0)


def _beginnings_known(facts: Facts, calendar: WorkCalendar, weeks: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a client never seen before a week is new: 90 days of calendar lie before it, or the person joined since.

    ::

        calendar seen        |-----------------------------
        always there          ----90 days---|known
        joined since              starts|known
    """
    first = weeks.index[weeks["calendar_seen"]].min()
    starts, seen = facts.clinician.starts, facts.calendar_seen
    if starts is None or seen is None or day_number(starts) < calendar.day_of(seen[0]):
        first += BEGINNING_DAYS
    return np.asarray(weeks["calendar_seen"] & (weeks.index >= first))
