"""A practice with sources in memory, whose records a test sets: the fake with which store and ingest are tested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.base import Batch, Context, RejectedRecord, SourceKind, Window
from connectors.pseudonyms import Pseudonyms
from connectors.records import (
    CalendarEvent,
    CounterpartKind,
    Grade,
    Kind,
    MessageStamp,
    Record,
    SessionEvidence,
)
from monitor.config import Config, load
from monitor.ingest import IngestRequest, SourceOutcome, ingest
from monitor.store.database import Store, open_store

NOW = datetime(2026, 3, 20, 3, tzinfo=UTC)
PSEUDONYMS = Pseudonyms(b"k" * 32)
RECORDS = (
    "clinician", "source_clinician", "identity", "event", "event_history", "evidence", "message", "node",
    "rejected_record",
)  # fmt: skip


def utc(text: str) -> datetime:
    """Return the instant at which a clock in UTC shows ``"2026-03-02 10:00"``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def epoch(text: str) -> int:
    return int(utc(text).timestamp())


def entry(uid: str, start: str, minutes: int = 50, clinician: str = "ana", **other: Any) -> CalendarEvent:
    fields = {"kind": Kind.SESSION} | other
    return CalendarEvent(clinician, uid, utc(start), utc(start) + timedelta(minutes=minutes), **fields)


def ehr_evidence(uid: str, ended: str | None, started: str | None = None, clinician: str = "ana") -> SessionEvidence:
    return SessionEvidence(
        clinician, uid, Grade.EHR, utc(started) if started else None, utc(ended) if ended else None, uid
    )


def stamp(key: int, sent: str, *references: int, clinician: str = "ana", **other: Any) -> MessageStamp:
    fields: dict[str, Any] = {
        "outgoing": False,
        "counterpart": "K7Q2",
        "counterpart_kind": CounterpartKind.CLIENT,
    } | other
    return MessageStamp(clinician, key, utc(sent), thread_nodes=(key, *references), **fields)


@dataclass
class MemorySource:
    """A source that returns pages of records from a cursor on, or a whole calendar as a snapshot of the window.

    Attributes:
        pages: The pages that follow one another, where there is no calendar.
        entries: The calendar entries of the snapshot; ``None`` for a source with pages.
        times: The evidence of the snapshot.
        has_all_evidence: Set if the snapshot contains all evidence.
        reaches_back_to: The reach that the snapshot states.
        breaks_after: The number of pages after which ``error`` is raised.
        error: The exception to raise.
        cursors: The cursors that were passed to ``fetch``.
        before: A function that is called before each page.
    """

    pages: list[Batch] = field(default_factory=list)
    entries: list[CalendarEvent] | None = None
    times: list[SessionEvidence] = field(default_factory=list)
    has_all_evidence: bool = False
    reaches_back_to: datetime | None = None
    breaks_after: int | None = None
    error: Exception = field(default_factory=lambda: ValueError("Zebra"))
    cursors: list[str | None] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def set_pages(self, *pages: Sequence[Record], rejected: Iterable[Sequence[RejectedRecord]] = ()) -> None:
        """Set the pages, each with its rejected records."""
        rejected_pages = [*rejected, *[()] * len(pages)]
        self.pages = [Batch(None, tuple(page), rejected=tuple(rejected_pages[n])) for n, page in enumerate(pages)]

    def set_snapshot(self, *entries: CalendarEvent, times: Iterable[SessionEvidence] = ()) -> None:
        """Set the entries and the evidence of the calendar."""
        self.entries, self.times = list(entries), list(times)

    def set_removed(self, *uid_keys: str, new: Sequence[Record] = ()) -> None:
        """Set a page with the uid_keys of removed entries and with new records, after a first empty one."""
        self.entries, self.pages = None, [Batch(None), Batch(None, tuple(new), removed=uid_keys)]

    def fetch(self, cursor: str | None, window: Window, label: str) -> Iterator[Batch]:
        self.cursors.append(cursor)
        number_of_pages, _, settings = (cursor or "0 none").partition(" ")
        pages = self.pages if self.entries is None else [self._snapshot(window)]
        start = int(number_of_pages) if settings == label and self.entries is None else 0
        for number, page in enumerate(pages[start:], start):
            self.before()
            if number == self.breaks_after:
                raise self.error
            yield replace(page, cursor=f"{number + 1} {label}", restarts=number == 0 and cursor is not None)
        if self.breaks_after is not None and self.breaks_after >= len(pages):
            raise self.error

    def _snapshot(self, window: Window) -> Batch:
        return Batch(
            None,
            (*(self.entries or ()), *self.times),
            replaces=window,
            replaces_times=self.has_all_evidence,
            reaches_back_to=self.reaches_back_to,
        )


