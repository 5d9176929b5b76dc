from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.validity.clients import simulate_clients
from benchmarks.validity.comparison import compare_on_seed, thresholds
from benchmarks.validity.drawing import draw
from benchmarks.validity.intervals import interval_table
from benchmarks.validity.methods import COUNTS, EVENHOURS
from benchmarks.validity.notices import notices, weeks_to_notice
from benchmarks.validity.rows import Row, Sizes, change_row, ordinary_row
from benchmarks.validity.scenarios import TARGETS
from benchmarks.validity.simulator import ONSET, WEEKS, Change, counts, simulate_population, step
from benchmarks.validity.tables import (
    by_seed_table,
    clients_table,
    false_table,
    methods_table,
    pool_seeds,
    targets_table,
    verdict,
)

FEW = Sizes(people=4, slow=1, patterns=1, clinicians=1, all_families=1)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return compare_on_seed(1, FEW, thresholds(FEW))


def test_every_row_with_a_target_is_run_and_reported(rows: list[Row], tmp_path: Path) -> None:
    together = pool_seeds(rows)
    assert all((measure, EVENHOURS, scenario) in together for measure, scenario in TARGETS)
    assert targets_table(together).count("met") == 11
    assert all(method.name in methods_table(together) for method in COUNTS)
    assert "an unshrunk ratio" in clients_table(together)
    assert "a level that wanders" in false_table(together)
    assert "all that is watched: everything" in false_table(together)
    assert by_seed_table(rows).count("\n") > 15
    draw(together, tmp_path / "validity.svg")
    assert (tmp_path / "validity.svg").stat().st_size > 1000


def test_every_interval_is_held_to_the_truth() -> None:
    table = interval_table([1], people=40, clinicians=2)

    assert table.count("% of ") == 10
    assert "one client's ratio" in table


def test_the_same_seed_gives_the_same_lives() -> None:
    first, second = (counts(simulate_population(3, 5), Change(rate=step(2))) for _ in range(2))
    assert np.array_equal(first.amounts, second.amounts, equal_nan=True)


def test_before_the_onset_nothing_has_changed() -> None:
    usual, changed = counts(simulate_population(3, 5)), counts(simulate_population(3, 5), Change(rate=step(9)))
    assert np.array_equal(usual.amounts[:ONSET], changed.amounts[:ONSET], equal_nan=True)
    assert np.nansum(changed.amounts[ONSET:]) > 5 * np.nansum(usual.amounts[ONSET:])


def test_only_the_chosen_client_writes_more() -> None:
    usual, changed = simulate_clients(3), simulate_clients(3, more=5)
    others = np.arange(usual.counts.shape[1]) != usual.changed
    assert usual.changed == changed.changed
    assert np.nanmean(changed.counts[ONSET:, ~others]) > 3
    assert np.nanmean(changed.counts[ONSET:, others]) < 2


def test_a_notice_before_the_onset_does_not_count_as_found() -> None:
    high, observed = np.zeros((WEEKS, 2), dtype=bool), np.ones((WEEKS, 2), dtype=bool)
    high[[ONSET - 20, ONSET + 3], 0] = True
    assert weeks_to_notice(notices(high, observed)).tolist() == [4, np.inf]


def test_the_share_and_its_error_are_those_of_a_proportion() -> None:
    share, error = change_row("m", "n", "c", np.array([1.0, 12, 13, np.inf])).share
    assert (share, error) == pytest.approx((50, 25))


def test_the_rate_weighs_people_by_their_years() -> None:
    assert ordinary_row("m", "n", "c", np.array([1.0, 0]), np.array([1.0, 3])).rate[0] == pytest.approx(0.25)


@pytest.mark.parametrize(("weeks", "expected"), [([6.0] * 9, "met"), ([11.0] * 9, "not met"), ([99.0] * 9, "not met")])
def test_a_target_asks_for_the_share_and_the_delay(weeks: list[float], expected: str) -> None:
    scenario = TARGETS["replies after hours", "×1.5"]
    assert verdict(scenario, change_row("replies after hours", EVENHOURS, "×1.5", np.array(weeks))) == expected
