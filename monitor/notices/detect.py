"""Detection of notices: family by family, client by client, over all families together, and crossed rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.notices.answers import drop_answered, exclusions_from
from monitor.notices.families import (
    ALL_FAMILIES,
    FAMILIES,
    PATTERN,
    WORTH_A_LOOK,
    MetricScale,
    NoticeFamily,
    family,
)
from monitor.notices.rules import crossed_rules
from monitor.notices.series import Contacts, MetricSeries, metric_series, weekly_contacts, weekly_table
from monitor.store.notices import NoticeRow, Signal

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.notices.answers import Exclusion

MOVED_SCORE = 1.0
"""Score from which a metric is mentioned although its notice does not need it; a pattern needs two families with it."""

ScoredMetrics = Sequence[tuple[MetricSeries, "pd.Series"]]
"""The metrics of a family, each as it is shown and with the weekly scores in which its shifts are looked for."""


def detect_notices(frames: Frames, measured: pd.DataFrame, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """Return all notices of a person by week: shifts, patterns and crossed rules.

    ``measured`` holds every weekly number before any exclusion, ``stored`` the notices of the last run with their
    answers. An answered notice keeps the client key under which it was answered.
    """
    # Keys joined since the last run are one person now: detect by person, and put back the key of an answered notice.
    stored_by_person = with_persons(frames, stored)
    detected = detect_shifts(
        measured, frames.time.weeks, weekly_contacts(frames), exclusions_from(stored_by_person), stored_by_person
    )
    detected = drop_answered([*detected, *crossed_rules(measured, frames, stored_by_person)], stored_by_person)
    answered_client = {
        stored_row.natural_key: row.client
        for stored_row, row in zip(stored_by_person, stored, strict=True)
        if row.answer is not None
    }
    return [replace(row, client=answered_client.get(row.natural_key, row.client)) for row in detected]


def with_persons(frames: Frames, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """Return the stored notices with each client key replaced by its person: keys may have been joined since."""
    person = dict(zip(frames.clients.terms["client"], frames.clients.terms["person"], strict=True))
    return [replace(row, client=int(person.get(row.client, row.client))) for row in stored]


def detect_shifts(
    measured: pd.DataFrame,
    weeks: pd.DataFrame,
    contacts: Contacts | None = None,
    exclusions: Sequence[Exclusion] = (),
    stored: Sequence[NoticeRow] = (),
) -> list[NoticeRow]:
    """Return the notices in a clinician's weekly numbers, by week, without crossed rules.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``weeks`` the weeks table of the
    frames, ``contacts`` the weekly contacts with each client. ``exclusions`` count as missing weeks of their metric.
    Of the ``stored`` notices only the answered ones matter: each stands, and the next of its family keeps its distance.
    """
    answered = [row for row in stored if row.answer is not None]
    if weeks.empty:
        return []
    table = weekly_table(measured, weeks)
    scored: dict[str, ScoredMetrics] = {}
    detected: list[NoticeRow] = []
    for entry in FAMILIES:
        # The contacts with single clients have no column in the weekly table.
        if entry.by_client:
            detected += _client_notices(entry, contacts, exclusions, answered)
        else:
            scored[entry.key] = _scored_metrics(entry, table, exclusions)
            detected += _family_notices(entry, scored[entry.key], answered)
    detected += _pattern_notices(scored, answered)
    return sorted(detected, key=lambda row: (row.week, row.family, row.client))


def _scored_metrics(entry: NoticeFamily, table: pd.DataFrame, exclusions: Sequence[Exclusion]) -> ScoredMetrics:
    """Return each metric as it is shown, with the scores of the metric in which its shifts are looked for."""
    scored = []
    for watched in entry.metrics:
        is_excluded = np.zeros(len(table), dtype=bool)
        for exclusion in exclusions:
            if exclusion.metric == watched.metric and not exclusion.client:
                is_excluded |= exclusion.covers(table.index)
        # Excluded weeks become missing ones.
        displayed, detection = (
            replace(series, amounts=series.amounts.mask(is_excluded), weights=series.weights.mask(is_excluded))
            for series in (metric_series(watched, table), metric_series(watched, table, watched.detection_metric))
        )
        scored.append((displayed, detection.scores))
    return scored


def _family_notices(entry: NoticeFamily, scored: ScoredMetrics, answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """Yield the notices of one family, each with the metrics that rose most."""
    from monitor.analysis.shifts import count_shifts, score_shifts

    series = scored[0][0]
    weeks, budget = series.amounts.index, entry.alarms_per_year
    answered_weeks = _answered_weeks(answered, entry, weeks)
    # A single count is detected as a count; means and families of several metrics by standardised scores.
    if len(entry.metrics) == 1 and series.watched.scale.is_count:
        counts, exposure = series.amounts.to_frame(), series.weights.to_frame()
        crossed = count_shifts(counts, exposure, alarms_per_year=budget, answered=answered_weeks)
    else:
        score = _family_score(entry, scored).to_frame()
        crossed = score_shifts(score, alarms_per_year=budget, answered=answered_weeks)
    for index in np.flatnonzero(crossed.to_numpy()[:, 0]).tolist():
        leading = _leading_metrics(scored, index, entry.min_metrics)
        signals = [signal for series in leading if (signal := _signal(series, index)) is not None]
        if len(signals) >= entry.min_metrics:
            yield _notice(entry.key, WORTH_A_LOOK, int(weeks[index]), signals)


def _answered_weeks(
    answered: Sequence[NoticeRow], entry: NoticeFamily, weeks: pd.Index, clients: Iterable[Any] = (0,)
) -> pd.DataFrame:
    """Return the weeks (rows) in which a notice of the family was answered, by client (columns; 0: about no client)."""
    import pandas as pd

    is_answered = pd.DataFrame(data=False, index=weeks, columns=list(clients))
    for row in answered:
        if row.family == entry.key and row.week in is_answered.index and row.client in is_answered.columns:
            is_answered.loc[row.week, row.client] = True
    return is_answered


def _family_score(entry: NoticeFamily, scored: ScoredMetrics) -> pd.Series:
    import pandas as pd

    from monitor.analysis.pattern import family_score

    scores = pd.concat([score for _, score in scored], axis=1)
    return scores.iloc[:, 0] if len(entry.metrics) == 1 else family_score(scores, signals=entry.min_metrics)


def _leading_metrics(scored: ScoredMetrics, index: int, min_metrics: int) -> list[MetricSeries]:
    """Return the metrics of a notice, highest score first: as many as it needs, and all others that moved as well."""
    scores = np.array([score.iloc[index] for _, score in scored], dtype=np.float64)
    # A missing score sorts last, and never counts as moved.
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    ranking = np.argsort(-scores, kind="stable").tolist()
    return [
        scored[place][0]
        for rank, place in enumerate(ranking)
        if scores[place] >= (0 if rank < min_metrics else MOVED_SCORE)
    ]


def _signal(series: MetricSeries, index: int) -> Signal | None:
    """Return how far a metric moved and since when: a ratio, or a difference where the scale is in minutes."""
    from monitor.analysis.ratios import mean_difference, rate_ratio

    values, weights, week_starts = series.amounts.to_numpy(), series.weights.to_numpy(), series.amounts.index
    # A family can shift in a week in which one of its metrics is missing; then its last value counts.
    observed = np.flatnonzero(np.isfinite(values[: index + 1]))
    index = int(observed[-1]) if len(observed) else index
    if series.watched.scale.is_count:
        ratio = rate_ratio(values, weights, index)
        if ratio is None:
            return None
        return _rounded_signal(
            series.watched.metric,
            (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted),
            week_starts[ratio.since_week_index],
        )
    mean = mean_difference(values, weights, index, typical_sd=series.watched.typical_sd)
    if mean is None:
        return None
    change = (mean.difference, mean.low, mean.high, mean.unadjusted)
    if series.watched.scale is not MetricScale.MINUTES:
        # Means are compared on logarithms, so a difference of logarithms is a ratio.
        change = (exp(change[0]), exp(change[1]), exp(change[2]), exp(change[3]))
    return _rounded_signal(series.watched.metric, change, week_starts[mean.since_week_index])


def _rounded_signal(metric: str, change: tuple[float, float, float, float], since: int) -> Signal:
    estimate, low, high, observed = (round(number, 4) for number in change)
    return Signal(metric, estimate, low, high, int(since), observed)


def _notice(family_key: str, tier: str, week: int, signals: Sequence[Signal], client: int = 0) -> NoticeRow:
    """Return a notice with its first signal in its own columns; several signals are stored as a list as well."""
    # The first signal is exported in the notice's own columns (rate_ratio, low, high).
    first, several = signals[0], tuple(signals) if len(signals) > 1 else ()
    return NoticeRow(
        week,
        tier,
        family_key,
        first.key,
        first.ratio,
        first.low,
        first.high,
        first.since,
        client,
        observed=first.observed,
        signals=several,
    )


def _client_notices(
    entry: NoticeFamily, contacts: Contacts | None, exclusions: Sequence[Exclusion], answered: Sequence[NoticeRow]
) -> Iterator[NoticeRow]:
    """Yield the notices about single clients; the yearly budget covers all clients together."""
    from monitor.analysis.client_shifts import client_ratio, client_shifts

    if contacts is None or contacts.counts.empty:
        return
    included = contacts.excluding(exclusions)
    answered_weeks = _answered_weeks(answered, entry, included.counts.index, included.counts.columns.tolist())
    crossed = client_shifts(
        included.counts, included.exposure, alarms_per_year=entry.alarms_per_year, answered=answered_weeks
    )
    for index, column in np.argwhere(crossed.to_numpy()).tolist():
        client = crossed.columns[column]
        ratio = client_ratio(included.counts, included.exposure, index, client)
        if ratio is not None:
            since = crossed.index[ratio.since_week_index]
            signal = _rounded_signal(
                entry.metrics[0].metric, (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted), since
            )
            yield _notice(entry.key, WORTH_A_LOOK, int(crossed.index[index]), [signal], int(client))


def _pattern_notices(scored: Mapping[str, ScoredMetrics], answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """Yield the notices over all families together, each with the metrics that rose most."""
    import pandas as pd

    from monitor.analysis.pattern import pattern_shifts

    scores = pd.concat({key: _family_score(family(key), metrics) for key, metrics in scored.items()}, axis=1)
    answered_weeks = _answered_weeks(answered, ALL_FAMILIES, scores.index)[0]
    crossed = pattern_shifts(scores, alarms_per_year=ALL_FAMILIES.alarms_per_year, answered=answered_weeks).to_numpy()
    for index in np.flatnonzero(crossed).tolist():
        signals: list[Signal] = []
        by_score = scores.iloc[index].sort_values(ascending=False)
        for key in by_score.index[by_score >= MOVED_SCORE]:
            # One metric a family, so that two metrics of one family cannot pass for a pattern.
            leading = _leading_metrics(scored[key], index, 1)[:1]
            signals += [signal for series in leading if (signal := _signal(series, index)) is not None]
        if len(signals) >= 2:
            yield _notice(ALL_FAMILIES.key, PATTERN, int(scores.index[index]), signals)
