"""Client keys joined to persons, agreements in dated terms, and the ledger, as a clinician enters them.

Only the clinician may see them. Clients are identity ids (:mod:`monitor.store.keys`). Every change that affects numbers
marks the clinician dirty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from monitor.analysis.terms import LEDGER, NOT_A_CLIENT, TERMS, TermFormat, normalise_value
from monitor.errors import UsageError
from monitor.store.computations import DAY, mark_dirty_from
from monitor.store.keys import clinician_id, select_in

DOUBLE_SUBMIT_SECONDS = 60
"""Two equal ledger entries within this time are one: the button was pressed twice."""


@dataclass(frozen=True, slots=True)
class TermRow:
    """A term of the agreement with a client, from a day on; ``value`` is ``None`` where the term ends on that day."""

    client: int
    term: str
    from_day: int
    value: str | None
    entered_at: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the ledger; ``client`` is ``None`` where it concerns no single client."""

    id: int
    day: int
    kind: str
    client: int | None
    entered_at: int


def persons(connection: sqlite3.Connection, clinician: str) -> dict[int, int]:
    """Return the person of each joined client key, which is the smallest key of its group; other keys are left out."""
    sql = """SELECT client_id, person FROM client_person JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ? ORDER BY client_id"""
    return dict(connection.execute(sql, (clinician,)).fetchall())


def join_clients(connection: sqlite3.Connection, clinician: str, clients: Collection[int]) -> int:
    """Join client keys, and all keys that were joined to them before, to one person; return the person.

    If only some of the keys were marked as not a client, those marks are deleted: they would hide the sessions of the
    other keys as well.

    Raises:
        UsageError: One of the clients is not the clinician's.
    """
    id_ = _check_owner(connection, clinician, clients)
    joined = persons(connection, clinician)
    affected_persons = {joined.get(client, client) for client in clients}
    group = {*clients, *(client for client, person in joined.items() if person in affected_persons)}
    person = min(group)
    mark = (id_, "standing", NOT_A_CLIENT)
    sql = "SELECT DISTINCT client_id FROM client_term WHERE (clinician_id, term, value) = (?, ?, ?)"
    marked = {client for (client,) in connection.execute(sql, mark)} & group
    if marked != group:
        connection.executemany(
            "DELETE FROM client_term WHERE (clinician_id, term, value) = (?, ?, ?) AND client_id = ?",
            [(*mark, client) for client in marked],
        )
    _save_persons(connection, id_, {client: person for client in group if len(group) > 1})
    return person


def separate_client(connection: sqlite3.Connection, clinician: str, client: int) -> None:
    """Make a joined key a person of its own again; the other keys stay joined.

    Raises:
        UsageError: The client is not the clinician's.
    """
    id_ = _check_owner(connection, clinician, [client])
    joined = persons(connection, clinician)
    if client not in joined:
        return
    rest = [other for other, person in joined.items() if person == joined[client] and other != client]
    separated = [client, *rest] if len(rest) == 1 else [client]  # a single key needs no row
    connection.executemany(
        "DELETE FROM client_person WHERE clinician_id = ? AND client_id = ?", [(id_, key) for key in separated]
    )
    _save_persons(connection, id_, dict.fromkeys(rest, min(rest)) if len(rest) > 1 else {})


def _save_persons(connection: sqlite3.Connection, clinician: int, joined: dict[int, int]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO client_person VALUES (?, ?, ?)",
        [(clinician, client, person) for client, person in joined.items()],
    )
    _mark_dirty_from_day(connection, clinician, 0)


def terms(connection: sqlite3.Connection, clinician: str) -> list[TermRow]:
    """Return all terms of the clinician's clients, by client, term and day."""
    sql = """SELECT client_id, term, from_day, value, entered_at FROM client_term
             JOIN clinician ON clinician.id = clinician_id WHERE clinician.key = ?
             ORDER BY client_id, term, from_day"""
    return [TermRow(*row) for row in connection.execute(sql, (clinician,))]


def set_term(
    connection: sqlite3.Connection,
    clinician: str,
    client: int,
    term: str,
    value: str | None,
    *,
    from_day: int,
    now: int,
) -> None:
    """Set a term of a client from a day on, or end it with the value ``None``. A value for the same day is replaced.

    Raises:
        UsageError: The client is not the clinician's, or the term or its value does not exist.
    """
    id_ = _check_owner(connection, clinician, [client])
    text = None
    if value is not None:
        if term not in TERMS:
            raise UsageError(f"There is no such term. There are: {', '.join(TERMS)}.")
        channels: set[str] = set()
        if TERMS[term].format is TermFormat.WORDS:  # such a term lists channels: those of the clinician's messages
            rows = connection.execute("SELECT DISTINCT channel FROM message WHERE clinician_id = ?", (id_,))
            channels = {channel for (channel,) in rows}
        try:
            text = normalise_value(term, value, own_words=channels)
        except ValueError as error:
            raise UsageError(f"{TERMS[term].title}: {error}.") from None
    row = (id_, client, term, from_day)
    sql = "SELECT value FROM client_term WHERE (clinician_id, client_id, term, from_day) = (?, ?, ?, ?)"
    if connection.execute(sql, row).fetchone() == (text,):
        return
    connection.execute("INSERT OR REPLACE INTO client_term VALUES (?, ?, ?, ?, ?, ?)", (*row, text, now))
    _mark_dirty_from_day(connection, id_, from_day)


