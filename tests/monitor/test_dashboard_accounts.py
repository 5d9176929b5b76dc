"""The page on which a clinician grants permission to read their own account, and withdraws it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from re import search
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from connectors.google.access import CALENDAR
from connectors.private import read_private
from monitor.config import load
from tests.connectors.fake_google.calendar import utc
from tests.connectors.fake_google.practice import service_account
from tests.connectors.fake_google.server import FakeGoogle, run_fake_google
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of, session_cookie
from tests.monitor.office import CONFIG, Office
from tests.monitor.test_connect import ANA, CLIENT, SOURCE, write_private

HERE = "/me/accounts"


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with run_fake_google() as fake:
        fake.auth.chooses = ANA
        yield fake


@pytest.fixture
def office(tmp_path: Path, google: FakeGoogle) -> Office:
    office = Office(tmp_path, CONFIG + SOURCE.format(url=google.url))
    write_private(office.folder / "google-client.json", json.dumps(CLIENT))
    assert office("init").code == 0
    return office


@pytest.fixture
def pages(office: Office) -> Iterator[DashboardPages]:
    with DashboardPages(load(office.config)) as opened:
        yield opened


def post(client: FlaskClient, path: str, /, **form: str) -> Any:
    token = csrf_token_of(client.get(HERE))
    return client.post(path, data={**form, "csrf_token": token}, follow_redirects=True)


def consent_on_googles_page(page: str) -> str:
    """Agree on Google's page, and return the address to which it redirects."""
    link = search(r'href="([^"]+/o/oauth2/auth[^"]+)"', page)
    assert link is not None
    return requests.get(unescape(link[1]), allow_redirects=False, timeout=10).headers["Location"]


