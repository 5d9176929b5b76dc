"""The tables of ``evenhours export``: columns and rows, stable for whoever builds on them.

Instants are ISO 8601 in UTC with a Z, booleans 0 and 1, unknown values empty. Rows are chosen by local days, both
included; a span that touches them is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from monitor.analysis.calendar import date_of, day_number
from monitor.config import Config
from monitor.loading import frames_of
from monitor.roster import Clinician
from monitor.store import facts, tables
from monitor.store.database import Store

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
    "notices": ("clinician", "week", "tier", "family", "key", "client", "rate_ratio", "low", "high", "answer"),
}  # fmt: skip

Row = dict[str, object]
EVER = (-(2**62), 2**62)


def rows_of(  # noqa: PLR0913
    table: str, config: Config, store: Store, clinician: Clinician, *, first: date | None, last: date | None, now: datetime
) -> Iterator[Row]:
    """The rows of one table and clinician that touch the local days ``first`` to ``last``."""
    start, end = _instants(clinician, first, last)
    if table in {"sessions", "replies"}:
        return _derived(table, config, store, clinician, start, end, now)
    if table in {"metrics", "notices"}:
        return _weekly(table, store, clinician, first, last)
    with store.read() as connection:
        rows = [dict(row) for row in getattr(tables, table)(connection, clinician.key, start, end)]
    return iter(_events(rows) if table == "events" else _messages(rows, config, store, clinician, now))


def _instants(clinician: Clinician, first: date | None, last: date | None) -> tuple[int, int]:
    midnight = [
        None if day is None else int(datetime.combine(day, time(), clinician.zone).timestamp())
        for day in (first, last and last + timedelta(days=1))
    ]
    return (EVER[0] if midnight[0] is None else midnight[0]), (EVER[1] if midnight[1] is None else midnight[1])


def _events(rows: list[Row]) -> Iterator[Row]:
    for row in rows:
        del row["set_aside"]
        yield row | {"start": _iso(row["start"]), "end": _iso(row["end"])}


def _messages(rows: list[Row], config: Config, store: Store, clinician: Clinician, now: datetime) -> Iterator[Row]:
    if not rows:
        return
    calendar = frames_of(config, store, clinician, now=now).calendar
    late = calendar.after_hours([row["sent_at"] for row in rows])
    for row, after in zip(rows, late, strict=True):
        yield row | {"sent_at": _iso(row["sent_at"]), "after_hours": int(after)}


def _derived(  # noqa: PLR0913, PLR0917
    table: str, config: Config, store: Store, clinician: Clinician, start: int, end: int, now: datetime
) -> Iterator[Row]:
    frames = frames_of(config, store, clinician, now=now)
    with store.read() as connection:
        names = facts.pseudonyms(connection, clinician.key)
    derived = frames.sessions if table == "sessions" else frames.replies
    begins = derived["booked_start" if table == "sessions" else "inbound_at"]
    ends = derived[["booked_end", "ended_at"]].max(axis=1) if table == "sessions" else begins
    chosen = derived[(begins < end) & ((ends > start) | (begins >= start))].sort_values(str(begins.name))
    for values in chosen.to_dict("records"):
        row = {"clinician": clinician.key, "client": names.get(values["client"])}
        yield row | (_session(values) if table == "sessions" else _reply(values))


def _session(values: Mapping[str, object]) -> Row:
    instants = ("booked_start", "booked_end", "actual_start", "actual_end")
    return {
        **{name: _iso(values[name]) for name in instants},
        "evidence": values["evidence"],
        "overrun_minutes": _decimal(values["overrun_minutes"]),
        "status": values["status"],
        "uid_key": values["uid_key"],
    }


def _reply(values: Mapping[str, object]) -> Row:
    answered = values["reply_at"] == values["reply_at"]
    return {
        "inbound_at": _iso(values["inbound_at"]),
        "reply_at": _iso(values["reply_at"]),
        "minutes_clock": _decimal(values["minutes_clock"]) if answered else None,
        "minutes_working": _decimal(values["minutes_working"]) if answered else None,
        "after_hours": int(bool(values["after_hours"])),
    }


def _weekly(table: str, store: Store, clinician: Clinician, first: date | None, last: date | None) -> Iterator[Row]:
    days = day_number(first) if first else EVER[0], day_number(last) if last else EVER[1]
    with store.read() as connection:
        rows = list(getattr(tables, table)(connection, clinician.key, *days))
    for row in rows:
        monday = date_of(row["week"])
        yield dict(row) | {"week": f"{monday.isocalendar().year}-W{monday.isocalendar().week:02}"}


def _iso(instant: object) -> str | None:
    """An instant in UTC with a Z; unknown ones empty."""
    if instant is None or instant != instant:
        return None
    return datetime.fromtimestamp(float(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # type: ignore[arg-type]


def _decimal(value: object) -> float | None:
    return None if value is None or value != value else round(float(value), 3)  # type: ignore[arg-type]
