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
from connectors.google.calls import CallPage, MeetCall, google_time, list_pages, parse_instant
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
_PAGE = 100  # lines; each needs a request for its call
_OUTSIDE = "HANGOUTS_EXTERNAL_OR_ANONYMOUS"


class _Row(NamedTuple):
    """One line of the report: a presence from ``start`` to ``end``, with the line's parameters."""

    start: datetime
    end: datetime
    is_outside: bool
    parameters: Mapping[str, Any]

    def text(self, name: str) -> str:
        return str(self.parameters.get(name) or "")


class CallReport:
    """A reader of the report for one clinician: their own lines, and all lines of the calls in these."""

    def __init__(self, google: GoogleClient, context: Context) -> None:
        self._activities = google.api("admin", "reports_v1").activities()
        self._google = google
        self._context = context
        addresses = context.owners[0].addresses | {canonical_address(google.account)}
        self._own = frozenset(address for address in addresses if "@" in address)

    def ended_since(self, since: datetime) -> Iterator[CallPage]:
        """Yield pages of the calls that the clinician left at ``since`` or later, the latest first, for each address.

        Raises ValueError, KeyError or TypeError for a response in another form, and
        :class:`~connectors.errors.UnavailableError` if no address of the clinician is known.
        """
        seen: set[str] = set()
        addresses = sorted(self._own)
        if not addresses:
            found = "the clinician has no address by which to find their calls in the report."
            raise UnavailableError(self._context.source, found, 'Add it to the [[clinician]]\'s "addresses".')
        for address in addresses:
            for items, is_last in self._lines("identifier", address, since):
                rejected: dict[str, RejectedRecord] = {}
                own_rows = self._rows(items, rejected).values()
                in_window = (row for row in own_rows if row.start < self._context.window.end)
                names = dict.fromkeys(row.text("conference_id") for row in in_window)
                calls = [self._call(name, rejected) for name in names if name and name not in seen]
                seen |= names.keys()
                ends = tuple(row.end for row in own_rows)
                yield CallPage(calls, ends, is_last and address == addresses[-1], tuple(rejected.values()))

    def _lines(self, parameter: str, value: str, since: datetime) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Return pages of the lines in which the parameter has this value."""
        return list_pages(
            self._google,
            "items",
            self._activities.list,
            userKey="all",
            applicationName="meet",
            eventName="call_ended",
            startTime=google_time(since),
            filters=f"{parameter}=={value}",
            maxResults=_PAGE,
            fields=_FIELDS,
        )

    def _call(self, name: str, rejected: dict[str, RejectedRecord]) -> MeetCall:
        """Return the presence in one call. A line that is returned twice counts once."""
        rows: dict[str, _Row] = {}
        # From the window's start on, so that people who left before ``since`` are included.
        for items, _ in self._lines("conference_id", name, self._context.window.start):
            rows |= self._rows(items, rejected)
        call = MeetCall(name)
        for row in rows.values():
            call.code = call.code or row.text("meeting_code")
            call.event_id = call.event_id or row.text("calendar_event_id")
            person = row.text("identifier")
            address = canonical_address(person) if "@" in person else ""
            if address in self._own:
                call.own.append((row.start, row.end))
            elif row.is_outside or (address and self._context.classifier.is_outside(address)):
                # Without an address, a device counts as one person; without a device, each line does.
                identity = address or row.text("endpoint_id") or str(row.end)
                call.others.setdefault(identity, []).append((row.start, row.end))
            else:
                call.colleagues.append((row.start, row.end))
        return call

    def _rows(self, items: list[dict[str, Any]], rejected: dict[str, RejectedRecord]) -> dict[str, _Row]:
        """Return the lines of some activities by pseudonym; those that cannot be used are added to ``rejected``."""
        rows: dict[str, _Row] = {}
        for item in items:
            name = self._context.pseudonyms.entry("google meet line", str(item.get("id")))
            try:
                is_outside = item.get("actor", {}).get("key") == _OUTSIDE
                for index, event in enumerate(item["events"]):
                    parameters = dict(_parameters(event))
                    end = parse_instant(item["id"]["time"])
                    start = end - timedelta(seconds=int(parameters["duration_seconds"]))
                    row = _Row(start, end, is_outside or parameters.get("is_external") is True, parameters)
                    rows[f"{name}/{index}"] = row
            except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
                rejected[name] = RejectedRecord(f"line {name}", "it has no end or no duration of a call")
        return rows


def _parameters(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of the line's parameters that are kept."""
    for parameter in event.get("parameters", ()):
        if parameter["name"] in REPORT_PARAMETERS:
            values = [parameter[kind] for kind in ("value", "intValue", "boolValue") if kind in parameter]
            yield parameter["name"], values[0] if values else None
