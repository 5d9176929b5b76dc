"""Accounts on servers are read in parallel; only one thread writes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from connectors.base import Batch
from connectors.errors import ShrunkSourceError, UnavailableError
from monitor.errors import StoreError
from monitor.ingest import IngestRequest, exit_code, ingest
from monitor.ingest.readers import THREADS
from tests.monitor.memory import NOW, PSEUDONYMS, MemoryPractice, MemorySource, PracticeFactory, entry, stamp

AWAY = UnavailableError("mail", "the server is away.", "Try again later.")
PAGES = 5
SECONDS = 20  # nothing takes that long unless something is broken


def mailboxes(make_practice: PracticeFactory, number: int) -> tuple[MemoryPractice, dict[str, MemorySource]]:
    """Return a practice of so many people, each with a mailbox of five messages on five pages."""
    keys = [f"p{index:02}" for index in range(number)]
    practice = make_practice(mail=" ".join(keys))
    accounts = practice.accounts("mail")
    for index, (key, account) in enumerate(accounts.items()):
        pages = [[stamp(100 * index + page, f"2026-03-{page + 1:02} 09:00", clinician=key)] for page in range(PAGES)]
        account.set_pages(*pages)
    return practice, accounts


def message_count(practice: MemoryPractice) -> int:
    (count,) = practice.rows("SELECT count(*) FROM message")
    return int(count)


def all_end(before: Sequence[threading.Thread]) -> bool:
    """Return ``True`` if all threads end that did not exist before."""
    new_threads = [thread for thread in threading.enumerate() if thread not in before]
    for thread in new_threads:
        thread.join(SECONDS)
    return not any(thread.is_alive() for thread in new_threads)


def test_several_accounts_are_read_in_parallel(make_practice: PracticeFactory) -> None:
    practice, accounts = mailboxes(make_practice, THREADS)
    together = threading.Barrier(THREADS, timeout=SECONDS)
    for account in accounts.values():
        account.before = together.wait  # no account returns a page before all are being read
    outcomes = practice.ingest()
    assert [outcome.problem for outcome in outcomes.values()] == [None] * THREADS
    assert message_count(practice) == THREADS * PAGES


def test_no_more_than_the_maximum_are_read_in_parallel_and_all_are_read(
    make_practice: PracticeFactory,
) -> None:
    practice, accounts = mailboxes(make_practice, 3 * THREADS)
    busy: set[int] = set()
    most = 0

    def count_thread() -> None:
        nonlocal most
        busy.add(threading.get_ident())
        most = max(most, len(busy))

    for account in accounts.values():
        account.before = count_thread
    practice.ingest()
    assert message_count(practice) == 3 * THREADS * PAGES
    assert most <= THREADS


def test_outcomes_come_in_the_order_of_the_configuration_in_whatever_order_reading_ends(
    make_practice: PracticeFactory,
) -> None:
    practice, accounts = mailboxes(make_practice, 4)
    last_is_read = threading.Event()
    first, *_, last = accounts.values()
    first.before = lambda: last_is_read.wait(SECONDS)
    last.breaks_after, last.error = PAGES, AWAY
    last.before = last_is_read.set
    outcomes = practice.ingest()
    assert list(outcomes) == [f"mail of {key}" for key in accounts]
    assert [outcome.rows for outcome in outcomes.values()] == [PAGES] * 4
    assert [outcome.problem for outcome in outcomes.values()] == [None, None, None, AWAY]
    assert exit_code(list(outcomes.values())) == 3


def test_only_one_thread_uses_the_database(make_practice: PracticeFactory) -> None:
    practice, _ = mailboxes(make_practice, 4)
    writers: set[int] = set()
    practice.store.connection.set_trace_callback(lambda _: writers.add(threading.get_ident()))
    practice.ingest()
    practice.store.connection.set_trace_callback(None)
    assert writers == {threading.get_ident()}


def test_files_and_accounts_mix(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana", mail="ana ben", rooms="ben")
    for key, account in practice.accounts("mail").items():
        account.set_pages([stamp(1, "2026-03-01 09:00", clinician=key)])
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"))
    practice.rooms.set_snapshot(entry("b", "2026-03-02 10:00", clinician="ben"))
    assert list(practice.ingest()) == ["calendar", "mail of ana", "mail of ben", "rooms"]
    assert (message_count(practice), practice.rows("SELECT count(*) FROM event")) == (2, [2])


def test_an_account_that_shrank_is_refused_and_the_others_are_read(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana ben")
    ana, ben = practice.accounts("calendar").values()
    hers = [entry(str(day), f"2026-03-{day:02} 10:00") for day in range(1, 11)]
    ana.set_snapshot(*hers)
    ben.set_snapshot(entry("b", "2026-03-02 10:00", clinician="ben"))
    practice.ingest()
    ana.set_snapshot(hers[0])
    ben.set_snapshot(entry("b", "2026-03-02 11:00", clinician="ben"))
    outcomes = practice.ingest()
    assert isinstance(outcomes["calendar of ana"].problem, ShrunkSourceError)
    assert (outcomes["calendar of ben"].problem, outcomes["calendar of ben"].rows) == (None, 1)
    assert practice.rows("SELECT count(*) FROM event WHERE status = 'removed'") == [0]


def run(practice: MemoryPractice, progress: Any) -> None:
    list(ingest(practice.config, practice.store, PSEUDONYMS, IngestRequest(), now=NOW, progress=progress))


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError])
@pytest.mark.parametrize("after", [1, 7, 19])
def test_an_interrupted_run_keeps_its_pages_ends_its_threads_and_is_resumed(
    make_practice: PracticeFactory, error: type[BaseException], after: int
) -> None:
    practice, accounts = mailboxes(make_practice, 2 * THREADS)
    before, pages = threading.enumerate(), 0

    def break_off(_name: str, _batch: Batch) -> None:
        nonlocal pages
        pages += 1
        if pages == after:
            raise error

    with pytest.raises(error):
        run(practice, break_off)
    assert message_count(practice) == after
    assert all_end(before)
    cursor_counts = {key: len(account.cursors) for key, account in accounts.items()}
    practice.ingest()
    assert message_count(practice) == 2 * THREADS * PAGES
    for key, account in accounts.items():
        resumed = [cursor for cursor in account.cursors[cursor_counts[key] :] if cursor]
        assert all(int(cursor.split()[0]) <= PAGES for cursor in resumed)


def test_a_system_exit_in_a_reader_ends_the_run(make_practice: PracticeFactory) -> None:
    practice, accounts = mailboxes(make_practice, 3)
    accounts["p01"].breaks_after, accounts["p01"].error = 2, SystemExit(9)  # type: ignore[assignment]
    with pytest.raises(SystemExit):
        practice.ingest()
