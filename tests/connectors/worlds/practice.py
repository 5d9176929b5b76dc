"""A practice of two clinicians with one made-up source, and a second calendar that never fails."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from connectors.base import Batch
from connectors.pseudonyms import Pseudonyms
from connectors.registry import source_kind
from monitor.config import Config, load
from monitor.ingest import IngestRequest, SourceOutcome, ingest, readers
from monitor.store import sources
from monitor.store.database import opened
from tests.connectors.worlds.ics import Calendar
from tests.connectors.worlds.world import ADDRESSES, ANA, BEN, NOW, ZONE, World

NAMES = Pseudonyms(b"k" * 32)
SOURCE, NEIGHBOUR = "made-up", "neighbour"
CONFIG = f"""
[practice]
name = "Two"
zone = "{ZONE}"
domains = ["two.example"]

[[kinds]]
kind = "leave"
title = "holiday"

[[kinds]]
kind = "training"
category = "course"

[[clinician]]
key = "{ANA}"
name = "Ana"
addresses = ["{ADDRESSES[ANA]}"]

[[clinician]]
key = "{BEN}"
name = "Ben"
addresses = ["{ADDRESSES[BEN]}"]

[[source]]
name = "{NEIGHBOUR}"
kind = "ics"
clinician = "{BEN}"
path = "neighbour.ics"

