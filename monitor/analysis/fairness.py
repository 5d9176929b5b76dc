"""How evenly a practice's caseload is shared among its clinicians, beside what chance alone would show.

``load`` is each clinician's weighted sessions a week, *not* divided by FTE, as the mean of eight weeks, one week being
noise; ``fte`` the mean FTE by which it is shared (:func:`phased_in_fte`). Who had none is left out.
There is no ratio of the highest to the lowest: it grows with the number of clinicians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MIN_CLINICIANS = 4
"""Below, an index says more about single people than about the practice, and its interval says nothing."""

MIN_FREEDOM = 9
"""Among few clinicians the jackknife's own deviation is too wide by about as much as Student's t with n - 1 would add:
with it, 4 to 6 clinicians would be covered in 92 to 95 % instead of 90 (simulated)."""

MEAN_WEEKS = 8
PHASE_IN_WEEKS = 12
"""A new colleague's caseload fills in about three months; design choice."""

TOLERANCE = 0.10
"""Nobody stands out within 10 % of the equal share, however sure the difference is; design choice."""

DRAWS, FEW_DRAWS, SEED = 10_000, 500, 20
"""Chance is simulated, always the same way: the same practice is told the same number twice."""

SMALLEST_GINI = 0.005
"""Below what eight-week means can tell from none: keeps the interval's logarithms finite."""


@dataclass(frozen=True, slots=True)
class ChanceLevels:
    """What equal true loads would show; ``low`` to ``high`` is each clinician's 90 % range of ``Share.difference``."""

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
        """Whether the difference is beyond both 10 % and what chance shows."""
        return not self.low <= self.difference <= self.high


@dataclass(frozen=True, slots=True)
class Evenness:
    """The practice's caseload on one page. ``equal_share`` is weighted sessions a week per FTE.

    ``hoover`` is a share of all load (0 to 1), ``sessions_to_move`` the same in weighted sessions a week; ``gini`` is
    corrected for small numbers, its interval is one of 90 %. Indices are ``None`` below four clinicians.
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
    """All of it at once. Raises ValueError as :func:`hoover` does."""
    x, f = _checked(load, fte)
    by_chance = chance_levels(x, f, weeks=weeks)
    enough = len(x) >= MIN_CLINICIANS
    low, high = gini_interval(x, f) or (None, None)
    return Evenness(
        equal_share=float(x.sum() / f.sum()),
        shares=_shares(x, f, by_chance),
        hoover=hoover(x, f) if enough else None,
        sessions_to_move=sessions_to_move(x, f) if enough else None,
        sessions_to_move_by_chance=by_chance.sessions_to_move if enough else None,
        gini=gini(x, f),
        gini_low=low,
        gini_high=high,
    )


def hoover(load: ArrayLike, fte: ArrayLike) -> float:
    """½ Σ |share of load - share of FTE|: the share of all load that would have to sit elsewhere, 0 to 1.

    Raises ValueError for other than one finite load (0 or more) and one positive FTE a clinician, or no load at all.
    """
    x, f = _checked(load, fte)
    return float(np.abs(x / x.sum() - f / f.sum()).sum() / 2)


def sessions_to_move(load: ArrayLike, fte: ArrayLike) -> float:
    """Weighted sessions a week that would have to sit elsewhere for equal shares. Errors as :func:`hoover`."""
    x, f = _checked(load, fte)
    return hoover(x, f) * float(x.sum())


def chance_levels(load: ArrayLike, fte: ArrayLike, *, weeks: int = MEAN_WEEKS) -> ChanceLevels:
    """What these clinicians would show if their true loads were equal, each week's sessions being Poisson.

    14 clinicians with 20 a week each: 8.5 sessions would move. Errors as :func:`hoover`.
    """
    x, f = _checked(load, fte)
    if weeks < 1:
        raise ValueError(f"weeks must be at least 1: {weeks}")
    equal = f / f.sum()
    # The sum of the weeks' Poisson counts is itself Poisson.
    drawn = np.random.default_rng(SEED).poisson(x.sum() * equal * weeks, size=(DRAWS, len(x)))
    share = drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1)
    moved = float(np.abs(share - equal).sum(axis=1).mean() / 2)
    low, high = np.percentile(share / equal - 1, [5, 95], axis=0).tolist()
    return ChanceLevels(moved, moved * float(x.sum()), tuple(low), tuple(high))


def gini(load: ArrayLike, fte: ArrayLike) -> float | None:
    """Gini of load per FTE, weighted by FTE and corrected for small numbers; ``None`` below four clinicians.

    The correction divides by 1 - Σf²/F², which is n/(n-1) for equal FTE (Deltas 2003). Errors as :func:`hoover`.
    """
    x, f = _checked(load, fte)
    return float(_gini(_gaps(x, f).sum() / 2, x.sum(), f.sum(), (f**2).sum())) if len(x) >= MIN_CLINICIANS else None


def gini_interval(load: ArrayLike, fte: ArrayLike) -> tuple[float, float] | None:
    """90 % interval of :func:`gini`: Student's t on the jackknife of its logarithm; ``None`` below four clinicians.

    The degrees of freedom are n - 1, but at least 9 (:data:`MIN_FREEDOM`).
    """
    from scipy.special import stdtrit

    x, f = _checked(load, fte)
    n = len(x)
    if n < MIN_CLINICIANS:
        return None
    total, without = _ginis(x, f)
    logs, middle = (np.log(np.maximum(part, SMALLEST_GINI)) for part in (without, total))
    spread = stdtrit(max(n - 1, MIN_FREEDOM), 0.95) * np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum())
    low = np.exp(middle - spread) if total > SMALLEST_GINI else 0.0
    return float(low), float(min(1.0, np.exp(middle + spread)))


def gini_change(
    load: ArrayLike, fte: ArrayLike, load_before: ArrayLike, fte_before: ArrayLike, *, weeks: int = MEAN_WEEKS
) -> tuple[float, float] | None:
    """90 % interval of the difference of two Ginis of the same clinicians, now less before; ``None`` below four.

    Two things make it wide: that it may rest on one person (the jackknife, leaving one clinician out of both periods at
    once, which keeps what the two have in common), and what chance alone does to the Gini of each period. Errors as
    :func:`hoover`.
    """
    from scipy.special import stdtrit

    now, before = _checked(load, fte), _checked(load_before, fte_before)
    n = len(now[0])
    if n < MIN_CLINICIANS:
        return None
    (total, without), (total_before, without_before) = _ginis(*now), _ginis(*before)
    each = without - without_before
    by_chance = sum(_chance_variance(*period, weeks) for period in (now, before))
    spread = stdtrit(max(n - 1, MIN_FREEDOM), 0.95) * np.sqrt(
        (n - 1) / n * ((each - each.mean()) ** 2).sum() + by_chance
    )
    return float(total - total_before - spread), float(total - total_before + spread)


def _chance_variance(x: Floats, f: Floats, weeks: int) -> float:
    """Return the variance of the Gini under equal true loads, each week's sessions being Poisson."""
    drawn = np.random.default_rng(SEED).poisson(x.sum() * f / f.sum() * weeks, size=(FEW_DRAWS, len(x))).astype(float)
    sums = np.array([_gaps(one, f).sum() / 2 for one in drawn])
    return float(_gini(sums, drawn.sum(axis=1), f.sum(), (f**2).sum()).var())


