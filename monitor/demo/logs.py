"""Writer of actual session times as CSV: call logs of clinicians who work by video, and a practice system's export.

A call log has no bookings; the practice system has both, and the outcome of each appointment.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.demo.days import Booking, BookingOutcome, SimulatedDays
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
    rows = (_call(number, booking) for number, booking in enumerate(days.bookings, 1) if booking.logged)
    _write(path, CALL_COLUMNS, rows)


def _call(number: int, booking: Booking) -> Sequence[object]:
    present = 1 if booking.outcome is BookingOutcome.NO_SHOW else 2
    return (f"{number:05}", f"Session with {booking.client.name}", _utc(booking.began), _utc(booking.ended), present)


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):{CALL_INSTANT}}" if moment else ""


def write_system(people_days: Iterable[SimulatedDays], path: Path) -> None:
    """Write one row for each appointment in the practice system, in the practice's time zone."""
    _write(path, SYSTEM_COLUMNS, (row for days in people_days for row in _appointments(days)))


def _appointments(days: SimulatedDays) -> Iterator[Sequence[object]]:
    appointments = (booking for booking in days.bookings if booking.outcome is not BookingOutcome.NEVER)
    for number, booking in enumerate(appointments, 1):
        actual = (
            (booking.began, booking.ended)
            if booking.logged and booking.outcome is BookingOutcome.HELD
            else (None, None)
        )
        ids = (f"{days.person.key}{number:05}", days.person.name, booking.client.address)
        times = (_local(moment) for moment in (booking.start, booking.end, *actual))
        yield (*ids, *times, _STATUS[booking.outcome], f"{booking.client.name} arrived with the blue folder")


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone(ZoneInfo(ZONE)):{SYSTEM_INSTANT}}" if moment else ""


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
