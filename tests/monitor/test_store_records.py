"""Stored records do not depend on the order, page and source of reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connectors.base import Window
from connectors.records import CalendarEvent, CounterpartKind, Kind, MessageStamp
from monitor.store import sources
from monitor.store.analysis_records import load_records
from monitor.store.database import Store, open_store
from monitor.store.events import REMOVED, remove_events, save_events, stored_events
from monitor.store.keys import clinician_ids, identities
from monitor.store.messages import save_messages
from monitor.store.threads import UnionFind, mark_emergency
from tests.monitor.facts import EXAMPLES
from tests.monitor.memory import dump, stamp, utc

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEYS = st.integers(-6, 6)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "evenhours.db", create=True)
    yield opened
    opened.close()


@contextmanager
def rolled_back(store: Store) -> Iterator[Any]:
    """Provide the store's connection in a transaction that is rolled back."""
    store.connection.execute("BEGIN IMMEDIATE")
    try:
        yield store.connection
    finally:
        store.connection.execute("ROLLBACK")


# One message is one row


Copy = tuple[str, MessageStamp]


@st.composite
def copies(draw: st.DrawFn) -> Copy:
    """Draw a copy of message 1 or 2, in one of two sources."""
    other: dict[str, Any] = {
        "outgoing": draw(st.booleans()),
        "automatic": draw(st.booleans()),
        "counterpart": draw(st.sampled_from([None, "AAAA", "BBBB"])),
        "counterpart_kind": draw(st.sampled_from([CounterpartKind.CLIENT, CounterpartKind.AUTOMATIC])),
    }
    sent = f"2026-03-02 0{draw(st.integers(7, 9))}:00"
    return draw(st.sampled_from(["inbox", "archive"])), stamp(draw(st.integers(1, 2)), sent, **other)


WITH_NAMES = """
SELECT message.clinician_id, sent_at, node, source_id, outgoing, automatic, pseudonym, counterpart_kind, channel
FROM message LEFT JOIN identity ON identity.id = counterpart_id ORDER BY node"""


def stored_from(store: Store, pages: Sequence[Sequence[Copy]]) -> list[Any]:
    """Return the rows that an empty store has after these pages, each of one source."""
    with rolled_back(store) as connection:
        rows = {name: sources.source_row(connection, name, "mbox", ["ana"]) for name in ("inbox", "archive")}
        for page in pages:
            for name, row in rows.items():
                save_messages(connection, row, [copy for source, copy in page if source == name])
        return list(connection.execute(WITH_NAMES))


@given(st.lists(copies(), min_size=1, max_size=5), st.data())
@settings(max_examples=4 * EXAMPLES)
def test_copies_of_a_message_give_one_row_in_any_order_on_any_page_and_from_any_source(
    store: Store, drawn: list[Copy], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(drawn))
    cut = data.draw(st.integers(0, len(drawn)))
    expected = stored_from(store, [drawn])
    assert len(expected) == len({copy.key for _, copy in drawn})
    assert stored_from(store, [shuffled[:cut], shuffled[cut:]]) == expected


def test_of_several_copies_sent_personal_and_early_ones_are_preferred(store: Store) -> None:
    received = stamp(1, "2026-03-02 09:00")
    automatic = stamp(1, "2026-03-02 08:00", automatic=True)
    late = stamp(1, "2026-03-02 10:00")
    sent = stamp(1, "2026-03-02 11:00", outgoing=True)
    for order in permutations([received, automatic, late]):
        ((_, sent_at, *_),) = stored_from(store, [[("inbox", copy)] for copy in order])
        assert sent_at == received.sent_at.timestamp()
    for order in permutations([received, automatic, late, sent]):
        ((_, sent_at, _, _, outgoing, *_),) = stored_from(store, [[("inbox", copy) for copy in order]])
        assert (sent_at, outgoing) == (sent.sent_at.timestamp(), 1)


def test_one_message_of_two_clinicians_is_two_rows_with_two_names_for_one_person(store: Store) -> None:
    with rolled_back(store) as connection:
        row = sources.source_row(connection, "shared", "mbox", ["ana", "ben"])
        save_messages(
            connection, row, [stamp(1, "2026-03-02 09:00", clinician=clinician) for clinician in ("ana", "ben")]
        )
        rows = connection.execute("SELECT clinician_id, counterpart_id FROM message").fetchall()
        assert len({clinician for clinician, _ in rows}) == len({person for _, person in rows}) == 2


