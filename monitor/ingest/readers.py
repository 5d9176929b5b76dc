"""Reading several servers in parallel: worker threads read, and the caller's thread stores what they return.

::

    mail of ana  ─fetch─┐
    mail of ben  ─fetch─┼─→ a short queue ─→ the thread that stores
    calendar     ─fetch─┘
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

from monitor.ingest.policy import Page

THREADS = 8  # each waits for a server most of the time

ReadResult = Page | BaseException | None
"""A page, the exception that ended the reading, or ``None`` when everything has been read."""

K = TypeVar("K")


class ParallelReaders(Generic[K]):
    """Reads ``jobs`` in threads within a ``with`` block; :meth:`next` returns their pages, those of one job in order.

    If the block is left early, the threads end after their current page. They have nothing that must be closed.
    """

    def __init__(self, jobs: Sequence[tuple[K, Callable[[], Iterator[Page]]]]) -> None:
        self._waiting = deque(jobs)
        # Room for two more items of every thread: after the block is left, no thread blocks here for ever.
        self._results: Queue[tuple[K, ReadResult]] = Queue(2 * THREADS)
        self._stopped = Event()

    def __enter__(self) -> Self:
        for _ in range(min(THREADS, len(self._waiting))):
            # Daemon threads: Ctrl-C ends the process at once, even while a server is being waited for.
            Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        try:
            while True:
                self._results.get_nowait()
        except Empty:
            pass

    def next(self) -> tuple[K, ReadResult]:
        """Wait for the next page, or the end, of any job; return it with the key of the job."""
        return self._results.get()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                key, pages = self._waiting.popleft()
            except IndexError:
                return
            end: BaseException | None = None
            try:
                for page in pages():
                    self._results.put((key, page))
                    if self._stopped.is_set():
                        break
            except BaseException as problem:  # noqa: BLE001 - the caller of next() raises it again
                end = problem
            self._results.put((key, end))
