"""A clinician with accounts at the fake Google: contexts, permissions and a reader of connectors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Batch, Connector, Context, Owner, RejectedRecord, Window
from connectors.classify import Classifier, KindRule
from connectors.private import write_private
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent, Kind, MessageStamp, Record, SessionEvidence
from tests.connectors.fake_google.calendar import utc
from tests.connectors.fake_google.server import FakeGoogle
from tests.connectors.ingest_policy import apply_policy

PSEUDONYMS = Pseudonyms(b"k" * 32)
ANA = "ana@harbour.example"
WINDOW = Window(utc("2026-01-01"), utc("2026-06-01"))
Make = Callable[..., Connector]


@dataclass
class GoogleReader:
    """A reader of one source that works like ingest, and counts pauses instead of sleeping."""

    make: Make
    options: Any
    context: Context
    cursor: str | None = None
    records: dict[str, Record] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def read(self, **changed: Any) -> list[Batch]:
        """Read once; ``changed`` are parts of the context."""
        context = replace(self.context, **changed)
        connector = self.make(self.options, context, pause=self.pauses.append)
        self.batches = []
        for batch in connector.fetch(self.cursor):
            self.batches.append(batch)
            self._store(apply_policy(batch, context.window))
        return self.batches

    def _store(self, batch: Batch) -> None:
        if batch.replaces:
            remaining = {key: record for key, record in self.records.items() if not _in(record, batch.replaces)}
            self.records = remaining
        for key in batch.removed:
            self.records.pop(key, None)
        self.records |= {_key(record): record for record in batch.records}
        self.cursor = batch.cursor

    @property
    def events(self) -> list[CalendarEvent]:
        events = [record for record in self.records.values() if isinstance(record, CalendarEvent)]
        return sorted(events, key=lambda event: (event.start, event.uid_key))

    @property
    def stamps(self) -> list[MessageStamp]:
        stamps = [record for record in self.records.values() if isinstance(record, MessageStamp)]
        return sorted(stamps, key=lambda stamp: (stamp.sent_at, stamp.key))

    @property
    def calls(self) -> list[SessionEvidence]:
        calls = [record for record in self.records.values() if isinstance(record, SessionEvidence)]
        return sorted(
            calls, key=lambda call: (call.started_at or call.ended_at or datetime.max.replace(tzinfo=UTC), call.key)
        )

    @property
    def rejected(self) -> list[RejectedRecord]:
        return [record for batch in self.batches for record in batch.rejected]


def _key(record: Record) -> str:
    if isinstance(record, CalendarEvent):
        return record.uid_key
    return str(record.key)


def _in(record: Record, window: Window) -> bool:
    return isinstance(record, CalendarEvent) and window.touches(record.start, record.end)


def rule(kind: Kind, **conditions: str) -> KindRule:
    """Return a rule of the practice."""
    title = conditions.pop("title", None)
    return KindRule(kind, re.compile(title, re.IGNORECASE) if title else None, **conditions)


def context(folder: Path, *rules: KindRule, addresses: Sequence[str] = (ANA,), **overrides: Any) -> Context:
    """Return the context of Ana's connector."""
    defaults = {
        "source": "google",
        "owners": (Owner("ana", ZoneInfo("Europe/London"), frozenset(addresses), "Ana"),),
        "window": WINDOW,
        "classifier": Classifier(rules, frozenset({"harbour.example"}), frozenset({ANA})),
        "pseudonyms": PSEUDONYMS,
        "folder": folder,
        "read_secret": lambda place: (folder / place.removeprefix("file:")).read_text(),
    }
    return Context(**{**defaults, **overrides})


def grant_access(
    google: FakeGoogle, folder: Path, scopes: Sequence[str], account: str = ANA, clinician: str = "ana"
) -> None:
    """Store a permission as ``evenhours connect google`` does."""
    write_private(folder / "google-tokens", f"{clinician}.json", google.auth.allow(account, *scopes))


def service_account(google: FakeGoogle, folder: Path, *delegated: str) -> str:
    """Create a service account with these delegated scopes; return the reference to its key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = "reader@practice.iam.example"
    google.auth.keys[name] = public.decode(), frozenset(delegated)
    content = {
        "type": "service_account", "client_email": name, "private_key": private.decode(), "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token", "client_id": "1", "project_id": "practice",
    }  # fmt: skip
    (folder / "service.json").write_text(json.dumps(content))
    return "file:service.json"
