"""Rows for `export` and `doctor`, and the record of runs and gaps."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.store.keys import clinician_ids
from monitor.store.notices import CURRENT_ANSWER

_EVENTS = """
SELECT clinician.key AS clinician, source.name AS source, start_at AS start, end_at AS end, all_day, status,
       event.kind AS kind, pseudonym AS client, uid_key
FROM event JOIN source_clinician USING (clinician_id, source_id)
JOIN clinician ON clinician.id = event.clinician_id JOIN source ON source.id = event.source_id
LEFT JOIN identity ON identity.id = client_id
WHERE clinician.key = :clinician AND start_at < :end AND (end_at > :start OR start_at >= :start)
ORDER BY start_at, end_at, uid_key, source.id"""
_MESSAGES = """
SELECT clinician.key AS clinician, source.name AS source, pseudonym AS counterpart, counterpart_kind, sent_at,
       CASE outgoing WHEN 1 THEN 'out' ELSE 'in' END AS direction, channel, automatic, thread
FROM message JOIN source_clinician USING (clinician_id, source_id)
JOIN clinician ON clinician.id = message.clinician_id JOIN source ON source.id = message.source_id
LEFT JOIN identity ON identity.id = counterpart_id
WHERE clinician.key = :clinician AND sent_at >= :start AND sent_at < :end ORDER BY sent_at, message.node"""
# A week touches the days if its Sunday (week + 6) is not before the first and its Monday not after the last.
_WEEKS = """
SELECT clinician.key AS clinician, week, {table}.key AS key, value, n, coverage
FROM {table} JOIN clinician ON clinician.id = clinician_id
WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, {table}.key"""
_NOTICES = f"""
SELECT clinician.key AS clinician, week, tier, family, notice.key AS key, pseudonym AS client, ratio AS rate_ratio,
       low, high, answer, topic AS about, observed AS seen
FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN identity ON identity.id = client_id
LEFT JOIN answer ON answer.id = {CURRENT_ANSWER}
WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, family, client_id"""

Row = Mapping[str, Any]
RUN_RETENTION_SECONDS = 30 * 86_400
"""Runs are deleted after this time."""


def events(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Return all stored events that touch ``[start, end)``."""
    return _rows(connection, _EVENTS, clinician=clinician, start=start, end=end)


