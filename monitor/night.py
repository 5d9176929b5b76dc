"""The nightly run: read the sources, compute what is out of date, publish blocks, record the run.

::

    sources ─ingest→ dirty ─compute→ weekly numbers, notices
                                           └─publish→ blocks of four weeks, for the director

All of it happens under the run lock. A listener is called with each result; the one of the command line prints it.
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
from monitor.store import runs
from monitor.store.database import Store

DAYS_A_WEEK = 7

ClinicianCallback = Callable[[str], None]
"""Called with the key of each clinician before their numbers are computed."""


FailureCallback = Callable[[str, Exception], None]
"""Called with the key of each clinician whose numbers could not be computed, and the error."""


class NightListener(Protocol):
    """Receives the results of a nightly run as they arise."""

    def reading(self) -> AbstractContextManager[ingest.ProgressCallback]:
        """Return a context for reading sources; it yields the callback for their progress."""

    def read(self, outcome: ingest.SourceOutcome) -> None:
        """Receive the result of a source."""

    def computing(self) -> AbstractContextManager[ClinicianCallback]:
        """Return a context for computing numbers; it yields the callback for each clinician."""

    def computed(self, analysis: AnalysisResult) -> None:
        """Receive the result of the computation."""

    def missing(self, clinician: Clinician, gap: Gap) -> None:
        """Receive a gap of a clinician's page."""


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """The computed clinicians, and the failed ones with their errors, of ``people`` in all."""

    computed: tuple[ComputeResult, ...]
    failed: Mapping[str, Exception]
    people: int

    @property
    def exit_code(self) -> int:
        """The exit code: 3 if some clinicians failed, 1 if all did, else 0."""
        if not self.failed:
            return EXIT_OK
        return EXIT_ERROR if len(self.failed) == self.people else EXIT_PARTLY


@dataclass(frozen=True, slots=True)
class NightResult:
    """The exit code and the duration of a nightly run."""

    exit_code: int
    seconds: float


def night(
    config: Config, store: Store, pseudonyms: Pseudonyms, listener: NightListener, *, now: datetime
) -> NightResult:
    """Read what is new, compute what is out of date, and report new gaps. The caller holds the run lock.

    Every source is recorded when it has been read, and the end of the run even if it is interrupted.

    Raises:
        StoreError: The database cannot be written.
    """
    with store.write() as connection:
        run = runs.begin_run(connection, "nightly", int(now.timestamp()))
    # The code that is recorded if an exception ends the run.
    code, seconds, started = EXIT_ERROR, 0.0, monotonic()
    try:
        outcomes = []
        with listener.reading() as progress:
            for outcome in ingest.ingest(config, store, pseudonyms, ingest.IngestRequest(), now=now, progress=progress):
                problem = str(outcome.problem) if outcome.problem else None
                source_row = runs.RunSourceRow(outcome.name, outcome.seconds, outcome.rows, outcome.rejected, problem)
                # One transaction each, so that the log of an interrupted run is complete.
                with store.write() as connection:
                    runs.save_run_source(connection, run, source_row)
                listener.read(outcome)
                outcomes.append(outcome)
        with listener.computing() as progress_of_clinicians:
            analysis = analyse_all(config, store, now=now, progress=progress_of_clinicians)
        listener.computed(analysis)
        for clinician, gap in _due_gaps(config, store, now):
            listener.missing(clinician, gap)
        code = ingest.exit_code(outcomes) or analysis.exit_code  # a source to re-authorise matters more
    except SystemExit as stopped:  # SIGTERM
        code = int(stopped.code or 0)
        raise
    finally:
        seconds = monotonic() - started
        with store.write() as connection:
            runs.end_run(connection, run, code, int(now.timestamp() + seconds))
    return NightResult(code, seconds)


def _due_gaps(config: Config, store: Store, now: datetime) -> list[tuple[Clinician, Gap]]:
    """Store the gaps of every page; return the new ones, or all of them once a month.

    All are returned in the first run of a month's first Monday.
    """
    local = now.astimezone(config.practice.zone)
    due: list[tuple[Clinician, Gap]] = []
    with store.write() as connection:
        last_runs = runs.last_runs(connection, "nightly", 2)  # this run and the one before
        previous = last_runs[1].started_at if len(last_runs) > 1 else 0
        is_first_today = datetime.fromtimestamp(previous, local.tzinfo).date() < local.date()
        is_monthly = is_first_today and local.weekday() == 0 and local.day <= DAYS_A_WEEK
        for clinician in config.clinicians:
            ready = readiness_of(config, connection, clinician, now)
            gaps = {(gap.kind.value, gap.source): gap for gap in ready.gaps}
            new = runs.save_gaps(connection, clinician.key, gaps.keys(), int(now.timestamp()))
            due += [(clinician, gap) for key, gap in gaps.items() if is_monthly or key in new]
    return due


@contextmanager
def run_lock(database: Path) -> Iterator[None]:
    """Hold the lock of writing commands; it is released when the process ends.

    Raises:
        AlreadyRunningError: Another run holds it.
        StoreError: The lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{database}.lock", timeout=0, mode=0o600)  # flock: released by the kernel, even after kill -9
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise AlreadyRunningError(
            "Another run is still working on this practice. It will finish by itself; there is nothing to do."
        ) from error
    except OSError as error:
        problem = f"{lock.lock_file} cannot be written: {write_error_reason(database.parent, error)}."
        if is_disk_full(error):
            raise DiskFullError(f"{problem} Make room and run the command again.") from error
        raise StoreError(f"{problem} Check the folder and its permissions.") from error
    try:
        yield
    finally:
        lock.release()


def is_running(database: Path) -> bool:
    """Return whether another run holds the lock now. No lock file is created."""
    from filelock import FileLock, Timeout

    path = Path(f"{database}.lock")
    if not path.exists():  # FileLock would create it
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
    progress: ClinicianCallback | None = None,
    failed: FailureCallback | None = None,
) -> Iterator[ComputeResult]:
    """Compute the clinicians who are out of date, or ``everyone``, yield each result, then publish due blocks.

    Numbers stay as they are if all changes lie after the last complete week and do not affect it.

    With ``failed``, an error in one clinician's numbers is recorded and passed to it, and the others are computed all
    the same. The previous numbers stay, marked as out of date.

    Raises:
        StoreError: The database cannot be written, which affects everybody.
        Exception: Without ``failed``, any error in a clinician's numbers.
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
            result = compute(config, store, clinician, now=now)
        except Exception as error:
            if failed is None or isinstance(error, StoreError):  # a full disk is nobody's numbers
                raise
            record_failure(store, clinician, error, now)
            failed(clinician.key, error)
        else:
            yield result
    publish(config, store, now=now)


def analyse_all(
    config: Config, store: Store, *, now: datetime, everyone: bool = False, progress: ClinicianCallback | None = None
) -> AnalysisResult:
    """Compute the clinicians who are out of date, or ``everyone``; an error in one affects no other.

    Raises:
        StoreError: The database cannot be written.
    """
    failed: dict[str, Exception] = {}
    results = analyse(config, store, now=now, everyone=everyone, progress=progress, failed=failed.__setitem__)
    return AnalysisResult(tuple(results), failed, len(config.clinicians))
