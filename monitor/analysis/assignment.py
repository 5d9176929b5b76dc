"""Assigns several referrals at once: a mixed-integer programme, solved by HiGHS through scipy.

One referral after another is not enough when they differ: the only one who speaks Portuguese could be full by the time
that a client needs Portuguese.
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
"""The squares are exact for sums of weights that are multiples of this, and off by less than 0.02 in between."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The keys of the candidates to whom the referrals go, in the referrals' order; ``None`` where nobody can take one.

    ``load_after`` is the load per FTE after the assignment, by key, of those whose load is known.
    """

    takers: tuple[str | None, ...]
    load_after: Mapping[str, float]


def assign_referrals(people: Sequence[Candidate], referrals: Sequence[Referral]) -> Assignment:
    """Assign the referrals so that none takes a place that only another one could have used.

    As many as possible are placed, the earlier ones first. Of all ways to do so the most even one is taken: the least
    sum of weight × load per FTE after it, which for a single referral is the rule of
    :func:`~monitor.analysis.referral.rank_candidates`. Then each referral goes, among those tied with its taker, to the
    one with the longest time since the last intake, as there.
    """
    takers = _IntegerProgramme(people, referrals).takers()
    for number, taker in enumerate(takers):
        if taker is not None:
            takers[number] = _taker_among_ties(people, referrals, takers, number, taker)
    added = _added_weights(people, referrals, takers)
    after = {
        person.key: person.load_after(weight)
        for person, weight in zip(people, added, strict=True)
        if person.load is not None
    }
    return Assignment(tuple(None if taker is None else people[taker].key for taker in takers), after)


class _IntegerProgramme:
    """The integer programme: a column for each person and referral that fit; 1 if the referral goes there."""

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
        """Return for each referral the position of the person who takes it."""
        takers: Takers = [None] * self.count
        if len(self.person):
            for column in np.flatnonzero(self._most_even(self._most_placed())):
                takers[self.referral[column]] = int(self.person[column])
        return takers

    def _most_placed(self) -> Floats:
        """Return 1 for each referral that can be placed, else 0: as many as possible, the earlier ones first."""
        earlier = 1 + (self.count - self.referral) / (self.count + 1) ** 2  # all bonuses together are less than one
        placed = _solved(
            -earlier, [*self._slot_limits(0), _at_most(self.by_referral, np.ones(self.count))], len(earlier)
        )
        return np.asarray(self.by_referral @ placed)

    def _most_even(self, placed: Floats) -> Floats:
        """Return the columns of the most even way to place these referrals.

        Adding weights w to a load L one after another costs L·Σw + ((Σw)² + Σw²)/2 over the FTE, in any order. The
        square is a column of its own for each person, with its secants as lower bounds.
        """
        load, fte = np.array([(person.load or 0, person.fte) for person in self.people]).T
        cost = (load[self.person] * self.weight + self.weight**2 / 2) / fte[self.person]
        exactly = _between(np.hstack((self.by_referral, np.zeros((self.count, len(fte))))), placed, placed)
        rows = [*self._slot_limits(len(fte)), exactly, self._squares(placed)]
        return _solved(np.concatenate((cost, 1 / (2 * fte))), rows, len(cost))[: len(cost)]

    def _slot_limits(self, more: int) -> list[LinearConstraint]:
        """Return the limits of the open slots; ``more`` further columns are not concerned.

        A client who can come at any time fits wherever a slot is left, so it is enough to limit the sum and each time
        of day.
        """
        empty = np.zeros((len(self.people), more))
        limits = [(np.ones_like(self.trauma), [person.free_slots() for person in self.people])]
        limits.append((self.trauma, [person.free_trauma_slots() for person in self.people]))
        limits.extend(
            (np.array([own is time for own in self.time]), [person.free_slots(time) for person in self.people])
            for time in TimeOfDay
        )
        return [_at_most(np.hstack((self.by_person * mask, empty)), np.array(high)) for mask, high in limits]

    def _squares(self, placed: Floats) -> LinearConstraint:
        """Return the constraints on each person's square s of the weights W taken.

        s - (a + b) W >= -ab between all neighbouring sums a, b: the chords of the parabola.
        """
        most = float((self.by_referral * self.weight).max(axis=1) @ placed)
        low = np.arange(0, most, STEP)
        high = low + STEP
        taken = np.kron(self.by_person * self.weight, -(low + high)[:, None])
        squares = np.kron(np.eye(len(self.people)), np.ones((len(low), 1)))
        return _between(np.hstack((taken, squares)), np.tile(-low * high, len(self.people)), inf)


def _solved(cost: Floats, rows: list[LinearConstraint], integers: int) -> Floats:
    """Return the cheapest solution, its first ``integers`` columns 0 or 1. One always exists: to place nothing."""
    from scipy.optimize import Bounds, milp

    integral = np.arange(len(cost)) < integers
    solution = milp(
        cost,
        integrality=integral,
        bounds=Bounds(0, np.where(integral, 1, np.inf)),
        constraints=rows,
        options={"mip_rel_gap": 1e-9},
    )
    if solution.x is None:
        raise RuntimeError(f"referrals could not be assigned: {solution.message}")
    return np.asarray(np.where(integral, np.round(solution.x), solution.x))


def _at_most(matrix: Floats, high: Floats) -> LinearConstraint:
    return _between(matrix, -inf, high)


def _between(matrix: Floats, low: Floats | float, high: Floats | float) -> LinearConstraint:
    from scipy.optimize import LinearConstraint
    from scipy.sparse import csr_array

    return LinearConstraint(csr_array(matrix), low, high)


def _taker_among_ties(
    people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers, number: int, taker: int
) -> int:
    """Return who of those tied with a referral's taker had no intake for longest.

    Whoever takes another of the referrals has just had one.
    """
    weight = referrals[number].weight
    elsewhere = {*takers[:number], *takers[number + 1 :]}
    able = {i for i, person in enumerate(people) if obstacle_of(person, referrals[number]) is None} - elsewhere
    load = people[taker].load_after(_added_weights(people, referrals, takers)[taker])
    lowest = min([load, *(people[i].load_after(weight) for i in able)])
    tied = (i for i in able if is_tied(people[i], weight, lowest))
    return min(tied, key=lambda i: turn_order(people[i], weight), default=taker)


def _added_weights(people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers) -> list[float]:
    """Return the sum of the weights that each person takes."""
    added = [0.0] * len(people)
    for referral, taker in zip(referrals, takers, strict=True):
        if taker is not None:
            added[taker] += referral.weight
    return added
