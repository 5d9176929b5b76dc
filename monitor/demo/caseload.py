"""Who comes when: slots of the week that one client after another takes, each therapy with its beginning and end."""

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
    Horizon,
    Pattern,
    Person,
    minutes_of,
    pattern_on,
    spans_of,
    story_of,
)

SLOTS_PER_FTE = 23.5  # booked a week; cancellations, gaps between clients and leave make about 20 held of it
FORTNIGHTLY = 0.22  # share of the slots that two clients take in turn
JOINING_WEEKS = 20  # until a newcomer's places have all been opened
NAMES = ("Robin", "Sasha", "Noor", "Alex", "Mika", "Sam", "Toni", "Jo", "Kai", "Billie", "Remy", "Ari", "Lou", "Yuri")
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"

Slot = tuple[int, int]
"""Weekday and minute after local midnight."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client: address and code are how mail and calendars know them; ``talk`` is how much they write."""

    address: str
    code: str
    name: str
    talk: float


@dataclass(frozen=True, slots=True)
class Series:
    """Sessions with one client at one time, every ``every`` weeks; ``last`` is ``None`` where no end is planned."""

    uid: str
    client: Client
    minute: int
    every: int
    first: date
    last: date | None

    def dates(self, end: date) -> Iterator[date]:
        """The days it falls on, before ``end``."""
        stop = end if self.last is None else min(end, self.last + timedelta(days=1))
        return (self.first + timedelta(days=step) for step in range(0, (stop - self.first).days, 7 * self.every))


def slots_of(pattern: Pattern) -> list[Slot]:
    """The hours of a pattern in which a session can stand."""
    return [
        (weekday, minute)
        for weekday in sorted(pattern.days)
        for start, end in spans_of(pattern, weekday)
        for minute in range(start, end - SESSION_MINUTES + 1, 60)
    ]


def caseload(person: Person, horizon: Horizon, rng: Generator) -> tuple[tuple[Series, ...], Client | None]:
    """Every series of every client, and the client of the one-client story."""
    filling = _Filling(person, horizon, rng)
    return tuple(filling.series()), filling.drifting


@dataclass(frozen=True, slots=True)
class _Place:
    """A slot and its client's rhythm; weeks are counted from the horizon's first. ``lasting``: one client for all."""

    slot: Slot
    every: int
    opens: int
    closes: int
    lasting: bool = False


class _Filling:
    """Fills a clinician's places with therapies that begin and end."""

    def __init__(self, person: Person, horizon: Horizon, rng: Generator) -> None:
        self.person, self.horizon, self.rng = person, horizon, rng
        self.story = story_of(person)
        self.index = PEOPLE.index(person) + 1
        self.clients = 0
        self.weeks = (horizon.end - horizon.first).days // 7
        self.drifting: Client | None = None

    def series(self) -> Iterator[Series]:
        for place in self._places():
            week = place.opens
            while week < place.closes:
                ends = min(week + self._length(place), place.closes)
                yield from self._therapy(place, week, ends)
                week = ends + place.every * int(self.rng.integers(0, 3) // place.every)

    def _length(self, place: _Place) -> int:
        """Weeks until the place is free again: 8 or more, 44 in the mean, whole fortnights where these are kept."""
        length = 8 + int(self.rng.geometric(1 / 36))
        return self.weeks if place.lasting else length // place.every * place.every

    def _places(self) -> Iterator[_Place]:
        slots = slots_of(self.person.patterns[0])
        wanted = round(SLOTS_PER_FTE * self.person.fte * self.person.load)
        taken = [slots[chosen] for chosen in self.rng.permutation(len(slots))[:wanted]]
        pairs = round(len(taken) * FORTNIGHTLY)
        yield from (self._place(slot, 2, phase) for slot in taken[:pairs] for phase in (0, 1))
        yield from (self._place(slot, 1, 0, lasting=number == 0) for number, slot in enumerate(taken[pairs:]))
        yield from self._added()

    def _place(self, slot: Slot, every: int, phase: int, *, lasting: bool = False) -> _Place:
        opens, closes = phase, self.weeks
        if self.person.joined is not None:
            opens += self._week(self.person.joined) + int(self.rng.integers(0, JOINING_WEEKS // 2)) * 2
        if self.story and not lasting and self.rng.random() < self.story.closing:
            closes = self._week(self.story.weeks_ago) + int(self.rng.integers(0, 5))
        return _Place(slot, every, opens, closes, lasting)

    def _added(self) -> Iterator[_Place]:
        for number, (weekday, clock) in enumerate(self.story.more_slots if self.story else ()):
            opens = self._week(self.story.weeks_ago if self.story else 0) + number // 4
            yield _Place((weekday, minutes_of(clock)), 1, opens, self.weeks)

    def _week(self, weeks_ago: int) -> int:
        return max(self.horizon.weeks - weeks_ago, 0)

    def _therapy(self, place: _Place, opens: int, ends: int) -> Iterator[Series]:
        """One client's series, and a second one where the clinician's working days changed in between."""
        client = self._client()
        if place.lasting and self.story and self.story.key == "one_client_drifting":
            self.drifting = client
        changes = [self._week(each.weeks_ago) for each in self.person.patterns if each.weeks_ago is not None]
        cuts = [opens, *(week + (opens - week) % place.every for week in changes if opens < week < ends), ends]
        for part, (start, stop) in enumerate(pairwise(cuts)):
            yield self._part(client, place, start, stop, part)

    def _part(self, client: Client, place: _Place, start: int, stop: int, part: int) -> Series:
        weekday, minute = self._slot_in(place.slot, start)
        first = self.horizon.first + timedelta(weeks=start, days=weekday)
        last = first + timedelta(weeks=(stop - 1 - start) // place.every * place.every)
        uid = f"{client.address.partition('@')[0]}-{part}@calendar.example"
        return Series(uid, client, minute, place.every, first, None if stop == self.weeks else last)

    def _slot_in(self, slot: Slot, week: int) -> Slot:
        """The slot under that week's pattern: a day no longer worked gives way to the day that took its place."""
        now, before = pattern_on(self.person, self.horizon.weeks - week).days, self.person.patterns[0].days
        come = set(now) - set(before)
        return (min(come), slot[1]) if slot[0] in set(before) - set(now) and come else slot

    def _client(self) -> Client:
        self.clients += 1
        code = f"{LETTERS[self.clients // 23 % 23]}{LETTERS[self.clients % 23]}{self.clients * 7 % 90 + 10}"
        name = NAMES[int(self.rng.integers(len(NAMES)))]
        talk = float(self.rng.gamma(2, 0.5))
        return Client(f"client{self.index * 1000 + self.clients:05}@{CLIENT_DOMAIN}", code, name, talk)
