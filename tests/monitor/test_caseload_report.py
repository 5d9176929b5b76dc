"""The director's page: what is made of the weekly numbers of the workload wing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.analysis.calendar import day_number
from monitor.briefing.caseload import fairness_report
from monitor.store import weeks
from monitor.store.database import opened
from tests.monitor.practices import LAST_WEEK, NOW, empty_practice

WEEKS = [day_number(LAST_WEEK) - 7 * back for back in reversed(range(8))]


def test_a_new_colleagues_first_weeks_count_for_the_little_fte_of_those_weeks(tmp_path: Path) -> None:
    """Three with twenty sessions a week; Ben, who joined eight weeks ago, has had ten from the first week on."""
    config = empty_practice(tmp_path)
    joined = LAST_WEEK - timedelta(weeks=7)
    people = [
        replace(p, fte=1.0, starts=joined if p.key == "ben" else None) for p in config.clinicians if p.key != "finn"
    ]
    growing = [number / 12 for number in range(1, 9)]
    with opened(config.database) as store:
        with store.write() as connection:
            for person in people:
                fte = growing if person.starts else [1.0] * 8
                rows = [
                    (week, key, value, 1, 1.0)
                    for week, there in zip(WEEKS, fte, strict=True)
                    for key, value in (
                        ("available_fte", there), ("weighted_load", (10 if person.starts else 20) / there)
                    )
                ]  # fmt: skip
                weeks.save_weeks(connection, person.key, "workload", rows)
        report = fairness_report(replace(config, clinicians=tuple(people)), store, now=NOW)

    assert report.equal_share == pytest.approx((3 * 20 + 10) / (3 + sum(growing) / 8))
    assert {row.key: row.load for row in report.rows}["ben"] == pytest.approx(10 / (sum(growing) / 8))
