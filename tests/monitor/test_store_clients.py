"""Persons, terms and ledger as they are stored, and the numbers that each change invalidates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import UsageError
from monitor.store import clients
from monitor.store.analysis_records import load_records
from monitor.store.clients import TermRow
from monitor.store.computations import Computation, dirty, save_computation
from monitor.store.database import Connection, Store, opened
from monitor.store.keys import clinician_ids, identities
from tests.monitor.facts import EXAMPLES, day

KEYS = 6
TODAY = day("2026-03-02")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store in which Ana has the clients 1 to 6 and Ben has the client 7."""
    path: Path = tmp_path_factory.mktemp("clients") / "evenhours.db"
    with opened(path, create=True) as fresh:
        with fresh.write() as connection:
            ids = clinician_ids(connection, ["ana", "ben"])
            identities(connection, [(ids["ana"], f"K{number}") for number in range(KEYS)])
            identities(connection, [(ids["ben"], "K1")])
        yield fresh


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """Return a connection in a transaction that is rolled back; no clinician is dirty."""
    store.connection.execute("BEGIN IMMEDIATE")
    yield store.connection
    store.connection.execute("ROLLBACK")


def test_joined_keys_are_the_person_of_the_smallest_key(connection: Connection) -> None:
    assert clients.join_clients(connection, "ana", [4, 2]) == 2
    assert clients.join_clients(connection, "ana", [5, 4, 3]) == 2
    assert clients.persons(connection, "ana") == {2: 2, 3: 2, 4: 2, 5: 2}
    assert clients.persons(connection, "ben") == {}


def test_a_separated_key_leaves_the_others_joined(connection: Connection) -> None:
    clients.join_clients(connection, "ana", [2, 3, 4])
    clients.separate_client(connection, "ana", 2)
    assert clients.persons(connection, "ana") == {3: 3, 4: 3}
    clients.separate_client(connection, "ana", 4)
    assert clients.persons(connection, "ana") == {}
    clients.separate_client(connection, "ana", 4)


@pytest.mark.parametrize(("marked", "left"), [([2], 0), ([2, 3], 0), ([2, 3, 4], 3), ([5], 1)])
def test_a_person_is_not_a_client_only_if_all_keys_are_marked_so(
    connection: Connection, marked: list[int], left: int
) -> None:
    """Otherwise the sessions of the other keys would be hidden."""
    for key in marked:
        clients.set_term(connection, "ana", key, "standing", "not_a_client", from_day=0, now=1)
        clients.set_term(connection, "ana", key, "band", "2", from_day=0, now=1)
    clients.join_clients(connection, "ana", [2, 3, 4])

    terms = clients.terms(connection, "ana")
    assert sum(row.term == "standing" for row in terms) == left
    assert sum(row.term == "band" for row in terms) == len(marked)


joins = st.lists(st.frozensets(st.integers(1, KEYS), min_size=2, max_size=3), max_size=5)


@settings(max_examples=EXAMPLES)
@given(joins)
def test_joining_is_the_same_in_any_order(store: Store, groups: list[frozenset[int]]) -> None:
    results = []
    for order in (groups, groups[::-1]):
        store.connection.execute("BEGIN IMMEDIATE")
        for keys in order:
            clients.join_clients(store.connection, "ana", keys)
        results.append(clients.persons(store.connection, "ana"))
        store.connection.execute("ROLLBACK")
    assert results[0] == results[1]
    assert all(results[0][key] == results[0][same] for keys in groups for key in keys for same in keys)
    assert all(person in results[0] and person <= key for key, person in results[0].items())


def test_a_term_is_stored_with_its_day_and_can_be_removed(connection: Connection) -> None:
    clients.set_term(connection, "ana", 1, "frequency", "1.0", from_day=TODAY, now=100)
    clients.set_term(connection, "ana", 1, "frequency", "0.5", from_day=TODAY + 7, now=100)
    clients.set_term(connection, "ana", 1, "frequency", None, from_day=TODAY + 14, now=100)
    clients.set_term(connection, "ana", 1, "frequency", "2", from_day=TODAY, now=101)

    assert clients.terms(connection, "ana") == [
        TermRow(1, "frequency", TODAY, "2", 101),
        TermRow(1, "frequency", TODAY + 7, "0.5", 100),
        TermRow(1, "frequency", TODAY + 14, None, 100),
    ]
    assert clients.remove_term(connection, "ana", 1, "frequency", from_day=TODAY)
    assert not clients.remove_term(connection, "ana", 1, "frequency", from_day=TODAY)
    assert [row.from_day for row in clients.terms(connection, "ana")] == [TODAY + 7, TODAY + 14]


def test_nobody_removes_a_term_of_another_clinician(connection: Connection) -> None:
    clients.set_term(connection, "ana", 1, "frequency", "1.0", from_day=TODAY, now=100)

    assert not clients.remove_term(connection, "ben", 1, "frequency", from_day=TODAY)

    assert clients.terms(connection, "ana") == [TermRow(1, "frequency", TODAY, "1", 100)]


