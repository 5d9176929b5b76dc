"""Exports of a practice system and of a telephone, as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from tests.connectors.worlds.server import JUNK
from tests.connectors.worlds.world import ANA, CANARY, MINUTES, OF_A_FILE, Behaviour, Trouble, client, moment

WHOLE = dict.fromkeys((Behaviour.RESUMES, Behaviour.GOES_ON), "a file is read whole, in one page")
MOVE = timedelta(minutes=15)


class _Export:
    """A file that somebody exports again and again."""

    kind: ClassVar[str] = "csv"
    planted: ClassVar[Sequence[str]] = ("Name", "Notes", "Diagnosis", "Phone")
    header: ClassVar[str]
    columns: ClassVar[str]

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        del patch
        self.path = folder / "export.csv"
        self.moved: dict[int, timedelta] = {}
        self._write()

    def options(self) -> str:
        return f'path = "{self.path}"\n[source.columns]\n{self.columns}'

    def put(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        self.moved |= dict.fromkeys(numbers, timedelta())
        self._write()

    def change(self, number: int, owner: str = ANA) -> None:
        del owner
        self.moved[number] = MOVE
        self._write()

    def drop(self, *numbers: int, owner: str = ANA) -> None:
        del owner
        for number in numbers:
            del self.moved[number]
        self._write()

    def forget(self, owner: str = ANA) -> None:
        raise NotImplementedError

    def trouble(self, how: Trouble, times: int | None = None, owner: str = ANA) -> None:
        del times, owner
        text = self._text()
        self.path.write_bytes({Trouble.TRUNCATED: text[: len(text) // 2], Trouble.JUNK: JUNK}[how])

    def mend(self) -> None:
        self._write()

    def close(self) -> None:
        """Nothing was started."""

    def _write(self) -> None:
        self.path.write_bytes(self._text())

    def _text(self) -> bytes:
        rows = [self._row(number, moment(number) + moved) for number, moved in sorted(self.moved.items())]
        return "".join(f"{row}\r\n" for row in (self.header, *rows)).encode()

    def _row(self, number: int, start: datetime) -> str:
        raise NotImplementedError


class Visits(_Export):
    """A practice system's visits: what is missing from the next export is gone."""

    title: ClassVar[str] = "visits"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({**OF_A_FILE, **WHOLE})
    header: ClassVar[str] = "Visit,Client ID,Name,Notes,Start,End,Diagnosis,Status,Phone"
    columns: ClassVar[str] = (
        'id = "Visit"\nclient = "Client ID"\nbooked_start = "Start"\nbooked_end = "End"\nstatus = "Status"'
    )

    def _row(self, number: int, start: datetime) -> str:
        booked = f"{start.isoformat()},{(start + timedelta(minutes=MINUTES)).isoformat()}"
        person = f'{client(number)},"{CANARY}, Dr",{CANARY}'
        return f"{number}.{CANARY},{person},{booked},{CANARY},Show,{CANARY}"


class Calls(_Export):
    """A telephone's log of calls: true times, to which more are added."""

    title: ClassVar[str] = "calls"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {**OF_A_FILE, **WHOLE, Behaviour.DELETED: "a call that took place stays a fact"}
    )
    header: ClassVar[str] = "Call,Name,Notes,Joined,Left,Diagnosis,Phone"
    columns: ClassVar[str] = 'id = "Call"\nactual_start = "Joined"\nactual_end = "Left"'

    def _row(self, number: int, start: datetime) -> str:
        taken = f"{start.isoformat()},{(start + timedelta(minutes=MINUTES)).isoformat()}"
        return f"{number}.{CANARY},{CANARY},{CANARY},{taken},{CANARY},{CANARY}"


WORLDS = (Visits, Calls)
