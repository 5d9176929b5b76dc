"""Span algebra against sets of integers, which cannot be wrong."""

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


def inside(found: Spans) -> set[int]:
    """The integers in which spans lie."""
    return {instant for start, end in found for instant in range(start, end)}


def assert_sound(found: Spans) -> None:
    """Sorted, disjoint, not touching, none of them empty."""
    assert found.dtype == np.int64
    assert found.shape == (len(found), 2)
    assert (np.diff(found.ravel()) > 0).all()


@given(pair_lists)
def test_spans_hold_the_instants_of_all_pairs_whatever_their_order(pairs: list[tuple[int, int]]) -> None:
    found = spans(pairs)

    assert_sound(found)
    assert inside(found) == {instant for start, end in pairs for instant in range(start, end)}
    assert np.array_equal(found, spans(np.array(pairs, dtype=np.int64).reshape(-1, 2)))
    assert np.array_equal(found, spans(found))


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
    found = union(*parts)

    assert_sound(found)
    assert inside(found) == set().union(*map(inside, parts))


@given(any_spans, any_spans)
def test_intersection_is_in_both(one: Spans, other: Spans) -> None:
    found = intersection(one, other)

    assert_sound(found)
    assert inside(found) == inside(one) & inside(other)


@given(any_spans, any_spans)
def test_subtract_is_in_the_one_and_not_in_the_other(one: Spans, other: Spans) -> None:
    found = subtract(one, other)

    assert_sound(found)
    assert inside(found) == inside(one) - inside(other)


@given(any_spans, instants, instants)
def test_complement_is_the_rest_of_a_stretch(of: Spans, start: int, end: int) -> None:
    found = complement(of, start, end)

    assert_sound(found)
    assert inside(found) == set(range(start, end)) - inside(of)


@given(any_spans)
def test_contains_a_start_and_not_an_end(found: Spans) -> None:
    assert set(np.flatnonzero(contains(found, np.arange(LAST + 5)))) == inside(found)


@given(any_spans, st.lists(st.integers(-5, LAST + 5)))
def test_seconds_until_counts_what_lies_before(found: Spans, at: list[int]) -> None:
    assert seconds_until(found, at).tolist() == [len([x for x in inside(found) if x < instant]) for instant in at]


@given(any_spans, st.lists(st.tuples(instants, instants).map(sorted)))
def test_seconds_inside_measures_each_stretch(found: Spans, stretches: list[list[int]]) -> None:
    starts, ends = [start for start, _ in stretches], [end for _, end in stretches]

    assert seconds_inside(found, starts, ends).tolist() == [
        len(inside(found) & set(range(start, end))) for start, end in stretches
    ]


def test_nothing_contains_nothing_and_lasts_no_time() -> None:
    assert not contains(NO_SPANS, [0, 1]).any()
    assert seconds_until(NO_SPANS, [[1, 2], [3, 4]]).tolist() == [[0, 0], [0, 0]]
