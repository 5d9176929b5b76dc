"""Google on loopback: its addresses, its scopes, its refusals, held to the descriptions that its client ships."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.connectors.fake_google.auth import FakeAuth, Grant
from tests.connectors.fake_google.calendar import FakeCalendar
from tests.connectors.fake_google.discovery import ErrorResponse, FakeError, Method, check_shape, masked, method_at
from tests.connectors.fake_google.mailbox import FakeMailbox
from tests.connectors.fake_google.meetings import FakeMeetings

METADATA = "https://www.googleapis.com/auth/gmail.metadata"


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it arrived: the method's name, its query, the account, and whether it was inside a batch."""

    method: str
    query: dict[str, Any]
    account: str
    batched: bool = False
    overridden: bool = False


@dataclass
class Failure:
    """Answers other than the right one: ``status`` with ``reason``, ``times`` times, after some that go well.

    A ``status`` of 0 cuts the connection off, -1 cuts the answer short, -2 answers with junk.
    """

    status: int
    reason: str = ""
    times: int = 1
    method: str = ""  # the start of the methods' names; all of them if empty
    after: int = 0
    retry_after: str = ""
    account: str = ""  # whose requests; everybody's if empty

    def applies_to(self, method: str, account: str) -> bool:
        """Return ``True`` if this request is to fail, and count it."""
        if not method.startswith(self.method) or self.account not in {"", account} or self.times <= 0:
            return False
        self.after -= 1
        if self.after >= 0:
            return False
        self.times -= 1
        return True


@dataclass
class FakeGoogle:
    """The fake server. Tests add entries, messages and meetings, and look at its ``requests``."""

    url: str = ""
    auth: FakeAuth = field(default_factory=FakeAuth)
    calendars: dict[tuple[str, str], FakeCalendar] = field(default_factory=dict)
    mailboxes: dict[str, FakeMailbox] = field(default_factory=dict)
    meetings: FakeMeetings = field(default_factory=FakeMeetings)
    requests: list[ReceivedRequest] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def calendar(self, account: str, calendar_id: str = "primary") -> FakeCalendar:
        return self.calendars.setdefault((account, calendar_id), FakeCalendar())

    def mailbox(self, account: str) -> FakeMailbox:
        return self.mailboxes.setdefault(account, FakeMailbox(account))

    def fail(self, status: int, reason: str = "", **how: Any) -> None:
        """Make requests fail."""
        self.failures.append(Failure(status, reason, **how))

    def methods(self) -> list[str]:
        """Return the names of the requested methods, in order."""
        return [request.method for request in self.requests]

    def answer(self, target: str, authorization: str, *, batched: bool = False, overridden: bool = False) -> Any:
        """Return the response to one request. Raises :class:`ErrorResponse`."""
        parts = urlsplit(target)
        method, path = method_at(parts.path)
        grant = self.auth.grant(authorization)
        if not grant.scopes & method.scopes:
            raise ErrorResponse(403, "insufficientPermissions")
        query = method.checked(parse_qs(parts.query, keep_blank_values=True))
        self.requests.append(ReceivedRequest(method.id, query, grant.account, batched, overridden))
        for failure in self.failures:
            if failure.applies_to(method.id, grant.account):
                headers = {"Retry-After": failure.retry_after} if failure.retry_after else {}
                raise ErrorResponse(failure.status, failure.reason, headers)
        answer = self._answered(method, path, query, grant)
        check_shape(method, answer)
        return masked(method, query.get("fields"), answer)

    def _answered(self, method: Method, path: dict[str, str], query: dict[str, Any], grant: Grant) -> Any:
        if method.service == "gmail.v1":
            return self._mail(method, path, query, grant)
        if method.id == "calendar.events.list":
            calendar = self.calendars.get((grant.account, path["calendarId"]))
            if calendar is None:
                raise ErrorResponse(404, "notFound")
            return calendar.list_response(query)
        if method.id == "reports.activities.list":
            return self.meetings.activities(path["userKey"], query)
        return self._meet(method, path, query, grant)

    def _meet(self, method: Method, path: dict[str, str], query: dict[str, Any], grant: Grant) -> Any:
        if method.id == "meet.conferenceRecords.list":
            return self.meetings.records(grant.account, query)
        if method.id == "meet.conferenceRecords.participants.list":
            return self.meetings.people(path["conferenceRecordsId"], _Numbers(self.auth), query)
        if method.id == "meet.conferenceRecords.participants.participantSessions.list":
            return self.meetings.presences(path["conferenceRecordsId"], path["participantsId"])
        if method.id == "meet.spaces.get":
            return self.meetings.space(path["spacesId"])
        raise ErrorResponse(501, f"the fake has no {method.id}")

    def _mail(self, method: Method, path: dict[str, str], query: dict[str, Any], grant: Grant) -> Any:
        if path["userId"] not in {"me", grant.account}:
            raise ErrorResponse(403, "forbidden: Delegation denied")
        mailbox, metadata_only = self.mailbox(grant.account), METADATA in grant.scopes
        if method.id == "gmail.users.getProfile":
            return mailbox.profile()
        if method.id == "gmail.users.messages.list":
            return mailbox.list_response(query, metadata_only=metadata_only)
        if method.id == "gmail.users.messages.get":
            return mailbox.get(path["id"], query, metadata_only=metadata_only)
        if method.id == "gmail.users.history.list":
            return mailbox.changes(query)
        raise ErrorResponse(501, f"the fake has no {method.id}")


