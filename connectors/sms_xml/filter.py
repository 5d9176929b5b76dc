"""A filter that removes all attributes but the allowed ones from the bytes of an XML file, before any parser.

Texts, subjects, names of contacts and attached pictures are attributes in these files. They are skipped as they stream
by, however long they are. References to surrogates (``&#55357;&#56832;`` for one emoji) are removed as well, since
every XML parser rightly refuses them::

    bytes     <sms address="+44…" date="17…" body="…………| chunk ends |…………" contact_name="…" />
    filtered  <sms address="+44…" date="17…"                                                />
"""

from __future__ import annotations

import re

ALLOWED_ATTRIBUTES = ("address", "count", "date", "m_type", "msg_box", "type", "version")

_VALUE = rb"""\s*=\s*(?:"[^"]*"|'[^']*')"""
_ATTRIBUTE = re.compile(rb"(\s(?:" + "|".join(ALLOWED_ATTRIBUTES).encode() + rb")" + _VALUE + rb")|\s[\w.:-]+" + _VALUE)
# Everything up to the first value whose end has not arrived; it can be filtered whatever comes next.
_COMPLETE = re.compile(rb"""(?:[^=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|=(?!\s*+(?:["']|\Z)))*+""")
_OPEN_VALUE = re.compile(rb"""=\s*(["'])""")
_NAME_BEFORE = re.compile(rb"\s([\w.:-]*)\s*\Z")
_LONGEST_NAME = 256
_SURROGATE = re.compile(rb"&#(?:5[5-7]\d{3}|[xX][dD][89a-fA-F][0-9a-fA-F]{2});")
_LONGEST_ALLOWED_VALUE = 64 * 1024


class InvalidBackupError(ValueError):
    """The bytes are not a backup of text messages; the message is a phrase without content."""


class AttributeFilter:
    """Filters a file chunk by chunk."""

    def __init__(self) -> None:
        self._pending = b""
        self._skipped_quote: bytes = b""  # the quotation mark that ends the value being skipped

    def feed(self, chunk: bytes) -> bytes:
        """Return what may be parsed so far. Raises :class:`InvalidBackupError` for an endless allowed value."""
        if self._skipped_quote:
            _, skipped_quote, chunk = chunk.partition(self._skipped_quote)
            if not skipped_quote:
                return b""
            self._skipped_quote = b""
        data, self._pending = self._pending + chunk, b""
        complete = _COMPLETE.match(data)
        end = complete.end() if complete else 0
        name = _NAME_BEFORE.search(data, max(0, end - _LONGEST_NAME), end)
        cut = name.start() if name else end
        open_value = _OPEN_VALUE.match(data, end)
        is_allowed = name is not None and name[1].decode("latin-1") in ALLOWED_ATTRIBUTES
        if open_value and not is_allowed:
            self._skipped_quote = open_value[1]
        elif open_value and len(data) - cut > _LONGEST_ALLOWED_VALUE:
            raise InvalidBackupError("a value in it does not end")
        else:
            self._pending = data[cut:]
        return _SURROGATE.sub(b"", _ATTRIBUTE.sub(rb"\1", data[:cut]))

    def flush(self) -> bytes:
        """Return the rest at the end of the file, without a value that never ended."""
        return b"" if self._skipped_quote else self._pending
