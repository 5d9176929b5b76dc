"""``kill -9`` in the middle of ingest, anywhere: nothing is lost, nothing doubled, cursor and rows agree."""

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
    """How many pages the cursor says are stored; exactly their rows have to be there."""
    with opened(folder / "evenhours.db") as store:
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = store.connection.execute("SELECT cursor FROM source").fetchall()
        count = int(found[0][0].split()[0]) if found and found[0][0] else 0
        told = [record for page in pages()[:count] for record in page]
        stored = store.connection.execute("SELECT node FROM message ORDER BY node").fetchall()
        assert [row[0] for row in stored] == sorted({one.key for one in told if isinstance(one, MessageStamp)})
        stored = store.connection.execute("SELECT uid_key FROM event").fetchall()
        assert {row[0] for row in stored} == {one.uid_key for one in told if isinstance(one, CalendarEvent)}
    return count


@pytest.mark.slow
def test_a_run_that_is_killed_anywhere_loses_or_repeats_nothing(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    undisturbed = run(whole, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    dice = random.Random(os.environ.get("EVENHOURS_SEED", "kill"))
    kills, stored, steps = 0, PAGES, int(undisturbed.stdout)
    while kills < KILLS:
        if stored == PAGES:  # begin again where the last one got to the end
            killed, stored = killed.with_name(f"{killed.name}+"), 0
            killed.mkdir()
        ended = run(killed, dice.randint(1, steps // 3))
        assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
        kills += ended.returncode != 0
        before, stored = stored, check_agreement(killed)
        assert stored >= before
    assert run(killed, 0).returncode == 0
    with opened(whole / "evenhours.db") as one, opened(killed / "evenhours.db") as other:
        assert dump(one) == dump(other)
