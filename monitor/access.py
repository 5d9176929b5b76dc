"""Who may see what: a clinician the own pages, the director the caseload, and nobody anybody else's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.config import Config
from monitor.roster import Clinician
from monitor.store import signin
from monitor.store.database import Store

DIRECTOR = "director"
"""The subject of the director's links and sessions; a clinician's is the clinician's key."""

SEEN_SECONDS = 60  # a session's last use is noted no more often than this, so that most pages write nothing


class Role(StrEnum):
    """As whom somebody may open a page; ``ANYBODY`` is also who has not signed in."""

    ANYBODY = "anybody"
    CLINICIAN = "clinician"
    DIRECTOR = "director"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who has signed in: a clinician, or the director where ``clinician`` is ``None``."""

    clinician: Clinician | None = None

    @property
    def role(self) -> Role:
        """As whom this reader opens pages."""
        return Role.CLINICIAN if self.clinician else Role.DIRECTOR

    @property
    def name(self) -> str:
        """What pages call this reader."""
        return self.clinician.name if self.clinician else "the director"

    @property
    def pages(self) -> str:
        """What links call this reader's pages."""
        return f"{self.name}’s pages"


def reader_for(config: Config, subject: str) -> Reader | None:
    """The reader behind a subject; ``None`` if the configuration no longer knows that person."""
    if subject == DIRECTOR:
        return Reader()
    return next((Reader(person) for person in config.clinicians if person.key == subject), None)


def reader_of_link(config: Config, store: Store, token: str, now: datetime) -> Reader | None:
    """Return whom a one-time link signs in, and use nothing up; ``None`` if it is unknown, used or too old."""
    with store.read() as connection:
        subject = signin.subject_of_link(connection, token, _epoch(now))
    return None if subject is None else reader_for(config, subject)


def sign_in(store: Store, token: str, now: datetime, *, earlier: str = "") -> str | None:
    """Use up a one-time link and end the ``earlier`` session of the same browser, both or neither.

    Returns:
        The token of a new session, or ``None`` if the link is unknown, used or too old.
    """
    with store.write() as connection:
        begun = signin.redeem_link(connection, token, _epoch(now))
        if begun is not None and earlier:
            signin.end_session(connection, earlier)
    return begun


def sign_out(store: Store, session: str) -> None:
    """End a session for good, whoever still holds its token."""
    with store.write() as connection:
        signin.end_session(connection, session)


def session_of(store: Store, session: str, now: datetime) -> signin.Session | None:
    """Return the session with that token; ``None`` if it is unknown, idle too long or too old."""
    with store.read() as connection:
        return signin.session_of(connection, session, _epoch(now))


def is_use_to_be_recorded(found: signin.Session, now: datetime) -> bool:
    """Say whether this use of a session is to be written down, or one of less than a minute ago was."""
    return _epoch(now) - found.seen_at >= SEEN_SECONDS


def record_use(store: Store, session: str, now: datetime) -> None:
    """Write down that a session was used now, which keeps it alive. Raises StoreError where nothing can be written."""
    with store.write() as connection:
        signin.keep_alive(connection, session, _epoch(now))


def _epoch(now: datetime) -> int:
    return int(now.timestamp())
