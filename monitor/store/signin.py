"""One-time links and sessions of the dashboard. Only hashes of tokens are stored."""

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
"""What a session keeps between two pages: the column that it lies in."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds: whose it is, when it was last used, and whether its next page has something to say."""

    subject: str
    seen_at: int
    has_messages: bool


def make_link(connection: sqlite3.Connection, subject: str, now: int, lasts: int = LINK_SECONDS) -> str:
    """A token that signs its bearer in once, for a clinician's key or ``director``."""
    token = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM signin_link WHERE expires_at < ?", (now,))
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    connection.execute("INSERT INTO signin_link VALUES (?, ?, ?)", (_hash(token), subject, now + lasts))
    return token


def subject_of_link(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Return whom a link signs in, and leave it as it is; ``None`` if it is unknown, used or too old."""
    row = connection.execute(
        "SELECT subject FROM signin_link WHERE token_hash = ? AND expires_at >= ?", (_hash(token), now)
    ).fetchone()
    return None if row is None else str(row[0])


def redeem_link(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Use up a link: the token of a new session, or ``None`` if the link is unknown, used or too old."""
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


def session_of(connection: sqlite3.Connection, session: str, now: int) -> Session | None:
    """The session with that token, or ``None`` if it is unknown, idle for 15 minutes or 12 hours old."""
    row = connection.execute(
        f"SELECT subject, seen_at, messages <> '[]' FROM web_session WHERE token_hash = :token AND {_ALIVE}",
        {"token": _hash(session), **_limits(now)},
    ).fetchone()
    return None if row is None else Session(row[0], row[1], bool(row[2]))


def keep_alive(connection: sqlite3.Connection, session: str, now: int) -> None:
    """Note that a session was used; those that have ended go, with all that they kept."""
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    connection.execute("UPDATE web_session SET seen_at = ? WHERE token_hash = ?", (now, _hash(session)))


def keep(connection: sqlite3.Connection, session: str, item: Item, texts: list[str]) -> None:
    """Keep texts with a session for one of its next pages, behind what is kept there already."""
    kept = [*_kept(connection, session, item), *texts]
    connection.execute(
        f"UPDATE web_session SET {item} = ? WHERE token_hash = ?",
        (json.dumps(kept, ensure_ascii=False), _hash(session)),
    )


def take(connection: sqlite3.Connection, session: str, item: Item) -> list[str]:
    """Return what is kept with a session, once: it is kept no longer."""
    kept = _kept(connection, session, item)
    connection.execute(f"UPDATE web_session SET {item} = '[]' WHERE token_hash = ?", (_hash(session),))
    return kept


def end_session(connection: sqlite3.Connection, session: str) -> None:
    """Sign out: the session is gone with all that it kept, whoever still holds its cookie."""
    connection.execute("DELETE FROM web_session WHERE token_hash = ?", (_hash(session),))


def _kept(connection: sqlite3.Connection, session: str, item: Item) -> list[str]:
    row = connection.execute(f"SELECT {item} FROM web_session WHERE token_hash = ?", (_hash(session),)).fetchone()
    return [] if row is None else [str(text) for text in json.loads(row[0])]


def _limits(now: int) -> dict[str, int]:
    return {"idle": now - IDLE_SECONDS, "absolute": now - ABSOLUTE_SECONDS}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
