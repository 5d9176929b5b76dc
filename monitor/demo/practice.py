"""The clinicians of the demonstration practice, their ordinary weeks, and the planted drifts.

This module only declares them; :mod:`monitor.demo.days` and :mod:`monitor.demo.messages` simulate the weeks. Weeks are
counted as *weeks ago*, in Mondays before the current one: the last complete week is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

DOMAIN = "harbour.example"
CLIENT_DOMAIN = "mail.example"
DIRECTOR = f"director@{DOMAIN}"
ZONE = "Europe/London"
SESSION_MINUTES = 50
AHEAD_WEEKS = 8

_LONG = ("09:00-13:00", "14:00-18:00")
_EARLY = ("08:00-13:00", "14:00-17:00")
_LATE = ("12:00-15:00", "16:00-20:00")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The weeks that are written: ``weeks`` complete ones before the current week, and eight weeks of bookings."""

    today: date
    weeks: int

    @property
    def first(self) -> date:
        """The first Monday."""
        return self.monday(self.weeks)

    @property
    def end(self) -> date:
        """The day after the last booking."""
        return self.monday(-AHEAD_WEEKS)

    def monday(self, weeks_ago: int) -> date:
        """Return the Monday of a week; negative weeks lie ahead."""
        return self.today - timedelta(days=self.today.weekday(), weeks=weeks_ago)

    def weeks_ago(self, day: date) -> int:
        """Return how many Mondays before the current one a day's week began."""
        return (self.monday(0) - day + timedelta(days=day.weekday())).days // 7


@dataclass(frozen=True, slots=True)
class Habits:
    """The rates of an ordinary week: of the whole person, or per 20 held sessions."""

    threads: float = 0.45  # threads begun by a client, a week
    evening_replies: float = 4.5  # replies after hours, per 20
    reply_minutes: float = 150  # median working minutes to a reply
    overrun_minutes: float = 1  # mean of the actual minus the booked end
    early_share: float = 0.02  # sessions ended five minutes or more before time
    cancels: float = 0.012  # share of bookings cancelled by the clinician
    late_nights: float = 0.05  # nights a week with mail shortly before midnight
    off_days: float = 0.05  # days off with mail, a week
    drifting_threads: float = 0  # extra threads of the drifting client, a week
    extra_sessions: float = 0  # extra sessions of that client, a week


@dataclass(frozen=True, slots=True)
class HabitChange:
    """A change of one habit in the weeks ``starts`` to ``ends`` of a drift, whose first week is 1.

    It is complete at once, or after ``ramp_weeks``, slowly at first if ``power`` is above 1.
    """

    habit: str
    plus: float = 0
    times: float = 1
    ramp_weeks: int = 1
    power: float = 1
    starts: int = 1
    ends: int | None = None

    def apply(self, usual: float, week: int) -> float:
        """Return the habit's value in a week of the drift; earlier weeks are 0 and less."""
        if week < self.starts or (self.ends is not None and week > self.ends):
            return usual
        share: float = min((week - self.starts + 1) / self.ramp_weeks, 1) ** self.power
        return usual * (1 + share * (self.times - 1)) + share * self.plus


@dataclass(frozen=True, slots=True)
class DriftStory:
    """One planted drift: changed habits, additional weekly ``more_slots``, a ``closing`` share of places left empty."""

    key: str
    clinician: str
    weeks_ago: int
    size: str
    changes: tuple[HabitChange, ...] = ()
    more_slots: tuple[tuple[int, str], ...] = ()
    closing: float = 0


@dataclass(frozen=True, slots=True)
class WorkPattern:
    """Agreed hours by weekday (0 is Monday); ``weeks_ago`` is when they began, ``None`` for always."""

    days: Mapping[int, tuple[str, ...]]
    weeks_ago: int | None = None


@dataclass(frozen=True, slots=True)
class StandingEntry:
    """A recurring entry of the calendar that is not a session."""

    title: str
    weekday: int
    at: str
    minutes: int = 60
    every: int = 1
    guests: tuple[str, ...] = ()
    declined: bool = False


