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
_OF_THE_ONE_MESSAGE = frozenset({"Date", "Message-ID", "In-Reply-To", "References", "X-GM-THRID"})
_SHARED = tuple(name.lower() for name in KEPT if name not in _OF_THE_ONE_MESSAGE)
_KEPT = {spelled: name.lower() for name in KEPT for spelled in (name, name.lower())}
_ASCII_SPACE = " \t\r\x0b\x0c"
_AGAIN = "\0"  # between the values of a field that is repeated; no block keeps one
_IDENTIFIER = re.compile(rf"<([^<>{_AGAIN}]+)>")
_WORD = re.compile(r"[^\s;(]+")
_THREAD = re.compile("[0-9]{1,20}")


class Headers:
    """The kept fields of one message under their lower-case names; space within them counts as one blank.

    ``unreadable`` gathers the names of the address fields that were asked for and broke the grammar; such a field
    counts as empty.
    """

    __slots__ = ("_fields", "unreadable")

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = {name: _AGAIN.join(value.replace(_AGAIN, "") for value in fields[name]) for name in fields}
        self.unreadable: set[str] = set()

    @classmethod
    def from_block(cls, block: bytes) -> Self:
        """Read a raw block up to its blank line; a line that is no field is passed over."""
        text = block.replace(_AGAIN.encode(), b"").replace(b"\r\n", b"\n").decode("utf-8", "replace")
        unfolded = text.partition("\n\n")[0].replace("\n ", " ").replace("\n\t", "\t")
        fields: dict[str, str] = {}
        for line in unfolded.split("\n") if not text.startswith("\n") else ():
            spelled, _, value = line.partition(":")
            if name := _KEPT.get(spelled) or _KEPT.get(spelled.rstrip(_ASCII_SPACE).lower()):
                fields[name] = f"{fields[name]}{_AGAIN}{value}" if name in fields else value
        headers = cls.__new__(cls)  # the usual way joins values once more, which all mail would wait for
        headers._fields, headers.unreadable = fields, set()
        return headers

    @property
    def shared(self) -> tuple[str | None, ...]:
        """All that a correspondence's messages have in common, as it stands: everything but their times and names."""
        return tuple(map(self._fields.get, _SHARED))

    def first(self, name: str) -> str:
        """The field's first value; empty where there is none."""
        value = self._fields.get(name)
        return _spaced(value.partition(_AGAIN)[0]) if value else ""

    def word(self, name: str) -> str:
        """The field's first word in lower case, without parameters or comments."""
        match = _WORD.search(self.first(name))
        return match[0].lower() if match else ""

    def addresses(self, *names: str) -> tuple[str, ...]:
        """The canonical addresses of these fields, in their order; a repeated field counts as one list."""
        return tuple(address for name in names for address in self._addresses(name))

    def _addresses(self, name: str) -> tuple[str, ...]:
        try:
            return addresses_in(", ".join(self._values(name)))
        except UnreadableAddressesError:
            self.unreadable.add(name)
            return ()

    def _values(self, name: str) -> Iterable[str]:
        value = self._fields.get(name)
        return () if value is None else map(_spaced, value.split(_AGAIN))

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses of From. None is well where the mail system itself writes (empty, ``<>``, MAILER-DAEMON)."""
        found = self._addresses("from")
        if not found and self.word("from") not in {"", "<>", "mailer-daemon"}:
            self.unreadable.add("from")
        return found

    @property
    def date(self) -> datetime | None:
        """When the sender says that it was sent; ``None`` where Date is missing or makes no sense."""
        return instant_from(self.first("date"))

    def identifier(self, sent_at: datetime) -> str:
        """The Message-ID without brackets.

        A message without one is known by its kept fields and its instant: folder and copy may add other fields
        (``Status``, ``X-Mozilla-Status``) and change them later, but not these.
        """
        text = _joined(self._fields.get("message-id", "").partition(_AGAIN)[0])
        match = _IDENTIFIER.search(text)
        if found := match[1] if match else text.strip("<>"):
            return found
        fields = sorted((name, list(self._values(name))) for name in self._fields)
        return hashlib.sha256(f"{fields}{sent_at.timestamp()}".encode()).hexdigest()

    @property
    def references(self) -> tuple[str, ...]:
        """The identifiers of what this message follows, oldest first; free text between them is passed over."""
        references, followed = self._fields.get("references", ""), self._fields.get("in-reply-to", "")
        return tuple(dict.fromkeys(_IDENTIFIER.findall(_joined(f"{references}{_AGAIN}{followed}"))))

    @property
    def provider_thread(self) -> str:
        """Gmail's thread, in the hexadecimal spelling of its interface; empty where the export has none."""
        text = self.first("x-gm-thrid")
        return f"{int(text):x}" if text and _THREAD.fullmatch(text) else ""


def _spaced(value: str) -> str:
    return " ".join(value.split())


def _joined(identifiers: str) -> str:
    """Identifiers without the space that folding may have put into them."""
    return "".join(identifiers.split())
