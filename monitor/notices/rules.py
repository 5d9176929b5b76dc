"""Rules: published norms and own agreements, the weeks in which they are crossed, and their sentences.

A crossed rule is a fact and no detection. It gives a notice in the first such week, and again after eight weeks at the
earliest. Readers see the word "line".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.calendar import day_number, monday_of
from monitor.analysis.terms import CLIENT, LEDGER
from monitor.analysis.terms import EXCEPTIONS as GIVEN
from monitor.notices.answers import EXCEPTIONS, answered_on, is_exception
from monitor.notices.families import AGAIN_WEEKS, ALL_FAMILIES, FAMILIES, RULE
from monitor.store.notices import NoticeRow
from reports.wording import counted, spelled

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

SHORT_NIGHTS = 2
FREE_HOURS = 35  # missed in two weeks running: the directive lets them be counted over 14 days (article 16)
DAYS_WORKED = 12
SUPERVISION_HOURS = 1.5  # BACP, a month
MONTH_WEEKS = 4
SHORT_LEAVE_DAYS = 7
REPEATS = 3
"""Every so many exceptions of one kind with one client give a notice."""


DatedFact = tuple[str, int, float, int, str]
"""A crossed rule about one day: the rule's key, the day, the number for the sentence, the client, the topic."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with the sentences for a notice once it is crossed.

    ``explain`` turns the number, the client (if any) and the topic (an agreement's term, a kind of exception) into a
    sentence. ``source`` names the norm. ``metric`` is the weekly number that is compared, and ``crossed`` returns the
    number for the sentence in each week in which the rule is crossed, NaN in all others; both are missing where the
    rule reads what the person wrote down.
    """

    key: str
    title: str
    headline: str
    explain: Callable[[float, str, str], str]
    try_this: str
    source: str
    metric: str = ""
    crossed: Callable[[pd.Series, Frames], pd.Series] | None = None


# The sentences: each takes the number, the client's name and the topic; most need only the number.
def _rest(nights: float, *_: str) -> str:
    return (
        f"On {spelled(round(nights))} nights of this week you had less than 11 hours between the end of work and its "
        "next start. The European Working Time Directive sets at least 11 hours for employees."
    )


def _free_stretch(hours: float, *_: str) -> str:
    longest = counted(int(hours), "hour")
    return (
        f"Your longest stretch without work that reached into this week was {longest}, and that of the week before was "
        "short, too. The European Working Time Directive sets at least 35 hours in a week, or in two, for employees."
    )


def _day_off(days: float, *_: str) -> str:
    return f"It has been {counted(round(days), 'day')} since your last full day without work; the line is at 12 days."


def _supervision(hours: float, *_: str) -> str:
    amount = "no supervision" if hours == 0 else f"{hours:.4g} hours of supervision"
    amount = "1 hour of supervision" if hours == 1 else amount
    norm = "BACP asks for at least 1.5 hours in a month with clients."
    return f"Your calendar shows {amount} in the last month. {norm}"


def _leave(days: float, *_: str) -> str:
    return f"You worked on {counted(round(days), 'day')} of your leave, not counting its first and last day."


def _review(_: float, client: str, term: str) -> str:
    subject = "The modified boundary" if term == "modified_until" else "What you agreed"
    return f"{subject} with {client or 'a client'} is due for review."


def _ended(_: float, client: str, family: str) -> str:
    titles = {entry.key: entry.title.lower() for entry in (ALL_FAMILIES, *FAMILIES, *RULES)}
    subject = client or titles.get(family, "something")
    return f"Your exception for {subject} has ended; from now on it counts again."


def _just_this_once(number: float, client: str, kind: str) -> str:
    kind_name = LEDGER.get(kind, "More contact than usual")
    return f"{kind_name}: {round(number)} times so far with {client or 'one client'}. Boundaries move in small steps."


# The conditions: each takes the weekly numbers and the frames.
def _supervision_short(hours: pd.Series, frames: Frames) -> pd.Series:
    """Return the hours of supervision of four weeks where they are too few, NaN elsewhere.

    Only for weeks with clients in each of the four, where a professional body has a norm and the calendar has shown any
    supervision before. It must be short in two weeks running: somebody with supervision on the first Friday of each
    month sometimes has five weeks in between.
    """
    region = frames.practice.region
    sessions_held = frames.sessions.held.groupby("week").size().reindex(hours.index, fill_value=0)
    # The norm is for months with clients.
    with_clients = sessions_held.rolling(MONTH_WEEKS).min() > 0
    has_norm = region is not None and region != "US"
    is_short = (hours < SUPERVISION_HOURS) & (hours.shift() < SUPERVISION_HOURS)
    return hours.where(is_short & with_clients & (hours > 0).cummax() & has_norm)


def _leave_interrupted(days: pd.Series, frames: Frames) -> pd.Series:
    """Return how many days of one leave had work so far, where the rule is crossed; NaN elsewhere.

    A leave of up to seven days is interrupted by one day with work, a longer one by two.
    """
    from monitor.analysis.metrics.leave import interrupted_days, leaves

    crossed = days.where(days.isna())  # all NaN, in the index and type of ``days``
    days_worked = interrupted_days(frames)
    for first, last in leaves(frames).tolist():
        within = days_worked[(days_worked >= first) & (days_worked <= last)]
        allowed = 0 if last - first < SHORT_LEAVE_DAYS else 1
        for number, day in enumerate(within.tolist(), 1):
            if number > allowed and (week := int(monday_of(day))) in crossed.index:
                # Two leaves can end and begin in one week: the longer count is shown.
                crossed[week] = np.fmax(crossed[week], number) if days.notna()[week] else np.nan
    return crossed


RULES = (
    Rule(
        "rest", "Short nights", "Some nights between working days were short.", _rest,
        "after a late evening, let the next day begin later.", "Directive 2003/88/EC, article 3",
        "short_rests", lambda nights, _: nights.where(nights >= SHORT_NIGHTS),
    ),
    Rule(
        "free stretch", "Time without work", "You had little time without any work.", _free_stretch,
        "keep one evening and the day after it free of messages.", "Directive 2003/88/EC, articles 3, 5 and 16",
        "longest_free_stretch", lambda hours, _: hours.where((hours < FREE_HOURS) & (hours.shift() < FREE_HOURS)),
    ),
    Rule(
        "day off", "Full days off", "Your last full day off was some time ago.", _day_off,
        "choose a day off in the coming week now, and tell somebody about it.", "design choice",
        "days_since_full_day_off", lambda days, _: days.where(days > DAYS_WORKED),
    ),
    Rule(
        "supervision", "Supervision", "There was little supervision in the last month.", _supervision,
        "write to your supervisor with two dates.", "BACP", "supervision_hours", _supervision_short,
    ),
    Rule(
        "leave", "Work during leave", "You worked during your leave.", _leave,
        "before your next leave begins, name somebody who answers for you.", "design choice",
        "leave_interrupted", _leave_interrupted,
    ),
    Rule(
        "review", "A review is due", "One of your agreements is due for review.", _review,
        "look at it together in the next session, or set a new date.", "your own agreement",
    ),
    Rule(
        "exception ended", "An exception has ended", "One of your exceptions has ended.", _ended,
        "give it a new date if it goes on.", "your own answer",
    ),
    Rule(
        "just this once", "Just this once", "You have made the same exception several times.", _just_this_once,
        "decide whether this is an exception or the agreement from now on, and write it down.", "design choice",
    ),
)  # fmt: skip


def rule(key: str) -> Rule:
    """Return the rule of a stored notice."""
    return next(entry for entry in RULES if entry.key == key)


def crossed_rules(measured: pd.DataFrame, frames: Frames, stored: Sequence[NoticeRow] = ()) -> list[NoticeRow]:
    """Return a notice for every rule that was crossed, by week.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``stored`` are the notices and
    answers of earlier nights. A rule answered as planned or needed gives no new notice until the day of the answer.
    """
    detected: list[NoticeRow] = []
    for entry in RULES:
        if entry.crossed is None:
            continue
        values = measured[measured["key"] == entry.metric].set_index("week")["value"].sort_index()
        planned = [row for row in stored if row.family == entry.key and row.answer in EXCEPTIONS]
        last_week = -np.inf
        crossed = entry.crossed(values, frames).dropna()
        for week, number in zip(crossed.index.tolist(), crossed.tolist(), strict=True):
            is_planned = any(row.week < week <= (row.until or 0) for row in planned)
            # The first such week, and again eight weeks later.
            if week - last_week >= 7 * AGAIN_WEEKS and not is_planned:
                last_week = week
                detected.append(_rule_notice(entry, week, number))
    for key, day, number, client, topic in (
        *_reviews_and_exceptions(frames, stored),
        *_repeated_exceptions(frames, stored),
    ):
        week = int(monday_of(day))
        # Dates before the first or after the last week belong to no report.
        if week in frames.time.weeks.index:
            detected.append(_rule_notice(rule(key), week, number, max(client, 0), topic))
    return sorted({row.natural_key: row for row in detected}.values(), key=lambda row: row.natural_key)


def _rule_notice(entry: Rule, week: int, measured: float, client: int = 0, topic: str = "") -> NoticeRow:
    return NoticeRow(
        week, RULE, entry.key, entry.metric, None, None, None, week, client, measured=measured, topic=topic
    )


def _reviews_and_exceptions(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[DatedFact]:
    """Yield the review dates and the last days of exceptions: nothing that was agreed ends silently."""
    for term in ("review_on", "modified_until"):
        changes = frames.clients.agreements.changes(term)
        for client, value in zip(changes["client"], changes["value"], strict=True):
            due = day_number(date.fromisoformat(value)) if isinstance(value, str) else None
            # Another date has been set by then.
            if due is None or frames.clients.agreements.texts(term, client, due).item() != value:
                continue
            # A review after the therapy has ended is no longer due.
            if frames.clients.agreements.texts("standing", client, due).item() in {None, CLIENT}:
                yield "review", due, 1, int(client), term
    for row in stored:
        if row.answer in EXCEPTIONS and not row.topic and row.until is not None and row.until > row.week + 6:
            yield "exception ended", row.until, 1, row.client, row.family


def _repeated_exceptions(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[DatedFact]:
    """Yield every third exception of one kind with one client; clients with a crisis plan are left out."""
    from monitor.analysis.contact_rules import in_crisis

    # Exceptions come from the ledger and from answers.
    ledger = frames.clients.ledger
    entries = ledger[ledger["kind"].isin(GIVEN) & (ledger["client"] >= 0)]
    exceptions = list(entries[["client", "kind", "day"]].itertuples(index=False, name=None))
    exceptions += [
        (row.client, row.family, answered_on(row, frames.clinician) or 0)
        for row in stored
        if row.client and is_exception(row)
    ]
    days_by_kind: dict[tuple[int, str], list[int]] = {}
    for client, kind, day in sorted(exceptions, key=lambda exception: exception[2]):
        if not in_crisis(frames.clients.agreements, client, day):
            days_by_kind.setdefault((client, kind), []).append(day)
    for (client, kind), days in days_by_kind.items():
        for number in range(REPEATS, len(days) + 1, REPEATS):
            yield "just this once", days[number - 1], number, client, kind
