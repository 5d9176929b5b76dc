"""Calendar entries as they are stored, each with the end it was booked for and every version it was seen in."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from connectors.base import Window
from connectors.records import CalendarEvent, Kind
from monitor.store.invalidation import Invalidation
from monitor.store.keys import epoch, epoch_or_none, identities, select_in
from monitor.store.sources import SourceRow

REMOVED = "removed"  # the source no longer holds it; the row and its history stay

EntryKey = tuple[str, str]
"""A clinician's key and a uid_key: one entry may be several people's."""


class _Event(NamedTuple):
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


_COLUMNS = ", ".join(_Event._fields)
_SAVE = f"INSERT OR REPLACE INTO event ({_COLUMNS}) VALUES ({', '.join('?' * len(_Event._fields))})"


def save_events(
    connection: sqlite3.Connection, source: SourceRow, events: Sequence[CalendarEvent], now: int
) -> Invalidation:
    """Store new and changed events; a changed one leaves its versions in the history.

    An end that moved after the session had begun leaves the booked end where it was: the entry was edited. Any other
    change is a reschedule, and the booking moves with it. Of two events of one name the later in ``events`` counts.
    """
    named = {(source.owners[event.clinician], event.uid_key): event for event in events}
    clients = identities(connection, ((id_, event.client) for (id_, _), event in named.items() if event.client))
    stored = _stored(connection, source, [event.uid_key for event in events])
    changes = []
    for (clinician, uid_key), event in named.items():
        old = stored.get((clinician, uid_key))
        client = clients[clinician, event.client] if event.client else None
        new = _event(event, clinician, source.id, client, old, now)
        if new != old:
            changes.append((old, new))
    return _changed(connection, changes, now)


def _event(
    event: CalendarEvent, clinician: int, source: int, client: int | None, old: _Event | None, now: int
) -> _Event:
    start, end, edited = epoch(event.start), epoch(event.end), epoch_or_none(event.edited_at)
    return _Event(
        clinician_id=clinician,
        source_id=source,
        uid_key=event.uid_key,
        start_at=start,
        end_at=end,
        booked_end_at=_booked_end(old, start, end, edited, now),
        all_day=int(event.all_day),
        status=event.status.value,
        kind=event.kind.value,
        client_id=client,
        excluded=event.excluded,
        edited_at=edited,
        first_seen_at=old.first_seen_at if old else now,
        meeting=event.meeting,
        series=event.series,
    )


def _booked_end(old: _Event | None, start: int, end: int, edited: int | None, now: int) -> int:
    """The end that was booked, seen again at ``now`` as it was last ``edited``.

    ::

        booked   |--------|                    the end moves to ^ ...
        edited before |        ... ^           rescheduled: that is the booking now
        edited after  | began      ... ^       ran over (or short): the booking stays
    """
    if old is None or start != old.start_at:
        return end
    if end == old.end_at:
        return old.booked_end_at
    # The source's own word for when it was changed, if it says anything new that can be true.
    changed_at = edited if edited is not None and (old.edited_at or 0) < edited <= now else now
    return old.booked_end_at if changed_at > start else end


def _changed(connection: sqlite3.Connection, changes: Sequence[tuple[_Event | None, _Event]], now: int) -> Invalidation:
    invalidation = Invalidation()
    for old, new in changes:
        invalidation.add_row(new.clinician_id, new.start_at, old.start_at if old else None)
    connection.executemany(_SAVE, [new for _, new in changes])
    # A version that is there stays there: the first one of an event is written with its first change.
    connection.executemany(
        "INSERT INTO event_history VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [version for old, new in changes if old for version in _versions(old, new, now)],
    )
    return invalidation


def _versions(old: _Event, new: _Event, now: int) -> list[tuple[int, int, str, int, int, int, str]]:
    if (old.start_at, old.end_at, old.status) == (new.start_at, new.end_at, new.status):
        return []
    seen = ((old, old.first_seen_at), (new, now))
    return [(*row[:3], seen_at, row.start_at, row.end_at, row.status) for row, seen_at in seen]


def _stored(
    connection: sqlite3.Connection, source: SourceRow, uid_keys: Sequence[str]
) -> dict[tuple[int, str], _Event]:
    owners = ", ".join(map(str, source.owners.values()))
    head = f"SELECT {_COLUMNS} FROM event WHERE source_id = {source.id:d} AND clinician_id IN ({owners}) AND uid_key IN"
    rows = map(_Event._make, select_in(connection, head, uid_keys))
    return {(row.clinician_id, row.uid_key): row for row in rows}


class StoredEvent(NamedTuple):
    """An entry that a source is known to hold. Instants are epoch seconds, ``client`` is a pseudonym."""

    clinician: str
    uid_key: str
    start: int
    end: int
    kind: str
    client: str | None
    series: str | None


def stored_events(connection: sqlite3.Connection, source: SourceRow, window: Window) -> Iterator[StoredEvent]:
    """Yield the entries that the source is known to hold in a window."""
    rows = connection.execute(
        """SELECT key, uid_key, start_at, end_at, kind, pseudonym, series
           FROM source_clinician JOIN event USING (clinician_id, source_id)
           JOIN clinician ON clinician.id = event.clinician_id LEFT JOIN identity ON identity.id = client_id
           WHERE source_id = ? AND status <> ? AND start_at < ? AND (end_at > ? OR start_at >= ?)""",
        (source.id, REMOVED, epoch(window.end), epoch(window.start), epoch(window.start)),
    )
    return map(StoredEvent._make, rows)


def stored_events_by_key(
    connection: sqlite3.Connection, source: SourceRow, window: Window
) -> dict[EntryKey, StoredEvent]:
    """Return the entries that the source is known to hold in a window."""
    return {(entry.clinician, entry.uid_key): entry for entry in stored_events(connection, source, window)}


def stored_keys(
    connection: sqlite3.Connection, source: SourceRow, uid_keys: Sequence[str], window: Window
) -> set[EntryKey]:
    """The entries of these names, whoever of the source's owners has them; none that lies before the window."""
    start, keys = epoch(window.start), {id_: key for key, id_ in source.owners.items()}
    stored = _stored(connection, source, uid_keys)
    return {
        (keys[row.clinician_id], row.uid_key) for row in stored.values() if max(row.end_at, row.start_at + 1) > start
    }


