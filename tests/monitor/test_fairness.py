from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import stdtrit

from monitor.analysis import fairness
from monitor.analysis.fairness import (
    DRAWS,
    FEW_DRAWS,
    MEAN_WEEKS,
    SEED,
    available_fte,
    chance_levels,
    evenness,
    gini,
    gini_change,
    gini_interval,
    hoover,
    sessions_to_move,
)

INF = float("inf")


@st.composite
def practices(draw: st.DrawFn, least: int = 4) -> tuple[list[float], list[float]]:
    fte = draw(st.lists(st.floats(0.1, 1), min_size=least, max_size=15))
    load = draw(st.lists(st.floats(0.5, 40), min_size=len(fte), max_size=len(fte)))
    return load, fte


@pytest.mark.parametrize(
    ("load", "fte", "moves"),
    [
        ([20, 20, 20, 20], [1, 1, 1, 1], 0),
        ([20, 10, 12, 4], [1, 0.5, 0.6, 0.2], 0),
        ([30, 10, 20, 20], [1, 1, 1, 1], 10),
        ([20, 20, 20, 20], [1, 1, 1, 0.2], 15),
        ([80, 0, 0, 0], [1, 1, 1, 1], 60),
        ([7], [0.4], 0),
    ],
)
def test_would_move_is_what_equal_shares_would_take(load: list[float], fte: list[float], moves: float) -> None:
    assert sessions_to_move(load, fte) == pytest.approx(moves)
    assert hoover(load, fte) == pytest.approx(moves / sum(load))


@pytest.mark.parametrize(
    ("load", "fte", "index"),
    [
        ([20, 20, 20, 20], [1, 1, 1, 1], 0),
        ([20, 10, 12, 4], [1, 0.5, 0.6, 0.2], 0),
        ([40, 0, 0, 0], [1, 1, 1, 1], 1),
        ([1, 2, 3, 4], [1, 1, 1, 1], 0.25 * 4 / 3),
        ([20, 20, 20], [1, 1, 1], None),
    ],
)
def test_gini_is_corrected_for_small_numbers(load: list[float], fte: list[float], index: float | None) -> None:
    assert gini(load, fte) == (None if index is None else pytest.approx(index))


def test_a_person_of_full_time_is_two_of_half_before_the_correction() -> None:
    def plain(load: list[float], fte: list[float]) -> float:
        return (gini(load, fte) or 0) * (1 - sum(f * f for f in fte) / sum(fte) ** 2)

    everybody = plain([20, 30, 10, 25], [1, 1, 1, 1])
    assert plain([10, 10, 30, 10, 25], [0.5, 0.5, 1, 1, 1]) == pytest.approx(everybody)


@given(practices(), st.floats(0.01, 100), st.floats(0.01, 10), st.randoms())
def test_indices_know_neither_units_nor_order(
    practice: tuple[list[float], list[float]], sessions: float, hours: float, order: Random
) -> None:
    load, fte = map(np.array, practice)
    index = order.sample(range(len(load)), len(load))
    other = load[index] * sessions, fte[index] * hours
    assert hoover(*other) == pytest.approx(hoover(load, fte), abs=1e-9)
    assert gini(*other) == pytest.approx(gini(load, fte), abs=1e-9)


@given(practices())
def test_indices_stay_between_even_and_all_on_one(practice: tuple[list[float], list[float]]) -> None:
    index, between = gini(*practice), gini_interval(*practice)
    assert index is not None
    assert between is not None
    assert 0 <= hoover(*practice) < 1
    assert 0 <= index <= 1
    assert 0 <= between[0] <= max(index, fairness.SMALLEST_GINI) <= between[1] <= 1


def test_fourteen_equal_caseloads_show_eight_and_a_half_sessions_by_chance() -> None:
    assert chance_levels([20] * 14, [1] * 14).sessions_to_move == pytest.approx(8.5, abs=0.05)


def test_chance_is_reproducible_and_shrinks_with_weeks() -> None:
    once, again, longer = (chance_levels([20, 25, 14, 30], [1, 1, 0.6, 1], weeks=weeks) for weeks in (8, 8, 32))
    assert once == again
    assert longer.sessions_to_move == pytest.approx(once.sessions_to_move / 2, rel=0.05)


