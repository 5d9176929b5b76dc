"""Builders of one clinician's records, a line each, and of the frames derived from them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pandas as pd

from connectors.records import CounterpartKind, Grade, Kind, Status
from monitor.analysis.calendar import day_number
from monitor.analysis.frames import Frames, frames_from
from monitor.analysis.records import RECORD_COLUMNS, Records
from monitor.config.hours import parse_span
from monitor.roster import Clinician, Contract, Hours, MinuteSpan, Practice, Residence

EXAMPLES = int(os.environ.get("EVENHOURS_EXAMPLES", "25"))
"""The number of examples for the slower properties; a soak test takes thousands."""

SOAKED = "EVENHOURS_EXAMPLES" in os.environ
"""True in a soak test."""

BERLIN = "Europe/Berlin"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = {day: ["09:00-13:00", "14:00-18:00"] for day in WEEKDAYS[:5]}
Row = dict[str, object]
_numbers = count(1)


def instant(text: str, zone: str = BERLIN, *, second_time: bool = False) -> int:
    """Return the instant at which a wall clock shows ``"2026-03-02 18:00"``, with seconds if needed."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_time)).timestamp())


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def hours(days: Mapping[str, Sequence[str]] = OFFICE, starts: str | None = None, holidays: Sequence[str] = ()) -> Hours:
    """Return a version of a work pattern, as the configuration has it."""
    return Hours(
        date.fromisoformat(starts) if starts else None,
        {WEEKDAYS.index(name): _minute_spans(spans) for name, spans in days.items()},
        _minute_spans(holidays),
    )


def _minute_spans(texts: Sequence[str]) -> tuple[MinuteSpan, ...]:
    return tuple(map(parse_span, texts))


def clinician(
    *patterns: Hours,
    zone: str = BERLIN,
    moves: Mapping[str, str] | None = None,
    fte: float = 1.0,
    starts: str | None = None,
    ends: str | None = None,
    grace: int = 5,
) -> Clinician:
    """Return a clinician with office hours in Berlin by default; ``moves`` are zones by date."""
    later = [Residence(date.fromisoformat(since), ZoneInfo(name)) for since, name in (moves or {}).items()]
    return Clinician(
        key="ana",
        name="Ana",
        residences=(Residence(None, ZoneInfo(zone)), *later),
        contracts=(Contract(None, fte),),
        starts=date.fromisoformat(starts) if starts else None,
        ends=date.fromisoformat(ends) if ends else None,
        grace_minutes=grace,
        hours=patterns or (hours(),),
    )


def event(  # noqa: PLR0913
    start: str,
    end: str,
    *,
    client: int = -1,
    kind: Kind = Kind.SESSION,
    status: Status = Status.CONFIRMED,
    uid: str = "",
    source: int = 1,
    booked_end: str | None = None,
    all_day: bool = False,
    excluded: str | None = None,
    known_at: str = "2000-01-01 00:00",
    meeting: str = "",
    cancelled: str | None = None,
    moved: bool = False,
    zone: str = BERLIN,
) -> Row:
    """Return a calendar event; ``end`` is its present end, ``cancelled`` the time when it was cancelled."""
    return {
        "source": source, "uid_key": uid or f"uid{next(_numbers)}", "start": instant(start, zone),
        "end": instant(end, zone),
        "booked_end": instant(booked_end or end, zone), "all_day": all_day, "status": status.value, "kind": kind.value,
        "client": client, "excluded": excluded, "known_at": instant(known_at, zone), "meeting": meeting,
        "cancelled_at": None if cancelled is None else instant(cancelled, zone), "moved": moved,
    }  # fmt: skip


def actual_times(
    start: str | None, end: str | None, *, grade: Grade = Grade.EHR, uid: str = "", meeting: str = "", source: int = 2
) -> Row:
    """Return evidence of when a session began and ended."""
    began, ended = (None if text is None else instant(text) for text in (start, end))
    return {
        "source": source, "grade": grade.value, "started_at": began, "ended_at": ended, "uid_key": uid,
        "meeting": meeting,
    }  # fmt: skip


