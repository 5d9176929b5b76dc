"""The server and commands at the same time: pages are used while other processes open and close the database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from monitor.analysis.calendar import day_number
from monitor.store.database import opened
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.monitor.practices import NOW, WrittenPractice, written_practice

ROUNDS = int(os.environ.get("EVENHOURS_ROUNDS", "12"))  # make soak: 200
ROOT = Path(__file__).resolve().parents[2]
READERS = 3

COMMANDS = """
import sys
from datetime import datetime
from functools import partial
from click.testing import CliRunner
from monitor import cli
from monitor.cli.context import CliContext

config, now, rounds = sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
cli.CliContext = partial(CliContext, now=now)
for _ in range(rounds):
    for command in (["nightly"], ["export", "sessions"], ["doctor"]):
        done = CliRunner().invoke(cli.evenhours, ["--config", config, *command])
        allowed = {0, 1} if command == ["doctor"] else {0}
        if done.exit_code not in allowed:
            sys.exit(f"{command}: {done.exit_code} {done.stderr}")
"""


@pytest.fixture
def written(tmp_path: Path) -> WrittenPractice:
    return written_practice(tmp_path)


@pytest.fixture
def pages(written: WrittenPractice) -> Iterator[DashboardPages]:
    with DashboardPages(written.config) as opened_pages:
        yield opened_pages


def deleted_files() -> list[str]:
    """Return the open database files of this process that another process has deleted."""
    targets = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        targets += [target] if target.endswith("(deleted)") and "evenhours.db" in target else []
    return targets


@pytest.mark.slow
def test_pages_are_read_and_written_while_commands_come_and_go(written: WrittenPractice, pages: DashboardPages) -> None:
    commands = subprocess.Popen(
        [sys.executable, "-c", COMMANDS, str(written.config.path), NOW.isoformat(), str(ROUNDS)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    clients = [pages.signed_in("ana") for _ in range(READERS)]
    written_days: list[str] = []

    def visit(number: int) -> list[int]:
        answers = []
        while commands.poll() is None:
            page = clients[number].get("/me/patterns")
            answers += [page.status_code, clients[number].get("/me/").status_code]
            day = f"{2020 + number}-{1 + len(answers) % 12:02}-{1 + len(answers) % 28:02}"
            form = {"csrf_token": csrf_token_of(page), "kind": "gift", "from": day, "client": ""}
            posted = clients[number].post("/me/patterns/ledger", data=form)
            answers.append({303: 200}.get(posted.status_code, posted.status_code))
            written_days.append(day)
            assert deleted_files() == []
        return answers

    with ThreadPoolExecutor(READERS) as pool:
        answers = [answer for statuses in pool.map(visit, range(READERS)) for answer in statuses]
    _, errors = commands.communicate()

    assert commands.returncode == 0, errors
    assert len(answers) > 3 * READERS
    assert set(answers) == {200}
    with opened(written.config.database, read_only=True) as store:
        assert store.damage() == ""
        rows = store.connection.execute("SELECT DISTINCT day FROM ledger").fetchall()
    assert {day for (day,) in rows} == {day_number(date.fromisoformat(day)) for day in written_days}


def test_nothing_but_sqlite_opens_the_database(written: WrittenPractice, pages: DashboardPages) -> None:
    opened_paths: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and watching and "evenhours.db" in str(arguments[0]):
            opened_paths.append(str(arguments[0]))

    watching = True
    sys.addaudithook(hook)
    try:
        ana, director = pages.signed_in("ana"), pages.signed_in("director")
        for path in ("/me/", "/me/patterns", "/me/clients", "/me/data"):
            assert ana.get(path).status_code == 200
        assert director.get("/practice/").status_code == 200
        with opened(written.config.database):
            pass
    finally:
        watching = False

    assert opened_paths == []
