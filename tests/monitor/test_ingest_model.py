"""Ingest over many nights with interruptions, refusals and errors, compared with a simple model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from connectors import registry
from connectors.base import Batch
from connectors.errors import ShrunkSourceError, UnavailableError
from connectors.records import CalendarEvent
from monitor.ingest import IngestRequest, ingest, readers
from monitor.store.database import opened
from tests.monitor.facts import EXAMPLES
from tests.monitor.memory import NOW, PSEUDONYMS, MemoryPractice, MemorySource, entry, stamp

OWNERS = ("ana", "ben")
AWAY = UnavailableError("mail", "the server is away.", "Try again later.")
MESSAGES = "SELECT node, sent_at, thread FROM message ORDER BY node"
ENTRIES = "SELECT uid_key, start_at, end_at FROM event WHERE status <> 'removed' ORDER BY uid_key"


class CutOffError(Exception):
    """An interruption of the run, as if the machine had been switched off."""


class Nights(RuleBasedStateMachine):
    """A calendar that is read as a snapshot, and two mailboxes that receive messages page by page.

    Attributes:
        reached: The number of pages of each mailbox that have ever been stored.
        calendar: The day in March and the hour of each entry in the calendar.
        stored: The day and the hour of each entry that should be stored.
    """

    folder: Path
    numbers: Iterator[int]

    @initialize()
    def begin(self) -> None:
        self.practice = self._new_practice()
        self.mail: dict[str, MemorySource] = self.practice.accounts("mail")
        self.keys = count(1)
        self.pages: dict[str, list[list[int]]] = {key: [] for key in OWNERS}
        self.reached = dict.fromkeys(OWNERS, 0)
        self.calendar = dict.fromkeys("abcd", (10, 9))
        self.stored: dict[str, tuple[int, int]] = {}
        self.nights = 0

    def _new_practice(self) -> MemoryPractice:
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        shutil.copy(self.folder / "empty.db", folder / "evenhours.db")
        return MemoryPractice(folder, calendar="ana", mail=" ".join(OWNERS))

    # What happens at the sources

    @rule(owner=st.sampled_from(OWNERS), new_messages=st.integers(0, 3), again=st.booleans())
    def messages_arrive(self, owner: str, new_messages: int, *, again: bool) -> None:
        earlier = [key for page in self.pages[owner] for key in page]
        page = [next(self.keys) for _ in range(new_messages)] + (earlier[-1:] if again else [])
        self.pages[owner].append(page)
        records = tuple(
            stamp(key, f"2026-03-{1 + key % 15:02} 09:00", *(earlier[-2:-1]), clinician=owner) for key in page
        )
        self.mail[owner].pages.append(Batch(None, records))

    @rule(owner=st.sampled_from(OWNERS), after=st.none() | st.integers(0, 4))
    def a_mailbox_fails_or_works(self, owner: str, after: int | None) -> None:
        self.mail[owner].breaks_after, self.mail[owner].error = after, AWAY

    @rule(uid=st.sampled_from("abcd"), day=st.sampled_from((10, 19, 25)), hour=st.integers(8, 18))
    def an_entry_is_added_or_moved(self, uid: str, day: int, hour: int) -> None:
        self.calendar[uid] = day, hour

    @rule(uid=st.sampled_from("abcd"))
    def an_entry_is_deleted(self, uid: str) -> None:
        self.calendar.pop(uid, None)

    @rule(day=st.sampled_from((11, 20, 26)))
    def the_calendar_drops_old_entries(self, day: int) -> None:
        self.calendar = {uid: when for uid, when in self.calendar.items() if when >= (day, 0)}

    @rule()
    def the_calendar_renames_all_entries(self) -> None:
        self.calendar = {f"new {next(self.keys)}": when for when in self.calendar.values()}

    # Runs

    @rule(cut_after=st.none() | st.integers(1, 6), full=st.booleans(), accept=st.sampled_from((False, False, True)))
    def night(self, cut_after: int | None, *, full: bool, accept: bool) -> None:
        before = self._cursors()
        dropped = self._dropped()
        reached = len(self.stored) - len(dropped)
        lost = 100 * (reached - len(self.calendar)) > 30 * reached
        problems = self._run(cut_after, full=full, accept_shrink=accept)
        if lost and not accept:
            assert isinstance(problems.get("calendar"), ShrunkSourceError)
        else:
            assert "calendar" not in problems
            self.stored = dropped | self.calendar
        for owner, reached in self._cursors().items():
            assert full or reached >= before[owner], "a cursor went back"
            self.reached[owner] = max(self.reached[owner], reached)
        self._check()

    def _dropped(self) -> dict[str, tuple[int, int]]:
        """Return the stored entries that have begun and are earlier than all entries of the calendar."""
        earliest = min(self.calendar.values(), default=(20, 3))  # without entries: the time of the run
        return {
            uid: when for uid, when in self.stored.items() if uid not in self.calendar and when < min(earliest, (20, 3))
        }

    def _calendar_entries(self) -> list[CalendarEvent]:
        return [entry(uid, f"2026-03-{day} {hour:02}:00") for uid, (day, hour) in self.calendar.items()]

    def _run(self, cut_after: int | None, **options: Any) -> dict[str, Exception | None]:
        self.nights += 1
        stored_pages = 0

        def cut(_name: str, _batch: Batch) -> None:
            nonlocal stored_pages
            stored_pages += 1
            if stored_pages == cut_after:
                raise CutOffError

        self.practice.calendar.set_snapshot(*self._calendar_entries())
        run = ingest(
            self.practice.config, self.practice.store, PSEUDONYMS, IngestRequest(**options), now=NOW, progress=cut
        )
        problems: dict[str, Exception | None] = {}
        try:
            for outcome in run:
                if outcome.problem:
                    problems[outcome.name] = outcome.problem
        except CutOffError:
            pass
        return problems

    def _cursors(self) -> dict[str, int]:
        sql = "SELECT key, cursor FROM source JOIN clinician ON clinician.id = owner_id WHERE cursor IS NOT NULL"
        cursors = {key: int(cursor.split()[0]) for key, cursor in self.practice.rows(sql)}
        return {owner: cursors.get(owner, 0) for owner in OWNERS}

    def _check(self) -> None:
        for owner in OWNERS:
            sql = "SELECT node FROM message JOIN clinician ON clinician.id = clinician_id WHERE key ="
            expected = {key for page in self.pages[owner][: self.reached[owner]] for key in page}
            nodes = self.practice.rows(f"{sql} '{owner}'")
            assert (len(nodes), set(nodes)) == (len(expected), expected)
        assert {row[0] for row in self.practice.rows(ENTRIES)} == self.stored.keys()

    @precondition(lambda self: self.nights)
    @rule()
    def an_undisturbed_night_gives_the_same_as_a_first_reading(self) -> None:
        for account in self.mail.values():
            account.breaks_after = None
        assert self._run(None, accept_shrink=True) == {}
        fresh = self._new_practice()
        for owner, account in fresh.accounts("mail").items():
            account.pages = [replace(page) for page in self.mail[owner].pages]
        fresh.calendar.set_snapshot(*self._calendar_entries())
        dropped = self._dropped()
        try:
            fresh.ingest()
            assert self.practice.rows(MESSAGES) == fresh.rows(MESSAGES)
            entries = [row for row in self.practice.rows(ENTRIES) if row[0] not in dropped]
            assert entries == fresh.rows(ENTRIES)
        finally:
            fresh.store.close()
        self.stored = dropped | self.calendar
        self.reached = {owner: len(pages) for owner, pages in self.pages.items()}
        self._check()

    def teardown(self) -> None:
        self.practice.store.close()


@pytest.mark.slow
def test_many_nights_agree_with_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"memory": "tests.monitor.memory", "accounts": "tests.monitor.memory_accounts"}
    monkeypatch.setattr(registry, "KINDS", {**registry.KINDS, **kinds})
    monkeypatch.setattr(readers, "THREADS", 1)  # one account after the other, so that a failure can be reproduced
    with opened(tmp_path / "empty.db", create=True):
        pass
    machine = type("Nights", (Nights,), {"folder": tmp_path, "numbers": count()})
    run_state_machine_as_test(machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=min(EXAMPLES, 50)))
