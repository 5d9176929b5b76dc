"""Teams meetings: from when to when the owner and somebody else were there together."""

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
_LATE = timedelta(days=2)  # an attendance report may come that long after its meeting
_ENOUGH = 5  # refusals before any answer: the rest would be refused, too


class _Ended(NamedTuple):
    """The last time that a meeting took place."""

    end: datetime
    url: str
    is_own: bool


@dataclass(slots=True)
class TeamsMeetings:
    """The meetings that entries of the calendar invite to; ``cursor`` is how far they were asked for.

    ``refusal`` is set where Microsoft lets us read the attendance of none of the owner's own.
    """

    graph: GraphClient
    maker: MicrosoftRecordMaker
    cursor: MicrosoftCursor
    refusal: ForbiddenError | None = None

    def batches(self, entries: Iterable[Item]) -> Iterator[Batch]:
        """True times of each meeting that ended since it was last asked for, the latest first.

        A meeting of somebody else's has reports that only they may read; it gives none.
        """
        ended = self._ended(entries)
        due = sorted(((code, last) for code, last in ended.items() if self._is_due(code, last.end)), key=_by_end)
        answered, refused = 0, 0  # of the owner's own
        told_until = self.maker.context.window.end - _LATE  # what ended later may be told in part alone, or not at all
        for done, (code, last) in enumerate(due, 1):
            times: tuple[SessionEvidence, ...] = ()
            try:
                times = tuple(self._attendance(code, last.url))
            except ForbiddenError as error:
                if last.is_own:
                    refused += 1
                    found = "Microsoft does not let us read who was in a meeting; all else was read."
                    self.refusal = ForbiddenError(error.source, found, error.remedy)
                    if refused == _ENOUGH and not answered:
                        break
                    continue  # not asked for yet: it will be once we may
            answered += last.is_own
            since, begin = self._since(code), self.maker.context.window.start
            meetings = self.cursor.meetings | {self._name(code): min(last.end, told_until).isoformat()}
            known = self.cursor if since and since >= begin else self.cursor.read_from(begin)
            self.cursor = replace(known, meetings=meetings)
            if times:
                yield Batch(self.cursor.dump(), times, done=done, total=len(due))
        if answered:
            self.refusal = None
        names = set(map(self._name, ended))
        left = {name: end for name, end in self.cursor.meetings.items() if name in names}
        self.cursor = replace(self.cursor, meetings=left)

    def _name(self, code: str) -> str:
        return self.maker.context.pseudonyms.entry("meeting", code)

    def _since(self, code: str) -> datetime | None:
        """The end of the last time that was asked for."""
        known = self.cursor.meetings.get(self._name(code))
        return datetime.fromisoformat(known) if known else None

    def _is_due(self, code: str, end: datetime) -> bool:
        since, now = self._since(code), self.graph.server_time
        return since is None or end > since or (now is not None and end > now - _LATE)

    def _ended(self, entries: Iterable[Item]) -> dict[str, _Ended]:
        """Each meeting by its code with when it last ended, by the server's own clock."""
        now, found = self.graph.server_time, dict[str, _Ended]()
        for item in entries:
            url, end = join_url(item), last_end(item)
            code = meeting_code(url)
            if code and end and (now is None or end <= now) and (code not in found or end > found[code].end):
                found[code] = _Ended(end, url, is_organizer(item))
        return found

    def _attendance(self, code: str, url: str) -> Iterator[SessionEvidence]:
        matching = f"JoinWebUrl eq '{url.replace(chr(39), chr(39) * 2)}'"
        for meeting in self.graph.items("onlineMeetings", (("$filter", matching), ("$select", "id")), optional=True):
            yield from self._reports(f"onlineMeetings/{quote(str(meeting.get('id')), safe='')}", code)

    def _reports(self, path: str, code: str) -> Iterator[SessionEvidence]:
        """Each time that the meeting took place, but for those long before what is known; it has a report for each."""
        since = self._since(code)
        earliest = (since - _LATE).date().isoformat() if since else ""
        named = (("$select", "id,meetingEndDateTime"),)
        for report in self.graph.items(f"{path}/attendanceReports", named, optional=True):
            if str(report.get("meetingEndDateTime")) < earliest:
                continue
            inside = f"{path}/attendanceReports/{quote(str(report.get('id')), safe='')}/attendanceRecords"
            records = list(self.graph.items(inside, (("$select", ",".join(ATTENDANCE)),), optional=True))
            yield from self.maker.attendance(report, records, code)


def _by_end(meeting: tuple[str, _Ended]) -> tuple[float, str]:
    """The latest first."""
    code, last = meeting
    return -last.end.timestamp(), code
