"""Gmail: when messages came and went, by their headers alone.

::

    first time, settings changed, history forgotten (404)    the history's place → all messages, newest first
    otherwise                                                what the history says has come since → page by page

The permission is for metadata only, so Gmail itself refuses texts and searches. Newest first, because years of mail
take more than one night: what counts most is there after the first. The place in the history is taken before the list
is begun, or from the last page of the history, never from a message: nothing that comes in between is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.base import Batch, Context, SourceKind
from connectors.errors import MalformedError
from connectors.google.access import SCOPES
from connectors.google.options import GoogleOptions, problems
from connectors.google.service import GoneError, Google, Pause, RefusedError
from connectors.mail.headers import KEPT, Headers
from connectors.mail.pages import MailPage, ReadingOptions, Skipped, settings_of

PAGE = 100  # of the list: what a night that is cut off reads twice at most
_HISTORY_PAGE = 500
_HEADERS = [name for name in KEPT if name != "X-GM-THRID"]
_MESSAGE = "id,threadId,internalDate,labelIds,payload/headers"
_LIST = "messages/id,nextPageToken"
_HISTORY = "history(messagesAdded/message/id,labelsRemoved(message/id,labelIds)),historyId,nextPageToken"
_NO_CORRESPONDENCE = frozenset({"DRAFT", "SPAM", "TRASH", "CHAT"})
_HEXADECIMAL = re.compile("[0-9a-f]{1,16}")
_RESCUED = frozenset({"SPAM", "TRASH"})
_IMPORTED = timedelta(days=1)  # an own message that Gmail got later than this is from an older mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class GmailOptions(GoogleOptions):
    """The options of a Gmail mailbox."""

    lists: Literal["ignore", "ordinary"] = field(
        default="ignore",
        metadata={"help": "Whether mail through a mailing list counts as automatic (ignore) or as written (ordinary)."},
    )
    channel: str = field(default="email", metadata={"help": "What the messages are called in exports."})


@dataclass(frozen=True, slots=True)
class Progress:
    """The cursor: the place in the history; while the whole is being ``listed``, the page of the list as well."""

    settings: str
    history: str = ""
    page: str = ""
    listed: bool = True
    skipped: Skipped = field(default_factory=Skipped)

    @classmethod
    def understood(cls, cursor: str | None) -> Progress | None:
        """Understand a cursor; whatever is none of ours is ``None``."""
        try:
            told = json.loads(cursor or "{}")
            skipped = Skipped(**told["skipped"])
            settings, history, page = (str(told[name]) for name in ("settings", "history", "page"))
            return cls(settings, history, page, bool(told["listed"]), skipped) if history.isdigit() else None
        except (ValueError, TypeError, KeyError):
            return None

    def written(self) -> str:
        """The cursor's text."""
        return json.dumps(asdict(self), separators=(",", ":"))


