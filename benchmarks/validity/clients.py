"""Simulated clients of one clinician: some write often, most seldom, therapies begin and end, weeks are missed.

Tables run along (weeks, clients), NaN where a client is not in treatment or the clinician is away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.validity.simulator import IN_TIME, ONSET, WEEKS, Bools, Floats

WEEK_SIZE = 2.0
"""Size of a client's week around the client's rate: contacts come in clusters."""

LEAST_BEFORE = 26
"""Weeks for which the client has been coming in whom something changes."""


@dataclass(frozen=True)
class Clients:
    """Contacts and weeks in treatment of one clinician's clients, their true rates, and in whom something changes."""

    counts: Floats
    exposure: Floats
    usual: Floats
    changed: int


def clients(seed: int, more: float = 0.0) -> Clients:
    """Twenty to thirty clients at a time; from the onset on, one of them writes so much more a week."""
    rng = np.random.default_rng((seed, 9))
    own = 0.5 * np.exp(rng.normal(0, 0.4))
    coming = in_treatment(rng, int(rng.integers(20, 31)))
    changed = one_who_stays(rng, coming)
    coming &= rng.random((WEEKS, 1)) > 5 / 52
    usual = rng.gamma(1, own, coming.shape[1])
    now = np.repeat(usual[None, :], WEEKS, axis=0)
    now[ONSET:, changed] += more
    contacts = rng.poisson(now * rng.gamma(WEEK_SIZE, 1 / WEEK_SIZE, now.shape))
    return Clients(np.where(coming, contacts, np.nan), np.where(coming, 1.0, np.nan), usual, changed)


def in_treatment(rng: np.random.Generator, places: int) -> Bools:
    """Each place is taken by one client after another, for a year and more on average, some for a few weeks."""
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


def one_who_stays(rng: np.random.Generator, coming: Bools) -> int:
    """Somebody who has been coming for a while and will be until the change can be found."""
    before, after = coming[ONSET - LEAST_BEFORE : ONSET], coming[ONSET : ONSET + IN_TIME]
    return int(rng.choice(np.flatnonzero(before.all(axis=0) & after.all(axis=0))))
