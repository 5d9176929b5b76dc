"""Backups of a telephone's text messages: one file, or the folder of all backups.

Each backup contains all messages, so a message is identified by its time, direction and numbers, whatever file it is
in. A file that has been read is not read again, even under another name.
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
from connectors.files import is_folder, open_file, path_error, regular_files, translated_errors
from connectors.mail.pages import PAGE_MESSAGES
from connectors.records import CounterpartKind, MessageStamp
from connectors.sms_xml.filter import ALLOWED_ATTRIBUTES, InvalidBackupError
from connectors.sms_xml.messages import TextMessage, canonical_number, is_machine, parse_messages

_CHUNK_BYTES = 256 * 1024
_MESSAGE = re.compile(rb"<[sm]ms\s")
_OVERLAP_BYTES = 4  # one less than "<sms ", so that no message is missed or counted twice between chunks
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
    """The files that have been read, by the keyed names of their contents, with their numbers of messages."""

    files: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _BackupFile:
    """One backup: its prefix for places if there are several, the keyed name of its content, its messages."""

    path: Path
    prefix: str
    name: str
    messages: int


class SmsXmlConnector:
    """Reads the text messages of one person's telephone."""

    def __init__(self, options: SmsXmlOptions, context: Context) -> None:
        self._options = options
        self._context = context
        (self._owner,) = context.owners

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages in files that have not been read before."""
        context, options = self._context, replace(self._options, path=Path())  # a file may be moved or renamed
        settings = fingerprint(context.pseudonyms, options, self._owner, context.classifier)
        previous = SmsXmlCursor.parse(cursor, settings)
        with translated_errors(context, self._options.path):
            files = self._files()
            # Each backup contains all messages, so the largest one counts.
            source_size = max(file.messages for file in files)
            new_files = [file for file in files if file.name not in previous.files]
            if not new_files and not previous.is_new:
                yield Batch(cursor, source_size=source_size)
                return
            pages = self._pages(previous, files, new_files)
            yield replace(next(pages), restarts=previous.is_new, source_size=source_size)
            yield from pages

    def _files(self) -> list[_BackupFile]:
        path = self._context.folder / self._options.path
        paths = [path]
        if is_folder(self._context, self._options.path):
            paths = regular_files(path.glob("[sS][mM][sS]*.[xX][mM][lL]"))
            if not paths:
                raise path_error(self._context, f'the folder "{self._options.path}" contains no file named sms*.xml.')
        files = [
            self._examine(file, f"file {number}, " if len(paths) > 1 else "") for number, file in enumerate(paths, 1)
        ]
        # Copies of one backup are read once.
        return list({file.name: file for file in files}.values())

    def _examine(self, path: Path, prefix: str) -> _BackupFile:
        """Read a backup through once: check that it is complete, name its content and count its messages."""
        digest, messages, tail = hashlib.sha256(), 0, b""
        for chunk in _chunks(path):
            digest.update(chunk)
            # UTF-16 has a zero byte for each Latin letter, and would show no message at all.
            if b"\0" in chunk:
                raise self._malformed_error(prefix, "it is not written in UTF-8")
            messages += len(_MESSAGE.findall(tail[-_OVERLAP_BYTES:] + chunk))
            tail = (tail + chunk)[-1024:]  # the closing tag, and the white space that may follow it
        if messages and not tail.rstrip().endswith(_END):
            raise self._malformed_error(prefix, "it is cut off before its end")
        name = self._context.pseudonyms.entry(digest.hexdigest(), "backup")
        return _BackupFile(path, prefix, name, messages)

    def _pages(self, current: SmsXmlCursor, files: list[_BackupFile], new_files: list[_BackupFile]) -> Iterator[Batch]:
        """Yield pages of all new files; a file counts as read with its last page, so an interrupted one is repeated."""
        stamps: list[MessageStamp] = []
        rejected: list[RejectedRecord] = []
        existing = {file.name: current.files[file.name] for file in files if file.name in current.files}
        current = replace(current, files=existing)
        done_before, total = 0, sum(file.messages for file in new_files)
        for file in new_files:
            for done, result in enumerate(self._messages(file), done_before):
                if len(stamps) >= PAGE_MESSAGES:
                    yield Batch(current.dump(), tuple(stamps), rejected=tuple(rejected), done=done, total=total)
                    stamps, rejected = [], []
                if isinstance(result, RejectedRecord):
                    rejected.append(RejectedRecord(f"{file.prefix}{result.where}", result.reason))
                else:
                    stamps.append(self._stamp(result))
            done_before += file.messages
            current = replace(current, files=current.files | {file.name: file.messages})
        yield Batch(current.dump(), tuple(stamps), rejected=tuple(rejected), done=total, total=total)

    def _messages(self, file: _BackupFile) -> Iterator[TextMessage | RejectedRecord]:
        try:
            yield from parse_messages(_chunks(file.path), self._owner.addresses)
        except InvalidBackupError as error:
            raise self._malformed_error(file.prefix, str(error)) from error

    def _stamp(self, message: TextMessage) -> MessageStamp:
        pseudonyms, owner = self._context.pseudonyms, self._owner.key
        numbers = [canonical_number(number, self._options.country) for number in message.others]
        counterpart = numbers[0] if numbers else ""
        if message.is_group:  # the list may contain the owner's number, if that is not configured
            self._context.address_count.add(set(numbers))
        kind = self._context.classifier.counterpart_kind(counterpart) if counterpart else CounterpartKind.OTHER
        automatic = not message.outgoing and is_machine(counterpart)
        key = pseudonyms.node(owner, f"sms {message.identity}")
        group = pseudonyms.node(owner, f"sms group {' '.join(sorted(numbers))}")
        return MessageStamp(
            clinician=owner,
            key=key,
            sent_at=message.sent_at,
            outgoing=message.outgoing,
            counterpart=pseudonyms.person(owner, counterpart) if counterpart else None,
            counterpart_kind=CounterpartKind.AUTOMATIC if automatic else kind,
            automatic=automatic,
            channel=self._options.channel,
            thread_nodes=(key, group) if message.is_group else (),
        )

    def _malformed_error(self, prefix: str, found: str) -> MalformedError:
        subject = f"the backup in {prefix.rstrip(', ')}" if prefix else "the backup"
        remedy = "Nothing was changed. Make the backup again, as XML, and copy the whole file there."
        return MalformedError(self._context.source, f"{subject} cannot be used: {found}.", remedy)


def _chunks(path: Path) -> Iterator[bytes]:
    with open_file(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _problems(options: SmsXmlOptions) -> list[str]:
    if options.country is not None and not re.fullmatch("[A-Z]{2}", options.country):
        return ['country: a country\'s code of two capital letters, such as "GB"']
    return []


def _make(options: SmsXmlOptions, context: Context) -> SmsXmlConnector:
    if len(context.owners) != 1:
        found = "a telephone's texts belong to one person, and the source names several."
        raise MalformedError(context.source, found, 'Write clinician = "KEY", and one [[source]] for each telephone.')
    return SmsXmlConnector(options, context)


SOURCE_KIND = SourceKind(
    name="sms_xml",
    options=SmsXmlOptions,
    make=_make,
    title="Texts of a telephone (SMS Backup & Restore)",
    kept_fields=ALLOWED_ATTRIBUTES,
    other_fields="removed before parsing: texts, subjects, names of contacts, pictures and every other attribute",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    check=_problems,
)
