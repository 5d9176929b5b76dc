"""What a person can say to a notice, and what each answer changes.

=========  ==========================================================================================================
planned    a dated exception: the weeks of each measure of the notice, and on to the day it is said to last, leave count
           and baseline; a line is not told again until that day
needed     the same; a third exception of one kind with one client is told of (:mod:`monitor.notices.rules`)
noted      nothing
not_now    the family (of a line of a single day: the line) is off the first page for four weeks, then leads once;
           what is found meanwhile waits and leads once, too
wrong      the weeks of each measure of the notice, of a line its own week, leave count and baseline until the answer is
           taken back
=========  ==========================================================================================================

No answer ends silently, none becomes more than it is, and every one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.calendar import day_number
from monitor.analysis.catalogue import Category, catalogue
from monitor.analysis.clock import local_time
from monitor.notices.families import AGAIN_WEEKS, RULE, family_of_metric
from monitor.roster import Clinician
from monitor.store.notices import NoticeRow

if TYPE_CHECKING:
    import pandas as pd

SILENT_DAYS = 28

ANSWERS: Mapping[str, str] = {
    "planned": "This was planned",
    "needed": "It was clinically needed",
    "noted": "Thanks, noted",
    "not_now": "Not for four weeks",
    "wrong": "This looks wrong",
}
"""What a person can say to a notice. Every answer is kept; none escalates."""

SINGLE_DAY_ANSWERS = ("noted", "not_now")
"""What can be said to a line of a single day: nothing is counted there that could be taken out."""

UNDO = "undo"
"""What a page sends to take an answer back."""

EXCEPTIONS = ("planned", "needed")
"""Answers that make a dated exception: drawn hollow, and left out of the count and of the baseline."""


def possible_answers(row: NoticeRow) -> Mapping[str, str]:
    """What can be said to a notice."""
    return {key: said for key, said in ANSWERS.items() if key in SINGLE_DAY_ANSWERS} if row.topic else ANSWERS


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Days that do not count for one measure, of one client (0: of all)."""

    metric: str
    client: int
    first: int
    last: int

    def covers(self, weeks: pd.Index | pd.Series) -> np.ndarray:
        """Which weeks (their Mondays) it takes out: every one that it touches."""
        mondays = weeks.to_numpy()
        return np.asarray((mondays + 6 >= self.first) & (mondays <= self.last))


def exclusions_from(rows: Sequence[NoticeRow]) -> tuple[Exclusion, ...]:
    """What the answers to a person's notices take out of the count and of the baseline."""
    return tuple(
        Exclusion(metric, row.client, since, max(row.week + 6, row.until or 0))
        for row in rows
        if is_exception(row) or (row.answer == "wrong" and not row.topic)
        for metric, since in _excluded_metrics(row)
    )


def is_exception(row: NoticeRow) -> bool:
    """Whether what was said to a notice makes it a dated exception. A line is a fact: an answer excepts nothing."""
    return row.tier != RULE and row.answer in EXCEPTIONS


def _excluded_metrics(row: NoticeRow) -> Iterator[tuple[str, int]]:
    """What a notice rests on, and since when: all that the families behind it watch, or the measure of a line."""
    if row.tier == RULE:
        yield row.key, row.since
    else:
        for signal in row.all_signals:
            for watched in family_of_metric(signal.key).metrics:
                yield watched.metric, signal.since
                if watched.detection_metric:
                    yield watched.detection_metric, signal.since


def exclude(measured: pd.DataFrame, exclusions: Sequence[Exclusion]) -> pd.DataFrame:
    """The weekly numbers for the pages: no data in the weeks that are left out of a measure.

    The workload category stays as it is: what the director sees depends on nobody's answers.
    """
    gone = np.zeros(len(measured), dtype=bool)
    weeks = measured["week"]
    for exception in (each for each in exclusions if not each.client):
        if catalogue()[exception.metric].category is Category.WELLBEING:
            gone |= (measured["key"] == exception.metric).to_numpy() & exception.covers(weeks)
    values = {"value": measured["value"].mask(gone), "n": measured["n"].mask(gone, 0)}
    return measured.assign(**values, coverage=measured["coverage"].mask(gone, 0.0))


def drop_answered(detected: Sequence[NoticeRow], stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """What was found, less what was answered already: the same notice, a week or two away once its numbers changed.

    A line of a single day stays: another day, term or kind is another fact, and has its own answer.
    """
    answered: dict[tuple[str, int], list[int]] = {}
    for row in stored:
        if row.answer is not None:
            answered.setdefault((row.family, row.client), []).append(row.week)
    return [
        row
        for row in detected
        if row.topic
        or all(
            row.week == week or abs(row.week - week) >= 7 * AGAIN_WEEKS
            for week in answered.get((row.family, row.client), ())
        )
    ]


def is_silenced(row: NoticeRow, rows: Sequence[NoticeRow], day: int, owner: Clinician) -> bool:
    """Whether a notice is kept off the first page on a day."""
    return any(0 <= day - said < SILENT_DAYS for said in _silenced_on(row, rows, owner))


def is_due_again(row: NoticeRow, rows: Sequence[NoticeRow], day: int, last: int, owner: Clinician) -> bool:
    """Whether four weeks of silence ended in the week to a day, for a notice that was put off or met it unanswered.

    ``last`` is the day after which the notice would no longer have been on the first page.
    """
    ended = [said for said in _silenced_on(row, rows, owner) if SILENT_DAYS <= day - said < SILENT_DAYS + 7]
    own = answered_on(row, owner)
    return is_open(row, day, owner) and any(said <= last if own is None else said == own for said in ended)


def _silenced_on(row: NoticeRow, rows: Sequence[NoticeRow], owner: Clinician) -> list[int]:
    """The days on which "not for four weeks" was said to the family, or to the line itself if it is of a single day."""
    return [
        said
        for other in rows
        if (said := answered_on(other, owner)) is not None
        and other.answer == "not_now"
        and (other.natural_key == row.natural_key if row.topic else other.family == row.family)
    ]


def is_open(row: NoticeRow, day: int, owner: Clinician) -> bool:
    """Whether a notice waits for an answer on a day: it has none, or four weeks of silence are over."""
    said = answered_on(row, owner)
    return said is None or (row.answer == "not_now" and day - said >= SILENT_DAYS)


def answered_on(row: NoticeRow, owner: Clinician) -> int | None:
    """The day on which the standing answer was given, where its owner lived then."""
    return None if row.answered_at is None else day_number(local_time(owner, row.answered_at).date())
