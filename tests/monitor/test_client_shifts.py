from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis.client_shifts import FIRST_NOTICE, client_ratio, client_shifts

seeds = st.integers(0, 2**32 - 1)
QUIET = [0.0, 1, 0, 0, 1, 0, 0, 0]


def clients(seed: int, weeks: int = 100, number: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return contacts of clients who come and go, one of whom writes more and more."""
    rng = np.random.default_rng(seed)
    begins = rng.integers(-60, 60, number)
    week = np.arange(weeks)[:, None]
    exposure = np.where((week >= begins) & (week < begins + rng.integers(20, 100, number)), 1.0, np.nan)
    rate = rng.gamma(1, 0.5, number) + np.where(np.arange(number) == 3, np.clip(week - 60, 0, 8) / 3, 0)
    counts = np.where(np.isfinite(exposure), rng.poisson(rate * np.ones((weeks, 1))), np.nan)
    return pd.DataFrame(counts), pd.DataFrame(exposure)


def practice(ana: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return contacts of one client among eleven others without a change."""
    table = pd.DataFrame(
        {"ana": ana} | {f"other{index}": (QUIET * 20)[index : index + len(ana)] for index in range(11)}
    )
    return table, table.notna().astype(float).where(table.notna())


def notice_weeks(ana: list[float]) -> list[int]:
    counts, exposure = practice(ana)
    return np.flatnonzero(client_shifts(counts, exposure)["ana"]).tolist()


def test_a_client_who_begins_to_write_twice_a_week_is_reported_within_weeks() -> None:
    notices = notice_weeks(QUIET * 8 + [2.0, 3, 2, 2] * 5)
    assert len(notices) == 1
    assert 64 <= notices[0] < 74


@pytest.mark.parametrize(
    ("what", "ana"),
    [
        ("nothing ever", [0.0] * 80),
        ("always much", [5.0, 6.0, 4.0, 5.0] * 20),
        ("less than usual", [2.0, 3.0] * 30 + [0.0] * 20),
        ("one crisis week", QUIET * 8 + [12.0] + QUIET * 2),
        ("never seen", [float("nan")] * 80),
        ("no weeks", []),
    ],
)
def test_no_notice_for(what: str, ana: list[float]) -> None:
    assert notice_weeks(ana) == [], what


def test_the_more_clients_the_more_one_has_to_show() -> None:
    counts, exposure = practice(QUIET * 8 + [2.0, 1, 2, 1] * 5)
    many = pd.concat([counts] + [counts.drop(columns="ana").add_prefix(f"{index}") for index in range(8)], axis=1)
    few = np.flatnonzero(client_shifts(counts, exposure)["ana"])
    among_many = np.flatnonzero(client_shifts(many, many.notna().astype(float))["ana"])
    assert few[0] < min(among_many, default=99)


def test_no_client_is_reported_before_20_weeks() -> None:
    notices = notice_weeks([float("nan")] * 30 + [0.0] * 10 + [6.0] * 40)
    assert min(notices, default=99) >= 30 + FIRST_NOTICE - 1


def test_the_ratio_is_drawn_towards_one_and_dated() -> None:
    counts, exposure = practice(QUIET * 8 + [2.0, 3, 2, 2] * 3)
    ratio = client_ratio(counts, exposure, 75, "ana")
    assert ratio is not None
    assert ratio.since_week_index in (63, 64, 65)
    assert 1 < ratio.low < ratio.ratio < ratio.high
    assert ratio.ratio < 2.25 / 0.25


def test_a_client_without_that_week_has_no_ratio() -> None:
    counts, exposure = practice(QUIET * 8 + [float("nan")])
    assert client_ratio(counts, exposure, 64, "ana") is None


@settings(max_examples=20, deadline=None)
@given(seed=seeds, cut=st.integers(0, 100))
def test_nothing_looks_ahead(seed: int, cut: int) -> None:
    counts, exposure = clients(seed)
    all_weeks = client_shifts(counts, exposure).to_numpy()
    assert (client_shifts(counts[:cut], exposure[:cut]).to_numpy() == all_weeks[:cut]).all()


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_the_order_of_clients_does_not_matter(seed: int) -> None:
    counts, exposure = clients(seed)
    turned = client_shifts(counts[counts.columns[::-1]], exposure[exposure.columns[::-1]])
    assert turned[counts.columns].equals(client_shifts(counts, exposure))


def test_the_table_keeps_weeks_and_clients() -> None:
    counts, exposure = clients(1)
    notices = client_shifts(counts, exposure)
    assert notices.index.equals(counts.index)
    assert notices.columns.equals(counts.columns)
    assert notices.to_numpy().dtype == np.dtype(bool)


@pytest.mark.parametrize("budget", [0, -1, 2.5, float("nan")])
def test_impossible_budgets_are_refused(budget: float) -> None:
    with pytest.raises(ValueError, match="alarms_per_year"):
        client_shifts(*clients(1), alarms_per_year=budget)


def test_tables_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="same weeks"):
        client_shifts(pd.DataFrame({"ana": [1.0]}), pd.DataFrame({"ben": [1.0]}))


def test_a_week_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="week 100"):
        client_ratio(*clients(1), 100, 0)
