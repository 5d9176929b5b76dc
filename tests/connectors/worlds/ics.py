"""Simulated calendars: a file and an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from tests.connectors.worlds.file import MOVE, FileWorld
from tests.connectors.worlds.server import Server
from tests.connectors.worlds.world import ANA, CANARY, MINUTES, OF_A_FILE, Behaviour, Trouble, client, moment
from tests.peers.reply_server import ReceivedRequest, Reply

WHOLE = dict.fromkeys(
    (Behaviour.RESUMES, Behaviour.GOES_ON), "the calendar is one page; an interrupted run reads it again"
)
PLANTED = (
    "LOCATION", "DESCRIPTION", "COMMENT", "CONTACT", "URL", "ATTACH", "GEO", "CN", "X-ALT-DESC", "CONFERENCE", "VALARM",
)  # fmt: skip
ENTRY = """\
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20260101T000000Z
DTSTART:{start:%Y%m%dT%H%M%SZ}
DTEND:{end:%Y%m%dT%H%M%SZ}
SUMMARY:Session {canary}
CATEGORIES:{canary}
LOCATION:{canary} street
DESCRIPTION:about {canary}
COMMENT:{canary}
CONTACT:{canary}
URL:https://two.example/{canary}
ATTACH:https://two.example/{canary}.pdf
X-ALT-DESC;FMTTYPE=text/html:<b>{canary}</b>
CONFERENCE;VALUE=URI:https://meet.example/{canary}
ORGANIZER;CN={canary}:mailto:ana@two.example
ATTENDEE;CN="{canary}, Dr";PARTSTAT=ACCEPTED:mailto:{client}
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:{canary}
TRIGGER:-PT10M
END:VALARM
END:VEVENT
"""


class Calendar:
    """The events of one calendar and its text."""

    def __init__(self) -> None:
        self.moved: dict[int, timedelta] = {}
        self.spoiled: set[int] = set()

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        self.moved |= dict.fromkeys(numbers, timedelta())

    def change(self, number: int, owner: str = ANA) -> None:
        del owner
        self.moved[number] = MOVE
        self.spoiled.discard(number)

    def spoil(self, number: int, owner: str = ANA) -> None:
        del owner
        self.spoiled.add(number)

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            del self.moved[number]

    def text(self) -> str:
        entries = "".join(self._entry(number, moved) for number, moved in sorted(self.moved.items()))
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{CANARY}//EN", f"X-WR-CALNAME:{CANARY}"]
        return "\r\n".join([*lines, *entries.splitlines(), "END:VCALENDAR", ""])

    def _entry(self, number: int, moved: timedelta) -> str:
        start, length = moment(number) + moved, timedelta(minutes=MINUTES)
        return ENTRY.format(
            uid=f"{number}.{CANARY}@two.example",
            start=start,
            end=start - length if number in self.spoiled else start + length,
            client=client(number),
            canary=CANARY,
        )


class CalendarFile(FileWorld):
    """A file that is exported again and again."""

    kind: ClassVar[str] = "ics"
    title: ClassVar[str] = "file"
    file_name: ClassVar[str] = "calendar.ics"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({**OF_A_FILE, **WHOLE})
    planted: ClassVar[Sequence[str]] = PLANTED

    def content(self) -> bytes:
        calendar = Calendar()
        calendar.moved = self.items
        return calendar.text().encode()


class CalendarAddress(Calendar):
    """A private address on a server that sends ETags."""

    kind: ClassVar[str] = "ics"
    title: ClassVar[str] = "address"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**WHOLE, Behaviour.ACCOUNTS: "the source is one calendar"}
    )
    planted: ClassVar[Sequence[str]] = PLANTED

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del folder
        super().__init__()
        self.server = Server(self._answer)
        self.states = 0
        patch.setenv("EVENHOURS_TEST_LINK", f"{self.server.url}{CANARY}/private.ics")

    def options(self) -> str:
        return 'url = "env:EVENHOURS_TEST_LINK"'

    def forget(self, owner: str = ANA) -> None:
        del owner
        self.states += 1

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        self.server.trouble(how, times, owner)

    def mend(self) -> None:
        self.server.mend()

    def close(self) -> None:
        self.server.close()

    def _answer(self, request: ReceivedRequest) -> Reply:
        body = self.text().encode()
        tag = f'"{self.states}-{sha256(body).hexdigest()[:8]}"'
        if request.headers.get("If-None-Match") == tag:
            return Reply(304, headers={"ETag": tag})
        return Reply(200, body, {"ETag": tag, "Content-Type": "text/calendar"})


WORLDS = (CalendarFile, CalendarAddress)
