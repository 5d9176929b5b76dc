"""What is remembered of each source: whose it is, how far it was read, what could not be used, what stopped it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.base import RejectedRecord, Skipped, Window
from monitor.store.invalidation import Invalidation, mark_dirty
from monitor.store.keys import clinician_ids, epoch


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is stored: its number, cursor, how often it was read anew, and its owners' numbers by key.

    The cursor holds under ``policy``, with what the window had ``skipped`` by then. ``size`` is how much the source
    last said that it has in all.
    """

    id: int
    cursor: str | None
    generation: int
    owners: Mapping[str, int]
    policy: str | None = None
    skipped: Skipped = field(default_factory=Skipped)
    size: int = 0


def source_row(
    connection: sqlite3.Connection, name: str, kind: str, clinicians: Iterable[str], account: str | None = None
) -> SourceRow:
    """The stored source, made on first sight, for these clinicians from now on.

    ``account`` is whose account of it this is, where each clinician has one.
    """
    owners = clinician_ids(connection, clinicians)
    owner = owners[account] if account else 0
    connection.execute(
        """INSERT INTO source (name, owner_id, kind) VALUES (?, ?, ?)
           ON CONFLICT (name, owner_id) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind""",
        (name, owner, kind),
    )
    id_, cursor, generation, policy, before, after, size = connection.execute(
        """SELECT id, cursor, generation, policy, skipped_before, skipped_after, size
           FROM source WHERE name = ? AND owner_id = ?""",
        (name, owner),
    ).fetchone()
    source = SourceRow(id_, cursor, generation, owners, policy, Skipped(before, after), size)
    _hand_over(connection, source)
    return source


def retire_other_accounts(connection: sqlite3.Connection, name: str, accounts: Sequence[str | None]) -> None:
    """Let what any other account of this source told count for nobody: it is theirs no more."""
    kept = set(clinician_ids(connection, [key for key in accounts if key]).values()) or {0}
    known = connection.execute("SELECT id, owner_id, generation FROM source WHERE name = ?", (name,)).fetchall()
    for id_, owner, generation in known:
        if owner not in kept:
            _hand_over(connection, SourceRow(id_, None, generation, {}))


