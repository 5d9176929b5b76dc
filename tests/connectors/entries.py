"""A practice with calendar entries, shared by the tests of calendar servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Batch, Connector, Context, Owner, Window
from connectors.classify import Classifier
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent

CANARY = "Quetzalcoatlus"
NAMES = Pseudonyms(b"k" * 32)
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)


def practice(password: str, **changes: Any) -> Context:
    """Return Ana's context; her password is ``env:CALENDAR``."""
    secrets = {"env:CALENDAR": password}
    context = Context(
        source="ana-calendar",
        owners=(Owner("ana", ZoneInfo("Europe/Paris"), frozenset({"ana@harbour.example"})),),
        window=WINDOW,
        classifier=Classifier(domains=frozenset({"harbour.example"})),
        pseudonyms=NAMES,
        folder=Path(),
        read_secret=secrets.__getitem__,
    )
    return replace(context, **changes)


def later(days: int, window: Window = WINDOW) -> Window:
    """Return the window some nights later."""
    return Window(window.start + timedelta(days=days), window.end + timedelta(days=days))


def entry(uid: str, start: datetime = FIRST, *lines: str, minutes: int = 50) -> str:
    """Return a calendar object with one event; ``lines`` are further ones of it, or of a second after END:VEVENT."""
    end = start + timedelta(minutes=minutes)
    all_lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{end:%Y%m%dT%H%M%SZ}", f"SUMMARY:{CANARY}",
        f"LOCATION:{CANARY}", f"DESCRIPTION:{CANARY}", *lines, "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip
    return "\r\n".join(all_lines)


def read(connector: Connector, cursor: str | None = None) -> Batch:
    """Return the only page of a run."""
    (batch,) = connector.fetch(cursor)
    return batch


def events(batch: Batch) -> list[CalendarEvent]:
    return [record for record in batch.records if isinstance(record, CalendarEvent)]


def starts(batch: Batch) -> list[str]:
    """Return the starts of a page's events, in order."""
    return sorted(event.start.strftime("%m-%d %H:%M") for event in events(batch))
