"""Entries that a source tells under new names: whatever refers to an entry by its name follows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from monitor.store.events import REMOVED, EntryKey
from monitor.store.invalidation import Invalidation
from monitor.store.keys import select_in
from monitor.store.sources import SourceRow


def stored_names(connection: sqlite3.Connection, source: SourceRow, uid_keys: Iterable[str]) -> set[EntryKey]:
    """Return those of these names that are stored of the source, be it for an entry that is gone."""
    keys = {id_: key for key, id_ in source.owners.items()}
    return {(keys[id_], name) for id_, name in _starts(connection, source, uid_keys)}


def rename_events(
    connection: sqlite3.Connection, source: SourceRow, names: Mapping[EntryKey, str], now: int
) -> Invalidation:
    """Give entries new names, none of which may be stored; history, true times and corrections move along.

    Another source may hold an entry of the old name, as two exports of one calendar do. What that source tells of it
    keeps the name, and a correction holds for both.
    """
    new_names = {(source.owners[clinician], old): new for (clinician, old), new in names.items()}
    invalidation = Invalidation()
    for (clinician, old), start in _starts(connection, source, (old for _, old in names)).items():
        if (clinician, old) in new_names:
            invalidation.add_row(clinician, start)
    for table, column in (("event", "uid_key"), ("event_history", "uid_key"), ("evidence", "evidence_key")):
        # The evidence of a source that tells an entry and its true times in one row bears the entry's name.
        connection.executemany(
            f"UPDATE OR REPLACE {table} SET {column} = ? WHERE clinician_id = ? AND source_id = ? AND {column} = ?",
            [(new, clinician, source.id, old) for (clinician, old), new in new_names.items()],
        )
    others = f"SELECT clinician_id, uid_key FROM event WHERE source_id <> ? AND status <> ? AND {_of_owners(source)}"
    shared = new_names.keys() & set(connection.execute(others, (source.id, REMOVED)))
    evidence = connection.execute(
        f"SELECT clinician_id, source_id, evidence_key, uid_key FROM evidence WHERE {_of_owners(source)}"
    ).fetchall()
    connection.executemany(
        "UPDATE evidence SET uid_key = ? WHERE clinician_id = ? AND source_id = ? AND evidence_key = ?",
        [
            (new_names[clinician, old], clinician, teller, key)
            for clinician, teller, key, old in evidence
            if (clinician, old) in new_names and (teller == source.id or (clinician, old) not in shared)
        ],
    )
    corrections = connection.execute(f"SELECT * FROM correction WHERE {_of_owners(source)}").fetchall()
    moved = [row for row in corrections if row[:2] in new_names]
    connection.executemany(
        "INSERT OR IGNORE INTO correction VALUES (?, ?, ?, ?)",
        [(row[0], new_names[row[:2]], *row[2:]) for row in moved],
    )
    connection.executemany(
        "DELETE FROM correction WHERE clinician_id = ? AND uid_key = ?",
        [row[:2] for row in moved if row[:2] not in shared],
    )
    connection.execute("UPDATE source SET renamed_at = ? WHERE id = ?", (now, source.id))
    return invalidation


def _starts(connection: sqlite3.Connection, source: SourceRow, uid_keys: Iterable[str]) -> dict[tuple[int, str], int]:
    """Return when the entries with these names begin, by clinician and name."""
    rows = f"SELECT clinician_id, uid_key, start_at FROM event WHERE source_id = {source.id:d} AND {_of_owners(source)}"
    found = select_in(connection, f"{rows} AND uid_key IN", sorted(set(uid_keys)))
    return {(clinician, uid_key): start for clinician, uid_key, start in found}


def _of_owners(source: SourceRow) -> str:
    return f"clinician_id IN ({', '.join(map(str, source.owners.values()))})"
