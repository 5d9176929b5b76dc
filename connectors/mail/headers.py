"""One message's header block: sender, recipients, date and thread. Subject and body are never decoded.

Only the fields in :data:`KEPT_FIELDS` are taken from the block. It is parsed by our own few lines, because
``email.policy.default`` crashes on 474 of 30,000 damaged headers, and ``compat32`` on one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Self

from connectors.mail.addresses import UnreadableAddressesError, addresses_in
from connectors.mail.dates import parse_date

KEPT_FIELDS = (
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
_SINGLE = ("Date", "Message-ID", "X-GM-THRID")  # if one of these is repeated, the first counts
_PER_MESSAGE = (*_SINGLE, "In-Reply-To", "References")  # different in every message
_USUAL_SPELLINGS = frozenset(_PER_MESSAGE)
_NAMES = {name.lower(): name for name in KEPT_FIELDS}
_ASCII_SPACE = " \t\r\x0b\x0c"
_REPEAT = "\0"  # between the values of a repeated field; it is removed from every block
_IDENTIFIER = re.compile(rf"<([^<>{_REPEAT}]+)>")
_WORD = re.compile(r"[^\s;(]+")
_THREAD = re.compile("[0-9]{1,20}")
_EMPTY = frozenset[str]()


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for fields of these names in any case: each after a line end, its name and its folded value."""
    alternatives, blank = "|".join(names), rf"(?:[{_ASCII_SPACE}]|\n(?=[ \t]))"
    return re.compile(rf"\n({alternatives}|(?ai:{alternatives}))(?::|{blank}+:)(.*(?:\n[ \t].*)*)")


_PER_MESSAGE_FIELDS, _ALL_FIELDS = _pattern(_PER_MESSAGE), _pattern(KEPT_FIELDS)


