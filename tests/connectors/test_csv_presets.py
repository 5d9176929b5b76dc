"""Exports of practice systems by preset; the files are made up, as no real one has been seen yet."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.csv_export.columns import STATUS_WORDS
from connectors.csv_export.inspect import propose
from connectors.csv_export.options import CsvColumns, check
from connectors.csv_export.presets import presets, recognise
from connectors.csv_export.source import SOURCE_KIND, CsvFormat, CsvOptions
from connectors.errors import MalformedError
from connectors.records import Status
from tests.connectors.exports import ANA, BEN, Export, events, evidence, export

CANARY = "Zebrafink"
SIMPLEPRACTICE = [
    "Date of Service,Client,Client ID,Clinician,Start time,End time,Billing code,Appointment status,Memo",
    f"03/14/2024,{CANARY},C1,Ana Silva,1:00 PM,1:50 PM,90834,Show,{CANARY}",
    f"03/15/2024,{CANARY},C2,Ben,1:00 PM,1:50 PM,90834,Late Cancelled,{CANARY}",
]
THERAPYNOTES = [
    "Date,Start Time,Duration,Patient,Clinician,Service Code,Status",
    f"3/14/2024,1:00 PM,50,{CANARY},Ana Silva,90834,Completed",
    f"3/15/2024,1:00 PM,50,{CANARY},Ben,90834,No Show",
]
JANE = [
    "Id,Start At,End At,Practitioner,Patient Guid,Patient,Treatment,State",
    f"7,2024-03-04 13:00,2024-03-04 13:50,Ana Silva,p-1,{CANARY},{CANARY},arrived",
    f"8,2024-03-05 13:00,2024-03-05 13:50,Ben,p-2,{CANARY},{CANARY},no_show",
]
RETHINK = [
    "AppointmentID,ClientName,StaffName,DateOfService,StartTime,EndTime,ActualStartTime,ActualEndTime,ApptStatus,Duration",
    f"1,{CANARY},Ana Silva,3/14/2024,1:00 PM,1:50 PM,1:02 PM,1:58 PM,Completed,50",
    f"2,{CANARY},Ben,3/15/2024,1:00 PM,1:50 PM,,,Cancelled,50",
]
EXPORTS = {"simplepractice": SIMPLEPRACTICE, "therapynotes": THERAPYNOTES, "jane": JANE, "rethink": RETHINK}


def exported(folder: Path, name: str, lines: list[str], **options_: object) -> Export:
    options = CsvOptions(path=Path("export.csv"), preset=name, **options_)  # type: ignore[arg-type]
    return Export(export(folder, owners=(ANA, BEN)).context, options).write("\r\n".join(lines))


@pytest.mark.parametrize("name", EXPORTS)
def test_export_is_read_by_its_preset_alone(tmp_path: Path, name: str) -> None:
    batch = exported(tmp_path, name, EXPORTS[name]).batch()
    first, second = events(batch)
    assert batch.rejected == ()
    assert (first.clinician, first.status, second.clinician) == ("ana", Status.CONFIRMED, "ben")
    assert first.end - first.start == timedelta(minutes=50)
    assert first.client is not None
    assert second.status in {Status.LATE_CANCELLED, Status.NO_SHOW, Status.CANCELLED}
    assert CANARY not in repr(batch)


def test_actual_times_are_read_if_there_are_any(tmp_path: Path) -> None:
    (actual,) = evidence(exported(tmp_path, "rethink", RETHINK).batch())
    assert actual.started_at is not None
    assert actual.ended_at is not None
    assert actual.ended_at - actual.started_at == timedelta(minutes=56)


@pytest.mark.parametrize("name", EXPORTS)
def test_inspect_recognises_the_export_and_marks_it_as_unverified(tmp_path: Path, name: str) -> None:
    (tmp_path / "export.csv").write_text("\r\n".join(EXPORTS[name]))
    toml = propose(tmp_path / "export.csv").toml()
    assert f'# preset = "{name}" can take the place of' in toml
    assert "(unverified until a real export has been seen)" in toml
    assert CANARY not in toml


def test_unknown_export_is_not_recognised() -> None:
    assert recognise(("Start", "End", "Client")) is None
    assert recognise(()) is None


@pytest.mark.parametrize("name", EXPORTS)
def test_other_columns_are_refused_with_the_expected_names(tmp_path: Path, name: str) -> None:
    other = exported(tmp_path, name, [f"Day,Who,{CANARY}", f"3/14/2024,{CANARY},x"])
    with pytest.raises(MalformedError) as error:
        other.batch()
    assert re.search(r"it does not look like an export of .*: no column for clinician \(", str(error.value))
    assert "Run" in error.value.remedy or "evenhours inspect export.csv" in error.value.remedy
    assert CANARY not in str(error.value)


def test_export_without_a_required_column_is_refused(tmp_path: Path) -> None:
    lines = [line.replace("Start time", "Begins") for line in SIMPLEPRACTICE]
    with pytest.raises(MalformedError, match=r"no column for booked_start \(Date of Service \+ Start time"):
        exported(tmp_path, "simplepractice", lines).batch()


def test_times_in_another_format_are_refused(tmp_path: Path) -> None:
    lines = [line.replace("3/14/2024", "4. März 2024").replace("3/15/2024", "25.03.2024") for line in THERAPYNOTES[:1]]
    lines += ["25.03.2024,13:00,50,x,Ana Silva,90834,Completed"]
    with pytest.raises(MalformedError, match="its times are not in a known format of"):
        exported(tmp_path, "therapynotes", lines).batch()


@pytest.mark.parametrize("name", ["simplepractice", "therapynotes", "rethink"])
def test_ambiguous_days_and_months_are_refused_until_a_pattern_is_configured(tmp_path: Path, name: str) -> None:
    lines = [re.sub(r"3/1([45])/2024", r"3/\1/2024", line) for line in EXPORTS[name]]
    with pytest.raises(MalformedError) as error:
        exported(tmp_path, name, lines).batch()
    sentence = "visits: no row shows which is the day and which the month: write into [source.format] instant"
    assert str(error.value).startswith(sentence)
    patterns = re.findall(r'instant = "([^"]+)"', str(error.value))
    assert patterns == ["%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p"]
    for instant, month in zip(patterns, (3, 4), strict=True):
        first = events(exported(tmp_path, name, lines, format=CsvFormat(instant=instant)).batch())[0]
        assert (first.start.month, first.start.day) == (month, 7 - month)
    (tmp_path / "export.csv").write_text("\r\n".join(lines))
    toml = propose(tmp_path / "export.csv").toml()
    assert f'# preset = "{name}" can take the place of [source.columns].' in toml
    assert all(f'# instant = "{instant}"' in toml for instant in patterns)


@pytest.mark.parametrize("day", ["3/3/2024", "05/14/2024"])
def test_day_that_is_the_same_in_both_patterns_is_read(tmp_path: Path, day: str) -> None:
    lines = [re.sub(r"3/1[45]/2024", day, line) for line in THERAPYNOTES]
    assert len(events(exported(tmp_path, "therapynotes", lines).batch())) == 2


def test_month_with_equal_long_and_short_name_is_not_ambiguous(tmp_path: Path) -> None:
    lines = [re.sub(r"2024-03-0(\d) 13:(\d\d)", r'"May \1, 2024 1:\2 PM"', line) for line in JANE]
    first, second = events(exported(tmp_path, "jane", lines).batch())
    assert (first.start.month, first.start.day, second.start.day) == (5, 4, 5)


def test_configured_columns_and_words_have_precedence(tmp_path: Path) -> None:
    lines = [line.replace("Start time", "Begins").replace("Show", "Seen by us") for line in SIMPLEPRACTICE]
    columns_ = CsvColumns(booked_start="Date of Service + Begins")
    batch = exported(
        tmp_path, "simplepractice", lines, columns=columns_, format=CsvFormat(held=("Seen by us",))
    ).batch()
    assert [event.status for event in events(batch)] == [Status.CONFIRMED, Status.LATE_CANCELLED]


def test_an_unchanged_export_is_not_read_again(tmp_path: Path) -> None:
    source = exported(tmp_path, "jane", JANE)
    first = source.batch()
    assert source.batch(first.cursor).records == ()


def test_unknown_preset_is_a_problem() -> None:
    assert check(CsvOptions(path=Path("x"), preset="jane")) == []
    (problem,) = check(CsvOptions(path=Path("x"), preset="janet"))
    assert problem == "preset: unknown; the presets are simplepractice, therapynotes, jane, rethink"
    assert check(CsvOptions(path=Path("x"))) != []


@pytest.mark.parametrize("name", EXPORTS)
def test_presets_contain_only_valid_mappings(name: str) -> None:
    preset = presets()[name]
    assert preset.columns.keys() <= CsvColumns.__dataclass_fields__.keys()
    assert preset.words.keys() <= STATUS_WORDS.keys()
    assert not preset.verified
    formats = [CsvFormat(instant=pattern, **preset.words) for pattern in preset.instants]  # type: ignore[arg-type]
    columns_ = CsvColumns(booked_start="a", booked_end="b")
    assert [check(CsvOptions(path=Path("x"), columns=columns_, format=csv_format)) for csv_format in formats] == [
        [] for _ in formats
    ]
    assert SOURCE_KIND.check is not None
