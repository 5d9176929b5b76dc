"""Span algebra on instants.

Spans are an ``int64`` array of shape (n, 2): half-open ``[start, end)`` in UTC epoch seconds, sorted, disjoint and not
touching. Every function that returns spans keeps that promise; :func:`spans` makes it true for anything.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Spans = NDArray[np.int64]
Instants = NDArray[np.int64]

NO_SPANS: Spans = np.empty((0, 2), dtype=np.int64)


def spans(pairs: NDArray[np.int64] | Iterable[tuple[int, int]]) -> Spans:
    """Any (start, end) pairs as spans: empty ones dropped, sorted, overlapping and touching ones merged.

    ::

        pairs   |---|   |--|
                  |---|    |---|
        spans   |-----| |------|
    """
    raw = np.asarray(pairs if isinstance(pairs, np.ndarray) else list(pairs), dtype=np.int64).reshape(-1, 2)
    raw = raw[raw[:, 1] > raw[:, 0]]
    if len(raw) == 0:
        return NO_SPANS
    raw = raw[np.argsort(raw[:, 0], kind="stable")]
    reach = np.maximum.accumulate(raw[:, 1])
    first = np.concatenate(([True], raw[1:, 0] > reach[:-1]))
    last = np.concatenate((first[1:], [True]))
    return np.column_stack((raw[first, 0], reach[last]))


def union(*parts: Spans) -> Spans:
    """All instants that lie in any of ``parts``."""
    return spans(np.concatenate([NO_SPANS, *parts]))


def complement(of: Spans, start: int, end: int) -> Spans:
    """The instants of ``[start, end)`` that lie outside ``of``.

    ::

        of            |---|    |----|
        complement |--|   |----|    |--|
    """
    inner = np.clip(of, start, end)
    edges = np.concatenate(([start], inner.ravel(), [end]))
    return spans(edges.reshape(-1, 2))


def subtract(spans_: Spans, without: Spans) -> Spans:
    """The instants of ``spans_`` that do not lie in ``without``.

    ::

        spans_     |---------|   |---|
        without      |--|      |---|
        subtract   |-|  |----|     |-|
    """
    if len(spans_) == 0:
        return NO_SPANS
    return intersection(spans_, complement(without, int(spans_[0, 0]), int(spans_[-1, 1])))


def intersection(one: Spans, other: Spans) -> Spans:
    """The instants that lie in both.

    ::

        one           |-----|  |-----|
        other            |------|
        intersection     |--|  ||
    """
    if len(one) == 0 or len(other) == 0:
        return NO_SPANS
    edges = np.sort(np.concatenate((one.ravel(), other.ravel())))
    pieces = np.column_stack((edges[:-1], edges[1:]))
    return spans(pieces[contains(one, pieces[:, 0]) & contains(other, pieces[:, 0])])


def contains(spans_: Spans, instants: ArrayLike) -> NDArray[np.bool_]:
    """Whether each instant lies in a span: a start is inside, an end is not."""
    edges = spans_.ravel()
    return np.asarray(np.searchsorted(edges, np.asarray(instants), side="right") % 2 == 1)


def seconds_until(spans_: Spans, instants: ArrayLike) -> NDArray[np.int64]:
    """How many seconds of ``spans_`` lie before each instant; differences measure any stretch.

    ::

        spans_      |----|      |------|
        instant            ^             -> length of the first span
        instant                    ^     -> first span and the part of the second before it
    """
    at = np.asarray(instants, dtype=np.int64)
    if len(spans_) == 0:
        return np.zeros(at.shape, dtype=np.int64)
    before = np.concatenate(([0], np.cumsum(spans_[:, 1] - spans_[:, 0])))
    index = np.searchsorted(spans_[:, 0], at, side="right")
    current = np.maximum(index - 1, 0)
    surplus = np.maximum(spans_[current, 1] - at, 0)
    return np.asarray(np.where(index == 0, 0, before[index] - surplus), dtype=np.int64)


def seconds_inside(spans_: Spans, starts: ArrayLike, ends: ArrayLike) -> NDArray[np.int64]:
    """How many seconds of each ``[start, end)`` lie inside ``spans_``."""
    return seconds_until(spans_, ends) - seconds_until(spans_, starts)
