"""Span algebra on instants.

Spans are an ``int64`` array of shape (n, 2): half-open ``[start, end)`` in UTC epoch seconds, sorted, disjoint and not
touching. Every function that returns spans keeps this form; :func:`spans` brings any pairs into it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Spans = NDArray[np.int64]
Instants = NDArray[np.int64]

NO_SPANS: Spans = np.empty((0, 2), dtype=np.int64)


def spans(pairs: NDArray[np.int64] | Iterable[tuple[int, int]]) -> Spans:
    """Return any (start, end) pairs as spans: sorted, empty ones dropped, overlapping and touching ones merged.

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
    # The furthest end so far, because a long span may contain several later ones.
    reach = np.maximum.accumulate(raw[:, 1])
    # A start at exactly the furthest end touches and is merged, hence > and not >=.
    first = np.concatenate(([True], raw[1:, 0] > reach[:-1]))
    last = np.concatenate((first[1:], [True]))
    return np.column_stack((raw[first, 0], reach[last]))


def union(*parts: Spans) -> Spans:
    """Return the instants that lie in any of ``parts``.

    ::

        parts    |---|     |--|
                   |---|
        union    |-----|   |--|
    """
    return spans(np.concatenate([NO_SPANS, *parts]))


def complement(spans_: Spans, start: int, end: int) -> Spans:
    """Return the instants of ``[start, end)`` that lie outside ``spans_``.

    ::

        spans_        |---|    |----|
        complement |--|   |----|    |--|
    """
    inner = np.clip(spans_, start, end)
    # Start and end put the gaps between the spans in pairs; empty pairs are dropped by spans().
    edges = np.concatenate(([start], inner.ravel(), [end]))
    return spans(edges.reshape(-1, 2))


def subtract(spans_: Spans, without: Spans) -> Spans:
    """Return the instants of ``spans_`` that do not lie in ``without``.

    ::

        spans_     |---------|   |---|
        without      |--|      |---|
        subtract   |-|  |----|     |-|
    """
    if len(spans_) == 0:
        return NO_SPANS
    return intersection(spans_, complement(without, int(spans_[0, 0]), int(spans_[-1, 1])))


def intersection(first: Spans, second: Spans) -> Spans:
    """Return the instants that lie in both.

    ::

        first         |-----|  |-----|
        second           |------|
        intersection     |--|  ||
    """
    if len(first) == 0 or len(second) == 0:
        return NO_SPANS
    # Between two neighbouring edges nothing changes, so the start of a piece decides for all of it.
    edges = np.sort(np.concatenate((first.ravel(), second.ravel())))
    pieces = np.column_stack((edges[:-1], edges[1:]))
    return spans(pieces[contains(first, pieces[:, 0]) & contains(second, pieces[:, 0])])


def contains(spans_: Spans, instants: ArrayLike) -> NDArray[np.bool_]:
    """Return whether each instant lies in a span: a start is inside, an end is not.

    ::

        edges      0---1    2---3
        instant      ^    ^            after an odd number of edges: inside; after an even number: outside
    """
    edges = spans_.ravel()
    return np.asarray(np.searchsorted(edges, np.asarray(instants), side="right") % 2 == 1)


def seconds_until(spans_: Spans, instants: ArrayLike) -> NDArray[np.int64]:
    """Return the seconds of ``spans_`` that lie before each instant; a difference of two measures any span.

    ::

        spans_      |----|      |------|
        instant            ^             -> length of the first span
        instant                    ^     -> first span and the part of the second before it
    """
    instant = np.asarray(instants, dtype=np.int64)
    if len(spans_) == 0:
        return np.zeros(instant.shape, dtype=np.int64)
    # before[i] is the length of the first i spans.
    before = np.concatenate(([0], np.cumsum(spans_[:, 1] - spans_[:, 0])))
    index = np.searchsorted(spans_[:, 0], instant, side="right")
    current = np.maximum(index - 1, 0)
    # The part of the current span that lies after the instant.
    surplus = np.maximum(spans_[current, 1] - instant, 0)
    return np.asarray(np.where(index == 0, 0, before[index] - surplus), dtype=np.int64)


def seconds_inside(spans_: Spans, starts: ArrayLike, ends: ArrayLike) -> NDArray[np.int64]:
    """Return the seconds of each ``[start, end)`` that lie inside ``spans_``.

    ::

        spans_         |----|  |------|
        start, end       [--------)
        inside           |--|  |--|
    """
    return seconds_until(spans_, ends) - seconds_until(spans_, starts)
