"""Message times as they are stored: one row a message, whatever copy or source it came from first."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from connectors.records import MessageStamp
from monitor.store.invalidation import Invalidation
from monitor.store.keys import epoch, identities, select_in
from monitor.store.sources import SourceRow
from monitor.store.threads import joined, rename


class _Node(NamedTuple):
    """A row of the table ``node``, with the counterpart's pseudonym in the place of its number.

    A message that is only referred to has a thread and nothing else.
    """

    clinician_id: int
    node: int
    thread: int | None
    sent_at: int | None = None
    source_id: int | None = None
    generation: int = 0
    outgoing: int = 0
    automatic: int = 0
    counterpart_kind: str = ""
    channel: str = ""
    counterpart: str | None = None


_SAVE = "INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def save_messages(connection: sqlite3.Connection, source: SourceRow, stamps: Sequence[MessageStamp]) -> Invalidation:
    """Store message times, one row a message, and join their threads.

    Which of several copies counts does not depend on the order in which they come.
    """
    invalidation = Invalidation()
    by_owner: dict[int, list[MessageStamp]] = defaultdict(list)
    for stamp in stamps:
        by_owner[source.owners[stamp.clinician]].append(stamp)
    for clinician, own in by_owner.items():
        _save(connection, source, clinician, own, invalidation)
    return invalidation


def drop_messages(connection: sqlite3.Connection, source: SourceRow) -> Invalidation:
    """Drop all messages of the source. One that others refer to stays known as a part of its thread, without a time."""
    invalidation = Invalidation()
    for clinician, sent_at in connection.execute(
        "SELECT clinician_id, sent_at FROM message WHERE source_id = ?", (source.id,)
    ):
        invalidation.add_row(clinician, sent_at)
    connection.execute(
        """UPDATE node SET sent_at = NULL, source_id = NULL, generation = 0, outgoing = 0, automatic = 0,
               counterpart_kind = '', channel = '', counterpart_id = NULL
           WHERE source_id = ?""",
        (source.id,),
    )
    connection.execute("DELETE FROM node WHERE thread IS NULL AND sent_at IS NULL")
    return invalidation


def _save(
    connection: sqlite3.Connection,
    source: SourceRow,
    clinician: int,
    own: Sequence[MessageStamp],
    invalidation: Invalidation,
) -> None:
    """Store one clinician's: first the threads that become one, then every row that is new or tells something else."""
    tied = dict.fromkeys(chain.from_iterable([stamp.thread_nodes for stamp in own]))
    stored = _stored(connection, clinician, [*tied, *(stamp.key for stamp in own if not stamp.thread_nodes)])
    threads = {node: row.thread for node, row in stored.items() if row.thread is not None}
    root = joined([stamp.thread_nodes for stamp in own], threads).root
    renamed = {thread: root(thread) for thread in set(threads.values()) if root(thread) != thread}
    if renamed:
        invalidation.extend_to(clinician, *rename(connection, clinician, renamed))
        threads = {node: root(thread) for node, thread in threads.items()}
        stored = {node: row._replace(thread=threads.get(node)) for node, row in stored.items()}
    threads |= {node: root(threads.get(node, node)) for node in tied}
    kept = _counting_copies(connection, source, clinician, own, stored, threads)
    for node in tied:
        if node not in kept:
            kept[node] = stored.get(node, _Node(clinician, node, None))._replace(thread=threads[node])
    changed = [row for node, row in kept.items() if row != stored.get(node)]
    _write(connection, clinician, changed)
    moved = [row for row in changed if row.sent_at is not None and _says_other(row, stored.get(row.node))]
    invalidation.rows += len(moved)
    invalidation.extend_to(clinician, *(row.sent_at for row in moved))
    invalidation.extend_to(clinician, *(stored[row.node].sent_at for row in moved if row.node in stored))


def _counting_copies(
    connection: sqlite3.Connection,
    source: SourceRow,
    clinician: int,
    copies: Sequence[MessageStamp],
    stored: Mapping[int, _Node],
    threads: Mapping[int, int],
) -> dict[int, _Node]:
    """The row of each message of which there are copies."""
    theirs = connection.execute("SELECT source_id FROM source_clinician WHERE clinician_id = ?", (clinician,))
    counting = {id_ for (id_,) in theirs}
    kept = {node: row._replace(thread=threads.get(node)) for node, row in stored.items() if row.source_id in counting}
    for stamp in copies:
        node = stamp.key
        copy = _Node(
            clinician, node, threads.get(node), epoch(stamp.sent_at), source.id, source.generation, int(stamp.outgoing),
            int(stamp.automatic), str(stamp.counterpart_kind), stamp.channel, stamp.counterpart,
        )  # fmt: skip
        known = kept.setdefault(node, copy)
        if known is not copy:
            kept[node] = _counting(known, copy)
    return kept


def _counting(known: _Node, copy: _Node) -> _Node:
    """Which of two copies counts: the source's newer reading of its own, else the better."""
    if copy.source_id == known.source_id and copy.generation > known.generation:
        return copy
    return min(known, copy, key=_worth)


def _worth(copy: _Node) -> tuple[object, ...]:
    """Sent before received, personal before automatic, earlier before later; what follows only settles ties."""
    return (
        -copy.outgoing, copy.automatic, copy.sent_at, copy.source_id,
        copy.counterpart_kind, copy.counterpart or "", copy.channel, -copy.generation,
    )  # fmt: skip


def _says_other(row: _Node, old: _Node | None) -> bool:
    """Whether a row tells something else than the old one did, and not merely in a newer reading."""
    return old is None or row._replace(generation=old.generation) != old


def _write(connection: sqlite3.Connection, clinician: int, rows: Sequence[_Node]) -> None:
    """Write rows, lowest first: the table is laid out so."""
    names = dict.fromkeys(row.counterpart for row in rows if row.counterpart)
    numbers = identities(connection, [(clinician, name) for name in names])
    connection.executemany(
        _SAVE, [(*row[:-1], numbers.get((clinician, row.counterpart or ""))) for row in sorted(rows)]
    )


def _stored(connection: sqlite3.Connection, clinician: int, nodes: Sequence[int]) -> dict[int, _Node]:
    head = f"""SELECT node.clinician_id, node, thread, sent_at, source_id, generation, outgoing, automatic,
                      counterpart_kind, channel, pseudonym
               FROM node LEFT JOIN identity ON identity.id = counterpart_id
               WHERE node.clinician_id = {clinician:d} AND node IN"""
    return {row.node: row for row in map(_Node._make, select_in(connection, head, nodes))}