def test_the_ledger_is_in_the_order_of_days(connection: Connection) -> None:
    later = clients.add_ledger_entry(connection, "ana", "gift", day=TODAY + 1, client=1, now=100)
    clients.add_ledger_entry(connection, "ana", "consultation", day=TODAY, client=None, now=101)

    assert [(row.day, row.kind, row.client) for row in clients.ledger(connection, "ana")] == [
        (TODAY, "consultation", None),
        (TODAY + 1, "gift", 1),
    ]
    assert not clients.remove_ledger_entry(connection, "ben", later)
    assert clients.remove_ledger_entry(connection, "ana", later)
    assert not clients.remove_ledger_entry(connection, "ana", later)
    assert len(clients.ledger(connection, "ana")) == 1


@pytest.mark.parametrize("client", [1, None])
def test_a_button_pressed_twice_is_one_entry(connection: Connection, client: int | None) -> None:
    def enter(kind: str, now: int) -> int:
        return clients.add_ledger_entry(connection, "ana", kind, day=TODAY, client=client, now=now)

    first = enter("gift", 100)
    assert enter("gift", 160) == first
    assert len({first, enter("gift", 161), enter("touch", 161)}) == 3
    assert len(clients.ledger(connection, "ana")) == 3


def join_two(connection: Connection) -> None:
    clients.join_clients(connection, "ana", [1, 2])


def set_trauma(connection: Connection) -> None:
    clients.set_term(connection, "ana", 1, "trauma", "yes", from_day=TODAY, now=100)


def enter_gift(connection: Connection) -> None:
    clients.add_ledger_entry(connection, "ana", "gift", day=TODAY, client=1, now=100)


@pytest.mark.parametrize(
    ("change", "since"), [(join_two, 0), (set_trauma, (TODAY - 1) * 86_400), (enter_gift, (TODAY - 1) * 86_400)]
)
def test_an_entry_for_a_past_day_invalidates_the_numbers_since_then(
    connection: Connection, change: object, since: int
) -> None:
    assert callable(change)
    change(connection)
    assert dirty(connection) == {"ana": since}


def test_a_repeated_term_changes_nothing(connection: Connection) -> None:
    set_trauma(connection)
    save_computation(connection, "ana", Computation(week=0, settings_checksum="", sources_checksum=""))
    set_trauma(connection)
    assert dirty(connection) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((7, "trauma", "yes"), "not among the clinician's own"),
        ((99, "trauma", "yes"), "not among the clinician's own"),
        ((1, "zebra", "yes"), "There is no such term."),
        ((1, "trauma", "zebra"), "The work is trauma-focused: has to be one of yes, no."),
        ((1, "channels", "zebra"), "has to be some of email"),
    ],
)
def test_an_invalid_term_is_refused_with_a_sentence(
    connection: Connection, arguments: tuple[int, str, str], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        clients.set_term(connection, "ana", *arguments, from_day=TODAY, now=100)
    assert words in str(refused.value)
    assert "zebra" not in str(refused.value)


def test_entries_and_joins_of_another_clinicians_clients_are_refused(connection: Connection) -> None:
    with pytest.raises(UsageError, match="clinician's own"):
        clients.join_clients(connection, "ana", [1, 7])
    with pytest.raises(UsageError, match="clinician's own"):
        clients.add_ledger_entry(connection, "ben", "gift", day=TODAY, client=1, now=100)
    with pytest.raises(UsageError, match="no such kind"):
        clients.add_ledger_entry(connection, "ana", "zebra", day=TODAY, client=1, now=100)


def test_the_analysis_reads_persons_terms_and_ledger(connection: Connection) -> None:
    join_two(connection)
    set_trauma(connection)
    enter_gift(connection)
    clients.add_ledger_entry(connection, "ana", "consultation", day=TODAY, client=None, now=100)
    records = load_records(connection, "ana")

    assert records.persons.to_dict("list") == {"client": [1, 2], "person": [1, 1]}
    assert records.terms.to_dict("records") == [
        {"client": 1, "term": "trauma", "day": TODAY, "value": "yes", "entered_at": 100}
    ]
    assert records.ledger["client"].tolist() == [1, -1]
    assert load_records(connection, "ben").terms.empty


def test_two_keys_are_remembered_as_different_people(connection: Connection) -> None:
    clients.save_different_people(connection, "ana", 4, 2, now=1)
    clients.save_different_people(connection, "ana", 2, 4, now=2)

    assert clients.different_people(connection, "ana") == {frozenset((2, 4))}
    assert clients.different_people(connection, "ben") == set()
    with pytest.raises(UsageError, match="not among the clinician's own"):
        clients.save_different_people(connection, "ben", 7, 2, now=1)
