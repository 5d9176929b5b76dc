"""Ranks clinicians for the next referral: the lowest load per FTE after it, among those who can take it.

Load is weighted sessions a week, as in :mod:`monitor.analysis.fairness`. Existing therapies are never moved. The only
inputs are what the director may see: listed skills, the load of the last blocks, and open slots as each clinician set
them. So no series of questions can reveal anything else.

A referral may ask for the day or the evening. An evening begins at 17:00, by what each clinician says of their slots;
calendars are not read for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite

TIE_SESSIONS = 0.5
"""Weighted sessions a week: people whose loads are closer than this are tied, and the last intake decides."""

NO_TERMS: frozenset[str] = frozenset()


class TimeOfDay(StrEnum):
    """The part of the day when a client can come; the evening begins at 17:00."""

    DAY = "day"
    EVENING = "evening"


@dataclass(frozen=True, slots=True)
class Referral:
    """A new client: ``weight`` sessions a week, and the skills, language and modality that the therapist must list.

    ``trauma`` says that the work will be trauma-focused, ``time`` when the client can come (``None``: at any time).
    Raises ValueError for a weight that is not positive.
    """

    weight: float = 1.0
    skills: frozenset[str] = NO_TERMS
    language: str | None = None
    modality: str | None = None
    trauma: bool = False
    time: TimeOfDay | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and self.weight > 0):
            raise ValueError("the weight of a referral has to be positive")


@dataclass(frozen=True, slots=True)
class OpenSlots:
    """The new clients that a clinician can take by day and in the evening, and how many of them for trauma work."""

    day: int
    evening: int
    trauma: int

    @property
    def total(self) -> int:
        """The slots by day and in the evening together."""
        return self.day + self.evening

    def count(self, time: TimeOfDay | None) -> int:
        """Return the number of slots at a time of day; of all slots for ``None``."""
        return self.total if time is None else self.day if time is TimeOfDay.DAY else self.evening

    def remaining_after(self, referral: Referral) -> OpenSlots:
        """Return the slots that are left once a referral has taken one.

        A client who can come at any time takes a day slot while there is one, since evenings are in greater demand.
        No number falls below 0.
        """
        by_day = referral.time is TimeOfDay.DAY or (referral.time is None and self.day > 0)
        left = replace(self, day=max(self.day - by_day, 0), evening=max(self.evening - (not by_day), 0))
        # Slots for trauma-focused work are some of all slots, so they cannot exceed the rest.
        return replace(left, trauma=min(max(self.trauma - referral.trauma, 0), left.total))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clinician as a candidate for referrals.

    ``load`` is weighted sessions a week (``None``: unknown), ``fte`` what it is shared by, ``last_intake`` any number
    that grows with time (``None``: none known). ``slots`` are the open slots; ``None``, where the clinician never set
    any, is no limit. Raises ValueError for a negative load or an FTE that is not positive.
    """

    key: str
    load: float | None
    fte: float = 1.0
    last_intake: int | None = None
    clients: int = 0
    skills: frozenset[str] = NO_TERMS
    languages: frozenset[str] = NO_TERMS
    modality: frozenset[str] = NO_TERMS
    slots: OpenSlots | None = None
    leaving: bool = False

    def __post_init__(self) -> None:
        if not (isfinite(self.fte) and self.fte > 0):
            raise ValueError("FTE must be finite and positive")
        if self.load is not None and not (isfinite(self.load) and self.load >= 0):
            raise ValueError("a load must be finite and not negative")

    def load_after(self, weight: float) -> float:
        """Return the load per FTE with so much added to it; infinite where it is unknown."""
        return inf if self.load is None else (self.load + weight) / self.fte

    def free_slots(self, time: TimeOfDay | None = None) -> float:
        """Return how many more clients the person can take at a time of day."""
        return inf if self.slots is None else self.slots.count(time)

    def free_trauma_slots(self) -> float:
        """Return how many more clients the person can take for trauma-focused work."""
        return inf if self.slots is None else self.slots.trauma


