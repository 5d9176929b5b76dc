"""A practice whose sources live in memory and tell what a test has them tell: what store and ingest are tested with."""

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
NAMES = Pseudonyms(b"k" * 32)
RECORDS = (
    "clinician", "source_clinician", "identity", "event", "event_history", "evidence", "message", "node",
    "rejected_record",
)  # fmt: skip


def at(text: str) -> datetime:
    """The instant at which a clock in UTC shows ``"2026-03-02 10:00"``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def epoch(text: str) -> int:
    return int(at(text).timestamp())


def entry(uid: str, start: str, minutes: int = 50, clinician: str = "ana", **other: Any) -> CalendarEvent:
    told = {"kind": Kind.SESSION} | other
    return CalendarEvent(clinician, uid, at(start), at(start) + timedelta(minutes=minutes), **told)


def true_end(uid: str, ended: str | None, started: str | None = None, clinician: str = "ana") -> SessionEvidence:
    return SessionEvidence(
        clinician, uid, Grade.EHR, at(started) if started else None, at(ended) if ended else None, uid
    )


def stamp(key: int, sent: str, *ties: int, clinician: str = "ana", **other: Any) -> MessageStamp:
    told: dict[str, Any] = {
        "outgoing": False,
        "counterpart": "K7Q2",
        "counterpart_kind": CounterpartKind.CLIENT,
    } | other
    return MessageStamp(clinician, key, at(sent), thread_nodes=(key, *ties), **told)


@dataclass
class Source:
    """Pages of records from a cursor on, or a calendar that is told whole, as a snapshot of the window.

    ``tells_all_times`` is whether its true times are a part of that snapshot, and ``reaches_back_to`` how far back it
    says that it reaches. It raises ``error`` after
    ``breaks_after`` pages. ``cursors`` are those that it was asked from, and ``before`` is done before each page.
    """

    pages: list[Batch] = field(default_factory=list)
    entries: list[CalendarEvent] | None = None
    times: list[SessionEvidence] = field(default_factory=list)
    tells_all_times: bool = False
    reaches_back_to: datetime | None = None
    breaks_after: int | None = None
    error: Exception = field(default_factory=lambda: ValueError("Zebra"))
    cursors: list[str | None] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def tells(self, *pages: Sequence[Record], rejected: Iterable[Sequence[RejectedRecord]] = ()) -> None:
        """From now on it holds these pages, each with its rejected records."""
        rejected_pages = [*rejected, *[()] * len(pages)]
        self.pages = [Batch(None, tuple(page), rejected=tuple(rejected_pages[n])) for n, page in enumerate(pages)]

    def shows(self, *entries: CalendarEvent, times: Iterable[SessionEvidence] = ()) -> None:
        """From now on its calendar holds these entries."""
        self.entries, self.times = list(entries), list(times)

    def takes_back(self, *uid_keys: str, told: Sequence[Record] = ()) -> None:
        """From now on it tells what is gone of a calendar that it has shown, and what has come at the same time."""
        self.entries, self.pages = None, [Batch(None), Batch(None, tuple(told), removed=uid_keys)]

    def fetch(self, cursor: str | None, window: Window, label: str) -> Iterator[Batch]:
        self.cursors.append(cursor)
        told, _, settings = (cursor or "0 none").partition(" ")
        pages = self.pages if self.entries is None else [self._snapshot(window)]
        start = int(told) if settings == label and self.entries is None else 0
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
            replaces_times=self.tells_all_times,
            reaches_back_to=self.reaches_back_to,
        )


@dataclass(frozen=True)
class MemoryOptions:
    label: str = "first"  # stands for whatever a cursor holds under


@dataclass(frozen=True)
class Memory:
    options: MemoryOptions
    context: Context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        place = self.context.folder, self.context.source
        source = SHELF.get((*place, self.context.owners[0].key)) or SHELF[place]
        return source.fetch(cursor, self.context.window, self.options.label)


SHELF: dict[tuple[Path | str, ...], Source] = {}
"""By folder, source and, where each owner has an account, its owner."""

SOURCE_KIND = SourceKind("memory", MemoryOptions, Memory, "in memory", (), "nothing")


class House:
    """A practice in a folder; ``settings`` are further lines of each source, ``practice`` those of the practice.

    ``house.diary.shows(…)``, ``house.ingest()``, ``house.rows("SELECT …")``.
    """

    def __init__(self, folder: Path, **owners: str) -> None:
        """``owners`` are the sources, each with the keys of its owners: ``diary="ana", rooms="ana ben"``."""
        self.folder, self.owners, self.labels = folder, owners, dict.fromkeys(owners, "first")
        self.kinds = dict.fromkeys(owners, "memory")
        self.settings, self.practice = dict.fromkeys(owners, ""), ""
        self.sources = {name: Source() for name in owners}
        SHELF.update({(folder, name): source for name, source in self.sources.items()})
        self.store: Store = open_store(folder / "evenhours.db", create=True)

    def __getattr__(self, name: str) -> Source:
        return self.sources[name]

    def accounts(self, source: str) -> dict[str, Source]:
        """From now on each owner of this source has an account of their own: these."""
        self.kinds[source] = "accounts"
        made = {key: Source() for key in self.owners[source].split()}
        SHELF.update({(self.folder, source, key): account for key, account in made.items()})
        return made

    @property
    def config(self) -> Config:
        people = dict.fromkeys(["ana", "ben", *" ".join(self.owners.values()).split()])
        text = f'[practice]\nname = "Memory"\nzone = "Europe/Paris"\n{self.practice}\n'
        text += "".join(f'[[clinician]]\nkey = "{key}"\n' for key in people)
        for name, keys in self.owners.items():
            text += f'[[source]]\nname = "{name}"\nkind = "{self.kinds[name]}"\n'
            text += f'clinicians = {keys.split()}\nlabel = "{self.labels[name]}"\n{self.settings[name]}\n'
        path = self.folder / "evenhours.toml"
        path.write_text(text)
        return load(path)

    def ingest(self, *names: str, now: datetime = NOW, **options: Any) -> dict[str, SourceOutcome]:
        """One run, over all sources or those named."""
        outcomes = ingest(self.config, self.store, NAMES, IngestRequest(names, **options), now=now)
        return {outcome.name: outcome for outcome in outcomes}

    def rows(self, sql: str) -> list[Any]:
        """What the database answers; a single column without its tuples."""
        found = self.store.connection.execute(sql).fetchall()
        return [row[0] for row in found] if found and len(found[0]) == 1 else found

    def dump(self) -> dict[str, list[Any]]:
        """Every record with all that is known of it."""
        return dump(self.store)

    def dirty(self) -> dict[str, int]:
        """From when on whose numbers have to be computed again; they are taken as computed then."""
        found = self.rows("SELECT key, from_at FROM dirty JOIN clinician ON clinician.id = clinician_id")
        with self.store.write() as connection:
            connection.execute("DELETE FROM dirty")
        return dict(found)


HouseMaker = Callable[..., House]


def dump(store: Store) -> dict[str, list[Any]]:
    """Every record of a store, in an order of its own."""
    with store.read() as connection:
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in RECORDS}


def days(first: str, last: str) -> dict[str, Any]:
    """The days of a run: ``house.ingest(**days("2018-01-01", "2018-12-31"))``."""
    return {"first": date.fromisoformat(first), "last": date.fromisoformat(last)}
