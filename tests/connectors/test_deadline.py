"""Deadlines: a server that sends one byte after another is abandoned, one that delivers steadily is not."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors import deadline, http, registry
from connectors.base import Context
from connectors.errors import LimitExceededError, UnavailableError
from connectors.google import service
from connectors.google.access import CALENDAR, SCOPES, GoogleOptions
from connectors.google.consent import ConsentFlow
from connectors.http import HttpClient
from connectors.imap import connection
from connectors.imap.source import PAGE, ImapConnector, ImapOptions
from connectors.microsoft.access import write_consent
from connectors.microsoft.options import MicrosoftOptions
from connectors.private import write_private
from connectors.registry import source_kind
from tests.connectors.mailboxes import WINDOW, practice, read
from tests.peers.dovecot import certify
from tests.peers.dripping import answer, dripping
from tests.peers.scripted_imap import DRIP, HANG_UP, fetch_response, scripted_imap

SECONDS = 0.4
AT_MOST = SECONDS + 2.0  # row 29 grants five; a machine with much to do is granted some of them here
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TLS_RECORD = b"\x16\x03\x03\x40\x00"  # announces 16 KiB of a handshake
PLACES = {
    "head": (b"", b"H"),
    "field of the head": (OK + b"X-Odd: ", b"y"),
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b"y"),
    "body without a length": (OK + b"\r\n", b"y"),
    "size of a chunk": (CHUNKED, b"0"),
    "chunk": (CHUNKED + b"FFFF\r\n", b"y"),
    "end of the chunks": (CHUNKED + b"1\r\nx\r\n0\r\nX-Odd: ", b"y"),
    "head of a move": (b"HTTP/1.1 302 Found\r\nLocation: /", b"y"),
    "body of a move": (b"HTTP/1.1 302 Found\r\nLocation: /on\r\nContent-Length: 100000\r\n\r\n", b"y"),
    "body of a refusal": (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100000\r\n\r\n", b"y"),
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a short limit for a whole response; the limits of a single read are longer, so that they never end it."""
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", SECONDS)
    monkeypatch.setattr(service, "SECONDS", 30)
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 30)
    monkeypatch.setattr(http, "READ_SECONDS", 30)


class HeldError(AssertionError):
    """A reading that lasts longer than it may."""


def ended(read: Any, within: float = AT_MOST) -> BaseException | None:
    """Return the error that ended a reading, or None. Raises :class:`HeldError`."""
    ends: list[BaseException | None] = []

    def run() -> None:
        try:
            read()
        except BaseException as error:  # noqa: BLE001 - it is looked at by the test
            ends.append(error)
        else:
            ends.append(None)

    thread = threading.Thread(target=run, daemon=True)
    begun = time.monotonic()
    thread.start()
    thread.join(within)
    if not ends:
        raise HeldError(f"still reading after {time.monotonic() - begun:.1f} s")
    return ends[0]


def assert_too_slow(error: BaseException | None, server: str = "the server") -> None:
    assert isinstance(error, LimitExceededError), repr(error)
    problem = rf"{server} answers too slowly: [\d,]+ bytes in \d s\."
    remedy = r"Ask whoever runs it why; no other source had to wait for it\."
    assert re.search(f"{problem} {remedy}", str(error))


# A web server


@pytest.mark.parametrize("place", PLACES)
def test_web_server_that_drips_is_abandoned_at_the_deadline(place: str) -> None:
    with dripping(*PLACES[place]) as port:
        assert_too_slow(ended(lambda: HttpClient("calendar").get(f"http://127.0.0.1:{port}/private-7f3a")))


def test_web_server_that_drips_during_the_handshake_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
    with dripping(TLS_RECORD, speaks_first=True) as port:
        error = ended(lambda: HttpClient("calendar", lambda _: None).get(f"https://127.0.0.1:{port}/"))
    assert isinstance(error, UnavailableError)


def test_tries_of_one_question_have_one_deadline_together() -> None:
    with dripping(complete_answers={"/": answer(b"", "503 Busy")}, pause=SECONDS / 3) as port:
        pauses: list[float] = []
        error = ended(lambda: HttpClient("calendar", pauses.append).get(f"http://127.0.0.1:{port}/"))
    assert (str(error), pauses) == ("calendar: the server answered HTTP 503. The next run tries again.", [])


def test_moves_of_one_question_have_one_deadline_together() -> None:
    with dripping(complete_answers={"/": answer(b"", "302 Found", Location="/on")}, pause=SECONDS * 0.4) as port:
        assert_too_slow(ended(lambda: HttpClient("calendar").get(f"http://127.0.0.1:{port}/")))


