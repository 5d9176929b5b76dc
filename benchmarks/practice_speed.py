"""Benchmark of doctor, a night and the pages, each relative to work that cannot be avoided.

::

    python -m benchmarks.practice_speed [doctor] [night] [pages]

Each line is a ratio of CPU times, the median of several runs. ``doctor`` and ``night`` have 50 clinicians over two
years (a million messages, 150,000 past entries), the pages one clinician over 2 and over 20 years. The databases are
filled by the store's own functions, from fixed seeds, in a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import median
from time import process_time
from zoneinfo import ZoneInfo

import numpy as np

from connectors.base import Window
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, SessionEvidence, Status
from monitor.cli.context import CliContext
from monitor.cli.doctor import doctor
from monitor.config import Config, load
from monitor.credentials import create_key, read_key
from monitor.dashboard.me.agreements import agreements_report
from monitor.dashboard.me.clients import clients_report
from monitor.dashboard.me.patterns import patterns_report
from monitor.loading import load_frames
from monitor.night import analyse
from monitor.store import clients, sources
from monitor.store.computations import mark_dirty
from monitor.store.database import Connection, Store, open_store
from monitor.store.events import save_events
from monitor.store.evidence import save_evidence
from monitor.store.messages import save_messages
from monitor.weekly_report.report import weekly_report

RUNS = 3
PARIS = ZoneInfo("Europe/Paris")
TUESDAY = datetime(2026, 11, 3, 4, 30, tzinfo=UTC)  # a night in which nobody's last week changes any more
A_DAY = timedelta(days=1)
PEOPLE, YEARS = 50, 2
CLIENTS, SESSIONS_A_DAY, MESSAGES_A_DAY = 30, 6, 38
AHEAD = 120  # days for which sessions are booked
HOURS = (8, 9, 10, 11, 14, 15)
AGREED = ", ".join(f'{day} = ["08:00-17:00"]' for day in ("mon", "tue", "wed", "thu", "fri"))
PAGES: dict[str, Callable[..., object]] = {
    "/me/": weekly_report, "/me/patterns": patterns_report, "/me/clients": clients_report,
    "/me/agreements": agreements_report,
}  # fmt: skip
PERSON = """
[[clinician]]
key = "{key}"
addresses = ["{key}@harbour.example"]
hours = [{{ {hours} }}]
[[source]]
name = "{key}-calendar"
kind = "ics"
clinician = "{key}"
path = "{key}.ics"
[[source]]
name = "{key}-mail"
kind = "mbox"
clinician = "{key}"
path = "{key}.mbox"
"""


class Practice:
    """A practice in a folder, after the night of the Tuesday."""

    def __init__(self, folder: Path, people: int, years: float) -> None:
        """Write the configuration and fill the database."""
        self.days = round(365 * years)
        keys = [f"p{number}" for number in range(people)]
        text = '[practice]\nname = "Speed"\nzone = "Europe/Paris"\ndomains = ["harbour.example"]\n'
        text += "".join(PERSON.format(key=key, hours=AGREED) for key in keys)
        (folder / "evenhours.toml").write_text(text, encoding="utf-8")
        self.config: Config = load(folder / "evenhours.toml")
        create_key(self.config.key_file)
        self.store: Store = open_store(self.config.database, read_key(self.config.key_file), create=True)
        self.simulations = [ClinicianSimulation(key, number, self.days) for number, key in enumerate(keys)]
        for simulation in self.simulations:
            with self.store.write() as connection:
                simulation.begin(connection)
        self.night(TUESDAY)

    def night(self, now: datetime, *, everyone: bool = False) -> int:
        """Compute the clinicians who are out of date and return their number."""
        return len(list(analyse(self.config, self.store, now=now, everyone=everyone)))


class ClinicianSimulation:
    """One clinician: hourly sessions with thirty clients, and growing mail with each of them."""

    def __init__(self, key: str, number: int, days: int) -> None:
        self.key, self.number, self.days = key, number, days
        self.rng = np.random.default_rng(number)
        self.midnight = TUESDAY.astimezone(PARIS).replace(hour=0, minute=0)

    def begin(self, connection: Connection) -> None:
        """Store everything up to the Tuesday, as the first run would."""
        monday = self.midnight.weekday()
        days = range(-self.days - monday, 0)
        self.entries = [entry for day in range(days.start, AHEAD) for entry in self._entries(day)]
        # Past entries, and most future ones, have been known for weeks.
        first_seen = TUESDAY - 30 * A_DAY
        early = [entry for entry in self.entries if entry.start < first_seen + AHEAD * A_DAY]
        calendar = sources.source_row(connection, f"{self.key}-calendar", "ics", [self.key])
        mark_dirty(connection, save_events(connection, calendar, early, int(first_seen.timestamp())))
        self._save(connection, TUESDAY, self.entries, [message for day in days for message in self._messages(day)])
        for (client,) in connection.execute(
            "SELECT identity.id FROM identity JOIN clinician ON clinician.id = clinician_id WHERE key = ? LIMIT ?",
            (self.key, CLIENTS // 2),
        ).fetchall():
            for term, value in (("frequency", "1"), ("channels", "email"), ("trauma", "yes")):
                clients.set_term(connection, self.key, client, term, value, from_day=0, now=0)

    def add_day(self, connection: Connection, number: int) -> None:
        """Store one new day, numbered from the Tuesday: its mail, the actual times of its sessions, new bookings.

        One clinician in ten moves a session of the week after, one in fifty enters leave.
        """
        now = TUESDAY + number * A_DAY
        entries = self._entries(AHEAD + number - 1)
        booked = [entry for entry in self.entries if entry.start > now + 6 * A_DAY]
        if self.number % 10 == number % 10:
            entries.append(replace(booked[0], start=booked[0].start + A_DAY, end=booked[0].end + A_DAY))
        today = [entry for entry in self.entries if now - A_DAY < entry.start < now]
        entries += [replace(entry, status=Status.NO_SHOW) for entry in today[:1]]
        if self.number % 50 == number:
            start = self.midnight + 30 * A_DAY
            entries.append(CalendarEvent(self.key, f"away{number}", start, start + 5 * A_DAY, Kind.LEAVE, all_day=True))
        self._save(connection, now, entries, self._messages(number - 1))

    def _save(
        self, connection: Connection, now: datetime, entries: Sequence[CalendarEvent], messages: Sequence[MessageStamp]
    ) -> None:
        instant = int(now.timestamp())
        calendar, mail = (
            sources.source_row(connection, f"{self.key}-{name}", kind, [self.key])
            for name, kind in (("calendar", "ics"), ("mail", "mbox"))
        )
        mark_dirty(connection, save_events(connection, calendar, entries, instant))
        times = [evidence for entry in entries if entry.start < now for evidence in self._times(entry)]
        mark_dirty(connection, save_evidence(connection, calendar, times))
        mark_dirty(connection, save_messages(connection, mail, messages))
        for source in (calendar, mail):
            sources.save_has_records(connection, source, [self.key])
            window = Window(TUESDAY - (self.days + 30) * A_DAY, now + AHEAD * A_DAY)
            sources.save_success(connection, source, window, instant)

    def _entries(self, day: int) -> list[CalendarEvent]:
        date = self.midnight + day * A_DAY
        if date.weekday() > 4:
            return []
        statuses = self.rng.choice([Status.CONFIRMED, Status.LATE_CANCELLED, Status.NO_SHOW], 6, p=[0.93, 0.04, 0.03])
        entries = []
        for slot, hour in enumerate(HOURS[:SESSIONS_A_DAY]):
            start = date.replace(hour=hour).astimezone(UTC)
            status = Status(str(statuses[slot])) if day < 0 else Status.CONFIRMED
            entries.append(
                CalendarEvent(
                    self.key, f"s{day}.{hour}", start, start + timedelta(minutes=50), Kind.SESSION, status=status,
                    client=f"K{date.weekday() * SESSIONS_A_DAY + slot}",
                )
            )  # fmt: skip
        if date.weekday() == 0:
            start = date.replace(hour=12).astimezone(UTC)
            entries.append(CalendarEvent(self.key, f"v{day}", start, start + timedelta(hours=1), Kind.SUPERVISION))
        return entries

    def _times(self, entry: CalendarEvent) -> Iterator[SessionEvidence]:
        if entry.kind is Kind.SESSION and entry.status is Status.CONFIRMED:
            over = timedelta(seconds=int(self.rng.integers(-200, 600)))
            yield SessionEvidence(
                self.key, f"t{entry.uid_key}", Grade.EHR, entry.start + timedelta(minutes=1), entry.end + over,
                entry.uid_key,
            )  # fmt: skip

    def _messages(self, day: int) -> list[MessageStamp]:
        """Return the messages of a day, in some periods more of them late; most belong to an existing thread."""
        date = (self.midnight + day * A_DAY).astimezone(UTC)
        if (self.midnight + day * A_DAY).weekday() > 4:
            return []
        late = 0.1 + 0.25 * ((day // 120) % 2)
        messages = []
        for number in range(MESSAGES_A_DAY):
            client = int(self.rng.integers(CLIENTS))
            hour = self.rng.uniform(17, 21) if self.rng.random() < late else self.rng.uniform(7, 16)
            key = _node(self.number, day * MESSAGES_A_DAY + number)
            thread = _node(self.number, ((day + 10**6) // 9 * CLIENTS + client) * 1000 + 10**12)
            messages.append(
                MessageStamp(
                    self.key, key, date + timedelta(hours=float(hour)), bool(self.rng.random() < 0.5), f"K{client}",
                    CounterpartKind.CLIENT, thread_nodes=(key, thread),
                )
            )  # fmt: skip
        return messages


def _node(person: int, number: int) -> int:
    """Return a number that is spread over 63 bits like a keyed digest."""
    return ((person * 10**15 + number) * 0x9E3779B97F4A7C15) % 2**63


def print_ratio(title: str, pairs: Sequence[tuple[float, float]], most: float | None = None) -> None:
    """Print the median ratio of paired runs, and whether it is within its limit, if there is one."""
    ratio = median(measured / reference for measured, reference in pairs)
    measured, reference = (median(column) for column in zip(*pairs, strict=True))
    limit = "" if most is None else f"; at most {most}: {'ok' if ratio <= most else 'TOO SLOW'}"
    sys.stdout.write(f"{title}: {ratio:.2f} (medians {measured:.3f} s and {reference:.3f} s{limit})\n")
    sys.stdout.flush()


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work."""
    started = process_time()
    work()
    return process_time() - started


