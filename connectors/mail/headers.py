"""One message's header block: who wrote to whom, when, in which thread. Subject and body are never decoded.

Only the fields of :data:`KEPT` are taken out of the block; everything else is left out while parsing. The block is
read with our own few lines: ``email.policy.default`` crashes on 474 of 30,000 damaged headers, ``compat32`` on one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property

from connectors.mail.addresses import UnreadableAddressesError, addresses_in

KEPT = (
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Precedence",
    "List-Id",
    "X-Auto-Response-Suppress",
    "Return-Path",
    "X-GM-THRID",
)
_KEPT = {spelled.encode(): name.lower() for name in KEPT for spelled in (name, name.lower())}
_IDENTIFIER = re.compile(r"<([^<>]+)>")
_WORD = re.compile(r"[^\s;(]+")
_DAY_NAME = re.compile(r"^\D*,\s*")
_LEAP_SECOND = re.compile(r"(:\d\d):60\b")
_LONGEST_DATE = 200


class Headers:
    """The kept fields of one message, unfolded, under their lower-case names.

    ``unreadable`` gathers the names of the address fields that were asked for and broke the grammar; such a field
    counts as empty.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields
        self._lists: dict[str, tuple[str, ...]] = {}
        self.unreadable: set[str] = set()

    @classmethod
    def from_block(cls, block: bytes) -> Headers:
        """Read a raw block up to its blank line; a line that is no field is passed over."""
        fields: dict[str, list[str]] = {}
        for name, value in _fields(block):
            fields.setdefault(name, []).append(value)
        return cls(fields)

    def first(self, name: str) -> str:
        """The field's first value; empty where there is none."""
        values = self._fields.get(name)
        return values[0] if values else ""

    def word(self, name: str) -> str:
        """The field's first word in lower case, without parameters or comments."""
        text = self.first(name)
        match = _WORD.search(text) if text else None
        return match[0].lower() if match else ""

    def addresses(self, *names: str) -> tuple[str, ...]:
        """The canonical addresses of these fields, in their order; a repeated field counts as one list."""
        return tuple(address for name in names for address in self._addresses(name))

    def _addresses(self, name: str) -> tuple[str, ...]:
        if name not in self._lists:
            try:
                self._lists[name] = addresses_in(", ".join(self._fields.get(name, ())))
            except UnreadableAddressesError:
                self._lists[name] = ()
                self.unreadable.add(name)
        return self._lists[name]

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """The addresses of From. None is well where the mail system itself writes (empty, ``<>``, MAILER-DAEMON)."""
        found = self._addresses("from")
        if not found and self.word("from") not in {"", "<>", "mailer-daemon"}:
            self.unreadable.add("from")
        return found

    @cached_property
    def date(self) -> datetime | None:
        """When the sender says that it was sent; ``None`` where Date is missing or makes no sense."""
        return instant_from(self.first("date"))

    def identifier(self, sent_at: datetime) -> str:
        """The Message-ID without brackets.

        A message without one is known by its kept fields and its instant: folder and copy may add other fields
        (``Status``, ``X-Mozilla-Status``) and change them later, but not these.
        """
        text = self.first("message-id")
        match = _IDENTIFIER.search(text)
        found = _joined(match[1] if match else text.strip("<> "))
        return found or hashlib.sha256(f"{sorted(self._fields.items())}{sent_at.timestamp()}".encode()).hexdigest()

    @property
    def references(self) -> tuple[str, ...]:
        """The identifiers of what this message follows, oldest first; free text between them is passed over."""
        text = " ".join((*self._fields.get("references", ()), *self._fields.get("in-reply-to", ())))
        if not text:
            return ()
        return tuple(dict.fromkeys(map(_joined, _IDENTIFIER.findall(text))))

    @property
    def provider_thread(self) -> str:
        """Gmail's thread, in the hexadecimal spelling of its interface; empty where the export has none."""
        text = self.first("x-gm-thrid")
        return f"{int(text):x}" if text and re.fullmatch("[0-9]{1,20}", text) else ""


def instant_from(text: str) -> datetime | None:
    """The instant of a Date field or of a mailbox's From_ line, in UTC.

    A time without a zone, with ``-0000`` or with a zone's name that RFC 5322 does not know counts as UTC, as that RFC
    says. The day's name, in whatever language, is not looked at; a leap second is the second before it. Everything
    else that does not add up (a zone of +9900, 30 February) gives ``None``.
    """
    text = _LEAP_SECOND.sub(r"\1:59", _DAY_NAME.sub("", text[:_LONGEST_DATE]))
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _fields(block: bytes) -> Iterator[tuple[str, str]]:
    """The kept fields as name and unfolded value."""
    name, value = None, b""
    for line in block.replace(b"\0", b"").replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            value += line
            continue
        if name:
            yield name, _text(value)
        if not line:
            return
        field, _, value = line.partition(b":")
        name = _KEPT.get(field) or _KEPT.get(field.rstrip().lower())
    if name:
        yield name, _text(value)


def _text(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split())


def _joined(identifier: str) -> str:
    """An identifier without the space that folding may have put into it."""
    return "".join(identifier.split())