def test_each_question_has_a_deadline_of_its_own_and_the_run_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(complete_answers={"/": answer(b"{}")}, pause=SECONDS / 2) as port:
        client = HttpClient("calendar")
        for _ in range(4):
            client.get(f"http://127.0.0.1:{port}/")
        monkeypatch.setattr(deadline, "RUN_SECONDS", SECONDS * 3)
        error = ended(lambda: [client.get(f"http://127.0.0.1:{port}/") for _ in range(9)])
    assert isinstance(error, LimitExceededError)
    assert "hours of waiting in one run" in str(error)


def test_large_answer_that_comes_steadily_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "MIN_BYTES_PER_SECOND", 1_000)
    with steadily(100, 8_000) as port:  # 5,000 bytes a second, for four times as long as an answer has
        assert len(HttpClient("calendar").get(f"http://127.0.0.1:{port}/").body) == 8_000


def test_head_without_end_is_too_much_however_fast_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "MAX_RESPONSE_BYTES", 100_000)
    with dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000) as port:
        error = ended(lambda: HttpClient("calendar").get(f"http://127.0.0.1:{port}/"))
    assert isinstance(error, LimitExceededError)
    assert "sends too much data" in str(error)


@contextmanager
def steadily(at_once: int, size: int) -> Iterator[int]:
    """Yield the port of a server that sends ``size`` bytes, ``at_once`` every 20 ms."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            asking, _ = server.accept()
            with closing(asking):
                asking.recv(65_536)
                asking.sendall(OK + b"Content-Length: %d\r\n\r\n" % size)
                for _ in range(0, size, at_once):
                    time.sleep(0.02)
                    asking.sendall(b"x" * at_once)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


# Every kind that asks a web server


def ics(_: Context, url: str) -> Any:
    return source_kind("ics").options(url=url)


def caldav(_: Context, url: str) -> Any:
    return source_kind("caldav").options(url=url, username="ana", password="env:X")


def fhir(_: Context, url: str) -> Any:
    return source_kind("fhir").options(url=url, practitioners={"ana": ("Practitioner/7",)})


def google(kind: str, context: Context, url: str) -> Any:
    words = {"refresh_token": "r", "client_id": "c", "client_secret": "s", "account_id": "7"}
    write_private(context.folder / "google-tokens", "ana.json", words | {"scopes": list(SCOPES[kind])})
    return source_kind(kind).options(api_endpoint=url.rstrip("/"))


def microsoft(context: Context, url: str) -> Any:
    options = MicrosoftOptions(
        client_id="app", tenant="harbour.example", client_secret="env:X", api_endpoint=url.rstrip("/")
    )
    write_consent(context.folder / "microsoft-tokens", "ana", "ana@harbour.example", options, WINDOW.start)
    return options


TOKEN = answer(json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": 3600}).encode())
LOGIN = "https://login.microsoftonline.com/harbour.example"
DISCOVERY = answer(
    json.dumps(
        {
            "issuer": f"{LOGIN}/v2.0",
            "authorization_endpoint": f"{LOGIN}/oauth2/v2.0/authorize",
            "token_endpoint": f"{LOGIN}/oauth2/v2.0/token",
        }
    ).encode()
)
SIGNED_IN = {"openid-configuration": DISCOVERY, "/token": TOKEN}
KINDS: dict[str, tuple[str, Any, dict[str, bytes]]] = {
    "ics": ("ics", ics, {}),
    "caldav": ("caldav", caldav, {}),
    "fhir": ("fhir", fhir, {}),
    "google_calendar's token": ("google_calendar", lambda *arguments: google("google_calendar", *arguments), {}),
    "google_calendar": ("google_calendar", lambda *arguments: google("google_calendar", *arguments), SIGNED_IN),
    "gmail": ("gmail", lambda *arguments: google("gmail", *arguments), SIGNED_IN),
    "google_meet": ("google_meet", lambda *arguments: google("google_meet", *arguments), SIGNED_IN),
    "microsoft's discovery": ("microsoft", microsoft, {}),
    "microsoft's token": ("microsoft", microsoft, {"openid-configuration": DISCOVERY}),
    "microsoft": ("microsoft", microsoft, SIGNED_IN),
}


@pytest.mark.parametrize("place", ["field of the head", "body", "size of a chunk", "chunk"])
@pytest.mark.parametrize("case", KINDS)
def test_every_kind_abandons_a_server_that_drips(case: str, place: str, tmp_path: Path) -> None:
    kind, options, whole = KINDS[case]
    context = practice(tmp_path)
    with dripping(*PLACES[place], complete_answers=whole) as port:
        made = source_kind(kind).make(options(context, f"http://127.0.0.1:{port}/"), context)
        error = ended(lambda: list(made.fetch(None)))
    assert_too_slow(error, "Google" if kind.startswith(("goo", "gm")) else "the server")


def test_every_kind_that_waits_for_a_server_is_among_them() -> None:
    files = {"csv", "mbox", "maildir", "sms_xml"}
    assert {kind for kind, *_ in KINDS.values()} | {"imap"} | files == registry.KINDS.keys()


def test_google_reconnects_within_one_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """httplib2 reconnects after an invalid response, which must not restart the deadline."""
    monkeypatch.setattr("connectors.retry._sleep", lambda _: None)
    context = practice(tmp_path)
    with dripping(complete_answers={"/token": TOKEN, "/": b"junk\r\n\r\n"}, pause=SECONDS * 0.4) as port:
        made = source_kind("google_calendar").make(
            google("google_calendar", context, f"http://127.0.0.1:{port}"), context
        )
        error = ended(lambda: list(made.fetch(None)))
    assert isinstance(error, UnavailableError)


def test_google_that_drips_during_the_handshake_is_abandoned(tmp_path: Path) -> None:
    context = practice(tmp_path)
    with dripping(TLS_RECORD, speaks_first=True) as port:
        made = source_kind("google_calendar").make(
            google("google_calendar", context, f"https://127.0.0.1:{port}"), context
        )
        assert_too_slow(ended(lambda: list(made.fetch(None))), "Google")


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a certificate for localhost that this machine trusts."""
    certify(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "certificate.pem"))
    monkeypatch.setattr("httplib2.CA_CERTS", str(tmp_path / "certificate.pem"))
    return tmp_path


