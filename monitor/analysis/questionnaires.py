"""The questionnaires a person may answer for themself: each declared once, with how an own copy of it is scored.

Only places and numbers are known here, never the wording of a question: whoever answers has the sheet beside them.
Nothing in this module is about work, and no metric or notice reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Scoring(StrEnum):
    """How the answers of a scale become its one number."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class ScaleBand:
    """A part of a scale with its word; ``low`` is the first value in it."""

    low: int
    label: str


@dataclass(frozen=True, slots=True)
class QuestionnaireScale:
    """One number of a questionnaire. ``items`` are counted from 1; ``bands`` ascend, empty where none is published."""

    key: str
    title: str
    items: tuple[int, ...]
    bands: tuple[ScaleBand, ...] = ()


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A questionnaire. Answers run from ``lowest`` to ``highest``, whose meanings are ``end_labels``.

    ``reversed_items`` are the items whose answers count from the other end. ``min_days_apart`` is how many days have to
    lie between two entries. ``source`` is where the scoring is published, ``address`` where one's own copy is to be
    had.
    """

    key: str
    title: str
    about: str
    lowest: int
    highest: int
    end_labels: tuple[str, str]
    reversed_items: frozenset[int]
    scoring: Scoring
    scales: tuple[QuestionnaireScale, ...]
    min_days_apart: int
    source: str
    address: str = ""

    @property
    def items(self) -> tuple[int, ...]:
        """The numbers of all questions, in order."""
        return tuple(sorted(item for scale in self.scales for item in scale.items))


_MARK = (ScaleBand(1, "under the mark"), ScaleBand(3, "at the mark or over"))
_THIRDS = (ScaleBand(10, "low"), ScaleBand(23, "moderate"), ScaleBand(42, "high"))

PROQOL = Questionnaire(
    key="proqol5",
    title="ProQOL 5",
    about="Thirty questions about the last 30 days: what the work gives, and what it takes.",
    lowest=1,
    highest=5,
    end_labels=("never", "very often"),
    reversed_items=frozenset({1, 4, 15, 17, 29}),
    scoring=Scoring.SUM,
    scales=(
        QuestionnaireScale("satisfaction", "Compassion satisfaction", (3, 6, 12, 16, 18, 20, 22, 24, 27, 30), _THIRDS),
        QuestionnaireScale("burnout", "Burnout", (1, 4, 8, 10, 15, 17, 19, 21, 26, 29), _THIRDS),
        QuestionnaireScale("trauma", "Secondary traumatic stress", (2, 5, 7, 9, 11, 13, 14, 23, 25, 28), _THIRDS),
    ),
    min_days_apart=30,
    source="Professional Quality of Life, version 5 (ProQOL 5), The Center for Victims of Torture",
    address="www.ProQOL.org",
)

SINGLE_ITEM = Questionnaire(
    key="single",
    title="One question",
    about="The single question on burnout, answered by one’s own definition of it.",
    lowest=1,
    highest=5,
    end_labels=("not at all", "completely"),
    reversed_items=frozenset(),
    scoring=Scoring.SUM,
    scales=(QuestionnaireScale("burnout", "Burnout, by your own definition", (1,), _MARK),),
    min_days_apart=1,
    source="Dolan and others, Journal of General Internal Medicine 30, 2015",
)

OLBI = Questionnaire(
    key="olbi",
    title="OLBI",
    about="The sixteen statements of the Oldenburg Burnout Inventory.",
    lowest=1,
    highest=4,
    end_labels=("strongly agree", "strongly disagree"),
    reversed_items=frozenset({2, 3, 4, 6, 8, 9, 11, 12}),
    scoring=Scoring.MEAN,
    scales=(
        QuestionnaireScale("disengagement", "Disengagement", (1, 3, 6, 7, 9, 11, 13, 15)),
        QuestionnaireScale("exhaustion", "Exhaustion", (2, 4, 5, 8, 10, 12, 14, 16)),
    ),
    min_days_apart=1,
    source="Oldenburg Burnout Inventory, Demerouti and others 2003",
)

QUESTIONNAIRES = (PROQOL, SINGLE_ITEM, OLBI)
"""In the order in which they are offered. The Maslach inventory is not among them: its publisher sells it."""


def questionnaire_by_key(key: str) -> Questionnaire | None:
    """The questionnaire of that key; ``None`` if there is none."""
    return next((entry for entry in QUESTIONNAIRES if entry.key == key), None)


def scale_values(questionnaire: Questionnaire, answers: Mapping[int, int]) -> dict[str, float | None]:
    """The number of each scale by its key; ``None`` where one of its questions was left out.

    Raises:
        ValueError: an answer to a question that there is not, or beyond the end_labels of the scale.
    """
    if not answers.keys() <= set(questionnaire.items):
        raise ValueError(
            f"{questionnaire.title} has the questions {questionnaire.items[0]} to {questionnaire.items[-1]}."
        )
    if not all(questionnaire.lowest <= answer <= questionnaire.highest for answer in answers.values()):
        raise ValueError(f"Answers to {questionnaire.title} are {questionnaire.lowest} to {questionnaire.highest}.")
    return {scale.key: _result(questionnaire, scale, answers) for scale in questionnaire.scales}


def _result(questionnaire: Questionnaire, scale: QuestionnaireScale, answers: Mapping[int, int]) -> float | None:
    if not set(scale.items) <= answers.keys():
        return None
    total = sum(_counted(questionnaire, item, answers[item]) for item in scale.items)
    return total / len(scale.items) if questionnaire.scoring is Scoring.MEAN else float(total)


def _counted(questionnaire: Questionnaire, item: int, answer: int) -> int:
    return questionnaire.lowest + questionnaire.highest - answer if item in questionnaire.reversed_items else answer


def scale_range(questionnaire: Questionnaire, scale: QuestionnaireScale) -> tuple[float, float]:
    """The lowest and the highest number that a scale can come to."""
    times = len(scale.items) if questionnaire.scoring is Scoring.SUM else 1
    return float(questionnaire.lowest * times), float(questionnaire.highest * times)


def band_label(scale: QuestionnaireScale, value: float) -> str:
    """The published word for a value of a scale; empty where none is published."""
    return next((entry.label for entry in reversed(scale.bands) if value >= entry.low), "")


def next_answer_day(questionnaire: Questionnaire, last: date | None) -> date | None:
    """The first day on which it may be answered again; ``None`` if it has never been answered."""
    return None if last is None else last + timedelta(days=questionnaire.min_days_apart)
