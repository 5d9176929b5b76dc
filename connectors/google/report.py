"""A domain's report of calls (``call_ended``): one line for each time that somebody left one.

Google cannot be told which parameters of a line to send, so a line is cut down to :data:`KEPT` as soon as it is there.
An address in it says whose line it is, in memory, and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connectors.base import Context, Fault
from connectors.google.calls import Call, entries, instant, pages, written
from connectors.google.service import Google
from connectors.pseudonyms import canonical_address

KEPT = frozenset(
    {
        "duration_seconds",
        "conference_id",
        "meeting_code",
        "calendar_event_id",
        "endpoint_id",
        "is_external",
        "identifier",
    }
)
_FIELDS = (
    "nextPageToken,items(id(time,uniqueQualifier),actor/key,events(name,parameters(name,value,intValue,boolValue)))"
)
_OUTSIDE = "HANGOUTS_EXTERNAL_OR_ANONYMOUS"


class _Row(NamedTuple):
    """Somebody's presence from ``start`` to ``end``, and what else the line tells."""

    start: datetime
    end: datetime
    outside: bool
    told: Mapping[str, Any]

    def word(self, name: str) -> str:
        return str(self.told.get(name) or "")


class Report:
    """Reads the domain's report for one clinician; ``faults`` are the lines that could not be used."""

    def __init__(self, google: Google, context: Context) -> None:
        self._google = google
        self._context = context
        self.faults: list[Fault] = []

    def ended_since(self, since: datetime) -> tuple[list[Call], datetime | None]:
        """All calls, since the lines of one may stand on several pages, and the latest end among them.

        Raises ValueError where what Google answers makes no sense.
        """
        activities = self._google.api("admin", "reports_v1").activities()
        asked = {"userKey": "all", "applicationName": "meet", "eventName": "call_ended", "startTime": written(since)}
        rows: dict[tuple[str, str], _Row] = {}
        for answer, _ in pages(
            self._google, lambda page: activities.list(**asked, maxResults=1000, fields=_FIELDS, **page)
        ):
            for item in entries(answer, "items"):
                rows |= dict(self._rows(item, len(rows) + len(self.faults) + 1))
        calls: dict[str, Call] = {}
        for row in rows.values():
            self._join(calls, row)
        return list(calls.values()), max((row.end for row in rows.values()), default=None)

    def _rows(self, item: Mapping[str, Any], number: int) -> Iterator[tuple[tuple[str, str], _Row]]:
        """The lines of one activity under the names by which it is known when it comes again."""
        try:
            at, name = str(item["id"]["time"]), str(item["id"].get("uniqueQualifier", ""))
            outside = item.get("actor", {}).get("key") == _OUTSIDE
            for index, event in enumerate(item["events"]):
                told = dict(_parameters(event))
                end, length = instant(at), timedelta(seconds=int(told["duration_seconds"]))
                row = _Row(end - length, end, outside or told.get("is_external") is True, told)
                yield (at, f"{name}/{index}"), row
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            self.faults.append(Fault(f"line {number}", "it tells no end or no length of a call"))

    def _join(self, calls: dict[str, Call], row: _Row) -> None:
        """Put one presence into its call: the clinician's own, somebody's from outside, or a colleague's."""
        name, person = row.word("conference_id"), row.word("identifier")
        if not name:
            return
        call = calls.setdefault(name, Call(name, row.word("meeting_code")))
        call.event_id = call.event_id or row.word("calendar_event_id")
        address = canonical_address(person) if "@" in person else ""
        if address in self._context.owners[0].addresses:
            call.own.append((row.start, row.end))
        elif row.outside or (address and self._context.classifier.is_outside(address)):
            known_as = address or row.word("endpoint_id") or str(row.end)
            call.others.setdefault(known_as, []).append((row.start, row.end))
        else:
            call.colleagues.append((row.start, row.end))


def _parameters(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The kept parameters of a line."""
    for parameter in event.get("parameters", ()):
        if parameter["name"] in KEPT:
            values = [parameter[kind] for kind in ("value", "intValue", "boolValue") if kind in parameter]
            yield parameter["name"], values[0] if values else None
