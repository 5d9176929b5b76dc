"""Mailbox files (mbox), read as a stream of header blocks: a gigabyte takes no more memory than a small file.

A file that merely grew is read from where the last run stopped. After any other change (mail was deleted from it, the
window reaches further back, an address was added) its messages are counted and read from the beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import MalformedError
from connectors.files import is_folder, open_file, path_error, regular_files, translated_errors
from connectors.mail.headers import KEPT_FIELDS, Headers
from connectors.mail.pages import MailboxOptions, MailCursor, MailPage, read_header_block, settings_fingerprint
from connectors.mail.separators import NotMboxError, message_offsets, separator_date
from connectors.pseudonyms import Pseudonyms

_HEAD_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class MboxPosition:
    """The position up to which one mailbox file has been read.

    ``size`` is the number of bytes that have been read, ``head`` the keyed name of the first of them. ``last`` is the
    offset of the last message read and ``digest`` the keyed name of its header block, empty if that was not complete
    yet. The names are keyed because a header block is easily guessed. ``read`` is the number of messages read,
    ``total_messages`` the number in the file when they were last counted.
    """

    size: int = 0
    head: str = ""
    last: int = 0
    digest: str = ""
    read: int = 0
    total_messages: int = 0

    @property
    def resumes_at(self) -> int:
        """The offset from which to look for the next message; the last one is read again if it was incomplete."""
        return self.last + 1 if self.digest else self.last if self.read else 0

    def is_valid_for(self, file: BinaryIO, size: int, pseudonyms: Pseudonyms) -> bool:
        """Return ``True`` if the file still has the same beginning and the same last message."""
        if size < self.size or _head(file, self.size, pseudonyms) != self.head:
            return False
        file.seek(self.last)
        return not self.digest or _keyed_digest(read_header_block(file)[0], pseudonyms) == self.digest


@dataclass(frozen=True, slots=True)
class MboxCursor(MailCursor):
    """The positions in the source's files under their keyed names."""

    files: dict[str, MboxPosition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MboxFile:
    """One mailbox file at the start of this run; without a ``position`` it is read from its beginning."""

    path: Path
    name: str
    size: int
    position: MboxPosition | None
    prefix: str = ""

    @property
    def is_unchanged(self) -> bool:
        """True if nothing was appended since the last run."""
        return self.position is not None and self.position.size == self.size


class MboxConnector:
    """Reads one mailbox file, or each ``*.mbox`` of a folder."""

    def __init__(self, options: MailboxOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that were appended, or of all messages after any other change."""
        previous = MboxCursor.parse(cursor, settings_fingerprint(self._context, self._options))
        restarts = previous.needs_full_read(self._context.window)
        start = MboxCursor(previous.settings) if restarts else previous
        with translated_errors(self._context, self._options.path):
            files = self._files(start)
            positions = {file.name: file.position for file in files if file.position}
            counts = {name: position.total_messages for name, position in positions.items()}
            for mailbox in files:
                if mailbox.name not in positions:
                    with open_file(mailbox.path) as file:
                        counts[mailbox.name] = sum(1 for _ in self._offsets(file, 0, mailbox.size))
            current = replace(start, files=positions)
            if all(mailbox.is_unchanged for mailbox in files) and current == previous and not restarts:
                yield Batch(cursor, source_size=sum(counts.values()))
                return
            pages = self._pages(current, files, counts)
            yield replace(next(pages), restarts=restarts)
            yield from pages

    def _files(self, start: MboxCursor) -> list[MboxFile]:
        """Return the mailbox files, each with the position from which it is read on if it merely grew."""
        path, pseudonyms = self._context.folder / self._options.path, self._context.pseudonyms
        paths = [path]
        if is_folder(self._context, self._options.path):
            paths = regular_files(entry for entry in path.iterdir() if entry.suffix.lower() == ".mbox")
            if not paths and (path / "cur").is_dir():
                raise path_error(self._context, f'"{self._options.path}" is a Maildir: write kind = "maildir".')
            if not paths:
                raise path_error(self._context, f'the folder "{self._options.path}" contains no file named *.mbox.')
        files = []
        for number, mailbox in enumerate(paths, 1):
            name = pseudonyms.entry("mbox", mailbox.name)
            position = start.files.get(name)
            with open_file(mailbox) as file:
                # The file may grow while it is read; what comes after this size is left for the next run.
                size = mailbox.stat().st_size
                if position and not position.is_valid_for(file, size, pseudonyms):
                    position = None
            files.append(MboxFile(mailbox, name, size, position, f"mailbox {number}, " if len(paths) > 1 else ""))
        return files

    def _pages(self, current: MboxCursor, files: list[MboxFile], counts: dict[str, int]) -> Iterator[Batch]:
        total = sum(file.size for file in files)
        done_before = 0
        page = MailPage(self._context, self._options, current.skipped)
        for file in files:
            for position in () if file.is_unchanged else self._positions(file, page, counts[file.name]):
                current = replace(current, skipped=page.skipped, files=current.files | {file.name: position})
                counts[file.name] = position.total_messages
                records, rejected = page.flush()
                yield Batch(
                    current.dump(), records, rejected=rejected, source_size=sum(counts.values()),
                    done=done_before + position.size, total=total,
                )  # fmt: skip
            done_before += file.size
        # A file of the folder was removed and no other has grown: there is nothing to store but the cursor.
        if all(file.is_unchanged for file in files):
            yield Batch(current.dump(), source_size=sum(counts.values()), done=total, total=total)

    def _positions(self, mailbox: MboxFile, page: MailPage, count: int) -> Iterator[MboxPosition]:
        """Fill the page with the file's messages; yield a position wherever it is full, and at the end."""
        pseudonyms = self._context.pseudonyms
        with open_file(mailbox.path) as file:
            position = mailbox.position or MboxPosition(total_messages=count)
            for offset in self._offsets(file, position.resumes_at, mailbox.size):
                if page.is_full:
                    yield replace(position, head=_head(file, position.size, pseudonyms))
                file.seek(offset)
                block, is_complete = read_header_block(file)
                separator, _, fields = block.partition(b"\n")
                place = f"{mailbox.prefix}message {position.read + 1}"
                page.add(place, Headers.from_block(fields), separator_date(separator))
                read = position.read + is_complete
                digest = _keyed_digest(block, pseudonyms) if is_complete else ""
                # The head is set once the position is yielded, since it costs a read of the file.
                position = MboxPosition(offset + 1, "", offset, digest, read, max(position.total_messages, read))
            yield replace(position, size=mailbox.size, head=_head(file, mailbox.size, pseudonyms))

    def _offsets(self, file: BinaryIO, start: int, end: int) -> Iterator[int]:
        try:
            yield from message_offsets(file, start, end)
        except NotMboxError as error:
            found = "the file does not begin like a mailbox, with a line of From, sender and time."
            raise MalformedError(self._context.source, found, "Export the mailbox again in the format mbox.") from error


def _head(file: BinaryIO, size: int, pseudonyms: Pseudonyms) -> str:
    file.seek(0)
    return _keyed_digest(file.read(min(_HEAD_BYTES, size)), pseudonyms)


def _keyed_digest(data: bytes, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.entry(hashlib.sha256(data).hexdigest(), "mbox")


SOURCE_KIND = SourceKind(
    name="mbox",
    options=MailboxOptions,
    make=MboxConnector,
    title="Mailbox file (mbox), or a folder of them",
    kept_fields=KEPT_FIELDS,
    other_fields="dropped while parsing: subject, names and every other header; bodies are skipped",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    sent_by_address=True,
)
