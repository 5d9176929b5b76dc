"""Freshness of the caseload: complete up to the oldest calendar that is not stale, and the stale ones by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from monitor.analysis.referral import Referral
from monitor.config import Config
from monitor.dashboard.me.data import own_caseload
from monitor.fairness_report.referral import referral_report
from monitor.fairness_report.report import fairness_report
from monitor.store.database import Store, opened
from monitor.weekly_report.report import weekly_report
from reports import fairness
from reports.models import StaleCaseload
from tests.monitor.practices import LAST_WEEK, LONDON, NOW, written_practice


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return written_practice(tmp_path_factory.mktemp("practice")).config


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """Yield a store in which every source was read an hour ago."""
    with opened(config.database) as opened_store:
        read(opened_store, "%", timedelta(hours=1))
        yield opened_store


def read(store: Store, source: str, ago: timedelta | None) -> None:
    with store.write() as connection:
        read_at = None if ago is None else int((NOW - ago).timestamp())
        sql = "UPDATE source SET succeeded_at = ?, read_to = ? WHERE name LIKE ?"
        connection.execute(sql, (read_at, read_at, source))


def test_it_is_as_fresh_as_the_oldest_of_the_calendars(config: Config, store: Store) -> None:
    read(store, "cleo-calendar", timedelta(hours=30))
    report = fairness_report(config, store, now=NOW)
    assert report.complete_through == (NOW - timedelta(hours=30)).astimezone(LONDON)
    assert (report.overdue, report.stale_caseloads) == (False, ())


@pytest.mark.parametrize(
    ("ago", "day", "words"),
    [
        (timedelta(days=6), date(2026, 11, 12), "Not known since 12 November: cleo’s caseload."),
        (None, None, "Not known so far: cleo’s caseload."),
    ],
)
def test_whose_calendar_is_behind_the_others_is_named(
    config: Config, store: Store, ago: timedelta | None, day: date | None, words: str
) -> None:
    read(store, "cleo-calendar", ago)
    report = fairness_report(config, store, now=NOW)
    assert report.complete_through == (NOW - timedelta(hours=1)).astimezone(LONDON)
    assert (report.overdue, report.stale_caseloads) == (False, (StaleCaseload("cleo", "cleo", day),))
    assert fairness.freshness_sentence(report) == f"Complete through Wednesday 08:30, 18 November. {words}"
    referral = referral_report(config, store, Referral(), now=NOW)
    assert (referral.complete_through, referral.stale_caseloads) == (report.complete_through, report.stale_caseloads)


def test_a_stale_caseload_is_not_shown_to_colleagues(config: Config, store: Store) -> None:
    read(store, "cleo-calendar", timedelta(days=6))
    people = {person.key: person for person in config.clinicians}
    assert own_caseload(config, store, people["ana"], now=NOW).stale_caseloads == ()
    assert own_caseload(config, store, people["cleo"], now=NOW).stale_caseloads == (
        StaleCaseload("cleo", "cleo", date(2026, 11, 12)),
    )


def test_a_namesake_is_somebody_else(config: Config, store: Store) -> None:
    read(store, "cleo-calendar", timedelta(days=6))
    ana, *others = config.clinicians
    namesake = replace(ana, name="cleo")
    assert own_caseload(replace(config, clinicians=(namesake, *others)), store, namesake, now=NOW).stale_caseloads == ()


def test_mail_and_call_logs_do_not_make_a_caseload_stale(config: Config, store: Store) -> None:
    read(store, "%", timedelta(days=6))
    read(store, "ana-mail", timedelta(hours=1))
    read(store, "ana-calls", timedelta(hours=1))
    report = fairness_report(config, store, now=NOW)
    assert report.complete_through == (NOW - timedelta(days=6)).astimezone(LONDON)
    assert (report.overdue, report.stale_caseloads) == (True, ())


def test_sources_no_longer_configured_make_nothing_stale(config: Config, store: Store) -> None:
    read(store, "cleo-calendar", timedelta(days=6))
    read(store, "ana-mail", timedelta(days=6))
    left = tuple(source for source in config.sources if source.name not in {"cleo-calendar", "ana-mail"})
    fewer = replace(config, sources=left)
    assert fairness_report(fewer, store, now=NOW).stale_caseloads == ()
    ana = config.clinicians[0]
    headline = (
        "The week of 9 to 15 November 2026 is not complete: your messages (ana-mail) were last read on Thursday 12 "
    )
    assert weekly_report(config, store, ana, LAST_WEEK, now=NOW).headline.startswith(headline)
    assert "ana-mail" not in weekly_report(fewer, store, ana, LAST_WEEK, now=NOW).headline


def test_before_anything_was_read_nothing_is_complete(config: Config, store: Store) -> None:
    read(store, "%", None)
    report = fairness_report(config, store, now=NOW)
    assert (report.complete_through, report.overdue, report.stale_caseloads) == (None, False, ())


def test_nothing_read_by_anybody_is_overdue(config: Config, store: Store) -> None:
    later: datetime = NOW + timedelta(days=3)
    assert fairness_report(config, store, now=later).overdue
