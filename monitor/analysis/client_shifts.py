"""One client at a time: contacts of each client of one clinician against that client's own past.

A client's weeks hold few contacts, so a client's usual rate is drawn towards what is usual among all of the clinician's
clients, the more the less is known of it (empirical Bayes: a gamma distribution of rates, fitted to all of them). Rows
are calendar weeks, columns are clients, ``NaN`` is a week that does not count for that client. Nothing looks ahead::

    week   t-115 ................... t-12   t-11 ................ t
           usual rate                       was there a rise 4, 8 or 12
           drawn towards the clients'       weeks ago, or was there none?

What is asked of the weeks is how much likelier they are after a rise by 1, 2 or 4 contacts a week than as usual. So
the budget goes to clients of whom such a rise can be told, and not to those whose weeks are too scattered or too few.
It is that of *all* clients together: the more there are, the more one of them has to show.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.analysis.ratios import RatePrior, RateRatio, rate_ratio
from monitor.analysis.shifts import Bools, Floats, check_tables, space_notices

NEAREST, FURTHEST = 12, 115
"""The usual of week ``t`` is what was observed from ``t - 115`` to ``t - 12``."""

WINDOWS = (4, 8, 12)
"""Weeks up to now that are held against it."""

FIRST_NOTICE = 20
"""Observed weeks of a client, the week itself included, before a notice about that client."""

CLIENTS_SHAPE, CLIENTS_KNOWN = 1.0, 10.0
"""Shape of the gamma distribution of clients' rates, and the number of clients that this belief counts for."""

CLIENT_RATE, CLIENT_RATE_WEEKS = 0.5, 4.0
"""Contacts a week that are expected of a client before anything is known, and the weeks that this counts for."""

WEEK_DISPERSION = 2.0
"""Size of the negative binomial of one client's week around a known rate."""

MOST_A_WEEK = 6.0
"""Deviations above the expected at which a week's count ends: one crisis is not a drift."""

LOG_RATIO_SD = 0.8
"""Prior deviation of a change in the log rate of one client."""

RISES = (1.0, 2.0, 4.0)
"""Contacts a week more than usual: the rises that are looked for."""

LEAST_EVIDENCE = 0.84
"""Log evidence for a rise that chance gives with one client once in two years."""


@dataclass(frozen=True, slots=True)
class UsualRates:
    """(weeks, clients): usual rates, and the shape of the gamma distribution that says how well each is known."""

    rate: Floats
    strength: Floats


