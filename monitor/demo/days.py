"""One clinician's days, lived out: leave, sick days, and what became of each booked session.

Drawn from a seeded generator; nothing here reads a clock or writes a file. Local times are aware, in the clinician's
zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from numpy.random import Generator

from monitor.demo.caseload import Client, Series, Slot, caseload, slots_of
from monitor.demo.practice import SESSION_MINUTES, Habits, Horizon, Person, habits_in, pattern_on, story_of

SEASONS = ((3, 5, 50), (7, 10, 35), (10, 3, 25))  # month and day from which a leave may begin, and within how many days
QUIET_WEEKS = 13  # whoever has a story is neither away nor ill in its last weeks but at Christmas: it shows at any date


class Fate(StrEnum):
    """What became of a booking. ``NEVER``: leave or a public holiday, so it was taken out of the calendar."""

    HELD = "held"
    NO_SHOW = "no show"
    CANCELLED_LATE = "cancelled late by the client"
    CANCELLED = "cancelled in time by the client"
    CANCELLED_HERE = "cancelled by the clinician"
    NEVER = "never booked"
    BOOKED = "still to come"


@dataclass(slots=True)
class Visit:
    """One booking. ``planned`` is where its series had it; ``decided`` when it was cancelled or moved.

    ``began`` and ``ended`` are the true times of a held session, and of the wait in vain for a no-show; ``logged``
    tells whether any log saw them.
    """

    client: Client
    series: Series | None
    planned: datetime
    start: datetime
    fate: Fate
    began: datetime | None = None
    ended: datetime | None = None
    decided: datetime | None = None
    logged: bool = False

    @property
    def end(self) -> datetime:
        """The booked end."""
        return self.start + timedelta(minutes=SESSION_MINUTES)


@dataclass(frozen=True, slots=True)
class TimeOff:
    """Whole days away, both ends included; ``planned`` tells leave from sick days."""

    first: date
    last: date
    title: str
    planned: bool = True

    def days(self) -> Iterator[date]:
        """Each day of it."""
        return (self.first + timedelta(days=step) for step in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class Days:
    """All of one clinician's days; ``drifting`` is the client of the one-client story."""

    person: Person
    horizon: Horizon
    zone: ZoneInfo
    time_off: tuple[TimeOff, ...]
    holidays: frozenset[date]
    series: tuple[Series, ...]
    drifting: Client | None = None
    visits: tuple[Visit, ...] = ()

    @property
    def sick(self) -> frozenset[date]:
        """Days of sickness."""
        return frozenset(day for off in self.time_off if not off.planned for day in off.days())

    @property
    def free(self) -> frozenset[date]:
        """Public holidays and days of planned leave."""
        return self.holidays | {day for off in self.time_off if off.planned for day in off.days()}


def at(day: date, minute: float, zone: ZoneInfo) -> datetime:
    """The local instant so many minutes into a day (or, beyond 1440, into the night after it)."""
    return datetime.combine(day, time(), zone) + timedelta(minutes=minute)


def starts_on(person: Person, horizon: Horizon) -> date:
    """The person's first day in the files."""
    return horizon.first if person.joined is None else max(horizon.first, horizon.monday(person.joined))


def days_of(person: Person, horizon: Horizon, holidays: frozenset[date], rng: Generator) -> Days:
    """Live one clinician's weeks."""
    time_off = (*_leave(person, horizon, rng), *_sick_days(person, horizon, rng))
    series, drifting = caseload(person, horizon, rng)
    days = Days(person, horizon, ZoneInfo(person.zone), time_off, holidays, series, drifting)
    return replace(days, visits=tuple(sorted(_Fates(days, rng).visits(), key=lambda visit: visit.start)))


def _leave(person: Person, horizon: Horizon, rng: Generator) -> list[TimeOff]:
    """The year's leave within the files; none just before a long one or within a story's last weeks."""
    years = range(horizon.first.year - 1, horizon.end.year + 1)
    wanted = [off for year in years for off in _leave_in(year, person, rng)]
    inside = [off for off in wanted if starts_on(person, horizon) <= off.first < horizon.end]
    if person.away is not None:
        begin, back = (horizon.monday(weeks_ago) for weeks_ago in person.away)
        apart = [off for off in inside if off.last < begin - timedelta(weeks=4) or off.first > horizon.today]
        return [*apart, TimeOff(begin, back - timedelta(days=3), "Leave")]
    quiet = horizon.monday(QUIET_WEEKS if story_of(person) else 0)
    return [off for off in inside if off.last < quiet or off.first > horizon.today or off.first.month == 12]


def _leave_in(year: int, person: Person, rng: Generator) -> Iterator[TimeOff]:
    """Whole weeks in spring, summer and autumn, and the quiet days of Christmas."""
    for (month, day, spread), weeks in zip(SEASONS, person.leave_weeks, strict=True):
        begin = date(year, month, day) + timedelta(days=int(rng.integers(spread)))
        begin -= timedelta(days=begin.weekday())
        if weeks:
            yield TimeOff(begin, begin + timedelta(days=7 * weeks - 3), "Annual leave")
    leaves, returns = rng.integers(3, size=2)
    yield TimeOff(date(year, 12, 22 + int(leaves)), date(year + 1, 1, 1 + int(returns)), "Annual leave")


