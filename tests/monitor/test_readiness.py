"""Tests that pages, reports and doctor name every part of a week that is not read or not computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor import cli, compute
from monitor.cli.context import CliContext
from monitor.config import Config, load
from monitor.loading import load_frames
from monitor.store.computations import computation
from monitor.store.database import Store, opened
from tests.monitor.dashboard_pages import DashboardPages
from tests.monitor.office import CONFIG, Office, calendar, letter, mailbox, session

MONDAY = datetime(2026, 3, 16, 3, 30, tzinfo=UTC)  # 04:30 in Paris, half an hour after the week has ended
SHARED = """
[[source]]
name = "rooms"
kind = "ics"
clinicians = "*"
path = "rooms.ics"
"""
QUIET = re.compile(r"nothing (new |else )?stood out|inside the hours you chose", re.IGNORECASE)


class Practice(Office):
    """The practice with a shared calendar; ``nights`` and ``run`` run commands at an instant."""

    def run(self, now: datetime, *arguments: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cli, "CliContext", partial(CliContext, now=now))
            done = CliRunner().invoke(cli.evenhours, ["--config", str(self.config), *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr

    def nights(self, first: datetime, number: int) -> list[int]:
        return [self.run(first + timedelta(days=n), "nightly")[0] for n in range(number)]

    def page(self, now: datetime, reader: str = "ana", path: str = "/me/") -> str:
        with DashboardPages(load(self.config)) as pages:
            pages.clock.now = now
            page = pages.signed_in(reader).get(path).text
        return " ".join(re.sub(r"(?s)<(head|style|script|svg)\b.*?</\1>|<[^>]+>", " ", page).split())


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    practice = Practice(tmp_path, CONFIG + SHARED)
    days = range(1, 25)
    practice.write("ana.ics", calendar(*(session(f"s{day}", day, 10) for day in days if day % 7 in {2, 3, 4})))
    both = "ATTENDEE:mailto:ana@two.example\nATTENDEE:mailto:ben@two.example\nEND:VEVENT"
    rooms = (session(f"r{day}", day, 15).replace("END:VEVENT", both) for day in days if day % 7 == 5)
    practice.write("rooms.ics", calendar(*rooms))
    letters = [
        letter(100 + day, "ana@two.example", "carol@post.example", f"{day:02} Mar 2026 11:00:00 +0100") for day in days
    ]
    practice.write("ana.mbox", mailbox(*letters))
    return practice


def test_on_monday_morning_the_page_has_last_week(practice: Practice) -> None:
    assert practice.nights(MONDAY - timedelta(days=2), 3) == [0, 0, 0]
    text = practice.page(MONDAY + timedelta(hours=4))
    assert "Week of 9 to 15 March 2026" in text
    assert "Complete through Sunday night." in text
    assert "not complete" not in text


def test_before_the_night_mondays_page_shows_that_the_week_is_not_complete(practice: Practice) -> None:
    practice.nights(MONDAY - timedelta(days=8), 8)
    text = practice.page(MONDAY - timedelta(minutes=10))
    assert "The week of 9 to 15 March 2026 is not complete: nothing was read since Sunday 15 March" in text
    assert "Week of 2 to 8 March 2026" in text
    assert not QUIET.search(text)


def test_a_shared_source_does_not_hide_a_dead_calendar(practice: Practice) -> None:
    practice.nights(MONDAY - timedelta(days=4), 1)
    (practice.folder / "ana.ics").rename(practice.folder / "away.ics")
    assert practice.nights(MONDAY - timedelta(days=3), 4) == [3] * 4

    text = practice.page(MONDAY + timedelta(hours=4))
    assert (
        "The week of 9 to 15 March 2026 is not complete: your calendar (calendar) was last read on Thursday 12" in text
    )
    assert not QUIET.search(text)
    code, doctor, _ = practice.run(MONDAY + timedelta(hours=4), "doctor")
    assert code == 1
    assert "✗ page of ana: it warns: The week of 9 to 15 March 2026 is not complete" in doctor
    _, report, _ = practice.run(MONDAY, "report", "weekly", "--clinician", "ana", "--week", "2026-W11")
    assert not QUIET.search(report)
    (held,) = re.findall(r"^Sessions held +(\S+)", report, re.MULTILINE) or ["–"]
    assert held == "–", "not a smaller number"
    assert "Not known since 12 March: Ana’s caseload." in practice.page(
        MONDAY + timedelta(hours=4), "director", "/practice/"
    )


@pytest.fixture
def anas_break(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    whole = load_frames

    def broken(config: Config, store: Store, clinician: Any, **more: Any) -> Any:
        if clinician.key == "ana":
            raise KeyError("Carol")
        return whole(config, store, clinician, **more)

    monkeypatch.setattr(compute, "load_frames", broken)
    yield
    monkeypatch.setattr(compute, "load_frames", whole)


def test_read_but_not_computed_for_three_weeks(practice: Practice, request: pytest.FixtureRequest) -> None:
    practice.nights(MONDAY - timedelta(days=14), 1)
    request.getfixturevalue("anas_break")
    # Until the week has ended there is nothing to compute.
    assert practice.nights(MONDAY - timedelta(days=13), 21) == [*[0] * 6, *[3] * 15]

    now = MONDAY + timedelta(days=7, hours=4)
    text = practice.page(now)
    assert "The week of 16 to 22 March 2026 is not complete: its numbers could not be computed" in text
    assert not QUIET.search(text)
    code, doctor, _ = practice.run(now, "doctor")
    assert code == 1
    assert "✗ page of ana: the numbers could not be computed (KeyError)" in doctor
    assert "✓ page of ben" in doctor or "page of ben: it says" not in doctor
    director = practice.page(now, "director", "/practice/")
    assert "Ana’s caseload" in director


def test_numbers_of_another_configuration_are_not_shown_as_todays(
    practice: Practice, request: pytest.FixtureRequest
) -> None:
    practice.nights(MONDAY, 1)
    practice.change('mon = ["08:00-18:00"]', 'mon = ["08:00-09:00"]')
    request.getfixturevalue("anas_break")

    text = practice.page(MONDAY + timedelta(hours=4))

    assert "its numbers could not be computed" in text
    assert not QUIET.search(text)


def test_two_days_without_cron_are_reported_everywhere(practice: Practice) -> None:
    practice.nights(MONDAY - timedelta(days=1), 2)
    now = MONDAY + timedelta(hours=49)

    assert "Nothing was read since Monday 16 March, so what you see may be old." in practice.page(now)
    assert "Nothing new has arrived for more than 48 hours" in practice.page(now, "director", "/practice/")
    code, doctor, _ = practice.run(now, "doctor")
    assert code == 1
    assert "✗ last night: the last run ended on Monday 16 March at 04:30, with exit code 0" in doctor


def test_a_night_that_did_not_end_is_reported(practice: Practice) -> None:
    practice.nights(MONDAY, 1)
    with opened(practice.folder / "evenhours.db") as store, store.write() as connection:
        connection.execute("UPDATE run SET ended_at = NULL, exit_code = NULL")
    code, doctor, _ = practice.run(MONDAY + timedelta(hours=3), "doctor")
    assert code == 1
    assert "✗ last night: the run that began on Monday 16 March at 04:30 did not end" in doctor


def test_a_correction_is_in_every_number_of_the_page_at_once(practice: Practice) -> None:
    practice.nights(MONDAY, 1)
    _, out, _ = practice.run(MONDAY, "export", "sessions", "--clinician", "ana")
    rows = [line.split(",") for line in out.splitlines()[1:] if "2026-03-1" in line and "T09:00" in line]
    for row in rows:
        assert practice.run(MONDAY, "correct", row[-1], "11:02", "--clinician", "ana")[0] == 0

    with opened(practice.folder / "evenhours.db") as store, store.read() as connection:
        assert computation(connection, "ana").dirty_from is None
    _, metrics, _ = practice.run(MONDAY, "export", "metrics", "--clinician", "ana")
    share = [line for line in metrics.splitlines() if line.startswith("ana,2026-W11,overrun_share")]
    assert share
    assert share[0].split(",")[3] == "100.0"


def test_a_run_of_some_days_makes_no_source_fresh_across_days_that_nobody_read(practice: Practice) -> None:
    practice.nights(MONDAY - timedelta(days=6), 1)
    later = MONDAY + timedelta(days=1)
    assert practice.run(later, "ingest", "--from", "2018-01-01", "--to", "2018-02-01")[0] == 0
    assert "is not complete" in practice.page(later)
    assert practice.run(later, "ingest", "--from", f"{later:%Y-%m-%d}")[0] == 0
    assert "is not complete" in practice.page(later)
    assert practice.run(later, "nightly")[0] == 0
    assert "is not complete" not in practice.page(later)


def test_changes_during_a_computation_are_computed_again(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    practice.run(MONDAY, "ingest")
    whole, calls = load_frames, []

    def meanwhile(config: Config, store: Store, clinician: Any, **more: Any) -> Any:
        calls.append(clinician.key)
        if calls == ["ana"]:
            with opened(config.database) as other, other.write() as connection:
                connection.execute("INSERT OR REPLACE INTO data_version SELECT id, 99 FROM clinician WHERE key = 'ana'")
        return whole(config, store, clinician, **more)

    monkeypatch.setattr(compute, "load_frames", meanwhile)
    assert practice.run(MONDAY, "analyse")[0] == 0
    assert calls == ["ana", "ana", "ben"]
