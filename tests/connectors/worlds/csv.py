"""Simulated CSV exports of a practice system and of a telephone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from tests.connectors.worlds.file import FileWorld
from tests.connectors.worlds.world import CANARY, MINUTES, OF_A_FILE, Behaviour, client, moment

WHOLE = dict.fromkeys((Behaviour.RESUMES, Behaviour.GOES_ON), "a file is one page; an interrupted run reads it again")


class _ExportFile(FileWorld):
    """A file that is exported again every night."""

    kind: ClassVar[str] = "csv"
    file_name: ClassVar[str] = "export.csv"
    planted: ClassVar[Sequence[str]] = ("Name", "Notes", "Diagnosis", "Phone")
    header: ClassVar[str]
    columns: ClassVar[str]

    def options(self) -> str:
        return f"{super().options()}\n[source.columns]\n{self.columns}"

    def content(self) -> bytes:
        rows = [self._row(number, moment(number) + moved) for number, moved in sorted(self.items.items())]
        return "".join(f"{row}\r\n" for row in (self.header, *rows)).encode()

    def _row(self, number: int, start: datetime) -> str:
        raise NotImplementedError


class Visits(_ExportFile):
    """A practice system's visits; one that is missing from the next export has been removed."""

    title: ClassVar[str] = "visits"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType({**OF_A_FILE, **WHOLE})
    header: ClassVar[str] = "Visit,Client ID,Name,Notes,Start,End,Diagnosis,Status,Phone"
    columns: ClassVar[str] = (
        'id = "Visit"\nclient = "Client ID"\nbooked_start = "Start"\nbooked_end = "End"\nstatus = "Status"'
    )

    def _row(self, number: int, start: datetime) -> str:
        times = f"{start.isoformat()},{(start + timedelta(minutes=MINUTES)).isoformat()}"
        client_columns = f'{client(number)},"{CANARY}, Dr",{CANARY}'
        return f"{number}.{CANARY},{client_columns},{times},{CANARY},Show,{CANARY}"


class Calls(_ExportFile):
    """A telephone's log of calls, which only grows."""

    title: ClassVar[str] = "calls"
    declines: ClassVar[Mapping[Behaviour, str]] = MappingProxyType(
        {
            **OF_A_FILE,
            **WHOLE,
            **dict.fromkeys((Behaviour.DELETED, Behaviour.FORGETS), "a call that took place stays"),
        }
    )
    header: ClassVar[str] = "Call,Name,Notes,Joined,Left,Diagnosis,Phone"
    columns: ClassVar[str] = 'id = "Call"\nactual_start = "Joined"\nactual_end = "Left"'

    def _row(self, number: int, start: datetime) -> str:
        times = f"{start.isoformat()},{(start + timedelta(minutes=MINUTES)).isoformat()}"
        return f"{number}.{CANARY},{CANARY},{CANARY},{times},{CANARY},{CANARY}"


WORLDS = (Visits, Calls)
