"""False notices of all families together, for people without a change.

The weekly numbers of all six families are simulated together (they share weeks, leave, season and mood) and given to
:func:`monitor.notices.detect_shifts`, as in a nightly run; every notice that it returns is false.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.validity.clients import simulate_clients
from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.notices import possible_years
from benchmarks.validity.rows import ORDINARY, Row, ordinary_row
from benchmarks.validity.simulator import (
    WEEKS,
    Floats,
    Population,
    SimulatedSeries,
    counts,
    latencies,
    overruns,
    simulate_population,
)
from monitor.notices import ALL_FAMILIES, FAMILIES, detect_shifts
from monitor.notices.series import Contacts

MEASURE, ALL = "all that is watched", "everything"
MONDAYS = np.arange(WEEKS) * 7 + 4
"""Day numbers of consecutive Mondays; the first is 5 January 1970."""

SHORT_NIGHTS, CALLED_OFF, CUT_SHORT = (0.1, 0.8), (0.01, 0.06), (0.02, 0.12)
"""The ranges of the usual short nights a week, and of the usual shares of sessions."""

HOURS_A_SESSION, LOAD_WEEKS, WORKED_DAYS = 0.85, 8, 5


def rows(seed: int, people: int) -> list[Row]:
    """Return the notices per person and year of ordinary life, by family and in total."""
    population = simulate_population(people, seed)
    notices = [detect_shifts(*inputs) for inputs in nightly_inputs(population)]
    possible = possible_years(counts(population).observed)
    families = [entry.key for entry in (*FAMILIES, ALL_FAMILIES)]
    counts_by_family = {
        key: np.array([float(sum(notice.family == key for notice in own)) for own in notices]) for key in families
    }
    counts_by_family[ALL] = np.array([float(len(own)) for own in notices])
    return [
        ordinary_row(f"{MEASURE}: {key}", EVENHOURS, ORDINARY, false, possible)
        for key, false in counts_by_family.items()
    ]


def nightly_inputs(population: Population) -> list[tuple[pd.DataFrame, pd.DataFrame, Contacts]]:
    """Return the inputs of a nightly run for each person: weekly numbers, weeks, and contacts with clients."""
    metrics = simulate_metrics(population)
    return [
        (metrics_table(metrics, person), weeks_table(population, person), simulate_contacts(population.seed, person))
        for person in range(population.size)
    ]


def simulate_metrics(population: Population) -> dict[str, SimulatedSeries]:
    """Simulate value and n of each metric: (weeks, people)."""
    rng = np.random.default_rng((population.seed, 20))
    held = np.where(population.worked, population.sessions, np.nan)
    waits = latencies(population)
    return {
        "sessions_held": metric_series(held, held),
        "after_hours_replies": metric_series(counts(population).amounts, held),
        "overrun_minutes": overruns(population),
        "overrun_minutes_clipped": overruns(population),
        "short_rests": short_nights(population, rng),
        "contact_hours": metric_series(held * HOURS_A_SESSION * np.exp(rng.normal(0, 0.05, held.shape)), held),
        "weighted_load": metric_series(mean_load(held), held),
        "reply_minutes_working": metric_series(np.exp(waits.amounts), waits.weights),
        "clinician_cancel_share": event_share(held, rng, CALLED_OFF),
        "shortened_share": event_share(held, rng, CUT_SHORT),
    }


def metric_series(value: Floats, n: Floats) -> SimulatedSeries:
    """Return a metric's series from its value and n alone."""
    return SimulatedSeries(value, n, np.zeros(0), np.zeros(0))


def short_nights(population: Population, rng: np.random.Generator) -> SimulatedSeries:
    """Simulate short nights: they come with full weeks and late evenings."""
    usual = rng.uniform(*SHORT_NIGHTS, population.size) * population.mood * population.season
    nights = rng.poisson(usual).clip(max=WORKED_DAYS - 1).astype(float)
    return metric_series(
        np.where(population.worked, nights, np.nan), np.where(population.worked, float(WORKED_DAYS), np.nan)
    )


def mean_load(held: Floats) -> Floats:
    """Return the sessions a week as the mean of eight weeks."""
    return pd.DataFrame(held).rolling(LOAD_WEEKS, min_periods=4).mean().where(np.isfinite(held)).to_numpy()


def event_share(held: Floats, rng: np.random.Generator, usual: tuple[float, float]) -> SimulatedSeries:
    """Simulate the percentage of sessions with some event; its rate differs by person."""
    n = np.nan_to_num(held).astype(int)
    events = rng.binomial(n, rng.uniform(*usual, held.shape[1]))
    return metric_series(np.where(n > 0, 100 * events / np.maximum(n, 1), np.nan), n.astype(float))


def metrics_table(metrics: dict[str, SimulatedSeries], person: int) -> pd.DataFrame:
    """Return one row a week and metric, as :func:`monitor.analysis.catalogue.compute_metrics` does."""
    tables = [
        pd.DataFrame(
            {
                "week": MONDAYS,
                "key": key,
                "value": series.amounts[:, person],
                "n": series.weights[:, person],
                "coverage": 1.0,
            }
        )
        for key, series in metrics.items()
    ]
    return pd.concat(tables, ignore_index=True)


def weeks_table(population: Population, person: int) -> pd.DataFrame:
    """Return the weeks with five agreed days each; weeks away are not compared."""
    worked = population.worked[:, person]
    columns = {
        "worked_days": WORKED_DAYS * worked,
        "pattern_days": WORKED_DAYS,
        "present_share": 1.0,
        "compared": worked,
    }
    return pd.DataFrame(columns, index=pd.Index(MONDAYS, name="week"))


def simulate_contacts(seed: int, person: int) -> Contacts:
    """Simulate the contacts with the clients of a clinician."""
    clients = simulate_clients(seed * 10_000 + person)
    weeks = pd.Index(MONDAYS, name="week")
    ids = range(1, clients.counts.shape[1] + 1)
    return Contacts(*(pd.DataFrame(matrix, weeks, ids) for matrix in (clients.counts, clients.exposure)))
