"""A calendar server that refuses, redirects, or sends too much or nonsense: one error for each, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from connectors import http, retry
from connectors.caldav import webdav
from connectors.caldav.cursor import CaldavCursor, StoredObject
from connectors.caldav.source import CaldavConnector, CaldavOptions
from connectors.caldav.webdav import InvalidAnswerError, parse_multistatus
from connectors.errors import AuthorizationError, ConnectorError, MalformedError, RateLimitError, UnavailableError
from tests.connectors.entries import CANARY, WINDOW, entry, later, practice, read, starts
from tests.peers.reply_server import ReceivedRequest, Reply, ReplyServer, reply_server

PASSWORD = "correct horse"
SPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/"'
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<multistatus xmlns="DAV:"><response><href>&a;</href></response></multistatus>"""


def response(href: str, properties: str = "", status: str = "") -> str:
    propstat = f"<propstat><prop>{properties}</prop><status>HTTP/1.1 200 OK</status></propstat>" if properties else ""
    failure = f"<status>HTTP/1.1 {status}</status>" if status else ""
    return f"<response><href>{href}</href>{propstat}{failure}</response>"


def answer(*inner: str) -> Reply:
    return Reply(207, f"<multistatus {SPACES}>{''.join(inner)}</multistatus>".encode())


@pytest.fixture
def server() -> Iterator[ReplyServer]:
    with reply_server() as running:
        yield running


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def connector(server: ReplyServer, path: str = "cal/", **options: Any) -> CaldavConnector:
    defaults = CaldavOptions(f"{server.url}{path}", "ana", "env:CALENDAR")
    return CaldavConnector(replace(defaults, **options), practice(PASSWORD))


class ServerWithoutSync:
    """A calendar on an older server, which knows the calendar's state but has no sync-collection."""

    def __init__(self) -> None:
        self.objects = {"a": entry("a")}
        self.state: int | str = 1

    def __call__(self, request: ReceivedRequest) -> Reply:
        if "multiget" in request.body:
            names = [part.partition(".ics")[0] for part in request.body.split("<href>/cal/")[1:]]
            return answer(*(self._object(name, with_data=True) for name in names))
        if "calendar-query" in request.body:
            return answer()
        if request.headers["Depth"] == "1":
            return answer(response("/cal/", "<resourcetype/>"), *map(self._object, self.objects))
        kind = "<resourcetype><collection/><C:calendar/></resourcetype>"
        return answer(response("/cal/", f"{kind}<displayname>x</displayname><S:getctag>{self.state}</S:getctag>"))

    def _object(self, name: str, *, with_data: bool = False) -> str:
        if name not in self.objects:
            return response(f"/cal/{name}.ics", status="404 Not Found")
        text = self.objects[name]
        data = f"<C:calendar-data>{text}</C:calendar-data>" if with_data else ""
        return response(f"/cal/{name}.ics", f"<getetag>{crc32(text.encode())}</getetag>{data}")


