"""What ingest stores. Each function runs inside the caller's write transaction and says what it changed.

A page of records, the faults, the dirty marks and the cursor go into one transaction (``monitor.ingest`` opens it).
Saving the same page again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.base import Fault, Window
from connectors.records import CalendarEvent, MessageStamp, SessionEvidence

REMOVED = "removed"  # the source no longer holds it; the row and its history stay
_CHUNK = 500


@dataclass(slots=True)
class Touched:
    """What a page changed: rows, and per clinician the earliest instant whose numbers have to be computed again."""

    rows: int = 0
    since: dict[str, int] = field(default_factory=dict)

    def add(self, clinician: str, *instants: int | None) -> None:
        """Count one changed row of a clinician, touching these instants."""
        self.rows += 1
        known = [at for at in (*instants, self.since.get(clinician)) if at is not None]
        if known:
            self.since[clinician] = min(known)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is stored: its number, cursor, the fingerprint it was read under and how often it was read anew."""

    id: int
    cursor: str | None
    fingerprint: str | None
    reading: int


def source_row(connection: sqlite3.Connection, name: str, kind: str, clinicians: Iterable[str]) -> SourceRow:
    """The stored source, made on first sight, with the clinicians it is for."""
    connection.execute("INSERT INTO source (name, kind) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, kind))
    row = connection.execute("SELECT id, cursor, fingerprint, reading FROM source WHERE name = ?", (name,)).fetchone()
    ids = clinician_ids(connection, clinicians)
    connection.execute("DELETE FROM source_clinician WHERE source_id = ?", (row[0],))
    connection.executemany("INSERT INTO source_clinician VALUES (?, ?)", [(row[0], id_) for id_ in ids.values()])
    return SourceRow(*row)


def clinician_ids(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    """The number of each clinician, given on first sight."""
    wanted = list(dict.fromkeys(keys))
    connection.executemany("INSERT INTO clinician (key) VALUES (?) ON CONFLICT DO NOTHING", [(key,) for key in wanted])
    return _lookup(connection, "SELECT key, id FROM clinician WHERE key IN", wanted)


def begin_reading(connection: sqlite3.Connection, source: SourceRow, fingerprint: str) -> SourceRow:
    """Forget the cursor because the source is read anew under another fingerprint."""
    connection.execute(
        "UPDATE source SET cursor = NULL, fingerprint = ?, reading = reading + 1 WHERE id = ?", (fingerprint, source.id)
    )
    return SourceRow(source.id, None, fingerprint, source.reading + 1)


def save_cursor(connection: sqlite3.Connection, source: SourceRow, cursor: str | None) -> None:
    """Remember how far the source has been read."""
    connection.execute("UPDATE source SET cursor = ? WHERE id = ? AND cursor IS NOT ?", (cursor, source.id, cursor))


def save_success(connection: sqlite3.Connection, source: SourceRow, window: Window, now: int) -> None:
    """Remember that the source has been read to its end, for which span of time, and when."""
    start, end = int(window.start.timestamp()), min(int(window.end.timestamp()), now)
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


def forget_faults(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Forget the faults of an earlier reading: the source is read from its beginning."""
    connection.execute("DELETE FROM kept_aside WHERE source_id = ?", (source.id,))


def mark_dirty(connection: sqlite3.Connection, touched: Touched) -> None:
    """Remember from when on each touched clinician's numbers have to be computed again."""
    ids = clinician_ids(connection, touched.since)
    connection.executemany(
        "INSERT INTO dirty VALUES (?, ?) ON CONFLICT DO UPDATE SET from_at = min(from_at, excluded.from_at)",
        [(ids[key], since) for key, since in touched.since.items()],
    )


def identities(connection: sqlite3.Connection, pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The number of each (clinician, pseudonym), given on first sight."""
    wanted = list(dict.fromkeys(pairs))
    connection.executemany(
        "INSERT INTO identity (clinician_id, pseudonym) VALUES (?, ?) ON CONFLICT DO NOTHING", wanted
    )
    rows = _selected(
        connection,
        "SELECT clinician_id, pseudonym, id FROM identity WHERE pseudonym IN",
        [pseudonym for _, pseudonym in wanted],
    )
    return {(clinician, pseudonym): id_ for clinician, pseudonym, id_ in rows}


# -- events -------------------------------------------------------------------------------------------------------------

_EVENT = (
    "clinician_id, source_id, uid_key, start_at, end_at, booked_end_at, all_day, status, kind, client_id, set_aside, "
    "edited_at, first_seen_at"
)
_SAVE_EVENT = f"INSERT OR REPLACE INTO event ({_EVENT}) VALUES (?{', ?' * 12})"


def save_events(
    connection: sqlite3.Connection, source: SourceRow, events: Sequence[CalendarEvent], now: int
) -> Touched:
    """Store new and changed events; a changed one leaves its versions in the history.

    An end that moved after the session had begun leaves the booked end where it was: the entry was edited. Any other
    change is a reschedule, and the booking moves with it.
    """
    touched = Touched()
    if not events:
        return touched
    ids = clinician_ids(connection, (event.clinician for event in events))
    clients = identities(connection, ((ids[e.clinician], e.client) for e in events if e.client))
    stored = _stored_events(connection, source, [event.uid_key for event in events])
    rows, versions = [], []
    for event in events:
        clinician = ids[event.clinician]
        old = stored.get((clinician, event.uid_key))
        client = clients[clinician, event.client] if event.client else None
        row = _event_row(event, clinician, source.id, client, old, now)
        if old == row:
            continue
        rows.append(row)
        versions += _versions(old, row, now)
        touched.add(event.clinician, row[3], old[3] if old else None)
    connection.executemany(_SAVE_EVENT, rows)
    _save_versions(connection, versions)
    return touched


EventRow = tuple[int, int, str, int, int, int, int, str, str, int | None, str | None, int | None, int]


def _event_row(  # noqa: PLR0913, PLR0917
    event: CalendarEvent, clinician: int, source: int, client: int | None, old: EventRow | None, now: int
) -> EventRow:
    start, end, edited = _epoch(event.start), _epoch(event.end), _epoch_or_none(event.edited_at)
    return (
        clinician, source, event.uid_key, start, end, _booked_end(old, start, end, edited or now), int(event.all_day),
        event.status.value, event.kind.value, client, event.set_aside, edited, old[12] if old else now,
    )  # fmt: skip


def _booked_end(old: EventRow | None, start: int, end: int, changed_at: int) -> int:
    """The booked end after a change seen or made at ``changed_at``."""
    if old is None or start != old[3]:
        return end
    return old[5] if end == old[4] or changed_at > start else end


def _versions(old: EventRow | None, new: EventRow, now: int) -> list[tuple[int, int, str, int, int, int, str]]:
    if old is None or (old[3], old[4], old[7]) == (new[3], new[4], new[7]):
        return []
    return [(*row[:3], seen_at, row[3], row[4], row[7]) for row, seen_at in ((old, old[12]), (new, now))]


def _save_versions(connection: sqlite3.Connection, versions: Sequence[tuple[object, ...]]) -> None:
    """A version already there stays: the first row of a changed event is written with its first change."""
    connection.executemany("INSERT INTO event_history VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", versions)


def _stored_events(
    connection: sqlite3.Connection, source: SourceRow, keys: Sequence[str]
) -> dict[tuple[int, str], EventRow]:
    head = f"SELECT {_EVENT} FROM event WHERE source_id = {source.id:d} AND clinician_id IN "
    head += f"(SELECT clinician_id FROM source_clinician WHERE source_id = {source.id:d}) AND uid_key IN"
    return {(row[0], row[2]): row for row in _selected(connection, head, keys)}


def held_in(connection: sqlite3.Connection, source: SourceRow, window: Window) -> dict[str, tuple[str, int]]:
    """The uid_keys (with clinician and start) that the source is known to hold in a window."""
    rows = connection.execute(
        """SELECT uid_key, key, start_at FROM event JOIN clinician ON clinician.id = clinician_id
           WHERE source_id = ? AND status <> ? AND start_at < ? AND (end_at > ? OR start_at >= ?)""",
        (source.id, REMOVED, _epoch(window.end), _epoch(window.start), _epoch(window.start)),
    )
    return {uid_key: (key, start) for uid_key, key, start in rows}


def remove_events(connection: sqlite3.Connection, source: SourceRow, keys: Iterable[str], now: int) -> Touched:
    """Mark events as gone from their source; rows and history stay."""
    touched = Touched()
    gone = [row for row in _stored_events(connection, source, list(keys)).values() if row[7] != REMOVED]
    names = {id_: key for key, id_ in _all_clinicians(connection).items()}
    for row in gone:
        touched.add(names[row[0]], row[3])
    rows = [(*row[:7], REMOVED, *row[8:]) for row in gone]
    connection.executemany(_SAVE_EVENT, rows)
    pairs = zip(gone, rows, strict=True)
    _save_versions(connection, [version for old, new in pairs for version in _versions(old, new, now)])  # type: ignore[arg-type]
    return touched


def _all_clinicians(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT key, id FROM clinician").fetchall())


# -- evidence -----------------------------------------------------------------------------------------------------------

_SAVE_EVIDENCE = """
INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    grade = excluded.grade, started_at = excluded.started_at, ended_at = excluded.ended_at, uid_key = excluded.uid_key
WHERE (grade, started_at, ended_at, uid_key)
    IS NOT (excluded.grade, excluded.started_at, excluded.ended_at, excluded.uid_key)"""


def save_evidence(connection: sqlite3.Connection, source: SourceRow, found: Sequence[SessionEvidence]) -> Touched:
    """Store true times; those of one source and key replace each other."""
    ids = clinician_ids(connection, (item.clinician for item in found))
    rows = [
        (
            ids[item.clinician], source.id, item.key, item.grade.value, _epoch_or_none(item.started_at),
            _epoch_or_none(item.ended_at), item.uid_key,
        )
        for item in found
    ]  # fmt: skip
    return _upserted(connection, _SAVE_EVIDENCE, rows, [(f.clinician, r[4] or r[5]) for f, r in zip(found, rows, strict=True)])


def save_correction(connection: sqlite3.Connection, clinician: str, uid_key: str, ended_at: int, now: int) -> Touched:
    """A clinician's own word for when a session ended; it beats all evidence."""
    ids = clinician_ids(connection, [clinician])
    sql = """INSERT INTO correction VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             ended_at = excluded.ended_at, made_at = excluded.made_at WHERE ended_at <> excluded.ended_at"""
    touched = _upserted(connection, sql, [(ids[clinician], uid_key, ended_at, now)], [(clinician, ended_at)])
    mark_dirty(connection, touched)
    return touched


def event_named(connection: sqlite3.Connection, uid_key: str) -> list[tuple[str, int, int, str]]:
    """Clinician, start, end and kind of the events with that uid_key."""
    return connection.execute(
        """SELECT key, start_at, booked_end_at, kind FROM event JOIN clinician ON clinician.id = clinician_id
           WHERE uid_key = ? AND status <> ?""",
        (uid_key, REMOVED),
    ).fetchall()


# -- messages -----------------------------------------------------------------------------------------------------------

# Of several copies the sent one counts before the received, the personal before the automatic, the earlier before the
# later; so the order of copies does not matter. Read anew under other options, a source replaces its own rows.
_SAVE_MESSAGE = """
INSERT INTO message (clinician_id, sent_at, node, source_id, reading, outgoing, automatic, counterpart_id,
                     counterpart_kind, channel) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (clinician_id, node) DO UPDATE SET
    sent_at = excluded.sent_at, source_id = excluded.source_id, reading = excluded.reading,
    outgoing = excluded.outgoing, automatic = excluded.automatic, counterpart_id = excluded.counterpart_id,
    counterpart_kind = excluded.counterpart_kind, channel = excluded.channel
WHERE (excluded.source_id = source_id AND excluded.reading > reading)
   OR (excluded.outgoing, -excluded.automatic, -excluded.sent_at) > (outgoing, -automatic, -sent_at)"""


def save_messages(connection: sqlite3.Connection, source: SourceRow, stamps: Sequence[MessageStamp]) -> Touched:
    """Store message times, one row a message, and join their threads."""
    ids = clinician_ids(connection, (stamp.clinician for stamp in stamps))
    people = identities(connection, ((ids[s.clinician], s.counterpart) for s in stamps if s.counterpart))
    rows = [
        (
            ids[s.clinician], _epoch(s.sent_at), s.key, source.id, source.reading, int(s.outgoing), int(s.automatic),
            people[ids[s.clinician], s.counterpart] if s.counterpart else None, s.counterpart_kind.value, s.channel,
        )
        for s in stamps
    ]  # fmt: skip
    touched = _upserted(
        connection, _SAVE_MESSAGE, rows, [(s.clinician, r[1]) for s, r in zip(stamps, rows, strict=True)]
    )
    for clinician, id_ in ids.items():
        groups = [stamp.thread_nodes for stamp in stamps if stamp.clinician == clinician and stamp.thread_nodes]
        _join_threads(connection, id_, groups, lambda at, clinician=clinician: touched.add(clinician, at))  # type: ignore[misc]
    return touched


def _join_threads(
    connection: sqlite3.Connection, clinician: int, groups: Sequence[tuple[int, ...]], moved: Callable[[int], None]
) -> None:
    """Union-find over everything that messages refer to; a thread is named by its smallest node.

    ::

        stored   {3, 7} {5}        page   7 - 5 - 9        now   {3, 5, 7, 9}, named 3
    """
    nodes = list({node for group in groups for node in group})
    stored = _lookup_nodes(connection, clinician, nodes)
    parent: dict[int, int] = {}
    for group in groups:
        roots = {_root(parent, stored.get(node, node)) for node in group}
        low = min(roots)
        parent.update(dict.fromkeys(roots, low))
    for thread in set(stored.values()):
        root = _root(parent, thread)
        if root != thread:
            for (at,) in connection.execute(_FIRST_IN_THREAD, (clinician, thread)).fetchall():
                if at is not None:
                    moved(at)
            connection.execute(
                "UPDATE thread_node SET thread = ? WHERE clinician_id = ? AND thread = ?", (root, clinician, thread)
            )
    fresh = [(clinician, node, _root(parent, node)) for node in nodes if node not in stored]
    connection.executemany("INSERT INTO thread_node VALUES (?, ?, ?)", fresh)


_FIRST_IN_THREAD = """
SELECT min(sent_at) FROM message JOIN thread_node USING (clinician_id, node) WHERE clinician_id = ? AND thread = ?"""


def _root(parent: Mapping[int, int], node: int) -> int:
    while (above := parent.get(node, node)) != node:
        node = above
    return node


def _lookup_nodes(connection: sqlite3.Connection, clinician: int, nodes: Sequence[int]) -> dict[int, int]:
    head = f"SELECT node, thread FROM thread_node WHERE clinician_id = {clinician:d} AND node IN"
    return dict(_selected(connection, head, nodes))


# -- helpers ------------------------------------------------------------------------------------------------------------


def _upserted(
    connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]], marks: Sequence[tuple[str, object]]
) -> Touched:
    """Run an upsert row by row in one statement; touch those clinicians whose rows it changed.

    Which rows changed is asked row by row only if any did: a repeated page costs one ``executemany``.
    """
    touched = Touched()
    before = connection.total_changes
    connection.executemany(sql, rows)
    touched.rows = connection.total_changes - before
    if touched.rows:
        rows_before = touched.rows
        for clinician, at in marks:
            touched.add(clinician, at if isinstance(at, int) else None)
        touched.rows = rows_before
    return touched


def _lookup(connection: sqlite3.Connection, head: str, wanted: Sequence[object]) -> dict[str, int]:
    return dict(_selected(connection, head, wanted))


def _selected(connection: sqlite3.Connection, head: str, wanted: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
    """Rows of ``head (…)`` for any number of wanted values, some hundred at a time."""
    rows: list[tuple] = []  # type: ignore[type-arg]
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        rows += connection.execute(f"{head} ({', '.join('?' * len(part))})", part).fetchall()
    return rows


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())


def _epoch_or_none(instant: datetime | None) -> int | None:
    return None if instant is None else _epoch(instant)


