"""Who was in a call at the same time, and for how long somebody waited there alone; whoever tells of the call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
Spans = list[Span]

SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=3)  # less was a look, more was never hung up


def intersections(some: Iterable[Span], others: Iterable[Span]) -> Spans:
    """The spans, in order, in which there is one of ``some`` and one of ``others``.

    ::

        some      |=======|    |==========|
        others        |===========|  |==|
        intersections        |===|    |==|  |==|
    """
    others = list(others)
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return sorted((start, end) for start, end in pairs if start < end)


def no_show_at(own: Spans, others: Spans) -> datetime | None:
    """The middle of the longest wait in a call to which nobody came; ``None`` if somebody did, or nobody waited.

    ::

        own       |=|  |=======+=======|
        others                            nobody, or somebody after that
    """
    waits = [(end - start, start) for start, end in own if SHORTEST_WAIT <= end - start <= LONGEST_WAIT]
    if not waits or intersections(own, others):
        return None
    length, start = max(waits)
    return start + length / 2
