"""One person's numbers: what is stored of them becomes weekly values and notices, whenever something changed.

::

    facts → frames ─measure→ workload_week | wellbeing_week ─detect→ notice

The night and the pages both come here. Nobody holds a lock meanwhile: numbers are saved only if the person's data are
still those that they were computed from, and computed again otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import TYPE_CHECKING

from monitor.analysis.catalogue import Category
from monitor.config import Config
from monitor.errors import StoreError
from monitor.loading import load_frames
from monitor.readiness import Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import computations, weeks
from monitor.store import notices as kept
from monitor.store.computations import Computation
from monitor.store.database import Store
from monitor.store.upcoming import upcoming_checksum

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

TRIES = 5
"""How often numbers are computed again because data came meanwhile, before that is left to the next call."""


@dataclass(frozen=True, slots=True)
class ComputeResult:
    """One clinician's numbers, computed again: how many weekly values and notices there are, and how many changed."""

    clinician: str
    values: int
    notices: int
    changed: int


def bring_up_to_date(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> Readiness:
    """Compute a clinician's numbers if they are out of date, and return what can be said of them then.

    An error in the numbers is remembered, and the last ones stand: what is returned says that they are not current.

    Raises:
        StoreError: The database cannot be read or written.
    """
    with store.read() as connection:
        ready = readiness_of(config, connection, clinician, now)
    if ready.is_current:
        return ready
    try:
        if not keep_if_unaffected(store, ready, now=now):
            compute(config, store, clinician, now=now)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the page has to say that the numbers are old
        record_failure(store, clinician, error, now)
    with store.read() as connection:
        return readiness_of(config, connection, clinician, now)


def record_failure(store: Store, clinician: Clinician, error: Exception, now: datetime) -> None:
    """Store that a clinician's numbers could not be computed: the kind of error alone, its words may repeat content."""
    with store.write() as connection:
        computations.save_computation_error(connection, clinician.key, type(error).__name__, int(now.timestamp()))


def keep_if_unaffected(store: Store, ready: Readiness, *, now: datetime) -> bool:
    """Let the stored numbers of somebody who is out of date stand as computed ``now``, if all would stay as it is.

    That is where only records of after the last week that is over have changed, and nothing that bears on that week.

    Raises:
        StoreError: The database cannot be read or written.
    """
    done, key = ready.computation, ready.clinician.key
    if not ready.changed_only_later or done.failed_at is not None:
        return False
    with store.read() as connection:
        if upcoming_checksum(connection, key, ready.last_week_end) != done.upcoming_checksum:
            return False
    with store.write() as connection:
        if computations.computation(connection, key).version != done.version:
            return False
        computations.save_computation(connection, key, _computation(ready, done.upcoming_checksum, now))
    return True


def compute(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ComputeResult:
    """Compute and store all weekly numbers and notices of a clinician, as of the end of their last week.

    So they do not depend on the hour of the run.

    Raises:
        StoreError: The database cannot be used, or new data came in each time that the numbers were to be saved.
    """
    for _ in range(TRIES):
        with store.read() as connection:
            ready = readiness_of(config, connection, clinician, now)
            stored = kept.notices(connection, clinician.key)
            later = upcoming_checksum(connection, clinician.key, ready.last_week_end)
            frames = load_frames(config, store, clinician, now=datetime.fromtimestamp(ready.last_week_end, UTC))
        computed = _save(store, ready, _computation(ready, later, now), *_numbers(frames, stored))
        if computed is not None:
            return computed
    raise StoreError(
        f"The numbers of {clinician.key} could not be saved: their data changed {TRIES} times meanwhile. The next run "
        "computes them."
    )


def _numbers(frames: Frames, stored: list[kept.NoticeRow]) -> tuple[pd.DataFrame, list[kept.NoticeRow]]:
    from monitor import notices
    from monitor.analysis.catalogue import compute_metrics

    measured = compute_metrics(frames)
    found = notices.detect_notices(frames, measured, stored)
    return notices.exclude(measured, notices.exclusions_from(stored)), found


def _computation(ready: Readiness, later: str | None, now: datetime) -> Computation:
    return Computation(
        week=ready.last_week,
        settings_checksum=ready.settings_checksum,
        sources_checksum=ready.sources_checksum,
        read_to=ready.read_to,
        calendars_to=ready.calendars_to,
        computed_at=int(now.timestamp()),
        upcoming_checksum=later,
    )


def _save(
    store: Store, ready: Readiness, done: Computation, measured: pd.DataFrame, found: list[kept.NoticeRow]
) -> ComputeResult | None:
    """Save the numbers unless the person's data changed meanwhile; then return ``None``."""
    key = ready.clinician.key
    with store.write() as connection:
        if computations.computation(connection, key).version != ready.computation.version:
            return None
        changed = sum(
            weeks.save_weeks(connection, key, category.value, list(_rows(measured, category))) for category in Category
        )
        changed += kept.save_notices(connection, key, found)
        computations.save_computation(connection, key, done)
    return ComputeResult(key, len(measured), len(found), changed)


def _rows(measured: pd.DataFrame, category: Category) -> Iterator[weeks.WeekRow]:
    """Yield the rows of one category; a value that is no number is no data."""
    from monitor.analysis.catalogue import catalogue

    rows = measured[["week", "value", "n", "coverage", "key"]].itertuples(index=False)
    for week, value, n, coverage, key in rows:
        if catalogue()[key].category is category:
            yield int(week), str(key), None if isnan(value) else float(value), int(n), float(coverage)
