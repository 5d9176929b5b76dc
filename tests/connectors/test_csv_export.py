from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Window
from connectors.classify import Classifier
from connectors.csv_export.source import SOURCE_KIND, CsvColumns, CsvFormat, CsvOptions, check
from connectors.errors import ConnectorError, MalformedError, UnavailableError
from connectors.records import CounterpartKind, Grade, Kind, Status
from tests.connectors.exports import (
    ANA,
    BEN,
    NAMES,
    VISITS,
    events,
    evidence,
    export,
    local,
    reasons,
    stamps,
    visits,
)
from tests.connectors.kept import kept

NINE = "C1,2024-03-04 09:00,2024-03-04 09:50,2024-03-04 09:02,2024-03-04 10:01,Show,n"
TEN = "C2,2024-03-04 10:00,2024-03-04 10:50,,,Show,n"
CALLS = {"actual_start": "Join", "actual_end": "Leave"}
MESSAGES = {"sent_at": "Date", "direction": "Direction", "counterpart": "Number", "thread": "Chat", "automatic": "Auto"}


def test_a_visit_is_a_session_with_its_clients_pseudonym(tmp_path: Path) -> None:
    (event,) = events(export(tmp_path).write(visits(NINE)).batch())
    assert (event.start, event.end) == (local("2024-03-04 09:00"), local("2024-03-04 09:50"))
    assert (event.clinician, event.kind, event.status) == ("ana", Kind.SESSION, Status.CONFIRMED)
    assert event.client == NAMES.person("ana", "C1")


def test_actual_times_are_evidence_of_the_visit(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE)).batch()
    (found,) = evidence(batch)
    assert (found.started_at, found.ended_at) == (local("2024-03-04 09:02"), local("2024-03-04 10:01"))
    assert (found.grade, found.uid_key) == (Grade.EHR, events(batch)[0].uid_key)


def test_an_empty_actual_cell_is_unknown(tmp_path: Path) -> None:
    half = "C3,2024-03-04 11:00,2024-03-04 11:50,2024-03-04 11:03,n/a,Show,n"
    (found,) = evidence(export(tmp_path).write(visits(TEN, half)).batch())
    assert (found.started_at, found.ended_at) == (local("2024-03-04 11:03"), None)


def test_declared_evidence_wins(tmp_path: Path) -> None:
    (found,) = evidence(export(tmp_path, evidence=Grade.CALL).write(visits(NINE)).batch())
    assert found.grade is Grade.CALL


def test_minutes_may_stand_for_the_ends(tmp_path: Path) -> None:
    columns = {"booked_start": "Start", "booked_minutes": "Booked", "actual_start": "Begun", "actual_minutes": "Lasted"}
    source = export(tmp_path, columns)
    batch = source.write("Start,Booked,Begun,Lasted\n2024-03-04 09:00,50 min,2024-03-04 09:02,1:02\n").batch()
    assert events(batch)[0].end == local("2024-03-04 09:50")
    assert evidence(batch)[0].ended_at == local("2024-03-04 10:04")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Show", Status.CONFIRMED),
        ("", Status.CONFIRMED),
        (" no show ", Status.NO_SHOW),
        ("No-Show", Status.NO_SHOW),
        ("DNA", Status.NO_SHOW),
        ("Late Cancelled", Status.LATE_CANCELLED),
        ("CANCELED", Status.CANCELLED),
        ("Cancelled by clinician", Status.CLINICIAN_CANCELLED),
        ("Cancelled by the front desk", Status.CANCELLED),
    ],
)
def test_usual_status_words_need_no_list(tmp_path: Path, word: str, status: Status) -> None:
    (event,) = events(export(tmp_path).write(visits(TEN.replace("Show", word))).batch())
    assert event.status is status


