"""Stored records of one clinician, written down in a line each: what the analysis is tested on."""

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
"""How many examples the slower properties are tried on; a soak takes thousands."""

SOAKED = "EVENHOURS_EXAMPLES" in os.environ
"""Whether this is a soak."""

BERLIN = "Europe/Berlin"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = {day: ["09:00-13:00", "14:00-18:00"] for day in WEEKDAYS[:5]}
Row = dict[str, object]
_numbers = count(1)


def at(text: str, zone: str = BERLIN, *, second_time: bool = False) -> int:
    """The instant at which a wall clock shows ``"2026-03-02 18:00"``, with seconds if need be."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_time)).timestamp())


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def hours(days: Mapping[str, Sequence[str]] = OFFICE, starts: str | None = None, holidays: Sequence[str] = ()) -> Hours:
    """A version of a work pattern, as the configuration writes it."""
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
    """Somebody with office hours in Berlin, unless told otherwise; ``moves`` are zones by date."""
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
    known: str = "2000-01-01 00:00",
    meeting: str = "",
    cancelled: str | None = None,
    moved: bool = False,
    zone: str = BERLIN,
) -> Row:
    """A calendar entry; ``end`` is as it stands now, ``booked_end`` as it was booked, ``cancelled`` when it was."""
    return {
        "source": source, "uid_key": uid or f"uid{next(_numbers)}", "start": at(start, zone), "end": at(end, zone),
        "booked_end": at(booked_end or end, zone), "all_day": all_day, "status": status.value, "kind": kind.value,
        "client": client, "excluded": excluded, "known_at": at(known, zone), "meeting": meeting,
        "cancelled_at": None if cancelled is None else at(cancelled, zone), "moved": moved,
    }  # fmt: skip


def seen_times(
    start: str | None, end: str | None, *, grade: Grade = Grade.EHR, uid: str = "", meeting: str = "", source: int = 2
) -> Row:
    """Evidence: when a session truly began and ended."""
    began, ended = (None if text is None else at(text) for text in (start, end))
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
    sent_at = at(when, zone) if isinstance(when, str) else when
    return {
        "sent_at": sent_at, "outgoing": out, "automatic": automatic, "counterpart": client,
        "counterpart_kind": kind.value, "channel": channel, "thread": thread, "source": 2,
        "emergency": emergency,
    }  # fmt: skip


def table(name: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as that table of the records."""
    return pd.DataFrame(list(rows), columns=list(RECORD_COLUMNS[name])).astype(dict(RECORD_COLUMNS[name]))


def events(rows: Iterable[Row]) -> pd.DataFrame:
    return table("events", rows)


def evidence(rows: Iterable[Row] = ()) -> pd.DataFrame:
    return table("evidence", rows)


def corrections(ends: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What the clinician says about ends, by uid_key."""
    return table("corrections", [{"uid_key": uid, "ended_at": at(end)} for uid, end in (ends or {}).items()])


def term(client: int, name: str, value: str | None, since: str | None = None, *, said: str = "2000-01-01 00:00") -> Row:
    """What is said of a client from a day on; without a day, what was always so."""
    return {"client": client, "term": name, "day": day(since) if since else 0, "value": value, "entered_at": at(said)}


def joined_keys(*people: Sequence[int]) -> pd.DataFrame:
    """Keys of one person, as ``joined_keys([1, 4], [2, 3])``."""
    return table("persons", [{"client": key, "person": min(keys)} for keys in people for key in keys])


def entered(client: int, kind: str, on: str) -> Row:
    """An entry of the ledger."""
    return {"client": client, "kind": kind, "day": day(on)}


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
    """Everything derived from those records as of a moment in Berlin."""
    stored = records(
        entries=entries, times=times, corrected=corrected, mail=mail, people=people, terms=terms, ledger=ledger
    )
    return frames_from(
        stored,
        person or clinician(),
        practice or Practice("Harbour Street", ZoneInfo(BERLIN)),
        as_of=at(as_of),
        calendar_span=calendar_span and (at(calendar_span[0]), at(calendar_span[1])),
        messages_span=messages_span and (at(messages_span[0]), at(messages_span[1])),
        holidays=set(map(date.fromisoformat, holidays)),
    )
