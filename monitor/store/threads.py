"""Threads: whatever refers to one another, joined over pages and sources, named by the smallest node."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from monitor.store.keys import clinician_ids, selected
from monitor.store.touched import Touched, mark_dirty


class Forest:
    """Union-find over numbers; a tree's root is its smallest."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def join(self, nodes: Iterable[int]) -> None:
        """Let these be of one tree."""
        roots = {self.root(node) for node in nodes}
        self._parent.update(dict.fromkeys(roots, min(roots)))

    def root(self, node: int) -> int:
        """The smallest of the node's tree. The path there is halved, so that long chains stay cheap."""
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = above
        return node


def join_threads(connection: sqlite3.Connection, clinician: int, groups: Sequence[tuple[int, ...]]) -> list[int]:
    """Join what each group ties together; returns the first instants of stored threads that became one.

    ::

        stored   {3, 7} {5}        page   7 - 5 - 9        now   {3, 5, 7, 9}, named 3
    """
    nodes = list(dict.fromkeys(node for group in groups for node in group))
    head = f"SELECT node, thread FROM thread_node WHERE clinician_id = {clinician:d} AND node IN"
    stored: dict[int, int] = dict(selected(connection, head, nodes))
    forest = Forest()
    for group in groups:
        if len(group) > 1:
            forest.join(stored.get(node, node) for node in group)
    renamed = {thread: root for thread in set(stored.values()) if (root := forest.root(thread)) != thread}
    reached = _first_instants(connection, clinician, {*renamed, *renamed.values()})
    connection.executemany(
        "UPDATE thread_node SET thread = ? WHERE clinician_id = ? AND thread = ?",
        [(root, clinician, thread) for thread, root in renamed.items()],
    )
    connection.executemany(
        "INSERT INTO thread_node VALUES (?, ?, ?)",
        [(clinician, node, forest.root(node)) for node in sorted(nodes) if node not in stored],
    )
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
        members = "SELECT node FROM thread_node WHERE (clinician_id, thread) = (?, ?)"
        connection.execute(
            f"DELETE FROM emergency_thread WHERE clinician_id = ? AND node IN ({members})",
            (id_, id_, thread),
        )
    touched = Touched()
    touched.mark(id_, *begun)
    mark_dirty(connection, touched)
    return True


def _first_instants(connection: sqlite3.Connection, clinician: int, threads: Iterable[int]) -> list[int]:
    """When each thread that has messages began."""
    sql = """SELECT min(sent_at) FROM thread_node CROSS JOIN message USING (clinician_id, node)
             WHERE clinician_id = ? AND thread = ?"""
    found = (connection.execute(sql, (clinician, thread)).fetchone()[0] for thread in threads)
    return [at for at in found if at is not None]
