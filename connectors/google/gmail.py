"""Gmail: when messages came and went, by their headers alone.

::

    first time, settings or account changed, history forgotten (404)    the history's place → all messages, newest first
    otherwise                      what the history says has come since → the rest of the list, if there is any

The permission is for metadata only, so Gmail itself refuses texts and searches. Newest first, because years of mail
take more than one night: what counts most is there after the first, and what came since is read before what is left of
the list. The place in the history is taken before the list is begun, or from the last page of the history, never from a
message: nothing that comes in between is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.base import Batch, Context, RecordType, SourceKind
from connectors.errors import MalformedError
from connectors.google.access import SCOPES
from connectors.google.options import GoogleOptions, problems
from connectors.google.service import GoneError, GoogleClient, RefusedError
from connectors.mail.headers import KEPT, Headers
from connectors.mail.pages import MailCursor, MailOptions, MailPage, settings_fingerprint
from connectors.retry import Pause

PAGE = 100  # of the list: what a night that is cut off reads twice at most
_HISTORY_PAGE = 500
_HEADERS = [name for name in KEPT if name != "X-GM-THRID"]
_MESSAGE = "id,threadId,internalDate,labelIds,payload/headers"
_LIST = "messages/id,nextPageToken"
_HISTORY = "history(messagesAdded/message/id,labelsRemoved(message/id,labelIds)),historyId,nextPageToken"
_NO_CORRESPONDENCE = frozenset({"DRAFT", "SPAM", "TRASH", "CHAT"})
_HEXADECIMAL = re.compile("[0-9a-f]{1,16}")
_SHED = frozenset({"SPAM", "TRASH", "DRAFT"})  # labels without which a message may be correspondence after all
_IMPORTED = timedelta(days=1)  # an own message that Gmail got later than this is from an older mailbox


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
    """The place and page in the history; while the whole is being ``listed``, the page of the list as well.

    ``newest`` is the instant (epoch seconds) at which the list begins. ``account`` and ``permission`` are keyed names:
    a place in one account's history means nothing in another's, and a new permission may be another account's.
    """

    account: str = ""
    permission: str = ""
    history: str = ""
    news: str = ""
    page: str = ""
    listed: bool = True
    newest: int = 0

    def check(self) -> None:
        """Raise ValueError for a place in the history that is none."""
        if not self.history.isdigit():
            raise ValueError


class Gmail:
    """Reads the mailbox of one account, except drafts, spam, trash and chats."""

    def __init__(self, options: GmailOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause
        self._reading = MailOptions(lists=options.lists, channel=options.channel)
        self._at = GmailCursor("")

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that were not read before, or of all of them."""
        known = GmailCursor.parse(cursor, self._settings())
        with GoogleClient(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            users = google.api("gmail", "v1").users()
            if not known.is_new and known.permission != self._permission(google):
                now = self._beginning(google, users)
                known = replace(known, permission=now.permission) if known.account == now.account else now
            is_new = known.needs_full_read(self._context.window)
            self._at = self._beginning(google, users) if is_new else known
            if not is_new:
                try:
                    yield from self._news(google, users)
                except (GoneError, RefusedError):
                    # a place that Gmail has forgotten: what was stored stays true, and all is read again
                    self._at, is_new = self._beginning(google, users), True
            for batch in self._everything(google, users):
                yield replace(batch, restarts=is_new)
                is_new = False

    def _settings(self) -> str:
        return settings_fingerprint(self._context, self._reading)

    def _beginning(self, google: GoogleClient, users: Any) -> GmailCursor:
        profile = google.execute(users.getProfile(userId="me", fields="emailAddress,historyId"))
        account = self._context.pseudonyms.entry("gmail account", str(profile.get("emailAddress")).lower())
        permission, place = self._permission(google), self._place(profile)
        return GmailCursor(self._settings(), account=account, permission=permission, history=place)

    def _permission(self, google: GoogleClient) -> str:
        return self._context.pseudonyms.entry("google permission", google.permission)

    def _place(self, answer: Mapping[str, Any]) -> str:
        place = answer.get("historyId")
        if not isinstance(place, str) or not place.isdigit():
            raise self._malformed()
        return place

    def _malformed(self) -> MalformedError:
        return MalformedError(self._context.source, "what Gmail answers makes no sense.", "The next run tries again.")

    def _news(self, google: GoogleClient, users: Any) -> Iterator[Batch]:
        """What has come since."""
        asked = {"startHistoryId": self._at.history, "maxResults": _HISTORY_PAGE, "fields": _HISTORY}
        types, is_last = ["messageAdded", "labelRemoved"], False
        while not is_last:
            answer = self._told(
                google,
                lambda page: users.history().list(userId="me", historyTypes=types, **asked, **page),
                self._at.news,
            )
            following = str(answer.get("nextPageToken") or "")
            is_last = not following or following == self._at.news
            names = self._added(answer.get("history", []))
            page, _ = self._page(google, users, names)
            place = self._place(answer) if is_last else self._at.history
            self._at = replace(self._at, history=place, news="" if is_last else following, skipped=page.skipped)
            if names or not self._at.listed:  # else the next page of the list says how far we are
                records, rejected = page.flush()
                yield Batch(self._at.dump(), records, rejected=rejected)

    def _everything(self, google: GoogleClient, users: Any) -> Iterator[Batch]:
        """All messages that are still to be listed, newest first, until a whole page is older than the window."""
        start = self._context.window.start
        while self._at.listed:
            answer = self._told(
                google,
                lambda page: users.messages().list(userId="me", maxResults=PAGE, fields=_LIST, **page),
                self._at.page,
            )
            following = str(answer.get("nextPageToken") or "")
            page, accepted = self._page(google, users, self._names(answer.get("messages", [])))
            older = bool(accepted) and all(instant is not None and instant < start for instant in accepted)
            is_last = not following or following == self._at.page or older
            known = [int(instant.timestamp()) for instant in accepted if instant]
            newest = self._at.newest or max(known, default=0)
            following = "" if is_last else following
            self._at = replace(self._at, page=following, listed=not is_last, newest=newest, skipped=page.skipped)
            total = max(newest - int(start.timestamp()), 1)
            done = total if is_last else min(newest - min(known, default=newest), total)
            records, rejected = page.flush()
            yield Batch(self._at.dump(), records, rejected=rejected, done=done, total=total)

    def _told(self, google: GoogleClient, request: Callable[[dict[str, str]], Any], page: str) -> dict[str, Any]:
        """One page of a list; the first one where the page's token is of no use any more."""
        if page:
            with suppress(RefusedError):
                return google.execute(request({"pageToken": page}))
        return google.execute(request({}))

    def _names(self, messages: Any) -> list[str]:
        """The ids of messages, each once."""
        try:
            return list(dict.fromkeys(str(message["id"]) for message in messages))
        except (TypeError, KeyError) as error:
            raise self._malformed() from error

    def _added(self, records: Any) -> list[str]:
        """The ids of what has come, has come out of the spam or the trash, or is no draft any more."""
        try:
            found = [entry["message"] for record in records for entry in record.get("messagesAdded", ())]
            for record in records:
                changes = record.get("labelsRemoved", ())
                found += [change["message"] for change in changes if not _SHED.isdisjoint(change["labelIds"])]
        except (TypeError, KeyError, AttributeError) as error:
            raise self._malformed() from error
        return self._names(found)

    def _page(self, google: GoogleClient, users: Any, names: list[str]) -> tuple[MailPage, list[datetime | None]]:
        """These messages on a page, and when Gmail accepted each, as far as it can be told."""
        page = MailPage(self._context, self._reading, self._at.skipped)
        accepted: list[datetime | None] = []
        asked = {"userId": "me", "format": "metadata", "metadataHeaders": _HEADERS, "fields": _MESSAGE}
        answers = google.execute_all({name: users.messages().get(id=name, **asked) for name in names})
        for name, message in answers.items():
            where = f"message {self._context.pseudonyms.entry('gmail message', name)}"
            if isinstance(message, RefusedError):
                page.reject(where, "Gmail does not hand it out")
                accepted.append(None)
            elif not isinstance(message, GoneError):  # else it was deleted in the meantime
                accepted.append(self._add(page, where, message))
        return page, accepted

    def _add(self, page: MailPage, where: str, message: Mapping[str, Any]) -> datetime | None:
        """Put one message on the page, if it is correspondence; when Gmail accepted it."""
        try:
            labels = frozenset(message.get("labelIds", ()))
            accepted_at = datetime.fromtimestamp(int(message["internalDate"]) // 1000, UTC)
            headers = _headers(message)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError):
            page.reject(where, "it has no readable date or headers")
            return None
        if labels.isdisjoint(_NO_CORRESPONDENCE):
            is_sent = "SENT" in labels
            seen = page.participants(headers, filed_as_sent=is_sent)
            page.add_at(where, headers, _sent_at(headers, accepted_at, is_sent=is_sent), seen)
        return accepted_at


def _headers(message: Mapping[str, Any]) -> Headers:
    """The kept header fields; the thread as the mailbox files of Google's own export spell it."""
    fields: dict[str, list[str]] = {}
    for header in message.get("payload", {}).get("headers", ()):
        fields.setdefault(str(header["name"]).lower(), []).append(" ".join(str(header["value"]).split()))
    kept = {name.lower(): fields[name.lower()] for name in _HEADERS if name.lower() in fields}
    thread = str(message.get("threadId", ""))
    return Headers.from_fields(
        kept | ({"x-gm-thrid": [str(int(thread, 16))]} if _HEXADECIMAL.fullmatch(thread) else {})
    )


def _sent_at(headers: Headers, accepted_at: datetime, *, is_sent: bool) -> datetime:
    """Gmail's own time, except for an own message that was brought over from elsewhere much later."""
    date = headers.sent_at
    if is_sent and date is not None and accepted_at - date > _IMPORTED:
        return date
    return accepted_at


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
