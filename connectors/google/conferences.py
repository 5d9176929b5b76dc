"""The meetings' own record (``conferenceRecords``): each clinician's own, kept by Google for 30 days.

Somebody from outside is whoever is neither the clinician nor another of the practice who has given permission; Google
knows people here by a number and never by an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.call_spans import Spans
from connectors.google.calls import CallPage, MeetCall, google_time, list_items, list_pages, parse_instant
from connectors.google.service import GoneError, GoogleClient

_RECORDS = "conferenceRecords(name,startTime,endTime,space),nextPageToken"
_PEOPLE = "participants(name,signedinUser/user),nextPageToken"
_TIMES = "participantSessions(startTime,endTime),nextPageToken"


class Conferences:
    """Reads what the meetings themselves say. ``colleagues`` are the numbers of the practice's people.

    Calls that began at ``until`` or later are not looked into.
    """

    def __init__(self, google: GoogleClient, colleagues: frozenset[str], until: datetime) -> None:
        self._google = google
        self._colleagues = colleagues
        self._until = until
        self._meet = google.api("meet", "v2")
        self._codes: dict[str, str] = {}

    def ended_since(self, since: datetime) -> Iterator[CallPage]:
        """Pages of calls, the latest first.

        Raises ValueError, KeyError or TypeError where what Google answers makes no sense.
        """
        records, wanted = self._meet.conferenceRecords(), f'end_time>="{google_time(since)}"'
        for answer, is_last in list_pages(
            self._google, lambda page: records.list(filter=wanted, pageSize=100, fields=_RECORDS, **page)
        ):
            ended = [record for record in list_items(answer, "conferenceRecords") if record.get("endTime")]
            begun = [record for record in ended if parse_instant(record["startTime"]) < self._until]
            calls = [call for record in begun if (call := self._call(record))]
            yield CallPage(calls, tuple(parse_instant(record["endTime"]) for record in ended), is_last)

    def _call(self, record: Mapping[str, Any]) -> MeetCall | None:
        """Who was in one conference; ``None`` if Google has forgotten it in the meantime."""
        call = MeetCall(str(record["name"]), self._code(str(record.get("space") or "")))
        try:
            for person in self._people(call.name):
                number = _number(person)
                presence = self._presence(str(person["name"]))
                if number == self._google.account_id:
                    call.own += presence
                elif number in self._colleagues:
                    call.colleagues += presence
                else:
                    call.others[str(person["name"])] = presence
        except GoneError:
            return None
        return call

    def _people(self, conference: str) -> Iterator[dict[str, Any]]:
        people = self._meet.conferenceRecords().participants()
        for answer, _ in list_pages(
            self._google, lambda page: people.list(parent=conference, pageSize=250, fields=_PEOPLE, **page)
        ):
            yield from list_items(answer, "participants")

    def _presence(self, person: str) -> Spans:
        sessions = self._meet.conferenceRecords().participants().participantSessions()
        return [
            (parse_instant(told["startTime"]), parse_instant(told["endTime"]))
            for answer, _ in list_pages(
                self._google, lambda page: sessions.list(parent=person, pageSize=250, fields=_TIMES, **page)
            )
            for told in list_items(answer, "participantSessions")
            if told.get("endTime")
        ]

    def _code(self, space: str) -> str:
        if space and space not in self._codes:
            try:
                answer = self._google.execute(self._meet.spaces().get(name=space, fields="meetingCode"))
            except GoneError:
                answer = {}
            self._codes[space] = str(answer.get("meetingCode") or "")
        return self._codes.get(space, "")


def _number(person: Mapping[str, Any]) -> str:
    """Under which number Google knows somebody; empty for whoever is not signed in."""
    user = person.get("signedinUser")
    return str(user.get("user", "")).removeprefix("users/") if isinstance(user, dict) else ""
