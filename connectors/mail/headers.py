"""One message's header block: who wrote to whom, when, in which thread. Subject and body are never decoded.

Only the fields of :data:`KEPT` are taken out of the block; everything else is left out while parsing. The block is
read with our own few lines: ``email.policy.default`` crashes on 474 of 30,000 damaged headers, ``compat32`` on one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Self

from connectors.mail.addresses import UnreadableAddressesError, addresses_in
from connectors.mail.dates import instant_from

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
_ONCE = ("Date", "Message-ID", "X-GM-THRID")  # of these the first counts
_OWN = (*_ONCE, "In-Reply-To", "References")  # no two messages have these in common
_USUAL = frozenset(_OWN)
_NAMES = {name.lower(): name for name in KEPT}
_ASCII_SPACE = " \t\r\x0b\x0c"
_AGAIN = "\0"  # between the values of a field that is repeated; no block keeps one
_IDENTIFIER = re.compile(rf"<([^<>{_AGAIN}]+)>")
_WORD = re.compile(r"[^\s;(]+")
_THREAD = re.compile("[0-9]{1,20}")
_NONE = frozenset[str]()


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Fields of these names, in whatever case, each after the end of a line: its name and its value, still folded."""
    usual, blank = "|".join(names), rf"(?:[{_ASCII_SPACE}]|\n(?=[ \t]))"
    return re.compile(rf"\n({usual}|(?ai:{usual}))(?::|{blank}+:)(.*(?:\n[ \t].*)*)")


_OWN_FIELDS, _KEPT_FIELDS = _pattern(_OWN), _pattern(KEPT)


class Headers:
    """The kept fields of one message under their lower-case names; space within them counts as one blank.

    ``shared`` is, as it stands, what the messages of a correspondence have in common: all but their times and names.
    ``unreadable`` holds the names of the address fields that were asked for and broke the grammar; such a field counts
    as empty.
    """

    __slots__ = ("_own", "_rest", "shared", "unreadable")

    def __init__(self, text: str) -> None:
        """Take ``text`` apart, in which each field stands after the end of a line."""
        parts = _OWN_FIELDS.split(text)
        self.shared = "".join(parts[::3])
        self._own = dict(zip(parts[1::3], parts[2::3]))  # noqa: B905 - the pattern gives both; asking takes as long
        if 3 * len(self._own) + 1 < len(parts) or not _USUAL.issuperset(self._own):
            self._own = _gathered(zip(parts[1::3], parts[2::3], strict=True))
        self._rest: dict[str, str] | None = None  # looked into where nobody knows what is shared
        self.unreadable: frozenset[str] = _NONE

    @classmethod
    def from_fields(cls, fields: Mapping[str, Sequence[str]]) -> Self:
        """What an interface tells of a message: the values of each field, in which nothing is folded."""
        values = ((name, _spaced(value.replace(_AGAIN, ""))) for name in fields for value in fields[name])
        return cls("".join([f"\n{name}:{value}" for name, value in values]))

    @classmethod
    def from_block(cls, block: bytes, *, filtered: bool = False) -> Self:
        """Read a raw block up to its blank line; a line that is no field is passed over.

        Of a ``chosen`` one a server has left out all but the kept fields, so that these need not be sought; should
        there be something behind the blank line, it is read like any other.
        """
        if b"\0" in block:
            block = block.replace(b"\0", b"")
        text = "\n" + block.decode("utf-8", "replace")
        is_bare = filtered and text.find("\n\r\n", 0, -1) < 0 and text.find("\n\n", 0, -1) < 0
        return cls(text if is_bare else _kept(text))

    def _fields(self) -> dict[str, str]:
        if self._rest is None:
            self._rest = _gathered(_KEPT_FIELDS.findall(self.shared))
        return self._rest | self._own

    def first(self, name: str) -> str:
        """The field's first value; empty where there is none."""
        return _spaced(self._value(name).partition(_AGAIN)[0])

    def word(self, name: str) -> str:
        """The field's first word in lower case, without parameters or comments."""
        match = _WORD.search(self.first(name))
        return match[0].lower() if match else ""

    def addresses(self, *names: str) -> tuple[str, ...]:
        """The canonical addresses of these fields, in their order; a repeated field counts as one list."""
        return tuple(address for name in names for address in self._addresses(name))

    def _addresses(self, name: str) -> tuple[str, ...]:
        try:
            return addresses_in(", ".join(_values(self._value(name))))
        except UnreadableAddressesError:
            self.unreadable |= {name}
            return ()

    def _value(self, name: str) -> str:
        """All that a field says, its values apart by :data:`_AGAIN`."""
        return self._fields().get(_NAMES.get(name, name), "")

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses of From. None is well where the mail system itself writes (empty, ``<>``, MAILER-DAEMON)."""
        found = self._addresses("from")
        if not found and self.word("from") not in {"", "<>", "mailer-daemon"}:
            self.unreadable |= {"from"}
        return found

    @property
    def sent_at(self) -> datetime | None:
        """When the sender says that it was sent; ``None`` where Date is missing or makes no sense."""
        return instant_from(_spaced(self._own.get("Date", "")))

    def identifiers(self, sent_at: datetime) -> list[str]:
        """The message's own identifier, then those of what it follows, oldest first; free text is passed over.

        A message without a Message-ID is known by its kept fields and its instant: folder and copy may add other fields
        (``Status``, ``X-Mozilla-Status``) and change them later, but not these.
        """
        field = self._own.get
        text = f"{field('Message-ID', '')}{_AGAIN}{field('References', '')}{_AGAIN}{field('In-Reply-To', '')}"
        text = "".join(text.split())  # folding may have put space into them
        found: list[str] = _IDENTIFIER.findall(text)
        if found and text.startswith(f"<{found[0]}>{_AGAIN}"):
            return found
        own, _, followed = text.partition(_AGAIN)
        match = _IDENTIFIER.search(own)
        name = match[1] if match else own.strip("<>")
        return [name or self._digest(sent_at), *_IDENTIFIER.findall(followed)]

    def _digest(self, sent_at: datetime) -> str:
        fields = sorted((name.lower(), list(_values(value))) for name, value in self._fields().items())
        return hashlib.sha256(f"{fields}{sent_at.timestamp()}".encode()).hexdigest()

    @property
    def provider_thread(self) -> str:
        """Gmail's thread, in the hexadecimal spelling of its interface; empty where the export has none."""
        text = self._own.get("X-GM-THRID", "").strip()
        return f"{int(text):x}" if text and _THREAD.fullmatch(text) else ""


def _kept(text: str) -> str:
    """The kept fields alone, of a block up to its blank line."""
    text = text.replace("\r\n", "\n").partition("\n\n")[0]
    return "".join([match[0] for match in _KEPT_FIELDS.finditer(text)])


def _gathered(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Fields by the usual spelling of their names: the first of each, or all that a list says which is repeated."""
    fields: dict[str, str] = {}
    for spelled, value in found:
        name = _NAMES[spelled.lower()]
        if name not in fields:
            fields[name] = value
        elif name not in _ONCE:
            fields[name] = f"{fields[name]}{_AGAIN}{value}"
    return fields


def _values(text: str) -> Iterable[str]:
    return map(_spaced, text.split(_AGAIN))


def _spaced(value: str) -> str:
    return " ".join(value.split())
