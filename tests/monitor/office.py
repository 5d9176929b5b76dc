"""A practice of two clinicians in a folder, with one source of each file kind, and its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor import cli
from monitor.cli.context import CliContext
from monitor.store.database import opened
from tests.monitor.memory import dump

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored where tests run in background
    "from monitor.cli import main; main()"
)

CONFIG = """
[practice]
name = "Two"
zone = "Europe/Paris"
domains = ["two.example"]

[[kinds]]
kind = "leave"
title = "holiday"

[[clinician]]
key = "ana"
name = "Ana"
addresses = ["ana@two.example"]
hours = [{ mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"] }]

[[clinician]]
key = "ben"
name = "Ben"
addresses = ["ben@two.example"]
hours = [{ mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"] }]

[[source]]
name = "calendar"
kind = "ics"
clinician = "ana"
path = "ana.ics"

[[source]]
name = "mail"
kind = "mbox"
clinician = "ana"
path = "ana.mbox"

[[source]]
name = "letters"
kind = "maildir"
clinician = "ben"
path = "Maildir"

[[source]]
name = "visits"
kind = "csv"
clinician = "ben"
path = "visits.csv"
[source.columns]
id = "ID"
client = "Client"
booked_start = "Start"
booked_end = "End"
actual_end = "Left"
status = "Status"
"""
ENTRY = """\
BEGIN:VEVENT
UID:{uid}
DTSTART;TZID=Europe/Paris:{start}
DTEND;TZID=Europe/Paris:{end}
SUMMARY:{title}
LOCATION:Room {uid}
DESCRIPTION:About {uid}
ATTENDEE;CN="{guest}":mailto:{guest}@post.example
END:VEVENT
"""


def calendar(*entries: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Two//EN", *"".join(entries).splitlines(), "END:VCALENDAR", ""]
    return "\r\n".join(lines)


def session(uid: str, day: int, hour: int, guest: str = "carol") -> str:
    start, end = f"202603{day:02}T{hour:02}0000", f"202603{day:02}T{hour:02}5000"
    return ENTRY.format(uid=uid, start=start, end=end, title=f"Session {uid}", guest=guest)


def letter(number: int, sender: str, to: str, date: str, answers: int | None = None) -> str:
    reply = f"In-Reply-To: <{answers}@post.example>\n" if answers else ""
    return (
        f"From: {sender}\nTo: {to}\nSubject: About {number}\nDate: {date}\nMessage-ID: <{number}@post.example>\n"
        f"{reply}\nDear you,\nabout {number}.\n"
    )


LETTERS = (
    letter(1, "carol@post.example", "ana@two.example", "Mon, 02 Mar 2026 09:00:00 +0100"),
    letter(2, "ana@two.example", "carol@post.example", "Mon, 02 Mar 2026 20:30:00 +0000", answers=1),
    letter(3, "carol@post.example", "ana@two.example", "Tue, 03 Mar 2026 10:00:00 +0100", answers=2),
)
ENTRIES = tuple(session(f"s{day}", day, 10) for day in (2, 3, 4, 5, 9, 10, 11, 12, 16, 17))
VISITS = """ID,Client,Start,End,Left,Status
1,Dora,2026-03-02T09:00,2026-03-02T09:50,2026-03-02T10:02:30,Show
2,Dora,2026-03-09T09:00,2026-03-09T09:50,,Show
3,Emil,2026-03-10T09:00,2026-03-10T09:50,2026-03-10T09:45,Show
4,Emil,2026-03-17T09:00,2026-03-17T09:50,,Cancelled
"""


def mailbox(*letters: str) -> str:
    return "".join(f"From someone Mon Mar  2 09:00:00 2026\n{text}\n" for text in letters)


@dataclass(frozen=True)
class CommandResult:
    """The output and the exit code of a command."""

    out: str
    err: str
    code: int

    @property
    def json_lines(self) -> list[Any]:
        """The parsed lines of ``--json``."""
        return [json.loads(line) for line in self.out.splitlines()]


class Office:
    """The practice in a folder. ``office("ingest")`` runs a command on it, at ``NOW`` and in this process."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.config = self.write("evenhours.toml", config)
        self.write("ana.ics", calendar(*ENTRIES))
        self.write("ana.mbox", mailbox(*LETTERS))
        self.write("visits.csv", VISITS)
        for name in ("cur", "new", "tmp"):
            (folder / "Maildir" / name).mkdir(parents=True)
        ben = letter(9, "dora@post.example", "ben@two.example", "Wed, 04 Mar 2026 19:00:00 +0100")
        self.write("Maildir/cur/9.host:2,S", ben)
        answer = letter(10, "ben@two.example", "dora@post.example", "Wed, 04 Mar 2026 19:20:00 +0100", answers=9)
        self.write("Maildir/cur/10.host:2,S", answer)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def change(self, old: str, new: str) -> None:
        """Replace text in the configuration."""
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), encoding="utf-8")

    def __call__(self, *arguments: str) -> CommandResult:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cli, "CliContext", partial(CliContext, now=NOW))
            result = CliRunner().invoke(
                cli.evenhours, ["--config", str(self.config), *arguments], prog_name="evenhours"
            )
        answer = CommandResult(result.stdout, result.stderr, result.exit_code)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in answer.err
        assert "this is a bug in Evenhours" not in answer.err
        return answer

    def process(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a process of its own, at the real time."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, capture_output=True, check=False, env=environment(), **options
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", MAIN, "--config", str(self.config), *arguments]

    def dump(self) -> dict[str, list[Any]]:
        """Return every stored record."""
        with opened(self.folder / "evenhours.db") as store:
            return dump(store)


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EVENHOURS")}
    return {**inherited, "PYTHONPATH": str(ROOT), **more}
