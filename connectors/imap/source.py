"""Mail on a server (IMAP): the folders of one account, newest messages first.

A night asks once how the folders stand; where none has a new message, nothing else is asked. What came since is read
first, then what an interrupted first reading had left. A message over which the server breaks off is set aside once it
has been tried alone.

When was it? A received message counts from when the server took it in, which no sender can set. A sent one, too, unless
it was filed more than a day after its own Date (an import, a copy from a program that was offline): then that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Literal

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import UnavailableError
from connectors.imap.cursor import ImapCursor, Mark
from connectors.imap.folders import Folder, Role, wanted
from connectors.imap.messages import MONTHS, Row
from connectors.imap.reader import Part, Reader
from connectors.imap.session import Account
from connectors.mail.headers import KEPT, Headers
from connectors.mail.pages import MailOptions, MailPage, settings_fingerprint
from connectors.network import is_loopback

FIRST_PAGE, PAGE = 200, 1_000  # messages
_FILED_LATE = timedelta(days=1)
_FEW = 200  # messages that are looked at rather than guessed about


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapOptions(MailOptions):
    """Where the account is and who reads it. Of several owners each has one: ``{key}`` stands for the clinician's."""

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


class Imap:
    """Reads the account of one clinician, except drafts, junk and trash."""

    def __init__(self, options: ImapOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._settings = settings_fingerprint(context, options, options.host.lower(), self._username())

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that were not read before.

        That a folder could not be looked into is said at the end, when the others have been read.
        """
        known = ImapCursor.parse(cursor, self._settings)
        with closing(Reader(self._account())) as reader:
            folders = wanted(reader.folders())
            is_whole = all(folder.is_told for folder in folders)
            holds = sum(folder.messages for folder in folders) if is_whole else None
            anew = known.needs_full_read(self._context.window)
            pages = self._pages(reader, folders, ImapCursor(self._settings) if anew else known)
            yield replace(next(pages), restarts=anew, source_size=holds)
            yield from pages
        if not is_whole:
            found = "the mail server does not say what is new in some of its folders; the others were read."
            remedy = "The next run tries again. If that is so every night, it is a server that cannot be read."
            raise UnavailableError(self._context.source, found, remedy)

    def _username(self) -> str:
        return self._options.username.replace("{key}", self._context.owners[0].key)

    def _account(self) -> Account:
        options, (owner,) = self._options, self._context.owners
        secrets = [
            self._context.read_secret(where.replace("{key}", owner.key)) if where else ""
            for where in (options.password, options.token)
        ]
        port = options.port or (993 if options.tls == "tls" else 143)
        return Account(self._context.source, options.host, port, options.tls, self._username(), *secrets)

    def _pages(self, reader: Reader, folders: Sequence[Folder], known: ImapCursor) -> Iterator[Batch]:
        page = MailPage(self._context, self._options, known.skipped)
        names = [self._context.pseudonyms.entry("imap", folder.name) for folder in folders]
        marks = {name: mark for name, mark in known.folders.items() if name in names}
        reached, done, total = replace(known, folders=marks), 0, sum(folder.messages for folder in folders)
        told = [(number, *pair) for number, pair in enumerate(zip(names, folders, strict=True), 1) if pair[1].is_told]
        for number, name, folder in told:
            reading = _Reading(self._context, reader, folder, page, f"folder {number}")
            for mark in reading.marks(marks.get(name)):
                reached = replace(reached, skipped=page.skipped, folders=reached.folders | {name: mark})
                records, rejected = page.flush()
                yield Batch(reached.dump(), records, rejected=rejected, done=done + reading.done, total=total)
            reached, done = replace(reached, folders=reached.folders | {name: reading.mark}), done + folder.messages
        records, rejected = page.flush()
        last = replace(reached, skipped=page.skipped)
        yield Batch(last.dump(), records, rejected=rejected, done=total, total=total)


class _Reading:
    """One folder: fills the page, gives a mark wherever that is to be stored, and has one in the end."""

    def __init__(self, context: Context, reader: Reader, folder: Folder, page: MailPage, place: str) -> None:
        self._context, self._reader, self._folder, self._page, self._place = context, reader, folder, page, place
        self._holds_sent = folder.role is Role.SENT
        self._within = True  # whether all that came lies in the window
        self.done = 0
        validity = context.pseudonyms.entry("imap validity", folder.validity)
        self.mark = Mark(validity, folder.next_uid, folder.next_uid)

    def marks(self, known: Mark | None) -> Iterator[Mark]:
        """Read what is new and what is left; nothing is asked where neither can be."""
        folder = self._folder
        if known is None or known.validity != self.mark.validity:
            known = self.mark
        self.mark = mark = known
        if known == replace(known, above=folder.next_uid, below=0, modseq=folder.modseq, broken=()):
            return
        for part in self._read(_pages(self._fresh(known))):
            mark = replace(self._after(mark, part), above=max(part.numbers) + 1)
            yield mark
        for part in self._older(known):
            mark = replace(self._after(mark, part), below=min(part.numbers))
            yield mark
        for part in self._read([number] for number in self._again(known)):
            mark = self._after(mark, part)
        self.mark = replace(mark, above=folder.next_uid, below=0, modseq=folder.modseq)

    def _read(self, parts: Iterable[Sequence[int]]) -> Iterator[Part]:
        for part in self._reader.parts(self._folder, parts):
            if part.rows is None:
                self._page.reject(f"{self._place}, message {part.numbers[0]}", "the mail server breaks off at it")
            for row in part.rows or ():
                self._put(row)
            self.done += len(part.numbers)
            yield part

    def _after(self, mark: Mark, part: Part) -> Mark:
        drafts = [row.uid for row in part.rows or () if row.is_draft]
        return mark.after(part.numbers, drafts, part.numbers if part.rows is None else ())

    def _fresh(self, known: Mark) -> Sequence[int]:
        """What is new, oldest first."""
        new = range(known.above, self._folder.next_uid)
        if len(new) <= PAGE:
            return new
        return [number for number in self._reader.found(self._folder, f"UID {new[0]}:{new[-1]}") if number in new]

    def _again(self, known: Mark) -> list[int]:
        """Messages at which the server broke off, and unfinished ones that may have been finished since."""
        changed = known.modseq != self._folder.modseq or not known.modseq
        return [*(known.drafts if changed else ()), *known.broken]

    def _older(self, known: Mark) -> Iterator[Part]:
        """What a first reading is to bring or has left, newest first.

        Page by page, which costs the server no search, as long as all of it lies in the window.
        """
        if not known.below or not self._folder.messages:
            return
        everything = self._reader.found(self._folder, f"UID 1:{known.below}")
        left = [number for number in reversed(everything) if number < known.below]
        below = known.below
        for part in self._read(takewhile(lambda _: self._within, _pages(left))):
            below = min(part.numbers)
            yield part
        if left and left[-1] < below:
            yield from self._read(_pages(self._searched(below)))

    def _searched(self, below: int) -> list[int]:
        """The messages under a number that may lie in the window, newest first."""
        first, last = _day(self._context.window.start, -1), _day(self._context.window.end, 2)
        criteria = f"SINCE {first} BEFORE {last}"
        if self._holds_sent:
            criteria = f"OR ({criteria}) (SENTSINCE {first} SENTBEFORE {last})"
        found = set(self._reader.found(self._folder, criteria))
        if len(found) < self._folder.messages:
            found |= self._left_out(found, first, last)
        return sorted((number for number in found if number < below), reverse=True)

    def _left_out(self, found: set[int], first: str, last: str) -> set[int]:
        """Remember that there is something before and after the window; a few later ones are looked at."""
        window = self._context.window
        if set(self._reader.found(self._folder, f"BEFORE {first}")) - found:
            self._page.skipped = self._page.skipped.including(window.start - timedelta(seconds=1), window)
        later = set(self._reader.found(self._folder, f"SINCE {last}")) - found
        if len(later) > _FEW:
            self._page.skipped = self._page.skipped.including(window.end, window)
            return set()
        return later

    def _put(self, row: Row) -> None:
        if row.is_draft:
            return
        headers = Headers.from_block(row.block, chosen=True)
        seen = self._page.participants(headers, filed_as_sent=self._holds_sent)
        is_sent = bool(seen) and seen[0].outgoing
        when = _instant(row.received_at, headers, is_sent=is_sent)
        self._within &= self._page.add_at(f"{self._place}, message {row.uid}", headers, when, seen)


def _instant(received_at: datetime | None, headers: Headers, *, is_sent: bool) -> datetime | None:
    if received_at is not None and not is_sent:
        return received_at
    date = headers.sent_at
    return date if received_at is None or (date is not None and received_at - date > _FILED_LATE) else received_at


def _pages(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """The numbers page by page; the first of many is short, so that there is work while the server looks for others."""
    first = min(FIRST_PAGE, PAGE) if len(numbers) > PAGE else PAGE
    edges = range(first, len(numbers), PAGE)
    return (numbers[begin:end] for begin, end in pairwise([0, *edges, len(numbers)]) if begin < end)


def _day(instant: datetime, days: int) -> str:
    """The day some days away as a search spells it; servers count days in zones of their own."""
    day = instant.date() + timedelta(days=days)
    return f"{day.day}-{MONTHS[day.month - 1].title()}-{day.year}"


def _problems(options: ImapOptions) -> list[str]:
    problems = []
    if (options.password is None) == (options.token is None):
        problems.append("password: give either password or token")
    if options.tls == "none" and not is_loopback(options.host):
        problems.append('tls: "none" would send the password in the open; it is for this machine itself alone')
    return problems


SOURCE_KIND = SourceKind(
    name="imap",
    options=ImapOptions,
    make=Imap,
    title="Mail on a server (IMAP)",
    kept_fields=("INTERNALDATE", "FLAGS (whether it is a draft)", *KEPT),
    other_fields="never requested: subject, names of files, text and every other header field",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    check=_problems,
    per_owner=True,
    sent_by_address=True,
)
