"""What can become a notice, when, and in which words: declared here and nowhere else.

A notice says how a person's own pattern changed. It is found by :mod:`monitor.analysis.shifts`, explained by
:mod:`monitor.analysis.ratios`, and never scores, predicts or diagnoses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.catalogue import catalogue
from monitor.store.notices import NoticeRow
from reports.wording import spelled

if TYPE_CHECKING:
    import pandas as pd

WORTH_A_LOOK = "worth a look"
EXPOSURE_SESSIONS = 20
DEMAND_ROSE = 1.25  # times as many client messages after hours as before
BOUNDARY_MOVED = 10.0  # points of the share answered before work began again

ANSWERS: Mapping[str, str] = {
    "planned": "This was planned",
    "needed": "It was clinically needed",
    "noted": "Thanks, noted",
    "not_now": "Not for four weeks",
    "wrong": "This looks wrong",
}
"""What a person can say to a notice. Every answer is kept; none escalates."""


@dataclass(frozen=True, slots=True)
class NoticeFamily:
    """One of the things that are watched, with its own yearly budget of false notices.

    ``metric`` is the measure it watches, ``counted`` whether that is a count per exposure or a weekly mean.
    """

    key: str
    metric: str
    counted: bool
    alarms_per_year: float
    headline: str
    title: str
    try_this: str


FAMILIES = (
    NoticeFamily(
        key="availability",
        metric="after_hours_replies",
        counted=True,
        alarms_per_year=0.5,
        headline="Evenings ran longer than usual.",
        title="Replies after hours",
        try_this="decide before the evening begins which messages can wait for the morning, and let the rest wait.",
    ),
    NoticeFamily(
        key="sessions running over",
        metric="overrun_minutes",
        counted=False,
        alarms_per_year=0.5,
        headline="Sessions ended later than usual.",
        title="Sessions running over",
        try_this="name the time once, ten minutes before the end of a session that tends to run on.",
    ),
)


def family(key: str) -> NoticeFamily:
    """The family of a stored notice."""
    return next(entry for entry in FAMILIES if entry.key == key)


def find(measured: pd.DataFrame, weeks: pd.DataFrame) -> list[NoticeRow]:
    """Every notice in a clinician's weekly numbers, by week.

    ``measured`` is what :func:`monitor.analysis.catalogue.measure` returned, ``weeks`` the weeks table of the frames.
    """
    if weeks.empty:
        return []
    table = _consecutive(measured, weeks)
    found = [row for entry in FAMILIES for row in _of_family(entry, table)]
    return sorted(found, key=lambda row: (row.week, row.family))


def _consecutive(measured: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Values by (column, metric), one row for every calendar week, NaN in weeks that are not compared."""
    wide = measured.pivot(index="week", columns="key", values=["value", "n", "coverage"])  # noqa: PD010 - nothing to pool
    every = np.arange(weeks.index.min(), weeks.index.max() + 1, 7)
    return wide.reindex(weeks.index[weeks["compared"]]).reindex(every)


def _of_family(entry: NoticeFamily, table: pd.DataFrame) -> list[NoticeRow]:
    from monitor.analysis.shifts import count_shifts, mean_shifts

    values, weights = _series(entry, table)
    detect = count_shifts if entry.counted else mean_shifts
    fired = detect(values.to_frame(), weights.to_frame(), alarms_per_year=entry.alarms_per_year)
    places = np.flatnonzero(fired.to_numpy()[:, 0])
    rows = (_explained(entry, values, weights, int(place)) for place in places)
    return [row for row in rows if row is not None]


def _series(entry: NoticeFamily, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The watched numbers with what they are measured by, both named alike, NaN where missing."""
    metric = catalogue()[entry.metric]
    values = table["value", entry.metric].where(table["coverage", entry.metric] >= metric.least_coverage)
    weights = table["value", "sessions_held"] / EXPOSURE_SESSIONS if entry.counted else table["n", entry.metric]
    missing = values.isna() | ~(weights > 0)
    return values.mask(missing).rename(entry.metric), weights.mask(missing).rename(entry.metric)


def _explained(entry: NoticeFamily, values: pd.Series, weights: pd.Series, place: int) -> NoticeRow | None:
    """The notice with how much and since when: a rate ratio for counts, a difference in minutes for means."""
    from monitor.analysis.ratios import RateRatio, mean_difference, rate_ratio

    found = (rate_ratio if entry.counted else mean_difference)(values.to_numpy(), weights.to_numpy(), place)
    if found is None:
        return None
    return NoticeRow(
        week=int(values.index[place]),
        tier=WORTH_A_LOOK,
        family=entry.key,
        key=entry.metric,
        ratio=round(found.ratio if isinstance(found, RateRatio) else found.difference, 4),
        low=round(found.low, 4),
        high=round(found.high, 4),
        since=int(values.index[found.since_week_index]),
    )


def explanation(row: NoticeRow, moved: str) -> str:
    """The notice in three sentences: what changed and how surely, what moved, and how often chance does this."""
    entry = family(row.family)
    weeks = (row.week - row.since) // 7 + 1
    span = "This week" if weeks == 1 else f"For {spelled(weeks)} weeks"
    once = round(1 / entry.alarms_per_year)
    chance = f"Chance alone produces about one such note every {spelled(once)} years for each of the things watched."
    if entry.counted:
        ran = f"{span} your after-hours replies per session ran {row.ratio:.1f} times your usual"
        ran += f" (90 % interval {row.low:.1f} to {row.high:.1f})."
    else:
        ran = f"{span} your sessions ended {row.ratio:.1f} minutes later than your usual"
        ran += f" (90 % interval {row.low:.1f} to {row.high:.1f})."
    return " ".join(part for part in (ran, moved, chance) if part)


def what_moved(row: NoticeRow, weekly: pd.DataFrame) -> str:
    """Whether demand rose or the boundary moved, for a notice about replies; empty where that cannot be said.

    ``weekly`` has one row a week with the columns after_hours_inbound and reply_propensity; compared are the weeks of
    the notice with the year before.
    """
    if row.key != "after_hours_replies":
        return ""
    now = weekly.loc[row.since : row.week]
    before = weekly.loc[row.since - 52 * 7 : row.since - 1]
    more = now["after_hours_inbound"].mean() / max(before["after_hours_inbound"].mean(), 0.5)
    points = now["reply_propensity"].mean() - before["reply_propensity"].mean()
    if not (np.isfinite(more) and np.isfinite(points)):
        return ""
    demand = _demand(more)
    if abs(points) < BOUNDARY_MOVED:
        return f"{demand}; the share you answered did not change."
    return f"{demand}; you answered a {'larger' if points > 0 else 'smaller'} share of it before the next working day."


def _demand(times: float) -> str:
    if times >= DEMAND_ROSE:
        return "Clients wrote more after hours"
    if times <= 1 / DEMAND_ROSE:
        return "Clients wrote less after hours"
    return "Clients wrote about as much after hours as before"