def test_the_band_of_chance_leaves_out_five_percent_on_either_side() -> None:
    load, fte = np.array([20.0, 25, 14, 30]), np.array([1, 1, 0.6, 1])
    equal = fte / fte.sum()
    drawn = np.random.default_rng(SEED).poisson(load.sum() * equal * 8, size=(DRAWS, 4))
    deviations = drawn / drawn.sum(axis=1, keepdims=True) / equal - 1

    by_chance = chance_levels(load, fte, weeks=8)

    assert [(deviations[:, n] < by_chance.low[n]).mean() for n in range(4)] == pytest.approx([0.05] * 4, abs=0.003)
    assert [(deviations[:, n] > by_chance.high[n]).mean() for n in range(4)] == pytest.approx([0.05] * 4, abs=0.003)


def test_small_contracts_have_wide_ranges() -> None:
    by_chance = chance_levels([20, 20, 20, 4], [1, 1, 1, 0.2])
    assert by_chance.high[3] > 0.25 > by_chance.high[0] > 0.1
    assert by_chance.low[3] < -0.25 < by_chance.low[0] < -0.1


@pytest.mark.parametrize(
    ("load", "fte", "standing_out"),
    [
        ([20, 20, 20, 20], [1, 1, 1, 1], []),
        ([26, 18, 18, 18], [1, 1, 1, 1], [0]),
        ([214, 200, 200, 200], [1, 1, 1, 1], []),
        ([20, 20, 20, 4.6], [1, 1, 1, 0.2], []),
        ([20, 20, 20, 7], [1, 1, 1, 0.2], [3]),
    ],
)
def test_a_person_stands_out_beyond_both_ten_per_cent_and_chance(
    load: list[float], fte: list[float], standing_out: list[int]
) -> None:
    shares = evenness(load, fte).shares
    assert [person for person, share in enumerate(shares) if share.stands_out] == standing_out
    assert all(share.low <= -0.1 and share.high >= 0.1 for share in shares)


def test_a_share_is_stated_per_fte_and_against_an_equal_share() -> None:
    page = evenness([30, 10, 10, 10], [1, 1, 0.5, 0.5])
    assert page.equal_share == 20
    assert [share.per_fte for share in page.shares] == [30, 10, 20, 20]
    assert [share.difference for share in page.shares] == pytest.approx([0.5, -0.5, 0, 0])


def test_below_four_clinicians_there_are_shares_and_no_index() -> None:
    page = evenness([20, 30, 25], [1, 1, 1])
    assert len(page.shares) == 3
    indices = (
        page.hoover,
        page.sessions_to_move,
        page.sessions_to_move_by_chance,
        page.gini,
        page.gini_low,
        page.gini_high,
    )
    assert indices == (None,) * 6
    assert None not in (evenness([20, 30, 25, 20], [1] * 4).hoover, evenness([20, 30, 25, 20], [1] * 4).gini_low)


@pytest.mark.parametrize("load", [[20] * 4, [40, 0, 0, 0], [20, 20, 20, 21], [1e-9, 20, 20, 20]])
def test_extreme_caseloads_have_an_interval(load: list[float]) -> None:
    low, high = gini_interval(load, [1] * 4) or (INF, INF)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("clinicians", [4, 5, 8, 20])
def test_the_interval_holds_the_true_index_nine_times_in_ten(clinicians: int) -> None:
    rng, true = np.random.default_rng(3), 0.1125  # log spread 0.2
    loads = 20 * np.exp(rng.normal(0, 0.2, (1500, clinicians)))
    intervals = [gini_interval(load, np.ones(clinicians)) or (INF, INF) for load in loads]
    assert 0.87 < np.mean([low <= true <= high for low, high in intervals]) < 0.93


@pytest.mark.parametrize(
    ("fte", "worked_share", "weeks_since_start", "available"),
    [
        (0.8, 1, INF, 0.8),
        (0.8, 0.5, INF, 0.4),
        (1.0, 0, INF, 0),
        (1.0, 1, -1, 0),
        (1.0, 1, 0, 1 / 12),
        (0.6, 1, 5, 0.3),
        (0.6, 0.5, 5, 0.15),
        (1.0, 1, 11, 1),
        (1.0, 1, 40, 1),
    ],
)
def test_leave_and_a_first_quarter_lessen_the_fte(
    fte: float, worked_share: float, weeks_since_start: float, available: float
) -> None:
    assert available_fte(fte, worked_share, weeks_since_start) == pytest.approx(available)


def test_available_fte_runs_along_weeks() -> None:
    assert available_fte(1.0, [1, 1, 0.5], [10, 11, 12]).tolist() == pytest.approx([11 / 12, 1, 0.5])


@pytest.mark.parametrize("bad", [(-1, 1, 0), (1, 1.1, 0), (1, -0.1, 0), (1, float("nan"), 0), (INF, 1, 0)])
def test_impossible_availability_is_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"worked share|FTE must be"):
        available_fte(*bad)


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(ValueError, match="since the start"):
        available_fte(1.0, 1.0, float("nan"))


