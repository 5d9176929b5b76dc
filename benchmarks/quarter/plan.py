"""The plan of a quarter: who works in the practice, what goes wrong on which days, and what follows from that.

Knows dates alone and nothing of the product. A day is judged at 08:00, after the night of 04:30; a week ends on the
Monday after it at 04:00, so the night of that Monday is the first that can know the week whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
FIRST_RANGE_WEEKS = 6  # observed weeks before which nothing can be called usual
DRIFT_WEEKS = 5  # after so many whole weeks of fivefold evenings no page may be quiet about them
OVERDUE_NIGHTS = 2
BLOCK = WEEK * 4
FIRST_BLOCK = date(1970, 1, 5)
WAIT = DAY * 14  # a block waits no longer for anybody


class Fault(StrEnum):
    """What can happen on planned days, in the words of the printed table."""

    CALENDAR_GONE = "calendar file is gone"
    ANALYSIS_FAILS = "analysis fails"
    SILENT = "cron does not run"
    KILLED_READING = "killed while reading"
    KILLED_COMPUTING = "killed while computing"
    OTHER_KEY = "another key beside the database"
    FORGETS = "feed keeps one month alone"
    RENAMES = "feed renews its UIDs"
    LEAVE = "on leave"
    ADDRESS_UNKNOWN = "own address is not configured"
    NO_DATA = "joined, nothing in the files yet"
    DRIFT = "evenings five times as many"


class Missing(StrEnum):
    """What is not there of somebody's last week, so that no sentence may say that all is well."""

    CALENDAR_UNREAD = "calendar not read to the week's end"
    MAIL_UNREAD = "mail not read to the week's end"
    NOT_COMPUTED = "week not computed"
    OVERDUE = "nothing read for 48 hours"
    NOT_RECOGNISED = "own mail not recognised"
    ASSUMED_HOURS = "hours assumed"
    NO_CALENDAR = "no calendar"
    NO_MAIL = "no mail"
    NO_DATA = "no data yet"
    FEW_WEEKS = "too few weeks to compare"
    OPEN_CHANGE = "a change goes on"


NOT_WHOLE = frozenset({Missing.CALENDAR_UNREAD, Missing.MAIL_UNREAD, Missing.NOT_COMPUTED})
"""The week itself is not whole. ``OVERDUE`` alone may stand beside a week that is."""


