"""The records that the analysis takes: when bookings were cancelled or moved, as far as that can be known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import pytest

from connectors.classify import Classifier, EntryTraits, KindRule
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent, Kind, Status
from monitor.store.analysis_records import load_records
from monitor.store.database import Connection, opened
from monitor.store.events import save_events
from monitor.store.sources import source_row

Version = tuple[int, Status, int | None]
"""The day in March on which a version was seen, its status, and the day of the source's own edit time."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(tmp_path / "evenhours.db", create=True) as store, store.write() as connection:
        yield connection


def on(day: int, hour: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("versions", "cancelled"),
    [
        ([(1, Status.CONFIRMED, None)], None),
        ([(1, Status.CONFIRMED, None), (5, Status.CANCELLED, None)], 5),  # when it was seen
        ([(1, Status.CONFIRMED, None), (5, Status.CANCELLED, 4)], 4),  # the source's edit time
        ([(3, Status.CONFIRMED, 2), (5, Status.CANCELLED, 2)], 5),  # an edit time before the cancellation
        ([(5, Status.CANCELLED, None)], None),  # never seen before the cancellation
        ([(5, Status.CANCELLED, 4)], 4),
        ([(1, Status.CONFIRMED, None), (5, Status.LATE_CANCELLED, None), (6, Status.CLINICIAN_CANCELLED, None)], 5),
        ([(1, Status.CONFIRMED, None), (5, Status.CANCELLED, None), (6, Status.CONFIRMED, None)], None),
    ],
)
def test_when_an_entry_was_called_off(connection: Connection, versions: list[Version], cancelled: int | None) -> None:
    source = source_row(connection, "calendar", "ics", ["ana"])
    for seen_on, status, edited in versions:
        event = CalendarEvent(
            "ana", "one", on(10, 9), on(10, 10), Kind.SESSION, status=status, edited_at=on(edited) if edited else None
        )
        save_events(connection, source, [event], int(on(seen_on).timestamp()))
    (cancelled_at,) = load_records(connection, "ana").events["cancelled_at"]

    assert isnan(cancelled_at) if cancelled is None else cancelled_at == on(cancelled).timestamp()


@pytest.mark.parametrize(("days", "moved"), [((10,), False), ((10, 10), False), ((10, 12), True), ((10, 12, 10), True)])
def test_an_entry_seen_with_two_starts_was_moved(connection: Connection, days: tuple[int, ...], moved: bool) -> None:  # noqa: FBT001
    source = source_row(connection, "calendar", "ics", ["ana"])
    for number, day in enumerate(days):
        event = CalendarEvent("ana", "one", on(day, 9), on(day, 10), Kind.SESSION)
        save_events(connection, source, [event], int(on(1 + number).timestamp()))

    assert load_records(connection, "ana").events["moved"].tolist() == [moved]


@pytest.mark.parametrize(
    ("kind", "has_client"), [(Kind.PERSONAL, True), (Kind.OTHER, True), (Kind.SUPERVISION, False), (Kind.LEAVE, False)]
)
def test_the_counterpart_of_an_event_is_kept_only_if_it_could_be_a_client(
    kind: Kind,
    has_client: bool,  # noqa: FBT001
) -> None:
    classifier = Classifier(rules=(KindRule(kind, calendar="here"),), domains=frozenset({"harbour.example"}))
    pseudonyms = Pseudonyms(b"k" * 32)
    traits = EntryTraits(calendar="here", attendees=("ana@harbour.example", "zebra@mail.example"))
    result = classifier.classify(traits, "ana", pseudonyms)

    assert result == (kind, pseudonyms.person("ana", "zebra@mail.example") if has_client else None)
    assert classifier.classify(EntryTraits(calendar="here"), "ana", pseudonyms) == (kind, None)
