"""Weekly numbers of each watched metric in the shape that the detectors take, with their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.catalogue import catalogue
from monitor.notices.families import MetricScale, WatchedMetric

if TYPE_CHECKING:
    import pandas as pd

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
