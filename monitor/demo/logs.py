"""Writer of actual session times as CSV: call logs of clinicians who work by video, and a practice system's export.

A call log has no bookings; the practice system has both, and the outcome of each appointment.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.demo.days import BookingOutcome, SimulatedDays
from monitor.demo.practice import ZONE

CALL_COLUMNS = ("Meeting ID", "Topic", "Joined", "Left", "Participants")
SYSTEM_COLUMNS = (
    "Appointment",
    "Clinician",
    "Client",
    "Start",
    "End",
    "Actual start",
    "Actual end",
    "Status",
    "Note",
)
CALL_INSTANT = "%Y-%m-%d %H:%M:%S"
SYSTEM_INSTANT = "%d/%m/%Y %H:%M"
_STATUS = {
    BookingOutcome.HELD: "Show",
    BookingOutcome.NO_SHOW: "No Show",
    BookingOutcome.CANCELLED: "Cancelled",
    BookingOutcome.CANCELLED_LATE: "Late Cancelled",
    BookingOutcome.CANCELLED_HERE: "Clinician Cancelled",
    BookingOutcome.BOOKED: "Scheduled",
}


def write_calls(days: SimulatedDays, path: Path) -> None:
    """Write one row for each call, in UTC."""
    rows = []
    for number, booking in enumerate(days.bookings, 1):
        if booking.logged:
            present = 1 if booking.outcome is BookingOutcome.NO_SHOW else 2
            topic = f"Session with {booking.client.name}"
            rows.append((f"{number:05}", topic, _utc(booking.began), _utc(booking.ended), present))
    _write(path, CALL_COLUMNS, rows)


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):{CALL_INSTANT}}" if moment else ""


def write_system(people_days: Iterable[SimulatedDays], path: Path) -> None:
    """Write one row for each appointment in the practice system, in the practice's time zone."""
    rows: list[Sequence[object]] = []
    for days in people_days:
        appointments = (booking for booking in days.bookings if booking.outcome is not BookingOutcome.NEVER)
        for number, booking in enumerate(appointments, 1):
            is_timed = booking.logged and booking.outcome is BookingOutcome.HELD
            actual = (booking.began, booking.ended) if is_timed else (None, None)
            times = [
                f"{moment.astimezone(ZoneInfo(ZONE)):{SYSTEM_INSTANT}}" if moment else ""
                for moment in (booking.start, booking.end, *actual)
            ]
            ids = (f"{days.person.key}{number:05}", days.person.name, booking.client.address)
            # A note such as people write; connectors must not store it.
            note = f"{booking.client.name} arrived with the blue folder"
            rows.append((*ids, *times, _STATUS[booking.outcome], note))
    _write(path, SYSTEM_COLUMNS, rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
