"""What is remembered of a calendar server: names of states and of entries, nothing of what they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from connectors.base import Window
from connectors.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Held:
    """One object: the keyed name of its state, and the entries it came to, each with the second in which it ends.

    ``is_faulty`` marks one of which something could not be used.
    """

    etag: str
    entries: Mapping[str, int] = field(default_factory=dict)
    is_faulty: bool = False


@dataclass(frozen=True, slots=True)
class CaldavCursor(Cursor):
    """The states of calendars and objects under their keyed names.

    ``start`` and ``end`` (epoch seconds) are the window of the last whole reading, ``reached`` how far entries are
    known now.
    """

    version: ClassVar[int] = 4
    start: int = 0
    end: int = 0
    reached: int = 0
    states: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, Held]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError for an instant that is none, or a calendar without objects."""
        datetime.fromtimestamp(self.reached, UTC)
        if self.states.keys() != self.objects.keys():
            raise ValueError

    def holds_for(self, window: Window) -> bool:
        """Whether what changed since is enough: the last whole reading is less than a week behind."""
        return bool(self.states) and window.is_close_after(self.start, self.end)

    def held(self) -> Iterator[tuple[tuple[str, str], Held]]:
        """Every object under its calendar's name and its own."""
        for calendar, known in self.objects.items():
            for name, held in known.items():
                yield (calendar, name), held
