"""A night with Google: entries, messages and calls become sessions and replies, and no content is stored."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.google.access import CALENDAR, MAIL, MEETINGS, OPENID
from connectors.private import write_private
from tests.connectors.fake_google.calendar import CANARY, meeting, utc
from tests.connectors.fake_google.server import FakeGoogle, run_fake_google
from tests.monitor.office import CONFIG, Office

ANA, CLIENT = "ana@two.example", "kim@post.example"
CODE = "abc-defg-hij"
SOURCES = "".join(
    f'\n[[source]]\nname = "{kind}"\nkind = "{kind}"\nclinician = "ana"\napi_endpoint = "URL"\n'
    for kind in ("google_calendar", "gmail", "google_meet")
)


@pytest.fixture
def google() -> Any:
    with run_fake_google() as fake:
        yield fake


@pytest.fixture
def office(tmp_path: Path, google: FakeGoogle) -> Office:
    practice_settings = CONFIG.partition("[[source]]")[0]
    office = Office(tmp_path, practice_settings + SOURCES.replace("URL", google.url))
    permission = google.auth.allow(ANA, CALENDAR, MAIL, MEETINGS, OPENID)
    write_private(tmp_path / "google-tokens", "ana.json", permission)
    calendar, mailbox = google.calendar(ANA), google.mailbox(ANA)
    people = [{"email": ANA, "self": True}, {"email": CLIENT, "displayName": CANARY}]
    for event_id in calendar.put_weekly(
        "series", utc("2026-03-02 10:00"), 3, attendees=people, conferenceData=meeting(CODE)
    ):
        assert event_id.startswith("series_2026")
    for week, late in ((0, 12), (1, 2)):
        start = utc("2026-03-02 10:00") + timedelta(weeks=week)
        google.meetings.hold(CODE, (ANA, start, 50 + late), ("", start + timedelta(minutes=1), 49 + late))
    first = mailbox.put(utc("2026-03-02 18:00"), CLIENT, ANA, thread="1a")
    mailbox.put(
        utc("2026-03-02 21:30"), ANA, CLIENT, labels=("SENT",), thread="1a", In_Reply_To=f"<{first}@mail.example>"
    )
    return office


def test_calls_are_evidence_of_the_ends_of_a_series(office: Office) -> None:
    assert office("nightly").code == 0
    sessions = office("export", "sessions", "--clinician", "ana", "--json").json_lines

    assert [(line["booked_start"], line["evidence"], line["overrun_minutes"]) for line in sessions] == [
        ("2026-03-02T10:00:00Z", "call", 12.0),
        ("2026-03-09T10:00:00Z", "call", 2.0),
        ("2026-03-16T10:00:00Z", "", None),
    ]


def test_a_call_shows_no_shows_and_returns_after_the_booked_end(office: Office, google: FakeGoogle) -> None:
    google.calendar(ANA).put(
        "one", utc("2026-03-17 10:00"), conferenceData=meeting(CODE), attendees=[{"email": CLIENT}, {"email": ANA}]
    )
    google.meetings.hold(CODE, (ANA, utc("2026-03-16 09:57"), 20))
    google.meetings.hold(
        CODE, (ANA, utc("2026-03-17 09:58"), 70), ("", utc("2026-03-17 10:01"), 47), ("", utc("2026-03-17 10:51"), 14)
    )
    office("nightly")
    sessions = office("export", "sessions", "--clinician", "ana", "--json").json_lines

    assert [(line["status"], line["overrun_minutes"]) for line in sessions[2:]] == [("no_show", None), ("held", 15.0)]


def test_a_reply_is_measured_and_its_client_is_the_sessions(office: Office) -> None:
    office("nightly")
    replies = office("export", "replies", "--clinician", "ana", "--json").json_lines
    sessions = office("export", "sessions", "--clinician", "ana", "--json").json_lines

    assert [line["minutes_clock"] for line in replies] == [210.0]
    assert {line["client"] for line in sessions} == {replies[0]["client"]}


def test_a_second_night_without_news_asks_little_and_changes_no_row(office: Office, google: FakeGoogle) -> None:
    office("nightly")
    before = office.dump()
    google.requests.clear()
    assert office("nightly").code == 0

    assert office.dump() == before
    assert google.methods().count("calendar.events.list") == 1
    assert "gmail.users.messages.list" not in google.methods()


def test_no_content_is_left_on_this_machine(office: Office) -> None:
    answer = office("nightly")
    report = office("report", "weekly", "--clinician", "ana", "--week", "2026-W11")

    left = b"".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    for word in (CANARY, CLIENT, CODE, CODE.replace("-", "")):
        assert word.lower().encode() not in left.lower()
        assert word.lower() not in (answer.out + answer.err + report.out).lower()


def test_the_rules_are_tried_on_a_google_calendar_on_the_screen_alone(office: Office, google: FakeGoogle) -> None:
    google.calendar(ANA).put("one", utc("2026-03-04 09:00"), summary="Holiday in Quimper")
    office("nightly")
    before = office.dump()
    answer = office("classify", "--try", "--json", "--clinician", "ana")

    assert {(line["title"], line["kind"], line["rule"]) for line in answer.json_lines} == {
        ("Holiday in Quimper", "leave", "rule 1"),
        (f"{CANARY} title", "session", "somebody from outside"),
    }
    assert office.dump() == before


def test_among_several_clinicians_the_owner_of_an_account_has_to_be_named(office: Office) -> None:
    office.change(
        'kind = "google_calendar"\nclinician = "ana"', 'kind = "google_calendar"\nclinicians = ["ana", "ben"]'
    )
    answer = office("classify", "--try")

    assert answer.code == 2
    assert "google_calendar: choose an account: --clinician ana | ben" in answer.err


def test_a_permission_taken_back_stops_three_sources_and_no_other(office: Office, google: FakeGoogle) -> None:
    office("nightly")
    google.auth.revoke(ANA)
    answer = office("nightly")

    assert answer.code == 4
    assert answer.err.count("Run: evenhours connect google --clinician ana") == 3
    assert len(office("export", "sessions", "--clinician", "ana", "--json").json_lines) == 3
