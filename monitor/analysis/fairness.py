"""Evenness of a practice's caseload among its clinicians, beside what chance alone would show.

``load`` is each clinician's weighted sessions a week, *not* divided by FTE, as the mean of eight weeks, because a
single week is noise; ``fte`` is the mean FTE by which it is shared (:func:`phased_in_fte`). Clinicians without FTE are
left out. There is no ratio of the highest to the lowest: it grows with the number of clinicians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.distributions import student_95

Floats = NDArray[np.float64]

MIN_CLINICIANS = 4
"""Below this number an index says more about single people than about the practice, and its interval is useless."""

MIN_FREEDOM = 9
"""The least degrees of freedom of the intervals.

Among few clinicians the jackknife's standard deviation is too large by about as much as Student's t with n - 1 degrees
would add: with n - 1, intervals for 4 to 6 clinicians would cover 92 to 95 % instead of 90 (simulated).
"""

MEAN_WEEKS = 8
PHASE_IN_WEEKS = 12
"""A new colleague's caseload fills within about three months; design choice."""

TOLERANCE = 0.10
"""Nobody stands out within 10 % of the equal share, however certain the difference; design choice."""

DRAWS, FEW_DRAWS, SEED = 10_000, 500, 20
"""Chance is simulated with a fixed seed, so that the same data give the same numbers."""

SMALLEST_GINI = 0.005
"""Smaller than eight-week means can distinguish from 0: keeps the logarithms of the interval finite."""


@dataclass(frozen=True, slots=True)
class ChanceLevels:
    """The indices under equal true loads.

    ``low`` to ``high`` is each clinician's 90 % range of :attr:`LoadShare.difference`.
    """

    hoover: float
    sessions_to_move: float
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LoadShare:
    """One clinician's share. ``per_fte`` is weighted sessions a week per FTE; the rest is relative to an equal share.

    ``difference`` 0.2 is a fifth more than equal; ``low`` to ``high`` is the larger of 10 % and chance on either side.
    """

    per_fte: float
    difference: float
    low: float
    high: float

    @property
    def stands_out(self) -> bool:
        """True if the difference is beyond both 10 % and what chance shows."""
        return not self.low <= self.difference <= self.high


@dataclass(frozen=True, slots=True)
class Evenness:
    """The evenness of a practice's caseload. ``equal_share`` is weighted sessions a week per FTE.

    ``hoover`` is a share of all load (0 to 1), ``sessions_to_move`` the same in weighted sessions a week; ``gini`` is
    corrected for small numbers; its interval is a 90 % interval. Indices are ``None`` below four clinicians.
    """

    equal_share: float
    shares: tuple[LoadShare, ...]
    hoover: float | None
    sessions_to_move: float | None
    sessions_to_move_by_chance: float | None
    gini: float | None
    gini_low: float | None
    gini_high: float | None


def evenness(load: ArrayLike, fte: ArrayLike, *, weeks: int = MEAN_WEEKS) -> Evenness:
    """Return all indices and shares. Raises ValueError as :func:`hoover` does."""
    x, f = _checked(load, fte)
    by_chance = chance_levels(x, f, weeks=weeks)
    enough = len(x) >= MIN_CLINICIANS
    equal_share = x.sum() / f.sum()
    per_fte = x / f
    shares = zip(
        per_fte.tolist(),
        (per_fte / equal_share - 1).tolist(),
        np.minimum(by_chance.low, -TOLERANCE).tolist(),
        np.maximum(by_chance.high, TOLERANCE).tolist(),
        strict=True,
    )
    low, high = gini_interval(x, f) or (None, None)
    return Evenness(
        equal_share=float(equal_share),
        shares=tuple(LoadShare(*share) for share in shares),
        hoover=hoover(x, f) if enough else None,
        sessions_to_move=sessions_to_move(x, f) if enough else None,
        sessions_to_move_by_chance=by_chance.sessions_to_move if enough else None,
        gini=gini(x, f),
        gini_low=low,
        gini_high=high,
    )


