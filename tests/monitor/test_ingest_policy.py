"""The practice's policy, which applies to records of all sources alike."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors import registry
from connectors.base import Batch, RejectedRecord, Skipped, Window
from connectors.errors import ShrunkSourceError
from connectors.records import CALLED_OFF, CalendarEvent, Grade, Kind, Record, Status
from monitor.analysis.calendar import day_number
from monitor.analysis.catalogue import compute_metrics
from monitor.config import Config, load
from monitor.ingest import IngestRequest, SourceOutcome, context_for, ingest
from monitor.ingest.policy import TOO_LONG, Policy
from monitor.loading import load_frames
from monitor.store.database import Store, open_store
from tests.connectors.test_add_a_connector import files
from tests.monitor.memory import PSEUDONYMS, PracticeFactory, days, ehr_evidence, entry, epoch, stamp, utc

NOW = datetime(2026, 3, 23, 4, tzinfo=UTC)  # a Monday
PRACTICE = """
[practice]
name = "Two"
zone = "Europe/Paris"
[[clinician]]
key = "ana"
addresses = ["ana@two.example"]
"""


def practice(folder: Path, *sources: str) -> tuple[Config, Store]:
    path = folder / "evenhours.toml"
    path.write_text(PRACTICE + "".join(f'[[source]]\nclinician = "ana"\n{source}\n' for source in sources))
    config = load(path)
    return config, open_store(config.database, create=True)


def read(config: Config, store: Store, **options: Any) -> dict[str, SourceOutcome]:
    outcomes = {
        outcome.name: outcome for outcome in ingest(config, store, PSEUDONYMS, IngestRequest(**options), now=NOW)
    }
    assert [outcome.problem for outcome in outcomes.values() if outcome.problem] == []
    return outcomes


def stored(store: Store, sql: str) -> list[Any]:
    """Return the rows of a query; of a single column its values."""
    rows = store.connection.execute(sql).fetchall()
    return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows


def last_week(config: Config, store: Store) -> dict[str, float]:
    """Return Ana's values of the week before ``NOW``."""
    metrics = compute_metrics(load_frames(config, store, config.clinicians[0], now=NOW))
    rows = metrics[metrics["week"] == day_number(date(2026, 3, 16))]
    return dict(zip(rows["key"], rows["value"], strict=True))


# Another job's shifts


VISITS = """name = "clinic"
kind = "csv"
path = "visits.csv"
[source.columns]
client = "Client"
booked_start = "Start"
booked_end = "End"
"""
SHIFTS = """name = "ward"
kind = "csv"
path = "shifts.csv"
busy_only = true
[source.columns]
booked_start = "From"
booked_end = "To"
"""


def test_a_shift_of_a_whole_day_in_another_jobs_export_is_no_day_off(tmp_path: Path) -> None:
    worked = [day for day in range(2, 21) if day not in {7, 8}]
    rows = [f"C1,2026-03-{day:02} 09:00,2026-03-{day:02} 09:50\n" for day in worked]
    (tmp_path / "visits.csv").write_text("".join(["Client,Start,End\n", *rows]))
    (tmp_path / "shifts.csv").write_text("From,To\n2026-03-21 08:00,2026-03-22 08:00\n")
    config, store = practice(tmp_path, VISITS, SHIFTS)
    read(config, store)
    values = last_week(config, store)
    assert values["days_since_full_day_off"] == 14  # since Sunday the 8th
    assert values["longest_free_stretch"] == pytest.approx(23 + 1 / 6)  # from one day's session to the next


# A third-party connector