class Gmail:
    """Reads the mailbox of one account, except drafts, spam, trash and chats."""

    def __init__(self, options: GmailOptions, context: Context, pause: Pause | None = None) -> None:
        self._options = options
        self._context = context
        self._pause = pause
        self._reading = ReadingOptions(lists=options.lists, channel=options.channel)
        self._read = 0

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield pages of the messages that were not read before, or of all of them."""
        known = Progress.understood(cursor)
        with Google(self._context, self._options, SCOPES[SOURCE_KIND.name], pause=self._pause) as google:
            users = google.api("gmail", "v1").users()
            if known is not None and not self._is_outdated(known):
                go_on = self._everything if known.listed else self._news
                # a place or page that Gmail has forgotten: what was stored stays true, and all is read again
                with suppress(GoneError, RefusedError):
                    yield from go_on(google, users, known)
                    return
            whole = self._everything(google, users, self._beginning(google, users))
            yield replace(next(whole), anew=True)
            yield from whole

    def _is_outdated(self, known: Progress) -> bool:
        return known.settings != self._settings() or known.skipped.within(self._context.window)

    def _settings(self) -> str:
        return settings_of(self._context, self._reading)

    def _beginning(self, google: Google, users: Any) -> Progress:
        profile = google.ask(users.getProfile(userId="me", fields="historyId"))
        return Progress(self._settings(), self._place(profile))

    def _place(self, answer: Mapping[str, Any]) -> str:
        place = answer.get("historyId")
        if not isinstance(place, str) or not place.isdigit():
            raise self._malformed()
        return place

    def _malformed(self) -> MalformedError:
        return MalformedError(self._context.source, "what Gmail answers makes no sense.", "The next run tries again.")

    def _everything(self, google: Google, users: Any, progress: Progress) -> Iterator[Batch]:
        """All messages, newest first, until a whole page is older than the window."""
        while progress.listed:
            page = {"pageToken": progress.page} if progress.page else {}
            answer = google.ask(users.messages().list(userId="me", maxResults=PAGE, fields=_LIST, **page))
            following = str(answer.get("nextPageToken") or "")
            batch, older = self._page(google, users, self._names(answer.get("messages", [])), progress)
            is_last = not following or following == progress.page or older
            progress = replace(progress, page="" if is_last else following, listed=not is_last, skipped=batch.skipped)
            records, faults = batch.turn()
            yield Batch(progress.written(), records, faults=faults)

    def _news(self, google: Google, users: Any, progress: Progress) -> Iterator[Batch]:
        """What has come since; a page token that is of no use any more is left out."""
        while True:
            asked = {"startHistoryId": progress.history, "maxResults": _HISTORY_PAGE, "fields": _HISTORY}
            types = ["messageAdded", "labelRemoved"]
            page = {"pageToken": progress.page} if progress.page else {}
            request = users.history().list(userId="me", historyTypes=types, **asked, **page)
            answer = self._told(google, request, progress)
            if answer is None:
                progress = replace(progress, page="")
                continue
            following = str(answer.get("nextPageToken") or "")
            place = progress.history if following else self._place(answer)
            batch, _ = self._page(google, users, self._added(answer.get("history", [])), progress)
            progress = replace(progress, history=place, page=following, skipped=batch.skipped)
            records, faults = batch.turn()
            yield Batch(progress.written(), records, faults=faults)
            if not following:
                return

    def _told(self, google: Google, request: Any, progress: Progress) -> dict[str, Any] | None:
        try:
            return google.ask(request)
        except RefusedError:
            if not progress.page:
                raise
            return None

    def _names(self, messages: Any) -> list[str]:
        """The ids of messages, each once."""
        try:
            return list(dict.fromkeys(str(message["id"]) for message in messages))
        except (TypeError, KeyError) as error:
            raise self._malformed() from error

    def _added(self, records: Any) -> list[str]:
        """The ids of what has come, or has come out of the spam or the trash."""
        try:
            found = [entry["message"] for record in records for entry in record.get("messagesAdded", ())]
            for record in records:
                changes = record.get("labelsRemoved", ())
                found += [change["message"] for change in changes if not _RESCUED.isdisjoint(change["labelIds"])]
        except (TypeError, KeyError, AttributeError) as error:
            raise self._malformed() from error
        return self._names(found)

    def _page(self, google: Google, users: Any, names: list[str], progress: Progress) -> tuple[MailPage, bool]:
        """These messages on a page, and whether all of them are older than the window."""
        page, older = MailPage(self._context, self._reading, progress.skipped), bool(names)
        asked = {"userId": "me", "format": "metadata", "metadataHeaders": _HEADERS, "fields": _MESSAGE}
        for message in google.ask_all({name: users.messages().get(id=name, **asked) for name in names}).values():
            self._read += 1
            if message is not None:  # else it was deleted in the meantime
                accepted_at = self._add(page, f"message {self._read}", message)
                older = older and accepted_at is not None and accepted_at < self._context.window.start
        return page, older

    def _add(self, page: MailPage, where: str, message: Mapping[str, Any]) -> datetime | None:
        """Put one message on the page, if it is correspondence; when Gmail accepted it."""
        try:
            labels = frozenset(message.get("labelIds", ()))
            accepted_at = datetime.fromtimestamp(int(message["internalDate"]) // 1000, UTC)
            headers = _headers(message)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError):
            page.fault(where, "it has no readable date or headers")
            return None
        if labels.isdisjoint(_NO_CORRESPONDENCE):
            is_sent = "SENT" in labels
            page.put(where, headers, _sent_at(headers, accepted_at, is_sent=is_sent), filed_as_sent=is_sent)
        return accepted_at


def _headers(message: Mapping[str, Any]) -> Headers:
    """The kept header fields; the thread as the mailbox files of Google's own export spell it."""
    fields: dict[str, list[str]] = {}
    for header in message.get("payload", {}).get("headers", ()):
        fields.setdefault(str(header["name"]).lower(), []).append(" ".join(str(header["value"]).split()))
    kept = {name.lower(): fields[name.lower()] for name in _HEADERS if name.lower() in fields}
    thread = str(message.get("threadId", ""))
    return Headers(kept | ({"x-gm-thrid": [str(int(thread, 16))]} if _HEXADECIMAL.fullmatch(thread) else {}))


def _sent_at(headers: Headers, accepted_at: datetime, *, is_sent: bool) -> datetime:
    """Gmail's own time, except for an own message that was brought over from elsewhere much later."""
    date = headers.date
    if is_sent and date is not None and accepted_at - date > _IMPORTED:
        return date
    return accepted_at


SOURCE_KIND = SourceKind(
    name="gmail",
    options=GmailOptions,
    make=Gmail,
    title="Gmail",
    keeps=("id", "threadId", "internalDate", "labelIds", *_HEADERS),
    dropped="never requested",
    check=problems,
    per_owner=True,
)
