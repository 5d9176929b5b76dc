"""True times of sessions: what record systems and call logs say, and a clinician's own corrections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.base import Window
from connectors.records import SessionEvidence
from monitor.store.events import EntryKey
from monitor.store.invalidation import Invalidation, mark_dirty
from monitor.store.keys import clinician_ids, epoch, epoch_or_none, select_in
from monitor.store.sources import SourceRow

_SOME = 10_000


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


def save_evidence(connection: sqlite3.Connection, source: SourceRow, found: Sequence[SessionEvidence]) -> Invalidation:
    """Store true times; those of one source and key replace each other."""
    rows = {(row.clinician_id, row.evidence_key): row for row in (_row(source, item) for item in found)}
    stored = _stored(connection, source, [item.key for item in found])
    invalidation = Invalidation()
    changed = [row for key, row in rows.items() if stored.get(key) != row]
    for row in changed:
        _invalidate(invalidation, row, stored.get((row.clinician_id, row.evidence_key)))
    connection.executemany("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?)", changed)
    return invalidation


def stored_spans(connection: sqlite3.Connection, source: SourceRow, window: Window) -> dict[EntryKey, tuple[int, int]]:
    """Return the span of each true time that is stored of the source in a window, by clinician and evidence key."""
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
    """Yield all true times of the source and its owners, some thousand at a time."""
    owners = ", ".join(map(str, source.owners.values()))
    rows = connection.execute(
        f"SELECT * FROM evidence WHERE clinician_id IN ({owners}) AND source_id = ?", (source.id,)
    )
    while some := rows.fetchmany(_SOME):
        yield [EvidenceRow._make(row) for row in some]


def drop_evidence(connection: sqlite3.Connection, gone: Sequence[EvidenceRow]) -> Invalidation:
    """Drop these true times."""
    invalidation = Invalidation()
    for row in gone:
        _invalidate(invalidation, row)
    connection.executemany(
        "DELETE FROM evidence WHERE clinician_id = ? AND source_id = ? AND evidence_key = ?", [row[:3] for row in gone]
    )
    return invalidation


def drop_all_evidence(connection: sqlite3.Connection, source: SourceRow) -> Invalidation:
    """Drop all true times that the source told."""
    rows = connection.execute("DELETE FROM evidence WHERE source_id = ? RETURNING *", (source.id,)).fetchall()
    invalidation = Invalidation()
    for row in map(EvidenceRow._make, rows):
        _invalidate(invalidation, row)
    return invalidation


def save_correction(connection: sqlite3.Connection, clinician: str, uid_key: str, ended_at: int, now: int) -> None:
    """A clinician's own word for when a session ended; it beats all evidence."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    known = connection.execute(
        "SELECT ended_at FROM correction WHERE clinician_id = ? AND uid_key = ?", (id_, uid_key)
    ).fetchone()
    if known == (ended_at,):
        return
    connection.execute("INSERT OR REPLACE INTO correction VALUES (?, ?, ?, ?)", (id_, uid_key, ended_at, now))
    invalidation = Invalidation()
    invalidation.add_row(id_, ended_at, *(known or ()))
    mark_dirty(connection, invalidation)


def drop_correction(connection: sqlite3.Connection, clinician: str, uid_key: str) -> bool:
    """Take a correction back, so that the evidence counts again; ``False`` if there is none."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    known = connection.execute(
        "DELETE FROM correction WHERE clinician_id = ? AND uid_key = ? RETURNING ended_at", (id_, uid_key)
    ).fetchone()
    invalidation = Invalidation()
    invalidation.extend_to(id_, *(known or ()))
    mark_dirty(connection, invalidation)
    return known is not None


def _row(source: SourceRow, item: SessionEvidence) -> EvidenceRow:
    return EvidenceRow(
        source.owners[item.clinician],
        source.id,
        item.key,
        item.grade.value,
        epoch_or_none(item.started_at),
        epoch_or_none(item.ended_at),
        item.uid_key,
        item.meeting,
    )


def _invalidate(invalidation: Invalidation, new: EvidenceRow, old: EvidenceRow | None = None) -> None:
    invalidation.add_row(new.clinician_id, *(at for row in (new, old) if row for at in (row.started_at, row.ended_at)))


def _stored(
    connection: sqlite3.Connection, source: SourceRow, keys: Sequence[str]
) -> dict[tuple[int, str], EvidenceRow]:
    owners = ", ".join(map(str, source.owners.values()))
    head = f"SELECT * FROM evidence WHERE source_id = {source.id:d} AND clinician_id IN ({owners}) AND evidence_key IN"
    rows = map(EvidenceRow._make, select_in(connection, head, keys))
    return {(row.clinician_id, row.evidence_key): row for row in rows}
