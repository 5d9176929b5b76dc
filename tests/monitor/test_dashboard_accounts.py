"""The page on which somebody lets their own account be read, and whom it listens to."""

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
from tests.connectors.google_fake.diary import at
from tests.connectors.google_fake.office import service_account
from tests.connectors.google_fake.server import Google, google_on_loopback
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of, session_cookie
from tests.monitor.office import CONFIG, Office
from tests.monitor.test_connect import ANA, CLIENT, SOURCE, write_private

HERE = "/me/accounts"


@pytest.fixture
def google() -> Iterator[Google]:
    with google_on_loopback() as fake:
        fake.doors.chooses = ANA
        yield fake


@pytest.fixture
def office(tmp_path: Path, google: Google) -> Office:
    office = Office(tmp_path, CONFIG + SOURCE.format(url=google.url))
    write_private(office.folder / "google-client.json", json.dumps(CLIENT))
    assert office("init").code == 0
    return office


@pytest.fixture
def pages(office: Office) -> Iterator[DashboardPages]:
    with DashboardPages(load(office.config)) as found:
        yield found


def post(client: FlaskClient, path: str, /, **form: str) -> Any:
    token = csrf_token_of(client.get(HERE))
    return client.post(path, data={**form, "csrf_token": token}, follow_redirects=True)


def on_googles_page(shown: str) -> str:
    """What somebody does there: says yes, and copies the address that they are sent to."""
    link = search(r'href="([^"]+/o/oauth2/auth[^"]+)"', shown)
    assert link is not None
    return requests.get(unescape(link[1]), allow_redirects=False, timeout=10).headers["Location"]