def _sick_days(person: Person, horizon: Horizon, rng: Generator) -> list[TimeOff]:
    """Two or three times a year a day or two."""
    start = starts_on(person, horizon)
    span = max((horizon.monday(QUIET_WEEKS if story_of(person) else 1) - start).days, 1)
    begins = sorted(start + timedelta(days=int(rng.integers(span))) for _ in range(rng.poisson(span / 140)))
    return [TimeOff(day, day + timedelta(days=int(rng.integers(2))), "Sick", planned=False) for day in begins]


class _Fates:
    """Decides what became of each booking of one clinician."""

    def __init__(self, days: Days, rng: Generator) -> None:
        self.days, self.rng = days, rng
        self.person, self.horizon, self.zone = days.person, days.horizon, days.zone
        self.sick, self.free = days.sick, days.free
        self.taken = {(day, each.minute) for each in days.series for day in each.dates(days.horizon.end)}
        self.habits = lru_cache(maxsize=None)(lambda weeks_ago: habits_in(days.person, weeks_ago))
        self.slots = lru_cache(maxsize=None)(lambda weeks_ago: slots_of(pattern_on(days.person, weeks_ago)))

    def visits(self) -> Iterator[Visit]:
        """Every booking of every series, and the unscheduled sessions of the drifting client."""
        for series in self.days.series:
            yield from (self._visit(series, day) for day in series.dates(self.horizon.end))
        if self.days.drifting is not None:
            yield from self._extra_sessions(self.days.drifting)

    def _visit(self, series: Series, day: date) -> Visit:
        start = at(day, series.minute, self.zone)
        visit = Visit(series.client, series, start, start, Fate.BOOKED)
        if day in self.free:
            visit.fate = Fate.NEVER
        elif day in self.sick:
            visit.fate, visit.decided = Fate.CANCELLED_HERE, at(day, 7 * 60 + 10, self.zone)
        elif day < self.horizon.today:
            self._decide(visit, day)
        return visit

    def _decide(self, visit: Visit, day: date) -> None:
        habits, chance = self._habits(day), self.rng.random()
        summer = 2 if day.month == 8 else 1
        shares = {
            Fate.NO_SHOW: 0.025,
            Fate.CANCELLED_LATE: 0.025,
            Fate.CANCELLED: 0.035 * summer,
            Fate.CANCELLED_HERE: habits.cancels,
        }
        visit.fate = Fate.HELD
        for fate, share in shares.items():
            if 0 <= chance < share:
                visit.fate = fate
            chance -= share
        if 0 <= chance < 0.03:
            self._move(visit, day)
        self._live(visit, habits)

    def _live(self, visit: Visit, habits: Habits) -> None:
        """Give a booking its true times, or the moment at which it was called off."""
        if visit.fate is Fate.HELD:
            self._hold(visit, habits)
        elif visit.fate is Fate.NO_SHOW:
            visit.began = visit.start - timedelta(seconds=float(self.rng.uniform(0, 90)))
            visit.ended = visit.began + timedelta(minutes=float(self.rng.uniform(2, 4.5)))
            visit.logged = self.rng.random() < self.person.coverage
        elif visit.fate is Fate.CANCELLED_LATE:
            visit.decided = visit.start - timedelta(hours=float(self.rng.uniform(1, 22)))
        elif visit.fate in {Fate.CANCELLED, Fate.CANCELLED_HERE}:
            visit.decided = visit.start - timedelta(hours=float(self.rng.uniform(30, 200)))

    def _hold(self, visit: Visit, habits: Habits) -> None:
        late = min(max(float(self.rng.normal(0.8, 1.3)), -2), 9)
        over = float(self.rng.normal(habits.overrun_minutes, 2.4))
        if self.rng.random() < 0.03:
            over += float(self.rng.exponential(5))
        if self.rng.random() < habits.early_share:
            over = -float(self.rng.uniform(5.5, 13))
        visit.began = visit.start + timedelta(minutes=late)
        visit.ended = visit.end + timedelta(minutes=min(max(over, -25), 24))
        visit.logged = self.rng.random() < self.person.coverage

    def _move(self, visit: Visit, day: date) -> None:
        """Put a session into a free hour of the same week, if there is one that has passed."""
        new = self._free_hour(day)
        if new is not None:
            visit.start = new
            visit.decided = min(new, visit.planned) - timedelta(hours=float(self.rng.uniform(26, 90)))

    def _free_hour(self, day: date) -> datetime | None:
        monday = day - timedelta(days=day.weekday())
        hours = [(monday + timedelta(days=weekday), minute) for weekday, minute in self._slots(day)]
        worked = [hour for hour in hours if hour[0] < self.horizon.today and hour[0] not in self.free | self.sick]
        open_hours = [hour for hour in worked if hour not in self.taken]
        if not open_hours:
            return None
        chosen = open_hours[int(self.rng.integers(len(open_hours)))]
        self.taken.add(chosen)
        return at(*chosen, self.zone)

    def _extra_sessions(self, client: Client) -> Iterator[Visit]:
        """Unscheduled sessions, spread evenly at the week's rate."""
        due = 0.0
        for weeks_ago in range(self.horizon.weeks, 0, -1):
            due += self.habits(weeks_ago).extra_sessions
            start = self._free_hour(self.horizon.monday(weeks_ago)) if due >= 1 else None
            if start is not None:
                due -= 1
                visit = Visit(client, None, start, start, Fate.HELD)
                self._hold(visit, self.habits(weeks_ago))
                yield visit

    def _habits(self, day: date) -> Habits:
        return self.habits(self.horizon.weeks_ago(day))

    def _slots(self, day: date) -> list[Slot]:
        return self.slots(self.horizon.weeks_ago(day))
