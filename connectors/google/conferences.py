"""The meetings' own record (``conferenceRecords``): each clinician's own, kept by Google for 30 days.

Somebody from outside is whoever is neither the clinician nor another of the practice who has given permission; Google
knows people here by a number and never by an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.call_spans import Spans
from connectors.google.calls import Call, Page, entries, instant, pages, written
from connectors.google.service import GoneError, Google

_RECORDS = "conferenceRecords(name,startTime,endTime,space),nextPageToken"
_PEOPLE = "participants(name,signedinUser/user),nextPageToken"
_TIMES = "participantSessions(startTime,endTime),nextPageToken"


class Conferences:
    """Reads what the meetings themselves say. ``colleagues`` are the numbers of the practice's people.

    Calls that began at ``until`` or later are not looked into.
    """

    def __init__(self, google: Google, colleagues: frozenset[str], until: datetime) -> None:
        self._google = google
        self._colleagues = colleagues
        self._until = until
        self._meet = google.api("meet", "v2")
        self._codes: dict[str, str] = {}

    def ended_since(self, since: datetime) -> Iterator[Page]:
        """Pages of calls, the latest first.

        Raises ValueError, KeyError or TypeError where what Google answers makes no sense.
        """
        records, wanted = self._meet.conferenceRecords(), f'end_time>="{written(since)}"'
        for answer, is_last in pages(
            self._google, lambda page: records.list(filter=wanted, pageSize=100, fields=_RECORDS, **page)
        ):
            ended = [record for record in entries(answer, "conferenceRecords") if record.get("endTime")]
            begun = [record for record in ended if instant(record["startTime"]) < self._until]
            calls = [call for record in begun if (call := self._call(record))]
            yield Page(calls, tuple(instant(record["endTime"]) for record in ended), is_last)

    def _call(self, record: Mapping[str, Any]) -> Call | None:
        """Who was in one conference; ``None`` if Google has forgotten it in the meantime."""
        call = Call(str(record["name"]), self._code(str(record.get("space") or "")))
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
        for answer, _ in pages(
            self._google, lambda page: people.list(parent=conference, pageSize=250, fields=_PEOPLE, **page)
        ):
            yield from entries(answer, "participants")

    def _presence(self, person: str) -> Spans:
        sessions = self._meet.conferenceRecords().participants().participantSessions()
        return [
            (instant(told["startTime"]), instant(told["endTime"]))
            for answer, _ in pages(
                self._google, lambda page: sessions.list(parent=person, pageSize=250, fields=_TIMES, **page)
            )
            for told in entries(answer, "participantSessions")
            if told.get("endTime")
        ]

    def _code(self, space: str) -> str:
        if space and space not in self._codes:
            try:
                answer = self._google.ask(self._meet.spaces().get(name=space, fields="meetingCode"))
            except GoneError:
                answer = {}
            self._codes[space] = str(answer.get("meetingCode") or "")
        return self._codes.get(space, "")


def _number(person: Mapping[str, Any]) -> str:
    """Under which number Google knows somebody; empty for whoever is not signed in."""
    user = person.get("signedinUser")
    return str(user.get("user", "")).removeprefix("users/") if isinstance(user, dict) else ""
