"""What a referral goes by besides the load: open slots, as each clinician set them, and what was assigned lately."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class OpenSlots:
    """How many more clients somebody could take, and how many of them for trauma-focused work; when that was set."""

    slots: int
    trauma_slots: int
    set_at: int


def open_slots(connection: sqlite3.Connection) -> dict[str, OpenSlots]:
    """Return the open slots of everybody who ever set them, by key."""
    rows = connection.execute(
        """SELECT key, slots, trauma_slots, set_at FROM open_slots JOIN clinician ON clinician.id = clinician_id"""
    )
    return {key: OpenSlots(*numbers) for key, *numbers in rows}


def set_open_slots(connection: sqlite3.Connection, clinician: str, slots: OpenSlots) -> None:
    """Keep what a clinician says of their open slots."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT OR REPLACE INTO open_slots VALUES (?, ?, ?, ?)", (id_, slots.slots, slots.trauma_slots, slots.set_at)
    )


def assign(connection: sqlite3.Connection, clinician: str, *, weight: float, trauma: bool, now: int) -> None:
    """Record that a referral was given to somebody: it takes one of the open slots that they set."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT INTO assignment (clinician_id, assigned_at, weight) VALUES (?, ?, ?)", (id_, now, weight)
    )
    connection.execute(
        """UPDATE open_slots SET slots = max(slots - 1, 0),
             trauma_slots = min(max(trauma_slots - ?, 0), max(slots - 1, 0)) WHERE clinician_id = ?""",
        (int(trauma), id_),
    )


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was assigned to somebody since an instant: the weights together, and when the last one was."""

    weight: float
    number: int
    last_at: int


def assigned_since(connection: sqlite3.Connection, since: int) -> dict[str, Assigned]:
    """Return what was assigned at or after an instant, by key."""
    rows = connection.execute(
        """SELECT key, sum(weight), count(*), max(assigned_at) FROM assignment
           JOIN clinician ON clinician.id = clinician_id WHERE assigned_at >= ? GROUP BY key""",
        (since,),
    )
    return {key: Assigned(*told) for key, *told in rows}
