"""Calls from Meet's conference records (``conferenceRecords``): each clinician's own, kept by Google for 30 days.

A participant is from outside if they are neither the clinician nor a colleague who has given permission. Google
identifies people here by a number, never by an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.google.calls import CallPage, MeetCall, google_time, list_pages, parse_instant
from connectors.google.service import GoneError, GoogleClient

_RECORDS = "conferenceRecords(name,startTime,endTime,space),nextPageToken"
_PEOPLE = "participants(name,signedinUser/user),nextPageToken"
_TIMES = "participantSessions(startTime,endTime),nextPageToken"


class Conferences:
    """A reader of conference records. ``colleagues`` are the account numbers of the practice's people.

    Calls that began at ``until`` or later are not read.
    """

    def __init__(self, google: GoogleClient, colleagues: frozenset[str], until: datetime) -> None:
        self._google = google
        self._colleagues = colleagues
        self._until = until
        self._meet = google.api("meet", "v2")
        self._codes: dict[str, str] = {}

    def ended_since(self, since: datetime) -> Iterator[CallPage]:
        """Yield pages of the calls that ended at ``since`` or later, the latest first.

        Raises ValueError, KeyError or TypeError for a response in another form.
        """
        pages = list_pages(
            self._google,
            "conferenceRecords",
            self._meet.conferenceRecords().list,
            filter=f'end_time>="{google_time(since)}"',
            pageSize=100,
            fields=_RECORDS,
        )
        for records, is_last in pages:
            # A call that is still going on has no end; a later run reads it.
            ended = [record for record in records if record.get("endTime")]
            in_window = [record for record in ended if parse_instant(record["startTime"]) < self._until]
            calls = [call for record in in_window if (call := self._call(record))]
            yield CallPage(calls, tuple(parse_instant(record["endTime"]) for record in ended), is_last)

    def _call(self, record: Mapping[str, Any]) -> MeetCall | None:
        """Return the presence in one conference; ``None`` if Google has deleted it in the meantime."""
        call = MeetCall(str(record["name"]), self._code(str(record.get("space") or "")))
        people = self._meet.conferenceRecords().participants()
        sessions = people.participantSessions()
        pages = list_pages(self._google, "participants", people.list, parent=call.name, pageSize=250, fields=_PEOPLE)
        try:
            for person in (person for participants, _ in pages for person in participants):
                name = str(person["name"])
                times = list_pages(
                    self._google, "participantSessions", sessions.list, parent=name, pageSize=250, fields=_TIMES
                )
                presence = [
                    (parse_instant(session["startTime"]), parse_instant(session["endTime"]))
                    for items, _ in times
                    for session in items
                    if session.get("endTime")
                ]
                # Somebody who was not signed in has no account number, and is from outside.
                user = person.get("signedinUser")
                account_id = str(user.get("user", "")).removeprefix("users/") if isinstance(user, dict) else ""
                if account_id == self._google.account_id:
                    call.own += presence
                elif account_id in self._colleagues:
                    call.colleagues += presence
                else:
                    call.others[name] = presence
        except GoneError:
            return None
        return call

    def _code(self, space: str) -> str:
        if space and space not in self._codes:
            try:
                response = self._google.execute(self._meet.spaces().get(name=space, fields="meetingCode"))
            except GoneError:
                response = {}
            self._codes[space] = str(response.get("meetingCode") or "")
        return self._codes.get(space, "")