@dataclass(frozen=True, slots=True)
class Person:
    """One clinician. ``joined`` is the first day in the configuration; ``None`` is long ago."""

    key: str
    calendar: bool = True
    mail: bool = True
    hours: bool = True
    joined: date | None = None

    @property
    def name(self) -> str:
        """The name on the pages."""
        return self.key.capitalize()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the person's own sources, in the order in which they are read."""
        return tuple(f"{self.key}-{kind}" for kind in ("calendar", "mail") if getattr(self, kind))


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault from its first day to its last, both included; of one ``person``, or of the whole practice."""

    fault: Fault
    first: date
    last: date
    person: str = ""


@dataclass(frozen=True, slots=True)
class Night:
    """The outcome that the plan has for one night. ``exits`` are the exit codes that fit; empty: it did not run."""

    exits: frozenset[int]
    read: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    killed: bool = False


@dataclass(frozen=True, eq=False)
class Plan:
    """The days from ``first`` (a Monday) to ``last``, the people and what goes wrong.

    With ``few`` people look at their pages on Mondays alone and on the day after each fault; every night is judged. The
    files begin ``history_weeks`` before the first day.
    """

    first: date
    last: date
    people: tuple[Person, ...]
    faults: tuple[Planned, ...]
    few: bool = False
    history_weeks: int = 30

    def days(self) -> Iterator[date]:
        """Each day of the quarter."""
        return (self.first + DAY * n for n in range((self.last - self.first).days + 1))

    def asks_on(self, day: date) -> bool:
        """Return whether people look at their pages on a day."""
        return not self.few or day.weekday() == 0 or any(one.last + DAY == day for one in self.faults)

    def has(self, fault: Fault, day: date, person: str = "") -> bool:
        """Return whether this happens on that day to that person (or, without one, to the practice)."""
        return any(one.fault is fault and one.person == person and one.first <= day <= one.last for one in self.faults)

    def staff(self, day: date) -> tuple[Person, ...]:
        """Whoever is in the configuration on a day."""
        return tuple(person for person in self.people if person.joined is None or person.joined <= day)

    def victim(self, fault: Fault, day: date) -> str:
        """The person at whom a killed night was killed."""
        return next(one.person for one in self.faults if one.fault is fault and one.first <= day <= one.last)

    @lru_cache(maxsize=1000)  # noqa: B019 - a plan lives as long as the program
    def night(self, day: date) -> Night:
        """What the night of a day reads and computes."""
        staff = self.staff(day)
        if self.has(Fault.SILENT, day):
            return Night(frozenset())
        gone = {f"{one.key}-calendar" for one in staff if self.has(Fault.CALENDAR_GONE, day, one.key)}
        failing = {one.key for one in staff if self.has(Fault.ANALYSIS_FAILS, day, one.key)}
        sources = [source for one in staff for source in one.sources]
        everybody = [one.key for one in staff]
        if self._happens(Fault.KILLED_READING, day):
            until = sources.index(f"{self.victim(Fault.KILLED_READING, day)}-calendar")
            return Night(frozenset({-9}), frozenset(sources[:until]) - gone, frozenset(gone), killed=True)
        if self._happens(Fault.KILLED_COMPUTING, day):
            until = everybody.index(self.victim(Fault.KILLED_COMPUTING, day))
            done = frozenset(everybody[:until]) - failing
            return Night(frozenset({-9}), frozenset(sources) - gone, frozenset(gone), done, killed=True)
        return Night(
            frozenset({3 if gone or failing else 0}),
            frozenset(sources) - gone,
            frozenset(gone),
            frozenset(everybody) - failing,
            frozenset(failing),
        )

    def _happens(self, fault: Fault, day: date) -> bool:
        return any(one.fault is fault and one.first <= day <= one.last for one in self.faults)

    def last_night(self, day: date) -> date | None:
        """The day of the last night that ended by itself."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((at for at in nights if self.night(at).exits and not self.night(at).killed), None)

    def read_on(self, source: str, day: date) -> date:
        """The last night, up to a day, in which a source was read to its end."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((at for at in nights if source in self.night(at).read), date.min)

    def computed_on(self, person: Person, day: date) -> date:
        """The last night, up to a day, in which somebody's numbers were computed."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((at for at in nights if person.key in self.night(at).computed), date.min)

    def data_from(self, person: Person) -> date:
        """The Monday from which the person's files hold anything."""
        empty = [one.last + DAY for one in self.faults if one.fault is Fault.NO_DATA and one.person == person.key]
        return max(empty, default=self.first - WEEK * self.history_weeks)

    def missing(
        self, person: Person, day: date, week: date | None = None, *, opened: bool = True
    ) -> frozenset[Missing]:
        """What of a week (its Monday; by default the last that is over) is not there on a day.

        A page that its owner has ``opened`` computes what was read and not computed, unless the analysis still fails.
        """
        week = week or monday_of(day) - WEEK
        found = frozenset(self._missing(person, day, week))
        computes = opened and not self.has(Fault.ANALYSIS_FAILS, day, person.key)
        return found - {Missing.NOT_COMPUTED} if computes else found

    def _missing(self, person: Person, day: date, week: date) -> Iterator[Missing]:
        end, begun = week + WEEK, self.data_from(person)
        watched_from = monday_of(person.joined) if person.joined else begun
        read = {source: self.read_on(source, day) for source in person.sources}
        unread = [source for source, on in read.items() if on < end]
        drifts = [one for one in self.faults if one.fault is Fault.DRIFT and one.person == person.key]
        lacks = {
            Missing.CALENDAR_UNREAD: f"{person.key}-calendar" in unread,
            Missing.MAIL_UNREAD: f"{person.key}-mail" in unread,
            Missing.NOT_COMPUTED: self.computed_on(person, day) < end,
            Missing.OVERDUE: all((day - on).days >= OVERDUE_NIGHTS for on in read.values()),
            Missing.NOT_RECOGNISED: self.has(Fault.ADDRESS_UNKNOWN, day, person.key),
            Missing.ASSUMED_HOURS: not person.hours,
            Missing.NO_CALENDAR: not person.calendar,
            Missing.NO_MAIL: not person.mail,
            Missing.NO_DATA: week < begun,
            Missing.FEW_WEEKS: begun <= week < watched_from + WEEK * FIRST_RANGE_WEEKS,
            Missing.OPEN_CHANGE: any(one.first + WEEK * (DRIFT_WEEKS - 1) <= week <= one.last for one in drifts),
        }
        return (kind for kind, holds in lacks.items() if holds)

    @lru_cache(maxsize=1000)  # noqa: B019 - a plan lives as long as the program
    def published(self, day: date) -> dict[date, date]:
        """The blocks of four weeks that are published on a morning: first Monday → the day of the night.

        Each in the first whole night in which everybody who has a calendar is known to its end, or two weeks after it.
        What the files held before the first night waits for two weeks from then.
        """
        begun = self.first - WEEK * self.history_weeks
        block = begun + (-(begun - FIRST_BLOCK) % BLOCK)
        found: dict[date, date] = {}
        for night in (self.first + DAY * n for n in range((day - self.first).days + 1)):
            ran = bool(self.night(night).exits) and not self.night(night).killed
            while ran and night >= block + BLOCK:
                until = max(block + BLOCK, self.first if not found else date.min) + WAIT
                if night < until and self.waits_for(block, night):
                    break
                found[block] = night
                block += BLOCK
        return found

    def waits_for(self, block: date, day: date) -> tuple[Person, ...]:
        """Whoever has a calendar and is not known on a day to the end of a block that is over."""
        return tuple(person for person in self.staff(day) if person.calendar and not self._reaches(person, block, day))

    def knows(self, person: Person, block: date, day: date) -> bool:
        """Return whether somebody's caseload stands in a block that is published on a day."""
        night = self.published(day)[block]
        there = person in self.staff(night) and self.data_from(person) <= block
        return person.calendar and there and self._reaches(person, block, night)

    def _reaches(self, person: Person, block: date, day: date) -> bool:
        read = self.read_on(f"{person.key}-calendar", day)
        return min(read, self.computed_on(person, day)) >= block + BLOCK

    def is_away(self, person: Person, week: date) -> bool:
        """Return whether all of a week was leave."""
        return self.has(Fault.LEAVE, week, person.key) and self.has(Fault.LEAVE, week + DAY * 4, person.key)

    def is_well(self, person: Person, day: date) -> bool:
        """Return whether nothing at all is wrong for somebody: all is there, read and computed in that very night."""
        read = all(self.read_on(source, day) == day for source in person.sources)
        return read and self.computed_on(person, day) == day and not self.missing(person, day)

    def wrong(self, day: date) -> list[str]:
        """What goes wrong on a day, in words."""
        return [
            f"{f'{one.person}: ' if one.person else ''}{one.fault}"
            for one in self.faults
            if one.first <= day <= one.last
        ]


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - DAY * day.weekday()


