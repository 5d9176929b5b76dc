"""Numbers for clinicians and pseudonyms, and reading by many keys at once."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

_CHUNK = 500


def clinician_ids(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    """The number of each clinician, given on first sight."""
    wanted = list(dict.fromkeys(keys))
    connection.executemany("INSERT INTO clinician (key) VALUES (?) ON CONFLICT DO NOTHING", [(key,) for key in wanted])
    return dict(select_in(connection, "SELECT key, id FROM clinician WHERE key IN", wanted))


def identities(connection: sqlite3.Connection, pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The number of each (clinician, pseudonym), given on first sight. No two clinicians share one."""
    by_clinician: dict[int, list[str]] = defaultdict(list)
    for clinician, pseudonym in dict.fromkeys(pairs):
        by_clinician[clinician].append(pseudonym)
    found: dict[tuple[int, str], int] = {}
    for clinician, pseudonyms in by_clinician.items():
        connection.executemany(
            "INSERT INTO identity (clinician_id, pseudonym) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(clinician, pseudonym) for pseudonym in pseudonyms],
        )
        head = f"SELECT pseudonym, id FROM identity WHERE clinician_id = {clinician:d} AND pseudonym IN"
        found |= {(clinician, pseudonym): id_ for pseudonym, id_ in select_in(connection, head, pseudonyms)}
    return found


def select_in(connection: sqlite3.Connection, head: str, wanted: Sequence[object]) -> list[Any]:
    """Rows of ``head (…)`` for any number of wanted values, some hundred at a time."""
    rows: list[Any] = []
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        rows += connection.execute(f"{head} ({', '.join('?' * len(part))})", part).fetchall()
    return rows


def epoch(instant: datetime) -> int:
    """UTC seconds, as instants are stored."""
    return int(instant.timestamp())


def epoch_or_none(instant: datetime | None) -> int | None:
    """As :func:`epoch`; an unknown instant stays unknown."""
    return None if instant is None else epoch(instant)
