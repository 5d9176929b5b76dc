"""Tests of the command line: output, streams and exit codes of each command."""

from __future__ import annotations

import csv
import io
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from connectors import registry
from connectors.errors import AuthorizationError, UnavailableError
from monitor import cli, compute
from monitor.cli import COMMANDS, evenhours
from monitor.cli.progress import ProgressBar
from monitor.config import Config
from monitor.exports import COLUMNS
from monitor.ingest import SourceOutcome
from monitor.loading import load_frames
from monitor.night import run_lock
from monitor.roster import Clinician
from monitor.store import analysis_records, clients, computations, notices
from monitor.store.database import Store, opened
from monitor.store.notices import NoticeRow
from tests.monitor.memory import MEMORY_SOURCES, MemorySource
from tests.monitor.office import CONFIG, LETTERS, NOW, CommandResult, Office, calendar, environment, mailbox, session

MEMORY = '[[source]]\nname = "cloud"\nkind = "memory"\nclinician = "ana"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def read(office: Office) -> Office:
    """Return the practice after everything was read and analysed."""
    assert office("nightly").code == 0
    return office


def rows(answer: CommandResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.out)))


# Every command


def leaves(group: click.Group, context: click.Context, *names: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, context, *names, name)
        else:
            yield " ".join((*names, name)), command


def test_every_command_takes_config_and_json_and_has_help() -> None:
    commands = dict(leaves(evenhours, click.Context(evenhours)))
    assert {name.split()[0] for name in commands} == COMMANDS.keys()
    for name, command in commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--config", "--json", "--verbose"} <= options, name
        assert command.help, name


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"], ["ingest"], ["ingest", "--full"], ["analyse"], ["nightly"], ["doctor"], ["classify", "--try"],
        ["inspect", "visits.csv"], ["report", "weekly", "--clinician", "ana"], ["report", "fairness"],
        *(["export", table] for table in COLUMNS),
    ],
)  # fmt: skip
def test_json_parses_line_by_line_and_is_all_there_is_on_standard_output(read: Office, arguments: list[str]) -> None:
    arguments = [str(read.folder / word) if word.endswith(".csv") else word for word in arguments]
    answer = read(*arguments, "--json")
    assert all(isinstance(line, dict) for line in answer.json_lines)
    assert answer.json_lines or arguments[-1] in {"notices", "answers"}


def test_the_configuration_may_be_named_before_or_after_the_command_or_by_the_environment(
    read: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    other = Office.__new__(Office)
    other.config = elsewhere / "none.toml"
    assert other("doctor").code == 1
    assert "No configuration at" in other("ingest").err
    assert other("doctor", "--config", str(read.config)).code == read("doctor").code
    assert read("--json", "doctor").out == read("doctor", "--json").out
    monkeypatch.setenv("EVENHOURS_CONFIG", str(read.config))
    completed = subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", "export", "events"],
        env=environment(EVENHOURS_CONFIG=str(read.config)), capture_output=True, check=True, cwd=elsewhere,
    )  # fmt: skip
    assert completed.stdout.count(b"\n") == len(rows(read("export", "events"))) + 1


# How a command ends


@pytest.fixture
def cloud(office: Office, monkeypatch: pytest.MonkeyPatch) -> MemorySource:
    """Add a source that the test controls."""
    monkeypatch.setattr(registry, "KINDS", {**registry.KINDS, "memory": "tests.monitor.memory"})
    office.config.write_text(CONFIG + MEMORY)
    MEMORY_SOURCES[office.folder, "cloud"] = MemorySource()
    return MEMORY_SOURCES[office.folder, "cloud"]


def test_0_when_all_went_well(office: Office) -> None:
    assert office("ingest").code == office("analyse").code == office("nightly").code == 0


