"""The one card of a week: a notice in words, with the weeks and the rows that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from monitor import notices
from monitor.analysis.calendar import date_of
from monitor.analysis.catalogue import catalogue
from monitor.notices import ANSWERS, PATTERN, RULE
from monitor.roster import Clinician
from monitor.store.notices import NoticeRow
from monitor.weekly_report import evidence_rows
from monitor.weekly_report.evidence_rows import WeekValues
from monitor.weekly_report.sentences import client_name, usual_slots
from reports.models import AnswerChoice, Card, TextTable, Unit
from reports.wording import day_and_month, full_date, listed, quantity, spelled

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

CARD_WEEKS = 4  # how long a notice leads the report, its own week included
RULE_WEEKS = 1  # a crossed rule leads in its own week only
SHOWN_WEEKS = 12  # rows of the weekly table
EASED_WEEKS = 8  # observed weeks after a notice before it can be over
BEFORE_WEEKS = 52  # what "usual" is taken from
# A pattern leads over a single family, and both over a crossed rule.
TIER_RANK = {PATTERN: 2, notices.WORTH_A_LOOK: 1, RULE: 0}
DUE_AGAIN = "You asked for four weeks without this note; they are over."


def leading_notice(notice_rows: Sequence[NoticeRow], week: int, today: int, owner: Clinician) -> NoticeRow | None:
    """Return the one notice that leads a week's report: open ones first, patterns before rules, then the latest.

    ``today`` is the day number on which the report is read; an earlier week is shown as in the days after it.
    """
    # A report is read in the week after its own, whose last day is 13 days after the report's Monday.
    day = min(today, week + 13)
    candidates = [row for row in notice_rows if _can_lead(row, notice_rows, week, day, owner)]
    return max(
        candidates, key=lambda row: (notices.is_open(row, day, owner), TIER_RANK[row.tier], row.week), default=None
    )


def count_silenced(notice_rows: Sequence[NoticeRow], week: int, today: int, owner: Clinician) -> int:
    """Return how many recent notices are off the first page because of an answer; such a week is not quiet."""
    day = min(today, week + 13)
    recent = [
        row
        for row in notice_rows
        if week - 7 * CARD_WEEKS < row.week <= week and (row.tier != RULE or row.week == week)
    ]
    return sum(row.answer not in {None, "wrong"} or notices.is_silenced(row, notice_rows, day, owner) for row in recent)


def ongoing_notices(frames: Frames, notice_rows: Sequence[NoticeRow], week: int, values: WeekValues) -> list[NoticeRow]:
    """Return the notices of earlier weeks that have not eased, the latest of each family and client.

    A notice has eased once eight observed weeks after it lie nearer to the usual before it began than to the level at
    which it was noticed. A crossed rule is about a single week, and a notice answered as wrong was none.
    """
    ongoing = {
        (row.family, row.client): row
        for row in notice_rows
        if row.tier != RULE and row.answer != "wrong" and row.week < week and _is_ongoing(frames, row, week, values)
    }
    return list(ongoing.values())


def _is_ongoing(frames: Frames, row: NoticeRow, week: int, values: WeekValues) -> bool:
    """Return whether a notice has not eased by a week; a pattern goes on while one of its signals does."""
    if row.tier == PATTERN:
        # Each signal is judged as if it were a notice of its own.
        notices_of_signals = [
            replace(row, tier=notices.WORTH_A_LOOK, key=signal.key, since=signal.since, signals=())
            for signal in row.signals
        ]
        return any(_is_ongoing(frames, notice_of_signal, week, values) for notice_of_signal in notices_of_signals)
    weekly = next(iter(_weekly_values(frames, row, values).values()))[0]
    # The year before, the weeks of the notice, the weeks since; missing weeks are left out.
    before, during, after = (
        [value for monday in weeks if (value := weekly.get(monday)) is not None]
        for weeks in (
            range(row.since - 7 * BEFORE_WEEKS, row.since, 7),
            range(row.since, row.week + 1, 7),
            range(row.week + 7, week + 1, 7),
        )
    )
    if not before or not during or len(after) < EASED_WEEKS:
        return True
    usual, level, now = float(np.median(before)), float(np.mean(during)), float(np.mean(after[-EASED_WEEKS:]))
    # Compares distances without asking for the direction: a notice of a fall eases upwards.
    return (now - usual) * (level - usual) > (level - usual) ** 2 / 2


def _can_lead(row: NoticeRow, notice_rows: Sequence[NoticeRow], week: int, day: int, owner: Clinician) -> bool:
    """Return whether a notice can lead the report of a week that is read on a day."""
    if row.week == week:
        return row.answer is not None or not notices.is_silenced(row, notice_rows, day, owner)
    if row.week > week or notices.is_silenced(row, notice_rows, day, owner):
        return False
    weeks = RULE_WEEKS if row.tier == RULE else CARD_WEEKS
    last = row.week + 6 + 7 * weeks  # a report is read in the week after its own
    return notices.is_due_again(row, notice_rows, day, last, owner) or (
        row.answer is None and row.week > week - 7 * weeks
    )


def build_card(frames: Frames, row: NoticeRow, week: int, values: WeekValues, codes: Mapping[int, str]) -> Card:
    """Return the card of a notice: evidence first, then at most one thing to try."""
    client = client_name(row.client, usual_slots(frames), codes) if row.client else ""
    breakdown = notices.breakdown(row, values.breakdown_columns)
    if row.client and row.tier != RULE:
        breakdown = notices.client_breakdown(*evidence_rows.messages_from_client(frames, row))
    text = notices.explanation(row, breakdown, f"the client of {client}" if client else "")
    since_then, context = (
        _weeks_since_sentence(frames, row, week, values),
        notices.published_hours(row, frames.clinician.fte_on(date_of(week))),
    )
    is_due_again = row.answer == "not_now" and row.week != week
    evidence_week = row.week if row.tier == RULE else week  # a crossed rule is about its own week, a notice goes on
    answer = None if is_due_again or row.answer is None else _answer_label(row)
    return Card(
        notice_id=row.id,
        title=notices.title(row),
        text=" ".join(
            sentence
            for sentence in (DUE_AGAIN if is_due_again else "", _noticed_sentence(row, week), text, since_then, context)
            if sentence
        ),
        evidence=_pattern_table(row)
        if row.tier == PATTERN
        else evidence_rows.evidence_table(frames, row, evidence_week, codes),
        try_this=notices.try_this(row),
        answers=tuple(AnswerChoice(key, label) for key, label in notices.possible_answers(row).items()),
        answer=answer,
        weeks=None if row.tier == RULE else _weeks_table(frames, row, week, values),
    )


def _noticed_sentence(row: NoticeRow, week: int) -> str:
    """Return the week of the notice, for a card that leads a later week."""
    return "" if row.week == week else f"Noticed in the week of {day_and_month(date_of(row.week))}."


def _weeks_since_sentence(frames: Frames, row: NoticeRow, week: int, values: WeekValues) -> str:
    """Return the values since the notice, for one metric's card in a later week: "The two weeks since: 10 and 12"."""
    weeks = range(row.week + 7, week + 1, 7)
    if row.tier in {RULE, PATTERN} or not weeks:
        return ""
    weekly, unit = next(iter(_weekly_values(frames, row, values).values()))
    if all(weekly.get(monday) is None for monday in weeks):
        return ""
    span = "week" if len(weeks) == 1 else f"{spelled(len(weeks))} weeks"
    return f"The {span} since: {listed([quantity(weekly.get(monday), unit) for monday in weeks])}."


