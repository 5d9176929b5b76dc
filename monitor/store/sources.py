"""The state of each source: owners, cursor, span that was read, rejected records, last error."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.base import RejectedRecord, Skipped, Window
from monitor.store.computations import mark_dirty_from
from monitor.store.keys import Row, clinician_ids, epoch, named_rows


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of the table ``source``, with the ids of its owners by key.

    The cursor is valid under ``policy`` and together with ``skipped``, the records that the window left out so far.
    ``generation`` is how often the source has been read from the beginning, ``size`` how many records it contained
    when it was last counted.
    """

    id: int
    cursor: str | None
    generation: int
    owners: Mapping[str, int]
    policy: str | None = None
    skipped: Skipped = field(default_factory=Skipped)
    size: int = 0

    @property
    def owner_keys(self) -> dict[int, str]:
        """The keys of the owners by id."""
        return {owner_id: key for key, owner_id in self.owners.items()}

    @property
    def of_owners(self) -> str:
        """The SQL condition that selects the owners' rows of a table."""
        return f"clinician_id IN ({', '.join(map(str, self.owners.values()))})"


def source_row(
    connection: sqlite3.Connection, name: str, kind: str, clinicians: Iterable[str], account: str | None = None
) -> SourceRow:
    """Return the row of a source, which is inserted if it is new, and make ``clinicians`` its owners.

    ``account`` is the owner whose account is meant, if each owner has one.
    """
    owners = clinician_ids(connection, clinicians)
    owner_id = owners[account] if account else 0
    connection.execute(
        """INSERT INTO source (name, owner_id, kind) VALUES (?, ?, ?)
           ON CONFLICT (name, owner_id) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind""",
        (name, owner_id, kind),
    )
    id_, cursor, generation, policy, before, after, size = connection.execute(
        """SELECT id, cursor, generation, policy, skipped_before, skipped_after, size
           FROM source WHERE name = ? AND owner_id = ?""",
        (name, owner_id),
    ).fetchone()
    source = SourceRow(id_, cursor, generation, owners, policy, Skipped(before, after), size)
    _set_owners(connection, id_, owners.values())
    return source


def retire_other_accounts(connection: sqlite3.Connection, name: str, accounts: Sequence[str | None]) -> None:
    """Take the owner from all other accounts of a source, so that their records no longer count."""
    current = set(clinician_ids(connection, [key for key in accounts if key]).values()) or {0}
    for id_, owner_id in connection.execute("SELECT id, owner_id FROM source WHERE name = ?", (name,)).fetchall():
        if owner_id not in current:
            _set_owners(connection, id_, ())


def _set_owners(connection: sqlite3.Connection, source: int, owners: Iterable[int]) -> None:
    """Replace the owners of a source; mark added and removed owners dirty."""
    sql = "SELECT clinician_id FROM source_clinician WHERE source_id = ?"
    old_owners, new_owners = {id_ for (id_,) in connection.execute(sql, (source,))}, set(owners)
    connection.executemany(
        "DELETE FROM source_clinician WHERE source_id = ? AND clinician_id = ?",
        [(source, id_) for id_ in old_owners - new_owners],
    )
    connection.executemany(
        "INSERT INTO source_clinician (source_id, clinician_id) VALUES (?, ?)",
        [(source, id_) for id_ in new_owners - old_owners],
    )
    for id_ in old_owners ^ new_owners:
        mark_dirty_from(connection, id_, _first_record_at(connection, source, id_))


