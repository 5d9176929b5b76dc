"""Keyed one-way pseudonyms for people, threads and entries.

They are BLAKE2b digests with the practice's key. BLAKE2b's ``person`` parameter separates the kinds (a client is never
equal to a thread), and a subkey for each clinician keeps two clinicians' clients from being joined. Without the key a
short identifier such as a phone number could be found by trying them all, so the key is never in the database.
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
    """Return the canonical spelling of an address or phone number: trimmed, lower case, without plus-tag.

    ``mailto:`` and a ``+tag`` before the @ are removed; a phone number keeps its digits and a leading plus (``00``
    becomes ``+``). ``str.lower`` and not ``casefold``, which would join spellings that mail systems tell apart.
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
    """A cache of the pseudonyms of messages and threads in one clinician's mail, computed on lookup."""

    def __init__(self, prefix: hashlib.blake2b) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, identifier: str) -> int:
        # Clearing everything is cheaper than tracking which entry was used last.
        if len(self) >= _MOST_NODES:
            self.clear()
        digest = self._prefix.copy()
        digest.update(identifier.strip().encode("utf-8", "surrogatepass"))
        node = self[identifier] = int.from_bytes(digest.digest(), "big", signed=True)
        return node


class Pseudonyms:
    """The pseudonyms under one practice key (32 bytes). Equal inputs give equal pseudonyms, others unrelated ones."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a practice key has {KEY_BYTES} bytes")
        self._hashers = {
            kind: hashlib.blake2b(digest_size=_NAME_BYTES, key=key, person=b"evenhours." + kind) for kind in _KINDS
        }
        # Cached for each instance; a cache on the methods would keep every instance, and its key, alive.
        self.person = lru_cache(maxsize=65_536)(self._person)
        self.nodes = lru_cache(maxsize=None)(self._nodes)

    def _hasher(self, kind: bytes, text: str) -> hashlib.blake2b:
        digest = self._hashers[kind].copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest

    def _digest(self, kind: bytes, *parts: str) -> bytes:
        return self._hasher(kind, "\x1f".join(parts)).digest()

    def _person(self, clinician: str, address: str) -> str:
        """Return one clinician's pseudonym of a client, colleague or other correspondent: 13 base-32 characters."""
        return _base32(self._digest(b"person", clinician, canonical_address(address)))

    def entry(self, uid: str, occurrence: str = "") -> str:
        """Return the pseudonym of one occurrence of a calendar entry, visit or call: 13 base-32 characters."""
        return _base32(self._digest(b"entry", uid, occurrence))

    def _nodes(self, clinician: str) -> Mapping[str, int]:
        """Return a mapping from the messages and threads in one clinician's mail to signed 64-bit pseudonyms."""
        return _Nodes(self._hasher(b"node", f"{clinician}\x1f"))

    def node(self, clinician: str, identifier: str) -> int:
        """Return the signed 64-bit pseudonym of a message or provider thread in one clinician's mail."""
        return self.nodes(clinician)[identifier]


def _base32(digest: bytes) -> str:
    """Return 64 bits in base 32 (RFC 4648) without padding: 13 letters.

    Looking up two letters at a time halves the work; this runs once for each stored record.
    """
    # 64 bits and one zero bit are 13 times 5 bits.
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
