"""The tables a metric may see, and nothing else.

:class:`Facts` is what is stored of one clinician; :func:`frames_from` derives :class:`Frames` from it. Days and weeks are
day numbers (see :mod:`monitor.analysis.calendar`), instants UTC epoch seconds, unknown ones NaN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from connectors.records import Kind, Status
from monitor.analysis.calendar import DAY, WorkCalendar, date_of, day_number, monday_of, with_sessions, work_calendar
from monitor.analysis.fairness import available_fte
from monitor.analysis.intervals import NO_SPANS, Spans, seconds_inside, spans
from monitor.analysis.messages import episodes_from, replies_from, working_seconds
from monitor.analysis.sessions import HELD, sessions_from
from monitor.roster import Clinician, Practice

QUIET_DAYS = 14  # a source whose last record is older than this is taken as silent, not as empty
MARGIN = timedelta(days=8)

Seen = tuple[int, int] | None
"""From when to when a kind of source has been read: ``[start, end)``, or ``None`` if none is connected."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of one clinician; columns as :func:`monitor.store.Store.facts` returns them.

    ``calendar_seen`` and ``messages_seen`` are the spans in which the sources have been read.
    """

    clinician: Clinician
    events: pd.DataFrame
    evidence: pd.DataFrame
    corrections: pd.DataFrame
    messages: pd.DataFrame
    calendar_seen: Seen
    messages_seen: Seen


@dataclass(frozen=True, slots=True)
class Frames:
    """One clinician's tables.

    sessions  see :func:`~monitor.analysis.sessions.sessions_from`, and day, week, overrun_minutes, after_hours
    messages  sent_at, outgoing, automatic, counterpart, counterpart_kind, channel, thread, and day, week, after_hours
    episodes  see :func:`~monitor.analysis.messages.episodes_from`, and day, week, after_hours, is_reply
    replies   see :func:`~monitor.analysis.messages.replies_from`, and week (of the reply), inbound_week, after_hours,
              inbound_after_hours, minutes_clock, minutes_working
    entries   timed calendar entries other than sessions: kind, start, end, week
    days      one row a work day: week, agreed_minutes, leave_share, worked, active
    weeks     index week; worked_days, usual_days, leave_days, compared, fte, calendar_seen, messages_seen, start, end
    """

    clinician: Clinician
    calendar: WorkCalendar
    as_of: int
    sessions: pd.DataFrame
    messages: pd.DataFrame
    episodes: pd.DataFrame
    replies: pd.DataFrame
    entries: pd.DataFrame
    days: pd.DataFrame
    weeks: pd.DataFrame

    @property
    def held(self) -> pd.DataFrame:
        """The sessions that took place."""
        return self.sessions[self.sessions["status"] == HELD]


def frames_from(facts: Facts, practice: Practice, *, as_of: int, holidays: Collection[date] = ()) -> Frames:
    """Derive every table of one clinician as known at the instant ``as_of``."""
    sessions = sessions_from(facts.events, facts.evidence, facts.corrections, as_of=as_of)
    calendar = _calendar(facts, practice, sessions, as_of, holidays)
    messages = _placed(facts.messages, calendar, "sent_at")
    messages["after_hours"] = calendar.after_hours(messages["sent_at"].to_numpy())
    sessions = _sessions(sessions, calendar)
    episodes = _placed(episodes_from(messages), calendar, "sent_at")
    episodes["after_hours"] = calendar.after_hours(episodes["sent_at"].to_numpy(dtype=np.int64))
    replies = _replies(replies_from(messages, episodes, sessions, as_of=as_of), calendar)
    episodes["is_reply"] = episodes.index.isin(replies["episode"])
    days = _days(facts, calendar, sessions, episodes)
    return Frames(
        facts.clinician, calendar, as_of, sessions, messages, episodes, replies,
        _entries(facts.events, calendar), days, _weeks(facts, calendar, days, as_of),
    )  # fmt: skip


def _placed(table: pd.DataFrame, calendar: WorkCalendar, instant: str) -> pd.DataFrame:
    days = calendar.day_of(table[instant].to_numpy(dtype=np.int64))
    return table.assign(day=days, week=monday_of(days))


def _calendar(
    facts: Facts, practice: Practice, sessions: pd.DataFrame, as_of: int, holidays: Collection[date]
) -> WorkCalendar:
    instants = [facts.messages["sent_at"], facts.events["start"], facts.events["end"], pd.Series([as_of])]
    known = pd.concat(instants)
    first, last = date_of(known.min() // DAY) - MARGIN, date_of(known.max() // DAY) + MARGIN
    calendar = work_calendar(
        facts.clinician,
        first,
        last,
        day_starts_at=practice.day_starts_at,
        holidays=holidays,
        leave=_spans_of(facts.events, Kind.LEAVE),
        on_call=_spans_of(facts.events, Kind.ON_CALL),
    )
    held = sessions[sessions["status"] == HELD]
    booked = held[["booked_start", "booked_end"]].to_numpy(dtype=np.int64)
    return with_sessions(calendar, booked, _true_spans(held))


def _true_spans(held: pd.DataFrame) -> Spans:
    """(start, end) of each held session, the actual ones where they are known; unsorted, row by row."""
    start = held["actual_start"].fillna(held["booked_start"]).to_numpy(dtype=np.int64)
    length = (held["booked_end"] - held["booked_start"]).to_numpy(dtype=np.int64)
    end = held["actual_end"].fillna(pd.Series(start + length, index=held.index)).to_numpy(dtype=np.int64)
    return np.column_stack((start, np.maximum(end, start)))


def _spans_of(events: pd.DataFrame, kind: Kind) -> Spans:
    standing = ~events["status"].isin([Status.CANCELLED, Status.DECLINED])
    chosen = events[(events["kind"] == kind) & standing]
    return spans(chosen[["start", "end"]].to_numpy(dtype=np.int64)) if len(chosen) else NO_SPANS


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


def _entries(events: pd.DataFrame, calendar: WorkCalendar) -> pd.DataFrame:
    standing = ~events["status"].isin([Status.CANCELLED, Status.DECLINED]) & events["set_aside"].isna()
    other = events[standing & (events["kind"] != Kind.SESSION)]
    return _placed(other[["kind", "start", "end", "all_day"]], calendar, "start")


def _days(
    facts: Facts, calendar: WorkCalendar, sessions: pd.DataFrame, episodes: pd.DataFrame
) -> pd.DataFrame:
    """Every work day of the calendar: how much was agreed, how much of it was leave, and whether it was worked.

    ``worked`` is 1 for a day that is agreed or active, less the share of it that is leave, so that a leave which
    begins at noon leaves half a day.
    """
    days = np.arange(calendar.first_day, calendar.last_day + 1)
    starts, ends = calendar.day_starts(days), calendar.day_starts(days + 1)
    agreed = seconds_inside(calendar.agreed, starts, ends)
    on_leave = seconds_inside(calendar.leave, starts, ends)
    left = seconds_inside(calendar.working, starts, ends)
    leave_share = np.where(agreed > 0, 1 - left / np.maximum(agreed, 1), on_leave / (ends - starts))
    active = np.isin(days, np.concatenate((sessions.loc[sessions["status"] == HELD, "day"], episodes["day"])))
    return pd.DataFrame(
        {
            "week": monday_of(days),
            "agreed_minutes": agreed / 60,
            "leave_share": leave_share,
            "worked": ((agreed > 0) | active) * (1 - leave_share),
            "usual": _usually_agreed(facts.clinician, calendar, days),
            "active": active,
        },
        index=pd.Index(days, name="day"),
    )


def _usually_agreed(clinician: Clinician, calendar: WorkCalendar, days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the pattern agrees work on that day, public holidays or not."""
    first, last = date_of(int(days[0])), date_of(int(days[-1]))
    plain = work_calendar(clinician, first, last, day_starts_at=calendar.day_starts_at // 60)
    return seconds_inside(plain.agreed, plain.day_starts(days), plain.day_starts(days + 1)) > 0


def _weeks(facts: Facts, calendar: WorkCalendar, days: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Every week that is over at ``as_of``, from the first that a source has seen.

    A week is compared if it has at least half its usual worked days, and at least one (METRICS section 1).
    """
    grouped = days.groupby("week")
    weeks = pd.DataFrame(
        {
            "worked_days": grouped["worked"].sum(),
            "usual_days": grouped["usual"].sum(),
            "leave_days": (days["leave_share"] * days["usual"]).groupby(days["week"]).sum(),
        }
    )
    number = weeks.index.to_numpy()
    weeks["start"], weeks["end"] = calendar.day_starts(number), calendar.day_starts(number + 7)
    weeks["calendar_seen"] = _saw(weeks, facts.calendar_seen, facts.events["start"], as_of)
    weeks["messages_seen"] = _saw(weeks, facts.messages_seen, facts.messages["sent_at"], as_of)
    weeks["employed"] = _employed(facts.clinician, number)
    weeks["compared"] = (weeks["worked_days"] >= np.maximum(weeks["usual_days"] / 2, 1)) & weeks["employed"]
    weeks["fte"] = weeks["employed"] * available_fte(
        facts.clinician.fte, _present_share(weeks), _weeks_since_start(facts.clinician, number)
    )
    seen = (weeks["calendar_seen"] | weeks["messages_seen"]) & (weeks["end"] <= as_of)
    return weeks[seen & weeks["employed"]]


def _saw(weeks: pd.DataFrame, seen: Seen, instants: pd.Series, as_of: int) -> pd.Series:
    """Whether the sources cover most of each week: from the first record on, until they fall silent."""
    if seen is None or instants.empty:
        return pd.Series(data=False, index=weeks.index)
    start = max(seen[0], int(instants.min()))
    end = min(seen[1], int(instants.max()) + QUIET_DAYS * DAY, as_of)
    shared = np.minimum(weeks["end"], end) - np.maximum(weeks["start"], start)
    return shared >= (weeks["end"] - weeks["start"]) / 2


def _employed(clinician: Clinician, weeks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the person was with the practice for a part of each week."""
    begun = weeks + 6 >= (day_number(clinician.starts) if clinician.starts else weeks.min())
    return begun & (weeks <= (day_number(clinician.ends) if clinician.ends else weeks.max()))


def _weeks_since_start(clinician: Clinician, weeks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weeks from the one in which the person joined; infinite for who was always there."""
    if clinician.starts is None:
        return np.full(len(weeks), np.inf)
    return (weeks - monday_of(day_number(clinician.starts))) / 7.0


def _present_share(weeks: pd.DataFrame) -> pd.Series:
    """The share of the usual days that was not leave; 1 where the pattern agrees no day at all."""
    return (1 - weeks["leave_days"] / weeks["usual_days"].where(weeks["usual_days"] > 0)).fillna(1).clip(0, 1)
