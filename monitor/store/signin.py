"""One-time links and sessions of the dashboard. Only hashes of tokens are stored."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass

LINK_SECONDS = 15 * 60
IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 12 * 3600
_ALIVE = "(seen_at > :idle AND started_at > :absolute)"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds: whose it is and when it was last used."""

    subject: str
    seen_at: int


def make_link(connection: sqlite3.Connection, subject: str, now: int, lasts: int = LINK_SECONDS) -> str:
    """A token that signs its bearer in once, for a clinician's key or ``director``."""
    token = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM signin_link WHERE expires_at < ?", (now,))
    connection.execute("INSERT INTO signin_link VALUES (?, ?, ?)", (_hash(token), subject, now + lasts))
    return token


def redeem_link(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Use up a link: the token of a new session, or ``None`` if the link is unknown, used or too old."""
    connection.execute("DELETE FROM web_session WHERE NOT " + _ALIVE, _limits(now))
    row = connection.execute(
        "DELETE FROM signin_link WHERE token_hash = ? RETURNING subject, expires_at", (_hash(token),)
    ).fetchone()
    if row is None or row[1] < now:
        return None
    session = secrets.token_urlsafe(32)
    connection.execute("INSERT INTO web_session VALUES (?, ?, ?, ?)", (_hash(session), row[0], now, now))
    return session


def session_of(connection: sqlite3.Connection, session: str, now: int) -> Session | None:
    """The session with that token, or ``None`` if it is unknown, idle for 15 minutes or 12 hours old."""
    row = connection.execute(
        f"SELECT subject, seen_at FROM web_session WHERE token_hash = :token AND {_ALIVE}",
        {"token": _hash(session), **_limits(now)},
    ).fetchone()
    return None if row is None else Session(*row)


def keep_alive(connection: sqlite3.Connection, session: str, now: int) -> None:
    """Note that a session was used."""
    connection.execute("UPDATE web_session SET seen_at = ? WHERE token_hash = ?", (now, _hash(session)))


def end_session(connection: sqlite3.Connection, session: str) -> None:
    """Sign out: the session is gone, whoever still holds its cookie."""
    connection.execute("DELETE FROM web_session WHERE token_hash = ?", (_hash(session),))


def _limits(now: int) -> dict[str, int]:
    return {"idle": now - IDLE_SECONDS, "absolute": now - ABSOLUTE_SECONDS}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
