"""Whose message it is, in which direction, from whom, and whether a person wrote it.

Everything in a mailbox is its owner's. A message is outgoing if its sender is one of the owner's addresses, also
where a mailing list put its own address into From and the true one into Reply-To; every other message is incoming.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from connectors.base import Context, Owner
from connectors.mail.headers import Headers
from connectors.records import CounterpartKind, MessageStamp

_MOST_NODES = 100
_BULK = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})
_MOST_KNOWN = 8_192
_LONGEST_KNOWN = 2_000  # characters


class Participants(NamedTuple):
    """The two ends of a message, as one owner of the source sees them."""

    owner: str
    outgoing: bool
    counterpart: str | None
    kind: CounterpartKind
    automatic: bool


@dataclass(frozen=True, slots=True)
class StampBuilder:
    """Makes stamps of messages, as one source's options say.

    ``lists = "ordinary"`` takes mail through a mailing list for what a person wrote; ``"ignore"`` for automatic.
    """

    context: Context
    lists: Literal["ignore", "ordinary"] = "ignore"
    channel: str = "email"
    _known: dict[tuple[str, bool], tuple[tuple[Participants, ...], frozenset[str], tuple[str, ...]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def stamps(
        self, headers: Headers, sent_at: datetime, seen: tuple[Participants, ...] | None = None
    ) -> list[MessageStamp]:
        """One stamp for each owner of the source whom the message concerns, as :meth:`ends` tells, or has told."""
        found = []
        for owner, outgoing, counterpart, kind, automatic in self.participants(headers) if seen is None else seen:
            nodes = self._nodes(headers, sent_at, owner)
            stamp = MessageStamp(owner, nodes[0], sent_at, outgoing, counterpart, kind, automatic, self.channel, nodes)
            found.append(stamp)
        return found

    def participants(self, headers: Headers, *, filed_as_sent: bool = False) -> tuple[Participants, ...]:
        """Who stands at the ends, for each owner of the source whom it concerns; none if its sender cannot be read.

        A message ``filed_as_sent`` is outgoing, whatever address it bears. The answers are remembered, because the
        same few people write to each other again and again.
        """
        key = headers.shared, filed_as_sent
        if (known := self._known.get(key)) is None:
            participants, unreadable = tuple(self._found(headers, filed_as_sent=filed_as_sent)), headers.unreadable
            known = participants, unreadable, self._unknown(headers, participants)
            if len(headers.shared) <= _LONGEST_KNOWN:
                if len(self._known) == _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = known
        participants, headers.unreadable, unknown = known
        if unknown:
            self.context.address_count.add(unknown)
        return participants

    def _unknown(self, headers: Headers, participants: tuple[Participants, ...]) -> tuple[str, ...]:
        """Return the addresses among which an owner's may be that is missing in the configuration.

        Empty where an owner's known address stands in the message, or a machine wrote it.
        """
        if not self.context.address_count.is_counting or any(end.automatic for end in participants):
            return ()
        addresses = dict.fromkeys((*headers.senders, *headers.addresses("to", "cc", "bcc")))
        known = any(not owner.addresses.isdisjoint(addresses) for owner in self.context.owners)
        return () if known else tuple(addresses)

    def _found(self, headers: Headers, *, filed_as_sent: bool) -> Iterator[Participants]:
        if headers.senders or "from" not in headers.unreadable:
            for owner in self._owners(headers):
                yield self._seen_by(owner, headers, outgoing=filed_as_sent or _is_outgoing(headers, owner))

    def _owners(self, headers: Headers) -> tuple[Owner, ...]:
        if len(self.context.owners) == 1:
            return self.context.owners
        return self.context.owners_named({*headers.senders, *headers.addresses("reply-to", "to", "cc")})

    def _seen_by(self, owner: Owner, headers: Headers, *, outgoing: bool) -> Participants:
        address = _recipient(headers, owner) if outgoing else _sender(headers)
        kind = self.context.classifier.counterpart_kind(address) if address else CounterpartKind.OTHER
        automatic = _says_automatic(headers)
        if not outgoing:
            automatic = automatic or kind is CounterpartKind.AUTOMATIC or self._looks_automatic(headers)
            kind = CounterpartKind.AUTOMATIC if automatic else kind
        name = self.context.pseudonyms.person(owner.key, address) if address else None
        return Participants(owner.key, outgoing, name, kind, automatic)

    def _looks_automatic(self, headers: Headers) -> bool:
        """Whether an incoming message bears the marks of a list, a bulk mailer or a mail system."""
        precedence = headers.word("precedence")
        return (
            precedence in _BULK
            or (self.lists == "ignore" and _is_listed(headers))
            or headers.first("return-path") == "<>"
            or all(address.partition("@")[0] == "mailer-daemon" for address in headers.senders)
        )

    def _nodes(self, headers: Headers, sent_at: datetime, owner: str) -> tuple[int, ...]:
        """The message itself, its provider's thread, then what it follows: of a very long list the two ends."""
        words = headers.identifiers(sent_at)
        if thread := headers.provider_thread:
            words.insert(1, f"thread:{thread}")
        if len(words) > _MOST_NODES:
            words = list(dict.fromkeys(words))
            words[_MOST_NODES // 2 : -_MOST_NODES // 2] = []
        return tuple(dict.fromkeys(map(self.context.pseudonyms.nodes(owner).__getitem__, words)))


def _is_listed(headers: Headers) -> bool:
    """Whether it came through a mailing list."""
    return bool(headers.first("list-id")) or headers.word("precedence") == "list"


def _is_outgoing(headers: Headers, owner: Owner) -> bool:
    """Whether the owner wrote it, by the address it bears."""
    if not owner.addresses.isdisjoint(headers.senders):
        return True
    return _is_listed(headers) and not owner.addresses.isdisjoint(headers.addresses("reply-to"))


def _sender(headers: Headers) -> str | None:
    """Who wrote an incoming message: From, or the Reply-To of a list that put its own address there.

    The list's own address is the one that List-Id spells with a dot for the @ (RFC 2919).
    """
    if not headers.senders:
        return None
    sender = headers.senders[0]
    if f"<{sender.replace('@', '.')}>" in headers.first("list-id").lower():
        return next((address for address in headers.addresses("reply-to") if address != sender), sender)
    return sender


def _recipient(headers: Headers, owner: Owner) -> str | None:
    """The first to whom an outgoing message went, the owner's own addresses passed over."""
    recipients = headers.addresses("to", "cc", "bcc")
    return next((address for address in recipients if address not in owner.addresses), None)


def _says_automatic(headers: Headers) -> bool:
    """Whether the message itself says that a machine sent it; the only mark that counts against the owner's own."""
    submitted, suppressed = headers.word("auto-submitted"), headers.word("x-auto-response-suppress")
    return submitted not in {"", "no"} or suppressed not in {"", "none"}
