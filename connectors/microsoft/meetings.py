"""Teams meetings: from when to when the owner and somebody else were there together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from connectors.base import Batch
from connectors.microsoft.entries import RecordMaker, join_url, last_end, meeting_code
from connectors.microsoft.graph import Graph, Item
from connectors.microsoft.progress import Progress
from connectors.records import SessionEvidence

ATTENDANCE = ("id", "emailAddress", "role", "attendanceIntervals")
_LATE = timedelta(days=2)  # an attendance report may come that long after its meeting


@dataclass(slots=True)
class Meetings:
    """The meetings that entries of the calendar invite to; ``progress`` is how far they were asked for."""

    graph: Graph
    maker: RecordMaker
    progress: Progress

    def batches(self, entries: Iterable[Item]) -> Iterator[Batch]:
        """True times of each meeting that ended since it was last asked for, meeting by meeting.

        A meeting of somebody else's has reports that only they may read; it gives none.
        """
        ended = self._ended(entries)
        for code, (url, end) in sorted(ended.items()):
            name, known = self._name(code), self.progress.meetings.get(self._name(code))
            since = datetime.fromisoformat(known) if known else None
            if since is None or end > since or self._may_be_late(end):
                found = tuple(self._attendance(url, code, since))
                meetings = self.progress.meetings | {name: end.isoformat()}
                self.progress = replace(self.progress, meetings=meetings)
                if found:
                    yield Batch(self.progress.text(), found)
        names = set(map(self._name, ended))
        left = {name: end for name, end in self.progress.meetings.items() if name in names}
        self.progress = replace(self.progress, meetings=left)

    def _name(self, code: str) -> str:
        return self.maker.context.names.entry("meeting", code)

    def _may_be_late(self, end: datetime) -> bool:
        return self.graph.said_at is not None and end > self.graph.said_at - _LATE

    def _ended(self, entries: Iterable[Item]) -> dict[str, tuple[str, datetime]]:
        """For each meeting's code its address and when it last ended, by the server's own clock."""
        now, found = self.graph.said_at, dict[str, tuple[str, datetime]]()
        for item in entries:
            url, end = join_url(item), last_end(item)
            code = meeting_code(url)
            if code and end and (now is None or end <= now) and (code not in found or end > found[code][1]):
                found[code] = url, end
        return found

    def _attendance(self, url: str, code: str, since: datetime | None) -> Iterator[SessionEvidence]:
        matching = f"JoinWebUrl eq '{url.replace(chr(39), chr(39) * 2)}'"
        for meeting in self.graph.items("onlineMeetings", (("$filter", matching), ("$select", "id")), optional=True):
            yield from self._reports(f"onlineMeetings/{quote(str(meeting.get('id')), safe='')}", code, since)

    def _reports(self, path: str, code: str, since: datetime | None) -> Iterator[SessionEvidence]:
        """Each time that the meeting took place, but for those long before ``since``; it has a report for each."""
        earliest = (since - _LATE).date().isoformat() if since else ""
        named = (("$select", "id,meetingEndDateTime"),)
        for report in self.graph.items(f"{path}/attendanceReports", named, optional=True):
            if str(report.get("meetingEndDateTime")) < earliest:
                continue
            inside = f"{path}/attendanceReports/{quote(str(report.get('id')), safe='')}/attendanceRecords"
            records = list(self.graph.items(inside, (("$select", ",".join(ATTENDANCE)),), optional=True))
            times = self.maker.attendance(report, records, code)
            if times:
                yield times
