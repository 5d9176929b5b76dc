"""Span algebra, compared with sets of integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.intervals import (
    NO_SPANS,
    Spans,
    complement,
    contains,
    intersection,
    seconds_inside,
    seconds_until,
    spans,
    subtract,
    union,
)

LAST = 40
instants = st.integers(0, LAST)
pair_lists = st.lists(st.tuples(instants, instants), max_size=8)
any_spans = pair_lists.map(spans)


def inside(result: Spans) -> set[int]:
    """Return the integers that lie in the spans."""
    return {instant for start, end in result for instant in range(start, end)}


def assert_sound(result: Spans) -> None:
    """Assert that spans are sorted, disjoint, not touching and not empty."""
    assert result.dtype == np.int64
    assert result.shape == (len(result), 2)
    assert (np.diff(result.ravel()) > 0).all()


@given(pair_lists)
def test_spans_hold_the_instants_of_all_pairs_whatever_their_order(pairs: list[tuple[int, int]]) -> None:
    result = spans(pairs)

    assert_sound(result)
    assert inside(result) == {instant for start, end in pairs for instant in range(start, end)}
    assert np.array_equal(result, spans(np.array(pairs, dtype=np.int64).reshape(-1, 2)))
    assert np.array_equal(result, spans(result))


@pytest.mark.parametrize(
    ("pairs", "merged"),
    [
        ([], []),
        ([(3, 3)], []),
        ([(5, 3)], []),
        ([(1, 3), (3, 5)], [[1, 5]]),
        ([(1, 3), (4, 5)], [[1, 3], [4, 5]]),
        ([(4, 9), (1, 20), (5, 6)], [[1, 20]]),
    ],
)
def test_touching_spans_are_one_and_empty_ones_are_none(pairs: list[tuple[int, int]], merged: list[list[int]]) -> None:
    assert spans(pairs).tolist() == merged


def test_spans_are_read_from_anything_that_can_be_gone_through() -> None:
    assert spans((start, start + 1) for start in (4, 1)).tolist() == [[1, 2], [4, 5]]


@given(st.lists(any_spans, max_size=4))
def test_union_is_in_any(parts: list[Spans]) -> None:
    result = union(*parts)

    assert_sound(result)
    assert inside(result) == set().union(*map(inside, parts))


@given(any_spans, any_spans)
def test_intersection_is_in_both(first: Spans, second: Spans) -> None:
    result = intersection(first, second)

    assert_sound(result)
    assert inside(result) == inside(first) & inside(second)


@given(any_spans, any_spans)
def test_subtract_is_in_the_one_and_not_in_the_other(first: Spans, second: Spans) -> None:
    result = subtract(first, second)

    assert_sound(result)
    assert inside(result) == inside(first) - inside(second)


@given(any_spans, instants, instants)
def test_complement_is_the_rest_of_a_stretch(of: Spans, start: int, end: int) -> None:
    result = complement(of, start, end)

    assert_sound(result)
    assert inside(result) == set(range(start, end)) - inside(of)


@given(any_spans)
def test_contains_a_start_and_not_an_end(result: Spans) -> None:
    assert set(np.flatnonzero(contains(result, np.arange(LAST + 5)))) == inside(result)


@given(any_spans, st.lists(st.integers(-5, LAST + 5)))
def test_seconds_until_counts_what_lies_before(result: Spans, instants: list[int]) -> None:
    assert seconds_until(result, instants).tolist() == [
        len([x for x in inside(result) if x < instant]) for instant in instants
    ]


@given(any_spans, st.lists(st.tuples(instants, instants).map(sorted)))
def test_seconds_inside_measures_each_stretch(result: Spans, stretches: list[list[int]]) -> None:
    starts, ends = [start for start, _ in stretches], [end for _, end in stretches]

    assert seconds_inside(result, starts, ends).tolist() == [
        len(inside(result) & set(range(start, end))) for start, end in stretches
    ]


def test_nothing_contains_nothing_and_lasts_no_time() -> None:
    assert not contains(NO_SPANS, [0, 1]).any()
    assert seconds_until(NO_SPANS, [[1, 2], [3, 4]]).tolist() == [[0, 0], [0, 0]]
