"""Runs the practice: the nightly command, and in the morning everything that people see.

Commands run in this process with a fixed clock, and pages are opened as a browser would. A night to be killed runs in a
process of its own (:mod:`benchmarks.quarter.killed`).
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

from benchmarks.quarter.files import FILE_NAME, Files, local_time
from benchmarks.quarter.oracle import CommandResult, Morning, Page, earlier_week
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
LATER = "05:30"  # after the right key has been restored
ROOT = Path(__file__).resolve().parents[2]
COUNTED_TABLES = ("event", "message", "identity", "evidence")
"""Tables in which a run with another key must not change a row."""


@contextmanager
def clock_at(now: datetime) -> Iterator[None]:
    """Fix the clock of the command line, in all of its modules that read it."""

    class FixedClock(datetime):
        """A clock with a fixed time."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            """Return the fixed instant."""
            moment = now.astimezone(tz)
            return cls.combine(moment.date(), moment.timetz())

    with ExitStack() as stack:
        stack.enter_context(patch.object(cli, "CliContext", partial(CliContext, now=now)))
        for name in ("night", "doctor", "correct", "serve"):
            module = f"monitor.cli.{name}"
            __import__(module)
            if hasattr(sys.modules[module], "datetime"):
                stack.enter_context(patch(f"{module}.datetime", FixedClock))
        yield


def command(config: Path, now: datetime, *arguments: str) -> CommandResult:
    """Run one command in this process at an instant."""
    with clock_at(now):
        result = CliRunner().invoke(cli.evenhours, ["--config", str(config), *arguments], prog_name="evenhours")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return CommandResult(result.exit_code, result.stdout, result.stderr)


@contextmanager
def analysis_fails(people: frozenset[str]) -> Iterator[None]:
    """Let the computation of some people fail, as a bug would."""
    compute_metrics = catalogue.compute_metrics

    def failing(frames: Frames) -> pd.DataFrame:
        if frames.clinician.key in people:
            raise ArithmeticError("planned")
        return compute_metrics(frames)

    with patch.object(catalogue, "compute_metrics", failing):
        yield


@dataclass
class Practice:
    """The files of a plan and the commands that run on them."""

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
        """Write the files of a day and run its night; return the morning after, with no page opened yet."""
        self.files.write(day)
        morning = Morning(day)
        self._night(day, morning)
        return morning

    def _night(self, day: date, morning: Morning) -> None:
        plan, config, at_night = self.plan, self.files.config, local_time(day, NIGHT)
        night = plan.night(day)
        if plan.has(Fault.OTHER_KEY, day):
            self._under_another_key(day, morning)
            at_night = local_time(day, LATER)
        if night.killed:
            morning.night = self._killed(day)
        elif night.exits:
            with analysis_fails(night.failed):
                morning.night = command(config, at_night, "nightly")

    def _killed(self, day: date) -> CommandResult:
        fault = next(
            planned.fault
            for planned in self.plan.faults
            if _kills(planned.fault) and planned.first <= day <= planned.last
        )
        stage = "reading" if fault is Fault.KILLED_READING else "computing"
        victim = self.plan.victim(fault, day)
        arguments = [str(self.files.config), local_time(day, NIGHT).isoformat(), stage, victim]
        completed = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.quarter.killed", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return CommandResult(completed.returncode, completed.stdout, completed.stderr)

    def _under_another_key(self, day: date, morning: Morning) -> None:
        """Run a night with a new key; then restore the right key and the database."""
        backup, right_key = self.folder / "backup.db", self.folder / "right.key"
        before = self._rows()
        with sqlite3.connect(self.database) as original, sqlite3.connect(backup) as copy:
            original.backup(copy)
        original.close()
        copy.close()
        shutil.move(self.key_file, right_key)
        create_key(self.key_file)
        morning.other_key = command(self.files.config, local_time(day, NIGHT), "nightly")
        after = self._rows()
        morning.rows_changed_under_other_key = sum(abs(after[table] - before[table]) for table in COUNTED_TABLES)
        shutil.move(right_key, self.key_file)
        if morning.rows_changed_under_other_key:
            # Otherwise its records would be reported for the rest of the quarter.
            for suffix in ("-wal", "-shm"):
                self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
            shutil.move(backup, self.database)
            self.database.chmod(0o600)
        backup.unlink(missing_ok=True)

    def _rows(self) -> dict[str, int]:
        connection = sqlite3.connect(self.database)
        try:
            return {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own
                for table in COUNTED_TABLES
            }
        finally:
            connection.close()


def collect(plan: Plan, folder: Path, morning: Morning) -> None:
    """Collect everything that people see at 08:00: doctor, the director's page, everybody's own pages, the reports.

    An analysis that failed in the night fails in the morning, too.
    """
    with analysis_fails(plan.night(morning.day).failed):
        _collect(plan, folder, morning)


def _collect(plan: Plan, folder: Path, morning: Morning) -> None:
    now, config = local_time(morning.day, MORNING), folder / FILE_NAME
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
        _store_report(morning, person.key, Page.WEEKLY, command(config, now, *weekly))
        if plan.has(Fault.FORGETS, morning.day, person.key):
            week = f"{earlier_week(morning.day):%G-W%V}"
            _store_report(morning, person.key, Page.EARLIER, command(config, now, *weekly, "--week", week))
    _store_report(morning, "", Page.FAIRNESS, command(config, now, "report", "fairness"))


def _open(client: FlaskClient, person: str, page: Page, morning: Morning) -> None:
    response = client.get(page.value)
    if response.status_code == 200:
        morning.texts[person, page] = response.text
    else:
        morning.broken[person, page] = f"status {response.status_code}"


def _kills(fault: Fault) -> bool:
    return fault in {Fault.KILLED_READING, Fault.KILLED_COMPUTING}


def _store_report(morning: Morning, person: str, page: Page, result: CommandResult) -> None:
    """Store the report that a command printed, or its error."""
    if result.out.strip():
        morning.texts[person, page] = result.out
    else:
        morning.broken[person, page] = f"exit {result.code}: {result.err.strip()}"
