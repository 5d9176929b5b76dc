"""A person's wall clock: the zones they live in, daylight saving included, as one table of offsets."""

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

STEP = 86_400  # seconds between two looks at a zone's offset; none changes twice within


@dataclass(frozen=True, slots=True)
class LocalClock:
    """A person's wall clock: from ``since[i]`` on, local time is UTC plus ``offset[i]`` seconds.

    ``wall_since[i]`` is the wall-clock time from which that offset turns a wall-clock time back into an instant. All
    are ``int64``; the first entry holds from the beginning of time.
    """

    since: Instants
    offset: NDArray[np.int64]
    wall_since: NDArray[np.int64]

    def local(self, instants: ArrayLike) -> NDArray[np.int64]:
        """Wall-clock seconds (as if the wall clock were UTC) of each instant."""
        at = np.asarray(instants, dtype=np.int64)
        return at + self.offset[np.searchsorted(self.since[1:], at, side="right")]

    def instants(self, wall: ArrayLike) -> Instants:
        """The instant at which the wall clock shows each time.

        An hour that happens twice is taken the first time; one that never happens is taken as far after the gap as it
        was written into it. A date on which somebody has moved is a date in the new zone from its midnight on.
        """
        shown = np.asarray(wall, dtype=np.int64)
        return shown - self.offset[np.searchsorted(self.wall_since[1:], shown, side="right")]


def local_time(clinician: Clinician, instant: float) -> datetime:
    """An instant as it is told where the clinician lives at that moment."""
    moment = datetime.fromtimestamp(int(instant), UTC)
    return moment.astimezone(clinician.zone_at(moment))


def local_day(clinician: Clinician, now: datetime) -> date:
    """The day it is where the clinician lives now."""
    return local_time(clinician, now.timestamp()).date()


def local_clock(residences: Sequence[Residence], first: date, last: date) -> LocalClock:
    """The wall clock of somebody who lives in dated zones, exact between two dates."""
    zones = [home.zone for home in residences]
    starts = [_midnight(home.starts or first, home.zone) for home in residences]
    rows: list[tuple[int, int, bool]] = []
    for zone, (start, end) in zip(zones, pairwise([*starts, _midnight(last, zones[-1])]), strict=True):
        rows.append((start, _offset(zone, start), True))
        rows += [(at, shift, False) for at, shift in _changes(zone, start, end)]
    since, offset, moved = (np.array(column) for column in zip(*rows, strict=True))
    before = np.concatenate((offset[:1], offset[:-1]))
    wall = since + np.where(moved, offset, np.maximum(before, offset))
    since[0] = np.iinfo(np.int64).min  # the first offset holds before it too
    return LocalClock(since, offset, np.minimum.accumulate(wall[::-1])[::-1])


def _changes(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Every change of a zone's offset between two instants, as (instant, new offset)."""
    probes = [*range(start, end, STEP), max(start, end)]
    offsets = [_offset(zone, probe) for probe in probes]
    for (one, other), (old, new) in zip(pairwise(probes), pairwise(offsets), strict=True):
        if old != new:
            yield _exact_change(zone, one, other), new


def _exact_change(zone: ZoneInfo, before: int, after: int) -> int:
    target = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(zone, middle) == target else (middle, after)
    return after


def _offset(zone: ZoneInfo, instant: int) -> int:
    shift = datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
