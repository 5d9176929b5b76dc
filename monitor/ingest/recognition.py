"""Detection of owners of a mailbox who seem to have sent nothing: one of their addresses may not be configured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.base import Context
from connectors.records import MessageStamp, Record
from monitor.store.database import Store
from monitor.store.sources import RecordCounts, record_counts


@dataclass(frozen=True, slots=True)
class UnrecognisedOwner:
    """An owner of a message source of whose messages none, read now or stored before, is known to be sent by them.

    ``messages`` is the number of their messages that were read, ``stored`` the number that is stored of the source.
    ``address`` is most likely their own, and may be shown on a screen but not stored; ``with_address`` is the number of
    messages that have it.
    """

    messages: int
    stored: int
    address: str | None = field(default=None, repr=False)
    with_address: int = 0


class OwnerRecognition:
    """Counts the messages of each owner, page by page, and recognises the owners who send."""

    def __init__(self, context: Context, *, sent_by_address: bool) -> None:
        """Begin a count; ``sent_by_address`` is that of the source kind."""
        self._context = context
        self._sent_by_address = sent_by_address
        self._messages = Counter[str]()
        self._senders: set[str] = set()

    def count(self, records: Iterable[Record]) -> None:
        """Count the messages of a page, until all owners have been recognised as senders."""
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

        These are the ones who sent a message, and the only owner of a mailbox if most of its messages have one of their
        addresses: sent messages may be in another mailbox.
        """
        recognised = set(self._senders)
        if self._sent_by_address and len(self._context.owners) == 1 and not recognised:
            (owner,) = self._context.owners
            # address_count counts the messages without an address of an owner: fewer than half of them.
            if 2 * self._context.address_count.messages < self._messages[owner.key]:
                recognised.add(owner.key)
        return recognised

    def unrecognised(self, store: Store, source: int) -> dict[str, UnrecognisedOwner]:
        """Return the owners with messages but no sent ones, read or stored; then discard the counted addresses."""
        unrecognised = {}
        rules, addresses = self._context.classifier, self._context.address_count
        for owner, messages in self._messages.items():
            if owner in self._senders:
                continue
            with store.read() as connection:
                stored = record_counts(connection, owner).get(owner, {}).get(source, RecordCounts())
            if stored.sent:
                continue
            likely = None
            if self._sent_by_address:  # only then does an address decide which messages were sent
                likely = addresses.most_likely(lambda address: not rules.is_outside(address), of=messages)
            address, with_address = (likely.address, likely.messages) if likely else (None, 0)
            unrecognised[owner] = UnrecognisedOwner(messages, stored.messages, address, with_address)
        addresses.stop()
        return unrecognised
