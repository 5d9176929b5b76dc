"""Tests of ``evenhours connect google``: asking for permission, and storing it."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import pytest
import requests
from click.testing import CliRunner

from connectors.google.access import CALENDAR, MAIL
from monitor.cli import connect, evenhours
from monitor.cli.context import CliContext
from tests.connectors.fake_google.calendar import utc
from tests.connectors.fake_google.practice import service_account
from tests.connectors.fake_google.server import FakeGoogle, run_fake_google
from tests.monitor.office import CONFIG, Office

ANA = "ana@two.example"
CLIENT = {
    "installed": {
        "client_id": "evenhours.apps.example",
        "client_secret": "an installed app keeps none",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "redirect_uris": ["http://localhost"],
    }
}
SOURCE = """
[[source]]
name = "google"
kind = "google_calendar"
clinicians = ["ana", "ben"]
client = "file:google-client.json"
api_endpoint = "{url}"
window = {{ from = 2026-01-01, to = 2026-12-31 }}
"""


@pytest.fixture
def google() -> Any:
    with run_fake_google() as fake:
        fake.auth.chooses = ANA
        yield fake


@pytest.fixture
def office(tmp_path: Path, google: FakeGoogle) -> Office:
    office = Office(tmp_path)
    office.config.write_text(CONFIG + SOURCE.format(url=google.url))
    write_private(office.folder / "google-client.json", json.dumps(CLIENT))
    return office


def write_private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses opened in a browser whose user agrees to everything."""
    opened: list[str] = []

    def launch(url: str) -> int:
        opened.append(url)
        Thread(target=lambda: requests.get(url, timeout=10)).start()
        return 0

    monkeypatch.setattr(click, "launch", launch)
    return opened


def entries(office: Office) -> int:
    """Return the number of stored entries of the Google calendar."""
    return sum(row["source"] == "google" for row in office("export", "events", "--json").json_lines)


def stored_permission(office: Office, name: str = "ana.json") -> Any:
    return json.loads((office.folder / "google-tokens" / name).read_text())


def test_consent_on_googles_page_is_kept_and_opens_the_calendar(
    office: Office, google: FakeGoogle, browser: list[str]
) -> None:
    google.calendar(ANA).put("one", utc("2026-03-02 10:00"))
    answer = office("connect", "google", "--clinician", "ana", "--json")

    assert answer.code == 0
    assert answer.json_lines == [{"clinician": "ana", "granted": [CALENDAR], "missing": [], "ends_at": None}]
    assert "google-tokens" in {path.name for path in office.folder.iterdir()}
    assert stat.S_IMODE((office.folder / "google-tokens" / "ana.json").stat().st_mode) == 0o600
    assert len(browser) == 1
    assert office("ingest", "--source", "google").code == 4  # ben has not consented, and ana is read all the same
    assert entries(office) == 1


def test_only_reading_is_asked_for_with_proof_and_for_longer_than_an_hour(
    office: Office, google: FakeGoogle, browser: list[str]
) -> None:
    office("connect", "google", "--clinician", "ana")

    assert browser
    query = google.auth.consent_requests[0]
    assert query["scope"] == CALENDAR
    assert (query["code_challenge_method"], query["access_type"], query["prompt"]) == ("S256", "offline", "consent")
    assert query["redirect_uri"].startswith("http://127.0.0.1:")


