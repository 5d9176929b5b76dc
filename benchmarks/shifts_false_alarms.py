"""How often the detectors are wrong, and how soon they are right, on a simulated practice life.

    python -m benchmarks.shifts_false_alarms [--people 4000] [--seed 1]

Weekly counts of after-hours replies: own rates of 1 to 12 a week (log-normal around 5), counts more scattered than
Poisson (weekly variance μ + μ²/5, part of it carried over from week to week), up to 12 % of season, four weeks of leave
in blocks and single weeks off. Exposure is held sessions / 20. Weekly mean overruns: 18 sessions a week, deviating by
5.2 min each and by 0.5 min a week together. Everybody is watched for 110 weeks, then something changes, or nothing.

``found`` is the share with a notice within 12 weeks of the change; ``fresh`` the same among those without a notice in
the 26 weeks before, who are not already told; ``median`` the weeks until the notice, whoever is never found being last.
± is one Monte-Carlo standard error.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.ratios import MeanDifference, RateRatio, mean_difference, rate_ratio
from monitor.analysis.shifts import FIRST_NOTICE, TYPICAL_SD, count_shifts, mean_shifts

Floats = NDArray[np.float64]
Drawn = tuple[Floats, Floats]
ArrayOrFloat = Floats | float

WEEKS, ONSET = 162, 110


@dataclass(frozen=True)
class Life:
    """What is true of simulated clinicians before anything changes: (weeks, people), or one value a person."""

    rng: np.random.Generator
    rate: Floats
    sessions: Floats
    worked: NDArray[np.bool_]
    mood: Floats


def life(people: int, seed: int) -> Life:
    """So many clinicians."""
    rng = np.random.default_rng(seed)
    weeks = np.arange(WEEKS)[:, None]
    season = 1 + rng.uniform(0, 0.12, people) * np.cos(2 * np.pi * (weeks / 52 + rng.random(people)))
    carried = carried_over(rng, people, 0.15)
    usual = rng.normal(20, 5, people).clip(8, 32)
    sessions = rng.poisson(usual * np.exp(rng.normal(0, 0.12, (WEEKS, people)))).astype(float)
    rate = np.exp(rng.normal(np.log(5), 0.6, people)).clip(1, 12)
    return Life(rng, rate, sessions, worked_weeks(rng, people), season * np.exp(carried - 0.15**2 / 2))


def carried_over(rng: np.random.Generator, people: int, sd: float, share: float = 0.4) -> Floats:
    """Noise of which a share lasts into the next week."""
    noise = np.empty((WEEKS, people))
    noise[0] = rng.normal(0, sd, people)
    for week in range(1, WEEKS):
        noise[week] = share * noise[week - 1] + rng.normal(0, sd * np.sqrt(1 - share**2), people)
    return noise


def worked_weeks(rng: np.random.Generator, people: int) -> NDArray[np.bool_]:
    """All but a leave of two weeks and two single weeks a year, anywhere in it."""
    worked = np.ones((WEEKS, people), dtype=bool)
    for year in range(0, WEEKS, 52):
        for length in (2, 1, 1):
            start = year + rng.integers(0, 52, people)
            for day in range(length):
                worked[np.minimum(start + day, WEEKS - 1), np.arange(people)] = False
    return worked


def counts(
    someone: Life, effect: ArrayOrFloat = 1.0, caseload: ArrayOrFloat = 1.0, messages: ArrayOrFloat = 1.0
) -> Drawn:
    """Counts and exposure. ``caseload`` multiplies sessions; ``messages`` multiplies the counts beyond that."""
    sessions = np.round(someone.sessions * caseload)
    expected = someone.rate * sessions / 20 * someone.mood * effect * messages
    size = 1 / (1 / 5 - 0.15**2)
    drawn = someone.rng.poisson(expected * someone.rng.gamma(size, 1 / size, expected.shape)).astype(float)
    missing = ~someone.worked
    drawn[missing] = np.nan
    return drawn, np.where(missing, np.nan, sessions / 20)


def overruns(someone: Life, step: ArrayOrFloat = 0.0) -> Drawn:
    """Weekly mean overruns in minutes, and the number of sessions behind each."""
    people = len(someone.rate)
    number = np.where(someone.worked & (someone.sessions > 0), someone.sessions, np.nan)
    own_sd = 5.2 * np.exp(someone.rng.normal(0, 0.15, people))
    noise = carried_over(someone.rng, people, 0.5) + someone.rng.normal(0, 1, number.shape) * own_sd / np.sqrt(number)
    return someone.rng.normal(2, 1.5, people) + noise + step, number


def from_onset(factor: float, before: float = 1.0, ramp: int = 0) -> Floats:
    """``before``, then ``factor``, reached over ``ramp`` weeks."""
    since = np.arange(WEEKS) - ONSET + 1
    risen = np.clip(since / max(ramp, 1), 0, 1)
    return (before + (factor - before) * risen)[:, None]


def crisis(factor: float) -> Floats:
    """One week alone."""
    shape = np.ones((WEEKS, 1))
    shape[ONSET] = factor
    return shape


def notices(detector: Callable[..., pd.DataFrame], drawn: Drawn, **options: float) -> NDArray[np.bool_]:
    """(weeks, people)."""
    return detector(pd.DataFrame(drawn[0]), pd.DataFrame(drawn[1]), **options).to_numpy()


def false_alarms(found: NDArray[np.bool_], drawn: Drawn) -> str:
    """Notices a person and year in which notices were possible; the error is over people."""
    possible = (np.cumsum(np.isfinite(drawn[0]), axis=0) >= FIRST_NOTICE).sum() / 52 / found.shape[1]
    each = found.sum(axis=0) / possible
    return f"{each.mean():.3f} ± {each.std() / np.sqrt(len(each)):.3f} a year"


def detection(found: NDArray[np.bool_]) -> str:
    """Share within 12 weeks, the same for people not lately told, median weeks."""
    after, before = found[ONSET:], found[ONSET - 26 : ONSET].any(axis=0)
    weeks = np.where(after.any(axis=0), after.argmax(axis=0) + 1, np.inf)
    hit = weeks <= 12
    error = np.sqrt(hit.mean() * (1 - hit.mean()) / len(hit))
    return f"found {hit.mean():6.1%} ± {error:.1%}   fresh {hit[~before].mean():6.1%}   median {np.median(weeks):.0f}"


def coverage(
    explain: Callable[[Floats, Floats, int], RateRatio | MeanDifference | None],
    found: NDArray[np.bool_],
    drawn: Drawn,
    true: Floats,
) -> str:
    """How often the 90 % interval holds the true change, at notices of the first half year after it."""
    rows = []
    for week, person in np.argwhere(found[ONSET : ONSET + 26]):
        said = explain(drawn[0][:, person], drawn[1][:, person], week + ONSET)
        if said is not None:
            middle = said.ratio if isinstance(said, RateRatio) else said.difference
            off = abs(said.since_week_index - ONSET)
            rows.append((said.low <= true[person] <= said.high, middle, true[person], off))
    inside, middle, truth, off = np.array(rows, dtype=float).T
    error = np.sqrt(inside.mean() * (1 - inside.mean()) / len(inside))
    sure = f"covers {inside.mean():6.1%} ± {error:.1%} of {len(inside)}"
    return f"{sure}   said {middle.mean():.2f}   true {truth.mean():.2f}   start off by {np.median(off):.0f}"


def count_lines(people: int, seed: int) -> Iterable[tuple[str, str]]:
    """Figures of the count detector."""
    someone = life(people, seed)
    for budget in (0.5, 0.25, 0.1):
        drawn = counts(someone)
        yield f"no change, budget {budget}", false_alarms(notices(count_shifts, drawn, alarms_per_year=budget), drawn)
    half, more = from_onset(0.5), from_onset(1.5)
    scenarios = {
        "nothing happens": {},
        "step ×1.5": {"effect": more},
        "step ×2": {"effect": from_onset(2)},
        "ramp to ×2 in 8 weeks": {"effect": from_onset(2, ramp=8)},
        "one crisis week ×5": {"effect": crisis(5)},
        "caseload ×1.5, same rate": {"caseload": more},
        "sessions halved, same messages": {"caseload": half, "messages": 1 / half},
    }
    for name, change in scenarios.items():
        yield name, detection(notices(count_shifts, counts(someone, **change)))


def mean_lines(people: int, seed: int) -> Iterable[tuple[str, str]]:
    """Figures of the detector of means."""
    someone = life(people, seed)
    for budget in (0.5, 0.25, 0.1):
        drawn = overruns(someone)
        yield f"no change, budget {budget}", false_alarms(notices(mean_shifts, drawn, alarms_per_year=budget), drawn)
    for step in (1, 2):
        yield f"overruns +{step} min", detection(notices(mean_shifts, overruns(someone, from_onset(step, before=0))))


def interval_lines(people: int, seed: int) -> Iterable[tuple[str, str]]:
    """Coverage of the 90 % intervals at notices."""
    someone = life(people, seed)
    ratios = {f"ratio, truly ×{factor}": np.full(people, factor) for factor in (1.0, 1.25, 1.5, 2.0)}
    ratios["ratio, truth from the prior"] = np.exp(someone.rng.normal(0, 0.4, people))
    for name, true in ratios.items():
        drawn = counts(someone, effect=1 + from_onset(1, before=0) * (true - 1))
        yield name, coverage(rate_ratio, notices(count_shifts, drawn), drawn, true)
    differences = {f"difference, truly +{step} min": np.full(people, float(step)) for step in (0, 1, 2)}
    differences["difference, truth from the prior"] = someone.rng.normal(0, TYPICAL_SD, people)
    for name, true in differences.items():
        drawn = overruns(someone, from_onset(1, before=0) * true)
        yield name, coverage(mean_difference, notices(mean_shifts, drawn), drawn, true)


def speed_lines(seed: int) -> Iterable[tuple[str, str]]:
    """Milliseconds a series of 104 weeks, a thousand at a time and one alone."""
    someone = life(1000, seed)
    for detector, drawn in ((count_shifts, counts(someone)), (mean_shifts, overruns(someone))):
        tables = [pd.DataFrame(part[:104]) for part in drawn]
        single = [table[[0]] for table in tables]
        bulk = min(seconds(detector, tables) for _ in range(3)) / 1000
        alone = min(seconds(detector, single) for _ in range(20))
        yield detector.__name__, f"{bulk * 1000:.2f} ms in bulk, {alone * 1000:.2f} ms alone"


def seconds(detector: Callable[..., pd.DataFrame], tables: list[pd.DataFrame]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    detector(*tables)
    return time.perf_counter() - start


def main() -> None:
    """Print every figure."""
    options = argparse.ArgumentParser(description="False alarms and detection of the shift detectors.")
    options.add_argument("--people", type=int, default=4000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    parts = {
        "Counts": count_lines(chosen.people, chosen.seed),
        "Means": mean_lines(chosen.people, chosen.seed + 1),
        "Intervals of nominal 90 % at notices": interval_lines(chosen.people, chosen.seed + 2),
        "Speed, 104 weeks": speed_lines(chosen.seed + 3),
    }
    for title, lines in parts.items():
        sys.stdout.write(f"\n{title}\n")
        for name, figures in lines:
            sys.stdout.write(f"  {name:<34} {figures}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
