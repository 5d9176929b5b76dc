"""True session times as CSV: a call log for each clinician who works by video, one export of the practice system.

A call log knows nothing of bookings; the practice system has both, and what became of each appointment.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.demo.days import Days, Fate, Visit
from monitor.demo.practice import ZONE

CALL_COLUMNS = ("Meeting ID", "Topic", "Joined", "Left", "Participants")
SYSTEM_COLUMNS = ("Appointment", "Clinician", "Client", "Start", "End", "Actual start", "Actual end", "Status", "Note")
CALL_INSTANT = "%Y-%m-%d %H:%M:%S"
SYSTEM_INSTANT = "%d/%m/%Y %H:%M"
_STATUS = {
    Fate.HELD: "Show",
    Fate.NO_SHOW: "No Show",
    Fate.CANCELLED: "Cancelled",
    Fate.CANCELLED_LATE: "Late Cancelled",
    Fate.CANCELLED_HERE: "Clinician Cancelled",
    Fate.BOOKED: "Scheduled",
}


def write_calls(days: Days, path: Path) -> None:
    """One row a call, in UTC."""
    rows = (_call(number, visit) for number, visit in enumerate(days.visits, 1) if visit.logged)
    _write(path, CALL_COLUMNS, rows)


def _call(number: int, visit: Visit) -> Sequence[object]:
    present = 1 if visit.fate is Fate.NO_SHOW else 2
    return (f"{number:05}", f"Session with {visit.client.name}", _utc(visit.began), _utc(visit.ended), present)


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):{CALL_INSTANT}}" if moment else ""


def write_system(everybody: Iterable[Days], path: Path) -> None:
    """One row an appointment of each clinician who keeps them in the practice system, in the practice's own time."""
    _write(path, SYSTEM_COLUMNS, (row for days in everybody for row in _appointments(days)))


def _appointments(days: Days) -> Iterator[Sequence[object]]:
    kept = (visit for visit in days.visits if visit.fate is not Fate.NEVER)
    for number, visit in enumerate(kept, 1):
        true = (visit.began, visit.ended) if visit.logged and visit.fate is Fate.HELD else (None, None)
        who = (f"{days.person.key}{number:05}", days.person.name, visit.client.address)
        times = (_local(moment) for moment in (visit.start, visit.end, *true))
        yield (*who, *times, _STATUS[visit.fate], f"{visit.client.name} arrived with the blue folder")


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone(ZoneInfo(ZONE)):{SYSTEM_INSTANT}}" if moment else ""


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
