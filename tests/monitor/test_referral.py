"""The rule for one referral, and that no set of answers tells a leave from a cap from a full practice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import referral_rule
from monitor.analysis.assignment import assign
from monitor.analysis.referral import Candidate, Obstacle, Referral, next_referral, room_below

SKILLS, LANGUAGES, MODALITY = ("CBT", "EMDR"), ("English", "Portuguese"), ("in person", "video")
WEIGHTS = st.sampled_from([1.0, 1.25, 1.5, 2.0])

referrals = st.builds(
    Referral,
    weight=WEIGHTS,
    skills=st.frozensets(st.sampled_from(SKILLS)),
    language=st.sampled_from([None, *LANGUAGES]),
    modality=st.sampled_from([None, *MODALITY]),
    trauma=st.booleans(),
)


def candidates(**known: st.SearchStrategy[object]) -> st.SearchStrategy[Candidate]:
    parts: dict[str, st.SearchStrategy[object]] = {
        "key": st.text(min_size=1, max_size=4),
        "load": st.none() | st.floats(0, 40),
        "fte": st.sampled_from([0.2, 0.5, 0.8, 1.0]),
        "last_intake": st.none() | st.integers(0, 5),
        "clients": st.integers(0, 30),
        "skills": st.frozensets(st.sampled_from(SKILLS)),
        "languages": st.frozensets(st.sampled_from(LANGUAGES)),
        "modality": st.frozensets(st.sampled_from(MODALITY)),
        "open_slots": st.none() | st.integers(0, 3),
        "most_clients": st.none() | st.integers(0, 30),
        "away": st.booleans(),
    }
    return st.builds(Candidate, **(parts | known))


def practices(**known: st.SearchStrategy[object]) -> st.SearchStrategy[list[Candidate]]:
    return st.lists(candidates(**known), max_size=6, unique_by=lambda person: person.key)


def order(*people: Candidate, referral: Referral | None = None) -> str:
    return " ".join(place.key for place in next_referral(people, referral or Referral()).places)


def obstacle(person: Candidate, referral: Referral | None = None) -> Obstacle | None:
    others = next_referral([person], referral or Referral()).others
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


def test_places_say_who_is_as_low_as_anybody() -> None:
    people = Candidate("ana", 20), Candidate("ben", 20.4), Candidate("cleo", 21)
    assert [place.even for place in next_referral(people, Referral()).places] == [True, True, False]


@given(practices(), referrals, st.randoms())
def test_the_order_in_which_people_are_listed_does_not_matter(
    people: list[Candidate], referral: Referral, order_: Callable[..., object]
) -> None:
    mixed = order_.sample(people, len(people))  # type: ignore[attr-defined]
    assert next_referral(mixed, referral).places == next_referral(people, referral).places


@given(practices(), referrals)
def test_everybody_has_a_place_or_an_obstacle(people: list[Candidate], referral: Referral) -> None:
    ranking = next_referral(people, referral)
    named = [place.key for place in ranking.places] + [other.key for other in ranking.others]
    assert sorted(named) == sorted(person.key for person in people)


def test_nobody_is_an_answer_too() -> None:
    assert next_referral([], Referral()).places == ()


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
    assert tuple(word for other in next_referral([person], referral).others for word in other.lacks) == lacks


FULL: Mapping[str, Callable[[Candidate], Candidate]] = {
    "on leave": lambda person: replace(person, away=True),
    "no open slots": lambda person: replace(person, open_slots=0),
    "at the own cap": lambda person: replace(person, most_clients=person.clients),
    "over the own cap": lambda person: replace(person, most_clients=0),
}


@pytest.mark.parametrize("reason", FULL)
def test_who_is_on_leave_or_full_is_not_eligible_now(reason: str) -> None:
    assert obstacle(FULL[reason](Candidate("ana", 20, clients=20))) is Obstacle.NOT_NOW


@pytest.mark.parametrize(
    ("cap", "clients", "marked", "more"),
    [
        (40, 10, 4, 0),
        (40, 10, 3, 2),
        (40, 10, 9, 0),
        (50, 0, 0, 1),
        (50, 10, 5, 0),
        (0, 10, 0, 0),
        (0, 0, 0, 0),
        (None, 3, 3, 9),
    ],
)
def test_the_trauma_cap_leaves_room_while_the_share_is_below_it(
    cap: float | None, clients: int, marked: int, more: int
) -> None:
    below = None if cap is None else room_below(cap, clients, marked)
    person = Candidate("ana", 20, clients=clients, below_trauma_cap=below, open_slots=9)
    assert person.trauma_room == more
    assert obstacle(person, Referral(trauma=True)) is (None if more else Obstacle.NOT_NOW)
    assert obstacle(person) is None


def test_an_unknown_load_is_said() -> None:
    assert obstacle(Candidate("ana", None)) is Obstacle.LOAD_UNKNOWN


# What nobody can infer


@given(
    practices(),
    candidates(key=st.just("who"), open_slots=st.none(), most_clients=st.none(), away=st.just(False)),
    st.lists(referrals, min_size=1, max_size=4),
)
def test_no_set_of_questions_tells_leave_slots_and_cap_apart(
    people: list[Candidate], person: Candidate, asked: list[Referral]
) -> None:
    others = [other for other in people if other.key != person.key]
    answers = {
        reason: [next_referral([*others, full(person)], referral) for referral in asked]
        for reason, full in FULL.items()
    }
    assert all(answer == answers["on leave"] for answer in answers.values())


@given(practices(), candidates(key=st.just("who")), referrals)
def test_a_trauma_question_does_not_tell_the_trauma_cap_from_a_leave(
    people: list[Candidate], person: Candidate, referral: Referral
) -> None:
    others, asked = [other for other in people if other.key != person.key], replace(referral, trauma=True)
    capped, away = replace(person, below_trauma_cap=0), replace(person, away=True)
    assert next_referral([*others, capped], asked) == next_referral([*others, away], asked)


@given(candidates(), referrals, WEIGHTS)
def test_no_weight_makes_anybody_eligible_or_not(person: Candidate, referral: Referral, weight: float) -> None:
    assert obstacle(person, referral) == obstacle(person, replace(referral, weight=weight))


@given(candidates(), referrals)
def test_what_is_not_listed_hides_everything_else(person: Candidate, referral: Referral) -> None:
    if obstacle(person, referral) is Obstacle.UNLISTED:
        for full in FULL.values():
            assert next_referral([full(person)], referral) == next_referral([person], referral)


@pytest.mark.parametrize("count", [1, 3])
def test_several_at_once_do_not_tell_leave_slots_and_cap_apart(count: int) -> None:
    others = [Candidate("ben", 18), Candidate("cleo", 19)]
    given_ = [assign([full(Candidate("ana", 5)), *others], [Referral()] * count) for full in FULL.values()]
    assert {answer.takers for answer in given_} == {given_[0].takers}
    assert "ana" not in given_[0].takers


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
    found = {name: referral_rule.ginis(rule, 2, 7, told=told)[1] for name, (rule, told) in referral_rule.RULES.items()}
    assert found["the rule, with those given"] <= 0.03
    assert found["the rule, without them"] <= 0.07
    assert min(found["round robin"], found["fewest clients"]) > 0.1
