"""What the analysis writes and the pages read: weekly numbers in two wings, and notices with their answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.store.keys import clinician_ids

WINGS = {"workload": "workload_week", "wellbeing": "wellbeing_week"}

WeekRow = tuple[int, str, float | None, int, float]
"""week, key, value (``None`` is no data), n, coverage"""


def dirty(connection: sqlite3.Connection) -> dict[str, int]:
    """Whose numbers have to be computed again, and from which instant on."""
    sql = "SELECT key, from_at FROM dirty JOIN clinician ON clinician.id = clinician_id ORDER BY key"
    return dict(connection.execute(sql).fetchall())


def analysed(connection: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Up to which week and under which fingerprint each clinician's numbers were computed."""
    sql = "SELECT key, week, fingerprint FROM analysed JOIN clinician ON clinician.id = clinician_id"
    return {key: (week, fingerprint) for key, week, fingerprint in connection.execute(sql)}


def save_analysed(connection: sqlite3.Connection, clinician: str, week: int, fingerprint: str) -> None:
    """A clinician's numbers are up to date: up to this week, under this fingerprint, and no longer dirty."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute("INSERT OR REPLACE INTO analysed VALUES (?, ?, ?)", (id_, week, fingerprint))
    connection.execute("DELETE FROM dirty WHERE clinician_id = ?", (id_,))


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


def _weeks(
    connection: sqlite3.Connection, table: str, keys: list[str], since: int, until: int
) -> list[tuple[str, *WeekRow]]:
    sql = f"""SELECT clinician.key, week, {table}.key, value, n, coverage FROM {table}
              JOIN clinician ON clinician.id = clinician_id
              WHERE clinician.key IN ({", ".join("?" * len(keys))}) AND week BETWEEN ? AND ?
              ORDER BY clinician.key, week, {table}.key"""
    return connection.execute(sql, (*keys, since, until)).fetchall()


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as it is stored; ``client`` is 0 where it is about no single client, ``id`` 0 before it is stored."""

    week: int
    tier: str
    family: str
    key: str
    ratio: float
    low: float
    high: float
    since: int
    client: int = 0
    id: int = 0
    answer: str | None = None
    answered_at: int | None = None


_NOTICE = "week, tier, family, key, ratio, low, high, since, client_id, notice.id, answer, answered_at"


def notices(connection: sqlite3.Connection, clinician: str) -> list[NoticeRow]:
    """A clinician's notices, the oldest first."""
    sql = f"""SELECT {_NOTICE.replace("key,", "notice.key,")} FROM notice JOIN clinician ON clinician.id = clinician_id
              WHERE clinician.key = ? ORDER BY week, family"""
    return [NoticeRow(*row) for row in connection.execute(sql, (clinician,))]


def save_notices(connection: sqlite3.Connection, clinician: str, found: Sequence[NoticeRow]) -> int:
    """Make ``found`` the clinician's notices; one that was answered stays, whatever the numbers say now."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    before = connection.total_changes
    wanted = {(row.week, row.family, row.client) for row in found}
    for row in notices(connection, clinician):
        if row.answer is None and (row.week, row.family, row.client) not in wanted:
            connection.execute("DELETE FROM notice WHERE id = ?", (row.id,))
    connection.executemany(
        """INSERT INTO notice (clinician_id, week, tier, family, key, ratio, low, high, since, client_id)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (clinician_id, week, family, client_id) DO UPDATE SET tier = excluded.tier, key = excluded.key,
           ratio = excluded.ratio, low = excluded.low, high = excluded.high, since = excluded.since
           WHERE (tier, key, ratio, low, high, since) IS NOT (excluded.tier, excluded.key, excluded.ratio,
                                                              excluded.low, excluded.high, excluded.since)""",
        [(id_, r.week, r.tier, r.family, r.key, r.ratio, r.low, r.high, r.since, r.client) for r in found],
    )
    return connection.total_changes - before


def answer_notice(connection: sqlite3.Connection, clinician: str, notice: int, answer: str, now: int) -> bool:
    """Keep what a person said to a notice of theirs; ``False`` if it is not theirs or not there."""
    sql = """UPDATE notice SET answer = ?, answered_at = ? WHERE id = ?
             AND clinician_id = (SELECT id FROM clinician WHERE key = ?)"""
    return connection.execute(sql, (answer, now, notice, clinician)).rowcount == 1
