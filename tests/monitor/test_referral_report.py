"""Who takes the next referral, as the director asks for it of the written practice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.analysis.calendar import day_number
from monitor.analysis.referral import Referral
from monitor.briefing.referral import referral_report
from monitor.config import Config
from monitor.night import analyse
from monitor.roster import Takes
from monitor.store import clients, facts, weeks
from monitor.store.database import Store, opened
from reports.models import ReferralReport
from tests.monitor.practices import LAST_WEEK, NOW, Written


def with_cap(config: Config, cap: float | None) -> Config:
    """Ben is the first in turn, and has this trauma cap."""
    people = [replace(p, takes=Takes(trauma_cap=cap)) if p.key == "ben" else p for p in config.clinicians]
    return replace(config, clinicians=tuple(people))


def mark_all(store: Store, key: str) -> None:
    """All of somebody's clients are marked as trauma-focused."""
    with store.write() as connection:
        for client in facts.pseudonyms(connection, key):
            clients.say(connection, key, client, "trauma", "yes", from_day=0, now=0)


def asked(config: Config, store: Store, *, trauma: bool, count: int = 1) -> ReferralReport:
    list(analyse(config, store, now=NOW))
    return referral_report(config, store, Referral(trauma=trauma), now=NOW, count=count)


def place(report: ReferralReport, name: str) -> tuple[int | None, str]:
    return next((row.place, row.reason) for row in report.rows if row.name == name)


@pytest.mark.parametrize("cap", [0, 40, 99])
def test_who_is_at_the_own_trauma_cap_is_not_asked_for_trauma_work(practice: Written, cap: float) -> None:
    config = with_cap(practice.config, cap)
    with opened(config.database) as store:
        mark_all(store, "ben")
        for count in (1, 3):
            report = asked(config, store, trauma=True, count=count)
            assert place(report, "=Ben") == (None, "not eligible now")
            assert "=Ben" not in {share.name for share in report.shares}
        assert place(asked(config, store, trauma=False), "=Ben")[0] is not None


def test_below_the_cap_or_without_one_trauma_work_is_taken(practice: Written) -> None:
    with opened(practice.config.database) as store:
        assert place(asked(with_cap(practice.config, 40), store, trauma=True), "=Ben")[0] is not None
        mark_all(store, "ben")
        for cap in (None, 100):
            assert place(asked(with_cap(practice.config, cap), store, trauma=True), "=Ben")[0] is not None


def test_a_new_cap_is_in_the_numbers_after_the_next_night(practice: Written) -> None:
    with opened(practice.config.database) as store:
        mark_all(store, "ben")
        for cap, room in ((40, 0.0), (None, None)):
            list(analyse(with_cap(practice.config, cap), store, now=NOW))
            week = day_number(LAST_WEEK)
            stored = weeks.workload(store.connection, ["ben"], week, week)
            assert [value for _, _, key, value, _, _ in stored if key == "trauma_room"] == [room]
