"""How far an account was read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

from connectors.base import Skipped
from connectors.cursor import Cursor


@dataclass(frozen=True, slots=True)
class MicrosoftCursor(Cursor):
    """From which instant on everything was read, and what the calendar held (a keyed name of it).

    For each meeting (by its keyed name) the end of the last time that was asked for, and for each folder of mail the
    query that tells what comes next. ``skipped`` are messages that such a query has told of and the window left out.
    """

    version: ClassVar[int] = 3
    start: str = ""
    content: str = ""
    meetings: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    def check(self) -> None:
        """Raise ValueError for instants that are none."""
        for instant in filter(None, (self.start, *self.meetings.values())):
            datetime.fromisoformat(instant)

    def read_from(self, start: datetime) -> MicrosoftCursor:
        """Something was read from an instant on alone: a run that reaches back further has to read it again."""
        return replace(self, start=max(self.start, sortable_time(start)))


def sortable_time(instant: datetime) -> str:
    """An instant in a spelling whose order is that of time."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def graph_time(instant: datetime) -> str:
    """An instant as Graph's queries want it."""
    return sortable_time(instant).replace("+00:00", "Z")
