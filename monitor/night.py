"""The night: whoever is out of date is computed, under the lock that two writing commands share.

::

    sources ─ingest→ dirty ─compute→ weekly numbers, notices
                                           └─publish→ blocks of four weeks, for the director
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from connectors.private import is_full, why_unwritten
from monitor.compute import Computed, compute, leave_alone, remember_failure
from monitor.config import Config
from monitor.errors import AlreadyRunningError, FullError, StoreError
from monitor.publish import publish
from monitor.readiness import readiness_of
from monitor.store.database import Store

Progress = Callable[[str], None]
"""Is told the key of each clinician before the work on their numbers begins."""


Failed = Callable[[str, Exception], None]
"""Is told the key of each clinician whose numbers could not be computed, and why."""


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
        found = f"{lock.lock_file} cannot be written: {why_unwritten(database.parent, error)}."
        if is_full(error):
            raise FullError(f"{found} Make room and run the command again.") from error
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
) -> Iterator[Computed]:
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
            if not everyone and leave_alone(store, ready, now=now):
                continue
            if progress:
                progress(clinician.key)
            computed = compute(config, store, clinician, now=now)
        except Exception as error:
            if failed is None or isinstance(error, StoreError):
                raise
            remember_failure(store, clinician, error, now)
            failed(clinician.key, error)
        else:
            yield computed
    publish(config, store, now=now)