@pytest.mark.parametrize(
    ("load", "fte", "words"),
    [
        ([1, 2], [1], "one value for each clinician"),
        ([], [], "at least one"),
        ([-1, 2], [1, 1], "loads must be"),
        ([float("nan"), 2], [1, 1], "loads must be"),
        ([1, 2], [1, 0], "FTE must be"),
        ([1, 2], [1, float("nan")], "FTE must be"),
        ([0, 0], [1, 1], "all loads are 0"),
    ],
)
def test_impossible_practices_are_refused(load: list[float], fte: list[float], words: str) -> None:
    for figure in (hoover, sessions_to_move, chance_levels, gini, gini_interval, evenness):
        with pytest.raises(ValueError, match=words):
            figure(load, fte)


def test_chance_needs_a_week() -> None:
    with pytest.raises(ValueError, match="weeks"):
        chance_levels([1], [1], weeks=0)


# A trend


UNEQUAL = np.array([1, 1, 0.8, 0.8, 0.6, 0.5, 1, 1, 0.4, 0.9, 1, 0.7])
LOADS = UNEQUAL * np.array([22, 18, 25, 14, 20, 31, 17, 23, 12, 20, 28, 19])
LOADS_BEFORE = UNEQUAL * np.array([20, 19, 22, 17, 20, 24, 18, 21, 16, 20, 23, 19])


def jackknife(ginis: Sequence[float]) -> float:
    """Return the jackknife's variance from the values that leave one clinician out each."""
    n = len(ginis)
    return (n - 1) / n * sum((value - sum(ginis) / n) ** 2 for value in ginis)


def ginis_without(load: NDArray[np.float64]) -> list[float]:
    return [gini(np.delete(load, n), np.delete(UNEQUAL, n)) or 0.0 for n in range(len(load))]


def test_the_interval_of_a_change_is_its_definition() -> None:
    without = [now - before for now, before in zip(ginis_without(LOADS), ginis_without(LOADS_BEFORE), strict=True)]
    by_chance = 0.0
    for load in (LOADS, LOADS_BEFORE):
        equal = load.sum() * UNEQUAL / UNEQUAL.sum() * MEAN_WEEKS
        drawn = np.random.default_rng(SEED).poisson(equal, size=(FEW_DRAWS, len(load)))
        by_chance += float(np.var([gini(row, UNEQUAL) or 0.0 for row in drawn]))
    change = (gini(LOADS, UNEQUAL) or 0) - (gini(LOADS_BEFORE, UNEQUAL) or 0)
    spread = stdtrit(11, 0.95) * np.sqrt(jackknife(without) + by_chance)

    expected = (change - spread, change + spread)
    assert gini_change(LOADS, UNEQUAL, LOADS_BEFORE, UNEQUAL) == pytest.approx(expected, abs=1e-5)


def test_the_ginis_interval_is_its_definition() -> None:
    logs = [float(np.log(value)) for value in ginis_without(LOADS)]
    middle = np.log(gini(LOADS, UNEQUAL) or 0)
    spread = stdtrit(11, 0.95) * np.sqrt(jackknife(logs))

    expected = (np.exp(middle - spread), np.exp(middle + spread))
    assert gini_interval(LOADS, UNEQUAL) == pytest.approx(expected, abs=1e-5)


def claims(spread: float, spread_before: float, n: int, tries: int = 150) -> float:
    """Return the share of practices in which a change of evenness would be reported."""
    result = 0
    for seed in range(tries):
        rng = np.random.default_rng(seed)
        weights = rng.normal(0, 1, n)
        loads = [rng.poisson(8 * 20 * np.exp(sd * weights)) / 8 for sd in (spread, spread_before)]
        low, high = gini_change(loads[0], np.ones(n), loads[1], np.ones(n)) or (0.0, 0.0)
        result += not low <= 0 <= high
    return result / tries


@pytest.mark.parametrize(("spread", "n"), [(0.0, 6), (0.0, 14), (0.15, 6), (0.15, 14), (0.3, 10)])
def test_no_trend_is_claimed_where_there_is_none(spread: float, n: int) -> None:
    assert claims(spread, spread, n) <= 0.1


def test_a_trend_that_is_there_is_claimed() -> None:
    assert claims(0.4, 0.1, 12) >= 0.9


def test_below_four_clinicians_there_is_no_trend() -> None:
    assert gini_change([1, 2, 3], [1, 1, 1], [3, 2, 1], [1, 1, 1]) is None
