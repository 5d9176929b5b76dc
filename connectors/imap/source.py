"""Mail on a server (IMAP): the folders of one account, newest messages first.

Each night the state of all folders is requested at once; if none has a new message, nothing else is. New messages are
read first, then what an interrupted first reading has left. A message at which the server closes the connection is
rejected once it has been tried alone.

The time of a received message is when the server received it, which no sender can set. So is that of a sent message,
unless it was filed more than a day after its own Date (an import, a copy from a program that was offline): then its
Date counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Literal

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import UnavailableError
from connectors.imap.folders import Folder, FolderRole, folders_to_read
from connectors.imap.messages import MONTHS
from connectors.imap.reader import AccountReader, FetchedChunk
from connectors.imap.session import ImapAccount
from connectors.mail.headers import KEPT_FIELDS, Headers
from connectors.mail.pages import MailCursor, MailOptions, MailPage, message_time, settings_fingerprint
from connectors.network import is_loopback

FIRST_PAGE, PAGE = 200, 1_000  # messages
# A program that saves a draft every minute must not let the cursor grow without end.
_MOST_DRAFTS = 200
_MOST_LATER = 200  # messages after the window that are fetched to find the nearest one


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapOptions(MailOptions):
    """The server and the account. Each of several owners has an account: ``{key}`` stands for the clinician's key."""

    host: str = field(metadata={"help": "The mail server's name."})
    username: str = field(metadata={"help": "The user name; {key} is replaced by each clinician's key."})
    password: str | None = field(
        default=None, metadata={"help": "Where the password is stored; {key} as above.", "secret": True}
    )
    token: str | None = field(
        default=None,
        metadata={
            "help": "Where an access token (XOAUTH2) is stored, instead of a password; command:… can print one.",
            "secret": True,
        },
    )
    port: int | None = field(default=None, metadata={"help": 'The port. Default: 993 with tls = "tls", else 143.'})
    tls: Literal["tls", "starttls", "none"] = field(
        default="tls", metadata={"help": "The encryption: tls, starttls, or none (this machine only)."}
    )


@dataclass(frozen=True, slots=True)
class FolderPosition:
    """The position in one folder, whose UIDs only grow while ``validity`` (a keyed name) stays the same.

    ::

        UID   1 ....... below ........ above ....
              still to read | already read | new

    ``drafts`` are UIDs of messages that were drafts when they were read; they are unchanged while ``modseq`` is.
    ``broken`` are UIDs at which the server closed the connection; they are tried again in every run.
    """

    validity: str
    above: int
    below: int = 0
    modseq: int = 0
    drafts: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()

    def after_reading(self, uids: Collection[int], drafts: Iterable[int], broken: Iterable[int]) -> FolderPosition:
        """Return the position after these UIDs have been read, some of which are drafts or broken."""
        drafts = set(self.drafts).difference(uids).union(drafts)
        broken = set(self.broken).difference(uids).union(broken)
        return replace(self, drafts=tuple(sorted(drafts)[-_MOST_DRAFTS:]), broken=tuple(sorted(broken)))


@dataclass(frozen=True, slots=True)
class ImapCursor(MailCursor):
    """The positions in the folders under their keyed names."""

    folders: dict[str, FolderPosition] = field(default_factory=dict)


