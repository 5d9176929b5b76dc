"""Who was in a call when, and what that says of a session; lists that Google gives page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from connectors.base import Context, RejectedRecord
from connectors.call_spans import Span, Spans, intersections, no_show_at
from connectors.google.entries import entry_name, meeting_name
from connectors.google.service import GoogleClient
from connectors.records import Grade, SessionEvidence


class CallPage(NamedTuple):
    """Some calls, the latest first, and when they ended; ``is_last`` if no earlier ones are left."""

    calls: list[MeetCall]
    ends: tuple[datetime, ...]
    is_last: bool
    rejected: tuple[RejectedRecord, ...] = ()


@dataclass(slots=True)
class MeetCall:
    """One conference: who was there, and when. ``own`` is the clinician's presence, ``others`` those from outside."""

    name: str
    code: str = ""
    event_id: str = ""
    own: Spans = field(default_factory=list)
    others: dict[str, Spans] = field(default_factory=dict)
    colleagues: Spans = field(default_factory=list)

    def evidence(self, context: Context) -> Iterator[SessionEvidence]:
        """One record for each person from outside who was there while the clinician was; an instant if nobody came.

        It names the calendar entry only where the call was one session; of people who came one after the other the
        code and the time tell whose session was whose.
        """
        everybody = [*self.colleagues, *(span for times in self.others.values() for span in times)]
        waited = no_show_at(self.own, everybody)
        spans = {"nobody": (waited, waited)} if waited else dict(self._face_times())
        named = self.event_id and _is_one(spans.values())
        for person, (start, end) in spans.items():
            yield SessionEvidence(
                clinician=context.owners[0].key,
                key=context.pseudonyms.entry(f"{self.name}/{person}", "google meet"),
                grade=Grade.CALL,
                started_at=start,
                ended_at=end,
                uid_key=entry_name(context.pseudonyms, self.event_id) if named else None,
                meeting=meeting_name(context.pseudonyms, self.code),
            )

    def _face_times(self) -> Iterator[tuple[str, Span]]:
        """From when to when the clinician and each of the others were there together."""
        for person, times in self.others.items():
            together = intersections(self.own, times)
            if together:
                yield person, (together[0][0], max(end for _, end in together))


def _is_one(spans: Iterable[Span]) -> bool:
    """Whether there is somebody from the first moment to the last."""
    ordered = sorted(spans)
    ends = accumulate((end for _, end in ordered), max)
    return all(start <= end for end, (start, _) in zip(ends, ordered[1:], strict=False))


def list_pages(google: GoogleClient, request: Callable[[dict[str, str]], Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each page of a list and whether it is the last; ``request`` makes one from what says which page."""
    page = ""
    while True:
        answer = google.execute(request({"pageToken": page} if page else {}))
        following = str(answer.get("nextPageToken") or "")
        is_last = not following or following == page
        yield answer, is_last
        if is_last:
            return
        page = following


def list_items(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The entries of a list. Raises ValueError where it is none."""
    found = answer.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError("a list that is none")
    return found


def parse_instant(text: object) -> datetime:
    """An instant as Google writes it. Raises ValueError where it has no zone, or is none."""
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("an instant without a zone")
    return found.astimezone(UTC)


def google_time(moment: datetime) -> str:
    """An instant as Google reads it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
