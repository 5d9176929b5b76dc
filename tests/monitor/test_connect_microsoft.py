"""Tests of ``evenhours connect microsoft``: a code for any machine, or a stored consent."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msal
import pytest

from monitor.config import load
from tests.connectors.microsoft_fake import Microsoft
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.monitor.office import CONFIG, Office
from tests.peers.reply_server import reply_server

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOURCE = """
[[source]]
name = "work"
kind = "microsoft"
clinicians = ["ana", "ben"]
client_id = "application"
api_endpoint = "{url}"
"""


@pytest.fixture
def microsoft() -> Iterator[Microsoft]:
    with reply_server() as running:
        fake = Microsoft(running.url)
        running.answer = fake.answer
        yield fake


def office_with(folder: Path, microsoft: Microsoft, more: str = "") -> Office:
    office = Office(folder)
    office.config.write_text(f"{CONFIG}{SOURCE.format(url=microsoft.url)}{more}")
    return office


def test_a_code_is_shown_and_the_permission_opens_the_account(tmp_path: Path, microsoft: Microsoft) -> None:
    office = office_with(tmp_path, microsoft)
    microsoft.account("ana").put_event("a", START, 50)
    answer = office("connect", "microsoft", "--clinician", "ana", "--json")
    assert answer.code == 0
    assert answer.json_lines == [
        {"clinician": "ana", "granted": ["Calendars.ReadBasic", "Mail.ReadBasic"], "missing": []}
    ]
    assert "ABC-123" in answer.err
    assert "https://microsoft.com/devicelogin" in answer.err
    assert stat.S_IMODE((office.folder / "microsoft-tokens" / "ana.json").stat().st_mode) == 0o600
    read = office("ingest", "--source", "work")
    assert read.code == 4
    assert "Run: evenhours connect microsoft --clinician ben" in read.err
    assert sum(line["source"] == "work" for line in office("export", "events", "--json").json_lines) == 1
    findings = {line["check"]: line for line in office("doctor", "--json").json_lines}
    assert [findings[f"permission of {person} for work"]["found"] for person in ("ana", "ben")] == [
        "given",
        "missing or not sufficient",
    ]


def test_a_missing_grant_is_reported(tmp_path: Path, microsoft: Microsoft) -> None:
    microsoft.grants = ("Calendars.ReadBasic",)
    answer = office_with(tmp_path, microsoft)("connect", "microsoft", "--clinician", "ana")
    assert answer.code == 4
    assert "Not granted: when messages were sent" in answer.err


def test_no_is_an_answer(tmp_path: Path, microsoft: Microsoft) -> None:
    microsoft.declines = True
    answer = office_with(tmp_path, microsoft)("connect", "microsoft", "--clinician", "ana")
    assert (answer.code, "nobody signed in" in answer.err) == (4, True)
    assert not (tmp_path / "microsoft-tokens").exists()


@pytest.mark.parametrize("agreed", [True, False])
def test_an_application_needs_the_persons_consent(
    tmp_path: Path, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch, *, agreed: bool
) -> None:
    monkeypatch.setenv("APPLICATION", microsoft.secret)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: agreed)
    office = office_with(tmp_path, microsoft, 'tenant = "two.example"\nclient_secret = "env:APPLICATION"\n')
    microsoft.account("ana@two.example").put_event("a", START, 50)
    answer = office("connect", "microsoft", "--clinician", "ana")
    assert answer.code == (0 if agreed else 2)
    consent = office.folder / "microsoft-tokens" / "ana.consent.json"
    assert consent.exists() == agreed
    if agreed:
        assert json.loads(consent.read_text())["account"] == "ana@two.example"
    office("ingest", "--source", "work")
    assert sum(line["source"] == "work" for line in office("export", "events", "--json").json_lines) == agreed


@pytest.mark.parametrize("application", [True, False])
def test_a_permission_is_taken_back_on_the_page(
    tmp_path: Path, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch, *, application: bool
) -> None:
    monkeypatch.setenv("APPLICATION", microsoft.secret)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    more = 'tenant = "two.example"\nclient_secret = "env:APPLICATION"\n' if application else ""
    office = office_with(tmp_path, microsoft, more)
    microsoft.account("ana@two.example" if application else "ana").put_event("a", START, 50)
    assert office("init").code == 0
    assert office("connect", "microsoft", "--clinician", "ana").code == 0
    folder = office.folder / "microsoft-tokens"
    assert len(list(folder.iterdir())) == 1

    with DashboardPages(load(office.config)) as pages:
        ana = pages.signed_in("ana")
        page = ana.get("/me/accounts")
        assert "A permission of yours is stored here." in page.text
        form = {"csrf_token": csrf_token_of(page)}
        text = ana.post("/me/accounts/microsoft/withdraw", data=form, follow_redirects=True).text

    assert "Your Microsoft account is not read again" in text
    assert "No permission of yours is stored here." in text
    assert list(folder.iterdir()) == []
    read = office("ingest", "--source", "work")
    assert (read.code, sum(line["source"] == "work" for line in office("export", "events", "--json").json_lines)) == (
        4,
        0,
    )


def test_a_permission_that_was_taken_back_during_a_run_does_not_come_back(
    tmp_path: Path, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = office_with(tmp_path, microsoft)
    assert office("connect", "microsoft", "--clinician", "ana").code == 0
    token, application = office.folder / "microsoft-tokens" / "ana.json", msal.PublicClientApplication
    acquire = application.acquire_token_silent_with_error

    def taken_back_meanwhile(self: Any, *arguments: Any, **more: Any) -> Any:
        answer = acquire(self, *arguments, **more)
        token.unlink(missing_ok=True)
        self.token_cache.has_state_changed = True
        return answer

    monkeypatch.setattr(application, "acquire_token_silent_with_error", taken_back_meanwhile)

    assert office("ingest", "--source", "work").code == 4
    assert not token.exists()


def test_a_clinician_without_such_a_source_gets_an_error(tmp_path: Path) -> None:
    answer = Office(tmp_path)("connect", "microsoft", "--clinician", "ana")
    assert (answer.code, "ana has no source of kind microsoft" in answer.err) == (2, True)
