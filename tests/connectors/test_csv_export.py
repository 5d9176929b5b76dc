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
    PSEUDONYMS,
    VISITS,
    events,
    evidence,
    export,
    local,
    reasons,
    stamps,
    visits,
)
from tests.connectors.ingest_policy import apply_policy

NINE_O_CLOCK = "C1,2024-03-04 09:00,2024-03-04 09:50,2024-03-04 09:02,2024-03-04 10:01,Show,n"
TEN_O_CLOCK = "C2,2024-03-04 10:00,2024-03-04 10:50,,,Show,n"
CALLS = {"actual_start": "Join", "actual_end": "Leave"}
MESSAGES = {"sent_at": "Date", "direction": "Direction", "counterpart": "Number", "thread": "Chat", "automatic": "Auto"}


def test_a_visit_is_a_session_with_its_clients_pseudonym(tmp_path: Path) -> None:
    (event,) = events(export(tmp_path).write(visits(NINE_O_CLOCK)).batch())
    assert (event.start, event.end) == (local("2024-03-04 09:00"), local("2024-03-04 09:50"))
    assert (event.clinician, event.kind, event.status) == ("ana", Kind.SESSION, Status.CONFIRMED)
    assert event.client == PSEUDONYMS.person("ana", "C1")


def test_actual_times_are_evidence_of_the_visit(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE_O_CLOCK)).batch()
    (actual,) = evidence(batch)
    assert (actual.started_at, actual.ended_at) == (local("2024-03-04 09:02"), local("2024-03-04 10:01"))
    assert (actual.grade, actual.uid_key) == (Grade.EHR, events(batch)[0].uid_key)


def test_an_empty_actual_cell_is_unknown(tmp_path: Path) -> None:
    start_only = "C3,2024-03-04 11:00,2024-03-04 11:50,2024-03-04 11:03,n/a,Show,n"
    (actual,) = evidence(export(tmp_path).write(visits(TEN_O_CLOCK, start_only)).batch())
    assert (actual.started_at, actual.ended_at) == (local("2024-03-04 11:03"), None)


def test_declared_evidence_wins(tmp_path: Path) -> None:
    (actual,) = evidence(export(tmp_path, evidence=Grade.CALL).write(visits(NINE_O_CLOCK)).batch())
    assert actual.grade is Grade.CALL


def test_minutes_may_replace_the_ends(tmp_path: Path) -> None:
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
def test_default_status_words_need_no_list(tmp_path: Path, word: str, status: Status) -> None:
    (event,) = events(export(tmp_path).write(visits(TEN_O_CLOCK.replace("Show", word))).batch())
    assert event.status is status


def test_configured_words_replace_the_default_list(tmp_path: Path) -> None:
    source = export(tmp_path, held=("seen by  phone",), no_show=("Show",))
    batch = source.write(
        visits(TEN_O_CLOCK, NINE_O_CLOCK.replace("Show", "Seen by phone"), NINE_O_CLOCK.replace("Show", "Attended"))
    ).batch()
    assert [event.status for event in events(batch)] == [Status.NO_SHOW, Status.CONFIRMED]
    assert reasons(batch) == [("line 4", "status is not one of the words in [source.format]")]


def test_date_and_time_in_two_columns_are_one_instant(tmp_path: Path) -> None:
    columns = {"booked_start": "Date + From", "booked_end": "Date + To", "actual_end": "Date + Left"}
    source = export(tmp_path, columns, instant="%d.%m.%Y %H:%M")
    batch = source.write("Date;From;To;Left\n04.03.2024;9:00;9:50;10:01\n05.03.2024;9:00;9:50;\n").batch()
    assert events(batch)[0].start == local("2024-03-04 09:00")
    assert [actual.ended_at for actual in evidence(batch)] == [local("2024-03-04 10:01")]


def test_session_over_midnight_ends_on_the_next_day_if_both_share_a_date(tmp_path: Path) -> None:
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


