"""Which weeks of a person become a notice: family by family, client by client, and over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.notices.answers import drop_answered, exclusions_from
from monitor.notices.clients import Contacts, weekly_contacts
from monitor.notices.families import (
    ALL_FAMILIES,
    FAMILIES,
    PATTERN,
    WORTH_A_LOOK,
    MetricScale,
    NoticeFamily,
    WatchedMetric,
    family,
)
from monitor.notices.rules import crossed_rules
from monitor.notices.series import MetricSeries, metric_series, weekly_table
from monitor.store.notices import NoticeRow, Signal

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames
    from monitor.notices.answers import Exclusion

MOVED_SCORE = 1.0
"""Score from which a measure is told of beside those that a notice rests on; a pattern needs two families with it."""

ScoredMetrics = Sequence[tuple[MetricSeries, "pd.Series"]]
"""The measures of a family with their scores."""


def detect_notices(frames: Frames, measured: pd.DataFrame, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """What is to be told of a person: notices and lines by week.

    ``measured`` is every weekly number before anything is left out, ``stored`` are the notices of the last night with
    their answers. What was answered keeps the client's key under which it was.
    """
    known = with_persons(frames, stored)
    found = detect_shifts(measured, frames.weeks, weekly_contacts(frames), exclusions_from(known), known)
    found = drop_answered([*found, *crossed_rules(measured, frames, known)], known)
    said_of = {one.natural_key: row.client for one, row in zip(known, stored, strict=True) if row.answer is not None}
    return [replace(row, client=said_of.get(row.natural_key, row.client)) for row in found]


def with_persons(frames: Frames, stored: Sequence[NoticeRow]) -> list[NoticeRow]:
    """The stored notices with the person in the place of each client's key: keys may have been joined since."""
    person = dict(zip(frames.clients["client"], frames.clients["person"], strict=True))
    return [replace(row, client=int(person.get(row.client, row.client))) for row in stored]


def detect_shifts(
    measured: pd.DataFrame,
    weeks: pd.DataFrame,
    contacts: Contacts | None = None,
    exclusions: Sequence[Exclusion] = (),
    stored: Sequence[NoticeRow] = (),
) -> list[NoticeRow]:
    """Return the notices in a clinician's weekly numbers, by week; :mod:`monitor.notices.rules` returns crossed rules.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``weeks`` the weeks table of the
    frames, ``contacts`` the weekly contacts with each client. ``exclusions`` count as missing weeks of their metric.
    Of the ``stored`` notices only the answered ones matter: each stands, and the next of its family keeps its distance.
    """
    answered = [row for row in stored if row.answer is not None]
    if weeks.empty:
        return []
    table = weekly_table(measured, weeks)
    scored = {entry.key: _with_scores(entry, table, exclusions) for entry in FAMILIES if not entry.by_client}
    found = [row for key, signals in scored.items() for row in _family_notices(family(key), signals, answered)]
    found += [
        row for entry in FAMILIES if entry.by_client for row in _client_notices(entry, contacts, exclusions, answered)
    ]
    return sorted([*found, *_pattern_notices(scored, answered)], key=lambda row: (row.week, row.family, row.client))


def _with_scores(entry: NoticeFamily, table: pd.DataFrame, exclusions: Sequence[Exclusion]) -> ScoredMetrics:
    """Return each measure as it is shown, with the scores of what its changes are looked for in."""

    def series(signal: WatchedMetric, metric: str) -> MetricSeries:
        return _masked(metric_series(signal, table, metric), exclusions)

    return [(series(signal, signal.metric), series(signal, signal.detection_metric).scores) for signal in entry.metrics]


def _masked(series: MetricSeries, exclusions: Sequence[Exclusion]) -> MetricSeries:
    out = np.zeros(len(series.amounts), dtype=bool)
    for exception in exclusions:
        if exception.metric == series.watched.metric and not exception.client:
            out |= exception.covers(series.amounts.index)
    return replace(series, amounts=series.amounts.mask(out), weights=series.weights.mask(out))


