"""Video calls: presence in one call as evidence of sessions, and helpers for Google's paged lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from connectors.base import Context, RejectedRecord
from connectors.call_spans import Span, Spans, times_together
from connectors.google.entries import entry_name, meeting_name
from connectors.google.service import GoogleClient
from connectors.records import Grade, SessionEvidence


class CallPage(NamedTuple):
    """A page of calls, the latest first, with their ends; ``is_last`` if there are no earlier ones."""

    calls: list[MeetCall]
    ends: tuple[datetime, ...]
    is_last: bool
    rejected: tuple[RejectedRecord, ...] = ()


@dataclass(slots=True)
class MeetCall:
    """The presence in one conference: the clinician's own, each outside participant's and the colleagues'."""

    name: str
    code: str = ""
    event_id: str = ""
    own: Spans = field(default_factory=list)
    others: dict[str, Spans] = field(default_factory=dict)
    colleagues: Spans = field(default_factory=list)

    def evidence(self, context: Context) -> Iterator[SessionEvidence]:
        """Yield a record for each outside participant who met the clinician, or one instant if nobody came.

        The calendar entry is set only if the call was one session. If people came one after the other, ingest tells
        their sessions apart by meeting code and time.
        """
        spans = times_together(self.own, self.others, self.colleagues)
        is_one_session = bool(self.event_id) and _is_connected(spans.values())
        for person, (start, end) in spans.items():
            yield SessionEvidence(
                clinician=context.owners[0].key,
                key=context.pseudonyms.entry(f"{self.name}/{person}", "google meet"),
                grade=Grade.CALL,
                started_at=start,
                ended_at=end,
                uid_key=entry_name(context.pseudonyms, self.event_id) if is_one_session else None,
                meeting=meeting_name(context.pseudonyms, self.code),
            )


def _is_connected(spans: Iterable[Span]) -> bool:
    """Return ``True`` if the spans leave no gap between the first start and the last end.

    ::

        True   |=====|           False   |===|
                   |====|                      |====|
    """
    ordered = sorted(spans)
    ends = accumulate((end for _, end in ordered), max)
    return all(start <= end for end, (start, _) in zip(ends, ordered[1:], strict=False))


def list_pages(
    google: GoogleClient, name: str, list_method: Callable[..., Any], /, **query: Any
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Yield the objects of each page of the list called ``name`` in the response, and whether the page is the last.

    Raises ValueError if it is not a list of objects.
    """
    page: dict[str, str] = {}
    while True:
        response = google.execute(list_method(**query, **page))
        token = str(response.get("nextPageToken") or "")
        is_last = not token or token == page.get("pageToken")  # a repeated token would go on for ever
        items = response.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ValueError("not a list of objects")
        yield items, is_last
        if is_last:
            return
        page = {"pageToken": token}


def parse_instant(text: object) -> datetime:
    """Return an instant from Google's text. Raises ValueError if it is invalid or has no zone."""
    instant = datetime.fromisoformat(str(text))
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone")
    return instant.astimezone(UTC)


def google_time(instant: datetime) -> str:
    """Return the text of an instant in Google's queries."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
