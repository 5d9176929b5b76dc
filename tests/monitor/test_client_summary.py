"""Summaries of single clients, as tables of facts: contact compared with the agreement and with the usual."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.client_summary import SUMMARY_COLUMNS, _slope, client_summaries
from tests.monitor.facts import Row, actual_times, event, frames, message, term

FIRST = date(2026, 1, 5)
WEEKS = 20
AS_OF = "2026-05-25 09:00"  # the Monday after the twentieth week
LAST_FOUR = range(16, 20)


def time_in_week(week: int, time: str, *, weekday: int = 0) -> str:
    return f"{FIRST + timedelta(weeks=week, days=weekday)} {time}"


def weekly(client: int = 1, *, weekday: int = 0, since: int = 0) -> list[Row]:
    """Return a session every week at ten."""
    return [
        event(
            time_in_week(n, "10:00", weekday=weekday),
            time_in_week(n, "10:50", weekday=weekday),
            client=client,
            uid=f"{client}-{n}",
        )
        for n in range(since, WEEKS)
    ]


def sent(*weeks: int, time: str = "12:00", client: int = 1, channel: str = "email") -> list[Row]:
    return [{**message(time_in_week(week, time), out=True, client=client), "channel": channel} for week in weeks]


def ended(*minutes: int) -> list[Row]:
    """Return actual ends of the last sessions, by minutes after the booked end."""
    weeks = range(WEEKS - len(minutes), WEEKS)
    return [
        actual_times(
            time_in_week(n, "10:01"), time_in_week(n, f"{10 + (50 + late) // 60}:{(50 + late) % 60:02}"), uid=f"1-{n}"
        )
        for n, late in zip(weeks, minutes, strict=True)
    ]


def summary(client: int = 1, **records: list[Row]) -> dict[str, float]:
    table = client_summaries(frames(entries=weekly(), as_of=AS_OF, **records))  # type: ignore[arg-type]
    return {key: float(table[key][client]) for key in SUMMARY_COLUMNS}


def test_sessions_of_four_weeks_stand_beside_the_agreed_ones() -> None:
    facts = summary(terms=[term(1, "frequency", "0.5", "2026-01-01")])

    assert (facts["sessions"], facts["agreed_sessions"]) == (4, 2)


@pytest.mark.parametrize(("frequency", "extra"), [("1", 2), ("2", 0), ("0.5", 2), (None, None)])
def test_sessions_beyond_the_agreed_number_of_a_week_are_extra(frequency: str | None, extra: float | None) -> None:
    more = [
        event(time_in_week(week, "15:00", weekday=2), time_in_week(week, "15:50", weekday=2), client=1)
        for week in (10, 17, 19)
    ]
    terms = [term(1, "frequency", frequency, "2026-01-01")] if frequency else []

    facts = client_summaries(frames(entries=[*weekly(), *more], as_of=AS_OF, terms=terms)).loc[1]

    assert facts["extra_sessions"] == extra if extra is not None else np.isnan(facts["extra_sessions"])


def replied(*minutes: int) -> list[Row]:
    """Return a client's messages on Tuesdays at nine, with replies so many minutes later in the last weeks."""
    weeks = range(WEEKS - len(minutes), WEEKS)
    return [
        row
        for n, waited in zip(weeks, minutes, strict=True)
        for row in (
            message(time_in_week(n, "09:00", weekday=1)),
            message(time_in_week(n, f"{9 + waited // 60:02}:{waited % 60:02}", weekday=1), out=True),
        )
    ]


