"""What is remembered of each source: whose it is, how far it was read, what could not be used, what stopped it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.base import Fault, Window
from monitor.store.keys import clinician_ids, epoch
from monitor.store.touched import Touched, mark_dirty


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is stored: its number, cursor, how often it was read anew, and its owners' numbers by key."""

    id: int
    cursor: str | None
    reading: int
    owners: Mapping[str, int]


def source_row(
    connection: sqlite3.Connection, name: str, kind: str, clinicians: Iterable[str], account: str | None = None
) -> SourceRow:
    """The stored source, made on first sight, for these clinicians from now on.

    ``account`` is whose account of it this is, where each clinician has one.
    """
    owners = clinician_ids(connection, clinicians)
    owner = owners[account] if account else 0
    connection.execute(
        """INSERT INTO source (name, owner_id, kind) VALUES (?, ?, ?)
           ON CONFLICT (name, owner_id) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind""",
        (name, owner, kind),
    )
    id_, cursor, reading = connection.execute(
        "SELECT id, cursor, reading FROM source WHERE name = ? AND owner_id = ?", (name, owner)
    ).fetchone()
    source = SourceRow(id_, cursor, reading, owners)
    _hand_over(connection, source)
    return source


def keep_accounts(connection: sqlite3.Connection, name: str, accounts: Sequence[str | None]) -> None:
    """Let what any other account of this source told count for nobody: it is theirs no more."""
    kept = set(clinician_ids(connection, [key for key in accounts if key]).values()) or {0}
    known = connection.execute("SELECT id, owner_id, reading FROM source WHERE name = ?", (name,)).fetchall()
    for id_, owner, reading in known:
        if owner not in kept:
            _hand_over(connection, SourceRow(id_, None, reading, {}))


def _hand_over(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Let the source be its owners' alone; whoever it came to or was taken from is computed again."""
    sql = "SELECT clinician_id FROM source_clinician WHERE source_id = ?"
    before = {row[0] for row in connection.execute(sql, (source.id,))}
    now = set(source.owners.values())
    connection.executemany(
        "DELETE FROM source_clinician WHERE source_id = ? AND clinician_id = ?",
        [(source.id, id_) for id_ in before - now],
    )
    connection.executemany("INSERT INTO source_clinician VALUES (?, ?)", [(source.id, id_) for id_ in now - before])
    touched = Touched()
    for id_ in before ^ now:
        touched.mark(id_, _first_record(connection, source, id_))
    mark_dirty(connection, touched)


def _first_record(connection: sqlite3.Connection, source: SourceRow, clinician: int) -> int | None:
    row = connection.execute(
        """SELECT min(at) FROM (
             SELECT min(start_at) AS at FROM event WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(coalesce(started_at, ended_at)) FROM evidence
                       WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(sent_at) FROM message WHERE clinician_id = :clinician AND source_id = :source)""",
        {"clinician": clinician, "source": source.id},
    ).fetchone()
    return None if row[0] is None else int(row[0])


def begin_reading(connection: sqlite3.Connection, source: SourceRow) -> SourceRow:
    """The source is read from its beginning: what it says from here on counts before what it said earlier."""
    connection.execute("UPDATE source SET reading = reading + 1 WHERE id = ?", (source.id,))
    forget_faults(connection, source)
    return replace(source, reading=source.reading + 1)


def save_cursor(connection: sqlite3.Connection, source: SourceRow, cursor: str | None) -> None:
    """Remember how far the source has been read."""
    connection.execute("UPDATE source SET cursor = ? WHERE id = ? AND cursor IS NOT ?", (cursor, source.id, cursor))


def save_success(connection: sqlite3.Connection, source: SourceRow, window: Window, now: int) -> None:
    """Remember that the source has been read to its end, for which span of time, and when."""
    start, end = epoch(window.start), min(epoch(window.end), now)
    connection.execute(
        """UPDATE source SET attempted_at = ?, succeeded_at = ?, fault = NULL,
           seen_from = min(coalesce(seen_from, ?), ?), seen_to = max(coalesce(seen_to, ?), ?) WHERE id = ?""",
        (now, now, start, start, end, end, source.id),
    )


def save_failure(connection: sqlite3.Connection, source: SourceRow, sentence: str, now: int) -> None:
    """Remember why a source could not be read; its rows and cursor stay."""
    connection.execute("UPDATE source SET attempted_at = ?, fault = ? WHERE id = ?", (now, sentence, source.id))


def save_faults(connection: sqlite3.Connection, source: SourceRow, faults: Sequence[Fault], now: int) -> None:
    """Keep the place and reason of every record that could not be used."""
    connection.executemany(
        "INSERT INTO kept_aside VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(source.id, fault.where, fault.reason, now) for fault in faults],
    )


def mend_faults(connection: sqlite3.Connection, source: SourceRow, places: Iterable[str]) -> None:
    """Forget what could not be used at these places: it can be now."""
    connection.executemany(
        "DELETE FROM kept_aside WHERE source_id = ? AND place = ?", [(source.id, place) for place in places]
    )


def forget_faults(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Forget what could not be used before: the source tells it again."""
    connection.execute("DELETE FROM kept_aside WHERE source_id = ?", (source.id,))
