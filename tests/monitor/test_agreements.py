"""Keys become persons before anything is derived, and a term about them holds from its day on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import CounterpartKind, Kind
from monitor.analysis.agreements import agreements_from, persons_from
from tests.monitor.facts import EXAMPLES, Row, day, event, frames, joined_keys, message, table, term

MONDAY = day("2026-03-02")


def test_the_valid_term_is_the_latest_at_or_before_a_day() -> None:
    terms = [
        term(1, "frequency", "1", "2026-03-02"),
        term(1, "frequency", "0.5", "2026-03-09"),
        term(1, "frequency", None, "2026-03-16"),
        term(2, "frequency", "2"),
    ]
    agreements = agreements_from(table("terms", terms), persons_from(joined_keys()))
    days = np.array([MONDAY - 1, MONDAY, MONDAY + 6, MONDAY + 7, MONDAY + 14])

    assert agreements.texts("frequency", 1, days).tolist() == [None, "1", "1", "0.5", None]
    assert agreements.numbers("frequency", [2, 3], MONDAY).tolist() == pytest.approx([2.0, np.nan], nan_ok=True)
    assert agreements.texts("band", [1, 2], MONDAY).tolist() == [None, None]


def test_dates_are_days_and_yes_is_yes() -> None:
    terms = [term(1, "modified_until", "2026-03-02"), term(1, "trauma", "yes"), term(2, "trauma", "no")]
    agreements = agreements_from(table("terms", terms), persons_from(joined_keys()))

    assert agreements.numbers("modified_until", 1, MONDAY) == MONDAY
    assert agreements.holds("trauma", [1, 2, 3], MONDAY).tolist() == [True, False, False]


def test_of_two_keys_of_one_person_the_latest_term_counts() -> None:
    terms = [
        term(4, "band", "2", "2026-03-02", entered="2026-03-03 10:00"),
        term(1, "band", "3", "2026-03-02", entered="2026-03-02 10:00"),
    ]
    agreements = agreements_from(table("terms", terms), persons_from(joined_keys([1, 4])))

    assert agreements.texts("band", 1, MONDAY) == "2"
    assert agreements.changes("band")[["client", "value"]].to_numpy().tolist() == [[1, "2"]]


said_rows = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 10), st.sampled_from(["1", "2", None])),
    max_size=12, unique_by=lambda row: row[:2],
)  # fmt: skip


@settings(max_examples=EXAMPLES)
@given(said_rows, st.integers(0, 4), st.integers(0, 12))
def test_a_lookup_is_the_slow_readings(rows: list[tuple[int, int, str | None]], client: int, on_day: int) -> None:
    terms: list[Row] = [
        {"client": number, "term": "band", "day": since, "value": value, "entered_at": 0}
        for number, since, value in rows
    ]
    agreements = agreements_from(table("terms", terms), persons_from(joined_keys()))
    before = [(since, value) for number, since, value in rows if number == client and since <= on_day]

    assert agreements.texts("band", client, on_day) == (max(before, key=lambda row: row[0])[1] if before else None)


# In the frames


def test_sessions_and_messages_of_one_person_join_only_if_the_clinician_joins_them() -> None:
    entries = [event("2026-03-02 10:00", "2026-03-02 10:50", client=1)]
    mail = [message("2026-03-02 09:30", client=4)]
    apart = frames(entries=entries, mail=mail)
    together = frames(entries=entries, mail=mail, people=[[1, 4]])

    assert apart.messages.replies[["client", "by_session"]].to_numpy().tolist() == [[4, False]]
    assert together.messages.replies[["client", "by_session"]].to_numpy().tolist() == [[1, True]]
    assert together.clients.terms[["client", "person"]].to_numpy().tolist() == [[1, 1], [4, 1]]


def test_who_is_not_a_client_writes_other_mail_and_meeting_them_is_no_session() -> None:
    entries = [event(f"2026-03-0{n} 10:00", f"2026-03-0{n} 10:50", client=7) for n in (2, 4)]
    mail = [message(f"2026-03-0{n} 09:30", client=7) for n in (2, 4)]
    derived = frames(entries=entries, mail=mail, terms=[term(7, "standing", "not_a_client", "2026-03-03")])

    assert derived.sessions.all["client"].tolist() == [7]
    assert derived.other_events["kind"].tolist() == [Kind.OTHER]
    assert derived.messages.all["counterpart_kind"].tolist() == [CounterpartKind.CLIENT, CounterpartKind.OTHER]
    assert len(derived.messages.replies) == 1


def test_the_day_on_which_somebody_stops_being_a_client_is_a_work_day() -> None:
    mail = [message("2026-03-03 03:59", client=7), message("2026-03-03 04:00", client=7)]
    derived = frames(mail=mail, terms=[term(7, "standing", "not_a_client", "2026-03-03")])

    assert derived.messages.all["counterpart_kind"].tolist() == [CounterpartKind.CLIENT, CounterpartKind.OTHER]


def test_a_colleague_marked_as_no_client_stays_a_colleague() -> None:
    mail = [message("2026-03-03 10:00", client=7, kind=CounterpartKind.COLLEAGUE)]
    derived = frames(mail=mail, terms=[term(7, "standing", "not_a_client")])

    assert derived.messages.all["counterpart_kind"].tolist() == [CounterpartKind.COLLEAGUE]


def test_clients_are_listed_with_what_holds_now() -> None:
    terms = [term(1, "trauma", "yes", "2026-03-02"), term(1, "trauma", "no", "2026-05-01"), term(5, "band", "2")]
    derived = frames(entries=[event("2026-03-02 10:00", "2026-03-02 10:50", client=1)], terms=terms)

    assert derived.clients.terms[["client", "trauma", "band"]].to_numpy().tolist() == [[1, "yes", None], [5, None, "2"]]
