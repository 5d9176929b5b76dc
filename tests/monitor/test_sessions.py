"""From entries and evidence to sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from connectors.records import Grade, Kind, Status
from monitor.analysis.sessions import SESSION_COLUMNS, booking_outcomes, sessions_from
from tests.monitor.facts import Row, actual_times, corrections, event, events, evidence, instant

NOON = "2026-03-02 12:00"


def sessions(
    *entries: Row, times: Iterable[Row] = (), corrected: Mapping[str, str] | None = None, as_of: str = NOON
) -> pd.DataFrame:
    return sessions_from(events(entries), evidence(times), corrections(corrected), as_of=instant(as_of))


def only(result: pd.DataFrame) -> pd.Series:
    assert len(result) == 1
    return result.iloc[0]


def ten(uid: str = "ten", **fields: object) -> Row:
    """Return a session from 10:00 to 10:50."""
    return event("2026-03-02 10:00", "2026-03-02 10:50", uid=uid, **fields)  # type: ignore[arg-type]


def called(start: str, end: str) -> Row:
    return actual_times(f"2026-03-02 {start}", f"2026-03-02 {end}", grade=Grade.CALL)


def visited(start: str | None, end: str | None, uid: str = "ten") -> Row:
    day = "2026-03-02 "
    return actual_times(start and day + start, end and day + end, uid=uid)


def ended(result: pd.Series, clock: str) -> bool:
    return bool(result["actual_end"] == instant(f"2026-03-02 {clock}"))


# Which evidence counts


def test_a_correction_beats_the_record_system_beats_the_call() -> None:
    times = [called("10:01", "10:52"), visited("10:02", "10:55")]
    corrected = {"ten": "2026-03-02 10:58"}

    by_all = only(sessions(ten(), times=times, corrected=corrected))
    by_two = only(sessions(ten(), times=times))
    by_call = only(sessions(ten(), times=times[:1]))

    assert [result["evidence"] for result in (by_all, by_two, by_call)] == ["corrected", "ehr", "call"]
    assert ended(by_all, "10:58")
    assert ended(by_two, "10:55")
    assert ended(by_call, "10:52")
    assert by_all["actual_start"] == instant("2026-03-02 10:02")


def test_the_order_of_evidence_does_not_matter() -> None:
    times = [called("10:01", "10:52"), visited("10:02", None), visited(None, "10:55"), called("10:53", "10:54")]
    expected = sessions(ten(), times=times)

    assert all(sessions(ten(), times=order).equals(expected) for order in permutations(times))


def test_a_stronger_source_that_knows_only_the_start_leaves_the_end_to_the_next() -> None:
    result = only(sessions(ten(), times=[visited("10:03", None), called("10:01", "10:52")]))

    assert result["actual_start"] == instant("2026-03-02 10:03")
    assert ended(result, "10:52")
    assert result["evidence"] == "call"


def test_an_edited_end_is_named_and_yields_no_minutes() -> None:
    result = only(sessions(event("2026-03-02 10:00", "2026-03-02 11:00", booked_end="2026-03-02 10:50")))

    assert result["evidence"] == "edited"
    assert result["booked_end"] == instant("2026-03-02 10:50")
    assert pd.isna(result["actual_end"])


def test_an_unknown_end_stays_unknown() -> None:
    nothing, start_alone = only(sessions(ten())), only(sessions(ten(), times=[visited("10:00", None)]))

    assert nothing[["actual_start", "actual_end"]].isna().all()
    assert nothing["evidence"] == ""
    assert pd.isna(start_alone["actual_end"])
    assert start_alone["evidence"] == "ehr"


def test_times_that_end_before_they_begin_are_no_evidence() -> None:
    result = only(sessions(ten(), times=[visited("10:50", "10:00"), called("10:01", "10:52")]))

    assert result["evidence"] == "call"


# Calls


@pytest.mark.parametrize(("until", "status"), [("10:04:59", "no_show"), ("10:05:00", "held")])
def test_a_call_under_five_minutes_is_a_no_show(until: str, status: str) -> None:
    assert only(sessions(ten(), times=[called("10:00", until)]))["status"] == status


def test_a_call_of_unknown_end_is_no_no_show() -> None:
    log = actual_times("2026-03-02 10:00", None, grade=Grade.CALL)
    result = only(sessions(ten(), times=[log]))

    assert result["status"] == "held"
    assert pd.isna(result["actual_end"])


@pytest.mark.parametrize(("until", "is_used"), [("13:00:00", True), ("13:00:01", False)])
def test_a_call_over_three_hours_was_never_closed(until: str, is_used: bool) -> None:  # noqa: FBT001
    result = only(sessions(ten(), times=[called("10:00", until)]))

    assert pd.notna(result["actual_end"]) is is_used
    assert result["status"] == "held"


def test_pieces_of_a_call_are_one_call() -> None:
    pieces = [called("10:00", "10:03"), called("10:07", "10:09"), called("10:40", "10:53")]
    result = only(sessions(ten(), times=pieces))

    assert result["actual_start"] == instant("2026-03-02 10:00")
    assert ended(result, "10:53")


def test_short_pieces_together_are_a_session() -> None:
    assert only(sessions(ten(), times=[called("10:00", "10:03"), called("10:07", "10:09")]))["status"] == "held"


def test_the_record_system_knows_of_a_session_that_the_call_does_not() -> None:
    result = only(sessions(ten(), times=[called("10:00", "10:02"), visited("10:01", "10:50")]))

    assert result["status"] == "held"


def test_a_call_over_two_sessions_belongs_to_the_one_it_shares_more_with() -> None:
    second = event("2026-03-02 11:00", "2026-03-02 11:50", uid="eleven")
    first, other = (result for _, result in sessions(ten(), second, times=[called("10:00", "11:10")]).iterrows())

    assert ended(first, "11:10")
    assert other["evidence"] == ""
    assert np.isnan(other["actual_end"])


def test_a_call_beside_every_session_belongs_to_none() -> None:
    assert only(sessions(ten(), times=[called("11:00", "11:40")]))["evidence"] == ""


def test_a_call_in_a_slot_that_was_given_away_belongs_to_who_came() -> None:
    result = sessions(ten("a", status=Status.CANCELLED), ten("b"), times=[called("10:00", "10:51")]).set_index(
        "uid_key"
    )

    assert result["evidence"].to_dict() == {"a": "", "b": "call"}


# What became of it


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (Status.CONFIRMED, "held"),
        (Status.TENTATIVE, "held"),
        (Status.CANCELLED, "cancelled"),
        (Status.DECLINED, "cancelled"),
        (Status.LATE_CANCELLED, "late_cancelled"),
        (Status.NO_SHOW, "no_show"),
    ],
)
def test_a_session_is_held_unless_its_status_differs(fields: Status, status: str) -> None:
    assert only(sessions(ten(status=fields)))["status"] == status


@pytest.mark.parametrize(("as_of", "status"), [("2026-03-02 09:59:59", "booked"), ("2026-03-02 10:00", "held")])
def test_a_session_that_has_not_begun_is_booked(as_of: str, status: str) -> None:
    assert only(sessions(ten(), as_of=as_of))["status"] == status


@pytest.mark.parametrize(
    "entry",
    [
        ten(all_day=True),
        ten(excluded="longer than longest_session_hours"),
        ten(kind=Kind.SUPERVISION),
        ten(kind=Kind.BUSY),
        event("2026-03-02 10:00", "2026-03-02 10:00"),
        event("2026-03-02 10:00", "2026-03-02 09:00"),
    ],
)
def test_what_is_no_session(entry: Row) -> None:
    result = sessions(entry)

    assert result.empty
    assert result.dtypes.astype(str).to_dict() == SESSION_COLUMNS


def test_nothing_at_all() -> None:
    assert sessions(times=[called("10:00", "10:50")], corrected={"gone": NOON}).empty


# Two sources


def visit(start: str, end: str, **fields: object) -> Row:
    """Return an entry of the record system on that day."""
    return event(f"2026-03-02 {start}", f"2026-03-02 {end}", source=2, **fields)  # type: ignore[arg-type]


def test_a_session_in_two_sources_counts_once() -> None:
    result = only(
        sessions(ten(), visit("10:05", "10:45", client=7, uid="visit"), times=[visited("10:06", "10:53", "visit")])
    )

    assert result["uid_key"] == "ten"
    assert result["client"] == 7
    assert result["booked_end"] == instant("2026-03-02 10:50")
    assert result["evidence"] == "ehr"
    assert ended(result, "10:53")


def test_a_correction_of_either_entry_is_kept() -> None:
    result = only(sessions(ten(), visit("10:00", "10:50", uid="visit"), corrected={"visit": "2026-03-02 10:57"}))

    assert result["evidence"] == "corrected"


def test_the_source_that_knows_of_a_no_show_is_believed() -> None:
    assert only(sessions(ten(), visit("10:00", "10:50", status=Status.NO_SHOW)))["status"] == "no_show"


@pytest.mark.parametrize(("start", "count"), [("10:25", 1), ("10:26", 2)])
def test_half_of_the_shorter_entry_makes_them_one(start: str, count: int) -> None:
    assert len(sessions(ten(), visit(start, "11:16"))) == count


def test_two_entries_of_one_source_stay_two() -> None:
    assert len(sessions(ten("a", client=1), ten("b", client=2))) == 2


def test_a_third_entry_does_not_vanish_in_a_chain() -> None:
    chain = [ten(client=1), visit("10:20", "11:05"), event("2026-03-02 10:40", "2026-03-02 11:30", uid="next")]

    assert len(sessions(*chain)) == 2


def test_simultaneous_sessions_are_distinguished_by_their_clients() -> None:
    couple = [ten("a", client=1), ten("b", client=2)]
    visits = [visit("10:00", "10:50", client=2, uid="x"), visit("10:00", "10:50", client=1, uid="y")]
    result = sessions(*couple, *visits, times=[visited("10:00", "10:57", "x")]).set_index("uid_key")

    assert len(result) == 2
    assert result["client"].to_dict() == {"a": 1, "b": 2}
    assert result["evidence"].to_dict() == {"a": "", "b": "ehr"}


def test_sessions_come_in_the_order_of_their_starts() -> None:
    result = sessions(ten("late"), visit("09:00", "09:50", uid="early"), visit("10:10", "10:50"), as_of=NOON)

    assert result["uid_key"].tolist() == ["early", "late"]


# What became of bookings


def outcomes(*entries: Row, times: Iterable[Row] = ()) -> pd.DataFrame:
    """Return the outcomes of bookings by uid_key, as of noon."""
    table = events(entries)
    result = sessions_from(table, evidence(times), corrections(), as_of=instant(NOON))
    return pd.DataFrame(booking_outcomes(result, table), index=result["uid_key"])


@pytest.mark.parametrize(
    ("cancelled", "late"), [("2026-03-01 10:00", 0.0), ("2026-03-01 10:00:01", 1.0), (None, float("nan"))]
)
def test_a_booking_that_is_cancelled_less_than_a_day_before_is_late(cancelled: str | None, late: float) -> None:
    row = outcomes(ten(status=Status.CANCELLED, cancelled=cancelled)).loc["ten"]

    assert row["cancelled_late"] == pytest.approx(late, nan_ok=True)
    assert row["cancelled_at"] == pytest.approx(instant(cancelled) if cancelled else float("nan"), nan_ok=True)


def test_in_a_source_that_marks_late_cancellations_the_others_were_in_time() -> None:
    table = outcomes(
        ten("late", status=Status.LATE_CANCELLED),
        event("2026-03-02 09:00", "2026-03-02 09:50", uid="in time", status=Status.CANCELLED),
        event("2026-03-02 08:00", "2026-03-02 08:50", uid="elsewhere", status=Status.CANCELLED, source=2),
    )

    assert table["cancelled_late"].reindex(["late", "in time"]).tolist() == [1, 0]
    assert table["cancelled_late"].isna()["elsewhere"]


@pytest.mark.parametrize(
    ("column", "status"), [("no_show", Status.NO_SHOW), ("cancelled_by_clinician", Status.CLINICIAN_CANCELLED)]
)
def test_an_outcome_is_known_in_the_sources_that_state_it(column: str, status: Status) -> None:
    table = outcomes(
        ten("stated", status=status),
        event("2026-03-02 09:00", "2026-03-02 09:50", uid="same source"),
        event("2026-03-02 08:00", "2026-03-02 08:50", uid="elsewhere", source=2),
    )

    assert table[column].reindex(["stated", "same source"]).tolist() == [1, 0]
    assert table[column].isna()["elsewhere"]


def test_a_session_borrows_no_call_from_a_booking_of_another_length() -> None:
    longer = event("2026-03-02 10:00", "2026-03-02 11:30", uid="longer", client=2)
    call = actual_times("2026-03-02 10:00", "2026-03-02 10:52", grade=Grade.CALL, uid="ten")

    result = sessions(ten(client=1), longer, times=[call]).set_index("uid_key")

    assert result.loc["ten", "actual_end"] == instant("2026-03-02 10:52")
    assert result["actual_end"].isna()["longer"]