def message(  # noqa: PLR0913
    when: str | int,
    *,
    out: bool = False,
    client: int = 1,
    thread: int = 0,
    kind: CounterpartKind = CounterpartKind.CLIENT,
    automatic: bool = False,
    emergency: bool = False,
    channel: str = "email",
    zone: str = BERLIN,
) -> Row:
    sent_at = instant(when, zone) if isinstance(when, str) else when
    return {
        "sent_at": sent_at, "outgoing": out, "automatic": automatic, "counterpart": client,
        "counterpart_kind": kind.value, "channel": channel, "thread": thread, "source": 2,
        "emergency": emergency,
    }  # fmt: skip


def table(name: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as that table of the records."""
    return pd.DataFrame(list(rows), columns=list(RECORD_COLUMNS[name])).astype(dict(RECORD_COLUMNS[name]))


def events(rows: Iterable[Row]) -> pd.DataFrame:
    return table("events", rows)


def evidence(rows: Iterable[Row] = ()) -> pd.DataFrame:
    return table("evidence", rows)


def corrections(ends: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return corrections of ends, by uid_key."""
    return table("corrections", [{"uid_key": uid, "ended_at": instant(end)} for uid, end in (ends or {}).items()])


def term(
    client: int, name: str, value: str | None, since: str | None = None, *, entered: str = "2000-01-01 00:00"
) -> Row:
    """Return a term of a client from a day on; without a day, for all time."""
    return {
        "client": client,
        "term": name,
        "day": day(since) if since else 0,
        "value": value,
        "entered_at": instant(entered),
    }


def joined_keys(*people: Sequence[int]) -> pd.DataFrame:
    """Return the keys of each person, as ``joined_keys([1, 4], [2, 3])``."""
    return table("persons", [{"client": key, "person": min(keys)} for keys in people for key in keys])


def ledger_entry(client: int, kind: str, on_day: str) -> Row:
    """Return an entry of the ledger."""
    return {"client": client, "kind": kind, "day": day(on_day)}


def messages(rows: Iterable[Row]) -> pd.DataFrame:
    return table("messages", rows)


def records(
    *,
    entries: Iterable[Row] = (),
    times: Iterable[Row] = (),
    corrected: Mapping[str, str] | None = None,
    mail: Iterable[Row] = (),
    people: Iterable[Sequence[int]] = (),
    terms: Iterable[Row] = (),
    ledger: Iterable[Row] = (),
) -> Records:
    return Records(
        events=events(entries),
        evidence=evidence(times),
        corrections=corrections(corrected),
        messages=messages(mail),
        persons=joined_keys(*people),
        terms=table("terms", terms),
        ledger=table("ledger", ledger),
    )


def frames(  # noqa: PLR0913
    person: Clinician | None = None,
    *,
    as_of: str = "2026-03-30 12:00",
    entries: Iterable[Row] = (),
    times: Iterable[Row] = (),
    corrected: Mapping[str, str] | None = None,
    mail: Iterable[Row] = (),
    calendar_span: tuple[str, str] | None = ("2025-01-01 00:00", "2027-01-01 00:00"),
    messages_span: tuple[str, str] | None = ("2025-01-01 00:00", "2027-01-01 00:00"),
    people: Iterable[Sequence[int]] = (),
    terms: Iterable[Row] = (),
    ledger: Iterable[Row] = (),
    holidays: Iterable[str] = (),
    practice: Practice | None = None,
) -> Frames:
    """Return the frames of those records at a time in Berlin."""
    stored = records(
        entries=entries, times=times, corrected=corrected, mail=mail, people=people, terms=terms, ledger=ledger
    )
    return frames_from(
        stored,
        person or clinician(),
        practice or Practice("Harbour Street", ZoneInfo(BERLIN)),
        as_of=instant(as_of),
        calendar_span=calendar_span and (instant(calendar_span[0]), instant(calendar_span[1])),
        messages_span=messages_span and (instant(messages_span[0]), instant(messages_span[1])),
        holidays=set(map(date.fromisoformat, holidays)),
    )
