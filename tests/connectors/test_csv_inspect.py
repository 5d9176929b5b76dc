from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Batch
from connectors.csv_export.inspect import MappingProposal, propose
from connectors.csv_export.roles import name_words
from connectors.errors import MalformedError, UnavailableError
from connectors.records import Status
from tests.connectors.exports import ANA, events, evidence, export, local, stamps

DAYS = range(1, 29)
CANARY = "Zebrafink"


def proposal(folder: Path, lines: list[str], encoding: str = "utf-8") -> MappingProposal:
    path = folder / "export.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return propose(path)


def read_as_proposed(folder: Path, proposed: MappingProposal) -> Batch:
    """Return what the connector reads from the file with nothing but the proposed block."""
    (block,) = tomllib.loads(proposed.toml())["source"]
    assert (block["kind"], block["path"]) == ("csv", str(folder / "export.csv"))
    formats: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in block["format"].items()
    }
    if "zone" in formats:  # the user has to choose one
        assert formats["zone"] == "?"
        formats["zone"] = ZoneInfo("UTC")
    return export(folder, block["columns"], (ANA,), **formats).batch()


SIMPLE = [
    "Date of Service,Client,Client ID,Clinician,Start time,End time,Billing code,Appointment status,Memo",
    *(f"03/{day:02}/2024,{CANARY},C{day % 5},Ana Silva,1:00 PM,1:50 PM,90834,Show,{CANARY}" for day in DAYS),
    f"03/29/2024,{CANARY},C1,Ana Silva,1:00 PM,1:50 PM,90834,Late Cancelled,{CANARY}",
]
RETHINK = [
    "AppointmentID,ClientName,StaffName,DateOfService,StartTime,EndTime,ActualStartTime,ActualEndTime,ApptStatus,Duration",
    *(
        f"{day},{CANARY},Ana Silva,3/{day}/2024,9:00 AM,9:50 AM,9:02 AM,{'9:58 AM' if day > 5 else ''},Completed,50"
        for day in DAYS
    ),
]
GERMAN = [
    "Termin-Nr;Patientennummer;Beginn;Ende;Tatsächliches Ende;Status",
    *(
        f"{day};P{day % 4};{day:02}.03.2024 09:00;{day:02}.03.2024 09:50;{day:02}.03.2024 09:58;Erschienen"
        for day in DAYS
    ),
]
FRENCH = [
    "Identifiant patient\tDate\tDébut\tDurée\tStatut",
    *(f"P{day % 4}\t{day:02}/03/2024\t09h00\t50\tHonoré".replace("h", ":", 1) for day in DAYS),
]
ISO = [
    "id,client,start,end,created at",
    *(f"{day},C,2024-03-{day:02}T09:00,2024-03-{day:02}T09:50,{day}" for day in DAYS),
]


def test_file_without_rows_is_noted(tmp_path: Path) -> None:
    assert proposal(tmp_path, ["Date,Start,End,Client"]).notes == (
        "The file has column names but no rows. Export some days of work and inspect that file instead.",
    )


@pytest.mark.parametrize(
    ("lines", "encoding", "start", "known_ends"),
    [
        (SIMPLE, "utf-8-sig", "13:00", 0),
        (RETHINK, "utf-8", "09:00", 23),
        (GERMAN, "cp1252", "09:00", 28),
        (FRENCH, "utf-16", "09:00", 0),
        (ISO, "utf-8", "09:00", 0),
    ],
)
def test_proposed_mapping_reads_the_file(
    tmp_path: Path, lines: list[str], encoding: str, start: str, known_ends: int
) -> None:
    batch = read_as_proposed(tmp_path, proposal(tmp_path, lines, encoding))
    assert batch.rejected == ()
    assert len(events(batch)) == len(lines) - 1
    assert events(batch)[0].start == local(f"2024-03-01 {start}")
    assert all((event.end - event.start).total_seconds() == 3000 for event in events(batch))
    assert sum(actual.ended_at is not None for actual in evidence(batch)) == known_ends


def test_the_roles_of_a_practice_systems_export_are_recognised(tmp_path: Path) -> None:
    assert dict(proposal(tmp_path, RETHINK).roles) == {
        "booked_start": "DateOfService + StartTime",
        "booked_end": "DateOfService + EndTime",
        "actual_start": "DateOfService + ActualStartTime",
        "actual_end": "DateOfService + ActualEndTime",
        "id": "AppointmentID",
        "clinician": "StaffName",
        "client": "ClientName",
        "status": "ApptStatus",
    }


