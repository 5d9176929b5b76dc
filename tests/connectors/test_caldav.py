"""Calendars on two real servers: found, read in full once, and then by their changes and the days newly covered."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Batch, Window
from connectors.caldav.source import SOURCE_KIND, CaldavConnector, CaldavOptions
from connectors.errors import AuthorizationError, UnavailableError
from connectors.records import Status
from tests.connectors.entries import CANARY, FIRST, WINDOW, entry, events, later, practice, read, starts
from tests.connectors.ingest_policy import apply_policy
from tests.peers.calendars import PASSWORD, CalendarServer

DAY = timedelta(days=1)


@dataclass(frozen=True)
class UserCalendar:
    """A user's calendar on a running server."""

    server: CalendarServer
    user: str
    path: str

    def put(self, name: str, text: str = "") -> None:
        self.server.put(self.user, f"{self.path}{name}.ics", text or entry(name))

    def delete(self, name: str) -> None:
        self.server.delete(self.user, f"{self.path}{name}.ics")

    def connector(self, window: Window = WINDOW, **options: Any) -> CaldavConnector:
        defaults = CaldavOptions(f"{self.server.url.rstrip('/')}{self.path}", self.user, "env:CALENDAR")
        return CaldavConnector(replace(defaults, **options), practice(PASSWORD, window=window))

    def read(self, cursor: str | None = None, window: Window = WINDOW) -> Batch:
        return read(self.connector(window), cursor)


@pytest.fixture(params=["radicale", "xandikos"])
def user_calendar(request: pytest.FixtureRequest) -> UserCalendar:
    server: CalendarServer = request.getfixturevalue(request.param)
    user = server.user()
    return UserCalendar(server, user, server.calendar(user, f"Clients-{user}"))


def test_calendar_is_read_in_full_once_and_then_by_its_changes(user_calendar: UserCalendar) -> None:
    for number in range(5):
        user_calendar.put(f"e{number}", entry(f"e{number}", FIRST + number * DAY))
    first = user_calendar.read()
    assert starts(first) == [f"01-{5 + number:02} 09:00" for number in range(5)]
    assert first.replaces == WINDOW
    unchanged = user_calendar.read(first.cursor)
    assert (unchanged.cursor, unchanged.records, unchanged.removed, unchanged.replaces) == (first.cursor, (), (), None)
    user_calendar.put("e1", entry("e1", FIRST + timedelta(hours=3)))
    user_calendar.put("e9", entry("e9", FIRST + 20 * DAY))
    user_calendar.delete("e3")
    second = user_calendar.read(first.cursor)
    assert starts(second) == ["01-05 12:00", "01-25 09:00"]
    assert second.replaces is None
    assert list(second.removed) == [event.uid_key for event in events(first) if event.start == FIRST + 3 * DAY]


def test_series_goes_on_while_the_window_moves_although_nothing_changed(user_calendar: UserCalendar) -> None:
    user_calendar.put("weekly", entry("weekly", FIRST, "RRULE:FREQ=WEEKLY"))
    user_calendar.put("once", entry("once", datetime(2026, 7, 3, 9, tzinfo=UTC)))
    user_calendar.put("last", entry("last", datetime(2026, 1, 1, 0, tzinfo=UTC)))
    first = user_calendar.read()
    keys = {event.uid_key for event in events(apply_policy(first, later(0)))}
    assert len(keys) == 27
    cursor, removed = first.cursor, 0
    for night in range(1, 15):
        batch = user_calendar.read(cursor, later(night))
        cursor, keys = batch.cursor, keys | {event.uid_key for event in events(apply_policy(batch, later(night)))}
        removed += len(batch.removed)
    assert len(keys) == 27 + 2 + 1
    assert removed == 0
    full = apply_policy(user_calendar.read(None, later(14)), later(14))
    assert {event.uid_key for event in events(full)} <= keys


def test_only_missing_instances_in_the_window_are_removed(
    user_calendar: UserCalendar,
) -> None:
    user_calendar.put("weekly", entry("weekly", FIRST, "RRULE:FREQ=WEEKLY"))
    for number in range(20):
        user_calendar.put(f"e{number}", entry(f"e{number}", FIRST + number * DAY))
    first = user_calendar.read(None, later(1))
    user_calendar.put("weekly", entry("weekly", FIRST, "RRULE:FREQ=WEEKLY;COUNT=20", "EXDATE:20260119T090000Z"))
    second = user_calendar.read(first.cursor, later(6))
    removed = {event.start.strftime("%m-%d") for event in events(first) if event.uid_key in second.removed}
    assert removed == {"01-19", "05-25", "06-01", "06-08", "06-15", "06-22", "06-29"}
    assert second.replaces is None


