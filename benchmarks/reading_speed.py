"""Benchmarks of reading: each source against the work that cannot be avoided (a server's answers, a parser, memory).

::

    python -m benchmarks.reading_speed [imap] [caldav] [ics] [mbox]

Each line is a ratio within one run: the time from a source into SQLite over the time of its baseline, the median of
several alternating pairs. Servers are timed by the clock, files by the processor. IMAP and CalDAV need the servers of
``make peers``; mbox writes a gigabyte to a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.client import HTTPConnection
from imaplib import IMAP4
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from connectors.caldav import webdav
from connectors.imap.messages import FETCH_ITEMS
from connectors.pseudonyms import Pseudonyms
from monitor.config import load
from monitor.ingest import IngestRequest, SourceOutcome, ingest
from monitor.store.database import opened
from tests.peers import calendars
from tests.peers.dovecot import PASSWORD, Dovecot, dovecot

PAIRS = 3
MESSAGES, OBJECTS, ENTRIES = 5_000, 500, 10_000
GIGABYTE = 1024**3
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FIRST = NOW - timedelta(days=360)
PSEUDONYMS = Pseudonyms(b"k" * 32)
CONFIG = """
[practice]
name = "Speed"
zone = "Europe/Paris"
domains = ["harbour.example"]
[[clinician]]
key = "ana"
addresses = ["ana@harbour.example"]
[[source]]
name = "source"
clinician = "ana"
"""
_numbers = count()


def read_into_sqlite(folder: Path, options: str, clock: Callable[[], float] = perf_counter) -> float:
    """Return the seconds that reading one source into a new database takes."""
    practice_folder = folder / f"practice{next(_numbers)}"
    practice_folder.mkdir()
    (practice_folder / "password").write_text(PASSWORD if "imap" in options else calendars.PASSWORD, encoding="utf-8")
    (practice_folder / "password").chmod(0o600)
    (practice_folder / "evenhours.toml").write_text(CONFIG + options, encoding="utf-8")
    config = load(practice_folder / "evenhours.toml")
    with opened(practice_folder / "evenhours.db", create=True) as store:
        started_at = clock()
        (outcome,) = ingest(config, store, PSEUDONYMS, IngestRequest(), now=NOW)
        seconds = clock() - started_at
    _require(outcome)
    return seconds


def _require(outcome: SourceOutcome) -> None:
    if outcome.problem or not outcome.rows:
        raise SystemExit(f"the benchmark read nothing: {outcome.problem}")


def compare(
    title: str, measured: Callable[[], float], baseline: Callable[[], float], limit: float | None = None
) -> None:
    """Print the median ratio of alternating pairs, and whether it is within its limit, if it has one."""
    pairs = [(measured(), baseline()) for _ in range(PAIRS)]
    ratio = median(measured_seconds / baseline_seconds for measured_seconds, baseline_seconds in pairs)
    measured_seconds, baseline_seconds = (median(column) for column in zip(*pairs, strict=True))
    verdict = "" if limit is None else f"; at most {limit}: {'ok' if ratio <= limit else 'TOO SLOW'}"
    _print_line(f"{title}: {ratio:.2f} (medians {measured_seconds:.3f} s and {baseline_seconds:.3f} s{verdict})")


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# Mail on a server


def letter(number: int) -> bytes:
    """Return a short message; every third one is the owner's answer."""
    sent_at = FIRST + timedelta(minutes=97 * number)
    client, ana = f"client{number % 40}@post.example", "ana@harbour.example"
    sender, recipient = (ana, client) if number % 3 == 2 else (client, ana)
    lines = [
        f"Received: from mx.example by mail.example; {format_datetime(sent_at)}",
        f'From: "Somebody" <{sender}>',
        f"To: <{recipient}>",
        f"Subject: number {number}",
        f"Date: {format_datetime(sent_at)}",
        f"Message-ID: <{number}@post.example>",
        *(
            [f"In-Reply-To: <{number - 1}@post.example>", f"References: <{number - 1}@post.example>"]
            if number % 3
            else []
        ),
        "Content-Type: text/plain",
        "",
        *["Some words that nobody reads."] * 20,
    ]
    return "\r\n".join(lines).encode()


