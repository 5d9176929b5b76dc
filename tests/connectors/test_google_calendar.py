"""A Google calendar: read in full, then by its changes; every field is requested by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Window
from connectors.google.access import CALENDAR
from connectors.google.calendar import CalendarOptions, GoogleCalendar
from connectors.google.entries import entry_name, meeting_name
from connectors.records import Kind, Status
from tests.connectors.fake_google.calendar import CANARY, FakeCalendar, invited, meeting, utc
from tests.connectors.fake_google.discovery import masked
from tests.connectors.fake_google.practice import ANA, PSEUDONYMS, WINDOW, GoogleReader, context, grant_access, rule
from tests.connectors.fake_google.server import FakeGoogle

CLIENT = "kim@elsewhere.example"


@pytest.fixture
def calendar(google: FakeGoogle, tmp_path: Path) -> FakeCalendar:
    grant_access(google, tmp_path, [CALENDAR])
    return google.calendar(ANA)


@pytest.fixture
def reader(google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar) -> GoogleReader:
    assert calendar is google.calendar(ANA)
    return GoogleReader(GoogleCalendar, CalendarOptions(api_endpoint=google.url), context(tmp_path))


def named(reader: GoogleReader, event_id: str) -> Any:
    return reader.records.get(entry_name(PSEUDONYMS, event_id))


# What an entry becomes


def test_a_timed_entry_keeps_its_instants_and_when_it_was_edited(reader: GoogleReader, calendar: FakeCalendar) -> None:
    calendar.put("a", datetime.fromisoformat("2026-03-02T10:00:00+05:30"), 50, attendees=invited(CLIENT))
    reader.read()

    event = named(reader, "a")
    assert (event.start, event.end) == (utc("2026-03-02 04:30"), utc("2026-03-02 05:20"))
    assert (event.kind, event.status, event.all_day) == (Kind.SESSION, Status.CONFIRMED, False)
    assert event.client == PSEUDONYMS.person("ana", CLIENT)
    assert event.edited_at == utc("2026-01-01 08:00") + timedelta(seconds=1)


def test_a_whole_day_runs_from_local_midnight_to_local_midnight(reader: GoogleReader, calendar: FakeCalendar) -> None:
    calendar.put_days("a", date(2026, 3, 28), 2)  # the clocks go forward in the second night
    reader.read()

    assert (named(reader, "a").start, named(reader, "a").end) == (utc("2026-03-28 00:00"), utc("2026-03-29 23:00"))
    assert named(reader, "a").all_day


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [("default", Kind.OTHER), ("outOfOffice", Kind.LEAVE), ("focusTime", Kind.PROTECTED),
     ("birthday", None), ("workingLocation", None), ("fromGmail", None)],
)  # fmt: skip
def test_every_event_type_has_its_kind_or_is_no_work(
    reader: GoogleReader, calendar: FakeCalendar, event_type: str, kind: Kind | None
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), eventType=event_type)
    reader.read()

    assert [event.kind for event in reader.events] == ([kind] if kind else [])


def test_a_rule_of_the_practice_counts_before_googles_own_kinds(
    google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), eventType="outOfOffice", summary="On call tonight")
    own_context = context(tmp_path, rule(Kind.ON_CALL, title="on call"))
    reader = GoogleReader(GoogleCalendar, CalendarOptions(api_endpoint=google.url), own_context)
    reader.read()

    assert named(reader, "a").kind is Kind.ON_CALL


def test_a_colour_is_known_by_its_name(google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), colorId="7")
    own_context = context(tmp_path, rule(Kind.PROTECTED, colour="peacock"))
    reader = GoogleReader(GoogleCalendar, CalendarOptions(api_endpoint=google.url), own_context)
    reader.read()

    assert named(reader, "a").kind is Kind.PROTECTED


@pytest.mark.parametrize(
    ("fields", "status", "excluded"),
    [
        ({"status": "tentative"}, Status.TENTATIVE, None),
        ({"attendees": invited(CLIENT, declined=True)}, Status.DECLINED, None),
        ({"endTimeUnspecified": True}, Status.CONFIRMED, "its end is not known"),
    ],
)
def test_status_and_what_does_not_count(
    reader: GoogleReader, calendar: FakeCalendar, fields: dict[str, Any], status: Status, excluded: str | None
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), **fields)
    reader.read()

    assert (named(reader, "a").status, named(reader, "a").excluded) == (status, excluded)


def test_rooms_and_oneself_are_not_from_outside(reader: GoogleReader, calendar: FakeCalendar) -> None:
    room = {"email": "room1@resource.calendar.example", "resource": True, "responseStatus": "accepted"}
    calendar.put("a", utc("2026-03-02 10:00"), attendees=[*invited("ben@harbour.example"), room])
    reader.read()

    assert named(reader, "a").kind is Kind.OTHER


def test_a_video_meeting_is_known_by_its_code_however_it_is_spelled(
    reader: GoogleReader, calendar: FakeCalendar
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), conferenceData=meeting("abc-defg-hij"))
    reader.read()

    assert (
        named(reader, "a").meeting
        == meeting_name(PSEUDONYMS, "ABCDEFGHIJ")
        == PSEUDONYMS.entry("meeting", "abcdefghij")
    )


BROKEN = [
    ({"start": {}}, "it has no start or no end"),
    ({"start": {"dateTime": "2026-03-02T10:00:00"}}, "its time cannot be read"),
    ({"start": {"date": "2026-03-02"}}, "it mixes dates and times"),
    ({"end": {"dateTime": "2026-03-01T10:00:00Z"}}, "it ends before it begins"),
]


@pytest.mark.parametrize(("fields", "reason"), BROKEN)
def test_an_invalid_entry_is_rejected_and_the_rest_is_read(
    reader: GoogleReader, calendar: FakeCalendar, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], reason: str
) -> None:
    calendar.put("good", utc("2026-03-02 10:00"))
    calendar.put("bad", utc("2026-03-02 10:00"))
    original = FakeCalendar._rendered
    monkeypatch.setattr(
        FakeCalendar,
        "_rendered",
        lambda *arguments: original(*arguments) | (fields if arguments[1]["id"] == "bad" else {}),
    )
    if "2026-03-02T10:00:00" in str(fields):
        monkeypatch.setattr("tests.connectors.fake_google.server.check_shape", lambda *_: None)
    reader.read()

    assert [record.reason for record in reader.rejected] == [reason]
    assert list(reader.records) == [entry_name(PSEUDONYMS, "good")]


# What is asked for


def test_no_title_no_address_and_no_colour_is_requested_where_no_rule_needs_them(
    google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), attendees=invited(CLIENT))
    options = CalendarOptions(api_endpoint=google.url, attendees=False)
    reader = GoogleReader(GoogleCalendar, options, context(tmp_path))
    reader.read()

    query = google.requests[-1].query
    assert query["maxAttendees"] == 1
    assert not {"summary", "colorId", "email"} & set(query["fields"].replace("(", ",").replace(")", ",").split(","))


def test_where_times_suffice_nothing_else_is_requested(
    google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar
) -> None:
    calendar.put("a", utc("2026-03-02 10:00"), attendees=invited(CLIENT))
    calendar.put("b", utc("2026-03-03 10:00"), transparency="transparent")
    own_context = context(tmp_path, rule(Kind.LEAVE, title="x"), times_suffice=True)
    reader = GoogleReader(GoogleCalendar, CalendarOptions(api_endpoint=google.url), own_context)
    reader.read()

    assert [(event.client, event.is_free) for event in reader.events] == [(None, False), (None, True)]
    assert "summary" not in google.requests[-1].query["fields"]
    assert google.requests[-1].query["maxAttendees"] == 1


def test_only_requested_fields_are_ever_sent(
    reader: GoogleReader, calendar: FakeCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    calendar.put("a", utc("2026-03-02 10:00"), attendees=invited(CLIENT), conferenceData=meeting("abc-defg-hij"))

    def recording(*arguments: Any) -> Any:
        sent.append(str(masked(*arguments)))
        return masked(*arguments)

    monkeypatch.setattr("tests.connectors.fake_google.server.masked", recording)
    reader.read()
    calendar.change("a", description=CANARY)
    reader.read()

    assert len(sent) == 2
    assert [text for text in sent if CANARY.lower() in text.lower()] == []


# What changed


def put_back(calendar: FakeCalendar) -> None:
    calendar.delete("one")
    calendar.change("one", status="confirmed")


def changes(calendar: FakeCalendar) -> dict[str, Callable[[], object]]:
    return {
        "nothing": lambda: None,
        "a new entry": lambda: calendar.put("new", utc("2026-03-05 10:00")),
        "a deleted entry": lambda: calendar.delete("one"),
        "a moved entry": lambda: calendar.move("one", utc("2026-03-06 10:00")),
        "one instance moved": lambda: calendar.move("series_20260310T090000Z", utc("2026-03-11 15:00")),
        "one instance cancelled": lambda: calendar.delete("series_20260310T090000Z"),
        "the whole series deleted": lambda: calendar.delete_series("series"),
        "moved out of the window": lambda: calendar.move("one", utc("2027-03-06 10:00")),
        "moved to before the window": lambda: calendar.move("one", utc("2025-03-06 10:00")),
        "turned into a birthday": lambda: calendar.change("one", eventType="birthday"),
        "deleted and put back": lambda: put_back(calendar),
    }


@pytest.mark.parametrize("change", changes(FakeCalendar()))
@pytest.mark.parametrize("page", [1, 2500])
def test_reading_changes_gives_the_same_as_reading_everything(
    tmp_path: Path, calendar: FakeCalendar, reader: GoogleReader, change: str, page: int
) -> None:
    calendar.put("one", utc("2026-03-02 10:00"), attendees=invited(CLIENT))
    calendar.put_weekly("series", utc("2026-03-03 09:00"), 4)
    reader.read()
    calendar.page = page
    changes(calendar)[change]()
    reader.read()

    whole = GoogleReader(GoogleCalendar, reader.options, context(tmp_path))
    whole.read()
    assert whole.batches[0].replaces == WINDOW
    assert all(batch.replaces is None for batch in reader.batches)
    assert reader.records == whole.records


def test_nothing_new_is_one_small_request(google: FakeGoogle, calendar: FakeCalendar, reader: GoogleReader) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    google.requests.clear()
    reader.read()

    assert len(google.requests) == 1
    assert {"syncToken"} <= google.requests[0].query.keys()
    assert [(batch.records, batch.removed) for batch in reader.batches] == [((), ())]


def test_an_expired_token_becomes_a_snapshot(calendar: FakeCalendar, reader: GoogleReader) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    calendar.put("two", utc("2026-03-03 10:00"))
    reader.read()
    calendar.delete("two")
    calendar.expire_tokens()
    reader.read()

    assert [batch.replaces for batch in reader.batches] == [WINDOW]
    assert [event.uid_key for event in reader.events] == [entry_name(PSEUDONYMS, "one")]


@pytest.mark.parametrize(("days", "whole"), [(0, False), (6, False), (7, True), (-1, True)])
def test_the_window_is_read_whole_again_once_it_is_a_week_behind(
    calendar: FakeCalendar, reader: GoogleReader, days: int, *, whole: bool
) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    moved = Window(WINDOW.start + timedelta(days=days), WINDOW.end + timedelta(days=days))
    reader.read(window=moved)

    assert [batch.replaces for batch in reader.batches] == [moved if whole else None]


@pytest.mark.parametrize(
    "cursor", ["", "x", "[]", '{"settings": 1}', '{"token": "x"}', '{"settings": "", "start": "1"}']
)
def test_a_cursor_that_is_not_understood_is_none(calendar: FakeCalendar, reader: GoogleReader, cursor: str) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.cursor = cursor
    reader.read()

    assert [batch.replaces for batch in reader.batches] == [WINDOW]


def test_other_rules_read_everything_again(tmp_path: Path, calendar: FakeCalendar, reader: GoogleReader) -> None:
    calendar.put("one", utc("2026-03-02 10:00"), summary="Supervision")
    reader.read()
    reader.context = context(tmp_path, rule(Kind.SUPERVISION, title="supervision"))
    reader.read()

    assert [batch.replaces for batch in reader.batches] == [WINDOW]
    assert named(reader, "one").kind is Kind.SUPERVISION


def test_a_token_too_long_for_an_address_still_arrives(
    google: FakeGoogle, calendar: FakeCalendar, reader: GoogleReader
) -> None:
    calendar.token_padding = 2048
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    calendar.put("two", utc("2026-03-03 10:00"))
    reader.read()

    assert [request.overridden for request in google.requests] == [False, True]
    assert len(reader.events) == 2


def test_changes_on_many_pages_are_one_batch(google: FakeGoogle, calendar: FakeCalendar, reader: GoogleReader) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    calendar.page = 1
    for day in range(1, 6):
        calendar.put(f"new{day}", utc(f"2026-04-0{day} 10:00"))
    google.requests.clear()
    reader.read()

    assert len(google.requests) == 5
    assert [len(batch.records) for batch in reader.batches] == [5]


def test_a_token_that_expires_between_two_pages_becomes_a_snapshot(
    calendar: FakeCalendar, reader: GoogleReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    calendar.page = 2
    for day in range(1, 4):
        calendar.put(f"new{day}", utc(f"2026-04-0{day} 10:00"))
    list_response = FakeCalendar.list_response

    def then_expired(self: FakeCalendar, query: dict[str, Any]) -> dict[str, Any]:
        answer = list_response(self, query)
        if "syncToken" in query:
            self.expire_tokens()
        return answer

    monkeypatch.setattr(FakeCalendar, "list_response", then_expired)
    reader.read()

    assert [(len(batch.records), batch.replaces) for batch in reader.batches] == [(4, WINDOW)]


def test_the_calendars_of_two_accounts_are_two(
    google: FakeGoogle, calendar: FakeCalendar, reader: GoogleReader
) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    google.calendar("ben@harbour.example").put("other", utc("2026-03-02 10:00"))
    reader.read()

    assert [event.uid_key for event in reader.events] == [entry_name(PSEUDONYMS, "one")]
    assert {request.account for request in google.requests} == {ANA}


def test_another_account_is_read_whole(
    google: FakeGoogle, tmp_path: Path, calendar: FakeCalendar, reader: GoogleReader
) -> None:
    calendar.put("one", utc("2026-03-02 10:00"))
    reader.read()
    for number in range(3):
        google.calendar("ana@elsewhere.example").put(f"other{number}", utc("2026-03-03 10:00"))
    grant_access(google, tmp_path, [CALENDAR], account="ana@elsewhere.example")
    reader.read()

    assert [batch.replaces for batch in reader.batches] == [WINDOW]
    assert len(reader.events) == 3


def test_two_people_at_once_are_refused(reader: GoogleReader) -> None:
    from connectors.errors import UnavailableError

    both = (reader.context.owners[0], replace(reader.context.owners[0], key="ben"))
    with pytest.raises(UnavailableError, match="for 2 people at once"):
        reader.read(owners=both)


def test_an_instant_is_stored_in_utc(reader: GoogleReader, calendar: FakeCalendar) -> None:
    calendar.put("a", datetime.fromisoformat("2026-03-02T10:00:00+05:30"))
    reader.read()

    assert reader.events[0].start.tzinfo is UTC
