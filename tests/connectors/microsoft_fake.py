"""A fake of Microsoft: signing in, and the parts of Graph that are read, as its documentation describes them.

It refuses what Microsoft refuses: fields that do not exist, a select where delta takes none, a filter or an order
that delta does not support, a time zone that was not requested, a token without the permission for the path.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.peers.reply_server import ReceivedRequest, Reply

Item = dict[str, Any]
NEEDED = {
    "calendarView": {"Calendars.ReadBasic"},
    "mailFolders": {"Mail.ReadBasic"},
    "onlineMeetings": {"OnlineMeetings.Read", "OnlineMeetingArtifact.Read.All"},
}
SPECIAL = ("inbox", "sentitems", "drafts", "deleteditems", "junkemail", "outbox")
MAX_FILTERED = 5000  # what a delta query with a filter gives at most
ALL = ("Calendars.ReadBasic", "Mail.ReadBasic", "OnlineMeetings.Read", "OnlineMeetingArtifact.Read.All")


@dataclass
class Account:
    """One mailbox: entries by id, folders of messages by id, meetings by the address at which one joins.

    ``log`` is what changed in each folder, in order; a delta token is a place in it.
    """

    events: dict[str, Item] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=lambda: {f"id-{name}": "" for name in SPECIAL})
    log: dict[str, list[Item]] = field(default_factory=dict)
    meetings: dict[str, list[Item]] = field(default_factory=dict)
    oldest_token: int = 0

    def put_event(self, name: str, start: datetime, minutes: int, **fields: Any) -> None:
        self.events[name] = entry(name, start, minutes) | fields

    def put_message(self, folder: str, name: str, received_at: datetime, **fields: Any) -> None:
        self.log.setdefault(folder, []).append(message_item(name, received_at) | fields)

    def remove_message(self, folder: str, name: str) -> None:
        self.log.setdefault(folder, []).append({"id": name, "@removed": {"reason": "deleted"}})

    def put_report(self, url: str, name: str, *records: Item) -> None:
        spans = [span for record in records for span in record["attendanceIntervals"]]
        ended = max(span["leaveDateTime"] for span in spans)
        report = {
            "id": name,
            "totalParticipantCount": len(records),
            "meetingEndDateTime": ended,
            "records": list(records),
        }
        self.meetings.setdefault(url, []).append(report | {"meetingStartDateTime": ended})


def entry(name: str, start: datetime, minutes: int) -> Item:
    """Return an entry as Graph has it, with every field that can be selected."""
    end = start + timedelta(minutes=minutes)
    return {
        "id": name,
        "iCalUId": f"ical-{name}",
        "type": "singleInstance",
        "start": {"dateTime": f"{start:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"},
        "end": {"dateTime": f"{end:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"},
        "isAllDay": False,
        "isCancelled": False,
        "showAs": "busy",
        "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        "lastModifiedDateTime": "2026-01-01T09:00:00.1234567Z",
        "attendees": [],
        "organizer": {"emailAddress": {"name": "", "address": ""}},
        "subject": "",
        "categories": [],
        "onlineMeeting": None,
    }


def message_item(name: str, received_at: datetime) -> Item:
    """Return a message as Graph has it, with every field that can be selected."""
    return {
        "id": name,
        "internetMessageId": f"<{name}@post.example>",
        "conversationId": f"talk-{name}",
        "receivedDateTime": f"{received_at:%Y-%m-%dT%H:%M:%SZ}",
        "sentDateTime": f"{received_at - timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}",
        "isDraft": False,
        "from": {"emailAddress": {"name": "", "address": "client@post.example"}},
        "toRecipients": [],
        "ccRecipients": [],
        "bccRecipients": [],
        "subject": "",
        "bodyPreview": "",
        "body": {"contentType": "text", "content": ""},
    }


def attended(address: str, *spans: tuple[datetime, datetime], role: str = "Attendee", **more: Any) -> Item:
    """Return an attendance record of a meeting."""
    intervals = [
        {"joinDateTime": start.isoformat(), "leaveDateTime": end.isoformat(), "durationInSeconds": 1}
        for start, end in spans
    ]
    return {
        "id": f"r{address}",
        "emailAddress": address or None,
        "role": role,
        "attendanceIntervals": intervals,
        **more,
    }


@dataclass
class Microsoft:
    """Whoever signs in is ``person`` and is granted ``grants``; a token names the person and the scopes."""

    url: str = ""
    now: datetime = datetime(2026, 3, 20, 12, tzinfo=UTC)
    accounts: dict[str, Account] = field(default_factory=dict)
    person: str = "ana"
    grants: tuple[str, ...] = ALL
    declines: bool = False
    revoked: set[str] = field(default_factory=set)
    secret: str = "application-secret"
    expired_error: tuple[int, str] = (410, "SyncStateNotFound")  # the response to a link that is too old
    received: list[ReceivedRequest] = field(default_factory=list)

    def account(self, person: str) -> Account:
        return self.accounts.setdefault(person, Account())

    def answer(self, request: ReceivedRequest) -> Reply:
        self.received.append(request)
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if "/v1.0/" not in parts.path:
            return self._login(parts.path, {name: values[-1] for name, values in parse_qs(request.body).items()})
        try:
            body = self._graph(request, unquote(parts.path).partition("/v1.0/")[2], query)
        except _RefusedError as refused:
            return refused.reply
        return Reply(body=json.dumps(body).encode(), headers={"Date": format_datetime(self.now, usegmt=True)})

    # Signing in

    def _login(self, path: str, form: Mapping[str, str]) -> Reply:
        if path.endswith("openid-configuration"):
            root = f"{LOGIN}{path.partition('/v2.0')[0]}/oauth2/v2.0"
            return _json(
                {"issuer": f"{LOGIN}/tenant/v2.0"} | {name: f"{root}/{end}" for name, end in ENDPOINTS.items()}
            )
        if path.endswith("/devicecode"):
            scopes = form["scope"].split()
            assert "offline_access" in scopes
            return _json({"device_code": "device", "user_code": "ABC-123", "verification_uri": "https://microsoft.com/devicelogin",
                          "expires_in": 900, "interval": 0, "message": "…"})  # fmt: skip
        assert path.endswith("/token"), path
        return self._token(form)

    def _token(self, form: Mapping[str, str]) -> Reply:
        kind = form["grant_type"].rpartition(":")[2]
        if kind == "client_credentials":
            right = form.get("client_secret") == self.secret
            return self._token_response("application", ALL) if right else _no("invalid_client", 401)
        person = self.person if kind == "device_code" else form["refresh_token"].partition("-")[2]
        if self.declines:
            return _no("authorization_declined")
        if person in self.revoked:
            return _no("invalid_grant")
        return self._token_response(person, self.grants)

    def _token_response(self, person: str, scopes: tuple[str, ...]) -> Reply:
        info = urlsafe_b64encode(json.dumps({"uid": person, "utid": "tenant"}).encode()).decode().rstrip("=")
        return _json({
            "token_type": "Bearer", "expires_in": 3600, "access_token": f"{person}|{' '.join(scopes)}",
            "refresh_token": f"refresh-{person}", "client_info": info,
            "scope": " ".join((*scopes, "openid", "profile")),
        })  # fmt: skip

    # Graph

    def _graph(self, request: ReceivedRequest, path: str, query: Mapping[str, str]) -> Item:
        account, rest = self._account_and_path(request, path)
        steps = rest.split("/")
        held = set(request.headers.get("Authorization", "").partition("|")[2].split())
        if steps[0] not in NEEDED or not held & NEEDED[steps[0]]:
            raise _RefusedError(403, "ErrorAccessDenied")
        prefer = request.headers.get("Prefer", "")
        if 'outlook.timezone="UTC"' not in prefer or 'IdType="ImmutableId"' not in prefer:
            raise _RefusedError(400, "the test wants UTC and lasting identifiers")
        size = int(prefer.rpartition("odata.maxpagesize=")[2])
        if steps[0] == "mailFolders":
            return self._mail(account, steps[1:], query, size, f"{GRAPH}/v1.0/{path}")
        items = self._view(account, query) if steps[0] == "calendarView" else self._online(account, steps[1:], query)
        return _page(items, query, size, f"{GRAPH}/v1.0/{path}")

    def _account_and_path(self, request: ReceivedRequest, path: str) -> tuple[Account, str]:
        person = request.headers.get("Authorization", "").removeprefix("Bearer ").partition("|")[0]
        if not person or person in self.revoked:
            raise _RefusedError(401, "InvalidAuthenticationToken")
        if path.startswith("me/"):
            return self.account(person), path.removeprefix("me/")
        _, name, rest = path.split("/", 2)
        if person != "application":
            raise _RefusedError(403, "ErrorAccessDenied")
        return self.account(name), rest

    def _view(self, account: Account, query: Mapping[str, str]) -> list[Item]:
        start, end = (datetime.fromisoformat(query[name]) for name in ("startDateTime", "endDateTime"))
        return [
            item for item in account.events.values() if _instant(item, "start") < end and _instant(item, "end") > start
        ]

    def _online(self, account: Account, steps: list[str], query: Mapping[str, str]) -> list[Item]:
        if not steps:
            url = query["$filter"].removeprefix("JoinWebUrl eq '").removesuffix("'").replace("''", "'")
            return [{"id": f"online-{url}", "subject": "", "joinWebUrl": url}] if url in account.meetings else []
        name = "/".join(steps).partition("/attendanceReports")[0].removeprefix("online-")
        reports = account.meetings[name]
        if steps[-1] == "attendanceReports":
            return [{key: value for key, value in report.items() if key != "records"} for report in reports]
        report_id = steps[steps.index("attendanceReports") + 1]
        return next(list(report["records"]) for report in reports if report["id"] == report_id)

    def _mail(self, account: Account, steps: list[str], query: Mapping[str, str], size: int, url: str) -> Item:
        if steps[-2:] == ["messages", "delta"]:
            return self._delta(account, steps[0], query, size, url)
        if len(steps) == 1:
            if f"id-{steps[0]}" not in account.folders:
                raise _RefusedError(404, "ErrorItemNotFound")
            return _selected(
                {"id": f"id-{steps[0]}", "displayName": steps[0], "childFolderCount": 0, "totalItemCount": 0}, query
            )
        parent = steps[0] if steps else ""
        folders = [
            {
                "id": name,
                "displayName": name,
                "childFolderCount": sum(above == name for above in account.folders.values()),
                "totalItemCount": len(account.log.get(name, [])),
            }
            for name, above in account.folders.items()
            if above == parent
        ]
        return _page(folders, query, size, url)

    def _delta(self, account: Account, folder: str, query: Mapping[str, str], size: int, url: str) -> Item:
        log, token = account.log.get(folder, []), query.get("$skiptoken") or query.get("$deltatoken")
        if token is None:
            round_ = _Round.first(query, len(log))
        else:
            age, round_ = int(token.partition("~")[0]), _Round.parsed(token)
            if age < account.oldest_token:
                raise _RefusedError(*self.expired_error)
        if "$deltatoken" in query:
            round_ = replace(round_, place=0, begins=round_.ends, ends=len(log), order="")
        items = round_.items(log)
        page, rest = items[round_.place : round_.place + size], len(items) > round_.place + size
        kind, name = ("nextLink", "skiptoken") if rest else ("deltaLink", "deltatoken")
        following = replace(round_, place=round_.place + size).token(account.oldest_token)
        value = [_selected(item, {"$select": round_.select}) for item in page]
        return {"value": value, f"@odata.{kind}": f"{url}?${name}={following}"}


@dataclass(frozen=True)
class _Round:
    """A round of a delta query: the part of a folder's log that it returns, in which order, and what it returned."""

    begins: int
    ends: int
    place: int
    select: str
    since: str
    order: str

    @classmethod
    def first(cls, query: Mapping[str, str], ends: int) -> _Round:
        since, order = query.get("$filter", ""), query.get("$orderby", "")
        if not re.fullmatch(r"(receivedDateTime ge \S+)?", since) or order not in {"", "receivedDateTime desc"}:
            raise _RefusedError(400, "ErrorInvalidUrlQuery")
        return cls(0, ends, 0, query.get("$select", ""), since.removeprefix("receivedDateTime ge "), order)

    @classmethod
    def parsed(cls, token: str) -> _Round:
        _, begins, ends, place, *words = token.split("~")
        return cls(int(begins), int(ends), int(place), *words)

    def token(self, age: int) -> str:
        parts = (age, self.begins, self.ends, self.place, self.select, self.since, self.order.replace(" ", "+"))
        return "~".join(map(str, parts))

    def items(self, log: list[Item]) -> list[Item]:
        items = [item for item in log[self.begins : self.ends] if item.get("receivedDateTime", "~") >= self.since]
        if self.order:
            items.sort(key=lambda item: str(item.get("receivedDateTime", "")), reverse=True)
        return items[:MAX_FILTERED] if self.since else items