def imap() -> None:
    """Compare 5,000 header blocks into SQLite with the standard library's fetch of the same.

    A *cold* mailbox is opened for the first time; of a *warm* one the server has the headers in memory.
    """
    with dovecot() as server, tempfile.TemporaryDirectory() as name:
        users = [_mailbox(server) for _ in range(2 * PAIRS)]
        for warmth in ("cold", "warm"):
            measured, baseline = iter(users[:PAIRS]), iter(users[PAIRS:])
            compare(
                f"IMAP, {MESSAGES} messages, {warmth}, over imaplib's fetch",
                partial(_imap_into_sqlite, server, Path(name), measured),
                partial(_fetch_next, server, baseline),
                1.5,
            )


def _mailbox(server: Dovecot) -> str:
    user = server.user()
    for number in range(MESSAGES):
        server.deliver(user, [letter(number)], received_at=FIRST + timedelta(minutes=97 * number))
    return user


def _imap_into_sqlite(server: Dovecot, folder: Path, users: Iterator[str]) -> float:
    return read_into_sqlite(folder, _imap_options(server, next(users)))


def _fetch_next(server: Dovecot, users: Iterator[str]) -> float:
    return fetch_alone(server, next(users))


def _imap_options(server: Dovecot, user: str) -> str:
    lines = f'host = "127.0.0.1"\nport = {server.port}\ntls = "none"\nusername = "{user}"'
    return f'kind = "imap"\n{lines}\npassword = "file:password"\n'


def fetch_alone(server: Dovecot, user: str) -> float:
    """Return the seconds that signing in and one FETCH take."""
    started_at = perf_counter()
    with IMAP4("127.0.0.1", server.port) as client:
        client.login(user, PASSWORD)
        client.select("INBOX", readonly=True)
        _, rows = client.uid("FETCH", f"1:{MESSAGES}", f"({FETCH_ITEMS})")
    if len(rows) < MESSAGES:
        raise SystemExit("the benchmark fetched nothing")
    return perf_counter() - started_at


# Calendars on a server


def entry(number: int) -> str:
    """Return one event of a calendar; every tenth one is a weekly series."""
    start = FIRST + timedelta(hours=17 * number % 8_000)
    end = start + timedelta(minutes=50)
    rule = ["RRULE:FREQ=WEEKLY;COUNT=50"] if number % 10 == 0 else []
    lines = [
        "BEGIN:VEVENT", f"UID:{number}@harbour.example", "DTSTAMP:20250101T000000Z",
        f"DTSTART;TZID=Europe/Paris:{start:%Y%m%dT%H%M%S}", f"DTEND;TZID=Europe/Paris:{end:%Y%m%dT%H%M%S}",
        *rule, "SUMMARY:A session with somebody", "LOCATION:Room 4", "DESCRIPTION:Some words that nobody reads " * 8,
        f"ATTENDEE;CN=Somebody:mailto:client{number % 40}@post.example", "END:VEVENT",
    ]  # fmt: skip
    return "\r\n".join(lines)