def _family_notices(entry: NoticeFamily, scored: ScoredMetrics, answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    for place in np.flatnonzero(_crossed_weeks(entry, scored, answered)).tolist():
        moved = [one for one, _ in _leading_metrics(scored, place, entry.min_metrics)]
        signals = [signal for one in moved if (signal := _signal(one, place)) is not None]
        if len(signals) >= entry.min_metrics:
            yield _notice(entry.key, WORTH_A_LOOK, int(scored[0][1].index[place]), signals)


def _crossed_weeks(entry: NoticeFamily, scored: ScoredMetrics, answered: Sequence[NoticeRow]) -> np.ndarray:
    """Whether a notice begins, for each week."""
    from monitor.analysis.shifts import count_shifts, score_shifts

    series = scored[0][0]
    said, budget = _answered_weeks(answered, entry, series.amounts.index), entry.alarms_per_year
    if len(entry.metrics) == 1 and series.watched.scale.is_count:
        tables = series.amounts.to_frame(), series.weights.to_frame()
        return count_shifts(*tables, alarms_per_year=budget, answered=said).to_numpy()[:, 0]
    score = _family_score(entry, scored).to_frame()
    return score_shifts(score, alarms_per_year=budget, answered=said).to_numpy()[:, 0]


def _answered_weeks(
    answered: Sequence[NoticeRow], entry: NoticeFamily, weeks: pd.Index, clients: Iterable[Any] = (0,)
) -> pd.DataFrame:
    """In which weeks a notice of the family was answered, for each client (0: of none)."""
    import pandas as pd

    said = pd.DataFrame(data=False, index=weeks, columns=list(clients))
    for row in answered:
        if row.family == entry.key and row.week in said.index and row.client in said.columns:
            said.loc[row.week, row.client] = True
    return said


def _family_score(entry: NoticeFamily, scored: ScoredMetrics) -> pd.Series:
    import pandas as pd

    from monitor.analysis.pattern import family_score

    scores = pd.concat([score for _, score in scored], axis=1)
    return scores.iloc[:, 0] if len(entry.metrics) == 1 else family_score(scores, signals=entry.min_metrics)


def _leading_metrics(scored: ScoredMetrics, place: int, least: int) -> list[tuple[MetricSeries, float]]:
    """The measures that a notice rests on, the highest score first: as many as it needs, and whatever moved as well."""
    at = sorted(
        ((one, float(score.iloc[place])) for one, score in scored), key=lambda pair: -_finite_or_lowest(pair[1])
    )
    return [
        pair for number, pair in enumerate(at) if _finite_or_lowest(pair[1]) >= (0 if number < least else MOVED_SCORE)
    ]


def _finite_or_lowest(score: float) -> float:
    return score if np.isfinite(score) else -np.inf


def _signal(series: MetricSeries, place: int) -> Signal | None:
    """How far a measure moved and since when: a ratio, or a difference where the scale is in minutes."""
    from monitor.analysis.ratios import mean_difference, rate_ratio

    values, weights, index = series.amounts.to_numpy(), series.weights.to_numpy(), series.amounts.index
    place = _last_observed(values, place)
    if series.watched.scale.is_count:
        ratio = rate_ratio(values, weights, place)
        if ratio is None:
            return None
        return _rounded_signal(
            series.watched.metric, (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted), index[ratio.since_week_index]
        )
    mean = mean_difference(values, weights, place, typical_sd=series.watched.typical_sd)
    if mean is None:
        return None
    told = (mean.difference, mean.low, mean.high, mean.unadjusted)
    if series.watched.scale is not MetricScale.MINUTES:
        told = (exp(told[0]), exp(told[1]), exp(told[2]), exp(told[3]))
    return _rounded_signal(series.watched.metric, told, index[mean.since_week_index])


def _last_observed(values: np.ndarray, place: int) -> int:
    """The week itself or, where a measure is missing in it, the last week before in which it was known."""
    known = np.flatnonzero(np.isfinite(values[: place + 1]))
    return int(known[-1]) if len(known) else place


def _rounded_signal(metric: str, told: tuple[float, float, float, float], since: int) -> Signal:
    middle, low, high, observed = (round(number, 4) for number in told)
    return Signal(metric, middle, low, high, int(since), observed)


def _notice(of_family: str, tier: str, week: int, signals: Sequence[Signal], client: int = 0) -> NoticeRow:
    """A notice led by its first signal; several are kept beside it."""
    first, kept = signals[0], tuple(signals) if len(signals) > 1 else ()
    return NoticeRow(
        week,
        tier,
        of_family,
        first.key,
        first.ratio,
        first.low,
        first.high,
        first.since,
        client,
        observed=first.observed,
        signals=kept,
    )


def _client_notices(
    entry: NoticeFamily, contacts: Contacts | None, exclusions: Sequence[Exclusion], answered: Sequence[NoticeRow]
) -> Iterator[NoticeRow]:
    """The notices about single clients; the budget is that of all of them together."""
    from monitor.analysis.client_shifts import client_ratio, client_shifts

    if contacts is None or contacts.counts.empty:
        return
    known = contacts.excluding(exclusions)
    said = _answered_weeks(answered, entry, known.counts.index, known.counts.columns.tolist())
    fired = client_shifts(known.counts, known.exposure, alarms_per_year=entry.alarms_per_year, answered=said)
    for place, column in np.argwhere(fired.to_numpy()).tolist():
        client = fired.columns[column]
        ratio = client_ratio(known.counts, known.exposure, place, client)
        if ratio is not None:
            since = fired.index[ratio.since_week_index]
            signal = _rounded_signal(
                entry.metrics[0].metric, (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted), since
            )
            yield _notice(entry.key, WORTH_A_LOOK, int(fired.index[place]), [signal], int(client))


def _pattern_notices(scored: Mapping[str, ScoredMetrics], answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """The notices over all families together, each told by the measures that rose most."""
    import pandas as pd

    from monitor.analysis.pattern import pattern_shifts

    scores = pd.concat({key: _family_score(family(key), signals) for key, signals in scored.items()}, axis=1)
    said = _answered_weeks(answered, ALL_FAMILIES, scores.index)[0]
    fired = pattern_shifts(scores, alarms_per_year=ALL_FAMILIES.alarms_per_year, answered=said).to_numpy()
    for place in np.flatnonzero(fired).tolist():
        risen = scores.iloc[place].sort_values(ascending=False)
        leading = [_leading_metrics(scored[str(key)], place, 1) for key, score in risen.items() if score >= MOVED_SCORE]
        signals = [signal for pairs in leading for one, _ in pairs[:1] if (signal := _signal(one, place)) is not None]
        if len(signals) >= 2:
            yield _notice(ALL_FAMILIES.key, PATTERN, int(scores.index[place]), signals)
