"""Ingest from sources in memory that behave as badly as real ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Batch, RejectedRecord
from connectors.errors import AuthorizationError, ConnectorError, RateLimitError, ShrunkSourceError, UnavailableError
from connectors.records import Grade, SessionEvidence, Status
from monitor.errors import StoreError, UsageError
from monitor.exports import COLUMNS, export_rows
from monitor.ingest import IngestRequest, SourceOutcome, exit_code, ingest
from monitor.loading import load_frames
from tests.monitor.memory import (
    NOW,
    PSEUDONYMS,
    MemoryPractice,
    PracticeFactory,
    days,
    ehr_evidence,
    entry,
    epoch,
    stamp,
    utc,
)

AWAY = UnavailableError("mail", "the server is away.", "Try again later.")
LOCKED_OUT = AuthorizationError("mail", "the server refuses the password.", "Set a new one.")
LIMITED = RateLimitError("mail", "that is enough for tonight.", "The next run goes on from there.", timedelta(hours=3))
STATUS = "SELECT uid_key, status FROM event ORDER BY uid_key"
LATER = NOW + timedelta(days=1)


def message_page(*numbers: int) -> list[Any]:
    """Return a page with a message a day, each a reply to the one before."""
    return [stamp(number, f"2026-03-{number:02} 09:00", number - 1) for number in numbers]


# A page is a transaction


def test_a_page_that_fails_half_way_stores_nothing_of_itself_and_leaves_the_cursor(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana", mail="ana")
    practice.mail.set_pages(
        message_page(1, 2), message_page(3, 4), rejected=[[], [RejectedRecord("message 5", "it has no date")]]
    )
    practice.rows(
        "CREATE TRIGGER breaks BEFORE INSERT ON node WHEN NEW.node = 4 BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    with pytest.raises(StoreError):
        practice.ingest("mail")
    assert practice.rows("SELECT node FROM message") == [1, 2]
    assert practice.rows("SELECT max(node) FROM node") == [2]
    assert practice.rows("SELECT * FROM rejected_record") == []
    assert practice.rows("SELECT cursor FROM source") == ["1 first"]
    practice.rows("DROP TRIGGER breaks")
    practice.ingest("mail")
    assert practice.rows("SELECT node FROM message") == [1, 2, 3, 4]


def test_a_run_resumes_after_any_page_and_loses_or_repeats_nothing(
    make_practice: PracticeFactory,
) -> None:
    pages = [message_page(number, number + 1) for number in range(1, 7)]
    uninterrupted = make_practice(mail="ana")
    uninterrupted.mail.set_pages(*pages)
    uninterrupted.ingest()
    for breaks_after in range(len(pages) + 1):
        practice = make_practice(mail="ana")
        practice.mail.set_pages(*pages)
        practice.mail.breaks_after, practice.mail.error = breaks_after, AWAY
        assert practice.ingest()["mail"].problem is AWAY
        assert practice.rows("SELECT count(*) FROM message") == [breaks_after and breaks_after + 1]
        practice.mail.breaks_after = None
        practice.ingest()
        assert practice.mail.cursors == [None, f"{breaks_after} first" if breaks_after else None]
        assert practice.dump() == uninterrupted.dump()


def test_a_second_run_changes_no_row(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana ben", mail="ana")
    practice.calendar.set_snapshot(
        entry("a", "2026-03-02 10:00", client="K7Q2"),
        entry("b", "2026-03-03 10:00", clinician="ben", status=Status.CANCELLED),
        times=[ehr_evidence("a", "2026-03-02 11:05")],
    )
    practice.mail.set_pages(message_page(1, 2), message_page(2, 3))
    first = practice.ingest()
    before = practice.dump()
    second = practice.ingest(now=LATER)
    assert (first["calendar"].rows, first["mail"].rows) == (3, 3)
    assert (second["calendar"].rows, second["mail"].rows) == (0, 0)
    assert practice.dump() == before
    assert practice.dirty() == {"ana": epoch("2026-03-01 09:00"), "ben": epoch("2026-03-03 10:00")}


def test_the_later_of_two_entries_with_one_key_in_a_snapshot_counts_in_every_run(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"), entry("b", "2026-03-04 10:00"))
    assert practice.calendar.entries is not None
    practice.calendar.entries.append(entry("a", "2026-03-02 12:00"))
    practice.ingest()
    assert practice.rows("SELECT start_at FROM event WHERE uid_key = 'a'") == [epoch("2026-03-02 12:00")]
    assert practice.ingest(now=LATER)["calendar"].rows == 0


# Versions of an entry, of which its source has only the latest


def evidence_of(practice: MemoryPractice, now: datetime = NOW) -> dict[str, str]:
    sessions = load_frames(practice.config, practice.store, practice.config.clinicians[0], now=now).sessions.all
    return dict(zip(sessions["uid_key"], sessions["evidence"], strict=True))


def test_an_end_moved_after_the_session_began_leaves_the_booked_end_and_is_evidence_of_an_edit(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00"), entry("b", "2026-03-19 12:00"))
    practice.ingest(now=utc("2026-03-18 03:00"))
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00", 75), entry("b", "2026-03-19 12:00"))
    practice.ingest(now=NOW)
    assert practice.rows("SELECT booked_end_at, end_at FROM event WHERE uid_key = 'a'") == [
        (epoch("2026-03-19 10:50"), epoch("2026-03-19 11:15"))
    ]
    assert practice.rows("SELECT uid_key, seen_at, end_at FROM event_history ORDER BY seen_at") == [
        ("a", epoch("2026-03-18 03:00"), epoch("2026-03-19 10:50")),
        ("a", epoch("2026-03-20 03:00"), epoch("2026-03-19 11:15")),
    ]
    assert evidence_of(practice) == {"a": "edited", "b": ""}


@pytest.mark.parametrize(
    ("edited", "booked_end"),
    [
        (None, "2026-03-19 10:50"),  # seen after it began, and without an earlier edit time
        ("2026-03-18 12:00", "2026-03-19 11:15"),
        ("2026-03-19 10:55", "2026-03-19 10:50"),
        ("2026-03-17 08:00", "2026-03-19 10:50"),  # the edit time of an earlier change
        ("2031-01-01 00:00", "2026-03-19 10:50"),  # an edit time in the future
    ],
)
def test_an_end_was_booked_if_it_was_changed_before_the_session_began(
    make_practice: PracticeFactory, edited: str | None, booked_end: str
) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00", edited_at=utc("2026-03-17 08:00")))
    practice.ingest(now=utc("2026-03-18 03:00"))
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00", 75, edited_at=edited and utc(edited)))
    practice.ingest()
    assert practice.rows("SELECT booked_end_at FROM event") == [epoch(booked_end)]


def test_an_end_moved_before_the_session_began_is_the_booking(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-25 10:00"))
    practice.ingest()
    practice.calendar.set_snapshot(entry("a", "2026-03-25 10:00", 90))
    practice.ingest(now=LATER)
    assert practice.rows("SELECT booked_end_at = end_at FROM event") == [1]


def test_a_move_is_a_new_booking_even_after_the_day(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-18 10:00"))
    practice.ingest()
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00", 80))
    practice.ingest(now=LATER)
    assert practice.rows("SELECT booked_end_at FROM event") == [epoch("2026-03-19 11:20")]
    practice.calendar.set_snapshot(entry("a", "2026-03-19 10:00", 95))
    practice.ingest(now=LATER + timedelta(days=1))
    assert practice.rows("SELECT booked_end_at FROM event") == [epoch("2026-03-19 11:20")]


def test_a_removed_entry_keeps_its_row_and_history_and_may_come_back(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana")
    others = [entry(f"o{number}", f"2026-03-{number:02} 15:00") for number in range(1, 10)]
    practice.calendar.set_snapshot(entry("a", "2026-03-18 10:00"), *others)
    practice.ingest()
    practice.calendar.set_snapshot(*others)
    assert practice.ingest(now=LATER)["calendar"].rows == 1
    assert practice.rows("SELECT status FROM event WHERE uid_key = 'a'") == ["removed"]
    assert practice.ingest(now=LATER)["calendar"].rows == 0
    assert "a" not in evidence_of(practice)
    practice.calendar.set_snapshot(entry("a", "2026-03-18 10:00"), *others)
    practice.ingest(now=LATER + timedelta(days=1))
    assert practice.rows("SELECT status, first_seen_at FROM event WHERE uid_key = 'a'") == [
        ("confirmed", int(NOW.timestamp()))
    ]
    assert practice.rows("SELECT status FROM event_history ORDER BY seen_at") == ["confirmed", "removed", "confirmed"]


def test_an_unscheduled_call_has_a_row_of_its_own(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    call = SessionEvidence("ana", "c", Grade.CALL, utc("2026-03-18 17:00"), utc("2026-03-18 17:40"))
    practice.calendar.set_snapshot(entry("a", "2026-03-18 10:00"), times=[call])
    practice.ingest()
    person = practice.config.clinicians[0]
    rows = list(export_rows("sessions", practice.config, practice.store, person, now=NOW))
    assert [set(row) for row in rows] == [set(COLUMNS["sessions"])] * 2
    assert [row["status"] for row in rows] == ["held", "unscheduled"]
    values = {name: value for name, value in rows[1].items() if value is not None}
    assert values == {
        "clinician": "ana", "actual_start": "2026-03-18T17:00:00Z", "actual_end": "2026-03-18T17:40:00Z",
        "evidence": "call", "status": "unscheduled",
    }  # fmt: skip


# A snapshot


def test_a_snapshot_removes_nothing_outside_its_window(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    stays = entry("stays", "2019-01-07 10:00")
    practice.calendar.set_snapshot(stays, *(entry(str(year), f"{year}-03-02 10:00") for year in (2018, 2019, 2020)))
    practice.ingest(**days("2018-01-01", "2020-12-31"))
    practice.calendar.set_snapshot(stays)
    practice.ingest(**days("2019-01-01", "2019-12-31"), accept_shrink=True)
    assert practice.rows(STATUS)[:-1] == [("2018", "confirmed"), ("2019", "removed"), ("2020", "confirmed")]


def test_removed_entries_stay_if_they_are_before_the_window(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(*(entry(str(year), f"{year}-03-02 10:00") for year in (2018, 2019, 2020)))
    practice.ingest(**days("2018-01-01", "2020-12-31"))
    practice.calendar.set_removed("2018", "2019", "2020")
    practice.ingest(**days("2019-01-01", "2019-12-31"), accept_shrink=True)
    assert practice.rows(STATUS) == [("2018", "confirmed"), ("2019", "removed"), ("2020", "removed")]


def test_an_entry_that_is_missing_for_one_of_two_owners_is_removed_for_that_owner_only(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(rooms="ana ben")
    shared = [entry(str(n), f"2026-03-{n:02} 10:00", clinician=key) for n in range(1, 5) for key in ("ana", "ben")]
    practice.rooms.set_snapshot(*shared)
    practice.ingest()
    practice.rooms.set_snapshot(*shared[:-1])
    practice.ingest(now=LATER)
    removed = "SELECT key, uid_key FROM event JOIN clinician ON clinician.id = clinician_id WHERE status = 'removed'"
    assert practice.rows(removed) == [("ben", "4")]


def test_evidence_that_a_snapshot_no_longer_contains_is_deleted(make_practice: PracticeFactory) -> None:
    practice = make_practice(visits="ana")
    entries = [entry("a", "2026-03-02 10:00"), entry("b", "2026-03-03 10:00")]
    practice.visits.set_snapshot(
        *entries, times=[ehr_evidence("a", "2026-03-02 11:05"), ehr_evidence("b", "2026-03-03 11:00")]
    )
    practice.ingest(**days("2026-03-01", "2026-03-31"))
    practice.dirty()
    practice.visits.set_snapshot(*entries, times=[ehr_evidence("b", "2026-03-03 11:00")])
    assert practice.ingest(**days("2026-03-03", "2026-03-31"))["visits"].rows == 0  # the first is outside the window
    assert practice.ingest(**days("2026-03-01", "2026-03-31"))["visits"].rows == 1
    assert practice.rows("SELECT evidence_key FROM evidence") == ["b"]
    assert practice.dirty() == {"ana": epoch("2026-03-02 11:05")}


def evidence_without_entry(key: str, started: str | None, ended: str | None) -> SessionEvidence:
    """Return evidence without an entry."""
    return SessionEvidence("ana", key, Grade.EHR, utc(started) if started else None, utc(ended) if ended else None)


@pytest.mark.parametrize("has_all_evidence", [True, False])
def test_evidence_without_an_entry_is_deleted_by_a_snapshot_of_all_evidence_only(
    make_practice: PracticeFactory,
    has_all_evidence: bool,  # noqa: FBT001 - a calendar's snapshot does not contain all evidence
) -> None:
    practice = make_practice(visits="ana")
    practice.visits.has_all_evidence = has_all_evidence
    times = [
        evidence_without_entry(str(day), f"2026-03-{day:02} 10:00", f"2026-03-{day:02} 10:50")
        for day in (2, 3, 4, 5, 6)
    ]
    halves = [
        evidence_without_entry("begun", "2026-03-07 10:00", None),
        evidence_without_entry("ended", None, "2026-03-08 10:00"),
        evidence_without_entry("no", None, None),
    ]
    practice.visits.set_snapshot(times=times + halves)
    practice.ingest(**days("2026-03-01", "2026-03-31"))
    practice.dirty()
    practice.visits.set_snapshot(times=[*times[2:3], *times[4:], *halves[:1]])
    window = days("2026-03-04", "2026-03-31")  # earlier days are outside the window
    practice.ingest(**window, accept_shrink=True)
    deleted = {"5", "ended"} if has_all_evidence else set()
    remaining = {"2", "3", "4", "5", "6", "begun", "ended", "no"} - deleted
    assert set(practice.rows("SELECT evidence_key FROM evidence")) == remaining
    assert practice.dirty() == ({"ana": epoch("2026-03-05 10:00")} if has_all_evidence else {})


def test_a_source_that_has_lost_its_evidence_is_refused(make_practice: PracticeFactory) -> None:
    practice = make_practice(visits="ana")
    practice.visits.has_all_evidence = True
    times = [
        evidence_without_entry(str(day), f"2026-03-{day:02} 10:00", f"2026-03-{day:02} 10:50")
        for day in (2, 3, 4, 5, 6)
    ]
    entries = [entry("a", "2026-03-02 10:00")]
    practice.visits.set_snapshot(*entries, times=times)
    practice.ingest(**days("2026-03-01", "2026-03-31"))
    before = practice.dump()
    practice.visits.set_snapshot(*entries, times=times[:3])
    problem = practice.ingest(**days("2026-03-01", "2026-03-31"))["visits"].problem
    assert isinstance(problem, ShrunkSourceError)
    assert "had 5 actual times and now has 3" in str(problem)
    assert practice.dump() == before


TEN = [entry(str(number), f"2026-03-{number + 1:02} 10:00") for number in range(10)]


def check_shrink(practice: MemoryPractice, left: int, *, is_accepted: bool) -> None:
    """Check that a source with so many of ten entries is accepted at once, or only when somebody confirms it."""
    before = practice.dump()
    problem = practice.ingest(now=LATER)["calendar"].problem
    assert (problem is None) is is_accepted
    if problem:
        assert isinstance(problem, ShrunkSourceError)
        assert (problem.before, problem.after) == (10, left)
        assert practice.dump() == before
    assert practice.ingest(now=LATER, accept_shrink=True)["calendar"].problem is None
    assert practice.rows("SELECT count(*) FROM event WHERE status = 'removed'") == [10 - left]


@pytest.mark.parametrize(("left", "is_accepted"), [(7, True), (6, False), (1, False)])
def test_a_source_that_lost_more_than_30_percent_is_refused_and_nothing_is_removed(
    make_practice: PracticeFactory,
    left: int,
    is_accepted: bool,  # noqa: FBT001 - a table of facts
) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(*TEN, entry("outside", "2023-03-02 10:00"))
    practice.ingest()
    practice.calendar.set_snapshot(*TEN[:left], entry("outside too", "2023-03-03 10:00"))
    check_shrink(practice, left, is_accepted=is_accepted)


@pytest.mark.parametrize(("removed", "is_accepted"), [(3, True), (4, False)])
def test_a_source_that_removes_more_than_30_percent_one_by_one_is_refused(
    make_practice: PracticeFactory,
    removed: int,
    is_accepted: bool,  # noqa: FBT001 - a table of facts
) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(*TEN, entry("outside", "2023-03-02 10:00"))
    practice.ingest()
    practice.calendar.set_removed(*(str(number) for number in range(removed)))
    check_shrink(practice, 10 - removed, is_accepted=is_accepted)


def test_a_series_that_restarts_with_new_identifiers_is_not_a_loss(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(*TEN)
    practice.ingest()
    moved = [entry(f"new {number}", f"2026-03-{number + 1:02} 11:00") for number in range(10)]
    practice.calendar.set_removed(*(str(number) for number in range(10)), new=moved)
    assert practice.ingest(now=LATER)["calendar"].problem is None
    assert practice.rows("SELECT count(*) FROM event WHERE status = 'removed'") == [10]


# Read again from the beginning


def test_new_settings_read_everything_again(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages([stamp(1, "2026-03-01 09:00", outgoing=True)], message_page(2))
    practice.ingest()
    practice.mail.set_pages([stamp(1, "2026-03-01 09:00", outgoing=False)], message_page(2))
    assert practice.ingest(now=LATER)["mail"].rows == 0
    practice.labels["mail"] = "another address"
    assert practice.ingest(now=LATER)["mail"].rows == 1
    assert practice.rows("SELECT outgoing FROM message WHERE node = 1") == [0]
    assert practice.mail.cursors == [None, "2 first", "2 first"]  # so that it can still be seen how much it contained


def test_full_reads_from_the_beginning(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages(message_page(1), message_page(2))
    practice.ingest()
    practice.ingest(now=LATER, full=True)
    assert practice.mail.cursors == [None, None]


def test_rejected_records_of_all_pages_are_stored_and_those_of_an_earlier_generation_deleted(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(mail="ana")
    pages = [message_page(number) for number in (1, 2, 3)]
    rejected = [[RejectedRecord(f"message {number}", "it has no readable date")] for number in (10, 20, 30)]
    practice.mail.set_pages(*pages, rejected=rejected)
    assert practice.ingest()["mail"].rejected == 3
    places = "SELECT place FROM rejected_record ORDER BY place"
    assert practice.rows(places) == ["message 10", "message 20", "message 30"]
    assert practice.ingest(now=LATER)["mail"].rejected == 0
    assert len(practice.rows(places)) == 3
    practice.mail.set_pages(*pages, rejected=rejected[:2])
    practice.labels["mail"] = "second"
    practice.ingest(now=LATER)
    assert practice.rows(places) == ["message 10", "message 20"]


def test_a_resolved_record_is_no_longer_listed_as_rejected(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    rejected = [RejectedRecord(f"message {name}", "it has no readable date") for name in "ab"]
    practice.mail.pages = [Batch(None, rejected=tuple(rejected))]
    practice.ingest()
    practice.mail.pages.append(Batch(None, resolved=("message a", "message c")))
    practice.ingest(now=LATER)
    assert practice.rows("SELECT place FROM rejected_record") == ["message b"]


def test_records_of_a_former_owner_stay_stored_and_count_for_nobody(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ben")
    practice.mail.set_pages([stamp(1, "2026-03-01 09:00", clinician="ben", outgoing=True)])
    practice.ingest()
    practice.dirty()
    practice.owners["mail"] = "ana"
    practice.labels["mail"] = "ana's"
    practice.mail.set_pages([stamp(1, "2026-03-01 09:00", clinician="ana", outgoing=True)])
    practice.ingest()
    ana, ben = (
        load_frames(practice.config, practice.store, person, now=NOW).messages.all
        for person in practice.config.clinicians
    )
    assert (len(ana), len(ben), practice.rows("SELECT count(*) FROM message")) == (1, 0, [2])
    assert practice.dirty() == dict.fromkeys(("ana", "ben"), epoch("2026-03-01 09:00"))


# One source never stops another


def test_a_source_that_fails_keeps_its_rows_and_cursor_and_stops_no_other_source(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(mail="ana", calendar="ana")
    practice.mail.set_pages(message_page(1), message_page(2))
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"))
    practice.ingest("mail")
    practice.mail.set_pages(message_page(1), message_page(2), message_page(3))
    practice.mail.breaks_after, practice.mail.error = 2, AWAY
    outcomes = practice.ingest(now=LATER)
    assert [outcome.problem for outcome in outcomes.values()] == [AWAY, None]
    assert practice.rows("SELECT node FROM message") == [1, 2]
    assert practice.rows("SELECT cursor, error FROM source WHERE name = 'mail'") == [("2 first", str(AWAY))]
    practice.mail.breaks_after = None
    practice.ingest(now=LATER)
    assert practice.rows("SELECT error FROM source WHERE name = 'mail'") == [None]


def test_a_rate_limit_keeps_stored_records_and_states_when_reading_continues(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages(message_page(1), message_page(2), message_page(3))
    practice.mail.breaks_after, practice.mail.error = 2, LIMITED
    outcome = practice.ingest()["mail"]
    assert (outcome.rows, outcome.problem) == (2, LIMITED)
    assert str(LIMITED) == (
        "mail: that is enough for tonight. It asks us to wait about 3 hours. The next run goes on from there."
    )
    practice.mail.breaks_after = None
    assert practice.ingest(now=LATER)["mail"].rows == 1
    assert practice.mail.cursors == [None, "2 first"]


def test_an_unexpected_exception_is_reported_without_its_message(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana", calendar="ana")
    practice.mail.breaks_after, practice.mail.error = 0, ValueError("Zebra")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"))
    outcomes = practice.ingest()
    assert "broke off (ValueError)" in str(outcomes["mail"].problem)
    assert "Zebra" not in f"{outcomes['mail'].problem}{practice.rows('SELECT error FROM source')}"
    assert outcomes["calendar"].rows == 1


def test_a_record_of_somebody_who_is_not_an_owner_is_refused(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"), entry("b", "2026-03-02 10:00", clinician="zoe"))
    assert practice.ingest()["calendar"].problem
    assert practice.rows("SELECT * FROM event") == []
    assert practice.rows("SELECT key FROM clinician") == ["ana"]


# Account by account


def test_each_owner_of_a_source_has_a_cursor_a_freshness_and_a_failure_of_their_own(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(mail="ana ben")
    ana, ben = practice.accounts("mail").values()
    ana.set_pages(message_page(1), message_page(2))
    ben.set_pages([stamp(7, "2026-03-05 09:00", clinician="ben")])
    ana.breaks_after, ana.error = 1, LOCKED_OUT
    outcomes = practice.ingest()
    assert {name: outcome.problem for name, outcome in outcomes.items()} == {
        "mail of ana": LOCKED_OUT,
        "mail of ben": None,
    }
    assert exit_code(list(outcomes.values())) == 4
    accounts = (
        "SELECT key, cursor, error, succeeded_at FROM source JOIN clinician ON clinician.id = owner_id ORDER BY key"
    )
    read_at = int(NOW.timestamp())
    assert practice.rows(accounts) == [("ana", "1 first", str(LOCKED_OUT), None), ("ben", "1 first", None, read_at)]
    assert practice.rows("SELECT node FROM message ORDER BY node") == [1, 7]
    ana.breaks_after = None
    practice.ingest(now=LATER)
    assert practice.rows("SELECT node FROM message ORDER BY node") == [1, 2, 7]
    assert (ana.cursors, ben.cursors) == ([None, "1 first"], [None, "1 first"])


def test_an_account_has_its_owners_window_and_may_contain_records_of_the_owner_only(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(mail="ana ben")
    accounts = practice.accounts("mail")
    accounts["ana"].set_pages([stamp(1, "2026-03-05 09:00", clinician="ben")])
    outcomes = practice.ingest()
    assert outcomes["mail of ana"].problem
    assert outcomes["mail of ben"].problem is None
    assert practice.rows("SELECT * FROM message") == []


def test_records_in_the_account_of_a_former_owner_no_longer_count(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana ben")
    for key, account in practice.accounts("mail").items():
        account.set_pages([stamp(1, "2026-03-01 09:00", clinician=key)])
    practice.ingest()
    practice.dirty()
    practice.owners["mail"] = "ana"
    practice.ingest(now=LATER)
    counted = "SELECT key FROM source_clinician JOIN clinician ON clinician.id = clinician_id"
    assert practice.rows(counted) == ["ana"]
    assert practice.rows("SELECT count(*) FROM message") == [2]
    assert practice.dirty() == {"ben": epoch("2026-03-01 09:00")}


def test_records_count_once_when_a_source_is_changed_to_accounts(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages([stamp(n, f"2026-03-0{n} 09:00", outgoing=True) for n in (1, 2)])
    practice.ingest()
    practice.accounts("mail")["ana"].set_pages([stamp(n, f"2026-03-0{n} 09:00", outgoing=True) for n in (1, 2)])
    practice.ingest(now=LATER)
    frames = load_frames(practice.config, practice.store, practice.config.clinicians[0], now=LATER)
    assert len(frames.messages.all) == 2


@pytest.mark.parametrize(
    ("problems", "code"),
    [
        ([], 0),
        ([None, None], 0),
        ([None, AWAY], 3),
        ([AWAY, AWAY], 1),
        ([None, LOCKED_OUT, AWAY], 4),
        ([LOCKED_OUT], 4),
        ([LIMITED], 3),
        ([AWAY, LIMITED], 3),
    ],
)
def test_the_exit_code_of_a_run(problems: list[ConnectorError | None], code: int) -> None:
    assert exit_code([SourceOutcome("mail", "memory", problem=problem) for problem in problems]) == code


# From when on numbers have to be computed again


def test_a_moved_entry_invalidates_from_its_earlier_time(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana ben")
    unmoved = [entry("b", "2026-02-01 10:00"), entry("c", "2026-02-02 10:00", clinician="ben")]
    practice.calendar.set_snapshot(*unmoved, entry("a", "2026-03-02 10:00"))
    practice.ingest()
    practice.dirty()
    practice.calendar.set_snapshot(*unmoved, entry("a", "2026-03-16 10:00"))
    practice.ingest(now=LATER)
    assert practice.dirty() == {"ana": epoch("2026-03-02 10:00")}


def test_a_message_whose_time_changed_invalidates_from_the_earlier_time(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages([stamp(1, "2026-02-01 09:00"), stamp(2, "2026-03-01 09:00")])
    practice.ingest()
    practice.dirty()
    practice.labels["mail"] = "second"
    practice.mail.set_pages([stamp(1, "2026-02-01 09:00"), stamp(2, "2026-03-09 09:00")])
    practice.ingest()
    assert practice.dirty() == {"ana": epoch("2026-03-01 09:00")}
    assert practice.rows("SELECT sent_at FROM message") == [epoch("2026-02-01 09:00"), epoch("2026-03-09 09:00")]


def test_joined_threads_invalidate_from_the_beginning_of_the_older_one(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages([stamp(1, "2026-01-05 09:00"), stamp(2, "2026-02-05 09:00")])
    practice.ingest()
    practice.dirty()
    practice.mail.set_pages([], [stamp(3, "2026-03-05 09:00", 1, 2)])
    practice.ingest()
    assert practice.dirty() == {"ana": epoch("2026-01-05 09:00")}
    assert practice.rows("SELECT DISTINCT thread FROM node") == [1]


def test_a_message_that_joins_a_thread_later_invalidates_from_its_time(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    question = replace(stamp(1, "2026-02-05 09:00"), thread_nodes=())
    practice.mail.set_pages([question])
    practice.ingest()
    assert practice.rows("SELECT thread FROM message") == [None]
    practice.dirty()
    practice.mail.set_pages([], [stamp(2, "2026-03-05 09:00", 1)])
    practice.ingest()
    assert practice.dirty() == {"ana": epoch("2026-02-05 09:00")}
    assert practice.rows("SELECT thread FROM message") == [1, 1]


# The request


def days_read(practice: MemoryPractice, **options: Any) -> tuple[str, ...]:
    """Return the days of the entries that are stored by a run with this request."""
    entries = [entry(str(day), f"{date(2026, 3, 1) + timedelta(days=day)} 12:00") for day in range(10)]
    practice.calendar.set_snapshot(*entries)
    practice.ingest(**options)
    return tuple(practice.rows("SELECT strftime('%Y-%m-%d', start_at, 'unixepoch') FROM event ORDER BY start_at"))


def test_both_days_of_a_window_are_local_and_included(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    assert days_read(practice, **days("2026-03-03", "2026-03-04")) == ("2026-03-03", "2026-03-04")
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(
        entry("eve", "2026-03-04 22:30", 20), entry("next", "2026-03-04 23:00")
    )  # 23:30 and 00:00
    practice.ingest(**days("2026-03-03", "2026-03-04"), accept_shrink=True)
    assert practice.rows("SELECT uid_key FROM event WHERE status <> 'removed'") == ["eve"]


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (("nowhere",), {}, 'no source "nowhere". The configuration has: calendar, mail.'),
        ((), days("2026-03-05", "2026-03-04"), "calendar: the window ends on 2026-03-04"),
        ((), days("2026-03-05", "9999-12-31"), "beyond the calendar"),
        ((), days("0001-01-01", "2026-03-04"), "beyond the calendar"),
    ],
)
def test_an_impossible_request_is_refused_before_anything_is_read(
    make_practice: PracticeFactory, names: tuple[str, ...], options: dict[str, Any], words: str
) -> None:
    practice = make_practice(calendar="ana", mail="ana")
    with pytest.raises(UsageError, match=words):
        practice.ingest(*names, **options)
    assert practice.calendar.cursors == practice.mail.cursors == []
    assert practice.rows("SELECT * FROM source") == []


def test_a_source_without_clinician_is_refused_with_a_sentence(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    nobody = replace(practice.config, clinicians=())
    with pytest.raises(UsageError, match="the source has no clinician"):
        list(ingest(nobody, practice.store, PSEUDONYMS, IngestRequest(), now=NOW))


def test_the_span_that_a_run_has_read_is_stored(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"))
    practice.ingest(**days("2026-03-01", "2026-12-31"))
    spans = practice.rows("SELECT read_from, read_to, succeeded_at FROM source")
    start = int(datetime(2026, 2, 28, 23, tzinfo=UTC).timestamp())
    assert spans == [(start, int(NOW.timestamp()), int(NOW.timestamp()))]
