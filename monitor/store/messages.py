"""Message times, one row a message, from whichever source and copy it was read first."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from connectors.records import MessageStamp
from monitor.store.computations import Invalidation
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
_STORED = """SELECT node.clinician_id, node, thread, sent_at, source_id, generation, outgoing, automatic,
                    counterpart_kind, channel, pseudonym
             FROM node LEFT JOIN identity ON identity.id = counterpart_id"""


def save_messages(connection: sqlite3.Connection, source: SourceRow, stamps: Sequence[MessageStamp]) -> Invalidation:
    """Store message times, one row a message, and join their threads.

    The result does not depend on the order in which copies of a message are read.
    """
    invalidation = Invalidation()
    by_owner: dict[int, list[MessageStamp]] = defaultdict(list)
    for stamp in stamps:
        by_owner[source.owners[stamp.clinician]].append(stamp)
    for clinician, own_stamps in by_owner.items():
        _save_own_messages(connection, source, clinician, own_stamps, invalidation)
    return invalidation


def _save_own_messages(
    connection: sqlite3.Connection,
    source: SourceRow,
    clinician: int,
    stamps: Sequence[MessageStamp],
    invalidation: Invalidation,
) -> None:
    """Store the messages of one clinician: first join threads, then write every row that is new or changed."""
    thread_nodes = dict.fromkeys(chain.from_iterable([stamp.thread_nodes for stamp in stamps]))
    nodes = [*thread_nodes, *(stamp.key for stamp in stamps if not stamp.thread_nodes)]
    head = f"{_STORED} WHERE node.clinician_id = {clinician:d} AND node IN"
    stored = {row.node: row for row in map(NodeRow._make, select_in(connection, head, nodes))}

    threads = {node: row.thread for node, row in stored.items() if row.thread is not None}
    root = join_groups([stamp.thread_nodes for stamp in stamps], threads).root
    renamed = {thread: root(thread) for thread in set(threads.values()) if root(thread) != thread}
    if renamed:
        invalidation.extend_to(clinician, *rename_threads(connection, clinician, renamed))
        threads = {node: root(thread) for node, thread in threads.items()}
        stored = {node: row._replace(thread=threads.get(node)) for node, row in stored.items()}
    threads |= {node: root(threads.get(node, node)) for node in thread_nodes}

    # Of each message the best copy, be it stored or new. A copy in a source that is no longer the clinician's is none.
    cursor = connection.execute("SELECT source_id FROM source_clinician WHERE clinician_id = ?", (clinician,))
    own_sources = {source_id for (source_id,) in cursor}
    rows = {
        node: row._replace(thread=threads.get(node)) for node, row in stored.items() if row.source_id in own_sources
    }
    for stamp in stamps:
        node = stamp.key
        copy = NodeRow(
            clinician, node, threads.get(node), epoch(stamp.sent_at), source.id, source.generation, int(stamp.outgoing),
            int(stamp.automatic), str(stamp.counterpart_kind), stamp.channel, stamp.counterpart,
        )  # fmt: skip
        best = rows.setdefault(node, copy)
        if best is not copy:
            # If one source was read again from the beginning, its newer copy counts.
            is_newer = copy.source_id == best.source_id and copy.generation > best.generation
            rows[node] = copy if is_newer else min(best, copy, key=_preference)
    for node in thread_nodes:
        if node not in rows:
            rows[node] = stored.get(node, NodeRow(clinician, node, None))._replace(thread=threads[node])

    changed = [row for node, row in rows.items() if row != stored.get(node)]
    pseudonyms = dict.fromkeys(row.counterpart for row in changed if row.counterpart)
    ids = identities(connection, [(clinician, pseudonym) for pseudonym in pseudonyms])
    # Sorted by the primary key, in whose order the table is stored.
    connection.executemany(_SAVE, [(*row[:-1], ids.get((clinician, row.counterpart or ""))) for row in sorted(changed)])
    instants: list[int | None] = []
    for row in changed:
        old = stored.get(row.node)
        # A new generation alone changes no number.
        if row.sent_at is not None and (old is None or row._replace(generation=old.generation) != old):
            invalidation.rows += 1
            instants += (row.sent_at, old.sent_at if old else None)
    invalidation.extend_to(clinician, *instants)


def _preference(copy: NodeRow) -> tuple[object, ...]:
    """Return a sort key: sent before received, personal before automatic, earlier first; the rest breaks ties."""
    return (
        -copy.outgoing, copy.automatic, copy.sent_at, copy.source_id,
        copy.counterpart_kind, copy.counterpart or "", copy.channel, -copy.generation,
    )  # fmt: skip


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
