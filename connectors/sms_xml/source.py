"""Backups of a telephone's texts: one file, or the folder that they are put into.

Each backup holds everything, so a message is known by its instant, direction and number, whatever file it comes from.
A file that was read before, under whatever name, is not read again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from connectors.base import Batch, Context, RecordType, RejectedRecord, SourceKind
from connectors.cursor import Cursor, fingerprint
from connectors.errors import MalformedError
from connectors.files import open_file, regular_files
from connectors.mail.pages import PAGE_MESSAGES, is_folder, path_error, translated_errors
from connectors.records import CounterpartKind, MessageStamp
from connectors.sms_xml.filter import ALLOWED, UnfitError
from connectors.sms_xml.messages import Text, Unusable, canonical_number, is_machine, texts_in

_SOME_BYTES = 256 * 1024
_MESSAGE = re.compile(rb"<[sm]ms\s")
_OVERLAP = 4
_END = b"</smses>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsXmlOptions:
    """The options of a telephone's backups."""

    path: Path = field(metadata={"help": "A backup (XML), or a folder in which every sms*.xml is read."})
    country: str | None = field(
        default=None,
        metadata={"help": 'The country (ISO code) of local numbers, such as "GB".'},
    )
    channel: str = field(default="sms", metadata={"help": "The name of this channel in exports and agreements."})


@dataclass(frozen=True, slots=True)
class SmsXmlCursor(Cursor):
    """The files, by their content, that were read, and how many messages they held."""

    files: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _File:
    """One backup: its place in rejected records, its content's keyed name, and how many messages it holds."""

    path: Path
    place: str
    name: str
    holds: int


class SmsXml:
    """Reads the texts of one person's telephone."""

    def __init__(self, options: SmsXmlOptions, context: Context) -> None:
        self._options = options
        self._context = context
        (self._owner,) = context.owners

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages in files that were not read before."""
        known = SmsXmlCursor.parse(cursor, self._settings())
        with translated_errors(self._context, self._options.path):
            files = self._files()
            holds = max(file.holds for file in files)
            fresh = [file for file in files if file.name not in known.files]
            if not fresh and not known.is_new:
                yield Batch(cursor, source_size=holds)
                return
            pages = self._pages(known, files, fresh)
            yield replace(next(pages), restarts=known.is_new, source_size=holds)
            yield from pages

    def _settings(self) -> str:
        options = replace(self._options, path=Path())
        return fingerprint(self._context.pseudonyms, options, self._owner, self._context.classifier)

    def _files(self) -> list[_File]:
        path = self._context.folder / self._options.path
        paths = [path]
        if is_folder(self._context, self._options.path):
            paths = regular_files(path.glob("[sS][mM][sS]*.[xX][mM][lL]"))
            if not paths:
                raise path_error(self._context, f'the folder "{self._options.path}" holds no file named sms*.xml.')
        found = [self._file(file, f"file {n}, " if len(paths) > 1 else "") for n, file in enumerate(paths, 1)]
        return list({file.name: file for file in found}.values())

    def _file(self, path: Path, place: str) -> _File:
        """Look at a backup as a whole: whether it is sound, which one it is, how much is in it."""
        digest, holds, tail = hashlib.sha256(), 0, b""
        for chunk in _chunks(path):
            digest.update(chunk)
            if b"\0" in chunk:
                raise self._malformed(place, "it is not written in UTF-8")
            holds += len(_MESSAGE.findall(tail[-_OVERLAP:] + chunk))
            tail = (tail + chunk)[-1024:]
        if holds and not tail.rstrip().endswith(_END):
            raise self._malformed(place, "it is cut off before its end")
        return _File(path, place, self._context.pseudonyms.entry(digest.hexdigest(), "backup"), holds)

    def _pages(self, reached: SmsXmlCursor, files: list[_File], fresh: list[_File]) -> Iterator[Batch]:
        """Pages of all fresh files; a file counts as read with its last page, so that a cut-off run begins it again."""
        stamps: list[MessageStamp] = []
        rejected: list[RejectedRecord] = []
        kept = {file.name: reached.files[file.name] for file in files if file.name in reached.files}
        reached = replace(reached, files=kept)
        before, total = 0, sum(file.holds for file in fresh)
        for file in fresh:
            for done, found in enumerate(self._texts(file), before):
                if len(stamps) >= PAGE_MESSAGES:
                    yield Batch(reached.dump(), tuple(stamps), rejected=tuple(rejected), done=done, total=total)
                    stamps, rejected = [], []
                if isinstance(found, Unusable):
                    rejected.append(RejectedRecord(f"{file.place}{found.where}", found.reason))
                else:
                    stamps.append(self._stamp(found))
            before += file.holds
            reached = replace(reached, files=reached.files | {file.name: file.holds})
        yield Batch(reached.dump(), tuple(stamps), rejected=tuple(rejected), done=total, total=total)

    def _texts(self, file: _File) -> Iterator[Text | Unusable]:
        try:
            yield from texts_in(_chunks(file.path), self._owner.addresses)
        except UnfitError as error:
            raise self._malformed(file.place, str(error)) from error

    def _stamp(self, text: Text) -> MessageStamp:
        names, owner = self._context.pseudonyms, self._owner.key
        numbers = [canonical_number(number, self._options.country) for number in text.others]
        other = numbers[0] if numbers else ""
        if text.group:  # the list may hold the owner's number, where nobody has said that it is theirs
            self._context.address_count.add(set(numbers))
        kind = self._context.classifier.counterpart_kind(other) if other else CounterpartKind.OTHER
        automatic = not text.outgoing and is_machine(other)
        key = names.node(owner, f"sms {text.identity}")
        group = names.node(owner, f"sms group {' '.join(sorted(numbers))}")
        return MessageStamp(
            clinician=owner,
            key=key,
            sent_at=text.sent_at,
            outgoing=text.outgoing,
            counterpart=names.person(owner, other) if other else None,
            counterpart_kind=CounterpartKind.AUTOMATIC if automatic else kind,
            automatic=automatic,
            channel=self._options.channel,
            thread_nodes=(key, group) if text.group else (),
        )

    def _malformed(self, place: str, found: str) -> MalformedError:
        which = f"the backup in {place.rstrip(', ')}" if place else "the backup"
        remedy = "Nothing was changed. Make the backup again, as XML, and put it there whole."
        return MalformedError(self._context.source, f"{which} cannot be used: {found}.", remedy)


def _chunks(path: Path) -> Iterator[bytes]:
    with open_file(path) as file:
        while chunk := file.read(_SOME_BYTES):
            yield chunk


def _problems(options: SmsXmlOptions) -> list[str]:
    if options.country is not None and not re.fullmatch("[A-Z]{2}", options.country):
        return ['country: a country\'s code of two capital letters, such as "GB"']
    return []


def _make(options: SmsXmlOptions, context: Context) -> SmsXml:
    if len(context.owners) != 1:
        found = "a telephone's texts are one person's, and the source names several."
        raise MalformedError(context.source, found, 'Write clinician = "KEY", and one [[source]] for each telephone.')
    return SmsXml(options, context)


SOURCE_KIND = SourceKind(
    name="sms_xml",
    options=SmsXmlOptions,
    make=_make,
    title="Texts of a telephone (SMS Backup & Restore)",
    kept_fields=ALLOWED,
    other_fields="removed before parsing: texts, subjects, names of contacts, pictures and every other attribute",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    check=_problems,
)