def _first_record_at(connection: sqlite3.Connection, source: int, clinician: int) -> int | None:
    """Return the instant of the earliest record that a source contains of a clinician."""
    row = connection.execute(
        """SELECT min(at) FROM (
             SELECT min(start_at) AS at FROM event WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(coalesce(started_at, ended_at)) FROM evidence
                       WHERE clinician_id = :clinician AND source_id = :source
             UNION ALL SELECT min(sent_at) FROM message WHERE clinician_id = :clinician AND source_id = :source)""",
        {"clinician": clinician, "source": source},
    ).fetchone()
    return None if row[0] is None else int(row[0])


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """The progress of reading a source, or one account of it, for one clinician.

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
    """The number of records of one clinician in one source.

    ``events`` include ``sessions`` and ``busy``. ``messages`` include ``sent``, the clinician's own messages without
    automatic ones.
    """

    events: int = 0
    sessions: int = 0
    busy: int = 0
    messages: int = 0
    sent: int = 0
    evidence: int = 0


def source_progress(connection: sqlite3.Connection, clinician: str) -> list[SourceProgress]:
    """Return the progress of all sources of a clinician, in the order in which they were first read."""
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
"""The counts by clinician and source id."""


def record_counts(connection: sqlite3.Connection, clinician: str | None = None) -> SourceRecordCounts:
    """Return the number of records in each source for each clinician, or for one. Each table is read once."""
    where = "WHERE clinician_id = (SELECT id FROM clinician WHERE key = :clinician)" if clinician else ""
    rows = connection.execute(
        f"""SELECT key, source_id, sum(events), sum(sessions), sum(busy), sum(messages), sum(sent), sum(times)
           FROM (
             SELECT clinician_id, source_id, count(*) AS events, sum(kind = 'session') AS sessions,
                    sum(kind = 'busy') AS busy, 0 AS messages, 0 AS sent, 0 AS times
             FROM event {where} GROUP BY clinician_id, source_id
             UNION ALL SELECT clinician_id, source_id, 0, 0, 0, count(*), sum(outgoing AND NOT automatic), 0
             FROM message {where} GROUP BY clinician_id, source_id
             UNION ALL SELECT clinician_id, source_id, 0, 0, 0, 0, 0, count(*)
             FROM evidence {where} GROUP BY clinician_id, source_id)
           JOIN clinician ON clinician.id = clinician_id GROUP BY clinician_id, source_id""",
        {"clinician": clinician},
    )
    counts: dict[str, dict[int, RecordCounts]] = defaultdict(dict)
    for key, source, *numbers in rows:
        counts[key][source] = RecordCounts(*numbers)
    return counts


def source_states(connection: sqlite3.Connection) -> list[Row]:
    """Return all sources, or accounts of them, that have owners: their last attempt, success, error and span."""
    sql = """SELECT source.id, name, clinician.key AS account, kind, attempted_at, succeeded_at, error, read_from,
               read_to, renamed_at FROM source LEFT JOIN clinician ON clinician.id = owner_id
             WHERE source.id IN (SELECT source_id FROM source_clinician) ORDER BY source.id"""
    return list(named_rows(connection, sql))


def unused_records(connection: sqlite3.Connection) -> list[Row]:
    """Return the reasons why records were rejected or excluded: source, reason, number, and one place as an example."""
    sql = """SELECT name AS source, reason, count(*) AS number, min(place) AS example FROM rejected_record
             JOIN source ON source.id = source_id GROUP BY name, reason
             UNION ALL SELECT name, excluded, count(*), '' FROM event JOIN source ON source.id = source_id
             WHERE excluded IS NOT NULL GROUP BY name, excluded ORDER BY 1, 2"""
    return list(named_rows(connection, sql))


def save_has_records(connection: sqlite3.Connection, source: SourceRow, clinicians: Iterable[str]) -> None:
    """Store that a source has contained records of these clinicians."""
    connection.executemany(
        "UPDATE source_clinician SET has_records = 1 WHERE source_id = ? AND clinician_id = ? AND has_records = 0",
        [(source.id, source.owners[key]) for key in clinicians],
    )


def begin_generation(connection: sqlite3.Connection, source: SourceRow) -> SourceRow:
    """Raise the generation of a source that is read from the beginning, and delete its rejected records."""
    connection.execute("UPDATE source SET generation = generation + 1 WHERE id = ?", (source.id,))
    delete_rejected_records(connection, source)
    return replace(source, generation=source.generation + 1)


def save_read_state(
    connection: sqlite3.Connection,
    source: SourceRow,
    *,
    cursor: str | None,
    policy: str,
    skipped: Skipped,
    size: int | None,
) -> SourceRow:
    """Store how far a source has been read and what the cursor is valid with; return the new row.

    A ``size`` of ``None`` was not counted, and the stored one stays.
    """
    size = source.size if size is None else size
    row = replace(source, cursor=cursor, policy=policy, skipped=skipped, size=size)
    if row != source:
        connection.execute(
            "UPDATE source SET cursor = ?, policy = ?, skipped_before = ?, skipped_after = ?, size = ? WHERE id = ?",
            (cursor, policy, skipped.before, skipped.after, size, source.id),
        )
    return row


def save_success(
    connection: sqlite3.Connection, source: SourceRow, window: Window, now: int, *, some_days: bool = False
) -> None:
    """Store that a source has been read to its end, with the span of time that was read.

    A run that read ``some_days`` only does not extend the span across days that were never read.
    """
    span = epoch(window.start), min(epoch(window.end), now)  # nothing can have been read of the future
    stored_span = connection.execute("SELECT read_from, read_to FROM source WHERE id = ?", (source.id,)).fetchone()
    start, end = _joined_span(stored_span, span, some_days=some_days)
    connection.execute(
        """UPDATE source SET attempted_at = ?, succeeded_at = ?, error = NULL, read_from = ?, read_to = ?
           WHERE id = ?""",
        (now, now, start, end, source.id),
    )


def _joined_span(stored: tuple[int | None, int | None], new: tuple[int, int], *, some_days: bool) -> tuple[int, int]:
    """Return the unbroken span that has been read. If the two spans do not meet, only one of them is kept.

    ::

        stored    |--------|        |--------|           |--------|
        new           |--------|               |---|                   |---| some days only
        result    |------------|               |---|     |--------|
    """
    start, end = stored
    if start is None or end is None:
        return new
    if new[0] <= end and new[1] >= start:
        return min(start, new[0]), max(end, new[1])
    return new if new[0] > end and not some_days else (start, end)


def save_recognised(connection: sqlite3.Connection, source: SourceRow, clinicians: Iterable[str]) -> None:
    """Store that clinicians were recognised in a mailbox; mark those dirty who had not been recognised before."""
    sql = "UPDATE source_clinician SET recognised = 1 WHERE source_id = ? AND clinician_id = ? AND recognised = 0"
    for id_ in (source.owners[key] for key in clinicians):
        if connection.execute(sql, (source.id, id_)).rowcount:
            mark_dirty_from(connection, id_, _first_record_at(connection, source.id, id_))


def save_failure(connection: sqlite3.Connection, source: SourceRow, sentence: str, now: int) -> None:
    """Store why a source could not be read; its records and cursor stay."""
    connection.execute("UPDATE source SET attempted_at = ?, error = ? WHERE id = ?", (now, sentence, source.id))


def save_rejected_records(
    connection: sqlite3.Connection, source: SourceRow, records: Sequence[RejectedRecord], now: int
) -> None:
    """Store the place and reason of rejected records."""
    connection.executemany(
        "INSERT INTO rejected_record VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(source.id, record.where, record.reason, now) for record in records],
    )


def delete_resolved_records(connection: sqlite3.Connection, source: SourceRow, places: Iterable[str]) -> None:
    """Delete the rejected records at these places, which could be used this time."""
    connection.executemany(
        "DELETE FROM rejected_record WHERE source_id = ? AND place = ?", [(source.id, place) for place in places]
    )


def delete_rejected_records(connection: sqlite3.Connection, source: SourceRow) -> None:
    """Delete all rejected records of a source; those that still cannot be used are stored again."""
    connection.execute("DELETE FROM rejected_record WHERE source_id = ?", (source.id,))
