"""A clinician's wall clock: the time zones they live in, with daylight saving time, as one table of offsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.analysis.intervals import Instants
from monitor.roster import Clinician, Residence

PROBE_SECONDS = 86_400  # between two probes of a zone's offset; no zone changes it twice in a day


@dataclass(frozen=True, slots=True)
class LocalClock:
    """A table of offsets: from the instant ``since[i]`` on, local time is UTC plus ``offset[i]`` seconds.

    ``wall_since[i]`` is the wall-clock time from which that offset turns a wall-clock time back into an instant. All
    are ``int64``; the first entry also holds before its own instant.
    """

    since: Instants
    offset: NDArray[np.int64]
    wall_since: NDArray[np.int64]

    def local(self, instants: ArrayLike) -> NDArray[np.int64]:
        """Return the wall-clock seconds (as if the wall clock were UTC) of each instant."""
        instant = np.asarray(instants, dtype=np.int64)
        return instant + self.offset[np.searchsorted(self.since[1:], instant, side="right")]

    def instants(self, wall: ArrayLike) -> Instants:
        """Return the instant at which the wall clock shows each time.

        An hour that happens twice is taken the first time. A time in a gap that no clock shows is taken as far after
        the gap as it is after the gap's start. The day of a move to another zone is in the new zone from midnight on.

        ::

            spring   01:59|03:00      02:30 is taken as 03:30
            autumn   02:59|02:00      02:30 is taken as the first one
        """
        wall_time = np.asarray(wall, dtype=np.int64)
        return wall_time - self.offset[np.searchsorted(self.wall_since[1:], wall_time, side="right")]


def local_time(clinician: Clinician, instant: float) -> datetime:
    """Return an instant as local time in the zone where the clinician lives at that instant."""
    utc = datetime.fromtimestamp(int(instant), UTC)
    return utc.astimezone(clinician.zone_at(utc))


def local_day(clinician: Clinician, now: datetime) -> date:
    """Return the date where the clinician lives now."""
    return local_time(clinician, now.timestamp()).date()


def local_clock(residences: Sequence[Residence], first: date, last: date) -> LocalClock:
    """Return the wall clock of a clinician with dated zones, exact between two dates."""
    zones = [residence.zone for residence in residences]
    starts = [_midnight(residence.starts or first, residence.zone) for residence in residences]
    rows: list[tuple[int, int, bool]] = []
    for zone, (start, end) in zip(zones, pairwise([*starts, _midnight(last, zones[-1])]), strict=True):
        rows.append((start, _offset(zone, start), True))
        rows += [(instant, new, False) for instant, new in _offset_changes(zone, start, end)]
    since, offset, is_move = (np.array(column) for column in zip(*rows, strict=True))
    before = np.concatenate((offset[:1], offset[:-1]))
    # At a change of clocks the larger offset decides: in spring the gap then counts with the old offset, in autumn the
    # repeated hour with the first one. A move counts from the new zone's midnight.
    wall = since + np.where(is_move, offset, np.maximum(before, offset))
    since[0] = np.iinfo(np.int64).min  # the first offset holds before it too
    return LocalClock(since, offset, np.minimum.accumulate(wall[::-1])[::-1])


def _offset_changes(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield every change of a zone's offset between two instants, as (instant, new offset)."""
    probes = [*range(start, end, PROBE_SECONDS), max(start, end)]
    offsets = [_offset(zone, probe) for probe in probes]
    for (before, after), (old, new) in zip(pairwise(probes), pairwise(offsets), strict=True):
        # A day has at most one change, so the two probes around it enclose exactly one.
        if old != new:
            yield _exact_change(zone, before, after), new


def _exact_change(zone: ZoneInfo, before: int, after: int) -> int:
    """Return the first second with the offset of ``after``, by bisection."""
    target = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(zone, middle) == target else (middle, after)
    return after


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
