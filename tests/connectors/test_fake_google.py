"""The fake refuses what Google refuses, so that a request which it accepts is a valid one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.connectors.fake_google.calendar import CANARY, utc
from tests.connectors.fake_google.discovery import (
    ErrorResponse,
    FakeError,
    check_shape,
    masked,
    method_at,
    methods,
)
from tests.connectors.fake_google.server import FakeGoogle

AUTH = "https://www.googleapis.com/auth/"
EVENTS = "/calendar/v3/calendars/primary/events"


def token(google: FakeGoogle, *scopes: str) -> str:
    permission = google.auth.allow("ana@harbour.example", *(AUTH + scope for scope in scopes))
    response = google.auth.token({"grant_type": "refresh_token", "refresh_token": permission["refresh_token"]})
    return f"Bearer {response['access_token']}"


def ask(google: FakeGoogle, path: str, scope: str, **query: Any) -> Any:
    return google.answer(f"{path}?{urlencode(query, doseq=True)}", token(google, scope))


def refusal(google: FakeGoogle, path: str, scope: str, **query: Any) -> tuple[int, str]:
    with pytest.raises(ErrorResponse) as refused:
        ask(google, path, scope, **query)
    return refused.value.status, refused.value.reason.partition(":")[0]


@pytest.fixture
def filled(google: FakeGoogle) -> FakeGoogle:
    google.calendar("ana@harbour.example").put("one", utc("2026-03-02 10:00"))
    return google


SINGLE = {"singleEvents": "true"}
CALENDAR = "calendar.events.readonly"


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"banana": "1"}, (400, "invalidParameter")),
        ({"orderBy": "banana"}, (400, "invalidParameter")),
        ({"maxResults": "0"}, (400, "invalidParameter")),
        ({"maxResults": "2501"}, (400, "invalidParameter")),
        ({"fields": "items(banana)"}, (400, "invalidParameter")),
        ({"fields": "items(start(banana))"}, (400, "invalidParameter")),
    ],
)
def test_requests_outside_the_description_are_refused(
    filled: FakeGoogle, query: dict[str, str], refused: tuple[int, str]
) -> None:
    assert refusal(filled, EVENTS, CALENDAR, **SINGLE, **query) == refused


def test_a_token_opens_only_what_it_is_for(filled: FakeGoogle) -> None:
    assert refusal(filled, EVENTS, "gmail.metadata", **SINGLE) == (403, "insufficientPermissions")
    assert refusal(filled, "/gmail/v1/users/me/profile", CALENDAR) == (403, "insufficientPermissions")


@pytest.mark.parametrize("excluded", ["timeMin", "timeMax", "q", "orderBy", "updatedMin"])
def test_a_sync_token_excludes_the_documented_parameters(filled: FakeGoogle, excluded: str) -> None:
    sync = ask(filled, EVENTS, CALENDAR, **SINGLE)["nextSyncToken"]
    value = "startTime" if excluded == "orderBy" else "2026-01-01T00:00:00Z"

    assert refusal(filled, EVENTS, CALENDAR, **SINGLE, syncToken=sync, **{excluded: value}) == (400, "badRequest")


def test_a_sync_token_wants_the_parameters_of_the_first_time(filled: FakeGoogle) -> None:
    sync = ask(filled, EVENTS, CALENDAR, **SINGLE)["nextSyncToken"]

    assert refusal(filled, EVENTS, CALENDAR, **SINGLE, syncToken=sync, maxAttendees=1) == (400, "badRequest")
    assert ask(filled, EVENTS, CALENDAR, **SINGLE, syncToken=sync)["items"] == []


def test_of_a_deleted_entry_only_the_id_is_returned(filled: FakeGoogle) -> None:
    sync = ask(filled, EVENTS, CALENDAR, **SINGLE)["nextSyncToken"]
    filled.calendar("ana@harbour.example").delete("one")

    items = ask(filled, EVENTS, CALENDAR, **SINGLE, syncToken=sync)["items"]
    assert items == [{"id": "one", "status": "cancelled"}]


def test_a_mask_is_applied_and_without_one_everything_comes(filled: FakeGoogle) -> None:
    assert CANARY in str(ask(filled, EVENTS, CALENDAR, **SINGLE))
    assert ask(filled, EVENTS, CALENDAR, **SINGLE, fields="items(id,start/dateTime)") == {
        "items": [{"id": "one", "start": {"dateTime": "2026-03-02T10:00:00+00:00"}}]
    }


def test_the_fake_itself_is_checked_against_the_shapes() -> None:
    method, _ = method_at(EVENTS)
    wrong: dict[str, Any]

    for wrong in (
        {"banana": 1},
        {"items": {}},
        {"items": [{"id": 1}]},
        {"items": [{"start": {"dateTime": "2026-03-02"}}]},
    ):
        with pytest.raises(FakeError):
            check_shape(method, wrong)


def test_masks_reach_into_lists_and_objects() -> None:
    method, _ = method_at(EVENTS)
    answer = {"items": [{"id": "a", "attendees": [{"self": True, "email": "x"}]}, {"id": "b"}], "summary": "x"}

    assert masked(method, "items(id,attendees/self)", answer) == {
        "items": [{"id": "a", "attendees": [{"self": True}]}, {"id": "b"}]
    }


def test_everything_requested_here_is_in_the_descriptions() -> None:
    described = {method.id for method in methods()}
    assert {"calendar.events.list", "gmail.users.history.list", "reports.activities.list"} <= described
    assert {"meet.conferenceRecords.list", "meet.spaces.get"} <= described
