"""What a clinician says of clients: which keys are one person, dated terms, and the ledger. For that person alone.

Clients are the numbers of pseudonyms (:mod:`monitor.store.keys`). What changes a number marks its clinician dirty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from monitor.analysis.terms import LEDGER, NOT_A_CLIENT, TERMS, TermFormat, normalise_value
from monitor.errors import UsageError
from monitor.store.invalidation import DAY, Invalidation, mark_dirty
from monitor.store.keys import clinician_ids, select_in

TWICE = 60
"""Seconds within which the same entry of the ledger is one."""


@dataclass(frozen=True, slots=True)
class TermRow:
    """A term as it was said of a client's key; ``value`` is ``None`` where nothing holds from ``from_day`` on."""

    client: int
    term: str
    from_day: int
    value: str | None
    entered_at: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the ledger; ``client`` is ``None`` where it is about no single client."""

    id: int
    day: int
    kind: str
    client: int | None
    entered_at: int


def persons(connection: sqlite3.Connection, clinician: str) -> dict[int, int]:
    """The person of each key that was joined to another: the smallest of the keys. Every other key is its own."""
    sql = """SELECT client_id, person FROM client_person JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ? ORDER BY client_id"""
    return dict(connection.execute(sql, (clinician,)).fetchall())


def join_clients(connection: sqlite3.Connection, clinician: str, clients: Collection[int]) -> int:
    """Let these keys, and whatever was joined to them before, be one person; returns its number.

    Where only some of them were said to be no client, that is taken back: it would take the sessions of the others.

    Raises:
        UsageError: one of them is not the clinician's.
    """
    id_ = _owner(connection, clinician, clients)
    known = persons(connection, clinician)
    meant = {known.get(client, client) for client in clients}
    together = {*clients, *(client for client, person in known.items() if person in meant)}
    person = min(together)
    _keep_clients(connection, id_, together)
    _save_persons(connection, id_, {client: person for client in together if len(together) > 1})
    return person


def _keep_clients(connection: sqlite3.Connection, clinician: int, together: Collection[int]) -> None:
    """Take back that some of these keys are no client, if not all of them are."""
    none = (clinician, "standing", NOT_A_CLIENT)
    sql = "SELECT DISTINCT client_id FROM client_term WHERE (clinician_id, term, value) = (?, ?, ?)"
    strangers = {client for (client,) in connection.execute(sql, none)} & {*together}
    if strangers != {*together}:
        connection.executemany(
            "DELETE FROM client_term WHERE (clinician_id, term, value) = (?, ?, ?) AND client_id = ?",
            [(*none, client) for client in strangers],
        )


def separate_client(connection: sqlite3.Connection, clinician: str, client: int) -> None:
    """Let a key be a person of its own again; the others stay together. Raises UsageError as :func:`join_clients`."""
    id_ = _owner(connection, clinician, [client])
    known = persons(connection, clinician)
    if client not in known:
        return
    rest = [other for other, person in known.items() if person == known[client] and other != client]
    leaving = [client, *rest] if len(rest) == 1 else [client]
    connection.executemany(
        "DELETE FROM client_person WHERE clinician_id = ? AND client_id = ?", [(id_, gone) for gone in leaving]
    )
    _save_persons(connection, id_, dict.fromkeys(rest, min(rest)) if len(rest) > 1 else {})


def _save_persons(connection: sqlite3.Connection, clinician: int, joined: dict[int, int]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO client_person VALUES (?, ?, ?)",
        [(clinician, client, person) for client, person in joined.items()],
    )
    _reaches_back(connection, clinician, 0)


def terms(connection: sqlite3.Connection, clinician: str) -> list[TermRow]:
    """Everything that was ever said of the clinician's clients, by key, term and day."""
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
    """Let a term hold of a client from a day on; ``None`` as the value lets nothing hold. The same day's is replaced.

    Raises:
        UsageError: the client is not the clinician's, the term is none, or the value is not one of the term's.
    """
    id_ = _owner(connection, clinician, [client])
    text = None if value is None else _checked(connection, id_, term, value)
    row = (id_, client, term, from_day)
    sql = "SELECT value FROM client_term WHERE (clinician_id, client_id, term, from_day) = (?, ?, ?, ?)"
    if connection.execute(sql, row).fetchone() == (text,):
        return
    connection.execute("INSERT OR REPLACE INTO client_term VALUES (?, ?, ?, ?, ?, ?)", (*row, text, now))
    _reaches_back(connection, id_, from_day)


