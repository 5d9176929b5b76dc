"""Episodes, runs and replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import inf, nan
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import CounterpartKind, Status
from monitor.analysis.calendar import with_entries, work_calendar
from monitor.analysis.intervals import spans
from monitor.analysis.messages import episodes_from, median_wait, replies_from, working_seconds
from monitor.analysis.sessions import sessions_from
from tests.monitor.facts import (
    EXAMPLES,
    Row,
    clinician,
    corrections,
    event,
    events,
    evidence,
    instant,
    message,
    messages,
)

LATER = "2026-04-01 12:00"


def held(*entries: Row, as_of: int) -> pd.DataFrame:
    return sessions_from(events(entries), evidence(), corrections(), as_of=as_of)


def replies(*mail: Row, sessions: Sequence[Row] = (), as_of: str | int = LATER) -> pd.DataFrame:
    when = instant(as_of) if isinstance(as_of, str) else as_of
    table = messages(mail)
    return replies_from(table, episodes_from(table), held(*sessions, as_of=when), as_of=when)


def waits(result: pd.DataFrame) -> list[float]:
    """Return the minutes to each run's reply, NaN where there is none."""
    return ((result["reply_at"] - result["inbound_at"]) / 60).tolist()


def received(when: str, **fields: int) -> Row:
    return message(f"2026-03-{when}", **fields)  # type: ignore[arg-type]


def sent(when: str, **fields: int) -> Row:
    return message(f"2026-03-{when}", out=True, **fields)  # type: ignore[arg-type]


# Episodes


@pytest.mark.parametrize(("second", "count"), [("02 10:15:00", 1), ("02 10:15:01", 2)])
def test_messages_within_fifteen_minutes_are_one_episode(second: str, count: int) -> None:
    assert len(episodes_from(messages([sent("02 10:00:00"), sent(second)]))) == count


def test_each_person_has_their_own_episodes_and_automatic_mail_is_none() -> None:
    mail = [sent("02 10:00"), sent("02 10:05", client=2), sent("02 10:10"), received("02 10:11")]
    episodes = episodes_from(messages([*mail, message("2026-03-02 10:12", out=True, automatic=True)]))

    assert episodes["messages"].tolist() == [2, 1]
    assert episodes["sent_at"].tolist() == [instant("2026-03-02 10:00"), instant("2026-03-02 10:05")]
    assert episodes["last_at"].tolist() == [instant("2026-03-02 10:10"), instant("2026-03-02 10:05")]


def test_an_episode_is_a_chain_in_which_each_message_follows_the_one_before() -> None:
    episodes = episodes_from(messages([sent("02 10:00"), sent("02 10:14"), sent("02 10:28"), sent("02 10:43:01")]))

    assert episodes["messages"].tolist() == [3, 1]
    assert episodes["last_at"].tolist() == [instant("2026-03-02 10:28"), instant("2026-03-02 10:43:01")]


def test_a_chain_ends_where_the_next_message_goes_to_somebody_else() -> None:
    episodes = episodes_from(messages([sent("02 10:00"), sent("02 10:10", client=2), sent("02 10:20", client=2)]))

    assert episodes[["counterpart", "messages"]].to_numpy().tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_messages_to_one_person_at_one_moment_the_one_to_a_client_opens_the_episode(
    turned: bool,  # noqa: FBT001
) -> None:
    """A person with two keys, of which one is a colleague's address."""
    same_time = [sent("02 10:00"), message("2026-03-02 10:00", out=True, kind=CounterpartKind.COLLEAGUE)]
    episodes = episodes_from(messages(same_time[::-1] if turned else same_time))

    assert episodes[["counterpart_kind", "messages"]].to_numpy().tolist() == [["client", 2]]


# Runs and their replies


def test_messages_in_a_row_are_one_run_and_latency_counts_from_the_first() -> None:
    result = replies(
        received("02 10:00"), received("02 11:00"), sent("02 12:00"), sent("02 15:00"), received("02 16:00")
    )

    assert waits(result)[:1] == [120.0]
    assert result["reply_at"].isna().tolist() == [False, True]
    assert result["episode"].tolist() == [0, -1]


@pytest.mark.parametrize(("when", "answered"), [("09 10:00:00", True), ("09 10:00:01", False)])
def test_an_answer_comes_within_seven_days(when: str, answered: bool) -> None:  # noqa: FBT001
    result = replies(received("02 10:00:00"), sent(when))

    assert result["reply_at"].notna().tolist() == [answered]
    assert result["waited_seconds"].tolist() == [7 * 86_400]


def test_an_answer_counts_in_its_own_thread() -> None:
    result = replies(
        received("02 10:00", thread=1),
        received("02 10:05", thread=2),
        sent("02 10:30", thread=2),
        sent("02 11:00", thread=1),
    )

    assert waits(result) == [60.0, 25.0]