class _Numbers(dict[str, str]):
    def __init__(self, auth: FakeAuth) -> None:
        super().__init__()
        self._auth = auth

    def __missing__(self, account: str) -> str:
        return self._auth.number(account)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # headers and body in one piece: apart they cost 40 ms each
    google: ClassVar[FakeGoogle]

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/o/oauth2/auth":
            query = dict(parse_qsl(urlsplit(self.path).query))
            return self._send(302, b"", {"Location": self.google.auth.consent_page(query)})
        return self._answer(self.path)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        if path == "/token":
            return self._token(dict(parse_qsl(body.decode())))
        if path == "/batch/gmail/v1":
            return self._batch(body)
        if self.headers.get("x-http-method-override") == "GET":
            return self._answer(f"{self.path}?{body.decode()}", overridden=True)
        return self._send(404, b"")

    def _token(self, form: dict[str, str]) -> None:
        secret = self.headers.get("Authorization", "")
        try:
            assert not secret or secret.startswith("Basic ")
            self._json(200, self.google.auth.token(form))
        except ErrorResponse as refusal:
            body = {"error": refusal.reason, "error_description": "Token has been expired or revoked."}
            self._json(refusal.status, body)

    def _answer(self, target: str, *, overridden: bool = False) -> None:
        if overridden or len(target) <= 2048:
            status, body, headers = self._respond(target, self.headers.get("Authorization", ""), overridden=overridden)
        else:
            status, body, headers = 414, _error(414, "uriTooLong"), {}
        if status == 0:
            self.close_connection = True
        elif status == -1:
            self._cut_short(json.dumps(body).encode())
        elif status == -2:
            self._send(200, b"<html>Sorry</html>", {"Content-Type": "text/html"})
        else:
            self._json(status, body, headers)

    def _respond(self, target: str, authorization: str, **how: bool) -> tuple[int, Any, dict[str, str]]:
        try:
            return 200, self.google.answer(target, authorization, **how), {}
        except ErrorResponse as refusal:
            return refusal.status, _error(refusal.status, refusal.reason), refusal.headers
        except (FakeError, AssertionError, KeyError, ValueError, TypeError) as error:
            self.google.errors.append(f"{type(error).__name__}: {error}")
            return 500, _error(500, "backendError"), {}

    def _batch(self, body: bytes) -> None:
        kind = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(kind + body).get_payload()
        assert isinstance(parts, list)
        if len(parts) > 100:
            return self._json(400, _error(400, "invalidArgument: The batch is too large."))
        answers = [self._batched(part) for part in parts]
        text = "".join(f"--evenhours\r\n{answer}\r\n" for answer in answers) + "--evenhours--\r\n"
        return self._send(200, text.encode(), {"Content-Type": 'multipart/mixed; boundary="evenhours"'})

    def _batched(self, part: Any) -> str:
        lines = part.get_payload().splitlines()
        target = lines[0].split(" ")[1]
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        token = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        status, body, more = self._respond(target, token, batched=True)
        marks = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        inner = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{marks}\r\n{json.dumps(body)}"
        name = part["Content-ID"].replace("<", "<response-", 1)
        return f"Content-Type: application/http\r\nContent-ID: {name}\r\n\r\n{inner}"

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _cut_short(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 100))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True


def _error(status: int, reason: str) -> dict[str, Any]:
    word, _, text = reason.partition(": ")
    body = {"code": status, "message": text or word, "errors": [{"domain": "global", "reason": word, "message": text}]}
    return {"error": body}


@contextmanager
def run_fake_google() -> Iterator[FakeGoogle]:
    """Run a fake Google; the test fails if the fake breaks Google's own descriptions."""
    google = FakeGoogle()
    handler = type("Handler", (_Handler,), {"google": google})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    google.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield google
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert google.errors == []