def test_permission_is_given_by_pasting_the_address(office: Office, pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    assert "Your permission is missing or incomplete." in ana.get(HERE).text
    address = consent_on_googles_page(post(ana, f"{HERE}/google").text)
    page = post(ana, f"{HERE}/google/answer", address=address).text

    assert "Thank you. Evenhours may now read: entries of the calendar, read only." in page
    assert "You have given permission." in page
    assert (read_private(office.folder / "google-tokens", "ana.json") or {})["scopes"] == [CALENDAR]


def test_an_address_is_accepted_once_and_only_from_whoever_began(office: Office, pages: DashboardPages) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    address = consent_on_googles_page(post(ana, f"{HERE}/google").text)

    assert post(ben, f"{HERE}/google/answer", address=address).status_code == 400
    post(ben, f"{HERE}/google")
    page = post(ben, f"{HERE}/google/answer", address=address).text
    assert "that is not the address to which Google&#39;s page leads" in page
    assert read_private(office.folder / "google-tokens", "ben.json") is None
    post(ana, f"{HERE}/google/answer", address=address)
    assert post(ana, f"{HERE}/google/answer", address=address).status_code == 400


def test_scopes_left_unticked_are_named(google: FakeGoogle, pages: DashboardPages) -> None:
    google.auth.unticked = {CALENDAR}
    ana = pages.signed_in("ana")
    address = consent_on_googles_page(post(ana, f"{HERE}/google").text)

    assert (
        "You left unticked: entries of the calendar, read only"
        in post(ana, f"{HERE}/google/answer", address=address).text
    )


def test_consent_in_a_domain_is_recorded_for_whoever_is_signed_in(office: Office) -> None:
    office.change('client = "file:google-client.json"', 'service_account = "file:service.json"')
    with DashboardPages(load(office.config)) as pages:
        page = post(pages.signed_in("ana"), f"{HERE}/google/agree").text

    assert "Your consent is recorded" in page
    consent = read_private(office.folder / "google-tokens", "ana.consent.json") or {}
    assert (consent["account"], consent["scopes"]) == (ANA, [CALENDAR])
    assert read_private(office.folder / "google-tokens", "ben.consent.json") is None


def test_consent_in_a_domain_is_taken_back_by_a_button(office: Office, google: FakeGoogle) -> None:
    place = service_account(google, office.folder, CALENDAR)
    (office.folder / "service.json").chmod(0o600)
    office.change('client = "file:google-client.json"', f'service_account = "{place}"')
    google.calendar(ANA).put("one", utc("2026-03-02 10:00"))
    consent = office.folder / "google-tokens" / "ana.consent.json"
    with DashboardPages(load(office.config)) as pages:
        ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
        assert "Take back my permission" not in ana.get(HERE).text
        post(ana, f"{HERE}/google/agree")
        post(ben, f"{HERE}/google/agree")
        office("ingest", "--source", "google")
        accounts = [question.account for question in google.requests]
        assert ANA in accounts

        page = post(ana, f"{HERE}/google/withdraw").text

        assert "Your permission is taken back and deleted. Your Google account is not read again" in page
        assert "Your permission is missing or incomplete." in page
        assert "Take back my permission" not in page
        assert not consent.exists()
        assert "Take back my permission" in ben.get(HERE).text
        assert "There was nothing to take back" in post(ana, f"{HERE}/google/withdraw").text
    google.requests.clear()
    ingest_result = office("ingest", "--source", "google")

    assert ingest_result.code == 4
    assert "ana has not consented" in ingest_result.err
    assert {question.account for question in google.requests} == {"ben@two.example"}
    doctor_found = {line["check"]: line["found"] for line in office("doctor", "--json").json_lines}
    assert doctor_found["permission of ana for google"] == "missing or not sufficient"
    assert doctor_found["permission of ben for google"] == "given"


def test_a_permission_is_withdrawn_and_no_late_answer_restores_it(
    office: Office, google: FakeGoogle, pages: DashboardPages
) -> None:
    ana, token = pages.signed_in("ana"), office.folder / "google-tokens" / "ana.json"
    post(ana, f"{HERE}/google/answer", address=consent_on_googles_page(post(ana, f"{HERE}/google").text))
    assert token.exists()
    late = consent_on_googles_page(post(ana, f"{HERE}/google").text)

    post(ana, f"{HERE}/google/withdraw")

    assert not token.exists()
    assert post(ana, f"{HERE}/google/answer", address=late).status_code == 400
    assert not token.exists()
    google.requests.clear()
    assert office("ingest", "--source", "google").code == 4
    assert google.requests == []


def test_a_permission_that_cannot_be_deleted_is_not_reported_as_taken_back(
    pages: DashboardPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = pages.signed_in("ana")
    post(ana, f"{HERE}/google/answer", address=consent_on_googles_page(post(ana, f"{HERE}/google").text))

    def refuse_deletion(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse_deletion)
        page = post(ana, f"{HERE}/google/withdraw").text

    assert "Your permission is not taken back." in page
    assert "You have given permission." in page


def test_the_secrets_of_a_consent_page_are_in_no_cookie(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    before = session_cookie(ana)
    post(ana, f"{HERE}/google")

    (secrets,) = pages.store.connection.execute("SELECT consent FROM web_session").fetchone()
    assert len(json.loads(secrets)) == 2
    assert session_cookie(ana) == before


def test_several_sources_with_separate_permissions_name_the_command(office: Office) -> None:
    with office.config.open("a") as config:
        config.write(SOURCE.format(url="http://127.0.0.1:9").replace('"google"', '"second"') + 'tokens = "second"\n')
    write_private(office.folder / "google-client.json", json.dumps(CLIENT))
    with DashboardPages(load(office.config)) as pages:
        page = pages.signed_in("ana").get(HERE).text

    assert "Evenhours reads nothing from a Google account of yours." not in page
    assert "Each of your sources" in page


def test_without_an_oauth_client_the_page_names_what_is_missing(office: Office) -> None:
    office.change('client = "file:google-client.json"\n', "")
    with DashboardPages(load(office.config)) as pages:
        assert "no OAuth client is configured" in post(pages.signed_in("ana"), f"{HERE}/google").text


def test_without_a_google_source_nothing_is_asked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office("init")
    with DashboardPages(load(office.config)) as pages:
        assert "Evenhours reads nothing from a Google account of yours." in pages.signed_in("ana").get(HERE).text