def test_replies_come_by_client_thread_and_time_whatever_the_order_of_the_messages() -> None:
    mail = [received("03 10:00", client=2), received("02 10:00", client=1, thread=9), received("04 10:00", client=1)]
    mail += [sent("05 10:00", client=2), sent("05 11:00", client=1, thread=9), sent("05 12:00", client=1)]

    result = replies(*mail)

    assert result["client"].tolist() == [1, 1, 2]
    pd.testing.assert_frame_equal(
        replies(*mail[::-1])[["client", "inbound_at", "reply_at"]], result[["client", "inbound_at", "reply_at"]]
    )


def test_an_answer_counts_for_its_own_client() -> None:
    assert replies(received("02 10:00", client=1), sent("02 10:30", client=2))["reply_at"].isna().all()


def test_the_start_of_a_session_answers_in_every_thread() -> None:
    meeting = event("2026-03-03 09:00", "2026-03-03 09:50", client=1)
    result = replies(
        received("02 10:00", thread=1),
        received("02 10:05", thread=2),
        sent("02 10:30", thread=2),
        received("03 09:30", thread=1),
        sent("03 10:00", thread=1),
        sessions=[meeting],
    )

    assert result["by_session"].tolist() == [True, False, False]
    assert waits(result) == [23 * 60.0, 30.0, 25.0]
    assert result["episode"].tolist() == [-1, 1, 0]


def test_only_a_held_session_with_that_client_answers() -> None:
    other_messages = [
        event("2026-03-02 11:00", "2026-03-02 11:50", client=2),
        event("2026-03-02 12:00", "2026-03-02 12:50", client=1, status=Status.CANCELLED),
    ]

    assert replies(received("02 10:00", client=1), sessions=other_messages)["reply_at"].isna().all()


def test_a_group_reply_counts_once() -> None:
    result = replies(
        received("02 10:00", thread=1),
        received("02 10:05", thread=2),
        sent("02 10:30", thread=1),
        sent("02 10:40", thread=2),
    )

    assert waits(result) == [30.0, 35.0]
    assert result["episode"].tolist() == [0, 0]


def test_automatic_mail_neither_opens_nor_answers_a_run() -> None:
    away = message("2026-03-02 10:01", out=True, automatic=True)
    bounce = message("2026-03-02 09:00", automatic=True)
    result = replies(bounce, received("02 10:00"), away, sent("02 11:00"))

    assert waits(result) == [60.0]


def test_colleagues_have_no_runs() -> None:
    assert replies(message("2026-03-02 10:00", kind=CounterpartKind.COLLEAGUE)).empty


def test_a_wait_that_goes_on_ends_at_the_moment_of_looking() -> None:
    result = replies(received("02 10:00"), sent("02 13:00"), as_of="2026-03-02 12:00")

    assert result["reply_at"].isna().all()
    assert result["waited_seconds"].tolist() == [7200]


def test_no_mail_no_runs() -> None:
    assert replies().empty
    assert replies(sent("02 10:00")).empty


# All of it at once, against a slow and obvious reading


@dataclass(frozen=True)
class SimpleMessage:
    """One message: client, thread, time and direction."""

    client: int
    thread: int
    sent_at: int
    out: bool


