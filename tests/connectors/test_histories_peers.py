"""After any history at a real server the store holds what a first reading would find there."""

from __future__ import annotations

import os
from collections.abc import Callable
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
class Place:
    """Where a source reads: all that a practice wants of a world."""

    kind: str
    told: str

    def options(self) -> str:
        return self.told


def practised(folder: Path, place: Place, patch: pytest.MonkeyPatch) -> list[Practice]:
    """Two practices that read the same server."""
    return [Practice(folder / name, cast("World", place), patch) for name in ("one", "another")]


def lived(runs: Runs, fresh: Practice, steps: list[Callable[[], object]]) -> None:
    try:
        for _ in range(runs.random.randint(6, 25)):
            runs.random.choice([*steps, runs.read, runs.read, runs.narrow])()
        runs.holds_what_a_first_reading_finds(fresh)
    finally:
        runs.practice.close()
        fresh.close()


# Calendars


@dataclass
class Entry:
    """An entry or a series as somebody keeps it: exceptions and moved or cancelled instances by their wall clock."""

    uid: str
    start: datetime
    zone: str
    rule: str
    minutes: int = 50
    cancelled: bool = False
    left_out: set[datetime] = field(default_factory=set)
    moved: dict[datetime, tuple[datetime, bool]] = field(default_factory=dict)

    def text(self) -> str:
        rule = [f"RRULE:{self.rule}"] if self.rule else []
        left_out = [self._at("EXDATE", at) for at in sorted(self.left_out)]
        parts = [self._part(self.start, [*rule, *left_out], is_off=self.cancelled)]
        for at, (now, is_off) in sorted(self.moved.items()):
            parts.append(self._part(now, [self._at("RECURRENCE-ID", at)], is_off=is_off))
        whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *(line for part in parts for line in part)]
        return "\r\n".join([*whole, "END:VCALENDAR", ""])

    def _part(self, start: datetime, lines: list[str], *, is_off: bool) -> list[str]:
        end = start + timedelta(minutes=self.minutes)
        return [
            "BEGIN:VEVENT", f"UID:{self.uid}", "DTSTAMP:20250101T000000Z", self._at("DTSTART", start),
            self._at("DTEND", end), *lines, *(["STATUS:CANCELLED"] if is_off else []),
            "ATTENDEE:mailto:carol@post.example", "END:VEVENT",
        ]  # fmt: skip

    def _at(self, name: str, at: datetime) -> str:
        if self.zone == "UTC":
            return f"{name}:{at:%Y%m%dT%H%M%S}Z"
        return f"{name};TZID={self.zone}:{at:%Y%m%dT%H%M%S}" if self.zone else f"{name}:{at:%Y%m%dT%H%M%S}"


class Diaries(Runs):
    """Two calendars of one account."""

    def __init__(self, practice: Practice, random: Random, server: CalendarServer, user: str) -> None:
        super().__init__(practice, random)
        self.server, self.user, self.entries = server, user, dict[str, Entry]()
        self.paths = [server.calendar(user, f"{user}-{number}") for number in range(2)]
        self.number = 0
        earliest = Entry(f"{self.paths[0]}0", FIRST - timedelta(weeks=2), "UTC", "")
        server.ask("PUT", f"{self.paths[0]}e0.ics", earliest.text(), CONTENT, user)

    def come(self) -> None:
        self.number += 1
        start = FIRST + timedelta(days=self.random.randint(0, 120), hours=self.random.randint(0, 8))
        zone = self.random.choice(["Europe/Paris", "America/New_York", "UTC", ""])
        rule = self.random.choice(["", "", "FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=12", "FREQ=WEEKLY;UNTIL=20260601T000000Z"])
        entry = Entry(f"{self.paths[0]}{self.number}", start, zone, rule)
        self._put(f"{self.random.choice(self.paths)}e{self.number}.ics", entry)

    def go(self) -> None:
        for path in self._one():
            del self.entries[path]
            self.server.delete(self.user, path)

    def change_calendar(self) -> None:
        for path in self._one():
            entry = self.entries.pop(path)
            self.server.delete(self.user, path)
            here, there = self.paths if path.startswith(self.paths[0]) else self.paths[::-1]
            self._put(path.replace(here, there), entry)

    def change(self) -> None:
        for path in self._one():
            entry = deepcopy(self.entries[path])
            week = entry.start + timedelta(weeks=self.random.randint(0, 9))
            match self.random.choice(["begin", "last", "off", "leave out", "move", "call off", "end"]):
                case "begin":
                    entry.start += timedelta(hours=self.random.choice([-24, 1, 24 * 7]))
                    entry.left_out, entry.moved = set(), {}
                case "last":
                    entry.minutes = self.random.choice([30, 90, 600])
                case "off":
                    entry.cancelled = not entry.cancelled
                case "leave out" if entry.rule and week not in entry.moved:
                    entry.left_out.add(week)
                case "move" if entry.rule and week not in entry.left_out:
                    entry.moved[week] = week + timedelta(hours=self.random.choice([-2, 3, 26])), False
                case "call off" if entry.rule and week not in entry.left_out:
                    entry.moved[week] = week, True
                case "end" if entry.rule:
                    entry.rule, entry.left_out, entry.moved = f"FREQ=WEEKLY;UNTIL={week:%Y%m%d}T235959Z", set(), {}
            self._put(path, entry)

    def _one(self) -> list[str]:
        return [self.random.choice(sorted(self.entries))] if self.entries else []

    def _put(self, path: str, entry: Entry) -> None:
        """Store it; a server may refuse a series that has come to be without an instance."""
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
    told = f'url = "{server.url}"\nusername = "{user}"\npassword = "env:EVENHOURS_TEST_PASSWORD"'
    practice, fresh = practised(tmp_path, Place("caldav", told), monkeypatch)
    diaries = Diaries(practice, Random(f"{name} {number}"), server, user)
    try:
        lived(diaries, fresh, [diaries.come, diaries.come, diaries.change, diaries.change, diaries.change, diaries.go,
                               diaries.change_calendar])  # fmt: skip
    finally:
        for path in diaries.paths:  # everybody is the same user at Xandikos
            server.delete(user, path)