class Obstacle(StrEnum):
    """The reasons for which a clinician cannot take a referral; the director knows each of them already."""

    UNLISTED = "does not list it"
    LEAVING = "leaving"
    NO_SLOTS = "no open slots"
    NO_DAY_SLOTS = "no open slots by day"
    NO_EVENING_SLOTS = "no open slots in the evening"
    NO_TRAUMA_SLOTS = "no open slots for trauma-focused work"
    LOAD_UNKNOWN = "load not known"


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A candidate who can take the referral. ``load_after`` is the load per FTE with it.

    ``is_tied`` says that this is as low as anybody's, within half a session.
    """

    key: str
    load_after: float
    last_intake: int | None
    is_tied: bool


@dataclass(frozen=True, slots=True)
class UnavailableCandidate:
    """A candidate who cannot take the referral; ``missing`` are the words of it that the candidate does not list."""

    key: str
    obstacle: Obstacle
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates who can take a referral, the next one first, and those who cannot, in the given order."""

    candidates: tuple[RankedCandidate, ...]
    unavailable: tuple[UnavailableCandidate, ...]


def rank_candidates(people: Sequence[Candidate], referral: Referral) -> Ranking:
    """Rank those who can take the referral by load per FTE after it; of those tied, the longest without an intake."""
    unavailable = [candidate for person in people if (candidate := obstacle_of(person, referral))]
    waiting = [person for person in people if obstacle_of(person, referral) is None]
    weight = referral.weight
    lowest_of_all = min((person.load_after(weight) for person in waiting), default=inf)
    ranked = []
    # Ties are with the lowest of those still waiting, one place after the other: tied people cannot form a chain.
    while waiting:
        lowest = min(person.load_after(weight) for person in waiting)
        tied = (person for person in waiting if is_tied(person, weight, lowest))
        first = min(tied, key=lambda person: turn_order(person, weight))
        ties_with_lowest = is_tied(first, weight, lowest_of_all)
        ranked.append(RankedCandidate(first.key, first.load_after(weight), first.last_intake, is_tied=ties_with_lowest))
        waiting.remove(first)
    return Ranking(tuple(ranked), tuple(unavailable))


def obstacle_of(person: Candidate, referral: Referral) -> UnavailableCandidate | None:
    """Return the candidate as unavailable with the obstacle; ``None`` for one who can take the referral."""
    required = (
        *((skill, person.skills) for skill in sorted(referral.skills)),
        (referral.language, person.languages),
        (referral.modality, person.modality),
    )
    missing = tuple(word for word, listed in required if word and word.lower() not in {own.lower() for own in listed})
    if missing:
        return UnavailableCandidate(person.key, Obstacle.UNLISTED, missing)
    if person.leaving:
        return UnavailableCandidate(person.key, Obstacle.LEAVING)
    if not person.free_slots():
        return UnavailableCandidate(person.key, Obstacle.NO_SLOTS)
    if not person.free_slots(referral.time):
        by_day = referral.time is TimeOfDay.DAY
        return UnavailableCandidate(person.key, Obstacle.NO_DAY_SLOTS if by_day else Obstacle.NO_EVENING_SLOTS)
    if referral.trauma and not person.free_trauma_slots():
        return UnavailableCandidate(person.key, Obstacle.NO_TRAUMA_SLOTS)
    return UnavailableCandidate(person.key, Obstacle.LOAD_UNKNOWN) if person.load is None else None


def is_tied(person: Candidate, weight: float, lowest: float) -> bool:
    """Return whether the person's load per FTE after the referral is within half a weighted session of the lowest."""
    # Loads are per FTE, so half a session is more for a part-timer; 1e-9 for rounding.
    return person.load_after(weight) <= lowest + TIE_SESSIONS / person.fte + 1e-9


def turn_order(person: Candidate, weight: float) -> tuple[float, float, str]:
    """Return a sort key: the longest since the last intake first, then the lower load, then the name."""
    # Without any intake so far: first. The key makes the order certain.
    return (-inf if person.last_intake is None else person.last_intake, person.load_after(weight), person.key)
