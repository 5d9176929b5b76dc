"""Ids of clinicians and pseudonyms, lookups of many keys at once, and rows by column name."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

Row = dict[str, Any]
"""A row by column name."""

_CHUNK = 500  # values; SQLite allows a limited number of parameters in one statement


def clinician_ids(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the id of each clinician by key; a new key is given an id."""
    distinct_keys = list(dict.fromkeys(keys))
    connection.executemany(
        "INSERT INTO clinician (key) VALUES (?) ON CONFLICT DO NOTHING", [(key,) for key in distinct_keys]
    )
    return dict(select_in(connection, "SELECT key, id FROM clinician WHERE key IN", distinct_keys))


def clinician_id(connection: sqlite3.Connection, key: str) -> int:
    """Return the id of one clinician; a new key is given an id."""
    return clinician_ids(connection, [key])[key]


def stored_clinician_id(connection: sqlite3.Connection, key: str) -> int:
    """Return the id of one clinician without writing anything, -1 for a key that is new."""
    row = connection.execute("SELECT id FROM clinician WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else -1


def identities(connection: sqlite3.Connection, pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the id of each (clinician's id, pseudonym); a new pair is given an id. No two clinicians share one."""
    by_clinician: dict[int, list[str]] = defaultdict(list)
    for clinician, pseudonym in dict.fromkeys(pairs):
        by_clinician[clinician].append(pseudonym)
    ids: dict[tuple[int, str], int] = {}
    for clinician, pseudonyms in by_clinician.items():
        connection.executemany(
            "INSERT INTO identity (clinician_id, pseudonym) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(clinician, pseudonym) for pseudonym in pseudonyms],
        )
        head = f"SELECT pseudonym, id FROM identity WHERE clinician_id = {clinician:d} AND pseudonym IN"
        ids |= {(clinician, pseudonym): id_ for pseudonym, id_ in select_in(connection, head, pseudonyms)}
    return ids


def select_in(connection: sqlite3.Connection, head: str, values: Sequence[object]) -> list[Any]:
    """Return the rows of the statement ``head (?, …)`` for any number of values, queried in chunks."""
    rows: list[Any] = []
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        rows += connection.execute(f"{head} ({', '.join('?' * len(chunk))})", chunk).fetchall()
    return rows


def named_rows(connection: sqlite3.Connection, sql: str, **binding: object) -> Iterator[Row]:
    """Return the rows of a statement by column name."""
    cursor = connection.execute(sql, binding)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def epoch(instant: datetime) -> int:
    """Return an instant in UTC epoch seconds, as instants are stored."""
    return int(instant.timestamp())


def epoch_or_none(instant: datetime | None) -> int | None:
    """Return an instant as :func:`epoch` does, and ``None`` for ``None``."""
    return None if instant is None else epoch(instant)
