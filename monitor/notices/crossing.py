"""When a line is crossed, and when it is told of: in the first such week, and again after eight weeks at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.calendar import day_number, monday_of
from monitor.analysis.terms import CLIENT
from monitor.analysis.terms import EXCEPTIONS as GIVEN
from monitor.notices.answers import EXCEPTIONS, answered_on, excepted
from monitor.notices.families import AGAIN_WEEKS, LINE
from monitor.notices.lines import LINES, Line, line
from monitor.store.notices import NoticeRow

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


def crossed(measured: pd.DataFrame, frames: Frames, stored: Sequence[NoticeRow] = ()) -> list[NoticeRow]:
    """Every line that was crossed, by week.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``stored`` what was found and
    answered before. A line that was answered as planned or needed is not told of again until the day that was given.
    """
    found = [row for entry in LINES if entry.metric for row in _weekly(entry, measured, frames, stored)]
    found += [*_reviews(frames), *_ended(frames, stored), *_repeated(frames, stored)]
    return sorted({row.natural_key: row for row in found}.values(), key=lambda row: row.natural_key)


def _weekly(entry: Line, measured: pd.DataFrame, frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    values = measured[measured["key"] == entry.metric].set_index("week")["value"].sort_index()
    planned = [row for row in stored if row.family == entry.key and row.answer in EXCEPTIONS]
    last = -np.inf
    told = _CROSSED[entry.key](values, frames).dropna()
    for week, number in zip(told.index.tolist(), told.tolist(), strict=True):
        expected = any(row.week < week <= (row.until or 0) for row in planned)
        if week - last >= 7 * AGAIN_WEEKS and not expected:
            last = week
            yield _told(entry.key, week, number)


def _told(family: str, week: int, measured: float, client: int = 0, topic: str = "") -> NoticeRow:
    metric = line(family).metric
    return NoticeRow(week, LINE, family, metric, None, None, None, week, client, measured=measured, topic=topic)


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


_CROSSED: dict[str, Callable[[pd.Series, Frames], pd.Series]] = {
    "rest": lambda nights, _: nights.where(nights >= SHORT_NIGHTS),
    "free stretch": lambda hours, _: hours.where((hours < FREE_HOURS) & (hours.shift() < FREE_HOURS)),
    "day off": lambda days, _: days.where(days > DAYS_WORKED),
    "supervision": _supervision_short,
    "leave": _leave_interrupted,
}
"""The number that is told in each week in which a line is crossed; NaN where none is."""


def _reviews(frames: Frames) -> Iterator[NoticeRow]:
    """What is due for review, in the week of its date, unless another date was set or the therapy ended by then."""
    for term in ("review_on", "modified_until"):
        said = frames.agreements.changes(term)
        for client, value in zip(said["client"], said["value"], strict=True):
            due = day_number(date.fromisoformat(value)) if isinstance(value, str) else None
            if due is None or frames.agreements.texts(term, client, due).item() != value:
                continue
            if frames.agreements.texts("standing", client, due).item() in {None, CLIENT}:
                yield from _in_week(frames, "review", due, 1, int(client), term)


def _ended(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """Exceptions whose last day has come: nothing that a person said ends silently."""
    for row in stored:
        if row.answer in EXCEPTIONS and not row.topic and row.until is not None and row.until > row.week + 6:
            yield from _in_week(frames, "exception ended", row.until, 1, row.client, row.family)


def _in_week(frames: Frames, family: str, day: int, measured: float, client: int, topic: str) -> Iterator[NoticeRow]:
    week = int(monday_of(day))
    if week in frames.weeks.index:
        yield _told(family, week, measured, max(client, 0), topic)


def _repeated(frames: Frames, stored: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
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
        if row.client and excepted(row):
            yield row.client, row.family, answered_on(row, frames.clinician) or 0
