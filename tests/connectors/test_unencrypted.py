"""Nothing is sent unencrypted, except on this machine: no address, redirect or token, by any source kind."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Context
from connectors.deadline import Deadline
from connectors.errors import ConnectorError, UnavailableError
from connectors.google.access import CALENDAR, SCOPES, GoogleOptions
from connectors.google.consent import ConsentFlow
from connectors.http import HttpClient, HttpRequest, HttpResponse
from connectors.imap.session import ImapAccount, ImapSession
from connectors.microsoft.access import write_consent
from connectors.network import is_loopback, is_unencrypted
from connectors.private import write_private
from connectors.registry import source_kind
from tests.connectors.mailboxes import WINDOW, practice
from tests.peers.reply_server import Reply, reply_server

AWAY = "http://elsewhere.example"


@pytest.fixture
def _cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid name lookups: a request to another machine is a fault of the test."""

    def refuse(host: str, *_: object, **__: object) -> None:
        raise AssertionError(f"looked for {host}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    ("url", "is_in_the_open"),
    [
        ("https://a.example/", False),
        ("HTTPS://a.example", False),
        ("http://127.0.0.1:80/", False),
        ("http://127.9.9.9/", False),
        ("http://LOCALHOST:8080/x", False),
        ("http://[::1]/", False),
        ("http://a.example/", True),
        ("http://127.0.0.1.a.example/", True),
        ("http://localhost.a.example/", True),
        ("http://localhost@a.example/", True),
        ("http://127.0.0.1\\@a.example/", True),
        ("http://0.0.0.0/", True),
        ("http://192.168.0.2/", True),
        ("http://[fe80::1]/", True),
        ("http://[", True),
        ("ftp://127.0.0.1/", True),
        ("ws://a.example/", True),
        ("//a.example/", True),
        ("a.example", True),
        ("", True),
    ],
)
def test_only_this_machine_may_be_asked_without_encryption(url: str, *, is_in_the_open: bool) -> None:
    assert is_unencrypted(url) is is_in_the_open


@pytest.mark.parametrize("host", [None, "", "127.0.0.256", "127.1", "localhost.", "::ffff:8.8.8.8"])
def test_what_is_not_spelled_like_this_machine_is_none(host: str | None) -> None:
    assert not is_loopback(host)


PLAIN: dict[str, dict[str, Any]] = {
    "ics": {"url": f"{AWAY}/team.ics"},
    "caldav": {"url": f"{AWAY}/dav/", "username": "ana", "password": "env:X"},
    "fhir": {"url": f"{AWAY}/r4", "practitioners": {"ana": ("Practitioner/7",)}},
    "google_calendar": {"api_endpoint": AWAY},
    "gmail": {"api_endpoint": AWAY},
    "google_meet": {"api_endpoint": AWAY},
    "microsoft": {"client_id": "app", "api_endpoint": AWAY},
    "imap": {"host": "elsewhere.example", "username": "ana", "password": "env:X", "tls": "none"},
}


@pytest.mark.parametrize("kind", PLAIN)
def test_configuration_that_would_ask_in_the_open_is_refused(kind: str) -> None:
    declared = source_kind(kind)
    assert declared.check is not None
    assert declared.check(declared.options(**PLAIN[kind]))
    encrypted = {
        name: "tls" if name == "tls" else value.replace("http:", "https:") if isinstance(value, str) else value
        for name, value in PLAIN[kind].items()
    }
    assert declared.check(declared.options(**encrypted)) == []


@pytest.mark.usefixtures("_cut_off")
@pytest.mark.parametrize("kind", PLAIN)
def test_no_configuration_allows_an_unencrypted_request(kind: str, tmp_path: Path) -> None:
    """The address may come from a secret, which the check of the configuration does not see."""
    options = source_kind(kind).options(**PLAIN[kind])
    context = replace(practice(tmp_path), read_secret=lambda _: PLAIN[kind].get("url", "secret"))
    if kind in {"ics", "fhir"}:
        options = replace(options, url="env:ADDRESS")
    if kind in SCOPES:
        write_private(tmp_path / "google-tokens", "ana.json", permission(kind, "https://oauth2.googleapis.com/token"))
    if kind == "microsoft":
        options = replace(options, client_secret="env:X", tenant="harbour.example")
        write_consent(tmp_path / "microsoft-tokens", "ana", "ana@harbour.example", options, WINDOW.start)
    assert "would not be encrypted" in refusal(options, kind, context)


def refusal(options: Any, kind: str, context: Context) -> str:
    with pytest.raises(ConnectorError) as raised:
        list(source_kind(kind).make(options, context).fetch(None))
    return str(raised.value)


def permission(kind: str, token_uri: str) -> dict[str, Any]:
    return {
        "refresh_token": "r", "client_id": "c", "client_secret": "s", "scopes": list(SCOPES[kind]), "account_id": "7",
        "given_at": "", "token_uri": token_uri,
    }  # fmt: skip


