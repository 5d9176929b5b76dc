"""A Microsoft account over HTTP: signing in with a code, fields requested by name, links that expire."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from connectors.address_count import AddressCount, LikelyAddress
from connectors.base import Batch, Context, Owner, Window
from connectors.classify import KindRule
from connectors.errors import AuthorizationError, ConnectorError, MalformedError, UnavailableError
from connectors.microsoft import mail, source
from connectors.microsoft.access import DeviceSignIn, write_consent
from connectors.microsoft.entries import meeting_code
from connectors.microsoft.options import MicrosoftOptions, problems
from connectors.microsoft.source import SOURCE_KIND
from connectors.network import at_endpoint
from connectors.records import CalendarEvent, CounterpartKind, Grade, Kind, MessageStamp, SessionEvidence, Status
from tests.connectors import microsoft_fake
from tests.connectors.ingest_policy import apply_policy
from tests.connectors.mailboxes import CANARY, RULES, WINDOW, practice
from tests.connectors.microsoft_fake import ALL, Account, Microsoft, attended
from tests.peers.reply_server import ReceivedRequest, Reply, ReplyServer, reply_server

ANA = Owner("ana", ZoneInfo("Europe/Paris"), frozenset({"ana@harbour.example", "ana@old.example"}))
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
JOIN = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Abc-1%40thread.v2/0?context=it's"
ALL_PARTS = ("calendar", "mail", "meetings")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ReplyServer]:
    with reply_server() as running:
        yield running


@pytest.fixture
def microsoft(server: ReplyServer) -> Microsoft:
    fake = Microsoft(server.url)
    server.answer = fake.answer
    return fake


@pytest.fixture
def account(microsoft: Microsoft, tmp_path: Path) -> Account:
    """Return Ana's account, signed in."""
    DeviceSignIn(options(microsoft, read=ALL_PARTS)).wait(tmp_path / "microsoft-tokens", "ana", NOW)
    microsoft.received.clear()
    return microsoft.account("ana")


def options(microsoft: Microsoft, **more: Any) -> MicrosoftOptions:
    return MicrosoftOptions(**{"client_id": "app", "api_endpoint": microsoft.url, **more})


def batches(microsoft: Microsoft, folder: Path, cursor: str | None = None, **more: Any) -> Iterator[Batch]:
    names = MicrosoftOptions.__dataclass_fields__
    values = {name: more.pop(name) for name in [*more] if name in names}
    context: Context = replace(practice(folder, ANA), **more)
    return SOURCE_KIND.make(options(microsoft, **values), context).fetch(cursor)


def read(microsoft: Microsoft, folder: Path, cursor: str | None = None, **more: Any) -> list[Batch]:
    return list(batches(microsoft, folder, cursor, **more))


def records(batches: list[Batch], kind: type[Any]) -> list[Any]:
    return [record for batch in batches for record in batch.records if isinstance(record, kind)]


def person(address: str) -> dict[str, Any]:
    return {"emailAddress": {"address": address, "name": CANARY}}


def guests(*addresses: str) -> list[dict[str, Any]]:
    return [person(address) | {"type": "required", "status": {"response": "none"}} for address in addresses]


# The calendar


def test_an_entry_with_somebody_from_outside_is_a_session(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    account.put_event("a", START, 50, attendees=guests("ana@old.example", "client@post.example"), subject=CANARY)
    account.put_event("b", START, 30, attendees=guests("ben@harbour.example"))
    first, second = records(read(microsoft, tmp_path, read=("calendar",)), CalendarEvent)
    assert (first.kind, first.start, first.end) == (Kind.SESSION, START, START + timedelta(minutes=50))
    assert first.client is not None
    assert first.edited_at == datetime(2026, 1, 1, 9, 0, 0, 123456, tzinfo=UTC)
    assert (second.kind, second.client) == (Kind.OTHER, None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.CONFIRMED),
        ({"isCancelled": True}, Status.CANCELLED),
        ({"responseStatus": {"response": "declined"}}, Status.DECLINED),
        ({"responseStatus": {"response": "tentativelyAccepted"}}, Status.TENTATIVE),
        ({"showAs": "tentative"}, Status.TENTATIVE),
    ],
)
def test_each_status(
    microsoft: Microsoft, account: Account, tmp_path: Path, fields: dict[str, Any], status: Status
) -> None:
    account.put_event("a", START, 50, **fields)
    assert [event.status for event in records(read(microsoft, tmp_path, read=("calendar",)), CalendarEvent)] == [status]


