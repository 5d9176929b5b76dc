"""Stored records that a snapshot does not contain: removed, dropped by their source, or there with another identifier.

::

                                       reach              now
    stored      |--| |--| |--| |--|     |     |--| |--|    |    |--| |--|
    snapshot                            |     |--|         |         |--|
                too old for it: stays   |          removed |    removed
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from connectors.records import CalendarEvent, SessionEvidence
from monitor.ingest.policy import Page
from monitor.ingest.results import BufferedResult, KeyPositions
from monitor.store.events import EventKey, StoredEvent
from monitor.store.keys import epoch

CHUNK_SIZE = 10_000  # stored events that are compared at once
MIN_RENAMED_PERCENT = 90  # if so many of the events are there with another identifier, the source has renamed them


@dataclass(frozen=True, slots=True)
class Reach:
    """The reach of a snapshot into the past: the earliest start and the earliest end of its records.

    A feed of the last month has the events that began in it, or those that ended in it. Both are compared, so that a
    leave that began long ago and ended within the month does not make all events since its start look removed.
    """

    start: int
    end: int

    def covers(self, start: int, end: int) -> bool:
        """Return ``True`` if the snapshot would contain a record with this span."""
        return start >= self.start and end >= self.end


class Reaches(dict[EventKey, Reach]):
    """The reach by clinician and series; the series is empty for the reach of a clinician's records of one type."""

    def add(self, key: EventKey, start: int, end: int) -> None:
        """Extend a reach to a record with this span."""
        reach = self.get(key, Reach(start, end))
        self[key] = Reach(min(reach.start, start), min(reach.end, end))


class SnapshotSummary:
    """The reach of a snapshot and the number of its events and evidence, collected page by page."""

    def __init__(self) -> None:
        self.events_in_window = self.evidence_count = 0
        self.single_events, self.all_events, self.series, self.evidence = Reaches(), Reaches(), Reaches(), Reaches()

    def add(self, page: Page) -> None:
        """Add the records of a page."""
        window = page.batch.replaces
        for record in page.batch.records:
            if isinstance(record, CalendarEvent):
                span, clinician = (epoch(record.start), epoch(record.end)), (record.clinician, "")
                self.events_in_window += window is not None and window.touches(record.start, record.end)
                self.all_events.add(clinician, *span)
                if record.series is None:
                    self.single_events.add(clinician, *span)
                else:
                    self.series.add((record.clinician, record.series), *span)
            elif isinstance(record, SessionEvidence):
                self.evidence_count += 1
                ends = [epoch(instant) for instant in (record.started_at, record.ended_at) if instant is not None]
                if ends:
                    self.evidence.add((record.clinician, ""), ends[0], ends[-1])


