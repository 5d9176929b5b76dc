"""Threads: messages that refer to one another, joined across pages and sources and named by their smallest node."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from monitor.store.computations import mark_dirty_from
from monitor.store.keys import clinician_id

# All nodes of a thread. The node that names it is not in the partial index and is looked up by its key.
_MEMBERS = """SELECT {0} FROM node INDEXED BY thread_members
        WHERE clinician_id = :clinician AND thread = :thread AND thread <> node
    UNION ALL SELECT {0} FROM node WHERE clinician_id = :clinician AND thread = :thread AND node = :thread"""


class UnionFind:
    """Disjoint sets of numbers (union-find). The root of a set is its smallest number."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def join(self, nodes: Sequence[int]) -> None:
        """Join the sets of these numbers."""
        parent, root = self._parent, self.root
        smallest = root(nodes[0])
        for node in nodes[1:]:
            node_root = root(node)
            if node_root < smallest:
                parent[smallest], smallest = node_root, node_root
            elif node_root > smallest:
                parent[node_root] = smallest

    def root(self, node: int) -> int:
        """Return the smallest number of the node's set."""
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)  # halves the path, so that long chains stay cheap
            node = above
        return node


def join_groups(groups: Iterable[Sequence[int]], stored: Mapping[int, int]) -> UnionFind:
    """Join the nodes of each group; ``stored`` are the threads of the nodes that are in one already.

    ::

        stored   {3, 7} {5}        new group   7 - 5 - 9        result   {3, 5, 7, 9}, named 3
    """
    threads = UnionFind()
    for group in groups:
        if len(group) > 1:
            threads.join([stored.get(node, node) for node in group])
    return threads


def rename_threads(connection: sqlite3.Connection, clinician: int, names: Mapping[int, int]) -> list[int]:
    """Rename stored threads, by old name; return the first instants of the threads that are joined.

    A thread that is only renamed after a new message changes no number and is left out, unless the clinician has marked
    threads as an emergency: a mark applies to all that is joined to its thread, even if its own messages are deleted.
    """
    joined: dict[int, set[int]] = defaultdict(set)
    for thread, name in names.items():
        joined[name] |= {thread, name}
    sql = "SELECT EXISTS (SELECT 1 FROM emergency_thread WHERE clinician_id = ?)"
    (has_marks,) = connection.execute(sql, (clinician,)).fetchone()
    first_instants = [_first_instants(connection, clinician, threads) for threads in joined.values()]
    affected = [instant for instants in first_instants if len(instants) > 1 or has_marks for instant in instants]
    for thread, name in names.items():
        binding = {"clinician": clinician, "thread": thread, "name": name}
        members = "clinician_id = :clinician AND thread = :thread"
        # Two statements, so that the partial index finds the first and the primary key the second.
        connection.execute(f"UPDATE node SET thread = :name WHERE {members} AND thread <> node", binding)
        connection.execute(f"UPDATE node SET thread = :name WHERE {members} AND node = :thread", binding)
    return affected


def mark_emergency(connection: sqlite3.Connection, clinician: str, thread: int, *, marked: bool, now: int) -> bool:
    """Mark one of the clinician's threads as an emergency, or delete the mark; return ``False`` if it is not theirs.

    A thread that is joined to a marked one later is marked as well.
    """
    id_ = clinician_id(connection, clinician)
    first_instants = _first_instants(connection, id_, [thread])
    if not first_instants:
        return False
    if marked:
        connection.execute("INSERT OR IGNORE INTO emergency_thread VALUES (?, ?, ?)", (id_, thread, now))
    else:
        members = f"clinician_id = :clinician AND node IN ({_MEMBERS.format('node')})"
        connection.execute(f"DELETE FROM emergency_thread WHERE {members}", {"clinician": id_, "thread": thread})
    mark_dirty_from(connection, id_, *first_instants)
    return True


def _first_instants(connection: sqlite3.Connection, clinician: int, threads: Iterable[int]) -> list[int]:
    """Return the time of the first message of each thread that has messages."""
    sql = f"SELECT min(sent_at) FROM ({_MEMBERS.format('sent_at')})"
    rows = (connection.execute(sql, {"clinician": clinician, "thread": thread}).fetchone() for thread in threads)
    return [instant for (instant,) in rows if instant is not None]