@pytest.fixture
def bens_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the computation of Ben's numbers fail, with a client's name in the error."""
    whole = load_frames

    def broken(config: Config, store: Store, clinician: Clinician, **more: Any) -> Any:
        if clinician.key == "ben":
            raise KeyError("Carol")
        return whole(config, store, clinician, **more)

    monkeypatch.setattr(compute, "load_frames", broken)


@pytest.mark.parametrize("command", ["analyse", "nightly"])
@pytest.mark.usefixtures("bens_break")
def test_3_when_the_numbers_of_some_cannot_be_computed_and_those_of_the_others_are(
    office: Office, command: str
) -> None:
    office("ingest")
    answer = office(command, "--json")
    assert (answer.code, answer.json_lines[-1]["computed"], answer.json_lines[-1]["failed"]) == (3, ["ana"], ["ben"])
    assert "evenhours: ben: the numbers could not be computed (KeyError); the previous ones stay." in answer.err
    assert "Carol" not in answer.err + answer.out
    with opened(office.folder / "evenhours.db") as store, store.read() as connection:
        assert "ben" in computations.dirty(connection)


def test_1_when_nobodys_numbers_can_be_computed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("Carol")

    monkeypatch.setattr(compute, "load_frames", broken)
    office("ingest")
    assert office("analyse").code == 1


@pytest.mark.usefixtures("bens_break")
def test_3_too_when_there_was_nobody_else_to_compute(office: Office) -> None:
    office("ingest")
    office("analyse")
    assert office("analyse").code == 3


def test_nothing_new_to_compute_is_printed(read: Office) -> None:
    read("analyse")
    assert read("analyse").out == "Nothing new to compute.\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["ingest"], "There is no source yet. Add a [[source]]"),
        (["nightly"], "There is no source yet. Add a [[source]]"),
        (["classify", "--try"], "There is no calendar yet. Add one as a [[source]]"),
    ],
)
def test_without_a_source_the_remedy_is_printed(office: Office, command: list[str], message: str) -> None:
    office.config.write_text(CONFIG[: CONFIG.index("[[source]]")])
    answer = office(*command)
    assert (answer.code, message in answer.err) == (0, True)


def test_3_when_some_sources_failed_and_the_others_are_stored(office: Office) -> None:
    (office.folder / "ana.mbox").unlink()
    answer = office("ingest", "--json")
    assert answer.code == 3
    assert [line["source"] for line in answer.json_lines if line["problem"]] == ["mail"]
    assert sum(line["rows"] for line in answer.json_lines) == 10 + 2 + 6
    assert answer.err.endswith(
        'evenhours: mail: there is no "ana.mbox". Correct its path, which is relative to the configuration file.\n'
    )


def test_1_when_every_source_failed(office: Office) -> None:
    (office.folder / "ana.mbox").unlink()
    assert office("ingest", "--source", "mail").code == 1


@pytest.mark.parametrize("command", ["ingest", "nightly"])
def test_4_when_a_source_has_to_be_authorised_again_whatever_else_failed(
    office: Office, cloud: MemorySource, command: str
) -> None:
    (office.folder / "ana.mbox").unlink()
    cloud.breaks_after, cloud.error = 0, AuthorizationError("cloud", "it refuses us.", "Run: evenhours connect cloud")
    answer = office(command)
    assert answer.code == 4
    assert "Run: evenhours connect cloud" in answer.err
    cloud.error = UnavailableError("cloud", "it is away.", "Try again.")
    assert office(command).code == 3


@pytest.mark.parametrize("command", [["ingest"], ["analyse"], ["nightly"], ["init"], ["correct", "KEY", "10:55"]])
def test_5_while_another_run_is_at_work(read: Office, command: list[str]) -> None:
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    with run_lock(read.folder / "evenhours.db"):
        answer = read(*(word.replace("KEY", key) for word in command))
    assert answer.code == 5
    assert answer.err == (
        "evenhours: Another run is still working on this practice. It will finish by itself; there is nothing to do.\n"
    )
    assert read(*(word.replace("KEY", key) for word in command)).code == 0


def test_5_even_if_it_is_the_very_first_run_of_another_process(office: Office) -> None:
    with run_lock(office.folder / "evenhours.db"):
        completed = office.process("ingest")
    assert (completed.returncode, completed.stdout) == (5, b"")
    assert not (office.folder / "evenhours.key").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ingest", "--source", "nowhere"], 'There is no source "nowhere". The configuration has: calendar, mail,'),
        (["ingest", "--from", "2026-03-09", "--to", "2026-03-02"], "the window ends on 2026-03-02, before it begins"),
        (["ingest", "--from", "02.03.2026"], '"02.03.2026" is not a date; write it like 2026-11-22'),
        (["ingest", "--to", "9999-12-31"], "9999-12-31 cannot be right"),
        (["export", "events", "--clinician", "zoe"], 'There is no clinician "zoe". The configuration has: ana, ben.'),
        (["export", "events", "--from", "2026-03-09", "--to", "2026-03-02"], "is before --from"),
        (["export", "secrets"], "'secrets' is not one of 'events'"),
        (["report", "weekly"], "Choose a clinician: --clinician ana | ben"),
        (["report", "weekly", "--clinician", "zoe"], 'There is no clinician "zoe"'),
        (["report", "weekly", "--clinician", "ana", "--week", "2026-W54"], '"2026-W54" is not a week; write it like'),
        (["report", "weekly", "--clinician", "ana", "--week", "0001-W01"], "the year has to be from 1970 to 2199"),
        (["report", "fairness", "--format", "pdf"], "'pdf' is not one of"),
        (["report", "fairness", "--through", "2026-03-01"], "'--through'"),
        (["referral", "--given", "ana"], "'--given'"),
        (["classify"], "Add --try: evenhours classify --try"),
        (["classify", "--try", "--source", "mail"], 'There is no calendar "mail". The configuration has: calendar.'),
        (["classify", "--try", "--weeks", "0"], "is not in the range"),
        (["correct", "NOBODYSKEY", "18:05"], "No session has the uid_key NOBODYSKEY."),
        (["init", "--zone", "Europe/Pariss", "--config", "new.toml"], '"Europe/Pariss" is not a time zone'),
        (["reprot"], "No such command 'reprot'"),
    ],
)
def test_2_when_a_command_cannot_be_meant(
    read: Office, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(read.folder)
    before = read.dump()
    answer = read(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in " ".join(answer.err.split())
    assert read.dump() == before
    assert not (read.folder / "new.toml").exists()


# Bugs


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.pass_obj
    def faulty(_context: object) -> None:
        raise KeyError("Zebra")

    monkeypatch.setitem(COMMANDS, "faulty", "faulty")
    monkeypatch.setattr(evenhours, "get_command", lambda _context, _name: faulty)


@pytest.mark.usefixtures("faulty")
def test_a_bug_is_one_sentence_without_text_from_a_source(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        cli.main(["faulty"])
    assert error.value.code == 1
    assert capfd.readouterr().err == (
        "evenhours: this is a bug in Evenhours (KeyError). Please report it; evenhours -v shows where it arose.\n"
    )


@pytest.mark.usefixtures("faulty")
def test_v_shows_where_it_arose() -> None:
    with pytest.raises(KeyError):
        cli.main(["-v", "faulty"])


def test_v_shows_where_a_reader_broke_off(
    office: Office, cloud: MemorySource, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.breaks_after = 0
    assert "broke off (ValueError)" in office("ingest").err
    assert "Zebra" not in capfd.readouterr().err
    result = CliRunner().invoke(evenhours, ["-v", "--config", str(office.config), "ingest"])
    assert "ValueError: Zebra" in result.stderr


def test_a_reader_that_stops_reading_ends_an_export_quietly(read: Office) -> None:
    command = " ".join(f"'{word}'" for word in read.command("export", "events"))
    completed = subprocess.run(
        ["/bin/sh", "-c", f"{command} | head -n 1"], env=environment(), capture_output=True, check=True
    )
    assert completed.stdout == b"clinician,source,start,end,all_day,status,kind,client,uid_key\n"
    assert completed.stderr == b""


# Progress


def on_terminal(office: Office, *arguments: str) -> tuple[bytes, bytes]:
    """Return what a command writes to a terminal on standard error, and to a pipe on standard output."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        office.command(*arguments), stdout=subprocess.PIPE, stderr=theirs, env=environment(), cwd=office.folder
    )
    os.close(theirs)
    out, _ = running.communicate()
    screen = b""
    while select.select([ours], [], [], 0)[0]:
        try:
            screen += os.read(ours, 65_536)
        except OSError:  # the error of a terminal whose other side is closed
            break
    os.close(ours)
    return screen, out


