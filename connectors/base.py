"""The contract between a connector and ingest: the types that a connector is given and returns.

Terminology
-----------
source           one ``[[source]]`` of the configuration: a calendar, a mailbox, an export, of one or more owners
owner            a clinician whose times the source contains
record           one :class:`~connectors.records.CalendarEvent`, ``SessionEvidence`` or ``MessageStamp``
window           the half-open span of instants to read; an entry is in it if the two touch
cursor           how far the source has been read, as text that only its connector understands
batch            a page of records with the cursor that is valid once they are stored: one transaction
result           one batch, or several that belong together: nothing of it is stored before all have been read
snapshot         a result that contains everything in a window, so that what is missing has been removed at the source
reach            how far back a snapshot goes: many feeds drop past entries after a month, or at once
rejected record  a record that could not be used, stored with its place and the reason, never its content

A connector returns what its source contains. Ingest applies the practice's policy to all sources alike: the window, the
longest possible session, the fields kept of another job's calendar, and how much may disappear at once. A connector may
leave out what it does not need to request, but does not have to.
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
from connectors.classify import ClassifiedEntry, Classifier
from connectors.pseudonyms import Pseudonyms, canonical_address
from connectors.records import Record

_WEEK = 7 * 24 * 60 * 60  # seconds


class RecordType(StrEnum):
    """A type of record that a source contains: calendar entries, messages or actual times of sessions."""

    CALENDAR = "calendar"
    MESSAGES = "messages"
    TIMES = "times"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of instants ``[start, end)``, both aware."""

    start: datetime
    end: datetime

    def touches(self, start: datetime, end: datetime) -> bool:
        """Return ``True`` if ``[start, end)`` overlaps the window; a zero-length entry counts at its instant.

        ::

            window         |-----------|
            touches     |----|  |  |-----|
            does not  |----|           |----|
        """
        return start < self.end and (end > self.start or start >= self.start)

    @property
    def epoch_seconds(self) -> tuple[int, int]:
        """Start and end in epoch seconds, as cursors store them."""
        return int(self.start.timestamp()), int(self.end.timestamp())

    def is_close_after(self, start: int, end: int) -> bool:
        """Return ``True`` if both ends are 0 to 7 days after ``start`` and ``end`` (epoch seconds)."""
        # A sync token is valid for one window. Within a week the difference is small enough to go on with it.
        own_start, own_end = self.epoch_seconds
        return all(0 <= shift < _WEEK for shift in (own_start - start, own_end - end))


@dataclass(frozen=True, slots=True)
class Skipped:
    """The records nearest to the window that were skipped because they lie outside it, in epoch seconds.

    ::

        records    x   x  x |  window  | x     x
                          ^ before       ^ after

    If a later window contains one of the two, the source has to be read again from the beginning.
    """

    before: int | None = None
    after: int | None = None

    def has_any_in(self, window: Window) -> bool:
        """Return ``True`` if the window may contain a skipped record."""
        # What lay before the old window can only come in at the new start, what lay after it only at the end.
        start, end = window.start.timestamp(), window.end.timestamp()
        return (self.before is not None and self.before >= start) or (self.after is not None and self.after < end)

    def including(self, instant: datetime, window: Window) -> Skipped:
        """Return a copy that includes a record at ``instant``, which is outside ``window``."""
        seconds = int(instant.timestamp())
        if instant < window.start:
            return Skipped(seconds if self.before is None else max(seconds, self.before), self.after)
        return Skipped(self.before, seconds if self.after is None else min(seconds, self.after))


