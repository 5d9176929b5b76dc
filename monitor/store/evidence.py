"""Evidence of when sessions began and ended, from record systems and call logs, and the clinicians' corrections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.base import Window
from connectors.records import SessionEvidence
from monitor.store.computations import Invalidation, mark_dirty_from
from monitor.store.events import EventKey
from monitor.store.keys import clinician_id, epoch, epoch_or_none, select_in
from monitor.store.sources import SourceRow

_BATCH_SIZE = 10_000  # rows


class EvidenceRow(NamedTuple):
    """A row of the table ``evidence``, in the order of its columns."""

    clinician_id: int
    source_id: int
    evidence_key: str
    grade: str
    started_at: int | None
    ended_at: int | None
    uid_key: str | None
    meeting: str | None


def save_evidence(
    connection: sqlite3.Connection, source: SourceRow, evidence: Sequence[SessionEvidence]
) -> Invalidation:
    """Store evidence; a row replaces an earlier one of the same source and key."""
    rows = {}
    for item in evidence:
        row = EvidenceRow(
            clinician_id=source.owners[item.clinician],
            source_id=source.id,
            evidence_key=item.key,
            grade=item.grade.value,
            started_at=epoch_or_none(item.started_at),
            ended_at=epoch_or_none(item.ended_at),
            uid_key=item.uid_key,
            meeting=item.meeting,
        )
        rows[row.clinician_id, row.evidence_key] = row
    head = f"SELECT * FROM evidence WHERE source_id = {source.id:d} AND {source.of_owners} AND evidence_key IN"
    stored = {
        (row.clinician_id, row.evidence_key): row
        for row in map(EvidenceRow._make, select_in(connection, head, [item.key for item in evidence]))
    }
    changed = [row for key, row in rows.items() if stored.get(key) != row]
    invalidation = Invalidation()
    for row in changed:
        _invalidate(invalidation, row, stored.get((row.clinician_id, row.evidence_key)))
    connection.executemany("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?)", changed)
    return invalidation


def stored_spans(connection: sqlite3.Connection, source: SourceRow, window: Window) -> dict[EventKey, tuple[int, int]]:
    """Return the start and end of each stored evidence of a source in a window, by clinician and evidence key."""
    rows = connection.execute(
        """SELECT key, evidence_key, ifnull(started_at, ended_at), ifnull(ended_at, started_at)
           FROM source_clinician JOIN evidence USING (clinician_id, source_id)
           JOIN clinician ON clinician.id = clinician_id
           WHERE source_id = ? AND ifnull(started_at, ended_at) < ?
           AND (ifnull(ended_at, started_at) > ? OR ifnull(started_at, ended_at) >= ?)""",
        (source.id, epoch(window.end), epoch(window.start), epoch(window.start)),
    )
    return {row[:2]: row[2:] for row in rows}


def stored_evidence(connection: sqlite3.Connection, source: SourceRow) -> Iterator[list[EvidenceRow]]:
    """Yield all evidence of a source and its owners, some thousand rows at a time."""
    cursor = connection.execute(f"SELECT * FROM evidence WHERE {source.of_owners} AND source_id = ?", (source.id,))
    while rows := cursor.fetchmany(_BATCH_SIZE):
        yield [EvidenceRow._make(row) for row in rows]


def drop_evidence(connection: sqlite3.Connection, rows: Sequence[EvidenceRow]) -> Invalidation:
    """Delete rows of evidence."""
    invalidation = Invalidation()
    for row in rows:
        _invalidate(invalidation, row)
    connection.executemany(
        "DELETE FROM evidence WHERE clinician_id = ? AND source_id = ? AND evidence_key = ?", [row[:3] for row in rows]
    )
    return invalidation


def drop_all_evidence(connection: sqlite3.Connection, source: SourceRow) -> Invalidation:
    """Delete all evidence of a source."""
    rows = connection.execute("DELETE FROM evidence WHERE source_id = ? RETURNING *", (source.id,)).fetchall()
    invalidation = Invalidation()
    for row in map(EvidenceRow._make, rows):
        _invalidate(invalidation, row)
    return invalidation


def _invalidate(invalidation: Invalidation, new: EvidenceRow, old: EvidenceRow | None = None) -> None:
    instants = (instant for row in (new, old) if row for instant in (row.started_at, row.ended_at))
    invalidation.add_row(new.clinician_id, *instants)


def save_correction(connection: sqlite3.Connection, clinician: str, uid_key: str, ended_at: int, now: int) -> None:
    """Store the end of a session as its clinician states it; it takes precedence over all evidence."""
    id_ = clinician_id(connection, clinician)
    stored = connection.execute(
        "SELECT ended_at FROM correction WHERE clinician_id = ? AND uid_key = ?", (id_, uid_key)
    ).fetchone()
    if stored == (ended_at,):
        return
    connection.execute("INSERT OR REPLACE INTO correction VALUES (?, ?, ?, ?)", (id_, uid_key, ended_at, now))
    mark_dirty_from(connection, id_, ended_at, *(stored or ()))


def drop_correction(connection: sqlite3.Connection, clinician: str, uid_key: str) -> bool:
    """Delete a correction, so that the evidence counts again; return ``False`` if there is none."""
    id_ = clinician_id(connection, clinician)
    deleted = connection.execute(
        "DELETE FROM correction WHERE clinician_id = ? AND uid_key = ? RETURNING ended_at", (id_, uid_key)
    ).fetchone()
    mark_dirty_from(connection, id_, *(deleted or ()))
    return deleted is not None