def remove_term(connection: sqlite3.Connection, clinician: str, client: int, term: str, *, from_day: int) -> bool:
    """Delete the value of a term for a day, so that the one before applies again; return ``False`` if there is none."""
    sql = """DELETE FROM client_term WHERE client_id = ? AND term = ? AND from_day = ?
             AND clinician_id = (SELECT id FROM clinician WHERE key = ?)"""
    deleted = connection.execute(sql, (client, term, from_day, clinician)).rowcount == 1
    if deleted:
        _mark_dirty_from_day(connection, clinician_id(connection, clinician), from_day)
    return deleted


def ledger(connection: sqlite3.Connection, clinician: str) -> list[LedgerRow]:
    """Return the clinician's ledger, the oldest entry first."""
    sql = """SELECT ledger.id, day, kind, client_id, entered_at FROM ledger
             JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ? ORDER BY day, ledger.id"""
    return [LedgerRow(*row) for row in connection.execute(sql, (clinician,))]


def add_ledger_entry(
    connection: sqlite3.Connection, clinician: str, kind: str, *, day: int, client: int | None, now: int
) -> int:
    """Add an entry to the ledger and return its id; an equal one of the last :data:`DOUBLE_SUBMIT_SECONDS` is returned.

    Raises:
        UsageError: The kind is not declared, or the client is not the clinician's.
    """
    id_ = _check_owner(connection, clinician, [] if client is None else [client])
    if kind not in LEDGER:
        raise UsageError(f"The ledger has no such kind of entry. It has: {', '.join(LEDGER)}.")
    entry = (id_, day, kind, client)
    sql = """SELECT id FROM ledger WHERE clinician_id = ? AND day = ? AND kind = ? AND client_id IS ?
             AND entered_at BETWEEN ? AND ?"""
    if duplicate := connection.execute(sql, (*entry, now - DOUBLE_SUBMIT_SECONDS, now)).fetchone():
        return int(duplicate[0])
    sql = "INSERT INTO ledger (clinician_id, day, kind, client_id, entered_at) VALUES (?, ?, ?, ?, ?)"
    entry_id = connection.execute(sql, (*entry, now)).lastrowid
    _mark_dirty_from_day(connection, id_, day)
    return int(entry_id or 0)


def remove_ledger_entry(connection: sqlite3.Connection, clinician: str, entry: int) -> bool:
    """Delete an entry of the clinician's ledger; return ``False`` if there is none with this id."""
    sql = """SELECT clinician_id, day FROM ledger JOIN clinician ON clinician.id = clinician_id
             WHERE ledger.id = ? AND clinician.key = ?"""
    row = connection.execute(sql, (entry, clinician)).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM ledger WHERE id = ?", (entry,))
    _mark_dirty_from_day(connection, *row)
    return True


def save_different_people(connection: sqlite3.Connection, clinician: str, client: int, other: int, *, now: int) -> None:
    """Store that two keys are different people, so that joining them is not proposed again.

    Raises:
        UsageError: One of the clients is not the clinician's.
    """
    id_ = _check_owner(connection, clinician, [client, other])
    connection.execute(
        "INSERT OR REPLACE INTO different_people VALUES (?, ?, ?, ?)", (id_, *sorted((client, other)), now)
    )


def different_people(connection: sqlite3.Connection, clinician: str) -> set[frozenset[int]]:
    """Return the pairs of client keys that the clinician said are different people."""
    sql = """SELECT first_id, second_id FROM different_people JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ?"""
    return {frozenset(pair) for pair in connection.execute(sql, (clinician,))}


def _check_owner(connection: sqlite3.Connection, clinician: str, clients: Collection[int]) -> int:
    """Return the clinician's id; raise UsageError if one of the clients is not theirs."""
    id_ = clinician_id(connection, clinician)
    head = f"SELECT id FROM identity WHERE clinician_id = {id_:d} AND id IN"
    own = {client for (client,) in select_in(connection, head, list(clients))}
    if own != set(clients):
        raise UsageError("This client is not among the clinician's own. Choose one from the list.")
    return id_


def _mark_dirty_from_day(connection: sqlite3.Connection, clinician: int, day: int) -> None:
    """Mark the clinician dirty from the beginning of a day, in whatever time zone (hence a day earlier in UTC)."""
    mark_dirty_from(connection, clinician, max(day - 1, 0) * DAY)
