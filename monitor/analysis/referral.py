"""Who takes the next referral: whoever has the lowest load per FTE after it, among those who can take it.

Load is weighted sessions a week, as in :mod:`monitor.analysis.fairness`. Existing therapies are never moved. All that
goes in is what the director may see: what is listed, the load of the last blocks, and open slots as each clinician set
them. So no set of questions finds out anything else.

A referral may ask for the day or the evening. An evening begins at 17:00, by what each clinician says of their slots:
nothing is read from a calendar for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite

TIE_SESSIONS = 0.5
"""Weighted sessions a week: two people closer than this are even, and whose turn it is decides."""

NO_WORDS: frozenset[str] = frozenset()


class TimeOfDay(StrEnum):
    """When a client can come; the evening begins at 17:00."""

    DAY = "day"
    EVENING = "evening"


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody who is looking for a therapist: ``weight`` sessions a week, and what the therapist has to list.

    ``trauma`` says that the work will be trauma-focused, ``time`` when the client can come (``None``: at any time).
    Raises ValueError for a weight that is not positive.
    """

    weight: float = 1.0
    skills: frozenset[str] = NO_WORDS
    language: str | None = None
    modality: str | None = None
    trauma: bool = False
    time: TimeOfDay | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and self.weight > 0):
            raise ValueError("the weight of a referral has to be positive")


@dataclass(frozen=True, slots=True)
class OpenSlots:
    """New clients somebody could take by day and in the evening; ``trauma`` of these may be trauma-focused work."""

    day: int
    evening: int
    trauma: int

    @property
    def total(self) -> int:
        """Slots by day and in the evening together."""
        return self.day + self.evening

    def count(self, time: TimeOfDay | None) -> int:
        """Return the slots at a time of day, at any time for ``None``."""
        return self.total if time is None else self.day if time is TimeOfDay.DAY else self.evening

    def remaining_after(self, referral: Referral) -> OpenSlots:
        """Return what is left once a referral has taken a slot.

        A client who can come at any time takes one of the day while there is one, since evenings are asked for more.
        A slot that was not there is not taken, so that no number falls below 0.
        """
        by_day = referral.time is TimeOfDay.DAY or (referral.time is None and self.day > 0)
        left = replace(self, day=max(self.day - by_day, 0), evening=max(self.evening - (not by_day), 0))
        return replace(left, trauma=min(max(self.trauma - referral.trauma, 0), left.total))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clinician, as far as referrals go.

    ``load`` is weighted sessions a week (``None``: unknown), ``fte`` what it is shared by, ``last_intake`` any number
    that grows with time (``None``: none known). ``slots`` are the open ones; ``None`` where the person never set any,
    which limits nothing. Raises ValueError for a load below 0 or an FTE that is not positive.
    """

    key: str
    load: float | None
    fte: float = 1.0
    last_intake: int | None = None
    clients: int = 0
    skills: frozenset[str] = NO_WORDS
    languages: frozenset[str] = NO_WORDS
    modality: frozenset[str] = NO_WORDS
    slots: OpenSlots | None = None
    leaving: bool = False

    def __post_init__(self) -> None:
        if not (isfinite(self.fte) and self.fte > 0):
            raise ValueError("FTE must be finite and positive")
        if self.load is not None and not (isfinite(self.load) and self.load >= 0):
            raise ValueError("a load must be finite and not negative")

    def load_after(self, weight: float) -> float:
        """Load per FTE once so much has been added to it; infinite where it is unknown."""
        return inf if self.load is None else (self.load + weight) / self.fte

    def free_slots(self, time: TimeOfDay | None = None) -> float:
        """Return how many more clients the person can take at a time of day."""
        return inf if self.slots is None else self.slots.count(time)

    def free_trauma_slots(self) -> float:
        """Return how many more clients the person can take for trauma-focused work."""
        return inf if self.slots is None else self.slots.trauma


class Obstacle(StrEnum):
    """What stands in the way; each of these the director knows already."""

    UNLISTED = "does not list it"
    LEAVING = "leaving"
    NO_SLOTS = "no open slots"
    NO_DAY_SLOTS = "no open slots by day"
    NO_EVENING_SLOTS = "no open slots in the evening"
    NO_TRAUMA_SLOTS = "no open slots for trauma-focused work"
    LOAD_UNKNOWN = "load not known"


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """One place of the ranking. ``load_after`` is the load per FTE with the referral.

    ``is_tied`` says that it is as low as anybody's, within half a session.
    """

    key: str
    load_after: float
    last_intake: int | None
    is_tied: bool


@dataclass(frozen=True, slots=True)
class UnavailableCandidate:
    """Somebody who cannot take the referral; ``missing`` are words of the referral that the person does not list."""

    key: str
    obstacle: Obstacle
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who could take a referral, the next one first, and why the others cannot, in the order they were given."""

    candidates: tuple[RankedCandidate, ...]
    unavailable: tuple[UnavailableCandidate, ...]


def rank_candidates(people: Sequence[Candidate], referral: Referral) -> Ranking:
    """Rank those who can take it by load per FTE after it; among ties, the longest since the last intake goes first."""
    others = [other for person in people if (other := obstacle_of(person, referral))]
    waiting = [person for person in people if obstacle_of(person, referral) is None]
    weight = referral.weight
    best = min((person.load_after(weight) for person in waiting), default=inf)
    places = []
    while waiting:
        lowest = min(person.load_after(weight) for person in waiting)
        first = min(
            (person for person in waiting if is_tied(person, weight, lowest)), key=lambda p: turn_order(p, weight)
        )
        places.append(
            RankedCandidate(
                first.key, first.load_after(weight), first.last_intake, is_tied=is_tied(first, weight, best)
            )
        )
        waiting.remove(first)
    return Ranking(tuple(places), tuple(others))


def obstacle_of(person: Candidate, referral: Referral) -> UnavailableCandidate | None:
    """Return why this person cannot take it, ``None`` where they can."""
    if missing := _missing_words(person, referral):
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


def _missing_words(person: Candidate, referral: Referral) -> tuple[str, ...]:
    wanted = (
        *((skill, person.skills) for skill in sorted(referral.skills)),
        (referral.language, person.languages),
        (referral.modality, person.modality),
    )
    return tuple(word for word, listed in wanted if word and word.lower() not in {own.lower() for own in listed})


def is_tied(person: Candidate, weight: float, lowest: float) -> bool:
    """Whether the person's load per FTE after it is within half a weighted session of the lowest."""
    return person.load_after(weight) <= lowest + TIE_SESSIONS / person.fte + 1e-9


def turn_order(person: Candidate, weight: float) -> tuple[float, float, str]:
    """Sorts by whose turn it is: the longest since the last intake, then the lower load, then the name."""
    return (-inf if person.last_intake is None else person.last_intake, person.load_after(weight), person.key)