def test_server_without_sync_is_compared_object_by_object(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    server.answer = calendar
    first = read(connector(server))
    assert (starts(first), first.replaces) == (["01-05 09:00"], WINDOW)
    server.received.clear()
    assert read(connector(server), first.cursor).records == ()
    assert [request.method for request in server.received] == ["PROPFIND"]
    calendar.objects["b"], calendar.state = entry("bb", WINDOW.start), 2
    second = read(connector(server), first.cursor)
    assert (starts(second), second.replaces) == (["01-01 00:00"], None)
    assert sum("multiget" in request.body for request in server.received) == 1
    del calendar.objects["a"]
    calendar.state = 3
    third = read(connector(server), second.cursor)
    assert (starts(third), third.replaces) == (["01-01 00:00"], WINDOW)


def test_states_of_a_server_are_not_stored_as_they_are(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    calendar.state = "/home/ana/Kim-Miller"
    server.answer = calendar
    first = read(connector(server))
    assert "Miller" not in (first.cursor or "")
    assert str(crc32(entry("a").encode())) not in (first.cursor or "")
    server.received.clear()
    assert read(connector(server), first.cursor).cursor == first.cursor
    assert [request.method for request in server.received] == ["PROPFIND"]


def test_objects_are_asked_for_by_the_hundred(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    calendar.objects = {f"e{number}": entry(f"e{number}") for number in range(250)}
    server.answer = calendar
    assert len(read(connector(server)).records) == 250
    counts = [request.body.count("<href>") for request in server.received if "multiget" in request.body]
    assert counts == [100, 100, 50]


def test_object_that_is_deleted_during_the_run_is_removed(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    server.answer = calendar
    listed = read(connector(server))
    calendar.objects["a"], calendar.state = entry("a", WINDOW.start), 2

    def vanishes(request: ReceivedRequest) -> Reply:
        if "multiget" in request.body:
            return answer(response("/cal/a.ics", status="404 Not Found"))
        return calendar(request)

    server.answer = vanishes
    second = read(connector(server), listed.cursor)
    assert second.records == ()
    assert second.replaces == WINDOW  # all of it at once is much


@pytest.mark.parametrize(
    ("reply", "error", "requests"),
    [
        (Reply(401), AuthorizationError, 1),
        (Reply(403), AuthorizationError, 1),
        (Reply(404), UnavailableError, 1),
        (Reply(405), UnavailableError, 1),
        (Reply(429, headers={"Retry-After": "3600"}), RateLimitError, 1),
        (Reply(429), RateLimitError, retry.MAX_ATTEMPTS),
        (Reply(503), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(207, b"<multistatus", length=500), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(reset=True), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(200, b"<html>Sign in, Quetzalcoatlus</html>"), MalformedError, 1),
        (Reply(207, b"<html>Sign in, Quetzalcoatlus</html>"), MalformedError, 1),
        (Reply(207, b"Quetzalcoatlus"), MalformedError, 1),
        (Reply(207, b""), MalformedError, 1),
        (Reply(207, LAUGHS), MalformedError, 1),
        (Reply(207, OUTSIDE), MalformedError, 1),
        (Reply(207, "<multistatus>ü".encode("utf-16")), MalformedError, 1),
        (answer(response("http://[", "<resourcetype/>")), MalformedError, 1),
        (answer(), UnavailableError, 1),
        (answer(response("/", "<resourcetype><collection/></resourcetype>")), UnavailableError, 1),
        (Reply(302, headers={"Location": "https://elsewhere.example/"}), UnavailableError, 1),
    ],
)
def test_each_refusal_is_one_error_that_repeats_nothing(
    reply: Reply, error: type[ConnectorError], requests: int, server: ReplyServer
) -> None:
    server.set_replies(reply)
    with pytest.raises(error) as raised:
        read(connector(server))
    assert (type(raised.value), len(server.received)) == (error, requests)
    assert CANARY not in f"{raised.value!r}{raised.value.__cause__!r}"
    assert PASSWORD not in f"{raised.value!r}{raised.value.__cause__!r}"


def test_too_large_an_answer_is_refused(server: ReplyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_RESPONSE_BYTES", 1_000)
    server.set_replies(answer("x" * 2_000))
    with pytest.raises(MalformedError, match="sends more than"):
        read(connector(server))


@pytest.mark.parametrize(
    ("report", "reply", "error"),
    [
        ("multiget", answer(), MalformedError),
        ("multiget", answer(response("/cal/a.ics", "<getetag>1</getetag>")), MalformedError),
        ("multiget", Reply(207, LAUGHS), MalformedError),
        ("calendar-query", Reply(200, b"<html/>"), MalformedError),
        ("calendar-query", Reply(503), UnavailableError),
    ],
)
def test_incomplete_answer_is_refused(
    report: str, reply: Reply, error: type[ConnectorError], server: ReplyServer
) -> None:
    calendar = ServerWithoutSync()
    server.answer = calendar
    first = read(connector(server))
    calendar.objects["b"], calendar.state = entry("bb", WINDOW.start), 2
    server.answer = lambda request: reply if report in request.body else calendar(request)
    with pytest.raises(error):
        read(CaldavConnector(connector(server)._options, practice(PASSWORD, window=later(1))), first.cursor)


def test_object_that_is_not_a_calendar_is_rejected(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    calendar.objects |= {"b": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "c": f"&lt;html&gt;{CANARY}"}
    server.answer = calendar
    batch = read(connector(server))
    assert len(batch.records) == 1
    assert sorted(record.reason for record in batch.rejected) == [
        "it is a web page, perhaps one that asks to sign in",
        "it is cut off before its end",
    ]
    assert CANARY not in repr(batch)


@pytest.mark.parametrize(
    ("hosts", "asks"),
    [((), False), (("cal.example", "*.cal.test"), False), (("p1.cal.example",), True), (("*.CAL.example",), True)],
)
def test_calendars_on_another_server_are_read_if_it_may_be_given_the_password(
    hosts: tuple[str, ...],
    asks: bool,  # noqa: FBT001
    server: ReplyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urls: list[str] = []

    def send(_: object, request: http.HttpRequest) -> http.HttpResponse:
        urls.append(request.url)
        if request.url == "https://p1.cal.example/home/":
            raise UnavailableError("ana-calendar", "there", "was asked")
        home = "<C:calendar-home-set><href>https://p1.cal.example/home/</href></C:calendar-home-set>"
        return http.HttpResponse(207, {}, answer(response("/", home)).body)

    monkeypatch.setattr(http.HttpClient, "send", send)
    with pytest.raises(UnavailableError):
        read(connector(server, "", hosts=hosts))
    assert (urls[-1] == "https://p1.cal.example/home/") is asks


def test_paged_list_of_changes_is_read_to_its_end(server: ReplyServer) -> None:
    calendar = ServerWithoutSync()
    calendar.objects["b"] = entry("bb", WINDOW.start)
    kind = "<resourcetype><collection/><C:calendar/></resourcetype><sync-token>t2</sync-token>"
    reports = "<supported-report-set><report><sync-collection/></report></supported-report-set>"

    def answers(request: ReceivedRequest) -> Reply:
        if request.method == "PROPFIND":
            return answer(response("/cal/", kind + reports))
        if "<sync-token></sync-token>" in request.body:
            cut = response("/cal/", status="507 Insufficient Storage")
            return answer(response("/cal/a.ics", "<getetag>1</getetag>"), cut, "<sync-token>t1</sync-token>")
        if "<sync-token>t1</sync-token>" in request.body:
            return answer(response("/cal/b.ics", "<getetag>2</getetag>"), "<sync-token>t2</sync-token>")
        return calendar(request)

    server.answer = answers
    assert starts(read(connector(server))) == ["01-01 00:00", "01-05 09:00"]


def test_request_names_no_content() -> None:
    body = webdav.multiget(["/cal/a&b.ics"], frozenset({"ATTENDEE"})).decode()
    assert '<C:prop name="DTSTART"/>' in body
    assert '<C:prop name="ATTENDEE"/>' in body
    assert "/cal/a&amp;b.ics" in body
    assert not any(name in body for name in ("SUMMARY", "DESCRIPTION", "LOCATION", "allprop", "<C:calendar-data/>"))


@pytest.mark.parametrize("data", [LAUGHS, OUTSIDE, b"<x/>", b"", b"\0"])
def test_document_types_and_entities_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidAnswerError):
        parse_multistatus(data)


def test_cursor_contains_no_content() -> None:
    stored = StoredObject("E" * 13, {"A" * 13: 1_767_225_600, "B" * 13: 0}, has_rejected=True)
    cursor = CaldavCursor("s", 1, 2, 3, {"c": "token"}, {"c": {"o": stored}})
    assert CaldavCursor.parse(cursor.dump(), "s") == cursor
    assert CANARY not in cursor.dump()
