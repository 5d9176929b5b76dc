"""Spans of presence in a video call: the time together, and the wait of a clinician to whom nobody came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def times_together(own: Spans, outside: Mapping[str, Spans], colleagues: Spans) -> dict[str, Span]:
    """Return for each outside participant the first and the last instant together with the clinician.

    ::

        own         |-----| |-------------------------|
        a client        |---------|
        another                        |--------|
        result          |---------|    |--------|         a call left open counts until the other left

    If nobody came, not even a colleague, the result is "nobody" with the instant in the middle of the clinician's wait.
    """
    present = [*colleagues, *(span for spans in outside.values() for span in spans)]
    if no_show := no_show_at(own, present):
        return {"nobody": (no_show, no_show)}
    times = {}
    for person, spans in outside.items():
        if together := intersections(own, spans):
            times[person] = together[0][0], max(end for _, end in together)
    return times
