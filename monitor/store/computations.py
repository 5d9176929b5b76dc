"""The state in which each clinician's numbers were last computed, and what changed since; no number is here."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.store.keys import clinician_ids


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
