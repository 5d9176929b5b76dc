"""What is missing from a snapshot: taken back, forgotten by its source, or told under another name.

::

                                       reach              now
    held        |--| |--| |--| |--|     |     |--| |--|    |    |--| |--|
    told                                |     |--|         |         |--|
                forgotten: stays        |          gone    |    gone
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from connectors.base import Batch
from connectors.records import CalendarEvent, SessionEvidence
from monitor.ingest.policy import Page
from monitor.ingest.results import BufferedResult, KeyPositions
from monitor.store.events import EntryKey, StoredEvent
from monitor.store.keys import epoch

SOME = 10_000  # entries that are compared at once
RENAMED_PERCENT = 90  # if so much of what a snapshot could tell is there under another name, names were renewed


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back something is told: the earliest beginning and the earliest end among what is told.

    A feed of the last month keeps what began in it, or else what ended in it. Both are compared, so that a leave that
    began long ago and ended within the month does not make everything since its beginning look deleted.
    """

    start: int
    end: int

    def covers(self, start: int, end: int) -> bool:
        """Return ``True`` if something with this span would still be told."""
        return start >= self.start and end >= self.end


class Reaches(dict[EntryKey, Reach]):
    """The reach of each clinician, or of each series of one."""

    def add(self, key: EntryKey, start: int, end: int) -> None:
        """Note that this span is told."""
        known = self.get(key, Reach(start, end))
        self[key] = Reach(min(known.start, start), min(known.end, end))


class SnapshotSummary:
    """How far back the pages of a snapshot reach, and how many entries of its window they tell."""

    def __init__(self) -> None:
        self.present = self.number_of_times = 0
        self.singles, self.everything, self.series, self.times = Reaches(), Reaches(), Reaches(), Reaches()

    def add(self, page: Page) -> None:
        """Note what a page tells."""
        window = page.batch.replaces
        for record in page.batch.records:
            if isinstance(record, CalendarEvent):
                span, who = (epoch(record.start), epoch(record.end)), (record.clinician, "")
                self.present += window is not None and window.touches(record.start, record.end)
                self.everything.add(who, *span)
                if record.series is None:
                    self.singles.add(who, *span)
                else:
                    self.series.add((record.clinician, record.series), *span)
            elif isinstance(record, SessionEvidence):
                self.number_of_times += 1
                ends = [epoch(at) for at in (record.started_at, record.ended_at) if at is not None]
                if ends:
                    self.times.add((record.clinician, ""), ends[0], ends[-1])


