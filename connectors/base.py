"""The contract every source keeps.

Terminology
-----------
source      one ``[[source]]`` of the configuration: a calendar, a mailbox, an export, of one or more owners
owner       a clinician whose times the source holds
record      one :class:`~connectors.records.CalendarEvent`, ``SessionEvidence`` or ``MessageStamp``
window      the half-open span of instants that is wanted; an entry is in it if the two touch
cursor      the connector's own text saying how far it has read; opaque to everybody else
batch       a page of records with the cursor that is true once they are stored: one transaction
answer      one batch, or several of which each but the last goes on: nothing of it is stored before all have come
snapshot    an answer that carries all the source tells of a window, so that what is missing where it reaches is gone
reach       how far back a snapshot tells: many feeds forget what is over after a month, or at once
fault       a record that could not be used, kept aside with its place and the reason, never its content

A connector says what its source holds. What the practice keeps of that is decided once for all sources, by ingest:
what lies outside the window, what another job's calendar may say, how long a session can be, how much may be gone at
once. A connector may leave out what it does not need to ask for, and need not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from connectors.address_count import AddressCount
from connectors.classify import Classifier, Sighting
from connectors.pseudonyms import Pseudonyms, canonical_address
from connectors.records import Record

_WEEK = 7 * 24 * 60 * 60  # seconds


class RecordType(StrEnum):
    """What a source tells of: calendar entries, messages, true times of sessions."""

    CALENDAR = "calendar"
    MESSAGES = "messages"
    TIMES = "times"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of instants ``[start, end)``, both aware."""

    start: datetime
    end: datetime

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether ``[start, end)`` shares an instant with the window; a zero-length entry counts where it stands.

        ::

            window        |-----------|
            touches    |----|  |  |-----|
            does not  |---|           |---|
        """
        return start < self.end and (end > self.start or start >= self.start)

    @property
    def seconds(self) -> tuple[int, int]:
        """Its ends as epoch seconds, as cursors keep them."""
        return int(self.start.timestamp()), int(self.end.timestamp())

    def follows(self, start: int, end: int) -> bool:
        """Whether a window of these epoch seconds has moved on to this one by less than a week."""
        now = self.seconds
        return all(0 <= moved < _WEEK for moved in (now[0] - start, now[1] - end))


@dataclass(frozen=True, slots=True)
class Skipped:
    """The nearest instants, in epoch seconds, of what was left out before and after the window.

    ::

        records    x   x  x |  read | x     x
                          ^ before     ^ after
        a window that reaches one of the two has something to read in what was read already
    """

    before: int | None = None
    after: int | None = None

    def within(self, window: Window) -> bool:
        """Return ``True`` if the window may hold one of those that were left out."""
        start, end = window.start.timestamp(), window.end.timestamp()
        return (self.before is not None and self.before >= start) or (self.after is not None and self.after < end)

    def joined(self, instant: datetime, window: Window) -> Skipped:
        """Return these and one more, which is outside ``window``."""
        at = int(instant.timestamp())
        if instant < window.start:
            return Skipped(at if self.before is None else max(at, self.before), self.after)
        return Skipped(self.before, at if self.after is None else min(at, self.after))


@dataclass(frozen=True, slots=True)
class Owner:
    """A clinician as a connector knows one: ``addresses`` are canonical (see :func:`canonical_address`).

    ``name`` is what a practice-wide export may call the person, where it has neither key nor address.
    """

    key: str
    zone: ZoneInfo
    addresses: frozenset[str] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A record set aside: ``where`` is a place ("event 17", "line 204"), ``reason`` a phrase without content."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One page. ``replaces`` makes it a snapshot of that window; ``removed`` are uid_keys the source took back.

    What is held of an entry from before the window stays as it is in both cases.

    A snapshot takes back what is missing of what is to come, and of what has begun only as far as it reaches. What lies
    before its reach was forgotten by the source, not deleted, and stays. ``reaches_back_to`` is the instant from which
    on the snapshot tells everything. Left out, it is worked out for each clinician from the entries that the snapshot
    tells: the earliest of those that are not instances of a series (see :attr:`CalendarEvent.series`). State it where
    that would reach too far: where the source is put together from several feeds, the latest of theirs.

    ``replaces_times`` says that the snapshot tells all true times of that window, too, as far as these reach: what it
    does not tell of them is gone. Without it only the true times of entries that it tells or takes back are.

    ``anew`` marks the first page of a reading that begins the whole source again: what earlier readings said of the
    same messages counts no more, nor do their faults. The first page after the cursor ``None`` is such a one anyway.
    ``mended`` are places (see :class:`Fault`) at which nothing is wrong any more; of such a source a place is a keyed
    name, which stays the same.

    ``holds`` is how many messages or rows the source has in all, for a source that is only ever added to: so it is
    seen when much of it is gone. State it, where it can be counted, on the first page of a reading.

    ``goes_on`` says that more pages of the same answer follow. Nothing of an answer is stored before its last page has
    come, so that a large one can be told in pieces and still be refused as a whole. Of two records of one name in it
    the later counts. Every page of a snapshot has ``replaces``; ``reaches_back_to``, ``replaces_times``, ``holds`` and
    the cursor are the last one's, ``anew`` any one's. The cursor of the others is the one that was given: a run that is
    cut off while the answer is stored asks again.

    ``done`` and ``total`` are for the progress bar, in whatever unit the source counts (bytes, files, entries).
    """

    cursor: str | None
    records: tuple[Record, ...] = ()
    removed: tuple[str, ...] = ()
    replaces: Window | None = None
    replaces_times: bool = False
    reaches_back_to: datetime | None = None
    anew: bool = False
    faults: tuple[Fault, ...] = ()
    mended: tuple[str, ...] = ()
    holds: int | None = None
    goes_on: bool = False
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """All that a connector is told of the practice.

    ``folder`` is where relative paths begin; ``read_secret`` turns ``env:``, ``file:`` and ``command:`` references
    into their values. ``times_suffice`` is a hint and decides nothing: the times of this source's entries alone will be
    kept, so that a connector may ask for less. ``address_count`` is where a reader of messages counts the addresses of
    those in which it finds no address of an owner; it is kept nowhere.
    """

    source: str
    owners: tuple[Owner, ...]
    window: Window
    classifier: Classifier
    names: Pseudonyms
    folder: Path
    read_secret: Callable[[str], str]
    times_suffice: bool = False
    address_count: AddressCount = field(default_factory=AddressCount, repr=False, compare=False)

    def owners_named(self, addresses: set[str]) -> tuple[Owner, ...]:
        """Whose record it is: the only owner of a personal source, else everyone whom ``addresses`` name."""
        if len(self.owners) == 1:
            return self.owners
        named = {canonical_address(address) for address in addresses}
        return tuple(owner for owner in self.owners if owner.addresses & named)


