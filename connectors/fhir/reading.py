"""Reading a record system: the cursor, and batches made from the pages of a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.base import Batch, RejectedRecord
from connectors.cursor import Cursor
from connectors.errors import UnusableError
from connectors.fhir.records import FhirRecordMaker
from connectors.fhir.resources import appointment_from, communication_from, encounter_from
from connectors.fhir.server import FhirClient, Query, Resource, fhir_time, last_updated
from connectors.records import Record

_OVERLAP = timedelta(minutes=10)  # a change may become visible after one with a later time


@dataclass(frozen=True, slots=True)
class FhirCursor(Cursor):
    """The window that was read, and the last change seen in each search (``since``).

    ``whole_at`` is the last change that was known when everything was last read.
    """

    start: str = ""
    end: str = ""
    whole_at: str = ""
    since: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError for an invalid instant."""
        for instant in filter(None, (self.start, self.end, self.whole_at, *self.since.values())):
            datetime.fromisoformat(instant)

    def for_window_end(self, end: str) -> FhirCursor:
        """Return the cursor for a window with this end. If it is later, skipped messages count as not read.

        ::

            messages       x    x    x    x    x
            read so far    ------| end      ^ since       the messages in between are requested again

        The earlier of both ends is stored until everything has been requested, since a run may be interrupted.
        """
        is_later = self.end < end
        since = {
            name: min(change, self.end) if is_later and name.startswith("Communication") else change
            for name, change in self.since.items()
        }
        return replace(self, end=min(self.end, end), since=since)

    def newest(self) -> str:
        """Return the last change of an appointment or encounter that was seen."""
        return max((change for name, change in self.since.items() if not name.startswith("Communication")), default="")


@dataclass(frozen=True, slots=True)
class FhirSearch:
    """One search on the server. ``name`` is its key in the cursor's ``since``; without it no progress is stored."""

    kind: str
    query: Query
    name: str = ""


@dataclass(slots=True)
class _Collection:
    """The records made from resources, and the last change among these."""

    records: list[Record] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    newest: str = ""

    def flush(self, cursor: str) -> Batch:
        """Return what was collected so far as a batch, and begin an empty collection."""
        batch = Batch(
            cursor,
            tuple(self.records),
            tuple(self.removed),
            rejected=tuple(self.rejected),
            resolved=tuple(self.resolved),
        )
        self.records, self.removed, self.rejected, self.resolved = [], [], [], []
        return batch


class FhirReading:
    """A reading of one server, with the cursor that moves along with it."""

    def __init__(self, server: FhirClient, maker: FhirRecordMaker, cursor: FhirCursor) -> None:
        self._server = server
        self._maker = maker
        self.cursor = cursor
        self._collection = _Collection()
        self._done = 0

    def read_snapshot(self, searches: Iterable[FhirSearch], *, restarts: bool) -> Batch:
        """Return all results as a snapshot of the window, of actual times too if encounters are among the searches."""
        kinds = set()
        for search in searches:
            kinds.add(search.kind)
            for resources in self._server.search(search.kind, search.query):
                self._collect(search.kind, resources)
            self._advance(search.name)
        self.cursor = replace(self.cursor, whole_at=self.cursor.newest())
        page = self._collection.flush(self.final_cursor())
        window, times = self._maker.context.window, "Encounter" in kinds
        # A snapshot needs no removals of its own: what it does not contain is removed.
        return replace(
            page, removed=(), resolved=(), replaces=window, replaces_times=times, restarts=restarts, done=1, total=1
        )

    def final_cursor(self) -> str:
        """Return the cursor's text once everything in the window has been requested."""
        window = self._maker.context.window
        self.cursor = replace(self.cursor, start=fhir_time(window.start), end=fhir_time(window.end))
        return self.cursor.dump()

    def read_pages(self, search: FhirSearch) -> Iterator[Batch]:
        """Yield the search's pages, with progress if the server returns the total.

        While the server sorts by change, each page's cursor includes its changes; if it does not, only the last one's.
        """
        self._collection.newest = ""
        is_sorted, done_before = True, self._done
        for resources in self._server.search(search.kind, search.query):
            changes = [self._collection.newest, *map(last_updated, resources)]
            is_sorted = is_sorted and changes == sorted(changes)
            self._collect(search.kind, resources)
            # Only if changes come in order is everything up to the newest one on this page stored.
            if is_sorted:
                self._advance(search.name)
            self._done += len(resources)
            page, total = self._collection.flush(self.cursor.dump()), self._server.total
            if total is not None:
                page = replace(page, done=self._done, total=max(done_before + total, self._done))
            if resources:
                yield page
        self._advance(search.name)

    def _advance(self, name: str) -> None:
        newest = max(self._collection.newest, self.cursor.since.get(name, ""))
        if name and newest:
            self.cursor = replace(self.cursor, since=self.cursor.since | {name: newest})

    def _collect(self, kind: str, resources: Iterable[Resource]) -> None:
        """Add the records of some resources of one kind, and of each unusable one its place and the reason."""
        collection, maker = self._collection, self._maker
        for resource in resources:
            collection.newest = max(collection.newest, last_updated(resource))
            name = maker.context.pseudonyms.entry(f"fhir {kind}", str(resource.get("id")))
            place, reason = f"{kind.lower()} {name}", None
            try:
                if kind == "Appointment":
                    appointment = appointment_from(resource)
                    events = maker.events(appointment)
                    collection.records += events
                    collection.removed += maker.removed(appointment, events)
                elif kind == "Encounter":
                    encounter = encounter_from(resource)
                    collection.records += maker.times(encounter)
                    reason = maker.implausible(encounter)
                else:
                    collection.records += maker.stamps(communication_from(resource))
            except (UnusableError, OverflowError) as error:
                reason = str(error) if isinstance(error, UnusableError) else "a time is out of range"
                # An appointment that became unusable replaces the entry that was stored of it.
                collection.removed += maker.entries(str(resource.get("id"))) if kind == "Appointment" else ()
            if reason:
                collection.rejected.append(RejectedRecord(place, reason))
            else:
                collection.resolved.append(place)


def since(change: str) -> Query:
    """Return the query for what changed from then on, or in the minutes before."""
    return (("_lastUpdated", f"ge{fhir_time(datetime.fromisoformat(change) - _OVERLAP)}"),) if change else ()
