"""What is missing from a snapshot: taken back, forgotten by its source, or told under another name.

::

                                       reach              now
    held        |--| |--| |--| |--|     |     |--| |--|    |    |--| |--|
    told                                |     |--|         |         |--|
                forgotten: stays        |          gone    |    gone
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.base import Batch
from connectors.records import CalendarEvent, SessionEvidence
from monitor.store.events import EntryKey, Held
from monitor.store.keys import epoch

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


class Snapshot:
    """The entries of a snapshot that was read at ``now``, as they are compared with what is held."""

    def __init__(self, batch: Batch, now: int) -> None:
        self.told = {(one.clinician, one.uid_key): one for one in batch.records if isinstance(one, CalendarEvent)}
        self._now = now
        self._stated = _stated(batch)
        self._singles, self._everything, self._series = Reaches(), Reaches(), Reaches()
        for (clinician, uid_key), entry in self.told.items():
            span = epoch(entry.start), epoch(entry.end)
            self._series.add((clinician, entry.series or uid_key), *span)
            self._everything.add((clinician, ""), *span)
            if entry.series is None:
                self._singles.add((clinician, ""), *span)
        self._renamed: set[str] = set()

    def new_names(self, held: Mapping[EntryKey, Held]) -> dict[EntryKey, str]:
        """Return the new name of each entry held that is told under another one, where a source renews its names.

        It does for a clinician if nearly everything that it could tell is there again as an entry that was not held,
        with the same start, end, kind and client. Where so much is clear, one that differs by its end alone is the same
        entry, too: its end was moved.
        """
        names: dict[EntryKey, str] = {}
        for clinician in {entry.clinician for entry in held.values()}:
            own = [entry for entry in held.values() if entry.clinician == clinician]
            missing = [entry for entry in own if (clinician, entry.uid_key) not in self.told]
            fresh = [one for key, one in self.told.items() if key[0] == clinician and key not in held]
            could = {entry.uid_key for entry in own if self._could_tell(entry, by_name=False)}
            twins = _twins(missing, fresh, with_end=True)
            if not could or 100 * len(could & twins.keys()) < RENAMED_PERCENT * len(could):
                continue
            missing = [entry for entry in missing if entry.uid_key not in twins]
            fresh = [one for one in fresh if one.uid_key not in set(twins.values())]
            twins |= _twins(missing, fresh, with_end=False)
            names |= {(clinician, old): new for old, new in twins.items()}
            self._renamed.add(clinician)
        return names

    def missing(self, held: Mapping[EntryKey, Held]) -> set[EntryKey]:
        """Return the entries that were taken back: those that the source could tell and does not."""
        return {
            key
            for key, entry in held.items()
            if key not in self.told and self._could_tell(entry, by_name=entry.clinician not in self._renamed)
        }

    def _could_tell(self, entry: Held, *, by_name: bool) -> bool:
        """Return ``True`` if the source would tell this entry, had nobody taken it back.

        That holds of whatever has yet to begin. For the rest, single entries show how far back the source reaches, and
        for a series that is still told its own instances do. Instances say nothing of other entries, because a rule is
        told as long as it goes on; they are gone by where there are no single entries and names do not say which series
        is still told (not ``by_name``).
        """
        if entry.start > self._now:
            return True
        reach = self._stated or self._singles.get((entry.clinician, ""))
        if reach is None and not by_name:
            reach = self._everything.get((entry.clinician, ""))
        own = self._series.get((entry.clinician, entry.series or entry.uid_key))
        return any(each is not None and each.covers(entry.start, entry.end) for each in (reach, own))


def missing_times(
    stored: Mapping[EntryKey, tuple[int, int]], batch: Batch, times: Iterable[SessionEvidence], now: int
) -> set[EntryKey]:
    """Return the keys of true times, each stored with its span, that a snapshot of all true times takes back."""
    told, reaches, stated = set(), Reaches(), _stated(batch)
    for item in times:
        told.add((item.clinician, item.key))
        ends = [epoch(at) for at in (item.started_at, item.ended_at) if at is not None]
        if ends:
            reaches.add((item.clinician, ""), ends[0], ends[-1])
    gone = set()
    for key, (start, end) in stored.items():
        reach = stated or reaches.get((key[0], ""))
        if key not in told and (start > now or (reach is not None and reach.covers(start, end))):
            gone.add(key)
    return gone


def _stated(batch: Batch) -> Reach | None:
    """Return the reach that the source states, if it does."""
    if batch.reaches_back_to is None:
        return None
    instant = epoch(batch.reaches_back_to)
    return Reach(instant, instant)


def _twins(missing: Iterable[Held], fresh: Iterable[CalendarEvent], *, with_end: bool) -> dict[str, str]:
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
