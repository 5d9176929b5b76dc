"""True times from several sources: which session they are about, what they are worth, which count."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from connectors.records import Grade, Kind, Status
from monitor.analysis.sessions import count_linked_evidence, sessions_from, unscheduled_calls_from
from tests.monitor.facts import Row, actual_times, corrections, event, events, evidence, instant

NOON = instant("2026-03-06 12:00")
CALENDAR, RECORDS, MEET, TELEPHONE = 1, 2, 3, 4
ROOM, OTHER = "room", "other"


def booked(clock: str, uid: str, meeting: str = "", **fields: object) -> Row:
    """A session of 50 minutes on 2 March."""
    start = pd.Timestamp(f"2026-03-02 {clock}")
    return event(str(start), str(start + pd.Timedelta(minutes=50)), uid=uid, meeting=meeting, **fields)  # type: ignore[arg-type]


def call(span: str, *, grade: Grade = Grade.CALL, source: int = MEET, uid: str = "", meeting: str = "") -> Row:
    """Evidence of 2 March, written "10:01-10:52"; either end may be missing."""
    start, _, end = span.partition("-")
    day = "2026-03-02 "
    return actual_times(
        day + start if start else None, day + end if end else None, grade=grade, source=source, uid=uid, meeting=meeting
    )


def empty_call(clock: str) -> Row:
    """Return the call of no length that stands for a video meeting to which nobody came."""
    return call(f"{clock}-{clock}", meeting=ROOM)


def visit(span: str, uid: str = "ten") -> Row:
    return call(span, grade=Grade.EHR, source=RECORDS, uid=uid)


def clock(instant: float) -> str:
    """What a clock in Berlin shows; nothing for an unknown instant."""
    if np.isnan(instant):
        return ""
    return (
        pd.Timestamp(instant, unit="s", tz="UTC").tz_convert("Europe/Berlin").strftime("%H:%M:%S").removesuffix(":00")
    )


def evidence_by_entry(entries: Iterable[Row], times: Iterable[Row]) -> dict[str, tuple[str, str, str]]:
    """By uid_key: actual span, evidence and status."""
    result = sessions_from(events(entries), evidence(times), corrections(), as_of=NOON)
    return {
        row["uid_key"]: (f"{clock(row['actual_start'])}-{clock(row['actual_end'])}", row["evidence"], row["status"])
        for row in result.to_dict("records")
    }


# One session, several sources


@pytest.mark.parametrize(("corrected", "span"), [("10:20", "-10:20"), ("10:40", "10:30-10:40")])
def test_a_start_after_the_corrected_end_is_unknown(corrected: str, span: str) -> None:
    ended = corrections({"ten": f"2026-03-02 {corrected}"})
    result = sessions_from(events([booked("10:00", "ten")]), evidence([call("10:30-10:52")]), ended, as_of=NOON)
    (row,) = result.to_dict("records")
    assert f"{clock(row['actual_start'])}-{clock(row['actual_end'])}" == span


@pytest.mark.parametrize(
    ("times", "span", "named", "status"),
    [
        # the better grade counts, whichever source it comes from
        ([call("10:01-10:52"), visit("10:02-10:55")], "10:02-10:55", "ehr", "held"),
        ([visit("10:02-"), call("10:01-10:52")], "10:02-10:52", "call", "held"),
        # one that begins after the end that counts is passed over
        ([visit("-10:20"), call("10:30-10:52")], "-10:20", "ehr", "held"),
        ([visit("10:55-"), call("10:01-10:52")], "10:01-10:52", "call", "held"),
        ([visit("10:52-"), call("10:01-10:52")], "10:52-10:52", "call", "held"),
        # two call logs stay two: they are not joined, the earlier source counts
        ([call("10:01-10:52"), call("09:58-10:57", source=TELEPHONE)], "10:01-10:52", "call", "held"),
        # ... unless it knows less
        ([call("10:01-"), call("09:58-10:57", source=TELEPHONE)], "09:58-10:57", "call", "held"),
        # pieces of one log are one call
        ([call("10:01-10:20"), call("10:22-10:52")], "10:01-10:52", "call", "held"),
        # nobody came to the one, but they spoke on the other
        ([call("10:00-10:03"), call("10:04-10:50", source=TELEPHONE)], "10:04-10:50", "call", "held"),
        ([call("10:00-10:03"), call("10:04-10:08", source=TELEPHONE)], "10:00-10:03", "call", "no_show"),
        # a couple that was there for three minutes, not for six; pieces of three minutes each, for six
        ([call("10:00-10:03"), call("10:00-10:03")], "10:00-10:03", "call", "no_show"),
        ([call("10:00-10:03"), call("10:01-10:02"), call("10:02-10:04:59")], "10:00-10:04:59", "call", "no_show"),
        ([call("10:00-10:03"), call("10:10-10:13")], "10:00-10:13", "call", "held"),
        # nobody came to the first: that counts where there is no other evidence
        ([empty_call("10:10")], "10:10-10:10", "call", "no_show"),
        ([empty_call("10:50")], "10:50-10:50", "call", "no_show"),
        ([empty_call("10:50:01")], "-", "", "held"),
        ([empty_call("10:10"), call("10:12-10:48")], "10:12-10:48", "call", "held"),
        ([empty_call("10:10"), call("10:12-10:48", source=TELEPHONE)], "10:12-10:48", "call", "held"),
        ([empty_call("10:10"), visit("-10:52")], "-10:52", "ehr", "held"),
        # somebody else rang meanwhile: a call that was missed on the telephone says nothing of the session
        ([call("10:10-10:10", source=TELEPHONE)], "-", "", "held"),
        # left open: says nothing, and another source counts
        ([call("10:00-13:00")], "10:00-13:00", "call", "held"),
        ([call("10:00-13:00:01")], "-", "", "held"),
        ([call("10:00-17:00"), call("10:02-10:51", source=TELEPHONE)], "10:02-10:51", "call", "held"),
        ([call("10:00-17:00"), visit("10:02-10:51")], "10:02-10:51", "ehr", "held"),
        # a record system's template: the booking to the second
        ([visit("10:00-10:50")], "-", "", "held"),
        ([visit("10:00-10:50"), call("10:01-10:56")], "10:01-10:56", "call", "held"),
        ([visit("10:00-10:50:01")], "10:00-10:50:01", "ehr", "held"),
        ([visit("10:00-10:49")], "10:00-10:49", "ehr", "held"),
        ([visit("-10:50")], "-10:50", "ehr", "held"),
        ([visit("10:00-")], "10:00-", "ehr", "held"),
        # a call is measured: to the second on time is on time
        ([call("10:00-10:50")], "10:00-10:50", "call", "held"),
        ([], "-", "", "held"),
    ],
)
def test_what_counts_of_a_session_from_ten_to_ten_to_eleven(
    times: list[Row], span: str, named: str, status: str
) -> None:
    assert evidence_by_entry([booked("10:00", "ten")], times) == {"ten": (span, named, status)}
    assert evidence_by_entry([booked("10:00", "ten")], times[::-1]) == {"ten": (span, named, status)}


def test_a_template_is_told_by_its_own_entry_also_where_the_calendar_shows_another_time() -> None:
    entries = [booked("10:00", "ten"), event("2026-03-02 10:05", "2026-03-02 10:45", uid="visit", source=RECORDS)]
    assert evidence_by_entry(entries, [visit("10:05-10:45", "visit")]) == {"ten": ("-", "", "held")}
    assert evidence_by_entry(entries, [visit("10:06-10:45", "visit")]) == {"ten": ("10:06-10:45", "ehr", "held")}


def test_an_end_that_was_moved_in_the_record_system_is_a_template_too() -> None:
    moved = event("2026-03-02 10:00", "2026-03-02 11:00", booked_end="2026-03-02 10:50", uid="ten", source=RECORDS)
    assert evidence_by_entry([moved], [visit("10:00-11:00")])["ten"] == ("-", "edited", "held")


@pytest.mark.parametrize(("span", "ends"), [("11:55-12:52", ["", "12:52"]), ("10:03-11:05", ["11:05", ""])])
def test_of_an_entry_that_two_sources_show_at_two_times_the_nearer_one_is_meant(span: str, ends: list[str]) -> None:
    booked_events = events([booked("10:00", "x"), booked("12:00", "x", source=RECORDS)])
    by_record = sessions_from(booked_events, evidence([visit(span, "x")]), corrections(), as_of=NOON)
    by_hand = sessions_from(booked_events, evidence(), corrections({"x": f"2026-03-02 {span[6:]}"}), as_of=NOON)
    for result in (by_record, by_hand):
        assert [clock(end) for end in result["actual_end"]] == ends


@pytest.mark.parametrize(
    ("span", "expected"),
    [("10:01-10:56", ("10:01-10:56", "call", "held")), ("10:20-10:20", ("10:20-10:20", "call", "no_show"))],
)
def test_the_call_of_a_group_is_evidence_for_all_who_were_expected(span: str, expected: tuple[str, str, str]) -> None:
    cancelled = booked("10:00", "off", ROOM, client=3, status=Status.CANCELLED)
    group = [booked("10:00", str(client), ROOM, client=client) for client in (1, 2)]
    assert evidence_by_entry([*group, cancelled], [call(span, meeting=ROOM)]) == {
        "1": expected,
        "2": expected,
        "off": ("-", "", "cancelled"),
    }


# Which session a call is about


@pytest.mark.parametrize(
    ("entries", "call", "session"),
    [
        # two series in one room: the instance that it shares most time with
        ([booked("10:00", "a", ROOM), booked("11:00", "b", ROOM)], call("10:02-11:10", meeting=ROOM), "a"),
        ([booked("10:00", "a", ROOM), booked("11:00", "b", ROOM)], call("10:45-11:49", meeting=ROOM), "b"),
        # the room counts before the time
        ([booked("10:00", "a", ROOM), booked("10:30", "b", OTHER)], call("10:25-11:20", meeting=ROOM), "a"),
        ([booked("10:00", "a", ROOM), booked("10:30", "b")], call("10:25-11:20", meeting=ROOM), "a"),
        # a room that is no entry's: an entry without one, never another's
        ([booked("10:00", "a", ROOM), booked("10:30", "b")], call("10:00-11:20", meeting=OTHER), "b"),
        ([booked("10:00", "a", ROOM)], call("10:00-10:50", meeting=OTHER), None),
        # a call that names no room may be anybody's
        ([booked("10:00", "a", ROOM), booked("11:00", "b")], call("10:02-10:52"), "a"),
        # the room's entry on another day is not meant
        ([booked("15:00", "a", ROOM), booked("10:00", "b")], call("10:02-10:52", meeting=ROOM), "b"),
        # given away: whoever came
        (
            [booked("10:00", "a", ROOM, status=Status.CANCELLED), booked("10:00", "b", ROOM)],
            call("10:02-10:52", meeting=ROOM),
            "b",
        ),
        # it names its entry: there, wherever the time lies
        ([booked("10:00", "a", ROOM), booked("11:00", "b", ROOM)], call("10:02-10:52", uid="b", meeting=ROOM), "b"),
        ([booked("10:00", "a")], call("11:00-11:40"), None),
    ],
)
def test_which_session_a_call_is_about(entries: list[Row], call: Row, session: str | None) -> None:
    result = evidence_by_entry(entries, [call])
    assert [uid for uid, (_, named, _) in result.items() if named] == ([session] if session else [])


@pytest.mark.parametrize(
    ("entries", "pieces", "spans"),
    [
        # somebody dropped out and came back after the booked end, or was there before it began
        ([booked("10:00", "a", ROOM)], ["10:01-10:48", "10:51-11:05"], {"a": "10:01-11:05"}),
        ([booked("10:00", "a", ROOM)], ["10:01-10:48", "11:02:59-11:05"], {"a": "10:01-11:05"}),
        ([booked("10:00", "a", ROOM)], ["09:50-09:57", "10:01-10:48"], {"a": "09:50-10:48"}),
        ([booked("10:00", "a")], ["10:01-10:48", "10:51-11:05"], {"a": "10:01-11:05"}),
        # a quarter of an hour later it is another call
        ([booked("10:00", "a", ROOM)], ["10:01-10:48", "11:03-11:05"], {"a": "10:01-10:48"}),
        # clients one after the other in one room are each other's neighbours, however little lies between
        ([booked("10:00", "a", ROOM), booked("11:00", "b", ROOM)], ["10:01-10:48", "10:51-10:58", "11:00-11:49"],
         {"a": "10:01-10:58", "b": "11:00-11:49"}),
        ([booked("10:00", "a", ROOM), booked("10:50", "b", ROOM)], ["10:01-10:49", "10:49-11:40"],
         {"a": "10:01-10:49", "b": "10:49-11:40"}),
        # what lies in another entry is no piece of this one
        ([booked("10:00", "a", ROOM), booked("11:00", "b", OTHER)], ["10:01-10:50", "11:00-11:50"],
         {"a": "10:01-10:50", "b": "-"}),
        # nobody came afterwards: the session ended when it ended
        ([booked("10:00", "a", ROOM)], ["10:01-10:48", "10:53-10:53"], {"a": "10:01-10:48"}),
    ],
)  # fmt: skip
def test_a_call_that_is_taken_up_again_is_one(entries: list[Row], pieces: list[str], spans: dict[str, str]) -> None:
    calls = [call(span, meeting=ROOM) for span in pieces]
    for times in (calls, calls[::-1]):
        assert {uid: span for uid, (span, _, _) in evidence_by_entry(entries, times).items()} == spans


def test_a_telephone_call_soon_after_a_session_may_be_anybodys() -> None:
    calls = [call("10:01-10:48", source=TELEPHONE), call("10:51-11:05", source=TELEPHONE)]
    assert evidence_by_entry([booked("10:00", "a")], calls)["a"][0] == "10:01-10:48"


def test_a_room_known_to_one_of_two_sources_is_the_sessions() -> None:
    entries = [booked("10:00", "ten", source=RECORDS), booked("10:00", "seen", ROOM, source=MEET), booked("10:30", "x")]
    assert evidence_by_entry(entries, [call("10:20-11:20", meeting=ROOM)])["ten"][1] == "call"


def test_a_year_of_weekly_rooms_finds_each_week() -> None:
    weeks = pd.date_range("2025-03-03 10:00", periods=50, freq="7D")
    entries = [
        event(str(day), str(day + pd.Timedelta(minutes=50)), uid=str(n), meeting=ROOM) for n, day in enumerate(weeks)
    ]
    calls = [
        actual_times(
            str(day + pd.Timedelta(minutes=2)), str(day + pd.Timedelta(minutes=53)), grade=Grade.CALL, meeting=ROOM
        )
        for day in weeks
    ]
    assert set(evidence_by_entry(entries, calls).values()) == {("10:02-10:53", "call", "held")}


# Calls that nobody booked


def unscheduled(entries: Iterable[Row], times: Iterable[Row], as_of: int = NOON) -> list[tuple[int, str]]:
    result = unscheduled_calls_from(events(entries), evidence(times), as_of=as_of)
    rows = result.to_dict("records")
    return [(row["client"], f"{clock(row['started_at'])}-{clock(row['ended_at'])}") for row in rows]


@pytest.mark.parametrize(
    ("entries", "times", "expected"),
    [
        ([], [call("18:00-18:40")], [(-1, "18:00-18:40")]),
        ([booked("10:00", "a")], [call("18:00-18:40")], [(-1, "18:00-18:40")]),
        # it belongs to a session, or to something else that was booked
        ([booked("10:00", "a")], [call("10:49-11:30")], []),
        ([booked("18:00", "s", kind=Kind.SUPERVISION)], [call("18:05-18:40")], []),
        # a booking that was called off, or lasts all day, explains nothing
        ([booked("18:00", "a", status=Status.CANCELLED)], [call("18:05-18:40")], [(-1, "18:05-18:40")]),
        ([event("2026-03-02 00:00", "2026-03-03 00:00", kind=Kind.LEAVE, all_day=True)], [call("18:05-18:40")],
         [(-1, "18:05-18:40")]),
        # with whom: where the room is one client's alone
        ([booked("10:00", "a", ROOM, client=7)], [call("18:00-18:40", meeting=ROOM)], [(7, "18:00-18:40")]),
        ([booked("10:00", "a", ROOM, client=7), booked("11:00", "b", ROOM, client=8)],
         [call("18:00-18:40", meeting=ROOM)], [(-1, "18:00-18:40")]),
        ([booked("10:00", "a", ROOM, client=7)], [call("18:00-18:40", meeting=OTHER)], [(-1, "18:00-18:40")]),
        # pieces are one call; what is too short or was left open is none
        ([], [call("18:00-18:03"), call("18:06-18:20")], [(-1, "18:00-18:20")]),
        ([], [call("18:00-18:06"), call("18:21-18:30")], [(-1, "18:00-18:06"), (-1, "18:21-18:30")]),
        ([], [call("18:00-18:04:59")], []),
        ([], [call("18:00-21:00:01")], []),
        ([], [call("18:00-")], []),
        ([], [call("18:00-18:40", grade=Grade.EHR)], []),
        ([], [], []),
    ],
)  # fmt: skip
def test_calls_that_nobody_booked(entries: list[Row], times: list[Row], expected: list[tuple[int, str]]) -> None:
    assert unscheduled(entries, times) == expected
    assert unscheduled(entries, times[::-1]) == expected


def test_a_call_that_has_not_begun_is_left_out() -> None:
    assert unscheduled([], [call("18:00-18:40")], as_of=instant("2026-03-02 17:59")) == []


def test_a_call_that_nobody_booked_is_no_session() -> None:
    assert evidence_by_entry([booked("10:00", "a")], [call("18:00-18:40")]) == {"a": ("-", "", "held")}


# What of a source can be used


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([call("10:02-10:55"), call("10:40-10:59", source=TELEPHONE)], {MEET: (1, 1), TELEPHONE: (1, 1)}),
        ([call("10:02-10:55"), call("12:00-12:30")], {MEET: (1, 2)}),
        ([call("07:02-07:55"), call("09:58-10:49"), call("17:00-17:50")], {MEET: (1, 1)}),
        ([visit("10:00-10:50")], {RECORDS: (0, 1)}),
        ([], {}),
    ],
)
def test_of_each_source_it_is_known_how_many_of_its_times_say_how_a_session_went(
    times: list[Row], expected: dict[int, tuple[int, int]]
) -> None:
    entries = [booked("10:00", "ten"), booked("15:00", "three")]
    assert count_linked_evidence(events(entries), evidence(times)) == expected


def test_without_any_session_no_true_time_says_how_one_went() -> None:
    assert count_linked_evidence(events([]), evidence([call("10:02-10:55")])) == {MEET: (0, 1)}
