"""Simulation of one clinician's days: leave, sick days, and the outcome of each booked session.

All randomness comes from a seeded generator; no clock is read and no file written. Local times are aware, in the
clinician's zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from numpy.random import Generator

from monitor.demo.caseload import DemoClient, TherapySeries, simulate_caseload, slots_of
from monitor.demo.practice import SESSION_MINUTES, DemoClinician, Habits, Horizon, habits_in, pattern_on, story_of

SEASONS = (
    (3, 5, 50),
    (7, 10, 35),
    (10, 3, 25),
)  # earliest month and day of a leave, and the days in which it may begin
QUIET_WEEKS = 13  # no leave (except Christmas) or illness in the last weeks of a drift, so that it shows at any date


class BookingOutcome(StrEnum):
    """The outcome of a booking. ``NEVER``: deleted from the calendar for leave or a public holiday."""

    HELD = "held"
    NO_SHOW = "no show"
    CANCELLED_LATE = "cancelled late by the client"
    CANCELLED = "cancelled in time by the client"
    CANCELLED_HERE = "cancelled by the clinician"
    NEVER = "never booked"
    BOOKED = "still to come"


@dataclass(slots=True)
class Booking:
    """One booking. ``scheduled_start`` is its start by the series; ``decided`` is when it was cancelled or moved.

    ``began`` and ``ended`` are the actual times of a held session, or of the clinician's wait in case of a no-show;
    ``logged`` is whether a log contains them.
    """

    client: DemoClient
    series: TherapySeries | None
    scheduled_start: datetime
    start: datetime
    outcome: BookingOutcome
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
    """Whole days away, both ends included; ``planned`` for leave, not for sick days."""

    first: date
    last: date
    title: str
    planned: bool = True

    def days(self) -> Iterator[date]:
        """Yield each day."""
        yield from (self.first + timedelta(days=step) for step in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class SimulatedDays:
    """All simulated days of one clinician; ``drifting`` is the client of the one-client drift."""

    person: DemoClinician
    horizon: Horizon
    zone: ZoneInfo
    time_off: tuple[TimeOff, ...]
    holidays: frozenset[date]
    series: tuple[TherapySeries, ...]
    drifting: DemoClient | None = None
    bookings: tuple[Booking, ...] = ()

    @property
    def sick(self) -> frozenset[date]:
        """The days of sickness."""
        return frozenset(day for off in self.time_off if not off.planned for day in off.days())

    @property
    def free(self) -> frozenset[date]:
        """The public holidays and the days of planned leave."""
        return self.holidays | {day for off in self.time_off if off.planned for day in off.days()}


def at(day: date, minute: float, zone: ZoneInfo) -> datetime:
    """Return the local instant so many minutes after a day's midnight; beyond 1440 it is in the next day."""
    return datetime.combine(day, time(), zone) + timedelta(minutes=minute)


def starts_on(person: DemoClinician, horizon: Horizon) -> date:
    """Return the person's first day in the files."""
    return horizon.first if person.joined is None else max(horizon.first, horizon.monday(person.joined))


def simulate_days(person: DemoClinician, horizon: Horizon, holidays: frozenset[date], rng: Generator) -> SimulatedDays:
    """Simulate the days of one clinician."""
    leave = _leave(person, horizon, rng)
    # Sick for one or two days, two or three times a year.
    start = starts_on(person, horizon)
    span = max((horizon.monday(QUIET_WEEKS if story_of(person) else 1) - start).days, 1)
    begins = sorted(start + timedelta(days=int(rng.integers(span))) for _ in range(rng.poisson(span / 140)))
    sick = [TimeOff(day, day + timedelta(days=int(rng.integers(2))), "Sick", planned=False) for day in begins]
    series, drifting = simulate_caseload(person, horizon, rng)
    days = SimulatedDays(person, horizon, ZoneInfo(person.zone), (*leave, *sick), holidays, series, drifting)
    bookings = sorted(_BookingSimulator(days, rng).bookings(), key=lambda booking: booking.start)
    return replace(days, bookings=tuple(bookings))


def _leave(person: DemoClinician, horizon: Horizon, rng: Generator) -> list[TimeOff]:
    """Return the leave within the files; none just before a long one, or within the last weeks of a drift."""
    candidates = []
    for year in range(horizon.first.year - 1, horizon.end.year + 1):
        for (month, day, spread), weeks in zip(SEASONS, person.leave_weeks, strict=True):
            first = date(year, month, day) + timedelta(days=int(rng.integers(spread)))
            first -= timedelta(days=first.weekday())  # whole weeks
            if weeks:
                candidates.append(TimeOff(first, first + timedelta(days=7 * weeks - 3), "Annual leave"))
        leaves, returns = rng.integers(3, size=2)
        christmas = date(year, 12, 22 + int(leaves)), date(year + 1, 1, 1 + int(returns))
        candidates.append(TimeOff(*christmas, "Annual leave"))
    inside = [off for off in candidates if starts_on(person, horizon) <= off.first < horizon.end]
    if person.away is not None:
        begin, back = (horizon.monday(weeks_ago) for weeks_ago in person.away)
        others = [off for off in inside if off.last < begin - timedelta(weeks=4) or off.first > horizon.today]
        return [*others, TimeOff(begin, back - timedelta(days=3), "Leave")]
    quiet = horizon.monday(QUIET_WEEKS if story_of(person) else 0)
    return [off for off in inside if off.last < quiet or off.first > horizon.today or off.first.month == 12]


