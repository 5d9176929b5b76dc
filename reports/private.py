"""What the pages for one therapist alone may be told, besides the weekly report. Plain frozen values, as in models.

check-in   what the person answered, beside their own weeks
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.models import Unit


@dataclass(frozen=True, slots=True)
class Felt:
    """One scale of a questionnaire over time. ``low`` to ``high`` is what it can come to.

    ``bands`` are the published parts of it: the first value of each, and its word; empty where none is published.
    ``points`` are the days on which it was answered, the oldest first, each with the result.
    """

    title: str
    low: float
    high: float
    bands: tuple[tuple[float, str], ...]
    points: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure by week, along ``Beside.weeks``; ``None`` where there is no value."""

    title: str
    unit: Unit
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What was felt beside what was measured, on one line of time. ``weeks`` are Mondays."""

    title: str
    subtitle: str
    weeks: tuple[date, ...]
    felt: tuple[Felt, ...]
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A questionnaire that can be filled in from an own copy, answer by answer.

    ``ends`` say what the lowest and the highest answer mean. ``open_from`` is the day from which it can be answered
    again, ``None`` when it can be now.
    """

    key: str
    title: str
    about: str
    items: tuple[int, ...]
    lowest: int
    highest: int
    ends: tuple[str, str]
    reading: str
    source: str
    address: str
    open_from: date | None


@dataclass(frozen=True, slots=True)
class Answered:
    """One sheet that was filled in: its results in words, one for each scale that has a number."""

    key: str
    title: str
    day: date
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """How somebody feels, by their own word, beside what was counted; told to that person alone."""

    headline: str
    beside: Beside | None
    answered: tuple[Answered, ...]
    sheets: tuple[Sheet, ...]
    contacts: tuple[str, ...]
