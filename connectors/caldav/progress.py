"""What is remembered of a calendar server: names of states and of entries, nothing of what they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connectors.base import Window

_NAME = 13  # characters of a keyed name, see Pseudonyms.entry
_INSTANT = 8  # hexadecimal digits of an instant
_ENTRY = _NAME + _INSTANT


@dataclass(frozen=True, slots=True)
class Held:
    """One object: the keyed name of its state, and the entries it came to, each with the second in which it ends.

    ``is_faulty`` marks one of which something could not be used.
    """

    etag: str
    entries: Mapping[str, int] = field(default_factory=dict)
    is_faulty: bool = False

    @classmethod
    def read(cls, text: str) -> Held:
        """Read what :meth:`written` wrote."""
        parts = [text[at : at + _ENTRY] for at in range(_NAME + 1, len(text), _ENTRY)]
        entries = {part[:_NAME]: int(part[_NAME:], 16) for part in parts}
        return cls(text[:_NAME], entries, text[_NAME] == "!")

    def written(self) -> str:
        """One text; its parts have fixed lengths and need nothing between them."""
        entries = "".join(f"{name}{max(end, 0):0{_INSTANT}x}" for name, end in sorted(self.entries.items()))
        return f"{self.etag}{'!' if self.is_faulty else '.'}{entries}"


@dataclass(frozen=True, slots=True)
class Progress:
    """The cursor: the states of calendars and objects under their keyed names.

    ``start`` and ``end`` (epoch seconds) are the window of the last whole reading, ``reached`` how far entries are
    known now.
    """

    settings: str
    start: int = 0
    end: int = 0
    reached: int = 0
    states: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, Held]] = field(default_factory=dict)

    @classmethod
    def known(cls, cursor: str | None, settings: str) -> Progress:
        """The cursor if it is ours and holds under these settings, else one that knows nothing."""
        try:
            told = json.loads(cursor or "{}")
            objects = {
                calendar: {name: Held.read(text) for name, text in held.items()}
                for calendar, held in told["objects"].items()
            }
            states = {str(name): str(state) for name, state in told["states"].items()}
            found = cls(told["settings"], int(told["start"]), int(told["end"]), int(told["reached"]), states, objects)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            return cls(settings)
        return found if found.settings == settings else cls(settings)

    def written(self) -> str:
        """The cursor's text."""
        objects = {
            calendar: {name: held.written() for name, held in sorted(known.items())}
            for calendar, known in sorted(self.objects.items())
        }
        told = {
            "settings": self.settings, "start": self.start, "end": self.end, "reached": self.reached,
            "states": dict(sorted(self.states.items())), "objects": objects,
        }  # fmt: skip
        return json.dumps(told, separators=(",", ":"))

    def holds_for(self, window: Window) -> bool:
        """Whether what changed since is enough: the last whole reading is less than a week behind."""
        return bool(self.states) and window.follows(self.start, self.end)

    def held(self) -> Iterator[tuple[tuple[str, str], Held]]:
        """Every object under its calendar's name and its own."""
        for calendar, known in self.objects.items():
            for name, held in known.items():
                yield (calendar, name), held
