"""How far the folders of a mailbox have been read: the cursor."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace

from connectors.base import Skipped

_MOST_DRAFTS = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """One folder, whose messages the server numbers upwards as long as ``validity``, a keyed name, stays the same.

    ::

        number   1 ....... below ........ above ....
                 to be read | have been read | new

    ``drafts`` are messages that were unfinished when they were looked at; while ``modseq`` stays the same, so are they.
    At the ``broken`` ones the server broke off; they are tried again every time.
    """

    validity: str
    above: int
    below: int = 0
    modseq: int = 0
    drafts: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()

    def after(self, numbers: Collection[int], drafts: Iterable[int], broken: Iterable[int]) -> Mark:
        """This mark once these numbers have been looked at, of which some turned out unfinished or broken."""
        drafts = set(self.drafts).difference(numbers).union(drafts)
        broken = set(self.broken).difference(numbers).union(broken)
        return replace(self, drafts=tuple(sorted(drafts)[-_MOST_DRAFTS:]), broken=tuple(sorted(broken)))


@dataclass(frozen=True, slots=True)
class Progress:
    """The marks of the folders under their keyed names, and under which settings they were made."""

    settings: str = ""
    skipped: Skipped = field(default_factory=Skipped)
    folders: dict[str, Mark] = field(default_factory=dict)

    @classmethod
    def understood(cls, cursor: str | None) -> Progress:
        """Understand a cursor; whatever is none of ours is the beginning."""
        try:
            told = json.loads(cursor or "{}")
            folders = {
                name: Mark(validity, above, below, modseq, tuple(drafts), tuple(broken))
                for name, (validity, above, below, modseq, drafts, broken) in told["folders"].items()
            }
            return cls(told["settings"], Skipped(**told["skipped"]), folders)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def written(self) -> str:
        """The cursor's text."""
        told = asdict(self) | {"folders": {name: list(asdict(mark).values()) for name, mark in self.folders.items()}}
        return json.dumps(told, separators=(",", ":"))
