"""Mail: each folder by its delta query, from the link where the last run stopped; expired, it is read anew.

A first reading brings the newest messages first. It asks for those of the window alone, but in a folder that holds more
than Microsoft gives of what is asked for like that. A link does not tell twice of a message that the window left out:
once the window reaches it, all folders are read anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote, urlencode

from connectors.base import Batch, RejectedRecord, Skipped
from connectors.errors import MalformedError, UnusableError
from connectors.microsoft.cursor import MicrosoftCursor, graph_time
from connectors.microsoft.entries import MicrosoftRecordMaker
from connectors.microsoft.graph import ExpiredLinkError, GraphClient, Item
from connectors.records import MessageStamp

MESSAGE = (
    *("id", "internetMessageId", "conversationId", "receivedDateTime", "sentDateTime", "isDraft"),
    *("from", "toRecipients", "ccRecipients", "bccRecipients"),
)
_NO_CORRESPONDENCE = ("drafts", "deleteditems", "junkemail", "outbox")
_SENT = "sentitems"
_ID = (("$select", "id"),)
_NEWEST_FIRST = "receivedDateTime desc"  # the only order that there is
MOST_FILTERED = 5000  # messages that a delta query with a filter gives


class _Folder(NamedTuple):
    """One folder: whether it is Sent Items or in it, and how many items it holds."""

    is_sent: bool
    size: int


@dataclass(slots=True)
class Mailbox:
    """One account's folders; ``cursor`` is how far they are read once the batches so far are stored."""

    graph: GraphClient
    maker: MicrosoftRecordMaker
    cursor: MicrosoftCursor
    messages: int = 0

    def batches(self) -> Iterator[Batch]:
        """What is new in every folder, page by page; how far the folders are that are read for the first time."""
        if self.cursor.skipped.has_any_in(self.maker.context.window):
            self.cursor = replace(self.cursor, folders={}, skipped=Skipped())
        folders = self._folders()
        known = {name: query for name, query in self.cursor.folders.items() if name in folders}
        self.cursor = replace(self.cursor, folders=known)
        fresh = {name: folder.size for name, folder in folders.items() if name not in known}
        done, total = 0, sum(fresh.values())
        for name, folder in folders.items():
            for came, page in self._pages(name, folder):
                yield replace(page, done=done + min(came, fresh.get(name, 0)), total=total) if total else page
            done += fresh.get(name, 0)

    def _pages(self, name: str, folder: _Folder) -> Iterator[tuple[int, Batch]]:
        try:
            yield from self._folder(name, folder)
        except ExpiredLinkError:
            left = {other: query for other, query in self.cursor.folders.items() if other != name}
            self.cursor = replace(self.cursor, folders=left)
            yield from self._read_anew(name, folder)

    def _read_anew(self, name: str, folder: _Folder) -> Iterator[tuple[int, Batch]]:
        try:
            yield from self._folder(name, folder)
        except ExpiredLinkError:
            source = self.maker.context.source
            found = "the server forgets where a folder's reading began while it goes on."
            raise MalformedError(source, found, "The next run tries again.") from None

    def _folder(self, name: str, folder: _Folder) -> Iterator[tuple[int, Batch]]:
        """Each page, with how many messages came so far."""
        path, came = f"mailFolders/{quote(name, safe='')}/messages/delta", 0
        query = self.cursor.folders.get(name)
        if not query:
            query, self.cursor = self._beginning(folder), self.cursor.read_from(self.maker.context.window.start)
        for items, following in self.graph.pages(path, query):
            records, rejected, skipped = self._stamps(items, sent=folder.is_sent)
            folders = self.cursor.folders | {name: following}
            self.cursor = replace(self.cursor, folders=folders, skipped=skipped)
            came += len(items)
            if items:
                yield came, Batch(self.cursor.dump(), records, rejected=rejected)

    def _beginning(self, folder: _Folder) -> str:
        asked = [("$select", ",".join(MESSAGE)), ("$orderby", _NEWEST_FIRST)]
        if folder.size <= MOST_FILTERED:
            asked.append(("$filter", f"receivedDateTime ge {graph_time(self.maker.context.window.start)}"))
        return urlencode(asked, quote_via=quote)

    def _stamps(
        self, items: Iterable[Item], *, sent: bool
    ) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...], Skipped]:
        """The messages of the window, those that cannot be used, and what has been left out so far."""
        records: list[MessageStamp] = []
        rejected: list[RejectedRecord] = []
        window, skipped = self.maker.context.window, self.cursor.skipped
        for item in items:
            self.messages += 1
            try:
                stamp = self.maker.stamp(item, sent=sent)
            except UnusableError as error:
                rejected.append(RejectedRecord(f"message {self.messages}", str(error)))
                continue
            if stamp and window.touches(stamp.sent_at, stamp.sent_at):
                records.append(stamp)
            elif stamp:
                skipped = skipped.including(stamp.sent_at, window)
        return tuple(records), tuple(rejected), skipped

    def _folders(self) -> dict[str, _Folder]:
        """The folders that hold correspondence."""
        names = (*_NO_CORRESPONDENCE, _SENT)
        special = {name: str(self.graph.item(f"mailFolders/{name}", _ID).get("id")) for name in names}
        sent = special.pop(_SENT)
        found: dict[str, _Folder] = {}
        waiting = [("mailFolders", False)]
        while waiting:
            path, is_sent = waiting.pop()
            for folder in self.graph.items(path, (("$select", "id,childFolderCount,totalItemCount"),)):
                name, size = str(folder.get("id")), folder.get("totalItemCount")
                if name not in found and name not in special.values():
                    found[name] = _Folder(is_sent or name == sent, size if isinstance(size, int) else 0)
                    if folder.get("childFolderCount"):
                        waiting.append((f"mailFolders/{quote(name, safe='')}/childFolders", found[name].is_sent))
        return found
