"""The cursor of a Microsoft account."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

from connectors.base import Skipped
from connectors.cursor import Cursor


@dataclass(frozen=True, slots=True)
class MicrosoftCursor(Cursor):
    """The state of an account: ``start`` of the window read, and a keyed digest of the calendar's ``content``.

    ``meetings`` has, for each meeting's pseudonym, the end of the last occurrence whose attendance was requested;
    ``folders`` has each mail folder's query for its next changes. ``skipped`` are messages that these queries returned
    although they are outside the window.
    """

    version: ClassVar[int] = 3
    start: str = ""
    content: str = ""
    meetings: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    def check(self) -> None:
        """Raise ValueError for an invalid instant."""
        for instant in filter(None, (self.start, *self.meetings.values())):
            datetime.fromisoformat(instant)

    def read_from(self, start: datetime) -> MicrosoftCursor:
        """Return the cursor once something was read only from ``start`` on: an earlier window needs a full reading."""
        return replace(self, start=max(self.start, sortable_time(start)))


def sortable_time(instant: datetime) -> str:
    """Return the text of an instant; texts sort as the instants do."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def graph_time(instant: datetime) -> str:
    """Return the text of an instant in Graph's queries."""
    return sortable_time(instant).replace("+00:00", "Z")