class Snapshot:
    """A snapshot, read at ``now``, as it is compared with the stored records.

    The stored events are iterated and never in memory as a whole. Where more than the keys of the snapshot's events is
    needed, its pages are read again.
    """

    def __init__(self, result: BufferedResult, summary: SnapshotSummary, now: int) -> None:
        if result.has_duplicates():  # count each key once
            summary = SnapshotSummary()
            for page in result.pages():
                summary.add(page)
        self.summary = summary
        self._result, self._now = result, now
        stated = result.last.batch.reaches_back_to
        self._stated_reach = None if stated is None else Reach(epoch(stated), epoch(stated))
        self._renamed_clinicians: set[str] = set()

    def new_uid_keys(self, stored: Callable[[], Iterator[StoredEvent]]) -> dict[EventKey, str]:
        """Return the new uid_key of each stored event that a snapshot contains with another one.

        A source has renamed a clinician's events if nearly all of those that it would contain are there as events that
        were not stored, with the same start, end, kind and client. In that case an event that differs only in its end
        is the same one as well: its end was moved.
        """
        missing_events: dict[str, list[StoredEvent]] = defaultdict(list)
        expected_counts: dict[str, int] = defaultdict(int)
        for event, is_contained in self._compared(stored()):
            if is_contained:
                expected_counts[event.clinician] += 1
            else:
                missing_events[event.clinician].append(event)
        self._add_ended_series(event for events in missing_events.values() for event in events)
        new_uid_keys: dict[EventKey, str] = {}
        for clinician, missing in missing_events.items():
            expected = {event.uid_key for event in missing if self._would_contain(event, has_stable_keys=False)}
            expected_counts[clinician] += len(expected)
            if not expected or 100 * len(expected) < MIN_RENAMED_PERCENT * expected_counts[clinician]:
                continue
            new_events = self._new_events(clinician, stored())
            matches = _match_equal(missing, new_events, with_end=True)
            if 100 * len(expected & matches.keys()) < MIN_RENAMED_PERCENT * expected_counts[clinician]:
                continue
            unmatched = [event for event in missing if event.uid_key not in matches]
            matched = set(matches.values())
            unmatched_new = (event for event in new_events if event.uid_key not in matched)
            matches |= _match_equal(unmatched, unmatched_new, with_end=False)
            new_uid_keys |= {(clinician, old): new for old, new in matches.items()}
            self._renamed_clinicians.add(clinician)
        return new_uid_keys

    def _new_events(self, clinician: str, stored: Iterator[StoredEvent]) -> list[CalendarEvent]:
        """Return the events of a clinician in the snapshot that are not stored."""
        stored_keys = KeyPositions()
        for stored_event in stored:
            stored_keys.add((stored_event.clinician, stored_event.uid_key))
        events = [
            record
            for page in self._result.pages()
            for record in page.batch.records
            if isinstance(record, CalendarEvent) and record.clinician == clinician
        ]
        positions = stored_keys.last_positions([(event.clinician, event.uid_key) for event in events]).tolist()
        return [event for event, position in zip(events, positions, strict=True) if position < 0]

    def missing_events(self, stored: Callable[[], Iterator[StoredEvent]]) -> tuple[set[EventKey], int]:
        """Return the stored events that were removed, and how many of the stored ones are contained or were removed.

        Removed are those that the snapshot would contain and does not, and those that the policy drops from it.
        """
        missing: list[StoredEvent] = []
        contained_count = 0
        for event, is_contained in self._compared(stored()):
            contained_count += is_contained
            if not is_contained:
                missing.append(event)
        self._add_ended_series(missing)
        keys = [(event.clinician, event.uid_key) for event in missing]
        removed = {
            key
            for key, event, is_dropped in zip(keys, missing, self._result.has_dropped_events(keys), strict=True)
            if is_dropped or self._would_contain(event, has_stable_keys=event.clinician not in self._renamed_clinicians)
        }
        return removed, contained_count + len(removed)

    def _compared(self, stored: Iterator[StoredEvent]) -> Iterator[tuple[StoredEvent, bool]]:
        """Yield each stored event with ``True`` if the snapshot contains it."""
        while events := list(islice(stored, CHUNK_SIZE)):
            keys = [(event.clinician, event.uid_key) for event in events]
            yield from zip(events, self._result.has_stored_events(keys), strict=True)

    def _add_ended_series(self, missing: Iterable[StoredEvent]) -> None:
        """Add the reach of series that have become a single event, which has the identifier of the series."""
        series_keys = list({(event.clinician, event.series) for event in missing if event.series is not None})
        is_contained = self._result.has_stored_events(series_keys)
        single_keys = {key for key, contained in zip(series_keys, is_contained, strict=True) if contained}
        if single_keys:
            for page in self._result.pages():
                for record in page.batch.records:
                    if (
                        isinstance(record, CalendarEvent)
                        and record.series is None
                        and (record.clinician, record.uid_key) in single_keys
                    ):
                        key = record.clinician, record.uid_key
                        self.summary.series.add(key, epoch(record.start), epoch(record.end))

    def _would_contain(self, event: StoredEvent, *, has_stable_keys: bool) -> bool:
        """Return ``True`` if the snapshot would contain a stored event that was not removed.

        It would contain all future events. For past ones, single events show how far back the source reaches; a series
        that is still there shows its own reach. Instances of a series show nothing about other events, because a feed
        may keep a series for as long as it goes on. They count only if there are no single events and the identifiers
        have changed (not ``has_stable_keys``), so that they do not show which series is still there.
        """
        if event.start > self._now:
            return True
        reach = self._stated_reach or self.summary.single_events.get((event.clinician, ""))
        if reach is None and not has_stable_keys:
            reach = self.summary.all_events.get((event.clinician, ""))
        series_reach = self.summary.series.get((event.clinician, event.series or event.uid_key))
        reaches = (reach, series_reach)
        return any(candidate is not None and candidate.covers(event.start, event.end) for candidate in reaches)

    def missing_evidence(self, stored: Mapping[EventKey, tuple[int, int]]) -> tuple[set[EventKey], int]:
        """Return the stored evidence that was removed, and how much is contained or was removed.

        ``stored`` has the span of each. This applies to a snapshot that contains all evidence (``replaces_times``).
        """
        removed, contained_count = set(), 0
        for (key, (start, end)), is_contained in zip(stored.items(), self._result.has_evidence([*stored]), strict=True):
            contained_count += is_contained
            reach = self._stated_reach or self.summary.evidence.get((key[0], ""))
            if not is_contained and (start > self._now or (reach is not None and reach.covers(start, end))):
                removed.add(key)
        return removed, contained_count + len(removed)


def _match_equal(
    missing: Iterable[StoredEvent], new_events: Iterable[CalendarEvent], *, with_end: bool
) -> dict[str, str]:
    """Return for the uid_keys of missing events those of new ones that are equal in all other fields."""
    candidates: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for new_event in new_events:
        end = epoch(new_event.end) if with_end else None
        candidates[epoch(new_event.start), end, new_event.kind.value, new_event.client].append(new_event.uid_key)
    matches = {}
    for event in missing:
        uid_keys = candidates[event.start, event.end if with_end else None, event.kind, event.client]
        if uid_keys:
            matches[event.uid_key] = uid_keys.pop(0)
    return matches