BEGIN = instant("2026-03-02 00:00")
DAY = 86_400
times = st.integers(0, 40).map(lambda half_days: half_days * DAY // 2) | st.integers(0, 20 * DAY)
simple_messages = st.builds(
    SimpleMessage, st.integers(1, 2), st.integers(0, 1), times.map(lambda after: BEGIN + after), st.booleans()
)
Run = tuple[int, int, float, bool, float]


def expected_replies(mail: Sequence[SimpleMessage], sessions: Sequence[tuple[int, int]], as_of: int) -> Iterator[Run]:
    """Yield every run as (client, inbound_at, reply_at, by_session, waited), computed message by message."""
    ordered = sorted(mail, key=lambda item: (item.client, item.thread, item.sent_at, item.out))
    for (client, _), talk in groupby(ordered, key=lambda item: (item.client, item.thread)):
        meetings = sorted(start for client_number, start in sessions if client_number == client and start <= as_of)
        waiting: int | None = None
        for item in talk:
            if waiting is not None and any(waiting <= start < item.sent_at for start in meetings):
                yield run(client, waiting, inf, meetings, as_of)
                waiting = None
            if item.out and waiting is not None:
                yield run(client, waiting, item.sent_at, meetings, as_of)
                waiting = None
            elif not item.out and waiting is None:
                waiting = item.sent_at
        if waiting is not None:
            yield run(client, waiting, inf, meetings, as_of)


def run(client: int, inbound: int, message_at: float, meetings: Sequence[int], as_of: int) -> Run:
    session_at = next((start for start in meetings if start >= inbound), inf)
    answer = min(message_at, session_at)
    limit = min(inbound + 7 * DAY, as_of)
    if answer > limit:
        return client, inbound, nan, False, limit - inbound
    return client, inbound, answer, session_at < message_at, answer - inbound


@settings(max_examples=EXAMPLES)
@given(st.lists(simple_messages, max_size=14), st.lists(st.tuples(st.integers(1, 2), times), max_size=4), times)
def test_every_run_and_its_answer(mail: list[SimpleMessage], meetings: list[tuple[int, int]], inspected: int) -> None:
    as_of = BEGIN + inspected
    known_messages = [item for item in mail if item.sent_at <= as_of]
    starts = [(client, BEGIN + after) for client, after in meetings if BEGIN + after <= as_of]
    table = message_table(known_messages)
    result = replies_from(table, episodes_from(table), session_table(starts), as_of=as_of)
    columns = ["client", "inbound_at", "reply_at", "by_session", "waited_seconds"]

    assert in_order(result[columns].itertuples(index=False, name=None)) == in_order(
        expected_replies(known_messages, starts, as_of)
    )


def message_table(mail: Sequence[SimpleMessage]) -> pd.DataFrame:
    return messages(message(item.sent_at, out=item.out, client=item.client, thread=item.thread) for item in mail)


def session_table(starts: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Return held sessions as (client, start)."""
    client, when = (np.array(column, dtype=np.int64) for column in (list(zip(*starts, strict=True)) or [(), ()]))
    return pd.DataFrame({"client": client, "booked_start": when, "actual_start": np.nan, "status": "held"})


def in_order(runs: Iterator[Run]) -> list[str]:
    return sorted(repr(tuple(map(float, item))) for item in runs)


@settings(max_examples=EXAMPLES)
@given(st.lists(simple_messages, max_size=14))
def test_the_episode_of_a_reply_holds_the_reply(mail: list[SimpleMessage]) -> None:
    table = message_table(mail)
    episodes = episodes_from(table)
    result = replies_from(table, episodes, session_table([]), as_of=BEGIN + 40 * DAY)
    answered = result[result["episode"] >= 0]
    holding = episodes.loc[answered["episode"]]

    assert (result["reply_at"].notna() == (result["episode"] >= 0)).all()
    assert (holding["counterpart"].to_numpy() == answered["client"].to_numpy()).all()
    assert (holding["sent_at"].to_numpy() <= answered["reply_at"].to_numpy()).all()
    assert (holding["last_at"].to_numpy() >= answered["reply_at"].to_numpy()).all()


# How long that was in working time


@pytest.mark.parametrize(
    ("came", "answered", "minutes"),
    [
        ("06 17:00", "06 17:30", 30.0),
        ("06 17:00", "09 10:00", 120.0),  # over a weekend
        ("02 12:00", "02 15:00", 120.0),  # over the lunch break
        ("10 17:00", "12 10:00", 120.0),  # over a day of leave
        ("16 17:00", "18 10:00", 120.0),  # over a public holiday
        ("07 10:00", "07 12:00", 0.0),
    ],
)
def test_working_minutes_leave_out_what_is_not_worked(came: str, answered: str, minutes: float) -> None:
    calendar = work_calendar(clinician(), date(2026, 3, 1), date(2026, 3, 31), holidays={date(2026, 3, 17)})
    leave = spans([(instant("2026-03-11 00:00"), instant("2026-03-12 00:00"))])
    result = replies(received(came), sent(answered))

    assert (working_seconds(result, with_entries(calendar, leave=leave)) / 60).tolist() == [minutes]


# The median wait


def expected_median(waits_: Sequence[tuple[float, bool]]) -> float:
    """Return the Kaplan-Meier median, computed time by time."""
    surviving = 1.0
    for time in sorted({wait for wait, _ in waits_}):
        at_risk = sum(wait >= time for wait, _ in waits_)
        ended = sum(wait == time and answered for wait, answered in waits_)
        surviving *= 1 - ended / at_risk
        if surviving <= 0.5 + 1e-9:
            return time
    return nan


@given(st.lists(st.tuples(st.integers(0, 12).map(float), st.booleans()), min_size=1, max_size=30))
def test_the_median_wait_is_kaplan_and_meiers(waits_: list[tuple[float, bool]]) -> None:
    minutes, answered = (np.array(column) for column in zip(*waits_, strict=True))
    result = median_wait(minutes, answered.astype(bool))

    assert result == expected_median(waits_) or (np.isnan(result) and np.isnan(expected_median(waits_)))


@given(st.lists(st.integers(0, 100).map(float), min_size=1, max_size=31).filter(lambda waits_: len(waits_) % 2 == 1))
def test_where_all_are_answered_it_is_the_plain_median(waits_: list[float]) -> None:
    assert median_wait(np.array(waits_), np.ones(len(waits_), dtype=bool)) == median(waits_)


def test_a_median_that_is_not_reached_is_unknown() -> None:
    assert np.isnan(median_wait(np.array([1.0, 2.0, 3.0]), np.array([True, False, False])))
    assert np.isnan(median_wait(np.array([]), np.array([], dtype=bool)))