def test_an_idle_connection_does_not_block(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers open connections ahead of use."""
    idle: list[socket.socket] = []

    def launch(url: str) -> int:
        back = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0])
        idle.append(socket.create_connection((back.hostname, back.port)))
        Thread(target=lambda: requests.get(url, timeout=10)).start()
        return 0

    monkeypatch.setattr(click, "launch", launch)
    monkeypatch.setattr(connect, "CONSENT_SECONDS", 5.0)
    try:
        assert office("connect", "google", "--clinician", "ana").code == 0
    finally:
        for connection in idle:
            connection.close()


def test_a_stray_request_is_not_taken_for_googles_answer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(url: str) -> int:
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        for stray in ("?", "?stray=1", "?code=1"):
            requests.get(f"{back}/{stray}", timeout=10)
        Thread(target=lambda: requests.get(url, timeout=10)).start()
        return 0

    monkeypatch.setattr(click, "launch", launch)
    monkeypatch.setattr(connect, "CONSENT_SECONDS", 5.0)
    assert office("connect", "google", "--clinician", "ana").code == 0


def test_waiting_for_an_answer_is_limited(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(url: str) -> int:
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        for _ in range(12):
            requests.get(f"{back}/favicon.ico", timeout=10)
        return 0

    monkeypatch.setattr(click, "launch", launch)
    monkeypatch.setattr(connect, "CONSENT_SECONDS", 0.2)
    answer = office("connect", "google", "--clinician", "ana")

    assert answer.code == 1
    assert "nobody answered on Google's page in time" in answer.err


def test_asking_for_one_source_takes_nothing_away_from_another(
    office: Office, google: FakeGoogle, browser: list[str]
) -> None:
    post = SOURCE.replace('"google"', '"post"').replace("google_calendar", "gmail").format(url=google.url)
    apart = post.replace('"post"', '"apart"') + 'tokens = "apart"\n'
    office.config.write_text(office.config.read_text() + post + apart)
    assert office("connect", "google", "--clinician", "ana").code == 2
    for name in ("google", "post", "apart"):
        assert office("connect", "google", "--clinician", "ana", "--source", name).code == 0
        assert stored_permission(office)["scopes"] == [CALENDAR, MAIL]

    assert json.loads((office.folder / "apart" / "ana.json").read_text())["scopes"] == [MAIL]
    assert len(browser) == 3


def without_browser(office: Office, change: Callable[[str], str] = str) -> Any:
    """Run with ``--no-browser``; the page is opened elsewhere, and its address comes back."""

    notes: list[str] = []

    def print_note(_: CliContext, text: str) -> None:
        notes.append(text)

    def prompt(_: str, *, err: bool) -> str:
        assert err
        page = next(word for word in " ".join(notes).split() if "/o/oauth2/auth?" in word)
        return change(requests.get(page, allow_redirects=False, timeout=10).headers["Location"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CliContext, "print_note", print_note)
        patch.setattr(click, "prompt", prompt)
        return office("connect", "google", "--clinician", "ana", "--no-browser")


def test_without_a_browser_the_address_is_copied(office: Office) -> None:
    assert without_browser(office).code == 0
    assert stored_permission(office)["scopes"] == [CALENDAR]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "hello",
        lambda address: address.replace("state=", "state=x"),
        lambda address: address.partition("?")[0],
        lambda address: address.replace("code=", "cod="),
    ],
    ids=["no address", "another page", "nothing in it", "no code"],
)
def test_another_address_is_refused_and_nothing_is_kept(office: Office, change: Callable[[str], str]) -> None:
    answer = without_browser(office, change)

    assert answer.code == 1
    assert "that is not the address to which Google's page leads" in answer.err
    assert not (office.folder / "google-tokens").exists()


def test_a_code_of_somebody_elses_is_refused(office: Office) -> None:
    answer = without_browser(office, lambda address: address.replace("code=4%2Fcode-0", "code=4%2Fcode-9"))

    assert answer.code == 4
    assert "Google does not accept the code" in answer.err
    assert "Traceback" not in answer.err


def test_a_refusal_is_reported(office: Office, google: FakeGoogle, browser: list[str]) -> None:
    google.auth.refused = True
    answer = office("connect", "google", "--clinician", "ana")

    assert browser
    assert answer.code == 4
    assert "permission was refused on Google's page" in answer.err


def test_unticked_scopes_are_printed(office: Office, google: FakeGoogle, browser: list[str]) -> None:
    google.auth.unticked = {CALENDAR}
    answer = office("connect", "google", "--clinician", "ana")

    assert browser
    assert answer.code == 4
    assert "Left unticked: entries of the calendar, read only." in answer.err


def test_testing_mode_is_reported_at_once_and_by_doctor(office: Office, google: FakeGoogle, browser: list[str]) -> None:
    google.auth.testing_mode = True
    answer = office("connect", "google", "--clinician", "ana")
    office("ingest")
    doctor = office("doctor")

    assert browser
    assert "because the consent screen is in testing mode" in answer.err
    assert "permission of ana for google" in doctor.out
    assert "Publish the consent screen (docs/google.md)" in doctor.out
    assert "ben has not given permission yet. Run: evenhours connect google --clinician ben" in doctor.out


def test_doctor_accepts_a_lasting_permission(office: Office, google: FakeGoogle, browser: list[str]) -> None:
    office("connect", "google", "--clinician", "ana")
    google.calendar(ANA).put("one", utc("2026-03-02 10:00"))
    office("ingest")

    assert browser
    assert "✓ permission of ana for google: given" in office("doctor").out


@pytest.mark.parametrize(
    "client", ["", "{}", '{"web": {"client_id": "x"}}', '{"installed": {"client_id": "hidden"}}', '{"installed": []}']
)
def test_an_invalid_client_is_reported_without_repeating_it(office: Office, client: str) -> None:
    (office.folder / "google-client.json").write_text(client or " ")
    answer = office("connect", "google", "--clinician", "ana")

    assert answer.code == 1
    assert "hidden" not in answer.err
    assert "OAuth client" in answer.err or "is empty" in answer.err


def test_for_a_domain_the_persons_own_consent_is_written_down(
    office: Office, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = service_account(google, office.folder, CALENDAR)
    (office.folder / "service.json").chmod(0o600)
    office.change('client = "file:google-client.json"', f'service_account = "{place}"')
    google.calendar(ANA).put("one", utc("2026-03-02 10:00"))

    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    assert office("connect", "google", "--clinician", "ana").code == 2
    assert office("ingest", "--source", "google").code == 4
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    assert office("connect", "google", "--clinician", "ana").code == 0
    assert stored_permission(office, "ana.consent.json")["account"] == ANA
    office("ingest", "--source", "google")
    assert entries(office) == 1


def test_a_missing_source_is_reported_with_a_remedy(office: Office) -> None:
    assert office("connect", "google").code == 2
    office.config.write_text(CONFIG)
    answer = office("connect", "google", "--clinician", "ana")
    assert answer.code == 2
    assert "ana has no Google source" in answer.err


def test_the_command_has_help() -> None:
    output = CliRunner().invoke(evenhours, ["connect", "google", "--help"]).output

    assert "Give permission to read a clinician's Google account" in output
