"""Several referrals at once: as many as possible, as even as possible, and the same rule as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.analysis.assignment import Assignment, Takers, assign_referrals, optimal_takers
from monitor.analysis.referral import (
    TIE_SESSIONS,
    Candidate,
    OpenSlots,
    Referral,
    TimeOfDay,
    obstacle_of,
    rank_candidates,
)

NEAR = 1e-6

people_strategy = st.lists(
    st.tuples(
        st.floats(0, 25).map(lambda load: round(load, 2)),
        st.sampled_from([0.4, 0.6, 1.0]),
        st.none() | st.integers(0, 4),
        st.none() | st.builds(OpenSlots, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda rows: [
        Candidate(
            f"p{i}", load, fte, last, clients=5, slots=slots, languages=frozenset({"Portuguese"} if speaks else ()),
        )
        for i, (load, fte, last, slots, speaks) in enumerate(rows)
    ]
)  # fmt: skip
referrals_strategy = st.lists(
    st.builds(
        Referral,
        weight=st.sampled_from([1.0, 1.25, 1.5, 2.0]),
        language=st.sampled_from([None, "Portuguese"]),
        trauma=st.booleans(),
        time=st.none() | st.sampled_from(TimeOfDay),
    ),
    max_size=4,
)


def cost(people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers) -> float:
    """Return the sum of weight × load per FTE of each referral's taker, one referral after another."""
    load, total = [person.load or 0 for person in people], 0.0
    for referral, taker in zip(referrals, takers, strict=True):
        if taker is not None:
            load[taker] += referral.weight
            total += referral.weight * load[taker] / people[taker].fte
    return total


def allowed(people: Sequence[Candidate], referrals: Sequence[Referral], takers: Takers) -> bool:
    """Return whether everybody has a slot for each of their referrals; those without a fixed time are placed last."""
    for number, person in enumerate(people):
        own = [referral for referral, taker in zip(referrals, takers, strict=True) if taker == number]
        if any(obstacle_of(person, referral) for referral in own):
            return False
        left = person.slots
        for referral in sorted(own, key=lambda referral: referral.time is None):
            if left is not None:
                if not left.count(referral.time) or (referral.trauma and not left.trauma):
                    return False
                trauma = left.trauma - referral.trauma
                left = replace(left.remaining_after(replace(referral, trauma=False)), trauma=trauma)
    return True


def ways(people: Sequence[Candidate], referrals: Sequence[Referral]) -> list[Takers]:
    """Return every allowed assignment."""
    assignments = product([None, *range(len(people))], repeat=len(referrals))
    return [list(takers) for takers in assignments if allowed(people, referrals, list(takers))]


def positions(people: Sequence[Candidate], result: Assignment) -> Takers:
    keys = [person.key for person in people]
    return [None if taker is None else keys.index(taker) for taker in result.takers]


@settings(max_examples=60, deadline=None)
@given(people_strategy, referrals_strategy)
def test_no_other_way_places_more_or_is_more_even(people: list[Candidate], referrals: list[Referral]) -> None:
    result = optimal_takers(people, referrals)
    placed = [taker is not None for taker in result]
    assert allowed(people, referrals, result)
    assignments = ways(people, referrals)
    assert placed == max(([taker is not None for taker in way] for way in assignments), key=lambda way: (sum(way), way))
    same = [way for way in assignments if [taker is not None for taker in way] == placed]
    assert cost(people, referrals, result) <= min(cost(people, referrals, way) for way in same) + NEAR


@settings(max_examples=60, deadline=None)
@given(people_strategy, referrals_strategy)
def test_whose_turn_it_is_costs_at_most_half_a_session_each(people: list[Candidate], referrals: list[Referral]) -> None:
    fell = optimal_takers(people, referrals)
    result = positions(people, assign_referrals(people, referrals))
    moved = [n for n, (expected_key, other) in enumerate(zip(fell, result, strict=True)) if expected_key != other]
    slack = sum(referrals[n].weight * TIE_SESSIONS / people[result[n] or 0].fte for n in moved)
    assert allowed(people, referrals, result)
    assert [taker is None for taker in result] == [taker is None for taker in fell]
    assert cost(people, referrals, result) <= cost(people, referrals, fell) + slack + NEAR


@settings(max_examples=60, deadline=None)
@given(people_strategy, st.sampled_from([1.0, 1.25, 2.0, 0.77]))
@example([Candidate("a", 20, last_intake=9), Candidate("b", 20.5, last_intake=2)], 1.0)
def test_a_single_referral_goes_to_the_first_in_the_ranking(people: list[Candidate], weight: float) -> None:
    places = rank_candidates(people, Referral(weight)).candidates
    assert assign_referrals(people, [Referral(weight)]).takers == ((places[0].key if places else None),)


def test_the_only_one_who_speaks_portuguese_is_kept_for_who_needs_it() -> None:
    rui = Candidate("rui", 5, slots=OpenSlots(1, 0, 0), languages=frozenset({"Portuguese"}))
    people = [rui, Candidate("ana", 20), Candidate("ben", 21)]
    assert assign_referrals(people, [Referral(), Referral(language="portuguese")]).takers == ("ana", "rui")


def test_several_fill_up_from_below() -> None:
    result = assign_referrals([Candidate("ana", 10), Candidate("ben", 12.4), Candidate("cleo", 20)], [Referral()] * 4)
    assert sorted(filter(None, result.takers)) == ["ana", "ana", "ana", "ben"]
    assert result.load_after == {"ana": 13, "ben": 13.4, "cleo": 20}


def test_even_people_get_one_each_those_who_waited_longest_first() -> None:
    people = [Candidate(str(n), 20 + n / 10, last_intake=9 - n) for n in range(4)]
    assert sorted(filter(None, assign_referrals(people, [Referral()] * 2).takers)) == ["2", "3"]


def test_when_there_is_no_room_the_earlier_ones_are_placed() -> None:
    result = assign_referrals(
        [Candidate("ana", 20, slots=OpenSlots(2, 0, 0))], [Referral(2), Referral(1.5), Referral(1)]
    )
    assert result.takers == ("ana", "ana", None)


def test_an_evening_is_kept_for_whoever_can_only_come_then() -> None:
    people = [Candidate("ana", 5, slots=OpenSlots(0, 1, 0)), Candidate("ben", 20, slots=OpenSlots(1, 0, 0))]
    assert assign_referrals(people, [Referral(), Referral(time=TimeOfDay.EVENING)]).takers == ("ben", "ana")


def test_without_clinicians_or_referrals_nothing_is_assigned() -> None:
    assert assign_referrals([], [Referral()]).takers == (None,)
    assert assign_referrals([Candidate("ana", 20)], []).load_after == {"ana": 20}
    assert assign_referrals([Candidate("ana", None)], [Referral()]) == Assignment((None,), {})
