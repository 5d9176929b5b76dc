"""The plan of a quarter: the clinicians, the faults by day, and what follows from them.

It contains dates only and uses no code of the product. A day is checked at 08:00, after the night of 04:30; a week ends
on the Monday after it at 04:00, so the night of that Monday is the first in which the week can be complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
FIRST_RANGE_WEEKS = 6  # observed weeks before anything can be called usual
DRIFT_WEEKS = 5  # after so many complete weeks of fivefold evenings every page has to mention them
OVERDUE_NIGHTS = 2
BLOCK = WEEK * 4
FIRST_BLOCK = date(1970, 1, 5)
WAIT = DAY * 14  # a block is published without those who are not complete by then


class Fault(StrEnum):
    """The kinds of faults, in the words of the printed table."""

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
    """Kinds of missing data of a clinician's last week, each of which forbids a reassuring sentence."""

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


INCOMPLETE = frozenset({Missing.CALENDAR_UNREAD, Missing.MAIL_UNREAD, Missing.NOT_COMPUTED})
"""The week itself is incomplete. ``OVERDUE`` alone is possible with a complete week."""


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
class PlannedFault:
    """One fault from its first day to its last, both included; of one ``person``, or of the whole practice."""

    fault: Fault
    first: date
    last: date
    person: str = ""


@dataclass(frozen=True, slots=True)
class Night:
    """The expected outcome of one night. ``exits`` are the possible exit codes; empty if it did not run."""

    exits: frozenset[int]
    read: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    killed: bool = False


