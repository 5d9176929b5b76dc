"""Pages of messages, and the options, cursor and header blocks that mail sources share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

from connectors.base import Context, RejectedRecord, Skipped, Window
from connectors.cursor import Cursor, fingerprint
from connectors.mail.dates import parse_date
from connectors.mail.headers import Headers
from connectors.mail.stamps import Participants, StampBuilder
from connectors.records import MessageStamp

PAGE_MESSAGES = 2_000
_FILED_LATE = timedelta(days=1)
_FIRST_READ_BYTES = 16 * 1024  # enough for most header blocks
_LONGEST_BLOCK_BYTES = 256 * 1024
_BLANK_LINE = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """The options of every mail source."""

    lists: Literal["ignore", "ordinary"] = field(
        default="ignore",
        metadata={"help": "Mail from mailing lists counts as automatic (ignore) or as ordinary mail (ordinary)."},
    )
    channel: str = field(default="email", metadata={"help": "The name of this channel in exports and agreements."})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOptions(MailOptions):
    """The options of a mailbox file or folder."""

    path: Path = field(metadata={"help": "The mailbox, relative to the configuration file."})


@dataclass(frozen=True, slots=True)
class MailCursor(Cursor):
    """The base of all mail cursors, with the nearest messages that were skipped because they lie outside the window."""

    skipped: Skipped = field(default_factory=Skipped)

    def needs_full_read(self, window: Window) -> bool:
        """Return ``True`` if all mail has to be read again: settings changed, or the window includes skipped mail."""
        return self.is_new or self.skipped.has_any_in(window)


class MailPage:
    """Collects messages and rejected records until the page is full.

    Of copies of a message on a page one is kept: a sent one before a received one, a written one before an automatic
    one, an earlier one before a later one. The store applies the same rule between pages and sources.
    """

    def __init__(self, context: Context, options: MailOptions, skipped: Skipped) -> None:
        self._window = context.window
        self._stamp_builder = StampBuilder(context, options.lists, options.channel)
        self._stamps: dict[tuple[str, int], MessageStamp] = {}
        self._rejected: list[RejectedRecord] = []
        self._messages = 0
        self.skipped = skipped

    @property
    def is_full(self) -> bool:
        """True if the page should be stored now."""
        return self._messages >= PAGE_MESSAGES

    def add(self, place: str, headers: Headers, delivery_date: str = "") -> None:
        """Add a message, with the time of its Date field or, if that is unreadable, of its delivery."""
        self.add_at(place, headers, headers.sent_at or parse_date(delivery_date))

    def participants(self, headers: Headers, *, filed_as_sent: bool) -> tuple[Participants, ...]:
        """Return the participants of a message, which may be from a folder for sent mail."""
        return self._stamp_builder.participants(headers, filed_as_sent=filed_as_sent)

    def add_at(
        self,
        place: str,
        headers: Headers,
        sent_at: datetime | None,
        participants: tuple[Participants, ...] | None = None,
    ) -> bool:
        """Add a message with the time given; return ``False`` if it is outside the window.

        ``participants`` are those of :meth:`participants`, if they are known already.
        """
        self._messages += 1
        if sent_at is None:
            self.reject(place, "it has no readable date")
            return True
        if not self._window.touches(sent_at, sent_at):
            self.skipped = self.skipped.including(sent_at, self._window)
            return False
        for stamp in self._stamp_builder.stamps(headers, sent_at, participants):
            first = self._stamps.setdefault((stamp.clinician, stamp.key), stamp)
            if first is not stamp:
                self._stamps[stamp.clinician, stamp.key] = min(first, stamp, key=_preference)
        for name in sorted(headers.unreadable):
            self.reject(place, f"the addresses in its {name.title()} field cannot be read")
        return True

    def reject(self, place: str, reason: str) -> None:
        """Add a rejected record."""
        self._rejected.append(RejectedRecord(place, reason))

    def flush(self) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
        """Return the contents of the page and empty it."""
        contents = tuple(self._stamps.values()), tuple(self._rejected)
        self._stamps, self._rejected, self._messages = {}, [], 0
        return contents


def _preference(stamp: MessageStamp) -> tuple[bool, bool, datetime]:
    """Return a sort key for copies of a message, of which the first is kept: see :class:`MailPage`."""
    return not stamp.outgoing, stamp.automatic, stamp.sent_at


def message_time(headers: Headers, received_at: datetime | None, *, outgoing: bool) -> datetime | None:
    """Return the time of a message on a server: when the server received it, which no sender can set, or its Date.

    The Date counts where the server's time is unknown, and for a sent message that was filed more than a day later: an
    import from another mailbox, or a copy from a program that was offline.
    """
    if received_at is not None and not outgoing:
        return received_at
    date = headers.sent_at
    if received_at is None or (date is not None and received_at - date > _FILED_LATE):
        return date
    return received_at


def settings_fingerprint(context: Context, options: MailOptions, *account: str) -> str:
    """Return a keyed name of all settings that decide what becomes of a message: if it changes, all mail is read again.

    ``account`` identifies the account, where two may number their messages alike.
    """
    rules = context.classifier
    owners = sorted((owner.key, owner.addresses) for owner in context.owners)
    inside = (rules.domains, rules.staff, rules.management)
    return fingerprint(context.pseudonyms, options.lists, options.channel, account, owners, inside)


def read_header_block(file: BinaryIO) -> tuple[bytes, bool]:
    """Return the header block at the file's position, and whether it is complete (or longer than any real one)."""
    block = file.read(_FIRST_READ_BYTES)
    if len(block) == _FIRST_READ_BYTES and not _BLANK_LINE.search(block):
        block += file.read(_LONGEST_BLOCK_BYTES - _FIRST_READ_BYTES)
    end = _BLANK_LINE.search(block)
    # With the line end of the last field, without the blank line.
    return block[: end.start() + 1 if end else None], end is not None or len(block) == _LONGEST_BLOCK_BYTES
