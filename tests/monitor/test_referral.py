"""The rule for one referral, and its obstacles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import referral_rule
from monitor.analysis.referral import Candidate, Obstacle, OpenSlots, Referral, TimeOfDay, rank_candidates

SKILLS, LANGUAGES, MODALITY = ("CBT", "EMDR"), ("English", "Portuguese"), ("in person", "video")
WEIGHTS = st.sampled_from([1.0, 1.25, 1.5, 2.0])
TRAUMA = Referral(trauma=True)

referrals = st.builds(
    Referral,
    weight=WEIGHTS,
    skills=st.frozensets(st.sampled_from(SKILLS)),
    language=st.sampled_from([None, *LANGUAGES]),
    modality=st.sampled_from([None, *MODALITY]),
    trauma=st.booleans(),
    time=st.none() | st.sampled_from(TimeOfDay),
)
slots = st.builds(OpenSlots, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


def candidates(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[Candidate]:
    parts: dict[str, st.SearchStrategy[object]] = {
        "key": st.text(min_size=1, max_size=4),
        "load": st.none() | st.floats(0, 40),
        "fte": st.sampled_from([0.2, 0.5, 0.8, 1.0]),
        "last_intake": st.none() | st.integers(0, 5),
        "clients": st.integers(0, 30),
        "skills": st.frozensets(st.sampled_from(SKILLS)),
        "languages": st.frozensets(st.sampled_from(LANGUAGES)),
        "modality": st.frozensets(st.sampled_from(MODALITY)),
        "slots": st.none() | slots,
        "leaving": st.booleans(),
    }
    return st.builds(Candidate, **(parts | fields))


def practices(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[list[Candidate]]:
    return st.lists(candidates(**fields), max_size=6, unique_by=lambda person: person.key)


def order(*people: Candidate, referral: Referral | None = None) -> str:
    return " ".join(place.key for place in rank_candidates(people, referral or Referral()).candidates)


def obstacle(person: Candidate, referral: Referral | None = None) -> Obstacle | None:
    others = rank_candidates([person], referral or Referral()).unavailable
    return others[0].obstacle if others else None


# Who is next


def test_the_lowest_load_per_fte_with_the_referral_is_next() -> None:
    assert order(Candidate("ana", 20), Candidate("ben", 12), Candidate("cleo", 15)) == "ben cleo ana"


def test_a_part_time_caseload_is_weighed_by_its_fte() -> None:
    assert order(Candidate("half", 9, fte=0.5), Candidate("full", 16)) == "full half"


def test_the_referral_itself_weighs_more_on_a_smaller_post() -> None:
    small, full = Candidate("small", 3, fte=0.2), Candidate("full", 17)
    assert order(small, full, referral=Referral(weight=0.25)) == "small full"
    assert order(small, full, referral=Referral(weight=2)) == "full small"


@pytest.mark.parametrize(("load", "first"), [(20.5, "waiting"), (20.51, "lowest")])
def test_half_a_session_is_a_tie_and_goes_to_the_longest_wait(load: float, first: str) -> None:
    people = Candidate("lowest", 20, last_intake=9), Candidate("waiting", load, last_intake=2)
    assert order(*people).split()[0] == first


def test_half_a_session_counts_by_the_fte() -> None:
    people = Candidate("lowest", 20, last_intake=9), Candidate("waiting", 9.9, fte=0.5, last_intake=2)
    assert order(*people).split()[0] == "waiting"


def test_who_has_had_no_new_client_as_far_as_is_known_has_waited_longest() -> None:
    assert order(Candidate("ana", 20, last_intake=1), Candidate("ben", 20.4)) == "ben ana"


def test_ties_for_the_lowest_load_are_marked() -> None:
    people = Candidate("ana", 20), Candidate("ben", 20.4), Candidate("cleo", 21)
    assert [place.is_tied for place in rank_candidates(people, Referral()).candidates] == [True, True, False]


@given(practices(), referrals, st.randoms())
def test_the_order_in_which_people_are_listed_does_not_matter(
    people: list[Candidate], referral: Referral, order_: Callable[..., object]
) -> None:
    mixed = order_.sample(people, len(people))  # type: ignore[attr-defined]
    assert rank_candidates(mixed, referral).candidates == rank_candidates(people, referral).candidates


@given(practices(), referrals)
def test_everybody_has_a_place_or_an_obstacle(people: list[Candidate], referral: Referral) -> None:
    ranking = rank_candidates(people, referral)
    named = [place.key for place in ranking.candidates] + [other.key for other in ranking.unavailable]
    assert sorted(named) == sorted(person.key for person in people)


def test_without_clinicians_there_are_no_candidates() -> None:
    assert rank_candidates([], Referral()).candidates == ()


# Who can take it


@pytest.mark.parametrize(
    ("referral", "lacks"),
    [
        (Referral(skills=frozenset({"EMDR"})), ("EMDR",)),
        (Referral(skills=frozenset({"cbt"})), ()),
        (Referral(language="Portuguese"), ("Portuguese",)),
        (Referral(modality="video"), ("video",)),
        (Referral(skills=frozenset({"EMDR"}), language="Portuguese"), ("EMDR", "Portuguese")),
    ],
)
def test_what_is_not_listed_is_not_offered_and_is_named(referral: Referral, lacks: tuple[str, ...]) -> None:
    person = Candidate("ana", 20, skills=frozenset({"CBT"}), languages=frozenset({"English"}))
    assert tuple(word for other in rank_candidates([person], referral).unavailable for word in other.missing) == lacks


@pytest.mark.parametrize(
    ("fields", "referral", "expected"),
    [
        ({}, Referral(), None),
        ({"slots": OpenSlots(1, 0, 0)}, Referral(), None),
        ({"slots": OpenSlots(0, 1, 0)}, Referral(), None),
        ({"slots": OpenSlots(0, 0, 0)}, Referral(), Obstacle.NO_SLOTS),
        ({"slots": OpenSlots(0, 0, 0)}, TRAUMA, Obstacle.NO_SLOTS),
        ({"slots": OpenSlots(1, 1, 0)}, TRAUMA, Obstacle.NO_TRAUMA_SLOTS),
        ({"slots": OpenSlots(1, 1, 0)}, Referral(), None),
        ({"slots": OpenSlots(1, 1, 1)}, TRAUMA, None),
        ({"slots": OpenSlots(2, 0, 0)}, Referral(time=TimeOfDay.EVENING), Obstacle.NO_EVENING_SLOTS),
        ({"slots": OpenSlots(2, 1, 0)}, Referral(time=TimeOfDay.EVENING), None),
        ({"slots": OpenSlots(0, 2, 0)}, Referral(time=TimeOfDay.DAY), Obstacle.NO_DAY_SLOTS),
        ({"leaving": True}, Referral(), Obstacle.LEAVING),
    ],
)
def test_open_slots_and_leaving_are_obstacles(
    fields: dict[str, Any], referral: Referral, expected: Obstacle | None
) -> None:
    assert obstacle(Candidate("ana", 20, **fields), referral) is expected


@pytest.mark.parametrize(
    ("before", "referral", "after"),
    [
        (OpenSlots(2, 1, 1), Referral(), OpenSlots(1, 1, 1)),
        (OpenSlots(0, 1, 1), Referral(), OpenSlots(0, 0, 0)),
        (OpenSlots(2, 1, 1), Referral(time=TimeOfDay.EVENING), OpenSlots(2, 0, 1)),
        (OpenSlots(2, 0, 1), Referral(time=TimeOfDay.EVENING), OpenSlots(2, 0, 1)),
        (OpenSlots(2, 1, 2), TRAUMA, OpenSlots(1, 1, 1)),
        (OpenSlots(1, 1, 2), Referral(), OpenSlots(0, 1, 1)),
        (OpenSlots(0, 0, 0), TRAUMA, OpenSlots(0, 0, 0)),
    ],
)
def test_a_referral_takes_a_slot_of_its_time_of_day(before: OpenSlots, referral: Referral, after: OpenSlots) -> None:
    assert before.remaining_after(referral) == after


def test_an_unknown_load_is_stated() -> None:
    assert obstacle(Candidate("ana", None)) is Obstacle.LOAD_UNKNOWN


@given(candidates(), referrals, WEIGHTS)
def test_no_weight_makes_anybody_eligible_or_not(person: Candidate, referral: Referral, weight: float) -> None:
    assert obstacle(person, referral) == obstacle(person, replace(referral, weight=weight))


# What is refused


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_a_weight_is_positive(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Referral(weight=weight)


@pytest.mark.parametrize(("load", "fte"), [(-1, 1), (float("nan"), 1), (float("inf"), 1), (1, 0), (1, float("nan"))])
def test_impossible_caseloads_are_refused(load: float, fte: float) -> None:
    with pytest.raises(ValueError, match=r"load|FTE"):
        Candidate("ana", load, fte)


# What it does to a practice


def test_a_practice_under_the_rule_becomes_even_and_under_the_usual_ways_does_not() -> None:
    ginis = {
        name: referral_rule.ginis(rule, 2, 7, includes_assigned=includes_assigned)[1]
        for name, (rule, includes_assigned) in referral_rule.RULES.items()
    }
    assert ginis["the rule, with those assigned"] <= 0.06
    assert ginis["the rule, without them"] > 0.1
    assert min(ginis["round robin"], ginis["fewest clients"]) > 0.1
