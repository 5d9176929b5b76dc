"""Who takes the next referral: whoever has the lowest load per FTE after it, among those who can take it.

Load is weighted sessions a week, as in :mod:`monitor.analysis.fairness`. Existing therapies are never moved. What an
answer tells of somebody who cannot take a referral is either what the practice itself publishes (a skill, a language,
a way of meeting that is not listed) or *not eligible now*: one word for leave, for no open slots and for any cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf, isfinite

TIE = 0.5
"""Weighted sessions a week: two people closer than this are even, and whose turn it is decides."""

WHOLE = 100.0
"""Per cent: a cap that caps nothing."""

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
    that grows with time (``None``: none known). ``most_clients`` is the person's own cap, ``below_trauma_cap`` how many
    more trauma-focused clients the other one leaves room for; ``None`` is no limit. Raises ValueError for a load below
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
    most_clients: int | None = None
    below_trauma_cap: int | None = None
    away: bool = False

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
        """How many more clients the person can take now."""
        slots = inf if self.open_slots is None else self.open_slots
        below_cap = inf if self.most_clients is None else self.most_clients - self.clients
        return 0 if self.away else max(0, min(slots, below_cap))

    @property
    def trauma_room(self) -> float:
        """How many trauma-focused ones of them."""
        return self.room if self.below_trauma_cap is None else min(self.room, self.below_trauma_cap)


def room_below(cap: float, clients: int, marked: int) -> int:
    """How many more trauma-focused clients a cap (per cent, below 100) leaves room for: until the share reaches it."""
    spare = (cap / 100 * clients - marked) / (1 - cap / 100)
    first = 1 if cap > 0 and not clients else 0
    return max(first, ceil(spare - 1e-9))


class Obstacle(StrEnum):
    """What stands in the way. Which of leave, slots and caps it is has no word of its own."""

    UNLISTED = "does not list it"
    NOT_NOW = "not eligible now"
    LOAD_UNKNOWN = "load not known yet"


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
    """Why this person cannot take it; what is published first, so that the rest cannot be asked for piece by piece."""
    lacks = _lacks(person, referral)
    if lacks:
        return Other(person.key, Obstacle.UNLISTED, lacks)
    if not (person.trauma_room if referral.trauma else person.room):
        return Other(person.key, Obstacle.NOT_NOW)
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
