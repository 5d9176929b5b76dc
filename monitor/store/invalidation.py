"""The clinicians whose numbers a change makes out of date, and from which instant on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

DAY = 86_400  # seconds


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
