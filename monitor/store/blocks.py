"""The blocks of four weeks that are published to the director, each written once and never changed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class BlockPerson:
    """One clinician in a block.

    ``load`` is weighted sessions a week for each FTE, or ``None`` if it is unknown, which is never changed later.
    ``fte`` is the contract's at the end of the block, ``phased_in_fte`` the mean FTE by which load is shared.
    ``supervision`` is a value of :class:`~reports.models.Supervision`.
    """

    clinician: str
    load: float | None
    fte: float
    phased_in_fte: float
    active_clients: int | None
    intakes: int | None
    supervision: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it was published: its first Monday (a day number), the practice's numbers and its people."""

    start: int
    published_at: int
    sessions_held: int | None
    nothing_booked: int | None
    people: tuple[BlockPerson, ...]


def last_block_start(connection: sqlite3.Connection) -> int | None:
    """Return the first Monday of the last block that was published, ``None`` where there is none."""
    start: int | None = connection.execute("SELECT max(start) FROM block").fetchone()[0]
    return start


def save_block(connection: sqlite3.Connection, block: Block) -> None:
    """Publish a block. Raises sqlite3.IntegrityError if it was published before."""
    ids = clinician_ids(connection, [person.clinician for person in block.people])
    connection.execute(
        "INSERT INTO block VALUES (?, ?, ?, ?)",
        (block.start, block.published_at, block.sessions_held, block.nothing_booked),
    )
    connection.executemany(
        "INSERT INTO block_person VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                block.start, ids[person.clinician], person.load, person.fte, person.phased_in_fte,
                person.active_clients, person.intakes, person.supervision,
            )
            for person in block.people
        ],
    )  # fmt: skip


def blocks(connection: sqlite3.Connection, number: int) -> list[Block]:
    """Return the last ``number`` published blocks, the newest first."""
    sql = "SELECT start, published_at, sessions_held, nothing_booked FROM block ORDER BY start DESC LIMIT ?"
    people_sql = """SELECT key, load, fte, phased_in_fte, active_clients, intakes, supervision FROM block_person
                    JOIN clinician ON clinician.id = clinician_id WHERE block = ? ORDER BY key"""
    published = []
    for start, published_at, sessions_held, nothing_booked in connection.execute(sql, (number,)).fetchall():
        people = tuple(BlockPerson(*row) for row in connection.execute(people_sql, (start,)))
        published.append(Block(start, published_at, sessions_held, nothing_booked, people))
    return published


def first_known_week(connection: sqlite3.Connection) -> int | None:
    """Return the earliest week in which anybody's load is known."""
    sql = "SELECT min(week) FROM workload_week WHERE key = 'weighted_load' AND value IS NOT NULL"
    week: int | None = connection.execute(sql).fetchone()[0]
    return week


def first_read_at(connection: sqlite3.Connection) -> int | None:
    """Return when the practice's first calendar entry was read."""
    first_seen_at: int | None = connection.execute("SELECT min(first_seen_at) FROM event").fetchone()[0]
    return first_seen_at