@pytest.mark.parametrize("place", ["field of the head", "body", "size of a chunk", "chunk"])
def test_encrypted_web_server_that_drips_is_abandoned(place: str, trusted: Path) -> None:
    with dripping(*PLACES[place], certificate=trusted) as port:
        assert_too_slow(ended(lambda: HttpClient("calendar").get(f"https://localhost:{port}/")))
        context = practice(trusted)
        options = google("google_calendar", context, f"https://localhost:{port}")
        made = source_kind("google_calendar").make(options, context)
        assert_too_slow(ended(lambda: list(made.fetch(None))), "Google")


def test_encrypted_mail_server_that_drips_is_abandoned(trusted: Path) -> None:
    with dripping(b"* OK ", speaks_first=True, certificate=trusted) as port:
        options = ImapOptions(host="localhost", port=port, username="ana", password="x")
        assert_too_slow(ended(lambda: read(ImapConnector(options, practice(trusted)))), "the mail server")


def test_trading_a_code_for_a_permission_ends(tmp_path: Path) -> None:
    client = dict.fromkeys(("auth_uri", "token_uri"), "https://google.example/x")
    words = json.dumps({"installed": {"client_id": "c", "client_secret": "s", **client}})
    with dripping(*PLACES["body"]) as port:
        asking = ConsentFlow(words, GoogleOptions(api_endpoint=f"http://127.0.0.1:{port}"), [CALENDAR])
        address = f"http://127.0.0.1:1/?code=7&state={asking.secrets[0]}"
        error = ended(lambda: asking.finish(address, tmp_path, "ana", WINDOW.start))
    assert isinstance(error, UnavailableError)


# A mail server


def mail(port: int, folder: Path, tls: str = "none") -> Any:
    options = ImapOptions(host="127.0.0.1", port=port, username="ana", password="x", tls=tls)  # type: ignore[arg-type]
    return lambda: read(ImapConnector(options, practice(folder)))


@pytest.mark.parametrize(
    ("greeting", "tls"),
    [(b"", "none"), (b"* OK ", "none"), (b"* OK ", "starttls"), (TLS_RECORD, "tls")],
    ids=["before a word", "in the greeting", "before STARTTLS", "in the handshake"],
)
def test_mail_server_that_drips_from_the_beginning_is_abandoned(greeting: bytes, tls: str, tmp_path: Path) -> None:
    with dripping(greeting, speaks_first=True) as port:
        error = ended(mail(port, tmp_path, tls))
    assert_too_slow(error, "the mail server")