def test_progress_is_shown_on_a_terminal_and_wiped_away(office: Office) -> None:
    screen, out = on_terminal(office, "nightly")
    assert "\u2588".encode() in screen
    assert b"calendar" in screen
    assert b"ana \xe2\x80\xa6" in screen
    assert screen.endswith(b"\r\x1b[K")
    assert b"\x1b" not in out


def test_without_a_terminal_nothing_is_shown(office: Office) -> None:
    completed = office.process("nightly")
    assert completed.returncode == 0
    assert (
        completed.stderr.decode()
        == "Created the practice's key, evenhours.key. Keep a copy of it, away from the database.\n"
    )
    assert b"\x1b" not in completed.stdout
    assert b"\r" not in completed.stdout


def test_the_message_of_a_stopped_run_states_that_nothing_is_lost(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> Iterator[SourceOutcome]:
        yield SourceOutcome("calendar", "ics", rows=3)
        raise KeyboardInterrupt

    monkeypatch.setattr("monitor.ingest.ingest", stopped)
    answer = office("ingest")
    assert (answer.code, answer.out) == (1, "calendar: 3 rows changed\n")
    assert "Stopped. What was read so far is stored; the next run continues from there.\n" in answer.err


def test_a_bar_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "30")
    ProgressBar().show("x" * 500)
    assert terminal.getvalue() == "\r\x1b[K" + "x" * 29