@pytest.mark.parametrize(
    ("minutes", "median", "slope"),
    [
        ((127, 63, 31, 15, 7), 31, -1),
        ((7, 15, 31, 63), 23, 1),
        ((30, 30, 30, 30), 30, 0),
        ((239, 127, 63, 31, 15, 7, 3, 1, 0), 11, -1),  # the last eight
        ((30, 30, 30), None, None),
    ],
)
def test_replies_that_grow_faster_have_a_falling_slope(
    minutes: tuple[int, ...], median: float | None, slope: float | None
) -> None:
    facts = summary(mail=replied(*minutes))

    if median is None:
        assert np.isnan(facts["reply_minutes"])
        assert np.isnan(facts["reply_slope"])
    else:
        assert facts["reply_minutes"] == median
        assert facts["reply_slope"] == pytest.approx(slope)


def test_what_was_not_agreed_is_not_known() -> None:
    facts = summary(mail=sent(19))

    assert np.isnan(facts["agreed_sessions"])
    assert np.isnan(facts["other_channel"])


def test_messages_of_four_weeks_stand_beside_the_half_year_before() -> None:
    before = [week for week in range(16) for _ in range(2)]
    mail = [*sent(*range(16)), *sent(*range(16), time="15:00"), *sent(*LAST_FOUR), *sent(19, time="15:00")]

    facts = summary(mail=mail)

    assert facts["contacts"] == 5
    assert facts["usual_contacts"] == 4 * len(before) / 16


def test_the_usual_needs_eight_weeks_with_a_client() -> None:
    table = client_summaries(frames(entries=[*weekly(), *weekly(2, weekday=1, since=9)], as_of=AS_OF))

    assert np.isnan(table["usual_contacts"][2])
    assert table["usual_contacts"][1] == 0


def test_after_hours_are_counted_among_eight_weeks() -> None:
    facts = summary(mail=[*sent(13, 14, 15), *sent(19, time="22:00"), *sent(2, time="23:00")])

    assert (facts["after_hours"], facts["sent"]) == (1, 4)


def test_a_channel_that_was_not_agreed_on_its_day_is_counted() -> None:
    agreed = [term(1, "channels", "email", "2026-01-01"), term(1, "channels", "email,sms", time_in_week(18, "")[:10])]

    facts = summary(mail=[*sent(17, 19, channel="sms"), *sent(16, channel="phone"), *sent(19)], terms=agreed)

    assert facts["other_channel"] == 2


@pytest.mark.parametrize(
    ("minutes", "mean", "slope"),
    [
        ((5, 5, 5, 5), 5, 0),
        ((0, 1, 2, 3, 4, 5, 6, 7), 3.5, 1),
        ((0, 1, 2, 3, 4, 5, 6, 45), 8.25, 1),  # one long session tilts nothing
        ((90, 8, 7, 6, 5, 4, 3, 2, 1), 4.5, -1),  # only the last eight
    ],
)
def test_where_the_last_sessions_ended_and_how_that_moves(minutes: tuple[int, ...], mean: float, slope: float) -> None:
    facts = summary(times=ended(*minutes))

    assert facts["end_minutes"] == pytest.approx(mean)
    assert facts["end_slope"] == pytest.approx(slope)


def test_three_known_ends_are_too_few() -> None:
    facts = summary(times=ended(1, 2, 3))

    assert np.isnan(facts["end_minutes"])
    assert np.isnan(facts["end_slope"])


def test_who_was_neither_met_nor_written_to_lately_has_no_row() -> None:
    old = [event(time_in_week(3, "15:00"), time_in_week(3, "15:50"), client=5)]

    assert client_summaries(frames(entries=[*weekly(), *old], as_of=AS_OF)).index.tolist() == [1]
    assert client_summaries(frames(as_of=AS_OF)).empty


@given(st.lists(st.integers(-20, 60), min_size=4, max_size=8), st.integers(-3, 3), st.integers(-30, 30))
def test_a_slope_follows_what_is_added_to_it(ends: list[int], steeper: int, later: int) -> None:
    flat = np.array(ends, dtype=float)
    tilted = flat + float(steeper) * np.arange(len(flat), dtype=float) + float(later)

    assert _slope(tilted) == pytest.approx(_slope(flat) + steeper)