def test_moved_and_cancelled_instances_keep_their_names(user_calendar: UserCalendar) -> None:
    user_calendar.put("weekly", entry("weekly", FIRST, "RRULE:FREQ=WEEKLY;COUNT=4"))
    first = user_calendar.read()
    moved = (
        "RRULE:FREQ=WEEKLY;COUNT=4", "END:VEVENT", "BEGIN:VEVENT", "UID:weekly", "DTSTAMP:20260101T000000Z",
        "RECURRENCE-ID:20260112T090000Z", "DTSTART:20260113T110000Z", "DTEND:20260113T120000Z", "END:VEVENT",
        "BEGIN:VEVENT", "UID:weekly", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260119T090000Z",
        "DTSTART:20260119T090000Z", "DTEND:20260119T095000Z", "STATUS:CANCELLED",
    )  # fmt: skip
    user_calendar.put("weekly", entry("weekly", FIRST, *moved))
    second = user_calendar.read(first.cursor)
    assert starts(second) == ["01-05 09:00", "01-13 11:00", "01-19 09:00", "01-26 09:00"]
    assert {event.uid_key for event in events(second)} == {event.uid_key for event in events(first)}
    assert [event.status for event in events(second)].count(Status.CANCELLED) == 1
    assert second.removed == ()


@pytest.mark.parametrize("change", ["token", "settings", "week", "earlier", "much"])
def test_everything_is_read_again_if_changes_are_not_enough(user_calendar: UserCalendar, change: str) -> None:
    for number in range(4):
        user_calendar.put(f"e{number}", entry(f"e{number}", FIRST + (10 + number) * DAY))
    first = user_calendar.read()
    cursor, window = first.cursor or "", WINDOW
    if change == "token":
        user_calendar.put("e1", entry("e1", FIRST + 9 * DAY))
        state = cursor.partition('"states":{')[2].partition('"}')[0].rpartition('"')[2]
        cursor = cursor.replace(state, state[:-4] + "0000")
    elif change == "settings":
        cursor = cursor.replace('"settings":"', '"settings":"X')
    elif change == "much":
        user_calendar.delete("e1")
        user_calendar.delete("e2")
    else:
        window = later(7 if change == "week" else -1)
    second = user_calendar.read(cursor, window)
    assert second.replaces == window
    assert len(second.records) == (2 if change == "much" else 4)


def test_everything_is_read_again_if_the_sync_token_has_expired(radicale: CalendarServer) -> None:
    user = radicale.user()
    user_calendar = UserCalendar(radicale, user, radicale.calendar(user, "Clients"))
    user_calendar.put("a")
    first = user_calendar.read()
    radicale.forget_tokens(user)
    user_calendar.put("b", entry("b", FIRST + DAY))
    second = user_calendar.read(first.cursor)
    assert (len(second.records), second.replaces) == (2, WINDOW)


def test_all_calendars_of_the_account_are_found(radicale: CalendarServer) -> None:
    user = radicale.user()
    clients, tasks = radicale.calendar(user, "Clients"), radicale.calendar(user, "Tasks", "VTODO")
    private = radicale.calendar(user, "Private")
    user_calendar = UserCalendar(radicale, user, "/")
    radicale.put(user, f"{clients}a.ics", entry("a"))
    radicale.put(user, f"{private}b.ics", entry("b", FIRST + DAY))
    radicale.put(user, f"{tasks}c.ics", entry("c").replace("VEVENT", "VTODO").replace("DTEND", "DUE"))
    all_calendars = read(user_calendar.connector())
    assert starts(all_calendars) == ["01-05 09:00", "01-06 09:00"]
    private_only = read(user_calendar.connector(calendars=("Private",)), all_calendars.cursor)
    assert (starts(private_only), private_only.replaces) == (["01-06 09:00"], WINDOW)
    with pytest.raises(UnavailableError, match='there is no calendar named "Work"'):
        read(user_calendar.connector(calendars=("Work", "Private")))
    assert starts(read(user_calendar.connector(url=f"{radicale.url}{user}/"))) == starts(all_calendars)