def _answer_label(row: NoticeRow) -> str:
    """Return the standing answer with its last day, if it has one."""
    label = ANSWERS[row.answer or ""]
    return label if row.until is None else f"{label}, until {full_date(date_of(row.until))}"


def _pattern_table(row: NoticeRow) -> TextTable:
    """Return the signals of a pattern, one row each: how far it moved and since when."""
    rows = (
        (
            catalogue()[signal.key].title,
            notices.describe_change(signal),
            day_and_month(date_of(signal.since)),
        )
        for signal in row.signals
    )
    return TextTable(("What", "How much", "Since the week of"), tuple(rows))


def _weeks_table(frames: Frames, row: NoticeRow, week: int, values: WeekValues) -> TextTable | None:
    """Return the weeks from the beginning of the notice to the report's, after the median week of the year before."""
    by_title = _weekly_values(frames, row, values)
    since = min((signal.since for signal in row.signals), default=row.since)
    last = max(row.week, week)
    weeks = range(max(since, last - 7 * (SHOWN_WEEKS - 1)), last + 1, 7)
    before = range(since - 7 * BEFORE_WEEKS, since, 7)
    rows = [
        ("Typical week of the year before", *(_median_week(weekly, before, unit) for weekly, unit in by_title.values()))
    ]
    rows += [
        (day_and_month(date_of(monday)), *(quantity(weekly.get(monday), unit) for weekly, unit in by_title.values()))
        for monday in weeks
    ]
    return TextTable(("Week of", *by_title), tuple(rows))


def _weekly_values(
    frames: Frames, row: NoticeRow, values: WeekValues
) -> dict[str, tuple[Mapping[int, float | None], Unit]]:
    """Return the metrics of a notice by title: their weekly values and their unit."""
    if row.client:
        return {"Contacts": (evidence_rows.contacts_by_week(frames, row.client), Unit.COUNT)}
    keys = [signal.key for signal in row.all_signals]
    return {catalogue()[key].title: (values.by_week(key), catalogue()[key].unit) for key in keys}


def _median_week(weekly: Mapping[int, float | None], weeks: range, unit: Unit) -> str:
    """Return the median of the weeks' values in words."""
    values = [value for week in weeks if (value := weekly.get(week)) is not None]
    return quantity(float(np.median(values)) if values else None, unit)
