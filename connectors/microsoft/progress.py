"""How far an account was read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from connectors.base import Skipped


@dataclass(frozen=True, slots=True)
class Progress:
    """The cursor.

    Under which settings and from which instant on everything was read, what the calendar held (a keyed name of it), for
    each meeting (by its keyed name) the end of the last time that was asked for, and for each folder of mail the query
    that tells what comes next. ``skipped`` are messages that such a query has told of and the window left out.
    """

    settings: str = ""
    start: str = ""
    content: str = ""
    meetings: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    @classmethod
    def understood(cls, cursor: str | None) -> Progress:
        """Understand a cursor; whatever is none of ours is the beginning."""
        try:
            told = json.loads(cursor or "{}")
            found = cls(**told | {"skipped": Skipped(**told.get("skipped", {}))})
            for instant in filter(None, (found.start, *found.meetings.values())):
                datetime.fromisoformat(instant)
            return replace(found, folders={str(name): str(query) for name, query in found.folders.items()})
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()

    def read_from(self, start: datetime) -> Progress:
        """Something was read from an instant on alone: a run that reaches back further has to read it again."""
        return replace(self, start=max(self.start, started(start)))

    def text(self) -> str:
        """The cursor's text."""
        return json.dumps(asdict(self), separators=(",", ":"))


def started(instant: datetime) -> str:
    """An instant in a spelling whose order is that of time."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def written(instant: datetime) -> str:
    """An instant as Graph's queries want it."""
    return started(instant).replace("+00:00", "Z")
