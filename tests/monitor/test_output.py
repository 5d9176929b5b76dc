"""Tests that a closed pipe, a full disk or a closed descriptor behind standard output does not end the work."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.store.database import opened
from tests.monitor.office import Office, environment

MORE = """
[[source]]
name = "more-{number}"
kind = "ics"
clinician = "ben"
path = "ana.ics"
"""
SOURCES = 7
NOISE = (b"Exception ignored", b"BrokenPipe", b"OSError", b"AttributeError", b"this is a bug")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    more = "".join(MORE.format(number=number) for number in range(SOURCES - 4))
    office.config.write_text(office.config.read_text(encoding="utf-8") + more, encoding="utf-8")
    return office


def shell(office: Office, command: list[str], around: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command at the place of ``"$@"`` in a line of bash."""
    line = ["bash", "-o", "pipefail", "-c", around, "bash", *office.command(*command)]
    return subprocess.run(line, cwd=office.folder, capture_output=True, check=False, env=environment(), timeout=300)


def read_sources(office: Office) -> int:
    with opened(office.folder / "evenhours.db") as store:
        (count,) = store.connection.execute("SELECT count(*) FROM source WHERE succeeded_at IS NOT NULL").fetchone()
        return int(count)


LOST = {
    "a pipe that is closed at once": '"$@" | true',
    "head": '"$@" | head -n 1',
    "a full disk": '"$@" > /dev/full',
    "a closed descriptor": '"$@" >&-',
    "both on a full disk": '"$@" > /dev/full 2>&1',
    "both closed": '"$@" >&- 2>&-',
    "all three closed": '"$@" <&- >&- 2>&-',
    "standard error closed": '"$@" 2>&-',
    "standard error on a full disk": '"$@" 2> /dev/full',
    "both into a pipe that is closed at once": '"$@" 2>&1 | true',
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "around"),
    [
        *((["ingest"], around) for around in LOST.values()),
        *((["-v", "nightly"], around) for around in LOST.values()),
        (["nightly"], LOST["a full disk"]),
        (["--json", "nightly"], LOST["head"]),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else next(n for n, line in LOST.items() if line == part),
)
def test_lost_output_ends_no_reading(office: Office, command: list[str], around: str) -> None:
    office.write("broken.ics", "none")
    office.config.write_text(
        office.config.read_text(encoding="utf-8") + MORE.format(number="broken").replace("ana.ics", "broken.ics"),
        encoding="utf-8",
    )
    completed = shell(office, command, around)
    assert read_sources(office) == SOURCES
    assert completed.returncode == 3, (
        completed.stderr
    )  # of eight sources one is broken; what was printed changes nothing
    assert not any(noise in completed.stderr for noise in NOISE), completed.stderr
    with opened(office.folder / "evenhours.db") as store:
        computed = store.connection.execute("SELECT count(*) FROM computation").fetchone()
        assert computed == ((2,) if "nightly" in command else (0,))
        runs = store.connection.execute("SELECT exit_code FROM run").fetchall()
        assert runs == ([(3,)] if "nightly" in command else [])


@pytest.mark.slow
@pytest.mark.parametrize("around", LOST.values(), ids=list(LOST))
def test_lost_output_ends_no_analysis(office: Office, around: str) -> None:
    assert office("ingest").code == 0
    completed = shell(office, ["analyse"], around)
    assert completed.returncode == 0, completed.stderr
    assert not any(noise in completed.stderr for noise in NOISE), completed.stderr
    with opened(office.folder / "evenhours.db") as store:
        assert store.connection.execute("SELECT count(*) FROM computation").fetchone() == (2,)


@pytest.mark.slow
@pytest.mark.parametrize("around", ['"$@" > /dev/full', '"$@" >&-', '"$@" | true'])
@pytest.mark.parametrize("command", [["export", "events"], ["report", "weekly", "--clinician", "ana"]], ids=" ".join)
def test_a_command_that_cannot_print_reports_it(office: Office, command: list[str], around: str) -> None:
    assert office("nightly").code == 0
    completed = shell(office, command, around)
    assert completed.returncode == 1
    assert not any(noise in completed.stderr for noise in NOISE), completed.stderr
    if "|" not in around:
        assert completed.stderr.startswith(b"evenhours: Cannot write to standard output: ")
        assert completed.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_an_export_quietly(office: Office) -> None:
    assert office("nightly").code == 0
    completed = shell(office, ["export", "events"], '"$@" | head -n 1')
    assert completed.stdout.startswith(b"clinician,source,start")
    assert completed.stderr == b""


@pytest.mark.slow
def test_a_file_in_the_place_of_a_closed_descriptor_is_not_printed_into(office: Office) -> None:
    """The first file to be opened gets the number of a closed standard stream: not the log, the key or the database."""
    shell(office, ["ingest"], '"$@" <&- >&- 2>&-')
    assert read_sources(office) == SOURCES
    for path in office.folder.iterdir():
        if path.is_file():
            assert b"rows changed" not in path.read_bytes()
