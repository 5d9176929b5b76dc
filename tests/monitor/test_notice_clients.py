"""Contacts with one client: the counted contacts and weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from connectors.records import CounterpartKind, Kind
from monitor.notices.answers import Exclusion
from monitor.notices.series import weekly_contacts
from tests.monitor.facts import Row, day, event, frames, message, term

FIRST = day("2026-01-05")
SESSIONS = [
    event(f"{monday:%Y-%m-%d} {hour}:00", f"{monday:%Y-%m-%d} {hour}:50", client=client)
    for monday in pd.date_range("2026-01-05", periods=12, freq="7D")
    for client, hour in ((1, 10), (2, 11))
]


READ = [
    message(f"{monday:%Y-%m-%d} 08:30", out=True, client=9, kind=CounterpartKind.COLLEAGUE)
    for monday in pd.date_range("2026-01-05", periods=12, freq="7D")
]


def contacts(
    *mail: Row, entries: list[Row] | None = None, terms: list[Row] | None = None, client: int = 1
) -> list[float]:
    """Return the client's contacts of the twelve weeks."""
    contacts_ = frames(entries=[*SESSIONS, *(entries or [])], mail=[*READ, *mail], terms=terms or [])
    weekly = weekly_contacts(contacts_)
    assert (weekly.counts.isna() == weekly.exposure.isna()).all(axis=None)
    return [float(count) for count in weekly.counts[client]][:12]


def out(when: str, client: int = 1, **fields: object) -> Row:
    return message(when, out=True, client=client, **fields)  # type: ignore[arg-type]


def test_messages_to_a_client_count_by_episode() -> None:
    sent = [
        out("2026-01-06 10:00"),
        out("2026-01-06 10:10"),
        out("2026-01-07 10:00"),
        out("2026-01-13 10:00", client=2),
    ]

    assert contacts(*sent) == [2.0, *[0.0] * 11]
    assert contacts(*sent, client=2) == [0.0, 1.0, *[0.0] * 10]
    assert contacts(message("2026-01-06 10:00"), out("2026-01-07 10:00", automatic=True)) == [0.0] * 12


def test_a_second_session_of_a_week_counts_and_the_usual_one_does_not() -> None:
    second = event("2026-01-14 10:00", "2026-01-14 10:50", client=1)

    assert contacts(entries=[second]) == [0.0, 1.0, *[0.0] * 10]


def test_a_second_session_in_an_emergency_is_none_of_these() -> None:
    second = event("2026-01-14 20:00", "2026-01-14 20:50", client=1)
    window = event("2026-01-14 19:00", "2026-01-14 22:00", client=-1, kind=Kind.EMERGENCY)

    assert contacts(entries=[second]) == [0.0, 1.0, *[0.0] * 10]
    assert contacts(entries=[second, window]) == [0.0] * 12


@pytest.mark.parametrize(
    ("terms", "missing"),
    [
        ([term(1, "emergency", "yes", "2026-02-02")], range(4, 12)),
        ([term(1, "modified", "distance", "2026-02-02")], ()),  # without a review date
        (
            [term(1, "modified", "distance", "2026-02-02"), term(1, "modified_until", "2026-02-20", "2026-02-02")],
            range(4, 7),
        ),
        ([term(2, "emergency", "yes", "2026-02-02")], ()),
        ([term(1, "channels", "email", "2026-02-02")], ()),
    ],
)
def test_whoever_has_an_agreement_of_their_own_is_measured_by_that(terms: list[Row], missing: range) -> None:
    assert np.flatnonzero(np.isnan(contacts(terms=terms))).tolist() == list(missing)


def test_only_the_weeks_of_the_treatment_count() -> None:
    brief = [event(f"2026-02-{on} 15:00", f"2026-02-{on} 15:50", client=3) for on in ("16", "17")]
    has_count = np.isfinite(contacts(entries=brief, client=3))

    assert np.flatnonzero(has_count).tolist() == list(range(1, 10))


def test_weeks_away_and_weeks_without_mail_do_not_count() -> None:
    away = event("2026-01-12 00:00", "2026-01-19 00:00", kind=Kind.LEAVE, all_day=True)
    seen = ("2026-02-02 00:00", "2027-01-01 00:00")
    on_leave = weekly_contacts(frames(entries=[*SESSIONS[:2], *SESSIONS[4:], away], mail=READ))
    unread = weekly_contacts(frames(entries=SESSIONS, mail=READ[4:], messages_span=seen))

    assert np.flatnonzero(on_leave.counts[1].isna()).tolist() == [1]
    assert unread.counts[1].isna().tolist()[:5] == [True] * 4 + [False]


def test_an_exception_with_a_client_leaves_that_clients_weeks_out() -> None:
    weekly = weekly_contacts(frames(entries=SESSIONS, mail=READ))
    out_of = Exclusion("client_contacts", 1, FIRST, FIRST + 13)
    rest = weekly.excluding([out_of])

    assert rest.counts[1].isna().tolist() == [True, True, *[False] * 10]
    assert rest.counts[2].equals(weekly.counts[2])
    assert weekly.excluding([Exclusion("contact_hours", 1, FIRST, FIRST + 13)]).counts.equals(weekly.counts)


def test_whoever_has_no_clients_has_no_contacts() -> None:
    nobody = weekly_contacts(frames(mail=[out("2026-01-06 10:00")]))

    assert nobody.counts.empty
