"""Converter of the consultations of HanguData (Feng et al. 2023, doi 10.3390/data8030047) into half-day sessions.

::

    python benchmarks/hangu_sessions.py hangu_clinic_2018.csv sessions.csv

The clinic runs from 08:30 to 12:00 and from 14:30 to 18:00, Asia/Shanghai. The ends are the clinic's; the starts are
an assumption from the data: the median first consultation of a morning begins at 08:31, of an afternoon at
14:32. A session begins with its first consultation and ends with its last: StartTime and ServTime, in seconds, of the
one that begins last. Where that one's ServTime is missing the end is unknown and the cell stays empty.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

BOOKED = {"morning": ("08:30:00", "12:00:00"), "afternoon": ("14:30:00", "18:00:00")}


@dataclass(frozen=True, slots=True)
class HalfDay:
    """One half-day session in local times; ``actual_end`` is empty if unknown."""

    session: str
    booked_start: str
    booked_end: str
    actual_start: str
    actual_end: str


def half_day_sessions(rows: Iterable[Mapping[str, str]]) -> list[HalfDay]:
    """Return the sessions of all consultations, in the order of their numbers."""
    by_session = sorted(rows, key=lambda row: int(row["Session"]))
    return [_half_day(number, list(group)) for number, group in groupby(by_session, key=lambda row: row["Session"])]


def _half_day(number: str, consultations: list[Mapping[str, str]]) -> HalfDay:
    starts = [_instant(row["DateInferred"], row["StartTime"]) for row in consultations]
    last = consultations[starts.index(max(starts))]
    booked_start, booked_end = BOOKED[last["AM_PM"]]
    end = str(max(starts) + timedelta(seconds=float(last["ServTime"]))) if last["ServTime"] else ""
    day = last["DateInferred"]
    return HalfDay(number, f"{day} {booked_start}", f"{day} {booked_end}", str(min(starts)), end)


def _instant(day: str, clock: str) -> datetime:
    return datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - local times, as in the source


def convert(source: Path, target: Path) -> int:
    """Write the sessions of one file of consultations and return their number."""
    with source.open(encoding="utf-8", newline="") as file:
        sessions = half_day_sessions(csv.DictReader(file))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(HalfDay)])
        writer.writeheader()
        writer.writerows(asdict(session) for session in sessions)
    return len(sessions)


def main() -> None:
    """Read the two paths from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, help="hangu_clinic_2018.csv")
    parser.add_argument("target", type=Path, help="the CSV file to write")
    paths = parser.parse_args()
    print(convert(paths.source, paths.target), "half-day sessions")  # noqa: T201 - the output of the command


if __name__ == "__main__":
    main()