def messages(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Return all messages sent in ``[start, end)``."""
    return _rows(connection, _MESSAGES, clinician=clinician, start=start, end=end)


def metrics(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Yield the values of all metrics for weeks with one of the days ``first`` to ``last``."""
    for table in ("workload_week", "wellbeing_week"):
        yield from _rows(connection, _WEEKS.format(table=table), clinician=clinician, first=first, last=last)


def notices(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Return the notices of weeks with one of the days ``first`` to ``last``."""
    return _rows(connection, _NOTICES, clinician=clinician, first=first, last=last)


def sources(connection: sqlite3.Connection) -> list[Row]:
    """Return all sources, or accounts of them, with their last attempt, success and error."""
    return list(
        _rows(
            connection,
            """SELECT source.id, name, clinician.key AS account, kind, attempted_at, succeeded_at, error, read_from,
                 read_to, renamed_at FROM source LEFT JOIN clinician ON clinician.id = owner_id
               WHERE source.id IN (SELECT source_id FROM source_clinician) ORDER BY source.id""",
        )
    )


def sent_message_counts(connection: sqlite3.Connection, clinician: str | None = None) -> list[Row]:
    """Return how many messages each clinician, or one, has sent, with one row for each of their message sources.

    Columns: source_id, source, account (its owner, where each owner has an account), clinician, messages (all that are
    stored), sent (the outgoing ones of these without automatic ones). A message in several sources is counted in the
    one whose copy is stored. A source that is no longer configured is listed as long as its rows are stored.
    """
    where = "WHERE clinician_id = (SELECT id FROM clinician WHERE key = :clinician)" if clinician else ""
    return list(
        _rows(
            connection,
            f"""SELECT source_id, source.name AS source, owner.key AS account, clinician.key AS clinician,
                 messages, sent
               FROM (SELECT clinician_id, source_id, count(*) AS messages, sum(outgoing AND NOT automatic) AS sent
                     FROM message {where} GROUP BY clinician_id, source_id)
               JOIN source_clinician USING (clinician_id, source_id)
               JOIN clinician ON clinician.id = clinician_id JOIN source ON source.id = source_id
               LEFT JOIN clinician AS owner ON owner.id = source.owner_id ORDER BY source_id, clinician_id""",
            clinician=clinician,
        )
    )


def unused_records(connection: sqlite3.Connection) -> list[Row]:
    """Return the reasons why records were rejected or excluded: source, reason, number, and one place as an example."""
    return list(
        _rows(
            connection,
            """SELECT name AS source, reason, count(*) AS number, min(place) AS example FROM rejected_record
               JOIN source ON source.id = source_id GROUP BY name, reason
               UNION ALL SELECT name, excluded, count(*), '' FROM event JOIN source ON source.id = source_id
               WHERE excluded IS NOT NULL GROUP BY name, excluded ORDER BY 1, 2""",
        )
    )


def begin_run(connection: sqlite3.Connection, command: str, now: int) -> int:
    """Store the start of a run, delete runs of more than 30 days ago, and return the id of the new one."""
    old = "SELECT id FROM run WHERE started_at < ?"
    connection.execute(f"DELETE FROM run_source WHERE run_id IN ({old})", (now - RUN_RETENTION_SECONDS,))
    connection.execute(f"DELETE FROM run WHERE id IN ({old})", (now - RUN_RETENTION_SECONDS,))
    run_id = connection.execute("INSERT INTO run (command, started_at) VALUES (?, ?)", (command, now)).lastrowid
    return int(run_id or 0)


def end_run(connection: sqlite3.Connection, run: int, exit_code: int, now: int) -> None:
    """Store the end and the exit code of a run."""
    connection.execute("UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?", (now, exit_code, run))


@dataclass(frozen=True, slots=True)
class RunSourceRow:
    """The result of a run for one source, or account of it. ``error`` is why it could not be read."""

    name: str
    seconds: float
    changed: int
    rejected: int
    error: str | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run with the sources that it read. ``ended_at`` and ``exit_code`` are ``None`` if it was broken off."""

    started_at: int
    ended_at: int | None
    exit_code: int | None
    sources: tuple[RunSourceRow, ...] = ()


def save_run_source(connection: sqlite3.Connection, run: int, source: RunSourceRow) -> None:
    """Store the result of a run for one source."""
    connection.execute(
        # Sources are numbered in the order in which they were read.
        """INSERT INTO run_source SELECT ?, 1 + count(*), ?, ?, ?, ?, ? FROM run_source WHERE run_id = ?""",
        (run, source.name, source.seconds, source.changed, source.rejected, source.error, run),
    )


def last_runs(connection: sqlite3.Connection, command: str, number: int) -> list[RunRow]:
    """Return the last runs of a command, the newest first."""
    sql = "SELECT id, started_at, ended_at, exit_code FROM run WHERE command = ? ORDER BY id DESC LIMIT ?"
    sources_sql = "SELECT name, seconds, changed, rejected, error FROM run_source WHERE run_id = ? ORDER BY number"
    return [
        RunRow(
            started_at,
            ended_at,
            exit_code,
            tuple(RunSourceRow(*source) for source in connection.execute(sources_sql, (id_,))),
        )
        for id_, started_at, ended_at, exit_code in connection.execute(sql, (command, number)).fetchall()
    ]


def save_gaps(
    connection: sqlite3.Connection, clinician: str, gaps: Collection[tuple[str, str]], now: int
) -> set[tuple[str, str]]:
    """Replace a clinician's gaps by ``gaps`` (gap, source); return those that are new."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    stored = set(connection.execute("SELECT gap, source FROM gap WHERE clinician_id = ?", (id_,)).fetchall())
    new = set(gaps) - stored
    connection.executemany(
        "DELETE FROM gap WHERE clinician_id = ? AND gap = ? AND source = ?",
        [(id_, *gap) for gap in stored - set(gaps)],
    )
    connection.executemany("INSERT INTO gap VALUES (?, ?, ?, ?)", [(id_, *gap, now) for gap in new])
    return new


def _rows(connection: sqlite3.Connection, sql: str, **binding: object) -> Iterator[Row]:
    cursor = connection.execute(sql, binding)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
