"""The coverage of the intervals in notices: the share of them that contains the truth.

For counts and means at the notices of the half year after a change; for one client in any week of that half year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.validity.clients import simulate_clients
from benchmarks.validity.simulator import (
    ONSET,
    Change,
    Floats,
    SimulatedSeries,
    counts,
    overruns,
    simulate_population,
    step,
)
from benchmarks.validity.tables import header_rule, table_row
from monitor.analysis.client_shifts import LOG_RATIO_SD, client_ratio
from monitor.analysis.ratios import MeanDifference, RateRatio, mean_difference, rate_ratio
from monitor.analysis.shifts import TYPICAL_SD, count_shifts, mean_shifts

AFTER = 26
LOG_RATE_SD = 0.4
"""The standard deviation of the prior of a notice's log ratio."""

IntervalRows = tuple[str, Floats]
"""A change, and a row for each interval: whether it contains the truth, the estimate, and the truth."""


def interval_table(seeds: list[int], people: int, clinicians: int) -> str:
    """Return the table of the intervals, all seeds together."""
    rows: dict[str, list[Floats]] = {}
    for seed in seeds:
        for name, intervals in interval_rows(seed, people, clinicians):
            rows.setdefault(name, []).append(intervals)
    lines = [table_row("an interval of nominal 90 %", "contains the truth", "estimate", "true"), header_rule(4)]
    for name, parts in rows.items():
        inside, estimate, true = np.concatenate(parts).T
        error = np.sqrt(inside.mean() * (1 - inside.mean()) / len(inside))
        coverage = f"{100 * inside.mean():.1f} ± {100 * error:.1f} % of {len(inside)}"
        lines.append(table_row(name, coverage, f"{estimate.mean():.2f}", f"{true.mean():.2f}"))
    return "\n".join(lines)


def interval_rows(seed: int, people: int, clinicians: int) -> Iterator[IntervalRows]:
    """Yield every kind of interval for every kind of change: fixed ones, and some drawn from the prior."""
    population, rng = simulate_population(people, seed), np.random.default_rng((seed, 30))
    for name, ratio in (
        *_fixed(people, 1.0, 1.25, 1.5, 2.0),
        ("its prior", np.exp(rng.normal(0, LOG_RATE_SD, people))),
    ):
        series = counts(population, Change(rate=1 + step(1, before=0) * (ratio - 1)))
        yield f"a ratio, truly {name}", _at_notices(rate_ratio, count_shifts, series, ratio)
    for name, more in (*_fixed(people, 0.0, 1.0, 2.0), ("its prior", rng.normal(0, TYPICAL_SD, people))):
        series = overruns(population, Change(overrun=step(1, before=0) * more))
        yield f"minutes more, truly {name}", _at_notices(mean_difference, mean_shifts, series, more)
    ratios, after = np.exp(rng.normal(0, LOG_RATIO_SD, clinicians)), rng.integers(0, AFTER, clinicians)
    yield "one client's ratio, truly its prior", _of_clients(seed, ratios, after)


def _fixed(people: int, *truths: float) -> Iterator[tuple[str, Floats]]:
    for true in truths:
        yield f"{true:g}", np.full(people, true)


def _at_notices(
    explain: Callable[[Floats, Floats, int], RateRatio | MeanDifference | None],
    detector: Callable[..., pd.DataFrame],
    series: SimulatedSeries,
    truth: Floats,
) -> Floats:
    notices = detector(pd.DataFrame(series.amounts), pd.DataFrame(series.weights)).to_numpy()
    rows = []
    for week, person in np.argwhere(notices[ONSET : ONSET + AFTER]).tolist():
        estimate = explain(series.amounts[:, person], series.weights[:, person], ONSET + week)
        if estimate is not None:
            middle = estimate.ratio if isinstance(estimate, RateRatio) else estimate.difference
            rows.append((estimate.low <= truth[person] <= estimate.high, middle, truth[person]))
    return np.array(rows, dtype=float).reshape(-1, 3)


def _of_clients(seed: int, ratios: Floats, after: NDArray[np.int64]) -> Floats:
    rows = []
    for number, (true, weeks) in enumerate(zip(ratios.tolist(), after.tolist(), strict=True)):
        before = simulate_clients(seed * 10_000 + number)
        clients = simulate_clients(seed * 10_000 + number, before.usual[before.changed] * (true - 1))
        tables = pd.DataFrame(clients.counts), pd.DataFrame(clients.exposure)
        estimate = client_ratio(*tables, ONSET + weeks, clients.changed)
        if estimate is not None:
            rows.append((estimate.low <= true <= estimate.high, estimate.ratio, true))
    return np.array(rows, dtype=float).reshape(-1, 3)
