"""What mailbox files and folders share: their options, and the page that messages are gathered on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, Literal

from connectors.base import Context, RejectedRecord, Skipped, Window
from connectors.cursor import Cursor, fingerprint
from connectors.errors import UnavailableError
from connectors.files import NotAFileError
from connectors.mail.dates import instant_from
from connectors.mail.headers import Headers
from connectors.mail.stamps import Participants, StampBuilder
from connectors.records import MessageStamp

PAGE_MESSAGES = 2_000
_FIRST_LOOK = 16 * 1024
_LONGEST_BLOCK = 256 * 1024
_BLANK_LINE = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """How the messages of any mail source are read."""

    lists: Literal["ignore", "ordinary"] = field(
        default="ignore",
        metadata={"help": "Mail from mailing lists counts as automatic (ignore) or as ordinary mail (ordinary)."},
    )
    channel: str = field(default="email", metadata={"help": "The name of this channel in exports and agreements."})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOptions(MailOptions):
    """The options of a mailbox source."""

    path: Path = field(metadata={"help": "The mailbox, relative to the configuration file."})


@dataclass(frozen=True, slots=True)
class MailCursor(Cursor):
    """What the cursors of all mail share: the nearest messages that the window left out."""

    skipped: Skipped = field(default_factory=Skipped)

    def needs_full_read(self, window: Window) -> bool:
        """Return ``True`` if all has to be read again: under other settings, or for a message that was left out."""
        return self.is_new or self.skipped.has_any_in(window)


class MailPage:
    """Gathers messages, and what could not be used of them, until the page is full.

    A message that comes twice on a page is kept once: rather as sent than as received, rather written than
    automatic, rather with the earlier time. The store decides likewise between pages and sources.
    """

    def __init__(self, context: Context, options: MailOptions, skipped: Skipped) -> None:
        self._window = context.window
        self._correspondence = StampBuilder(context, options.lists, options.channel)
        self._stamps: dict[tuple[str, int], MessageStamp] = {}
        self._rejected: list[RejectedRecord] = []
        self._messages = 0
        self.skipped = skipped

    @property
    def is_full(self) -> bool:
        """Whether it is time to store the page."""
        return self._messages >= PAGE_MESSAGES

    def add(self, where: str, headers: Headers, postmark: str = "") -> None:
        """Put one message on the page; ``postmark`` is the time of delivery where Date says nothing."""
        self.add_at(where, headers, headers.sent_at or instant_from(postmark))

    def participants(self, headers: Headers, *, filed_as_sent: bool) -> tuple[Participants, ...]:
        """Who stands at the ends of a message, which perhaps lay where sent mail lies."""
        return self._correspondence.participants(headers, filed_as_sent=filed_as_sent)

    def add_at(
        self, where: str, headers: Headers, sent_at: datetime | None, seen: tuple[Participants, ...] | None = None
    ) -> bool:
        """Put one message on the page whose time is known, and perhaps its ends. Whether it may lie in the window."""
        self._messages += 1
        if sent_at is None:
            self.reject(where, "it has no readable date")
        elif not self._window.touches(sent_at, sent_at):
            self.skipped = self.skipped.including(sent_at, self._window)
            return False
        else:
            self._keep(self._correspondence.stamps(headers, sent_at, seen))
            for name in sorted(headers.unreadable):
                self.reject(where, f"the addresses in its {name.title()} field cannot be read")
        return True

    def reject(self, where: str, reason: str) -> None:
        """Set a message aside."""
        self._rejected.append(RejectedRecord(where, reason))

    def flush(self) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
        """Hand over what is on the page and begin a new one."""
        page = tuple(self._stamps.values()), tuple(self._rejected)
        self._stamps, self._rejected, self._messages = {}, [], 0
        return page

    def _keep(self, stamps: Iterable[MessageStamp]) -> None:
        for stamp in stamps:
            known = self._stamps.setdefault((stamp.clinician, stamp.key), stamp)
            if known is not stamp:
                self._stamps[stamp.clinician, stamp.key] = min(known, stamp, key=_worth)


def _worth(stamp: MessageStamp) -> tuple[bool, bool, datetime]:
    return not stamp.outgoing, stamp.automatic, stamp.sent_at


def settings_fingerprint(context: Context, options: MailOptions, *account: str) -> str:
    """A keyed name of all that decides what a message becomes: if it changes, a mailbox is read anew.

    ``account`` says which one it is, where the numbers of two may be alike.
    """
    rules = context.classifier
    owners = sorted((owner.key, owner.addresses) for owner in context.owners)
    inside = (rules.domains, rules.staff, rules.management)
    return fingerprint(context.pseudonyms, options.lists, options.channel, account, owners, inside)


def read_header_block(file: BinaryIO) -> tuple[bytes, bool]:
    """The header block that begins where the file stands, and whether its end was seen (or it is overlong)."""
    block = file.read(_FIRST_LOOK)
    if len(block) == _FIRST_LOOK and not _BLANK_LINE.search(block):
        block += file.read(_LONGEST_BLOCK - _FIRST_LOOK)
    end = _BLANK_LINE.search(block)
    return block[: end.start() + 1 if end else None], end is not None or len(block) == _LONGEST_BLOCK


@contextmanager
def translated_errors(context: Context, path: Path) -> Iterator[None]:
    """Turn what the file system may do to us into an :class:`UnavailableError` that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise path_error(context, f'there is no "{path}".') from error
    except PermissionError as error:
        remedy = "Give whoever runs evenhours the right to read it."
        raise UnavailableError(context.source, f'"{path}" may not be read.', remedy) from error
    except NotAFileError as error:
        raise error.to_connector_error(context.source, path) from error
    except OSError as error:
        remedy = "Check the disk it lies on, then run it again."
        raise UnavailableError(context.source, f'"{path}" cannot be read.', remedy) from error


def is_folder(context: Context, path: Path) -> bool:
    """Whether the configured path is a folder rather than a file; a pipe or device is refused unopened."""
    with translated_errors(context, path):
        mode = (context.folder / path).stat().st_mode
    if not (S_ISDIR(mode) or S_ISREG(mode)):
        raise NotAFileError().to_connector_error(context.source, path)
    return S_ISDIR(mode)


def path_error(context: Context, found: str) -> UnavailableError:
    """What to say where the path leads to nothing that can be used."""
    return UnavailableError(context.source, found, "Correct its path, which begins at the configuration file's folder.")