@dataclass(frozen=True, eq=False)
class Plan:
    """The days from ``first`` (a Monday) to ``last``, the people and the faults.

    With ``few``, pages are opened only on Mondays and on the day after each fault; every night is checked. The files
    begin ``history_weeks`` before the first day.
    """

    first: date
    last: date
    people: tuple[Person, ...]
    faults: tuple[PlannedFault, ...]
    few: bool = False
    history_weeks: int = 30

    def days(self) -> Iterator[date]:
        """Yield each day of the quarter."""
        yield from (self.first + DAY * n for n in range((self.last - self.first).days + 1))

    def opens_pages_on(self, day: date) -> bool:
        """Return whether pages are opened on a day."""
        return not self.few or day.weekday() == 0 or any(planned.last + DAY == day for planned in self.faults)

    def has(self, fault: Fault, day: date, person: str = "") -> bool:
        """Return whether a fault is planned for a day and a person (or, without one, for the practice)."""
        return any(
            planned.fault is fault and planned.person == person and planned.first <= day <= planned.last
            for planned in self.faults
        )

    def staff(self, day: date) -> tuple[Person, ...]:
        """Return the people in the configuration on a day."""
        return tuple(person for person in self.people if person.joined is None or person.joined <= day)

    def victim(self, fault: Fault, day: date) -> str:
        """Return the person whose data a killed night was working on."""
        return next(
            planned.person for planned in self.faults if planned.fault is fault and planned.first <= day <= planned.last
        )

    @lru_cache(maxsize=1000)  # noqa: B019 - a plan lives as long as the program
    def night(self, day: date) -> Night:
        """Return the expected outcome of the night of a day."""
        staff = self.staff(day)
        if self.has(Fault.SILENT, day):
            return Night(frozenset())
        gone = {f"{person.key}-calendar" for person in staff if self.has(Fault.CALENDAR_GONE, day, person.key)}
        failing = {person.key for person in staff if self.has(Fault.ANALYSIS_FAILS, day, person.key)}
        sources = [source for person in staff for source in person.sources]
        everybody = [person.key for person in staff]
        if self._happens(Fault.KILLED_READING, day):
            until = sources.index(f"{self.victim(Fault.KILLED_READING, day)}-calendar")
            return Night(frozenset({-9}), frozenset(sources[:until]) - gone, frozenset(gone), killed=True)
        if self._happens(Fault.KILLED_COMPUTING, day):
            until = everybody.index(self.victim(Fault.KILLED_COMPUTING, day))
            computed = frozenset(everybody[:until]) - failing
            return Night(frozenset({-9}), frozenset(sources) - gone, frozenset(gone), computed, killed=True)
        return Night(
            frozenset({3 if gone or failing else 0}),
            frozenset(sources) - gone,
            frozenset(gone),
            frozenset(everybody) - failing,
            frozenset(failing),
        )

    def _happens(self, fault: Fault, day: date) -> bool:
        return any(planned.fault is fault and planned.first <= day <= planned.last for planned in self.faults)

    def last_night(self, day: date) -> date | None:
        """Return the day of the last night that was not killed."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((night for night in nights if self.night(night).exits and not self.night(night).killed), None)

    def read_on(self, source: str, day: date) -> date:
        """Return the last night, up to a day, in which a source was read to its end."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((night for night in nights if source in self.night(night).read), date.min)

    def computed_on(self, person: Person, day: date) -> date:
        """Return the last night, up to a day, in which a person's numbers were computed."""
        nights = (self.first + DAY * n for n in range((day - self.first).days, -1, -1))
        return next((night for night in nights if person.key in self.night(night).computed), date.min)

    def data_from(self, person: Person) -> date:
        """Return the Monday from which the person's files contain anything."""
        empty = [
            planned.last + DAY
            for planned in self.faults
            if planned.fault is Fault.NO_DATA and planned.person == person.key
        ]
        return max(empty, default=self.first - WEEK * self.history_weeks)

    def missing(
        self, person: Person, day: date, week: date | None = None, *, opened: bool = True
    ) -> frozenset[Missing]:
        """Return what is missing on a day from a week (its Monday; by default the last that is over).

        A page that its owner has ``opened`` computes what was read, unless the analysis still fails.
        """
        week = week or monday_of(day) - WEEK
        missing = frozenset(self._missing(person, day, week))
        computes = opened and not self.has(Fault.ANALYSIS_FAILS, day, person.key)
        return missing - {Missing.NOT_COMPUTED} if computes else missing

    def _missing(self, person: Person, day: date, week: date) -> Iterator[Missing]:
        end, first_day = week + WEEK, self.data_from(person)
        watched_from = monday_of(person.joined) if person.joined else first_day
        read = {source: self.read_on(source, day) for source in person.sources}
        unread = [source for source, on in read.items() if on < end]
        drifts = [planned for planned in self.faults if planned.fault is Fault.DRIFT and planned.person == person.key]
        conditions = {
            Missing.CALENDAR_UNREAD: f"{person.key}-calendar" in unread,
            Missing.MAIL_UNREAD: f"{person.key}-mail" in unread,
            Missing.NOT_COMPUTED: self.computed_on(person, day) < end,
            Missing.OVERDUE: all((day - on).days >= OVERDUE_NIGHTS for on in read.values()),
            Missing.NOT_RECOGNISED: self.has(Fault.ADDRESS_UNKNOWN, day, person.key),
            Missing.ASSUMED_HOURS: not person.hours,
            Missing.NO_CALENDAR: not person.calendar,
            Missing.NO_MAIL: not person.mail,
            Missing.NO_DATA: week < first_day,
            Missing.FEW_WEEKS: first_day <= week < watched_from + WEEK * FIRST_RANGE_WEEKS,
            Missing.OPEN_CHANGE: any(drift.first + WEEK * (DRIFT_WEEKS - 1) <= week <= drift.last for drift in drifts),
        }
        return (kind for kind, is_missing in conditions.items() if is_missing)

    @lru_cache(maxsize=1000)  # noqa: B019 - a plan lives as long as the program
    def published(self, day: date) -> dict[date, date]:
        """Return the blocks published by a morning: first Monday → the day of the publishing night.

        Each is published in the first complete night in which everybody with a calendar is complete, or two weeks after
        its end. Blocks from before the first night wait for two weeks from then.
        """
        first_day = self.first - WEEK * self.history_weeks
        block = first_day + (-(first_day - FIRST_BLOCK) % BLOCK)
        published: dict[date, date] = {}
        for night in (self.first + DAY * n for n in range((day - self.first).days + 1)):
            ran = bool(self.night(night).exits) and not self.night(night).killed
            while ran and night >= block + BLOCK:
                until = max(block + BLOCK, self.first if not published else date.min) + WAIT
                if night < until and self.waits_for(block, night):
                    break
                published[block] = night
                block += BLOCK
        return published

    def waits_for(self, block: date, day: date) -> tuple[Person, ...]:
        """Return the people with a calendar who on a day are not complete to the end of a block that is over."""
        return tuple(person for person in self.staff(day) if person.calendar and not self._reaches(person, block, day))

    def knows(self, person: Person, block: date, day: date) -> bool:
        """Return whether a person's caseload is included in a block that is published by a day."""
        night = self.published(day)[block]
        is_included = person in self.staff(night) and self.data_from(person) <= block
        return person.calendar and is_included and self._reaches(person, block, night)

    def _reaches(self, person: Person, block: date, day: date) -> bool:
        read = self.read_on(f"{person.key}-calendar", day)
        return min(read, self.computed_on(person, day)) >= block + BLOCK

    def is_away(self, person: Person, week: date) -> bool:
        """Return whether all of a week was leave."""
        return self.has(Fault.LEAVE, week, person.key) and self.has(Fault.LEAVE, week + DAY * 4, person.key)

    def is_well(self, person: Person, day: date) -> bool:
        """Return whether nothing is wrong for a person: nothing missing, all read and computed in that very night."""
        read = all(self.read_on(source, day) == day for source in person.sources)
        return read and self.computed_on(person, day) == day and not self.missing(person, day)

    def fault_texts(self, day: date) -> list[str]:
        """Return the faults of a day as text."""
        return [
            f"{f'{planned.person}: ' if planned.person else ''}{planned.fault}"
            for planned in self.faults
            if planned.first <= day <= planned.last
        ]


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - DAY * day.weekday()


def _from_to(fault: Fault, first: date, days: int, person: str = "") -> PlannedFault:
    return PlannedFault(fault, first, first + DAY * (days - 1), person)


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
