"""Keyed one-way names for people, threads and entries.

BLAKE2b with the practice's key; ``person`` separates what is named (a client is never equal to a thread) and a
subkey per clinician keeps two clinicians' clients from being joined. The key is what protects: without it a short
identifier such as a phone number is found by trying them all, so it never lies in the database.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

KEY_BYTES = 32
_NAME_BYTES = 8
_MOST_NODES = 16_384
_KINDS = (b"person", b"entry", b"node")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LETTER_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_PHONE = re.compile(r"\+?[\d\s().\-/]{5,}")


@lru_cache(maxsize=16_384)
def canonical_address(text: str) -> str:
    """The one spelling of an address or phone number: trimmed, lower case, without plus-tag or punctuation.

    ``mailto:`` is taken off, ``+tag`` before the @ is folded, a phone number keeps its digits and a leading plus
    (``00`` becomes ``+``). ``str.lower`` and not ``casefold``: two spellings that mail systems tell apart stay apart.
    """
    text = text.strip().lower().removeprefix("mailto:").strip("<>")
    if "@" in text:
        local, _, domain = text.rpartition("@")
        return f"{local.partition('+')[0] or local}@{domain}"
    if _PHONE.fullmatch(text):
        digits = re.sub(r"\D", "", text)
        return "+" + digits.removeprefix("00") if text.startswith(("+", "00")) else digits
    return " ".join(text.split())


class _Nodes(dict[str, int]):
    """The names of the messages and threads in one clinician's mail, made when they are looked up."""

    def __init__(self, begun: hashlib.blake2b) -> None:
        super().__init__()
        self._begun = begun

    def __missing__(self, identifier: str) -> int:
        if len(self) >= _MOST_NODES:
            self.clear()
        digest = self._begun.copy()
        digest.update(identifier.strip().encode("utf-8", "surrogatepass"))
        found = self[identifier] = int.from_bytes(digest.digest(), "big", signed=True)
        return found


class Pseudonyms:
    """Names under one practice key (32 bytes). Same key, same words, same name; otherwise unrelated."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a practice key has {KEY_BYTES} bytes")
        self._blank = {
            kind: hashlib.blake2b(digest_size=_NAME_BYTES, key=key, person=b"evenhours." + kind) for kind in _KINDS
        }
        self.person = lru_cache(maxsize=65_536)(self._person)
        self.nodes = lru_cache(maxsize=None)(self._nodes)

    def _begun(self, kind: bytes, words: str) -> hashlib.blake2b:
        digest = self._blank[kind].copy()
        digest.update(words.encode("utf-8", "surrogatepass"))
        return digest

    def _digest(self, kind: bytes, *words: str) -> bytes:
        return self._begun(kind, "\x1f".join(words)).digest()

    def _person(self, clinician: str, address: str) -> str:
        """The clinician's own name for a client, colleague or other correspondent: 13 characters of base 32."""
        return _base32(self._digest(b"person", clinician, canonical_address(address)))

    def entry(self, uid: str, occurrence: str = "") -> str:
        """The name of one occurrence of a calendar entry, visit or call: 13 characters of base 32."""
        return _base32(self._digest(b"entry", uid, occurrence))

    def _nodes(self, clinician: str) -> Mapping[str, int]:
        """The signed 64-bit name of each message or provider thread in one clinician's mail."""
        return _Nodes(self._begun(b"node", f"{clinician}\x1f"))

    def node(self, clinician: str, identifier: str) -> int:
        """The signed 64-bit name of a message or provider thread in one clinician's mail."""
        return self.nodes(clinician)[identifier]


def _base32(digest: bytes) -> str:
    """The 64 bits in base 32 (RFC 4648) without padding: 13 letters, two at a time but for the last."""
    bits, letters = int.from_bytes(digest, "big") << 1, _LETTER_PAIRS
    return (
        letters[bits >> 55]
        + letters[bits >> 45 & 1023]
        + letters[bits >> 35 & 1023]
        + letters[bits >> 25 & 1023]
        + letters[bits >> 15 & 1023]
        + letters[bits >> 5 & 1023]
        + _LETTERS[bits & 31]
    )