def test_listed_words_replace_the_usual_ones_of_their_list(tmp_path: Path) -> None:
    source = export(tmp_path, held=("seen by  phone",), no_show=("Show",))
    batch = source.write(visits(TEN, NINE.replace("Show", "Seen by phone"), NINE.replace("Show", "Attended"))).batch()
    assert [event.status for event in events(batch)] == [Status.NO_SHOW, Status.CONFIRMED]
    assert reasons(batch) == [("line 4", "status is none of the words listed in [source.format]")]


def test_day_and_time_in_two_columns_are_one_instant(tmp_path: Path) -> None:
    columns = {"booked_start": "Date + From", "booked_end": "Date + To", "actual_end": "Date + Left"}
    source = export(tmp_path, columns, instant="%d.%m.%Y %H:%M")
    batch = source.write("Date;From;To;Left\n04.03.2024;9:00;9:50;10:01\n05.03.2024;9:00;9:50;\n").batch()
    assert events(batch)[0].start == local("2024-03-04 09:00")
    assert [found.ended_at for found in evidence(batch)] == [local("2024-03-04 10:01")]


def test_a_session_over_midnight_ends_the_day_after_where_both_share_a_date(tmp_path: Path) -> None:
    columns = {
        "booked_start": "Date + From",
        "booked_end": "Date + To",
        "actual_start": "Date + In",
        "actual_end": "Date + Out",
    }
    source = export(tmp_path, columns)
    batch = source.write("Date,From,To,In,Out\n2024-03-30,23:50,00:40,00:05,01:00\n").batch()
    assert events(batch)[0].end == local("2024-03-31 00:40")
    assert evidence(batch)[0].started_at == local("2024-03-31 00:05")
    assert evidence(batch)[0].ended_at == local("2024-03-31 01:00")


def test_an_end_before_its_start_is_a_fault_and_not_a_day_later(tmp_path: Path) -> None:
    columns = {"booked_start": "Date + From", "booked_end": "Date + To"}
    content = "Date,From,To\n2024-03-04,09:00,08:50\n2024-03-04,11:00,11:50\n"
    assert reasons(export(tmp_path, columns).write(content).batch()) == [
        ("line 2", "booked_end is before booked_start")
    ]
    whole = visits("C1,2024-03-04 23:00,2024-03-04 00:10,,,Show,n", TEN)
    assert reasons(export(tmp_path).write(whole).batch()) == [("line 2", "booked_end is before booked_start")]


@pytest.mark.parametrize(
    ("begun", "left", "reason"),
    [
        ("2024-03-04 09:02", "2024-03-04 08:50", "actual_end is before actual_start"),
        ("", "2024-03-04 08:50", "actual_end is before booked_start"),
        ("2024-03-04 09:02", "2024-03-04 09:02", "actual_end is the same as actual_start"),
        ("2024-03-04 09:02", "soon", "actual_end is no date and time of ISO 8601"),
    ],
)
def test_impossible_actual_times_are_a_fault_and_the_visit_stays(
    tmp_path: Path, begun: str, left: str, reason: str
) -> None:
    batch = export(tmp_path).write(visits(f"C1,2024-03-04 09:00,2024-03-04 09:50,{begun},{left},Show,n")).batch()
    assert len(events(batch)) == 1
    assert evidence(batch) == []
    assert reasons(batch) == [("line 2", reason)]


def test_a_time_the_clock_skipped_counts_after_the_gap_and_one_shown_twice_is_the_first(tmp_path: Path) -> None:
    gap = "C1,2024-03-31 02:30,2024-03-31 03:45,,,Show,n"
    fold = "C1,2024-10-27 02:30,2024-10-27 02:50,,,Show,n"
    found = events(export(tmp_path).write(visits(gap, fold)).batch())
    assert found[0].start == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert found[1].start == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def test_the_declared_zone_wins_over_the_owners_and_an_offset_over_both(tmp_path: Path) -> None:
    offset = "C2,2024-03-04T09:00:00+01:00,2024-03-04T08:50:00Z,,,Show,n"
    found = events(export(tmp_path, zone=ZoneInfo("America/New_York")).write(visits(NINE, offset)).batch())
    assert found[0].start == datetime(2024, 3, 4, 14, tzinfo=UTC)
    assert (found[1].start, found[1].end) == (local("2024-03-04 09:00"), local("2024-03-04 09:50"))


