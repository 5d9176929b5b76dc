"""Several referrals shared out at once: a mixed-integer programme, solved by HiGHS through scipy.

One after another is not enough as soon as they differ: the only one who speaks Portuguese would be full by the time
somebody needs Portuguese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.referral import Candidate, Referral, TimeOfDay, is_tied, obstacle_of, turn_order

if TYPE_CHECKING:
    from scipy.optimize import LinearConstraint

Floats = NDArray[np.float64]
Takers = list[int | None]

STEP = 0.25
"""Squares are exact for sums of weights that are multiples of this, and off by less than 0.02 in between."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The key of the candidate who takes each referral, in the referrals' order; ``None`` where nobody can.

    ``load_after`` is the load per FTE after the assignment, by key, of those whose load is known.
    """

    takers: tuple[str | None, ...]
    load_after: Mapping[str, float]


def assign_referrals(people: Sequence[Candidate], referrals: Sequence[Referral]) -> Assignment:
    """Share the referrals out so that none takes a place which only another could have used.

    As many as possible are placed, the earlier ones first. Among all ways to do so the evenest is taken: the one with
    the least sum of weight × load per FTE after it, which for a single referral is the rule of
    :func:`~monitor.analysis.referral.rank_candidates`. Then each goes, among the ties of where it fell, to whose turn
    it is, as there.
    """
    takers = _IntegerProgramme(people, referrals).takers()
    for number, taker in enumerate(takers):
        if taker is not None:
            takers[number] = _whose_turn(people, referrals, takers, number, taker)
    given = _given(people, referrals, takers)
    after = {p.key: p.load_after(more) for p, more in zip(people, given, strict=True) if p.load is not None}
    return Assignment(tuple(None if taker is None else people[taker].key for taker in takers), after)


class _IntegerProgramme:
    """One column for each person who can take a referral, with that referral; 1 if it falls there."""

    def __init__(self, people: Sequence[Candidate], referrals: Sequence[Referral]) -> None:
        able = [(i, j) for j, r in enumerate(referrals) for i, p in enumerate(people) if obstacle_of(p, r) is None]
        self.person, self.referral = np.array(able, dtype=np.int64).reshape(-1, 2).T
        self.people, self.count = people, len(referrals)
        self.weight = np.array([referrals[j].weight for j in self.referral], dtype=float)
        self.trauma = np.array([referrals[j].trauma for j in self.referral], dtype=bool)
        self.time = [referrals[j].time for j in self.referral]
        self.by_person = (self.person == np.arange(len(people))[:, None]).astype(float)
        self.by_referral = (self.referral == np.arange(self.count)[:, None]).astype(float)

    def takers(self) -> Takers:
        """The person (by position) to whom each referral falls."""
        takers: Takers = [None] * self.count
        if len(self.person):
            for column in np.flatnonzero(self._evenest(self._most())):
                takers[self.referral[column]] = int(self.person[column])
        return takers

    def _most(self) -> Floats:
        """Which referrals can be placed (0 or 1): as many as possible, the earlier ones first."""
        earlier = 1 + (self.count - self.referral) / (self.count + 1) ** 2  # all bonuses together are less than one
        found = _solved(-earlier, [*self._room(0), _at_most(self.by_referral, np.ones(self.count))], len(earlier))
        return np.asarray(self.by_referral @ found)

    def _evenest(self, placed: Floats) -> Floats:
        """The columns of the evenest way to place these.

        Adding weights w to a load L one after another costs L·Σw + ((Σw)² + Σw²)/2, each over the FTE, in whatever
        order. The square is a column of its own for each person, held from below by its secants.
        """
        load, fte = np.array([(person.load or 0, person.fte) for person in self.people]).T
        cost = (load[self.person] * self.weight + self.weight**2 / 2) / fte[self.person]
        exactly = _between(np.hstack((self.by_referral, np.zeros((self.count, len(fte))))), placed, placed)
        rows = [*self._room(len(fte)), exactly, self._squares(placed)]
        return _solved(np.concatenate((cost, 1 / (2 * fte))), rows, len(cost))[: len(cost)]

    def _room(self, more: int) -> list[LinearConstraint]:
        """Nobody takes more than they have room for; ``more`` columns follow that have nothing to do with it.

        A client who can come at any time fits wherever a slot is left, so the sum and each time of day are all there is
        to limit.
        """
        empty = np.zeros((len(self.people), more))
        limits = [(np.ones_like(self.trauma), [p.free_slots() for p in self.people])]
        limits.append((self.trauma, [p.free_trauma_slots() for p in self.people]))
        limits.extend(
            (np.array([asked is time for asked in self.time]), [p.free_slots(time) for p in self.people])
            for time in TimeOfDay
        )
        return [_at_most(np.hstack((self.by_person * which, empty)), np.array(room)) for which, room in limits]

    def _squares(self, placed: Floats) -> LinearConstraint:
        """Each person's square s of the weights W taken: s - (a + b) W >= -ab, between all neighbouring sums a, b."""
        most = float((self.by_referral * self.weight).max(axis=1) @ placed)
        low = np.arange(0, most, STEP)
        high = low + STEP
        taken = np.kron(self.by_person * self.weight, -(low + high)[:, None])
        squares = np.kron(np.eye(len(self.people)), np.ones((len(low), 1)))
        return _between(np.hstack((taken, squares)), np.tile(-low * high, len(self.people)), inf)


def _solved(cost: Floats, rows: list[LinearConstraint], whole: int) -> Floats:
    """The cheapest solution, its first ``whole`` columns 0 or 1. There always is one: placing nothing is allowed."""
    from scipy.optimize import Bounds, milp

    integral = np.arange(len(cost)) < whole
    found = milp(
        cost,
        integrality=integral,
        bounds=Bounds(0, np.where(integral, 1, np.inf)),
        constraints=rows,
        options={"mip_rel_gap": 1e-9},
    )
    if found.x is None:
        raise RuntimeError(f"referrals could not be assigned: {found.message}")
    return np.asarray(np.where(integral, np.round(found.x), found.x))


def _at_most(matrix: Floats, high: Floats) -> LinearConstraint:
    return _between(matrix, -inf, high)


def _between(matrix: Floats, low: Floats | float, high: Floats | float) -> LinearConstraint:
    from scipy.optimize import LinearConstraint
    from scipy.sparse import csr_array

    return LinearConstraint(csr_array(matrix), low, high)


def _whose_turn(
    people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers, number: int, taker: int
) -> int:
    """Among the ties of where a referral fell: whose turn it is. Whoever takes another one as well has just had one."""
    weight = referrals[number].weight
    elsewhere = {*takers[:number], *takers[number + 1 :]}
    able = {i for i, person in enumerate(people) if obstacle_of(person, referrals[number]) is None} - elsewhere
    fell = people[taker].load_after(_given(people, referrals, takers)[taker])
    lowest = min([fell, *(people[i].load_after(weight) for i in able)])
    even = (i for i in able if is_tied(people[i], weight, lowest))
    return min(even, key=lambda i: turn_order(people[i], weight), default=taker)


def _given(people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers) -> list[float]:
    """The weights that each person takes, together."""
    given = [0.0] * len(people)
    for referral, taker in zip(referrals, takers, strict=True):
        if taker is not None:
            given[taker] += referral.weight
    return given