@dataclass(frozen=True, slots=True)
class DemoClinician:
    """One clinician and the files with their times.

    ``sessions`` is how the calendar identifies clients, by ``attendee`` or ``title``, or ``system`` if the practice
    system's CSV contains the sessions instead. ``ends`` is the source of actual ends: ``calls``, ``system`` or empty.
    ``leave_weeks`` are those in spring, summer and autumn; ``away`` is a long leave, its first week and the week of
    return.
    """

    key: str
    name: str
    fte: float
    patterns: tuple[WorkPattern, ...]
    zone: str = ZONE
    load: float = 1
    sessions: str = "attendee"
    session_title: str = "Session"
    software: str = "google"
    mail: str = "mbox"
    ends: str = "calls"
    coverage: float = 0.95
    habits: Habits = field(default_factory=Habits)
    standing: tuple[StandingEntry, ...] = ()
    leave_weeks: tuple[int, int, int] = (1, 2, 1)
    joined: int | None = None
    away: tuple[int, int] | None = None
    other_job: bool = False

    @property
    def address(self) -> str:
        """The address this person writes from."""
        return f"{self.key}@{DOMAIN}"


def _supervision(weekday: int, at: str, *, every: int = 2, minutes: int = 60) -> StandingEntry:
    return StandingEntry("Supervision with Morag", weekday, at, minutes, every, ("morag@supervision.example",))


_TEAM = StandingEntry("Team meeting", 2, "13:00", 50, guests=(f"team@{DOMAIN}",))
_LUNCH = StandingEntry("Lunch (protected)", 0, "13:00", 45)

SLOTS: Mapping[str, tuple[int, int, int, int]] = {
    "ana": (1, 1, 1, 2),
    "cleo": (0, 1, 0, 3),
    "dev": (0, 0, 0, 1),
    "farid": (3, 1, 2, 4),
    "grace": (2, 0, 1, 20),
    "hugo": (1, 0, 0, 5),
    "ines": (2, 1, 1, 3),
    "jun": (0, 2, 1, 6),
    "lena": (4, 2, 2, 2),
}
"""Open slots by clinician: by day, in the evening, how many of these for trauma work, and how many weeks ago set."""

PEOPLE: tuple[DemoClinician, ...] = (
    DemoClinician(
        "ana",
        "Ana",
        0.8,
        (WorkPattern({0: _LONG, 1: ("11:00-15:00", "16:00-20:00"), 2: _LONG, 3: _LONG}),),
        habits=Habits(threads=0.6, evening_replies=6),
        standing=(_supervision(3, "13:00"), _TEAM, _LUNCH),
    ),
    DemoClinician(
        "ben",
        "Ben",
        1.0,
        (WorkPattern({0: _LONG, 1: _LONG, 2: _LONG, 3: _LATE, 4: _LONG}),),
        session_title="Therapy",
        standing=(_supervision(0, "13:00"), _TEAM),
    ),
    DemoClinician(
        "cleo",
        "Cleo",
        0.6,
        (WorkPattern({0: ("09:30-12:30", "14:00-18:30"), 1: ("09:30-12:30", "14:00-18:30"), 3: ("14:00-20:00",)}),),
        zone="Europe/Paris",
        software="outlook",
        standing=(_supervision(1, "13:00"), StandingEntry("Case consult, peer group", 0, "13:00", 60, 4)),
    ),
    DemoClinician(
        "dev",
        "Dev",
        1.0,
        (WorkPattern({0: _EARLY, 1: _EARLY, 2: _EARLY, 3: _EARLY, 4: _EARLY}),),
        load=1.02,
        session_title="1:1 online",
        leave_weeks=(1, 2, 0),
        standing=(_supervision(4, "13:00"), _TEAM),
    ),
    DemoClinician(
        "esi",
        "Esi",
        0.8,
        (WorkPattern({1: _LONG, 2: _LONG, 3: _LATE, 4: _LONG}),),
        sessions="system",
        ends="system",
        standing=(_supervision(1, "13:00"), _TEAM, StandingEntry("CPD webinar", 4, "13:00", 45, 4, declined=True)),
    ),
    DemoClinician(
        "farid",
        "Farid",
        0.7,
        (WorkPattern({0: _LATE, 1: _LONG, 2: _LONG, 4: ("09:00-13:00",)}),),
        standing=(_supervision(1, "13:00"), _TEAM, StandingEntry("On call", 0, "20:00", 180, 2)),
        away=(11, 5),
    ),
    DemoClinician(
        "grace",
        "Grace",
        0.4,
        (WorkPattern({4: ("13:00-18:00",), 5: ("09:00-13:00", "14:00-16:00")}),),
        mail="maildir",
        standing=(_supervision(4, "11:00", every=3, minutes=90),),
        other_job=True,
    ),
    DemoClinician(
        "hugo",
        "Hugo",
        0.4,
        (WorkPattern({3: ("08:00-13:00", "14:00-19:00")}),),
        load=0.92,
        sessions="system",
        ends="system",
        mail="",
        standing=(_supervision(2, "16:00", every=4, minutes=90),),
    ),
    DemoClinician(
        "ines",
        "Ines",
        0.6,
        (
            WorkPattern({0: _LONG, 2: _LONG, 3: ("09:00-13:00",)}),
            WorkPattern({0: _LONG, 4: _LONG, 3: ("09:00-13:00",)}, weeks_ago=30),
        ),
        zone="Europe/Lisbon",
        coverage=0.5,
        standing=(_supervision(0, "13:00"),),
    ),
    DemoClinician(
        "jun",
        "Jun",
        1.0,
        (WorkPattern({0: _LONG, 1: _LATE, 2: ("08:00-12:00", "17:00-21:00"), 3: _LONG, 4: _EARLY}),),
        load=1.06,
        sessions="system",
        ends="system",
        standing=(_supervision(0, "13:00"), _TEAM, StandingEntry("On call", 3, "18:00", 180, 1), _LUNCH),
    ),
    DemoClinician(
        "kofi",
        "Kofi",
        0.8,
        (WorkPattern({0: _LONG, 1: _EARLY, 3: _LONG, 4: _LONG}),),
        sessions="title",
        ends="",
        standing=(_supervision(1, "13:00"), StandingEntry("Training day", 4, "14:00", 180, 12)),
    ),
    DemoClinician(
        "lena",
        "Lena",
        0.6,
        (WorkPattern({1: _LONG, 2: _LONG, 4: ("09:00-15:00",)}),),
        software="outlook",
        mail="maildir",
        standing=(_supervision(1, "13:00"), _TEAM),
        joined=10,
    ),
)

