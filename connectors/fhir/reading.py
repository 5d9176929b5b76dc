"""How far a record system was read, and the reading itself: a search's pages become batches."""

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

_OVERLAP = timedelta(minutes=10)  # a change may be seen only after one that bears a later time


@dataclass(frozen=True, slots=True)
class FhirCursor(Cursor):
    """Which window was read, up to which change of each kind of resource.

    ``whole_at`` is the last change that was known when everything was read.
    """

    start: str = ""
    end: str = ""
    whole_at: str = ""
    since: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError for instants that are none."""
        for instant in filter(None, (self.start, self.end, self.whole_at, *self.since.values())):
            datetime.fromisoformat(instant)

    def for_window_end(self, end: str) -> FhirCursor:
        """This for a window that ends then. If that is later, messages that were left out count as not read.

        ::

            sent and stored    x    x    x    x    x
            read so far        ------| end      ^ since       what lies between is asked for again

        The earlier of both ends holds until everything has been asked for: a run may be cut off.
        """
        is_later = self.end < end
        since = {
            name: min(change, self.end) if is_later and name.startswith("Communication") else change
            for name, change in self.since.items()
        }
        return replace(self, end=min(self.end, end), since=since)

    def newest(self) -> str:
        """The last change of an appointment or encounter that was seen."""
        return max((change for name, change in self.since.items() if not name.startswith("Communication")), default="")


@dataclass(frozen=True, slots=True)
class FhirSearch:
    """One question to the server. ``name`` is what its progress is kept under; without it, none is."""

    kind: str
    query: Query
    name: str = ""


@dataclass(slots=True)
class _Intake:
    """What resources gave, and the last change among them."""

    records: list[Record] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    newest: str = ""

    def flush(self) -> _Intake:
        """Hand over what came so far."""
        page = replace(self)
        self.records, self.removed, self.rejected, self.resolved = [], [], [], []
        return page

    def batch(self, cursor: str) -> Batch:
        """What came, as a page."""
        records, removed = tuple(self.records), tuple(self.removed)
        return Batch(cursor, records, removed, rejected=tuple(self.rejected), resolved=tuple(self.resolved))


class FhirReading:
    """Asks the server and remembers how far it came."""

    def __init__(self, server: FhirClient, maker: FhirRecordMaker, cursor: FhirCursor) -> None:
        self._server = server
        self._maker = maker
        self.cursor = cursor
        self._intake = _Intake()
        self._done = 0

    def read_snapshot(self, searches: Iterable[FhirSearch], *, restarts: bool) -> Batch:
        """Everything that the searches find, as a snapshot of the window; of true times, too, if they ask for them."""
        kinds = set()
        for search in searches:
            kinds.add(search.kind)
            for resources in self._server.search(search.kind, search.query):
                self._take(search.kind, resources)
            self._reach(search.name)
        self.cursor = replace(self.cursor, whole_at=self.cursor.newest())
        page = self._intake.flush().batch(self.final_cursor())
        window, times = self._maker.context.window, "Encounter" in kinds
        return replace(
            page, removed=(), resolved=(), replaces=window, replaces_times=times, restarts=restarts, done=1, total=1
        )

    def final_cursor(self) -> str:
        """The cursor once everything in the window has been asked for."""
        window = self._maker.context.window
        self.cursor = replace(self.cursor, start=fhir_time(window.start), end=fhir_time(window.end))
        return self.cursor.dump()

    def read_pages(self, search: FhirSearch) -> Iterator[Batch]:
        """The search's pages. Its progress goes with them as long as the server sorts, else with the last.

        How far they are is told where the server says how much there is.
        """
        self._intake.newest = ""
        is_sorted, before = True, self._done
        for resources in self._server.search(search.kind, search.query):
            changes = [self._intake.newest, *map(last_updated, resources)]
            is_sorted = is_sorted and changes == sorted(changes)
            self._take(search.kind, resources)
            if is_sorted:
                self._reach(search.name)
            self._done += len(resources)
            page, total = self._intake.flush().batch(self.cursor.dump()), self._server.total
            if resources:
                yield page if total is None else replace(page, done=self._done, total=max(before + total, self._done))
        self._reach(search.name)

    def _reach(self, name: str) -> None:
        newest = max(self._intake.newest, self.cursor.since.get(name, ""))
        if name and newest:
            self.cursor = replace(self.cursor, since=self.cursor.since | {name: newest})

    def _take(self, kind: str, resources: Iterable[Resource]) -> None:
        intake = self._intake
        for resource in resources:
            intake.newest = max(intake.newest, last_updated(resource))
            name = self._maker.context.pseudonyms.entry(f"fhir {kind}", str(resource.get("id")))
            place = f"{kind.lower()} {name}"
            try:
                doubt = _TAKE[kind](self._maker, resource, intake)
            except (UnusableError, OverflowError) as error:
                doubt = str(error) if isinstance(error, UnusableError) else "a time lies beyond the calendar"
                intake.removed += self._maker.entries(str(resource.get("id"))) if kind == "Appointment" else ()
            if doubt:
                intake.rejected.append(RejectedRecord(place, doubt))
            else:
                intake.resolved.append(place)


def _appointment(maker: FhirRecordMaker, resource: Resource, intake: _Intake) -> str | None:
    booked = appointment_from(resource)
    events = maker.events(booked)
    intake.records += events
    intake.removed += maker.gone(booked, events)
    return None


def _encounter(maker: FhirRecordMaker, resource: Resource, intake: _Intake) -> str | None:
    met = encounter_from(resource)
    intake.records += maker.times(met)
    return maker.doubt(met)


def _communication(maker: FhirRecordMaker, resource: Resource, intake: _Intake) -> str | None:
    intake.records += maker.stamps(communication_from(resource))
    return None


_TAKE = {"Appointment": _appointment, "Encounter": _encounter, "Communication": _communication}


def since(change: str) -> Query:
    """What changed from then on, and in the minutes before."""
    return (("_lastUpdated", f"ge{fhir_time(datetime.fromisoformat(change) - _OVERLAP)}"),) if change else ()