class Snapshot:
    """What a snapshot that was read at ``now`` tells, as it is compared with what is held.

    What is held is walked through and never in memory as a whole. The entries that are told are looked at again,
    page by page, where more than their names has to be known.
    """

    def __init__(self, answer: BufferedResult, told: SnapshotSummary, now: int) -> None:
        if answer.tells_twice():  # each name counts once
            told = SnapshotSummary()
            for page in answer.pages():
                told.add(page)
        self.told = told
        self._answer, self._now = answer, now
        self._stated = _stated(answer.last.batch)
        self._renamed: set[str] = set()

    def new_names(self, held: Callable[[], Iterator[StoredEvent]]) -> dict[EntryKey, str]:
        """Return the new name of each entry held that is told under another one, where a source renews its names.

        It does for a clinician if nearly everything that it could tell is there again as an entry that was not held,
        with the same start, end, kind and client. Where so much is clear, one that differs by its end alone is the same
        entry, too: its end was moved.
        """
        missing: dict[str, list[StoredEvent]] = defaultdict(list)
        could: dict[str, int] = defaultdict(int)
        for entry, is_told in self._compared(held()):
            if is_told:
                could[entry.clinician] += 1
            else:
                missing[entry.clinician].append(entry)
        self._tell_series_of(entry for lost in missing.values() for entry in lost)
        names: dict[EntryKey, str] = {}
        for clinician, lost in missing.items():
            able = {entry.uid_key for entry in lost if self._could_tell(entry, by_name=False)}
            could[clinician] += len(able)
            if not able or 100 * len(able) < RENAMED_PERCENT * could[clinician]:
                continue
            fresh = self._fresh(clinician, held())
            twins = _twins(lost, fresh, with_end=True)
            if 100 * len(able & twins.keys()) < RENAMED_PERCENT * could[clinician]:
                continue
            rest = [entry for entry in lost if entry.uid_key not in twins]
            taken = set(twins.values())
            twins |= _twins(rest, (one for one in fresh if one.uid_key not in taken), with_end=False)
            names |= {(clinician, old): new for old, new in twins.items()}
            self._renamed.add(clinician)
        return names

    def _fresh(self, clinician: str, held: Iterator[StoredEvent]) -> list[CalendarEvent]:
        """Return the entries of a clinician that are told and were not held."""
        known = KeyPositions()
        for entry in held:
            known.add((entry.clinician, entry.uid_key))
        own = [
            record
            for page in self._answer.pages()
            for record in page.batch.records
            if isinstance(record, CalendarEvent) and record.clinician == clinician
        ]
        places = known.places([(one.clinician, one.uid_key) for one in own]).tolist()
        return [one for one, place in zip(own, places, strict=True) if place < 0]

    def missing(self, held: Callable[[], Iterator[StoredEvent]]) -> tuple[set[EntryKey], int]:
        """Return the entries that were taken back, and how many of those held are told or were taken back.

        Taken back are those that the source could tell and does not, and those of which it tells what is not kept.
        """
        away: list[StoredEvent] = []
        still = 0
        for entry, is_told in self._compared(held()):
            still += is_told
            if not is_told:
                away.append(entry)
        self._tell_series_of(away)
        keys = [(entry.clinician, entry.uid_key) for entry in away]
        gone = {
            key
            for key, entry, dropped in zip(keys, away, self._answer.drops(keys), strict=True)
            if dropped or self._could_tell(entry, by_name=entry.clinician not in self._renamed)
        }
        return gone, still + len(gone)

    def _compared(self, held: Iterator[StoredEvent]) -> Iterator[tuple[StoredEvent, bool]]:
        """Yield each entry held and whether it is told."""
        while some := list(islice(held, SOME)):
            yield from zip(some, self._answer.keeps([(entry.clinician, entry.uid_key) for entry in some]), strict=True)

    def _tell_series_of(self, away: Iterable[StoredEvent]) -> None:
        """Let single entries that bear the name of a series reach as far back as they begin: the rule has gone."""
        wanted = {(entry.clinician, entry.series) for entry in away if entry.series is not None}
        names = [(clinician, series) for clinician, series in wanted]
        single = {name for name, told in zip(names, self._answer.keeps(names), strict=True) if told}
        if single:
            for page in self._answer.pages():
                for record in page.batch.records:
                    if (
                        isinstance(record, CalendarEvent)
                        and record.series is None
                        and (record.clinician, record.uid_key) in single
                    ):
                        key = record.clinician, record.uid_key
                        self.told.series.add(key, epoch(record.start), epoch(record.end))

    def _could_tell(self, entry: StoredEvent, *, by_name: bool) -> bool:
        """Return ``True`` if the source would tell this entry, had nobody taken it back.

        That holds of whatever has yet to begin. For the rest, single entries show how far back the source reaches, and
        for a series that is still told its own instances do. Instances say nothing of other entries, because a rule is
        told as long as it goes on; they are gone by where there are no single entries and names do not say which series
        is still told (not ``by_name``).
        """
        if entry.start > self._now:
            return True
        reach = self._stated or self.told.singles.get((entry.clinician, ""))
        if reach is None and not by_name:
            reach = self.told.everything.get((entry.clinician, ""))
        own = self.told.series.get((entry.clinician, entry.series or entry.uid_key))
        return any(each is not None and each.covers(entry.start, entry.end) for each in (reach, own))

    @property
    def tells_all_times(self) -> bool:
        """Whether it tells all true times, too: then one that is missing was taken back."""
        return bool(self._answer.last.batch.replaces_times)

    def lost_times(self, stored: Mapping[EntryKey, tuple[int, int]]) -> tuple[set[EntryKey], int]:
        """Return the true times, each stored with its span, that were taken back, and how many are told or were.

        That is for a snapshot that :attr:`tells_all_times`.
        """
        gone, still = set(), 0
        for (key, (start, end)), is_told in zip(stored.items(), self._answer.tells([*stored]), strict=True):
            still += is_told
            reach = self._stated or self.told.times.get((key[0], ""))
            if not is_told and (start > self._now or (reach is not None and reach.covers(start, end))):
                gone.add(key)
        return gone, still + len(gone)


def _stated(batch: Batch) -> Reach | None:
    """Return the reach that the source states, if it does."""
    if batch.reaches_back_to is None:
        return None
    instant = epoch(batch.reaches_back_to)
    return Reach(instant, instant)


def _twins(missing: Iterable[StoredEvent], fresh: Iterable[CalendarEvent], *, with_end: bool) -> dict[str, str]:
    """Return the name of one fresh entry for the name of each missing one that equals it in all but the name."""
    waiting: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for one in fresh:
        end = epoch(one.end) if with_end else None
        waiting[epoch(one.start), end, one.kind.value, one.client].append(one.uid_key)
    twins = {}
    for entry in missing:
        same = waiting[entry.start, entry.end if with_end else None, entry.kind, entry.client]
        if same:
            twins[entry.uid_key] = same.pop(0)
    return twins
