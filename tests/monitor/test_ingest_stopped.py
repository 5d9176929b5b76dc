"""Ctrl-C during an ingest that waits for two servers, in a separate process."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.monitor.office import Office, environment

SILENT = """
[[source]]
name = "silent-{number}"
kind = "ics"
clinician = "ana"
url = "http://127.0.0.1:{port}/{number}.ics"
"""
SECONDS = 60  # nothing takes that long unless something is broken


@pytest.mark.slow
def test_ctrl_c_ends_a_run_at_once_and_keeps_what_was_read(tmp_path: Path) -> None:
    office = Office(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        port = silent.getsockname()[1]
        text = office.config.read_text(encoding="utf-8")
        waiting = "".join(SILENT.format(number=number, port=port) for number in (1, 2))
        office.config.write_text(text + waiting, encoding="utf-8")
        run = subprocess.Popen(
            office.command("ingest"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        connections = [silent.accept()[0] for _ in range(2)]  # both are waiting, and neither gets an answer
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in ("calendar", "mail", "letters", "visits")]
        run.send_signal(signal.SIGINT)
        _, stderr = run.communicate(timeout=SECONDS)
        for connection in connections:
            connection.close()
    assert [line.split(b":")[0] for line in lines] == [b"calendar", b"mail", b"letters", b"visits"]
    assert run.returncode == 1
    assert b"Stopped. What was read so far is stored; the next run continues from there." in stderr
    assert b"Traceback" not in stderr
    assert b"Exception" not in stderr
    assert len(office.dump()["message"]) == 5
