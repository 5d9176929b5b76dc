"""Threads: whatever refers to one another, joined over pages and sources, named by the smallest node."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from monitor.store.invalidation import Invalidation, mark_dirty
from monitor.store.keys import clinician_ids

# A thread's nodes; the one that it is named by is not in the index of the others.
_MEMBERS = """SELECT {0} FROM node INDEXED BY thread_members
        WHERE clinician_id = :clinician AND thread = :thread AND thread <> node
    UNION ALL SELECT {0} FROM node WHERE clinician_id = :clinician AND thread = :thread AND node = :thread"""


class UnionFind:
    """Union-find over numbers; a tree's root is its smallest."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def join(self, nodes: Sequence[int]) -> None:
        """Let these be of one tree."""
        parent, root = self._parent, self.root
        least = root(nodes[0])
        for node in nodes[1:]:
            other = root(node)
            if other < least:
                parent[least], least = other, other
            elif other > least:
                parent[other] = least

    def root(self, node: int) -> int:
        """The smallest of the node's tree. The path there is halved, so that long chains stay cheap."""
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = above
        return node


def joined(groups: Iterable[Sequence[int]], stored: Mapping[int, int]) -> UnionFind:
    """The threads once each group is tied together; ``stored`` are the threads of the nodes that have one already.

    ::

        stored   {3, 7} {5}        page   7 - 5 - 9        now   {3, 5, 7, 9}, named 3
    """
    forest = UnionFind()
    for group in groups:
        if len(group) > 1:
            forest.join([stored.get(node, node) for node in group])
    return forest


def rename(connection: sqlite3.Connection, clinician: int, names: Mapping[int, int]) -> list[int]:
    """Give stored threads the names of others; returns the first instants of those that become one.

    A thread that merely gets the name of a new message tells nothing else than before. That is not so simple where
    threads were marked as emergencies: a mark holds for all that is joined to it, be its own messages gone.
    """
    together: dict[int, set[int]] = defaultdict(set)
    for thread, name in names.items():
        together[name] |= {thread, name}
    sql = "SELECT EXISTS (SELECT 1 FROM emergency_thread WHERE clinician_id = ?)"
    (has_marks,) = connection.execute(sql, (clinician,)).fetchone()
    begun = [_first_instants(connection, clinician, threads) for threads in together.values()]
    reached = [at for instants in begun if len(instants) > 1 or has_marks for at in instants]
    for thread, name in names.items():
        told = {"clinician": clinician, "thread": thread, "name": name}
        within = "clinician_id = :clinician AND thread = :thread"
        connection.execute(f"UPDATE node SET thread = :name WHERE {within} AND thread <> node", told)
        connection.execute(f"UPDATE node SET thread = :name WHERE {within} AND node = :thread", told)
    return reached


def mark_emergency(connection: sqlite3.Connection, clinician: str, thread: int, *, marked: bool, now: int) -> bool:
    """Say of one of the clinician's threads that the emergency protocol covers it, or that it does not.

    Whatever joins the thread later is covered with it. ``False`` if the thread is not theirs.
    """
    id_ = clinician_ids(connection, [clinician])[clinician]
    begun = _first_instants(connection, id_, [thread])
    if not begun:
        return False
    if marked:
        connection.execute("INSERT OR IGNORE INTO emergency_thread VALUES (?, ?, ?)", (id_, thread, now))
    else:
        among = f"clinician_id = :clinician AND node IN ({_MEMBERS.format('node')})"
        connection.execute(f"DELETE FROM emergency_thread WHERE {among}", {"clinician": id_, "thread": thread})
    invalidation = Invalidation()
    invalidation.extend_to(id_, *begun)
    mark_dirty(connection, invalidation)
    return True


def _first_instants(connection: sqlite3.Connection, clinician: int, threads: Iterable[int]) -> list[int]:
    """When each thread that has messages began."""
    sql = f"SELECT min(sent_at) FROM ({_MEMBERS.format('sent_at')})"
    found = (connection.execute(sql, {"clinician": clinician, "thread": thread}).fetchone()[0] for thread in threads)
    return [at for at in found if at is not None]
