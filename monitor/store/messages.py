"""Message times, one row a message, from whichever source and copy it was read first."""

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
from monitor.store.threads import join_groups, rename_threads


class NodeRow(NamedTuple):
    """A row of the table ``node``, with the counterpart's pseudonym instead of its id.

    A message that others only refer to has a thread and nothing else.
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


# The columns are those of NodeRow, with the identity id in the place of the pseudonym.
_SAVE = "INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def save_messages(connection: sqlite3.Connection, source: SourceRow, stamps: Sequence[MessageStamp]) -> Invalidation:
    """Store message times, one row a message, and join their threads.

    The result does not depend on the order in which copies of a message are read.
    """
    invalidation = Invalidation()
    by_owner: dict[int, list[MessageStamp]] = defaultdict(list)
    for stamp in stamps:
        by_owner[source.owners[stamp.clinician]].append(stamp)
    for clinician, own_stamps in by_owner.items():
        _save(connection, source, clinician, own_stamps, invalidation)
    return invalidation


def drop_messages(connection: sqlite3.Connection, source: SourceRow) -> Invalidation:
    """Delete all messages of a source. Messages in a thread stay as nodes without a time."""
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
    stamps: Sequence[MessageStamp],
    invalidation: Invalidation,
) -> None:
    """Store the messages of one clinician: first join threads, then write every row that is new or changed."""
    thread_nodes = dict.fromkeys(chain.from_iterable([stamp.thread_nodes for stamp in stamps]))
    unthreaded = [stamp.key for stamp in stamps if not stamp.thread_nodes]
    stored = _stored_nodes(connection, clinician, [*thread_nodes, *unthreaded])
    threads = {node: row.thread for node, row in stored.items() if row.thread is not None}
    root = join_groups([stamp.thread_nodes for stamp in stamps], threads).root
    renamed = {thread: root(thread) for thread in set(threads.values()) if root(thread) != thread}
    if renamed:
        invalidation.extend_to(clinician, *rename_threads(connection, clinician, renamed))
        threads = {node: root(thread) for node, thread in threads.items()}
        stored = {node: row._replace(thread=threads.get(node)) for node, row in stored.items()}
    threads |= {node: root(threads.get(node, node)) for node in thread_nodes}
    rows = _best_copies(connection, source, clinician, stamps, stored, threads)
    for node in thread_nodes:
        if node not in rows:
            rows[node] = stored.get(node, NodeRow(clinician, node, None))._replace(thread=threads[node])
    changed = [row for node, row in rows.items() if row != stored.get(node)]
    _write(connection, clinician, changed)
    relevant = [row for row in changed if row.sent_at is not None and _is_relevant_change(row, stored.get(row.node))]
    invalidation.rows += len(relevant)
    invalidation.extend_to(clinician, *(row.sent_at for row in relevant))
    invalidation.extend_to(clinician, *(stored[row.node].sent_at for row in relevant if row.node in stored))


def _best_copies(
    connection: sqlite3.Connection,
    source: SourceRow,
    clinician: int,
    copies: Sequence[MessageStamp],
    stored: Mapping[int, NodeRow],
    threads: Mapping[int, int],
) -> dict[int, NodeRow]:
    """Return for each message the row of its best copy, be it stored or new."""
    cursor = connection.execute("SELECT source_id FROM source_clinician WHERE clinician_id = ?", (clinician,))
    own_sources = {source_id for (source_id,) in cursor}
    rows = {
        node: row._replace(thread=threads.get(node)) for node, row in stored.items() if row.source_id in own_sources
    }
    for stamp in copies:
        node = stamp.key
        copy = NodeRow(
            clinician, node, threads.get(node), epoch(stamp.sent_at), source.id, source.generation, int(stamp.outgoing),
            int(stamp.automatic), str(stamp.counterpart_kind), stamp.channel, stamp.counterpart,
        )  # fmt: skip
        best = rows.setdefault(node, copy)
        if best is not copy:
            rows[node] = _better_copy(best, copy)
    return rows


def _better_copy(best: NodeRow, copy: NodeRow) -> NodeRow:
    """Return the newer of two copies if one source was read again from the beginning, else the preferred one."""
    if copy.source_id == best.source_id and copy.generation > best.generation:
        return copy
    return min(best, copy, key=_preference)


def _preference(copy: NodeRow) -> tuple[object, ...]:
    """Return a sort key: sent before received, personal before automatic, earlier first; the rest breaks ties."""
    return (
        -copy.outgoing, copy.automatic, copy.sent_at, copy.source_id,
        copy.counterpart_kind, copy.counterpart or "", copy.channel, -copy.generation,
    )  # fmt: skip


def _is_relevant_change(row: NodeRow, old: NodeRow | None) -> bool:
    """Return ``True`` if a row differs from the old one in more than its generation."""
    return old is None or row._replace(generation=old.generation) != old


def _write(connection: sqlite3.Connection, clinician: int, rows: Sequence[NodeRow]) -> None:
    """Write rows in the order of the primary key, in which the table is stored."""
    pseudonyms = dict.fromkeys(row.counterpart for row in rows if row.counterpart)
    ids = identities(connection, [(clinician, pseudonym) for pseudonym in pseudonyms])
    connection.executemany(_SAVE, [(*row[:-1], ids.get((clinician, row.counterpart or ""))) for row in sorted(rows)])


def _stored_nodes(connection: sqlite3.Connection, clinician: int, nodes: Sequence[int]) -> dict[int, NodeRow]:
    head = f"""SELECT node.clinician_id, node, thread, sent_at, source_id, generation, outgoing, automatic,
                      counterpart_kind, channel, pseudonym
               FROM node LEFT JOIN identity ON identity.id = counterpart_id
               WHERE node.clinician_id = {clinician:d} AND node IN"""
    return {row.node: row for row in map(NodeRow._make, select_in(connection, head, nodes))}