def test_a_code_is_preferred_to_a_name_and_a_repeated_number_is_no_identifier(tmp_path: Path) -> None:
    lines = ["Session no,Client,Client ID,Start,End", *["1,Z,C1,2024-03-04 09:00,2024-03-04 09:50"] * 2]
    roles = proposal(tmp_path, lines).roles
    assert roles["client"] == "Client ID"
    assert "id" not in roles


def test_a_call_log_is_recognised(tmp_path: Path) -> None:
    lines = [
        "Meeting ID,Join time,Leave time,Name",
        *(f"{day},2024-03-0{day} 09:00:10,2024-03-0{day} 09:51:20,{CANARY}" for day in range(1, 9)),
    ]
    batch = read_as_proposed(tmp_path, proposal(tmp_path, lines))
    assert len(evidence(batch)) == 8
    assert events(batch) == []


def calls(*times: str) -> list[str]:
    return ["Meeting ID,Joined,Left", *(f"{row},{time},{time}" for row, time in enumerate(times))]


NAIVE = ("2024-03-01 09:00:10", "2024-07-01 09:00:10")


def test_log_without_offsets_is_not_read_until_a_zone_is_chosen(tmp_path: Path) -> None:
    toml = proposal(tmp_path, calls(*NAIVE)).toml()
    assert 'The times have no zone. Call logs are often in UTC: then write zone = "UTC" below.' in toml
    assert '\nzone = "?"' in toml


@pytest.mark.parametrize("offset", ["Z", "+02:00", " +0200", "+02"])
def test_times_with_an_offset_need_no_zone(tmp_path: Path, offset: str) -> None:
    assert "zone" not in proposal(tmp_path, calls(*(time + offset for time in NAIVE))).toml()


def test_one_time_without_an_offset_needs_a_zone(tmp_path: Path) -> None:
    assert 'zone = "?"' in proposal(tmp_path, calls(*(f"2024-03-0{n} 09:00:10Z" for n in range(1, 9)), *NAIVE)).toml()


def test_visits_without_offsets_are_read_in_the_clinicians_zone(tmp_path: Path) -> None:
    toml = proposal(tmp_path, ISO).toml()
    assert "# The times have no zone and are read in the clinician's." in toml
    assert '# zone = "Europe/Paris"' in toml


def test_meeting_number_is_the_identifier_unless_it_repeats(tmp_path: Path) -> None:
    proposed = proposal(tmp_path, calls(*NAIVE))
    assert proposed.roles["id"] == "Meeting ID"
    assert "which will repeat, remove the id line." in proposed.toml()
    standing_room = ["Meeting ID,Joined,Left", *(f"7,{time},{time}" for time in NAIVE)]
    assert "id" not in proposal(tmp_path, standing_room).roles


def test_a_message_log_is_recognised(tmp_path: Path) -> None:
    lines = [
        "Date,Direction,Phone number,Body",
        *(f"2024-03-0{day} 21:00:10,Received,+3361234567{day},{CANARY}" for day in range(1, 9)),
    ]
    messages = stamps(read_as_proposed(tmp_path, proposal(tmp_path, lines)))
    assert [stamp.outgoing for stamp in messages] == [False] * 8
    assert len({stamp.counterpart for stamp in messages}) == 8


def test_one_row_of_a_long_column_decides_which_is_the_month(tmp_path: Path) -> None:
    rows = [
        f"{day:02}/{month:02}/2024 09:00,{hour}" for month in range(1, 13) for day in range(1, 13) for hour in (40, 50)
    ]
    undecided = proposal(tmp_path, ["Start,Minutes", *rows])
    assert undecided.patterns == ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
    assert proposal(tmp_path, ["Start,Minutes", *rows, "01/13/2024 09:00,50"]).patterns == ("%m/%d/%Y %H:%M",)
    assert proposal(tmp_path, ["Start,Minutes", *rows, "13/01/2024 09:00,50"]).patterns == ("%d/%m/%Y %H:%M",)


def test_ambiguous_patterns_are_comments_and_the_file_is_refused(tmp_path: Path) -> None:
    undecided = proposal(tmp_path, ["Start,Minutes", "03/04/2024 09:00,50", "05/06/2024 09:00,50"])
    assert "No row shows which is the day and which the month" in undecided.toml()
    assert '# instant = "%d/%m/%Y %H:%M"\n# instant = "%m/%d/%Y %H:%M"\n' in undecided.toml()
    with pytest.raises(MalformedError, match="none of its 2 rows"):
        read_as_proposed(tmp_path, undecided)


