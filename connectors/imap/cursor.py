"""How far the folders of a mailbox have been read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from connectors.mail.pages import MailCursor

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
class ImapCursor(MailCursor):
    """The marks of the folders under their keyed names."""

    folders: dict[str, Mark] = field(default_factory=dict)
