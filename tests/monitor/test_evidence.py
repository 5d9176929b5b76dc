"""Evidence from several sources: the session that it belongs to, its grade, and the evidence that counts."""

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


def booking(clock: str, uid: str, meeting: str = "", **fields: object) -> Row:
    """Return a session of 50 minutes on 2 March."""
    start = pd.Timestamp(f"2026-03-02 {clock}")
    return event(str(start), str(start + pd.Timedelta(minutes=50)), uid=uid, meeting=meeting, **fields)  # type: ignore[arg-type]


def call_evidence(span: str, *, grade: Grade = Grade.CALL, source: int = MEET, uid: str = "", meeting: str = "") -> Row:
    """Return evidence of 2 March, written "10:01-10:52"; either end may be missing."""
    start, _, end = span.partition("-")
    day = "2026-03-02 "
    return actual_times(
        day + start if start else None, day + end if end else None, grade=grade, source=source, uid=uid, meeting=meeting
    )


def empty_meeting(clock: str) -> Row:
    """Return the evidence of a video meeting to which nobody came: a single instant."""
    return call_evidence(f"{clock}-{clock}", meeting=ROOM)


def visit(span: str, uid: str = "ten") -> Row:
    return call_evidence(span, grade=Grade.EHR, source=RECORDS, uid=uid)


def clock(instant: float) -> str:
    """Return the time of a clock in Berlin; an empty text for an unknown instant."""
    if np.isnan(instant):
        return ""
    return (
        pd.Timestamp(instant, unit="s", tz="UTC").tz_convert("Europe/Berlin").strftime("%H:%M:%S").removesuffix(":00")
    )


def session_results(entries: Iterable[Row], times: Iterable[Row]) -> dict[str, tuple[str, str, str]]:
    """Return the actual span, the evidence and the status of each session by uid_key."""
    sessions = sessions_from(events(entries), evidence(times), corrections(), as_of=NOON)
    return {
        row["uid_key"]: (f"{clock(row['actual_start'])}-{clock(row['actual_end'])}", row["evidence"], row["status"])
        for row in sessions.to_dict("records")
    }


# One session, several sources


@pytest.mark.parametrize(("corrected", "span"), [("10:20", "-10:20"), ("10:40", "10:30-10:40")])
def test_a_start_after_the_corrected_end_is_unknown(corrected: str, span: str) -> None:
    ended = corrections({"ten": f"2026-03-02 {corrected}"})
    sessions = sessions_from(
        events([booking("10:00", "ten")]), evidence([call_evidence("10:30-10:52")]), ended, as_of=NOON
    )
    (row,) = sessions.to_dict("records")
    assert f"{clock(row['actual_start'])}-{clock(row['actual_end'])}" == span