@dataclass(frozen=True)
class MemoryOptions:
    label: str = "first"  # a cursor is valid under one label only, as under the options of a real source


@dataclass(frozen=True)
class Memory:
    options: MemoryOptions
    context: Context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        key = self.context.folder, self.context.source
        source = MEMORY_SOURCES.get((*key, self.context.owners[0].key)) or MEMORY_SOURCES[key]
        return source.fetch(cursor, self.context.window, self.options.label)


MEMORY_SOURCES: dict[tuple[Path | str, ...], MemorySource] = {}
"""The sources by folder, name and, where each owner has an account, owner."""

SOURCE_KIND = SourceKind("memory", MemoryOptions, Memory, "in memory", (), "nothing")


class MemoryPractice:
    """A practice in a folder; ``settings`` are further lines of each source, ``practice`` those of the practice.

    ``practice.calendar.set_snapshot(…)``, ``practice.ingest()``, ``practice.rows("SELECT …")``.
    """

    def __init__(self, folder: Path, **owners: str) -> None:
        """Create sources, each with the keys of its owners: ``calendar="ana", rooms="ana ben"``."""
        self.folder, self.owners, self.labels = folder, owners, dict.fromkeys(owners, "first")
        self.kinds = dict.fromkeys(owners, "memory")
        self.settings, self.practice = dict.fromkeys(owners, ""), ""
        self.sources = {name: MemorySource() for name in owners}
        MEMORY_SOURCES.update({(folder, name): source for name, source in self.sources.items()})
        self.store: Store = open_store(folder / "evenhours.db", create=True)

    def __getattr__(self, name: str) -> MemorySource:
        return self.sources[name]

    def accounts(self, source: str) -> dict[str, MemorySource]:
        """Give each owner of a source an account; return these by owner."""
        self.kinds[source] = "accounts"
        accounts = {key: MemorySource() for key in self.owners[source].split()}
        MEMORY_SOURCES.update({(self.folder, source, key): account for key, account in accounts.items()})
        return accounts

    @property
    def config(self) -> Config:
        clinicians = dict.fromkeys(["ana", "ben", *" ".join(self.owners.values()).split()])
        text = f'[practice]\nname = "Memory"\nzone = "Europe/Paris"\n{self.practice}\n'
        text += "".join(f'[[clinician]]\nkey = "{key}"\n' for key in clinicians)
        for name, keys in self.owners.items():
            text += f'[[source]]\nname = "{name}"\nkind = "{self.kinds[name]}"\n'
            text += f'clinicians = {keys.split()}\nlabel = "{self.labels[name]}"\n{self.settings[name]}\n'
        path = self.folder / "evenhours.toml"
        path.write_text(text)
        return load(path)

    def ingest(self, *names: str, now: datetime = NOW, **options: Any) -> dict[str, SourceOutcome]:
        """Run ingest for all sources, or for these; return the outcomes by name."""
        outcomes = ingest(self.config, self.store, PSEUDONYMS, IngestRequest(names, **options), now=now)
        return {outcome.name: outcome for outcome in outcomes}

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a query; of a single column its values."""
        rows = self.store.connection.execute(sql).fetchall()
        return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows

    def dump(self) -> dict[str, list[Any]]:
        """Return all records with all columns, by table."""
        return dump(self.store)

    def dirty(self) -> dict[str, int]:
        """Return the clinicians that are dirty, with the instant, and clear the marks."""
        rows = self.rows("SELECT key, from_at FROM dirty JOIN clinician ON clinician.id = clinician_id")
        with self.store.write() as connection:
            connection.execute("DELETE FROM dirty")
        return dict(rows)


PracticeFactory = Callable[..., MemoryPractice]


def dump(store: Store) -> dict[str, list[Any]]:
    """Return all records of a store by table, in a fixed order."""
    with store.read() as connection:
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in RECORDS}


def days(first: str, last: str) -> dict[str, Any]:
    """Return the days of a request: ``practice.ingest(**days("2018-01-01", "2018-12-31"))``."""
    return {"first": date.fromisoformat(first), "last": date.fromisoformat(last)}
