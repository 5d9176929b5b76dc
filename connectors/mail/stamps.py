"""Message stamps from headers: owner, direction, counterpart, and whether a person wrote the message.

Every message in a mailbox is its owner's. It is outgoing if its sender is one of the owner's addresses, also if a
mailing list put its own address into From and the sender's into Reply-To; every other message is incoming.
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
_CACHE_SIZE = 8_192
_LONGEST_CACHED = 2_000  # characters


class Participants(NamedTuple):
    """The two ends of a message, as one owner of the source sees them."""

    owner: str
    outgoing: bool
    counterpart: str | None
    kind: CounterpartKind
    automatic: bool


class _CachedParticipants(NamedTuple):
    participants: tuple[Participants, ...]
    unreadable: frozenset[str]
    unknown_addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StampBuilder:
    """Makes message stamps, as one source's options say.

    With ``lists = "ordinary"`` mail from mailing lists counts as written by a person, with ``"ignore"`` as automatic.
    """

    context: Context
    lists: Literal["ignore", "ordinary"] = "ignore"
    channel: str = "email"
    _cache: dict[tuple[str, bool], _CachedParticipants] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def stamps(
        self, headers: Headers, sent_at: datetime, participants: tuple[Participants, ...] | None = None
    ) -> list[MessageStamp]:
        """Return one stamp for each owner of the source whom the message concerns.

        ``participants`` are those of :meth:`participants`, if they are known already.
        """
        if participants is None:
            participants = self.participants(headers)
        identifiers = headers.identifiers(sent_at)
        if thread := headers.provider_thread:
            identifiers.insert(1, f"thread:{thread}")
        # Of a very long list the first and the last ones are kept.
        if len(identifiers) > _MOST_NODES:
            identifiers = list(dict.fromkeys(identifiers))
            identifiers[_MOST_NODES // 2 : -_MOST_NODES // 2] = []
        stamps = []
        for owner, outgoing, counterpart, kind, automatic in participants:
            nodes = tuple(dict.fromkeys(map(self.context.pseudonyms.nodes(owner).__getitem__, identifiers)))
            stamp = MessageStamp(owner, nodes[0], sent_at, outgoing, counterpart, kind, automatic, self.channel, nodes)
            stamps.append(stamp)
        return stamps

    def participants(self, headers: Headers, *, filed_as_sent: bool = False) -> tuple[Participants, ...]:
        """Return the participants for each owner whom the message concerns; none if its sender cannot be read.

        A message ``filed_as_sent`` is outgoing, whatever its sender. Results are cached, because the same few people
        write to each other again and again.
        """
        key = headers.shared, filed_as_sent
        if (cached := self._cache.get(key)) is None:
            participants = tuple(self._find_participants(headers, filed_as_sent=filed_as_sent))
            unreadable = headers.unreadable  # filled while the participants were found
            cached = _CachedParticipants(participants, unreadable, self._unknown_addresses(headers, participants))
            if len(headers.shared) <= _LONGEST_CACHED:
                # Emptied as a whole, which is cheaper than recording what is used.
                if len(self._cache) == _CACHE_SIZE:
                    self._cache.clear()
                self._cache[key] = cached
        headers.unreadable = cached.unreadable
        if cached.unknown_addresses:
            self.context.address_count.add(cached.unknown_addresses)
        return cached.participants

    def _unknown_addresses(self, headers: Headers, participants: tuple[Participants, ...]) -> tuple[str, ...]:
        """Return the addresses of the message, one of which may be an owner's that is not configured.

        Empty if the message contains a configured address of an owner, or if it is automatic.
        """
        if not self.context.address_count.is_counting or any(one_end.automatic for one_end in participants):
            return ()
        addresses = dict.fromkeys((*headers.senders, *headers.addresses("to", "cc", "bcc")))
        has_owner = any(not owner.addresses.isdisjoint(addresses) for owner in self.context.owners)
        return () if has_owner else tuple(addresses)

    def _find_participants(self, headers: Headers, *, filed_as_sent: bool) -> Iterator[Participants]:
        if not headers.senders and "from" in headers.unreadable:
            return
        owners = self.context.owners
        if len(owners) > 1:
            owners = self.context.owners_named({*headers.senders, *headers.addresses("reply-to", "to", "cc")})
        # The message itself declares that a machine sent it. Of all signs of automatic mail, this alone also counts for
        # outgoing messages.
        submitted, suppressed = headers.word("auto-submitted"), headers.word("x-auto-response-suppress")
        is_declared_automatic = submitted not in {"", "no"} or suppressed not in {"", "none"}
        for owner in owners:
            outgoing = filed_as_sent or _is_outgoing(headers, owner)
            if outgoing:
                recipients = headers.addresses("to", "cc", "bcc")
                address = next((address for address in recipients if address not in owner.addresses), None)
            else:
                address = _sender(headers)
            kind = self.context.classifier.counterpart_kind(address) if address else CounterpartKind.OTHER
            automatic = is_declared_automatic
            if not outgoing:
                automatic = automatic or kind is CounterpartKind.AUTOMATIC or self._looks_automatic(headers)
                kind = CounterpartKind.AUTOMATIC if automatic else kind
            counterpart = self.context.pseudonyms.person(owner.key, address) if address else None
            yield Participants(owner.key, outgoing, counterpart, kind, automatic)

    def _looks_automatic(self, headers: Headers) -> bool:
        """Return ``True`` if an incoming message has the fields of a list, a bulk mailer or a mail system."""
        precedence = headers.word("precedence")
        return (
            precedence in _BULK
            or (self.lists == "ignore" and _is_from_list(headers))
            or headers.first("return-path") == "<>"
            # Also true without any sender, as in mail of the mail system.
            or all(address.partition("@")[0] == "mailer-daemon" for address in headers.senders)
        )


def _is_from_list(headers: Headers) -> bool:
    """Return ``True`` if the message came through a mailing list."""
    return bool(headers.first("list-id")) or headers.word("precedence") == "list"


def _is_outgoing(headers: Headers, owner: Owner) -> bool:
    """Return ``True`` if the sender is one of the owner's addresses."""
    if not owner.addresses.isdisjoint(headers.senders):
        return True
    return _is_from_list(headers) and not owner.addresses.isdisjoint(headers.addresses("reply-to"))


def _sender(headers: Headers) -> str | None:
    """Return the sender of an incoming message: From, or Reply-To if a list put its own address into From.

    The list's own address is the one that List-Id contains with a dot for the @ (RFC 2919).
    """
    if not headers.senders:
        return None
    sender = headers.senders[0]
    if f"<{sender.replace('@', '.')}>" in headers.first("list-id").lower():
        return next((address for address in headers.addresses("reply-to") if address != sender), sender)
    return sender
