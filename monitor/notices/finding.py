"""Which weeks of a person become a notice: family by family, client by client, and over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.notices.clients import Contacts
from monitor.notices.families import FAMILIES, PATTERN, POOLED, WORTH_A_LOOK, NoticeFamily, Scale, Watched, family
from monitor.notices.series import Series, consecutive, series_of
from monitor.store.notices import NoticeRow, Signal

if TYPE_CHECKING:
    import pandas as pd

    from monitor.notices.answers import LeftOut

MOVED = 1.0
"""Score from which a measure is told of beside those that a notice rests on; a pattern needs two families with it."""

Scored = Sequence[tuple[Series, "pd.Series"]]
"""The measures of a family with their scores."""


def find(
    measured: pd.DataFrame,
    weeks: pd.DataFrame,
    contacts: Contacts | None = None,
    left_out: Sequence[LeftOut] = (),
    stored: Sequence[NoticeRow] = (),
) -> list[NoticeRow]:
    """Every notice in a clinician's weekly numbers, by week; lines are found by :mod:`monitor.notices.crossing`.

    ``measured`` is what :func:`monitor.analysis.catalogue.compute_metrics` returned, ``weeks`` the weeks table of the
    frames, ``contacts`` what passed with each client. Weeks that are ``left_out`` of a measure count as missing there.
    Of what is ``stored``, a notice that was answered stands, and the next of its kind keeps its distance from it.
    """
    answered = [row for row in stored if row.answer is not None]
    if weeks.empty:
        return []
    table = consecutive(measured, weeks)
    scored = {entry.key: _scored(entry, table, left_out) for entry in FAMILIES if not entry.by_client}
    found = [row for key, signals in scored.items() for row in _of_family(family(key), signals, answered)]
    found += [row for entry in FAMILIES if entry.by_client for row in _of_clients(entry, contacts, left_out, answered)]
    return sorted([*found, *_pattern(scored, answered)], key=lambda row: (row.week, row.family, row.client))


def _scored(entry: NoticeFamily, table: pd.DataFrame, left_out: Sequence[LeftOut]) -> Scored:
    """Return each measure as it is shown, with the scores of what its changes are looked for in."""

    def series(signal: Watched, metric: str) -> Series:
        return _without(series_of(signal, table, metric), left_out)

    return [(series(signal, signal.metric), series(signal, signal.found_in).scores) for signal in entry.signals]


def _without(series: Series, left_out: Sequence[LeftOut]) -> Series:
    out = np.zeros(len(series.amounts), dtype=bool)
    for exception in left_out:
        if exception.metric == series.signal.metric and not exception.client:
            out |= exception.holds(series.amounts.index)
    return replace(series, amounts=series.amounts.mask(out), weights=series.weights.mask(out))


def _of_family(entry: NoticeFamily, scored: Scored, answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    for place in np.flatnonzero(_fired(entry, scored, answered)).tolist():
        moved = [one for one, _ in _leading(scored, place, entry.min_signals)]
        signals = [signal for one in moved if (signal := _signal(one, place)) is not None]
        if len(signals) >= entry.min_signals:
            yield _row(entry.key, WORTH_A_LOOK, int(scored[0][1].index[place]), signals)


def _fired(entry: NoticeFamily, scored: Scored, answered: Sequence[NoticeRow]) -> np.ndarray:
    """Whether a notice begins, for each week."""
    from monitor.analysis.shifts import count_shifts, score_shifts

    series = scored[0][0]
    said, budget = _weeks_of(answered, entry, series.amounts.index), entry.alarms_per_year
    if len(entry.signals) == 1 and series.signal.scale.counted:
        tables = series.amounts.to_frame(), series.weights.to_frame()
        return count_shifts(*tables, alarms_per_year=budget, answered=said).to_numpy()[:, 0]
    score = _family_score(entry, scored).to_frame()
    return score_shifts(score, alarms_per_year=budget, answered=said).to_numpy()[:, 0]


def _weeks_of(
    answered: Sequence[NoticeRow], entry: NoticeFamily, weeks: pd.Index, clients: Iterable[Any] = (0,)
) -> pd.DataFrame:
    """In which weeks a notice of the family was answered, for each client (0: of none)."""
    import pandas as pd

    said = pd.DataFrame(data=False, index=weeks, columns=list(clients))
    for row in answered:
        if row.family == entry.key and row.week in said.index and row.client in said.columns:
            said.loc[row.week, row.client] = True
    return said


def _family_score(entry: NoticeFamily, scored: Scored) -> pd.Series:
    import pandas as pd

    from monitor.analysis.pattern import family_score

    scores = pd.concat([score for _, score in scored], axis=1)
    return scores.iloc[:, 0] if len(entry.signals) == 1 else family_score(scores, signals=entry.min_signals)


def _leading(scored: Scored, place: int, least: int) -> list[tuple[Series, float]]:
    """The measures that a notice rests on, the highest score first: as many as it needs, and whatever moved as well."""
    at = sorted(((one, float(score.iloc[place])) for one, score in scored), key=lambda pair: -_or_low(pair[1]))
    return [pair for number, pair in enumerate(at) if _or_low(pair[1]) >= (0 if number < least else MOVED)]


def _or_low(score: float) -> float:
    return score if np.isfinite(score) else -np.inf


def _signal(series: Series, place: int) -> Signal | None:
    """How far a measure moved and since when: a ratio, or a difference where the scale is in minutes."""
    from monitor.analysis.ratios import mean_difference, rate_ratio

    values, weights, index = series.amounts.to_numpy(), series.weights.to_numpy(), series.amounts.index
    place = _last_observed(values, place)
    if series.signal.scale.counted:
        ratio = rate_ratio(values, weights, place)
        if ratio is None:
            return None
        return _rounded(
            series.signal.metric, (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted), index[ratio.since_week_index]
        )
    mean = mean_difference(values, weights, place, typical_sd=series.signal.typical_sd)
    if mean is None:
        return None
    told = (mean.difference, mean.low, mean.high, mean.unadjusted)
    if series.signal.scale is not Scale.MINUTES:
        told = (exp(told[0]), exp(told[1]), exp(told[2]), exp(told[3]))
    return _rounded(series.signal.metric, told, index[mean.since_week_index])


def _last_observed(values: np.ndarray, place: int) -> int:
    """The week itself or, where a measure is missing in it, the last week before in which it was known."""
    known = np.flatnonzero(np.isfinite(values[: place + 1]))
    return int(known[-1]) if len(known) else place


def _rounded(metric: str, told: tuple[float, float, float, float], since: int) -> Signal:
    middle, low, high, observed = (round(number, 4) for number in told)
    return Signal(metric, middle, low, high, int(since), observed)


def _row(of_family: str, tier: str, week: int, signals: Sequence[Signal], client: int = 0) -> NoticeRow:
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


def _of_clients(
    entry: NoticeFamily, contacts: Contacts | None, left_out: Sequence[LeftOut], answered: Sequence[NoticeRow]
) -> Iterator[NoticeRow]:
    """The notices about single clients; the budget is that of all of them together."""
    from monitor.analysis.client_shifts import client_ratio, client_shifts

    if contacts is None or contacts.counts.empty:
        return
    known = contacts.without(left_out)
    said = _weeks_of(answered, entry, known.counts.index, known.counts.columns.tolist())
    fired = client_shifts(known.counts, known.exposure, alarms_per_year=entry.alarms_per_year, answered=said)
    for place, column in np.argwhere(fired.to_numpy()).tolist():
        client = fired.columns[column]
        ratio = client_ratio(known.counts, known.exposure, place, client)
        if ratio is not None:
            since = fired.index[ratio.since_week_index]
            signal = _rounded(entry.signals[0].metric, (ratio.ratio, ratio.low, ratio.high, ratio.unadjusted), since)
            yield _row(entry.key, WORTH_A_LOOK, int(fired.index[place]), [signal], int(client))


def _pattern(scored: Mapping[str, Scored], answered: Sequence[NoticeRow]) -> Iterator[NoticeRow]:
    """The notices over all families together, each told by the measures that rose most."""
    import pandas as pd

    from monitor.analysis.pattern import pattern_shifts

    scores = pd.concat({key: _family_score(family(key), signals) for key, signals in scored.items()}, axis=1)
    said = _weeks_of(answered, POOLED, scores.index)[0]
    fired = pattern_shifts(scores, alarms_per_year=POOLED.alarms_per_year, answered=said).to_numpy()
    for place in np.flatnonzero(fired).tolist():
        risen = scores.iloc[place].sort_values(ascending=False)
        leading = [_leading(scored[str(key)], place, 1) for key, score in risen.items() if score >= MOVED]
        signals = [signal for pairs in leading for one, _ in pairs[:1] if (signal := _signal(one, place)) is not None]
        if len(signals) >= 2:
            yield _row(POOLED.key, PATTERN, int(scores.index[place]), signals)
