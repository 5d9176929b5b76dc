"""Tests of the first days: what is not connected, recognised or chosen is named, and never shown as 0."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor import cli
from monitor.cli.context import CliContext
from monitor.config import load
from monitor.readiness import GapKind
from tests.monitor.dashboard_pages import DashboardPages
from tests.monitor.office import CONFIG, Office

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ALL_IS_WELL = re.compile(
    r"nothing (new |else )?stood out|inside the hours|nothing was seen outside|stayed inside your hours"
    r"|looked like your usual|full days? without work|you have answered every note",
    re.IGNORECASE,
)
HOURS = re.compile(r"^hours = .*\n", re.MULTILINE)
CALENDAR = re.compile(r'\[\[source\]\]\nname = "calendar".*?(?=\[\[source\]\])', re.DOTALL)
MAIL = re.compile(r'\[\[source\]\]\nname = "mail".*?(?=\[\[source\]\])', re.DOTALL)


def assumed(config: str) -> str:
    return HOURS.sub("", config)


def without_calendar(config: str) -> str:
    return CALENDAR.sub("", config)


def without_mail(config: str) -> str:
    return MAIL.sub("", config)


def unknown_owner(config: str) -> str:
    return config.replace('addresses = ["ana@two.example"]', 'addresses = ["anna@elsewhere.example"]')


def without_rules(config: str) -> str:
    return config.replace('kind = "leave"\ntitle = "holiday"', 'kind = "administration"\ntitle = "."')


CASES = {
    GapKind.HOURS_ASSUMED: (assumed, "Your hours are assumed", "nobody declared the hours of ana"),
    GapKind.NO_CALENDAR: (without_calendar, "No calendar is connected", "no calendar is connected for ana"),
    GapKind.NO_MESSAGES: (without_mail, "No messages are connected", "no messages are connected for ana"),
    GapKind.OWNER_UNKNOWN: (unknown_owner, "No message was recognised as yours", "configured address of ana"),
    GapKind.NO_SESSIONS: (without_rules, "No entry of your calendar was recognised as a session", "is a session by"),
}


def run_at(office: Office, now: datetime, *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "CliContext", partial(CliContext, now=now))
        done = CliRunner().invoke(cli.evenhours, ["--config", str(office.config), *arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(params=CASES, ids=str)
def gap(request: pytest.FixtureRequest) -> GapKind:
    kind: GapKind = request.param
    return kind


@pytest.fixture
def office(tmp_path: Path, gap: GapKind) -> Office:
    return Office(tmp_path, CASES[gap][0](CONFIG))


def pages_of(office: Office) -> dict[str, str]:
    """Return Ana's pages, and her report in each format."""
    texts = {}
    with DashboardPages(load(office.config)) as pages:
        pages.clock.now = NOW
        ana = pages.signed_in("ana")
        for path in ("/me/", "/me/patterns", "/me/data"):
            texts[path] = ana.get(path).text
    for form in ("text", "md", "html"):
        texts[form] = office("report", "weekly", "--clinician", "ana", "--format", form).out
    return texts


def test_no_page_reassures(office: Office) -> None:
    assert office("nightly").code == 0
    for place, pages in pages_of(office).items():
        text = re.sub(r"(?s)<(style|script)\b.*?</\1>|<[^>]+>", " ", pages)
        assert not ALL_IS_WELL.search(text), (place, ALL_IS_WELL.search(text))


def test_the_headline_names_the_gap_and_the_page_the_remedy(office: Office, gap: GapKind) -> None:
    office("nightly")
    pages = pages_of(office)
    headline = re.search(r"<h1>(.*?)</h1>", pages["/me/"])
    assert headline is not None
    assert headline[1].startswith(CASES[gap][1])
    assert "What would let this page say more" in pages["/me/"]
    assert CASES[gap][1] in " ".join(pages["text"].split())


def test_doctor_reports_it_with_the_remedy(office: Office, gap: GapKind) -> None:
    office("nightly")
    answer = office("doctor")
    (line,) = [line for line in answer.out.splitlines() if CASES[gap][2] in line and "page of ana" in line]
    assert line[0] == ("?" if gap is GapKind.NO_MESSAGES else "✗")
    assert answer.code == (0 if gap is GapKind.NO_MESSAGES else 1)


def test_the_night_reports_a_gap_once_and_on_each_first_monday_of_a_month(office: Office, gap: GapKind) -> None:
    sentence = CASES[gap][2]
    errors = {}
    for day in (NOW, *(NOW + timedelta(days=n) for n in (1, 10, 17, 24)), NOW + timedelta(days=17, hours=6)):
        code, _, errors[day] = run_at(office, day, "nightly")
        assert code == 0

    days_named = {day for day, error in errors.items() if sentence in error}
    assert days_named == {NOW, datetime(2026, 4, 6, 12, tzinfo=UTC)}, "6 April is the first Monday of a month"


def test_a_gap_that_opens_again_is_reported_again(office: Office, gap: GapKind) -> None:
    office("nightly")
    broken = office.config.read_text(encoding="utf-8")
    office.config.write_text(CONFIG, encoding="utf-8")
    assert CASES[gap][2] not in office("nightly").err
    office.config.write_text(broken, encoding="utf-8")
    if gap in {GapKind.NO_CALENDAR, GapKind.NO_MESSAGES, GapKind.OWNER_UNKNOWN, GapKind.NO_SESSIONS}:
        return  # what was read meanwhile stays known
    assert CASES[gap][2] in office("nightly").err


@pytest.mark.parametrize("gap", [GapKind.HOURS_ASSUMED, GapKind.OWNER_UNKNOWN, GapKind.NO_MESSAGES], indirect=False)
def test_no_number_that_would_need_it_is_a_zero(tmp_path: Path, gap: GapKind) -> None:
    office = Office(tmp_path, CASES[gap][0](CONFIG))
    office("nightly")
    text = office("report", "weekly", "--clinician", "ana").out
    for title in ("Replies sent after hours", "Work outside agreed hours"):
        match = re.search(rf"^{title} +(\S+)", text, re.MULTILINE)
        assert match is None or match[1] not in {"0", "0 min"}
