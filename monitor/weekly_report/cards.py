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
SHOWN_WEEKS = 12  # rows of the weekly table
EASED_WEEKS = 8  # observed weeks after a notice before it can be over
BEFORE_WEEKS = 52  # what "usual" is taken from
# A pattern leads over a single family, and both over a crossed rule.
TIER_RANK = {PATTERN: 2, notices.WORTH_A_LOOK: 1, RULE: 0}
DUE_AGAIN = "You asked for four weeks without this note; they are over."


def card_weeks(row: NoticeRow) -> int:
    """Return for how many weeks a notice can lead the report: a rule for its own, a shift or pattern for some more."""
    return 1 if row.tier == RULE else CARD_WEEKS


def leading_notice(notice_rows: Sequence[NoticeRow], week: int, today: int, owner: Clinician) -> NoticeRow | None:
    """Return the one notice that leads a week's report: open ones first, patterns before rules, then the latest.

    ``today`` is the day number on which the report is read; an earlier week is shown as in the days after it.
    """
    # A report is read in the week after its own, whose last day is 13 days after the report's Monday.
    day = min(today, week + 13)
    candidates = []
    for row in notice_rows:
        is_silenced = notices.is_silenced(row, notice_rows, day, owner)
        if row.week == week:
            can_lead = row.answer is not None or not is_silenced
        else:
            last_day = row.week + 6 + 7 * card_weeks(row)
            is_recent = row.answer is None and row.week > week - 7 * card_weeks(row)
            can_lead = (
                row.week < week
                and not is_silenced
                and (is_recent or notices.is_due_again(row, notice_rows, day, last_day, owner))
            )
        if can_lead:
            candidates.append(row)
    return max(
        candidates, key=lambda row: (notices.is_open(row, day, owner), TIER_RANK[row.tier], row.week), default=None
    )


def count_silenced(notice_rows: Sequence[NoticeRow], week: int, today: int, owner: Clinician) -> int:
    """Return how many recent notices are off the first page because of an answer; such a week is not quiet."""
    day = min(today, week + 13)
    recent = [row for row in notice_rows if week - 7 * card_weeks(row) < row.week <= week]
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


def build_card(frames: Frames, row: NoticeRow, week: int, values: WeekValues, codes: Mapping[int, str]) -> Card:
    """Return the card of a notice: evidence first, then at most one thing to try."""
    is_due_again = row.answer == "not_now" and row.week != week
    sentences = [DUE_AGAIN if is_due_again else ""]
    if row.week != week:
        sentences.append(f"Noticed in the week of {day_and_month(date_of(row.week))}.")

    breakdown = notices.breakdown(row, values.breakdown_columns)
    if row.client and row.tier != RULE:
        breakdown = notices.client_breakdown(*evidence_rows.messages_from_client(frames, row))
    client = f"the client of {client_name(row.client, usual_slots(frames), codes)}" if row.client else ""
    sentences.append(notices.explanation(row, breakdown, client))

    # One metric's card in a later week shows its values since: "The two weeks since: 10 and 12."
    weeks_since = range(row.week + 7, week + 1, 7)
    if weeks_since and row.tier not in {RULE, PATTERN}:
        weekly, unit = next(iter(_weekly_values(frames, row, values).values()))
        if any(weekly.get(monday) is not None for monday in weeks_since):
            span = "week" if len(weeks_since) == 1 else f"{spelled(len(weeks_since))} weeks"
            numbers = listed([quantity(weekly.get(monday), unit) for monday in weeks_since])
            sentences.append(f"The {span} since: {numbers}.")
    sentences.append(notices.published_hours(row, frames.clinician.fte_on(date_of(week))))

    if row.tier == PATTERN:
        evidence = TextTable(
            ("What", "How much", "Since the week of"),
            tuple(
                (catalogue()[signal.key].title, notices.describe_change(signal), day_and_month(date_of(signal.since)))
                for signal in row.signals
            ),
        )
    else:
        # A crossed rule is about its own week, a notice goes on.
        evidence = evidence_rows.evidence_table(frames, row, row.week if row.tier == RULE else week, codes)

    answer = None
    if row.answer is not None and not is_due_again:
        until = "" if row.until is None else f", until {full_date(date_of(row.until))}"
        answer = f"{ANSWERS[row.answer]}{until}"
    return Card(
        notice_id=row.id,
        title=notices.title(row),
        text=" ".join(filter(None, sentences)),
        evidence=evidence,
        try_this=notices.try_this(row),
        answers=tuple(AnswerChoice(key, label) for key, label in notices.possible_answers(row).items()),
        answer=answer,
        weeks=None if row.tier == RULE else _weeks_table(frames, row, week, values),
    )


def _weeks_table(frames: Frames, row: NoticeRow, week: int, values: WeekValues) -> TextTable:
    """Return the weeks from the beginning of the notice to the report's, after the median week of the year before."""
    by_title = _weekly_values(frames, row, values)
    since = min(signal.since for signal in row.all_signals)
    last = max(row.week, week)
    medians = []
    for weekly, unit in by_title.values():
        year_before = range(since - 7 * BEFORE_WEEKS, since, 7)
        numbers = [value for monday in year_before if (value := weekly.get(monday)) is not None]
        medians.append(quantity(float(np.median(numbers)) if numbers else None, unit))
    rows = [("Typical week of the year before", *medians)]
    rows += [
        (day_and_month(date_of(monday)), *(quantity(weekly.get(monday), unit) for weekly, unit in by_title.values()))
        for monday in range(max(since, last - 7 * (SHOWN_WEEKS - 1)), last + 1, 7)
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
