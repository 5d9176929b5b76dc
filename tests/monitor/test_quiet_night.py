"""A night without problems prints nothing and is logged; one that is terminated ends in order."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from monitor.night import run_lock
from monitor.store import runs
from monitor.store.database import opened
from tests.monitor.office import NOW, Office, environment
from tests.monitor.test_cli import on_terminal
from tests.monitor.test_ingest_stopped import SILENT

SECONDS = 60


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_night_without_anything_to_do_prints_nothing(office: Office) -> None:
    assert office("init").code == 0
    first, second = office("nightly"), office("nightly")
    assert (first.code, first.out, first.err) == (second.code, second.out, second.err) == (0, "", "")


def test_a_night_prints_only_what_somebody_has_to_do(office: Office) -> None:
    office("init")
    (office.folder / "ana.mbox").unlink()
    answer = office("nightly")
    assert (answer.code, answer.out) == (3, "")
    assert 'mail: there is no "ana.mbox"' in answer.err


def test_a_verbose_night_prints_everything_with_times(office: Office) -> None:
    office("init")
    lines = office("nightly", "-v").out.splitlines()
    assert lines[0] == "Started on Friday, 20 March 2026 at 13:00 (Europe/Paris)."
    assert lines[1].startswith("calendar: 10 rows changed (")
    assert lines[1].endswith(" s)")
    assert lines[-2].startswith("2 of 2 clinicians computed")
    assert lines[-1].startswith("Done after ")
    assert [line["source"] for line in office("nightly", "--json").json_lines[:4]] == [
        "calendar",
        "mail",
        "letters",
        "visits",
    ]


def test_a_night_on_a_terminal_prints_everything(office: Office) -> None:
    stderr, stdout = on_terminal(office, "nightly")
    assert b"calendar" in stderr + stdout


def test_each_night_is_in_the_log_for_thirty_days(office: Office) -> None:
    office("nightly")
    (office.folder / "ana.mbox").unlink()
    office("nightly")
    first, second = office("nightly", "--log", "--json").json_lines
    assert [source["name"] for source in first["sources"]] == ["calendar", "mail", "letters", "visits"]
    assert (first["exit_code"], second["exit_code"]) == (0, 3)
    assert first["sources"][0]["changed"] == 10
    assert 'there is no "ana.mbox"' in second["sources"][1]["error"]
    log = office("nightly", "--log").out
    assert "2026-03-20 13:00:00 – " in log
    assert 'there is no "ana.mbox"' in log
    now = int(NOW.timestamp())
    with opened(office.folder / "evenhours.db") as store, store.write() as connection:
        runs.begin_run(connection, "nightly", now + runs.RUN_RETENTION_SECONDS)
        assert len(runs.last_runs(connection, "nightly", 9)) == 3
        runs.begin_run(connection, "nightly", now + runs.RUN_RETENTION_SECONDS + 1)
        assert len(runs.last_runs(connection, "nightly", 9)) == 2
        assert connection.execute("SELECT count(*) FROM run_source").fetchone() == (0,)


@pytest.mark.slow
def test_a_terminated_night_keeps_the_records_it_read_and_reports_it(office: Office) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        waiting = "".join(SILENT.format(number=number, port=silent.getsockname()[1]) for number in (1, 2))
        office.config.write_text(office.config.read_text(encoding="utf-8") + waiting, encoding="utf-8")
        run = subprocess.Popen(
            office.command("-v", "nightly"), cwd=office.folder, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        connections = [silent.accept()[0] for _ in range(2)]
        assert run.stdout is not None
        for _ in ("begun", "calendar", "mail", "letters", "visits"):
            run.stdout.readline()
        run.send_signal(signal.SIGTERM)
        _, complaints = run.communicate(timeout=SECONDS)
        for connection in connections:
            connection.close()
    assert run.returncode == 128 + signal.SIGTERM
    assert b"Stopped. What was read so far is stored" in complaints
    assert b"Traceback" not in complaints
    assert b"Exception" not in complaints
    with run_lock(office.folder / "evenhours.db"):
        assert not (office.folder / "evenhours.db-wal").exists()
    (night,) = [json.loads(line) for line in office("nightly", "--log", "--json").out.splitlines()]
    assert night["exit_code"] == 128 + signal.SIGTERM
    assert [source["name"] for source in night["sources"]] == ["calendar", "mail", "letters", "visits"]


def test_erased_data_is_gone_from_the_write_ahead_log_too(tmp_path: Path) -> None:
    path, word = tmp_path / "practice.db", "a-word-that-nobody-else-uses"
    log = tmp_path / "practice.db-wal"
    with opened(path, create=True) as store, opened(path) as server, closing(server.connection.execute("SELECT 1")):
        with store.write() as connection:
            connection.execute("INSERT INTO source (name, kind, error) VALUES ('x', 'ics', ?)", (word,))
        assert word.encode() in log.read_bytes()
        with store.write(erases=True) as connection:
            connection.execute("DELETE FROM source")
        assert log.stat().st_size == 0
        assert word.encode() not in path.read_bytes()
