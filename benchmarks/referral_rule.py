"""Simulation of caseload evenness under three ways to assign referrals: the rule, round robin, fewest clients.

    python -m benchmarks.referral_rule [--practices 20] [--years 3] [--seed 1]

Fourteen clinicians of 0.4 to 1.0 FTE. A client's weight is one of the default bands (1 for 55 %, 1.25 for 20 %, 1.5 for
15 %, 2 for 10 %); three in ten come every other week; nine sessions in ten are held. A therapy ends in any week with a
chance of 1 in 40, and none ever changes hands. Referrals come at random, at the rate that keeps the practice at 20
weighted sessions a week per FTE; the first session is in the week after. Every clinician can take every client.

The rule sees what Evenhours shows on the day: the load of the last published block of four weeks, by the shipped
definition, in which a client counts for 30 days after the end of therapy. "With those assigned" adds the
referrals assigned since the last block, as ``--assign`` records them. The output is the corrected Gini over the last
year: of the true loads, and of the eight-week means that the director sees; ± is one Monte-Carlo standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.fairness import MEAN_WEEKS, gini
from monitor.analysis.referral import Candidate, Referral, rank_candidates

Floats = NDArray[np.float64]
Rule = Callable[[Sequence[Candidate], Referral], int]

CLINICIANS, LOAD_PER_FTE, YEAR = 14, 20.0, 52
FTES = (0.4, 0.5, 0.6, 0.8, 1.0)
BANDS, BAND_SHARES = (1.0, 1.25, 1.5, 2.0), (0.55, 0.20, 0.15, 0.10)
FREQUENCIES, FREQUENCY_SHARES = (1.0, 0.5), (0.7, 0.3)
HELD, ENDS, ACTIVE_WEEKS, BLOCK = 0.9, 1 / 40, 4, 4
WEIGHTED_SESSIONS = float(np.dot(BANDS, BAND_SHARES) * np.dot(FREQUENCIES, FREQUENCY_SHARES)) * HELD


def by_rule(people: Sequence[Candidate], referral: Referral) -> int:
    """Return the clinician by the shipped rule."""
    return int(rank_candidates(people, referral).candidates[0].key)


def in_turn(people: Sequence[Candidate], referral: Referral) -> int:
    """Return the clinician whose last intake is the longest ago (round robin)."""
    del referral
    return int(min(people, key=lambda person: (person.last_intake or 0, int(person.key))).key)


def fewest_clients(people: Sequence[Candidate], referral: Referral) -> int:
    """Return the clinician with the fewest clients."""
    del referral
    return int(min(people, key=lambda person: (person.clients, person.last_intake or 0)).key)


RULES: dict[str, tuple[Rule, bool]] = {
    "the rule, with those assigned": (by_rule, True),
    "the rule, without them": (by_rule, False),
    "round robin": (in_turn, True),
    "fewest clients": (fewest_clients, True),
}
"""The rule, and whether it includes referrals assigned since the last block."""


@dataclass
class Client:
    """One therapy; ``held`` are its weeks from the first session on."""

    therapist: int
    weight: float
    frequency: float
    held: list[bool] = field(default_factory=list)
    ended: bool = False

    @property
    def true_load(self) -> float:
        """The expected weighted sessions a week."""
        return 0.0 if self.ended else self.weight * self.frequency * HELD

    @property
    def shown_load(self) -> float:
        """The weighted sessions a week by the shipped definition: a mean over at most eight weeks."""
        recent = self.held[-MEAN_WEEKS:]
        return self.weight * sum(recent) / len(recent) if any(self.held[-ACTIVE_WEEKS:]) else 0.0

    def simulate_week(self, rng: np.random.Generator) -> None:
        """Simulate a week: the therapy may end, else a session may take place; the first one always does."""
        self.ended = self.ended or (bool(self.held) and rng.random() < ENDS)
        self.held.append(not self.ended and (not self.held or rng.random() < self.frequency * HELD))


class Practice:
    """A practice that starts without clients and grows under one rule."""

    def __init__(self, rng: np.random.Generator, rule: Rule, *, includes_assigned: bool) -> None:
        self.rng, self.rule, self.includes_assigned = rng, rule, includes_assigned
        self.fte = rng.choice(FTES, CLINICIANS)
        self.referrals_a_week = LOAD_PER_FTE * self.fte.sum() / WEIGHTED_SESSIONS * ENDS
        self.clients: list[Client] = []
        self.shown_loads: list[Floats] = []  # of each week
        self.block, self.assigned = np.zeros(CLINICIANS), np.zeros(CLINICIANS)
        self.last_intake, self.intakes = [0] * CLINICIANS, 0

    def loads(self, kind: str) -> Floats:
        """Return each clinician's load of one kind."""
        loads = np.zeros(CLINICIANS)
        for client in self.clients:
            loads[client.therapist] += getattr(client, kind)
        return loads

    def simulate_week(self) -> None:
        """Simulate a week: assign its referrals one after another, then hold its sessions."""
        if len(self.shown_loads) % BLOCK == 0 and self.shown_loads:
            self.block, self.assigned = np.mean(self.shown_loads[-BLOCK:], axis=0), np.zeros(CLINICIANS)
        for _ in range(self.rng.poisson(self.referrals_a_week)):
            self._refer(self.block + self.assigned)
        for client in self.clients:
            client.simulate_week(self.rng)
        self.clients = [client for client in self.clients if not client.ended or any(client.held[-ACTIVE_WEEKS:])]
        self.shown_loads.append(self.loads("shown_load"))

    def _refer(self, loads: Floats) -> None:
        referral = Referral(weight=float(self.rng.choice(BANDS, p=BAND_SHARES)))
        taker = self.rule(self._people(loads), referral)
        self.intakes += 1
        self.last_intake[taker] = self.intakes
        frequency = float(self.rng.choice(FREQUENCIES, p=FREQUENCY_SHARES))
        self.clients.append(Client(taker, referral.weight, frequency))
        if self.includes_assigned:
            self.assigned[taker] += referral.weight

    def _people(self, loads: Floats) -> list[Candidate]:
        clients = Counter(client.therapist for client in self.clients if not client.ended)
        return [
            Candidate(str(i), load, self.fte[i], self.last_intake[i], clients[i])
            for i, load in enumerate(loads.tolist())
        ]


