"""XX is crossed, and when it is told of: in the first such week, and again after eight weeks at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
SUPERVISION_HOURS = 1.5
MONTH_WEEKS = 4
SHORT_LEAVE_DAYS = 7
REPEATS = 3
"""So many exceptions of one kind with one client are told of, and every so many more."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what is told once it is crossed.

    ``metric`` is the weekly number it is drawn for, empty where it comes from what the person wrote down. ``said`` puts
    the number into words, with the client, where there is one, and with what the line is about, where a measure does
    not say it. ``source`` names the norm.
    """

    key: str
    metric: str
    title: str
    headline: str
    explain: Callable[[float, str, str], str]
    try_this: str
    source: str


def _rest(nights: float, *_: str) -> str:
    return (
        f"On {spelled(round(nights))} nights of this week there were fewer than 11 hours between your last and your "
        "next work. The European Working Time Directive names 11 hours for employees."
    )


def _free_stretch(hours: float, *_: str) -> str:
    longest = counted(int(hours), "hour")
    return (
        f"The longest stretch without work that touched this week was {longest}, and that of the week before was "
        "short, too. The European Working Time Directive names 35 hours in a week, or in two, for employees."
    )


def _day_off(days: float, *_: str) -> str:
    return f"It has been {counted(round(days), 'day')} since your last full day without work; the line is at 12 days."


def _supervision(hours: float, *_: str) -> str:
    found = "was no supervision" if hours == 0 else f"were {hours:.4g} hours of supervision"
    found = "was 1 hour of supervision" if hours == 1 else found
    asked = "BACP asks for at least 1.5 hours in a month with clients."
    return f"By your calendar there {found} in the last month. {asked}"


def _leave(days: float, *_: str) -> str:
    return f"There was work on {counted(round(days), 'day')} of your leave, its first and last day left out."


def _review(_: float, client: str, term: str) -> str:
    what = "The modified boundary" if term == "modified_until" else "What you agreed"
    return f"{what} with {client or 'a client'} is due for review."


def _ended(_: float, client: str, family: str) -> str:
    titles = {entry.key: entry.title.lower() for entry in (ALL_FAMILIES, *FAMILIES, *RULES)}
    what = client or titles.get(family, "something")
    return f"The time that you gave an exception about {what} is over; from now on it counts again."


def _just_this_once(number: float, client: str, kind: str) -> str:
    made = LEDGER.get(kind, "More contact than usual")
    return f"{made}: number {round(number)} with {client or 'one client'}. Boundaries move in small steps."


RULES = (
    Rule(
        "rest", "short_rests", "Short nights", "Some nights between working days were short.", _rest,
        "after a late evening, let the next day begin later.", "Directive 2003/88/EC, article 3",
    ),
    Rule(
        "free stretch", "longest_free_stretch", "Time without work", "There was little time without any work.",
        _free_stretch, "keep one evening and the day after it free of messages.",
        "Directive 2003/88/EC, articles 3, 5 and 16",
    ),
    Rule(
        "day off", "days_since_full_day_off", "Full days off", "A full day off is some time ago.", _day_off,
        "choose one day of the coming week now, and tell somebody about it.", "design choice",
    ),
    Rule(
        "supervision", "supervision_hours", "Supervision", "There was little supervision in the last month.",
        _supervision, "write to your supervisor with two dates.", "BACP",
    ),
    Rule(
        "leave", "leave_interrupted", "Work during leave", "There was work during your leave.", _leave,
        "name somebody who answers for you before the next leave begins.", "design choice",
    ),
    Rule(
        "review", "", "A review is due", "Something that you agreed is due for review.", _review,
        "look at it together in the next session, or set a new date.", "your own agreement",
    ),
    Rule(
        "exception ended", "", "An exception has ended", "An exception of yours has come to its end.", _ended,
        "give it a new date if it goes on.", "your own answer",
    ),
    Rule(
        "just this once", "", "Just this once", "One exception has been made several times.", _just_this_once,
        "decide whether this is an exception or the agreement from now on, and write it down.", "design choice",
    ),
)  # fmt: skip


def rule(key: str) -> Rule:
    """The declaration of a stored line."""
    return next(entry for entry in RULES if entry.key == key)


def crossed_rules(measured: pd.DataFrame, frames: Frames, stored: Sequence[NoticeRow] = ()) -> list[NoticeRow]:
    """Return a notice for every rule that was crossed, by week.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``stored`` are the notices and
    answers of earlier nights. A rule answered as planned or needed gives no new notice until the day of the answer.
    """
    found = [row for entry in RULES if entry.metric for row in _weekly_rule(entry, measured, frames, stored)]
    found += [*_due_reviews(frames), *_ended_exceptions(frames, stored), *_repeated_exceptions(frames, stored)]
    return sorted({row.natural_key: row for row in found}.values(), key=lambda row: row.natural_key)


def _weekly_rule(
    entry: Rule, measured: pd.DataFrame, frames: Frames, stored: Sequence[NoticeRow]
) -> Iterator[NoticeRow]:
    values = measured[measured["key"] == entry.metric].set_index("week")["value"].sort_index()
    planned = [row for row in stored if row.family == entry.key and row.answer in EXCEPTIONS]
    last = -np.inf
    told = _CROSSED_WEEKS[entry.key](values, frames).dropna()
    for week, number in zip(told.index.tolist(), told.tolist(), strict=True):
        expected = any(row.week < week <= (row.until or 0) for row in planned)
        if week - last >= 7 * AGAIN_WEEKS and not expected:
            last = week
            yield _rule_notice(entry.key, week, number)


def _rule_notice(family: str, week: int, measured: float, client: int = 0, topic: str = "") -> NoticeRow:
    metric = rule(family).metric
    return NoticeRow(week, RULE, family, metric, None, None, None, week, client, measured=measured, topic=topic)


def _supervision_short(hours: pd.Series, frames: Frames) -> pd.Series:
    """A month with clients in each week, where a professional body asks for it and the calendar has ever shown any.

    In two weeks running: who has it on the first Friday of each month has sometimes five weeks in between.
    """
    region = frames.practice.region
    held = frames.held_sessions.groupby("week").size().reindex(hours.index, fill_value=0)
    with_clients = held.rolling(MONTH_WEEKS).min() > 0
    asked = region is not None and region != "US"
    short = (hours < SUPERVISION_HOURS) & (hours.shift() < SUPERVISION_HOURS)
    return hours.where(short & with_clients & (hours > 0).cummax() & asked)


def _leave_interrupted(days: pd.Series, frames: Frames) -> pd.Series:
    """The days with work of one leave so far: one in a leave of up to seven days, two in a longer one."""
    from monitor.analysis.metrics.leave import interrupted_days, leaves

    told, worked = days.where(days.isna()), interrupted_days(frames)
    for first, last in leaves(frames).tolist():
        within = worked[(worked >= first) & (worked <= last)]
        for number, day in enumerate(within.tolist(), 1):
            if number >= (1 if last - first < SHORT_LEAVE_DAYS else 2) and (week := int(monday_of(day))) in told.index:
                told[week] = np.fmax(told[week], number) if days.notna()[week] else np.nan
    return told


_CROSSED_WEEKS: dict[str, Callable[[pd.Series, Frames], pd.Series]] = {
    "rest": lambda nights, _: nights.where(nights >= SHORT_NIGHTS),
    "free stretch": lambda hours, _: hours.where((hours < FREE_HOURS) & (hours.shift() < FREE_HOURS)),
    "day off": lambda days, _: days.where(days > DAYS_WORKED),
    "supervision": _supervision_short,
    "leave": _leave_interrupted,
}
"""The number that is told in each week in which a line is crossed; NaN where none is."""


def _due_reviews(frames: Frames) -> Iterator[NoticeRow]:
    """What is due for review, in the week of its date, unless another date was set or the therapy ended by then."""
    for term in ("review_on", "modified_until"):
        said = frames.agreements.changes(term)
        for client, value in zip(said["client"], said["value"], strict=True):
            due = day_number(date.fromisoformat(value)) if isinstance(value, str) else None
            if due is None or frames.agreements.texts(term, client, due).item() != value:
                continue
            if frames.agreements.texts("standing", client, due).item() in {None, CLIENT}:
                yield from _in_week(frames, "review", due, 1, int(client), term)


def _ended_exceptions(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """Exceptions whose last day has come: nothing that a person said ends silently."""
    for row in stored:
        if row.answer in EXCEPTIONS and not row.topic and row.until is not None and row.until > row.week + 6:
            yield from _in_week(frames, "exception ended", row.until, 1, row.client, row.family)


def _in_week(frames: Frames, family: str, day: int, measured: float, client: int, topic: str) -> Iterator[NoticeRow]:
    week = int(monday_of(day))
    if week in frames.weeks.index:
        yield _rule_notice(family, week, measured, max(client, 0), topic)


def _repeated_exceptions(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """The third exception of one kind with one client, the sixth, and so on; not of clients with a crisis plan."""
    from monitor.analysis.contact_rules import in_crisis

    made: dict[tuple[int, str], list[int]] = {}
    for client, kind, day in sorted(_exceptions(frames, stored), key=lambda each: each[2]):
        if not in_crisis(frames.agreements, client, day):
            made.setdefault((client, kind), []).append(day)
    for (client, kind), days in made.items():
        for number in range(REPEATS, len(days) + 1, REPEATS):
            yield from _in_week(frames, "just this once", days[number - 1], number, client, kind)


def _exceptions(frames: Frames, stored: Sequence[NoticeRow]) -> Iterable[tuple[int, str, int]]:
    """(client, kind, day) of every exception with one client: from the ledger, and from answers."""
    given = frames.ledger[frames.ledger["kind"].isin(GIVEN) & (frames.ledger["client"] >= 0)]
    yield from given[["client", "kind", "day"]].itertuples(index=False, name=None)
    for row in stored:
        if row.client and is_exception(row):
            yield row.client, row.family, answered_on(row, frames.clinician) or 0