@pytest.mark.usefixtures("_cut_off")
@pytest.mark.parametrize("kind", SCOPES)
def test_google_gets_no_token_in_the_open(kind: str, tmp_path: Path) -> None:
    write_private(tmp_path / "google-tokens", "ana.json", permission(kind, f"{AWAY}/token"))
    assert "would not be encrypted" in refusal(source_kind(kind).options(), kind, practice(tmp_path))


@pytest.mark.usefixtures("_cut_off")
def test_no_password_is_sent_to_a_mail_server_without_encryption() -> None:
    with pytest.raises(UnavailableError, match=r'would not be encrypted, .* Write tls = "tls" or tls = "starttls"'):
        ImapSession(ImapAccount("post", "mail.example", 143, "none", "ana", "x"), Deadline())


# Sent on


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Return a function that makes every server redirect to an address, and returns the requested addresses."""

    def to(target: str) -> list[str]:
        urls: list[str] = []

        def exchanged(_: HttpClient, question: HttpRequest) -> HttpResponse:
            urls.append(question.url)
            return (
                HttpResponse(302, {"location": target}, b"")
                if question.url != target
                else HttpResponse(200, {}, b"there")
            )

        monkeypatch.setattr(HttpClient, "_exchange", exchanged)
        return urls

    return to


@pytest.mark.parametrize("target", [f"{AWAY}/", "http://127.0.0.1:9/", "http://a.example/", "ftp://b.example/"])
def test_encrypted_server_that_sends_us_on_into_the_open_is_not_followed(
    target: str, moved: Callable[[str], list[str]]
) -> None:
    urls = moved(target)
    with pytest.raises(UnavailableError, match="an address without encryption"):
        HttpClient("calendar").get("https://a.example/")
    assert urls == ["https://a.example/"]


def test_public_address_is_followed_to_another_encrypted_server(moved: Callable[[str], list[str]]) -> None:
    urls = moved("https://b.example/")
    assert HttpClient("calendar").get("https://a.example/").body == b"there"
    assert urls == ["https://a.example/", "https://b.example/"]


def test_question_with_a_body_is_followed_to_no_other_server(moved: Callable[[str], list[str]]) -> None:
    """A body may hold a password, as a token's question does."""
    urls = moved("https://b.example/token")
    with pytest.raises(UnavailableError, match="to which the password is not sent"):
        HttpClient("post").send(HttpRequest("POST", "https://a.example/token", body=b"refresh_token=r"))
    assert urls == ["https://a.example/token"]


def test_calendar_server_that_keeps_calendars_in_the_open_is_not_followed(tmp_path: Path) -> None:
    home = (
        b'<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><response><href>/</href><propstat><prop>'
        b"<C:calendar-home-set><href>http://elsewhere.example/cal/</href></C:calendar-home-set>"
        b"</prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
    )
    with reply_server() as server:
        server.set_replies(Reply(207, home))
        options = source_kind("caldav").options(
            url=server.url, username="ana", password="env:X", hosts=("elsewhere.example",)
        )
        assert "which is not given the password" in refusal(options, "caldav", practice(tmp_path))


@pytest.fixture
def google_moving() -> Iterator[Any]:
    """Run a server in Google's place that issues a token and redirects all other requests."""
    with reply_server() as server, reply_server() as other:
        token = Reply(body=json.dumps({"access_token": "t", "expires_in": 3600}).encode())
        on = Reply(302, headers={"Location": other.url})
        server.answer = lambda request: token if "token" in request.path else on
        yield server, other


def test_google_is_not_followed_to_another_server(google_moving: Any, tmp_path: Path) -> None:
    server, other = google_moving
    write_private(tmp_path / "google-tokens", "ana.json", permission("google_calendar", "https://x.example/token"))
    options = source_kind("google_calendar").options(api_endpoint=server.url.rstrip("/"))
    assert "does not accept the request (HTTP 302)" in refusal(options, "google_calendar", practice(tmp_path))
    assert other.received == []


@pytest.mark.parametrize("status", [302, 307, 308])
def test_code_and_secret_are_sent_to_no_other_server(status: int, tmp_path: Path) -> None:
    client = dict.fromkeys(("auth_uri", "token_uri"), "https://google.example/token")
    words = json.dumps({"installed": {"client_id": "c", "client_secret": "s", **client}})
    with reply_server() as server, reply_server() as other:
        server.set_replies(Reply(status, headers={"Location": other.url}))
        asking = ConsentFlow(words, GoogleOptions(api_endpoint=server.url.rstrip("/")), [CALENDAR])
        with pytest.raises(ConnectorError):
            asking.finish(f"http://127.0.0.1:1/?code=7&state={asking.secrets[0]}", tmp_path, "ana", WINDOW.start)
        assert other.received == []
