"""The questionnaires a person may answer for themself: each declared once, with how an own copy of it is scored.

Only places and numbers are known here, never the wording of a question: whoever answers has the sheet beside them.
Nothing in this module is about work, and no metric or notice reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Reading(StrEnum):
    """How the answers of a scale become its one number."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Band:
    """A part of a scale with its word; ``low`` is the first value in it."""

    low: int
    words: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One number of a questionnaire. ``items`` are counted from 1; ``bands`` ascend, empty where none is published."""

    key: str
    title: str
    items: tuple[int, ...]
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True)
class Instrument:
    """A questionnaire. Answers run from ``lowest`` to ``highest``, whose meanings are ``ends``.

    ``turned`` are the items whose answers count from the other end. ``days_apart`` is how many days have to lie between
    two entries. ``source`` is where the scoring is published, ``address`` where one's own copy is to be had.
    """

    key: str
    title: str
    about: str
    lowest: int
    highest: int
    ends: tuple[str, str]
    turned: frozenset[int]
    reading: Reading
    scales: tuple[Scale, ...]
    days_apart: int
    source: str
    address: str = ""

    @property
    def items(self) -> tuple[int, ...]:
        """The numbers of all questions, in order."""
        return tuple(sorted(item for scale in self.scales for item in scale.items))


_MARK = (Band(1, "under the mark"), Band(3, "at the mark or over"))
_THIRDS = (Band(10, "low"), Band(23, "moderate"), Band(42, "high"))

PROQOL = Instrument(
    key="proqol5",
    title="ProQOL 5",
    about="Thirty questions about the last 30 days: what the work gives, and what it takes.",
    lowest=1,
    highest=5,
    ends=("never", "very often"),
    turned=frozenset({1, 4, 15, 17, 29}),
    reading=Reading.SUM,
    scales=(
        Scale("satisfaction", "Compassion satisfaction", (3, 6, 12, 16, 18, 20, 22, 24, 27, 30), _THIRDS),
        Scale("burnout", "Burnout", (1, 4, 8, 10, 15, 17, 19, 21, 26, 29), _THIRDS),
        Scale("trauma", "Secondary traumatic stress", (2, 5, 7, 9, 11, 13, 14, 23, 25, 28), _THIRDS),
    ),
    days_apart=30,
    source="Professional Quality of Life, version 5 (ProQOL 5), The Center for Victims of Torture",
    address="www.ProQOL.org",
)

SINGLE = Instrument(
    key="single",
    title="One question",
    about="The single question on burnout, answered by one’s own definition of it.",
    lowest=1,
    highest=5,
    ends=("not at all", "completely"),
    turned=frozenset(),
    reading=Reading.SUM,
    scales=(Scale("burnout", "Burnout, by your own definition", (1,), _MARK),),
    days_apart=1,
    source="Dolan and others, Journal of General Internal Medicine 30, 2015",
)

OLBI = Instrument(
    key="olbi",
    title="OLBI",
    about="The sixteen statements of the Oldenburg Burnout Inventory.",
    lowest=1,
    highest=4,
    ends=("strongly agree", "strongly disagree"),
    turned=frozenset({2, 3, 4, 6, 8, 9, 11, 12}),
    reading=Reading.MEAN,
    scales=(
        Scale("disengagement", "Disengagement", (1, 3, 6, 7, 9, 11, 13, 15)),
        Scale("exhaustion", "Exhaustion", (2, 4, 5, 8, 10, 12, 14, 16)),
    ),
    days_apart=1,
    source="Oldenburg Burnout Inventory, Demerouti and others 2003",
)

INSTRUMENTS = (PROQOL, SINGLE, OLBI)
"""In the order in which they are offered. The Maslach inventory is not among them: its publisher sells it."""


def instrument(key: str) -> Instrument | None:
    """The questionnaire of that key; ``None`` if there is none."""
    return next((entry for entry in INSTRUMENTS if entry.key == key), None)


def results(asked: Instrument, answers: Mapping[int, int]) -> dict[str, float | None]:
    """The number of each scale by its key; ``None`` where one of its questions was left out.

    Raises:
        ValueError: an answer to a question that there is not, or beyond the ends of the scale.
    """
    if not answers.keys() <= set(asked.items):
        raise ValueError(f"{asked.title} has the questions {asked.items[0]} to {asked.items[-1]}.")
    if not all(asked.lowest <= answer <= asked.highest for answer in answers.values()):
        raise ValueError(f"Answers to {asked.title} are {asked.lowest} to {asked.highest}.")
    return {scale.key: _result(asked, scale, answers) for scale in asked.scales}


def _result(asked: Instrument, scale: Scale, answers: Mapping[int, int]) -> float | None:
    if not set(scale.items) <= answers.keys():
        return None
    total = sum(_counted(asked, item, answers[item]) for item in scale.items)
    return total / len(scale.items) if asked.reading is Reading.MEAN else float(total)


def _counted(asked: Instrument, item: int, answer: int) -> int:
    return asked.lowest + asked.highest - answer if item in asked.turned else answer


def reach(asked: Instrument, scale: Scale) -> tuple[float, float]:
    """The lowest and the highest number that a scale can come to."""
    times = len(scale.items) if asked.reading is Reading.SUM else 1
    return float(asked.lowest * times), float(asked.highest * times)


def band(scale: Scale, value: float) -> str:
    """The published word for a value of a scale; empty where none is published."""
    return next((entry.words for entry in reversed(scale.bands) if value >= entry.low), "")


def next_day(asked: Instrument, last: date | None) -> date | None:
    """The first day on which it may be answered again; ``None`` if it has never been answered."""
    return None if last is None else last + timedelta(days=asked.days_apart)
