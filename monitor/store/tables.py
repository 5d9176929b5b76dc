"""What ``export``, ``doctor`` and the pages' small print read straight from the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.store.keys import clinician_ids
from monitor.store.notices import STANDING_ANSWER

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
_WEEKS = """
SELECT clinician.key AS clinician, week, {table}.key AS key, value, n, coverage
FROM {table} JOIN clinician ON clinician.id = clinician_id
WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, {table}.key"""
_NOTICES = f"""
SELECT clinician.key AS clinician, week, tier, family, notice.key AS key, pseudonym AS client, ratio AS rate_ratio,
       low, high, answer, topic AS about, observed AS seen
FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN identity ON identity.id = client_id
LEFT JOIN answer ON answer.id = {STANDING_ANSWER}
WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, family, client_id"""

Row = Mapping[str, Any]
RUNS_SECONDS = 30 * 86_400
"""How long runs are remembered."""


def events(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Every known instance that touches ``[start, end)``."""
    return _rows(connection, _EVENTS, clinician=clinician, start=start, end=end)


def messages(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Every message sent in ``[start, end)``."""
    return _rows(connection, _MESSAGES, clinician=clinician, start=start, end=end)


def metrics(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Weekly numbers of both wings for weeks that touch the days ``first`` to ``last``."""
    for table in ("workload_week", "wellbeing_week"):
        yield from _rows(connection, _WEEKS.format(table=table), clinician=clinician, first=first, last=last)


def notices(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Notices of weeks that touch the days ``first`` to ``last``."""
    return _rows(connection, _NOTICES, clinician=clinician, first=first, last=last)


def sources(connection: sqlite3.Connection) -> list[Row]:
    """Each source, or account of it: its last attempt and success, and its error."""
    return list(
        _rows(
            connection,
            """SELECT source.id, name, clinician.key AS account, kind, attempted_at, succeeded_at, error, read_from,
                 read_to, renamed_at FROM source LEFT JOIN clinician ON clinician.id = owner_id
               WHERE source.id IN (SELECT source_id FROM source_clinician) ORDER BY source.id""",
        )
    )


def own_mail(connection: sqlite3.Connection, clinician: str | None = None) -> list[Row]:
    """Return how much each clinician, or one, is known to have sent, one row for each of their message sources.

    Columns: source_id, source, account (whose it is, where each owner has one), clinician, messages (held), sent
    (outgoing of these, automatic ones left out). A message that several sources hold stands under the one whose copy
    counts. A source that the configuration has no more is listed as long as its rows are there.
    """
    whose = "WHERE clinician_id = (SELECT id FROM clinician WHERE key = :clinician)" if clinician else ""
    return list(
        _rows(
            connection,
            f"""SELECT source_id, source.name AS source, owner.key AS account, clinician.key AS clinician,
                 messages, sent
               FROM (SELECT clinician_id, source_id, count(*) AS messages, sum(outgoing AND NOT automatic) AS sent
                     FROM message {whose} GROUP BY clinician_id, source_id)
               JOIN source_clinician USING (clinician_id, source_id)
               JOIN clinician ON clinician.id = clinician_id JOIN source ON source.id = source_id
               LEFT JOIN clinician AS owner ON owner.id = source.owner_id ORDER BY source_id, clinician_id""",
            clinician=clinician,
        )
    )


def unused_records(connection: sqlite3.Connection) -> list[Row]:
    """Why records were not used: source, reason, how many, and one place as an example."""
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
    """Note the beginning of a run and forget those of more than 30 days ago; returns its number."""
    old = "SELECT id FROM run WHERE started_at < ?"
    connection.execute(f"DELETE FROM run_source WHERE run_id IN ({old})", (now - RUNS_SECONDS,))
    connection.execute(f"DELETE FROM run WHERE id IN ({old})", (now - RUNS_SECONDS,))
    number = connection.execute("INSERT INTO run (command, started_at) VALUES (?, ?)", (command, now)).lastrowid
    return int(number or 0)


def end_run(connection: sqlite3.Connection, run: int, exit_code: int, now: int) -> None:
    """Note how a run ended."""
    connection.execute("UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?", (now, exit_code, run))


@dataclass(frozen=True, slots=True)
class RunSourceRow:
    """What a run read of one source, or account of it, in how many seconds; ``error`` says why it could not."""

    name: str
    seconds: float
    changed: int
    rejected: int
    error: str | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it was recorded (epoch seconds); ``ended_at`` and ``exit_code`` are ``None`` where it did not end."""

    started_at: int
    ended_at: int | None
    exit_code: int | None
    sources: tuple[RunSourceRow, ...] = ()


def save_run_source(connection: sqlite3.Connection, run: int, source: RunSourceRow) -> None:
    """Note what a run read of one source."""
    connection.execute(
        """INSERT INTO run_source SELECT ?, 1 + count(*), ?, ?, ?, ?, ? FROM run_source WHERE run_id = ?""",
        (run, source.name, source.seconds, source.changed, source.rejected, source.error, run),
    )


def last_runs(connection: sqlite3.Connection, command: str, number: int) -> list[RunRow]:
    """Return the last runs of a command, the newest first."""
    sql = "SELECT id, started_at, ended_at, exit_code FROM run WHERE command = ? ORDER BY id DESC LIMIT ?"
    read = "SELECT name, seconds, changed, rejected, error FROM run_source WHERE run_id = ? ORDER BY number"
    return [
        RunRow(begun, ended, code, tuple(RunSourceRow(*source) for source in connection.execute(read, (id_,))))
        for id_, begun, ended, code in connection.execute(sql, (command, number)).fetchall()
    ]


def save_gaps(
    connection: sqlite3.Connection, clinician: str, gaps: Collection[tuple[str, str]], now: int
) -> set[tuple[str, str]]:
    """Make ``gaps`` (gap, source) all that a clinician has; return those that are new."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    known = set(connection.execute("SELECT gap, source FROM gap WHERE clinician_id = ?", (id_,)).fetchall())
    new = set(gaps) - known
    connection.executemany(
        "DELETE FROM gap WHERE clinician_id = ? AND gap = ? AND source = ?",
        [(id_, *gone) for gone in known - set(gaps)],
    )
    connection.executemany("INSERT INTO gap VALUES (?, ?, ?, ?)", [(id_, *gap, now) for gap in new])
    return new


def _rows(connection: sqlite3.Connection, sql: str, **binding: object) -> Iterator[Row]:
    cursor = connection.execute(sql, binding)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