class Connector(Protocol):
    """Reads one source. Holds no state between runs but the cursor."""

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages from ``cursor`` on (``None``: from the beginning of the window).

        Each batch's cursor is true once that batch is stored, so a run cut off after any page resumes there.
        A cursor this connector does not understand is read as ``None``. A connector keeps in its cursor a fingerprint
        of all in its options and context that decides what it makes of a record (owners, addresses, zones, rules, the
        practice's key); under another one it begins the source again and says so by ``anew`` or a snapshot. When the
        practice's policy changes, ingest begins the source again and asks from ``None``. Raises
        :class:`~connectors.errors.ConnectorError`, never anything else, for what a source may do to us.
        """
        ...


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One entry of the registry: how ``kind = "name"`` is configured, made and described.

    ``options`` is a frozen dataclass; each field is an option of the source's TOML table, its metadata ``help`` the
    sentence for the documentation. Metadata ``secret=True`` lets it be a reference for ``Context.read_secret`` and
    nothing else; ``secret="if private"`` lets it be an address as well, unless knowing that is enough to read it.
    ``keeps`` lists the fields of the source that are read, ``dropped`` tells how the
    rest is kept out ("never requested" or "left out while parsing"). ``check`` finds what types alone cannot: each
    problem begins with the option's path ("columns.foo: not a role"), so that all are listed with the other faults.
    With ``per_owner`` each owner has an account of their own: one connector for each, whose context has that one owner,
    each with its own cursor, freshness and failure. ``remote`` tells from the options whether a server is waited for
    (with accounts it always is); several such sources are read side by side. ``brings`` tells from the options which
    parts of somebody's work surely come (by default calendar entries): a week is known once all of them have been read
    to its end. ``preview`` shows what the practice's rules make of a calendar's entries, for
    `evenhours classify --try`. ``sent_by_address``: a message counts as sent by its owner where it bears an address of
    theirs, so that none does where that is missing.
    """

    name: str
    options: type[Any]
    make: Callable[[Any, Context], Connector]
    title: str
    keeps: tuple[str, ...]
    dropped: str
    check: Callable[[Any], list[str]] | None = None
    per_owner: bool = False
    remote: Callable[[Any], bool] | None = None
    brings: Callable[[Any], frozenset[RecordType]] = lambda _: frozenset({RecordType.CALENDAR})
    preview: Callable[[Any, Context], Iterator[Sighting]] | None = None
    sent_by_address: bool = False

    def is_remote(self, options: Any) -> bool:
        """Whether a source with these options is a server."""
        return self.remote(options) if self.remote else self.per_owner
