"""Google Meet: actual starts and ends of sessions, from conference records and from a domain's report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.call_spans import intersections
from connectors.errors import AuthorizationError, UnavailableError
from connectors.google.access import MEETINGS, OPENID, REPORTS, consent_file
from connectors.google.entries import entry_name, meeting_name
from connectors.google.meet import SOURCE_KIND, GoogleMeet, MeetOptions
from connectors.private import write_private
from connectors.records import Grade
from tests.connectors.fake_google.calendar import CANARY, utc
from tests.connectors.fake_google.discovery import masked
from tests.connectors.fake_google.meetings import FakeMeetings
from tests.connectors.fake_google.practice import (
    ANA,
    PSEUDONYMS,
    WINDOW,
    GoogleReader,
    context,
    grant_access,
    service_account,
)
from tests.connectors.fake_google.server import FakeGoogle

BEN = "ben@harbour.example"
ADMIN = "director@harbour.example"
CODE = "abc-defg-hij"
OUTSIDE = ""


@pytest.fixture(params=["the meetings' record", "the domain's report"])
def reader(request: pytest.FixtureRequest, google: FakeGoogle, tmp_path: Path) -> GoogleReader:
    return of_a_domain(google, tmp_path) if "report" in request.param else of_ana(google, tmp_path)


def of_ana(google: FakeGoogle, folder: Path) -> GoogleReader:
    grant_access(google, folder, [MEETINGS, OPENID])
    grant_access(google, folder, [MEETINGS, OPENID], BEN, "ben")
    return GoogleReader(GoogleMeet, MeetOptions(api_endpoint=google.url), context(folder))


def of_a_domain(google: FakeGoogle, folder: Path) -> GoogleReader:
    place = service_account(google, folder, REPORTS)
    write_private(folder / "google-tokens", consent_file("ana"), {"account": ANA, "scopes": [REPORTS]})
    options = MeetOptions(api_endpoint=google.url, service_account=place, reports_admin=ADMIN)
    return GoogleReader(GoogleMeet, options, context(folder))


def spans(reader: GoogleReader) -> list[tuple[str, str]]:
    return [(f"{call.started_at:%H:%M}", f"{call.ended_at:%H:%M}") for call in reader.calls]


def test_face_time_is_when_both_were_there(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 09:55"), 70), (OUTSIDE, utc("2026-03-02 10:02"), 50))
    reader.read()

    assert spans(reader) == [("10:02", "10:52")]
    call = reader.calls[0]
    assert (call.clinician, call.grade, call.meeting) == ("ana", Grade.CALL, meeting_name(PSEUDONYMS, CODE))


DROPPED_OUT = [
    (ANA, utc("2026-03-02 10:00"), 20),
    (ANA, utc("2026-03-02 10:25"), 35),
    (OUTSIDE, utc("2026-03-02 10:01"), 57),
]
"""Ana drops out for five minutes of a call and comes back."""


def test_who_dropped_out_and_came_back_was_there_from_first_to_last(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.hold(CODE, *DROPPED_OUT)
    reader.read()

    assert spans(reader) == [("10:01", "10:58")]


@pytest.mark.parametrize(
    "parts",
    [
        [(ANA, 0, 4)],
        [(ANA, 0, 181)],
        [(ANA, 0, 50), (BEN, 0, 50)],
        [(ANA, 0, 20), (ANA, 40, 4), (BEN, 40, 4)],
        [(OUTSIDE, 0, 50), (BEN, 0, 50)],
        [(ANA, 0, 4), (OUTSIDE, 30, 20)],
    ],
    ids=[
        "a look",
        "never hung up",
        "with a colleague",
        "later with a colleague",
        "a colleague's",
        "a look while somebody was there",
    ],
)
def test_a_call_without_a_participant_from_outside_is_no_evidence(
    google: FakeGoogle, reader: GoogleReader, parts: list[tuple[str, int, int]]
) -> None:
    google.meetings.hold(
        CODE, *((address, utc(f"2026-03-02 10:{minute:02}"), lasts) for address, minute, lasts in parts)
    )
    reader.read()

    assert reader.calls == []


@pytest.mark.parametrize(
    "parts",
    [[(ANA, 4, 20)], [(ANA, 4, 20), (OUTSIDE, 30, 20)], [(ANA, 4, 20), (ANA, 26, 3)]],
    ids=["alone", "somebody came later", "came back for a look"],
)
def test_a_client_who_never_came_is_the_middle_of_the_wait(
    google: FakeGoogle, reader: GoogleReader, parts: list[tuple[str, int, int]]
) -> None:
    participants = [(address, utc(f"2026-03-02 10:{minute:02}"), lasts) for address, minute, lasts in parts]
    google.meetings.hold(CODE, *participants, event_id="one")
    reader.read()

    assert spans(reader) == [("10:14", "10:14")]
    assert reader.calls[0].meeting == meeting_name(PSEUDONYMS, CODE)
    assert reader.calls[0].uid_key in {None, entry_name(PSEUDONYMS, "one")}


def test_two_clients_in_a_room_that_was_never_closed_are_two(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.hold(
        CODE,
        (ANA, utc("2026-03-02 09:55"), 130),
        (OUTSIDE, utc("2026-03-02 10:00"), 50),
        (OUTSIDE, utc("2026-03-02 11:05"), 55),
    )
    reader.read()

    assert spans(reader) == [("10:00", "10:50"), ("11:05", "12:00")]


def test_reading_again_changes_nothing_and_goes_back_two_days(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    google.meetings.hold(CODE, (ANA, utc("2026-03-09 10:00"), 50), (OUTSIDE, utc("2026-03-09 10:00"), 50))
    reader.read()
    records, cursor = dict(reader.records), reader.cursor
    reader.read()

    assert (reader.records, reader.cursor) == (records, cursor)
    assert len([call for batch in reader.batches for call in batch.records]) == 1
    assert not any(batch.restarts for batch in reader.batches)


def test_many_calls_come_over_many_pages(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.page = 2
    for day in range(1, 8):
        google.meetings.hold(CODE, (ANA, utc(f"2026-03-0{day} 10:00"), 50), (OUTSIDE, utc(f"2026-03-0{day} 10:05"), 50))
    reader.read()

    assert spans(reader) == [("10:05", "10:50")] * 7


def test_a_run_cut_off_between_two_pages_loses_nothing(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.page = 2
    for day in range(1, 6):
        google.meetings.hold(CODE, (ANA, utc(f"2026-03-0{day} 10:00"), 50), (OUTSIDE, utc(f"2026-03-0{day} 10:05"), 50))
    pages = GoogleMeet(reader.options, reader.context).fetch(None)
    reader._store(next(pages))
    pages.close()  # type: ignore[attr-defined]
    assert len(reader.calls) == 2
    reader.read()

    assert len(reader.calls) == 5


def test_it_reports_progress(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.page = 2
    for day in range(1, 6):
        google.meetings.hold(CODE, (ANA, utc(f"2026-03-0{day} 10:00"), 50), (OUTSIDE, utc(f"2026-03-0{day} 10:05"), 50))
    progress = [(batch.done or 0, batch.total) for batch in reader.read()]

    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    assert {total for _, total in progress} == {progress[-1][0]}


def test_no_call_after_the_window_is_requested(google: FakeGoogle, reader: GoogleReader) -> None:
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    over = replace(WINDOW, end=utc("2026-03-04 00:00"))
    reader.read(window=over)
    request_count = len(google.requests)
    for day in range(4, 9):
        google.meetings.hold(CODE, (ANA, utc(f"2026-03-0{day} 10:00"), 50), (OUTSIDE, utc(f"2026-03-0{day} 10:00"), 50))
    reader.read(window=over)

    assert len(google.requests) == 2 * request_count
    assert len(reader.calls) == 1


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", '{"settings": "x", "since": 0, "seen": 99999999999}'])
def test_a_cursor_that_is_not_understood_is_none(google: FakeGoogle, reader: GoogleReader, cursor: str) -> None:
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.cursor = cursor
    reader.read()

    assert len(reader.calls) == 1


# The meetings' own record


def test_a_meeting_that_still_goes_on_comes_when_it_has_ended(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_ana(google, tmp_path)
    meeting = google.meetings.hold(
        CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50), ended=False
    )
    reader.read()
    assert reader.calls == []
    meeting.ended = True
    reader.read()

    assert len(reader.calls) == 1


def test_of_another_account_the_earlier_calls_are_read_too(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_ana(google, tmp_path)
    google.meetings.hold(CODE, (ANA, utc("2026-03-09 10:00"), 50), (OUTSIDE, utc("2026-03-09 10:00"), 50))
    reader.read()
    other = "ana@elsewhere.example"
    google.meetings.hold("xyz", (other, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    grant_access(google, tmp_path, [MEETINGS, OPENID], account=other)
    reader.read()

    assert [call.meeting for call in reader.calls] == [meeting_name(PSEUDONYMS, "xyz"), meeting_name(PSEUDONYMS, CODE)]
    assert reader.batches[0].restarts


def test_only_names_of_things_and_times_are_requested(
    google: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def recording(*arguments: Any) -> Any:
        sent.append(str(masked(*arguments)))
        return masked(*arguments)

    monkeypatch.setattr("tests.connectors.fake_google.server.masked", recording)
    reader = of_ana(google, tmp_path)
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.read()

    assert len(sent) >= 4
    assert [text for text in sent if CANARY.lower() in text.lower()] == []


def test_a_permission_without_the_accounts_number_is_requested_again(google: FakeGoogle, tmp_path: Path) -> None:
    permission = google.auth.allow(ANA, MEETINGS, OPENID) | {"account_id": ""}
    write_private(tmp_path / "google-tokens", "ana.json", permission)
    reader = GoogleReader(GoogleMeet, MeetOptions(api_endpoint=google.url), context(tmp_path))

    with pytest.raises(AuthorizationError, match="evenhours connect google --clinician ana"):
        reader.read()


# The domain's report


def test_the_report_names_the_calendar_entry(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.hold(
        CODE,
        (ANA, utc("2026-03-02 10:00"), 50),
        (OUTSIDE, utc("2026-03-02 10:00"), 50),
        event_id="series_20260302T100000Z",
    )
    reader.read()

    assert reader.calls[0].uid_key == entry_name(PSEUDONYMS, "series_20260302T100000Z")


@pytest.mark.parametrize(
    ("second", "named"), [("10:05", [True, True]), ("11:05", [False, False])], ids=["a couple", "one after the other"]
)
def test_it_names_the_entry_of_one_session_and_of_two_none(
    google: FakeGoogle, tmp_path: Path, second: str, named: list[bool]
) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.hold(
        CODE,
        (ANA, utc("2026-03-02 09:55"), 130),
        (OUTSIDE, utc("2026-03-02 10:00"), 50),
        (OUTSIDE, utc(f"2026-03-02 {second}"), 45),
        event_id="one",
    )
    reader.read()

    assert [call.uid_key is not None for call in reader.calls] == named


def test_a_late_row_of_the_report_is_still_read(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_a_domain(google, tmp_path)
    late = google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    google.meetings.hold(CODE, (ANA, utc("2026-03-03 10:00"), 50), (OUTSIDE, utc("2026-03-03 10:00"), 50))
    google.meetings.reported_late.add(late.number)
    reader.read()
    assert len(reader.calls) == 1
    google.meetings.reported_late.clear()
    reader.read()

    assert len(reader.calls) == 2


def test_only_the_clinicians_own_calls_are_requested(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    google.meetings.hold(CODE, (BEN, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.read()

    assert len(reader.calls) == 1
    filters = [request.query["filters"] for request in google.requests if "activities" in request.method]
    assert filters == [f"identifier=={ANA}", "conference_id==conf1"]


def test_who_rejoined_on_another_page_was_in_one_call(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.page = 1
    google.meetings.hold(CODE, *DROPPED_OUT)
    reader.read()

    assert spans(reader) == [("10:01", "10:58")]
    assert [len(batch.records) for batch in reader.batches] == [1, 0]


@pytest.mark.parametrize("addresses", [(ANA, "ana@old.example"), ("anna@old.example", ANA)])
def test_each_of_the_clinicians_addresses_is_looked_for(
    google: FakeGoogle, tmp_path: Path, addresses: tuple[str, str]
) -> None:
    reader = of_a_domain(google, tmp_path)
    reader.context = context(tmp_path, addresses=addresses)
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.read()
    cursor = reader.cursor
    reader.read()

    assert len(reader.calls) == 1
    assert reader.cursor == cursor


def test_the_address_in_the_consent_is_looked_for_too(google: FakeGoogle, tmp_path: Path) -> None:
    reader = of_a_domain(google, tmp_path)
    reader.context = context(tmp_path, addresses=())
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.read()
    assert len(reader.calls) == 1

    write_private(tmp_path / "google-tokens", consent_file("ana"), {"account": "ana", "scopes": [REPORTS]})
    with pytest.raises(UnavailableError, match="has no address by which to find"):
        reader.read()


def test_the_report_is_read_in_the_administrators_name_with_the_clinicians_consent(
    google: FakeGoogle, tmp_path: Path
) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    reader.read()
    assert {request.account for request in google.requests} == {ADMIN}
    google.requests.clear()
    (tmp_path / "google-tokens" / consent_file("ana")).unlink()
    with pytest.raises(AuthorizationError, match="ana has not consented"):
        reader.read()
    assert google.requests == []


def test_a_line_without_a_duration_is_rejected(
    google: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = of_a_domain(google, tmp_path)
    google.meetings.hold(CODE, (ANA, utc("2026-03-02 10:00"), 50), (OUTSIDE, utc("2026-03-02 10:00"), 50))
    google.meetings.hold(CODE, (ANA, utc("2026-03-03 10:00"), 50), (OUTSIDE, utc("2026-03-03 10:00"), 50))
    row = FakeMeetings._row

    def without_length(self: FakeMeetings, meeting: Any, number: int, part: Any) -> Any:
        activity = row(self, meeting, number, part)
        if meeting.number == 1:
            activity["events"][0]["parameters"] = activity["events"][0]["parameters"][1:]
        return activity

    monkeypatch.setattr(FakeMeetings, "_row", without_length)
    reader.read()

    assert {record.reason for record in reader.rejected} == {"it has no end or no duration of a call"}
    assert spans(reader) == [("10:00", "10:50")]


@pytest.mark.parametrize(
    ("options", "faulty"),
    [
        ({}, False),
        ({"service_account": "file:x", "reports_admin": ADMIN}, False),
        ({"service_account": "file:x"}, True),
        ({"reports_admin": ADMIN}, True),
    ],
)
def test_service_account_and_administrator_belong_together(options: dict[str, str], *, faulty: bool) -> None:
    assert SOURCE_KIND.check is not None
    assert bool(SOURCE_KIND.check(MeetOptions(**options))) is faulty  # type: ignore[arg-type]


def test_spans_that_are_shared() -> None:
    def span(first: str, last: str) -> tuple[Any, Any]:
        return utc(f"2026-03-02 {first}"), utc(f"2026-03-02 {last}")

    assert intersections([span("10:00", "11:00")], [span("10:30", "11:30")]) == [span("10:30", "11:00")]
    assert intersections([span("10:00", "11:00")], [span("11:00", "12:00")]) == []
    assert intersections([], [span("11:00", "12:00")]) == []
