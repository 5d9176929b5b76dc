"""Weekly numbers in the shape that the detectors take: each watched metric, and the contacts with each client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.catalogue import catalogue
from monitor.analysis.metrics.weekly import cached
from monitor.notices.families import CONTACTS, MetricScale, WatchedMetric

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.notices.answers import Exclusion

# One unit of exposure: a full week of sessions, a full week of days.
EXPOSURE_SESSIONS, EXPOSURE_DAYS = 20, 5
WORKED, AGREED = "worked days", "agreed days"


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric along consecutive weeks; NaN is a missing week.

    ``amounts`` are counts, means or logarithms of means, as the scale says. ``weights`` are the exposure of a count or
    the number of values in a mean.
    """

    watched: WatchedMetric
    amounts: pd.Series
    weights: pd.Series

    @property
    def scores(self) -> pd.Series:
        """Return the weekly scores of :mod:`monitor.analysis.shifts`.

        Their deviation is 1 in ordinary life; NaN is unknown.
        """
        from monitor.analysis.shifts import count_scores, mean_scores

        tables = self.amounts.to_frame(), self.weights.to_frame()
        if self.watched.scale.is_count:
            return count_scores(*tables).iloc[:, 0]
        return mean_scores(*tables, typical_sd=self.watched.typical_sd).iloc[:, 0] / self.watched.score_spread


def weekly_table(measured: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Return values by (column, metric), one row for every calendar week, NaN in weeks that are not compared.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``weeks`` the weeks table of the
    frames. Worked days, and agreed days less leave, are added as metrics of their own.
    """
    table = measured.pivot(index="week", columns="key", values=["value", "n", "coverage"])  # noqa: PD010 - nothing to pool
    table["value", WORKED] = weeks["worked_days"].reindex(table.index)
    table["value", AGREED] = (weeks["pattern_days"] * weeks["present_share"]).reindex(table.index)
    # Two steps: drop weeks that are not compared, then put every calendar week back as missing.
    all_weeks = np.arange(weeks.index.min(), weeks.index.max() + 1, 7)
    return table.reindex(weeks.index[weeks["compared"]]).reindex(all_weeks)


def metric_series(watched: WatchedMetric, table: pd.DataFrame, metric: str = "") -> MetricSeries:
    """Return one metric from the table of :func:`weekly_table`, by its shown values or by those of another metric."""
    metric = metric or watched.metric
    is_covered = table["coverage", metric] >= catalogue()[metric].min_coverage
    value, n = table["value", metric].where(is_covered), table["n", metric]
    values, weights = _scaled(watched.scale, value, n, table)
    # A week without exposure has no rate.
    is_missing = values.isna() | ~(weights > 0)
    return MetricSeries(
        watched, values.mask(is_missing).rename(watched.metric), weights.mask(is_missing).rename(watched.metric)
    )


def _scaled(scale: MetricScale, value: pd.Series, n: pd.Series, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return amounts and weights of a metric on its scale."""
    agreed, sessions = table["value", AGREED], table["value", "sessions_held"]
    match scale:
        # No calendar is connected: the days stand for the sessions.
        case MetricScale.PER_SESSIONS if sessions.isna().all():
            return value, table["value", WORKED] / EXPOSURE_DAYS
        case MetricScale.PER_SESSIONS:
            return value, sessions / EXPOSURE_SESSIONS
        case MetricScale.PER_DAYS:
            return value, table["value", WORKED] / EXPOSURE_DAYS
        case MetricScale.SHARE:
            # A share is turned back into its count, which the count detector needs.
            return (value / 100 * n).round(), n / EXPOSURE_SESSIONS
        case MetricScale.MINUTES:
            return value, n
        case MetricScale.TIMES:
            return _logarithm(value), n
        case MetricScale.TIMES_PER_DAY:
            return _logarithm(value / agreed.where(agreed > 0)), agreed


def _logarithm(values: pd.Series) -> pd.Series:
    """Return the natural logarithm; NaN for zero and below."""
    logarithms: pd.Series = np.log(values.where(values > 0))
    return logarithms


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts with each client (column) in each calendar week (row), and their exposure; NaN is a missing week."""

    counts: pd.DataFrame
    exposure: pd.DataFrame

    def excluding(self, exclusions: Sequence[Exclusion]) -> Contacts:
        """Return the same contacts with the excluded weeks of each client missing."""
        is_excluded = np.zeros(self.counts.shape, dtype=bool)
        for exclusion in exclusions:
            if exclusion.metric == CONTACTS:
                excluded_weeks, is_client = exclusion.covers(self.counts.index), self.counts.columns == exclusion.client
                is_excluded |= np.outer(excluded_weeks, is_client)
        return Contacts(self.counts.mask(is_excluded), self.exposure.mask(is_excluded))


@cached
def weekly_contacts(frames: Frames) -> Contacts:
    """Return each active client's sent episodes and held sessions beyond the first of a week; no emergencies.

    Weeks and exposure are those of :func:`monitor.analysis.client_weeks.client_weeks_from`. Weeks are also missing
    where a modified boundary or an emergency protocol held: that client is measured by the agreement.
    """
    from monitor.analysis.client_weeks import client_weeks_from
    from monitor.analysis.contact_rules import has_modified_boundary
    from monitor.analysis.metrics.active_clients import count_by_client, held_by_week

    pairs = client_weeks_from(frames)
    held = frames.sessions.held
    emergencies = held[held["outside_hours"] & held["covered_by_protocol"]]
    ordinary = held_by_week(frames) - count_by_client(frames, emergencies["week"], emergencies["client"])
    # One session a week is the usual; only further ones are contact beyond it.
    counts = pairs.contacts + np.maximum(ordinary - 1, 0)
    # Clients run along the columns, weeks along the rows.
    client, week = counts.columns.to_numpy(dtype=np.int64)[None, :], counts.index.to_numpy()[:, None]
    agreements = frames.clients.agreements
    is_ordinary = ~(has_modified_boundary(agreements, client, week) | agreements.holds("emergency", client, week))
    return Contacts(counts.where(is_ordinary), pairs.exposure.where(is_ordinary))