def test_principal_of_the_other_server_leads_to_its_calendars(xandikos: CalendarServer) -> None:
    user_calendar = UserCalendar(xandikos, "user0", "/user/calendars/calendar/")
    user_calendar.put("found-from-the-principal", entry("found-from-the-principal", FIRST))
    assert "01-05 09:00" in starts(read(user_calendar.connector(url=xandikos.url)))


def test_event_in_two_calendars_is_stored_once_and_stays_while_one_has_it(radicale: CalendarServer) -> None:
    user = radicale.user()
    own_calendar, shared_calendar = (
        UserCalendar(radicale, user, radicale.calendar(user, name)) for name in ("Clients", "Shared")
    )
    everything = UserCalendar(radicale, user, "/")
    for number in range(6):
        own_calendar.put(f"e{number}", entry(f"e{number}", FIRST + number * DAY))
    shared_calendar.put("copy", entry("e1", FIRST + DAY))
    first = read(everything.connector())
    own_calendar.delete("e1")
    second = read(everything.connector(), first.cursor)
    assert second.replaces == WINDOW
    assert {event.uid_key for event in events(second)} == {event.uid_key for event in events(first)}


def test_unusable_event_is_rejected_until_it_is_corrected(radicale: CalendarServer) -> None:
    user = radicale.user()
    user_calendar = UserCalendar(radicale, user, radicale.calendar(user, "Clients"))
    user_calendar.put("good", entry("good"))
    user_calendar.put("bad", entry("bad").replace("DTEND:2026", "DTEND:2025"))
    first = user_calendar.read()
    assert ([record.reason for record in first.rejected], len(first.records)) == (["it ends before it begins"], 1)
    user_calendar.put("bad", entry("bad", FIRST + DAY).replace("DTEND:2026", "DTEND:2024"))
    second = user_calendar.read(first.cursor)
    assert (second.rejected, second.replaces) == (first.rejected, None)
    user_calendar.put("bad", entry("bad", FIRST + DAY))
    third = user_calendar.read(second.cursor)
    assert (third.rejected, third.replaces, len(third.records)) == ((), WINDOW, 2)


def test_wrong_password_is_an_authorization_error(radicale: CalendarServer) -> None:
    user_calendar = UserCalendar(radicale, radicale.user(), "/")
    with pytest.raises(AuthorizationError):
        read(CaldavConnector(user_calendar.connector()._options, practice("wrong")))


def test_one_configuration_serves_several_accounts(radicale: CalendarServer) -> None:
    user = radicale.user()
    user_calendar = UserCalendar(radicale, user, radicale.calendar(user, "ana"))
    user_calendar.put("a")
    assert len(read(user_calendar.connector(url=f"{radicale.url}{user}/{{key}}/")).records) == 1


def test_rules_are_tried_on_titles_and_nothing_is_stored(radicale: CalendarServer) -> None:
    user = radicale.user()
    user_calendar = UserCalendar(radicale, user, radicale.calendar(user, "Clients"))
    user_calendar.put("weekly", entry("weekly", FIRST, "RRULE:FREQ=WEEKLY;COUNT=3"))
    assert SOURCE_KIND.preview is not None
    entries = list(SOURCE_KIND.preview(user_calendar.connector()._options, practice(PASSWORD)))
    assert [(item.start, item.title) for item in entries] == [(FIRST + 7 * number * DAY, CANARY) for number in range(3)]


def test_no_content_leaves_the_connector(user_calendar: UserCalendar, caplog: pytest.LogCaptureFixture) -> None:
    user_calendar.put(CANARY, entry(CANARY, FIRST, f"ATTENDEE;CN={CANARY}:mailto:{CANARY}@post.example"))
    with caplog.at_level(logging.DEBUG):
        first = user_calendar.read()
        second = user_calendar.read(first.cursor, later(1))
    assert len(first.records) == 1
    assert CANARY.lower() not in f"{first}{second}".lower()
    assert PASSWORD not in caplog.text
    assert not any(CANARY in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("url", "is_accepted"),
    [
        ("https://dav.example/", True),
        ("http://127.0.0.1:5232/", True),
        ("http://localhost/", True),
        ("http://[::1]:5232/x", True),
        ("http://dav.example/", False),
        ("http://127.0.0.1.dav.example/", False),
        ("dav.example", False),
        ("file:///etc", False),
    ],
)
def test_configuration_that_would_expose_the_password_is_refused(url: str, is_accepted: bool) -> None:  # noqa: FBT001
    assert SOURCE_KIND.check is not None
    assert (SOURCE_KIND.check(CaldavOptions(url, "ana", "env:CALENDAR")) == []) is is_accepted
