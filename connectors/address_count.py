"""Count which address stands in the messages of a mailbox: most likely it is its owner's own.

Where an owner's address is missing in the configuration, everything in the mailbox counts as received. The address that
is missing stands in nearly all of it, so it can be named to whoever reads the screen. It lives in memory alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

MAX_ADDRESSES = 10_000  # addresses that are remembered at once
_LONGEST = 254  # characters of an address (RFC 5321)
_FEWEST = 3  # messages
_SHARE = 10  # one in so many


class LikelyAddress(NamedTuple):
    """An address, in how many messages it stands, and how many were counted."""

    address: str
    messages: int
    counted: int


class AddressCount:
    """The number of messages that each address stands in, of those that bear no known address of an owner.

    ``is_counting`` is whether anybody may still ask; ``messages`` is how many were counted.
    """

    __slots__ = ("_counts", "is_counting", "messages")

    def __init__(self) -> None:
        self.stop()
        self.is_counting = True

    def stop(self) -> None:
        """Forget what was counted and count no more."""
        self._counts: Counter[str] = Counter()
        self.messages = 0
        self.is_counting = False

    def add(self, addresses: Iterable[str]) -> None:
        """Count a message, with each of its addresses once."""
        if not self.is_counting:
            return
        self.messages += 1
        counts = self._counts
        for address in addresses:
            counts[address] += 1
        if len(self._counts) > MAX_ADDRESSES:  # an address in every other message is never among the rare ones
            self._counts = Counter(dict(self._counts.most_common(MAX_ADDRESSES // 2)))

    def most_likely(self, is_inside: Callable[[str], bool] | None = None, *, of: int = 0) -> LikelyAddress | None:
        """Return the address in most of the messages; ``None`` where it may as well be a correspondent's.

        It has to stand in one message in ten ``of`` all that were read. Where two stand in equally many, the one that
        ``is_inside`` the practice counts, if it is the only one.
        """
        ranked = [pair for pair in self._counts.most_common() if len(pair[0]) <= _LONGEST]
        most = ranked[0][1] if ranked else 0
        if most < _FEWEST or 2 * most <= self.messages or _SHARE * most < of:
            return None
        first = [address for address, number in ranked if number == most]
        if len(first) > 1:
            first = [address for address in first if is_inside and is_inside(address)]
        return LikelyAddress(first[0], most, self.messages) if len(first) == 1 else None
