"""Requests other than GET: their body, their password, and the servers it is sent to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest

from connectors.errors import AuthorizationError, UnavailableError
from connectors.http import MAX_REDIRECTS, HttpClient, HttpRequest, origin_of, resolve_url
from tests.peers.reply_server import Reply, ReplyServer, reply_server

LOGIN = ("ana", "pässword")


@pytest.fixture
def server() -> Iterator[ReplyServer]:
    with reply_server() as running:
        yield running


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(slept: list[float]) -> HttpClient:
    return HttpClient("calendar", slept.append, LOGIN)


def test_question_carries_its_method_body_and_password(server: ReplyServer, client: HttpClient) -> None:
    server.set_replies(Reply(207, b"<x/>"))
    answer = client.send(HttpRequest("PROPFIND", server.url, {"Depth": "1"}, b"<a/>"))
    (request,) = server.received
    assert (answer.status, answer.body) == (207, b"<x/>")
    assert (request.method, request.body, request.headers["Depth"]) == ("PROPFIND", "<a/>", "1")
    assert request.headers["Authorization"] == f"Basic {b64encode('ana:pässword'.encode()).decode()}"


def test_without_a_login_no_password_is_sent(server: ReplyServer) -> None:
    HttpClient("calendar").get(server.url)
    assert "Authorization" not in server.received[0].headers


def test_status_that_the_asker_understands_is_an_answer(server: ReplyServer, client: HttpClient) -> None:
    server.set_replies(Reply(403, b"why"))
    assert client.send(HttpRequest("REPORT", server.url, accepted=frozenset({403}))).body == b"why"
    with pytest.raises(AuthorizationError):
        client.send(HttpRequest("REPORT", server.url))


@pytest.mark.parametrize("status", [405, 501])
def test_server_of_another_kind_differs_from_one_that_fails(
    status: int, server: ReplyServer, client: HttpClient
) -> None:
    server.set_replies(Reply(status))
    with pytest.raises(UnavailableError, match=rf"does not support this kind of source \(HTTP {status}\)"):
        client.send(HttpRequest("REPORT", server.url))
    assert len(server.received) == 1


def test_request_is_sent_again_with_its_body(server: ReplyServer, client: HttpClient, slept: list[float]) -> None:
    server.set_replies(Reply(503), Reply(429, headers={"Retry-After": "7"}), Reply(207))
    assert client.send(HttpRequest("REPORT", server.url, body=b"<a/>")).status == 207
    assert [request.body for request in server.received] == ["<a/>"] * 3
    assert slept == [1, 7]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_move_on_the_same_server_is_followed_with_method_and_body(
    status: int, server: ReplyServer, client: HttpClient
) -> None:
    server.set_replies(Reply(status, headers={"Location": "/dav/"}), Reply(207))
    assert client.send(HttpRequest("PROPFIND", f"{server.url}.well-known/caldav", body=b"<a/>")).status == 207
    assert [(request.method, request.path, request.body) for request in server.received] == [
        ("PROPFIND", "/.well-known/caldav", "<a/>"),
        ("PROPFIND", "/dav/", "<a/>"),
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_password_is_not_sent_to_another_server(scheme: str, server: ReplyServer, client: HttpClient) -> None:
    with reply_server() as other:
        server.set_replies(Reply(302, headers={"Location": other.url.replace("http", scheme, 1)}))
        with pytest.raises(UnavailableError, match="to which the password is not sent"):
            client.send(HttpRequest("PROPFIND", server.url))
        assert other.received == []


@pytest.mark.parametrize("location", ["http://[", "ftp://127.0.0.1/", "//elsewhere.example/", "\\\\elsewhere.example"])
def test_move_to_nowhere_is_not_followed(location: str, server: ReplyServer, client: HttpClient) -> None:
    server.set_replies(Reply(302, headers={"Location": location}), Reply(404))
    with pytest.raises(UnavailableError):
        client.send(HttpRequest("PROPFIND", server.url))


def test_endless_redirects_are_given_up(server: ReplyServer, client: HttpClient) -> None:
    server.set_replies(Reply(302, headers={"Location": "/again"}))
    with pytest.raises(UnavailableError, match="redirects in a circle"):
        client.send(HttpRequest("PROPFIND", server.url))
    assert len(server.received) == MAX_REDIRECTS


def test_an_invalid_address_has_no_origin() -> None:
    assert origin_of("https://a.example:8443/b") == ("https", "a.example:8443")
    assert origin_of("http://[") == ("", "")
    assert resolve_url("https://a.example/b/", "c") == "https://a.example/b/c"
    assert resolve_url("https://a.example/", "http://[") == ""
