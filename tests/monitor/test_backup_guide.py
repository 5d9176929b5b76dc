"""Tests of the commands for backup and restore in docs/for-it.md."""

from __future__ import annotations

import re
import shlex
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.office import ROOT, environment
from tests.monitor.practices import written_practice

WINGS = ("workload", "wellbeing")
GUIDE = (ROOT / "docs" / "for-it.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root folder of a machine with a practice."""
    root = tmp_path_factory.mktemp("machine")
    for name in ("etc/evenhours", "mnt/backup", "mnt/safe", "tmp"):
        (root / name).mkdir(parents=True)
    written_practice(root / "etc" / "evenhours")
    return root


def blocks(heading: str) -> list[str]:
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def run(commands: str, root: Path) -> str:
    """Run the commands with all folders below ``root``."""
    commands = re.sub(r"(?<![\w.)])/(etc|mnt|tmp)/", rf"{root}/\1/", commands)
    commands = commands.replace("/opt/evenhours/.venv/bin", shlex.quote(str(Path(sys.executable).parent)))
    completed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], env=environment(), capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr + completed.stdout
    return completed.stdout


def test_a_backup_is_made_while_the_database_is_written_and_is_opened_elsewhere(folder: Path) -> None:
    backup, key, drill = blocks("Backup and restore")
    practice = folder / "etc" / "evenhours"
    with closing(sqlite3.connect(practice / "evenhours.db", isolation_level=None)) as connection:
        held = sum(connection.execute(f"SELECT count(*) FROM {wing}_week").fetchone()[0] for wing in WINGS)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM wellbeing_week")  # a run that is at work
        run(backup, folder)
        connection.execute("ROLLBACK")
    run(key, folder)

    (copy,) = (folder / "mnt" / "backup").glob("*.db")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for name in ("evenhours.toml", "evenhours.key"):
        (practice / name).unlink()  # the drill needs nothing of what is lost
    output = run(drill, folder)
    assert "\u2713 key: evenhours.key" in output
    assert "\u2713 database: evenhours.db, belongs to this key, no damage found" in output
    assert int(output.split()[-1]) == held + 1 > 1
    assert not (folder / "tmp" / "drill").exists()
