from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis import ratios
from monitor.analysis.ratios import mean_difference, own_range, rate_ratio

GAP = float("nan")
USUAL = [4.0, 5.0, 3.0, 4.0] * 13


def test_a_doubling_is_reported_with_its_size_and_beginning() -> None:
    estimate = rate_ratio([*USUAL, *[8.0, 9.0, 7.0] * 3], np.ones(61), 60)
    assert estimate is not None
    assert (estimate.since_week_index, estimate.weeks) == (52, 9)
    assert 1.5 < estimate.ratio < 2
    assert 1 < estimate.low < estimate.ratio < 2 < estimate.high


def test_the_ratio_is_per_exposure() -> None:
    estimate = rate_ratio([*USUAL, *[8.0] * 9], [1.0] * 52 + [2.0] * 9, 60)
    assert estimate is not None
    assert estimate.low < 1 < estimate.high


def test_two_minutes_more_are_reported_with_their_beginning() -> None:
    estimate = mean_difference([3.0, 1.0] * 26 + [4.0] * 8, [18.0] * 60, 59)
    assert estimate is not None
    assert (estimate.since_week_index, estimate.weeks) == (52, 8)
    assert 1 < estimate.low < estimate.difference < 2 < estimate.high


def test_no_change_is_reported_as_none() -> None:
    ratio, difference = rate_ratio(USUAL, np.ones(52), 51), mean_difference(USUAL, np.ones(52), 51)
    assert ratio is not None
    assert difference is not None
    assert ratio.low < 1 < ratio.high
    assert difference.low < 0 < difference.high


@pytest.mark.parametrize("counts", [[10, 30], [10, 12, 30], [0, 0, 4]])
def test_a_ratio_is_the_middle_of_what_a_negative_binomial_leaves_likely(counts: list[int]) -> None:
    usual, log_ratios = np.geomspace(1e-4, 100, 1500)[:, None], np.linspace(-2, 2, 1001)

    def weeks(of: list[int], rate: np.ndarray) -> np.ndarray:
        return np.asarray(np.prod([(rate / (rate + 5)) ** count * (5 / (rate + 5)) ** 5 for count in of], axis=0))

    prior = usual**0.5 * np.exp(-0.1 * usual) * np.exp(-((log_ratios / 0.4) ** 2) / 2)
    likely = sum(
        weeks(counts[:begin], usual) * weeks(counts[begin:], usual * np.exp(log_ratios))
        for begin in range(1, len(counts))
    )
    below = np.cumsum((prior * likely).sum(axis=0))
    estimate = rate_ratio(counts, np.ones(len(counts)), len(counts) - 1)
    assert estimate is not None
    for quantile, share in ((estimate.low, 0.05), (estimate.ratio, 0.5), (estimate.high, 0.95)):
        assert np.log(quantile) == pytest.approx(np.interp(share, below / below[-1], log_ratios), abs=0.005)


def test_the_plain_ratio_is_that_of_the_sums() -> None:
    doubled = rate_ratio([*USUAL, *[8.0, 9.0, 7.0] * 3], np.ones(61), 60)
    from_nothing = rate_ratio([0.0] * 40 + [3.0] * 10, np.ones(50), 49)
    assert doubled is not None
    assert from_nothing is not None
    assert doubled.unadjusted == 2
    assert from_nothing.unadjusted == pytest.approx(3 / (0.5 / 40))


def test_a_difference_of_two_weeks_is_shrunk_by_the_typical_deviation() -> None:
    variance = 2 * 12 / 14 * 1.4**2
    estimate = mean_difference([0, 2], [18, 18], 1)
    assert estimate is not None
    assert estimate.difference == pytest.approx(2 * 1.4**2 / (1.4**2 + variance))


@pytest.mark.parametrize("true", [1.25, 1.5])
def test_the_interval_usually_holds_the_true_ratio(true: float) -> None:
    rng = np.random.default_rng(6)
    rate = np.where(np.arange(60) < 48, 5, 5 * true)
    estimate = [rate_ratio(rng.poisson(rate * rng.gamma(5, 0.2, 60)), np.ones(60), 59) for _ in range(150)]
    assert np.mean([ratio is not None and ratio.low <= true <= ratio.high for ratio in estimate]) > 0.85