def ginis(rule: Rule, years: int, seed: int, *, includes_assigned: bool) -> tuple[float, float]:
    """Return the mean Gini of the last year's true loads, and of the eight-week means of the shown loads."""
    practice = Practice(np.random.default_rng(seed), rule, includes_assigned=includes_assigned)
    true, shown_weeks = [], []
    for _ in range(years * YEAR):
        practice.simulate_week()
        true.append(practice.loads("true_load"))
        shown_weeks.append(practice.loads("shown_load"))
    means = [np.mean(shown_weeks[-back - MEAN_WEEKS : len(shown_weeks) - back], axis=0) for back in range(0, YEAR, 4)]
    return _mean_gini(true[-YEAR:], practice.fte), _mean_gini(means, practice.fte)


def _mean_gini(loads: Sequence[Floats], fte: Floats) -> float:
    return float(np.mean([gini(load, fte) or 0.0 for load in loads]))


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(description="Gini of the caseload under three ways to give referrals.")
    parser.add_argument("--practices", type=int, default=20)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.write(f"{'':28}{'true loads':>18}{'as shown':>18}\n")
    for name, (rule, includes_assigned) in RULES.items():
        seeds = range(options.seed * 1000, options.seed * 1000 + options.practices)
        results = np.array([ginis(rule, options.years, seed, includes_assigned=includes_assigned) for seed in seeds])
        error = results.std(axis=0, ddof=1) / np.sqrt(len(results))
        cells = (f"{mean:10.3f} ± {spread:.3f}" for mean, spread in zip(results.mean(axis=0), error, strict=True))
        sys.stdout.write(f"{name:28}{''.join(f'{cell:>18}' for cell in cells)}\n")


if __name__ == "__main__":
    main()