def _from_to(fault: Fault, first: date, days: int, person: str = "") -> Planned:
    return Planned(fault, first, first + DAY * (days - 1), person)


QUARTER = Plan(
    first=date(2026, 8, 31),
    last=date(2026, 11, 29),
    people=(
        Person("ana"),
        Person("ben"),
        Person("cleo", calendar=False),
        Person("dev", mail=False),
        Person("esi"),
        Person("farid", hours=False),
        Person("grace"),
        Person("hugo"),
        Person("ines"),
        Person("jun"),
        Person("kofi"),
        Person("lena", joined=date(2026, 9, 21)),
    ),
    faults=(
        _from_to(Fault.KILLED_COMPUTING, date(2026, 8, 31), 1, "cleo"),
        _from_to(Fault.ADDRESS_UNKNOWN, date(2026, 8, 31), 23, "esi"),
        _from_to(Fault.RENAMES, date(2026, 9, 7), 84, "hugo"),
        _from_to(Fault.CALENDAR_GONE, date(2026, 9, 9), 21, "ana"),
        _from_to(Fault.ANALYSIS_FAILS, date(2026, 9, 14), 4, "ben"),
        _from_to(Fault.LEAVE, date(2026, 9, 14), 7, "ines"),
        _from_to(Fault.NO_DATA, date(2026, 9, 21), 7, "lena"),
        _from_to(Fault.DRIFT, date(2026, 9, 28), 63, "kofi"),
        _from_to(Fault.SILENT, date(2026, 10, 3), 3),
        _from_to(Fault.KILLED_READING, date(2026, 10, 12), 1, "hugo"),
        _from_to(Fault.OTHER_KEY, date(2026, 10, 20), 1),
        _from_to(Fault.FORGETS, date(2026, 11, 2), 28, "grace"),
    ),
)

SHORT = Plan(
    first=date(2026, 10, 5),
    last=date(2026, 10, 27),
    people=(Person("ana"), Person("ben"), Person("cleo", calendar=False), Person("jun")),
    faults=(
        _from_to(Fault.KILLED_COMPUTING, date(2026, 10, 5), 1, "ben"),
        _from_to(Fault.CALENDAR_GONE, date(2026, 10, 8), 7, "ana"),
        _from_to(Fault.ANALYSIS_FAILS, date(2026, 10, 12), 3, "ben"),
        _from_to(Fault.OTHER_KEY, date(2026, 10, 18), 1),
        _from_to(Fault.SILENT, date(2026, 10, 24), 3),
    ),
    few=True,
    history_weeks=8,
)
