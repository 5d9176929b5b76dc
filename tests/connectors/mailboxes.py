"""A practice, its letters and how they are read: what the tests of every mail source lean on."""

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
NAMES = Pseudonyms(b"k" * 32)
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
    """What a whole fetch gave."""

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
        pseudonyms=NAMES,
        folder=folder,
        read_secret=str,
    )


def letter(number: int = 1, /, **fields: str) -> bytes:
    """A header block with a subject nobody may keep; ``message_id=""`` leaves the field out."""
    told = {
        "From": f'"{CANARY}" <client{number % 7}@post.example>',
        "To": "Ana <ana@harbour.example>",
        "Subject": f"{CANARY} {number}",
        "Date": f"Tue, {1 + number % 28} Sep 2026 10:{number % 60:02}:00 +0200",
        "Message-ID": f"<{number}@post.example>",
    }
    for name, text in fields.items():
        told["Message-ID" if name == "message_id" else name.replace("_", "-").title()] = text
    return "".join(f"{name}: {text}\n" for name, text in told.items() if text).encode()


def stamps(
    block: bytes, *owners: Owner, lists: str = "ignore", postmark: str = ""
) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
    """What one header block becomes."""
    options = MailboxOptions(path=Path("x"), lists="ordinary" if lists == "ordinary" else "ignore")
    page = MailPage(practice(Path(), *owners), options, Skipped())
    page.add("message 1", Headers.from_block(block), postmark)
    return page.flush()


def together(blocks: Iterable[bytes], *owners: Owner) -> tuple[tuple[MessageStamp, ...], tuple[RejectedRecord, ...]]:
    """What header blocks become that lie on one page."""
    page = MailPage(practice(Path(), *owners), MailboxOptions(path=Path("x")), Skipped())
    for block in blocks:
        page.add("message 1", Headers.from_block(block))
    return page.flush()


def stamp(block: bytes, owner: Owner = ANA, lists: str = "ignore") -> MessageStamp:
    """The one stamp of a header block."""
    ((found,), rejected) = stamps(block, owner, lists=lists)
    assert rejected == ()
    return found


def read(connector: Connector, cursor: str | None = None) -> Reading:
    return Reading(list(connector.fetch(cursor)))


def threads(found: Iterable[MessageStamp]) -> int:
    """How many threads the stamps fall into, as the store will join them."""
    found = list(found)
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one in found:
        for node in one.thread_nodes:
            parent[root(node)] = root(one.key)
    return len({root(one.key) for one in found})
