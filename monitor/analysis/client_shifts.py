"""Detects shifts of single clients: each client's contacts against that client's own past.

A client's weeks have few contacts, so the estimate of a client's usual rate is shrunk towards the mean of the
clinician's clients, more so the less is known of it (empirical Bayes: a gamma distribution of rates, fitted to all of
them). Rows are calendar weeks, columns are clients, ``NaN`` is a week that does not count for that client. Nothing
looks ahead::

    week   t-115 ................... t-12   t-11 ................ t
           usual rate, shrunk               was there a rise 4, 8 or 12
           towards the clients' mean        weeks ago, or none?

The evidence is the likelihood of the weeks after a rise by 1, 2 or 4 contacts a week, over that of the usual. So the
budget of alarms goes to clients with whom such a rise can be recognised, and not to those with scattered or few weeks.
The budget is that of *all* clients together: the more there are, the stronger the evidence has to be.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitor.analysis.ratios import RatePrior, RateRatio, rate_ratio
from monitor.analysis.shifts import Bools, Floats, check_tables, latest_observed, space_notices

NEAREST, FURTHEST = 12, 115
"""The baseline of week ``t`` are the observed weeks from ``t - 115`` to ``t - 12``."""

WINDOWS = (4, 8, 12)
"""The weeks up to now that are compared with the baseline."""

FIRST_NOTICE = 20
"""Observed weeks of a client, the week itself included, before a notice about that client is possible."""

CLIENTS_SHAPE, CLIENTS_PRIOR = 1.0, 10.0
"""Prior shape of the gamma distribution of clients' rates, and the number of clients that the prior counts for."""

CLIENT_RATE, CLIENT_RATE_WEEKS = 0.5, 4.0
"""Prior contacts a week of a client, and the weeks that the prior counts for."""

WEEK_DISPERSION = 2.0
"""Size of the negative binomial of one client's week around its rate."""

WEEK_CAP = 6.0
"""Standard deviations above the expected at which a week's count is capped: one crisis is not a drift."""

LOG_RATIO_SD = 0.8
"""Prior standard deviation of a change in the log rate of one client."""

RISES = (1.0, 2.0, 4.0)
"""The rises that are tested, in contacts a week above the usual."""

MIN_EVIDENCE = 0.84
"""Log evidence for a rise that chance gives once in two years with one client."""


@dataclass(frozen=True, slots=True)
class UsualRates:
    """Usual rates, (weeks, clients), and the shape of the gamma distribution of each: the higher, the more certain."""

    rate: Floats
    strength: Floats