def test_mail_server_that_drips_in_the_handshake_after_starttls_is_abandoned(tmp_path: Path) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n"
    with scripted_imap() as server:
        server.greeting = greeting
        server.set_answer("CAPABILITY", b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n")
        server.answers["STARTTLS"] = lambda _: f"{tag(server.received)} OK go\r\n".encode() + DRIP
        server.byte = TLS_RECORD
        assert_too_slow(ended(mail(server.port, tmp_path, "starttls")), "the mail server")


def tag(lines: list[str]) -> str:
    return lines[-1].partition(" ")[0]


@pytest.mark.parametrize(
    ("command", "answer_start"),
    [
        ("CAPABILITY", b"* CAPABILITY "),
        ("AUTHENTICATE", b"+"),
        ("LIST", b"* LIST () "),
        ("LIST", b"* LIST () {1000}\r\n"),
        ("EXAMINE", b"* OK "),
        ("SEARCH", b"* ESEARCH "),
        ("FETCH", b"* 1 FETCH (UID 1 "),
        ("FETCH", b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {100000}\r\n"),
        ("FETCH", fetch_response(1) + b"* 1 FETCH ("),
    ],
    ids=["line", "going on", "line of folders", "literal of folders", "examine", "search", "line of a message",
         "literal of a message", "after a message"],
)  # fmt: skip
def test_mail_server_that_drips_in_a_response_is_abandoned(command: str, answer_start: bytes, tmp_path: Path) -> None:
    with scripted_imap() as server:
        server.set_answer(command, answer_start + DRIP)
        assert_too_slow(ended(mail(server.port, tmp_path)), "the mail server")


def test_mail_server_that_drips_its_goodbye_is_abandoned_after_it_was_read(tmp_path: Path) -> None:
    with scripted_imap() as server:
        server.set_answer("LOGOUT", b"* BYE " + DRIP)
        assert ended(mail(server.port, tmp_path)) is None


def test_tries_of_one_question_to_a_mail_server_have_one_deadline_together(tmp_path: Path) -> None:
    def late(_: str) -> bytes:
        time.sleep(SECONDS * 0.6)
        return HANG_UP

    with scripted_imap() as server:
        server.answers["LIST"] = late
        error = ended(mail(server.port, tmp_path))
        list_commands = [line for line in server.received if "LIST" in line]
    assert isinstance(error, UnavailableError)
    assert len(list_commands) == 1  # a pause of a second is more than is left


def test_large_mailbox_that_comes_steadily_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.imap.source.PAGE", 2)

    def slowly(line: str) -> bytes:
        time.sleep(SECONDS / 4)
        first, _, last = line.split()[2].partition(":")
        return b"".join(map(fetch_response, range(int(first), int(last or first) + 1)))

    assert PAGE > 2
    with scripted_imap(messages=16) as server:
        server.answers["FETCH"] = slowly
        results: list[Any] = []
        assert ended(lambda: results.append(mail(server.port, tmp_path)()), SECONDS * 20) is None
    assert len(results[0].stamps) == 16


def test_mail_server_has_a_run_of_its_own_length_however_often_it_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.retry.FIRST_PAUSE", 0)
    monkeypatch.setattr(deadline, "RUN_SECONDS", SECONDS * 2)
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", 30)

    def late(_: str) -> bytes:
        time.sleep(SECONDS / 4)
        return b"* 1 FETCH (" + HANG_UP

    with scripted_imap(messages=64) as server:
        server.answers["FETCH"] = late
        error = ended(mail(server.port, tmp_path), SECONDS * 2 + 3)
    assert isinstance(error, LimitExceededError)
    assert "hours of waiting in one run" in str(error)


# Names and connections


def test_name_with_many_unreachable_addresses_has_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        time.sleep(0.02)
        raise TimeoutError

    nowhere = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))] * 1_000
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: nowhere)
    monkeypatch.setattr(socket.socket, "connect", slow)
    assert_too_slow(ended(lambda: HttpClient("calendar", lambda _: None).get("https://calendar.example/")))


def test_seconds_of_waiting_are_counted_and_our_own_are_not() -> None:
    limit = deadline.Deadline()
    limit.renew()
    time.sleep(SECONDS * 1.2)
    assert limit.seconds_left() == pytest.approx(SECONDS)
    assert limit.allows_pause(SECONDS / 2)
    assert limit.seconds_left() == pytest.approx(SECONDS / 2)
    assert not limit.allows_pause(SECONDS)
    limit.renew()
    assert limit.seconds_left() == pytest.approx(SECONDS)


def test_without_a_deadline_a_server_that_drips_blocks_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: these servers do not end by themselves."""
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", 1e9)
    with dripping(*PLACES["body"]) as port, pytest.raises(HeldError):
        ended(lambda: HttpClient("calendar").get(f"http://127.0.0.1:{port}/"))
