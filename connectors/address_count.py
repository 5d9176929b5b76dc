"""Address counts of a mailbox, to find the owner's own address where the configuration lacks it.

Without the owner's address everything in a mailbox counts as received. The missing address is in nearly all of its
messages, so it can be shown on the reader's screen. It is kept in memory only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

MAX_ADDRESSES = 10_000  # counted at once
_MAX_LENGTH = 254  # characters of an address (RFC 5321)
_MIN_MESSAGES = 3
_ONE_IN = 10  # messages read


class LikelyAddress(NamedTuple):
    """The address that is most likely the owner's, the number of messages it is in, and of all that were counted."""

    address: str
    messages: int
    counted: int


class AddressCount:
    """The number of messages that each address is in, of those without a known address of an owner.

    ``is_counting`` is false once the result is no longer needed; ``messages`` is the number of messages counted.
    """

    __slots__ = ("_counts", "is_counting", "messages")

    def __init__(self) -> None:
        self.stop()
        self.is_counting = True

    def stop(self) -> None:
        """Discard the counts and ignore further messages."""
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
        # An address that is in half of the messages is never in the rarer half of the counts.
        if len(self._counts) > MAX_ADDRESSES:
            self._counts = Counter(dict(self._counts.most_common(MAX_ADDRESSES // 2)))

    def most_likely(self, is_inside: Callable[[str], bool] | None = None, *, of: int = 0) -> LikelyAddress | None:
        """Return the address in most of the messages; ``None`` where it may just as well be a correspondent's.

        It has to be in more than half of the messages counted, and in at least a tenth of all ``of`` messages that were
        read. If several addresses are in equally many, the one that ``is_inside`` the practice is returned, if it is
        the only one.
        """
        ranked = [pair for pair in self._counts.most_common() if len(pair[0]) <= _MAX_LENGTH]
        most = ranked[0][1] if ranked else 0
        if most < _MIN_MESSAGES or 2 * most <= self.messages or _ONE_IN * most < of:
            return None
        candidates = [address for address, messages in ranked if messages == most]
        if len(candidates) > 1:
            candidates = [address for address in candidates if is_inside and is_inside(address)]
        return LikelyAddress(candidates[0], most, self.messages) if len(candidates) == 1 else None
