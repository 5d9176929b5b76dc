"""Sign-in to the pages: one-time links, sessions, and the role they give, clinician or director."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.config import Config
from monitor.config.tables import DIRECTOR
from monitor.roster import Clinician
from monitor.store import signin
from monitor.store.database import Store

USE_RECORDED_EVERY_SECONDS = 60  # so that most page views write nothing


class Role(StrEnum):
    """The role in which a page may be opened; ``ANYBODY`` includes people who have not signed in."""

    ANYBODY = "anybody"
    CLINICIAN = "clinician"
    DIRECTOR = "director"


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who has signed in: a clinician, or the director where ``clinician`` is ``None``."""

    clinician: Clinician | None = None

    @property
    def role(self) -> Role:
        """The role in which this reader opens pages."""
        return Role.CLINICIAN if self.clinician else Role.DIRECTOR

    @property
    def name(self) -> str:
        """The name of this reader on pages."""
        return self.clinician.name if self.clinician else "the director"

    @property
    def pages(self) -> str:
        """The text of links to this reader's pages."""
        return f"{self.name}’s pages"


def reader_for(config: Config, subject: str) -> Reader | None:
    """Return the reader of a link's or session's subject; ``None`` if the clinician is no longer configured."""
    if subject == DIRECTOR:
        return Reader()
    return next((Reader(person) for person in config.clinicians if person.key == subject), None)


def reader_of_link(config: Config, store: Store, token: str, now: datetime) -> Reader | None:
    """Return the reader whom a one-time link would sign in, without using it up.

    ``None`` if the link is unknown, used or too old.
    """
    with store.read() as connection:
        subject = signin.link_subject(connection, token, _epoch(now))
    return None if subject is None else reader_for(config, subject)


def sign_in(store: Store, token: str, now: datetime, *, earlier: str = "") -> str | None:
    """Use up a one-time link and end the ``earlier`` session of the same browser, both or neither.

    Returns:
        The token of a new session, or ``None`` if the link is unknown, used or too old.
    """
    with store.write() as connection:
        session = signin.redeem_link(connection, token, _epoch(now))
        if session is not None and earlier:  # a shared browser must not keep the session of the person before
            signin.end_session(connection, earlier)
    return session


def sign_out(store: Store, session: str) -> None:
    """End a session, so that its token is worth nothing."""
    with store.write() as connection:
        signin.end_session(connection, session)


def session_of(store: Store, session: str, now: datetime) -> signin.WebSessionRow | None:
    """Return the session with that token; ``None`` if it is unknown, idle too long or too old."""
    with store.read() as connection:
        return signin.find_session(connection, session, _epoch(now))


def is_use_to_be_recorded(session: signin.WebSessionRow, now: datetime) -> bool:
    """Return whether this use of a session has to be recorded: not if the last one was less than a minute ago."""
    return _epoch(now) - session.seen_at >= USE_RECORDED_EVERY_SECONDS


def record_use(store: Store, session: str, now: datetime) -> None:
    """Record that a session was used now, which keeps it alive. Raises StoreError if the database cannot be written."""
    with store.write() as connection:
        signin.keep_alive(connection, session, _epoch(now))


def _epoch(now: datetime) -> int:
    return int(now.timestamp())
