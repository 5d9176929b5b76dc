"""Hours of a day as people write them: ``"09:00-13:00"``, ``"9-17"``, overnight ``"22:00-06:00"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from monitor.roster import MinuteSpan

DAY = 24 * 60
_HOUR = r"(?:[01]?\d|2[0-3])"
_CLOCK = re.compile(rf"{_HOUR}:[0-5]\d")
_SPAN = re.compile(rf"({_HOUR}(?::[0-5]\d)?)\s*[-–]\s*({_HOUR}(?::[0-5]\d)?|24(?::00)?)")


def parse_minutes(text: str) -> int:
    """Minutes after midnight of ``"HH:MM"``. Raises ValueError."""
    if not _CLOCK.fullmatch(text):
        raise ValueError(f'"{text}" is not a time of day; write it like "04:00"')
    return _minutes(text)


def parse_span(text: str) -> MinuteSpan:
    """A span in minutes after midnight of the day it starts on. Raises ValueError.

    Hours alone are enough where they can mean one thing: ``"9-5"`` may be a day or a night.

    ::

        midnight            midnight
           |---09:00==13:00----|              (540, 780)
           |-----------22:00===|===06:00---   (1320, 1800)
           |-----------18:00===|              (1080, 1440)
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError(f'"{text}" is not a span of hours; write it like "09:00-13:00"')
    start, end = map(_minutes, found.groups())
    if start == end:
        raise ValueError(f'"{text}" ends when it starts; a whole day is "00:00-24:00"')
    if end < start and ":" not in text:
        raise ValueError(f'"{text}" may be a day or a night; write it with minutes, like "09:00-17:00"')
    return start, end if end > start else end + DAY


def overlapping_spans(spans: Iterable[MinuteSpan]) -> Iterator[tuple[MinuteSpan, MinuteSpan]]:
    """The neighbours among one day's spans that share a minute; touching ones do not."""
    return ((first, second) for first, second in pairwise(sorted(spans)) if second[0] < first[1])


def format_span(span: MinuteSpan) -> str:
    """The span as people write it: the inverse of :func:`parse_span`."""
    start, end = span
    return f"{_clock(start)}-{_clock(end if end <= DAY else end - DAY)}"


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes or 0)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