# Single commands


def test_init_writes_a_configuration_that_runs_a_private_key_and_a_database(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.config.unlink()
    first = office("init", "--name", 'A "ZONE" of PRACTICE', "--zone", "America/New_York", "--json")
    assert (first.code, first.json_lines[0]["sources"]) == (0, 0)
    text = office.config.read_text()
    assert 'name = "A \\"ZONE\\" of PRACTICE"\nzone = "America/New_York"' in text
    for name in ("evenhours.toml", "evenhours.key", "evenhours.db"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    key = (tmp_path / "evenhours.key").read_bytes()
    assert office("init", "--name", "Another").code == 0
    assert office.config.read_text() == text
    assert (tmp_path / "evenhours.key").read_bytes() == key
    answer = office("ingest")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "There is no source yet. Add a [[source]] to the configuration.\n"


def test_a_database_is_not_begun_under_another_key(read: Office) -> None:
    (read.folder / "evenhours.key").unlink()
    answer = read("ingest")
    assert answer.code == 1
    assert "No key file at" in answer.err
    assert not (read.folder / "evenhours.key").exists()


def test_classify_shows_titles_stores_nothing_and_is_not_steered_by_them(office: Office) -> None:
    title = "Session \x1b]0;owned\x07 Zo\u00eb"
    office.write("ana.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + session("s1", 9, 10)
                 .replace("Session s1", title).replace("\n", "\r\n") + "END:VCALENDAR\r\n")  # fmt: skip
    office("init")
    before = office.dump()
    answer = office("classify", "--try")
    assert (answer.code, office.dump()) == (0, before)
    assert "Mon 09 Mar 10:00  session" in answer.out
    assert "1 session" in answer.out
    assert not answer.out.isascii()
    assert not set(answer.out) & {"\x1b", "\x07"}


def test_classify_keeps_the_longest_kind_apart_from_the_title(office: Office) -> None:
    office.change('kind = "leave"\ntitle = "holiday"', 'kind = "administration"\ntitle = "session"')
    office("init")
    assert "administration  Session s9" in office("classify", "--try").out


def test_inspect_proposes_a_source(office: Office) -> None:
    answer = office("inspect", str(office.folder / "visits.csv"))
    assert answer.code == 0
    assert 'booked_start = "Start"' in answer.out


def test_inspect_names_the_kind_that_reads_a_file_without_a_table(office: Office) -> None:
    answer = office("inspect", str(office.folder / "ana.ics"))
    assert (answer.code, answer.out.splitlines()[0]) == (0, '# It is a calendar: kind = "ics" reads it.')
    assert "csv" not in answer.out


def test_a_call_log_without_a_zone_is_refused_and_read_once_a_zone_is_configured(office: Office) -> None:
    log = "".join(f"{day},2026-03-0{day} 09:01:00,2026-03-0{day} 09:58:00\n" for day in range(2, 6))
    path = office.write("calls.csv", f"Meeting ID,Joined,Left\n{log}")
    proposed = office("inspect", str(path)).out.replace('"KEY"', '"ana"')
    office.config.write_text(CONFIG + proposed)
    refused = office("ingest")
    assert (refused.code, "format.zone" in refused.err, '"?" is not a time zone' in refused.err) == (2, True, True)
    office.change('zone = "?"', 'zone = "UTC"')
    assert office("nightly").code == 0
    ends = {row["actual_end"] for row in rows(office("export", "sessions", "--clinician", "ana")) if row["evidence"]}
    assert ends == {f"2026-03-0{day}T09:58:00Z" for day in range(2, 6)}


@pytest.mark.parametrize(
    ("end", "actual_end", "overrun"),
    [
        ("11:05", "2026-03-02T10:05:00Z", "15.0"),
        ("11:05:30", "2026-03-02T10:05:30Z", "15.5"),
        ("2026-03-02T11:05", "2026-03-02T10:05:00Z", "15.0"),
        ("2026-03-02T11:05+00:00", "2026-03-02T11:05:00Z", "75.0"),
        ("10:40", "2026-03-02T09:40:00Z", "-10.0"),
    ],
)
def test_a_correction_is_local_and_beats_what_was_known(read: Office, end: str, actual_end: str, overrun: str) -> None:
    def first() -> dict[str, str]:
        return rows(read("export", "sessions", "--clinician", "ana"))[0]

    assert (first()["booked_end"], first()["actual_end"], first()["overrun_minutes"]) == (
        "2026-03-02T09:50:00Z",
        "",
        "",
    )
    assert read("correct", first()["uid_key"], end).code == 0
    row = first()
    assert (row["actual_end"], row["evidence"], row["overrun_minutes"]) == (actual_end, "corrected", overrun)
    assert read("analyse", "--json").json_lines[0]["computed"] == [], "a write of a command computes at once"


@pytest.mark.parametrize("end", ["soon", "25:00", "09:30", "2026-03-01T10:30", "2026-03-04T10:30", "0001-01-01T00:00"])
def test_an_end_that_cannot_be_true_is_refused(read: Office, end: str) -> None:
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    assert read("correct", key, end).code == 2


@pytest.mark.parametrize("end", ["09:30", "2026-03-04T10:30"])
def test_the_error_for_an_impossible_end_shows_the_booking(read: Office, end: str) -> None:
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    booked = "That session was booked for 2 March from 10:00 to 10:50; it cannot have ended at"
    assert f"{booked} {end}." in read("correct", key, end).err


def test_an_end_hours_after_the_booked_one_has_to_be_meant(read: Office) -> None:
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    refused = read("correct", key, "18:05")
    assert refused.code == 2
    assert "If it really ended at 18:05 on 2 March, add --yes." in refused.err
    assert rows(read("export", "sessions", "--clinician", "ana"))[0]["evidence"] == ""
    assert read("correct", key, "18:05", "--yes").code == 0
    assert rows(read("export", "sessions", "--clinician", "ana"))[0]["evidence"] == "corrected"


def test_a_correction_is_taken_back(read: Office) -> None:
    before = rows(read("export", "sessions", "--clinician", "ana"))
    read("correct", before[0]["uid_key"], "11:05")
    read("analyse")
    taken_back = read("correct", before[0]["uid_key"], "--undo")
    assert (taken_back.code, taken_back.out) == (
        0,
        "Correction removed. The weekly numbers are up to date.\n",
    )
    assert rows(read("export", "sessions", "--clinician", "ana")) == before
    assert read("analyse", "--json").json_lines[0]["computed"] == []
    again = read("correct", before[0]["uid_key"], "--undo")
    assert (again.code, "has no correction" in again.err) == (2, True)


@pytest.mark.parametrize("words", [(), ("11:05", "--undo")])
def test_a_correction_is_an_end_or_its_taking_back(read: Office, words: tuple[str, ...]) -> None:
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    assert "Give the END of the session, or --undo" in read("correct", key, *words).err


def test_a_session_over_midnight_is_corrected_to_the_day_after(office: Office) -> None:
    late = session("late", 2, 22).replace("T225000", "T235000")
    office.write("ana.ics", "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + late + "END:VCALENDAR\n")
    office("ingest")
    key = rows(office("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    assert office("correct", key, "00:10", "--json").json_lines[0]["ended_at"] == "2026-03-03T00:10:00+01:00"


def test_what_an_emergency_protocol_covers_is_not_exported_as_after_hours(read: Office) -> None:
    """Two of Carol's letters come within Ana's hours, and one goes out at half past nine."""

    def late() -> list[str]:
        return [row["after_hours"] for row in rows(read("export", "messages", "--clinician", "ana"))]

    assert late() == ["0", "1", "0"]
    with opened(read.folder / "evenhours.db") as store, store.write() as connection:
        for client in analysis_records.pseudonyms(connection, "ana"):
            clients.set_term(connection, "ana", client, "emergency", "yes", from_day=0, now=0)
    assert late() == ["0", "0", "0"]


def test_an_exported_row_names_its_session(read: Office) -> None:
    with opened(read.folder / "evenhours.db") as store, store.write() as connection:
        line = NoticeRow(20_514, "line", "review", "", None, None, None, 20_514, topic="modified_until", measured=1)
        notices.save_notices(connection, "ana", [line])
    (row,) = rows(read("export", "notices", "--clinician", "ana"))
    assert (row["week"], row["family"], row["rate_ratio"], row["about"]) == (
        "2026-W10",
        "review",
        "",
        "modified_until",
    )


def test_an_end_is_shown_in_the_zone_of_that_day(read: Office) -> None:
    """Ana moves to New York after the session."""
    zones = 'key = "ana"\nzones = [{ zone = "Europe/Berlin" }, { from = 2026-04-01, zone = "America/New_York" }]'
    read.config.write_text(CONFIG.replace('key = "ana"', zones))
    key = rows(read("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    assert read("correct", key, "10:55", "--json").json_lines[0]["ended_at"] == "2026-03-02T10:55:00+01:00"


def test_a_session_of_several_people_is_corrected_for_one_of_them(office: Office) -> None:
    office.config.write_text(
        CONFIG.replace(
            'name = "calendar"\nkind = "ics"\nclinician = "ana"', 'name = "calendar"\nkind = "ics"\nclinician = "*"'
        )
    )
    both = "ATTENDEE:mailto:ana@two.example\nATTENDEE:mailto:ben@two.example\nEND:VEVENT"
    office.write(
        "ana.ics",
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n"
        + session("both", 3, 10).replace("END:VEVENT", both)
        + "END:VCALENDAR\n",
    )
    assert office("ingest", "--source", "calendar").code == 0
    key = rows(office("export", "sessions", "--clinician", "ana"))[0]["uid_key"]
    assert "Choose a clinician: --clinician ana | ben" in office("correct", key, "11:05").err
    assert office("correct", key, "11:05", "--clinician", "ben").code == 0
    evidence = {row["clinician"]: row["evidence"] for row in rows(office("export", "sessions"))}
    assert evidence == {"ana": "", "ben": "corrected"}


def test_doctor_finds_a_healthy_practice_well(read: Office) -> None:
    assert read("nightly").code == 0
    answer = read("doctor", "--json")
    assert (answer.code, [line for line in answer.json_lines if line["remedy"]]) == (0, [])
    results = {line["check"]: line["found"] for line in answer.json_lines}
    assert results["source calendar"] == "10 events, 0 message times, 0 actual times"
    assert results["last night"] == "ended on Friday 20 March at 13:00; everything was read and computed"
    assert results["page of ana"] == results["page of ben"] == "everything of the last week was read and computed"


def test_doctor_counts_the_actual_times_that_belong_to_a_session(read: Office) -> None:
    results = {line["check"]: (line["found"], line["hint"]) for line in read("doctor", "--json").json_lines}
    assert results["actual times of visits"] == ("2 of 2 belong to a session", False)
    assert "actual times of calendar" not in results


def test_doctor_names_a_source_that_renames_its_entries_until_it_has_stopped(read: Office) -> None:
    (key,) = [row["uid_key"] for row in rows(read("export", "sessions")) if row["booked_start"][:10] == "2026-03-02"][
        :1
    ]
    assert read("correct", key, "11:05", "--yes").code == 0
    assert "new identifiers" not in read("doctor").out
    read.write("ana.ics", (read.folder / "ana.ics").read_text(encoding="utf-8").replace("UID:", "UID:new-"))
    assert read("nightly").code == 0
    answer = read("doctor")
    (line,) = [line for line in answer.out.splitlines() if "new identifiers" in line]
    assert line == (
        "? identifiers of calendar: this source gives its entries new identifiers at each export, last seen on "
        f"{NOW:%d %B}; corrections and history were carried over. "
        "An export with stable identifiers (UID) would be better"
    )
    assert answer.code == 0
    corrected = [row for row in rows(read("export", "sessions")) if row["evidence"] == "corrected"]
    assert [row["uid_key"] == key for row in corrected] == [False]
    with opened(read.folder / "evenhours.db") as store:
        store.connection.execute("UPDATE source SET renamed_at = renamed_at - 29 * 86400")
    assert "new identifiers" not in read("doctor").out


def test_doctor_asks_for_the_zone_if_few_actual_times_belong_to_a_session(read: Office) -> None:
    log = ["from,to", "2026-03-02T15:00+00:00,2026-03-02T15:30+00:00", "2026-03-16T15:00+00:00,2026-03-16T15:30+00:00"]
    read.write("calls.csv", "\n".join(log))
    columns = 'kind = "csv"\nclinician = "ana"\npath = "calls.csv"\n[source.columns]\n'
    read.config.write_text(
        f'{CONFIG}[[source]]\nname = "calls"\n{columns}actual_start = "from"\nactual_end = "to"\n', encoding="utf-8"
    )
    assert read("nightly").code == 0
    answer = read("doctor")
    (line,) = [line for line in answer.out.splitlines() if "actual times of calls" in line]
    assert line.startswith("? actual times of calls: 0 of 2 belong to a session; check its time zone")
    assert answer.code == 0


def test_doctor_ticks_only_what_is_known_to_be_well(read: Office) -> None:
    read.config.write_text(CONFIG[: CONFIG.index("[[source]]")])
    assert read("analyse").code == 0
    answer = read("doctor")
    marks = {line[2:].partition(":")[0]: line[0] for line in answer.out.splitlines()}
    assert answer.code == 0
    assert marks == {
        "configuration": "?", "key": "✓", "database": "✓", "last night": "✓", "page of ana": "✓", "page of ben": "✓",
        "disk": "?",
    }  # fmt: skip
    assert "no source yet: add a [[source]]" in answer.out


def test_doctor_and_init_report_public_holidays_that_differ_within_the_country(read: Office) -> None:
    """There is no problem without a country, in one without subdivisions, and once the subdivision is configured."""

    def findings() -> list[tuple[str, str | None]]:
        answer = read("doctor", "--json")
        return [(line["found"], line["remedy"]) for line in answer.json_lines if line["check"] == "public holidays"]

    remedy = "Set subdivision under [practice] to one of ENG, NIR, SCT, WLS"
    assert findings() == []
    assert "Public holidays" not in read("init").err
    read.change('zone = "Europe/Paris"', 'zone = "Europe/Paris"\ncountry = "GB"')
    ((problem, shown_remedy),) = findings()
    assert (problem.startswith("they differ within GB"), shown_remedy) == (True, remedy)
    assert remedy in read("init").err
    read.change('country = "GB"', 'country = "GB"\nsubdivision = "ENG"')
    assert findings() == [("GB, ENG", None)]
    read.change('country = "GB"\nsubdivision = "ENG"', 'country = "NL"')
    assert findings() == [("NL", None)]


def test_a_run_that_was_never_answered_is_neither_inside_nor_after_hours(office: Office) -> None:
    office.write("ana.mbox", mailbox(LETTERS[0]))
    office.write("ana.ics", calendar())
    office("init")
    office("ingest")
    answer = office("export", "replies", "--clinician", "ana", "--json")

    assert [(row["reply_at"], row["minutes_clock"], row["after_hours"]) for row in answer.json_lines] == [
        (None, None, None)
    ]


def lost_mail(office: Office) -> None:
    (office.folder / "ana.mbox").unlink()
    office("ingest")


def readable_by_all(office: Office) -> None:
    (office.folder / "evenhours.db").chmod(0o644)


def readable_key(office: Office) -> None:
    (office.folder / "evenhours.key").chmod(0o644)


def new_source(office: Office) -> None:
    office.config.write_text(CONFIG + MEMORY.replace('"memory"', '"ics"\npath = "new.ics"'))


def empty_source(office: Office) -> None:
    office.write("ana.ics", "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nEND:VCALENDAR\n")
    (office.folder / "evenhours.db").unlink()
    office("init")
    office("ingest")


def silent_cron(office: Office) -> None:
    with opened(office.folder / "evenhours.db") as store:
        store.connection.execute("UPDATE source SET read_to = read_to - 49 * 3600 WHERE name = 'mail'")


def no_database(office: Office) -> None:
    (office.folder / "evenhours.db").unlink()


@pytest.mark.parametrize(
    ("break_it", "check", "remedy"),
    [
        (lost_mail, "source mail", 'there is no "ana.mbox"'),
        (readable_by_all, "privacy of the database", "chmod 600"),
        (readable_key, "set-up", "chmod 600"),
        (new_source, "source cloud", "evenhours ingest --source cloud"),
        (empty_source, "source calendar", "Check its path, its window and its clinician."),
        (silent_cron, "source mail", "Check that cron runs evenhours nightly."),
        (no_database, "set-up", "Put a backup in its place, or, to begin a new practice, run: evenhours init"),
    ],
)
def test_doctor_shows_the_remedy(read: Office, break_it: Callable[[Office], None], check: str, remedy: str) -> None:
    read("nightly")
    break_it(read)
    answer = read("doctor", "--json")
    problems = {line["check"]: line["remedy"] for line in answer.json_lines if line["remedy"]}
    assert answer.code == 1
    assert remedy in problems[check]
    assert {name.partition(" ")[0] for name in problems} <= {check.partition(" ")[0], "page", "last"}


def test_the_night_is_recorded_with_its_exit_code(read: Office) -> None:
    (read.folder / "ana.mbox").unlink()
    assert read("nightly").code == 3
    with opened(read.folder / "evenhours.db") as store:
        runs = store.connection.execute("SELECT command, started_at, exit_code FROM run ORDER BY id").fetchall()
        assert runs == [("nightly", int(NOW.timestamp()), 0), ("nightly", int(NOW.timestamp()), 3)]
        assert store.connection.execute("SELECT count(*) FROM run WHERE ended_at IS NULL").fetchone() == (0,)


def test_a_report_is_a_private_file_that_is_whole_or_not_there(read: Office, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older one")
    path.chmod(0o644)
    answer = read("report", "weekly", "--clinician", "ana", "--format", "html", "--output", str(path))
    assert (answer.code, answer.out) == (0, f"Written: {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("<!doctype html>")
    missing = read("report", "fairness", "--output", str(tmp_path / "nowhere" / "report.txt"))
    assert missing.code == 2
    assert "cannot be written: no such file or directory." in missing.err
