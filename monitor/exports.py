"""The tables of ``evenhours export``: columns and rows, stable for whoever builds on them.

Instants are ISO 8601 in UTC with a Z, booleans 0 and 1, unknown values empty. Rows are chosen by local days, both
included; a span that touches them is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from math import isnan
from typing import TYPE_CHECKING, Any

from connectors.records import Grade
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import analysis_records, notices, tables
from monitor.store.database import Store

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

Row = dict[str, object]
UNSCHEDULED = "unscheduled"
EVER = (-(2**62), 2**62)


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
    """The rows of one table and clinician that touch the local days ``first`` to ``last``, in one view of the store."""
    span = _midnight(clinician, first, EVER[0]), _midnight(clinician, last and last + timedelta(days=1), EVER[1])
    from monitor.analysis.calendar import day_number
    from monitor.loading import load_frames

    days = day_number(first) if first else EVER[0], day_number(last) if last else EVER[1]
    with store.read() as connection:
        if table == "events":
            return iter([_event(row) for row in tables.events(connection, clinician.key, *span)])
        if table == "metrics":
            return iter([_weekly(row) for row in tables.metrics(connection, clinician.key, *days)])
        if table == "notices":
            return iter([_weekly(row) for row in tables.notices(connection, clinician.key, *days)])
        if table == "answers":
            return iter(
                [_counted(clinician, count) for count in notices.answer_counts(connection, clinician.key, *days)]
            )
        names = analysis_records.pseudonyms(connection, clinician.key)
        messages = list(tables.messages(connection, clinician.key, *span)) if table == "messages" else []
        frames = load_frames(config, store, clinician, now=now)
    if table == "messages":
        return _messages(messages, frames, names)
    return (_sessions if table == "sessions" else _replies)(frames, names, *span)


def _counted(clinician: Clinician, count: notices.AnswerCount) -> Row:
    """How often a clinician said one thing to the notices of one family; no answer: still open."""
    return {"clinician": clinician.key, **asdict(count)}


def _midnight(clinician: Clinician, day: date | None, otherwise: int) -> int:
    """The instant at which a local day begins where the clinician lived on that day."""
    if day is None:
        return otherwise
    lived = [home for home in clinician.residences if home.starts is None or home.starts <= day]
    zone = (lived or clinician.residences)[-1].zone
    return int(datetime.combine(day, time(), zone).timestamp())


def _event(row: tables.Row) -> Row:
    return {**row, "start": _iso(row["start"]), "end": _iso(row["end"])}


def _messages(rows: Sequence[tables.Row], frames: Frames, names: Mapping[int, str]) -> Iterator[Row]:
    from monitor.analysis.contact_rules import classify_contact

    clients = zip(frames.clients["client"], frames.clients["person"], strict=True)
    person = {names[client]: person for client, person in clients}
    who = [person.get(row["counterpart"], -1) for row in rows]
    sent_at = [row["sent_at"] for row in rows]
    marked = set(frames.messages.loc[frames.messages["emergency"], "thread"])
    in_one = [row["thread"] in marked for row in rows]
    late = classify_contact(frames.agreements, frames.calendar, who, sent_at, emergencies=in_one)["after_hours"]
    for row, after in zip(rows, late, strict=True):
        yield {**row, "sent_at": _iso(row["sent_at"]), "after_hours": int(after)}


def _sessions(frames: Frames, names: Mapping[int, str], start: int, end: int) -> Iterator[Row]:
    booked = frames.sessions["booked_start"]
    ends = frames.sessions[["booked_end", "effective_end"]].max(axis=1)
    chosen = frames.sessions[(booked < end) & ((ends > start) | (booked >= start))]
    for values in chosen.sort_values(["booked_start", "uid_key"]).to_dict("records"):
        yield {"clinician": frames.clinician.key, "client": names.get(values["client"]), **_session(values)}
    extras = frames.unscheduled_calls[
        (frames.unscheduled_calls["started_at"] < end) & (frames.unscheduled_calls["ended_at"] > start)
    ]
    for values in extras.to_dict("records"):
        yield {"clinician": frames.clinician.key, "client": names.get(values["client"]), **_extra(values)}


def _replies(frames: Frames, names: Mapping[int, str], start: int, end: int) -> Iterator[Row]:
    inbound = frames.replies["inbound_at"]
    chosen = frames.replies[(inbound >= start) & (inbound < end)]
    for values in chosen.sort_values("inbound_at", kind="stable").to_dict("records"):
        yield {"clinician": frames.clinician.key, "client": names.get(values["client"]), **_reply(values)}


def _session(values: Mapping[Any, Any]) -> Row:
    instants = ("booked_start", "booked_end", "actual_start", "actual_end")
    return {
        **{name: _iso(values[name]) for name in instants},
        "evidence": values["evidence"],
        "overrun_minutes": _decimal(values["overrun_minutes"]),
        "status": values["status"],
        "uid_key": values["uid_key"],
    }


def _extra(values: Mapping[Any, Any]) -> Row:
    """A call that nobody booked: it has no booking, and counts as no session."""
    nothing = dict.fromkeys(COLUMNS["sessions"][2:])
    actual = {"actual_start": _iso(values["started_at"]), "actual_end": _iso(values["ended_at"])}
    return nothing | actual | {"evidence": Grade.CALL.value, "status": UNSCHEDULED}


def _reply(values: Mapping[Any, Any]) -> Row:
    answered = not isnan(values["reply_at"])
    return {
        "inbound_at": _iso(values["inbound_at"]),
        "reply_at": _iso(values["reply_at"]),
        "minutes_clock": _decimal(values["minutes_clock"]) if answered else None,
        "minutes_working": _decimal(values["minutes_working"]) if answered else None,
        "after_hours": int(values["after_hours"]) if answered else None,
    }


def _weekly(row: tables.Row) -> Row:
    from monitor.analysis.calendar import date_of

    year, week, _ = date_of(row["week"]).isocalendar()
    return {**row, "week": f"{year}-W{week:02}"}


def _iso(instant: float) -> str | None:
    """An instant in UTC with a Z; an unknown one stays so."""
    return None if isnan(instant) else datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")


def _decimal(minutes: float) -> float | None:
    return None if isnan(minutes) else round(float(minutes), 3)
