"""One message as a mail server tells of it. What is asked for names every field that may come; no other does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import NamedTuple

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
_HEAD = (
    rb"(\)\r\n\* \d{1,10} FETCH \(UID (\d{1,10}) FLAGS \(([^()]*)\) "
    rb'INTERNALDATE "([^"]{26})" BODY\[HEADER\.FIELDS \(%b\)\] \{(\d{1,12})\}\r\n)'
)
_FIRST = re.compile(_HEAD % b"(?P<fields>[^()]{0,500})")
_END = b")\r\n"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = {f"-{month.title()}-": f"{number:02}" for number, month in enumerate(MONTHS, 1)}
_MONTHS = {month.encode(): number for number, month in enumerate(MONTHS, 1)}


class Row(NamedTuple):
    """A message: its number in the folder, when the server took it in, its header block, whether it is unfinished."""

    uid: int
    received_at: datetime | None
    block: bytes
    is_draft: bool = False


def usual_rows(answer: bytes) -> tuple[list[Row], int]:
    """The rows with which a part of an answer begins, as far as they are whole and spelled as usual; where they end."""
    begun = _END + answer
    first = _FIRST.match(begun)
    if first is None:
        return [], 0
    _, *parts = _like(first["fields"]).split(begun)
    heads, uids, flags, times, sizes, blocks = (parts[column::6] for column in range(6))
    # What was split off must be as long as was told: else it is torn, or its text looks like another row.
    lengths = list(map(int, sizes))
    blocks[-1], last = blocks[-1][: lengths[-1]], blocks[-1][lengths[-1] :]
    whole = sum(1 for _ in takewhile(bool, map(eq, lengths, map(len, blocks))))
    if whole == len(blocks) and not last.startswith(_END):
        whole -= 1
    drafts = {told: b"\\draft" in told.lower() for told in set(flags)}
    rows = [
        Row(int(uid), _usual_time(time) or received_in(head), block, drafts[told])
        for head, uid, told, time, block in zip(heads[:whole], uids, flags, times, blocks, strict=False)
    ]
    return rows, sum(map(len, heads[:whole])) + sum(lengths[:whole])


@lru_cache(maxsize=16)
def _like(fields: bytes) -> re.Pattern[bytes]:
    """What stands between two blocks of an answer that spells the names of the fields so; it does so in every row."""
    return re.compile(_HEAD % re.escape(fields))


def _usual_time(told: bytes) -> datetime | None:
    """The instant of ``01-Sep-2026 18:30:00 +0200``, in UTC; ``None`` for any other spelling."""
    text = told.decode("ascii", "replace")
    try:
        day = f"{text[7:11]}-{_NUMBERS[text[2:7]]}-{text[:2]}"
        return datetime.fromisoformat(f"{day}T{text[12:20]}{text[21:]}").astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None


def row_from(text: bytes, literal: bytes | None) -> Row | None:
    """The row of one FETCH answer; ``None`` where it tells of something else, as of a flag that has changed.

    ``text`` is the answer without its ``literal``. Gmail's name for a thread becomes a field of the block.
    """
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
