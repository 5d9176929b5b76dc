"""Find the owners of a message source who are not known to have sent anything: an address of theirs may be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.base import Context
from connectors.records import MessageStamp, Record
from monitor.store.database import Store
from monitor.store.tables import sent_message_counts


@dataclass(frozen=True, slots=True)
class UnrecognisedOwner:
    """An owner who is not known to have sent any message of a source, neither in this reading nor before it.

    ``messages`` is how many of theirs were read, ``held`` how many are stored of this source. ``address`` is the one
    that most likely is their own, for a screen alone; ``standing`` is how many of the messages bear it.
    """

    messages: int
    held: int
    address: str | None = field(default=None, repr=False)
    standing: int = 0


class OwnerRecognition:
    """Counts, page by page, what a reading brings of its owners' mail."""

    def __init__(self, context: Context, *, sent_by_address: bool) -> None:
        """``sent_by_address``: as a source's kind says."""
        self._context = context
        self._sent_by_address = sent_by_address
        self._messages = Counter[str]()
        self._senders: set[str] = set()

    def note(self, records: Iterable[Record]) -> None:
        """Count a page. Once everybody has sent something, nothing need be counted any more."""
        if not self._context.address_count.is_counting:
            return
        for record in records:
            if isinstance(record, MessageStamp):
                self._messages[record.clinician] += 1
                if record.outgoing and not record.automatic:
                    self._senders.add(record.clinician)
        if self._senders.issuperset(owner.key for owner in self._context.owners):
            self._context.address_count.stop()

    def recognised(self) -> set[str]:
        """Return the owners who were recognised in this reading.

        That is who sent something, and the one owner of a mailbox most of whose messages bear an address of theirs:
        perhaps what they sent lies in another one.
        """
        found = set(self._senders)
        if self._sent_by_address and len(self._context.owners) == 1 and not found:
            (owner,) = self._context.owners
            if 2 * self._context.address_count.messages < self._messages[owner.key]:
                found.add(owner.key)
        return found

    def unrecognised(self, store: Store, source: int) -> dict[str, UnrecognisedOwner]:
        """Return who sent nothing, by all that was read and is stored of the source; then forget the addresses."""
        found = {}
        for owner, messages in self._messages.items():
            if owner in self._senders:
                continue
            with store.read() as connection:
                stored = [row for row in sent_message_counts(connection, owner) if row["source_id"] == source]
            if not any(row["sent"] for row in stored):
                found[owner] = self._described(messages, sum(row["messages"] for row in stored))
        self._context.address_count.stop()
        return found

    def _described(self, messages: int, held: int) -> UnrecognisedOwner:
        """Name the likely address where it is by addresses that a message counts as sent."""
        rules, count = self._context.classifier, self._context.address_count
        likely = count.most_likely(lambda address: not rules.is_outside(address), of=messages)
        if likely is None or not self._sent_by_address:
            return UnrecognisedOwner(messages, held)
        return UnrecognisedOwner(messages, held, likely.address, likely.messages)
