"""Benchmark of the fairness figures: coverage and bias of the Gini's interval, and its value for equal loads.

    python -m benchmarks.fairness_intervals [--practices 2000] [--seed 1]

Clinicians' loads per FTE are log-normal around 20 sessions a week; the true Gini is that of the distribution.
"""

from __future__ import annotations

import argparse
import sys
from statistics import NormalDist

import numpy as np

from monitor.analysis.fairness import chance_levels, gini, gini_interval


def index_line(rng: np.random.Generator, clinicians: int, spread: float, practices: int, *, part_time: bool) -> str:
    """Return coverage and bias over a number of practices."""
    true = 2 * NormalDist().cdf(spread / np.sqrt(2)) - 1
    is_covered, errors = [], []
    for _ in range(practices):
        fte = rng.choice([0.4, 0.5, 0.6, 0.8, 1.0], clinicians) if part_time else np.ones(clinicians)
        load = fte * 20 * np.exp(rng.normal(0, spread, clinicians))
        low, high = gini_interval(load, fte) or (np.nan, np.nan)
        is_covered.append(low <= true <= high)
        errors.append((gini(load, fte) or 0.0) - true)
    return (
        f"covers {np.mean(is_covered):6.1%}   bias {np.mean(errors):+.4f} ± {np.std(errors) / np.sqrt(practices):.4f}"
    )


def noise_line(rng: np.random.Generator, weeks: int, practices: int) -> str:
    """Return the mean corrected Gini of 14 clinicians with equal true loads."""
    loads = rng.poisson(20 * weeks, (practices, 14))
    return f"{np.mean([gini(load, np.ones(14)) or 0.0 for load in loads]):.3f}"


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description="Coverage and bias of the fairness indices.")
    parser.add_argument("--practices", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    sys.stdout.write(
        f"14 equal true loads of 20: {chance_levels([20] * 14, [1] * 14).sessions_to_move:.1f} sessions would move\n"
    )
    for weeks in (1, 8):
        sys.stdout.write(f"Gini of equal true loads over {weeks} weeks: {noise_line(rng, weeks, options.practices)}\n")
    for clinicians in (4, 6, 8, 14, 30):
        for spread in (0.1, 0.2, 0.35):
            for part_time in (False, True):
                line = index_line(rng, clinicians, spread, options.practices, part_time=part_time)
                kind = "part-time" if part_time else "full-time"
                sys.stdout.write(f"{clinicians:3} clinicians, {kind}, log spread {spread:<4}  {line}\n")


if __name__ == "__main__":
    main()