@pytest.mark.parametrize(
    ("times", "span", "grade", "status"),
    [
        # the better grade counts, whichever source it comes from
        ([call_evidence("10:01-10:52"), visit("10:02-10:55")], "10:02-10:55", "ehr", "held"),
        ([visit("10:02-"), call_evidence("10:01-10:52")], "10:02-10:52", "call", "held"),
        # a start after the end that counts is ignored
        ([visit("-10:20"), call_evidence("10:30-10:52")], "-10:20", "ehr", "held"),
        ([visit("10:55-"), call_evidence("10:01-10:52")], "10:01-10:52", "call", "held"),
        ([visit("10:52-"), call_evidence("10:01-10:52")], "10:52-10:52", "call", "held"),
        # two call logs stay two: they are not joined, the earlier source counts
        ([call_evidence("10:01-10:52"), call_evidence("09:58-10:57", source=TELEPHONE)], "10:01-10:52", "call", "held"),
        # ... unless it knows less
        ([call_evidence("10:01-"), call_evidence("09:58-10:57", source=TELEPHONE)], "09:58-10:57", "call", "held"),
        # pieces of one log are one call
        ([call_evidence("10:01-10:20"), call_evidence("10:22-10:52")], "10:01-10:52", "call", "held"),
        # nobody came to the video meeting, but they talked on the telephone
        ([call_evidence("10:00-10:03"), call_evidence("10:04-10:50", source=TELEPHONE)], "10:04-10:50", "call", "held"),
        (
            [call_evidence("10:00-10:03"), call_evidence("10:04-10:08", source=TELEPHONE)],
            "10:00-10:03",
            "call",
            "no_show",
        ),
        # two participants for three minutes are not six minutes; two pieces of three minutes each are
        ([call_evidence("10:00-10:03"), call_evidence("10:00-10:03")], "10:00-10:03", "call", "no_show"),
        (
            [call_evidence("10:00-10:03"), call_evidence("10:01-10:02"), call_evidence("10:02-10:04:59")],
            "10:00-10:04:59",
            "call",
            "no_show",
        ),
        ([call_evidence("10:00-10:03"), call_evidence("10:10-10:13")], "10:00-10:13", "call", "held"),
        # a meeting to which nobody came counts if there is no other evidence
        ([empty_meeting("10:10")], "10:10-10:10", "call", "no_show"),
        ([empty_meeting("10:50")], "10:50-10:50", "call", "no_show"),
        ([empty_meeting("10:50:01")], "-", "", "held"),
        ([empty_meeting("10:10"), call_evidence("10:12-10:48")], "10:12-10:48", "call", "held"),
        ([empty_meeting("10:10"), call_evidence("10:12-10:48", source=TELEPHONE)], "10:12-10:48", "call", "held"),
        ([empty_meeting("10:10"), visit("-10:52")], "-10:52", "ehr", "held"),
        # a missed telephone call is not evidence of the session
        ([call_evidence("10:10-10:10", source=TELEPHONE)], "-", "", "held"),
        # a meeting that was left open does not count, and another source does
        ([call_evidence("10:00-13:00")], "10:00-13:00", "call", "held"),
        ([call_evidence("10:00-13:00:01")], "-", "", "held"),
        ([call_evidence("10:00-17:00"), call_evidence("10:02-10:51", source=TELEPHONE)], "10:02-10:51", "call", "held"),
        ([call_evidence("10:00-17:00"), visit("10:02-10:51")], "10:02-10:51", "ehr", "held"),
        # a record system's template: the booking to the second
        ([visit("10:00-10:50")], "-", "", "held"),
        ([visit("10:00-10:50"), call_evidence("10:01-10:56")], "10:01-10:56", "call", "held"),
        ([visit("10:00-10:50:01")], "10:00-10:50:01", "ehr", "held"),
        ([visit("10:00-10:49")], "10:00-10:49", "ehr", "held"),
        ([visit("-10:50")], "-10:50", "ehr", "held"),
        ([visit("10:00-")], "10:00-", "ehr", "held"),
        # a call is measured: to the second on time is on time
        ([call_evidence("10:00-10:50")], "10:00-10:50", "call", "held"),
        ([], "-", "", "held"),
    ],
)
def test_evidence_that_counts_for_a_session_from_ten_to_ten_fifty(
    times: list[Row], span: str, grade: str, status: str
) -> None:
    assert session_results([booking("10:00", "ten")], times) == {"ten": (span, grade, status)}
    assert session_results([booking("10:00", "ten")], times[::-1]) == {"ten": (span, grade, status)}


def test_a_template_is_recognised_by_its_own_entry_if_the_calendar_has_another_time() -> None:
    entries = [booking("10:00", "ten"), event("2026-03-02 10:05", "2026-03-02 10:45", uid="visit", source=RECORDS)]
    assert session_results(entries, [visit("10:05-10:45", "visit")]) == {"ten": ("-", "", "held")}
    assert session_results(entries, [visit("10:06-10:45", "visit")]) == {"ten": ("10:06-10:45", "ehr", "held")}


def test_an_end_that_was_moved_in_the_record_system_is_a_template_too() -> None:
    moved = event("2026-03-02 10:00", "2026-03-02 11:00", booked_end="2026-03-02 10:50", uid="ten", source=RECORDS)
    assert session_results([moved], [visit("10:00-11:00")])["ten"] == ("-", "edited", "held")


@pytest.mark.parametrize(("span", "ends"), [("11:55-12:52", ["", "12:52"]), ("10:03-11:05", ["11:05", ""])])
def test_evidence_of_an_entry_in_two_sources_belongs_to_the_nearer_one(span: str, ends: list[str]) -> None:
    entries = events([booking("10:00", "x"), booking("12:00", "x", source=RECORDS)])
    by_record = sessions_from(entries, evidence([visit(span, "x")]), corrections(), as_of=NOON)
    by_hand = sessions_from(entries, evidence(), corrections({"x": f"2026-03-02 {span[6:]}"}), as_of=NOON)
    for sessions in (by_record, by_hand):
        assert [clock(end) for end in sessions["actual_end"]] == ends


@pytest.mark.parametrize(
    ("call", "expected"),
    [("10:01-10:56", ("10:01-10:56", "call", "held")), ("10:20-10:20", ("10:20-10:20", "call", "no_show"))],
)
def test_a_call_of_a_group_applies_to_all_who_were_expected(call: str, expected: tuple[str, str, str]) -> None:
    off = booking("10:00", "off", ROOM, client=3, status=Status.CANCELLED)
    group = [booking("10:00", str(client), ROOM, client=client) for client in (1, 2)]
    assert session_results([*group, off], [call_evidence(call, meeting=ROOM)]) == {
        "1": expected,
        "2": expected,
        "off": ("-", "", "cancelled"),
    }


# Which session a call is about