def test_end_before_its_start_is_rejected(tmp_path: Path) -> None:
    columns = {"booked_start": "Date + From", "booked_end": "Date + To"}
    content = "Date,From,To\n2024-03-04,09:00,08:50\n2024-03-04,11:00,11:50\n"
    assert reasons(export(tmp_path, columns).write(content).batch()) == [
        ("line 2", "booked_end is before booked_start")
    ]
    instants = visits("C1,2024-03-04 23:00,2024-03-04 00:10,,,Show,n", TEN_O_CLOCK)
    assert reasons(export(tmp_path).write(instants).batch()) == [("line 2", "booked_end is before booked_start")]


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2024-03-04 09:02", "2024-03-04 08:50", "actual_end is before actual_start"),
        ("", "2024-03-04 08:50", "actual_end is before booked_start"),
        ("2024-03-04 09:02", "2024-03-04 09:02", "actual_end is the same as actual_start"),
        ("2024-03-04 09:02", "soon", "actual_end is not an ISO 8601 date and time"),
    ],
)
def test_impossible_actual_times_are_rejected_and_the_visit_stays(
    tmp_path: Path, start: str, end: str, reason: str
) -> None:
    batch = export(tmp_path).write(visits(f"C1,2024-03-04 09:00,2024-03-04 09:50,{start},{end},Show,n")).batch()
    assert len(events(batch)) == 1
    assert evidence(batch) == []
    assert reasons(batch) == [("line 2", reason)]


def test_skipped_local_time_is_after_the_gap_and_repeated_one_is_the_first(tmp_path: Path) -> None:
    gap = "C1,2024-03-31 02:30,2024-03-31 03:45,,,Show,n"
    fold = "C1,2024-10-27 02:30,2024-10-27 02:50,,,Show,n"
    records = events(export(tmp_path).write(visits(gap, fold)).batch())
    assert records[0].start == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert records[1].start == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def test_configured_zone_has_precedence_over_the_owners_and_an_offset_over_both(tmp_path: Path) -> None:
    offset = "C2,2024-03-04T09:00:00+01:00,2024-03-04T08:50:00Z,,,Show,n"
    records = events(export(tmp_path, zone=ZoneInfo("America/New_York")).write(visits(NINE_O_CLOCK, offset)).batch())
    assert records[0].start == datetime(2024, 3, 4, 14, tzinfo=UTC)
    assert (records[1].start, records[1].end) == (local("2024-03-04 09:00"), local("2024-03-04 09:50"))


def test_twelve_hour_clock_is_read_in_every_spelling(tmp_path: Path) -> None:
    columns = {"booked_start": "Start", "booked_end": "End"}
    source = export(tmp_path, columns, instant="%m/%d/%Y %I:%M %p")
    rows = "03/04/2024 1:00 PM,03/04/2024 1:50 p.m.\n03/05/2024 12:10\u202fam,03/05/2024 12:50 am\n"
    records = events(source.write(f"Start,End\n{rows}").batch())
    assert [event.end for event in records] == [local("2024-03-04 13:50"), local("2024-03-05 00:50")]


def test_date_without_a_time_is_rejected(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits("C1,2024-03-04,2024-03-05,,,Show,n", TEN_O_CLOCK)).batch()
    assert reasons(batch) == [("line 2", "booked_start is not an ISO 8601 date and time")]


# Keys that stay, and rows that repeat


def test_visit_with_an_identifier_keeps_its_key_when_it_is_moved(tmp_path: Path) -> None:
    source = export(tmp_path, {"id": "Nr", "booked_start": "Start", "booked_end": "End"})
    before = events(source.write("Nr,Start,End\n7,2024-03-04 09:00,2024-03-04 09:50\n").batch())
    after = events(source.write("Nr,Start,End\n7,2024-03-05 09:00,2024-03-05 09:50\n").batch())
    assert before[0].uid_key == after[0].uid_key


def test_visit_without_one_is_identified_by_client_and_start(tmp_path: Path) -> None:
    source = export(tmp_path)
    first = events(source.write(visits(NINE_O_CLOCK, TEN_O_CLOCK)).batch())
    second = events(source.write(visits(TEN_O_CLOCK, NINE_O_CLOCK.replace("09:50", "09:45"))).batch())
    assert {event.uid_key for event in first} == {event.uid_key for event in second}
    assert len({event.uid_key for event in first}) == 2


