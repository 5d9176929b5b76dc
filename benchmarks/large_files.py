"""Benchmark of the peak memory and the time for reading a calendar of 60 MB and an export of a million appointments.

::

    python -m benchmarks.large_files [ics] [url] [csv] [again]

Each is read by a process of its own, first into a new database, then with one entry changed (``again``). The peak is
the kernel's high-water mark of that process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import process_time

from connectors.pseudonyms import Pseudonyms
from monitor.config import load
from monitor.ingest import IngestRequest, ingest
from monitor.store.database import opened

MEGABYTES, APPOINTMENTS, MOST_MEGABYTES = 60, 1_000_000, 200
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FIRST = NOW - timedelta(days=720)
NAMES = Pseudonyms(b"k" * 32)
CONFIG = """
[practice]
name = "Large"
zone = "Europe/Paris"
domains = ["harbour.example"]
[[clinician]]
key = "ana"
addresses = ["ana@harbour.example"]
[[source]]
name = "source"
clinician = "ana"
"""
CSV = """kind = "csv"
path = "visits.csv"
[source.columns]
id = "ID"
client = "Client"
booked_start = "Start"
booked_end = "End"
actual_end = "Left"
status = "Status"
"""


def events() -> Iterator[str]:
    """Yield single entries without end."""
    number = 0
    while True:
        start = FIRST + timedelta(minutes=50 * (number % 20_000))
        end = start + timedelta(minutes=50)
        yield (
            f"BEGIN:VEVENT\r\nUID:{number}-{number * 7919 % 1_000_003}@harbour.example\r\nDTSTAMP:20250101T000000Z\r\n"
            f"DTSTART;TZID=Europe/Paris:{start:%Y%m%dT%H%M%S}\r\nDTEND;TZID=Europe/Paris:{end:%Y%m%dT%H%M%S}\r\n"
            f"SUMMARY:A session with somebody\r\nLOCATION:Room 4\r\n"
            f"ATTENDEE;CN=Somebody:mailto:client{number % 400}@post.example\r\nEND:VEVENT\r\n"
        )
        number += 1


def write_calendar(path: Path, *, is_changed: bool = False) -> None:
    """Write a calendar of 60 MB, its first entry cancelled if ``is_changed``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n")
        for number, event in enumerate(events()):
            if number % 1_000 == 0 and file.tell() > MEGABYTES * 1024**2:
                break
            file.write(event.replace("LOCATION:Room 4", "STATUS:CANCELLED") if is_changed and not number else event)
        file.write("END:VCALENDAR\r\n")


def write_appointments(path: Path, *, is_changed: bool = False) -> None:
    """Write an export of a million appointments, the first of them cancelled if ``is_changed``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("ID,Client,Start,End,Left,Status\n")
        for number in range(APPOINTMENTS):
            start = FIRST + timedelta(minutes=number % 1_000_000)
            end = start + timedelta(minutes=50)
            left = end + timedelta(minutes=number % 11 - 3)
            status = "Cancelled" if is_changed and not number else "Show"
            times = ",".join(f"{instant:%Y-%m-%dT%H:%M}" for instant in (start, end, left))
            file.write(f"{number},C{number % 5_000},{times},{status}\n")


def read(folder: Path) -> None:
    """Read the practice in a folder; print the peak memory and the CPU seconds of this process."""
    config = load(folder / "evenhours.toml")
    path = folder / "evenhours.db"
    with opened(path, create=not path.exists()) as store:
        started = process_time()
        (outcome,) = ingest(config, store, NAMES, IngestRequest(), now=NOW)
        seconds = process_time() - started
    if outcome.problem or not outcome.rows:
        raise SystemExit(f"the benchmark read nothing: {outcome.problem}")
    # Not getrusage, whose peak includes the parent process.
    peak = int(Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2].split()[0])
    sys.stdout.write(f"{peak} {seconds} {outcome.rows}\n")


def print_measurement(title: str, folder: Path) -> None:
    """Read in a process of its own and print its peak and time."""
    command = [sys.executable, "-m", "benchmarks.large_files", "--read", str(folder)]
    completed = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    peak, seconds, rows = completed.stdout.split()
    peak_megabytes = int(peak) / 1024
    verdict = "ok" if peak_megabytes <= MOST_MEGABYTES else "TOO MUCH"
    sys.stdout.write(
        f"{title}: {peak_megabytes:.0f} MB (at most {MOST_MEGABYTES}; {float(seconds):.1f} s CPU, {rows} rows)  "
        f"{verdict}\n"
    )
    sys.stdout.flush()


def run(name: str, options: str, write: Callable[..., None], file: str) -> None:
    """Measure one kind of file, at first and after one change."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        (folder / "evenhours.toml").write_text(CONFIG + options, encoding="utf-8")
        for title, is_changed in (("first", False), ("after one change", True)):
            write(folder / file, is_changed=is_changed)
            print_measurement(f"{name}, {title}", folder)


def by_url() -> None:
    """Measure the calendar read from a server."""
    with tempfile.TemporaryDirectory() as folder_name:
        handler = partial(_Silent, directory=folder_name)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = f'kind = "ics"\nurl = "http://127.0.0.1:{server.server_address[1]}/large.ics"\n'
        run(
            "ICS, 60 MB, by address",
            options,
            lambda path, *, is_changed: write_calendar(Path(folder_name, path.name), is_changed=is_changed),
            "large.ics",
        )
        server.shutdown()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main(arguments: list[str]) -> None:
    """Measure the given kinds, or all."""
    if arguments[:1] == ["--read"]:
        read(Path(arguments[1]))
        return
    kinds: dict[str, Callable[[], None]] = {
        "ics": lambda: run("ICS, 60 MB", 'kind = "ics"\npath = "large.ics"\n', write_calendar, "large.ics"),
        "url": by_url,
        "csv": lambda: run("CSV, a million appointments", CSV, write_appointments, "visits.csv"),
    }
    for name, measure in kinds.items():
        if name in arguments or not arguments:
            measure()


if __name__ == "__main__":
    main(sys.argv[1:])
