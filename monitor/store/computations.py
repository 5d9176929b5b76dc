"""The state of data and settings from which each clinician's numbers were last computed, and what changed since."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class Computation:
    """The state from which a clinician's numbers were last computed, and what has changed since.

    Instants are epoch seconds; ``None`` means never. A row of the table ``computation`` has all but the last two.

    Attributes:
        week: The last week that was over at that time.
        settings_checksum: That of the configuration and the definitions of the metrics.
        sources_checksum: That of the spans that had been read.
        read_to: The instant up to which all of the clinician's sources had been read.
        calendars_to: The instant up to which all of the clinician's calendars had been read.
        computed_at: When the numbers were computed.
        failed_at: When a later attempt failed.
        error: The class of the error that stopped it.
        upcoming_checksum: That of the records after ``week`` (:func:`monitor.store.upcoming.upcoming_checksum`).
        dirty_from: The earliest instant that a change since then affects.
        version: The number of changes so far.
    """

    week: int | None = None
    settings_checksum: str | None = None
    sources_checksum: str | None = None
    read_to: int | None = None
    calendars_to: int | None = None
    computed_at: int | None = None
    failed_at: int | None = None
    error: str | None = None
    upcoming_checksum: str | None = None
    dirty_from: int | None = None
    version: int = 0


def dirty(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the clinicians whose numbers must be computed again, each with the first instant that is affected."""
    sql = "SELECT key, from_at FROM dirty JOIN clinician ON clinician.id = clinician_id ORDER BY key"
    return dict(connection.execute(sql).fetchall())


def computation(connection: sqlite3.Connection, clinician: str) -> Computation:
    """Return the state from which a clinician's numbers were last computed, and what has changed since."""
    row = connection.execute(
        """SELECT week, settings_checksum, sources_checksum, read_to, calendars_to, computed_at, failed_at, error,
                  upcoming_checksum, from_at, coalesce(version, 0)
           FROM clinician LEFT JOIN computation ON computation.clinician_id = clinician.id
           LEFT JOIN dirty ON dirty.clinician_id = clinician.id
           LEFT JOIN data_version ON data_version.clinician_id = clinician.id WHERE key = ?""",
        (clinician,),
    ).fetchone()
    return Computation(*row) if row else Computation()


def save_computation(connection: sqlite3.Connection, clinician: str, state: Computation) -> None:
    """Store the state from which a clinician's numbers were computed; they are no longer dirty."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT OR REPLACE INTO computation VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
        (
            id_, state.week, state.settings_checksum, state.sources_checksum, state.read_to, state.calendars_to,
            state.computed_at, state.upcoming_checksum,
        ),
    )  # fmt: skip
    connection.execute("DELETE FROM dirty WHERE clinician_id = ?", (id_,))


def save_computation_error(connection: sqlite3.Connection, clinician: str, error: str, now: int) -> None:
    """Store that a clinician's numbers could not be computed; the last ones and their state stay as they are."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        """INSERT INTO computation (clinician_id, failed_at, error) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET failed_at = excluded.failed_at, error = excluded.error""",
        (id_, now, error),
    )
