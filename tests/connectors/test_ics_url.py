"""A calendar at an address, read from a real server on loopback."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors import http, retry
from connectors.base import Batch, Context, Owner, Window
from connectors.classify import Classifier
from connectors.errors import AuthorizationError, ConnectorError, MalformedError, RateLimitError, UnavailableError
from connectors.ics.source import SOURCE_KIND, IcsConnector, IcsOptions
from connectors.pseudonyms import Pseudonyms
from tests.peers.dripping import dripping

SECRET = "private-7f3a"
CALENDAR = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260105T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@dataclass
class Reply:
    status: int = 200
    body: bytes = CALENDAR
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Server:
    """Sends the replies in turn, the last one repeatedly; ``requests`` are the headers of each request."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.requests.append(dict(self.headers))
            reply = running.next()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        running = Server(f"http://127.0.0.1:{listening.server_port}/{SECRET}.ics")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        listening.shutdown()
        thread.join()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses in seconds, which are recorded instead of slept."""
    slept: list[float] = []
    init: Callable[..., None] = http.HttpClient.__init__
    monkeypatch.setattr(http.HttpClient, "__init__", lambda self, source: init(self, source, slept.append))
    return slept


def refuse_secret(reference: str) -> str:
    raise AssertionError(reference)


CONTEXT = Context(
    source="ana-calendar",
    owners=(Owner("ana", ZoneInfo("Europe/Paris")),),
    window=Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    classifier=Classifier(),
    pseudonyms=Pseudonyms(b"k" * 32),
    folder=Path(),
    read_secret=refuse_secret,
)


def fetch_url(url: str, cursor: str | None = None, *, days: int = 0) -> Batch:
    """Return the batch of a run so many days after the first; the window moves on with it."""
    window = Window(*(end + timedelta(days=days) for end in (CONTEXT.window.start, CONTEXT.window.end)))
    context = replace(CONTEXT, read_secret={"env:CALENDAR": f"{url}\n"}.__getitem__, window=window)
    (batch,) = SOURCE_KIND.make(IcsOptions(url="env:CALENDAR"), context).fetch(cursor)
    return batch


CHANGED_AT = {"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}


def test_unchanged_calendar_is_not_sent_again(server: Server) -> None:
    server.replies = [Reply(headers=CHANGED_AT), Reply(304, b"")]
    first = fetch_url(server.url)
    assert (len(first.records), SECRET in repr(first)) == (1, False)
    assert fetch_url(server.url, first.cursor) == Batch(first.cursor)
    assert server.requests[1]["If-Modified-Since"] == "Mon, 05 Jan 2026 10:00:00 GMT"


def test_calendar_known_by_its_etag_is_left_unread(server: Server) -> None:
    server.replies = [Reply(headers={"ETag": '"1"', **CHANGED_AT}), Reply(body=b"junk", headers={"ETag": '"1"'})]
    first = fetch_url(server.url)
    assert fetch_url(server.url, first.cursor) == Batch(first.cursor)
    assert not {"If-None-Match", "If-Modified-Since"} & server.requests[1].keys()
    server.replies = [Reply(body=b"junk", headers={"ETag": '"2"'})]
    with pytest.raises(MalformedError):
        fetch_url(server.url, first.cursor)


def test_etag_and_date_of_a_server_are_not_stored_as_they_are(server: Server) -> None:
    """An ETag may be a path, and the date may be any text."""
    server.replies = [Reply(headers={"ETag": f'"/home/{SECRET}/Kim-Miller.ics"', "Last-Modified": "by Kim Miller"})]
    cursor = fetch_url(server.url).cursor or ""
    assert SECRET not in cursor
    assert "Miller" not in cursor
    other = replace(CONTEXT, pseudonyms=Pseudonyms(b"o" * 32), read_secret=lambda _: server.url)
    (batch,) = SOURCE_KIND.make(IcsOptions(url="env:CALENDAR"), other).fetch(None)
    assert json.loads(batch.cursor or "")["etag"] != json.loads(cursor)["etag"]


def test_same_calendar_under_a_new_etag_changes_nothing_but_the_cursor(server: Server) -> None:
    server.replies = [Reply(headers={"ETag": '"1"'}), Reply(headers={"ETag": '"2"'})]
    first = fetch_url(server.url)
    second = fetch_url(server.url, first.cursor)
    assert (second.records, second.replaces) == ((), None)
    assert second.cursor != first.cursor


def test_unchanged_calendar_is_not_sent_again_for_a_week_of_nights(server: Server) -> None:
    weekly = CALENDAR.replace(b"END:VEVENT", b"RRULE:FREQ=WEEKLY\r\nEND:VEVENT")
    server.replies = [Reply(body=weekly, headers=CHANGED_AT), *[Reply(304, b"")] * 6, Reply(body=weekly)]
    first = fetch_url(server.url)
    nights = [fetch_url(server.url, first.cursor, days=day) for day in range(1, 8)]
    assert [night.replaces is None for night in nights] == [True] * 6 + [False]
    assert ["If-Modified-Since" in requests for requests in server.requests] == [False, *[True] * 6, False]
    assert {record.end for record in nights[-1].records} - {record.end for record in first.records}  # type: ignore[union-attr]


def test_a_calendar_that_comes_again_is_read_for_the_window_as_it_is_now(server: Server) -> None:
    server.replies = [Reply()]
    first = fetch_url(server.url)
    assert fetch_url(server.url, first.cursor).replaces is None
    second = fetch_url(server.url, first.cursor, days=1)
    assert second.replaces == Window(*(end + timedelta(days=1) for end in (CONTEXT.window.start, CONTEXT.window.end)))


def test_a_window_that_reaches_further_back_asks_for_everything(server: Server) -> None:
    server.replies = [Reply(headers=CHANGED_AT)]
    assert fetch_url(server.url, fetch_url(server.url).cursor, days=-1).replaces
    assert "If-Modified-Since" not in server.requests[1]


def test_condition_is_not_sent_once_the_settings_have_changed(server: Server) -> None:
    server.replies = [Reply(headers=CHANGED_AT)]
    first = fetch_url(server.url)
    fetch_url(server.url, (first.cursor or "").replace('"settings":"', '"settings":"X'))
    assert "If-Modified-Since" not in server.requests[1]


@pytest.mark.parametrize(
    ("reply", "error", "requests"),
    [
        (Reply(401), AuthorizationError, 1),
        (Reply(403), AuthorizationError, 1),
        (Reply(404), UnavailableError, 1),
        (Reply(418), UnavailableError, 1),
        (Reply(500), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(503), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(429), RateLimitError, retry.MAX_ATTEMPTS),
        (Reply(429, headers={"Retry-After": "7200"}), RateLimitError, 1),
        (Reply(length=len(CALENDAR) + 100), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(headers={"Content-Encoding": "gzip"}), UnavailableError, retry.MAX_ATTEMPTS),
        (Reply(302, headers={"Location": "ftp://elsewhere.example/"}), UnavailableError, 1),
        (Reply(body=CALENDAR[:-30]), MalformedError, 1),
        (Reply(body=b"<html>Sign in</html>"), MalformedError, 1),
        (Reply(304, b""), MalformedError, 1),
    ],
)
def test_each_refusal_is_one_error_and_keeps_the_address_to_itself(
    reply: Reply, error: type[ConnectorError], requests: int, server: Server, pauses: list[float]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as raised:
        fetch_url(server.url)
    assert len(server.requests) == requests
    assert SECRET not in f"{raised.value}{raised.value!r}{raised.value.__cause__!r}"
    assert len(pauses) == requests - 1


def test_server_that_recovers_is_read(server: Server, pauses: list[float]) -> None:
    date = {"Date": "Mon, 05 Jan 2026 10:00:00 GMT", "Retry-After": "Mon, 05 Jan 2026 10:00:09 GMT"}
    server.replies = [Reply(503), Reply(429, headers={"Retry-After": "5"}), Reply(503, headers=date), Reply()]
    assert len(fetch_url(server.url).records) == 1
    assert pauses[:2] == [1, 5]


def test_closed_port_is_unavailable(pauses: list[float]) -> None:
    with pytest.raises(UnavailableError):
        fetch_url(f"http://127.0.0.1:9/{SECRET}")
    assert pauses == [1, 2, 4]


def test_too_large_an_answer_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_RESPONSE_BYTES", 10)
    server.replies = [Reply()]
    with pytest.raises(MalformedError, match="sends more than"):
        fetch_url(server.url)


def test_address_is_never_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.replies = [Reply()]
    with caplog.at_level(logging.DEBUG):
        fetch_url(server.url)
    assert SECRET not in caplog.text


def test_address_is_not_logged_where_the_head_of_an_answer_makes_no_sense(caplog: pytest.LogCaptureFixture) -> None:
    head = b"HTTP/1.1 200 OK\r\nno field at all\r\nContent-Length: %d\r\n\r\n" % len(CALENDAR)
    with (
        dripping(complete_answers={"/": head + CALENDAR}) as port,
        caplog.at_level(logging.DEBUG),
        suppress(ConnectorError),
    ):
        fetch_url(f"http://127.0.0.1:{port}/{SECRET}.ics")
    assert SECRET not in caplog.text


def test_plain_and_webcal_addresses_are_used_as_they_are() -> None:
    connector = IcsConnector(IcsOptions(url="x"), CONTEXT)
    assert connector._address("webcal://a.example/b.ics") == "https://a.example/b.ics"
    assert connector._address("webcals://a.example/b.ics") == "https://a.example/b.ics"
    assert connector._address("https://a.example/b.ics") == "https://a.example/b.ics"
