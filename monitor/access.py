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


def reader_named(config: Config, subject: str) -> Reader | None:
    """The reader behind a subject; ``None`` if the configuration no longer knows that person."""
    if subject == DIRECTOR:
        return Reader()
    return next((Reader(person) for person in config.clinicians if person.key == subject), None)


def sign_in(store: Store, token: str, now: datetime) -> str | None:
    """Use up a one-time link: the token of a new session, or ``None`` if the link is unknown, used or too old."""
    with store.write() as connection:
        return signin.redeem_link(connection, token, _epoch(now))


def sign_out(store: Store, session: str) -> None:
    """End a session for good, whoever still holds its token."""
    with store.write() as connection:
        signin.end_session(connection, session)


def reader_of(config: Config, store: Store, session: str, now: datetime) -> Reader | None:
    """Whose session it is, kept alive by being asked for; ``None`` if it is unknown, idle too long or too old."""
    with store.read() as connection:
        found = signin.session_of(connection, session, _epoch(now))
    if found is None:
        return None
    if _epoch(now) - found.seen_at >= SEEN_SECONDS:
        with store.write() as connection:
            signin.keep_alive(connection, session, _epoch(now))
    return reader_named(config, found.subject)


def _epoch(now: datetime) -> int:
    return int(now.timestamp())
