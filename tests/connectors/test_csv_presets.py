"""Exports of practice systems by name; the files are made up, as no real one has been seen yet."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.csv_export.columns import WORDS
from connectors.csv_export.inspect import propose
from connectors.csv_export.options import CsvColumns, check
from connectors.csv_export.presets import presets, recognised
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


def exported(folder: Path, name: str, lines: list[str], **more: object) -> Export:
    options = CsvOptions(path=Path("export.csv"), preset=name, **more)  # type: ignore[arg-type]
    return Export(export(folder, owners=(ANA, BEN)).context, options).write("\r\n".join(lines))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_by_its_name_alone(tmp_path: Path, name: str) -> None:
    batch = exported(tmp_path, name, EXPORTS[name]).batch()
    first, second = events(batch)
    assert batch.rejected == ()
    assert (first.clinician, first.status, second.clinician) == ("ana", Status.CONFIRMED, "ben")
    assert first.end - first.start == timedelta(minutes=50)
    assert first.client is not None
    assert second.status in {Status.LATE_CANCELLED, Status.NO_SHOW, Status.CANCELLED}
    assert CANARY not in repr(batch)


def test_true_times_come_with_them_where_there_are_any(tmp_path: Path) -> None:
    (times,) = evidence(exported(tmp_path, "rethink", RETHINK).batch())
    assert times.started_at is not None
    assert times.ended_at is not None
    assert times.ended_at - times.started_at == timedelta(minutes=56)


@pytest.mark.parametrize("name", EXPORTS)
def test_inspect_recognises_it_and_says_how_sure_that_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "export.csv").write_text("\r\n".join(EXPORTS[name]))
    told = propose(tmp_path / "export.csv").toml()
    assert f'# preset = "{name}" can take the place of' in told
    assert "(unverified until a real export has been seen)" in told
    assert CANARY not in told


def test_an_export_of_nobody_known_is_recognised_as_none() -> None:
    assert recognised(("Start", "End", "Client")) is None
    assert recognised(()) is None


@pytest.mark.parametrize("name", EXPORTS)
def test_an_unknown_set_of_columns_is_refused_with_the_names_that_were_looked_for(tmp_path: Path, name: str) -> None:
    other = exported(tmp_path, name, [f"Day,Who,{CANARY}", f"3/14/2024,{CANARY},x"])
    with pytest.raises(MalformedError) as error:
        other.batch()
    assert re.search(
        r"it is not the export of .* as far as that is known: no column for clinician \(", str(error.value)
    )
    assert "Run" in error.value.remedy or "evenhours inspect export.csv" in error.value.remedy
    assert CANARY not in str(error.value)


def test_an_export_that_lost_a_column_is_refused(tmp_path: Path) -> None:
    lines = [line.replace("Start time", "Begins") for line in SIMPLEPRACTICE]
    with pytest.raises(MalformedError, match=r"no column for booked_start \(Date of Service \+ Start time"):
        exported(tmp_path, "simplepractice", lines).batch()


def test_times_that_are_written_otherwise_are_refused(tmp_path: Path) -> None:
    lines = [line.replace("3/14/2024", "4. März 2024").replace("3/15/2024", "25.03.2024") for line in THERAPYNOTES[:1]]
    lines += ["25.03.2024,13:00,50,x,Ana Silva,90834,Completed"]
    with pytest.raises(MalformedError, match="its times are not written"):
        exported(tmp_path, "therapynotes", lines).batch()


@pytest.mark.parametrize("name", ["simplepractice", "therapynotes", "rethink"])
def test_days_that_no_row_tells_from_months_are_refused_until_the_practice_says(tmp_path: Path, name: str) -> None:
    lines = [re.sub(r"3/1([45])/2024", r"3/\1/2024", line) for line in EXPORTS[name]]
    with pytest.raises(MalformedError) as error:
        exported(tmp_path, name, lines).batch()
    assert str(error.value).startswith("visits: no row tells the day from the month: write into [source.format] either")
    said = re.findall(r'instant = "([^"]+)"', str(error.value))
    assert said == ["%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p"]
    for instant, month in zip(said, (3, 4), strict=True):
        first = events(exported(tmp_path, name, lines, format=CsvFormat(instant=instant)).batch())[0]
        assert (first.start.month, first.start.day) == (month, 7 - month)
    (tmp_path / "export.csv").write_text("\r\n".join(lines))
    told = propose(tmp_path / "export.csv").toml()
    assert f'# preset = "{name}" can take the place of [source.columns].' in told
    assert all(f'# instant = "{instant}"' in told for instant in said)


@pytest.mark.parametrize("day", ["3/3/2024", "05/14/2024"])
def test_a_day_that_either_way_is_the_same_is_read(tmp_path: Path, day: str) -> None:
    lines = [re.sub(r"3/1[45]/2024", day, line) for line in THERAPYNOTES]
    assert len(events(exported(tmp_path, "therapynotes", lines).batch())) == 2


def test_a_month_whose_name_is_its_short_name_is_no_doubt(tmp_path: Path) -> None:
    lines = [re.sub(r"2024-03-0(\d) 13:(\d\d)", r'"May \1, 2024 1:\2 PM"', line) for line in JANE]
    first, second = events(exported(tmp_path, "jane", lines).batch())
    assert (first.start.month, first.start.day, second.start.day) == (5, 4, 5)


def test_the_practices_own_columns_and_words_win(tmp_path: Path) -> None:
    lines = [line.replace("Start time", "Begins").replace("Show", "Seen by us") for line in SIMPLEPRACTICE]
    own = CsvColumns(booked_start="Date of Service + Begins")
    batch = exported(tmp_path, "simplepractice", lines, columns=own, format=CsvFormat(held=("Seen by us",))).batch()
    assert [event.status for event in events(batch)] == [Status.CONFIRMED, Status.LATE_CANCELLED]


def test_an_unchanged_export_is_not_read_again(tmp_path: Path) -> None:
    made = exported(tmp_path, "jane", JANE)
    first = made.batch()
    assert made.batch(first.cursor).records == ()


def test_an_unknown_preset_and_one_with_a_mapping_are_told_apart() -> None:
    assert check(CsvOptions(path=Path("x"), preset="jane")) == []
    (problem,) = check(CsvOptions(path=Path("x"), preset="janet"))
    assert problem == "preset: is none of those there are: simplepractice, therapynotes, jane, rethink"
    assert check(CsvOptions(path=Path("x"))) != []


@pytest.mark.parametrize("name", EXPORTS)
def test_the_table_says_only_what_a_mapping_can_say(name: str) -> None:
    preset = presets()[name]
    assert preset.columns.keys() <= CsvColumns.__dataclass_fields__.keys()
    assert preset.words.keys() <= WORDS.keys()
    assert not preset.verified
    written = [CsvFormat(instant=pattern, **preset.words) for pattern in preset.instants]  # type: ignore[arg-type]
    own = CsvColumns(booked_start="a", booked_end="b")
    assert [check(CsvOptions(path=Path("x"), columns=own, format=one)) for one in written] == [[] for _ in written]
    assert SOURCE_KIND.check is not None
