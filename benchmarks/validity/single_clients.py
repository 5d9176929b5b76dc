"""The comparison for single clients; the budget of false notices is that of all clients of a clinician together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.validity.clients import SimulatedClients, simulate_clients
from benchmarks.validity.methods import EVENHOURS, ORACLE, positive_or_nan, window_sums
from benchmarks.validity.notices import BUDGET, find_threshold, notices
from benchmarks.validity.rows import ORDINARY, Row, change_row, ordinary_row
from benchmarks.validity.simulator import ONSET, WEEKS, Bools, Floats
from monitor.analysis.client_shifts import FIRST_NOTICE, FURTHEST, NEAREST, UsualRates, client_shifts, rise_evidence

MEASURE, UNSHRUNK = "one client", "an unshrunk ratio, 8 weeks"
CHANGES = {"+1 a week": 1.0, "+2 a week": 2.0}
YEARS = (WEEKS - FIRST_NOTICE) / 52

Score = Callable[[SimulatedClients], Floats]


def unshrunk_ratio(clients: SimulatedClients) -> Floats:
    """Return the rate of the last eight weeks over that of the baseline, 0 where one is unknown."""
    y, e = np.nan_to_num(clients.counts), np.nan_to_num(clients.exposure)
    now = window_sums(y, 0, 7) / positive_or_nan(window_sums(e, 0, 7))
    return np.nan_to_num(
        now / positive_or_nan(window_sums(y, NEAREST, FURTHEST) / positive_or_nan(window_sums(e, NEAREST, FURTHEST)))
    )


def oracle_evidence(clients: SimulatedClients) -> Floats:
    """Return the product's evidence with the true rates."""
    y, e = np.nan_to_num(clients.counts), np.nan_to_num(clients.exposure)
    rate = np.broadcast_to(clients.usual, y.shape)
    return rise_evidence(y, e, UsualRates(rate, np.full_like(y, np.inf)))


RIVALS: dict[str, tuple[Score, tuple[float, float]]] = {
    UNSHRUNK: (unshrunk_ratio, (1, 40)),
    ORACLE: (oracle_evidence, (0, 12)),
}


def client_notices(score: Floats, clients: SimulatedClients, height: float) -> Bools:
    """Apply the product's rule to a score."""
    return notices(score >= height, np.isfinite(clients.exposure), FIRST_NOTICE)


def product_notices(clients: SimulatedClients) -> Bools:
    """Return the notices of ``client_shifts`` at its nominal budget."""
    return client_shifts(pd.DataFrame(clients.counts), pd.DataFrame(clients.exposure)).to_numpy()


def simulate_practices(number: int, seed: int, more: float = 0.0) -> list[SimulatedClients]:
    """Simulate the clients of so many clinicians."""
    return [simulate_clients(seed * 10_000 + index, more) for index in range(number)]


def thresholds(clinicians: int, seed: int) -> dict[tuple[str, str], float]:
    """Return the thresholds at which the rivals keep the budget over all clients."""
    ordinary = simulate_practices(clinicians, seed)
    limits = {}
    for name, (score, between) in RIVALS.items():
        scored = [(score(clients), clients) for clients in ordinary]

        def rate(height: float, scored: list[tuple[Floats, SimulatedClients]] = scored) -> float:
            return sum(float(client_notices(*pair, height).sum()) for pair in scored) / len(scored) / YEARS

        limits[MEASURE, name] = find_threshold(rate, between, 12, BUDGET)
    return limits


def rows(seed: int, clinicians: int, limits: dict[tuple[str, str], float]) -> list[Row]:
    """Return the rows of ordinary life and of one client who writes more."""
    methods: dict[str, Callable[[SimulatedClients], Bools]] = {EVENHOURS: product_notices}
    for name, (score, _) in RIVALS.items():
        methods[name] = partial(_notices_of_score, score, limits[MEASURE, name])
    ordinary = simulate_practices(clinicians, seed)
    changed = {name: simulate_practices(clinicians, seed, more) for name, more in CHANGES.items()}
    results = []
    for method, notices_of in methods.items():
        false = np.array([float(notices_of(clients).sum()) for clients in ordinary])
        results.append(ordinary_row(MEASURE, method, ORDINARY, false, np.full(clinicians, YEARS)))
        for name, practices in changed.items():
            weeks = [weeks_to_client_notice(notices_of(clients), clients) for clients in practices]
            results.append(change_row(MEASURE, method, name, np.array(weeks)))
    return results


def _notices_of_score(score: Score, height: float, clients: SimulatedClients) -> Bools:
    return client_notices(score(clients), clients, height)


def weeks_to_client_notice(notices: Bools, clients: SimulatedClients) -> float:
    """Return the weeks to the first notice about the client who changed; infinite without one."""
    after = notices[ONSET:, clients.changed]
    return float(after.argmax() + 1) if after.any() else np.inf
