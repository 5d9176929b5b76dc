"""Simulation of one clinician's mail, week by week.

Instants are UTC epoch seconds. Replies in working time fall into the agreed hours. The others are placed in evenings
and days off on purpose, so that the planted number is exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, count

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
    """A clinician's agreed hours without leave and public holidays, as one axis of working time.

    ::

        clock    --|==09:00-13:00==|---|==14:00-18:00==|-----night-----|==09:00-13:00==|--
        before     0                   4 h                             8 h
    """

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
            habits = habits_in(self.person, weeks_ago)
            inbound = list(self._client_threads(weeks_ago, habits))
            week = chain(
                inbound,
                self._replies(inbound, weeks_ago, habits),
                self._own_threads(weeks_ago, habits),
                self._other_mail(weeks_ago),
            )
            yield from (message for message in week if message.sent_at < self.now)

    def _client_threads(self, weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield the first messages of threads that clients begin, the extra ones of the drifting client first."""
        if self.days.drifting is not None and habits.drifting_threads:
            number = int(habits.drifting_threads + self.rng.random())
            for weekday in self.rng.permutation(6)[:number]:  # each on a day of its own, most of them in the evening
                minute = float(self.rng.uniform(19 * 60, 22 * 60) if self.rng.random() < 0.75 else self._minute())
                yield self._message(self._moment(self._day(weeks_ago, int(weekday)), minute), self.days.drifting)
        for client in self.clients_by_week[weeks_ago].values():
            for _ in range(self.rng.poisson(habits.threads * client.talk)):
                day = self._day(weeks_ago, int(self.rng.choice(7, p=WRITES_ON)))
                yield self._message(self._moment(day, self._minute()), client)

    def _replies(self, inbound: list[DemoMessage], weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield the replies: as many in the evening as the week's habit says, the others in working time."""
        # In random order, but the drifting client's first: they get the evening replies.
        mixed = [inbound[index] for index in self.rng.permutation(len(inbound))]
        if self.days.drifting is not None:
            address = self.days.drifting.address
            mixed.sort(key=lambda message: message.to_or_from != address)
        self.evenings += self.held_by_week[weeks_ago] / 20 * habits.evening_replies * float(self.rng.lognormal(0, 0.12))
        left = int(self.evenings)
        self.evenings -= left  # the fraction is carried over, so that rounding does not blur the drift
        for message in mixed:
            evening = self._evening_after(message.sent_at) if left else None
            sessions = self.sessions_with[message.to_or_from]
            # No evening reply where a session with the client lies in between.
            if evening is not None and not any(message.sent_at <= start <= evening for start in sessions):
                left -= 1
                yield from self._exchange(message, evening)
            elif self.rng.random() < ANSWERED:
                minutes = habits.reply_minutes * float(self.rng.lognormal(0, 0.8))
                yield from self._exchange(message, self.work.later(message.sent_at, minutes))
            if datetime.fromtimestamp(message.sent_at, self.days.zone).date() in self.free - self.days.holidays:
                yield self._reply(message, message.sent_at + 2, automatic="away")

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

    def _evening_after(self, sent_at: int) -> int | None:
        """Return an instant after hours soon after a message; ``None`` on leave or if the evening is over."""
        local = datetime.fromtimestamp(sent_at, self.days.zone)
        day = local.date()
        if day in self.free or day in self.sick:
            return None
        # The minute from which mail is certainly after hours.
        if any(entry.title == "On call" and entry.weekday == day.weekday() for entry in self.person.standing):
            opens = EVENING_ENDS
        else:
            spans = self._spans(day)
            opens = spans[-1][1] + 45 if spans else 10 * 60
        opens = max(opens, local.hour * 60 + local.minute + 12)
        if opens > EVENING_ENDS - 15:
            return None
        return self._moment(day, opens + (EVENING_ENDS - opens) * float(self.rng.beta(1.2, 2)))

    def _own_threads(self, weeks_ago: int, habits: Habits) -> Iterator[DemoMessage]:
        """Yield threads that the clinician begins: in working time, late at night, and on days off."""
        clients = list(self.clients_by_week[weeks_ago].values())
        moments = [self._work_moment(weeks_ago) for _ in range(self.rng.poisson(2 * self.person.fte))]
        # Working days that end with late mail before another working day.
        late_nights = min(int(habits.late_nights + self.rng.random()), 4)
        evenings = [self._day(weeks_ago, int(weekday)) for weekday in self.rng.permutation(4)[:late_nights]]
        evenings = [day for day in evenings if self._works(day) and self._works(day + timedelta(days=1))]
        moments += [moment for day in evenings for moment in self._pair(day, *LATE)]
        # Days off with mail, the Sunday first.
        days_off = [self._day(weeks_ago, 6), self._day(weeks_ago, 5)][: int(habits.off_days + self.rng.random())]
        moments += [moment for day in days_off if day not in self.free for moment in self._pair(day, *AT_REST)]
        for moment in moments if clients else ():
            first = self._message(moment, clients[int(self.rng.integers(len(clients)))], outgoing=True)
            yield first
            if self.rng.random() < 0.5:
                yield self._reply(first, moment + int(self.rng.uniform(0.3, 20) * 3600))

    def _pair(self, day: date, first: int, second: int) -> list[int]:
        """Return two instants of a day, far enough apart to be two episodes."""
        return [self._moment(day, minute + float(self.rng.uniform(0, 14))) for minute in (first, second)]

    def _other_mail(self, weeks_ago: int) -> Iterator[DemoMessage]:
        """Yield the mail of everybody but clients: colleagues, the director, newsletters, the insurer."""
        others = [person for person in PEOPLE if person.mail and person is not self.person]
        for number in range(self.rng.poisson(9 * (0.4 + 0.6 * self.person.fte))):
            other = others[int(self.rng.integers(len(others)))]
            colleague = _correspondent(other.address, other.name)
            sent = self._message(self._work_moment(weeks_ago), colleague, outgoing=number % 2 == 1)
            yield sent
            if self.rng.random() < 0.4:
                yield self._reply(sent, self.work.later(sent.sent_at, float(self.rng.uniform(10, 300))))
        for _ in range(self.rng.poisson(1.5)):  # a third of the director's mail comes in the evening
            day, minute = self._day(weeks_ago, int(self.rng.integers(5))), float(self.rng.uniform(19 * 60, 22 * 60))
            sent_at = self._moment(day, minute) if self.rng.random() < 0.33 else self._work_moment(weeks_ago)
            yield self._message(sent_at, _correspondent(DIRECTOR, "Harbour Street"))
        for weekday, address, automatic in AUTOMATIC_SENDERS:
            sent_at = self._moment(self._day(weeks_ago, weekday), 6 * 60 + float(self.rng.uniform(0, 60)))
            yield self._message(sent_at, _correspondent(address), automatic=automatic)
        if weeks_ago % 4 == 0:  # about once a month
            yield self._message(self._work_moment(weeks_ago), _correspondent(INSURER, "Claims desk"))

    def _message(self, sent_at: int, other: DemoClient, *, outgoing: bool = False, automatic: str = "") -> DemoMessage:
        return DemoMessage(next(self.numbers), sent_at, outgoing, other.address, other.name, automatic=automatic)

    def _reply(self, message: DemoMessage, sent_at: int, *, automatic: str = "") -> DemoMessage:
        outgoing = not message.outgoing
        return DemoMessage(next(self.numbers), sent_at, outgoing, message.to_or_from, message.name, message, automatic)

    def _day(self, weeks_ago: int, weekday: int) -> date:
        return self.days.horizon.monday(weeks_ago) + timedelta(days=weekday)

    def _works(self, day: date) -> bool:
        away = day in self.free or day in self.sick
        return not away and bool(self._spans(day))

    def _spans(self, day: date) -> tuple[tuple[int, int], ...]:
        return spans_of(pattern_on(self.person, self.days.horizon.weeks_ago(day)), day.weekday())

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