def calendar(*entries: str) -> str:
    """Return the text of a calendar with these events."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *entries, "END:VCALENDAR", ""])


def caldav() -> None:
    """Compare 500 objects into SQLite with the two requests that fetch them."""
    with tempfile.TemporaryDirectory() as name, calendars.radicale(Path(name)) as server:
        path = "/user0/clients/"
        server.put("user0", path, calendar(*map(entry, range(OBJECTS))))
        url = f"{server.url.rstrip('/')}{path}"
        options = f'kind = "caldav"\nurl = "{url}"\nusername = "user0"\npassword = "file:password"\n'
        compare(
            f"CalDAV, {OBJECTS} objects, over its two requests",
            lambda: read_into_sqlite(Path(name), options),
            lambda: requests_alone(server, path),
        )


def requests_alone(server: calendars.CalendarServer, path: str) -> float:
    """Return the seconds that the list of objects and the objects take."""
    started_at = perf_counter()
    listed = _report(server, path, webdav.sync_collection(""))
    hrefs = [part.partition("</href>")[0] for part in listed.split("<href>")[1:]]
    objects = _report(server, path, webdav.multiget(hrefs, frozenset()))
    seconds = perf_counter() - started_at
    if objects.count("BEGIN:VEVENT") < OBJECTS:
        raise SystemExit("the benchmark was given nothing")
    return seconds


def _report(server: calendars.CalendarServer, path: str, body: bytes) -> str:
    connection = HTTPConnection("127.0.0.1", server.port)
    authorization = f"Basic {b64encode(f'user0:{calendars.PASSWORD}'.encode()).decode()}"
    connection.request(
        "REPORT", path, body, {"Authorization": authorization, "Content-Type": "application/xml", "Depth": "0"}
    )
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


# Calendar files


def ics() -> None:
    """Compare 10,000 events over a year into SQLite with icalendar and recurring-ical-events alone."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "calendar.ics")
        path.write_text(calendar(*map(entry, range(ENTRIES))), encoding="utf-8", newline="")
        options = f'kind = "ics"\npath = "{path}"\nwindow = {{ from = 2025-11-01, to = 2026-10-31 }}\n'
        compare(
            f"ICS, {ENTRIES} entries over a year, over icalendar and recurring-ical-events",
            lambda: read_into_sqlite(Path(name), options, process_time),
            lambda: expand_alone(path),
            0.5,
        )


def expand_alone(path: Path) -> float:
    """Return the seconds that parsing and expanding take."""
    from icalendar import Calendar
    from recurring_ical_events import of

    started_at = process_time()
    instances = of(Calendar.from_ical(path.read_bytes())).between(datetime(2025, 11, 1, tzinfo=UTC), NOW)
    if len(instances) < ENTRIES:
        raise SystemExit("the benchmark expanded nothing")
    return process_time() - started_at


# A large mailbox


@contextmanager
def large_mailbox() -> Iterator[Path]:
    """Write a mailbox file of a gigabyte for the length of a ``with``."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "large.mbox")
        body = b"Some words that nobody reads, and then some more of them.\n" * 400
        with path.open("wb") as file:
            for number in count():
                if file.tell() >= GIGABYTE:
                    break
                head = letter(number % 5_000).partition(b"\r\n\r\n")[0].replace(b"\r\n", b"\n")
                unique = head.replace(b"@post.example>", b".%d@post.example>" % number)
                file.write(b"From somebody Sat Nov  1 10:00:00 2025\n" + unique + b"\n\n" + body + b"\n")
        yield path


def mbox() -> None:
    """Read a gigabyte of mail in a process of its own and print its peak memory."""
    with large_mailbox() as path:
        started_at = perf_counter()
        reader = [sys.executable, "-m", "benchmarks.reading_speed", "--read", str(path)]
        output = subprocess.run(reader, check=True, capture_output=True, text=True)  # noqa: S603
        seconds = perf_counter() - started_at
    peak_megabytes = int(output.stdout) / 1024
    verdict = "ok" if peak_megabytes <= 150 else "TOO MUCH"
    _print_line(f"mbox, 1 GB: {peak_megabytes:.0f} MB (at most 150; {seconds:.0f} s)  {verdict}")


def _peak_memory() -> int:
    """Return the peak memory of this process in kB. getrusage would include the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def main(arguments: list[str]) -> None:
    """Run the named comparisons, or all."""
    if arguments[:1] == ["--read"]:
        path = Path(arguments[1])
        read_into_sqlite(path.parent, f'kind = "mbox"\npath = "{path}"\n')
        _print_line(str(_peak_memory()))
        return
    for name, run in {"imap": imap, "caldav": caldav, "ics": ics, "mbox": mbox}.items():
        if name in arguments or not arguments:
            run()


if __name__ == "__main__":
    main(sys.argv[1:])