def test_a_twelve_hour_clock_is_read_however_it_is_spelled(tmp_path: Path) -> None:
    columns = {"booked_start": "Start", "booked_end": "End"}
    source = export(tmp_path, columns, instant="%m/%d/%Y %I:%M %p")
    rows = "03/04/2024 1:00 PM,03/04/2024 1:50 p.m.\n03/05/2024 12:10\u202fam,03/05/2024 12:50 am\n"
    found = events(source.write(f"Start,End\n{rows}").batch())
    assert [event.end for event in found] == [local("2024-03-04 13:50"), local("2024-03-05 00:50")]


def test_a_day_without_a_time_is_no_midnight(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits("C1,2024-03-04,2024-03-05,,,Show,n", TEN)).batch()
    assert reasons(batch) == [("line 2", "booked_start is no date and time of ISO 8601")]


# Names that last, and rows that repeat


def test_a_visit_with_an_identifier_keeps_its_name_when_it_is_moved(tmp_path: Path) -> None:
    source = export(tmp_path, {"id": "Nr", "booked_start": "Start", "booked_end": "End"})
    before = events(source.write("Nr,Start,End\n7,2024-03-04 09:00,2024-03-04 09:50\n").batch())
    after = events(source.write("Nr,Start,End\n7,2024-03-05 09:00,2024-03-05 09:50\n").batch())
    assert before[0].uid_key == after[0].uid_key


def test_a_visit_without_one_is_named_by_client_and_start(tmp_path: Path) -> None:
    source = export(tmp_path)
    first = events(source.write(visits(NINE, TEN)).batch())
    again = events(source.write(visits(TEN, NINE.replace("09:50", "09:45"))).batch())
    assert {event.uid_key for event in first} == {event.uid_key for event in again}
    assert len({event.uid_key for event in first}) == 2


def test_the_same_row_twice_is_one_visit(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE, NINE)).batch()
    assert (len(events(batch)), batch.rejected) == (1, ())


def test_two_rows_that_disagree_leave_the_later_and_a_fault(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE, NINE.replace("09:50", "09:45"))).batch()
    assert [event.end for event in events(batch)] == [local("2024-03-04 09:45")]
    assert reasons(batch) == [("line 3", "a later row about the same entry differs; the later one counts")]


# Whose row it is


@pytest.mark.parametrize("named", ["ana", "ANA@harbour.example", " Ana  Silva", '"Silva, Ana"'])
def test_a_row_goes_to_whom_its_clinician_names(tmp_path: Path, named: str) -> None:
    columns = {"clinician": "Staff", "booked_start": "Start", "booked_end": "End"}
    source = export(tmp_path, columns, (ANA, BEN))
    content = f"Staff,Start,End\n{named},2024-03-04 09:00,2024-03-04 09:50\nBen,2024-03-04 09:00,2024-03-04 09:50\n"
    found = events(source.write(content).batch())
    assert [event.clinician for event in found] == ["ana", "ben"]
    assert [event.start.astimezone(UTC).hour for event in found] == [8, 9]


def test_a_practice_wide_export_gives_one_person_only_their_own_rows(tmp_path: Path) -> None:
    columns = {"clinician": "Staff", "booked_start": "Start", "booked_end": "End"}
    rows = [f"{name},2024-03-04 09:00,2024-03-04 09:50" for name in ("Ana Silva", "Cleo", "Dora")]
    batch = export(tmp_path, columns).write("\n".join(["Staff,Start,End", *rows])).batch()
    assert len(events(batch)) == 1
    assert reasons(batch) == [("2 rows", "the clinician is nobody of this source")]