class Headers:
    """The kept fields of one message by their lower-case names; white space in values counts as one blank.

    ``shared`` is the raw text of the fields that the messages of a correspondence have in common: all but their dates
    and identifiers. ``unreadable`` are the names of the address fields that were requested and break the grammar; such
    a field counts as empty.
    """

    __slots__ = ("_own_fields", "_shared_fields", "shared", "unreadable")

    def __init__(self, text: str) -> None:
        """Parse ``text``, in which each field stands after a line end."""
        parts = _PER_MESSAGE_FIELDS.split(text)
        self.shared = "".join(parts[::3])
        self._own_fields = dict(zip(parts[1::3], parts[2::3]))  # noqa: B905 - equal; a check doubles the time
        # The split has a name, a value and the text before it for each field: fewer keys mean that one is repeated.
        if 3 * len(self._own_fields) + 1 < len(parts) or not _USUAL_SPELLINGS.issuperset(self._own_fields):
            self._own_fields = _collect(zip(parts[1::3], parts[2::3], strict=True))
        # Parsed on demand, since for most messages the participants are cached by `shared`.
        self._shared_fields: dict[str, str] | None = None
        self.unreadable: frozenset[str] = _EMPTY

    @classmethod
    def from_fields(cls, fields: Mapping[str, Sequence[str]]) -> Self:
        """Return the headers of a message as an interface returns it: the values of each field, not folded."""
        values = ((name, _collapse(value.replace(_REPEAT, ""))) for name in fields for value in fields[name])
        return cls("".join([f"\n{name}:{value}" for name, value in values]))

    @classmethod
    def from_block(cls, block: bytes, *, filtered: bool = False) -> Self:
        """Return the headers of a raw block up to its blank line; lines that are not fields are skipped.

        A ``filtered`` block comes from a server that has left out all but the kept fields, so they need not be searched
        for; if it has anything after a blank line, it is read like any other.
        """
        if b"\0" in block:
            block = block.replace(b"\0", b"")
        text = "\n" + block.decode("utf-8", "replace")
        # The last position is left out, since a blank line at the very end is no limit to anything.
        is_plain = filtered and text.find("\n\r\n", 0, -1) < 0 and text.find("\n\n", 0, -1) < 0
        if not is_plain:
            text = text.replace("\r\n", "\n").partition("\n\n")[0]
            text = "".join([match[0] for match in _ALL_FIELDS.finditer(text)])
        return cls(text)

    def _fields(self) -> dict[str, str]:
        if self._shared_fields is None:
            self._shared_fields = _collect(_ALL_FIELDS.findall(self.shared))
        return self._shared_fields | self._own_fields

    def first(self, name: str) -> str:
        """Return the field's first value; empty if it is missing."""
        return _collapse(self._value(name).partition(_REPEAT)[0])

    def word(self, name: str) -> str:
        """Return the field's first word in lower case, without parameters or comments."""
        match = _WORD.search(self.first(name))
        return match[0].lower() if match else ""

    def addresses(self, *names: str) -> tuple[str, ...]:
        """Return the canonical addresses of these fields, in order; a repeated field counts as one list."""
        return tuple(address for name in names for address in self._addresses(name))

    def _addresses(self, name: str) -> tuple[str, ...]:
        try:
            return addresses_in(", ".join(_values(self._value(name))))
        except UnreadableAddressesError:
            self.unreadable |= {name}
            return ()

    def _value(self, name: str) -> str:
        """Return all values of a field, separated by :data:`_REPEAT`."""
        return self._fields().get(_NAMES.get(name, name), "")

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses of From; may be empty for mail of the mail system itself (empty, ``<>``, MAILER-DAEMON)."""
        senders = self._addresses("from")
        if not senders and self.word("from") not in {"", "<>", "mailer-daemon"}:
            self.unreadable |= {"from"}
        return senders

    @property
    def sent_at(self) -> datetime | None:
        """The time in the Date field; ``None`` if it is missing or invalid."""
        return parse_date(_collapse(self._own_fields.get("Date", "")))

    def identifiers(self, sent_at: datetime) -> list[str]:
        """Return the message's identifier, then those that it refers to, oldest first; free text is skipped.

        A message without a Message-ID is identified by its kept fields and its time: folders and copies may add other
        fields (``Status``, ``X-Mozilla-Status``) and change them later, but not these.
        """
        field = self._own_fields.get
        text = f"{field('Message-ID', '')}{_REPEAT}{field('References', '')}{_REPEAT}{field('In-Reply-To', '')}"
        text = "".join(text.split())  # folding may have put space into them
        identifiers: list[str] = _IDENTIFIER.findall(text)
        # The usual case: the Message-ID is one identifier and nothing else.
        if identifiers and text.startswith(f"<{identifiers[0]}>{_REPEAT}"):
            return identifiers
        message_id, _, references = text.partition(_REPEAT)
        match = _IDENTIFIER.search(message_id)
        name = match[1] if match else message_id.strip("<>")
        if not name:
            fields = sorted((name.lower(), list(_values(value))) for name, value in self._fields().items())
            name = hashlib.sha256(f"{fields}{sent_at.timestamp()}".encode()).hexdigest()
        return [name, *_IDENTIFIER.findall(references)]

    @property
    def provider_thread(self) -> str:
        """Gmail's thread, in hexadecimal as in its interface; empty if the export has none."""
        text = self._own_fields.get("X-GM-THRID", "").strip()
        return f"{int(text):x}" if text and _THREAD.fullmatch(text) else ""


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields by the usual spelling of their names, joining repeated ones (of some the first counts)."""
    fields: dict[str, str] = {}
    for spelling, value in pairs:
        name = _NAMES[spelling.lower()]
        if name not in fields:
            fields[name] = value
        elif name not in _SINGLE:
            fields[name] = f"{fields[name]}{_REPEAT}{value}"
    return fields


def _values(text: str) -> Iterable[str]:
    return map(_collapse, text.split(_REPEAT))


def _collapse(value: str) -> str:
    return " ".join(value.split())
