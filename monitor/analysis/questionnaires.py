"""The questionnaires that a clinician can answer for themself, with the scoring of each.

Only item numbers and scores are known here, never the wording of a question: a clinician answers from an own copy.
Nothing in this module is about work, and no metric or notice reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Scoring(StrEnum):
    """The ways in which the answers of a scale give its value."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class ScaleBand:
    """A range of a scale's values with its label; ``low`` is the first value in it."""

    low: int
    label: str


@dataclass(frozen=True, slots=True)
class QuestionnaireScale:
    """One scale of a questionnaire. ``items`` count from 1; ``bands`` ascend, and are empty if none are published."""

    key: str
    title: str
    items: tuple[int, ...]
    bands: tuple[ScaleBand, ...] = ()


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A questionnaire. Answers run from ``lowest`` to ``highest``, whose meanings are ``end_labels``.

    ``reversed_items`` are scored from the other end. ``min_days_apart`` is the least number of days between two
    entries. ``source`` is the publication of the scoring, ``address`` where a copy can be obtained.
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
        """The numbers of all items, in order."""
        return tuple(sorted(item for scale in self.scales for item in scale.items))


_SINGLE_BANDS = (ScaleBand(1, "under the mark"), ScaleBand(3, "at the mark or over"))
_PROQOL_BANDS = (ScaleBand(10, "low"), ScaleBand(23, "moderate"), ScaleBand(42, "high"))

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
        QuestionnaireScale(
            "satisfaction", "Compassion satisfaction", (3, 6, 12, 16, 18, 20, 22, 24, 27, 30), _PROQOL_BANDS
        ),
        QuestionnaireScale("burnout", "Burnout", (1, 4, 8, 10, 15, 17, 19, 21, 26, 29), _PROQOL_BANDS),
        QuestionnaireScale("trauma", "Secondary traumatic stress", (2, 5, 7, 9, 11, 13, 14, 23, 25, 28), _PROQOL_BANDS),
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
    scales=(QuestionnaireScale("burnout", "Burnout, by your own definition", (1,), _SINGLE_BANDS),),
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
"""All questionnaires in the order in which they are offered; without the Maslach inventory, which is sold."""


def questionnaire_by_key(key: str) -> Questionnaire | None:
    """Return the questionnaire of a key; ``None`` if there is none."""
    return next((questionnaire for questionnaire in QUESTIONNAIRES if questionnaire.key == key), None)


def scale_values(questionnaire: Questionnaire, answers: Mapping[int, int]) -> dict[str, float | None]:
    """Return the value of each scale by its key; ``None`` where one of its items has no answer.

    Raises:
        ValueError: an answer to an item that does not exist, or outside the range of answers.
    """
    if not answers.keys() <= set(questionnaire.items):
        raise ValueError(
            f"{questionnaire.title} has the questions {questionnaire.items[0]} to {questionnaire.items[-1]}."
        )
    if not all(questionnaire.lowest <= answer <= questionnaire.highest for answer in answers.values()):
        raise ValueError(f"Answers to {questionnaire.title} are {questionnaire.lowest} to {questionnaire.highest}.")
    from_other_end = questionnaire.lowest + questionnaire.highest
    scores = {
        item: from_other_end - answer if item in questionnaire.reversed_items else answer
        for item, answer in answers.items()
    }
    values: dict[str, float | None] = {}
    for scale in questionnaire.scales:
        answered = [scores[item] for item in scale.items if item in scores]
        mean = questionnaire.scoring is Scoring.MEAN
        value = sum(answered) / (len(scale.items) if mean else 1)
        values[scale.key] = value if len(answered) == len(scale.items) else None
    return values


def scale_range(questionnaire: Questionnaire, scale: QuestionnaireScale) -> tuple[float, float]:
    """Return the lowest and the highest value that a scale can have."""
    factor = len(scale.items) if questionnaire.scoring is Scoring.SUM else 1
    return float(questionnaire.lowest * factor), float(questionnaire.highest * factor)


def band_label(scale: QuestionnaireScale, value: float) -> str:
    """Return the published label for a value of a scale; empty where there is none."""
    return next((band.label for band in reversed(scale.bands) if value >= band.low), "")


def next_answer_day(questionnaire: Questionnaire, last: date | None) -> date | None:
    """Return the first day on which it can be answered again; ``None`` if it has never been answered."""
    return None if last is None else last + timedelta(days=questionnaire.min_days_apart)