def hoover(load: ArrayLike, fte: ArrayLike) -> float:
    """Return ½ Σ |share of load - share of FTE|: the share of all load that would have to move, from 0 to 1.

    Raises ValueError for other than one finite load (0 or more) and one positive FTE a clinician, or no load at all.
    """
    x, f = _checked(load, fte)
    return float(np.abs(x / x.sum() - f / f.sum()).sum() / 2)


def sessions_to_move(load: ArrayLike, fte: ArrayLike) -> float:
    """Return the weighted sessions a week that would have to move for equal shares. Errors as :func:`hoover`."""
    x, f = _checked(load, fte)
    return hoover(x, f) * float(x.sum())


def chance_levels(load: ArrayLike, fte: ArrayLike, *, weeks: int = MEAN_WEEKS) -> ChanceLevels:
    """Return the indices of these clinicians if their true loads were equal and each week's sessions Poisson.

    14 clinicians with 20 a week each: 8.5 sessions would move. Errors as :func:`hoover`.
    """
    x, f = _checked(load, fte)
    if weeks < 1:
        raise ValueError(f"weeks must be at least 1: {weeks}")
    equal = f / f.sum()
    # The sum of the weeks' Poisson counts is itself Poisson.
    drawn = np.random.default_rng(SEED).poisson(x.sum() * equal * weeks, size=(DRAWS, len(x)))
    # A small practice may draw no session at all.
    share = drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1)
    hoover_by_chance = float(np.abs(share - equal).sum(axis=1).mean() / 2)
    low, high = np.percentile(share / equal - 1, [5, 95], axis=0).tolist()
    return ChanceLevels(hoover_by_chance, hoover_by_chance * float(x.sum()), tuple(low), tuple(high))


def gini(load: ArrayLike, fte: ArrayLike) -> float | None:
    """Return the Gini of load per FTE, weighted by FTE and corrected for small numbers; ``None`` below four clinicians.

    The correction divides by 1 - Σf²/F², which is n/(n-1) for equal FTE (Deltas 2003). Errors as :func:`hoover`.
    """
    x, f = _checked(load, fte)
    return float(_gini(_gaps(x, f).sum() / 2, x.sum(), f.sum(), (f**2).sum())) if len(x) >= MIN_CLINICIANS else None


def gini_interval(load: ArrayLike, fte: ArrayLike) -> tuple[float, float] | None:
    """Return the 90 % interval of :func:`gini`; ``None`` below four clinicians.

    By Student's t on the jackknife of its logarithm, with n - 1 degrees of freedom, but at least 9
    (:data:`MIN_FREEDOM`).
    """
    x, f = _checked(load, fte)
    n = len(x)
    if n < MIN_CLINICIANS:
        return None
    total, without = _ginis(x, f)
    logs, middle = (np.log(np.maximum(part, SMALLEST_GINI)) for part in (without, total))
    spread = student_95(max(n - 1, MIN_FREEDOM)) * np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum())
    # Below that, the logarithm says nothing about the lower end.
    low = np.exp(middle - spread) if total > SMALLEST_GINI else 0.0
    return float(low), float(min(1.0, np.exp(middle + spread)))


def gini_change(
    load: ArrayLike, fte: ArrayLike, load_before: ArrayLike, fte_before: ArrayLike, *, weeks: int = MEAN_WEEKS
) -> tuple[float, float] | None:
    """Return the 90 % interval of the difference of two Ginis of the same clinicians, now minus before.

    ``None`` below four clinicians. The variance has two parts: that of the jackknife, which leaves one clinician out of
    both periods at once and so keeps what the periods have in common, and that of the Gini of each period by chance
    alone. Errors as :func:`hoover`.
    """
    now, before = _checked(load, fte), _checked(load_before, fte_before)
    n = len(now[0])
    if n < MIN_CLINICIANS:
        return None
    (total, without), (total_before, without_before) = _ginis(*now), _ginis(*before)
    differences = without - without_before
    by_chance = sum(_chance_variance(*period, weeks) for period in (now, before))
    spread = student_95(max(n - 1, MIN_FREEDOM)) * np.sqrt(
        (n - 1) / n * ((differences - differences.mean()) ** 2).sum() + by_chance
    )
    return float(total - total_before - spread), float(total - total_before + spread)