LOGIN, GRAPH = "https://login.microsoftonline.com", "https://graph.microsoft.com"
ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "device_authorization_endpoint": "devicecode",
}


class _RefusedError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.reply = Reply(status, json.dumps({"error": {"code": code, "message": code}}).encode())


def _page(items: list[Item], query: Mapping[str, str], size: int, url: str) -> Item:
    place = int(query.get("$skip", 0))
    page: Item = {"value": [_selected(item, query) for item in items[place : place + size]]}
    if place + size < len(items):
        parameters = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in query.items() if name != "$skip")
        page["@odata.nextLink"] = f"{url}?{parameters}&$skip={place + size}"
    return page


def _selected(item: Item, query: Mapping[str, str]) -> Item:
    names = query["$select"].split(",")
    if "@removed" in item:
        return item
    if missing := [name for name in names if name not in item]:
        raise _RefusedError(400, f"Could not find a property named '{missing[0]}'")
    return {name: value for name, value in item.items() if name in {*names, "id"} or name.startswith("@")}


def _instant(item: Item, name: str) -> datetime:
    try:
        return datetime.fromisoformat(item[name]["dateTime"]).replace(tzinfo=UTC)
    except ValueError:  # a made-up fault: shown in every window
        return datetime(2026, 3, 2, 12, tzinfo=UTC)


def _json(body: object) -> Reply:
    return Reply(body=json.dumps(body).encode())


def _no(error: str, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"error": error, "error_description": "no"}).encode())
