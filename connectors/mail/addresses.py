"""Reads address lists of mail headers, by the grammar of RFC 5322, and says so when it cannot.

The standard library's ``getaddresses`` answers differently between patch releases of the Pythons that are supported,
takes the address in ``a@b.example)c@d.example`` for a person on some of them, and recurses into nested comments until
the stack ends. This reader is linear, and what it cannot read it does not guess.
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
_STRAY = frozenset('"<>\\')
_ADDRESS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"<>(),:;@]+)@[^\s"<>(),:;@]+')
_ROUTE = re.compile(r"@[^:]*:")


class UnreadableAddressesError(ValueError):
    """An address list that breaks the grammar; it carries nothing of the list."""


@lru_cache(maxsize=8_192)  # the same few people write and are written to
def addresses_in(text: str) -> tuple[str, ...]:
    """The canonical addresses of a From, To or Cc field, in its order.

    Names, comments and group names are passed over, so are words without an @ (``root``, the first half of an
    unquoted ``Surname, Name <address>``). Raises :class:`UnreadableAddressesError` where quotes, brackets or
    comments do not close, or where what should be an address is none.
    """
    if "@" not in text and "=?" in text:
        text = _decoded(text)
    found = (_address_of(entry) for entry in _entries(text))
    return tuple(canonical_address(address) for address in found if address)


def _entries(text: str) -> Iterator[list[str]]:
    """The pieces of each mailbox; a group's name is an entry without an address."""
    entry: list[str] = []
    for piece in _tokens(text):
        if piece in {",", ";", ":"}:
            yield entry
            entry = []
        else:
            entry.append(piece)
    yield entry


def _tokens(text: str) -> Iterator[str]:
    """Words, quoted strings, angle addresses and separators; comments, which may be nested, are left out."""
    position = depth = 0
    while match := (_COMMENT if depth else _TOKEN).match(text, position):
        piece, position = match[0], match.end()
        depth += (piece == "(") - (piece == ")")
        if depth < 0 or (not depth and piece in _STRAY):  # stop here: a stray quote would be tried from again and again
            raise UnreadableAddressesError
        if not depth and piece != ")":
            yield piece
    if depth:
        raise UnreadableAddressesError


def _address_of(entry: list[str]) -> str:
    """The address of one mailbox; empty where it names none."""
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
    """The text with its encoded words (RFC 2047) read: some mailers encode the address along with the name."""
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in decode_header(text)
        )
    except (MessageError, LookupError, ValueError):
        raise UnreadableAddressesError from None