def _chance_variance(x: Floats, f: Floats, weeks: int) -> float:
    """Return the variance of the Gini under equal true loads, each week's sessions being Poisson."""
    drawn = np.random.default_rng(SEED).poisson(x.sum() * f / f.sum() * weeks, size=(FEW_DRAWS, len(x))).astype(float)
    # One draw at a time, because the gaps of all draws together take much memory.
    sums = np.array([_gaps(loads, f).sum() / 2 for loads in drawn])
    return float(_gini(sums, drawn.sum(axis=1), f.sum(), (f**2).sum()).var())


def phased_in_fte(fte: ArrayLike, weeks_since_start: ArrayLike) -> Floats:
    """Return the FTE by which each week's load is shared: it grows over a new colleague's first twelve weeks.

    ``weeks_since_start`` is 0 in the first week, negative before it and infinite without a starting date. Raises
    ValueError for any other input.
    """
    f, since = (np.asarray(part, dtype=float) for part in (fte, weeks_since_start))
    if not (np.isfinite(f).all() and (f >= 0).all()):
        raise ValueError("FTE must be finite and not negative")
    if np.isnan(since).any():
        raise ValueError("weeks since the start must be numbers")
    grown: Floats = f * np.clip((since + 1) / PHASE_IN_WEEKS, 0, 1)
    return grown


def available_fte(fte: ArrayLike, worked_share: ArrayLike, weeks_since_start: ArrayLike) -> Floats:
    """Return the FTE available in each week: as :func:`phased_in_fte`, less the week's leave.

    ``worked_share`` is worked days over agreed days (0 to 1). Raises ValueError for any other input.
    """
    share = np.asarray(worked_share, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("the worked share must be between 0 and 1")
    available: Floats = phased_in_fte(fte, weeks_since_start) * share
    return available


def _checked(load: ArrayLike, fte: ArrayLike) -> tuple[Floats, Floats]:
    x, f = np.asarray(load, dtype=float), np.asarray(fte, dtype=float)
    if x.ndim != 1 or x.shape != f.shape or not len(x):
        raise ValueError("load and fte must have one value for each clinician, and at least one clinician")
    if not (np.isfinite(x).all() and (x >= 0).all()):
        raise ValueError("loads must be finite and not negative")
    if not (np.isfinite(f).all() and (f > 0).all()):
        raise ValueError("FTE must be finite and positive; leave out clinicians without any")
    if not x.sum() > 0:
        raise ValueError("all loads are 0; there is nothing to share")
    return x, f


def _ginis(x: Floats, f: Floats) -> tuple[float, Floats]:
    """Return the Gini, and the Ginis without each of the clinicians."""
    gaps = _gaps(x, f)
    total = _gini(gaps.sum() / 2, x.sum(), f.sum(), (f**2).sum())
    without = _gini(gaps.sum() / 2 - gaps.sum(axis=1), x.sum() - x, f.sum() - f, (f**2).sum() - f**2)
    return float(total), without


def _gaps(x: Floats, f: Floats) -> Floats:
    """Return f_i f_j |load per FTE of i - of j| for every two clinicians."""
    return np.abs(np.outer(x, f) - np.outer(f, x))


def _gini(gaps: ArrayLike, load: ArrayLike, fte: ArrayLike, squares: ArrayLike) -> Floats:
    """Return the corrected Gini from sums over gaps of pairs, loads, FTE and squared FTE; 0 without any load."""
    s, x, f, q = (np.asarray(part, dtype=float) for part in (gaps, load, fte, squares))
    value: Floats = np.minimum(1.0, s * f / np.where(x > 0, x * (f**2 - q), np.inf))
    return value
