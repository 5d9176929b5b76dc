"""Ingest that is killed with ``kill -9`` at any point: nothing is lost or repeated, and cursor and rows agree."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.records import CalendarEvent, MessageStamp
from monitor.store.database import opened
from tests.monitor.killed import PAGES, pages
from tests.monitor.memory import dump

KILLS = int(os.environ.get("EVENHOURS_KILLS", "10"))
ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, steps: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.monitor.killed", str(folder), str(steps)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def check_agreement(folder: Path) -> int:
    """Return the number of pages stored according to the cursor, after checking that exactly their rows are stored."""
    with opened(folder / "evenhours.db") as store:
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        cursors = store.connection.execute("SELECT cursor FROM source").fetchall()
        count = int(cursors[0][0].split()[0]) if cursors and cursors[0][0] else 0
        records = [record for page in pages()[:count] for record in page]
        stored = store.connection.execute("SELECT node FROM message ORDER BY node").fetchall()
        assert [row[0] for row in stored] == sorted(
            {record.key for record in records if isinstance(record, MessageStamp)}
        )
        stored = store.connection.execute("SELECT uid_key FROM event").fetchall()
        assert {row[0] for row in stored} == {record.uid_key for record in records if isinstance(record, CalendarEvent)}
    return count


@pytest.mark.slow
def test_a_run_that_is_killed_anywhere_loses_or_repeats_nothing(tmp_path: Path) -> None:
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed"
    uninterrupted.mkdir()
    reference = run(uninterrupted, 0)
    assert reference.returncode == 0, reference.stderr
    rng = random.Random(os.environ.get("EVENHOURS_SEED", "kill"))
    kills, stored, steps = 0, PAGES, int(reference.stdout)
    while kills < KILLS:
        if stored == PAGES:  # the last run reached the end: begin with a new database
            killed, stored = killed.with_name(f"{killed.name}+"), 0
            killed.mkdir()
        ended = run(killed, rng.randint(1, steps // 3))
        assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
        kills += ended.returncode != 0
        before, stored = stored, check_agreement(killed)
        assert stored >= before
    assert run(killed, 0).returncode == 0
    with opened(uninterrupted / "evenhours.db") as expected, opened(killed / "evenhours.db") as store:
        assert dump(store) == dump(expected)
