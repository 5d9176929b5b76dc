"""The weekly values of the metrics, in a table for each category."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from monitor.store.keys import clinician_id

CATEGORY_TABLES = {"workload": "workload_week", "wellbeing": "wellbeing_week"}

WeekRow = tuple[int, str, float | None, int, float]
"""week, key, value (``None`` for no data), n, coverage"""


def save_weeks(connection: sqlite3.Connection, clinician: str, category: str, rows: Sequence[WeekRow]) -> int:
    """Replace a clinician's values of a category by ``rows``; return how many rows changed."""
    table = CATEGORY_TABLES[category]
    id_ = clinician_id(connection, clinician)
    stored = connection.execute(f"SELECT week, key, value, n, coverage FROM {table} WHERE clinician_id = ?", (id_,))
    old_rows = {(row[0], row[1]): row for row in stored}
    new_rows = {(row[0], row[1]): row for row in rows}
    # Only rows that differ are written: most runs change a few weeks of some hundred.
    removed = [(id_, *key) for key in old_rows.keys() - new_rows.keys()]
    changed = [(id_, *row) for key, row in new_rows.items() if old_rows.get(key) != row]
    connection.executemany(f"DELETE FROM {table} WHERE clinician_id = ? AND week = ? AND key = ?", removed)
    connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?)", changed)
    return len(removed) + len(changed)


def workload_weeks(
    connection: sqlite3.Connection, keys: Iterable[str], since: int, until: int
) -> list[tuple[str, *WeekRow]]:
    """Return the workload values of clinicians from one Monday to another, inclusive.

    Rows are (clinician, week, key, value, n, coverage).
    """
    return _weeks(connection, "workload_week", list(keys), since, until)


def wellbeing_weeks(
    connection: sqlite3.Connection, keys: Iterable[str], since: int, until: int
) -> list[tuple[str, *WeekRow]]:
    """Return the same rows as :func:`workload_weeks` of the wellbeing metrics, which only their owner may see."""
    return _weeks(connection, "wellbeing_week", list(keys), since, until)


def first_known_weeks(connection: sqlite3.Connection, key: str) -> dict[str, int]:
    """Return by clinician the first week in which a workload metric is known."""
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
