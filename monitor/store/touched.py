"""What a page changed, and from when on whose numbers have to be computed again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

DAY = 86_400  # seconds


@dataclass(slots=True)
class Touched:
    """How many rows changed, and per clinician (their number) the earliest instant that a change reaches back to."""

    rows: int = 0
    since: dict[int, int] = field(default_factory=dict)

    def row(self, clinician: int, *instants: int | None) -> None:
        """Count one changed row, at these instants before and after."""
        self.rows += 1
        self.mark(clinician, *instants)

    def mark(self, clinician: int, *instants: int | None) -> None:
        """Let the numbers reach back to these instants, without a row of their own."""
        known = [at for at in (*instants, self.since.get(clinician)) if at is not None]
        if known:
            self.since[clinician] = min(known)

    @classmethod
    def together(cls, parts: Iterable[Touched]) -> Self:
        """What several changes touched."""
        whole = cls()
        for part in parts:
            whole.rows += part.rows
            for clinician, since in part.since.items():
                whole.mark(clinician, since)
        return whole


def mark_dirty(connection: sqlite3.Connection, touched: Touched) -> None:
    """Remember from when on each touched clinician's numbers have to be computed again, and that their data changed."""
    connection.executemany(
        "INSERT INTO data_version VALUES (?, 1) ON CONFLICT DO UPDATE SET version = version + 1",
        [(clinician,) for clinician in touched.since],
    )
    connection.executemany(
        "INSERT INTO dirty VALUES (?, ?) ON CONFLICT DO UPDATE SET from_at = min(from_at, excluded.from_at)",
        list(touched.since.items()),
    )