def test_the_same_row_twice_is_one_visit(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE_O_CLOCK, NINE_O_CLOCK)).batch()
    assert (len(events(batch)), batch.rejected) == (1, ())


def test_of_two_contradicting_rows_the_earlier_is_rejected(tmp_path: Path) -> None:
    batch = export(tmp_path).write(visits(NINE_O_CLOCK, NINE_O_CLOCK.replace("09:50", "09:45"))).batch()
    assert [event.end for event in events(batch)] == [local("2024-03-04 09:45")]
    assert reasons(batch) == [("line 3", "a later row about the same entry differs; the later one counts")]


# Owners


@pytest.mark.parametrize("clinician", ["ana", "ANA@harbour.example", " Ana  Silva", '"Silva, Ana"'])
def test_row_belongs_to_the_clinician_it_names(tmp_path: Path, clinician: str) -> None:
    columns = {"clinician": "Staff", "booked_start": "Start", "booked_end": "End"}
    source = export(tmp_path, columns, (ANA, BEN))
    content = f"Staff,Start,End\n{clinician},2024-03-04 09:00,2024-03-04 09:50\nBen,2024-03-04 09:00,2024-03-04 09:50\n"
    records = events(source.write(content).batch())
    assert [event.clinician for event in records] == ["ana", "ben"]
    assert [event.start.astimezone(UTC).hour for event in records] == [8, 9]


def test_practice_wide_export_gives_one_owner_only_their_rows(tmp_path: Path) -> None:
    columns = {"clinician": "Staff", "booked_start": "Start", "booked_end": "End"}
    rows = [f"{name},2024-03-04 09:00,2024-03-04 09:50" for name in ("Ana Silva", "Cleo", "Dora")]
    batch = export(tmp_path, columns).write("\n".join(["Staff,Start,End", *rows])).batch()
    assert len(events(batch)) == 1
    assert reasons(batch) == [("2 rows", "the clinician is not an owner of this source")]


# Snapshots, logs and cursors


def test_visits_are_a_snapshot_of_the_window(tmp_path: Path) -> None:
    source = export(tmp_path)
    batch = source.write(visits(NINE_O_CLOCK, NINE_O_CLOCK.replace("2024", "2023"))).batch()
    assert batch.replaces == source.context.window
    assert len(events(batch)) == 2
    assert len(events(apply_policy(batch, source.context.window))) == 1


def test_accumulating_visits_remove_nothing(tmp_path: Path) -> None:
    batch = export(tmp_path, accumulate=True).write(visits(NINE_O_CLOCK)).batch()
    assert (batch.replaces, len(events(batch))) == (None, 1)


def test_unchanged_file_yields_an_empty_batch_and_the_same_cursor(tmp_path: Path) -> None:
    source = export(tmp_path).write(visits(NINE_O_CLOCK))
    cursor = source.batch().cursor
    second = source.batch(cursor)
    assert (second.cursor, second.records, second.replaces, second.rejected) == (cursor, (), None, ())


