"""The referral report that the director requests, on a written practice."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner

from monitor import cli
from monitor.analysis.referral import OpenSlots, Referral, TimeOfDay
from monitor.cli.context import CliContext
from monitor.fairness_report.referral import referral_report
from monitor.store import analysis_records, clients, referrals
from monitor.store.database import Store, opened
from reports.models import ReferralReport
from tests.monitor.practices import NOW, WrittenPractice


def report_for(practice: WrittenPractice, store: Store, *, trauma: bool = False, count: int = 1) -> ReferralReport:
    return referral_report(practice.config, store, Referral(trauma=trauma), now=NOW, count=count)


def rank_and_reason(report: ReferralReport, name: str) -> tuple[int | None, str]:
    return next((row.place, row.reason) for row in report.rows if row.name == name)


@pytest.mark.parametrize(("slots", "referral", "reason"), [
    (OpenSlots(2, 0, 1), Referral(), None),
    (OpenSlots(2, 0, 1), Referral(trauma=True), None),
    (OpenSlots(2, 0, 0), Referral(trauma=True), "no open slots for trauma-focused work"),
    (OpenSlots(0, 0, 0), Referral(), "no open slots"),
    (OpenSlots(0, 0, 0), Referral(trauma=True, time=TimeOfDay.EVENING), "no open slots"),
    (OpenSlots(2, 0, 1), Referral(time=TimeOfDay.DAY), None),
    (OpenSlots(2, 0, 1), Referral(time=TimeOfDay.EVENING), "no open slots in the evening"),
    (OpenSlots(0, 3, 1), Referral(time=TimeOfDay.DAY), "no open slots by day"),
])  # fmt: skip
def test_open_slots_decide_who_can_take_it(
    practice: WrittenPractice, slots: OpenSlots, referral: Referral, reason: str | None
) -> None:
    with opened(practice.config.database) as store:
        with store.write() as connection:
            referrals.set_open_slots(connection, "ben", slots, entered_at=0)
        for count in (1, 3):
            report = referral_report(practice.config, store, referral, now=NOW, count=count)
            rank_and_obstacle = rank_and_reason(report, "=Ben")
            assert rank_and_obstacle == (None, reason) if reason else rank_and_obstacle[0] is not None
            assert not reason or "=Ben" not in {share.name for share in report.shares}


def test_marks_of_clients_decide_nothing(practice: WrittenPractice) -> None:
    with opened(practice.config.database) as store:
        before = report_for(practice, store, trauma=True)
        with store.write() as connection:
            for client in analysis_records.pseudonyms(connection, "ben"):
                clients.set_term(connection, "ben", client, "trauma", "yes", from_day=0, now=0)
        assert report_for(practice, store, trauma=True).rows == before.rows


def test_the_command_records_who_takes_it(practice: WrittenPractice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "CliContext", partial(CliContext, now=NOW))

    def run(*words: str) -> dict[str, Any]:
        answer = CliRunner().invoke(
            cli.evenhours, ["--config", str(practice.config.path), "referral", "--json", *words]
        )
        result: dict[str, Any] = json.loads(answer.output)
        return result

    def load(result: dict[str, Any]) -> float:
        return float(next(row["load_after"] for row in result["rows"] if row["name"] == "cleo"))

    before = run("--weight", "1.5")
    assert run("--weight", "1.5", "--assign", "cleo") == {"assigned": "cleo", "weight": 1.5, "count": 1}
    assert load(run("--weight", "1.5")) == pytest.approx(load(before) + 1.5)
