"""One message as a mail server tells of it. What is asked for names every field that may come; no other does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.mail.headers import KEPT

_FIELDS = " ".join(name.upper() for name in KEPT if name != "X-GM-THRID")
WANTED = f"UID FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS ({_FIELDS})]"
_UID = re.compile(rb"\bUID (\d{1,10})\b", re.IGNORECASE)
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)", re.IGNORECASE)
_THREAD = re.compile(rb"\bX-GM-THRID (\d{1,20})\b", re.IGNORECASE)
_BLOCK = re.compile(rb'\bBODY\[HEADER[^\]]*\] ?("(?:[^"\\]|\\.)*"|NIL)?', re.IGNORECASE)
_RECEIVED = re.compile(
    rb'\bINTERNALDATE "([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)"', re.IGNORECASE
)
_USUAL = re.compile(
    rb'\* \d+ FETCH \(UID (\d{1,10}) FLAGS \(([^()]*)\) (INTERNALDATE "[^"]{26}") BODY\[HEADER\.FIELDS \([^()]*\)\]'
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {month.encode(): number for number, month in enumerate(MONTHS, 1)}


@dataclass(frozen=True, slots=True)
class Row:
    """A message: its number in the folder, when the server took it in, its header block, whether it is unfinished."""

    uid: int
    received_at: datetime | None
    block: bytes
    is_draft: bool = False


def row_from(text: bytes, literal: bytes | None) -> Row | None:
    """The row of one FETCH answer; ``None`` where it tells of something else, as of a flag that has changed.

    ``text`` is the answer without its ``literal``. Gmail's name for a thread becomes a field of the block.
    """
    if literal is not None and (usual := _USUAL.match(text)):
        return Row(int(usual[1]), received_in(usual[3]), literal, b"\\draft" in usual[2].lower())
    uid, told = _UID.search(text), _BLOCK.search(text)
    if uid is None or told is None:
        return None
    block = literal if literal is not None else _quoted(told[1] or b"")
    thread, flags = _THREAD.search(text), _FLAGS.search(text)
    if thread:
        block = b"X-GM-THRID: %b\r\n%b" % (thread[1], block)
    return Row(int(uid[1]), received_in(text), block, flags is not None and b"\\draft" in flags[1].lower())


def received_in(text: bytes) -> datetime | None:
    """When the server took the message in (INTERNALDATE), in UTC; ``None`` where that makes no sense."""
    match = _RECEIVED.search(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, hours, minutes = match.groups()
    east = int(hours) * 60 + (-int(minutes) if hours.startswith(b"-") else int(minutes))
    try:
        wall = datetime(
            int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
        return wall - timedelta(minutes=east)
    except (ValueError, KeyError, OverflowError):
        return None


def _quoted(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text[1:-1]) if text.startswith(b'"') else b""
