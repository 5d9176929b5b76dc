"""The domain's report of Google Meet calls: one ``call_ended`` line for each time somebody left a call.

Only the calls that the clinician was in are requested. The API cannot select the parameters of a line, so a line is cut
down to :data:`REPORT_PARAMETERS` on arrival. The address in it shows whose line it is; it is used in memory only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connectors.base import Context, RejectedRecord
from connectors.errors import UnavailableError
from connectors.google.calls import CallPage, MeetCall, google_time, list_items, list_pages, parse_instant
from connectors.google.service import GoogleClient
from connectors.pseudonyms import canonical_address

REPORT_PARAMETERS = frozenset(
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
_PAGE = 100  # lines: each names a call that is asked for
_OUTSIDE = "HANGOUTS_EXTERNAL_OR_ANONYMOUS"


class _Row(NamedTuple):
    """Somebody's presence from ``start`` to ``end``, and what else the line tells."""

    start: datetime
    end: datetime
    outside: bool
    told: Mapping[str, Any]

    def word(self, name: str) -> str:
        return str(self.told.get(name) or "")


class CallReport:
    """Reads the domain's report for one clinician: their own lines, and all lines of the calls that these name."""

    def __init__(self, google: GoogleClient, context: Context) -> None:
        self._activities = google.api("admin", "reports_v1").activities()
        self._google = google
        self._context = context
        known = context.owners[0].addresses | {canonical_address(google.account)}
        self._own = frozenset(address for address in known if "@" in address)

    def ended_since(self, since: datetime) -> Iterator[CallPage]:
        """Pages of calls that the clinician left since then, the latest first, address after address.

        Raises ValueError, KeyError or TypeError where what Google answers makes no sense, and
        :class:`~connectors.errors.UnavailableError` where no address says which lines are the clinician's.
        """
        known: set[str] = set()
        addresses = sorted(self._own)
        if not addresses:
            found = "no address is known by which the report could tell whose calls are whose."
            raise UnavailableError(self._context.source, found, 'Write it under the [[clinician]]\'s "addresses".')
        for address in addresses:
            for items, is_last in self._lines("identifier", address, since):
                rejected: dict[str, RejectedRecord] = {}
                own = self._rows(items, rejected).values()
                within = (row for row in own if row.start < self._context.window.end)
                names = dict.fromkeys(row.word("conference_id") for row in within)
                calls = [self._call(name, rejected) for name in names if name and name not in known]
                known |= names.keys()
                ends = tuple(row.end for row in own)
                yield CallPage(calls, ends, is_last and address == addresses[-1], tuple(rejected.values()))

    def _lines(self, parameter: str, value: str, since: datetime) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Pages of the lines that say this."""
        asked = {
            "userKey": "all",
            "applicationName": "meet",
            "eventName": "call_ended",
            "startTime": google_time(since),
        }
        for answer, is_last in list_pages(
            self._google,
            lambda page: self._activities.list(
                **asked, filters=f"{parameter}=={value}", maxResults=_PAGE, fields=_FIELDS, **page
            ),
        ):
            yield list_items(answer, "items"), is_last

    def _call(self, name: str, rejected: dict[str, RejectedRecord]) -> MeetCall:
        """Who was in one call; a line of it that comes twice counts once."""
        rows: dict[str, _Row] = {}
        for items, _ in self._lines("conference_id", name, self._context.window.start):
            rows |= self._rows(items, rejected)
        call = MeetCall(name)
        for row in rows.values():
            self._join(call, row)
        return call

    def _rows(self, items: list[dict[str, Any]], rejected: dict[str, RejectedRecord]) -> dict[str, _Row]:
        """The lines of some activities under the names by which they are known when they come again."""
        rows: dict[str, _Row] = {}
        for item in items:
            name = self._context.pseudonyms.entry("google meet line", str(item.get("id")))
            try:
                outside = item.get("actor", {}).get("key") == _OUTSIDE
                for index, event in enumerate(item["events"]):
                    told = dict(_parameters(event))
                    end, length = parse_instant(item["id"]["time"]), timedelta(seconds=int(told["duration_seconds"]))
                    row = _Row(end - length, end, outside or told.get("is_external") is True, told)
                    rows[f"{name}/{index}"] = row
            except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
                rejected[name] = RejectedRecord(f"line {name}", "it tells no end or no length of a call")
        return rows

    def _join(self, call: MeetCall, row: _Row) -> None:
        """Put one presence into its call: the clinician's own, somebody's from outside, or a colleague's."""
        person = row.word("identifier")
        call.code = call.code or row.word("meeting_code")
        call.event_id = call.event_id or row.word("calendar_event_id")
        address = canonical_address(person) if "@" in person else ""
        if address in self._own:
            call.own.append((row.start, row.end))
        elif row.outside or (address and self._context.classifier.is_outside(address)):
            known_as = address or row.word("endpoint_id") or str(row.end)
            call.others.setdefault(known_as, []).append((row.start, row.end))
        else:
            call.colleagues.append((row.start, row.end))


def _parameters(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The kept parameters of a line."""
    for parameter in event.get("parameters", ()):
        if parameter["name"] in REPORT_PARAMETERS:
            values = [parameter[kind] for kind in ("value", "intValue", "boolValue") if kind in parameter]
            yield parameter["name"], values[0] if values else None