def test_totals_row_and_wrong_cell_do_not_hide_the_pattern(tmp_path: Path) -> None:
    lines = [*SIMPLE, "Total,,,,,,,,29", f"{CANARY},,,Ana Silva,soon,later,,Show,"]
    assert proposal(tmp_path, lines).patterns == ("%m/%d/%Y %I:%M %p",)


def test_status_words_are_put_into_their_lists(tmp_path: Path) -> None:
    words = ["Show", "Show", "no show", "Client Cancel", "Client Cancel", "Rescheduled", "Rescheduled", CANARY]
    lines = [
        "Start,End,Status",
        *(f"2024-03-0{day} 09:00,2024-03-0{day} 09:50,{word}" for day, word in enumerate(words, 1)),
    ]
    proposed = proposal(tmp_path, lines)
    assert dict(proposed.words) == {"held": ("Show",), "cancelled": ("Client Cancel",), "no_show": ("no show",)}
    assert proposed.unlisted == ("Rescheduled",)
    statuses = [event.status for event in events(read_as_proposed(tmp_path, proposed))]
    assert statuses == [Status.CONFIRMED] * 2 + [Status.NO_SHOW] + [Status.CANCELLED] * 2


def test_notes_in_the_status_column_are_not_shown_even_if_they_recur(tmp_path: Path) -> None:
    notes = [f"{CANARY} {number}" for number in range(30)] * 2 + [f"{CANARY} {'x' * 60}"] * 2
    lines = ["Start,End,Status", *(f"2024-03-01 09:00,2024-03-01 09:50,{note}" for note in notes)]
    assert CANARY not in proposal(tmp_path, lines).toml()


@pytest.mark.parametrize("lines", [SIMPLE, RETHINK])
def test_no_cell_is_repeated(tmp_path: Path, lines: list[str]) -> None:
    proposed = proposal(tmp_path, lines)
    assert CANARY not in proposed.toml()
    assert CANARY not in repr(proposed)


@pytest.mark.parametrize(
    "first", [f"{CANARY},2024-03-04 09:00,x", f"{CANARY},a@b.example,x", f"{CANARY},50,x", f"{CANARY},{'x' * 100},x"]
)
def test_first_row_of_data_is_not_taken_for_column_names(tmp_path: Path, first: str) -> None:
    with pytest.raises(MalformedError, match="does not contain column names") as refused:
        proposal(tmp_path, [first, first, first])
    assert CANARY not in str(refused.value)


def test_names_of_columns_are_quoted_for_toml(tmp_path: Path) -> None:
    lines = ['"The ""start"" \\ of it",End', "2024-03-04 09:00,2024-03-04 09:50"]
    assert len(events(read_as_proposed(tmp_path, proposal(tmp_path, lines)))) == 1


def test_file_without_known_columns_is_noted(tmp_path: Path) -> None:
    proposed = proposal(tmp_path, ["Alpha,Beta", "x,y"])
    assert dict(proposed.roles) == {}
    assert "fill in [source.columns]" in proposed.toml()
    assert '# not read: "Alpha", "Beta"' in proposed.toml()


def test_missing_file_is_a_connector_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        propose(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("content", [b"", b'A,B\n"x'])
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(MalformedError):
        propose(path)


def test_column_name_is_split_into_unaccented_words() -> None:
    assert name_words("ActualEndTime (tatsächlich)") == {"actual", "end", "time", "tatsachlich"}


def test_times_without_a_zone_are_read_in_the_owners(tmp_path: Path) -> None:
    batch = read_as_proposed(tmp_path, proposal(tmp_path, ISO))
    assert events(batch)[0].start.astimezone(ZoneInfo("Europe/Paris")).hour == 9


@pytest.mark.parametrize(
    ("lines", "summary"),
    [
        (GERMAN, "# 6 columns between semicolons, utf-8"),
        (FRENCH, "# 5 columns between tabs, utf-8"),
        (["Start", "2026-03-02 09:00"], "# one column, utf-8"),
    ],
)
def test_first_line_summarises_the_file(tmp_path: Path, lines: list[str], summary: str) -> None:
    assert proposal(tmp_path, lines).toml().splitlines()[0] == summary
