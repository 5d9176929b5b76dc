"""Worlds: made-up sources with one interface, so that one suite can test every connector.

Terminology
-----------
world      a calendar file, a mailbox or a server of one source kind, in a folder of its own
item       one entry, letter, visit or call in it, by its number; item ``n`` is always the same one, at ``moment(n)``,
           and becomes exactly one row of ``event``, ``evidence`` or ``message``
trouble    a failure of the source, until it is ended
behaviour  something that every connector does; a world lists those that do not apply to it, with the reason
canary     a word in every field that is not read, and in every name and address: it must not appear anywhere

The worlds of a kind are the ``WORLDS`` of ``tests/connectors/worlds/<kind>.py``, or the value of the entry point of
that name in the group ``evenhours.worlds``. A kind without any fails the suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

import pytest

CANARY = "Quetzalcoatlus"
NUMBER = "79111234"  # in every telephone number; a canary, too
ANA, BEN = "ana", "ben"
ADDRESSES: Mapping[str, str] = MappingProxyType({ANA: "ana@two.example", BEN: "ben@two.example"})
ZONE = "Europe/Paris"
GROUP = "evenhours.worlds"

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
FIRST = datetime(2026, 2, 2, 9, tzinfo=UTC)
MINUTES = 50
A_DAY = 5


def moment(number: int) -> datetime:
    """Return the start of item ``number``: five a day from 2 February 2026, hourly from 09:00 UTC; before ``NOW``."""
    return FIRST + timedelta(days=number // A_DAY, hours=number % A_DAY)


def client(number: int) -> str:
    """Return the address of item ``number``'s client: one of three, with the canary in it."""
    return f"{CANARY.lower()}.{number % 3}@post.example"


class Behaviour(Enum):
    """A behaviour of every connector; the value is its sentence in documentation and failures."""

    FULL = "Reading only what is new gives the same rows as reading everything."
    TWICE = "Reading twice changes no row."
    RESUMES = "After an interruption at any page, the next run loses and duplicates nothing."
    GOES_ON = "After an interruption, the next run continues with the next page and reads no page again."
    PROGRESS = "A first reading reports its progress."
    TOGETHER = "A page's rows and its cursor are stored together or not at all."
    UNKNOWN = "A cursor that the connector does not understand is ignored."
    EXPIRED = "A cursor that the source has forgotten leads to a full reading; stored history stays."
    CHANGED = "A changed item is updated."
    DELETED = "An item that was deleted at the source is marked as removed; its row and history stay."
    FORGETS = "Past items that the source no longer covers stay; items missing inside its reach are removed."
    RESOLVED = "A rejected record is resolved once it can be used."
    BUSY = "Of another job (`busy_only`) only the times of entries are stored."
    LONG = "An entry longer than any session is stored and excluded; in another job it counts."
    WINDOW = "Items outside the window are not stored, and are read once a window includes them."
    SHRUNK = "A source that lost more than 30 % is refused until somebody accepts the loss."
    REVOKED = "A refused password stops this source only, keeps its cursor and reports what to do."
    ACCOUNTS = "One failing account never stops another."
    LIMITED = "429 with Retry-After: the connector waits, or leaves the source for the next run."
    LIMITED_SILENTLY = "429 without Retry-After: the same."
    FAILING = "5xx: the connector retries, then leaves the source for the next run."
    RESET = "A broken connection: the connector retries, then leaves the source for the next run."
    TRUNCATED = "A truncated answer is refused."
    JUNK = "An answer of a wrong kind is refused."
    SILENT = "No name, address or content appears in the database, logs, temporary files or reports."


class Trouble(Enum):
    """A failure of a source; the behaviour of the same name is how a connector handles it."""

    REVOKED = Behaviour.REVOKED
    LIMITED = Behaviour.LIMITED
    LIMITED_SILENTLY = Behaviour.LIMITED_SILENTLY
    FAILING = Behaviour.FAILING
    RESET = Behaviour.RESET
    TRUNCATED = Behaviour.TRUNCATED
    JUNK = Behaviour.JUNK


class World(Protocol):
    """A made-up source of ``kind``. The suite creates it in an empty folder, fills it, reads it and makes it fail.

    ``title`` names the world if a kind has several ("address"). ``declines`` are the behaviours that do not apply, each
    with the reason as a phrase for the documentation. ``planted`` are the fields that contain the canary and are not
    among the ``kept_fields`` of the kind.

    A world of a kind with ``per_owner`` has an account for each of ``ANA`` and ``BEN``, and ``owner`` selects one. Any
    other world is Ana's, and ``owner`` may be ignored.

    A world changes the process (environment, smaller pages: at most four items on each) only through ``patch``. A
    server that it starts listens on a free port of 127.0.0.1 until ``close``.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    declines: ClassVar[Mapping[Behaviour, str]]
    planted: ClassVar[Sequence[str]]

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None: ...

    def options(self) -> str:
        """Return the lines of the ``[[source]]`` besides its name, kind and clinicians, in TOML."""
        ...

    def put(self, *numbers: int, owner: str = ANA) -> None:
        """Add these items, each as it is when new."""
        ...

    def change(self, number: int, owner: str = ANA) -> None:
        """Alter an item so that its row is another one: an entry moves by a quarter of an hour."""
        ...

    def spoil(self, number: int, owner: str = ANA) -> None:
        """Make an item unusable: one rejected record and no row, until it changes."""
        ...

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        """Remove these items."""
        ...

    def forget(self, owner: str = ANA) -> None:
        """Make every cursor of the source expire."""
        ...

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        """Make the next ``times`` requests fail, or all. A 429 asks to wait an hour if it is for all, else 1 s."""
        ...

    def mend(self) -> None:
        """End all failures."""
        ...

    def close(self) -> None:
        """Stop what was started."""
        ...


OF_A_FILE: Mapping[Behaviour, str] = MappingProxyType(
    {
        Behaviour.EXPIRED: "a file has no cursors that it could forget",
        Behaviour.REVOKED: "a file needs no password",
        Behaviour.ACCOUNTS: "the source is one file",
        Behaviour.RESOLVED: "a file is read whole, and its rejected records are listed again each time",
        **dict.fromkeys(
            (Behaviour.LIMITED, Behaviour.LIMITED_SILENTLY, Behaviour.FAILING, Behaviour.RESET),
            "a file does not send answers",
        ),
    }
)
"""The behaviours that do not apply to a file."""


def worlds(kind: str) -> Sequence[type[World]]:
    """Return the worlds of a kind; none if nobody has made any."""
    ours = f"{__package__}.{kind}"
    if find_spec(ours):
        return tuple(import_module(ours).WORLDS)
    return tuple(world for entry in entry_points(group=GROUP, name=kind) for world in entry.load())