# Snapshots, logs and cursors


def test_visits_are_a_snapshot_of_the_window(tmp_path: Path) -> None:
    source = export(tmp_path)
    batch = source.write(visits(NINE, NINE.replace("2024", "2023"))).batch()
    assert batch.replaces == source.context.window
    assert len(events(batch)) == 2
    assert len(events(kept(batch, source.context.window))) == 1


def test_accumulating_visits_take_nothing_back(tmp_path: Path) -> None:
    batch = export(tmp_path, accumulate=True).write(visits(NINE)).batch()
    assert (batch.replaces, len(events(batch))) == (None, 1)


def test_an_unchanged_file_gives_an_empty_batch_and_the_same_cursor(tmp_path: Path) -> None:
    source = export(tmp_path).write(visits(NINE))
    cursor = source.batch().cursor
    again = source.batch(cursor)
    assert (again.cursor, again.records, again.replaces, again.rejected) == (cursor, (), None, ())


def test_what_decides_the_reading_is_part_of_the_cursor(tmp_path: Path) -> None:
    source = export(tmp_path).write(visits(NINE))
    cursor = source.batch().cursor
    later = Window(datetime(2024, 2, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    assert source.but(window=later).batch(cursor).records
    assert export(tmp_path, zone=ZoneInfo("Europe/London")).batch(cursor).records


@pytest.mark.parametrize("cursor", ["", "{", "[]", "[" * 100_000, '{"rows": "x", "mark": 1}', '"page 2"'])
def test_a_cursor_of_somebody_else_is_no_cursor(tmp_path: Path, cursor: str) -> None:
    source = export(tmp_path).write(visits(NINE))
    assert source.batch(cursor) == source.batch()


def test_a_call_log_is_evidence_to_be_linked_by_overlap(tmp_path: Path) -> None:
    source = export(tmp_path, CALLS)
    batch = source.write("Join,Leave\n2024-03-04 09:01:12,2024-03-04 09:58:40\n,2024-03-05 10:02:00\n").batch()
    assert batch.replaces is None
    assert [(found.grade, found.uid_key) for found in evidence(batch)] == [(Grade.CALL, None)] * 2
    assert [found.started_at for found in evidence(batch)] == [local("2024-03-04 09:01:12"), None]


def test_a_message_log_gives_stamps(tmp_path: Path) -> None:
    source = export(tmp_path, MESSAGES, channel="phone").but(
        classifier=Classifier(management=frozenset({"+4420"})), source="texts"
    )
    rows = [
        "2024-03-04 21:07,Incoming,+33 6 12 34 56 78,a,",
        "2024-03-04 21:09,sent,0033612345678,a,yes",
        "2024-03-04 22:00,in,,,",
    ]
    found = stamps(source.write("\n".join(["Date,Direction,Number,Chat,Auto", *rows])).batch())
    assert [stamp.outgoing for stamp in found] == [False, True, False]
    assert found[0].counterpart == found[1].counterpart == NAMES.person("ana", "+33612345678")
    assert [stamp.counterpart_kind for stamp in found] == [
        CounterpartKind.CLIENT,
        CounterpartKind.CLIENT,
        CounterpartKind.OTHER,
    ]
    assert [stamp.automatic for stamp in found] == [False, True, False]
    assert {stamp.channel for stamp in found} == {"phone"}
    assert found[0].thread_nodes[1:] == found[1].thread_nodes[1:]
    assert (found[0].thread_nodes[0], found[2].thread_nodes) == (found[0].key, ())


def test_a_direction_in_no_list_is_a_fault_until_it_is_listed(tmp_path: Path) -> None:
    content = "Date,Direction,Number,Chat,Auto\n2024-03-04 21:07,rx,,,\n2024-03-04 21:08,in,,,\n"
    batch = export(tmp_path, MESSAGES).write(content).batch()
    assert reasons(batch) == [("line 2", "direction is none of the words listed in [source.format]")]
    assert not export(tmp_path, MESSAGES, incoming=("rx", "in")).batch().rejected


def log_of(calls: int) -> str:
    rows = [f"2024-03-{day:02} 09:00,2024-03-{day:02} 09:50" for day in range(1, calls + 1)]
    return "\n".join(["Join,Leave", *rows])


def test_a_log_says_how_many_rows_it_has_unless_each_file_brings_only_what_is_new(tmp_path: Path) -> None:
    assert export(tmp_path, CALLS).write(log_of(20)).batch().source_size == 20
    assert export(tmp_path, CALLS, accumulate=True).batch().source_size is None


def test_a_folder_is_read_together_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "b.TXT").write_text(visits("C9,x,y,,,Show,n", TEN))
    (tmp_path / "exports" / "a.csv").write_text(visits(NINE))
    (tmp_path / "exports" / "c.pdf").write_text("not read")
    batch = export(tmp_path, path="exports").batch()
    assert len(events(batch)) == 2
    assert reasons(batch) == [("file 2 line 2", "booked_start is no date and time of ISO 8601")]


# Options


def test_the_kind_says_what_it_keeps_and_explains_each_option() -> None:
    assert (SOURCE_KIND.name, SOURCE_KIND.check) == ("csv", check)
    for table in (CsvOptions, CsvColumns, CsvFormat):
        assert all(option.metadata["help"] for option in table.__dataclass_fields__.values())


@pytest.mark.parametrize(
    ("columns", "given", "place"),
    [
        ({"client": "Client"}, {}, "columns"),
        ({**VISITS, "booked_minutes": "Length"}, {}, "columns.booked_minutes"),
        ({"booked_start": "S", "booked_end": "E", "actual_minutes": "M"}, {}, "columns.actual_minutes"),
        ({**VISITS, "sent_at": "Sent"}, {}, "columns.sent_at"),
        ({**VISITS, "client": " + "}, {}, "columns.client"),
        (VISITS, {"instant": "%d/%m/%Y"}, "format.instant"),
        (VISITS, {"instant": "%d/%m/%Y %I:%M"}, "format.instant"),
        (VISITS, {"instant": "%d %d"}, "format.instant"),
        (VISITS, {"instant": "%Y-%m-%d %H:%M %Z"}, "format.instant"),
        (VISITS, {"delimiter": "::"}, "format.delimiter"),
        (VISITS, {"held": ("Show",), "no_show": ("show",)}, "format.no_show"),
    ],
)
def test_a_mapping_that_cannot_mean_anything_is_named_by_its_place(
    columns: dict[str, str], given: dict[str, Any], place: str, tmp_path: Path
) -> None:
    source = export(tmp_path, columns, **given)
    problems = check(source.options)
    assert [problem.partition(": ")[0] for problem in problems] == [place]
    with pytest.raises(MalformedError, match="evenhours inspect"):
        source.batch()


def test_an_ordinary_mapping_has_no_problems(tmp_path: Path) -> None:
    formats: dict[str, Any] = {
        "instant": "%Y-%m-%dT%H:%M:%S%z",
        "delimiter": "tab",
        "held": ("Show",),
        "no_show": ("No Show",),
    }
    assert check(export(tmp_path, **formats).options) == []


def test_a_source_of_several_clinicians_needs_their_column(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match=r"columns\.clinician"):
        export(tmp_path, owners=(ANA, BEN)).write(visits(NINE)).batch()


def test_a_busy_source_needs_bookings(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="busy_only"):
        export(tmp_path, CALLS).but(times_suffice=True).write(log_of(1)).batch()


@pytest.mark.parametrize("path", ["nowhere.csv", "empty", "nul\0byte", "x" * 5000])
def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnavailableError) as error:
        export(tmp_path, path=path).batch()
    assert isinstance(error.value, ConnectorError)