def run_doctor(practice: Practice) -> str:
    """Run doctor and return its output."""
    context = CliContext(now=TUESDAY + timedelta(hours=1))
    output = StringIO()
    with redirect_stdout(output), suppress(SystemExit):
        doctor.main(["--config", str(practice.config.path)], obj=context)
    context.close()
    return output.getvalue()


def measure_doctor(practice: Practice) -> None:
    """Compare doctor with SQLite's own check of the same file, which is a part of it."""

    def check() -> object:
        return practice.store.connection.execute("PRAGMA integrity_check(1)").fetchall()

    run_doctor(practice)
    pairs = [(seconds(partial(run_doctor, practice)), seconds(check)) for _ in range(RUNS)]
    print_ratio(f"doctor, {PEOPLE} clinicians × {YEARS} years, over SQLite's check of the file", pairs, 2.5)


def measure_night(practice: Practice) -> None:
    """Compare a night after one new day, from its records on, with computing everybody."""
    pairs, computed = [], []

    def night(number: int) -> None:
        for simulation in practice.simulations:
            with practice.store.write() as connection:
                simulation.add_day(connection, number)
        computed.append(practice.night(TUESDAY + number * A_DAY))

    for number in range(1, RUNS + 1):
        night_seconds = seconds(partial(night, number))
        pairs.append((night_seconds, seconds(partial(practice.night, TUESDAY + number * A_DAY, everyone=True))))
    title = f"a night after one new day ({', '.join(map(str, computed))} of {PEOPLE} computed) over computing everybody"
    print_ratio(title, pairs, 0.3)