class ImapConnector:
    """Reads the account of one clinician, except drafts, junk and trash."""

    def __init__(self, options: ImapOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._settings = settings_fingerprint(context, options, options.host.lower(), self._username())

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that have not been read before.

        If the server does not report the state of a folder, an error is raised once the other folders have been read.
        """
        previous = ImapCursor.parse(cursor, self._settings)
        options, (owner,) = self._options, self._context.owners
        secrets = [
            self._context.read_secret(reference.replace("{key}", owner.key)) if reference else ""
            for reference in (options.password, options.token)
        ]
        port = options.port or (993 if options.tls == "tls" else 143)
        account = ImapAccount(self._context.source, options.host, port, options.tls, self._username(), *secrets)
        with closing(AccountReader(account)) as reader:
            folders = folders_to_read(reader.folders())
            is_complete = all(folder.has_status for folder in folders)
            source_size = sum(folder.messages for folder in folders) if is_complete else None
            restarts = previous.needs_full_read(self._context.window)
            pages = self._pages(reader, folders, ImapCursor(self._settings) if restarts else previous)
            yield replace(next(pages), restarts=restarts, source_size=source_size)
            yield from pages
        if not is_complete:
            found = "the mail server does not say what is new in some of its folders; the others were read."
            remedy = "The next run tries again. If this happens every night, this server cannot be read completely."
            raise UnavailableError(self._context.source, found, remedy)

    def _username(self) -> str:
        return self._options.username.replace("{key}", self._context.owners[0].key)

    def _pages(self, reader: AccountReader, folders: Sequence[Folder], previous: ImapCursor) -> Iterator[Batch]:
        page = MailPage(self._context, self._options, previous.skipped)
        names = [self._context.pseudonyms.entry("imap", folder.name) for folder in folders]
        positions = {name: position for name, position in previous.folders.items() if name in names}
        current, done, total = replace(previous, folders=positions), 0, sum(folder.messages for folder in folders)
        for number, (name, folder) in enumerate(zip(names, folders, strict=True), 1):
            if not folder.has_status:
                continue
            reading = _FolderReading(self._context, reader, folder, page, f"folder {number}")
            for position in reading.positions(positions.get(name)):
                current = replace(current, skipped=page.skipped, folders=current.folders | {name: position})
                records, rejected = page.flush()
                yield Batch(current.dump(), records, rejected=rejected, done=done + reading.done, total=total)
            current = replace(current, folders=current.folders | {name: reading.position})
            done += folder.messages
        records, rejected = page.flush()
        current = replace(current, skipped=page.skipped)
        yield Batch(current.dump(), records, rejected=rejected, done=total, total=total)


class _FolderReading:
    """The reading of one folder: fills the page, yields a position wherever the page is to be stored.

    ``position`` is valid once all positions have been yielded.
    """

    def __init__(self, context: Context, reader: AccountReader, folder: Folder, page: MailPage, place: str) -> None:
        self._context, self._reader, self._folder, self._page, self._place = context, reader, folder, page, place
        self._is_sent_folder = folder.role is FolderRole.SENT
        self._all_in_window = True  # so far
        self.done = 0
        validity = context.pseudonyms.entry("imap validity", folder.validity)
        self.position = FolderPosition(validity, folder.next_uid, folder.next_uid)

    def positions(self, previous: FolderPosition | None) -> Iterator[FolderPosition]:
        """Read new messages, then those left from before; request nothing if there can be neither."""
        folder = self._folder
        if previous is None or previous.validity != self.position.validity:
            previous = self.position
        self.position = position = previous
        # Nothing is new, nothing is left from before, no draft may have changed and no message has to be tried again.
        if previous == replace(previous, above=folder.next_uid, below=0, modseq=folder.modseq, broken=()):
            return
        # Of many new messages a search shows which exist; a few are fetched without, whether or not they exist.
        new: Sequence[int] = range(previous.above, folder.next_uid)
        if len(new) > PAGE:
            new = [uid for uid in self._reader.search(folder, f"UID {new[0]}:{new[-1]}") if uid in new]
        for chunk in self._read(_split(new)):
            position = replace(self._after(position, chunk), above=max(chunk.uids) + 1)
            yield position
        for chunk in self._read_older(previous):
            position = replace(self._after(position, chunk), below=min(chunk.uids))
            yield position
        # Without a modseq that stayed the same, a draft may have been sent since.
        has_changes = previous.modseq != folder.modseq or not previous.modseq
        uids_to_repeat = [*(previous.drafts if has_changes else ()), *previous.broken]
        for chunk in self._read([uid] for uid in uids_to_repeat):
            position = self._after(position, chunk)
        self.position = replace(position, above=folder.next_uid, below=0, modseq=folder.modseq)

    def _read(self, chunks: Iterable[Sequence[int]]) -> Iterator[FetchedChunk]:
        """Fetch chunks of UIDs, add their messages to the page, and yield each chunk once that is done."""
        for chunk in self._reader.fetch(self._folder, chunks):
            if chunk.messages is None:
                reason = "the mail server closes the connection while sending it"
                self._page.reject(f"{self._place}, message {chunk.uids[0]}", reason)
            for message in chunk.messages or ():
                if message.is_draft:
                    continue
                headers = Headers.from_block(message.header_block, filtered=True)
                participants = self._page.participants(headers, filed_as_sent=self._is_sent_folder)
                # An account has one owner, so there is at most one entry.
                outgoing = bool(participants) and participants[0].outgoing
                sent_at = message_time(headers, message.received_at, outgoing=outgoing)
                place = f"{self._place}, message {message.uid}"
                self._all_in_window &= self._page.add_at(place, headers, sent_at, participants)
            self.done += len(chunk.uids)
            yield chunk

    def _after(self, position: FolderPosition, chunk: FetchedChunk) -> FolderPosition:
        drafts = [message.uid for message in chunk.messages or () if message.is_draft]
        return position.after_reading(chunk.uids, drafts, chunk.uids if chunk.messages is None else ())

    def _read_older(self, previous: FolderPosition) -> Iterator[FetchedChunk]:
        """Read what a first reading has to read or has left, newest first.

        As long as all messages are in the window, page by page without a search, which is expensive for the server.
        """
        if not previous.below or not self._folder.messages:
            return
        uids = self._reader.search(self._folder, f"UID 1:{previous.below}")
        # The range includes `below` itself, since 1:0 would be invalid.
        uids = [uid for uid in reversed(uids) if uid < previous.below]
        below = previous.below
        for chunk in self._read(takewhile(lambda _: self._all_in_window, _split(uids))):
            below = min(chunk.uids)
            yield chunk
        if uids and uids[-1] < below:
            yield from self._read(_split(self._search_window(below)))

    def _search_window(self, below: int) -> list[int]:
        """Return the UIDs below this one of messages that may be in the window, newest first.

        The page notes that there are messages before and after the window. A few later ones are among the UIDs, since
        only their headers show which is nearest.
        """
        window = self._context.window
        first, last = _search_day(window.start, -1), _search_day(window.end, 2)
        criteria = f"SINCE {first} BEFORE {last}"
        if self._is_sent_folder:
            criteria = f"OR ({criteria}) (SENTSINCE {first} SENTBEFORE {last})"
        uids = set(self._reader.search(self._folder, criteria))
        # Otherwise all messages are in the window and none can have been skipped.
        if len(uids) < self._folder.messages:
            if set(self._reader.search(self._folder, f"BEFORE {first}")) - uids:
                self._page.skipped = self._page.skipped.including(window.start - timedelta(seconds=1), window)
            later = set(self._reader.search(self._folder, f"SINCE {last}")) - uids
            if len(later) > _MOST_LATER:
                self._page.skipped = self._page.skipped.including(window.end, window)
            else:
                uids |= later
        return sorted((uid for uid in uids if uid < below), reverse=True)


def _split(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the UIDs page by page; of many the first page is short, so that the server soon has the next one to do."""
    first = min(FIRST_PAGE, PAGE) if len(uids) > PAGE else PAGE
    edges = range(first, len(uids), PAGE)
    return (uids[start:end] for start, end in pairwise([0, *edges, len(uids)]) if start < end)


def _search_day(instant: datetime, days: int) -> str:
    """Return the day some days away as a search writes it; the days have a margin, since servers use their own zone."""
    day = instant.date() + timedelta(days=days)
    return f"{day.day}-{MONTHS[day.month - 1].title()}-{day.year}"


def _problems(options: ImapOptions) -> list[str]:
    problems = []
    if (options.password is None) == (options.token is None):
        problems.append("password: give either password or token")
    if options.tls == "none" and not is_loopback(options.host):
        problems.append('tls: "none" would send the password unencrypted; it is allowed for this machine only')
    return problems


SOURCE_KIND = SourceKind(
    name="imap",
    options=ImapOptions,
    make=ImapConnector,
    title="Mail on a server (IMAP)",
    kept_fields=("INTERNALDATE", "FLAGS (whether it is a draft)", *KEPT_FIELDS),
    other_fields="never requested: subject, names of files, text and every other header field",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    check=_problems,
    per_owner=True,
    sent_by_address=True,
)
