"""Simulation of one clinician's mail, week by week.

Instants are UTC epoch seconds. Replies in working time fall into the agreed hours. The others are placed in evenings
and days off on purpose, so that the planted number is exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

import numpy as np
from numpy.random import Generator

from monitor.demo.caseload import DemoClient
from monitor.demo.days import BookingOutcome, SimulatedDays, at, starts_on
from monitor.demo.practice import DIRECTOR, PEOPLE, Habits, habits_in, pattern_on, spans_of

DAY = 86_400
PATIENCE = 6 * DAY  # a message that would have to wait longer is not answered at all
ANSWERED = 0.93
WRITES_ON = (0.17, 0.17, 0.16, 0.16, 0.14, 0.09, 0.11)  # when clients write: share by weekday
EVENING_ENDS = 22 * 60 + 50
LATE = (22 * 60 + 35, 23 * 60 + 5)
AT_REST = (11 * 60, 17 * 60)
NEWSLETTER = "news@therapy-digest.example"
AUTOMATIC_SENDERS = ((1, NEWSLETTER, "list"), (2, "no-reply@booking.example", "notice"), (4, NEWSLETTER, "list"))
INSURER = "claims@insurer.example"


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """One message. ``to_or_from`` is the counterpart; ``automatic`` is the kind of automatic sender, if any."""

    number: int
    sent_at: int
    outgoing: bool
    to_or_from: str
    name: str
    parent: DemoMessage | None = None
    automatic: str = ""


class WorkingTime:
    """A clinician's agreed hours without leave and public holidays, as one axis of working time."""

    def __init__(self, days: SimulatedDays) -> None:
        away = days.free | days.sick
        spans: list[tuple[int, int]] = []
        for step in range(-7, (days.horizon.end - days.horizon.first).days):
            day = days.horizon.first + timedelta(days=step)
            pattern = pattern_on(days.person, days.horizon.weeks_ago(day))
            if day not in away:
                spans += [
                    (int(at(day, start, days.zone).timestamp()), int(at(day, end, days.zone).timestamp()))
                    for start, end in spans_of(pattern, day.weekday())
                ]
        self.starts, self.ends = np.array(spans, dtype=np.int64).T
        self.before = np.concatenate(([0], np.cumsum(self.ends - self.starts)))

    def later(self, instant: int, minutes: float) -> int:
        """Return the instant after so many working minutes."""
        span = int(np.searchsorted(self.ends, instant, side="right"))
        worked = self.before[span] + max(instant - self.starts[min(span, len(self.starts) - 1)], 0)
        target = worked + minutes * 60
        span = min(int(np.searchsorted(self.before, target, side="right")) - 1, len(self.starts) - 1)
        return int(self.starts[span] + min(target - self.before[span], self.ends[span] - self.starts[span] - 60))


def simulate_messages(days: SimulatedDays, rng: Generator) -> list[DemoMessage]:
    """Return every message of a clinician's mailbox, oldest first."""
    return sorted(_MailboxSimulator(days, rng).messages(), key=lambda message: (message.sent_at, message.number))


