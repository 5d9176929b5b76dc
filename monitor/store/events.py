"""Calendar entries, each with its booked end and every version that was seen, also under new identifiers."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from connectors.base import Window
from connectors.records import CalendarEvent, Kind
from monitor.store.computations import Invalidation
from monitor.store.keys import epoch, epoch_or_none, identities, select_in
from monitor.store.sources import SourceRow

REMOVED = "removed"  # the status of an event that its source no longer contains; the row and its history stay

EventKey = tuple[str, str]
"""A clinician's key and a uid_key: several clinicians may have the same entry."""


class EventRow(NamedTuple):
    """A row of the table ``event``, in the order of its columns."""

    clinician_id: int
    source_id: int
    uid_key: str
    start_at: int
    end_at: int
    booked_end_at: int
    all_day: int
    status: str
    kind: str
    client_id: int | None
    excluded: str | None
    edited_at: int | None
    first_seen_at: int
    meeting: str | None
    series: str | None


_COLUMNS = ", ".join(EventRow._fields)
_SAVE = f"INSERT OR REPLACE INTO event ({_COLUMNS}) VALUES ({', '.join('?' * len(EventRow._fields))})"


def save_events(
    connection: sqlite3.Connection, source: SourceRow, events: Sequence[CalendarEvent], now: int
) -> Invalidation:
    """Store new and changed events; the versions of a changed one go into the history.

    If the end moved after the session had begun, the entry was corrected and the booked end stays. Any other change is
    a reschedule, and the booked end moves with it. Of two events with the same key the later in ``events`` counts.
    """
    events_by_key = {(source.owners[event.clinician], event.uid_key): event for event in events}
    clients = identities(
        connection, ((owner_id, event.client) for (owner_id, _), event in events_by_key.items() if event.client)
    )
    stored = _stored_rows(connection, source, [event.uid_key for event in events])
    changes = []
    for (owner_id, uid_key), event in events_by_key.items():
        old = stored.get((owner_id, uid_key))
        start, end, edited_at = epoch(event.start), epoch(event.end), epoch_or_none(event.edited_at)
        new = EventRow(
            clinician_id=owner_id,
            source_id=source.id,
            uid_key=uid_key,
            start_at=start,
            end_at=end,
            booked_end_at=_booked_end(old, start, end, edited_at, now),
            all_day=int(event.all_day),
            status=event.status.value,
            kind=event.kind.value,
            client_id=clients[owner_id, event.client] if event.client else None,
            excluded=event.excluded,
            edited_at=edited_at,
            first_seen_at=old.first_seen_at if old else now,
            meeting=event.meeting,
            series=event.series,
        )
        if new != old:
            changes.append((old, new))
    return _save_changes(connection, changes, now)


def _booked_end(old: EventRow | None, start: int, end: int, edited_at: int | None, now: int) -> int:
    """Return the booked end of an event that is read at ``now`` and that its source last changed at ``edited_at``.

    ::

        stored booking   |--------|
        new end                         ^
        edited before    |     ... ^           rescheduled: the new end is the booked end
        edited after     | began   ... ^       ran over (or short): the booked end stays
    """
    if old is None or start != old.start_at:
        return end
    if end == old.end_at:
        return old.booked_end_at
    # Some sources repeat an old edit time with every change, or have a clock that is ahead of ours. Then the change
    # counts as made now.
    changed_at = edited_at if edited_at is not None and (old.edited_at or 0) < edited_at <= now else now
    return old.booked_end_at if changed_at > start else end


def _save_changes(
    connection: sqlite3.Connection, changes: Sequence[tuple[EventRow | None, EventRow]], now: int
) -> Invalidation:
    invalidation = Invalidation()
    versions = []
    for old, new in changes:
        invalidation.add_row(new.clinician_id, new.start_at, old.start_at if old else None)
        if old and (old.start_at, old.end_at, old.status) != (new.start_at, new.end_at, new.status):
            for row, seen_at in ((old, old.first_seen_at), (new, now)):
                versions.append((*row[:3], seen_at, row.start_at, row.end_at, row.status))
    connection.executemany(_SAVE, [new for _, new in changes])
    # The first version of an event is written together with its first change. On later changes it is there already.
    connection.executemany("INSERT INTO event_history VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", versions)
    return invalidation


def _stored_rows(
    connection: sqlite3.Connection, source: SourceRow, uid_keys: Sequence[str]
) -> dict[tuple[int, str], EventRow]:
    """Return the stored events of a source with these uid_keys, removed ones included, by clinician's id and key."""
    head = f"SELECT {_COLUMNS} FROM event WHERE source_id = {source.id:d} AND {source.of_owners} AND uid_key IN"
    rows = map(EventRow._make, select_in(connection, head, uid_keys))
    return {(row.clinician_id, row.uid_key): row for row in rows}


class StoredEvent(NamedTuple):
    """An event as ingest compares it with a snapshot. Instants are epoch seconds, ``client`` is a pseudonym."""

    clinician: str
    uid_key: str
    start: int
    end: int
    kind: str
    client: str | None
    series: str | None