@given(st.lists(st.tuples(st.sampled_from(["ana", "ben"]), st.sampled_from(["AAAA", "BBBB", "CCCC"]))))
def test_no_two_clinicians_share_an_identity_and_nobody_has_two(store: Store, pairs: list[tuple[str, str]]) -> None:
    with rolled_back(store) as connection:
        ids = clinician_ids(connection, ["ana", "ben"])
        numbered = [(ids[key], pseudonym) for key, pseudonym in pairs]
        one_by_one = {pair: identities(connection, [pair])[pair] for pair in numbered}
        assert identities(connection, numbered) == one_by_one
        assert len(set(one_by_one.values())) == len(one_by_one)


def test_more_pseudonyms_than_one_statement_holds_are_all_found(store: Store) -> None:
    with rolled_back(store) as connection:
        pairs = [(clinician, f"P{number}") for clinician in (1, 2) for number in range(1_201)]
        assert len(set(identities(connection, pairs).values())) == 2_402


# Threads


def naive_threads(groups: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return each node with the smallest of its thread, by joining sets until no two overlap."""
    sets: list[set[int]] = []
    for group in groups:
        overlapping = [thread for thread in sets if thread & set(group)]
        sets = [thread for thread in sets if not thread & set(group)] + [set(group).union(*overlapping)]
    return {node: min(thread) for thread in sets for node in thread}


@given(st.lists(st.lists(KEYS, min_size=1, max_size=4), min_size=1, max_size=8), st.data())
@settings(max_examples=4 * EXAMPLES)
def test_threads_have_the_same_names_in_any_pages_and_order(
    store: Store, groups: list[list[int]], data: st.DataObject
) -> None:
    stamps = [stamp(group[0], "2026-03-02 09:00", *group[1:]) for group in data.draw(st.permutations(groups))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stamps)), max_size=3)))
    with rolled_back(store) as connection:
        row = sources.source_row(connection, "inbox", "mbox", ["ana"])
        for start, end in zip([0, *cuts], [*cuts, len(stamps)], strict=True):
            save_messages(connection, row, stamps[start:end])
        assert dict(connection.execute("SELECT node, thread FROM node")) == naive_threads(groups)


def test_threads_of_two_clinicians_are_separate(store: Store) -> None:
    with rolled_back(store) as connection:
        row = sources.source_row(connection, "shared", "mbox", ["ana", "ben"])
        save_messages(connection, row, [stamp(2, "2026-03-02 09:00", 1), stamp(2, "2026-03-02 09:00", clinician="ben")])
        threads = connection.execute("SELECT thread FROM node WHERE node = 2 ORDER BY clinician_id").fetchall()
        assert threads == [(1,), (2,)]


def test_a_chain_of_fifty_thousand_replies_is_followed_in_few_steps() -> None:
    threads = UnionFind()
    steps = CountedDict()
    threads._parent = steps
    for node in range(50_000, 0, -1):
        threads.join([node, node - 1])
    assert {threads.root(node) for node in range(0, 50_000, 1_000)} == {0}
    assert steps.lookups < 50_000 * 8


class CountedDict(dict[int, int]):
    lookups = 0

    def get(self, key: int, default: Any = None) -> Any:
        self.lookups += 1
        return super().get(key, default)


# A calendar over many nights, against a model that is a dictionary


WEEK = Window(START - timedelta(days=3), START + timedelta(days=4))


class Nights(RuleBasedStateMachine):
    """Entries that are added, moved, extended, removed and added again; every night the whole window is read."""

    def __init__(self) -> None:
        super().__init__()
        self.now = int(START.timestamp())
        self.in_calendar: dict[str, tuple[int, int]] = {}
        self.model: dict[str, tuple[int, int, int, str]] = {}

    @initialize()
    def begin(self) -> None:
        self.store = STORES[-1]
        self.store.connection.execute("BEGIN IMMEDIATE")
        self.row = sources.source_row(self.store.connection, "calendar", "ics", ["ana"])

    @rule(uid=st.sampled_from("abcd"), hour=st.integers(-40, 40), minutes=st.integers(0, 300))
    def put(self, uid: str, hour: int, minutes: int) -> None:
        self.in_calendar[uid] = (int(START.timestamp()) + hour * 3600, minutes * 60)

    @rule(uid=st.sampled_from("abcd"))
    def delete(self, uid: str) -> None:
        self.in_calendar.pop(uid, None)

    @rule(hours=st.integers(1, 30))
    def night(self, hours: int) -> None:
        self.now += hours * 3600
        events = [self._entry(uid) for uid in self.in_calendar]
        inside = [event for event in events if WEEK.touches(event.start, event.end)]
        expected = {uid: self._expected(uid) for uid in {event.uid_key for event in inside}}
        removed = {uid: (*row[:3], REMOVED) for uid, row in self.model.items() if uid not in expected}
        changed = sum(row != self.model.get(uid) for uid, row in (expected | removed).items())
        connection = self.store.connection
        stored = {(event.clinician, event.uid_key) for event in stored_events(connection, self.row, WEEK)}
        missing = stored - {("ana", event.uid_key) for event in inside}
        rows = remove_events(connection, self.row, missing, self.now).rows
        rows += save_events(connection, self.row, inside, self.now).rows
        assert rows == changed
        assert save_events(connection, self.row, inside, self.now).rows == 0
        self.model |= expected | removed

    def _entry(self, uid: str) -> CalendarEvent:
        start, seconds = self.in_calendar[uid]
        begins = datetime.fromtimestamp(start, UTC)
        return CalendarEvent("ana", uid, begins, begins + timedelta(seconds=seconds), Kind.SESSION)

    def _expected(self, uid: str) -> tuple[int, int, int, str]:
        start, seconds = self.in_calendar[uid]
        old = self.model.get(uid)
        ran_over = old is not None and old[0] == start and (self.now > start or old[1] == start + seconds)
        return start, start + seconds, old[2] if old and ran_over else start + seconds, "confirmed"

    @invariant()
    def events_agree(self) -> None:
        if hasattr(self, "row"):
            sql = "SELECT uid_key, start_at, end_at, booked_end_at, status FROM event"
            assert {row[0]: row[1:] for row in self.store.connection.execute(sql)} == self.model

    @invariant()
    def history_has_first_versions(self) -> None:
        if hasattr(self, "row"):
            sql = """SELECT count(*) FROM event_history JOIN event USING (clinician_id, source_id, uid_key)
                     GROUP BY uid_key HAVING max(seen_at) = first_seen_at"""
            assert self.store.connection.execute(sql).fetchall() == []

    def teardown(self) -> None:
        self.store.connection.execute("ROLLBACK")


STORES: list[Store] = []


def test_a_calendar_over_many_nights_agrees_with_a_dictionary(tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    STORES.append(open_store(tmp_path / "evenhours.db", create=True))
    try:
        run_state_machine_as_test(Nights, settings=settings(max_examples=EXAMPLES, stateful_step_count=25))
        assert not any(dump(STORES[-1]).values())
    finally:
        STORES.pop().close()


def test_a_marked_thread_stays_marked_with_whatever_joins_it(store: Store) -> None:
    """The mark is on one of its nodes, so that the new name of a joined thread does not matter."""

    def marked(connection: Any) -> list[int]:
        messages = load_records(connection, "ana").messages
        return sorted(
            messages.loc[messages["emergency"], "sent_at"].sub(int(utc("2026-03-02 00:00").timestamp())).tolist()
        )

    with rolled_back(store) as connection:
        source = sources.source_row(connection, "mail", "memory", ["ana"])
        sent = stamp(9, "2026-03-02 00:00:09", outgoing=True)
        save_messages(connection, source, [stamp(5, "2026-03-02 00:00:05"), sent])
        assert mark_emergency(connection, "ana", 9, marked=True, now=1)
        assert marked(connection) == [9]

        save_messages(connection, source, [stamp(3, "2026-03-02 00:00:03", 9)])
        assert marked(connection) == [3, 9]
        assert not mark_emergency(connection, "ana", 9, marked=False, now=1), "the thread is named 3 now"
        assert mark_emergency(connection, "ana", 3, marked=False, now=1)
        assert marked(connection) == []
