"""A practice, its messages and ways to read them, shared by the tests of all mail sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base import Batch, Connector, Context, Owner, RejectedRecord, Skipped, Window
from connectors.classify import Classifier
from connectors.mail.headers import Headers
from connectors.mail.pages import MailboxOptions, MailPage
from connectors.pseudonyms import Pseudonyms
from connectors.records import MessageStamp

CANARY = "Quetzalcoatlus"
PSEUDONYMS = Pseudonyms(b"k" * 32)
ANA = Owner("ana", ZoneInfo("Europe/Paris"), frozenset({"ana@harbour.example", "ana@old.example"}))
BEN = Owner("ben", ZoneInfo("Europe/London"), frozenset({"ben@harbour.example"}))
RULES = Classifier(
    domains=frozenset({"harbour.example"}),
    staff=frozenset({"ana@harbour.example", "ana@old.example", "ben@harbour.example"}),
    management=frozenset({"director@harbour.example"}),
)
WINDOW = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Reading:
    """The result of a whole fetch."""

    batches: list[Batch]

    @property
    def stamps(self) -> list[MessageStamp]:
        return [record for batch in self.batches for record in batch.records if isinstance(record, MessageStamp)]

    @property
    def rejected(self) -> list[RejectedRecord]:
        return [record for batch in self.batches for record in batch.rejected]

    @property
    def cursor(self) -> str | None:
        return self.batches[-1].cursor

    @property
    def keys(self) -> set[int]:
        return {stamp.key for stamp in self.stamps}


def practice(folder: Path, *owners: Owner, window: Window = WINDOW, rules: Classifier = RULES) -> Context:
    return Context(
        source="post",
        owners=owners or (ANA,),
        window=window,
        classifier=rules,
        pseudonyms=PSEUDONYMS,
        folder=folder,
        read_secret=str,
    )


def letter(number: int = 1, /, **fields: str) -> bytes:
    """Return a header block with a subject that must not be kept; ``message_id=""`` leaves the field out."""
    values = {
        "From": f'"{CANARY}" <client{number % 7}@post.example>',
        "To": "Ana <ana@harbour.example>",
        "Subject": f"{CANARY} {number}",
        "Date": f"Tue, {1 + number % 28} Sep 2026 10:{number % 60:02}:00 +0200",
        "Message-ID": f"<{number}@post.example>",
    }
    for name, text in fields.items():
        values["Message-ID" if name == "message_id" else name.replace("_", "-").title()] = text
    return "".join(f"{name}: {text}\n" for name, text in values.items() if text).encode()


def stamps(
    block: bytes, *owners: Owner, lists: str = "ignore", separator_date: str = ""
) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
    """Return the stamps and rejected records of one header block."""
    options = MailboxOptions(path=Path("x"), lists="ordinary" if lists == "ordinary" else "ignore")
    page = MailPage(practice(Path(), *owners), options, Skipped())
    page.add("message 1", Headers.from_block(block), separator_date)
    return page.flush()


def stamps_of_page(
    blocks: Iterable[bytes], *owners: Owner
) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
    """Return the stamps and rejected records of header blocks that are on one page."""
    page = MailPage(practice(Path(), *owners), MailboxOptions(path=Path("x")), Skipped())
    for block in blocks:
        page.add("message 1", Headers.from_block(block))
    return page.flush()


def stamp(block: bytes, owner: Owner = ANA, lists: str = "ignore") -> MessageStamp:
    """Return the only stamp of a header block."""
    ((only,), rejected) = stamps(block, owner, lists=lists)
    assert rejected == ()
    return only


def read(connector: Connector, cursor: str | None = None) -> Reading:
    return Reading(list(connector.fetch(cursor)))


def threads(stamps: Iterable[MessageStamp]) -> int:
    """Return the number of threads that the stamps form once the store joins them."""
    stamps = list(stamps)
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for stamp in stamps:
        for node in stamp.thread_nodes:
            parent[root(node)] = root(stamp.key)
    return len({root(stamp.key) for stamp in stamps})
