"""The state of a calendar server's objects at the last run: keyed names of states and entries, no content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from connectors.base import Window
from connectors.cursor import Cursor


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One calendar object as last read: the keyed name of its ETag, and its entries with their ends.

    ``entries`` maps uid_keys to ends in epoch seconds. ``has_rejected`` is set if part of the object was rejected.
    """

    etag: str
    entries: Mapping[str, int] = field(default_factory=dict)
    has_rejected: bool = False


@dataclass(frozen=True, slots=True)
class CaldavCursor(Cursor):
    """The states of calendars and objects under their keyed names.

    ``start`` and ``end`` are the window of the last full read in epoch seconds; ``reached`` is the end of the window at
    the last run.
    """

    version: ClassVar[int] = 4
    start: int = 0
    end: int = 0
    reached: int = 0
    states: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, StoredObject]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError, OverflowError or OSError for an impossible instant or a calendar without objects."""
        datetime.fromtimestamp(self.reached, UTC)
        if self.states.keys() != self.objects.keys():
            raise ValueError

    def covers(self, window: Window) -> bool:
        """Return ``True`` if reading the changes is enough: the last full read is less than a week old."""
        return bool(self.states) and window.is_close_after(self.start, self.end)

    def stored_objects(self) -> Iterator[tuple[tuple[str, str], StoredObject]]:
        """Yield every object with its key: the keyed names of its calendar and of itself."""
        for calendar, objects in self.objects.items():
            for name, stored in objects.items():
                yield (calendar, name), stored