# Mail


class Mailbox(Runs):
    """Folders of one account, whose letters come, are filed elsewhere, marked, and numbered anew by the server."""

    def __init__(self, practice: Practice, random: Random, server: Dovecot, user: str) -> None:
        super().__init__(practice, random)
        self.server, self.user, self.folders, self.letters = server, user, ["", "Sent", "Archive"], 0
        for folder in (*self.folders, "Drafts"):
            server.folder_path(user, folder)

    def come(self) -> None:
        self._deliver(self.random.choice([folder for folder in self.folders if folder != "Sent"]), is_sent=False)

    def be_sent(self) -> None:
        self._deliver("Sent", is_sent=True)

    def file(self) -> None:
        folder = self.random.choice(self.folders)
        others = [other for other in self.folders if other not in {folder, "Sent"}]
        place = self.server.folder_path(self.user, self.random.choice(others)) / "cur"
        for path in self._one(folder):
            when = path.stat().st_mtime
            moved = path.rename(place / f"{1_790_000_000 + next(self.server.numbers)}.M1P1.host:2,")
            os.utime(moved, (when, when))

    def mark(self) -> None:
        for path in self._one(self.random.choice(self.folders)):
            path.rename(path.with_name(f"{path.name.partition(':2,')[0]}:2,{self.random.choice(['', 'S', 'RS'])}"))

    def make_folder(self) -> None:
        self.folders.append(f"Folder{len(self.folders)}")
        self.server.folder_path(self.user, self.folders[-1])

    def be_numbered_anew(self) -> None:
        folder = self.random.choice(self.folders)
        if (self.server.folder_path(self.user, folder) / "dovecot-uidlist").exists():
            self.server.renumber(self.user, folder)

    def _one(self, folder: str) -> list[Path]:
        paths = sorted((self.server.folder_path(self.user, folder) / "cur").iterdir())
        return [self.random.choice(paths)] if paths else []

    def _deliver(self, folder: str, *, is_sent: bool) -> None:
        for _ in range(self.random.randint(1, 8)):
            at = (FIRST + timedelta(hours=self.random.randint(0, 1_100))).replace(tzinfo=UTC)
            self.server.deliver(self.user, [self._letter(at, is_sent=is_sent)], folder, at + timedelta(seconds=30))
            self.letters += 1

    def _letter(self, at: datetime, *, is_sent: bool) -> bytes:
        client = f"client{self.random.randint(0, 4)}@post.example"
        sender, to = (OWNER, client) if is_sent else (client, OWNER)
        lines = [f"From: <{sender}>", f"To: <{to}>", f"Date: {format_datetime(at)}", f"Message-ID: <{self.letters}@x>"]
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
    told: dict[str, Any] = {
        "host": '"127.0.0.1"',
        "port": dovecot.port,
        "tls": '"none"',
        "username": f'"{name}-{{key}}"',
    }
    lines = [f"{name} = {value}" for name, value in told.items()]
    place = Place("imap", "\n".join([*lines, 'password = "env:EVENHOURS_TEST_PASSWORD"']))
    practice, fresh = practised(tmp_path, place, monkeypatch)
    mailbox = Mailbox(practice, Random(number), dovecot, f"{name}-{ANA}")
    lived(mailbox, fresh, [mailbox.come, mailbox.come, mailbox.be_sent, mailbox.file, mailbox.mark, mailbox.make_folder,
                           mailbox.be_numbered_anew, mailbox.cut_off, mailbox.anew])  # fmt: skip
