"""All that is watched of one person at once: how often somebody is told anything to whom nothing happened.

The weekly numbers of all six families are drawn together (they share weeks, leave, season and mood) and given to
:func:`monitor.notices.detect_shifts`, as a night does; what it finds is wrong, every time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.validity.clients import clients
from benchmarks.validity.methods import EVENHOURS
from benchmarks.validity.notices import years
from benchmarks.validity.rows import ORDINARY, Row, of_ordinary
from benchmarks.validity.simulator import WEEKS, Drawn, Floats, Lives, counts, latencies, lives, overruns
from monitor.notices import ALL_FAMILIES, FAMILIES, detect_shifts
from monitor.notices.clients import Contacts

MEASURE, ALL = "all that is watched", "everything"
MONDAYS = np.arange(WEEKS) * 7 + 4
"""Day numbers of consecutive Mondays; the first is 5 January 1970."""

SHORT_NIGHTS, CALLED_OFF, CUT_SHORT = (0.1, 0.8), (0.01, 0.06), (0.02, 0.12)
"""Between which the usual short nights a week, and the usual shares of sessions, lie."""

HOURS_A_SESSION, LOAD_WEEKS, WORKED_DAYS = 0.85, 8, 5


def rows(seed: int, people: int) -> list[Row]:
    """Notices a person and year of ordinary life, by family and in all."""
    someone = lives(people, seed)
    found = [detect_shifts(*one) for one in everybody(someone)]
    possible = years(counts(someone).observed)
    families = [entry.key for entry in (*FAMILIES, ALL_FAMILIES)]
    told = {key: np.array([float(sum(row.family == key for row in each)) for each in found]) for key in families}
    told[ALL] = np.array([float(len(each)) for each in found])
    return [of_ordinary(f"{MEASURE}: {key}", EVENHOURS, ORDINARY, false, possible) for key, false in told.items()]


def everybody(someone: Lives) -> list[tuple[pd.DataFrame, pd.DataFrame, Contacts]]:
    """What a night knows of each person: every weekly number, the weeks themselves, what passed with clients."""
    metrics = measures(someone)
    return [
        (measured(metrics, person), weeks_of(someone, person), contacts(someone.seed, person))
        for person in range(someone.people)
    ]


def measures(someone: Lives) -> dict[str, Drawn]:
    """Value and n of each metric, (weeks, people)."""
    rng = np.random.default_rng((someone.seed, 20))
    held = np.where(someone.worked, someone.sessions, np.nan)
    waits = latencies(someone)
    return {
        "sessions_held": known(held, held),
        "after_hours_replies": known(counts(someone).amounts, held),
        "overrun_minutes": overruns(someone),
        "overrun_minutes_clipped": overruns(someone),
        "short_rests": nights(someone, rng),
        "contact_hours": known(held * HOURS_A_SESSION * np.exp(rng.normal(0, 0.05, held.shape)), held),
        "weighted_load": known(load(held), held),
        "reply_minutes_working": known(np.exp(waits.amounts), waits.weights),
        "clinician_cancel_share": share(held, rng, CALLED_OFF),
        "shortened_share": share(held, rng, CUT_SHORT),
    }


def known(value: Floats, n: Floats) -> Drawn:
    """A metric of which only these two are needed."""
    return Drawn(value, n, np.zeros(0), np.zeros(0))


def nights(someone: Lives, rng: np.random.Generator) -> Drawn:
    """Short nights of a week: they come with full weeks and late evenings."""
    usual = rng.uniform(*SHORT_NIGHTS, someone.people) * someone.mood * someone.season
    found = rng.poisson(usual).clip(max=WORKED_DAYS - 1).astype(float)
    return known(np.where(someone.worked, found, np.nan), np.where(someone.worked, float(WORKED_DAYS), np.nan))


def load(held: Floats) -> Floats:
    """Sessions a week, the mean of eight weeks."""
    return pd.DataFrame(held).rolling(LOAD_WEEKS, min_periods=4).mean().where(np.isfinite(held)).to_numpy()


def share(held: Floats, rng: np.random.Generator, usual: tuple[float, float]) -> Drawn:
    """Per cent of the sessions to which something happens; how often differs by person."""
    n = np.nan_to_num(held).astype(int)
    found = rng.binomial(n, rng.uniform(*usual, held.shape[1]))
    return known(np.where(n > 0, 100 * found / np.maximum(n, 1), np.nan), n.astype(float))


def measured(metrics: dict[str, Drawn], person: int) -> pd.DataFrame:
    """One row a week and metric, as :func:`monitor.analysis.catalogue.compute_metrics` returns them."""
    tables = [
        pd.DataFrame(
            {"week": MONDAYS, "key": key, "value": one.amounts[:, person], "n": one.weights[:, person], "coverage": 1.0}
        )
        for key, one in metrics.items()
    ]
    return pd.concat(tables, ignore_index=True)


def weeks_of(someone: Lives, person: int) -> pd.DataFrame:
    """Five agreed days a week; weeks away are not compared."""
    worked = someone.worked[:, person]
    columns = {
        "worked_days": WORKED_DAYS * worked,
        "pattern_days": WORKED_DAYS,
        "present_share": 1.0,
        "compared": worked,
    }
    return pd.DataFrame(columns, index=pd.Index(MONDAYS, name="week"))


def contacts(seed: int, person: int) -> Contacts:
    """What passed with the clients of a clinician."""
    theirs = clients(seed * 10_000 + person)
    weeks = pd.Index(MONDAYS, name="week")
    ids = range(1, theirs.counts.shape[1] + 1)
    return Contacts(*(pd.DataFrame(part, weeks, ids) for part in (theirs.counts, theirs.exposure)))
