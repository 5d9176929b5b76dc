"""Open slots, as each clinician set them, and the referrals that were assigned."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.analysis.referral import OpenSlots, Referral
from monitor.store.keys import clinician_ids


@dataclass(frozen=True, slots=True)
class StoredSlots(OpenSlots):
    """Open slots and the instant at which their owner set them."""

    entered_at: int


def open_slots(connection: sqlite3.Connection) -> dict[str, StoredSlots]:
    """Return the open slots of everybody who ever set them, by key."""
    rows = connection.execute(
        "SELECT key, day, evening, trauma, entered_at FROM open_slots JOIN clinician ON clinician.id = clinician_id"
    )
    return {key: StoredSlots(*numbers) for key, *numbers in rows}


def set_open_slots(connection: sqlite3.Connection, clinician: str, slots: OpenSlots, *, entered_at: int) -> None:
    """Store what a clinician says of their open slots."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT OR REPLACE INTO open_slots VALUES (?, ?, ?, ?, ?)",
        (id_, slots.day, slots.evening, slots.trauma, entered_at),
    )


def assign(connection: sqlite3.Connection, clinician: str, referral: Referral, *, now: int) -> None:
    """Record that a referral was given to somebody; it takes one of the open slots that they set."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    connection.execute(
        "INSERT INTO assignment (clinician_id, assigned_at, weight) VALUES (?, ?, ?)", (id_, now, referral.weight)
    )
    if stored := open_slots(connection).get(clinician):
        set_open_slots(connection, clinician, stored.remaining_after(referral), entered_at=stored.entered_at)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was assigned to somebody since an instant: the weights together, the number, and when the last one was."""

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
    return {key: Assigned(*numbers) for key, *numbers in rows}