class _MailboxSimulator:
    """Simulates a clinician's mail, week by week."""

    def __init__(self, days: SimulatedDays, rng: Generator) -> None:
        self.days, self.rng, self.person = days, rng, days.person
        self.work = WorkingTime(days)
        self.numbers = count()
        self.free, self.sick = days.free, days.sick
        self.evenings = float(rng.random())
        self.now = int(at(days.horizon.today, 0, days.zone).timestamp())
        self.held_by_week: dict[int, int] = defaultdict(int)
        self.clients_by_week: dict[int, dict[str, DemoClient]] = defaultdict(dict)
        self.sessions_with: dict[str, list[int]] = defaultdict(list)
        for booking in days.bookings:
            weeks_ago = days.horizon.weeks_ago(booking.start.date())
            for week in (weeks_ago - 1, weeks_ago, weeks_ago + 1):
                self.clients_by_week[week][booking.client.address] = booking.client
            if booking.outcome is BookingOutcome.HELD:
                self.held_by_week[weeks_ago] += 1
                self.sessions_with[booking.client.address].append(int(booking.start.timestamp()))

    def messages(self) -> Iterator[DemoMessage]:
        """Yield all messages before today."""
        first = self.days.horizon.weeks_ago(starts_on(self.person, self.days.horizon))
        for weeks_ago in range(first, -1, -1):
            yield from (message for message in self._week(weeks_ago) if message.sent_at < self.now)

    def _week(self, weeks_ago: int) -> Iterator[DemoMessage]:
        habits = habits_in(self.person, weeks_ago)
        inbound = [*self._drifting(weeks_ago, habits), *self._client_threads(weeks_ago, habits)]
        yield from inbound
        yield from self._replies(self._shuffled(inbound), weeks_ago, habits)
        yield from self._own_threads(weeks_ago, habits)
        yield from self._colleagues(weeks_ago)
        yield from self._automatic_mail(weeks_ago)

    # -- clients -------------------------------------------------------------------------------------------------

    def _client_threads(self, weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield the first messages of threads that clients begin."""
        for client in self.clients_by_week[weeks_ago].values():
            for _ in range(self.rng.poisson(habits.threads * client.talk)):
                day = self._day(weeks_ago, int(self.rng.choice(7, p=WRITES_ON)))
                yield self._message(self._moment(day, self._minute()), client)

    def _drifting(self, weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield the extra messages of the drifting client: most of them in the evening, each on a day of its own."""
        if self.days.drifting is not None and habits.drifting_threads:
            number = int(habits.drifting_threads + self.rng.random())
            for weekday in self.rng.permutation(6)[:number]:
                minute = float(self.rng.uniform(19 * 60, 22 * 60) if self.rng.random() < 0.75 else self._minute())
                yield self._message(self._moment(self._day(weeks_ago, int(weekday)), minute), self.days.drifting)

    def _replies(self, inbound: list[DemoMessage], weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield the replies: as many in the evening as the week's habit says, the others in working time."""
        self.evenings += self.held_by_week[weeks_ago] / 20 * habits.evening_replies * float(self.rng.lognormal(0, 0.12))
        left = int(self.evenings)
        self.evenings -= left  # the fraction is carried over, so that rounding does not blur the drift
        for message in inbound:
            evening = self._evening_after(message.sent_at) if left else None
            if evening is not None and not self._session_between(message, evening):
                left -= 1
                yield from self._exchange(message, evening)
            elif self.rng.random() < ANSWERED:
                yield from self._exchange(message, self._in_working_time(message.sent_at, habits))
            yield from self._away_note(message)

    def _shuffled(self, inbound: list[DemoMessage]) -> list[DemoMessage]:
        """Return messages in random order, the drifting client's first: they get the evening replies."""
        mixed = [inbound[index] for index in self.rng.permutation(len(inbound))]
        drifting = self.days.drifting
        return sorted(mixed, key=lambda message: drifting is None or message.to_or_from != drifting.address)

    def _exchange(self, message: DemoMessage, replied_at: int) -> Iterator[DemoMessage]:
        """Yield the reply, sometimes the client's thanks, and sometimes a last reply."""
        if replied_at - message.sent_at > PATIENCE:
            return
        answer = self._reply(message, replied_at)
        yield answer
        if self.rng.random() < 0.25:
            thanks = self._reply(answer, replied_at + int(self.rng.uniform(0.2, 9) * 3600))
            yield thanks
            if self.rng.random() < 0.3:
                yield self._reply(thanks, self.work.later(thanks.sent_at, float(self.rng.uniform(20, 200))))

    def _in_working_time(self, sent_at: int, habits: Habits) -> int:
        return self.work.later(sent_at, habits.reply_minutes * float(self.rng.lognormal(0, 0.8)))

    def _evening_after(self, sent_at: int) -> int | None:
        """Return an instant after hours soon after a message; ``None`` on leave or if the evening is over."""
        local = datetime.fromtimestamp(sent_at, self.days.zone)
        day = local.date()
        if day in self.free or day in self.sick:
            return None
        opens = max(self._evening_opens(day), local.hour * 60 + local.minute + 12)
        if opens > EVENING_ENDS - 15:
            return None
        return self._moment(day, opens + (EVENING_ENDS - opens) * float(self.rng.beta(1.2, 2)))

    def _evening_opens(self, day: date) -> int:
        """Return the minute of the day from which mail is certainly after hours."""
        spans = spans_of(pattern_on(self.person, self.days.horizon.weeks_ago(day)), day.weekday())
        if any(entry.title == "On call" and entry.weekday == day.weekday() for entry in self.person.standing):
            return EVENING_ENDS
        return spans[-1][1] + 45 if spans else 10 * 60

    def _session_between(self, message: DemoMessage, replied_at: int) -> bool:
        return any(message.sent_at <= start <= replied_at for start in self.sessions_with[message.to_or_from])

    def _away_note(self, message: DemoMessage) -> Iterator[DemoMessage]:
        """Yield an automatic reply during leave."""
        if datetime.fromtimestamp(message.sent_at, self.days.zone).date() in self.free - self.days.holidays:
            yield self._reply(message, message.sent_at + 2, automatic="away")

    def _own_threads(self, weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield threads that the clinician begins: in working time, late at night, and on days off."""
        clients = list(self.clients_by_week[weeks_ago].values())
        moments = [self._work_moment(weeks_ago) for _ in range(self.rng.poisson(2 * self.person.fte))]
        moments += [moment for day in self._late_evenings(weeks_ago, habits) for moment in self._pair(day, *LATE)]
        moments += [moment for day in self._off_days(weeks_ago, habits) for moment in self._pair(day, *AT_REST)]
        for moment in moments if clients else ():
            first = self._message(moment, clients[int(self.rng.integers(len(clients)))], outgoing=True)
            yield first
            if self.rng.random() < 0.5:
                yield self._reply(first, moment + int(self.rng.uniform(0.3, 20) * 3600))

    def _late_evenings(self, weeks_ago: int, habits: Habits) -> list[date]:
        """Draw the working days of a week that end with late mail; the next day is a working day, too."""
        number = min(int(habits.late_nights + self.rng.random()), 4)
        evenings = [self._day(weeks_ago, int(weekday)) for weekday in self.rng.permutation(4)[:number]]
        return [day for day in evenings if self._works(day) and self._works(day + timedelta(days=1))]

    def _off_days(self, weeks_ago: int, habits: Habits) -> list[date]:
        """Draw the days off with mail, the Sunday first."""
        number = int(habits.off_days + self.rng.random())
        return [day for day in (self._day(weeks_ago, 6), self._day(weeks_ago, 5))[:number] if day not in self.free]

    def _pair(self, day: date, first: int, second: int) -> list[int]:
        """Return two instants of a day, far enough apart to be two episodes."""
        return [self._moment(day, minute + float(self.rng.uniform(0, 14))) for minute in (first, second)]

    # -- everybody else --------------------------------------------------------------------------------------------

    def _colleagues(self, weeks_ago: int) -> Iterator[DemoMessage]:
        """Yield mail among colleagues, and the director's, of which a third comes in the evening."""
        others = [person for person in PEOPLE if person.mail and person is not self.person]
        for number in range(self.rng.poisson(9 * (0.4 + 0.6 * self.person.fte))):
            other = others[int(self.rng.integers(len(others)))]
            colleague = _correspondent(other.address, other.name)
            sent = self._message(self._work_moment(weeks_ago), colleague, outgoing=number % 2 == 1)
            yield sent
            if self.rng.random() < 0.4:
                yield self._reply(sent, self.work.later(sent.sent_at, float(self.rng.uniform(10, 300))))
        for _ in range(self.rng.poisson(1.5)):
            day, minute = self._day(weeks_ago, int(self.rng.integers(5))), float(self.rng.uniform(19 * 60, 22 * 60))
            sent_at = self._moment(day, minute) if self.rng.random() < 0.33 else self._work_moment(weeks_ago)
            yield self._message(sent_at, _correspondent(DIRECTOR, "Harbour Street"))

    def _automatic_mail(self, weeks_ago: int) -> Iterator[DemoMessage]:
        """Yield newsletters, booking notices and, once a month, mail from the insurer."""
        for weekday, address, automatic in AUTOMATIC_SENDERS:
            sent_at = self._moment(self._day(weeks_ago, weekday), 6 * 60 + float(self.rng.uniform(0, 60)))
            yield self._message(sent_at, _correspondent(address), automatic=automatic)
        if weeks_ago % 4 == 0:
            yield self._message(self._work_moment(weeks_ago), _correspondent(INSURER, "Claims desk"))

    # -- moments ---------------------------------------------------------------------------------------------------

    def _message(self, sent_at: int, other: DemoClient, *, outgoing: bool = False, automatic: str = "") -> DemoMessage:
        return DemoMessage(next(self.numbers), sent_at, outgoing, other.address, other.name, automatic=automatic)

    def _reply(self, message: DemoMessage, sent_at: int, *, automatic: str = "") -> DemoMessage:
        outgoing = not message.outgoing
        return DemoMessage(next(self.numbers), sent_at, outgoing, message.to_or_from, message.name, message, automatic)

    def _day(self, weeks_ago: int, weekday: int) -> date:
        return self.days.horizon.monday(weeks_ago) + timedelta(days=weekday)

    def _works(self, day: date) -> bool:
        away = day in self.free or day in self.sick
        return not away and bool(spans_of(pattern_on(self.person, self.days.horizon.weeks_ago(day)), day.weekday()))

    def _moment(self, day: date, minute: float) -> int:
        return int(at(day, minute, self.days.zone).timestamp())

    def _minute(self) -> float:
        """Return a random minute of the day: six in ten in the daytime, the others in the evening."""
        if self.rng.random() < 0.6:
            return float(self.rng.uniform(8 * 60, 18 * 60))
        return float(min(self.rng.gamma(3, 50) + 17.5 * 60, 24 * 60 - 2))

    def _work_moment(self, weeks_ago: int) -> int:
        """Return an instant in the week's working time, or in the next week's if there is none left."""
        monday = int(at(self._day(weeks_ago, 0), 0, self.days.zone).timestamp())
        return self.work.later(monday, float(self.rng.uniform(0, 30 * 60 * self.person.fte)))


def _correspondent(address: str, name: str = "") -> DemoClient:
    return DemoClient(address, "", name, 0)
