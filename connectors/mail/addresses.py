"""Address lists of mail headers, parsed by the grammar of RFC 5322; a list that breaks it is an error.

The standard library's ``getaddresses`` differs between patch releases of the Pythons that are supported, reads
``a@b.example)c@d.example`` as an address on some of them, and recurses into nested comments until the stack ends. This
parser is linear, and does not guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header
from functools import lru_cache

from connectors.pseudonyms import canonical_address

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|[^"<>(),:;\\]+|.', re.DOTALL)
_COMMENT = re.compile(r"[^()\\]+|\\.|.", re.DOTALL)
_UNPAIRED = frozenset('"<>\\')
_ADDRESS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"<>(),:;@]+)@[^\s"<>(),:;@]+')
_ROUTE = re.compile(r"@[^:]*:")


class UnreadableAddressesError(ValueError):
    """An address list that breaks the grammar; the error contains nothing of the list."""


@lru_cache(maxsize=8_192)  # the same few people write and are written to
def addresses_in(text: str) -> tuple[str, ...]:
    """Return the canonical addresses of a From, To or Cc field, in order.

    Names, comments and group names are skipped, and so are words without an @ (``root``, or the first half of an
    unquoted ``Surname, Name <address>``). Raises :class:`UnreadableAddressesError` if quotes, brackets or comments do
    not close, or if an address is invalid.
    """
    # Otherwise at most names are encoded, and these are not needed.
    if "@" not in text and "=?" in text:
        text = _decoded(text)
    addresses: list[str] = []
    entry: list[str] = []
    for piece in (*_tokens(text), ","):
        if piece not in {",", ";", ":"}:
            entry.append(piece)
            continue
        # The end of a mailbox. A group's name before its colon is an entry without an address.
        if address := _address_of(entry):
            addresses.append(canonical_address(address))
        entry = []
    return tuple(addresses)


def _tokens(text: str) -> Iterator[str]:
    """Yield words, quoted strings, angle addresses and separators; comments, which may be nested, are skipped."""
    position = depth = 0
    while match := (_COMMENT if depth else _TOKEN).match(text, position):
        piece, position = match[0], match.end()
        depth += (piece == "(") - (piece == ")")
        # Stopping at an unpaired quote keeps the time linear: else the rest would be searched again from each one.
        if depth < 0 or (not depth and piece in _UNPAIRED):
            raise UnreadableAddressesError
        if not depth and piece != ")":
            yield piece
    if depth:
        raise UnreadableAddressesError


def _address_of(entry: list[str]) -> str:
    """Return the address of one mailbox; empty if it has none."""
    angles = [piece for piece in entry if piece.startswith("<")]
    if len(angles) > 1:
        raise UnreadableAddressesError
    text = _ROUTE.sub("", angles[0][1:-1], count=1) if angles else "".join(entry)
    text = text.strip(" \t'")
    if _ADDRESS.fullmatch(text):
        return text
    if text and (angles or "@" in text):
        raise UnreadableAddressesError
    return ""


def _decoded(text: str) -> str:
    """Decode encoded words (RFC 2047): some mailers encode the address along with the name."""
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in decode_header(text)
        )
    except (MessageError, LookupError, ValueError):
        raise UnreadableAddressesError from None