def test_cursor_depends_on_window_and_format(tmp_path: Path) -> None:
    source = export(tmp_path).write(visits(NINE_O_CLOCK))
    cursor = source.batch().cursor
    later = Window(datetime(2024, 2, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    assert source.with_context(window=later).batch(cursor).records
    assert export(tmp_path, zone=ZoneInfo("Europe/London")).batch(cursor).records


@pytest.mark.parametrize("cursor", ["", "{", "[]", "[" * 100_000, '{"rows": "x", "mark": 1}', '"page 2"'])
def test_unknown_cursor_is_ignored(tmp_path: Path, cursor: str) -> None:
    source = export(tmp_path).write(visits(NINE_O_CLOCK))
    assert source.batch(cursor) == source.batch()


def test_a_call_log_is_evidence_to_be_linked_by_overlap(tmp_path: Path) -> None:
    source = export(tmp_path, CALLS)
    batch = source.write("Join,Leave\n2024-03-04 09:01:12,2024-03-04 09:58:40\n,2024-03-05 10:02:00\n").batch()
    assert batch.replaces is None
    assert [(call.grade, call.uid_key) for call in evidence(batch)] == [(Grade.CALL, None)] * 2
    assert [call.started_at for call in evidence(batch)] == [local("2024-03-04 09:01:12"), None]


def test_a_message_log_gives_stamps(tmp_path: Path) -> None:
    source = export(tmp_path, MESSAGES, channel="phone").with_context(
        classifier=Classifier(management=frozenset({"+4420"})), source="texts"
    )
    rows = [
        "2024-03-04 21:07,Incoming,+33 6 12 34 56 78,a,",
        "2024-03-04 21:09,sent,0033612345678,a,yes",
        "2024-03-04 22:00,in,,,",
    ]
    messages = stamps(source.write("\n".join(["Date,Direction,Number,Chat,Auto", *rows])).batch())
    assert [stamp.outgoing for stamp in messages] == [False, True, False]
    assert messages[0].counterpart == messages[1].counterpart == PSEUDONYMS.person("ana", "+33612345678")
    assert [stamp.counterpart_kind for stamp in messages] == [
        CounterpartKind.CLIENT,
        CounterpartKind.CLIENT,
        CounterpartKind.OTHER,
    ]
    assert [stamp.automatic for stamp in messages] == [False, True, False]
    assert {stamp.channel for stamp in messages} == {"phone"}
    assert messages[0].thread_nodes[1:] == messages[1].thread_nodes[1:]
    assert (messages[0].thread_nodes[0], messages[2].thread_nodes) == (messages[0].key, ())


def test_direction_in_no_list_is_rejected_until_it_is_configured(tmp_path: Path) -> None:
    content = "Date,Direction,Number,Chat,Auto\n2024-03-04 21:07,rx,,,\n2024-03-04 21:08,in,,,\n"
    batch = export(tmp_path, MESSAGES).write(content).batch()
    assert reasons(batch) == [("line 2", "direction is not one of the words in [source.format]")]
    assert not export(tmp_path, MESSAGES, incoming=("rx", "in")).batch().rejected


def call_log(calls: int) -> str:
    rows = [f"2024-03-{day:02} 09:00,2024-03-{day:02} 09:50" for day in range(1, calls + 1)]
    return "\n".join(["Join,Leave", *rows])


def test_log_has_a_source_size_unless_it_accumulates(tmp_path: Path) -> None:
    assert export(tmp_path, CALLS).write(call_log(20)).batch().source_size == 20
    assert export(tmp_path, CALLS, accumulate=True).batch().source_size is None


def test_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "b.TXT").write_text(visits("C9,x,y,,,Show,n", TEN_O_CLOCK))
    (tmp_path / "exports" / "a.csv").write_text(visits(NINE_O_CLOCK))
    (tmp_path / "exports" / "c.pdf").write_text("not read")
    batch = export(tmp_path, path="exports").batch()
    assert len(events(batch)) == 2
    assert reasons(batch) == [("file 2 line 2", "booked_start is not an ISO 8601 date and time")]


# Options


def test_every_option_has_help() -> None:
    assert (SOURCE_KIND.name, SOURCE_KIND.check) == ("csv", check)
    for table in (CsvOptions, CsvColumns, CsvFormat):
        assert all(option.metadata["help"] for option in table.__dataclass_fields__.values())


@pytest.mark.parametrize(
    ("columns", "csv_format", "place"),
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
def test_invalid_mapping_is_reported_with_its_place(
    columns: dict[str, str], csv_format: dict[str, Any], place: str, tmp_path: Path
) -> None:
    source = export(tmp_path, columns, **csv_format)
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
        export(tmp_path, owners=(ANA, BEN)).write(visits(NINE_O_CLOCK)).batch()


def test_a_busy_source_needs_bookings(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="busy_only"):
        export(tmp_path, CALLS).with_context(times_suffice=True).write(call_log(1)).batch()


@pytest.mark.parametrize("path", ["nowhere.csv", "empty", "nul\0byte", "x" * 5000])
def test_missing_file_is_a_connector_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnavailableError) as error:
        export(tmp_path, path=path).batch()
    assert isinstance(error.value, ConnectorError)
