"""Snapshots of feeds that drop past entries, and of feeds that rename their entries at every export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import ShrunkSourceError
from connectors.records import CalendarEvent, Grade, Kind, SessionEvidence, Status
from monitor.errors import StoreError
from monitor.loading import load_frames
from monitor.store.evidence import save_correction
from tests.monitor.memory import NOW, MemoryPractice, PracticeFactory, ehr_evidence, entry, epoch, utc

STATUS = "SELECT uid_key, status FROM event ORDER BY uid_key"
NEXT = NOW + timedelta(days=1)  # a night at 03:00 UTC on 21 March


def session(uid: str, day: str, **other: Any) -> CalendarEvent:
    """Return a session at ten on ``day`` ("03-18"); the client is named after the last character of ``uid``."""
    return entry(uid, f"2026-{day} 10:00", **({"client": f"CLIENT{uid[-1]}"} | other))


def status(practice: MemoryPractice) -> dict[str, str]:
    return dict(practice.rows(STATUS))


def removed(practice: MemoryPractice) -> set[str]:
    return {uid for uid, what in status(practice).items() if what == "removed"}


def read(practice: MemoryPractice, *entries: CalendarEvent, **options: Any) -> ShrunkSourceError | None:
    """Run ingest with these entries in the calendar; return the error that stopped it, if any."""
    practice.calendar.set_snapshot(*entries)
    problem = practice.ingest("calendar", **({"now": NEXT} | options))["calendar"].problem
    assert problem is None or isinstance(problem, ShrunkSourceError)
    return problem


# Past entries before the reach have been dropped by the source

PAST = [session(f"p{day}", f"03-{day:02}") for day in range(2, 12)]
SOON = [session(f"s{day}", f"03-{day:02}") for day in range(23, 28)]


@pytest.fixture
def practice(make_practice: PracticeFactory) -> MemoryPractice:
    """Return a practice with ten past and five future sessions in the calendar."""
    made = make_practice(calendar="ana")
    assert read(made, *PAST, *SOON, now=NOW) is None
    return made


def test_a_feed_that_has_dropped_the_past_removes_nothing_of_it(practice: MemoryPractice) -> None:
    before = practice.dump()
    practice.dirty()
    practice.calendar.set_snapshot(*SOON)
    outcome = practice.ingest(now=NEXT)["calendar"]
    assert (outcome.problem, outcome.rows) == (None, 0)
    assert practice.dump() == before
    assert practice.dirty() == {}


def test_an_empty_snapshot_removes_future_entries_and_has_to_be_confirmed(
    practice: MemoryPractice,
) -> None:
    before = practice.dump()
    problem = read(practice)
    assert problem is not None
    assert (problem.before, problem.after) == (5, 0)
    assert practice.dump() == before
    assert read(practice, accept_shrink=True) is None
    assert removed(practice) == {event.uid_key for event in SOON}


def test_an_empty_snapshot_removes_nothing_if_all_entries_are_past(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    read(practice, *PAST, now=NOW)
    assert read(practice) is None
    assert removed(practice) == set()


def test_missing_entries_inside_the_reach_or_in_the_future_are_removed(practice: MemoryPractice) -> None:
    assert read(practice, *PAST[4:7], *PAST[8:], *SOON[:2], *SOON[3:]) is None
    assert removed(practice) == {"p9", "s25"}


def test_the_first_entry_of_a_day_is_inside_the_reach_of_one_at_the_same_time(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    group = [session(f"g{number}", "03-18") for number in range(4)]
    read(practice, *group, now=NOW)
    assert read(practice, *group[:3]) is None
    assert removed(practice) == {"g3"}


@pytest.mark.parametrize(("lost", "is_accepted"), [(1, True), (2, False)])
def test_only_entries_inside_the_reach_count_as_lost(
    make_practice: PracticeFactory,
    lost: int,
    is_accepted: bool,  # noqa: FBT001 - a table of facts
) -> None:
    practice = make_practice(calendar="ana")
    read(practice, *PAST, now=NOW)
    problem = read(practice, *PAST[5:6], *PAST[6 + lost :])  # five of ten are dropped
    assert (problem is None) is is_accepted
    if problem:
        assert (problem.before, problem.after) == (5, 3)
    assert removed(practice) == ({"p8"} if is_accepted else set())


def test_eleven_weekly_readings_of_a_feed_that_keeps_a_month_only_ever_add(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    year = [
        entry(f"d{day:03}", f"{utc('2026-01-05 10:00') + timedelta(days=day):%Y-%m-%d} 10:00") for day in range(200)
    ]
    expected: set[str] = set()
    for week in range(11):
        now = utc("2026-03-02 03:00") + timedelta(weeks=week)
        in_feed = [event for event in year if now - timedelta(days=30) <= event.start < now + timedelta(days=60)]
        assert read(practice, *in_feed, now=now) is None
        expected |= {event.uid_key for event in in_feed}
        assert status(practice) == dict.fromkeys(expected, "confirmed")
    assert len(expected) > 150


def test_a_leave_that_began_long_ago_does_not_make_everything_since_look_deleted(
    make_practice: PracticeFactory,
) -> None:
    leave = entry("leave", "2026-02-01 00:00", 60 * 24 * 45, kind=Kind.LEAVE, all_day=True)
    practice = make_practice(calendar="ana")
    read(practice, leave, *PAST, now=NOW)
    assert read(practice, leave, *PAST[-1:]) is None
    assert removed(practice) == set()


@pytest.mark.parametrize(("early_entries", "is_removed"), [((), False), (("early",), True)])
def test_a_current_entry_is_judged_like_a_past_one(
    make_practice: PracticeFactory,
    early_entries: tuple[str, ...],
    is_removed: bool,  # noqa: FBT001 - a table of facts
) -> None:
    practice = make_practice(calendar="ana")
    early = entry("early", "2026-03-21 01:00")
    read(practice, early, entry("now", "2026-03-21 02:30"), *SOON, now=NOW)
    assert read(practice, *(early for _ in early_entries), *SOON) is None
    assert removed(practice) == ({"now"} if is_removed else set())


def test_each_clinician_has_a_reach(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana ben")
    bens = [replace(event, clinician="ben", uid_key=f"b{event.uid_key}") for event in PAST]
    read(practice, *PAST, *bens, now=NOW)
    assert read(practice, *PAST[:3], *PAST[4:]) is None
    assert removed(practice) == {"p5"}


def test_a_source_may_state_its_reach(practice: MemoryPractice) -> None:
    practice.calendar.reaches_back_to = utc("2026-03-08 00:00")
    assert read(practice, *PAST[:2], *PAST[4:7], *PAST[8:], *SOON) is None
    assert removed(practice) == {"p9"}


def test_dropped_entries_keep_their_evidence_and_removed_ones_do_not(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.set_snapshot(
        *PAST, times=[ehr_evidence(event.uid_key, f"{event.end:%Y-%m-%d} 11:05") for event in PAST]
    )
    practice.ingest(now=NOW)
    practice.calendar.set_snapshot(*PAST[5:6], *PAST[7:], times=[ehr_evidence("p9", "2026-03-09 11:05")])
    assert practice.ingest(now=NEXT)["calendar"].problem is None
    assert removed(practice) == {"p8"}
    expected = {event.uid_key for event in PAST[:5]} | {"p9"}
    assert set(practice.rows("SELECT uid_key FROM evidence")) == expected


def test_evidence_has_a_reach_of_its_own(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    practice.calendar.has_all_evidence = True
    times = [
        SessionEvidence(
            "ana", f"t{day}", Grade.EHR, utc(f"2026-03-{day:02} 10:00"), utc(f"2026-03-{day:02} 11:05"), uid
        )
        for day, uid in ((2, "p2"), (3, None), (9, None), (10, "p10"), (11, None), (25, None))
    ]
    practice.calendar.set_snapshot(*PAST, times=times)
    practice.ingest(now=NOW)
    practice.calendar.set_snapshot(*PAST, times=[*times[2:3], *times[4:5]])
    assert practice.ingest(now=NEXT, accept_shrink=True)["calendar"].problem is None
    assert set(practice.rows("SELECT evidence_key FROM evidence")) == {"t2", "t3", "t9", "t11"}


# Series


def weekly(series: str, first: str, weeks: int, *left_out: int) -> list[CalendarEvent]:
    start = utc(f"{first} 15:00")
    days = {number: f"{start + timedelta(weeks=number):%Y-%m-%d} 15:00" for number in range(weeks)}
    return [entry(f"{series}{n}", day, series=series, client=series) for n, day in days.items() if n not in left_out]


OLD = weekly("old", "2025-04-01", 60)  # into May 2026


def test_an_old_series_does_not_show_how_far_back_a_feed_reaches(practice: MemoryPractice) -> None:
    assert read(practice, *OLD, *PAST, *SOON, now=NOW) is None
    assert read(practice, *OLD, *PAST[8:], *SOON) is None
    assert removed(practice) == set()


def test_an_instance_that_a_series_leaves_out_is_removed_however_old_it_is(practice: MemoryPractice) -> None:
    assert read(practice, *OLD, *PAST, *SOON, now=NOW) is None
    assert read(practice, *weekly("old", "2025-04-01", 60, 4), *PAST[8:], *SOON) is None
    assert removed(practice) == {"old4"}


def test_a_series_that_was_moved_to_another_hour_is_not_stored_twice(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    read(practice, *OLD, now=NOW)
    moved = [replace(event, uid_key=f"moved{n}", start=event.start + timedelta(hours=1)) for n, event in enumerate(OLD)]
    moved = [replace(event, end=event.end + timedelta(hours=1)) for event in moved]
    assert read(practice, *moved) is None
    # The first event is earlier than all entries of the moved series.
    assert removed(practice) == {event.uid_key for event in OLD[1:]}


def test_of_a_vanished_series_future_instances_and_those_inside_the_reach_are_removed(
    practice: MemoryPractice,
) -> None:
    others = [
        session(f"o{hour}", "03-19", client=None) for hour in range(60)
    ]  # so that the source is not refused as shrunk
    read(practice, *OLD, *others, *PAST, *SOON, now=NOW)
    assert read(practice, *others, *PAST[6:], *SOON) is None
    expected = {event.uid_key for event in OLD if event.start >= utc("2026-03-08 10:00")}
    assert removed(practice) == expected
    assert len(expected) < 15


def test_a_past_series_that_vanished_counts_as_dropped_if_nothing_shows_the_reach(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana")
    ended, lasting = weekly("ended", "2025-10-01", 10), weekly("lasting", "2025-10-02", 40)
    read(practice, *ended, *lasting, now=NOW)
    assert read(practice, *lasting) is None
    assert removed(practice) == set()


def test_a_single_entry_that_became_a_series_is_not_stored_twice(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    read(practice, session("s", "03-03"), *PAST[1:], now=NOW)
    series = [session(f"s{n}", f"03-{3 + 7 * n:02}", series="s", client="CLIENTs") for n in range(3)]
    assert read(practice, *series, *PAST[2:]) is None
    assert removed(practice) == {"s"}


# Entries that are renamed


def renamed_entries(entries: Iterable[CalendarEvent], night: int) -> list[CalendarEvent]:
    return [replace(event, uid_key=f"night{night} {event.uid_key}") for event in entries]


def correct(practice: MemoryPractice, uid_key: str, ended: str) -> None:
    with practice.store.write() as connection:
        save_correction(connection, "ana", uid_key, epoch(ended), epoch(ended))


def ends(practice: MemoryPractice, now: Any = NEXT) -> dict[str, str]:
    """Return the evidence of each session, by uid_key."""
    sessions = load_frames(practice.config, practice.store, practice.config.clinicians[0], now=now).sessions.all
    return {uid: how for uid, how in zip(sessions["uid_key"], sessions["evidence"], strict=True) if how}


def test_renamed_entries_keep_corrections_history_and_first_seen_time(practice: MemoryPractice) -> None:
    longer = replace(PAST[0], end=PAST[0].end + timedelta(minutes=20))
    assert read(practice, longer, *PAST[1:], *SOON, now=NOW) is None
    correct(practice, "p3", "2026-03-03 11:10")
    before = practice.dump()
    for night in (1, 2, 3):
        assert (
            read(practice, *renamed_entries([longer, *PAST[1:], *SOON], night), now=NOW + timedelta(days=night)) is None
        )
        new = {event.uid_key: f"night{night} {event.uid_key}" for event in (*PAST, *SOON)}
        renamed = {
            table: sorted((tuple(new.get(value, value) for value in row) for row in rows), key=repr)
            for table, rows in before.items()
        }
        assert practice.dump() == renamed
        assert ends(practice) == {f"night{night} p2": "edited", f"night{night} p3": "corrected"}
        assert practice.rows("SELECT renamed_at FROM source") == [int((NOW + timedelta(days=night)).timestamp())]


def test_a_clinician_with_renamed_entries_is_dirty(practice: MemoryPractice) -> None:
    practice.dirty()
    practice.calendar.set_snapshot(*renamed_entries([*PAST, *SOON], 1))
    assert practice.ingest(now=NEXT)["calendar"].rows == 15
    assert practice.dirty() == {"ana": epoch("2026-03-02 10:00")}


def test_evidence_is_renamed_with_the_entry_that_it_names(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana", calls="ana")
    practice.calendar.set_snapshot(*PAST, times=[ehr_evidence("p2", "2026-03-02 11:05")])
    practice.calls.set_pages(
        [SessionEvidence("ana", "call", Grade.CALL, utc("2026-03-04 10:00"), utc("2026-03-04 11:02"), "p4")]
    )
    practice.ingest(now=NOW)
    new = renamed_entries(PAST, 1)
    practice.calendar.set_snapshot(*new, times=[ehr_evidence(new[0].uid_key, "2026-03-02 11:05")])
    practice.ingest(now=NEXT)
    assert practice.rows("SELECT evidence_key, uid_key FROM evidence ORDER BY evidence_key") == [
        ("call", "night1 p4"),
        ("night1 p2", "night1 p2"),
    ]
    assert ends(practice) == {"night1 p2": "ehr", "night1 p4": "call"}


def test_instances_of_series_are_renamed_too(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana")
    read(practice, *OLD, now=NOW)
    correct(practice, "old3", "2025-04-22 16:10")
    again = [replace(event, series="new") for event in renamed_entries(OLD, 1)]
    assert read(practice, *again) is None
    assert status(practice) == {event.uid_key: "confirmed" for event in again}
    assert ends(practice) == {"night1 old3": "corrected"}


@pytest.mark.parametrize(("alike", "is_renamed"), [(10, True), (9, True), (8, False)])
def test_entries_were_renamed_if_nine_in_ten_are_there_again(
    make_practice: PracticeFactory,
    alike: int,
    is_renamed: bool,  # noqa: FBT001 - a table of facts
) -> None:
    practice = make_practice(calendar="ana")
    read(practice, *SOON, *PAST[5:], now=NOW)
    entries = [*SOON, *PAST[5:]]
    others = [replace(event, client="SOMEBODY") for event in entries[alike:]]
    assert read(practice, *renamed_entries([*entries[:alike], *others], 1)) is None
    assert len(removed(practice)) == (10 - alike if is_renamed else 10)
    assert (practice.rows("SELECT renamed_at FROM source") != [None]) is is_renamed


def test_missing_entries_are_removed_when_others_are_renamed(practice: MemoryPractice) -> None:
    assert read(practice, *renamed_entries([*PAST[:3], *PAST[4:], *SOON], 1)) is None
    assert removed(practice) == {"p5"}
    assert len(status(practice)) == 15


def test_a_feed_may_drop_and_rename_entries_at_once(practice: MemoryPractice) -> None:
    assert read(practice, *renamed_entries([*PAST[6:], *SOON], 1)) is None
    assert removed(practice) == set()
    assert set(status(practice)) == {event.uid_key for event in (*PAST[:6], *renamed_entries([*PAST[6:], *SOON], 1))}


def test_a_moved_end_is_recognised_in_a_renamed_entry(practice: MemoryPractice) -> None:
    late = replace(PAST[3], end=PAST[3].end + timedelta(minutes=25))
    assert read(practice, *renamed_entries([*PAST[:3], late, *PAST[4:], *SOON], 1)) is None
    assert removed(practice) == set()
    assert ends(practice) == {"night1 p5": "edited"}


def test_a_renamed_session_that_was_called_off_keeps_its_confirmed_version(practice: MemoryPractice) -> None:
    off = replace(SOON[0], status=Status.CANCELLED)
    assert read(practice, *renamed_entries([*PAST, off, *SOON[1:]], 1)) is None
    assert practice.rows("SELECT status FROM event_history WHERE uid_key = 'night1 s23' ORDER BY seen_at") == [
        "confirmed",
        "cancelled",
    ]


def test_renaming_is_decided_for_each_clinician_separately(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana ben")
    bens = [replace(event, clinician="ben") for event in PAST]
    read(practice, *PAST, *bens, now=NOW)
    correct(practice, "p3", "2026-03-03 11:10")
    assert read(practice, *renamed_entries(PAST, 1), *bens) is None
    names = "SELECT uid_key FROM event JOIN clinician ON clinician.id = clinician_id WHERE key ="
    assert {name[:6] for name in practice.rows(f"{names} 'ana'")} == {"night1"}
    assert set(practice.rows(f"{names} 'ben'")) == {event.uid_key for event in PAST}
    assert ends(practice) == {"night1 p3": "corrected"}


def test_renamed_entries_at_one_time_without_a_client_are_matched_by_their_number(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana")
    same = [session(f"g{number}", "03-18", client=None) for number in range(3)]
    read(practice, *same, now=NOW)
    assert read(practice, *renamed_entries(same[:3], 1)) is None
    assert len(status(practice)) == 3
    assert removed(practice) == set()


def test_a_correction_stays_with_the_entry_of_another_source_that_keeps_its_key(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana", copy="ana")
    practice.copy.set_snapshot(*PAST)
    read(practice, *PAST, now=NOW)
    practice.ingest(now=NOW)
    correct(practice, "p3", "2026-03-03 11:10")
    assert read(practice, *renamed_entries(PAST, 1)) is None
    assert practice.rows("SELECT uid_key FROM correction ORDER BY uid_key") == ["night1 p3", "p3"]


def test_keys_that_come_back_are_not_taken_for_new_ones(practice: MemoryPractice) -> None:
    assert read(practice, *PAST[:8], *SOON) is None  # two are removed
    assert removed(practice) == {"p10", "p11"}
    assert read(practice, *PAST, *SOON, now=NEXT + timedelta(days=1)) is None
    assert removed(practice) == set()
    assert practice.rows("SELECT renamed_at FROM source") == [None]


def test_a_page_that_fails_renames_nothing(practice: MemoryPractice) -> None:
    correct(practice, "p3", "2026-03-03 11:10")
    before = practice.dump()
    practice.rows("CREATE TRIGGER breaks BEFORE UPDATE OF cursor ON source BEGIN SELECT RAISE(ABORT, 'broken'); END")
    practice.calendar.set_snapshot(*renamed_entries([*PAST, *SOON], 1))
    practice.labels["calendar"] = "another cursor"
    with pytest.raises(StoreError):
        practice.ingest(now=NEXT)
    assert practice.dump() == before
    assert practice.rows("SELECT uid_key FROM correction") == ["p3"]
