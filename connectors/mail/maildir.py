"""Maildir folders: one file for each message, whose header block is read once.

A message is identified by the unique part of its file name, before ``:2,``. Reading it in a mail program changes the
part after it, and moving it from ``new`` to ``cur`` its folder; neither makes it a new message. The file's own time is
ignored, since a copy or a restored backup has another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.files import NotAFileError, is_folder, open_file, path_error, translated_errors
from connectors.mail.headers import KEPT_FIELDS, Headers
from connectors.mail.pages import MailboxOptions, MailCursor, MailPage, read_header_block, settings_fingerprint

_IGNORED_FOLDERS = frozenset({"drafts", "templates", "junk", "spam", "trash"})


@dataclass(frozen=True, slots=True)
class MaildirCursor(MailCursor):
    """The keyed names of the messages that have been read."""

    read: frozenset[str] = frozenset()


class MaildirConnector:
    """Reads a Maildir and the folders in it, except drafts, templates, junk and trash."""

    def __init__(self, options: MailboxOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that have not been read before."""
        previous = MaildirCursor.parse(cursor, settings_fingerprint(self._context, self._options))
        restarts = previous.needs_full_read(self._context.window)
        with translated_errors(self._context, self._options.path):
            files = self._files()
            # Names of files that no longer exist are dropped, so that the cursor does not grow for ever.
            existing = frozenset[str]() if restarts else previous.read.intersection(files)
            current = MaildirCursor(previous.settings) if restarts else replace(previous, read=existing)
            new_files = {name: path for name, path in files.items() if name not in current.read}
            if not new_files and current == previous and not restarts:
                yield Batch(cursor, source_size=len(files))
                return
            pages = self._pages(current, new_files)
            yield replace(next(pages), restarts=restarts, source_size=len(files))
            yield from pages

    def _files(self) -> dict[str, Path]:
        """Return the messages' files by their keyed names, in the order of their unique names."""
        configured_path, path = self._options.path, self._context.folder / self._options.path
        if not is_folder(self._context, configured_path):
            raise path_error(self._context, f'"{configured_path}" is a file: write kind = "mbox" if it is a mailbox.')
        # A subfolder is .Sent as in Maildir++, or Sent. Maildir++ writes the folder Trash in INBOX as .INBOX.Trash.
        subfolders = sorted(entry for entry in path.iterdir() if entry.name not in {"cur", "new", "tmp"})
        read = (entry for entry in subfolders if entry.name.rpartition(".")[2].lower() not in _IGNORED_FOLDERS)
        parts = [part for folder in (path, *read) for part in (folder / "cur", folder / "new") if part.is_dir()]
        if not parts:
            raise path_error(self._context, f'"{configured_path}" is not a Maildir: it has no folder cur or new.')
        paths = {
            entry.name.partition(":2,")[0]: entry
            for part in parts
            for entry in part.iterdir()
            if not entry.name.startswith(".")
        }
        return {self._context.pseudonyms.entry("maildir", name): paths[name] for name in sorted(paths)}

    def _pages(self, current: MaildirCursor, new_files: dict[str, Path]) -> Iterator[Batch]:
        page = MailPage(self._context, self._options, current.skipped)
        names: set[str] = set()
        for done, (name, path) in enumerate(new_files.items()):
            if page.is_full:
                current = replace(current, skipped=page.skipped, read=current.read | names)
                records, rejected = page.flush()
                yield Batch(current.dump(), records, rejected=rejected, done=done, total=len(new_files))
            place = f"message {done + 1}"
            try:
                with open_file(path) as file:
                    block, _ = read_header_block(file)
            except (FileNotFoundError, NotAFileError):
                # A file that a mail program has moved meanwhile is read in the next run; what is not a file is ignored.
                continue
            except OSError:
                page.reject(place, "its file cannot be read")
                continue
            page.add(place, Headers.from_block(block))
            names.add(name)
        current = replace(current, skipped=page.skipped, read=current.read | names)
        records, rejected = page.flush()
        yield Batch(current.dump(), records, rejected=rejected, done=len(new_files), total=len(new_files))


SOURCE_KIND = SourceKind(
    name="maildir",
    options=MailboxOptions,
    make=MaildirConnector,
    title="Maildir folder",
    kept_fields=KEPT_FIELDS,
    other_fields="dropped while parsing: subject, names and every other header; bodies are not read",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    sent_by_address=True,
)