@dataclass(frozen=True, slots=True)
class Owner:
    """A clinician as an owner of a source. ``addresses`` are canonical (see :func:`canonical_address`).

    ``name`` identifies the clinician in a practice-wide export that has neither key nor address.
    """

    key: str
    zone: ZoneInfo
    addresses: frozenset[str] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be used.

    ``where`` is its place ("event 17", "line 204"), ``reason`` a phrase without content.
    """

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One page of records, with the cursor that is valid once it is stored.

    A batch with ``replaces`` is a snapshot of that window; ``removed`` are the uid_keys of entries that were removed at
    the source. In both cases stored entries from before the window are left as they are.

    A snapshot removes stored entries that it does not contain: future ones, and past ones as far back as it reaches.
    Earlier ones have been dropped by the source, not deleted, and stay. ``reaches_back_to`` is the instant from which
    on the snapshot is complete. If it is ``None``, ingest derives it for each clinician as the earliest entry in the
    snapshot that is not an instance of a series (see :attr:`CalendarEvent.series`). Set it where that would be too
    early: for a source that is combined from several feeds, to the latest of theirs.

    With ``replaces_times`` the snapshot also contains all actual times in that window, as far back as these reach, and
    stored ones that it does not contain are removed. Without it only the times of entries that it contains or removes
    are replaced.

    ``restarts`` marks the first page of a reading that begins the whole source again: what earlier readings stored of
    the same messages no longer counts, nor do their rejected records. It is implied for the first page after the cursor
    ``None``. ``resolved`` are places (see :class:`RejectedRecord`) that could be used this time; a connector that
    reports them uses keyed names as places, since these stay the same.

    ``source_size`` is the number of messages or rows in the whole source, for a source that only ever grows: it shows
    when much of it has been lost. Set it, where it can be counted, on the first page of a reading.

    ``has_more`` says that more pages of the same result follow. Nothing of a result is stored before its last page has
    been read, so that a large one can be returned in pieces and still be refused as a whole. Of two records with the
    same key in it the later counts. ``replaces`` is set on every page of a snapshot; ``reaches_back_to``,
    ``replaces_times``, ``source_size`` and the cursor are taken from the last page, ``restarts`` from any. On the other
    pages the cursor is the one that was passed in: a run that is cut off while it stores the result starts it again.

    ``done`` and ``total`` are for the progress bar, in whatever unit the source counts (bytes, files, entries).
    """

    cursor: str | None
    records: tuple[Record, ...] = ()
    removed: tuple[str, ...] = ()
    replaces: Window | None = None
    replaces_times: bool = False
    reaches_back_to: datetime | None = None
    restarts: bool = False
    rejected: tuple[RejectedRecord, ...] = ()
    resolved: tuple[str, ...] = ()
    source_size: int | None = None
    has_more: bool = False
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The part of the practice that a connector may see.

    Relative paths start at ``folder``; ``read_secret`` resolves ``env:``, ``file:`` and ``command:`` references.
    ``times_suffice`` is a hint that ingest will keep only the times of this source's entries, so that a connector may
    request less. A reader of messages passes to ``address_count`` the addresses of those in which it finds no address
    of an owner; the count is never stored.
    """

    source: str
    owners: tuple[Owner, ...]
    window: Window
    classifier: Classifier
    pseudonyms: Pseudonyms
    folder: Path
    read_secret: Callable[[str], str]
    times_suffice: bool = False
    address_count: AddressCount = field(default_factory=AddressCount, repr=False, compare=False)

    def owners_named(self, addresses: set[str]) -> tuple[Owner, ...]:
        """Return the only owner of a personal source, else every owner with one of the ``addresses``."""
        if len(self.owners) == 1:
            return self.owners
        canonical = {canonical_address(address) for address in addresses}
        return tuple(owner for owner in self.owners if owner.addresses & canonical)


class Connector(Protocol):
    """A reader of one source, with no state between runs except the cursor."""

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages from ``cursor`` on (``None``: from the beginning of the window).

        Each batch's cursor is valid once that batch is stored, so a run that is cut off after any page resumes there. A
        cursor that the connector does not understand is treated as ``None``. The cursor contains a fingerprint of
        everything in the options and the context that decides how a record is read (owners, addresses, zones, rules,
        the practice's key). If it differs, the connector begins the source again and says so by ``restarts`` or a
        snapshot. When the practice's policy changes, ingest passes ``None``.

        Raises:
            ConnectorError: The source cannot be read. Nothing that a source does may raise anything else.
        """
        ...


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source in the registry: how ``kind = "name"`` is configured, created and described.

    ``options`` is a frozen dataclass; each field is an option of the source's TOML table, its metadata ``help`` the
    sentence for the documentation. Metadata ``secret=True`` allows only a reference for ``Context.read_secret``;
    ``secret="if private"`` allows an address as well, unless knowing it is enough to read the source. ``check`` returns
    the problems that types alone cannot show; each begins with the option's path ("columns.foo: not a role"), so that
    they are listed with the other faults of the configuration.

    ``kept_fields`` are the fields of the source that are read; ``other_fields`` says how the rest is kept out ("never
    requested" or "left out while parsing"). ``record_types`` returns, given the options, the types of record that the
    source certainly contains (by default calendar entries): a week is complete once all of them have been read to its
    end.

    With ``per_owner`` each owner has an account, with its own connector, cursor, freshness and errors; the connector's
    context has that one owner. ``remote`` returns, given the options, whether the source is a server (accounts always
    are); several such sources are read in parallel. ``preview`` yields the calendar's entries as the practice's rules
    classify them, for `evenhours classify --try`. With ``sent_by_address`` a message counts as sent if it has an
    address of its owner, so that none does where that address is not configured.
    """

    name: str
    options: type[Any]
    make: Callable[[Any, Context], Connector]
    title: str
    kept_fields: tuple[str, ...]
    other_fields: str
    check: Callable[[Any], list[str]] | None = None
    per_owner: bool = False
    remote: Callable[[Any], bool] | None = None
    record_types: Callable[[Any], frozenset[RecordType]] = lambda _: frozenset({RecordType.CALENDAR})
    preview: Callable[[Any, Context], Iterator[ClassifiedEntry]] | None = None
    sent_by_address: bool = False

    def is_remote(self, options: Any) -> bool:
        """Return ``True`` if a source with these options is a server."""
        return self.remote(options) if self.remote else self.per_owner