class _BookingSimulator:
    """Simulates each booking of one clinician."""

    def __init__(self, days: SimulatedDays, rng: Generator) -> None:
        self.days, self.rng = days, rng
        self.person, self.horizon, self.zone = days.person, days.horizon, days.zone
        self.sick, self.free = days.sick, days.free
        self.taken = {(day, series.minute) for series in days.series for day in series.dates(days.horizon.end)}
        # Both are the same for a whole week, and asked for with every booking.
        self.habits = lru_cache(maxsize=None)(lambda weeks_ago: habits_in(days.person, weeks_ago))
        self.slots = lru_cache(maxsize=None)(lambda weeks_ago: slots_of(pattern_on(days.person, weeks_ago)))

    def bookings(self) -> Iterator[Booking]:
        """Yield every booking of every series, and the extra sessions of the drifting client."""
        for series in self.days.series:
            yield from (self._booking(series, day) for day in series.dates(self.horizon.end))
        if self.days.drifting is not None:
            due = 0.0  # extra sessions, spread evenly at the rate of each week
            for weeks_ago in range(self.horizon.weeks, 0, -1):
                due += self.habits(weeks_ago).extra_sessions
                start = self._free_hour(self.horizon.monday(weeks_ago)) if due >= 1 else None
                if start is not None:
                    due -= 1
                    booking = Booking(self.days.drifting, None, start, start, BookingOutcome.HELD)
                    self._hold(booking, self.habits(weeks_ago))
                    yield booking

    def _booking(self, series: TherapySeries, day: date) -> Booking:
        start = at(day, series.minute, self.zone)
        booking = Booking(series.client, series, start, start, BookingOutcome.BOOKED)
        if day in self.free:
            booking.outcome = BookingOutcome.NEVER
            return booking
        if day in self.sick:
            booking.outcome, booking.decided = BookingOutcome.CANCELLED_HERE, at(day, 7 * 60 + 10, self.zone)
            return booking
        if day >= self.horizon.today:
            return booking

        habits, chance = self.habits(self.horizon.weeks_ago(day)), self.rng.random()
        summer = 2 if day.month == 8 else 1
        shares = {
            BookingOutcome.NO_SHOW: 0.025,
            BookingOutcome.CANCELLED_LATE: 0.025,
            BookingOutcome.CANCELLED: 0.035 * summer,
            BookingOutcome.CANCELLED_HERE: habits.cancels,
        }
        booking.outcome = BookingOutcome.HELD
        for outcome, share in shares.items():
            if 0 <= chance < share:
                booking.outcome = outcome
            chance -= share
        # Three in a hundred are moved into a free hour of the same week, if one is already over.
        if 0 <= chance < 0.03 and (moved := self._free_hour(day)) is not None:
            booking.start = moved
            booking.decided = min(moved, booking.scheduled_start) - timedelta(hours=float(self.rng.uniform(26, 90)))

        # The actual times, or the instant of the cancellation.
        if booking.outcome is BookingOutcome.HELD:
            self._hold(booking, habits)
        elif booking.outcome is BookingOutcome.NO_SHOW:
            booking.began = booking.start - timedelta(seconds=float(self.rng.uniform(0, 90)))
            booking.ended = booking.began + timedelta(minutes=float(self.rng.uniform(2, 4.5)))
            booking.logged = self.rng.random() < self.person.coverage
        elif booking.outcome is BookingOutcome.CANCELLED_LATE:
            booking.decided = booking.start - timedelta(hours=float(self.rng.uniform(1, 22)))
        else:
            booking.decided = booking.start - timedelta(hours=float(self.rng.uniform(30, 200)))
        return booking

    def _hold(self, booking: Booking, habits: Habits) -> None:
        late = min(max(float(self.rng.normal(0.8, 1.3)), -2), 9)
        over = float(self.rng.normal(habits.overrun_minutes, 2.4))
        if self.rng.random() < 0.03:
            over += float(self.rng.exponential(5))
        if self.rng.random() < habits.early_share:
            over = -float(self.rng.uniform(5.5, 13))
        booking.began = booking.start + timedelta(minutes=late)
        booking.ended = booking.end + timedelta(minutes=min(max(over, -25), 24))
        booking.logged = self.rng.random() < self.person.coverage

    def _free_hour(self, day: date) -> datetime | None:
        """Draw a free hour of the day's week that is already over, and take it."""
        monday = day - timedelta(days=day.weekday())
        slots = self.slots(self.horizon.weeks_ago(day))
        hours = [(monday + timedelta(days=weekday), minute) for weekday, minute in slots]
        worked_hours = [hour for hour in hours if hour[0] < self.horizon.today and hour[0] not in self.free | self.sick]
        open_hours = [hour for hour in worked_hours if hour not in self.taken]
        if not open_hours:
            return None
        hour = open_hours[int(self.rng.integers(len(open_hours)))]
        self.taken.add(hour)
        return at(*hour, self.zone)
