"""Who takes the next referral: whoever has the lowest load per FTE after it, among those who can take it.

Load is weighted sessions a week, as in :mod:`monitor.analysis.fairness`. Existing therapies are never moved. All that
goes in is what the director may see: what is listed, the load of the last blocks, and open slots as each clinician set
them. So no set of questions finds out anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite

TIE = 0.5
"""Weighted sessions a week: two people closer than this are even, and whose turn it is decides."""

NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody who is looking for a therapist: ``weight`` sessions a week, and what the therapist has to list.

    ``trauma`` says that the work will be trauma-focused. Raises ValueError for a weight that is not positive.
    """

    weight: float = 1.0
    skills: frozenset[str] = NO_WORDS
    language: str | None = None
    modality: str | None = None
    trauma: bool = False

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and self.weight > 0):
            raise ValueError("the weight of a referral has to be positive")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clinician, as far as referrals go.

    ``load`` is weighted sessions a week (``None``: unknown), ``fte`` what it is shared by, ``last_intake`` any number
    that grows with time (``None``: none known). ``open_slots`` is how many more clients the person could take,
    ``trauma_slots`` how many of them for trauma-focused work; ``None`` is no number. Raises ValueError for a load below
    0 or an FTE that is not positive.
    """

    key: str
    load: float | None
    fte: float = 1.0
    last_intake: int | None = None
    clients: int = 0
    skills: frozenset[str] = NO_WORDS
    languages: frozenset[str] = NO_WORDS
    modality: frozenset[str] = NO_WORDS
    open_slots: int | None = None
    trauma_slots: int | None = None
    leaving: bool = False

    def __post_init__(self) -> None:
        if not (isfinite(self.fte) and self.fte > 0):
            raise ValueError("FTE must be finite and positive")
        if self.load is not None and not (isfinite(self.load) and self.load >= 0):
            raise ValueError("a load must be finite and not negative")

    def after(self, weight: float) -> float:
        """Load per FTE once so much has been added to it; infinite where it is unknown."""
        return inf if self.load is None else (self.load + weight) / self.fte

    @property
    def room(self) -> float:
        """How many more clients the person can take."""
        if self.leaving:
            return 0
        return inf if self.open_slots is None else self.open_slots

    @property
    def trauma_room(self) -> float:
        """How many of them for trauma-focused work."""
        return self.room if self.trauma_slots is None else min(self.room, self.trauma_slots)


class Obstacle(StrEnum):
    """What stands in the way; each of these the director knows already."""

    UNLISTED = "does not list it"
    LEAVING = "leaving"
    NO_SLOTS = "no open slots"
    NO_TRAUMA_SLOTS = "no open slots for trauma-focused work"
    LOAD_UNKNOWN = "load not known"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the ranking. ``after`` is the load per FTE with the referral.

    ``even`` says that it is as low as anybody's, within half a session.
    """

    key: str
    after: float
    last_intake: int | None
    even: bool


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody who cannot take the referral; ``lacks`` are words of the referral that the person does not list."""

    key: str
    obstacle: Obstacle
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who could take a referral, the next one first, and why the others cannot, in the order they were given."""

    places: tuple[Place, ...]
    others: tuple[Other, ...]


def next_referral(people: Sequence[Candidate], referral: Referral) -> Ranking:
    """Rank those who can take it by load per FTE after it; among ties, the longest since the last intake goes first."""
    others = [other for person in people if (other := obstacle_of(person, referral))]
    waiting = [person for person in people if obstacle_of(person, referral) is None]
    weight = referral.weight
    best = min((person.after(weight) for person in waiting), default=inf)
    places = []
    while waiting:
        lowest = min(person.after(weight) for person in waiting)
        first = min((person for person in waiting if ties(person, weight, lowest)), key=lambda p: turn(p, weight))
        places.append(Place(first.key, first.after(weight), first.last_intake, even=ties(first, weight, best)))
        waiting.remove(first)
    return Ranking(tuple(places), tuple(others))


def obstacle_of(person: Candidate, referral: Referral) -> Other | None:
    """Return why this person cannot take it, ``None`` where they can."""
    if lacks := _lacks(person, referral):
        return Other(person.key, Obstacle.UNLISTED, lacks)
    if person.leaving:
        return Other(person.key, Obstacle.LEAVING)
    if not person.room:
        return Other(person.key, Obstacle.NO_SLOTS)
    if referral.trauma and not person.trauma_room:
        return Other(person.key, Obstacle.NO_TRAUMA_SLOTS)
    return Other(person.key, Obstacle.LOAD_UNKNOWN) if person.load is None else None


def _lacks(person: Candidate, referral: Referral) -> tuple[str, ...]:
    wanted = (
        *((skill, person.skills) for skill in sorted(referral.skills)),
        (referral.language, person.languages),
        (referral.modality, person.modality),
    )
    return tuple(word for word, listed in wanted if word and word.lower() not in {own.lower() for own in listed})


def ties(person: Candidate, weight: float, lowest: float) -> bool:
    """Whether the person's load per FTE after it is within half a weighted session of the lowest."""
    return person.after(weight) <= lowest + TIE / person.fte + 1e-9


def turn(person: Candidate, weight: float) -> tuple[float, float, str]:
    """Sorts by whose turn it is: the longest since the last intake, then the lower load, then the name."""
    return (-inf if person.last_intake is None else person.last_intake, person.after(weight), person.key)