def client_shifts(
    counts: pd.DataFrame,
    exposure: pd.DataFrame,
    *,
    alarms_per_year: float = 0.5,
    answered: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the weeks in which one client's contacts have risen above that client's own usual.

    ``exposure`` is the amount behind a week's contacts: 1 in a week in which the client was in treatment, or the agreed
    frequency. ``alarms_per_year`` is the budget over all clients. The result is ``True`` in the first week of each
    notice; a client's notices are at least eight weeks apart. ``answered``, and the errors, are as in
    :func:`monitor.analysis.shifts.count_shifts`.
    """
    if not 0 < alarms_per_year <= 2:
        raise ValueError(f"alarms_per_year must be above 0 and at most 2: {alarms_per_year}")
    y, e, observed = _observed_counts(counts, exposure)
    past_y, past_e = _baseline_sums(y), _baseline_sums(e)
    shape, rate = _gamma_moments(past_y, past_e)
    weight = 1 / (1 + rate / WEEK_DISPERSION)
    strength = shape + weight * past_y
    evidence = rise_evidence(y, e, UsualRates(strength / (shape / rate + weight * past_e), strength))
    has_baseline = np.cumsum(observed, axis=0) >= FIRST_NOTICE
    watched = (has_baseline & observed).sum(axis=1, keepdims=True)
    # MIN_EVIDENCE is for one client and half an alarm a year; more clients raise it by the log of the ratio.
    rarity = np.log(np.maximum(watched, 1) * 0.5 / alarms_per_year)
    high = (evidence >= np.maximum(MIN_EVIDENCE + rarity, 0)) & observed
    answered_weeks = None if answered is None else answered.to_numpy(dtype=bool).T
    notices = space_notices(latest_observed(high.T, observed.T), (has_baseline & observed).T, answered_weeks).T
    return pd.DataFrame(notices, index=counts.index, columns=counts.columns)


def client_ratio(counts: pd.DataFrame, exposure: pd.DataFrame, week: int, client: Hashable) -> RateRatio | None:
    """Return the ratio of one client's contacts up to ``week`` (a position) to the usual, its interval and its start.

    The usual rate is shrunk towards that of the clinician's clients, and the ratio towards one. ``None`` and ValueError
    as in :func:`monitor.analysis.ratios.rate_ratio`.
    """
    y, e, observed = _observed_counts(counts, exposure)
    if not 0 <= week < len(y):
        raise ValueError(f"week {week} is not among the {len(y)} of the table")
    shape, rate = _gamma_moments(*(_baseline_sums(array)[week : week + 1] for array in (y, e)))
    column = counts.columns.get_loc(client)
    missing = ~observed[:, column]
    prior = RatePrior(float(shape[0, 0]), float(shape[0, 0] / rate[0, 0]), LOG_RATIO_SD, WEEK_DISPERSION)
    own = np.where(missing, np.nan, y[:, column]), np.where(missing, np.nan, e[:, column])
    return rate_ratio(*own, week, prior=prior)


def _observed_counts(counts: pd.DataFrame, exposure: pd.DataFrame) -> tuple[Floats, Floats, Bools]:
    check_tables(counts, exposure)
    y, e = (table.to_numpy(dtype=float, na_value=np.nan) for table in (counts, exposure))
    observed = np.isfinite(y) & np.isfinite(e) & (e > 0)
    return np.where(observed, y, 0.0), np.where(observed, e, 0.0), observed


def rise_evidence(y: Floats, e: Floats, usual: UsualRates) -> Floats:
    """Return the log likelihood ratio of the last weeks, after a rise over as usual: (weeks, clients).

    Likelihoods are averaged over rises by 1, 2 and 4 contacts, 4, 8 and 12 weeks ago, with equal weights. The evidence
    of a missing week is 0.
    """
    expected = usual.rate * e
    cap = expected + WEEK_CAP * np.sqrt(expected + expected**2 * (1 / WEEK_DISPERSION + 1 / usual.strength))
    capped = np.minimum(y, np.ceil(cap))
    log_ratios = [ratio for weeks in WINDOWS for ratio in _log_ratios(weeks, capped, e, usual)]
    return np.where(e > 0, np.logaddexp.reduce(log_ratios) - np.log(len(log_ratios)), 0.0)


def _log_ratios(weeks: int, y: Floats, e: Floats, usual: UsualRates) -> Iterator[Floats]:
    """Yield the log likelihood ratio of each rise so many weeks ago.

    Sums of weeks are negative binomial; the size includes the uncertainty of the usual rate.
    """
    # The squares give the effective number of weeks behind the sum, for its dispersion.
    count, exposed, squared = (_window_sums(part, 0, weeks - 1) for part in (y, e, e**2))
    exposed = np.maximum(exposed, 1e-9)
    size = 1 / np.maximum(squared / exposed**2 / WEEK_DISPERSION + 1 / usual.strength, 1e-9)
    as_usual = usual.rate * exposed
    for rise in RISES:
        risen = as_usual + rise * exposed
        yield count * np.log(risen / as_usual) - (count + size) * np.log((size + risen) / (size + as_usual))


def _gamma_moments(y: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Return shape and mean of the gamma distribution of the clients' rates in each week, by moments: two columns."""
    total_y, total_e = y.sum(axis=1, keepdims=True), e.sum(axis=1, keepdims=True)
    rate = (CLIENT_RATE * CLIENT_RATE_WEEKS + total_y) / (CLIENT_RATE_WEEKS + total_e)
    # The variance between clients is what exceeds the Poisson variance.
    scatter = ((y - rate * e) ** 2 - rate * e).sum(axis=1, keepdims=True)
    between = scatter / np.maximum((e**2).sum(axis=1, keepdims=True), 1e-9) / rate**2
    clients = (e > 0).sum(axis=1, keepdims=True)
    spread = (CLIENTS_PRIOR / CLIENTS_SHAPE + clients * between.clip(0.1, 4)) / (CLIENTS_PRIOR + clients)
    return 1 / spread, rate


def _baseline_sums(x: Floats) -> Floats:
    return _window_sums(x, NEAREST, FURTHEST)


def _window_sums(x: Floats, nearest: int, furthest: int) -> Floats:
    """Return the sums over the weeks t-furthest to t-nearest: (weeks, series)."""
    total = np.concatenate([np.zeros((furthest + 1, x.shape[1])), np.cumsum(x, axis=0)])
    return np.asarray(total[furthest + 1 - nearest : len(total) - nearest] - total[: len(x)])
