"""Servers are waited for side by side: many threads read, and one, the caller's own, takes what they bring.

::

    mail of ana  ─fetch─┐
    mail of ben  ─fetch─┼─→ a short queue ─→ whoever stores
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

AT_ONCE = 8  # threads; each waits for a server most of its time

Arrival = Page | BaseException | None
"""A page, what ended the reading, or ``None``: read to its end."""

K = TypeVar("K")


class Readers(Generic[K]):
    """Reads ``jobs``, some at once, while a ``with`` lasts; :meth:`next` gives what comes, each job's pages in order.

    The threads hold nothing that has to be closed: whoever leaves early leaves them to end after the page in hand.
    """

    def __init__(self, jobs: Sequence[tuple[K, Callable[[], Iterator[Page]]]]) -> None:
        self._waiting = deque(jobs)
        # Room for one more page of everybody: after stopping, nobody waits here for good.
        self._arrivals: Queue[tuple[K, Arrival]] = Queue(2 * AT_ONCE)
        self._stopped = Event()

    def __enter__(self) -> Self:
        for _ in range(min(AT_ONCE, len(self._waiting))):
            Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        try:
            while True:
                self._arrivals.get_nowait()
        except Empty:
            pass

    def next(self) -> tuple[K, Arrival]:
        """Whose page comes next, and the page; waits for it."""
        return self._arrivals.get()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                key, pages = self._waiting.popleft()
            except IndexError:
                return
            self._arrivals.put((key, self._read(key, pages)))

    def _read(self, key: K, pages: Callable[[], Iterator[Page]]) -> Arrival:
        """Hand over every page; how it ended."""
        try:
            for page in pages():
                self._arrivals.put((key, page))
                if self._stopped.is_set():
                    break
        except BaseException as problem:  # noqa: BLE001 - it is raised again by whoever waits
            return problem
        return None