STORIES: tuple[DriftStory, ...] = (
    DriftStory(
        "evenings_creeping_up",
        "ana",
        10,
        "after twelve easier weeks, after-hours replies grow over ten weeks to 2.5 times their usual number",
        (
            HabitChange("evening_replies", times=0.7, starts=-11, ends=0),
            HabitChange("evening_replies", times=2.5, ramp_weeks=10, power=2),
        ),
    ),
    DriftStory(
        "one_client_drifting",
        "cleo",
        14,
        "one client writes 2 more letters a week, mostly in the evening, and has an extra session every other week",
        (
            HabitChange("drifting_threads", plus=2),
            HabitChange("extra_sessions", plus=0.5),
            HabitChange("evening_replies", plus=1),
        ),
    ),
    DriftStory(
        "sessions_running_over",
        "ben",
        10,
        "sessions end 3 minutes later on average, reached within four weeks",
        (HabitChange("overrun_minutes", plus=3, ramp_weeks=4),),
    ),
    DriftStory(
        "overfull_days",
        "dev",
        18,
        "7 more sessions a week, three of them on Saturdays, mail on days off, and late nights before early mornings",
        (HabitChange("late_nights", plus=1.6), HabitChange("off_days", plus=0.9)),
        more_slots=((0, "13:00"), (1, "17:00"), (2, "17:00"), (3, "17:00"), (5, "10:00"), (5, "11:00"), (5, "12:00")),
    ),
    DriftStory(
        "fewer_later_shorter",
        "esi",
        16,
        "replies take 2.5 times as long, a third of sessions end early, 12 % more are cancelled, fewer places filled",
        (
            HabitChange("reply_minutes", times=2.5),
            HabitChange("early_share", plus=0.34),
            HabitChange("cancels", plus=0.12),
        ),
        closing=0.33,
    ),
)


def story_of(person: DemoClinician) -> DriftStory | None:
    """Return the drift planted for a person, if any."""
    return next((story for story in STORIES if story.clinician == person.key), None)


def habits_in(person: DemoClinician, weeks_ago: int) -> Habits:
    """Return a person's habits in one week, including the planted changes."""
    story = story_of(person)
    if story is None:
        return person.habits
    habits = person.habits
    for change in story.changes:
        usual = getattr(habits, change.habit)
        habits = replace(habits, **{change.habit: change.apply(usual, story.weeks_ago - weeks_ago + 1)})
    return habits


def minutes_of(clock: str) -> int:
    """Return the minutes after midnight of ``"09:30"``."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def spans_of(pattern: WorkPattern, weekday: int) -> tuple[tuple[int, int], ...]:
    """Return the agreed spans of a weekday in minutes after midnight."""
    ends = [span.split("-") for span in pattern.days.get(weekday, ())]
    return tuple((minutes_of(start), minutes_of(end)) for start, end in ends)


def pattern_on(person: DemoClinician, weeks_ago: int) -> WorkPattern:
    """Return the pattern in effect in a week."""
    return [pattern for pattern in person.patterns if pattern.weeks_ago is None or pattern.weeks_ago >= weeks_ago][-1]
