"""Which kind of source reads a file that is no table, by its first bytes: what `evenhours inspect` looks at first."""

from __future__ import annotations

import json
import re
from pathlib import Path

_HEAD = 4096
_POSTMARK = re.compile(rb"From [^\r\n]*\d\d:\d\d")  # a table may have a column "From number"
_WHAT = {
    "ics": "a calendar",
    "mbox": "a mailbox (mbox)",
    "maildir": "a mailbox (Maildir)",
    "sms_xml": "a backup of texts (SMS Backup & Restore)",
}
_NAMES = {"ics": "calendar", "sms_xml": "texts"}
_ENDINGS = {".ics": "ics", ".ical": "ics", ".mbox": "mbox", ".mbx": "mbox"}


def kind_at(path: Path) -> str | None:
    """The kind that reads what lies there; ``None`` where it may be a table, or cannot be read."""
    try:
        if path.is_dir():
            return _kind_of_folder(path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None
    return _kind_of(head.removeprefix(b"\xef\xbb\xbf").lstrip(), path.suffix.lower())


def _kind_of_folder(path: Path) -> str | None:
    if (path / "cur").is_dir() and (path / "new").is_dir():
        return "maildir"
    return "ics" if any(path.glob("*.ics")) else None


def _kind_of(head: bytes, ending: str) -> str | None:
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if _POSTMARK.match(head):
        return "mbox"
    if head.startswith(b"<") and b"<smses" in head:
        return "sms_xml"
    return _ENDINGS.get(ending)


def block(kind: str, path: Path) -> str:
    """A ``[[source]]`` block of that kind, to be looked over."""
    lines = (
        f'# It is {_WHAT[kind]}: kind = "{kind}" reads it.',
        "[[source]]",
        f'name = "{_NAMES.get(kind, "mail")}"',
        f'kind = "{kind}"',
        'clinician = "KEY"  # the key of the clinician whose it is',
        f"path = {json.dumps(str(path.absolute()), ensure_ascii=False)}",
    )
    return "\n".join(lines) + "\n"
