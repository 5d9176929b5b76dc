"""A practice of several people whose calendars are written into the store, for tests of blocks, night by night."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base import Window
from connectors.classify import KindRule
from connectors.records import CalendarEvent, Kind
from monitor.config import Config, SourceConfig
from monitor.credentials import create_key, read_key
from monitor.night import analyse
from monitor.roster import Clinician, Practice, Residence
from monitor.store import sources
from monitor.store.computations import mark_dirty
from monitor.store.database import Store, opened
from monitor.store.events import remove_events, save_events

LONDON = ZoneInfo("Europe/London")
BLOCK = date(2026, 10, 26)
"""The first day of a block, and so is every fourth Monday before and after it."""

FIRST = BLOCK - timedelta(weeks=24)
NAMES = ("ana", "ben", "cleo", "dev", "esi", "farid", "grace", "hugo", "ines", "jun")


def clinician(key: str, **fields: object) -> Clinician:
    return Clinician(key, key.capitalize(), (Residence(None, LONDON),), **fields)  # type: ignore[arg-type]


def morning(day: date) -> datetime:
    """Return a quarter of an hour after the night of 4:30."""
    return datetime(day.year, day.month, day.day, 4, 45, tzinfo=LONDON)


def session(key: str, day: date, hour: int, client: str) -> CalendarEvent:
    start = datetime(day.year, day.month, day.day, hour, tzinfo=LONDON).astimezone(UTC)
    name = f"{key}-{client}-{day}"
    return CalendarEvent(key, name, start, start + timedelta(minutes=50), Kind.SESSION, client=f"{key}{client}")


def leave(key: str, first: date, after: date) -> CalendarEvent:
    start, end = (datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC) for day in (first, after))
    return CalendarEvent(key, f"{key}-leave-{first}", start, end, Kind.LEAVE, all_day=True)


def calendar_events(
    key: str,
    clients: int,
    first: date,
    weeks: int,
    seed: int,
    *,
    away: Sequence[tuple[date, date]] = (),
    comes: float = 0.9,
) -> Iterator[CalendarEvent]:
    """Yield a calendar: each client has one hour a week and attends nine in ten; none while the clinician is away."""
    rng = random.Random(f"{key}{seed}")
    for week in range(weeks):
        for number in range(clients):
            day = first + timedelta(weeks=week, days=number % 5)
            if rng.random() < comes and not any(start <= day < end for start, end in away):
                yield session(key, day, 9 + number // 5, f"C{number}")
    for start, end in away:
        yield leave(key, start, end)


@dataclass
class BlockPractice:
    """A practice in a store. ``now`` is the morning after the last simulated night."""

    store: Store
    config: Config
    now: datetime = field(default_factory=lambda: morning(BLOCK + timedelta(weeks=4)))

    def add_events(self, key: str, events: Iterable[CalendarEvent]) -> None:
        with self.store.write() as connection:
            rows = save_events(connection, self._source(connection, key), list(events), int(self.now.timestamp()))
            mark_dirty(connection, rows)

    def remove(self, key: str, *uid_keys: str) -> None:
        removed = [(key, uid_key) for uid_key in uid_keys]
        with self.store.write() as connection:
            rows = remove_events(connection, self._source(connection, key), removed, int(self.now.timestamp()))
            mark_dirty(connection, rows)

    def mark_read(self, *keys: str) -> None:
        """Record that these people's calendars were read to their end."""
        window = Window(datetime(2025, 1, 1, tzinfo=UTC), self.now + timedelta(days=120))
        with self.store.write() as connection:
            for key in keys:
                sources.save_success(connection, self._source(connection, key), window, int(self.now.timestamp()))

    def night(self, day: date | None = None, *, unread: Sequence[str] = ()) -> None:
        """Run a night: read all calendars but those of ``unread``, then compute everybody."""
        if day is not None:
            self.now = morning(day)
        self.mark_read(*(person.key for person in self.config.clinicians if person.key not in unread))
        list(analyse(self.config, self.store, now=self.now))

    def change(self, key: str, **fields: object) -> None:
        """Change a clinician's configuration."""
        people = tuple(replace(person, **fields) if person.key == key else person for person in self.config.clinicians)  # type: ignore[arg-type]
        self.config = replace(self.config, clinicians=people)

    def _source(self, connection: object, key: str) -> sources.SourceRow:
        return sources.source_row(connection, f"{key}-calendar", "ics", [key])  # type: ignore[arg-type]


@contextmanager
def practice(folder: Path, people: Sequence[Clinician], rules: Sequence[KindRule] = ()) -> Iterator[BlockPractice]:
    """Yield a practice without records."""
    files = [folder / name for name in ("evenhours.db", "evenhours.key", "evenhours.toml")]
    calendars = tuple(SourceConfig(f"{person.key}-calendar", "ics", (person.key,), None) for person in people)
    config = Config(Practice("Harbour Street", LONDON), tuple(people), tuple(rules), None, calendars, *files)
    create_key(config.key_file)
    with opened(config.database, read_key(config.key_file), create=True) as store:
        yield BlockPractice(store, config)
