"""The rows of `evenhours export`, of one clinician and a span of instants or days.

Rows with a week are those whose week has one of the days from ``first`` to ``last``: its Sunday (``week + 6``) is not
before the first of these, and its Monday not after the last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from monitor.store.keys import Row, named_rows
from monitor.store.notices import CURRENT_ANSWER
from monitor.store.weeks import CATEGORY_TABLES


def events(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Return all stored events that touch ``[start, end)``."""
    sql = """
    SELECT clinician.key AS clinician, source.name AS source, start_at AS start, end_at AS end, all_day, status,
           event.kind AS kind, pseudonym AS client, uid_key
    FROM event JOIN source_clinician USING (clinician_id, source_id)
    JOIN clinician ON clinician.id = event.clinician_id JOIN source ON source.id = event.source_id
    LEFT JOIN identity ON identity.id = client_id
    WHERE clinician.key = :clinician AND start_at < :end AND (end_at > :start OR start_at >= :start)
    ORDER BY start_at, end_at, uid_key, source.id"""
    return named_rows(connection, sql, clinician=clinician, start=start, end=end)


def messages(connection: sqlite3.Connection, clinician: str, start: int, end: int) -> Iterator[Row]:
    """Return all messages sent in ``[start, end)``."""
    sql = """
    SELECT clinician.key AS clinician, source.name AS source, pseudonym AS counterpart, counterpart_kind, sent_at,
           CASE outgoing WHEN 1 THEN 'out' ELSE 'in' END AS direction, channel, automatic, thread
    FROM message JOIN source_clinician USING (clinician_id, source_id)
    JOIN clinician ON clinician.id = message.clinician_id JOIN source ON source.id = message.source_id
    LEFT JOIN identity ON identity.id = counterpart_id
    WHERE clinician.key = :clinician AND sent_at >= :start AND sent_at < :end ORDER BY sent_at, message.node"""
    return named_rows(connection, sql, clinician=clinician, start=start, end=end)


def metrics(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Yield the values of all metrics, those of workload first."""
    for table in CATEGORY_TABLES.values():
        sql = f"""
        SELECT clinician.key AS clinician, week, {table}.key AS key, value, n, coverage
        FROM {table} JOIN clinician ON clinician.id = clinician_id
        WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, {table}.key"""
        yield from named_rows(connection, sql, clinician=clinician, first=first, last=last)


def notices(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Return the notices with their current answers."""
    sql = f"""
    SELECT clinician.key AS clinician, week, tier, family, notice.key AS key, pseudonym AS client, ratio AS rate_ratio,
           low, high, answer, topic AS about, observed AS seen
    FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN identity ON identity.id = client_id
    LEFT JOIN answer ON answer.id = {CURRENT_ANSWER}
    WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last ORDER BY week, family, client_id"""
    return named_rows(connection, sql, clinician=clinician, first=first, last=last)


def answers(connection: sqlite3.Connection, clinician: str, first: int, last: int) -> Iterator[Row]:
    """Count the notices by tier, family and current answer, to check them against the yearly budget.

    The answer of open notices is ``None``.
    """
    sql = f"""
    SELECT clinician.key AS clinician, tier, family, answer, count(*) AS number
    FROM notice JOIN clinician ON clinician.id = notice.clinician_id LEFT JOIN answer ON answer.id = {CURRENT_ANSWER}
    WHERE clinician.key = :clinician AND week + 6 >= :first AND week <= :last
    GROUP BY tier, family, answer ORDER BY tier, family, answer"""
    return named_rows(connection, sql, clinician=clinician, first=first, last=last)
