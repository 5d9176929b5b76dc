"""Mail: each folder by its delta query, from the link where the last run stopped; expired, it is read anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from connectors.base import Batch, Fault
from connectors.errors import MalformedError
from connectors.microsoft.entries import RecordMaker, UnusableError
from connectors.microsoft.graph import ExpiredError, Graph, Item
from connectors.microsoft.progress import Progress, written
from connectors.records import MessageStamp

MESSAGE = (
    *("id", "internetMessageId", "conversationId", "receivedDateTime", "sentDateTime", "isDraft"),
    *("from", "toRecipients", "ccRecipients", "bccRecipients"),
)
_NO_CORRESPONDENCE = ("drafts", "deleteditems", "junkemail", "outbox")
_SENT = "sentitems"
_ID = (("$select", "id"),)


@dataclass(slots=True)
class Mailbox:
    """One account's folders; ``progress`` is how far they are read once the batches so far are stored."""

    graph: Graph
    maker: RecordMaker
    progress: Progress
    messages: int = 0

    def batches(self) -> Iterator[Batch]:
        """What is new in every folder, page by page."""
        folders = self._folders()
        known = {name: query for name, query in self.progress.folders.items() if name in folders}
        self.progress = replace(self.progress, folders=known)
        for name, sent in folders.items():
            try:
                yield from self._folder(name, sent=sent)
            except ExpiredError:
                left = {other: query for other, query in self.progress.folders.items() if other != name}
                self.progress = replace(self.progress, folders=left)
                yield from self._read_anew(name, sent=sent)

    def _read_anew(self, name: str, *, sent: bool) -> Iterator[Batch]:
        try:
            yield from self._folder(name, sent=sent)
        except ExpiredError:
            source = self.maker.context.source
            found = "the server forgets where a folder's reading began while it goes on."
            raise MalformedError(source, found, "The next run tries again.") from None

    def _folder(self, name: str, *, sent: bool) -> Iterator[Batch]:
        path = f"mailFolders/{quote(name, safe='')}/messages/delta"
        for items, following in self.graph.pages(path, self.progress.folders.get(name) or self._beginning()):
            records, faults = self._stamps(items, sent=sent)
            self.progress = replace(self.progress, folders=self.progress.folders | {name: following})
            if records or faults:
                yield Batch(self.progress.text(), records, faults=faults)

    def _beginning(self) -> str:
        since = f"receivedDateTime ge {written(self.maker.context.window.start)}"
        return urlencode((("$select", ",".join(MESSAGE)), ("$filter", since)), quote_via=quote)

    def _stamps(self, items: Iterable[Item], *, sent: bool) -> tuple[tuple[MessageStamp, ...], tuple[Fault, ...]]:
        records: list[MessageStamp] = []
        faults: list[Fault] = []
        for item in items:
            self.messages += 1
            try:
                stamp = self.maker.stamp(item, sent=sent)
            except UnusableError as error:
                faults.append(Fault(f"message {self.messages}", str(error)))
            else:
                records += [stamp] if stamp else []
        return tuple(records), tuple(faults)

    def _folders(self) -> dict[str, bool]:
        """The folders that hold correspondence, and whether one is Sent Items or in it."""
        names = (*_NO_CORRESPONDENCE, _SENT)
        special = {name: str(self.graph.item(f"mailFolders/{name}", _ID).get("id")) for name in names}
        sent = special.pop(_SENT)
        found: dict[str, bool] = {}
        waiting = [("mailFolders", False)]
        while waiting:
            path, is_sent = waiting.pop()
            for folder in self.graph.items(path, (("$select", "id,childFolderCount"),)):
                name = str(folder.get("id"))
                if name not in found and name not in special.values():
                    found[name] = is_sent or name == sent
                    if folder.get("childFolderCount"):
                        waiting.append((f"mailFolders/{quote(name, safe='')}/childFolders", found[name]))
        return found