def client_shifts(
    counts: pd.DataFrame,
    exposure: pd.DataFrame,
    *,
    alarms_per_year: float = 0.5,
    answered: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Weeks in which one client's contacts have risen above that client's own usual.

    ``exposure`` is what a week's contacts are measured by: 1 in a week in which the client was in treatment, or the
    agreed frequency. ``alarms_per_year`` is the budget over all clients. ``True`` stands in the first week of each
    notice; a client's notices are at least eight weeks apart. ``answered``, and ValueError, as in
    :func:`monitor.analysis.shifts.count_shifts`.
    """
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    y, e, observed = _read(counts, exposure)
    evidence = rise_evidence(y, e, _usual(y, e))
    known = np.cumsum(observed, axis=0) >= FIRST_NOTICE
    watched = (known & observed).sum(axis=1, keepdims=True)
    rarity = np.log(np.maximum(watched, 1) * 0.5 / alarms_per_year)
    high = _held(evidence >= np.maximum(LEAST_EVIDENCE + rarity, 0), observed)
    said = None if answered is None else answered.to_numpy(dtype=bool).T
    return pd.DataFrame(space_notices(high.T, (known & observed).T, said).T, index=counts.index, columns=counts.columns)


def client_ratio(counts: pd.DataFrame, exposure: pd.DataFrame, week: int, client: Hashable) -> RateRatio | None:
    """How many times the usual one client's contacts are up to ``week`` (a position), how surely, and since when.

    The usual is drawn towards that of the clinician's clients, and the ratio towards one. ``None`` and ValueError as
    :func:`monitor.analysis.ratios.rate_ratio`.
    """
    y, e, observed = _read(counts, exposure)
    if not 0 <= week < len(y):
        raise ValueError(f"week {week} is not among the {len(y)} of the table")
    shape, rate = _clients(*(_past(part)[week : week + 1] for part in (y, e)))
    column = counts.columns.get_loc(client)
    missing = ~observed[:, column]
    prior = RatePrior(float(shape[0, 0]), float(shape[0, 0] / rate[0, 0]), LOG_RATIO_SD, WEEK_DISPERSION)
    own = np.where(missing, np.nan, y[:, column]), np.where(missing, np.nan, e[:, column])
    return rate_ratio(*own, week, prior=prior)


def _read(counts: pd.DataFrame, exposure: pd.DataFrame) -> tuple[Floats, Floats, Bools]:
    check_tables(counts, exposure)
    y, e = (table.to_numpy(dtype=float, na_value=np.nan) for table in (counts, exposure))
    observed = np.isfinite(y) & np.isfinite(e) & (e > 0)
    return np.where(observed, y, 0.0), np.where(observed, e, 0.0), observed


def rise_evidence(y: Floats, e: Floats, usual: UsualRates) -> Floats:
    """How much likelier the last weeks are after a rise than as usual: a logarithm, (weeks, clients).

    Likelihoods are averaged over rises by 1, 2 and 4 contacts, 4, 8 and 12 weeks ago, none of which is preferred.
    Nothing in missing weeks.
    """
    expected = usual.rate * e
    most = expected + MOST_A_WEEK * np.sqrt(expected + expected**2 * (1 / WEEK_DISPERSION + 1 / usual.strength))
    capped = np.minimum(y, np.ceil(most))
    each = [ratio for weeks in WINDOWS for ratio in _since(weeks, capped, e, usual)]
    return np.where(e > 0, np.logaddexp.reduce(each) - np.log(len(each)), 0.0)


def _since(weeks: int, y: Floats, e: Floats, usual: UsualRates) -> Iterator[Floats]:
    """Log likelihood ratio of each rise so many weeks ago. Sums are negative binomial, the usual is uncertain too."""
    count, exposed, squared = (_sums(part, 0, weeks - 1) for part in (y, e, e**2))
    exposed = np.maximum(exposed, 1e-9)
    size = 1 / np.maximum(squared / exposed**2 / WEEK_DISPERSION + 1 / usual.strength, 1e-9)
    as_usual = usual.rate * exposed
    for rise in RISES:
        risen = as_usual + rise * exposed
        yield count * np.log(risen / as_usual) - (count + size) * np.log((size + risen) / (size + as_usual))


def _usual(y: Floats, e: Floats) -> UsualRates:
    past_y, past_e = _past(y), _past(e)
    shape, rate = _clients(past_y, past_e)
    weight = 1 / (1 + rate / WEEK_DISPERSION)
    strength = shape + weight * past_y
    return UsualRates(strength / (shape / rate + weight * past_e), strength)


def _clients(y: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Shape and mean of the gamma distribution of the clients' rates in each week, by moments: two columns."""
    total_y, total_e = y.sum(axis=1, keepdims=True), e.sum(axis=1, keepdims=True)
    rate = (CLIENT_RATE * CLIENT_RATE_WEEKS + total_y) / (CLIENT_RATE_WEEKS + total_e)
    scatter = ((y - rate * e) ** 2 - rate * e).sum(axis=1, keepdims=True)
    between = scatter / np.maximum((e**2).sum(axis=1, keepdims=True), 1e-9) / rate**2
    clients = (e > 0).sum(axis=1, keepdims=True)
    spread = (CLIENTS_KNOWN / CLIENTS_SHAPE + clients * between.clip(0.1, 4)) / (CLIENTS_KNOWN + clients)
    return 1 / spread, rate


def _held(high: Bools, observed: Bools) -> Bools:
    """What the latest observed week said."""
    latest = np.maximum.accumulate(np.where(observed, np.arange(len(high))[:, None], 0), axis=0)
    held: NDArray[np.bool_] = np.take_along_axis(high & observed, latest, axis=0)
    return held


def _past(x: Floats) -> Floats:
    return _sums(x, NEAREST, FURTHEST)


def _sums(x: Floats, nearest: int, furthest: int) -> Floats:
    """(weeks, series): sums over the weeks t-furthest … t-nearest."""
    total = np.concatenate([np.zeros((furthest + 1, x.shape[1])), np.cumsum(x, axis=0)])
    return np.asarray(total[furthest + 1 - nearest : len(total) - nearest] - total[: len(x)])
