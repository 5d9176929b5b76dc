"""Mail folders by their delta queries, each from the link at which the last run stopped.

A first reading returns the newest messages first. It requests only those of the window, unless the folder contains more
messages than Microsoft returns for a filtered query. A folder whose link has expired is read again. A link does not
return a message twice; so once the window includes a message that was skipped, all folders are read again.
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
_NEWEST_FIRST = "receivedDateTime desc"  # the only order that the API supports
MAX_FILTERED = 5000  # messages that a delta query with a filter returns


class _MailFolder(NamedTuple):
    """A mail folder: ``is_sent`` for Sent Items and its subfolders, ``size`` in items."""

    is_sent: bool
    size: int


@dataclass(slots=True)
class Mailbox:
    """The mail folders of one account. ``cursor`` is valid once the batches so far are stored."""

    graph: GraphClient
    maker: MicrosoftRecordMaker
    cursor: MicrosoftCursor
    messages: int = 0

    def batches(self) -> Iterator[Batch]:
        """Yield the changes in every folder, page by page.

        Progress is counted over the folders that are read for the first time.
        """
        # A link returns no message twice, so those that were skipped come only by reading from the beginning.
        if self.cursor.skipped.has_any_in(self.maker.context.window):
            self.cursor = replace(self.cursor, folders={}, skipped=Skipped())
        folders = self._folders()
        queries = {name: query for name, query in self.cursor.folders.items() if name in folders}
        self.cursor = replace(self.cursor, folders=queries)
        new_sizes = {name: folder.size for name, folder in folders.items() if name not in queries}
        done, total = 0, sum(new_sizes.values())
        for name, folder in folders.items():
            for received, page in self._pages(name, folder):
                yield replace(page, done=done + min(received, new_sizes.get(name, 0)), total=total) if total else page
            done += new_sizes.get(name, 0)

    def _pages(self, name: str, folder: _MailFolder) -> Iterator[tuple[int, Batch]]:
        """Yield each page of a folder, with the number of messages received so far; twice if its link has expired."""
        for is_second in (False, True):
            try:
                yield from self._folder(name, folder)
            except ExpiredLinkError:
                if is_second:
                    source = self.maker.context.source
                    found = "the server's link for a folder expires while the folder is being read."
                    raise MalformedError(source, found, "The next run tries again.") from None
                others = {other: query for other, query in self.cursor.folders.items() if other != name}
                self.cursor = replace(self.cursor, folders=others)
            else:
                return

    def _folder(self, name: str, folder: _MailFolder) -> Iterator[tuple[int, Batch]]:
        path, received = f"mailFolders/{quote(name, safe='')}/messages/delta", 0
        query = self.cursor.folders.get(name)
        if not query:
            start = self.maker.context.window.start
            parameters = [("$select", ",".join(MESSAGE)), ("$orderby", _NEWEST_FIRST)]
            if folder.size <= MAX_FILTERED:
                parameters.append(("$filter", f"receivedDateTime ge {graph_time(start)}"))
            query, self.cursor = urlencode(parameters, quote_via=quote), self.cursor.read_from(start)
        for items, next_query in self.graph.pages(path, query):
            records, rejected, skipped = self._stamps(items, sent=folder.is_sent)
            folders = self.cursor.folders | {name: next_query}
            self.cursor = replace(self.cursor, folders=folders, skipped=skipped)
            received += len(items)
            if items:
                yield received, Batch(self.cursor.dump(), records, rejected=rejected)

    def _stamps(
        self, items: Iterable[Item], *, sent: bool
    ) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...], Skipped]:
        """Return the messages in the window, the rejected ones, and what has been skipped so far."""
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

    def _folders(self) -> dict[str, _MailFolder]:
        """Return the folders with correspondence, by id."""
        # The names of folders are localised; these well-known ones return the ids.
        well_known = (*_NO_CORRESPONDENCE, _SENT)
        special = {name: str(self.graph.item(f"mailFolders/{name}", _ID).get("id")) for name in well_known}
        sent = special.pop(_SENT)
        folders: dict[str, _MailFolder] = {}
        waiting = [("mailFolders", False)]
        while waiting:
            path, is_sent = waiting.pop()
            for folder in self.graph.items(path, (("$select", "id,childFolderCount,totalItemCount"),)):
                name, size = str(folder.get("id")), folder.get("totalItemCount")
                if name not in folders and name not in special.values():
                    folders[name] = _MailFolder(is_sent or name == sent, size if isinstance(size, int) else 0)
                    if folder.get("childFolderCount"):
                        waiting.append((f"mailFolders/{quote(name, safe='')}/childFolders", folders[name].is_sent))
        return folders
