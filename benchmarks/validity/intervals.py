"""How often the intervals that people are told hold the truth.

Of counts and means, at the notices of the half year after a change; of one client, in any week of that half year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.validity.clients import clients
from benchmarks.validity.simulator import ONSET, Change, Drawn, Floats, counts, lives, overruns, step
from benchmarks.validity.tables import line, rule
from monitor.analysis.client_shifts import LOG_RATIO_SD, client_ratio
from monitor.analysis.ratios import MeanDifference, RateRatio, mean_difference, rate_ratio
from monitor.analysis.shifts import TYPICAL_SD, count_shifts, mean_shifts

AFTER = 26
LOG_RATE_SD = 0.4
"""The prior of a notice's log ratio."""

Told = tuple[str, Floats]
"""What changed, and a row for each interval: whether it holds the truth, what was said, what is true."""


def interval_table(seeds: list[int], people: int, clinicians: int) -> str:
    """What the intervals hold, all seeds together."""
    rows: dict[str, list[Floats]] = {}
    for seed in seeds:
        for name, found in told(seed, people, clinicians):
            rows.setdefault(name, []).append(found)
    lines = [line("an interval of nominal 90 %", "holds the truth", "said", "true"), rule(4)]
    for name, parts in rows.items():
        inside, said, true = np.concatenate(parts).T
        error = np.sqrt(inside.mean() * (1 - inside.mean()) / len(inside))
        held = f"{100 * inside.mean():.1f} ± {100 * error:.1f} % of {len(inside)}"
        lines.append(line(name, held, f"{said.mean():.2f}", f"{true.mean():.2f}"))
    return "\n".join(lines)


def told(seed: int, people: int, clinicians: int) -> Iterator[Told]:
    """Every kind of interval on every kind of change: fixed ones, and some drawn from the interval's own prior."""
    someone, rng = lives(people, seed), np.random.default_rng((seed, 30))
    for name, ratio in (
        *_fixed(people, 1.0, 1.25, 1.5, 2.0),
        ("its prior", np.exp(rng.normal(0, LOG_RATE_SD, people))),
    ):
        drawn = counts(someone, Change(rate=1 + step(1, before=0) * (ratio - 1)))
        yield f"a ratio, truly {name}", _at_notices(rate_ratio, count_shifts, drawn, ratio)
    for name, more in (*_fixed(people, 0.0, 1.0, 2.0), ("its prior", rng.normal(0, TYPICAL_SD, people))):
        drawn = overruns(someone, Change(overrun=step(1, before=0) * more))
        yield f"minutes more, truly {name}", _at_notices(mean_difference, mean_shifts, drawn, more)
    ratios, after = np.exp(rng.normal(0, LOG_RATIO_SD, clinicians)), rng.integers(0, AFTER, clinicians)
    yield "one client's ratio, truly its prior", _of_clients(seed, ratios, after)


def _fixed(people: int, *truths: float) -> Iterator[tuple[str, Floats]]:
    for true in truths:
        yield f"{true:g}", np.full(people, true)


def _at_notices(
    explain: Callable[[Floats, Floats, int], RateRatio | MeanDifference | None],
    detector: Callable[..., pd.DataFrame],
    drawn: Drawn,
    truth: Floats,
) -> Floats:
    notices = detector(pd.DataFrame(drawn.amounts), pd.DataFrame(drawn.weights)).to_numpy()
    rows = []
    for week, person in np.argwhere(notices[ONSET : ONSET + AFTER]).tolist():
        said = explain(drawn.amounts[:, person], drawn.weights[:, person], ONSET + week)
        if said is not None:
            middle = said.ratio if isinstance(said, RateRatio) else said.difference
            rows.append((said.low <= truth[person] <= said.high, middle, truth[person]))
    return np.array(rows, dtype=float).reshape(-1, 3)


def _of_clients(seed: int, ratios: Floats, after: NDArray[np.int64]) -> Floats:
    rows = []
    for at, (true, weeks) in enumerate(zip(ratios.tolist(), after.tolist(), strict=True)):
        before = clients(seed * 10_000 + at)
        theirs = clients(seed * 10_000 + at, before.usual[before.changed] * (true - 1))
        tables = pd.DataFrame(theirs.counts), pd.DataFrame(theirs.exposure)
        said = client_ratio(*tables, ONSET + weeks, theirs.changed)
        if said is not None:
            rows.append((said.low <= true <= said.high, said.ratio, true))
    return np.array(rows, dtype=float).reshape(-1, 3)
