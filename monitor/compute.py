"""Computation of one clinician's weekly values and notices from the stored records.

::

    facts → frames ─measure→ workload_week | wellbeing_week ─detect→ notice

The nightly run and the pages both use it. It holds no lock: numbers are saved only if the stored records have not
changed meanwhile, and are computed again otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan

from monitor.analysis.catalogue import Category
from monitor.config import Config
from monitor.errors import StoreError
from monitor.loading import load_frames
from monitor.readiness import Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import computations, weeks
from monitor.store import notices as notice_store
from monitor.store.computations import Computation
from monitor.store.database import Store
from monitor.store.upcoming import upcoming_checksum

MOST_ATTEMPTS = 5
"""How often numbers are computed before giving up, if new records arrive each time."""


@dataclass(frozen=True, slots=True)
class ComputeResult:
    """The result of computing one clinician: the numbers of weekly values and notices, and how many of them changed."""

    clinician: str
    values: int
    notices: int
    changed: int


def bring_up_to_date(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> Readiness:
    """Compute a clinician's numbers if they are out of date, and return their readiness afterwards.

    If the computation fails, the error is recorded and the previous numbers stay, marked as out of date.

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
    except StoreError:  # concerns everybody, not this clinician's numbers
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the page is shown with a warning
        record_failure(store, clinician, error, now)
    with store.read() as connection:
        return readiness_of(config, connection, clinician, now)


def record_failure(store: Store, clinician: Clinician, error: Exception, now: datetime) -> None:
    """Record that a clinician's numbers could not be computed: its type alone, not its message."""
    with store.write() as connection:
        computations.save_computation_error(connection, clinician.key, type(error).__name__, int(now.timestamp()))


def keep_if_unaffected(store: Store, ready: Readiness, *, now: datetime) -> bool:
    """Mark stored numbers as computed ``now`` without computing, if no change can affect them; return whether it could.

    That is the case if all changed records lie after the last complete week and do not affect it.

    Raises:
        StoreError: The database cannot be read or written.
    """
    previous, key = ready.computation, ready.clinician.key
    if not ready.changed_only_later or previous.failed_at is not None:
        return False
    with store.read() as connection:
        if upcoming_checksum(connection, key, ready.last_week_end) != previous.upcoming_checksum:
            return False
    with store.write() as connection:
        if computations.computation(connection, key).version != previous.version:  # changed since it was read
            return False
        computations.save_computation(connection, key, _computation(ready, previous.upcoming_checksum, now))
    return True


def compute(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ComputeResult:
    """Compute and store all weekly values and notices of a clinician, as of the end of their last complete week.

    The result therefore does not depend on the hour of the run.

    Raises:
        StoreError: The database cannot be used, or new records arrived during every attempt.
    """
    from monitor import notices
    from monitor.analysis.catalogue import catalogue, compute_metrics

    # Reading and computing hold no lock. The version tells whether a record was written meanwhile.
    for _ in range(MOST_ATTEMPTS):
        with store.read() as connection:
            ready = readiness_of(config, connection, clinician, now)
            stored = notice_store.notices(connection, clinician.key)
            upcoming = upcoming_checksum(connection, clinician.key, ready.last_week_end)
            frames = load_frames(config, store, clinician, now=datetime.fromtimestamp(ready.last_week_end, UTC))
        values = compute_metrics(frames)
        detected = notices.detect_notices(frames, values, stored)
        values = notices.exclude(values, notices.exclusions_from(stored))
        rows: dict[Category, list[weeks.WeekRow]] = {category: [] for category in Category}
        for week, value, n, coverage, key in values[["week", "value", "n", "coverage", "key"]].itertuples(index=False):
            number = None if isnan(value) else float(value)  # NaN: no data
            rows[catalogue()[key].category].append((int(week), str(key), number, int(n), float(coverage)))

        with store.write() as connection:
            if computations.computation(connection, clinician.key).version != ready.computation.version:
                continue
            changed = sum(weeks.save_weeks(connection, clinician.key, name.value, rows[name]) for name in Category)
            changed += notice_store.save_notices(connection, clinician.key, detected)
            computations.save_computation(connection, clinician.key, _computation(ready, upcoming, now))
        return ComputeResult(clinician.key, len(values), len(detected), changed)
    raise StoreError(
        f"The numbers of {clinician.key} could not be saved: new records arrived during {MOST_ATTEMPTS} computations. "
        "The next run computes them."
    )


def _computation(ready: Readiness, upcoming: str | None, now: datetime) -> Computation:
    return Computation(
        week=ready.last_week,
        settings_checksum=ready.settings_checksum,
        sources_checksum=ready.sources_checksum,
        read_to=ready.read_to,
        calendars_to=ready.calendars_to,
        computed_at=int(now.timestamp()),
        upcoming_checksum=upcoming,
    )
