"""Fake video meetings: presence as the domain's report and as conference records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.connectors.fake_google.calendar import CANARY
from tests.connectors.fake_google.discovery import ErrorResponse


@dataclass
class Part:
    """Somebody's presence. ``address`` is one of the domain, or empty for somebody from outside."""

    address: str
    start: datetime
    end: datetime | None


@dataclass
class Meeting:
    """One conference."""

    number: int
    code: str
    parts: list[Part]
    event_id: str = ""
    ended: bool = True

    @property
    def start(self) -> datetime:
        return min(part.start for part in self.parts)

    @property
    def end(self) -> datetime:
        return max(part.end for part in self.parts if part.end)


@dataclass
class FakeMeetings:
    """All meetings of the domain. ``page`` limits what one answer holds."""

    page: int = 100
    canary: str = CANARY
    held: list[Meeting] = field(default_factory=list)
    reported_late: set[int] = field(default_factory=set)  # not in the report yet
    forgotten: set[int] = field(default_factory=set)  # older than 30 days

    def hold(self, code: str, *parts: tuple[str, datetime, int], event_id: str = "", ended: bool = True) -> Meeting:
        """Add a conference with its participants, each with a start and minutes; ``""`` is somebody from outside."""
        fields = [Part(address, start, start + timedelta(minutes=minutes)) for address, start, minutes in parts]
        self.held.append(Meeting(len(self.held) + 1, code, fields, event_id, ended))
        return self.held[-1]

    # The domain's report

    def activities(self, user: str, query: dict[str, Any]) -> dict[str, Any]:
        """``activities.list`` of ``call_ended``: one row for each time that somebody left, newest first."""
        if query.get("eventName", "call_ended") != "call_ended":
            return {"kind": "admin#reports#activities"}
        rows = [
            self._row(meeting, number, part)
            for meeting in self.held
            if meeting.number not in self.reported_late
            for number, part in enumerate(meeting.parts)
            if user in {"all", part.address}
        ]
        since = datetime.fromisoformat(query["startTime"]) if "startTime" in query else None
        until = datetime.fromisoformat(query["endTime"]) if "endTime" in query else None
        rows = [row for row in rows if _matches(row, query.get("filters", ""))]
        rows = [row for row in rows if _inside(datetime.fromisoformat(row["id"]["time"]), since, until)]
        rows.sort(key=lambda row: str(row["id"]["time"]), reverse=True)
        start = int(query.get("pageToken", 0))
        end = start + min(self.page, query.get("maxResults", 1000), 1000)
        answer: dict[str, Any] = {"kind": "admin#reports#activities", "etag": '"x"', "items": rows[start:end]}
        return answer | ({"nextPageToken": str(end)} if end < len(rows) else {})

    def _row(self, meeting: Meeting, number: int, part: Part) -> dict[str, Any]:
        assert part.end is not None
        outside = not part.address
        parameters: list[dict[str, Any]] = [
            {"name": "duration_seconds", "intValue": str(int((part.end - part.start).total_seconds()))},
            {"name": "conference_id", "value": f"conf{meeting.number}"},
            {"name": "meeting_code", "value": meeting.code.replace("-", "").upper()},
            {"name": "endpoint_id", "value": f"boq_hlane_{meeting.number}_{number}"},
            {"name": "is_external", "boolValue": outside},
            {"name": "product_type", "value": "meet"},
            {"name": "identifier", "value": part.address or f"{self.canary.lower()}{number}@outside.example"},
            {"name": "identifier_type", "value": "email_address"},
            {"name": "display_name", "value": f"{self.canary} name"},
            {"name": "ip_address", "value": "2001:db8::1"},
            {"name": "location_country", "value": self.canary},
            {"name": "organizer_email", "value": f"{self.canary}@organizer.example"},
            {"name": "network_rtt_msec_mean", "intValue": "12"},
        ]
        if meeting.event_id:
            parameters.append({"name": "calendar_event_id", "value": meeting.event_id})
        actor = {"callerType": "KEY", "key": "HANGOUTS_EXTERNAL_OR_ANONYMOUS"}
        member = {"callerType": "USER", "email": part.address, "profileId": "1"}
        return {
            "kind": "admin#reports#activity",
            "id": {
                "time": f"{part.end:%Y-%m-%dT%H:%M:%S}.000Z",
                "uniqueQualifier": str(-(1000 * meeting.number + number)),
                "applicationName": "meet",
                "customerId": "C01",
            },
            "actor": actor if outside else member,
            "ipAddress": "2001:db8::1",
            "events": [{"type": "call", "name": "call_ended", "parameters": parameters}],
        }

    # The meetings' own record

    def records(self, account: str, query: dict[str, Any]) -> dict[str, Any]:
        """``conferenceRecords.list`` of the caller's meetings, newest first."""
        match = re.fullmatch(r'end_time>="([^"]+)"', query["filter"]) if "filter" in query else None
        if "filter" in query and match is None:
            raise ErrorResponse(400, "INVALID_ARGUMENT: filter")
        since = datetime.fromisoformat(match[1]) if match else None
        meetings = [
            meeting
            for meeting in self._available()
            if any(part.address == account for part in meeting.parts)
            and (since is None or (meeting.ended and meeting.end >= since))
        ]
        meetings.sort(key=lambda meeting: meeting.start, reverse=True)
        start = int(query.get("pageToken", 0))
        end = start + min(self.page, query.get("pageSize", 25), 100)
        answer: dict[str, Any] = {"conferenceRecords": [self._record(meeting) for meeting in meetings[start:end]]}
        return answer | ({"nextPageToken": str(end)} if end < len(meetings) else {})

    def _available(self) -> list[Meeting]:
        return [meeting for meeting in self.held if meeting.number not in self.forgotten]

    def _record(self, meeting: Meeting) -> dict[str, Any]:
        fields = {
            "name": f"conferenceRecords/conf{meeting.number}",
            "startTime": _stamp(meeting.start),
            "space": f"spaces/{meeting.code.replace('-', '')}x",
            "expireTime": _stamp(meeting.start + timedelta(days=30)),
        }
        return fields | ({"endTime": _stamp(meeting.end)} if meeting.ended else {})

    def people(self, record: str, numbers: dict[str, str], query: dict[str, Any]) -> dict[str, Any]:
        """``participants.list``: each person once, an anonymous one once for each time."""
        everybody = self._people(self._meeting(record))
        start = int(query.get("pageToken", 0))
        end = start + min(self.page, query.get("pageSize", 100), 250)
        fields = [
            {
                "name": f"conferenceRecords/{record}/participants/{name}",
                "earliestStartTime": _stamp(min(part.start for part in parts)),
                "latestEndTime": _stamp(max(part.end or part.start for part in parts)),
                **(
                    {
                        "signedinUser": {
                            "user": f"users/{numbers[parts[0].address]}",
                            "displayName": f"{self.canary} signed in",
                        }
                    }
                    if parts[0].address
                    else {"anonymousUser": {"displayName": f"{self.canary} anonymous"}}
                ),
            }
            for name, parts in everybody.items()
        ]
        answer: dict[str, Any] = {"participants": fields[start:end], "totalSize": len(fields)}
        return answer | ({"nextPageToken": str(end)} if end < len(fields) else {})

    def presences(self, record: str, person: str) -> dict[str, Any]:
        """``participantSessions.list``: each time that this person was there."""
        parts = self._people(self._meeting(record)).get(person, [])
        place = f"conferenceRecords/{record}/participants/{person}/participantSessions"
        fields = [
            {
                "name": f"{place}/{n}",
                "startTime": _stamp(part.start),
                **({"endTime": _stamp(part.end)} if part.end else {}),
            }
            for n, part in enumerate(parts)
        ]
        return {"participantSessions": fields}

    def space(self, name: str) -> dict[str, Any]:
        """``spaces.get``."""
        for meeting in self._available():
            if f"{meeting.code.replace('-', '')}x" == name:
                uri = f"https://meet.google.com/{meeting.code}"
                return {"name": f"spaces/{name}", "meetingCode": meeting.code, "meetingUri": uri}
        raise ErrorResponse(404, "NOT_FOUND")

    def _people(self, meeting: Meeting) -> dict[str, list[Part]]:
        people: dict[str, list[Part]] = {}
        for number, part in enumerate(meeting.parts):
            name = part.address.partition("@")[0] if part.address else f"anonymous{number}"
            people.setdefault(name, []).append(part)
        return people

    def _meeting(self, record: str) -> Meeting:
        for meeting in self._available():
            if f"conf{meeting.number}" == record:
                return meeting
        raise ErrorResponse(404, "NOT_FOUND")


def _matches(row: dict[str, Any], filters: str) -> bool:
    """Return ``True`` if a line's parameters match ``filters`` ("conference_id==x,is_external==…")."""
    fields = {parameter["name"]: parameter.get("value") for parameter in row["events"][0]["parameters"]}
    conditions = dict(condition.split("==") for condition in filters.split(",") if condition)
    return all(fields.get(name) == value for name, value in conditions.items())


def _inside(instant: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or instant >= since) and (until is None or instant < until)


def _stamp(instant: datetime | None) -> str:
    assert instant is not None
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000000Z"
