"""Simulated clients of one clinician: some write often, most rarely; therapies begin and end; weeks are missed.

Tables run along (weeks, clients), NaN where a client is not in treatment or the clinician is away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import ONSET, WEEKS, WEEKS_IN_TIME, Bools, Floats

WEEK_SIZE = 2.0
"""Size of the gamma distribution of a client's week around the client's rate: contacts come in clusters."""

MIN_WEEKS_BEFORE = 26
"""The least number of weeks in treatment before a client changes."""


@dataclass(frozen=True)
class SimulatedClients:
    """Contacts and weeks in treatment of one clinician's clients, their true rates, and the client who changes."""

    counts: Floats
    exposure: Floats
    usual: Floats
    changed: int


def simulate_clients(seed: int, more: float = 0.0) -> SimulatedClients:
    """Simulate twenty to thirty clients at a time; from the onset on, one of them writes so much ``more`` a week."""
    rng = np.random.default_rng((seed, 9))
    mean_rate = 0.5 * np.exp(rng.normal(0, 0.4))
    in_treatment = treatment_weeks(rng, int(rng.integers(20, 31)))
    changed = pick_lasting_client(rng, in_treatment)
    in_treatment &= rng.random((WEEKS, 1)) > 5 / 52
    usual = rng.gamma(1, mean_rate, in_treatment.shape[1])
    rate = np.repeat(usual[None, :], WEEKS, axis=0)
    rate[ONSET:, changed] += more
    contacts = rng.poisson(rate * rng.gamma(WEEK_SIZE, 1 / WEEK_SIZE, rate.shape))
    return SimulatedClients(
        np.where(in_treatment, contacts, np.nan), np.where(in_treatment, 1.0, np.nan), usual, changed
    )


def treatment_weeks(rng: np.random.Generator, places: int) -> Bools:
    """Return the weeks in treatment: in each place one client after another, for a year or so, some for weeks."""
    spans = []
    for _ in range(places):
        start = -int(rng.integers(0, 80))
        while start < WEEKS:
            length = int(rng.gamma(2, 30)) + 4
            spans.append((start, start + length))
            start += length
    begin, end = np.array([span for span in spans if span[1] > 0]).T
    week = np.arange(WEEKS)[:, None]
    return np.asarray((week >= begin) & (week < end))


def pick_lasting_client(rng: np.random.Generator, in_treatment: Bools) -> int:
    """Return a client who is in treatment from long before the onset until the change can be found."""
    before, after = in_treatment[ONSET - MIN_WEEKS_BEFORE : ONSET], in_treatment[ONSET : ONSET + WEEKS_IN_TIME]
    return int(rng.choice(np.flatnonzero(before.all(axis=0) & after.all(axis=0))))
