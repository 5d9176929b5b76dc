"""Errors for failed connections: the cause and the remedy."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors import http
from connectors.errors import UnavailableError
from connectors.http import HttpClient
from connectors.imap.source import ImapConnector, ImapOptions
from connectors.network import connection_error
from tests.connectors.mailboxes import practice, read
from tests.peers.reply_server import Reply, reply_server
from tests.peers.scripted_imap import scripted_imap

Asking = Callable[[str, int, bool], None]


def by_web(host: str, port: int, secure: bool) -> None:  # noqa: FBT001 - the same for both
    HttpClient("calendar", lambda _: None).get(f"http{'s' if secure else ''}://{host}:{port}/secret")


def by_mail(host: str, port: int, secure: bool) -> None:  # noqa: FBT001 - the same for both
    tls = "tls" if secure else "none"
    options = ImapOptions(host=host, port=port, username="ana", password="secret", tls=tls)  # type: ignore[arg-type]
    read(ImapConnector(options, practice(Path())))


@pytest.fixture(autouse=True)
def unpaused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture(params=[by_web, by_mail])
def ask(request: pytest.FixtureRequest) -> Asking:
    asking: Asking = request.param
    return asking


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield the port of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refusal(ask: Asking, port: int, *, host: str = "127.0.0.1", secure: bool = False) -> str:
    with pytest.raises(UnavailableError) as raised:
        ask(host, port, secure)
    assert "secret" not in f"{raised.value!r}{raised.value.__cause__!r}"
    return str(raised.value)


def test_closed_port_takes_no_connections(ask: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refuses connections at this port. Check its name and port, and whether it is running." in refusal(ask, port)


def test_unknown_host_name_is_reported(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "was not found: unknown host name." in refusal(ask, 993, host="mail.example", secure=True)


def test_server_that_is_not_encrypted_differs_from_one_that_is_not_there(ask: Asking) -> None:
    with scripted_imap() as server:
        assert "does not use the expected encryption at this port." in refusal(ask, server.port, secure=True)


def test_silence_is_no_answer_in_time(ask: Asking, silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.05)
    monkeypatch.setattr("connectors.imap.connection.TIMEOUT_SECONDS", 0.05)
    assert "did not answer in time." in refusal(ask, silent)


def test_answer_that_breaks_off_is_not_whole() -> None:
    with reply_server() as server:
        server.set_replies(Reply(body=b"half", length=400))
        with pytest.raises(
            UnavailableError, match=r"no complete response\. Check its name, its port and the network\."
        ):
            HttpClient("calendar", lambda _: None).get(server.url)


def test_a_mail_server_without_starttls_is_reported() -> None:
    with scripted_imap() as server:
        options = ImapOptions(host="127.0.0.1", port=server.port, username="ana", password="x", tls="starttls")
        with pytest.raises(UnavailableError, match="does not use the expected encryption at this port"):
            read(ImapConnector(options, practice(Path())))
    assert not [line for line in server.received if "STARTTLS" in line or "AUTH" in line]


def test_end_of_an_encrypted_answer_is_no_fault_of_the_port() -> None:
    assert connection_error("calendar", "it", ssl.SSLEOFError()).found == "it gave no complete response."
    assert connection_error("calendar", "it", None).found == "it gave no complete response."
