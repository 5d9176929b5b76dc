"""The weekly numbers of each measure in the shape that the detectors take, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.analysis.catalogue import catalogue
from monitor.notices.families import MetricScale, WatchedMetric

if TYPE_CHECKING:
    import pandas as pd

EXPOSURE_SESSIONS, EXPOSURE_DAYS = 20, 5
WORKED, AGREED = "worked days", "agreed days"


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One measure along consecutive weeks; NaN is a missing week.

    ``amounts`` are counts, means or logarithms of means as the scale has it, ``weights`` their exposure or the number
    behind each mean.
    """

    watched: WatchedMetric
    amounts: pd.Series
    weights: pd.Series

    @property
    def scores(self) -> pd.Series:
        """The score of :mod:`monitor.analysis.shifts`: of unit deviation in ordinary life, NaN where unknown."""
        from monitor.analysis.shifts import count_scores, mean_scores

        tables = self.amounts.to_frame(), self.weights.to_frame()
        if self.watched.scale.is_count:
            return count_scores(*tables).iloc[:, 0]
        return mean_scores(*tables, typical_sd=self.watched.typical_sd).iloc[:, 0] / self.watched.score_spread


def weekly_table(measured: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Values by (column, metric), one row for every calendar week, NaN in weeks that are not compared.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``weeks`` the weeks table of the
    frames, of which the worked days, and the agreed ones less leave, come along as metrics of their own.
    """
    wide = measured.pivot(index="week", columns="key", values=["value", "n", "coverage"])  # noqa: PD010 - nothing to pool
    wide["value", WORKED] = weeks["worked_days"].reindex(wide.index)
    wide["value", AGREED] = (weeks["pattern_days"] * weeks["present_share"]).reindex(wide.index)
    every = np.arange(weeks.index.min(), weeks.index.max() + 1, 7)
    return wide.reindex(weeks.index[weeks["compared"]]).reindex(every)


def metric_series(signal: WatchedMetric, table: pd.DataFrame, metric: str = "") -> MetricSeries:
    """A measure out of :func:`consecutive`'s table, by the numbers that are shown or by those of another metric."""
    metric = metric or signal.metric
    known = table["coverage", metric] >= catalogue()[metric].min_coverage
    value, n = table["value", metric].where(known), table["n", metric]
    values, weights = _scaled(signal.scale, value, n, table)
    missing = values.isna() | ~(weights > 0)
    return MetricSeries(signal, values.mask(missing).rename(signal.metric), weights.mask(missing).rename(signal.metric))


def _scaled(scale: MetricScale, value: pd.Series, n: pd.Series, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    agreed, sessions = table["value", AGREED], table["value", "sessions_held"]
    match scale:
        case MetricScale.PER_SESSIONS if (
            sessions.isna().all()
        ):  # no calendar is connected: the days stand for the sessions
            return value, table["value", WORKED] / EXPOSURE_DAYS
        case MetricScale.PER_SESSIONS:
            return value, sessions / EXPOSURE_SESSIONS
        case MetricScale.PER_DAYS:
            return value, table["value", WORKED] / EXPOSURE_DAYS
        case MetricScale.SHARE:
            return (value / 100 * n).round(), n / EXPOSURE_SESSIONS
        case MetricScale.MINUTES:
            return value, n
        case MetricScale.TIMES:
            return _logarithm(value), n
        case MetricScale.TIMES_PER_DAY:
            return _logarithm(value / agreed.where(agreed > 0)), agreed


def _logarithm(values: pd.Series) -> pd.Series:
    """The logarithm of what is above zero; a zero has none."""
    logarithms: pd.Series = np.log(values.where(values > 0))
    return logarithms
