"""Whose message it is, in which direction, from whom, and whether a person wrote it.

Everything in a mailbox is its owner's. A message is outgoing if its sender is one of the owner's addresses, also
where a mailing list put its own address into From and the true one into Reply-To; every other message is incoming.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connectors.base import Context, Owner
from connectors.mail.headers import Headers
from connectors.records import Counterpart, MessageStamp

_MOST_NODES = 100
_BULK = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Makes stamps of messages, as one source's options say.

    ``lists = "ordinary"`` takes mail through a mailing list for what a person wrote; ``"ignore"`` for automatic.
    """

    context: Context
    lists: Literal["ignore", "ordinary"] = "ignore"
    channel: str = "email"
    _kinds: dict[str, Counterpart] = field(default_factory=dict, init=False, compare=False, repr=False)

    def stamps(self, headers: Headers, sent_at: datetime, *, filed_as_sent: bool = False) -> tuple[MessageStamp, ...]:
        """One stamp for each owner of the source whom the message concerns; none if its sender cannot be read.

        A message ``filed_as_sent`` is outgoing, whatever address it bears.
        """
        if not headers.senders and "from" in headers.unreadable:
            return ()
        return tuple(
            self._stamp(headers, sent_at, owner, outgoing=filed_as_sent or is_outgoing(headers, owner))
            for owner in self._owners(headers)
        )

    def _owners(self, headers: Headers) -> tuple[Owner, ...]:
        if len(self.context.owners) == 1:
            return self.context.owners
        return self.context.owners_named({*headers.senders, *headers.addresses("reply-to", "to", "cc")})

    def _stamp(self, headers: Headers, sent_at: datetime, owner: Owner, *, outgoing: bool) -> MessageStamp:
        address = _recipient(headers, owner) if outgoing else _sender(headers)
        kind = self._kind(address) if address else Counterpart.OTHER
        automatic = _says_automatic(headers)
        if not outgoing:
            automatic = automatic or kind is Counterpart.AUTOMATIC or self._looks_automatic(headers)
            kind = Counterpart.AUTOMATIC if automatic else kind
        nodes = self._nodes(headers, sent_at, owner)
        return MessageStamp(
            clinician=owner.key,
            key=nodes[0],
            sent_at=sent_at,
            outgoing=outgoing,
            counterpart=self.context.names.person(owner.key, address) if address else None,
            counterpart_kind=kind,
            automatic=automatic,
            channel=self.channel,
            thread_nodes=nodes,
        )

    def _kind(self, address: str) -> Counterpart:
        if address not in self._kinds:
            self._kinds[address] = self.context.classifier.counterpart(address)
        return self._kinds[address]

    def _looks_automatic(self, headers: Headers) -> bool:
        """Whether an incoming message bears the marks of a list, a bulk mailer or a mail system."""
        precedence = headers.word("precedence")
        return (
            precedence in _BULK
            or (self.lists == "ignore" and _is_listed(headers))
            or headers.first("return-path") == "<>"
            or all(address.partition("@")[0] == "mailer-daemon" for address in headers.senders)
        )

    def _nodes(self, headers: Headers, sent_at: datetime, owner: Owner) -> tuple[int, ...]:
        """The message itself, its provider's thread, then what it follows: of a very long list the two ends."""
        words = [headers.identifier(sent_at)]
        if headers.provider_thread:
            words.append(f"thread:{headers.provider_thread}")
        words += headers.references
        if len(words) > _MOST_NODES:
            words = words[: _MOST_NODES // 2] + words[-_MOST_NODES // 2 :]
        return tuple(dict.fromkeys(self.context.names.node(owner.key, word) for word in words))


def _is_listed(headers: Headers) -> bool:
    """Whether it came through a mailing list."""
    return bool(headers.first("list-id")) or headers.word("precedence") == "list"


def is_outgoing(headers: Headers, owner: Owner) -> bool:
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
