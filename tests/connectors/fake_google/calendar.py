"""A fake Google calendar: entries, changes since a token, and fields that must never be requested."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.connectors.fake_google.discovery import ErrorResponse

CANARY = "Zebrafinch"  # planted in every field that is none of our business
_NOT_WITH_TOKEN = frozenset(
    {"iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin"}
)
_MAY_DIFFER = frozenset({"pageToken", "syncToken", "fields", "alt", "prettyPrint", *_NOT_WITH_TOKEN})


def utc(text: str) -> datetime:
    """Return the UTC instant of ``"2026-03-02 10:00"``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class FakeCalendar:
    """One calendar. ``page`` limits what one answer holds, whatever the client asks for."""

    page: int = 2500
    token_padding: int = 0  # so many more signs in every token
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    version: int = 0
    oldest: int = 0  # tokens from before this version have expired

    def put(self, event_id: str, start: datetime, minutes: int = 50, **fields: Any) -> dict[str, Any]:
        """Write or rewrite an entry that takes some minutes."""
        end = start + timedelta(minutes=minutes)
        return self._put(event_id, {"dateTime": start.isoformat()}, {"dateTime": end.isoformat()}, fields)

    def put_days(self, event_id: str, first: date, days: int = 1, **fields: Any) -> dict[str, Any]:
        """Write or rewrite an entry that takes whole days."""
        return self._put(
            event_id, {"date": first.isoformat()}, {"date": (first + timedelta(days=days)).isoformat()}, fields
        )

    def put_weekly(self, series: str, start: datetime, weeks: int, **fields: Any) -> list[str]:
        """Write a series, expanded as ``singleEvents`` does: the ids of its instances."""
        starts = [start + timedelta(weeks=week) for week in range(weeks)]
        ids = [f"{series}_{begin.astimezone(UTC):%Y%m%dT%H%M%SZ}" for begin in starts]
        for event_id, begin in zip(ids, starts, strict=True):
            belongs = {"recurringEventId": series, "originalStartTime": {"dateTime": begin.isoformat()}}
            self.put(event_id, begin, **{**belongs, **fields})
        return ids

    def move(self, event_id: str, start: datetime, minutes: int = 50) -> None:
        """Give an entry or one instance another time; its id stays."""
        end = start + timedelta(minutes=minutes)
        self._touch(event_id, start={"dateTime": start.isoformat()}, end={"dateTime": end.isoformat()})

    def change(self, event_id: str, **fields: Any) -> None:
        """Change fields of an entry."""
        self._touch(event_id, **fields)

    def delete(self, *event_ids: str) -> None:
        """Delete entries; from now on only their ids are returned."""
        for event_id in event_ids:
            self._touch(event_id, status="cancelled")

    def delete_series(self, series: str) -> None:
        self.delete(*(name for name, event in self.events.items() if event.get("recurringEventId") == series))

    def expire_tokens(self) -> None:
        """Make every sync token issued so far expire."""
        self.version += 1
        self.oldest = self.version

    def _put(self, event_id: str, start: Any, end: Any, fields: dict[str, Any]) -> dict[str, Any]:
        self._touch(event_id, **{**_secrets(event_id), **fields, "start": start, "end": end})
        return self.events[event_id]

    def _touch(self, event_id: str, **fields: Any) -> None:
        self.version += 1
        updated = (utc("2026-01-01 08:00") + timedelta(seconds=self.version)).isoformat()
        before = self.events.get(event_id, {"id": event_id, "status": "confirmed", "eventType": "default"})
        fields = {name: value for name, value in fields.items() if value is not None}
        self.events[event_id] = before | {"updated": updated} | fields
        self.changed[event_id] = self.version

    # What the API answers

    def list_response(self, query: dict[str, Any]) -> dict[str, Any]:
        """``events.list`` for a client that wants every instance by itself."""
        if not query.get("singleEvents"):
            raise ErrorResponse(501, "the fake expands every series")
        if query.get("maxResults", 250) > 2500:
            raise ErrorResponse(400, "invalidParameter: maxResults")
        params = {name: value for name, value in query.items() if name not in _MAY_DIFFER}
        since, bounds = self._since(query, params)
        items = [self._rendered(event, query) for event in self._matching(since, bounds)]
        state, start = self._state(query, since, bounds, params)
        end = start + min(self.page, query.get("maxResults", 250))
        answer: dict[str, Any] = {
            "kind": "calendar#events",
            "summary": CANARY,
            "description": CANARY,
            "timeZone": "UTC",
        }
        answer |= {"items": items[start:end]}
        if end < len(items):
            return answer | {"nextPageToken": _packed({**state, "at": end})}
        token = {"version": state["version"], "bounds": bounds, "params": params, "": "x" * self.token_padding}
        return answer | {"nextSyncToken": _packed(token)}

    def _since(self, query: dict[str, Any], params: dict[str, Any]) -> tuple[int | None, list[str | None]]:
        """Return the version since which changes are requested (``None``: everything), and the request's bounds."""
        bounds = [query.get("timeMin"), query.get("timeMax")]
        if "syncToken" not in query:
            return None, bounds
        if _NOT_WITH_TOKEN & query.keys() or query.get("showDeleted") is False:
            raise ErrorResponse(400, "badRequest: a sync token and something that it excludes")
        token = _unpacked(query["syncToken"])
        if token["version"] < self.oldest:
            raise ErrorResponse(410, "fullSyncRequired")
        if token["params"] != params:
            raise ErrorResponse(400, "badRequest: not the parameters of the first sync")
        return token["version"], token["bounds"]

    def _state(
        self, query: dict[str, Any], since: int | None, bounds: Any, params: dict[str, Any]
    ) -> tuple[dict[str, Any], int]:
        if "pageToken" not in query:
            return {"version": self.version, "since": since, "bounds": bounds, "params": params}, 0
        state = _unpacked(query["pageToken"])
        if state["params"] != params or state["since"] != since:
            raise ErrorResponse(400, "badRequest: a page of another list")
        return state, state["at"]

    def _matching(self, since: int | None, bounds: list[str | None]) -> list[dict[str, Any]]:
        names = [name for name in sorted(self.events) if since is None or self.changed[name] > since]
        events = [self.events[name] for name in names]
        if since is None:
            events = [event for event in events if event["status"] != "cancelled"]
            return [event for event in events if _within(event, bounds)]
        return events

    def _rendered(self, event: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        if event["status"] == "cancelled":
            return {
                name: event[name] for name in ("id", "status", "recurringEventId", "originalStartTime") if name in event
            }
        most, people = query.get("maxAttendees"), event.get("attendees", [])
        if most is None or len(people) <= most:
            return event
        return event | {
            "attendees": [person for person in people if person.get("self")][:most],
            "attendeesOmitted": True,
        }


def _within(event: dict[str, Any], bounds: list[str | None]) -> bool:
    start, end = (_moment(event[name]) for name in ("start", "end"))
    first, last = (datetime.fromisoformat(bound) if bound else None for bound in bounds)
    return (first is None or end > first) and (last is None or start < last)


def _moment(when: dict[str, str]) -> datetime:
    instant = datetime.fromisoformat(when.get("dateTime") or when["date"])
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _secrets(event_id: str) -> dict[str, Any]:
    """Return the fields that Google sends if a request does not leave them out."""
    return {
        "kind": "calendar#event",
        "etag": f'"{event_id}"',
        "summary": f"{CANARY} title",
        "description": f"{CANARY} description",
        "location": f"{CANARY} street",
        "iCalUID": f"{event_id}@google.com",
        "htmlLink": f"https://calendar.google.com/{CANARY}",
        "hangoutLink": f"https://meet.google.com/{CANARY}",
        "creator": {"email": f"{CANARY}@creator.example", "displayName": f"{CANARY} creator"},
        "organizer": {"email": f"{CANARY}@organizer.example", "displayName": f"{CANARY} organizer"},
        "attachments": [{"title": f"{CANARY} file", "fileUrl": f"https://drive.example/{CANARY}"}],
        "extendedProperties": {"private": {"note": f"{CANARY} property"}},
        "source": {"title": f"{CANARY} source"},
        "sequence": 0,
    }


def invited(*addresses: str, declined: bool = False, own: str = "ana@harbour.example") -> list[dict[str, Any]]:
    """Return the owner and others as attendees, each with a name."""
    mine = {"email": own, "self": True, "displayName": f"{CANARY} self", "comment": f"{CANARY} comment"}
    others = [{"email": text, "displayName": f"{CANARY} guest", "responseStatus": "accepted"} for text in addresses]
    return [mine | {"responseStatus": "declined" if declined else "accepted"}, *others]


def meeting(code: str) -> dict[str, Any]:
    """Return an entry's data of a video meeting."""
    return {
        "conferenceId": code,
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": f"{CANARY} solution"},
        "entryPoints": [{"entryPointType": "video", "uri": f"https://meet.google.com/{code}", "pin": CANARY}],
        "notes": f"{CANARY} notes",
    }


def _packed(state: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(state, sort_keys=True).encode()).decode()


def _unpacked(token: str) -> dict[str, Any]:
    try:
        payload = json.loads(urlsafe_b64decode(token))
    except ValueError as error:
        raise ErrorResponse(400, "badRequest: a token of somebody else's") from error
    assert isinstance(payload, dict)
    return payload
