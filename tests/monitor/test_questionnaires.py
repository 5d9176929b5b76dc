"""Scoring a person's own copy, and keeping the result for its owner alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.questionnaires import (
    OLBI,
    PROQOL,
    QUESTIONNAIRES,
    SINGLE_ITEM,
    Questionnaire,
    QuestionnaireScale,
    Scoring,
    band_label,
    next_answer_day,
    questionnaire_by_key,
    scale_range,
    scale_values,
)
from monitor.store.database import Store, opened
from monitor.store.selfreport import CheckIn, check_ins, remove_check_in, save_check_in


def scale(questionnaire: Questionnaire, key: str) -> QuestionnaireScale:
    return next(entry for entry in questionnaire.scales if entry.key == key)


def all_of(questionnaire: Questionnaire, answer: int) -> dict[int, int]:
    return dict.fromkeys(questionnaire.items, answer)


# Scoring


def test_every_question_belongs_to_one_scale() -> None:
    assert PROQOL.items == tuple(range(1, 31))
    assert OLBI.items == tuple(range(1, 17))
    assert SINGLE_ITEM.items == (1,)
    assert [len(entry.items) for entry in PROQOL.scales] == [10, 10, 10]
    assert [len(entry.items) for entry in OLBI.scales] == [8, 8]


@pytest.mark.parametrize(
    ("questionnaire", "answer", "expected"),
    [
        (PROQOL, 1, {"satisfaction": 10, "burnout": 30, "trauma": 10}),  # 5 of burnout's ten are turned: 5×1 + 5×5
        (PROQOL, 3, {"satisfaction": 30, "burnout": 30, "trauma": 30}),
        (PROQOL, 5, {"satisfaction": 50, "burnout": 30, "trauma": 50}),
        (SINGLE_ITEM, 1, {"burnout": 1}),
        (SINGLE_ITEM, 4, {"burnout": 4}),
        (OLBI, 1, {"disengagement": 2.5, "exhaustion": 2.5}),  # 4 of each scale's eight are turned
        (OLBI, 4, {"disengagement": 2.5, "exhaustion": 2.5}),
    ],
)
def test_the_same_answer_throughout(questionnaire: Questionnaire, answer: int, expected: dict[str, float]) -> None:
    assert scale_values(questionnaire, all_of(questionnaire, answer)) == expected


@pytest.mark.parametrize(
    ("questionnaire", "item", "answer", "key", "moves"),
    [
        (PROQOL, 3, 5, "satisfaction", 2),
        (PROQOL, 1, 5, "burnout", -2),
        (PROQOL, 4, 1, "burnout", 2),
        (PROQOL, 15, 4, "burnout", -1),
        (PROQOL, 17, 5, "burnout", -2),
        (PROQOL, 29, 2, "burnout", 1),
        (PROQOL, 8, 5, "burnout", 2),
        (PROQOL, 2, 1, "trauma", -2),
        (PROQOL, 28, 4, "trauma", 1),
    ],
)
def test_one_answer_moves_its_own_scale_alone(
    questionnaire: Questionnaire, item: int, answer: int, key: str, moves: float
) -> None:
    usual = scale_values(questionnaire, all_of(questionnaire, 3))
    changed = scale_values(questionnaire, all_of(questionnaire, 3) | {item: answer})

    assert {k: (changed[k] or 0) - (usual[k] or 0) for k in usual} == {k: moves if k == key else 0 for k in usual}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            dict.fromkeys(OLBI.items, 1) | dict.fromkeys(OLBI.reversed_items, 4),
            {"disengagement": 1.0, "exhaustion": 1.0},
        ),
        (
            dict.fromkeys(OLBI.items, 4) | dict.fromkeys(OLBI.reversed_items, 1),
            {"disengagement": 4.0, "exhaustion": 4.0},
        ),
        (dict.fromkeys(OLBI.items, 2) | {3: 1, 16: 3}, {"disengagement": 2.625, "exhaustion": 2.625}),
    ],
)
def test_the_inventory_of_sixteen_gives_means(answers: dict[int, int], expected: dict[str, float]) -> None:
    assert scale_values(OLBI, answers) == expected


@pytest.mark.parametrize(
    ("value", "words"), [(10, "low"), (22, "low"), (23, "moderate"), (41, "moderate"), (42, "high"), (50, "high")]
)
def test_where_one_band_ends_the_next_begins(value: float, words: str) -> None:
    assert {band_label(entry, value) for entry in PROQOL.scales} == {words}


@pytest.mark.parametrize(
    ("value", "words"),
    [(1, "under the mark"), (2, "under the mark"), (3, "at the mark or over"), (5, "at the mark or over")],
)
def test_the_single_question_is_read_at_three(value: float, words: str) -> None:
    assert band_label(SINGLE_ITEM.scales[0], value) == words


def test_no_band_is_made_up() -> None:
    assert {band_label(entry, 2.5) for entry in OLBI.scales} == {""}


@given(st.sampled_from(PROQOL.items))
def test_a_question_left_out_takes_its_sum_with_it_and_no_other(item: int) -> None:
    answers = all_of(PROQOL, 2)
    del answers[item]

    lacking = {key for key, value in scale_values(PROQOL, answers).items() if value is None}

    assert lacking == {entry.key for entry in PROQOL.scales if item in entry.items}


@st.composite
def answered(draw: st.DrawFn) -> tuple[Questionnaire, dict[int, int]]:
    questionnaire = draw(st.sampled_from(QUESTIONNAIRES))
    answer = st.integers(questionnaire.lowest, questionnaire.highest)
    return questionnaire, {item: draw(answer) for item in questionnaire.items}


@given(answered())
def test_a_result_lies_within_its_reach_and_has_a_band_wherever_bands_are_published(
    sheet: tuple[Questionnaire, dict[int, int]],
) -> None:
    questionnaire, answers = sheet
    for key, value in scale_values(questionnaire, answers).items():
        low, high = scale_range(questionnaire, scale(questionnaire, key))
        assert value is not None
        assert low <= value <= high
        assert bool(band_label(scale(questionnaire, key), value)) == bool(scale(questionnaire, key).bands)


@given(answered())
def test_the_other_way_round_is_the_other_end(sheet: tuple[Questionnaire, dict[int, int]]) -> None:
    questionnaire, answers = sheet
    mirrored = {item: questionnaire.lowest + questionnaire.highest - answer for item, answer in answers.items()}
    values, mirrored_values = scale_values(questionnaire, answers), scale_values(questionnaire, mirrored)

    for entry in questionnaire.scales:
        assert (values[entry.key] or 0) + (mirrored_values[entry.key] or 0) == pytest.approx(
            sum(scale_range(questionnaire, entry))
        )


@pytest.mark.parametrize("answers", [{0: 1}, {31: 1}, {1: 0}, {1: 6}, {1: -1}])
def test_answers_outside_the_sheet_are_refused(answers: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="ProQOL 5"):
        scale_values(PROQOL, answers)


@pytest.mark.parametrize(
    ("questionnaire", "last", "expected"),
    [
        (PROQOL, date(2026, 11, 1), date(2026, 12, 1)),
        (SINGLE_ITEM, date(2026, 11, 1), date(2026, 11, 2)),
        (PROQOL, None, None),
    ],
)
def test_thirty_days_lie_between_two_sheets_of_thirty(
    questionnaire: Questionnaire, last: date | None, expected: date | None
) -> None:
    assert next_answer_day(questionnaire, last) == expected


def test_a_questionnaire_is_found_by_its_key_and_the_one_that_is_sold_is_not_there() -> None:
    assert [questionnaire_by_key(entry.key) for entry in QUESTIONNAIRES] == list(QUESTIONNAIRES)
    assert questionnaire_by_key("mbi") is None
    assert {entry.scoring for entry in QUESTIONNAIRES} == set(Scoring)


# Keeping


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "evenhours.db", create=True) as first:
        yield first


def test_answers_are_stored_by_day_for_their_owner(store: Store) -> None:
    first, second = CheckIn(20_000, "single", {"burnout": 2.0}), CheckIn(20_040, "proqol5", {"burnout": 21.0})
    with store.write() as connection:
        for taken in (second, first):
            save_check_in(connection, "ana", taken)

    assert check_ins(store.connection, "ana") == [first, second]
    assert check_ins(store.connection, "ben") == []


def test_the_same_sheet_again_on_the_same_day_replaces_the_first(store: Store) -> None:
    with store.write() as connection:
        save_check_in(connection, "ana", CheckIn(20_000, "proqol5", {"burnout": 21.0, "trauma": 11.0}))
        save_check_in(connection, "ana", CheckIn(20_000, "proqol5", {"burnout": 19.0}))

    assert check_ins(store.connection, "ana") == [CheckIn(20_000, "proqol5", {"burnout": 19.0})]


def test_what_is_taken_back_is_gone_and_only_its_owner_can(store: Store) -> None:
    with store.write() as connection:
        save_check_in(connection, "ana", CheckIn(20_000, "single", {"burnout": 2.0}))
        save_check_in(connection, "ben", CheckIn(20_001, "single", {"burnout": 2.0}))

        assert not remove_check_in(connection, "ben", 20_000, "single")
        assert remove_check_in(connection, "ana", 20_000, "single")
        assert not remove_check_in(connection, "ana", 20_000, "single")

    assert check_ins(store.connection, "ana") == []
    assert len(check_ins(store.connection, "ben")) == 1
