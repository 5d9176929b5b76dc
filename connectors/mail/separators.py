r"""Separator lines of mailbox files: the offsets at which messages begin.

A message begins with a separator line, ``From somebody Sat Apr 27 00:57:56 2019``, after a blank line and before a
header field. A line of a body that merely begins with ``From`` is not one, even if it contains a date. The file is
searched a chunk at a time, however long its lines are::

    file   ....|context|start ........... limit|.. ahead ..|....
                \_______________ chunk __________________/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK_BYTES = 1024 * 1024
_CONTEXT_BYTES = len(b"\n\r\n")  # before a separator: a blank line
_AHEAD_BYTES = 2 * 1024  # more than a separator and the name of the field after it
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_YEAR = rb"(?:19|20)\d\d"
_SEPARATOR = re.compile(
    rb"From (?:[^\n]{0,500}? )??"
    # Programs put the year before or after the time and the zone, so the lookahead requires one anywhere.
    rb"(?P<date>(?=[^\n]{0,60}\b" + _YEAR + rb"\b)(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?"
    rb"(?:\d?\d " + _MONTH + rb"|" + _MONTH + rb" +\d?\d),? +(?:" + _YEAR + rb" +)?"
    rb"\d?\d:\d\d(?::\d\d)?(?: +(?:[+-]\d{4}|[A-Z]{1,5}|\([A-Z]{1,5}\)|" + _YEAR + rb"))*)"
    rb"[ \t]*\r?\n(?=[!-9;-~]{1,100}[ \t]*:|>From )"
)
_LEADING_SPACE = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


class NotMboxError(ValueError):
    """The file does not begin with a separator line."""


def message_offsets(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Yield the offsets between ``start`` and ``end`` at which messages begin.

    ``start`` is 0, or an offset at which reading stopped. The position in the file may change between two results, here
    and by the caller. Raises :class:`NotMboxError`, except for an empty file.
    """
    if start == 0:
        file.seek(0)
        opening = file.read(min(_AHEAD_BYTES, end))
        leading = _LEADING_SPACE.match(opening)
        start = leading.end() if leading else 0
        if start == len(opening):
            return
        if not _SEPARATOR.match(opening, start):
            raise NotMboxError
        yield start
        start += 1
    while True:
        base = max(start - _CONTEXT_BYTES, 0)
        file.seek(base)
        chunk = file.read(min(_CHUNK_BYTES, end - base))
        is_last = len(chunk) < _CHUNK_BYTES
        limit = len(chunk) if is_last else _CHUNK_BYTES - _AHEAD_BYTES
        yield from (base + offset for offset in _offsets_in_chunk(chunk, start - base, limit))
        if is_last:
            return
        start = base + limit


def separator_date(separator: bytes) -> str:
    """Return the text of the date in a separator line; empty if it has none."""
    match = _SEPARATOR.match(separator + b"\nX:")  # the pattern requires a header field after the line
    return match["date"].decode("ascii") if match else ""


def _offsets_in_chunk(chunk: bytes, start: int, limit: int) -> Iterator[int]:
    """Yield the offsets of separator lines from ``start`` to ``limit`` that follow a blank line."""
    offset = chunk.find(b"\nFrom ") + 1
    while 0 < offset < limit:
        follows_blank = chunk[max(offset - _CONTEXT_BYTES, 0) : offset].endswith((b"\n\n", b"\n\r\n"))
        if offset >= start and follows_blank and _SEPARATOR.match(chunk, offset):
            yield offset
        offset = chunk.find(b"\nFrom ", offset) + 1