[[source]]
name = "{SOURCE}"
"""
TABLES = (
    "clinician", "source_clinician", "identity", "event", "event_history", "evidence", "message", "node",
    "rejected_record",
)  # fmt: skip
_OF_SOURCE = "JOIN source ON source.id = source_id JOIN clinician ON clinician.id = {table}.clinician_id"
NOW_HELD = {
    "event": f"""SELECT clinician.key, name, uid_key, start_at, end_at, all_day, status, event.kind, pseudonym,
        excluded, edited_at, meeting, series FROM event {_OF_SOURCE.format(table="event")}
        LEFT JOIN identity ON identity.id = client_id WHERE status <> 'removed'""",
    "evidence": f"""SELECT clinician.key, name, evidence_key, grade, started_at, ended_at, uid_key, meeting
        FROM evidence {_OF_SOURCE.format(table="evidence")}""",
    "message": f"""SELECT clinician.key, name, node, sent_at, outgoing, automatic, pseudonym, counterpart_kind, channel
        FROM message {_OF_SOURCE.format(table="message")} LEFT JOIN identity ON identity.id = counterpart_id""",
    "thread": "SELECT key, node, thread FROM node JOIN clinician ON clinician.id = clinician_id",
    "rejected": "SELECT name, place, reason FROM rejected_record JOIN source ON source.id = source_id",
}
"""What the store holds now, by the names that stay the same in every database."""

Rows = dict[str, list[Any]]


class CutOffError(Exception):
    """An interruption of the run, as if the machine had been switched off."""


class DiskError(Exception):
    """A full disk."""


class Practice:
    """Reads ``world`` into a database of its own in ``folder``; waiting is counted in ``waited``, not slept."""

    def __init__(self, folder: Path, world: World, patch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.folder, self._world, self._patch = folder, world, patch
        self.kind = source_kind(world.kind)
        self.accounts = (ANA, BEN) if self.kind.per_owner else (ANA,)
        self.settle()
        self.neighbour = Calendar()
        (folder / "evenhours.db").write_bytes(_new_database())
        self._running = opened(folder / "evenhours.db")
        self.store = self._running.__enter__()
        self.waited: list[float] = []
        self.pages = 0
        self.progress: dict[str, list[tuple[int | None, int | None]]] = {}

    @property
    def config(self) -> Config:
        return load(self.folder / "evenhours.toml")

    def settle(self, practice: str = "", source: str = "") -> None:
        """Write the configuration with these lines in the tables of the practice and of the source."""
        whose = f'clinicians = ["{ANA}", "{BEN}"]' if self.kind.per_owner else f'clinician = "{ANA}"'
        head = CONFIG.replace("[practice]\n", f"[practice]\n{practice}\n")
        text = f'{head}kind = "{self._world.kind}"\n{whose}\n{source}\n{self._world.options()}\n'
        (self.folder / "evenhours.toml").write_text(text, encoding="utf-8")

    def close(self) -> None:
        self._running.__exit__(None, None, None)

    def put(self, *numbers: int) -> None:
        """Add these items to every account of the world."""
        for owner in self.accounts:
            self._world.put(*numbers, owner=owner)

    def read(self, *, now: datetime = NOW, cut_after: int | None = None, **options: Any) -> dict[str, SourceOutcome]:
        """Run ingest once and return its outcomes by name.

        Raises :class:`CutOffError` after ``cut_after`` of the source's pages.
        ``pages`` counts the pages of this run; ``progress`` lists (done, total) of each page with records.
        """
        self.pages, self.progress = 0, defaultdict(list)

        def count(name: str, batch: Batch) -> None:
            self.pages += name != NEIGHBOUR
            if batch.records:
                self.progress[name].append((batch.done, batch.total))
            if self.pages == cut_after:
                raise CutOffError

        (self.folder / "neighbour.ics").write_text(self.neighbour.text(), encoding="utf-8", newline="")
        with self._patch.context() as patch:
            patch.setattr(time, "sleep", self.waited.append)
            patch.setattr(readers, "THREADS", 1)  # account after account, so that each run is like the other
            outcomes = ingest(self.config, self.store, NAMES, IngestRequest(**options), now=now, progress=count)
            return {outcome.name: outcome for outcome in outcomes}

    def outcome(self, *, owner: str = ANA, now: datetime = NOW, **options: Any) -> SourceOutcome:
        """Run ingest once and return the outcome of this owner's account."""
        return self.read(now=now, **options)[self.name(owner)]

    def name(self, owner: str = ANA) -> str:
        """Return the name of the source, or of this owner's account, in outcomes."""
        return f"{SOURCE} of {owner}" if self.kind.per_owner else SOURCE

    @contextmanager
    def disk_fails_at(self, page: int) -> Iterator[None]:
        """Let the store fail when it saves the cursor of this page of the source (1 is the first)."""
        saved, own, count = sources.save_read_state, self._own_ids, 0

        def save(connection: Any, row: Any, **state: Any) -> sources.SourceRow:
            nonlocal count
            count += row.id in own()
            if count == page:
                raise DiskError
            return saved(connection, row, **state)

        with self._patch.context() as patch:
            patch.setattr(sources, "save_read_state", save)
            yield

    def _own_ids(self) -> Sequence[int]:
        return self.rows(f"SELECT id FROM source WHERE name = '{SOURCE}'")

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a query; a single column without tuples."""
        result = self.store.connection.execute(sql).fetchall()
        return [row[0] for row in result] if result and len(result[0]) == 1 else result

    def cursors(self) -> list[Any]:
        """Return the source's cursors, one for each account."""
        sql = f"SELECT owner_id, cursor FROM source WHERE name = '{SOURCE}' AND cursor IS NOT NULL ORDER BY owner_id"
        return self.rows(sql)

    def forget_cursors(self, instead: str) -> None:
        """Replace every cursor with this text."""
        with self.store.write() as connection:
            connection.execute("UPDATE source SET cursor = ?", (instead,))

    def stored_rows(self) -> Rows:
        """Return what is stored now, without history."""
        return {table: sorted(self.rows(sql), key=repr) for table, sql in NOW_HELD.items()}

    def all_rows(self) -> Rows:
        """Return the rows of all tables, with their history."""
        return {table: sorted(self.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}

    def items(self) -> int:
        """Return the number of the source's items in all tables."""
        return sum(row[1] == SOURCE for table in ("event", "evidence", "message") for row in self.stored_rows()[table])


@cache
def _new_database() -> bytes:
    """Return a new database, created once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "evenhours.db"
        with opened(path, create=True):
            pass
        return path.read_bytes()


def nights(number: int) -> datetime:
    """Return the time ``number`` nights after the first run."""
    return NOW + timedelta(days=number)
