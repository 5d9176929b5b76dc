"""The night: sources are read, whoever is out of date is computed, blocks are published, and the run is recorded.

::

    sources ─ingest→ dirty ─compute→ weekly numbers, notices
                                           └─publish→ blocks of four weeks, for the director

All of it under the lock that two writing commands share. A listener hears what happens; the command line's prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Protocol

from connectors.private import is_disk_full, write_error_reason
from connectors.pseudonyms import Pseudonyms
from monitor import ingest
from monitor.compute import ComputeResult, compute, keep_if_unaffected, record_failure
from monitor.config import Config
from monitor.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTLY, AlreadyRunningError, DiskFullError, StoreError
from monitor.publish import publish
from monitor.readiness import Gap, readiness_of
from monitor.roster import Clinician
from monitor.store import tables
from monitor.store.database import Store

DAYS_A_WEEK = 7

Progress = Callable[[str], None]
"""Is told the key of each clinician before the work on their numbers begins."""


Failed = Callable[[str, Exception], None]
"""Is told the key of each clinician whose numbers could not be computed, and why."""


class NightListener(Protocol):
    """Takes what a night does, as it does it; the command line's prints it."""

    def reading(self) -> AbstractContextManager[ingest.ProgressCallback]:
        """Return the time in which sources are read, with what shows how far each is."""

    def read(self, outcome: ingest.SourceOutcome) -> None:
        """Take what became of a source."""

    def computing(self) -> AbstractContextManager[Progress]:
        """Return the time in which numbers are computed, with what shows whose."""

    def computed(self, analysis: AnalysisResult) -> None:
        """Take whose numbers were computed, and whose could not be."""

    def missing(self, clinician: Clinician, gap: Gap) -> None:
        """Take what keeps somebody's page from saying more."""


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """Whose numbers were computed, and whose could not be, of how many ``people``."""

    computed: tuple[ComputeResult, ...]
    failed: Mapping[str, Exception]
    people: int

    @property
    def exit_code(self) -> int:
        """The exit code: 3 if somebody's numbers could not be computed, 1 if nobody's could."""
        if not self.failed:
            return EXIT_OK
        return EXIT_ERROR if len(self.failed) == self.people else EXIT_PARTLY


@dataclass(frozen=True, slots=True)
class NightResult:
    """The end of a night."""

    exit_code: int
    seconds: float


def night(config: Config, store: Store, names: Pseudonyms, listener: NightListener, *, now: datetime) -> NightResult:
    """Read what is new, compute, and say what keeps a page from saying more. The caller holds the lock.

    What was read is recorded source by source, and how the run ended however it ended.

    Raises:
        StoreError: The database cannot be written.
    """
    with store.write() as connection:
        run = tables.begin_run(connection, "nightly", int(now.timestamp()))
    code, seconds, began = EXIT_ERROR, 0.0, monotonic()
    try:
        outcomes = []
        with listener.reading() as progress:
            for outcome in ingest.ingest(config, store, names, ingest.IngestRequest(), now=now, progress=progress):
                problem = str(outcome.problem) if outcome.problem else None
                read = tables.RunSourceRow(outcome.name, outcome.seconds, outcome.rows, outcome.rejected, problem)
                with store.write() as connection:
                    tables.save_run_source(connection, run, read)
                listener.read(outcome)
                outcomes.append(outcome)
        with listener.computing() as whose:
            analysis = analyse_all(config, store, now=now, progress=whose)
        listener.computed(analysis)
        for clinician, gap in _due_gaps(config, store, now):
            listener.missing(clinician, gap)
        code = ingest.exit_code(outcomes) or analysis.exit_code
    except SystemExit as stopped:
        code = int(stopped.code or 0)
        raise
    finally:
        seconds = monotonic() - began
        with store.write() as connection:
            tables.end_run(connection, run, code, int(now.timestamp() + seconds))
    return NightResult(code, seconds)


def _due_gaps(config: Config, store: Store, now: datetime) -> list[tuple[Clinician, Gap]]:
    """Save what keeps each page from saying more; return what is new, and all of it once a month.

    That is in the first night of a month's first Monday.
    """
    local = now.astimezone(config.practice.zone)
    found = []
    with store.write() as connection:
        nights = tables.last_runs(connection, "nightly", 2)
        before = nights[1].started_at if len(nights) > 1 else 0
        is_first_today = datetime.fromtimestamp(before, local.tzinfo).date() < local.date()
        is_monthly = is_first_today and local.weekday() == 0 and local.day <= DAYS_A_WEEK
        for person in config.clinicians:
            ready = readiness_of(config, connection, person, now)
            gaps = {(gap.kind.value, gap.source): gap for gap in ready.gaps}
            new = tables.save_gaps(connection, person.key, gaps.keys(), int(now.timestamp()))
            found += [(person, gap) for place, gap in gaps.items() if is_monthly or place in new]
    return found


@contextmanager
def run_lock(database: Path) -> Iterator[None]:
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
        found = f"{lock.lock_file} cannot be written: {write_error_reason(database.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{found} Make room and run the command again.") from error
        raise StoreError(f"{found} Check the folder and its rights.") from error
    try:
        yield
    finally:
        lock.release()


def is_running(database: Path) -> bool:
    """Whether another run holds the lock now; nothing is made and nothing stays held."""
    from filelock import FileLock, Timeout

    path = Path(f"{database}.lock")
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def analyse(
    config: Config,
    store: Store,
    *,
    now: datetime,
    everyone: bool = False,
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> Iterator[ComputeResult]:
    """Compute whoever is out of date, or ``everyone``; yield each clinician as they are done; then publish what is due.

    Whose changes all lie after the last week that is over, and bear on nothing before, is left alone: their numbers
    stand as computed tonight.

    With ``failed`` an error in one clinician's numbers is told and remembered and stops nobody else's; they stay out of
    date, and the last ones stand.

    Raises:
        StoreError: The database cannot be written; that is nobody's alone.
        Exception: Without ``failed``, whatever went wrong in somebody's numbers.
    """
    for clinician in config.clinicians:
        with store.read() as connection:
            ready = readiness_of(config, connection, clinician, now)
        if ready.is_current and not everyone:
            continue
        try:
            if not everyone and keep_if_unaffected(store, ready, now=now):
                continue
            if progress:
                progress(clinician.key)
            computed = compute(config, store, clinician, now=now)
        except Exception as error:
            if failed is None or isinstance(error, StoreError):
                raise
            record_failure(store, clinician, error, now)
            failed(clinician.key, error)
        else:
            yield computed
    publish(config, store, now=now)


def analyse_all(
    config: Config, store: Store, *, now: datetime, everyone: bool = False, progress: Progress | None = None
) -> AnalysisResult:
    """Analyse whoever is out of date, or ``everyone``; an error in one clinician's numbers stops nobody else's.

    Raises:
        StoreError: The database cannot be written.
    """
    failed: dict[str, Exception] = {}
    people = analyse(config, store, now=now, everyone=everyone, progress=progress, failed=failed.__setitem__)
    return AnalysisResult(tuple(people), failed, len(config.clinicians))