def test_not_knowing_when_it_began_widens_the_interval() -> None:
    sizes, variance = np.array([0.2, 0.6]), np.array([0.01, 0.01])
    _, mean, spread = ratios._posterior_change(sizes**2 / (0.17 * 2), sizes, variance, 0.16)
    shrinkage = 0.16 / 0.17
    assert mean == pytest.approx(0.4 * shrinkage)
    assert spread == pytest.approx((shrinkage * 0.01 + (0.2 * shrinkage) ** 2) ** 0.5)


def test_leave_within_a_change_counts_as_calendar_weeks() -> None:
    estimate = rate_ratio([*USUAL, 12.0, 12.0, GAP, 12.0, 12.0], np.ones(57), 56)
    assert estimate is not None
    assert (estimate.since_week_index, estimate.weeks) == (52, 5)


def test_little_evidence_is_shrunk_more() -> None:
    little, much = (rate_ratio([x / 4 for x in [4.0] * 52] + [k] * 4, np.ones(56), 55) for k in (3.0, 9.0))
    assert little is not None
    assert much is not None
    assert 1 < little.ratio < much.ratio < 9


@pytest.mark.parametrize(
    ("counts", "week"),
    [([3.0], 0), ([GAP, 3.0], 1), ([3.0, GAP], 1), ([GAP, GAP], 1), ([3.0] + [GAP] * 120 + [3.0], 121)],
)
def test_without_weeks_before_or_after_there_is_no_ratio(counts: list[float], week: int) -> None:
    assert rate_ratio(counts, np.ones(len(counts)), week) is None
    assert mean_difference(counts, np.ones(len(counts)), week) is None


@settings(max_examples=30)
@given(st.lists(st.none() | st.integers(0, 40), min_size=2, max_size=90))
def test_every_ratio_is_in_order_and_begins_within_half_a_year(series: list[int | None]) -> None:
    counts = [GAP if count is None else float(count) for count in series]
    week = len(counts) - 1
    estimate = rate_ratio(counts, np.ones(len(counts)), week)
    if estimate is not None:
        assert 0 < estimate.low < estimate.ratio < estimate.high < np.inf
        assert 1 <= estimate.weeks <= 26
        assert estimate.since_week_index + estimate.weeks - 1 == week


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
def test_differences_may_be_in_any_unit(seed: int, unit: float, zero: float) -> None:
    values = np.random.default_rng(seed).normal(0, 2, 60)
    estimate = mean_difference(values, np.ones(60), 59)
    other = mean_difference(values * unit + zero, np.ones(60), 59, typical_sd=1.4 * unit)
    assert estimate is not None
    assert other is not None
    assert other.difference == pytest.approx(estimate.difference * unit, abs=1e-6 * unit)
    assert other.since_week_index == estimate.since_week_index


def test_later_weeks_change_nothing() -> None:
    series = [*USUAL, *[9.0] * 9]
    assert rate_ratio(series, np.ones(61), 55) == rate_ratio(series[:56], np.ones(56), 55)


@pytest.mark.parametrize(
    ("counts", "exposure", "week"),
    [
        ([1.0, 2.0], [1.0], 0),
        ([1.0], [1.0], 1),
        ([1.0], [1.0], -1),
        ([-1.0, 1.0], [1.0, 1.0], 1),
        ([1.0, float("inf")], [1.0, 1.0], 1),
        ([1.0, 1.0], [1.0, -1.0], 1),
        ([[1.0]], [[1.0]], 0),
    ],
)
def test_impossible_series_are_refused(counts: list[float], exposure: list[float], week: int) -> None:
    with pytest.raises(ValueError):
        rate_ratio(counts, exposure, week)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], None),
        ([1.0] * 5, None),
        ([GAP] * 20 + [1.0] * 5, None),
        ([7.0] * 6, (7, 7, 7)),
        ([float(week) for week in range(11)], (1, 5, 9)),
        ([99.0] * 10 + [0.0, GAP, *range(1, 12)], (1.1, 5.5, 9.9)),
    ],
)
def test_own_range_is_the_middle_of_the_last_twelve_observed_weeks(
    before: list[float], expected: tuple[float, float, float] | None
) -> None:
    assert own_range(before) == (None if expected is None else pytest.approx(expected))