@pytest.mark.parametrize(
    ("entries", "call", "session"),
    [
        # two series in one room: the instance that it shares most time with
        ([booking("10:00", "a", ROOM), booking("11:00", "b", ROOM)], call_evidence("10:02-11:10", meeting=ROOM), "a"),
        ([booking("10:00", "a", ROOM), booking("11:00", "b", ROOM)], call_evidence("10:45-11:49", meeting=ROOM), "b"),
        # the room counts before the time
        ([booking("10:00", "a", ROOM), booking("10:30", "b", OTHER)], call_evidence("10:25-11:20", meeting=ROOM), "a"),
        ([booking("10:00", "a", ROOM), booking("10:30", "b")], call_evidence("10:25-11:20", meeting=ROOM), "a"),
        # a room without an entry: an entry without a room, never one with another room
        ([booking("10:00", "a", ROOM), booking("10:30", "b")], call_evidence("10:00-11:20", meeting=OTHER), "b"),
        ([booking("10:00", "a", ROOM)], call_evidence("10:00-10:50", meeting=OTHER), None),
        # a call without a room may belong to any entry
        ([booking("10:00", "a", ROOM), booking("11:00", "b")], call_evidence("10:02-10:52"), "a"),
        # an entry with the room on another day does not match
        ([booking("15:00", "a", ROOM), booking("10:00", "b")], call_evidence("10:02-10:52", meeting=ROOM), "b"),
        # given away: whoever came
        (
            [booking("10:00", "a", ROOM, status=Status.CANCELLED), booking("10:00", "b", ROOM)],
            call_evidence("10:02-10:52", meeting=ROOM),
            "b",
        ),
        # a call that names its entry belongs to it, whatever its time
        (
            [booking("10:00", "a", ROOM), booking("11:00", "b", ROOM)],
            call_evidence("10:02-10:52", uid="b", meeting=ROOM),
            "b",
        ),
        ([booking("10:00", "a")], call_evidence("11:00-11:40"), None),
    ],
)
def test_which_session_a_call_is_about(entries: list[Row], call: Row, session: str | None) -> None:
    sessions = session_results(entries, [call])
    assert [uid for uid, (_, grade, _) in sessions.items() if grade] == ([session] if session else [])


@pytest.mark.parametrize(
    ("entries", "pieces", "spans"),
    [
        # somebody dropped out and came back after the booked end, or came before the start
        ([booking("10:00", "a", ROOM)], ["10:01-10:48", "10:51-11:05"], {"a": "10:01-11:05"}),
        ([booking("10:00", "a", ROOM)], ["10:01-10:48", "11:02:59-11:05"], {"a": "10:01-11:05"}),
        ([booking("10:00", "a", ROOM)], ["09:50-09:57", "10:01-10:48"], {"a": "09:50-10:48"}),
        ([booking("10:00", "a")], ["10:01-10:48", "10:51-11:05"], {"a": "10:01-11:05"}),
        # a quarter of an hour later it is another call
        ([booking("10:00", "a", ROOM)], ["10:01-10:48", "11:03-11:05"], {"a": "10:01-10:48"}),
        # consecutive clients in one room have separate calls, however short the gap
        ([booking("10:00", "a", ROOM), booking("11:00", "b", ROOM)], ["10:01-10:48", "10:51-10:58", "11:00-11:49"],
         {"a": "10:01-10:58", "b": "11:00-11:49"}),
        ([booking("10:00", "a", ROOM), booking("10:50", "b", ROOM)], ["10:01-10:49", "10:49-11:40"],
         {"a": "10:01-10:49", "b": "10:49-11:40"}),
        # a call within another entry is not a part of this one
        ([booking("10:00", "a", ROOM), booking("11:00", "b", OTHER)], ["10:01-10:50", "11:00-11:50"],
         {"a": "10:01-10:50", "b": "-"}),
        # a later meeting to which nobody came does not extend the session
        ([booking("10:00", "a", ROOM)], ["10:01-10:48", "10:53-10:53"], {"a": "10:01-10:48"}),
    ],
)  # fmt: skip
def test_a_resumed_call_is_one_call(entries: list[Row], pieces: list[str], spans: dict[str, str]) -> None:
    calls = [call_evidence(span, meeting=ROOM) for span in pieces]
    for times in (calls, calls[::-1]):
        assert {uid: span for uid, (span, _, _) in session_results(entries, times).items()} == spans


def test_a_telephone_call_soon_after_a_session_may_be_with_anybody() -> None:
    calls = [call_evidence("10:01-10:48", source=TELEPHONE), call_evidence("10:51-11:05", source=TELEPHONE)]
    assert session_results([booking("10:00", "a")], calls)["a"][0] == "10:01-10:48"