def stored_events(connection: sqlite3.Connection, source: SourceRow, window: Window) -> Iterator[StoredEvent]:
    """Yield the stored events of a source that touch a window, except removed ones."""
    rows = connection.execute(
        """SELECT key, uid_key, start_at, end_at, kind, pseudonym, series
           FROM source_clinician JOIN event USING (clinician_id, source_id)
           JOIN clinician ON clinician.id = event.clinician_id LEFT JOIN identity ON identity.id = client_id
           WHERE source_id = ? AND status <> ? AND start_at < ? AND (end_at > ? OR start_at >= ?)""",
        (source.id, REMOVED, epoch(window.end), epoch(window.start), epoch(window.start)),
    )
    return map(StoredEvent._make, rows)


def stored_keys(
    connection: sqlite3.Connection, source: SourceRow, uid_keys: Iterable[str], window: Window | None = None
) -> set[EventKey]:
    """Return the keys of the stored events with these uid_keys, of all owners and removed ones included.

    With a ``window`` none that ended before it.
    """
    owner_keys, rows = source.owner_keys, _stored_rows(connection, source, list(uid_keys)).values()
    start = None if window is None else epoch(window.start)
    return {
        (owner_keys[row.clinician_id], row.uid_key)
        for row in rows
        if start is None or max(row.end_at, row.start_at + 1) > start
    }


def remove_events(
    connection: sqlite3.Connection, source: SourceRow, entry_keys: Collection[EventKey], now: int
) -> Invalidation:
    """Mark events as removed at their source; rows and history stay."""
    row_keys = {(source.owners[clinician], uid_key) for clinician, uid_key in entry_keys}
    stored = _stored_rows(connection, source, sorted({uid_key for _, uid_key in entry_keys}))
    rows = [row for key, row in stored.items() if key in row_keys and row.status != REMOVED]
    return _save_changes(connection, [(row, row._replace(status=REMOVED)) for row in rows], now)


def reduce_to_busy(connection: sqlite3.Connection, source: SourceRow, now: int) -> Invalidation:
    """Reduce all stored events of a source to busy times, as for another job's calendar."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM event WHERE source_id = ?", (source.id,)).fetchall()
    changes: list[tuple[EventRow | None, EventRow]] = []
    for old in map(EventRow._make, rows):
        new = old._replace(kind=Kind.BUSY.value, client_id=None, edited_at=None, meeting=None)
        if new != old:
            changes.append((old, new))
    return _save_changes(connection, changes, now)


def rename_events(
    connection: sqlite3.Connection, source: SourceRow, new_uid_keys: Mapping[EventKey, str], now: int
) -> Invalidation:
    """Give events new uid_keys, none of which may exist; their history, evidence and corrections keep the connection.

    Another source may contain an event with the same old key, as two exports of one calendar do. Its event and evidence
    keep the old key, and a correction then applies to both keys.
    """
    renamed = {(source.owners[clinician], old): new for (clinician, old), new in new_uid_keys.items()}
    invalidation = Invalidation()
    for key, row in _stored_rows(connection, source, sorted({old for _, old in new_uid_keys})).items():
        if key in renamed:
            invalidation.add_row(row.clinician_id, row.start_at)
    for table, column in (("event", "uid_key"), ("event_history", "uid_key"), ("evidence", "evidence_key")):
        # Where a source has an event and its actual times in one row, the evidence has the key of the event.
        connection.executemany(
            f"UPDATE OR REPLACE {table} SET {column} = ? WHERE clinician_id = ? AND source_id = ? AND {column} = ?",
            [(new, clinician, source.id, old) for (clinician, old), new in renamed.items()],
        )
    other_events = (
        f"SELECT clinician_id, uid_key FROM event WHERE source_id <> ? AND status <> ? AND {source.of_owners}"
    )
    shared = renamed.keys() & set(connection.execute(other_events, (source.id, REMOVED)))
    evidence = connection.execute(
        f"SELECT clinician_id, source_id, evidence_key, uid_key FROM evidence WHERE {source.of_owners}"
    ).fetchall()
    connection.executemany(
        "UPDATE evidence SET uid_key = ? WHERE clinician_id = ? AND source_id = ? AND evidence_key = ?",
        [
            (renamed[clinician, old], clinician, source_id, key)
            for clinician, source_id, key, old in evidence
            if (clinician, old) in renamed and (source_id == source.id or (clinician, old) not in shared)
        ],
    )
    corrections = connection.execute(f"SELECT * FROM correction WHERE {source.of_owners}").fetchall()
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


class EventMatch(NamedTuple):
    """A stored event that was found by its uid_key. Instants are epoch seconds."""

    clinician: str
    start: int
    booked_end: int
    kind: str


def find_events(connection: sqlite3.Connection, uid_key: str) -> list[EventMatch]:
    """Return the events with a uid_key, one a clinician, except removed ones."""
    rows = connection.execute(
        """SELECT key, start_at, booked_end_at, kind FROM event JOIN source_clinician USING (clinician_id, source_id)
           JOIN clinician ON clinician.id = clinician_id
           WHERE uid_key = ? AND status <> ? ORDER BY key, source_id DESC""",
        (uid_key, REMOVED),
    )
    return list({row[0]: EventMatch(*row) for row in rows}.values())
