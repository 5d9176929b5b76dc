"""What the analysis writes and the pages read: weekly numbers in two wings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.store.keys import clinician_ids

WINGS = {"workload": "workload_week", "wellbeing": "wellbeing_week"}

WeekRow = tuple[int, str, float | None, int, float]
"""week, key, value (``None`` is no data), n, coverage"""


@dataclass(frozen=True, slots=True)
class Computation:
    """The state in which a clinician's numbers were last computed.

    ``week`` is the last that was over then; ``rules`` and ``reading`` are checksums of the configuration and of what
    had been read; ``read_to`` is up to when all sources of theirs had been, ``calendars_to`` all calendars.
    ``ahead`` is the checksum of :func:`monitor.store.ahead.ahead` at the end of that week. ``dirty_from`` is the
    earliest instant of what changed since, ``version`` counts every such change. ``failed_at`` says that a later
    attempt failed. Instants are epoch seconds; ``None`` is never.
    """

    week: int | None = None
    rules: str | None = None
    reading: str | None = None
    read_to: int | None = None
    calendars_to: int | None = None
    computed_at: int | None = None
    failed_at: int | None = None
    fault: str | None = None
    ahead: str | None = None
    dirty_from: int | None = None
    version: int = 0


def dirty(connection: sqlite3.Connection) -> dict[str, int]:
    """Whose numbers have to be computed again, and from which instant on."""
    sql = "SELECT key, from_at FROM dirty JOIN clinician ON clinician.id = clinician_id ORDER BY key"
    return dict(connection.execute(sql).fetchall())


def computation(connection: sqlite3.Connection, clinician: str) -> Computation:
    """Return in which state a clinician's numbers were last computed, and what changed since."""
    row = connection.execute(
        """SELECT week, rules, reading, read_to, calendars_to, computed_at, failed_at, fault, ahead, from_at,
                  coalesce(version, 0)
           FROM clinician LEFT JOIN computation ON computation.clinician_id = clinician.id
           LEFT JOIN dirty ON dirty.clinician_id = clinician.id
           LEFT JOIN data_version ON data_version.clinician_id = clinician.id WHERE key = ?""",
        (clinician,),
    ).fetchone()
    return Computation(*row) if row else Computation()


def save_computation(connection: sqlite3.Connection, clinician: str, done: Computation) -> None:
    """Remember the state in which a clinician's numbers were computed; they are no longer dirty."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT OR REPLACE INTO computation VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
        (id_, done.week, done.rules, done.reading, done.read_to, done.calendars_to, done.computed_at, done.ahead),
    )
    connection.execute("DELETE FROM dirty WHERE clinician_id = ?", (id_,))


def save_computing_failed(connection: sqlite3.Connection, clinician: str, fault: str, now: int) -> None:
    """Remember that a clinician's numbers could not be computed; the last ones, and their state, stay as they are."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        """INSERT INTO computation (clinician_id, failed_at, fault) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET failed_at = excluded.failed_at, fault = excluded.fault""",
        (id_, now, fault),
    )


def save_weeks(connection: sqlite3.Connection, clinician: str, wing: str, rows: Sequence[WeekRow]) -> int:
    """Make ``rows`` all that a wing holds of a clinician; returns how many changed."""
    table = WINGS[wing]
    id_ = clinician_ids(connection, [clinician])[clinician]
    stored = connection.execute(f"SELECT week, key, value, n, coverage FROM {table} WHERE clinician_id = ?", (id_,))
    known = {(row[0], row[1]): row for row in stored}
    fresh = {(row[0], row[1]): row for row in rows}
    gone = [(id_, *key) for key in known.keys() - fresh.keys()]
    changed = [(id_, *row) for key, row in fresh.items() if known.get(key) != row]
    connection.executemany(f"DELETE FROM {table} WHERE clinician_id = ? AND week = ? AND key = ?", gone)
    connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?)", changed)
    return len(gone) + len(changed)


def workload(connection: sqlite3.Connection, keys: Iterable[str], since: int, until: int) -> list[tuple[str, *WeekRow]]:
    """(clinician, week, key, value, n, coverage) of the workload wing from one Monday to another, both inclusive."""
    return _weeks(connection, "workload_week", list(keys), since, until)


def wellbeing(
    connection: sqlite3.Connection, keys: Iterable[str], since: int, until: int
) -> list[tuple[str, *WeekRow]]:
    """As :func:`workload`, of the wellbeing wing: for the person alone."""
    return _weeks(connection, "wellbeing_week", list(keys), since, until)


def known_since(connection: sqlite3.Connection, key: str) -> dict[str, int]:
    """Return by clinician the first week in which a number of the workload wing is known."""
    sql = """SELECT clinician.key, min(week) FROM workload_week JOIN clinician ON clinician.id = clinician_id
             WHERE workload_week.key = ? AND value IS NOT NULL GROUP BY clinician.key"""
    return dict(connection.execute(sql, (key,)).fetchall())


def _weeks(
    connection: sqlite3.Connection, table: str, keys: list[str], since: int, until: int
) -> list[tuple[str, *WeekRow]]:
    sql = f"""SELECT clinician.key, week, {table}.key, value, n, coverage FROM {table}
              JOIN clinician ON clinician.id = clinician_id
              WHERE clinician.key IN ({", ".join("?" * len(keys))}) AND week BETWEEN ? AND ?
              ORDER BY clinician.key, week, {table}.key"""
    return connection.execute(sql, (*keys, since, until)).fetchall()