def test_somebody_says_yes_and_gives_the_address_back(office: Office, pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    assert "Your permission is missing or incomplete." in ana.get(HERE).text
    address = on_googles_page(post(ana, f"{HERE}/google").text)
    told = post(ana, f"{HERE}/google/answer", address=address).text

    assert "Thank you. Evenhours may now read: entries of the calendar, read only." in told
    assert "You have given permission." in told
    assert (read_private(office.folder / "google-tokens", "ana.json") or {})["scopes"] == [CALENDAR]


def test_an_address_is_good_for_whoever_began_and_once(office: Office, pages: DashboardPages) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    address = on_googles_page(post(ana, f"{HERE}/google").text)

    assert post(ben, f"{HERE}/google/answer", address=address).status_code == 400
    post(ben, f"{HERE}/google")
    told = post(ben, f"{HERE}/google/answer", address=address).text
    assert "that is not the address that Google&#39;s page leads to" in told
    assert read_private(office.folder / "google-tokens", "ben.json") is None
    post(ana, f"{HERE}/google/answer", address=address)
    assert post(ana, f"{HERE}/google/answer", address=address).status_code == 400


def test_what_was_left_unticked_is_said(google: Google, pages: DashboardPages) -> None:
    google.doors.unticked = {CALENDAR}
    ana = pages.signed_in("ana")
    address = on_googles_page(post(ana, f"{HERE}/google").text)

    assert (
        "You left unticked: entries of the calendar, read only"
        in post(ana, f"{HERE}/google/answer", address=address).text
    )


def test_in_a_domain_consent_is_written_down_by_whoever_signed_in(office: Office) -> None:
    office.change('client = "file:google-client.json"', 'service_account = "file:service.json"')
    with DashboardPages(load(office.config)) as pages:
        told = post(pages.signed_in("ana"), f"{HERE}/google/agree").text

    assert "Your consent is recorded" in told
    consent = read_private(office.folder / "google-tokens", "ana.consent.json") or {}
    assert (consent["account"], consent["scopes"]) == (ANA, [CALENDAR])
    assert read_private(office.folder / "google-tokens", "ben.consent.json") is None


def test_consent_in_a_domain_is_taken_back_by_a_button(office: Office, google: Google) -> None:
    place = service_account(google, office.folder, CALENDAR)
    (office.folder / "service.json").chmod(0o600)
    office.change('client = "file:google-client.json"', f'service_account = "{place}"')
    google.diary(ANA).put("one", at("2026-03-02 10:00"))
    consent = office.folder / "google-tokens" / "ana.consent.json"
    with DashboardPages(load(office.config)) as pages:
        ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
        assert "Take back my permission" not in ana.get(HERE).text
        post(ana, f"{HERE}/google/agree")
        post(ben, f"{HERE}/google/agree")
        office("ingest", "--source", "google")
        asked = [question.account for question in google.asked]
        assert ANA in asked

        told = post(ana, f"{HERE}/google/withdraw").text

        assert "Your permission is taken back and deleted. Your Google account is not read again" in told
        assert "Your permission is missing or incomplete." in told
        assert "Take back my permission" not in told
        assert not consent.exists()
        assert "Take back my permission" in ben.get(HERE).text
        assert "There was nothing to take back" in post(ana, f"{HERE}/google/withdraw").text
    google.asked.clear()
    read = office("ingest", "--source", "google")

    assert read.code == 4
    assert "ana has not consented" in read.err
    assert {question.account for question in google.asked} == {"ben@two.example"}
    found = {line["check"]: line["found"] for line in office("doctor", "--json").json_lines}
    assert found["permission of ana for google"] == "missing or not sufficient"
    assert found["permission of ben for google"] == "given"


def test_an_own_permission_is_taken_back_and_no_late_answer_gives_it_anew(
    office: Office, google: Google, pages: DashboardPages
) -> None:
    ana, token = pages.signed_in("ana"), office.folder / "google-tokens" / "ana.json"
    post(ana, f"{HERE}/google/answer", address=on_googles_page(post(ana, f"{HERE}/google").text))
    assert token.exists()
    late = on_googles_page(post(ana, f"{HERE}/google").text)

    post(ana, f"{HERE}/google/withdraw")

    assert not token.exists()
    assert post(ana, f"{HERE}/google/answer", address=late).status_code == 400
    assert not token.exists()
    google.asked.clear()
    assert office("ingest", "--source", "google").code == 4
    assert google.asked == []


def test_what_cannot_be_deleted_is_not_called_taken_back(
    pages: DashboardPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = pages.signed_in("ana")
    post(ana, f"{HERE}/google/answer", address=on_googles_page(post(ana, f"{HERE}/google").text))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        told = post(ana, f"{HERE}/google/withdraw").text

    assert "Your permission is not taken back." in told
    assert "You have given permission." in told


def test_what_googles_answer_is_bound_to_is_in_no_cookie(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    before = session_cookie(ana)
    post(ana, f"{HERE}/google")

    (kept,) = pages.store.connection.execute("SELECT consent FROM web_session").fetchone()
    assert len(json.loads(kept)) == 2
    assert session_cookie(ana) == before


def test_sources_whose_permissions_lie_apart_are_not_called_nothing(office: Office) -> None:
    with office.config.open("a") as config:
        config.write(SOURCE.format(url="http://127.0.0.1:9").replace('"google"', '"second"') + 'tokens = "second"\n')
    write_private(office.folder / "google-client.json", json.dumps(CLIENT))
    with DashboardPages(load(office.config)) as pages:
        shown = pages.signed_in("ana").get(HERE).text

    assert "Evenhours reads nothing from a Google account of yours." not in shown
    assert "Each of your sources" in shown


def test_without_a_client_the_page_says_what_is_missing(office: Office) -> None:
    office.change('client = "file:google-client.json"\n', "")
    with DashboardPages(load(office.config)) as pages:
        assert "no OAuth client is configured" in post(pages.signed_in("ana"), f"{HERE}/google").text


def test_where_nothing_of_googles_is_read_nothing_is_asked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office("init")
    with DashboardPages(load(office.config)) as pages:
        assert "Evenhours reads nothing from a Google account of yours." in pages.signed_in("ana").get(HERE).text
