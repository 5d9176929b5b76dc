r"""Where the messages of a mailbox file begin.

A message begins with a postmark, ``From somebody Sat Apr 27 00:57:56 2019``, after a blank line and before a header
field. A line of a body that merely begins with ``From`` begins no message, even if it names a time. The file is looked
through a chunk at a time, whatever the length of its lines::

    file   ....|behind|start ............ until|.. ahead ..|....
                \_______________ chunk __________________/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 1024 * 1024
_BEHIND = len(b"\n\r\n")
_AHEAD = 2 * 1024  # more than a postmark and the name of the field after it
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_YEAR = rb"(?:19|20)\d\d"
_POSTMARK = re.compile(
    rb"From (?:[^\n]{0,500}? )??"
    rb"(?P<time>(?=[^\n]{0,60}\b" + _YEAR + rb"\b)(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?"
    rb"(?:\d?\d " + _MONTH + rb"|" + _MONTH + rb" +\d?\d),? +(?:" + _YEAR + rb" +)?"
    rb"\d?\d:\d\d(?::\d\d)?(?: +(?:[+-]\d{4}|[A-Z]{1,5}|\([A-Z]{1,5}\)|" + _YEAR + rb"))*)"
    rb"[ \t]*\r?\n(?=[!-9;-~]{1,100}[ \t]*:|>From )"
)
_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


class NoMailboxError(ValueError):
    """A file that does not begin with a postmark."""


def messages_in(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """The places between two others at which messages begin. ``start`` is 0 or a place where reading stopped.

    Leaves the file standing anywhere, and may be left so itself. Raises :class:`NoMailboxError`, except for an
    empty file.
    """
    if start == 0:
        file.seek(0)
        opening = file.read(min(_AHEAD, end))
        leading = _OPENING.match(opening)
        start = leading.end() if leading else 0
        if start == len(opening):
            return
        if not _POSTMARK.match(opening, start):
            raise NoMailboxError
        yield start
        start += 1
    yield from _after_blank_lines(file, start, end)


def time_of(postmark: bytes) -> str:
    """The time that the first line of a message bears; empty where it bears none."""
    match = _POSTMARK.match(postmark + b"\nX:")
    return match["time"].decode("ascii") if match else ""


def _after_blank_lines(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    while True:
        base = max(start - _BEHIND, 0)
        file.seek(base)
        chunk = file.read(min(_CHUNK, end - base))
        is_last = len(chunk) < _CHUNK
        until = len(chunk) if is_last else _CHUNK - _AHEAD
        yield from (base + at for at in _postmarks(chunk, start - base, until))
        if is_last:
            return
        start = base + until


def _postmarks(chunk: bytes, start: int, until: int) -> Iterator[int]:
    at = chunk.find(b"\nFrom ") + 1
    while 0 < at < until:
        follows_blank = chunk[max(at - _BEHIND, 0) : at].endswith((b"\n\n", b"\n\r\n"))
        if at >= start and follows_blank and _POSTMARK.match(chunk, at):
            yield at
        at = chunk.find(b"\nFrom ", at) + 1
