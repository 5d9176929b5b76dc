"""One-time links and sessions of the dashboard. Only hashes of tokens are stored."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3

LINK_SECONDS = 15 * 60
IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 12 * 3600


def make_link(connection: sqlite3.Connection, subject: str, now: int, lasts: int = LINK_SECONDS) -> str:
    """A token that signs its bearer in once, for a clinician's key or ``director``."""
    token = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM signin_link WHERE expires_at < ?", (now,))
    connection.execute("INSERT INTO signin_link VALUES (?, ?, ?)", (_hash(token), subject, now + lasts))
    return token


def redeem_link(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """Use up a link: the token of a new session, or ``None`` if the link is unknown, used or too old."""
    row = connection.execute(
        "DELETE FROM signin_link WHERE token_hash = ? RETURNING subject, expires_at", (_hash(token),)
    ).fetchone()
    if row is None or row[1] < now:
        return None
    session = secrets.token_urlsafe(32)
    connection.execute("INSERT INTO web_session VALUES (?, ?, ?, ?)", (_hash(session), row[0], now, now))
    return session


def subject_of(connection: sqlite3.Connection, session: str, now: int) -> str | None:
    """Whose session it is, or ``None`` if it is unknown, idle for 15 minutes or 12 hours old."""
    row = connection.execute(
        "SELECT subject FROM web_session WHERE token_hash = ? AND seen_at >= ? AND started_at >= ?",
        (_hash(session), now - IDLE_SECONDS, now - ABSOLUTE_SECONDS),
    ).fetchone()
    return None if row is None else str(row[0])


def keep_alive(connection: sqlite3.Connection, session: str, now: int) -> None:
    """Note that a session was used."""
    connection.execute("UPDATE web_session SET seen_at = ? WHERE token_hash = ?", (now, _hash(session)))


def end_session(connection: sqlite3.Connection, session: str) -> None:
    """Sign out: the session is gone, whoever still holds its cookie."""
    connection.execute("DELETE FROM web_session WHERE token_hash = ?", (_hash(session),))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
