"""Self-reports: scale values by day, which only their owner may see. Single answers are not stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.store.keys import clinician_id


@dataclass(frozen=True, slots=True)
class CheckIn:
    """One questionnaire as answered on a day (a day number), with the value of each scale that has one."""

    day: int
    instrument: str
    results: Mapping[str, float]


def check_ins(connection: sqlite3.Connection, clinician: str) -> list[CheckIn]:
    """Return all check-ins of a clinician, the oldest first."""
    sql = """SELECT day, instrument, scale, value FROM self_report JOIN clinician ON clinician.id = clinician_id
             WHERE key = ? ORDER BY day, instrument, scale"""
    results: dict[tuple[int, str], dict[str, float]] = {}
    for day, instrument, scale, value in connection.execute(sql, (clinician,)):
        results.setdefault((day, instrument), {})[scale] = value
    return [CheckIn(day, instrument, values) for (day, instrument), values in results.items()]


def save_check_in(connection: sqlite3.Connection, clinician: str, check_in: CheckIn) -> None:
    """Store a check-in; an earlier one of the same questionnaire and day is replaced."""
    id_ = clinician_id(connection, clinician)
    remove_check_in(connection, clinician, check_in.day, check_in.instrument)
    connection.executemany(
        "INSERT INTO self_report (clinician_id, day, instrument, scale, value) VALUES (?, ?, ?, ?, ?)",
        [(id_, check_in.day, check_in.instrument, scale, value) for scale, value in check_in.results.items()],
    )


def remove_check_in(connection: sqlite3.Connection, clinician: str, day: int, instrument: str) -> bool:
    """Delete a check-in; return ``False`` if the clinician has none of that day and questionnaire."""
    sql = """DELETE FROM self_report WHERE day = ? AND instrument = ?
             AND clinician_id = (SELECT id FROM clinician WHERE key = ?)"""
    return connection.execute(sql, (day, instrument, clinician)).rowcount > 0
