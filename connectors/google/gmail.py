"""Gmail: the times of messages, from their headers alone.

::

    first run, changed settings or account, expired history (404)    history id → all messages, newest first
    otherwise                                                        changes since the history id → the rest of the list

The permission is for metadata only, so Gmail itself refuses bodies and searches. All messages are listed newest first,
because years of mail take more than one night: the most useful ones are there after the first, and new messages are
read before the rest of the list. The history id is taken before the list is begun, or from the last page of the
history, never from a message, so that no message in between is missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import MalformedError
from connectors.google.access import SCOPES, GoogleOptions, problems
from connectors.google.service import GoneError, GoogleClient, RefusedError
from connectors.mail.headers import KEPT_FIELDS, Headers
from connectors.mail.pages import MailCursor, MailOptions, MailPage, message_time, settings_fingerprint
from connectors.retry import Pause

PAGE = 100  # messages of the list; an interrupted run reads at most this many twice
_HISTORY_PAGE = 500
_HEADERS = [name for name in KEPT_FIELDS if name != "X-GM-THRID"]
_MESSAGE = "id,threadId,internalDate,labelIds,payload/headers"
_LIST = "messages/id,nextPageToken"
_HISTORY = "history(messagesAdded/message/id,labelsRemoved(message/id,labelIds)),historyId,nextPageToken"
_NO_CORRESPONDENCE = frozenset({"DRAFT", "SPAM", "TRASH", "CHAT"})
_HEXADECIMAL = re.compile("[0-9a-f]{1,16}")
_HIDING_LABELS = frozenset({"SPAM", "TRASH", "DRAFT"})  # a message that loses one may be correspondence after all


@dataclass(frozen=True, slots=True, kw_only=True)
class GmailOptions(GoogleOptions):
    """The options of a Gmail mailbox."""

    lists: Literal["ignore", "ordinary"] = field(
        default="ignore",
        metadata={"help": "Mail from mailing lists counts as automatic (ignore) or as ordinary mail (ordinary)."},
    )
    channel: str = field(default="email", metadata={"help": "The name of this channel in exports and agreements."})


@dataclass(frozen=True, slots=True)
class GmailCursor(MailCursor):
    """The position in the history (``history``, and page ``news``) and in the list of all messages (``page``).

    ``listed`` is true while the list has not been read to its end. ``newest`` is the time (epoch seconds) of the list's
    first message. ``account`` and ``permission`` are pseudonyms: a history id is valid for one account only, and a new
    permission may be for another account.
    """

    account: str = ""
    permission: str = ""
    history: str = ""
    news: str = ""
    page: str = ""
    listed: bool = True
    newest: int = 0

    def check(self) -> None:
        """Raise ValueError for an invalid history id."""
        if not self.history.isdigit():
            raise ValueError


class Gmail:
    """A reader of one account's mailbox, except drafts, spam, trash and chats."""

    def __init__(self, options: GmailOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause
        self._mail_options = MailOptions(lists=options.lists, channel=options.channel)
        self._cursor = GmailCursor("")

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the new messages, or of all messages."""
        last = GmailCursor.parse(cursor, self._settings())
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            users = google.api("gmail", "v1").users()
            if not last.is_new and last.permission != self._permission(google):
                new = self._new_cursor(google, users)
                last = replace(last, permission=new.permission) if last.account == new.account else new
            is_new = last.needs_full_read(self._context.window)
            self._cursor = self._new_cursor(google, users) if is_new else last
            if not is_new:
                try:
                    yield from self._new_messages(google, users)
                except (GoneError, RefusedError):
                    # Gmail no longer has this history: stored messages stay, and all are read again.
                    self._cursor, is_new = self._new_cursor(google, users), True
            for batch in self._listed_messages(google, users):
                yield replace(batch, restarts=is_new)
                is_new = False

    def _settings(self) -> str:
        return settings_fingerprint(self._context, self._mail_options)

    def _new_cursor(self, google: GoogleClient, users: Any) -> GmailCursor:
        profile = google.execute(users.getProfile(userId="me", fields="emailAddress,historyId"))
        account = self._context.pseudonyms.entry("gmail account", str(profile.get("emailAddress")).lower())
        permission, history = self._permission(google), self._history_id(profile)
        return GmailCursor(self._settings(), account=account, permission=permission, history=history)

    def _permission(self, google: GoogleClient) -> str:
        return self._context.pseudonyms.entry("google permission", google.permission)

    def _history_id(self, response: Mapping[str, Any]) -> str:
        history = response.get("historyId")
        if not isinstance(history, str) or not history.isdigit():
            raise self._malformed()
        return history

    def _malformed(self) -> MalformedError:
        return MalformedError(self._context.source, "Gmail's response cannot be read.", "The next run tries again.")

    def _new_messages(self, google: GoogleClient, users: Any) -> Iterator[Batch]:
        """Yield pages of the messages since the history id."""
        query = {"startHistoryId": self._cursor.history, "maxResults": _HISTORY_PAGE, "fields": _HISTORY}
        types, is_last = ["messageAdded", "labelRemoved"], False
        while not is_last:
            response = self._list_page(
                google,
                lambda page: users.history().list(userId="me", historyTypes=types, **query, **page),
                self._cursor.news,
            )
            next_page = str(response.get("nextPageToken") or "")
            is_last = not next_page or next_page == self._cursor.news
            ids = self._added_ids(response.get("history", []))
            page, _ = self._mail_page(google, users, ids)
            history = self._history_id(response) if is_last else self._cursor.history
            news = "" if is_last else next_page
            self._cursor = replace(self._cursor, history=history, news=news, skipped=page.skipped)
            if ids or not self._cursor.listed:  # else the list's next page carries the cursor
                records, rejected = page.flush()
                yield Batch(self._cursor.dump(), records, rejected=rejected)

    def _listed_messages(self, google: GoogleClient, users: Any) -> Iterator[Batch]:
        """Yield pages of the rest of the list, newest first, until a whole page is older than the window."""
        start = self._context.window.start
        while self._cursor.listed:
            response = self._list_page(
                google,
                lambda page: users.messages().list(userId="me", maxResults=PAGE, fields=_LIST, **page),
                self._cursor.page,
            )
            next_page = str(response.get("nextPageToken") or "")
            page, accepted = self._mail_page(google, users, self._ids(response.get("messages", [])))
            is_older = bool(accepted) and all(instant is not None and instant < start for instant in accepted)
            is_last = not next_page or next_page == self._cursor.page or is_older
            times = [int(instant.timestamp()) for instant in accepted if instant]
            newest = self._cursor.newest or max(times, default=0)
            next_page = "" if is_last else next_page
            self._cursor = replace(
                self._cursor, page=next_page, listed=not is_last, newest=newest, skipped=page.skipped
            )
            # Progress is counted in seconds from the newest message back to the start of the window.
            total = max(newest - int(start.timestamp()), 1)
            done = total if is_last else min(newest - min(times, default=newest), total)
            records, rejected = page.flush()
            yield Batch(self._cursor.dump(), records, rejected=rejected, done=done, total=total)

    def _list_page(self, google: GoogleClient, request: Callable[[dict[str, str]], Any], page: str) -> dict[str, Any]:
        """Return a page of a list, or the first one if the page token is no longer valid."""
        if page:
            with suppress(RefusedError):
                return google.execute(request({"pageToken": page}))
        return google.execute(request({}))

    def _ids(self, messages: Any) -> list[str]:
        """Return the ids of messages, each once."""
        try:
            return list(dict.fromkeys(str(message["id"]) for message in messages))
        except (TypeError, KeyError) as error:
            raise self._malformed() from error

    def _added_ids(self, records: Any) -> list[str]:
        """Return the ids of messages that are new, or no longer spam, trash or drafts."""
        try:
            messages = [entry["message"] for record in records for entry in record.get("messagesAdded", ())]
            for record in records:
                changes = record.get("labelsRemoved", ())
                messages += [
                    change["message"] for change in changes if not _HIDING_LABELS.isdisjoint(change["labelIds"])
                ]
        except (TypeError, KeyError, AttributeError) as error:
            raise self._malformed() from error
        return self._ids(messages)

    def _mail_page(self, google: GoogleClient, users: Any, ids: list[str]) -> tuple[MailPage, list[datetime | None]]:
        """Return a page of the messages with these ids, and when Gmail accepted each, if known."""
        page = MailPage(self._context, self._mail_options, self._cursor.skipped)
        accepted: list[datetime | None] = []
        query = {"userId": "me", "format": "metadata", "metadataHeaders": _HEADERS, "fields": _MESSAGE}
        responses = google.execute_all({id_: users.messages().get(id=id_, **query) for id_ in ids})
        for id_, message in responses.items():
            where = f"message {self._context.pseudonyms.entry('gmail message', id_)}"
            if isinstance(message, RefusedError):
                page.reject(where, "Gmail refuses to return it")
                accepted.append(None)
            elif not isinstance(message, GoneError):  # else it has been deleted in the meantime
                accepted.append(self._add(page, where, message))
        return page, accepted

    def _add(self, page: MailPage, where: str, message: Mapping[str, Any]) -> datetime | None:
        """Add a message to the page, if it is correspondence; return when Gmail accepted it."""
        try:
            labels = frozenset(message.get("labelIds", ()))
            accepted_at = datetime.fromtimestamp(int(message["internalDate"]) // 1000, UTC)
            headers = _headers(message)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError):
            page.reject(where, "it has no readable date or headers")
            return None
        if labels.isdisjoint(_NO_CORRESPONDENCE):
            is_sent = "SENT" in labels
            participants = page.participants(headers, filed_as_sent=is_sent)
            page.add_at(where, headers, message_time(headers, accepted_at, outgoing=is_sent), participants)
        return accepted_at


def _headers(message: Mapping[str, Any]) -> Headers:
    """Return the header fields that are kept. The thread id is decimal, as in the mbox files of Google Takeout."""
    fields: dict[str, list[str]] = {}
    for header in message.get("payload", {}).get("headers", ()):
        fields.setdefault(str(header["name"]).lower(), []).append(" ".join(str(header["value"]).split()))
    values = {name.lower(): fields[name.lower()] for name in _HEADERS if name.lower() in fields}
    thread = str(message.get("threadId", ""))
    return Headers.from_fields(
        values | ({"x-gm-thrid": [str(int(thread, 16))]} if _HEXADECIMAL.fullmatch(thread) else {})
    )


SOURCE_KIND = SourceKind(
    name="gmail",
    options=GmailOptions,
    make=Gmail,
    title="Gmail",
    kept_fields=(
        "emailAddress (of the account, to know it again)",
        "id",
        "threadId",
        "internalDate",
        "labelIds",
        *_HEADERS,
    ),
    other_fields="never requested",
    record_types=lambda _: frozenset({RecordType.MESSAGES}),
    check=problems,
    per_owner=True,
    sent_by_address=True,
)
