"""Spans of presence in a video call: shared ones, and the wait of a clinician to whom nobody came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
Spans = list[Span]

# Less is somebody who only looked in, more is a call that was never hung up.
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=3)


def intersections(some: Iterable[Span], others: Iterable[Span]) -> Spans:
    """Return, in order, the spans that are in one of ``some`` and one of ``others``.

    ::

        some           |=======|    |==========|
        others             |===========|  |==|
        intersections      |===|    |==|  |==|
    """
    others = list(others)
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return sorted((start, end) for start, end in pairs if start < end)


def no_show_at(own: Spans, others: Spans) -> datetime | None:
    """Return the middle of the clinician's longest wait in a call to which nobody came.

    ``None`` if somebody was there together with the clinician, or the clinician did not wait.

    ::

        own       |=|  |=======+=======|
        others                              |====|   (or nobody)
    """
    waits = [(end - start, start) for start, end in own if SHORTEST_WAIT <= end - start <= LONGEST_WAIT]
    if not waits or intersections(own, others):
        return None
    length, start = max(waits)
    return start + length / 2
