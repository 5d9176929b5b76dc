"""Takes every attribute but the allowed ones out of an XML file's bytes, before a parser sees them.

Texts, subjects, names of contacts and attached pictures are attributes in these files. They are passed over as they
stream by, whatever their length, and so are references to halves of a character (``&#55357;&#56832;`` for one emoji),
at which every XML parser rightly stops::

    bytes    <sms address="+44…" date="17…" body="…………| chunk ends |…………" contact_name="…" />
    passed   <sms address="+44…" date="17…"                                                />
"""

from __future__ import annotations

import re

ALLOWED = ("address", "count", "date", "m_type", "msg_box", "type", "version")

_VALUE = rb"""\s*=\s*(?:"[^"]*"|'[^']*')"""
_ATTRIBUTE = re.compile(rb"(\s(?:" + "|".join(ALLOWED).encode() + rb")" + _VALUE + rb")|\s[\w.:-]+" + _VALUE)
# What can be looked at without knowing what comes next: all up to a value whose end has not come yet.
_COMPLETE = re.compile(rb"""(?:[^=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|=(?!\s*+(?:["']|\Z)))*+""")
_OPEN_VALUE = re.compile(rb"""=\s*(["'])""")
_NAME_BEFORE = re.compile(rb"\s([\w.:-]*)\s*\Z")
_LONGEST_NAME = 256
_HALF_CHARACTER = re.compile(rb"&#(?:5[5-7]\d{3}|[xX][dD][89a-fA-F][0-9a-fA-F]{2});")
_LONGEST_KEPT = 64 * 1024


class UnfitError(ValueError):
    """The bytes are not what a backup of texts looks like; the words are a phrase without content."""


class Sieve:
    """Lets a file through chunk by chunk, without what is not allowed."""

    def __init__(self) -> None:
        self._held = b""
        self._inside: bytes = b""

    def passed(self, chunk: bytes) -> bytes:
        """What may be parsed of the bytes so far. Raises :class:`UnfitError` for an allowed value without an end."""
        data = self._held + self._after_value(chunk)
        self._held = b""
        if self._inside:
            return b""
        complete = _COMPLETE.match(data)
        end = complete.end() if complete else 0
        name = _NAME_BEFORE.search(data, max(0, end - _LONGEST_NAME), end)
        cut = name.start() if name else end
        self._hold(data[cut:], name[1].decode("latin-1") if name else "", _OPEN_VALUE.match(data, end))
        return _HALF_CHARACTER.sub(b"", _ATTRIBUTE.sub(rb"\1", data[:cut]))

    def rest(self) -> bytes:
        """What was held back at the end of the file; nothing of a value that never ended."""
        return b"" if self._inside else self._held

    def _hold(self, data: bytes, name: str, value: re.Match[bytes] | None) -> None:
        if value and name not in ALLOWED:
            self._inside = value[1]
        elif value and len(data) > _LONGEST_KEPT:
            raise UnfitError("a value in it does not end")
        else:
            self._held = data

    def _after_value(self, chunk: bytes) -> bytes:
        """The chunk behind the value that is being passed over."""
        if not self._inside:
            return chunk
        end = chunk.find(self._inside)
        if end < 0:
            return b""
        self._inside = b""
        return chunk[end + 1 :]