def measure_pages(practice: Practice, years: int) -> None:
    """Compare each page with loading its person's tables once, which every page has to."""
    config, store, (person,) = practice.config, practice.store, practice.config.clinicians
    now = TUESDAY + timedelta(hours=4)

    def tables() -> object:
        return load_frames(config, store, person, now=now)

    for path, report in PAGES.items():
        page = partial(report, config, store, person, now=now)
        page()
        print_ratio(
            f"{path}, {years} years, over its tables", [(seconds(page), seconds(tables)) for _ in range(RUNS)], 2.0
        )


def main() -> None:
    """Print the figures."""
    selected = sys.argv[1:] or ["doctor", "night", "pages"]
    with tempfile.TemporaryDirectory() as name:
        if {"doctor", "night"} & {*selected}:
            folder = Path(name) / "p50"
            folder.mkdir()
            practice = Practice(folder, PEOPLE, YEARS)
            if "doctor" in selected:
                measure_doctor(practice)
            if "night" in selected:
                measure_night(practice)
            practice.store.close()
        for years in (2, 20) if "pages" in selected else ():
            folder = Path(name) / f"p1x{years}"
            folder.mkdir()
            practice = Practice(folder, 1, years)
            measure_pages(practice, years)
            practice.store.close()


if __name__ == "__main__":
    main()
