"""Mailbox files (mbox), read as a stream of header blocks: a gigabyte takes no more memory than a small one.

A file that merely grew is read from where the last run stopped. Whatever else happened to it (mail was deleted from it,
a window reaches further back, an address was added), it is counted and read anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import MalformedError
from connectors.files import open_file, regular_files
from connectors.mail.headers import KEPT, Headers
from connectors.mail.pages import (
    MailboxOptions,
    MailCursor,
    MailPage,
    is_folder,
    path_error,
    read_header_block,
    settings_fingerprint,
    translated_errors,
)
from connectors.mail.separators import NoMailboxError, messages_in, time_of
from connectors.pseudonyms import Pseudonyms

_HEAD = 4 * 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one mailbox file has been read.

    ``size`` are the bytes that are accounted for and ``head`` names the first of them; ``last`` is where the last
    message read begins and ``digest`` names its header block, or is empty while that was still being written. Both are
    keyed names: a header block is easily guessed. ``read`` counts the messages up to there and ``held`` those that the
    file held when it was last counted.
    """

    size: int = 0
    head: str = ""
    last: int = 0
    digest: str = ""
    read: int = 0
    held: int = 0

    @property
    def resumes_at(self) -> int:
        """Where to look for the next message."""
        return self.last + 1 if self.digest else self.last if self.read else 0

    def fits(self, file: BinaryIO, size: int, names: Pseudonyms) -> bool:
        """Whether the file still begins, and where reading stopped still continues, as it did."""
        if size < self.size or _head(file, self.size, names) != self.head:
            return False
        file.seek(self.last)
        return not self.digest or _name(read_header_block(file)[0], names) == self.digest


@dataclass(frozen=True, slots=True)
class MboxCursor(MailCursor):
    """The marks of the source's files under their keyed names."""

    files: dict[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One mailbox file as this run finds it; without a ``mark`` it is read from its beginning."""

    path: Path
    name: str
    size: int
    mark: Mark | None
    place: str = ""

    @property
    def is_read(self) -> bool:
        """Whether nothing came since the last run."""
        return self.mark is not None and self.mark.size == self.size


class Mbox:
    """Reads one mailbox file, or each ``*.mbox`` of a folder."""

    def __init__(self, options: MailboxOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages; a file that merely grew is read from where the last run stopped, any other change from 0."""
        known = MboxCursor.parse(cursor, settings_fingerprint(self._context, self._options))
        anew = known.needs_full_read(self._context.window)
        start = MboxCursor(known.settings) if anew else known
        with translated_errors(self._context, self._options.path):
            parts = self._parts(start)
            held = {part.name: part.mark.held if part.mark else self._count(part) for part in parts}
            marks = {part.name: part.mark for part in parts if part.mark}
            reached = replace(start, files=marks)
            if all(part.is_read for part in parts) and reached == known and not anew:
                yield Batch(cursor, source_size=sum(held.values()))
                return
            pages = self._pages(reached, parts, held)
            yield replace(next(pages), restarts=anew)
            yield from pages

    def _parts(self, start: MboxCursor) -> list[Part]:
        paths = self._paths()
        places = [f"mailbox {number}, " if len(paths) > 1 else "" for number in range(1, len(paths) + 1)]
        return [self._part(path, place, start) for path, place in zip(paths, places, strict=True)]

    def _paths(self) -> list[Path]:
        path = self._context.folder / self._options.path
        if not is_folder(self._context, self._options.path):
            return [path]
        found = regular_files(entry for entry in path.iterdir() if entry.suffix.lower() == ".mbox")
        if found:
            return found
        if (path / "cur").is_dir():
            raise path_error(self._context, f'"{self._options.path}" is a Maildir: write kind = "maildir".')
        raise path_error(self._context, f'the folder "{self._options.path}" holds no file named *.mbox.')

    def _part(self, path: Path, place: str, start: MboxCursor) -> Part:
        names = self._context.pseudonyms
        name = names.entry("mbox", path.name)
        mark = start.files.get(name)
        with open_file(path) as file:
            size = path.stat().st_size
            return Part(path, name, size, mark if mark and mark.fits(file, size, names) else None, place)

    def _count(self, part: Part) -> int:
        with open_file(part.path) as file:
            return sum(1 for _ in self._starts(file, 0, part.size))

    def _pages(self, reached: MboxCursor, parts: list[Part], held: dict[str, int]) -> Iterator[Batch]:
        total = sum(part.size for part in parts)
        before = 0
        page = MailPage(self._context, self._options, reached.skipped)
        for part in parts:
            for mark in () if part.is_read else self._marks(part, page, held[part.name]):
                reached = replace(reached, skipped=page.skipped, files=reached.files | {part.name: mark})
                held[part.name] = mark.held
                records, rejected = page.flush()
                holds, done = sum(held.values()), before + mark.size
                yield Batch(reached.dump(), records, rejected=rejected, source_size=holds, done=done, total=total)
            before += part.size
        if all(part.is_read for part in parts):
            yield Batch(reached.dump(), source_size=sum(held.values()), done=total, total=total)

    def _marks(self, part: Part, page: MailPage, held: int) -> Iterator[Mark]:
        """Fill the page with the file's messages; yield a mark wherever it is full, and at the end."""
        names = self._context.pseudonyms
        with open_file(part.path) as file:
            mark = part.mark or Mark(held=held)
            for begin in self._starts(file, mark.resumes_at, part.size):
                if page.is_full:
                    yield replace(mark, head=_head(file, mark.size, names))
                file.seek(begin)
                block, is_whole = read_header_block(file)
                postmark, _, fields = block.partition(b"\n")
                page.add(f"{part.place}message {mark.read + 1}", Headers.from_block(fields), time_of(postmark))
                read = mark.read + is_whole
                mark = Mark(begin + 1, "", begin, _name(block, names) if is_whole else "", read, max(mark.held, read))
            yield replace(mark, size=part.size, head=_head(file, part.size, names))

    def _starts(self, file: BinaryIO, start: int, end: int) -> Iterator[int]:
        try:
            yield from messages_in(file, start, end)
        except NoMailboxError as error:
            found = "the file does not begin like a mailbox, with a line of From, sender and time."
            raise MalformedError(self._context.source, found, "Export the mailbox again in the format mbox.") from error


def _head(file: BinaryIO, size: int, names: Pseudonyms) -> str:
    file.seek(0)
    return _name(file.read(min(_HEAD, size)), names)


def _name(data: bytes, names: Pseudonyms) -> str:
    return names.entry(hashlib.sha256(data).hexdigest(), "mbox")


SOURCE_KIND = SourceKind(
    name="mbox",
    options=MailboxOptions,
    make=Mbox,
    title="Mailbox file (mbox), or a folder of them",
    kept_fields=KEPT,
    other_fields="dropped while parsing: subject, names and every other header; bodies are skipped",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    sent_by_address=True,
)
