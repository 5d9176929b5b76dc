"""The state from which each clinician's numbers were last computed, and the changes that invalidate them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from monitor.store.keys import clinician_id

DAY = 86_400  # seconds


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


@dataclass(slots=True)
class Invalidation:
    """The number of rows that changed, and for each clinician's id the earliest instant that a change affects."""

    rows: int = 0
    since: dict[int, int] = field(default_factory=dict)

    def add_row(self, clinician: int, *instants: int | None) -> None:
        """Count one changed row. ``instants`` are its times before and after the change."""
        self.rows += 1
        self.extend_to(clinician, *instants)

    def extend_to(self, clinician: int, *instants: int | None) -> None:
        """Invalidate a clinician's numbers from these instants on, without counting a row."""
        candidates = [instant for instant in (*instants, self.since.get(clinician)) if instant is not None]
        if candidates:
            self.since[clinician] = min(candidates)

    @classmethod
    def merged(cls, parts: Iterable[Invalidation]) -> Self:
        """Return the invalidation of several changes together."""
        merged = cls()
        for part in parts:
            merged.rows += part.rows
            for clinician, since in part.since.items():
                merged.extend_to(clinician, since)
        return merged


def mark_dirty(connection: sqlite3.Connection, invalidation: Invalidation) -> None:
    """Store which clinicians must be computed again and from which instant on, and raise their data versions."""
    connection.executemany(
        "INSERT INTO data_version VALUES (?, 1) ON CONFLICT DO UPDATE SET version = version + 1",
        [(clinician,) for clinician in invalidation.since],
    )
    connection.executemany(
        "INSERT INTO dirty VALUES (?, ?) ON CONFLICT DO UPDATE SET from_at = min(from_at, excluded.from_at)",
        list(invalidation.since.items()),
    )


def mark_dirty_from(connection: sqlite3.Connection, clinician: int, *instants: int | None) -> None:
    """Mark one clinician dirty from the earliest of these instants on, if any is known."""
    invalidation = Invalidation()
    invalidation.extend_to(clinician, *instants)
    mark_dirty(connection, invalidation)


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
    id_ = clinician_id(connection, clinician)
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
    id_ = clinician_id(connection, clinician)
    connection.execute(
        """INSERT INTO computation (clinician_id, failed_at, error) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET failed_at = excluded.failed_at, error = excluded.error""",
        (id_, now, error),
    )
