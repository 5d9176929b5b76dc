"""After any history at a real server, the store contains what a first reading would find there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from connectors.imap import source as imap
from tests.connectors.histories import Runs
from tests.connectors.worlds.practice import Practice
from tests.connectors.worlds.world import ADDRESSES, ANA, World
from tests.monitor.facts import EXAMPLES
from tests.peers import calendars
from tests.peers.calendars import USERS, CalendarServer
from tests.peers.dovecot import PASSWORD, Dovecot

HISTORIES = min(max(EXAMPLES // 8, 3), USERS // 2)
FIRST = datetime(2026, 2, 2, 9)  # noqa: DTZ001 - a wall clock's
OWNER = ADDRESSES[ANA]
CONTENT = {"Content-Type": "text/calendar; charset=utf-8"}


@dataclass(frozen=True)
class SourceOptions:
    """The options of a source: all that a practice needs of a simulated one."""

    kind: str
    text: str

    def options(self) -> str:
        return self.text


def two_practices(folder: Path, place: SourceOptions, patch: pytest.MonkeyPatch) -> list[Practice]:
    """Return two practices that read the same server."""
    return [Practice(folder / name, cast("World", place), patch) for name in ("one", "another")]


def run_history(runs: Runs, fresh: Practice, steps: Sequence[Callable[[], object]]) -> None:
    try:
        for _ in range(runs.random.randint(6, 25)):
            runs.random.choice([*steps, runs.read, runs.read, runs.read_some_days])()
        runs.check_against_first_reading(fresh)
    finally:
        runs.practice.close()
        fresh.close()


# Calendars


@dataclass
class StoredEvent:
    """An event or a series with exceptions and with moved or cancelled instances, by their local starts."""

    uid: str
    start: datetime
    zone: str
    rule: str
    minutes: int = 50
    cancelled: bool = False
    excluded_dates: set[datetime] = field(default_factory=set)
    moved: dict[datetime, tuple[datetime, bool]] = field(default_factory=dict)

    def text(self) -> str:
        rule = [f"RRULE:{self.rule}"] if self.rule else []
        exdates = [self._property("EXDATE", start_) for start_ in sorted(self.excluded_dates)]
        parts = [self._part(self.start, [*rule, *exdates], is_cancelled=self.cancelled)]
        for start_, (new_start, is_cancelled) in sorted(self.moved.items()):
            parts.append(self._part(new_start, [self._property("RECURRENCE-ID", start_)], is_cancelled=is_cancelled))
        lines_ = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *(line for part in parts for line in part)]
        return "\r\n".join([*lines_, "END:VCALENDAR", ""])

    def _part(self, start: datetime, lines: list[str], *, is_cancelled: bool) -> list[str]:
        end = start + timedelta(minutes=self.minutes)
        return [
            "BEGIN:VEVENT", f"UID:{self.uid}", "DTSTAMP:20250101T000000Z", self._property("DTSTART", start),
            self._property("DTEND", end), *lines, *(["STATUS:CANCELLED"] if is_cancelled else []),
            "ATTENDEE:mailto:carol@post.example", "END:VEVENT",
        ]  # fmt: skip

    def _property(self, name: str, value: datetime) -> str:
        if self.zone == "UTC":
            return f"{name}:{value:%Y%m%dT%H%M%S}Z"
        return f"{name};TZID={self.zone}:{value:%Y%m%dT%H%M%S}" if self.zone else f"{name}:{value:%Y%m%dT%H%M%S}"


class Calendars(Runs):
    """Two calendars of one account."""

    def __init__(self, practice: Practice, random: Random, server: CalendarServer, user: str) -> None:
        super().__init__(practice, random)
        self.server, self.user, self.entries = server, user, dict[str, StoredEvent]()
        self.paths = [server.calendar(user, f"{user}-{number}") for number in range(2)]
        self.number = 0
        earliest = StoredEvent(f"{self.paths[0]}0", FIRST - timedelta(weeks=2), "UTC", "")
        server.ask("PUT", f"{self.paths[0]}e0.ics", earliest.text(), CONTENT, user)

    def add(self) -> None:
        self.number += 1
        start = FIRST + timedelta(days=self.random.randint(0, 120), hours=self.random.randint(0, 8))
        zone = self.random.choice(["Europe/Paris", "America/New_York", "UTC", ""])
        rule = self.random.choice(["", "", "FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=12", "FREQ=WEEKLY;UNTIL=20260601T000000Z"])
        entry = StoredEvent(f"{self.paths[0]}{self.number}", start, zone, rule)
        self._put(f"{self.random.choice(self.paths)}e{self.number}.ics", entry)

    def delete_one(self) -> None:
        for path in self._random_path():
            del self.entries[path]
            self.server.delete(self.user, path)

    def change_calendar(self) -> None:
        for path in self._random_path():
            entry = self.entries.pop(path)
            self.server.delete(self.user, path)
            old, new = self.paths if path.startswith(self.paths[0]) else self.paths[::-1]
            self._put(path.replace(old, new), entry)

    def change(self) -> None:
        for path in self._random_path():
            entry = deepcopy(self.entries[path])
            week = entry.start + timedelta(weeks=self.random.randint(0, 9))
            match self.random.choice(["begin", "last", "off", "leave out", "move", "call off", "end"]):
                case "begin":
                    entry.start += timedelta(hours=self.random.choice([-24, 1, 24 * 7]))
                    entry.excluded_dates, entry.moved = set(), {}
                case "last":
                    entry.minutes = self.random.choice([30, 90, 600])
                case "off":
                    entry.cancelled = not entry.cancelled
                case "leave out" if entry.rule and week not in entry.moved:
                    entry.excluded_dates.add(week)
                case "move" if entry.rule and week not in entry.excluded_dates:
                    entry.moved[week] = week + timedelta(hours=self.random.choice([-2, 3, 26])), False
                case "call off" if entry.rule and week not in entry.excluded_dates:
                    entry.moved[week] = week, True
                case "end" if entry.rule:
                    entry.rule, entry.excluded_dates, entry.moved = (
                        f"FREQ=WEEKLY;UNTIL={week:%Y%m%d}T235959Z",
                        set(),
                        {},
                    )
            self._put(path, entry)

    def _random_path(self) -> list[str]:
        return [self.random.choice(sorted(self.entries))] if self.entries else []

    def _put(self, path: str, entry: StoredEvent) -> None:
        """Store the event; a server may refuse a series that no longer has an instance."""
        status, _ = self.server.ask("PUT", path, entry.text(), CONTENT, self.user)
        assert status in {200, 201, 204, 400, 412}, status
        if status < 400:
            self.entries[path] = entry


@pytest.mark.parametrize("number", range(HISTORIES))
@pytest.mark.parametrize("name", ["radicale", "xandikos"])
def test_after_any_history_of_calendars(
    name: str, number: int, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: CalendarServer = request.getfixturevalue(name)
    user = server.user()
    monkeypatch.setenv("EVENHOURS_TEST_PASSWORD", calendars.PASSWORD)
    options = f'url = "{server.url}"\nusername = "{user}"\npassword = "env:EVENHOURS_TEST_PASSWORD"'
    practice, fresh = two_practices(tmp_path, SourceOptions("caldav", options), monkeypatch)
    history = Calendars(practice, Random(f"{name} {number}"), server, user)
    try:
        steps = [history.add, history.add, *[history.change] * 3, history.delete_one, history.change_calendar]
        run_history(history, fresh, steps)
    finally:
        for path in history.paths:  # everybody is the same user at Xandikos
            server.delete(user, path)


# Mail


class Mailbox(Runs):
    """Folders of one account, whose messages arrive, are moved, flagged, and renumbered by the server."""

    def __init__(self, practice: Practice, random: Random, server: Dovecot, user: str) -> None:
        super().__init__(practice, random)
        self.server, self.user, self.folders, self.letters = server, user, ["", "Sent", "Archive"], 0
        for folder in (*self.folders, "Drafts"):
            server.folder_path(user, folder)

    def add(self) -> None:
        self._deliver(self.random.choice([folder for folder in self.folders if folder != "Sent"]), is_sent=False)

    def add_sent(self) -> None:
        self._deliver("Sent", is_sent=True)

    def file(self) -> None:
        folder = self.random.choice(self.folders)
        targets = [name for name in self.folders if name not in {folder, "Sent"}]
        target = self.server.folder_path(self.user, self.random.choice(targets)) / "cur"
        for path in self._random_path(folder):
            modified_at = path.stat().st_mtime
            moved = path.rename(target / f"{1_790_000_000 + next(self.server.numbers)}.M1P1.host:2,")
            os.utime(moved, (modified_at, modified_at))

    def mark(self) -> None:
        for path in self._random_path(self.random.choice(self.folders)):
            path.rename(path.with_name(f"{path.name.partition(':2,')[0]}:2,{self.random.choice(['', 'S', 'RS'])}"))

    def make_folder(self) -> None:
        self.folders.append(f"Folder{len(self.folders)}")
        self.server.folder_path(self.user, self.folders[-1])

    def renumber(self) -> None:
        folder = self.random.choice(self.folders)
        if (self.server.folder_path(self.user, folder) / "dovecot-uidlist").exists():
            self.server.renumber(self.user, folder)

    def _random_path(self, folder: str) -> list[Path]:
        paths = sorted((self.server.folder_path(self.user, folder) / "cur").iterdir())
        return [self.random.choice(paths)] if paths else []

    def _deliver(self, folder: str, *, is_sent: bool) -> None:
        for _ in range(self.random.randint(1, 8)):
            sent_at = (FIRST + timedelta(hours=self.random.randint(0, 1_100))).replace(tzinfo=UTC)
            self.server.deliver(
                self.user, [self._letter(sent_at, is_sent=is_sent)], folder, sent_at + timedelta(seconds=30)
            )
            self.letters += 1

    def _letter(self, sent_at: datetime, *, is_sent: bool) -> bytes:
        client = f"client{self.random.randint(0, 4)}@post.example"
        sender, recipient = (OWNER, client) if is_sent else (client, OWNER)
        lines = [
            f"From: <{sender}>",
            f"To: <{recipient}>",
            f"Date: {format_datetime(sent_at)}",
            f"Message-ID: <{self.letters}@x>",
        ]
        if self.letters and self.random.random() < 0.5:
            lines.append(f"In-Reply-To: <{self.random.randrange(self.letters)}@x>")
        return "\r\n".join([*lines, "", "Dear you,", ""]).encode()


@pytest.mark.parametrize("number", range(2 * HISTORIES))
def test_after_any_history_of_mail(
    number: int, dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = dovecot.user()  # what follows it is whose account it is; Ben's stays empty
    monkeypatch.setenv("EVENHOURS_TEST_PASSWORD", PASSWORD)
    monkeypatch.setattr(imap, "FIRST_PAGE", 2)
    monkeypatch.setattr(imap, "PAGE", 5)
    options: dict[str, Any] = {
        "host": '"127.0.0.1"',
        "port": dovecot.port,
        "tls": '"none"',
        "username": f'"{name}-{{key}}"',
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    source_options = SourceOptions("imap", "\n".join([*lines, 'password = "env:EVENHOURS_TEST_PASSWORD"']))
    practice, fresh = two_practices(tmp_path, source_options, monkeypatch)
    mailbox = Mailbox(practice, Random(number), dovecot, f"{name}-{ANA}")
    steps = [
        mailbox.add, mailbox.add, mailbox.add_sent, mailbox.file, mailbox.mark, mailbox.make_folder,
        mailbox.renumber, mailbox.read_interrupted, mailbox.read_in_full,
    ]  # fmt: skip
    run_history(mailbox, fresh, steps)