def remove_events(
    connection: sqlite3.Connection, source: SourceRow, gone: Collection[EntryKey], now: int
) -> Invalidation:
    """Mark events as gone from their source; rows and history stay."""
    wanted = {(source.owners[clinician], uid_key) for clinician, uid_key in gone}
    stored = _stored(connection, source, sorted({uid_key for _, uid_key in gone}))
    leaving = [row for key, row in stored.items() if key in wanted and row.status != REMOVED]
    return _changed(connection, [(row, row._replace(status=REMOVED)) for row in leaving], now)


def reduce_to_busy(connection: sqlite3.Connection, source: SourceRow, now: int) -> Invalidation:
    """Make every stored entry of the source another job's: its times, and nothing else."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM event WHERE source_id = ?", (source.id,)).fetchall()
    changes: list[tuple[_Event | None, _Event]] = []
    for old in map(_Event._make, rows):
        new = old._replace(kind=Kind.BUSY.value, client_id=None, edited_at=None, meeting=None)
        if new != old:
            changes.append((old, new))
    return _changed(connection, changes, now)


class EventMatch(NamedTuple):
    """A stored event that somebody names by its uid_key; instants are epoch seconds."""

    clinician: str
    start: int
    booked_end: int
    kind: str


def find_events(connection: sqlite3.Connection, uid_key: str) -> list[EventMatch]:
    """The events with that uid_key that their sources still hold, one a clinician."""
    rows = connection.execute(
        """SELECT key, start_at, booked_end_at, kind FROM event JOIN source_clinician USING (clinician_id, source_id)
           JOIN clinician ON clinician.id = clinician_id
           WHERE uid_key = ? AND status <> ? ORDER BY key, source_id DESC""",
        (uid_key, REMOVED),
    )
    return list({row[0]: EventMatch(*row) for row in rows}.values())
