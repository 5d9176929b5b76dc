"""Detection of the source kind of a file that is not a table, for `evenhours inspect`, by its first bytes.

For a mailbox or a telephone's texts it also finds the address that is most likely the owner's.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.address_count import AddressCount
from connectors.base import Context, Owner, Window
from connectors.classify import Classifier
from connectors.files import open_file
from connectors.pseudonyms import KEY_BYTES, Pseudonyms
from connectors.registry import source_kind

_HEAD_BYTES = 4096
_SEPARATOR = re.compile(rb"From [^\r\n]*\d\d:\d\d")  # with a time, as a table may have a column "From number"
_DESCRIPTIONS = {
    "ics": "a calendar",
    "mbox": "a mailbox (mbox)",
    "maildir": "a mailbox (Maildir)",
    "sms_xml": "a backup of texts (SMS Backup & Restore)",
}
_NAMES = {"ics": "calendar", "sms_xml": "texts"}
_WITH_ADDRESSES = frozenset({"mbox", "maildir", "sms_xml"})
_MAX_PAGES = 10  # of some thousand messages each: enough to find the owner
_SUFFIXES = {".ics": "ics", ".ical": "ics", ".mbox": "mbox", ".mbx": "mbox"}


def detect_kind(path: Path) -> str | None:
    """Return the source kind of a file or folder; ``None`` if it may be a table or cannot be read."""
    try:
        if path.is_dir():
            if (path / "cur").is_dir() and (path / "new").is_dir():
                return "maildir"
            if any(path.glob("*.ics")):
                return "ics"
            return "mbox" if any(path.glob("*.mbox")) else None
        with open_file(path) as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return None
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if _SEPARATOR.match(head):
        return "mbox"
    if head.startswith(b"<") and b"<smses" in head:
        return "sms_xml"
    return _SUFFIXES.get(path.suffix.lower())


def source_block(kind: str, path: Path) -> str:
    """Return a proposed ``[[source]]`` block of that kind."""
    lines = (
        f'# It is {_DESCRIPTIONS[kind]}: kind = "{kind}" reads it.',
        "[[source]]",
        f'name = "{_NAMES.get(kind, "mail")}"',
        f'kind = "{kind}"',
        'clinician = "KEY"  # the key of the clinician it belongs to',
        f"path = {json.dumps(str(path.absolute()), ensure_ascii=False)}",
    )
    return "\n".join(lines) + "\n"


def count_addresses(kind: str, path: Path) -> AddressCount | None:
    """Count the addresses in the messages of a file or folder, as if no address of the owner were known.

    Return ``None`` if the kind has no messages. Nothing is stored. Raises
    :class:`~connectors.errors.ConnectorError`.
    """
    if kind not in _WITH_ADDRESSES:
        return None
    declaration = source_kind(kind)
    context = Context(
        source="inspect",
        owners=(Owner("", ZoneInfo("UTC")),),
        window=Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)),
        classifier=Classifier(),
        pseudonyms=Pseudonyms(secrets.token_bytes(KEY_BYTES)),
        folder=Path.cwd(),
        read_secret=str,
    )
    for _ in islice(declaration.make(declaration.options(path=path), context).fetch(None), _MAX_PAGES):
        pass
    return context.address_count
