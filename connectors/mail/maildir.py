"""Maildir folders: one file a message, of which the header block is read once.

A message is known by its file's unique name, the part before ``:2,``: reading it in a mail program changes the part
behind, moving it from ``new`` to ``cur`` the folder, and neither makes it a new message. The file's own time says
nothing (a copy or a restored backup has another) and is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.files import NotAFileError, open_file
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

_NO_CORRESPONDENCE = frozenset({"drafts", "templates", "junk", "spam", "trash"})


@dataclass(frozen=True, slots=True)
class MaildirCursor(MailCursor):
    """The keyed names of the messages that were read."""

    read: frozenset[str] = frozenset()


class Maildir:
    """Reads a Maildir and the folders in it, except drafts, templates, junk and trash."""

    def __init__(self, options: MailboxOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that were not read before."""
        known = MaildirCursor.parse(cursor, settings_fingerprint(self._context, self._options))
        anew = known.needs_full_read(self._context.window)
        with translated_errors(self._context, self._options.path):
            files = self._files()
            # what was read and is still there
            read = frozenset[str]() if anew else known.read.intersection(files)
            reached = MaildirCursor(known.settings) if anew else replace(known, read=read)
            fresh = {name: path for name, path in files.items() if name not in reached.read}
            if not fresh and reached == known and not anew:
                yield Batch(cursor, source_size=len(files))
                return
            pages = self._pages(reached, fresh)
            yield replace(next(pages), restarts=anew, source_size=len(files))
            yield from pages

    def _files(self) -> dict[str, Path]:
        """The messages' files under their keyed unique names, in the order of these unique names."""
        folders = self._folders()
        found = {
            entry.name.partition(":2,")[0]: entry
            for folder in folders
            for part in ("cur", "new")
            if (folder / part).is_dir()
            for entry in (folder / part).iterdir()
            if not entry.name.startswith(".")
        }
        return {self._context.pseudonyms.entry("maildir", name): found[name] for name in sorted(found)}

    def _folders(self) -> list[Path]:
        """The Maildir itself and its folders: ``.Sent`` as Maildir++ has them, ``Sent`` as others do."""
        shown, path = self._options.path, self._context.folder / self._options.path
        if not is_folder(self._context, shown):
            raise path_error(self._context, f'"{shown}" is a file: write kind = "mbox" if it is a mailbox.')
        inside = sorted(entry for entry in path.iterdir() if entry.name not in {"cur", "new", "tmp"})
        wanted = (entry for entry in inside if entry.name.rpartition(".")[2].lower() not in _NO_CORRESPONDENCE)
        folders = [folder for folder in (path, *wanted) if (folder / "cur").is_dir() or (folder / "new").is_dir()]
        if not folders:
            raise path_error(self._context, f'"{shown}" is no Maildir: neither cur nor new is in it.')
        return folders

    def _pages(self, reached: MaildirCursor, fresh: dict[str, Path]) -> Iterator[Batch]:
        page = MailPage(self._context, self._options, reached.skipped)
        names: set[str] = set()
        for done, (name, path) in enumerate(fresh.items()):
            if page.is_full:
                reached = replace(reached, skipped=page.skipped, read=reached.read | names)
                records, rejected = page.flush()
                yield Batch(reached.dump(), records, rejected=rejected, done=done, total=len(fresh))
            if self._add(page, f"message {done + 1}", path):
                names.add(name)
        reached = replace(reached, skipped=page.skipped, read=reached.read | names)
        records, rejected = page.flush()
        yield Batch(reached.dump(), records, rejected=rejected, done=len(fresh), total=len(fresh))

    def _add(self, page: MailPage, where: str, path: Path) -> bool:
        """Return ``True`` if the message could be read; one that was moved while we looked comes with the next run.

        What is no file is no message.
        """
        try:
            with open_file(path) as file:
                block, _ = read_header_block(file)
        except (FileNotFoundError, NotAFileError):
            return False
        except OSError:
            page.reject(where, "its file cannot be read")
            return False
        page.add(where, Headers.from_block(block))
        return True


SOURCE_KIND = SourceKind(
    name="maildir",
    options=MailboxOptions,
    make=Maildir,
    title="Maildir folder",
    kept_fields=KEPT,
    other_fields="dropped while parsing: subject, names and every other header; bodies are not read",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    sent_by_address=True,
)
