"""The position up to which each folder of an account has been read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from connectors.mail.pages import MailCursor

# A program that saves a draft every minute must not let the cursor grow without end.
_MOST_DRAFTS = 200


@dataclass(frozen=True, slots=True)
class FolderPosition:
    """The position in one folder, whose UIDs only grow while ``validity`` (a keyed name) stays the same.

    ::

        UID   1 ....... below ........ above ....
              still to read | already read | new

    ``drafts`` are UIDs of messages that were drafts when they were read; they are unchanged while ``modseq`` is.
    ``broken`` are UIDs at which the server closed the connection; they are tried again in every run.
    """

    validity: str
    above: int
    below: int = 0
    modseq: int = 0
    drafts: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()

    def after_reading(self, uids: Collection[int], drafts: Iterable[int], broken: Iterable[int]) -> FolderPosition:
        """Return the position after these UIDs have been read, some of which are drafts or broken."""
        drafts = set(self.drafts).difference(uids).union(drafts)
        broken = set(self.broken).difference(uids).union(broken)
        return replace(self, drafts=tuple(sorted(drafts)[-_MOST_DRAFTS:]), broken=tuple(sorted(broken)))


@dataclass(frozen=True, slots=True)
class ImapCursor(MailCursor):
    """The positions in the folders under their keyed names."""

    folders: dict[str, FolderPosition] = field(default_factory=dict)
