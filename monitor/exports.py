"""The tables of `evenhours export`, with columns and values that other programs may rely on.

Instants are ISO 8601 in UTC with a Z, booleans are 0 and 1, unknown values are empty. Rows are selected by local days,
both inclusive, and include spans that touch them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import isnan
from typing import TYPE_CHECKING

from connectors.records import Grade
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import analysis_records
from monitor.store import exports as stored_rows
from monitor.store.database import Store
from monitor.store.keys import Row

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "events": (
        "clinician", "source", "start", "end", "all_day", "status", "kind", "client", "uid_key",
    ),
    "sessions": (
        "clinician", "client", "booked_start", "booked_end", "actual_start", "actual_end", "evidence",
        "overrun_minutes", "status", "uid_key",
    ),
    "messages": (
        "clinician", "source", "counterpart", "counterpart_kind", "sent_at", "direction", "channel", "automatic",
        "after_hours", "thread",
    ),
    "replies": (
        "clinician", "client", "inbound_at", "reply_at", "minutes_clock", "minutes_working", "after_hours",
    ),
    "metrics": ("clinician", "week", "key", "value", "n", "coverage"),
    "notices": ("clinician", "week", "tier", "family", "key", "client", "rate_ratio", "low", "high", "answer", "about",
        "seen",
    ),
    "answers": ("clinician", "tier", "family", "answer", "number"),
}  # fmt: skip

UNSCHEDULED = "unscheduled"
ALWAYS = (-(2**62), 2**62)  # before and after all instants and day numbers


def export_rows(
    table: str,
    config: Config,
    store: Store,
    clinician: Clinician,
    *,
    first: date | None = None,
    last: date | None = None,
    now: datetime,
) -> Iterator[Row]:
    """Yield the rows of one table and clinician that touch the local days ``first`` to ``last``.

    All of them come from one consistent view of the store.
    """
    from monitor.analysis.calendar import day_number
    from monitor.loading import load_frames

    key = clinician.key
    start = _midnight(clinician, first, ALWAYS[0])
    end = _midnight(clinician, last and last + timedelta(days=1), ALWAYS[1])
    days = day_number(first) if first else ALWAYS[0], day_number(last) if last else ALWAYS[1]
    with store.read() as connection:
        if table == "events":
            events = stored_rows.events(connection, key, start, end)
            return iter([{**row, "start": _iso(row["start"]), "end": _iso(row["end"])} for row in events])
        if table == "metrics":
            return iter([_week_row(row) for row in stored_rows.metrics(connection, key, *days)])
        if table == "notices":
            return iter([_week_row(row) for row in stored_rows.notices(connection, key, *days)])
        if table == "answers":
            return iter(list(stored_rows.answers(connection, key, *days)))
        pseudonyms = analysis_records.pseudonyms(connection, key)
        messages = list(stored_rows.messages(connection, key, start, end)) if table == "messages" else []
        frames = load_frames(config, store, clinician, now=now)
    if table == "messages":
        return _message_rows(messages, frames, pseudonyms)
    return (_session_rows if table == "sessions" else _reply_rows)(frames, pseudonyms, start, end)


def _midnight(clinician: Clinician, day: date | None, default: int) -> int:
    """Return the instant at which a local day begins, in the clinician's time zone of that day."""
    if day is None:
        return default
    residences = [residence for residence in clinician.residences if not residence.starts or residence.starts <= day]
    zone = (residences or clinician.residences)[-1].zone
    return int(datetime.combine(day, time(), zone).timestamp())


def _message_rows(rows: Sequence[Row], frames: Frames, pseudonyms: Mapping[int, str]) -> Iterator[Row]:
    from monitor.analysis.contact_rules import classify_contact

    clients = zip(frames.clients.terms["client"], frames.clients.terms["person"], strict=True)
    persons_by_pseudonym = {pseudonyms[client]: person for client, person in clients}
    persons = [persons_by_pseudonym.get(row["counterpart"], -1) for row in rows]
    sent_at = [row["sent_at"] for row in rows]
    emergency_threads = set(frames.messages.all.loc[frames.messages.all["emergency"], "thread"])
    emergencies = [row["thread"] in emergency_threads for row in rows]
    contact = classify_contact(
        frames.clients.agreements, frames.time.calendar, persons, sent_at, emergencies=emergencies
    )
    for row, after_hours in zip(rows, contact["after_hours"], strict=True):
        yield {**row, "sent_at": _iso(row["sent_at"]), "after_hours": int(after_hours)}


def _session_rows(frames: Frames, pseudonyms: Mapping[int, str], start: int, end: int) -> Iterator[Row]:
    booked_start = frames.sessions.all["booked_start"]
    last_end = frames.sessions.all[["booked_end", "effective_end"]].max(axis=1)
    sessions = frames.sessions.all[(booked_start < end) & ((last_end > start) | (booked_start >= start))]
    for session in sessions.sort_values(["booked_start", "uid_key"]).to_dict("records"):
        yield {
            "clinician": frames.clinician.key,
            "client": pseudonyms.get(session["client"]),
            **{name: _iso(session[name]) for name in ("booked_start", "booked_end", "actual_start", "actual_end")},
            "evidence": session["evidence"],
            "overrun_minutes": _decimal(session["overrun_minutes"]),
            "status": session["status"],
            "uid_key": session["uid_key"],
        }
    calls = frames.sessions.unscheduled_calls
    for call in calls[(calls["started_at"] < end) & (calls["ended_at"] > start)].to_dict("records"):
        yield {  # actual times without a booking
            **dict.fromkeys(COLUMNS["sessions"]),
            "clinician": frames.clinician.key,
            "client": pseudonyms.get(call["client"]),
            "actual_start": _iso(call["started_at"]),
            "actual_end": _iso(call["ended_at"]),
            "evidence": Grade.CALL.value,
            "status": UNSCHEDULED,
        }


def _reply_rows(frames: Frames, pseudonyms: Mapping[int, str], start: int, end: int) -> Iterator[Row]:
    inbound_at = frames.messages.replies["inbound_at"]
    replies = frames.messages.replies[(inbound_at >= start) & (inbound_at < end)]
    for reply in replies.sort_values("inbound_at", kind="stable").to_dict("records"):
        is_answered = not isnan(reply["reply_at"])
        yield {
            "clinician": frames.clinician.key,
            "client": pseudonyms.get(reply["client"]),
            "inbound_at": _iso(reply["inbound_at"]),
            "reply_at": _iso(reply["reply_at"]),
            "minutes_clock": _decimal(reply["minutes_clock"]) if is_answered else None,
            "minutes_working": _decimal(reply["minutes_working"]) if is_answered else None,
            "after_hours": int(reply["after_hours"]) if is_answered else None,
        }


def _week_row(row: Row) -> Row:
    from monitor.analysis.calendar import date_of

    year, week, _ = date_of(row["week"]).isocalendar()
    return {**row, "week": f"{year}-W{week:02}"}


def _iso(instant: float) -> str | None:
    """Return an instant as ISO 8601 in UTC with a Z, and ``None`` for an unknown one (NaN)."""
    return None if isnan(instant) else datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")


def _decimal(minutes: float) -> float | None:
    return None if isnan(minutes) else round(float(minutes), 3)
