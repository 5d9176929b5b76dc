"""Pairs of keys that are proposed as one person, and pairs that are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.duplicate_clients import DuplicateClient, DuplicateReason, find_duplicate_clients

HOUR, DAY = 3600, 86_400
MET, OTHER_DAY, WRITES, RELATIVE = 1, 2, 11, 12
MONDAY = 20_000 * DAY


def sessions(client: int, hours: Iterable[float]) -> list[tuple[int, int, int]]:
    return [(client, MONDAY + int(hour * HOUR), MONDAY + int(hour * HOUR) + 3000) for hour in hours]


def held(*rows: Sequence[tuple[int, int, int]]) -> pd.DataFrame:
    return pd.DataFrame([row for part in rows for row in part], columns=["client", "effective_start", "effective_end"])


def client_messages(
    client: int, hours: Iterable[float], *, thread: int = 0, kind: str = "client"
) -> list[tuple[object, ...]]:
    return [(client, kind, thread, MONDAY + int(hour * HOUR)) for hour in hours]


def message_table(*rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    columns = ["counterpart", "counterpart_kind", "thread", "sent_at"]
    return pd.DataFrame([row for part in rows for row in part], columns=columns)


WEEKLY = [7 * 24 * week + 10 for week in range(12)]  # Mondays, 10:00
THURSDAYS = [hour + 72 for hour in WEEKLY]
NOBODY_MET = held(())


def test_who_writes_in_one_thread_is_proposed() -> None:
    mail = message_table(
        client_messages(WRITES, [1, 30], thread=5),
        client_messages(RELATIVE, [2], thread=5),
        client_messages(RELATIVE, [9], thread=6),
    )

    assert find_duplicate_clients(NOBODY_MET, mail) == [DuplicateClient(WRITES, RELATIVE, DuplicateReason.THREAD, 1, 1)]


def test_a_thread_of_many_is_a_group() -> None:
    mail = message_table(*(client_messages(client, [client], thread=5) for client in range(11, 15)))

    assert find_duplicate_clients(NOBODY_MET, mail) == []


def test_messages_without_a_thread_are_no_evidence_of_duplicates() -> None:
    assert (
        find_duplicate_clients(NOBODY_MET, message_table(client_messages(WRITES, [1]), client_messages(RELATIVE, [2])))
        == []
    )


def test_a_sender_around_the_sessions_of_a_silent_client_is_proposed() -> None:
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:6]]), client_messages(WRITES, [400]))

    duplicates = find_duplicate_clients(held(sessions(MET, WEEKLY), sessions(OTHER_DAY, THURSDAYS)), mail)

    assert duplicates == [DuplicateClient(MET, WRITES, DuplicateReason.SESSIONS, 6, 7)]


def test_two_clients_of_the_same_hour_are_not_distinguished() -> None:
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:6]]))

    assert (
        find_duplicate_clients(held(sessions(MET, WEEKLY), sessions(OTHER_DAY, [hour + 1 for hour in WEEKLY])), mail)
        == []
    )


def test_three_messages_are_too_few() -> None:
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:3]]))

    assert find_duplicate_clients(held(sessions(MET, WEEKLY)), mail) == []


def test_who_writes_at_any_time_is_not_proposed() -> None:
    mail = message_table(client_messages(WRITES, range(0, 12 * 168, 9)))

    assert find_duplicate_clients(held(sessions(MET, WEEKLY)), mail) == []


def test_a_client_met_every_day_is_proposed_as_nobodys_duplicate() -> None:
    daily = [24 * n + 10 for n in range(84)]
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:6]]))

    assert find_duplicate_clients(held(sessions(MET, daily)), mail) == []


def test_a_client_with_sessions_and_messages_is_not_proposed() -> None:
    around = [hour - 5 for hour in WEEKLY[:6]]
    mail = message_table(client_messages(WRITES, around), client_messages(MET, [1]))

    assert find_duplicate_clients(held(sessions(MET, WEEKLY)), mail) == []


def test_colleagues_are_nobodys_other_key() -> None:
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:6]], kind="colleague"))

    assert find_duplicate_clients(held(sessions(MET, WEEKLY)), mail) == []


def test_a_pair_answered_as_two_people_is_not_proposed_again() -> None:
    mail = message_table(client_messages(WRITES, [1], thread=5), client_messages(RELATIVE, [2], thread=5))

    assert find_duplicate_clients(NOBODY_MET, mail, apart={frozenset((RELATIVE, WRITES))}) == []


@given(st.lists(st.integers(0, 12 * 168), min_size=4, max_size=40))
def test_a_proposal_rests_on_most_of_the_messages(hours: list[int]) -> None:
    duplicates = find_duplicate_clients(
        held(sessions(MET, WEEKLY), sessions(OTHER_DAY, THURSDAYS)), message_table(client_messages(WRITES, hours))
    )

    assert len(duplicates) <= 1
    assert all(proposal.matches >= 0.6 * proposal.total and proposal.total == len(hours) for proposal in duplicates)


@given(st.permutations(range(7)))
def test_the_result_does_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    mail = message_table(client_messages(WRITES, [hour - 5 for hour in WEEKLY[:6]]), client_messages(WRITES, [400]))
    held_sessions = held(sessions(MET, WEEKLY), sessions(OTHER_DAY, THURSDAYS))

    assert find_duplicate_clients(
        held_sessions.sample(frac=1, random_state=np.random.RandomState(order[0])), mail.iloc[list(order)]
    ) == (find_duplicate_clients(held_sessions, mail))