def test_a_whole_day_is_the_owners_own(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", datetime(2026, 3, 2, tzinfo=UTC), 24 * 60, isAllDay=True)
    (event,) = records(read(microsoft, tmp_path, read=("calendar",)), CalendarEvent)
    assert (event.all_day, event.start) == (True, datetime(2026, 3, 1, 23, tzinfo=UTC))


def test_only_what_a_rule_needs_is_requested(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", START, 50, subject="Supervision", categories=["Blue"])
    read(microsoft, tmp_path, read=("calendar",))
    path = unquote(microsoft.received[-1].path)
    assert "attendees" in path
    assert not any(word in path for word in ("subject", "categories", "body", "location", "onlineMeeting"))
    rules = replace(RULES, rules=(KindRule(Kind.SUPERVISION, title=__import__("re").compile("supervision", 2)),))
    (event,) = records(read(microsoft, tmp_path, read=("calendar",), classifier=rules), CalendarEvent)
    assert event.kind is Kind.SUPERVISION
    assert "subject" in unquote(microsoft.received[-1].path)
    read(microsoft, tmp_path, times_suffice=True)
    assert "attendees" not in unquote(microsoft.received[-1].path)


def test_where_times_suffice_the_calendar_alone_is_read(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", START, 50)
    account.put_event("free", START, 50, showAs="free")
    account.put_message("id-inbox", "m", START)
    batches = read(microsoft, tmp_path, times_suffice=True)
    assert [event.is_free for batch in batches for event in batch.records] == [False, True]  # type: ignore[union-attr]


def test_an_unchanged_calendar_is_not_stored_again(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", START, 50)
    first = read(microsoft, tmp_path, read=("calendar",))
    assert read(microsoft, tmp_path, first[-1].cursor, read=("calendar",)) == [Batch(first[-1].cursor)]
    del account.events["a"]
    second = read(microsoft, tmp_path, first[-1].cursor, read=("calendar",))
    assert (second[0].records, second[0].replaces) == ((), WINDOW)


def until(end: datetime) -> Window:
    return Window(WINDOW.start, end)


def since(start: datetime) -> Window:
    return Window(start, WINDOW.end)


def test_an_entry_just_after_the_window_is_read_once_the_window_reaches_it(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    account.put_event("a", START, 50)
    narrow = read(microsoft, tmp_path, read=("calendar",), window=until(START - timedelta(hours=1)))
    assert records(narrow, CalendarEvent) == []
    assert len(records(read(microsoft, tmp_path, narrow[-1].cursor, read=("calendar",)), CalendarEvent)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"start": {"dateTime": "2026-03-02T09:00:00", "timeZone": "Romance Standard Time"}},
            "its start is not in the",
        ),
        ({"start": {"dateTime": CANARY, "timeZone": "UTC"}}, "its start is not a time"),
        ({"end": {"dateTime": "2026-03-02T08:00:00", "timeZone": "UTC"}}, "it ends before it begins"),
    ],
)
def test_an_unusable_entry_is_rejected(
    microsoft: Microsoft, account: Account, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    account.put_event("a", START, 50)
    account.put_event("b", START, 50)
    account.events["b"].update(fields)
    batches = read(microsoft, tmp_path, read=("calendar",))
    assert len(records(batches, CalendarEvent)) == 1
    (rejected,) = batches[0].rejected
    assert (rejected.where, rejected.reason.startswith(reason)) == ("event 2", True)


# Mail


def test_a_message_received_and_one_sent(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_message("id-inbox", "q", START, conversationId="t", subject=CANARY)
    sent = {
        "from": person("alias@nowhere.example"),
        "toRecipients": [person("ana@old.example"), person("client@post.example")],
    }
    account.put_message("id-sentitems", "a", START + timedelta(hours=1), conversationId="t", **sent)
    account.put_message("id-drafts", "d", START)
    account.put_message("id-inbox", "i", START, **{"@odata.type": "#microsoft.graph.eventMessageRequest"})
    batches = sorted(records(read(microsoft, tmp_path, read=("mail",)), MessageStamp), key=lambda stamp: stamp.sent_at)
    invitation, question, answer = sorted(batches, key=lambda stamp: (stamp.outgoing, not stamp.automatic))
    assert (question.sent_at, question.outgoing) == (START, False)
    assert (answer.sent_at, answer.outgoing) == (START + timedelta(hours=1) - timedelta(seconds=30), True)
    assert question.counterpart == answer.counterpart
    assert answer.counterpart_kind is CounterpartKind.CLIENT
    assert question.thread_nodes[-1] == answer.thread_nodes[-1]
    assert invitation.automatic


def test_messages_in_the_sent_folder_are_outgoing_without_a_known_address(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    more = {"from": person("anna@post.example")}
    account.put_message("id-sentitems", "a", START, **more)
    for number in range(3):
        account.put_message("id-sentitems", f"b{number}", START - timedelta(days=number + 1), **more)
    counts = AddressCount()
    content: dict[str, Any] = {"owners": (replace(ANA, addresses=frozenset()),), "address_count": counts}
    stamp, *_ = records(read(microsoft, tmp_path, **content), MessageStamp)
    assert (stamp.outgoing, stamp.sent_at) == (True, START - timedelta(seconds=30))
    assert counts.most_likely() == LikelyAddress("anna@post.example", 4, 4)


def test_folders_within_folders_are_read_and_what_is_no_correspondence_is_not(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    account.folders |= {"cases": "id-inbox", "deep": "cases", "sent-2025": "id-sentitems", "gone": "id-deleteditems"}
    for number, folder in enumerate(("cases", "deep", "sent-2025", "gone", "id-junkemail")):
        account.put_message(folder, f"m{number}", START + timedelta(minutes=number))
    batches = records(read(microsoft, tmp_path, read=("mail",)), MessageStamp)
    assert sorted((stamp.sent_at.minute, stamp.outgoing) for stamp in batches) == [(0, False), (1, False), (1, True)]


def test_mail_goes_on_from_the_link_of_each_folder(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    for number in range(5):
        account.put_message("id-inbox", f"m{number}", START + timedelta(minutes=number))
    first = read(microsoft, tmp_path, read=("mail",))
    account.put_message("id-inbox", "new", START + timedelta(hours=1))
    account.remove_message("id-inbox", "m1")
    microsoft.received.clear()
    second = read(microsoft, tmp_path, first[-1].cursor, read=("mail",))
    assert (len(records(first, MessageStamp)), len(records(second, MessageStamp))) == (5, 1)
    assert not any("$filter" in unquote(request.path) for request in microsoft.received)


def test_a_folder_first_read_from_some_day_on_is_read_whole_once_the_window_reaches_back(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    first = read(microsoft, tmp_path, read=("mail",))
    account.folders["cases"] = "id-inbox"
    account.put_message("cases", "early", START)
    account.put_message("cases", "late", START + timedelta(days=9))
    window = since(START + timedelta(days=5))
    narrow = read(microsoft, tmp_path, first[-1].cursor, read=("mail",), window=window)
    assert len(records(narrow, MessageStamp)) == 1
    assert len(records(read(microsoft, tmp_path, narrow[-1].cursor, read=("mail",)), MessageStamp)) == 2


@pytest.mark.parametrize("page", range(1, 4))
def test_mail_cut_off_after_any_page_goes_on_with_the_next(
    microsoft: Microsoft, account: Account, tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE_SIZE", 2)
    for number in range(7):
        account.put_message("id-inbox", f"m{number}", START + timedelta(minutes=number))
    whole = read(microsoft, tmp_path, read=("mail",))
    cut = whole[:page]
    rest = read(microsoft, tmp_path, cut[-1].cursor, read=("mail",))
    assert records([*cut, *rest], MessageStamp) == records(whole, MessageStamp)
    assert len(records(whole, MessageStamp)) == 7


def test_the_newest_messages_come_first_and_the_folders_report_progress(
    microsoft: Microsoft, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE_SIZE", 2)
    for number in (3, 0, 4, 1, 2):
        account.put_message("id-inbox", f"m{number}", START + timedelta(minutes=number))
    account.put_message("id-sentitems", "s", START, **{"from": person("ana@old.example")})
    first = read(microsoft, tmp_path, read=("mail",))
    content = [[stamp.sent_at.minute for stamp in batch.records if not stamp.outgoing] for batch in first]  # type: ignore[union-attr]
    assert [minutes for minutes in content if minutes] == [[4, 3], [2, 1], [0]]
    assert [(batch.done, batch.total) for batch in first[:-1]] == [(2, 6), (4, 6), (5, 6), (6, 6)]
    account.put_message("id-inbox", "new", START)
    second = read(microsoft, tmp_path, first[-1].cursor, read=("mail",))
    assert [(batch.done, batch.total) for batch in second] == [(None, None)] * 2


def test_a_folder_too_large_for_a_filter_is_read_to_its_end(
    microsoft: Microsoft, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (microsoft_fake, mail):
        monkeypatch.setattr(module, "MAX_FILTERED", 3)
    monkeypatch.setattr(source, "PAGE_SIZE", 2)
    account.put_message("id-inbox", "old", WINDOW.start - timedelta(days=1))
    for number in range(5):
        account.put_message("id-inbox", f"m{number}", START + timedelta(minutes=number))
    assert len(records(read(microsoft, tmp_path, read=("mail",)), MessageStamp)) == 5


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "SyncStateNotFound"), (400, "SyncStateNotFound"), (400, "syncStateInvalid"), (400, "resyncRequired")],
)
def test_a_link_that_expired_reads_that_folder_again(
    microsoft: Microsoft, account: Account, tmp_path: Path, status: int, code: str
) -> None:
    account.put_message("id-inbox", "m", START)
    first = read(microsoft, tmp_path, read=("mail",))
    account.oldest_token += 1
    microsoft.expired_error = status, code
    account.put_message("id-inbox", "n", START)
    second = read(microsoft, tmp_path, first[-1].cursor, read=("mail",))
    assert len(records(second, MessageStamp)) == 2
    assert not second[0].restarts
    assert records(read(microsoft, tmp_path, second[-1].cursor, read=("mail",)), MessageStamp) == []


def test_another_account_begins_again(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_message("id-inbox", "m", START)
    first = read(microsoft, tmp_path, read=("mail",))
    microsoft.person = "somebody"
    for number in range(2):
        microsoft.account("somebody").put_message("id-inbox", f"s{number}", START)
    DeviceSignIn(options(microsoft, read=ALL_PARTS)).wait(tmp_path / "microsoft-tokens", "ana", NOW)
    second = read(microsoft, tmp_path, first[-1].cursor, read=("mail",))
    assert len(records(second, MessageStamp)) == 2
    assert second[0].restarts
    assert not read(microsoft, tmp_path, second[-1].cursor, read=("mail",))[0].restarts


def test_a_server_whose_links_expire_during_reading_is_abandoned(
    microsoft: Microsoft, account: Account, tmp_path: Path, server: ReplyServer
) -> None:
    account.put_message("id-inbox", "m", START)

    def forgetful(request: ReceivedRequest) -> Reply:
        return Reply(410) if "messages/delta" in request.path else microsoft.answer(request)

    server.answer = forgetful
    with pytest.raises(MalformedError, match="expires while the folder is being read"):
        read(microsoft, tmp_path, read=("mail",))


# Meetings


def test_the_times_of_a_call_are_those_of_both_being_present(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    account.put_event(
        "a", START, 50, onlineMeeting={"joinUrl": JOIN, "conferenceId": CANARY, "phones": [{"number": CANARY}]}
    )
    minutes = [START + timedelta(minutes=number) for number in range(70)]
    account.put_report(
        JOIN,
        "r1",
        attended("ana@old.example", (minutes[0], minutes[20]), (minutes[22], minutes[69]), role="Organizer"),
        attended("", (minutes[4], minutes[57]), identity={"displayName": CANARY}),
    )
    batches = read(microsoft, tmp_path, read=("calendar", "meetings"))
    (event,), (times,) = records(batches, CalendarEvent), records(batches, SessionEvidence)
    assert (times.grade, times.started_at, times.ended_at) == (Grade.CALL, minutes[4], minutes[57])
    assert (times.meeting, times.uid_key) == (event.meeting, None)
    assert times.meeting is not None
    assert "JoinWebUrl eq" in " ".join(unquote(request.path) for request in microsoft.received)


def span(first: int, last: int) -> tuple[datetime, datetime]:
    """Return the span between two minutes after ``START``."""
    return START + timedelta(minutes=first), START + timedelta(minutes=last)


def times_of(batches: list[Batch]) -> list[tuple[datetime, datetime]]:
    return sorted((record.started_at, record.ended_at) for record in records(batches, SessionEvidence))


def test_a_meeting_requested_from_some_day_on_is_requested_again_once_the_window_reaches_back(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    parts = ("calendar", "meetings")
    first = read(microsoft, tmp_path, read=parts)
    for week in range(2):
        minutes = [START + timedelta(weeks=week, minutes=number) for number in (1, 49)]
        account.put_event(f"e{week}", START + timedelta(weeks=week), 50, onlineMeeting={"joinUrl": JOIN})
        own, guest = (attended(address, tuple(minutes)) for address in ("ana@old.example", "kim@post.example"))  # type: ignore[arg-type]
        account.put_report(JOIN, f"r{week}", own, guest)
    narrow = read(microsoft, tmp_path, first[-1].cursor, read=parts, window=since(START + timedelta(days=5)))
    assert len(times_of([apply_policy(batch, since(START + timedelta(days=5))) for batch in narrow])) == 1
    assert len(times_of(read(microsoft, tmp_path, narrow[-1].cursor, read=parts))) == 2


def test_a_meeting_with_a_short_address_is_requested(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    url = "https://teams.microsoft.com/meet/2312345678901?p=AbCdEf"
    account.put_event("a", START, 50, onlineMeeting={"joinUrl": url})
    account.put_report(url, "r", attended("ana@old.example", span(0, 50)), attended("kim@post.example", span(1, 49)))
    batches = read(microsoft, tmp_path, read=("calendar", "meetings"))
    (event,), (times,) = records(batches, CalendarEvent), records(batches, SessionEvidence)
    assert (times.started_at, times.ended_at) == span(1, 49)
    assert times.meeting == event.meeting is not None


@pytest.mark.parametrize("addresses", [("kim@post.example", "lee@post.example"), ("", "")])
def test_two_clients_one_after_the_other_are_two(
    microsoft: Microsoft, account: Account, tmp_path: Path, addresses: tuple[str, str]
) -> None:
    account.put_event("a", START, 110, onlineMeeting={"joinUrl": JOIN})
    clients = [attended(name, span(first, first + 50)) for name, first in zip(addresses, (1, 61), strict=True)]
    account.put_report(JOIN, "r", attended("", span(0, 112), role="Organizer"), *clients)
    batches = read(microsoft, tmp_path, read=("meetings",))
    assert times_of(batches) == [span(1, 51), span(61, 111)]
    assert len({record.key for record in records(batches, SessionEvidence)}) == 2


def test_who_drops_out_and_comes_back_was_there_once(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", START, 50, onlineMeeting={"joinUrl": JOIN})
    client = attended("kim@post.example", span(1, 20)), attended("Kim@Post.example", span(22, 55))
    account.put_report(JOIN, "r", attended("ana@old.example", span(0, 60)), *client)
    assert times_of(read(microsoft, tmp_path, read=("meetings",))) == [span(1, 55)]


def test_a_colleague_is_no_client(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    account.put_event("a", START, 50, onlineMeeting={"joinUrl": JOIN})
    account.put_report(
        JOIN, "r", attended("ana@old.example", span(0, 50)), attended("ben@harbour.example", span(1, 49))
    )
    assert times_of(read(microsoft, tmp_path, read=("meetings",))) == []


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ([(0, 20)], [], [(10, 10)]),
        ([(-30, -29), (0, 20)], [("kim@post.example", 21, 40)], [(10, 10)]),
        ([(0, 4)], [], []),
        ([(0, 181)], [], []),
        ([(0, 20)], [("ben@harbour.example", 1, 19)], []),
        ([(0, 20)], [("kim@post.example", 1, 3)], [(1, 3)]),
        ([], [("kim@post.example", 1, 19)], []),
    ],
)
def test_a_client_who_never_came_is_an_instant(
    microsoft: Microsoft,
    account: Account,
    tmp_path: Path,
    own: list[tuple[int, int]],
    others: list[tuple[str, int, int]],
    expected: list[tuple[int, int]],
) -> None:
    account.put_event("a", START, 50, onlineMeeting={"joinUrl": JOIN})
    people = [attended("ana@old.example", *(span(*times) for times in own), role="Organizer")] if own else []
    account.put_report(JOIN, "r", *people, *(attended(name, span(*times)) for name, *times in others))
    assert times_of(read(microsoft, tmp_path, read=("meetings",))) == [span(*times) for times in expected]


def test_the_latest_meetings_come_first(microsoft: Microsoft, account: Account, tmp_path: Path) -> None:
    for day, name in enumerate(("b", "d", "a", "c")):
        url = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{name}%40thread.v2/0"
        first = day * 1440
        account.put_event(name, START + timedelta(days=day), 50, onlineMeeting={"joinUrl": url})
        account.put_report(
            url, name, *(attended(address, span(first, first + 50)) for address in ("ana@old.example", ""))
        )
    batches = [batch for batch in read(microsoft, tmp_path, read=("meetings",)) if batch.records]
    assert [times_of([batch])[0][0].day - START.day for batch in batches] == [3, 2, 1, 0]
    assert [(batch.done, batch.total) for batch in batches] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def refusing(microsoft: Microsoft, *words: str) -> Callable[[ReceivedRequest], Reply]:
    """Answer as Microsoft does, but refuse requests whose path contains one of these words."""
    return lambda request: (
        Reply(403) if any(word in unquote(request.path) for word in words) else microsoft.answer(request)
    )


@pytest.mark.parametrize("where", ["onlineMeetings?", "/attendanceReports?", "/attendanceRecords?"])
def test_attendance_that_is_refused_is_reported_and_requested_again(
    microsoft: Microsoft, account: Account, tmp_path: Path, server: ReplyServer, where: str
) -> None:
    account.put_event("a", START, 50, onlineMeeting={"joinUrl": JOIN})
    account.put_report(JOIN, "r", *(attended(name, span(0, 50)) for name in ("ana@old.example", "")))
    account.put_message("id-inbox", "m", START)
    server.answer = refusing(microsoft, where)
    values: list[Batch] = []
    with pytest.raises(
        AuthorizationError, match=r"who was in a meeting; everything else was read\. Run: evenhours connect"
    ):
        values.extend(batches(microsoft, tmp_path, read=ALL_PARTS))
    assert len(records(values, MessageStamp)) == 1
    server.answer = microsoft.answer
    microsoft.now += timedelta(days=30)
    assert times_of(read(microsoft, tmp_path, values[-1].cursor, read=ALL_PARTS)) == [span(0, 50)]


def test_one_meeting_that_is_refused_among_others_is_only_requested_again(
    microsoft: Microsoft, account: Account, tmp_path: Path, server: ReplyServer
) -> None:
    other = JOIN.replace("Abc", "Xyz")
    for name, url in (("a", JOIN), ("b", other)):
        account.put_event(name, START, 50, onlineMeeting={"joinUrl": url})
        account.put_report(url, name, *(attended(address, span(0, 50)) for address in ("ana@old.example", "")))
    server.answer = refusing(microsoft, "Xyz")
    first = read(microsoft, tmp_path, read=("meetings",))
    server.answer = microsoft.answer
    microsoft.now += timedelta(days=30)
    second = read(microsoft, tmp_path, first[-1].cursor, read=("meetings",))
    assert (len(times_of(first)), len(times_of(second))) == (1, 1)


def test_after_a_few_refusals_no_more_meetings_are_requested(
    microsoft: Microsoft, account: Account, tmp_path: Path, server: ReplyServer
) -> None:
    for day in range(8):
        url = f"https://teams.microsoft.com/meet/{day}"
        account.put_event(f"e{day}", START + timedelta(days=day), 50, onlineMeeting={"joinUrl": url})
    server.answer = refusing(microsoft, "onlineMeetings")
    with pytest.raises(AuthorizationError):
        read(microsoft, tmp_path, read=("meetings",))
    assert sum("onlineMeetings" in request.path for request in server.received) == 5


def test_the_attendance_of_somebody_elses_meeting_may_be_refused(
    microsoft: Microsoft, account: Account, tmp_path: Path, server: ReplyServer
) -> None:
    guest = {"responseStatus": {"response": "accepted"}, "onlineMeeting": {"joinUrl": JOIN}}
    account.put_event("a", START, 50, **guest)
    server.answer = refusing(microsoft, "onlineMeetings")
    first = read(microsoft, tmp_path, read=("meetings",))
    microsoft.received.clear()
    microsoft.now += timedelta(days=30)
    read(microsoft, tmp_path, first[-1].cursor, read=("meetings",))
    assert not any("onlineMeetings" in request.path for request in microsoft.received)


def test_meetings_are_requested_once_they_are_over_and_then_no_more(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    account.put_event("a", microsoft.now + timedelta(hours=1), 50, onlineMeeting={"joinUrl": JOIN})
    late = microsoft.now + timedelta(hours=1)
    account.put_report(
        JOIN, "r", *(attended(name, (late, late + timedelta(minutes=50))) for name in ("ana@old.example", ""))
    )
    runs = [read(microsoft, tmp_path, read=("meetings",))]
    for days in (1, 2, 3, 4):
        microsoft.now += timedelta(days=1)
        runs.append(read(microsoft, tmp_path, runs[-1][-1].cursor, read=("meetings",)))
        assert days
    assert [len(records(run, SessionEvidence)) for run in runs] == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (JOIN, "abc1"),
        ("https://teams.microsoft.com/l/meetup-join/19:meeting_XyZ@thread.v2/0", "xyz"),
        ("https://teams.microsoft.com/meet/2312345678901?p=AbCdEf", "2312345678901"),
        ("https://elsewhere.example/meet/room", ""),
        ("", ""),
    ],
)
def test_a_meeting_is_named_by_its_address(url: str, code: str) -> None:
    assert meeting_code(url) == code


# Permission


def test_signing_in_stores_the_permission_in_a_private_file(microsoft: Microsoft, tmp_path: Path) -> None:
    asking = DeviceSignIn(options(microsoft))
    assert (asking.code, asking.address) == ("ABC-123", "https://microsoft.com/devicelogin")
    assert asking.wait(tmp_path / "tokens", "ana", NOW) == ("Calendars.ReadBasic", "Mail.ReadBasic")
    token_file = tmp_path / "tokens" / "ana.json"
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert json.loads(token_file.read_text())["given_at"] == NOW.isoformat()
    assert {request.path.partition("/organizations")[0] for request in microsoft.received} == {""}


def test_without_its_library_the_error_names_what_to_install(
    microsoft: Microsoft, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.events == {}
    monkeypatch.setitem(sys.modules, "msal", None)
    with pytest.raises(UnavailableError, match=r"not installed\. Install it: pip install 'evenhours\[microsoft\]'"):
        read(microsoft, tmp_path)


def test_a_refusal_is_reported_and_nothing_is_stored(microsoft: Microsoft, tmp_path: Path) -> None:
    asking = DeviceSignIn(options(microsoft))
    microsoft.declines = True
    with pytest.raises(AuthorizationError, match="nobody signed in"):
        asking.wait(tmp_path / "tokens", "ana", NOW)
    assert not (tmp_path / "tokens").exists()


def test_without_permission_the_error_names_the_command(microsoft: Microsoft, tmp_path: Path) -> None:
    with pytest.raises(AuthorizationError, match="Run: evenhours connect microsoft --clinician ana"):
        read(microsoft, tmp_path)


def test_a_permission_that_is_not_for_all_asks_again(microsoft: Microsoft, tmp_path: Path) -> None:
    microsoft.grants = ("Calendars.ReadBasic",)
    assert DeviceSignIn(options(microsoft)).wait(tmp_path / "microsoft-tokens", "ana", NOW) == ("Calendars.ReadBasic",)
    with pytest.raises(AuthorizationError, match="not for everything this source reads"):
        read(microsoft, tmp_path)
    assert read(microsoft, tmp_path, read=("calendar",))


@pytest.mark.usefixtures("account")
def test_a_revoked_permission_asks_again(microsoft: Microsoft, tmp_path: Path) -> None:
    microsoft.revoked.add("ana")
    with pytest.raises(AuthorizationError, match="Run: evenhours connect microsoft"):
        read(microsoft, tmp_path)
    token_file = tmp_path / "microsoft-tokens" / "ana.json"
    content = json.loads(token_file.read_text())
    content["cache"].pop("AccessToken")
    token_file.write_text(json.dumps(content))
    with pytest.raises(AuthorizationError, match="was revoked"):
        read(microsoft, tmp_path)


@pytest.mark.usefixtures("account")
def test_a_token_that_ran_out_is_renewed_and_stored(microsoft: Microsoft, tmp_path: Path) -> None:
    token_file = tmp_path / "microsoft-tokens" / "ana.json"
    content = json.loads(token_file.read_text())
    content["cache"].pop("AccessToken")
    token_file.write_text(json.dumps(content))
    read(microsoft, tmp_path, read=("calendar",))
    assert "AccessToken" in json.loads(token_file.read_text())["cache"]
    assert sum(request.path.endswith("/token") for request in microsoft.received) == 1


@pytest.mark.usefixtures("account")
def test_a_file_that_others_can_read_is_refused(microsoft: Microsoft, tmp_path: Path) -> None:
    (tmp_path / "microsoft-tokens" / "ana.json").chmod(0o644)
    with pytest.raises(UnavailableError, match="can be read by others"):
        read(microsoft, tmp_path)


def test_an_application_reads_with_a_recorded_consent_alone(microsoft: Microsoft, tmp_path: Path) -> None:
    values: dict[str, Any] = {"tenant": "harbour.example", "client_secret": "env:SECRET", "read": ("calendar",)}
    microsoft.account("ana@harbour.example").put_event("a", START, 50)
    with pytest.raises(AuthorizationError, match="has not consented"):
        read(microsoft, tmp_path, read_secret=lambda _: microsoft.secret, **values)
    write_consent(tmp_path / "microsoft-tokens", "ana", "ana@harbour.example", options(microsoft, **values), NOW)
    batches = read(microsoft, tmp_path, read_secret=lambda _: microsoft.secret, **values)
    assert len(records(batches, CalendarEvent)) == 1
    assert "ana@" not in (batches[-1].cursor or "")
    with pytest.raises(AuthorizationError, match="was revoked"):
        read(microsoft, tmp_path, read_secret=lambda _: "wrong", **values)


# What may go wrong


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(400), UnavailableError),
        (Reply(400, b'{"error": {"code": "BadRequest"}}'), UnavailableError),
        (Reply(400, b'{"error": {"code": "SyncStateNotFound"}}'), MalformedError),
        (Reply(410), MalformedError),
        (Reply(401), AuthorizationError),
        (Reply(403), AuthorizationError),
        (Reply(body=b"<html>"), MalformedError),
        (Reply(body=b"[]"), MalformedError),
        (Reply(body=b'{"value": 3}'), MalformedError),
        (Reply(body=b'{"value": [3]}'), MalformedError),
        (
            Reply(body=b'{"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/me/calendarView?again"}'),
            MalformedError,
        ),
    ],
)
def test_each_refusal_is_one_error(
    microsoft: Microsoft, server: ReplyServer, tmp_path: Path, reply: Reply, error: type[ConnectorError]
) -> None:
    server.answer = lambda request: reply if "/v1.0/" in request.path else microsoft.answer(request)
    with pytest.raises(error) as raised:
        read(microsoft, tmp_path, read=("calendar",))
    assert raised.value.remedy


def test_signing_in_at_a_server_that_is_none(server: ReplyServer, microsoft: Microsoft) -> None:
    server.answer = lambda _: Reply(404, CANARY.encode())
    with pytest.raises(UnavailableError, match=r"no code|nothing at the address") as error:
        DeviceSignIn(options(microsoft))
    assert CANARY not in repr(error.value)


@pytest.mark.parametrize(
    "cursor", ["", "{}", "null", "[1]", "word", '{"folders":3}', '{"start":"x"}', '{"settings":1}']
)
def test_a_cursor_of_somebody_else_is_the_beginning(
    microsoft: Microsoft, account: Account, tmp_path: Path, cursor: str
) -> None:
    account.put_message("id-inbox", "m", START)
    batches = read(microsoft, tmp_path, cursor)
    assert (len(records(batches, MessageStamp)), batches[0].restarts) == (1, True)


def test_nothing_but_times_and_keyed_names_leaves_the_connector(
    microsoft: Microsoft, account: Account, tmp_path: Path
) -> None:
    words = {"subject": CANARY, "bodyPreview": CANARY, "body": {"content": CANARY}}
    account.put_event(
        "a",
        START,
        50,
        attendees=guests(f"{CANARY}@post.example"),
        subject=CANARY,
        organizer=person(f"{CANARY}@x.example"),
    )
    account.put_message("id-inbox", "m", START, **words, **{"from": person(f"{CANARY}@post.example")})
    batches = read(microsoft, tmp_path)
    assert records(batches, CalendarEvent)
    assert CANARY.lower() not in repr(batches).lower()
    assert not any(
        "subject" in unquote(request.path) or "body" in unquote(request.path) for request in microsoft.received
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"read": ()}, "read: at least one"),
        ({"client_secret": "env:A"}, "tenant: an application"),
        ({"api_endpoint": "nowhere"}, "api_endpoint: is not an address"),
        ({"api_endpoint": "http://proxy.example"}, "api_endpoint: is not an address"),
    ],
)
def test_invalid_options_are_reported(values: dict[str, Any], problem: str) -> None:
    assert problems(MicrosoftOptions(client_id="app")) == []
    (message,) = problems(MicrosoftOptions(**{"client_id": "app", **values}))
    assert message.startswith(problem)


def test_everything_is_requested_at_the_endpoint() -> None:
    assert (
        at_endpoint("https://graph.microsoft.com/v1.0/me?a=b", "http://127.0.0.1:9/")
        == "http://127.0.0.1:9/v1.0/me?a=b"
    )
    assert at_endpoint("https://graph.microsoft.com/v1.0/me", None) == "https://graph.microsoft.com/v1.0/me"
    assert len(ALL) == 4
