"""The open slots that clinicians entered, and the referrals that the director assigned."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from monitor.analysis.referral import OpenSlots, Referral
from monitor.store.keys import clinician_id


@dataclass(frozen=True, slots=True)
class StoredSlots(OpenSlots):
    """Open slots and the instant at which their owner entered them."""

    entered_at: int


def open_slots(connection: sqlite3.Connection) -> dict[str, StoredSlots]:
    """Return the open slots of all clinicians who entered any, by key."""
    rows = connection.execute(
        "SELECT key, day, evening, trauma, entered_at FROM open_slots JOIN clinician ON clinician.id = clinician_id"
    )
    return {key: StoredSlots(*numbers) for key, *numbers in rows}


def set_open_slots(connection: sqlite3.Connection, clinician: str, slots: OpenSlots, *, entered_at: int) -> None:
    """Store the open slots of a clinician."""
    id_ = clinician_id(connection, clinician)
    connection.execute(
        "INSERT OR REPLACE INTO open_slots VALUES (?, ?, ?, ?, ?)",
        (id_, slots.day, slots.evening, slots.trauma, entered_at),
    )


def assign_referral(connection: sqlite3.Connection, clinician: str, referral: Referral, *, now: int) -> None:
    """Store that a referral was assigned to a clinician; it takes one of their open slots."""
    id_ = clinician_id(connection, clinician)
    connection.execute(
        "INSERT INTO assignment (clinician_id, assigned_at, weight) VALUES (?, ?, ?)", (id_, now, referral.weight)
    )
    if stored := open_slots(connection).get(clinician):
        set_open_slots(connection, clinician, stored.remaining_after(referral), entered_at=stored.entered_at)


@dataclass(frozen=True, slots=True)
class AssignedReferrals:
    """The referrals assigned to a clinician since an instant: their total weight, their number and the last instant."""

    weight: float
    number: int
    last_at: int


def assigned_since(connection: sqlite3.Connection, since: int) -> dict[str, AssignedReferrals]:
    """Return the referrals assigned at or after an instant, by clinician."""
    rows = connection.execute(
        """SELECT key, sum(weight), count(*), max(assigned_at) FROM assignment
           JOIN clinician ON clinician.id = clinician_id WHERE assigned_at >= ? GROUP BY key""",
        (since,),
    )
    return {key: AssignedReferrals(*numbers) for key, *numbers in rows}
