"""Google's refusals: retried, left to the next run, or reported."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from connectors.errors import AuthorizationError, MalformedError, RateLimitError, UnavailableError
from connectors.google.access import CALENDAR, consent_file, problems
from connectors.google.calendar import CalendarOptions, GoogleCalendar
from connectors.google.service import GMAIL_BATCHES
from connectors.network import at_endpoint
from connectors.private import write_private
from connectors.registry import source_kind
from connectors.retry import GOOGLE_MAX_ATTEMPTS
from tests.connectors.fake_google.calendar import CANARY, FakeCalendar, utc
from tests.connectors.fake_google.discovery import DOCUMENTS
from tests.connectors.fake_google.practice import ANA, GoogleReader, context, grant_access, service_account
from tests.connectors.fake_google.server import FakeGoogle


@pytest.fixture
def calendar(google: FakeGoogle, tmp_path: Path) -> FakeCalendar:
    grant_access(google, tmp_path, [CALENDAR])
    calendar = google.calendar(ANA)
    calendar.put("one", utc("2026-03-02 10:00"))
    return calendar


@pytest.fixture
def reader(google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar) -> GoogleReader:
    assert calendar.events
    return GoogleReader(GoogleCalendar, CalendarOptions(api_endpoint=google.url), context(tmp_path))


@pytest.mark.parametrize(
    ("status", "reason", "retry_after", "pauses"),
    [
        (429, "rateLimitExceeded", "", [1, 2, 4]),
        (429, "rateLimitExceeded", "7", [7, 7, 7]),
        (403, "userRateLimitExceeded", "", [1, 2, 4]),
        (503, "backendError", "", [1, 2, 4]),
        (500, "backendError", "", [1, 2, 4]),
        (-1, "cut short", "", [1, 2, 4]),
        (-2, "junk", "", [1, 2, 4]),
    ],
)
def test_a_passing_failure_is_retried(
    google: FakeGoogle, reader: GoogleReader, status: int, reason: str, retry_after: str, pauses: list[float]
) -> None:
    google.fail(status, reason, times=3, retry_after=retry_after)
    reader.read()

    assert reader.pauses == pauses
    assert len(reader.events) == 1


def test_a_connection_that_breaks_off_is_tried_again(google: FakeGoogle, reader: GoogleReader) -> None:
    google.fail(0, times=4)
    reader.read()

    assert len(reader.events) == 1


@pytest.mark.parametrize(
    ("status", "reason", "error", "says", "waits"),
    [
        (429, "rateLimitExceeded", RateLimitError, "the next run goes on from there", GOOGLE_MAX_ATTEMPTS - 1),
        (403, "quotaExceeded", RateLimitError, "quota for today is used up", 0),
        (403, "dailyLimitExceeded", RateLimitError, "midnight in California", 0),
        (429, "quotaExceeded", RateLimitError, "quota for today is used up", 0),
        (503, "backendError", UnavailableError, "The next run tries again", GOOGLE_MAX_ATTEMPTS - 1),
        (501, "notImplemented", UnavailableError, "Google answered HTTP 501", 0),
        (-2, "junk", MalformedError, "cannot be read", GOOGLE_MAX_ATTEMPTS - 1),
        (403, "accessNotConfigured", UnavailableError, "Enable it in Google's console", 0),
        (403, "insufficientPermissions", AuthorizationError, "evenhours connect google --clinician ana", 0),
        (403, "forbidden", AuthorizationError, "does not allow us to read this", 0),
        (404, "notFound", UnavailableError, "Google has no such item", 0),
    ],
)
def test_a_lasting_failure_is_reported_and_keeps_the_cursor(
    google: FakeGoogle, reader: GoogleReader, status: int, reason: str, error: type[Exception], says: str, waits: int
) -> None:
    reader.read()
    cursor = reader.cursor
    google.fail(status, reason, times=99)
    with pytest.raises(error, match=says):
        reader.read()

    assert reader.cursor == cursor
    assert len(reader.pauses) == waits


def test_a_server_that_asks_for_more_than_a_minute_is_left_to_the_next_run(
    google: FakeGoogle, reader: GoogleReader
) -> None:
    google.fail(429, "rateLimitExceeded", retry_after="3600")
    with pytest.raises(RateLimitError):
        reader.read()

    assert reader.pauses == []


def test_no_error_repeats_googles_message(
    google: FakeGoogle, reader: GoogleReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    google.fail(403, f"forbidden: {CANARY}", times=99)
    with pytest.raises(AuthorizationError) as error:
        reader.read()

    assert CANARY not in str(error.value)
    assert error.value.__cause__ is None
    assert CANARY not in caplog.text


# Permissions


def test_an_old_access_token_is_renewed_unasked(google: FakeGoogle, reader: GoogleReader) -> None:
    reader.read()
    google.auth.expire()
    reader.read()

    assert len(google.auth.tokens) == 2


def test_the_error_for_a_revoked_permission_names_the_command(google: FakeGoogle, reader: GoogleReader) -> None:
    reader.read()
    cursor = reader.cursor
    google.auth.revoke(ANA)
    with pytest.raises(AuthorizationError, match="Run: evenhours connect google --clinician ana"):
        reader.read()
    assert reader.cursor == cursor
    assert reader.pauses == []


def test_a_permission_revoked_in_the_middle_of_a_list(
    google: FakeGoogle, calendar: FakeCalendar, reader: GoogleReader
) -> None:
    calendar.put("two", utc("2026-03-03 10:00"))
    calendar.page = 1
    google.fail(401, "authError", after=1, times=99)
    with pytest.raises(AuthorizationError):
        reader.read()
    assert reader.cursor is None


def test_nobody_has_given_permission_yet(reader: GoogleReader, tmp_path: Path) -> None:
    (tmp_path / "google-tokens" / "ana.json").unlink()
    with pytest.raises(AuthorizationError, match="ana has not given permission yet"):
        reader.read()


def test_a_box_left_unticked_is_reported(google: FakeGoogle, reader: GoogleReader, tmp_path: Path) -> None:
    grant_access(google, tmp_path, ["https://www.googleapis.com/auth/gmail.metadata"])
    with pytest.raises(AuthorizationError, match="a box was left unticked"):
        reader.read()
    assert google.requests == []


@pytest.mark.parametrize(("folder", "file"), [(0o755, 0o600), (0o700, 0o644), (0o700, 0o640)])
def test_a_permission_that_others_can_read_is_refused(
    google: FakeGoogle, reader: GoogleReader, tmp_path: Path, folder: int, file: int
) -> None:
    (tmp_path / "google-tokens").chmod(folder)
    (tmp_path / "google-tokens" / "ana.json").chmod(file)
    with pytest.raises(UnavailableError, match=r"can be read by others\. Run: chmod"):
        reader.read()
    assert google.requests == []


def test_a_domain_reads_in_the_name_of_whoever_consented(
    google: FakeGoogle, reader: GoogleReader, tmp_path: Path
) -> None:
    place = service_account(google, tmp_path, CALENDAR)
    reader.options = CalendarOptions(api_endpoint=google.url, service_account=place)
    with pytest.raises(AuthorizationError, match="ana has not consented"):
        reader.read()
    assert google.requests == []

    consent = {"account": ANA, "scopes": [CALENDAR], "agreed_at": "2026-03-01"}
    write_private(tmp_path / "google-tokens", consent_file("ana"), consent)
    reader.read()
    assert len(reader.events) == 1


def test_a_domain_that_delegates_something_else(google: FakeGoogle, reader: GoogleReader, tmp_path: Path) -> None:
    place = service_account(google, tmp_path, "https://www.googleapis.com/auth/gmail.metadata")
    consent = {"account": ANA, "scopes": [CALENDAR]}
    write_private(tmp_path / "google-tokens", consent_file("ana"), consent)
    reader.options = CalendarOptions(api_endpoint=google.url, service_account=place)
    with pytest.raises(AuthorizationError, match="no longer accepts"):
        reader.read()


@pytest.mark.parametrize("key", ["", "{}", "[]", '{"client_email": "x", "private_key": "secret-in-here"}'])
def test_an_invalid_key_is_reported_without_repeating_it(
    google: FakeGoogle, reader: GoogleReader, tmp_path: Path, key: str
) -> None:
    (tmp_path / "service.json").write_text(key)
    write_private(tmp_path / "google-tokens", consent_file("ana"), {"account": ANA, "scopes": [CALENDAR]})
    reader.options = CalendarOptions(api_endpoint=google.url, service_account="file:service.json")
    with pytest.raises(UnavailableError, match="the service account's key is not valid") as error:
        reader.read()
    assert "secret-in-here" not in str(error.value)


# One address for everything


def test_an_endpoint_reaches_addresses_for_tokens_too() -> None:
    assert at_endpoint("https://oauth2.googleapis.com/token", "http://127.0.0.1:9/") == "http://127.0.0.1:9/token"
    assert at_endpoint("https://oauth2.googleapis.com/token", None) == "https://oauth2.googleapis.com/token"


def test_without_an_endpoint_batches_go_to_the_described_address() -> None:
    description = json.loads((DOCUMENTS / "gmail.v1.json").read_text())

    assert description["rootUrl"] + description["batchPath"] == GMAIL_BATCHES


@pytest.mark.parametrize("kind", ["google_calendar", "gmail", "google_meet"])
@pytest.mark.parametrize("endpoint", ["proxy.example", "ftp://proxy.example", "https://", "https://proxy.example?a=b"])
def test_an_endpoint_that_is_no_address_is_a_fault_of_the_configuration(kind: str, endpoint: str) -> None:
    options = source_kind(kind).options(api_endpoint=endpoint)

    assert problems(options) == ["api_endpoint: is not an address; write it like https://proxy.example"]
    assert source_kind(kind).check is not None
