"""The write side: ingest, then the numbers and notices of whoever it touched.

::

    sources ─ingest→ dirty ─facts→ frames ─measure→ workload_week | wellbeing_week ─find→ notice
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.analysis.catalogue import DEFINITIONS_VERSION, Wing
from monitor.config import Config
from monitor.errors import AlreadyRunningError, StoreError
from monitor.loading import frames_of, last_week_over
from monitor.roster import Clinician, Takes
from monitor.store import facts, weeks
from monitor.store import notices as kept
from monitor.store.database import Store

if TYPE_CHECKING:
    import pandas as pd


Progress = Callable[[str], None]
"""Is told the key of each clinician before the work on their numbers begins."""


Failed = Callable[[str, Exception], None]
"""Is told the key of each clinician whose numbers could not be computed, and why."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """One clinician's numbers, computed again: how many weekly values and notices there are, and how many changed."""

    clinician: str
    values: int
    notices: int
    changed: int


@contextmanager
def only_run(database: Path) -> Iterator[None]:
    """The lock that two writing commands share; it falls with the process that holds it.

    Raises:
        AlreadyRunningError: another run holds it.
        StoreError: the database's folder cannot hold it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{database}.lock", timeout=0, mode=0o600)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise AlreadyRunningError(
            "Another run is still working on this practice. It will finish by itself; there is nothing to do."
        ) from error
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise StoreError(f"{lock.lock_file} cannot be written: {reason}. Check the folder and its rights.") from error
    try:
        yield
    finally:
        lock.release()


def analyse(
    config: Config,
    store: Store,
    *,
    now: datetime,
    everyone: bool = False,
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> Iterator[Analysed]:
    """Compute what is out of date; yields each clinician as they are done, each in a transaction of its own.

    Out of date is who was touched by ingest, whose hours or rules changed, whose sources were read again after a pause,
    and who has a new week; or ``everyone``. All is computed as of the end of the clinician's last week, so that it does
    not depend on the hour of the run.

    With ``failed`` an error in one clinician's numbers is told and stops nobody else's; they stay out of date, and the
    last ones stand. Raises it otherwise, and StoreError always: a database that cannot be written is nobody's alone.
    """
    with store.read() as connection:
        dirty, done = weeks.dirty(connection), weeks.analysed(connection)
    for clinician in config.clinicians:
        week, over = last_week_over(config, clinician, now)
        with store.read() as connection:
            seen = facts.seen(connection, clinician.key)
        state = (week, _fingerprint(clinician, config, seen, int(over.timestamp())))
        if everyone or clinician.key in dirty or done.get(clinician.key) != state:
            if progress:
                progress(clinician.key)
            try:
                analysed = _analyse_clinician(config, store, clinician, state, over)
            except Exception as error:
                if failed is None or isinstance(error, StoreError):
                    raise
                failed(clinician.key, error)
            else:
                yield analysed


def _analyse_clinician(
    config: Config, store: Store, clinician: Clinician, state: tuple[int, str], now: datetime
) -> Analysed:
    from monitor import notices
    from monitor.analysis.catalogue import measure

    frames = frames_of(config, store, clinician, now=now)
    measured = measure(frames)
    with store.read() as connection:
        stored = kept.notices(connection, clinician.key)
    found = notices.notices_of(frames, measured, stored)
    measured = notices.without(measured, notices.left_out(stored))
    with store.write() as connection:
        changed = sum(
            weeks.save_weeks(connection, clinician.key, wing.value, list(_rows(measured, wing))) for wing in Wing
        )
        changed += kept.save_notices(connection, clinician.key, found)
        weeks.save_analysed(connection, clinician.key, *state)
    return Analysed(clinician.key, len(measured), len(found), changed)


def _rows(measured: pd.DataFrame, wing: Wing) -> Iterator[weeks.WeekRow]:
    """The rows of one wing; a value that is no number is no data."""
    from monitor.analysis.catalogue import catalogue

    rows = measured[["week", "value", "n", "coverage", "key"]].itertuples(index=False)
    for week, value, n, coverage, key in rows:
        if catalogue()[key].wing is wing:
            yield int(week), str(key), None if isnan(value) else float(value), int(n), float(coverage)


def _fingerprint(clinician: Clinician, config: Config, seen: tuple[facts.Seen, facts.Seen], over: int) -> str:
    """What the numbers were computed under, besides the records: rules, and how much had been read."""
    rules = config.practice
    practice = (rules.country, rules.region, rules.day_starts_at, rules.supervision_group, rules.weights)
    # A set's order differs from run to run; of what referrals somebody takes, the trauma cap alone is in a number.
    takes = Takes(trauma_cap=clinician.takes.trauma_cap)
    person = replace(clinician, name="", addresses=frozenset(), takes=takes)
    read = [span and (span[0], min(span[1], over)) for span in seen]
    told = (DEFINITIONS_VERSION, person, practice, read)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
