"""Simulation of a caseload: weekly slots that one client after another takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from numpy.random import Generator

from monitor.demo.practice import (
    CLIENT_DOMAIN,
    PEOPLE,
    SESSION_MINUTES,
    DemoClinician,
    Horizon,
    WorkPattern,
    minutes_of,
    pattern_on,
    spans_of,
    story_of,
)

SLOTS_PER_FTE = 23.5  # booked a week; after cancellations, gaps between clients and leave about 20 are held
FORTNIGHTLY = 0.22  # share of the slots that two clients take in turn
JOINING_WEEKS = 20  # until all places of a new clinician are open
NAMES = ("Robin", "Sasha", "Noor", "Alex", "Mika", "Sam", "Toni", "Jo", "Kai", "Billie", "Remy", "Ari", "Lou", "Yuri")
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"  # without I, L and O, which look like digits

WeeklySlot = tuple[int, int]
"""Weekday and minute after local midnight."""


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A client with the address used in mail, the code used in calendars, and ``talk``, how much they write."""

    address: str
    code: str
    name: str
    talk: float


@dataclass(frozen=True, slots=True)
class TherapySeries:
    """Sessions with one client at one time, every ``every`` weeks; ``last`` is ``None`` if no end is planned."""

    uid: str
    client: DemoClient
    minute: int
    every: int
    first: date
    last: date | None

    def dates(self, end: date) -> Iterator[date]:
        """Yield the days of its sessions before ``end``."""
        stop = end if self.last is None else min(end, self.last + timedelta(days=1))
        yield from (self.first + timedelta(days=step) for step in range(0, (stop - self.first).days, 7 * self.every))


def slots_of(pattern: WorkPattern) -> list[WeeklySlot]:
    """Return the slots of a pattern in which a session fits."""
    return [
        (weekday, minute)
        for weekday in sorted(pattern.days)
        for start, end in spans_of(pattern, weekday)
        for minute in range(start, end - SESSION_MINUTES + 1, 60)
    ]


def simulate_caseload(
    person: DemoClinician, horizon: Horizon, rng: Generator
) -> tuple[tuple[TherapySeries, ...], DemoClient | None]:
    """Return every series of every client, and the client of the one-client drift."""
    simulator = _CaseloadSimulator(person, horizon, rng)
    return tuple(simulator.series()), simulator.drifting


@dataclass(frozen=True, slots=True)
class _Place:
    """A slot with its rhythm; weeks count from the horizon's first. With ``lasting`` it has one client throughout."""

    slot: WeeklySlot
    every: int
    opens: int
    closes: int
    lasting: bool = False


class _CaseloadSimulator:
    """Fills a clinician's places with therapies of random length."""

    def __init__(self, person: DemoClinician, horizon: Horizon, rng: Generator) -> None:
        self.person, self.horizon, self.rng = person, horizon, rng
        self.story = story_of(person)
        self.index = PEOPLE.index(person) + 1
        self.clients = 0
        self.weeks = (horizon.end - horizon.first).days // 7
        self.drifting: DemoClient | None = None

    def series(self) -> Iterator[TherapySeries]:
        for place in self._places():
            week = place.opens
            while week < place.closes:
                # At least 8 weeks until the place is free again, 44 on average, in whole periods of the place.
                length = (8 + int(self.rng.geometric(1 / 36))) // place.every * place.every
                ends = min(week + (self.weeks if place.lasting else length), place.closes)
                yield from self._therapy(place, week, ends)
                week = ends + place.every * int(self.rng.integers(0, 3) // place.every)

    def _places(self) -> Iterator[_Place]:
        slots = slots_of(self.person.patterns[0])
        number = round(SLOTS_PER_FTE * self.person.fte * self.person.load)
        taken = [slots[index] for index in self.rng.permutation(len(slots))[:number]]
        pairs = round(len(taken) * FORTNIGHTLY)
        yield from (self._place(slot, 2, phase) for slot in taken[:pairs] for phase in (0, 1))
        yield from (self._place(slot, 1, 0, lasting=number == 0) for number, slot in enumerate(taken[pairs:]))
        if self.story:
            for number, (weekday, clock) in enumerate(self.story.more_slots):
                opens = self._week(self.story.weeks_ago) + number // 4  # four more each week
                yield _Place((weekday, minutes_of(clock)), 1, opens, self.weeks)

    def _place(self, slot: WeeklySlot, every: int, phase: int, *, lasting: bool = False) -> _Place:
        opens, closes = phase, self.weeks
        if self.person.joined is not None:
            opens += self._week(self.person.joined) + int(self.rng.integers(0, JOINING_WEEKS // 2)) * 2
        if self.story and not lasting and self.rng.random() < self.story.closing:
            closes = self._week(self.story.weeks_ago) + int(self.rng.integers(0, 5))
        return _Place(slot, every, opens, closes, lasting)

    def _week(self, weeks_ago: int) -> int:
        return max(self.horizon.weeks - weeks_ago, 0)  # what was longer ago applies from the first week on

    def _therapy(self, place: _Place, opens: int, ends: int) -> Iterator[TherapySeries]:
        """Yield one client's series, split where the clinician's working days changed."""
        self.clients += 1
        code = f"{LETTERS[self.clients // 23 % 23]}{LETTERS[self.clients % 23]}{self.clients * 7 % 90 + 10}"
        name = NAMES[int(self.rng.integers(len(NAMES)))]
        user = f"client{self.index * 1000 + self.clients:05}"
        client = DemoClient(f"{user}@{CLIENT_DOMAIN}", code, name, talk=float(self.rng.gamma(2, 0.5)))
        if place.lasting and self.story and self.story.key == "one_client_drifting":
            self.drifting = client
        changes = [self._week(pattern.weeks_ago) for pattern in self.person.patterns if pattern.weeks_ago is not None]
        cuts = [opens, *(week + (opens - week) % place.every for week in changes if opens < week < ends), ends]
        for part, (start, stop) in enumerate(pairwise(cuts)):
            weekday, minute = place.slot
            # A weekday that is no longer worked is replaced by its successor.
            days, first_days = pattern_on(self.person, self.horizon.weeks - start).days, self.person.patterns[0].days
            added = set(days) - set(first_days)
            if added and weekday in set(first_days) - set(days):
                weekday = min(added)
            first = self.horizon.first + timedelta(weeks=start, days=weekday)
            last = first + timedelta(weeks=(stop - 1 - start) // place.every * place.every)
            uid = f"{user}-{part}@calendar.example"
            yield TherapySeries(uid, client, minute, place.every, first, None if stop == self.weeks else last)
