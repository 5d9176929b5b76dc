"""Parser for hours as people write them: ``"09:00-13:00"``, ``"9-17"``, overnight ``"22:00-06:00"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from monitor.roster import MinuteSpan

DAY = 24 * 60
_HOUR = r"(?:[01]?\d|2[0-3])"
_CLOCK = re.compile(rf"{_HOUR}:[0-5]\d")
# Only an end may be 24:00. Both the hyphen and the dash that word processors make of it are accepted.
_SPAN = re.compile(rf"({_HOUR}(?::[0-5]\d)?)\s*[-–]\s*({_HOUR}(?::[0-5]\d)?|24(?::00)?)")


def parse_minutes(text: str) -> int:
    """Return the minutes after midnight of ``"HH:MM"``. Raises ValueError."""
    if not _CLOCK.fullmatch(text):
        raise ValueError(f'"{text}" is not a time of day; write it like "04:00"')
    return _minutes(text)


def parse_span(text: str) -> MinuteSpan:
    """Return a span in minutes after midnight of the day on which it starts. Raises ValueError.

    Whole hours are enough where they are unambiguous; ``"9-5"`` could be a day or a night, and is refused.

    ::

        midnight            midnight
           |---09:00==13:00----|              (540, 780)
           |-----------22:00===|===06:00---   (1320, 1800)
           |-----------18:00===|              (1080, 1440)
    """
    match = _SPAN.fullmatch(text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a span of hours; write it like "09:00-13:00"')
    start, end = map(_minutes, match.groups())
    if start == end:
        raise ValueError(f'"{text}" ends at the minute it starts; a whole day is "00:00-24:00"')
    if end < start and ":" not in text:  # 9 in the morning to 5 in the afternoon, or 21:00 to 05:00
        raise ValueError(f'"{text}" could be a day or a night; write it with minutes, like "09:00-17:00"')
    return start, end if end > start else end + DAY


def overlapping_spans(spans: Iterable[MinuteSpan]) -> Iterator[tuple[MinuteSpan, MinuteSpan]]:
    """Yield the pairs of neighbouring spans of one day that overlap; spans that only touch do not."""
    yield from ((first, second) for first, second in pairwise(sorted(spans)) if second[0] < first[1])


def format_span(span: MinuteSpan) -> str:
    """Return the span as people write it: the inverse of :func:`parse_span`."""
    start, end = span
    return f"{_clock(start)}-{_clock(end if end <= DAY else end - DAY)}"


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes or 0)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
