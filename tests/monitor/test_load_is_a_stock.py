"""The load is that of an ordinary week: leave changes nobody's load."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pytest

from connectors.records import Kind
from monitor.analysis.calendar import day_number
from monitor.analysis.fairness import evenness
from tests.monitor.facts import Row, event, frames, term
from tests.monitor.week_facts import metric_table

FIRST = date(2026, 6, 1)
WEEKS = 26
LEAVE = (date(2026, 10, 5), date(2026, 10, 26))
CLIENTS = 20
LAST_EIGHT = [day_number(date(2026, 9, 28)) + 7 * number for number in range(8)]


def weekly_sessions(seed: int, *, leave: bool = False, standing: bool = False) -> list[Row]:
    """Return twenty sessions a week, nine in ten held; none on leave, unless the series stayed in the calendar."""
    chance = random.Random(seed)
    rows = []
    for week in range(WEEKS):
        for client in range(CLIENTS):
            day = FIRST + timedelta(weeks=week, days=client % 5)
            away = leave and LEAVE[0] <= day < LEAVE[1]
            if standing if away else chance.random() < 0.9:
                hour = 9 + client // 5
                rows.append(event(f"{day} {hour:02}:00", f"{day} {hour:02}:50", client=client))
    if leave:
        rows.append(event(f"{LEAVE[0]} 00:00", f"{LEAVE[1]} 00:00", kind=Kind.LEAVE, all_day=True))
    return rows


def load_of(entries: list[Row], **fields: object) -> list[float]:
    result = metric_table("weighted_load", frames(entries=entries, as_of="2026-11-30 12:00", **fields))["value"]  # type: ignore[arg-type]
    return [float(result.get(week, np.nan)) for week in LAST_EIGHT]


@pytest.mark.parametrize("seed", range(5))
def test_three_weeks_of_leave_change_nobodys_load_and_nor_does_a_series_left_standing(seed: int) -> None:
    """Ana works, Ben is on leave for three weeks, Cleo too with the series left in the calendar."""
    loads = [
        load_of(weekly_sessions(seed * 3)),
        load_of(weekly_sessions(seed * 3 + 1, leave=True)),
        load_of(weekly_sessions(seed * 3 + 2, leave=True, standing=True)),
    ]
    assert not np.isnan(loads).any()
    shares = evenness([float(np.mean(load)) for load in loads], [1.0] * 3).shares
    assert not any(share.stands_out for share in shares)
    assert [share.difference for share in shares] == pytest.approx([0, 0, 0], abs=0.06)


def test_a_public_holiday_changes_nobodys_load() -> None:
    entries = [row for row in weekly_sessions(1) if row["start"] != 0]
    holidays = [str(FIRST + timedelta(weeks=week)) for week in (18, 20, 21, 22)]
    on_holiday = {day_number(date.fromisoformat(day)) for day in holidays}
    closed = [row for row in entries if int(str(row["start"])) // 86_400 not in on_holiday]
    ordinary = float(np.mean(load_of(entries)))
    assert np.mean(load_of(closed, holidays=holidays)) == pytest.approx(ordinary, rel=0.03)
    assert np.mean(load_of(entries, holidays=holidays)) == pytest.approx(ordinary, rel=0.03)


def test_clients_who_come_every_other_week_stay_through_a_long_leave() -> None:
    """Nothing is booked ahead: after five weeks of leave nobody would have been seen for thirty days."""
    weeks = [number for number in range(0, WEEKS, 2) if not 15 <= number < 20]
    days = [FIRST + timedelta(weeks=number, days=1) for number in weeks]
    entries = [
        event(f"{day} {9 + client:02}:00", f"{day} {9 + client:02}:50", client=client, known_at=f"{day} 09:00")
        for day in days
        for client in range(6)
    ]
    leave = event(
        f"{FIRST + timedelta(weeks=15)} 00:00", f"{FIRST + timedelta(weeks=20)} 00:00", kind=Kind.LEAVE, all_day=True
    )
    for terms in ([], [term(client, "frequency", "0.5") for client in range(6)]):
        result = metric_table(
            "weighted_load", frames(entries=[*entries, leave], terms=terms, as_of="2026-11-30 12:00")
        )["value"]
        during = [float(result[day_number(FIRST) + 7 * number]) for number in range(14, 24)]
        assert during == pytest.approx([3.0] * 10, abs=0.8)  # weeks beside a leave fall together


def test_clients_of_a_leave_without_end_end_by_silence() -> None:
    entries = [row for row in weekly_sessions(2) if int(str(row["start"])) // 86_400 < day_number(date(2026, 7, 27))]
    leave = event("2026-07-27 00:00", "2026-12-01 00:00", kind=Kind.LEAVE, all_day=True)
    note = event("2026-11-20 09:00", "2026-11-20 09:30", kind=Kind.ADMINISTRATION)  # the calendar is still kept
    assert load_of([*entries, leave, note])[-4:] == [0.0] * 4
