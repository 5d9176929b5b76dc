from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from monitor.analysis.pattern import family_score, pattern_shifts
from monitor.analysis.shifts import score_shifts

GAP = float("nan")


def scores(seed: int, families: int = 3, weeks: int = 110, known_from: int = 25) -> pd.DataFrame:
    """Return scores without a change."""
    steps = np.random.default_rng(seed).normal(size=(weeks, families))
    smooth = lfilter([np.sqrt(1 - 0.8**2)], [1, -0.8], steps, axis=0)
    smooth[:known_from] = GAP
    return pd.DataFrame(smooth, columns=[f"family{index}" for index in range(families)])


def test_families_that_rise_together_are_reported_even_if_none_is_alone() -> None:
    table = pd.DataFrame({name: [GAP] * 25 + [0.3, -0.5, 0.1, -0.2] * 10 + [1.8] * 10 for name in "abc"})
    assert not score_shifts(table).any(axis=None)
    assert np.flatnonzero(pattern_shifts(table)).tolist() == [65]


def test_one_family_alone_is_no_pattern() -> None:
    table = scores(3, families=1)
    table.iloc[60:] += 9
    assert not pattern_shifts(table).any()


def test_falling_families_do_not_take_from_a_rising_one() -> None:
    table = pd.DataFrame({"a": [0.0] * 60 + [4.0] * 5, "b": [0.0] * 60 + [0.5] * 5, "c": [0.0] * 60 + [-9.0] * 5})
    assert np.flatnonzero(pattern_shifts(table)).tolist() == [60]


def test_families_that_move_together_need_a_higher_sum() -> None:
    rng = np.random.default_rng(1)
    independent = lfilter([np.sqrt(1 - 0.8**2)], [1, -0.8], rng.normal(size=(400, 3)), axis=0)
    same = np.repeat(independent[:, :1], 3, axis=1)
    for table in (independent, same):
        table[-8:] = 1.3
    results = [pattern_shifts(pd.DataFrame(table)).iloc[-8:].any() for table in (independent, same)]
    assert results == [True, False]


def test_nothing_looks_ahead() -> None:
    table = scores(4)
    table.iloc[70:] += 1
    all_weeks = pattern_shifts(table)
    for cut in (0, 1, 26, 60, 75, 90):
        assert pattern_shifts(table[:cut]).equals(all_weeks[:cut])


def test_the_order_of_families_hardly_matters() -> None:
    table = scores(5)
    table.iloc[70:] += 2
    assert pattern_shifts(table).equals(pattern_shifts(table[table.columns[::-1]]))


def test_the_larger_of_two_is_set_back() -> None:
    table = pd.DataFrame({"a": [1.0, 2.5, -1.0, GAP], "b": [0.0, 1.0, -2.0, 2.5]})
    results = family_score(table)
    assert 2 < results[1] < 2.5
    assert results[2] == -1
    assert results[3] == 2.5


def test_two_signs_are_asked_of_three_measures() -> None:
    table = pd.DataFrame({"a": [9.0, 1.5, GAP], "b": [0.0, 1.5, 9.0], "c": [0.0, 0.0, GAP]})
    results = family_score(table, signals=2)
    assert results[0] == 0
    assert results[1] > 2
    assert np.isnan(results[2])


def test_a_score_that_is_high_already_when_it_becomes_known_gives_no_notice() -> None:
    table = pd.DataFrame({"a": [GAP] * 5 + [3.0] * 5 + [0.0] * 5 + [3.0] * 5})
    assert np.flatnonzero(score_shifts(table)["a"]).tolist() == [15]


@pytest.mark.parametrize("signals", [0, 3])
def test_impossible_numbers_of_signals_are_refused(signals: int) -> None:
    with pytest.raises(ValueError, match="one or two signals"):
        family_score(scores(1), signals=signals)


@pytest.mark.parametrize("budget", [0, -1, 2.5, GAP])
def test_impossible_budgets_are_refused(budget: float) -> None:
    with pytest.raises(ValueError, match="alarms_per_year"):
        pattern_shifts(scores(1), alarms_per_year=budget)