@pytest.fixture
def bookings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the connector of docs/add-a-connector.md."""
    module = ModuleType("evenhours_bookings.source")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(files()["evenhours_bookings/source.py"], "source.py", "exec"), module.__dict__)
    monkeypatch.setattr(registry, "KINDS", {**registry.KINDS, "bookings": module.__name__})


FRONT_DESK = """name = "front-desk"
kind = "bookings"
path = "bookings.json"
"""


def booking(number: int, start: str, end: str, **more: str) -> dict[str, Any]:
    fields = {"id": number, "start": f"{start}:00+01:00", "end": f"{end}:00+01:00", "client": "carol@post.example"}
    return fields | more


@pytest.mark.usefixtures("bookings")
def test_no_connector_makes_48_hours_a_session(tmp_path: Path) -> None:
    bookings = [
        booking(1, "2026-03-16T09:00", "2026-03-16T09:50"),
        booking(2, "2026-03-17T09:00", "2026-03-19T09:50"),
    ]
    (tmp_path / "bookings.json").write_text(json.dumps(bookings))
    config, store = practice(tmp_path, FRONT_DESK)
    read(config, store)
    values = last_week(config, store)
    assert values["contact_hours"] == pytest.approx(50 / 60)
    assert stored(store, "SELECT excluded FROM event ORDER BY start_at") == [None, "longer than longest_session_hours"]


# Entries


WINDOW = Window(utc("2026-03-02 00:00"), utc("2026-03-09 00:00"))
POLICY = Policy("calendar", frozenset({"ana", "ben"}), WINDOW)
ANOTHER_JOB = replace(POLICY, busy_only=True)


def stored_records(*records: Record, policy: Policy = POLICY, **batch: Any) -> tuple[Record, ...]:
    return policy.page(Batch("1", records, **batch), Skipped()).batch.records


@pytest.mark.parametrize(
    ("kind", "hours", "reason"),
    [
        (Kind.SESSION, 12, None),
        (Kind.SESSION, 12.01, TOO_LONG),
        (Kind.SUPERVISION, 24, TOO_LONG),
        (Kind.OTHER, 24, TOO_LONG),
        *((kind, 48, None) for kind in (Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY, Kind.BUSY)),
    ],
)
def test_an_event_longer_than_any_session_is_excluded(kind: Kind, hours: float, reason: str | None) -> None:
    (record,) = stored_records(entry("a", "2026-03-03 09:00", int(hours * 60) + (hours % 1 > 0), kind=kind))
    assert isinstance(record, CalendarEvent)
    assert record.excluded == reason


def test_a_whole_day_is_not_excluded_and_a_reason_of_the_source_stays() -> None:
    day = entry("a", "2026-03-03 00:00", 24 * 60, all_day=True)
    open_end = entry("b", "2026-03-03 00:00", 24 * 60, excluded="its end is not known")
    assert stored_records(day, open_end) == (day, open_end)


def test_hours_are_elapsed_hours_and_not_those_of_the_wall_clock() -> None:
    paris = ZoneInfo("Europe/Paris")
    start, end = (datetime(2026, 3, day, hour, 30, tzinfo=paris) for day, hour in ((28, 20), (29, 9)))  # 12 h
    spring = replace(POLICY, window=Window(utc("2026-03-01 00:00"), utc("2026-04-01 00:00")))
    (record,) = stored_records(CalendarEvent("ana", "a", start, end, Kind.SESSION), policy=spring)
    assert isinstance(record, CalendarEvent)
    assert record.excluded is None


def test_of_another_jobs_entry_only_the_times_are_stored() -> None:
    event = entry(
        "a", "2026-03-03 09:00", 24 * 60, client="K7Q2", meeting="M", edited_at=utc("2026-03-01 09:00"), series="S",
        status=Status.TENTATIVE,
    )  # fmt: skip
    (record,) = stored_records(
        event, ehr_evidence("a", "2026-03-03 09:50"), stamp(1, "2026-03-03 09:00"), policy=ANOTHER_JOB
    )
    assert record == replace(event, kind=Kind.BUSY, client=None, meeting=None, edited_at=None, status=Status.CONFIRMED)


@pytest.mark.parametrize(
    ("fields", "is_stored"),
    [
        ({"is_free": True}, False),
        *(({"status": status}, status not in CALLED_OFF) for status in Status),
    ],
)
def test_another_jobs_free_time_is_not_stored(fields: dict[str, Any], is_stored: bool) -> None:  # noqa: FBT001
    event = entry("a", "2026-03-03 09:00", **fields)
    page = ANOTHER_JOB.page(Batch("1", (event,)), Skipped())
    assert len(page.batch.records) == is_stored
    assert set(page.dropped) == (set() if is_stored else {("ana", "a")})
    assert stored_records(event) == (event,)


def test_the_later_of_two_entries_with_one_key_counts() -> None:
    inside, outside = entry("a", "2026-03-03 09:00"), entry("a", "2026-04-03 09:00")
    for records, dropped in (((inside, outside), {("ana", "a")}), ((outside, inside), set())):
        page = POLICY.page(Batch("1", records), Skipped())
        assert page.batch.records == (() if dropped else (inside,))
        assert set(page.dropped) == dropped


def test_a_record_of_somebody_who_is_not_an_owner_is_refused() -> None:
    with pytest.raises(LookupError):
        stored_records(entry("a", "2026-03-03 09:00", clinician="cleo"))


# Evidence


@pytest.mark.parametrize(
    ("grade", "ended", "is_accepted"),
    [
        (Grade.EHR, "2026-03-03 21:00", True), (Grade.EHR, "2026-03-03 21:01", False),
        (Grade.CALL, "2026-03-04 09:00", True), (Grade.EHR, None, True),
    ],
)  # fmt: skip
def test_a_record_systems_times_that_are_too_long_for_a_session_are_rejected(
    grade: Grade,
    ended: str | None,
    is_accepted: bool,  # noqa: FBT001 - a table of facts
) -> None:
    evidence = replace(ehr_evidence("a", ended, "2026-03-03 09:00"), grade=grade)
    batch = POLICY.page(Batch("1", (evidence,)), Skipped()).batch
    assert batch.records == (evidence if is_accepted else replace(evidence, started_at=None, ended_at=None),)
    place = "actual times of entry a"
    assert batch.rejected == (() if is_accepted else (RejectedRecord(place, f"they are {TOO_LONG}"),))
    assert batch.resolved == ((place,) if is_accepted and grade is Grade.EHR else ())


# The window


@pytest.mark.parametrize(
    ("record", "is_stored"),
    [
        (entry("a", "2026-03-01 23:00", 60), False),
        (entry("a", "2026-03-01 23:00", 61), True),
        (entry("a", "2026-03-02 00:00", 0), True),
        (entry("a", "2026-03-08 23:59", 60), True),
        (entry("a", "2026-03-09 00:00", 60), False),
        (ehr_evidence("a", "2026-03-01 23:59"), False),
        (ehr_evidence("a", "2026-03-02 00:30", "2026-03-01 23:30"), True),
        (ehr_evidence("a", None), True),
        (stamp(1, "2026-03-01 23:59"), False),
        (stamp(1, "2026-03-02 00:00"), True),
        (stamp(1, "2026-03-09 00:00"), False),
    ],
)
def test_records_outside_the_window_are_not_stored(record: Record, is_stored: bool) -> None:  # noqa: FBT001
    assert stored_records(record) == ((record,) if is_stored else ())


def test_the_default_window_is_750_days_back_and_120_ahead(tmp_path: Path) -> None:
    config, _ = practice(tmp_path, VISITS)
    (source,) = config.sources
    window = context_for(config, source, PSEUDONYMS, IngestRequest(), now=NOW).window
    paris = ZoneInfo("Europe/Paris")
    assert window.start == datetime(2024, 3, 3, tzinfo=paris)
    assert window.end == datetime(2026, 7, 22, tzinfo=paris)


def test_skipped_records_are_remembered_except_future_events() -> None:
    records = (
        entry("a", "2026-02-21 09:00", 7 * 24 * 60), ehr_evidence("a", "2026-02-27 09:00"),
        stamp(1, "2026-02-20 09:00"),
        entry("b", "2026-03-20 09:00"), stamp(2, "2026-03-22 09:00"), stamp(3, "2026-03-21 09:00"),
    )  # fmt: skip
    skipped = Skipped(epoch("2026-02-28 09:00"), epoch("2026-03-21 09:00"))
    assert POLICY.page(Batch("1", records), Skipped()).skipped == skipped
    assert POLICY.page(Batch("1"), skipped).skipped == skipped
    assert POLICY.page(Batch("1", records, replaces=WINDOW), Skipped()).skipped == Skipped()


def test_a_skipped_message_is_read_once_the_window_contains_it(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.set_pages([stamp(1, "2026-03-02 09:00")], [stamp(2, "2026-03-04 09:00")])
    practice.ingest(**days("2026-03-03", "2026-03-10"))
    assert practice.rows("SELECT node FROM message") == [2]
    practice.ingest(**days("2026-03-03", "2026-03-11"))
    assert practice.mail.cursors == [None, "2 first"]
    practice.ingest()
    practice.ingest()
    assert practice.mail.cursors[2:] == [None, "2 first"]
    assert practice.rows("SELECT node FROM message") == [1, 2]


def test_an_entry_that_moved_out_of_the_window_is_removed_by_a_snapshot_and_by_a_page(
    make_practice: PracticeFactory,
) -> None:
    away = entry("a", "2029-03-04 10:00")
    for is_complete in (True, False):
        practice = make_practice(calendar="ana")
        practice.calendar.set_snapshot(*BOOKED)
        practice.ingest()
        if is_complete:
            practice.calendar.set_snapshot(away, *BOOKED[1:])  # which reaches back to b only
        else:
            practice.calendar.set_removed(new=[away])
        practice.ingest()
        assert practice.rows("SELECT uid_key FROM event WHERE status = 'removed'") == ["a"]


# A changed policy


BOOKED = [entry(name, f"2026-03-{day:02} 10:00", 600, client="K7Q2") for day, name in enumerate("abcd", 10)]


def test_a_changed_policy_begins_the_source_again_and_an_unchanged_one_does_not(make_practice: PracticeFactory) -> None:
    practice = make_practice(calendar="ana", rooms="ana")
    practice.calendar.set_snapshot(*BOOKED)
    practice.rooms.set_snapshot(entry("r", "2026-03-03 10:00"))
    practice.ingest()
    practice.settings["calendar"] = "busy_only = true"
    practice.ingest()
    assert practice.rows("SELECT DISTINCT kind, client_id FROM event WHERE uid_key <> 'r'") == [("busy", None)]
    practice.practice = "longest_session_hours = 0.5"
    practice.ingest()
    practice.ingest()
    assert practice.calendar.cursors == [None, None, None, "1 first"]
    assert practice.rooms.cursors == [None, "1 first", None, "1 first"]
    assert practice.rows("SELECT uid_key FROM event WHERE excluded IS NOT NULL") == ["r"]


def test_stored_details_are_deleted_when_a_source_becomes_another_jobs(
    make_practice: PracticeFactory,
) -> None:
    practice = make_practice(calendar="ana", mail="ana")
    old, ended = entry("old", "2019-03-04 10:00", client="K7Q2"), ehr_evidence("old", "2019-03-04 10:55")
    practice.calendar.set_pages([old, ended, stamp(1, "2019-03-04 12:00"), stamp(2, "2019-03-05 12:00", 1)])
    practice.mail.set_pages([stamp(3, "2026-03-05 12:00")])
    practice.ingest(**days("2019-01-01", "2019-12-31"))
    practice.ingest("mail")
    practice.dirty()
    practice.settings["calendar"] = "busy_only = true"
    practice.calendar.set_pages([entry("new", "2026-03-04 10:00", client="K7Q2")])
    practice.ingest()
    rows = practice.rows("SELECT uid_key, kind, client_id, meeting FROM event ORDER BY uid_key")
    assert rows == [("new", "busy", None, None), ("old", "busy", None, None)]
    assert practice.rows("SELECT * FROM evidence") == []
    assert practice.rows("SELECT node FROM message") == [3]
    assert practice.dirty() == {"ana": epoch("2019-03-04 10:00")}


# A source that has shrunk


def test_a_message_source_that_shrank_is_refused_from_any_cursor(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana")
    practice.mail.pages = [Batch(None, (stamp(1, "2026-03-02 09:00"),), source_size=10)]
    practice.ingest()
    for size, is_accepted in ((6, False), (7, True)):
        practice.mail.pages = [Batch(None, (stamp(size, "2026-03-02 09:00"),), source_size=size)]
        before = practice.dump()
        problem = practice.ingest(full=True)["mail"].problem
        assert (problem is None) is is_accepted
        assert (practice.dump() == before) is not is_accepted
    practice.mail.pages = [Batch(None, (stamp(4, "2026-03-02 09:00"),), source_size=4)]
    problem = practice.ingest(full=True)["mail"].problem
    assert isinstance(problem, ShrunkSourceError)
    assert (problem.before, problem.after) == (7, 4)
    assert practice.ingest(full=True, accept_shrink=True)["mail"].problem is None
    assert practice.ingest(full=True)["mail"].problem is None
