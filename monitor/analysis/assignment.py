"""Assigns several referrals at once: a mixed-integer programme, solved by HiGHS.

One referral after another is not enough when they differ: the only one who speaks Portuguese could be full by the time
that a client needs Portuguese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.referral import Candidate, Referral, TimeOfDay, is_tied, obstacle_of, turn_order

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
    takers = optimal_takers(people, referrals)
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


def optimal_takers(people: Sequence[Candidate], referrals: Sequence[Referral]) -> Takers:
    """Return for each referral the position of the person who takes it, before ties are settled by turn.

    Solved twice by HiGHS, with a binary column for each person and referral that fit: first for the referrals that can
    be placed, then for the most even way to place exactly these.
    """
    from highspy import Highs, HighsModelStatus

    model = Highs()  # type: ignore[no-untyped-call]
    model.silent()
    model.setOptionValue("mip_rel_gap", 1e-9)
    takes = {
        (i, j): model.addBinary()
        for i, person in enumerate(people)
        for j, referral in enumerate(referrals)
        if obstacle_of(person, referral) is None
    }
    if not takes:
        return [None] * len(referrals)

    # Nobody takes more than their open slots. A client who can come at any time fits wherever a slot is left, so it is
    # enough to limit the sum, each time of day, and trauma-focused work.
    for i, person in enumerate(people):
        own = [(referrals[j], column) for (taker, j), column in takes.items() if taker == i]
        limits = [
            (person.free_slots(), [column for _, column in own]),
            (person.free_trauma_slots(), [column for referral, column in own if referral.trauma]),
            *((person.free_slots(time), [column for r, column in own if r.time is time]) for time in TimeOfDay),
        ]
        for limit, columns in limits:
            if limit < len(columns):
                model.addConstr(model.qsum(columns) <= limit)

    # As many as possible are placed, the earlier ones first: all bonuses together are less than one referral.
    count = len(referrals)
    placed = [model.qsum([column for (_, taken), column in takes.items() if taken == j]) for j in range(count)]
    for j in range(count):
        model.addConstr(placed[j] <= 1)
    model.maximize(model.qsum([placed[j] * (1 + (count - j) / (count + 1) ** 2) for j in range(count)]))
    placeable = [round(float(model.val(placed[j]))) for j in range(count)]

    # Adding weights w to a load L one after another costs L·Σw + ((Σw)² + Σw²)/2 over the FTE, in any order. The square
    # of each person's sum W is a column of its own; the chords of the parabola between neighbouring sums a and b are
    # its lower bounds: s >= (a + b) W - ab.
    for j in range(count):
        model.addConstr(placed[j] == placeable[j])
    costs = []
    for (i, j), column in takes.items():
        weight, person = referrals[j].weight, people[i]
        costs.append(column * ((person.load or 0) * weight + weight**2 / 2) * (1 / person.fte))
    most = sum(referral.weight for referral, is_placed in zip(referrals, placeable, strict=True) if is_placed)
    for i, person in enumerate(people):
        added = model.qsum([column * referrals[j].weight for (taker, j), column in takes.items() if taker == i])
        square = model.addVariable(lb=0)
        for a in np.arange(0, most, STEP).tolist():
            model.addConstr(square >= (2 * a + STEP) * added - a * (a + STEP))
        costs.append(square * (1 / (2 * person.fte)))
    model.minimize(model.qsum(costs))
    if model.getModelStatus() != HighsModelStatus.kOptimal:
        raise RuntimeError(f"referrals could not be assigned: {model.modelStatusToString(model.getModelStatus())}")

    takers: Takers = [None] * count
    for (i, j), column in takes.items():
        if round(float(model.val(column))):
            takers[j] = i
    return takers


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
