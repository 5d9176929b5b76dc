"""Events that a source returns with new identifiers: all rows that refer to the old ones are changed as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from monitor.store.events import REMOVED, EventKey
from monitor.store.invalidation import Invalidation
from monitor.store.keys import select_in
from monitor.store.sources import SourceRow


def existing_keys(connection: sqlite3.Connection, source: SourceRow, uid_keys: Iterable[str]) -> set[EventKey]:
    """Return the keys of all events of a source with these uid_keys, removed ones included."""
    owner_keys = {owner_id: key for key, owner_id in source.owners.items()}
    return {(owner_keys[owner_id], uid_key) for owner_id, uid_key in _starts(connection, source, uid_keys)}


def rename_events(
    connection: sqlite3.Connection, source: SourceRow, new_uid_keys: Mapping[EventKey, str], now: int
) -> Invalidation:
    """Give events new uid_keys, none of which may exist; their history, evidence and corrections keep the connection.

    Another source may contain an event with the same old key, as two exports of one calendar do. Its event and evidence
    keep the old key, and a correction then applies to both keys.
    """
    renamed = {(source.owners[clinician], old): new for (clinician, old), new in new_uid_keys.items()}
    invalidation = Invalidation()
    for (clinician, old), start in _starts(connection, source, (old for _, old in new_uid_keys)).items():
        if (clinician, old) in renamed:
            invalidation.add_row(clinician, start)
    for table, column in (("event", "uid_key"), ("event_history", "uid_key"), ("evidence", "evidence_key")):
        # Where a source has an event and its actual times in one row, the evidence has the key of the event.
        connection.executemany(
            f"UPDATE OR REPLACE {table} SET {column} = ? WHERE clinician_id = ? AND source_id = ? AND {column} = ?",
            [(new, clinician, source.id, old) for (clinician, old), new in renamed.items()],
        )
    other_events = (
        f"SELECT clinician_id, uid_key FROM event WHERE source_id <> ? AND status <> ? AND {_of_owners(source)}"
    )
    shared = renamed.keys() & set(connection.execute(other_events, (source.id, REMOVED)))
    evidence = connection.execute(
        f"SELECT clinician_id, source_id, evidence_key, uid_key FROM evidence WHERE {_of_owners(source)}"
    ).fetchall()
    connection.executemany(
        "UPDATE evidence SET uid_key = ? WHERE clinician_id = ? AND source_id = ? AND evidence_key = ?",
        [
            (renamed[clinician, old], clinician, source_id, key)
            for clinician, source_id, key, old in evidence
            if (clinician, old) in renamed and (source_id == source.id or (clinician, old) not in shared)
        ],
    )
    corrections = connection.execute(f"SELECT * FROM correction WHERE {_of_owners(source)}").fetchall()
    affected = [row for row in corrections if row[:2] in renamed]
    # A correction that already exists under the new key is the clinician's latest, and stays.
    connection.executemany(
        "INSERT OR IGNORE INTO correction VALUES (?, ?, ?, ?)",
        [(row[0], renamed[row[:2]], *row[2:]) for row in affected],
    )
    connection.executemany(
        "DELETE FROM correction WHERE clinician_id = ? AND uid_key = ?",
        [row[:2] for row in affected if row[:2] not in shared],
    )
    connection.execute("UPDATE source SET renamed_at = ? WHERE id = ?", (now, source.id))
    return invalidation


def _starts(connection: sqlite3.Connection, source: SourceRow, uid_keys: Iterable[str]) -> dict[tuple[int, str], int]:
    """Return the starts of the events with these uid_keys, by clinician's id and uid_key."""
    rows = f"SELECT clinician_id, uid_key, start_at FROM event WHERE source_id = {source.id:d} AND {_of_owners(source)}"
    result = select_in(connection, f"{rows} AND uid_key IN", sorted(set(uid_keys)))
    return {(clinician, uid_key): start for clinician, uid_key, start in result}


def _of_owners(source: SourceRow) -> str:
    return f"clinician_id IN ({', '.join(map(str, source.owners.values()))})"