def remove_term(connection: sqlite3.Connection, clinician: str, client: int, term: str, *, from_day: int) -> bool:
    """Take back what was said for a day, so that what was said before it holds on; ``False`` if nothing was."""
    sql = """DELETE FROM client_term WHERE client_id = ? AND term = ? AND from_day = ?
             AND clinician_id = (SELECT id FROM clinician WHERE key = ?)"""
    found = connection.execute(sql, (client, term, from_day, clinician)).rowcount == 1
    if found:
        _reaches_back(connection, clinician_ids(connection, [clinician])[clinician], from_day)
    return found


def ledger(connection: sqlite3.Connection, clinician: str) -> list[LedgerRow]:
    """The clinician's ledger, the oldest entry first."""
    sql = """SELECT ledger.id, day, kind, client_id, entered_at FROM ledger
             JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ? ORDER BY day, ledger.id"""
    return [LedgerRow(*row) for row in connection.execute(sql, (clinician,))]


def add_ledger_entry(
    connection: sqlite3.Connection, clinician: str, kind: str, *, day: int, client: int | None, now: int
) -> int:
    """Write an entry into the ledger; returns its number. The same once more within a minute is a button pressed twice.

    Raises:
        UsageError: the kind is none of the declared ones, or the client is not the clinician's.
    """
    id_ = _owner(connection, clinician, [] if client is None else [client])
    if kind not in LEDGER:
        raise UsageError(f"The ledger has no such kind of entry. It has: {', '.join(LEDGER)}.")
    entry = (id_, day, kind, client)
    sql = """SELECT id FROM ledger WHERE clinician_id = ? AND day = ? AND kind = ? AND client_id IS ?
             AND entered_at BETWEEN ? AND ?"""
    if twice := connection.execute(sql, (*entry, now - TWICE, now)).fetchone():
        return int(twice[0])
    sql = "INSERT INTO ledger (clinician_id, day, kind, client_id, entered_at) VALUES (?, ?, ?, ?, ?)"
    number = connection.execute(sql, (*entry, now)).lastrowid
    _reaches_back(connection, id_, day)
    return int(number or 0)


def remove_ledger_entry(connection: sqlite3.Connection, clinician: str, entry: int) -> bool:
    """Take an entry out of the ledger; ``False`` if it is not theirs or not there."""
    sql = """SELECT clinician_id, day FROM ledger JOIN clinician ON clinician.id = clinician_id
             WHERE ledger.id = ? AND clinician.key = ?"""
    row = connection.execute(sql, (entry, clinician)).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM ledger WHERE id = ?", (entry,))
    _reaches_back(connection, *row)
    return True


def _checked(connection: sqlite3.Connection, clinician: int, term: str, value: str) -> str:
    if term not in TERMS:
        raise UsageError(f"There is no such term. There are: {', '.join(TERMS)}.")
    try:
        return normalise_value(term, value, own_words=_channels(connection, clinician, term))
    except ValueError as error:
        raise UsageError(f"{TERMS[term].title}: {error}.") from None


def _channels(connection: sqlite3.Connection, clinician: int, term: str) -> set[str]:
    """The channels that the clinician's messages came on, for a term that lists some."""
    if TERMS[term].format is not TermFormat.WORDS:
        return set()
    sql = "SELECT DISTINCT channel FROM message WHERE clinician_id = ?"
    return {channel for (channel,) in connection.execute(sql, (clinician,))}


def _owner(connection: sqlite3.Connection, clinician: str, clients: Collection[int]) -> int:
    """The clinician's number; every client is theirs."""
    id_ = clinician_ids(connection, [clinician])[clinician]
    head = f"SELECT id FROM identity WHERE clinician_id = {id_:d} AND id IN"
    theirs = {client for (client,) in select_in(connection, head, list(clients))}
    if theirs != set(clients):
        raise UsageError("This client is not among the clinician's own. Choose one from the list.")
    return id_


def _reaches_back(connection: sqlite3.Connection, clinician: int, day: int) -> None:
    """The clinician's numbers are out of date from this day on, in whatever zone it began."""
    invalidation = Invalidation()
    invalidation.extend_to(clinician, max(day - 1, 0) * DAY)
    mark_dirty(connection, invalidation)


def save_different_people(connection: sqlite3.Connection, clinician: str, one: int, other: int, *, now: int) -> None:
    """Remember that two keys are two people, so that nobody asks again. Raises UsageError as :func:`join_clients`."""
    id_ = _owner(connection, clinician, [one, other])
    connection.execute("INSERT OR REPLACE INTO different_people VALUES (?, ?, ?, ?)", (id_, *sorted((one, other)), now))


def different_people(connection: sqlite3.Connection, clinician: str) -> set[frozenset[int]]:
    """The pairs of whom the clinician said that they are two people."""
    sql = """SELECT first_id, second_id FROM different_people JOIN clinician ON clinician.id = clinician_id
             WHERE clinician.key = ?"""
    return {frozenset(pair) for pair in connection.execute(sql, (clinician,))}
