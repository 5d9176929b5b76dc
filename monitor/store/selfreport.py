"""What a person answered for themself: the number of each scale by day, for its owner alone, and no single answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class CheckIn:
    """One questionnaire as it was answered on a day (its day number), by the key of each scale that has a number."""

    day: int
    instrument: str
    results: Mapping[str, float]


def check_ins(connection: sqlite3.Connection, clinician: str) -> list[CheckIn]:
    """All of a clinician's, the oldest first."""
    sql = """SELECT day, instrument, scale, value FROM self_report JOIN clinician ON clinician.id = clinician_id
             WHERE key = ? ORDER BY day, instrument, scale"""
    found: dict[tuple[int, str], dict[str, float]] = {}
    for day, instrument, scale, value in connection.execute(sql, (clinician,)):
        found.setdefault((day, instrument), {})[scale] = value
    return [CheckIn(day, instrument, results) for (day, instrument), results in found.items()]


def save_check_in(connection: sqlite3.Connection, clinician: str, taken: CheckIn) -> None:
    """Keep one; an earlier one of the same questionnaire and day is replaced."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    remove_check_in(connection, clinician, taken.day, taken.instrument)
    connection.executemany(
        "INSERT INTO self_report (clinician_id, day, instrument, scale, value) VALUES (?, ?, ?, ?, ?)",
        [(id_, taken.day, taken.instrument, scale, value) for scale, value in taken.results.items()],
    )


def remove_check_in(connection: sqlite3.Connection, clinician: str, day: int, instrument: str) -> bool:
    """Erase one; ``False`` if there is none of this clinician's."""
    sql = """DELETE FROM self_report WHERE day = ? AND instrument = ?
             AND clinician_id = (SELECT id FROM clinician WHERE key = ?)"""
    return connection.execute(sql, (day, instrument, clinician)).rowcount > 0
