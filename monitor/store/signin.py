"""One-time links and web sessions of the dashboard. Tokens are stored as hashes only."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Literal

LINK_SECONDS = 15 * 60
IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 12 * 3600
_ALIVE = "(seen_at > :idle AND started_at > :absolute)"

Item = Literal["messages", "consent"]
"""A column in which a web session stores texts for one of its next pages."""


@dataclass(frozen=True, slots=True)
class WebSessionRow:
    """A valid web session: its subject, when it was last used, and whether its next page has messages to show."""

    subject: str
    seen_at: int
    has_messages: bool


def create_link(connection: sqlite3.Connection, subject: str, now: int, lasts: int = LINK_SECONDS) -> str:
    """Return the token of a new link that signs the subject in once: a clinician's key or ``director``."""
    token = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM signin_link WHERE expires_at < ?", (now,))
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    connection.execute("INSERT INTO signin_link VALUES (?, ?, ?)", (_hash(token), subject, now + lasts))
    return token


def link_subject(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Return the subject of a link without using it up; ``None`` if it is unknown, used or expired."""
    row = connection.execute(
        "SELECT subject FROM signin_link WHERE token_hash = ? AND expires_at >= ?", (_hash(token), now)
    ).fetchone()
    return None if row is None else str(row[0])


def redeem_link(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Use up a link and return the token of a new session; ``None`` if the link is unknown, used or expired."""
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    row = connection.execute(
        "DELETE FROM signin_link WHERE token_hash = ? RETURNING subject, expires_at", (_hash(token),)
    ).fetchone()
    if row is None or row[1] < now:
        return None
    session = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO web_session (token_hash, subject, started_at, seen_at) VALUES (?, ?, ?, ?)",
        (_hash(session), row[0], now, now),
    )
    return session


def find_session(connection: sqlite3.Connection, session: str, now: int) -> WebSessionRow | None:
    """Return the session with that token, or ``None`` if it is unknown, idle for 15 minutes or 12 hours old."""
    row = connection.execute(
        f"SELECT subject, seen_at, messages <> '[]' FROM web_session WHERE token_hash = :token AND {_ALIVE}",
        {"token": _hash(session), **_limits(now)},
    ).fetchone()
    return None if row is None else WebSessionRow(row[0], row[1], bool(row[2]))


def keep_alive(connection: sqlite3.Connection, session: str, now: int) -> None:
    """Store that a session was used, and delete the sessions that have expired."""
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    connection.execute("UPDATE web_session SET seen_at = ? WHERE token_hash = ?", (now, _hash(session)))


def append_texts(connection: sqlite3.Connection, session: str, item: Item, texts: list[str]) -> None:
    """Append texts to those that a session stores for one of its next pages."""
    stored = [*_stored_texts(connection, session, item), *texts]
    connection.execute(
        f"UPDATE web_session SET {item} = ? WHERE token_hash = ?",
        (json.dumps(stored, ensure_ascii=False), _hash(session)),
    )


def pop_texts(connection: sqlite3.Connection, session: str, item: Item) -> list[str]:
    """Return the texts that a session stores for its next page, and delete them."""
    texts = _stored_texts(connection, session, item)
    connection.execute(f"UPDATE web_session SET {item} = '[]' WHERE token_hash = ?", (_hash(session),))
    return texts


def end_session(connection: sqlite3.Connection, session: str) -> None:
    """Sign out: delete the session with its texts, so that its cookie is worth nothing."""
    connection.execute("DELETE FROM web_session WHERE token_hash = ?", (_hash(session),))


def _stored_texts(connection: sqlite3.Connection, session: str, item: Item) -> list[str]:
    row = connection.execute(f"SELECT {item} FROM web_session WHERE token_hash = ?", (_hash(session),)).fetchone()
    return [] if row is None else [str(text) for text in json.loads(row[0])]


def _limits(now: int) -> dict[str, int]:
    return {"idle": now - IDLE_SECONDS, "absolute": now - ABSOLUTE_SECONDS}


def _hash(token: str) -> str:
    # A plain hash is enough: unlike a password, 32 random bytes cannot be guessed.
    return hashlib.sha256(token.encode()).hexdigest()
