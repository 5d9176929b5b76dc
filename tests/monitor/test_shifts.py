from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.analysis import shifts
from monitor.analysis.shifts import FIRST_NOTICE, SPACING, count_scores, count_shifts, mean_scores, mean_shifts

Detector = Callable[..., pd.DataFrame]
Weeks = list[float]
GAP = float("nan")

detectors = pytest.mark.parametrize("detector", [count_shifts, mean_shifts])
seeds = st.integers(0, 2**32 - 1)


def notice_weeks(detector: Detector, values: Weeks, weights: Weeks | None = None, **options: float) -> list[int]:
    """Return the weeks of the notices of one series; weights are 1 by default."""
    second = [1.0] * len(values) if weights is None else weights
    table = detector(pd.DataFrame({"ana": values}), pd.DataFrame({"ana": second}), **options)
    return np.flatnonzero(table["ana"]).tolist()


def simulated_weeks(seed: int, weeks: int = 90, people: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts with a change, exposure, and weeks missing in either."""
    rng = np.random.default_rng(seed)
    risen = np.arange(weeks)[:, None] >= rng.integers(20, weeks, people)
    exposure = rng.uniform(0.4, 1.6, (weeks, people))
    counts = rng.poisson(rng.uniform(0, 8, people) * exposure * np.where(risen, 3, 1)).astype(float)
    counts[rng.random((weeks, people)) < 0.1] = np.nan
    exposure[rng.random((weeks, people)) < 0.05] = 0
    return pd.DataFrame(counts), pd.DataFrame(exposure)


# What gives a notice


def test_a_lasting_doubling_gives_one_notice_within_weeks() -> None:
    notices = notice_weeks(count_shifts, [4.0, 5, 3, 4] * 15 + [8.0, 10, 9, 9] * 6)
    assert len(notices) == 1
    assert 60 <= notices[0] < 66


def test_two_minutes_more_overrun_give_one_notice_within_weeks() -> None:
    notices = notice_weeks(mean_shifts, [1.0, 2, 3, 2] * 15 + [3.5, 4.5, 4.0] * 8, [18.0] * 84)
    assert len(notices) == 1
    assert 60 <= notices[0] < 66


def test_change_and_return_and_change_give_two_notices() -> None:
    assert len(notice_weeks(count_shifts, [4.0] * 60 + [12.0] * 6 + [2.0] * 20 + [12.0] * 6)) == 2


@pytest.mark.parametrize(
    ("what", "values", "weights"),
    [
        ("nothing ever", [0.0] * 80, None),
        ("always the same", [6.0] * 80, None),
        ("less than usual", [9.0] * 60 + [2.0] * 20, None),
        ("one crisis week", [4.0, 5, 3, 4] * 15 + [20.0] + [4.0, 5, 3, 4] * 4, None),
        ("more sessions, same rate", [4.0, 5, 3, 4] * 15 + [6.0, 8, 5, 6] * 6, [1.0] * 60 + [1.5] * 24),
        ("half the sessions, same messages", [4.0, 5, 3, 4] * 21, [1.0] * 60 + [0.5] * 24),
        ("never observed", [GAP] * 80, None),
        ("no exposure", [5.0] * 80, [0.0] * 80),
        ("no weeks", [], None),
    ],
)
def test_no_notice_for(what: str, values: Weeks, weights: Weeks | None) -> None:
    assert notice_weeks(count_shifts, values, weights) == [], what


@pytest.mark.parametrize("values", [[0.0] * 80, [5.0] * 60 + [1.0] * 20, [GAP] * 80, []])
def test_no_notice_for_means_that_stay_or_fall(values: Weeks) -> None:
    assert notice_weeks(mean_shifts, values) == []


def test_a_smaller_budget_asks_for_more() -> None:
    values = [4.0, 5, 3, 4] * 15 + [7.0] * 24
    first = [notice_weeks(count_shifts, values, alarms_per_year=budget)[0] for budget in (0.5, 0.25, 0.1)]
    assert first == sorted(set(first))


# When a notice may come


@detectors
def test_no_notice_before_26_observed_weeks(detector: Detector) -> None:
    rise = FIRST_NOTICE - 2
    early, late = [2.0] * rise + [20.0] * 30, [GAP] * 5 + [2.0] * rise + [20.0] * 30
    assert min(notice_weeks(detector, early), default=99) >= FIRST_NOTICE - 1
    assert min(notice_weeks(detector, late), default=99) >= FIRST_NOTICE + 4


@detectors
def test_leading_missing_weeks_only_shift_a_notice(detector: Detector) -> None:
    values = [4.0, 5, 3, 4] * 15 + [9.0] * 20
    assert notice_weeks(detector, [GAP] * 7 + values) == [week + 7 for week in notice_weeks(detector, values)]


@detectors
def test_a_change_during_leave_is_reported_after_it(detector: Detector) -> None:
    values = [4.0, 5, 3, 4] * 15 + [GAP] * 3 + [12.0] * 20
    notices = notice_weeks(detector, values)
    assert len(notices) == 1
    assert notices[0] >= 63


def test_two_weeks_of_work_after_long_leave_are_not_enough_for_a_rate() -> None:
    assert notice_weeks(count_shifts, [4.0] * 60 + [GAP] * 8 + [40.0, 40.0]) == []
    assert notice_weeks(count_shifts, [4.0] * 60 + [GAP] * 8 + [40.0, 40.0, 40.0]) == [70]


def test_a_week_with_few_sessions_behind_its_mean_counts_for_less() -> None:
    values = [1.0, 2, 3, 2] * 15 + [6.0] * 8
    full, thin = (notice_weeks(mean_shifts, values, [18.0] * 60 + [number] * 8) for number in (18.0, 1.0))
    assert full
    assert full[0] < min(thin, default=99)


# The procedure, number by number


@pytest.mark.parametrize(
    ("thresholds", "budget", "score"),
    [
        (shifts.COUNT_THRESHOLDS, 0.5, 1.92),
        (shifts.COUNT_THRESHOLDS, 0.25, 2.26),
        (shifts.COUNT_THRESHOLDS, 0.1, 2.62),
        (shifts.MEAN_THRESHOLDS, 0.5, 2.05),
    ],
)
def test_thresholds_are_the_published_ones(thresholds: dict[float, float], budget: float, score: float) -> None:
    assert shifts._threshold(thresholds, budget) == pytest.approx(score)


@given(st.floats(1e-6, 1), st.floats(1e-6, 1))
def test_thresholds_fall_as_the_budget_grows(first: float, second: float) -> None:
    low, high = sorted([first, second])
    thresholds = shifts.COUNT_THRESHOLDS
    assert shifts._threshold(thresholds, low) >= shifts._threshold(thresholds, high) > 0


@pytest.mark.parametrize(
    ("count", "mid_p"),
    [(0.0, 0.4096 / 2), (1.0, 0.4096 + 0.32768 / 2), (1.5, 0.4096 + 0.32768), (3.0, 0.90112 + 0.065536 / 2)],
)
def test_surprise_is_the_mid_p_of_a_negative_binomial(count: float, mid_p: float) -> None:
    # The masses of size 4 at mean 1 are .4096 .32768 .16384 .065536 ...
    score = shifts._surprise(np.array([[count]]), np.array([[1.0]]), 4)[0, 0]
    assert score == pytest.approx(NormalDist().inv_cdf(mid_p), abs=1e-5)


def test_surprise_of_counts_beyond_counting_is_that_of_their_ratio() -> None:
    scores = shifts._surprise(np.array([[900.0, 9e11]]), np.array([[600.0, 6e11]]))
    assert scores[0, 0] == pytest.approx(scores[0, 1], abs=0.01)


@pytest.mark.parametrize(("count", "clipped"), [(0.0, -2.0), (10_000.0, 2.25)])
def test_surprise_is_clipped(count: float, clipped: float) -> None:
    score = shifts._surprise(np.array([[count]]), np.array([[80.0]]))[0, 0]
    assert score == pytest.approx(clipped)


def test_the_score_is_the_recursion_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    surprise, observed = rng.normal(0, 1, (1, 60)), rng.random((1, 60)) > 0.2
    observed[0, :3] = False
    doubt = rng.uniform(0, 0.1, (1, 60))
    s = v = 0.0
    expected = []
    for week in range(60):
        if observed[0, week]:
            s, v = 0.8 * s + 0.2 * surprise[0, week], 0.64 * v + 0.04
        expected.append(s / (v + doubt[0, week]) ** 0.5 if v else 0.0)
    assert shifts._smoothed(surprise, observed, 0.2, doubt)[0] == pytest.approx(expected)


def test_the_baseline_is_two_years_without_the_last_two_months() -> None:
    weeks = shifts._baselines(np.arange(1.0, 201.0)[None, :])[0]
    assert weeks[150].tolist() == list(np.arange(151.0 - 111, 151.0 - 7))
    assert weeks[8, -1] == 1
    assert weeks[7].sum() == 0


def test_the_usual_rate_weights_a_week_by_its_exposure() -> None:
    counts, exposure = np.full((1, 60), 3.0), np.ones((1, 60))
    rate, strength = shifts._usual_rate(counts, exposure)
    rough = (0.5 + 52 * 3) / (0.1 + 52)
    weight = 1 / (1 + rough / 5)
    assert strength[0, 59] == pytest.approx(0.5 + weight * 156)
    assert rate[0, 59] == pytest.approx((0.5 + weight * 156) / (0.1 + weight * 52))


def test_weeks_that_count_as_one_weigh_alike() -> None:
    counts = np.random.default_rng(1).poisson(4, (2, 90)).astype(float)
    observed = np.random.default_rng(2).random((2, 90)) > 0.1
    short = shifts._usual_count(counts * observed, observed)
    assert np.allclose(short, shifts._usual_rate(counts * observed, observed.astype(float)))


def test_the_gate_is_open_from_a_quarter_above_the_usual_rate() -> None:
    weeks = pd.DataFrame({"closed": [40.0] * 60 + [48.0] * 8, "open": [40.0] * 60 + [52.0] * 8})
    closed, opened = shifts.count_scores(weeks, pd.DataFrame(1.0, weeks.index, weeks.columns)).iloc[-1]
    assert closed == 0
    assert opened > 1


def test_a_mean_is_judged_by_its_own_scatter_and_by_how_well_the_usual_is_known() -> None:
    values = np.random.default_rng(4).normal(2, 1, 50)
    expected, doubt = [0.0] * 50, [0.0] * 50
    for week in range(9, 50):
        past = values[: week - 7]
        n, spread = len(past), past.var(ddof=1)
        spread = (n * spread + 12 * 1.4**2) / (n + 12)
        z = (values[week] - past.mean()) / spread**0.5
        expected[week], doubt[week] = max(-2.0, min(2.25, z)), 1 / n
    score, _ = shifts._mean_scores(values[None, :], np.full((1, 50), 18.0), 1.4)
    observed = np.ones((1, 50), dtype=bool)
    observed[0, :8] = False
    first = (values[8] - values[0]) / (12 / 13 * 1.4**2) ** 0.5
    expected[8], doubt[8] = max(-2.0, min(2.25, first)), 1
    assert score == pytest.approx(shifts._smoothed(np.array([expected]), observed, 0.25, np.array([doubt])))


@pytest.mark.parametrize(("high_from", "notices"), [(24, []), (25, [25]), (30, [30])])
def test_the_first_notice_is_that_of_the_26th_observed_week(high_from: int, notices: list[int]) -> None:
    score = np.where(np.arange(40) >= high_from, 3.0, 0.0)[None, :]
    assert np.flatnonzero(shifts._crossings(score, np.ones((1, 40), dtype=bool), 2.0)).tolist() == notices


def test_a_second_rise_within_eight_weeks_is_reported_afterwards_if_it_lasts() -> None:
    score = np.zeros((2, 80))
    score[:, 30] = 3
    score[0, 34:] = 3
    score[1, 34:37] = 3
    crossings = shifts._crossings(score, np.ones((2, 80), dtype=bool), 2.0)
    assert [np.flatnonzero(row).tolist() for row in crossings] == [[30, 38], [30]]


def test_notices_are_eight_weeks_apart_and_staying_high_does_not_repeat() -> None:
    score = np.zeros((1, 80))
    score[0, [30, 34, 38]] = 3
    score[0, 50:] = 3
    crossings = shifts._crossings(score, np.ones((1, 80), dtype=bool), 2.0)
    assert np.flatnonzero(crossings).tolist() == [30, 38, 50]


# What holds for every series


def pair(detector: Detector, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.bool_]]:
    values, weights = simulated_weeks(seed)
    return values, weights, detector(values, weights).to_numpy()


@detectors
@settings(max_examples=20)
@given(seed=seeds, cut=st.integers(0, 90))
def test_nothing_looks_ahead(detector: Detector, seed: int, cut: int) -> None:
    values, weights, all_weeks = pair(detector, seed)
    assert (detector(values[:cut], weights[:cut]).to_numpy() == all_weeks[:cut]).all()


@detectors
@settings(max_examples=20)
@given(seed=seeds)
def test_a_series_is_judged_alone(detector: Detector, seed: int) -> None:
    values, weights, together = pair(detector, seed)
    shuffled = detector(values[[2, 0, 1]], weights[[2, 0, 1]])
    assert (shuffled[[0, 1, 2]].to_numpy() == together).all()
    assert (detector(values[[1]], weights[[1]]).to_numpy()[:, 0] == together[:, 1]).all()


@detectors
@settings(max_examples=20)
@given(seed=seeds, weeks=st.integers(1, 12))
def test_weeks_that_go_missing_at_the_end_create_no_notice(detector: Detector, seed: int, weeks: int) -> None:
    values, weights, all_weeks = pair(detector, seed)
    values.iloc[-weeks:] = np.nan
    assert (detector(values, weights).to_numpy() <= all_weeks).all()


@detectors
@settings(max_examples=20)
@given(seed=seeds)
def test_notices_come_in_observed_weeks_and_spaced(detector: Detector, seed: int) -> None:
    values, weights, all_weeks = pair(detector, seed)
    assert not all_weeks[values.isna().to_numpy() | (weights == 0).to_numpy()].any()
    assert all((np.diff(np.flatnonzero(column)) >= SPACING).all() for column in all_weeks.T)


@settings(max_examples=20)
@given(seed=seeds, unit=st.floats(0.01, 100), zero=st.floats(-50, 50))
def test_means_may_be_in_any_unit(seed: int, unit: float, zero: float) -> None:
    values, weights, all_weeks = pair(mean_shifts, seed)
    assert (mean_shifts(values * unit + zero, weights, typical_sd=1.4 * unit).to_numpy() == all_weeks).all()
    assert (mean_shifts(values, weights * 3).to_numpy() == all_weeks).all()


# Input checks


def test_the_table_keeps_weeks_and_names() -> None:
    weeks = pd.date_range("2026-01-05", periods=40, freq="7D")
    table = pd.DataFrame(1.0, index=weeks, columns=["ana", "ben"])
    notices = count_shifts(table, table)
    assert notices.index.equals(weeks)
    assert notices.columns.tolist() == ["ana", "ben"]
    assert notices.to_numpy().dtype == np.dtype(bool)


def test_whole_numbers_that_may_be_missing_are_read() -> None:
    values = [4, 5, 3, None] * 15 + [12] * 8
    table = pd.DataFrame({"ana": pd.array(values, dtype="Int64")})
    assert np.flatnonzero(count_shifts(table, table.notna().astype(float))).tolist() == notice_weeks(
        count_shifts, [GAP if value is None else float(value) for value in values]
    )


@pytest.mark.parametrize("value", [-1.0, float("inf")])
def test_impossible_counts_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        notice_weeks(count_shifts, [value])


@detectors
def test_impossible_weights_are_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        notice_weeks(detector, [1.0], [-1.0])


@detectors
@pytest.mark.parametrize("budget", [0, -1, 2.5, float("nan")])
def test_impossible_budgets_are_refused(detector: Detector, budget: float) -> None:
    with pytest.raises(ValueError, match="alarms_per_year"):
        notice_weeks(detector, [1.0], alarms_per_year=budget)


@pytest.mark.parametrize("typical_sd", [0, -1, float("nan"), float("inf")])
def test_an_impossible_deviation_is_refused(typical_sd: float) -> None:
    with pytest.raises(ValueError, match="typical_sd"):
        notice_weeks(mean_shifts, [1.0], typical_sd=typical_sd)


@detectors
def test_tables_that_do_not_match_are_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="same weeks"):
        detector(pd.DataFrame({"ana": [1.0]}), pd.DataFrame({"ben": [1.0]}))


@detectors
def test_weeks_left_out_of_the_table_are_refused(detector: Detector) -> None:
    table = pd.DataFrame({"ana": [1.0, 1.0]}, index=pd.DatetimeIndex(["2026-01-05", "2026-01-19"]))
    with pytest.raises(ValueError, match="consecutive weeks"):
        detector(table, table)


# The scores behind the notices


@settings(max_examples=20)
@given(seed=seeds)
def test_a_notice_is_the_score_s_way_up(seed: int) -> None:
    values, weights = simulated_weeks(seed)
    for detector, scored, threshold in ((count_shifts, count_scores, 1.92), (mean_shifts, mean_scores, 2.05)):
        score, notices = scored(values, weights), detector(values, weights).to_numpy()
        assert (score.to_numpy()[notices] >= threshold).all()


@pytest.mark.parametrize("scored", [count_scores, mean_scores])
def test_a_score_is_known_from_the_first_possible_notice_and_holds_in_missing_weeks(scored: Detector) -> None:
    table = pd.DataFrame({"ana": [4.0, 5, 3, 4] * 8 + [9.0] * 8 + [GAP, GAP, 9.0]})
    score = scored(table, table.notna().astype(float))["ana"]
    assert score.isna().tolist() == [week < FIRST_NOTICE - 1 for week in range(43)]
    assert score[39] == score[40] == score[41] != score[42]
