"""The practice as it is run: the night by cron's line, and in the morning everything that reaches people.

Commands run in this process with the clock set, pages are opened as a browser would. A night that is to be killed runs
in a process of its own (:mod:`benchmarks.quarter.killed`).
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

from click.testing import CliRunner

from benchmarks.quarter.files import FILE_NAME, Files, at
from benchmarks.quarter.oracle import Morning, Page, Ran, earlier_week
from benchmarks.quarter.plan import Fault, Plan
from monitor import cli
from monitor.analysis import catalogue
from monitor.cli.context import CliContext
from monitor.config import load
from monitor.credentials import create_key
from tests.monitor.dashboard_pages import DashboardPages

if TYPE_CHECKING:
    import pandas as pd
    from flask.testing import FlaskClient

    from monitor.analysis.frames import Frames

NIGHT, MORNING = "04:30", "08:00"  # the cron line is: 30 4 * * *
LATER = "05:30"  # when somebody has put the right key back
ROOT = Path(__file__).resolve().parents[2]
COUNTED = ("event", "message", "identity", "evidence")
"""Tables of which another key may change no row."""


@contextmanager
def clock_at(now: datetime) -> Iterator[None]:
    """Set the clock of the command line, in the modules of it that read one."""

    class Standing(datetime):
        """A clock that stands still."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            """The instant that was set."""
            moment = now.astimezone(tz)
            return cls.combine(moment.date(), moment.timetz())

    with ExitStack() as stack:
        stack.enter_context(patch.object(cli, "CliContext", partial(CliContext, now=now)))
        for name in ("night", "doctor", "sources", "serve"):
            module = f"monitor.cli.{name}"
            __import__(module)
            if hasattr(sys.modules[module], "datetime"):
                stack.enter_context(patch(f"{module}.datetime", Standing))
        yield


def command(config: Path, now: datetime, *arguments: str) -> Ran:
    """Run one command in this process at an instant."""
    with clock_at(now):
        result = CliRunner().invoke(cli.evenhours, ["--config", str(config), *arguments], prog_name="evenhours")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@contextmanager
def analysis_fails(people: frozenset[str]) -> Iterator[None]:
    """Let the measuring of some people break off, as a fault of the program would."""
    measure = catalogue.compute_metrics

    def broken(frames: Frames) -> pd.DataFrame:
        if frames.clinician.key in people:
            raise ArithmeticError("planned")
        return measure(frames)

    with patch.object(catalogue, "measure", broken):
        yield


@dataclass
class Practice:
    """The files of a plan and what is run over them."""

    plan: Plan
    folder: Path
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        self.files = Files(self.folder, self.plan)

    @property
    def database(self) -> Path:
        """The practice's database."""
        return self.folder / "evenhours.db"

    @property
    def key_file(self) -> Path:
        """The practice's key."""
        return self.folder / "evenhours.key"

    def night(self, day: date) -> Morning:
        """Write the files of a day and run its night; the morning that follows has not been asked for anything yet."""
        self.files.write(day)
        morning = Morning(day)
        self._night(day, morning)
        return morning

    def _night(self, day: date, morning: Morning) -> None:
        plan, config, at_night = self.plan, self.files.config, at(day, NIGHT)
        night = plan.night(day)
        if plan.has(Fault.OTHER_KEY, day):
            self._under_another_key(day, morning)
            at_night = at(day, LATER)
        if night.killed:
            morning.night = self._killed(day)
        elif night.exits:
            with analysis_fails(night.failed):
                morning.night = command(config, at_night, "nightly")

    def _killed(self, day: date) -> Ran:
        fault = next(one.fault for one in self.plan.faults if _kills(one.fault) and one.first <= day <= one.last)
        stage = "reading" if fault is Fault.KILLED_READING else "computing"
        victim = self.plan.victim(fault, day)
        arguments = [str(self.files.config), at(day, NIGHT).isoformat(), stage, victim]
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.quarter.killed", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def _under_another_key(self, day: date, morning: Morning) -> None:
        """Run a night beside a new key; afterwards the right key is back, and the database as it was before."""
        aside, right = self.folder / "aside.db", self.folder / "right.key"
        before = self._rows()
        with sqlite3.connect(self.database) as original, sqlite3.connect(aside) as copy:
            original.backup(copy)
        original.close()
        copy.close()
        shutil.move(self.key_file, right)
        create_key(self.key_file)
        morning.other_key = command(self.files.config, at(day, NIGHT), "nightly")
        after = self._rows()
        morning.rows_changed_under_other_key = sum(abs(after[table] - before[table]) for table in COUNTED)
        shutil.move(right, self.key_file)
        if morning.rows_changed_under_other_key:
            # What was stored under the other key would be told for the rest of the quarter.
            for suffix in ("-wal", "-shm"):
                self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
            shutil.move(aside, self.database)
            self.database.chmod(0o600)
        aside.unlink(missing_ok=True)

    def _rows(self) -> dict[str, int]:
        connection = sqlite3.connect(self.database)
        try:
            return {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own
                for table in COUNTED
            }
        finally:
            connection.close()


def ask(plan: Plan, folder: Path, morning: Morning) -> None:
    """Ask for everything that reaches people at 08:00: doctor, the director's page, everybody's own, the reports.

    Whose analysis failed in the night, fails in the morning too.
    """
    with analysis_fails(plan.night(morning.day).failed):
        _ask(plan, folder, morning)


def _ask(plan: Plan, folder: Path, morning: Morning) -> None:
    now, config = at(morning.day, MORNING), folder / FILE_NAME
    morning.doctor = command(config, now, "doctor")
    with DashboardPages(load(config)) as pages:
        pages.clock.now = now
        _open(pages.signed_in("director"), "", Page.PRACTICE, morning)
        for person in plan.staff(morning.day):
            client = pages.signed_in(person.key)
            for page in (Page.ME, Page.PATTERNS, Page.DATA):
                _open(client, person.key, page, morning)
    for person in plan.staff(morning.day):
        weekly = ("report", "weekly", "--clinician", person.key)
        _keep(morning, person.key, Page.WEEKLY, command(config, now, *weekly))
        if plan.has(Fault.FORGETS, morning.day, person.key):
            week = f"{earlier_week(morning.day):%G-W%V}"
            _keep(morning, person.key, Page.EARLIER, command(config, now, *weekly, "--week", week))
    _keep(morning, "", Page.FAIRNESS, command(config, now, "report", "fairness"))


def _open(client: FlaskClient, who: str, page: Page, morning: Morning) -> None:
    answer = client.get(page.value)
    if answer.status_code == 200:
        morning.said[who, page] = answer.text
    else:
        morning.broken[who, page] = f"status {answer.status_code}"


def _kills(fault: Fault) -> bool:
    return fault in {Fault.KILLED_READING, Fault.KILLED_COMPUTING}


def _keep(morning: Morning, who: str, page: Page, ran: Ran) -> None:
    """A report that was written, or the sentence in its place."""
    if ran.out.strip():
        morning.said[who, page] = ran.out
    else:
        morning.broken[who, page] = f"exit {ran.code}: {ran.err.strip()}"
