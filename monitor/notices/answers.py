"""Answers to a notice, and the effect of each.

=========  ==========================================================================================================
planned    a dated exception: the weeks of each metric of the notice, up to the day given with the answer, leave the
           count and the usual range; a rule gives no new notice until that day
needed     the same; the third exception of one kind with one client is a notice (:mod:`monitor.notices.rules`)
noted      no effect
not_now    the family (for a rule about a single day: that notice) stays off the first page for four weeks, then leads
           once; a notice that arrives meanwhile waits and leads once, too
wrong      the weeks of each metric of the notice (for a rule, its own week) leave the count and the usual range until
           the answer is taken back
=========  ==========================================================================================================

No answer ends silently, none has a wider effect than stated here, and every one is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
"""The answers to a notice, by key, as they stand on the buttons."""

SINGLE_DAY_ANSWERS = ("noted", "not_now")
"""Answers to a rule about a single day: no weekly number exists there that could be excluded."""

UNDO = "undo"
"""Value that a page sends to take an answer back."""

EXCEPTIONS = ("planned", "needed")
"""Answers that make a dated exception: drawn hollow, and left out of the count and of the usual range."""


def possible_answers(row: NoticeRow) -> Mapping[str, str]:
    """Return the answers that a notice offers, by key with their labels."""
    return {key: label for key, label in ANSWERS.items() if key in SINGLE_DAY_ANSWERS} if row.topic else ANSWERS


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Days that do not count for one metric, of one client (0 for all clients)."""

    metric: str
    client: int
    first: int
    last: int

    def covers(self, weeks: pd.Index | pd.Series) -> np.ndarray:
        """Return for each week (its Monday) whether any of its days is excluded."""
        mondays = weeks.to_numpy()
        return np.asarray((mondays + 6 >= self.first) & (mondays <= self.last))


def exclusions_from(rows: Sequence[NoticeRow]) -> tuple[Exclusion, ...]:
    """Return the exclusions that follow from the answers to a person's notices."""
    exclusions: list[Exclusion] = []
    for row in rows:
        if not is_exception(row) and (row.answer != "wrong" or row.topic):
            continue
        last = max(row.week + 6, row.until or 0)
        if row.tier == RULE:
            exclusions.append(Exclusion(row.key, row.client, row.since, last))
            continue
        # All metrics of the notice's families, those in which shifts are looked for included.
        for signal in row.all_signals:
            for watched in family_of_metric(signal.key).metrics:
                metrics = filter(None, (watched.metric, watched.detection_metric))
                exclusions += [Exclusion(metric, row.client, signal.since, last) for metric in metrics]
    return tuple(exclusions)


def is_exception(row: NoticeRow) -> bool:
    """Return whether a notice's answer makes it a dated exception; a crossed rule is a fact and never one."""
    return row.tier != RULE and row.answer in EXCEPTIONS


def exclude(measured: pd.DataFrame, exclusions: Sequence[Exclusion]) -> pd.DataFrame:
    """Return the weekly numbers for the pages, with excluded weeks empty.

    Workload metrics stay as they are: the director's numbers depend on nobody's answers.
    """
    is_excluded = np.zeros(len(measured), dtype=bool)
    weeks = measured["week"]
    for exclusion in (exclusion for exclusion in exclusions if not exclusion.client):
        # Nobody's answers may change what the director sees.
        if catalogue()[exclusion.metric].category is Category.WELLBEING:
            is_excluded |= (measured["key"] == exclusion.metric).to_numpy() & exclusion.covers(weeks)
    values = {"value": measured["value"].mask(is_excluded), "n": measured["n"].mask(is_excluded, 0)}
    return measured.assign(**values, coverage=measured["coverage"].mask(is_excluded, 0.0))


def drop_answered(detected: Sequence[NoticeRow], stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """Return the detected notices less those that lie within eight weeks of an answered one of the same kind.

    A changed number can move a notice by a week or two; then the answered one stands for it. A notice of the answered
    week itself stays, as does a rule about a single day: another day, term or kind is another fact with its own answer.
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
    """Return whether a notice is kept off the first page on a day."""
    return any(0 <= day - answer_day < SILENT_DAYS for answer_day in _silenced_on(row, rows, owner))


def is_due_again(row: NoticeRow, rows: Sequence[NoticeRow], day: int, last: int, owner: Clinician) -> bool:
    """Return whether four weeks of silence ended in the week up to ``day``.

    That concerns a notice that was silenced, or that arrived during the silence and is unanswered. ``last`` is the day
    after which it would have left the first page anyway.
    """
    ended_silences = [
        answer_day for answer_day in _silenced_on(row, rows, owner) if SILENT_DAYS <= day - answer_day < SILENT_DAYS + 7
    ]
    own_answer_day = answered_on(row, owner)
    return is_open(row, day, owner) and any(
        answer_day <= last if own_answer_day is None else answer_day == own_answer_day for answer_day in ended_silences
    )


def _silenced_on(row: NoticeRow, rows: Sequence[NoticeRow], owner: Clinician) -> list[int]:
    """Return the days on which "not for four weeks" was answered to the family, or to this notice of a single day."""
    return [
        answer_day
        for other in rows
        if (answer_day := answered_on(other, owner)) is not None
        and other.answer == "not_now"
        and (other.natural_key == row.natural_key if row.topic else other.family == row.family)
    ]


def is_open(row: NoticeRow, day: int, owner: Clinician) -> bool:
    """Return whether a notice waits for an answer on a day: it has none, or its four weeks of silence are over."""
    answer_day = answered_on(row, owner)
    return answer_day is None or (row.answer == "not_now" and day - answer_day >= SILENT_DAYS)


def answered_on(row: NoticeRow, owner: Clinician) -> int | None:
    """Return the local day of the standing answer, ``None`` if there is none."""
    return None if row.answered_at is None else day_number(local_time(owner, row.answered_at).date())