def test_a_room_that_one_of_two_sources_knows_belongs_to_the_session() -> None:
    entries = [
        booking("10:00", "ten", source=RECORDS),
        booking("10:00", "seen", ROOM, source=MEET),
        booking("10:30", "x"),
    ]
    assert session_results(entries, [call_evidence("10:20-11:20", meeting=ROOM)])["ten"][1] == "call"


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
    assert set(session_results(entries, calls).values()) == {("10:02-10:53", "call", "held")}


# Unscheduled calls


def unscheduled_calls(entries: Iterable[Row], times: Iterable[Row], as_of: int = NOON) -> list[tuple[int, str]]:
    sessions = unscheduled_calls_from(events(entries), evidence(times), as_of=as_of)
    rows = sessions.to_dict("records")
    return [(row["client"], f"{clock(row['started_at'])}-{clock(row['ended_at'])}") for row in rows]


@pytest.mark.parametrize(
    ("entries", "times", "expected"),
    [
        ([], [call_evidence("18:00-18:40")], [(-1, "18:00-18:40")]),
        ([booking("10:00", "a")], [call_evidence("18:00-18:40")], [(-1, "18:00-18:40")]),
        # it belongs to a session or to another booking
        ([booking("10:00", "a")], [call_evidence("10:49-11:30")], []),
        ([booking("18:00", "s", kind=Kind.SUPERVISION)], [call_evidence("18:05-18:40")], []),
        # it does not belong to a cancelled or an all-day booking
        ([booking("18:00", "a", status=Status.CANCELLED)], [call_evidence("18:05-18:40")], [(-1, "18:05-18:40")]),
        ([event("2026-03-02 00:00", "2026-03-03 00:00", kind=Kind.LEAVE, all_day=True)], [call_evidence("18:05-18:40")],
         [(-1, "18:05-18:40")]),
        # the client is expected if the room has only one
        ([booking("10:00", "a", ROOM, client=7)], [call_evidence("18:00-18:40", meeting=ROOM)], [(7, "18:00-18:40")]),
        ([booking("10:00", "a", ROOM, client=7), booking("11:00", "b", ROOM, client=8)],
         [call_evidence("18:00-18:40", meeting=ROOM)], [(-1, "18:00-18:40")]),
        ([booking("10:00", "a", ROOM, client=7)], [call_evidence("18:00-18:40", meeting=OTHER)], [(-1, "18:00-18:40")]),
        # pieces are one call; one that is too short or was left open does not count
        ([], [call_evidence("18:00-18:03"), call_evidence("18:06-18:20")], [(-1, "18:00-18:20")]),
        ([], [call_evidence("18:00-18:06"), call_evidence("18:21-18:30")], [(-1, "18:00-18:06"), (-1, "18:21-18:30")]),
        ([], [call_evidence("18:00-18:04:59")], []),
        ([], [call_evidence("18:00-21:00:01")], []),
        ([], [call_evidence("18:00-")], []),
        ([], [call_evidence("18:00-18:40", grade=Grade.EHR)], []),
        ([], [], []),
    ],
)  # fmt: skip
def test_calls_that_are_unscheduled(entries: list[Row], times: list[Row], expected: list[tuple[int, str]]) -> None:
    assert unscheduled_calls(entries, times) == expected
    assert unscheduled_calls(entries, times[::-1]) == expected


def test_a_call_that_has_not_begun_does_not_count() -> None:
    assert unscheduled_calls([], [call_evidence("18:00-18:40")], as_of=instant("2026-03-02 17:59")) == []


def test_an_unscheduled_call_is_not_a_session() -> None:
    assert session_results([booking("10:00", "a")], [call_evidence("18:00-18:40")]) == {"a": ("-", "", "held")}


# The evidence of a source that can be linked


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (
            [call_evidence("10:02-10:55"), call_evidence("10:40-10:59", source=TELEPHONE)],
            {MEET: (1, 1), TELEPHONE: (1, 1)},
        ),
        ([call_evidence("10:02-10:55"), call_evidence("12:00-12:30")], {MEET: (1, 2)}),
        ([call_evidence("07:02-07:55"), call_evidence("09:58-10:49"), call_evidence("17:00-17:50")], {MEET: (1, 1)}),
        ([visit("10:00-10:50")], {RECORDS: (0, 1)}),
        ([], {}),
    ],
)
def test_the_evidence_that_is_linked_to_sessions_is_counted_for_each_source(
    times: list[Row], expected: dict[int, tuple[int, int]]
) -> None:
    entries = [booking("10:00", "ten"), booking("15:00", "three")]
    assert count_linked_evidence(events(entries), evidence(times)) == expected


def test_without_sessions_no_evidence_is_linked() -> None:
    assert count_linked_evidence(events([]), evidence([call_evidence("10:02-10:55")])) == {MEET: (0, 1)}
