"""Message times as they are stored: one row a message, whatever copy or source it came from first."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from connectors.records import MessageStamp
from monitor.store.keys import epoch, identities, selected
from monitor.store.sources import SourceRow
from monitor.store.threads import join_threads
from monitor.store.touched import Touched


class _Message(NamedTuple):
    """A row of the table ``message``, with the counterpart's pseudonym in the place of its number."""

    clinician_id: int
    sent_at: int
    node: int
    source_id: int
    reading: int
    outgoing: int
    automatic: int
    counterpart: str | None
    counterpart_kind: str
    channel: str


_SAVE = """
INSERT OR REPLACE INTO message (clinician_id, sent_at, node, source_id, reading, outgoing, automatic, counterpart_id,
                                counterpart_kind, channel) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def save_messages(connection: sqlite3.Connection, source: SourceRow, stamps: Sequence[MessageStamp]) -> Touched:
    """Store message times, one row a message, and join their threads.

    Which of several copies counts does not depend on the order in which they come.
    """
    touched = Touched()
    by_owner: dict[int, list[MessageStamp]] = defaultdict(list)
    for stamp in stamps:
        by_owner[source.owners[stamp.clinician]].append(stamp)
    for clinician, own in by_owner.items():
        _save_rows(connection, clinician, [_message(source, clinician, stamp) for stamp in own], touched)
        groups = [stamp.thread_nodes for stamp in own if stamp.thread_nodes]
        touched.mark(clinician, *join_threads(connection, clinician, groups))
    return touched


def _save_rows(connection: sqlite3.Connection, clinician: int, copies: Sequence[_Message], touched: Touched) -> None:
    stored = _stored(connection, clinician, [copy.node for copy in copies])
    theirs = connection.execute("SELECT source_id FROM source_clinician WHERE clinician_id = ?", (clinician,))
    counting = {id_ for (id_,) in theirs}
    kept = {node: row for node, row in stored.items() if row.source_id in counting}
    for copy in copies:
        known = kept.setdefault(copy.node, copy)
        if known is not copy:
            kept[copy.node] = _counting(known, copy)
    changed = sorted(row for node, row in kept.items() if row != stored.get(node))
    moved = [row for row in changed if _says_other(row, stored.get(row.node))]
    touched.rows += len(moved)
    touched.mark(clinician, *(at for row in moved for at in (row.sent_at, stored.get(row.node, row).sent_at)))
    people = identities(connection, ((clinician, row.counterpart) for row in changed if row.counterpart))
    numbered = [
        (*row[:7], people[clinician, row.counterpart] if row.counterpart else None, *row[8:]) for row in changed
    ]
    connection.executemany(_SAVE, numbered)


def _says_other(row: _Message, old: _Message | None) -> bool:
    """Whether a row tells something else than the old one did, and not merely in a newer reading."""
    return old is None or row._replace(reading=old.reading) != old


def _counting(known: _Message, copy: _Message) -> _Message:
    """Which of two copies counts: the source's newer reading of its own, else the better."""
    if copy.source_id == known.source_id and copy.reading > known.reading:
        return copy
    return min(known, copy, key=_worth)


def _worth(copy: _Message) -> tuple[object, ...]:
    """Sent before received, personal before automatic, earlier before later; what follows only settles ties."""
    return (
        -copy.outgoing, copy.automatic, copy.sent_at, copy.source_id,
        copy.counterpart_kind, copy.counterpart or "", copy.channel, -copy.reading,
    )  # fmt: skip


def _message(source: SourceRow, clinician: int, stamp: MessageStamp) -> _Message:
    return _Message(
        clinician, epoch(stamp.sent_at), stamp.key, source.id, source.reading,
        int(stamp.outgoing), int(stamp.automatic), stamp.counterpart, stamp.counterpart_kind.value, stamp.channel,
    )  # fmt: skip


def _stored(connection: sqlite3.Connection, clinician: int, nodes: Sequence[int]) -> dict[int, _Message]:
    head = f"""SELECT message.clinician_id, sent_at, node, source_id, reading, outgoing, automatic, pseudonym,
                      counterpart_kind, channel
               FROM message LEFT JOIN identity ON identity.id = counterpart_id
               WHERE message.clinician_id = {clinician:d} AND node IN"""
    return {row.node: row for row in map(_Message._make, selected(connection, head, nodes))}
