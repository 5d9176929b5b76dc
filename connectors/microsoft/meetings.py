"""Attendance of Teams meetings: the times at which the owner and others were in a meeting together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from connectors.base import Batch
from connectors.microsoft.cursor import MicrosoftCursor
from connectors.microsoft.entries import MicrosoftRecordMaker, is_organizer, join_url, last_end, meeting_code
from connectors.microsoft.graph import ForbiddenError, GraphClient, Item
from connectors.records import SessionEvidence

ATTENDANCE = ("emailAddress", "role", "attendanceIntervals")
_LATE = timedelta(days=2)  # an attendance report may appear this long after its meeting
_MAX_REFUSED = 5  # refusals before any success: the rest would be refused, too


class _LastMeeting(NamedTuple):
    """The last occurrence of a meeting: its end, its join address, and whether the owner organised it."""

    end: datetime
    url: str
    is_own: bool


@dataclass(slots=True)
class TeamsMeetings:
    """The Teams meetings in the calendar's entries. ``cursor`` is valid once the batches so far are stored.

    ``refusal`` is set if Microsoft refuses the attendance of all meetings that the owner organised.
    """

    graph: GraphClient
    maker: MicrosoftRecordMaker
    cursor: MicrosoftCursor
    refusal: ForbiddenError | None = None

    def batches(self, entries: Iterable[Item]) -> Iterator[Batch]:
        """Yield the evidence of each meeting that ended since its attendance was last requested, the latest first.

        The reports of a meeting that somebody else organised can be read only by them; it gives no evidence.
        """
        last_meetings = self._last_meetings(entries)
        due = sorted(
            ((code, last) for code, last in last_meetings.items() if self._is_due(code, last.end)), key=_latest_first
        )
        accepted, refused = 0, 0  # of the owner's own meetings
        complete_until = self.maker.context.window.end - _LATE  # later meetings may have no report yet, or half of one
        for done, (code, last) in enumerate(due, 1):
            # Somebody else's meeting that is refused counts as read, without evidence.
            times: tuple[SessionEvidence, ...] = ()
            try:
                times = tuple(self._attendance(code, last.url))
            except ForbiddenError as error:
                if last.is_own:
                    refused += 1
                    found = "Microsoft does not allow us to read who was in a meeting; everything else was read."
                    self.refusal = ForbiddenError(error.source, found, error.remedy)
                    if refused == _MAX_REFUSED and not accepted:
                        break
                    continue  # the cursor does not move, so it is requested again by the next run
            accepted += last.is_own
            since, begin = self._since(code), self.maker.context.window.start
            meetings = self.cursor.meetings | {self._keyed_code(code): min(last.end, complete_until).isoformat()}
            cursor = self.cursor if since and since >= begin else self.cursor.read_from(begin)
            self.cursor = replace(cursor, meetings=meetings)
            if times:
                yield Batch(self.cursor.dump(), times, done=done, total=len(due))
        if accepted:
            self.refusal = None
        # A meeting that left the window need not be remembered any longer.
        codes = set(map(self._keyed_code, last_meetings))
        meetings = {code: end for code, end in self.cursor.meetings.items() if code in codes}
        self.cursor = replace(self.cursor, meetings=meetings)

    def _keyed_code(self, code: str) -> str:
        """Return the pseudonym under which the cursor lists a meeting: a code itself would let anybody join."""
        return self.maker.context.pseudonyms.entry("meeting", code)

    def _since(self, code: str) -> datetime | None:
        """Return the end of the last occurrence whose attendance was requested."""
        end = self.cursor.meetings.get(self._keyed_code(code))
        return datetime.fromisoformat(end) if end else None

    def _is_due(self, code: str, end: datetime) -> bool:
        since, now = self._since(code), self.graph.server_time
        return since is None or end > since or (now is not None and end > now - _LATE)

    def _last_meetings(self, entries: Iterable[Item]) -> dict[str, _LastMeeting]:
        """Return the last ended occurrence of each meeting by its code; "ended" by the server's clock."""
        now, last_meetings = self.graph.server_time, dict[str, _LastMeeting]()
        for item in entries:
            url, end = join_url(item), last_end(item)
            code = meeting_code(url)
            has_ended = end is not None and (now is None or end <= now)
            if code and end and has_ended and (code not in last_meetings or end > last_meetings[code].end):
                last_meetings[code] = _LastMeeting(end, url, is_organizer(item))
        return last_meetings

    def _attendance(self, code: str, url: str) -> Iterator[SessionEvidence]:
        """Yield the evidence of each occurrence, which has a report of its own, except those that were read before."""
        since = self._since(code)
        earliest = (since - _LATE).date().isoformat() if since else ""
        by_url = f"JoinWebUrl eq '{url.replace(chr(39), chr(39) * 2)}'"
        for meeting in self.graph.items("onlineMeetings", (("$filter", by_url), ("$select", "id")), optional=True):
            path = f"onlineMeetings/{quote(str(meeting.get('id')), safe='')}/attendanceReports"
            for report in self.graph.items(path, (("$select", "id,meetingEndDateTime"),), optional=True):
                if str(report.get("meetingEndDateTime")) < earliest:
                    continue
                records_path = f"{path}/{quote(str(report.get('id')), safe='')}/attendanceRecords"
                records = list(self.graph.items(records_path, (("$select", ",".join(ATTENDANCE)),), optional=True))
                yield from self.maker.attendance(report, records, code)


def _latest_first(meeting: tuple[str, _LastMeeting]) -> tuple[float, str]:
    """Return the sort key for the latest meetings first."""
    code, last = meeting
    return -last.end.timestamp(), code