def _hand_over(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Let the source be its owners' alone; whoever it came to or was taken from is computed again."""
    sql = "SELECT clinician_id FROM source_clinician WHERE source_id = ?"
    before = {row[0] for row in connection.execute(sql, (source.id,))}
    now = set(source.owners.values())
    connection.executemany(
        "DELETE FROM source_clinician WHERE source_id = ? AND clinician_id = ?",
        [(source.id, id_) for id_ in before - now],
    )
    connection.executemany(
        "INSERT INTO source_clinician (source_id, clinician_id) VALUES (?, ?)",
        [(source.id, id_) for id_ in now - before],
    )
    invalidation = Invalidation()
    for id_ in before ^ now:
        invalidation.extend_to(id_, _first_record(connection, source, id_))
    mark_dirty(connection, invalidation)


def _first_record(connection: sqlite3.Connection, source: SourceRow, clinician: int) -> int | None:
    row = connection.execute(
        """SELECT min(at) FROM (
             SELECT min(start_at) AS at FROM event WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(coalesce(started_at, ended_at)) FROM evidence
                       WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(sent_at) FROM message WHERE clinician_id = :clinician AND source_id = :source)""",
        {"clinician": clinician, "source": source.id},
    ).fetchone()
    return None if row[0] is None else int(row[0])


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far a source, or one account of it, has been read for one clinician.

    ``read_from`` and ``read_to`` (epoch seconds) are the unbroken span that has been read, ``None`` where nothing was
    read to its end yet. ``has_records`` is true once the source has contained a record of the clinician,
    ``recognised`` once it contained a message with them as the sender or recipient.
    """

    id: int
    name: str
    account: str | None
    read_from: int | None
    read_to: int | None
    has_records: bool
    recognised: bool


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """How much a source holds of one clinician.

    ``sessions`` and ``busy`` are among the ``entries``, ``sent`` (by the clinician, not by a machine) among the
    ``messages``.
    """

    entries: int = 0
    sessions: int = 0
    busy: int = 0
    messages: int = 0
    sent: int = 0
    times: int = 0


def source_progress(connection: sqlite3.Connection, clinician: str) -> list[SourceProgress]:
    """Return every source that is there for a clinician, in the order of their first reading. Opens no record."""
    return [
        SourceProgress(*row)
        for row in connection.execute(
            """SELECT source.id, name, owner.key, read_from, read_to, has_records, recognised
               FROM source JOIN source_clinician ON source_clinician.source_id = source.id
               JOIN clinician ON clinician.id = clinician_id LEFT JOIN clinician AS owner ON owner.id = owner_id
               WHERE clinician.key = ? ORDER BY source.id""",
            (clinician,),
        )
    ]


SourceRecordCounts = Mapping[str, Mapping[int, RecordCounts]]
"""By clinician and source number."""


def record_counts(connection: sqlite3.Connection, clinician: str | None = None) -> SourceRecordCounts:
    """Return how much each source holds of each clinician, or of one. Each table is read once."""
    whose = "WHERE clinician_id = (SELECT id FROM clinician WHERE key = :clinician)" if clinician else ""
    rows = connection.execute(
        f"""SELECT key, source_id, sum(entries), sum(sessions), sum(busy), sum(messages), sum(sent), sum(times)
           FROM (
             SELECT clinician_id, source_id, count(*) AS entries, sum(kind = 'session') AS sessions,
                    sum(kind = 'busy') AS busy, 0 AS messages, 0 AS sent, 0 AS times
             FROM event {whose} GROUP BY clinician_id, source_id
             UNION ALL SELECT clinician_id, source_id, 0, 0, 0, count(*), sum(outgoing AND NOT automatic), 0
             FROM message {whose} GROUP BY clinician_id, source_id
             UNION ALL SELECT clinician_id, source_id, 0, 0, 0, 0, 0, count(*)
             FROM evidence {whose} GROUP BY clinician_id, source_id)
           JOIN clinician ON clinician.id = clinician_id GROUP BY clinician_id, source_id""",
        {"clinician": clinician},
    )
    found: dict[str, dict[int, RecordCounts]] = defaultdict(dict)
    for key, source, *numbers in rows:
        found[key][source] = RecordCounts(*numbers)
    return found


def save_has_records(connection: sqlite3.Connection, source: SourceRow, clinicians: Iterable[str]) -> None:
    """Remember of whom a source told something."""
    connection.executemany(
        "UPDATE source_clinician SET has_records = 1 WHERE source_id = ? AND clinician_id = ? AND has_records = 0",
        [(source.id, source.owners[key]) for key in clinicians],
    )


def begin_generation(connection: sqlite3.Connection, source: SourceRow) -> SourceRow:
    """The source is read from its beginning: what it says from here on counts before what it said earlier."""
    connection.execute("UPDATE source SET generation = generation + 1 WHERE id = ?", (source.id,))
    delete_rejected_records(connection, source)
    return replace(source, generation=source.generation + 1)


def save_cursor(connection: sqlite3.Connection, source: SourceRow, cursor: str | None) -> None:
    """Remember how far the source has been read."""
    connection.execute("UPDATE source SET cursor = ? WHERE id = ? AND cursor IS NOT ?", (cursor, source.id, cursor))


def save_read_state(
    connection: sqlite3.Connection, source: SourceRow, policy: str, skipped: Skipped, size: int | None
) -> SourceRow:
    """Remember under which policy the cursor holds, what the window left out, and how much the source has in all."""
    row = replace(source, policy=policy, skipped=skipped, size=source.size if size is None else size)
    if row != source:
        connection.execute(
            "UPDATE source SET policy = ?, skipped_before = ?, skipped_after = ?, size = ? WHERE id = ?",
            (policy, skipped.before, skipped.after, row.size, source.id),
        )
    return row


def save_success(
    connection: sqlite3.Connection, source: SourceRow, window: Window, now: int, *, some_days: bool = False
) -> None:
    """Remember that the source has been read to its end, for which span of time, and when.

    A run that was asked for ``some_days`` alone never makes a source fresh across days that nobody read.
    """
    start, end = epoch(window.start), min(epoch(window.end), now)
    seen = connection.execute("SELECT read_from, read_to FROM source WHERE id = ?", (source.id,)).fetchone()
    start, end = _joined(seen, (start, end), some_days=some_days)
    connection.execute(
        """UPDATE source SET attempted_at = ?, succeeded_at = ?, error = NULL, read_from = ?, read_to = ?
           WHERE id = ?""",
        (now, now, start, end, source.id),
    )


def _joined(seen: tuple[int | None, int | None], read: tuple[int, int], *, some_days: bool) -> tuple[int, int]:
    """Return the unbroken span that has been read. Of two that lie apart an ordinary run's counts, if it is the later.

    ::

        seen      |--------|        |--------|           |--------|
        read          |--------|               |---|       some days   |---|
        joined    |------------|               |---|     |--------|
    """
    start, end = seen
    if start is None or end is None:
        return read
    if read[0] <= end and read[1] >= start:
        return min(start, read[0]), max(end, read[1])
    return read if read[0] > end and not some_days else (start, end)


def save_recognised(connection: sqlite3.Connection, source: SourceRow, clinicians: Iterable[str]) -> None:
    """Remember who was recognised in a mailbox as who writes or is written to; whose first time it is, is computed."""
    invalidation = Invalidation()
    for key in clinicians:
        first = connection.execute(
            "UPDATE source_clinician SET recognised = 1 WHERE source_id = ? AND clinician_id = ? AND recognised = 0",
            (source.id, source.owners[key]),
        ).rowcount
        if first:
            invalidation.extend_to(source.owners[key], _first_record(connection, source, source.owners[key]))
    mark_dirty(connection, invalidation)


def save_failure(connection: sqlite3.Connection, source: SourceRow, sentence: str, now: int) -> None:
    """Remember why a source could not be read; its rows and cursor stay."""
    connection.execute("UPDATE source SET attempted_at = ?, error = ? WHERE id = ?", (now, sentence, source.id))


def save_rejected_records(
    connection: sqlite3.Connection, source: SourceRow, faults: Sequence[RejectedRecord], now: int
) -> None:
    """Keep the place and reason of every record that could not be used."""
    connection.executemany(
        "INSERT INTO rejected_record VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(source.id, record.where, record.reason, now) for record in faults],
    )


def delete_resolved_records(connection: sqlite3.Connection, source: SourceRow, places: Iterable[str]) -> None:
    """Forget what could not be used at these places: it can be now."""
    connection.executemany(
        "DELETE FROM rejected_record WHERE source_id = ? AND place = ?", [(source.id, place) for place in places]
    )


def delete_rejected_records(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Forget what could not be used before: the source tells it again."""
    connection.execute("DELETE FROM rejected_record WHERE source_id = ?", (source.id,))
