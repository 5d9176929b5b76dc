"""Google's consent and mail against an emulator that others wrote; our own fake is held to Google's descriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthorizationError, UnavailableError
from connectors.google.access import MAIL, OPENID, token_file
from connectors.google.consent import ConsentFlow
from connectors.google.gmail import Gmail, GmailCursor, GmailOptions
from connectors.google.service import GoogleClient
from connectors.private import read_private
from tests.connectors.fake_google.calendar import utc
from tests.connectors.fake_google.practice import PSEUDONYMS, GoogleReader, context

if TYPE_CHECKING:
    from tests.peers.emulate import Emulator

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def connected(emulator: Emulator, folder: Path) -> GmailOptions:
    """Let Ana consent, and return the options with which her account can be read."""
    options = GmailOptions(api_endpoint=emulator.url)
    asking = ConsentFlow(emulator.client, options, [MAIL, OPENID])
    permission = asking.finish(emulator.consent(asking.url), folder / options.tokens, "ana", NOW)
    assert (set(permission.granted), permission.missing) == ({MAIL, OPENID}, ())
    return options


def test_consent_with_proof_is_traded_for_a_permission_that_lasts(emulator: Emulator, tmp_path: Path) -> None:
    options = connected(emulator, tmp_path)

    permission = read_private(tmp_path / options.tokens, token_file("ana")) or {}
    assert permission["refresh_token"]
    assert permission["account_id"]
    with GoogleClient(context(tmp_path), options, [MAIL]) as google:
        listed = google.execute(google.api("gmail", "v1").users().messages().list(userId="me"))
    assert {message["id"] for message in listed["messages"]} == {"letter1", "letter2"}


def test_a_proof_of_another_page_is_refused(emulator: Emulator, tmp_path: Path) -> None:
    first, second = (ConsentFlow(emulator.client, GmailOptions(api_endpoint=emulator.url), [MAIL]) for _ in range(2))
    leads_to = emulator.consent(first.url)

    with pytest.raises(UnavailableError, match="not the address to which Google's page leads"):
        second.finish(leads_to, tmp_path / "google-tokens", "ana", NOW)
    second._state = first._state
    with pytest.raises(AuthorizationError, match="does not accept the code"):
        second.finish(leads_to, tmp_path / "google-tokens", "ana", NOW)


def test_the_error_for_a_revoked_permission_names_the_command(emulator: Emulator, tmp_path: Path) -> None:
    options = connected(emulator, tmp_path)
    emulator.revoke((read_private(tmp_path / options.tokens, token_file("ana")) or {})["refresh_token"])

    with (
        GoogleClient(context(tmp_path), options, [MAIL]) as google,
        pytest.raises(AuthorizationError, match="evenhours connect google --clinician ana"),
    ):
        google.execute(google.api("gmail", "v1").users().messages().list(userId="me"))


def test_its_messages_and_history_become_the_same_records(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_by_one(google: GoogleClient, requests: dict[str, Any]) -> dict[str, Any]:
        return {name: google.execute(request) for name, request in requests.items()}

    options = connected(emulator, tmp_path)
    monkeypatch.setattr(GoogleClient, "execute_all", one_by_one)  # it knows no batches

    def new_cursor(gmail: Gmail, google: GoogleClient, _users: object) -> GmailCursor:  # and no profile
        return GmailCursor(gmail._settings(), permission=gmail._permission(google), history="1")

    monkeypatch.setattr(Gmail, "_new_cursor", new_cursor)
    reader = GoogleReader(Gmail, options, context(tmp_path))
    reader.read()
    listed = dict(reader.records)

    assert [(stamp.sent_at, stamp.outgoing) for stamp in reader.stamps] == [
        (utc("2026-03-02 10:00"), False),
        (utc("2026-03-02 21:00"), True),
    ]
    assert {stamp.counterpart for stamp in reader.stamps} == {PSEUDONYMS.person("ana", "kim@elsewhere.example")}
    assert PSEUDONYMS.node("ana", "thread:18c5f3a2b1d0e9f7") in reader.stamps[0].thread_nodes
    reader.records.clear()
    reader.read()  # all of its history is since place 1
    assert reader.records == listed
    assert not any(batch.restarts for batch in reader.batches)