def phased_in_fte(fte: ArrayLike, weeks_since_start: ArrayLike) -> Floats:
    """FTE of each week as load is shared by it: growing over a new colleague's first twelve weeks.

    ``weeks_since_start`` counts from 0 in the first week, is negative before it and infinite for who was always there.
    Raises ValueError for anything outside these.
    """
    f, since = (np.asarray(part, dtype=float) for part in (fte, weeks_since_start))
    if not (np.isfinite(f).all() and (f >= 0).all()):
        raise ValueError("FTE must be finite and not negative")
    if np.isnan(since).any():
        raise ValueError("weeks since the start must be numbers")
    grown: Floats = f * np.clip((since + 1) / PHASE_IN_WEEKS, 0, 1)
    return grown


def available_fte(fte: ArrayLike, worked_share: ArrayLike, weeks_since_start: ArrayLike) -> Floats:
    """FTE available in each week: less the week's leave, and growing over a new colleague's first twelve weeks.

    ``worked_share`` is worked days over agreed days (0 to 1), ``weeks_since_start`` as :func:`phased_in_fte` takes it.
    Raises ValueError for anything outside these.
    """
    share = np.asarray(worked_share, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("the worked share must be between 0 and 1")
    available: Floats = phased_in_fte(fte, weeks_since_start) * share
    return available


def _checked(load: ArrayLike, fte: ArrayLike) -> tuple[Floats, Floats]:
    x, f = np.asarray(load, dtype=float), np.asarray(fte, dtype=float)
    if x.ndim != 1 or x.shape != f.shape or not len(x):
        raise ValueError("one load and one FTE a clinician, and at least one clinician")
    if not (np.isfinite(x).all() and (x >= 0).all()):
        raise ValueError("loads must be finite and not negative")
    if not (np.isfinite(f).all() and (f > 0).all()):
        raise ValueError("FTE must be finite and positive; leave out who had none available")
    if not x.sum() > 0:
        raise ValueError("nobody carries any load; there is nothing to share")
    return x, f


def _shares(x: Floats, f: Floats, by_chance: ChanceLevels) -> tuple[LoadShare, ...]:
    per_fte = x / f
    difference = per_fte / (x.sum() / f.sum()) - 1
    low = np.minimum(by_chance.low, -TOLERANCE)
    high = np.maximum(by_chance.high, TOLERANCE)
    rows = zip(per_fte.tolist(), difference.tolist(), low.tolist(), high.tolist(), strict=True)
    return tuple(LoadShare(*row) for row in rows)


def _ginis(x: Floats, f: Floats) -> tuple[float, Floats]:
    """Return the Gini, and those without each clinician."""
    gaps = _gaps(x, f)
    total = _gini(gaps.sum() / 2, x.sum(), f.sum(), (f**2).sum())
    without = _gini(gaps.sum() / 2 - gaps.sum(axis=1), x.sum() - x, f.sum() - f, (f**2).sum() - f**2)
    return float(total), without


def _gaps(x: Floats, f: Floats) -> Floats:
    """f_i f_j |load per FTE of i - of j|, for every two clinicians."""
    return np.abs(np.outer(x, f) - np.outer(f, x))


def _gini(gaps: ArrayLike, load: ArrayLike, fte: ArrayLike, squares: ArrayLike) -> Floats:
    """Corrected Gini from sums: the gaps of all pairs, the loads, the FTE and their squares; without load it is 0."""
    s, x, f, q = (np.asarray(part, dtype=float) for part in (gaps, load, fte, squares))
    value: Floats = np.minimum(1.0, s * f / np.where(x > 0, x * (f**2 - q), np.inf))
    return value
