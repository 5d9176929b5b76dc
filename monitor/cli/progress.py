"""A progress line on standard error, shown only on a terminal and erased at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from shutil import get_terminal_size
from types import TracebackType
from typing import Self

from connectors.base import Batch

WIDTH = 24
SHORTEST_SHOWN = 10  # seconds left; less is not shown


class ProgressBar:
    """A line with the source being read, its share done, and the time left for the slowest of all sources."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._clock = clock
        self._starts: dict[str, tuple[float, int]] = {}
        self._ends: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.clear()

    def step(self, source: str, batch: Batch) -> None:
        """Show the progress of a source after a stored batch."""
        if not batch.total or batch.done is None:
            self.show(f"{source} …")
            return
        # The source's end, estimated from its speed since its first batch.
        now = self._clock()
        started_at, done_then = self._starts.setdefault(source, (now, batch.done))
        if batch.done >= batch.total:  # read to the end: no longer the slowest
            self._ends.pop(source, None)
        elif batch.done > done_then:
            self._ends[source] = now + (now - started_at) * (batch.total - batch.done) / (batch.done - done_then)
        # Sources are read in parallel, so the slowest one decides.
        left = format_duration(max(self._ends.values(), default=0) - now)
        share = min(batch.done / batch.total, 1)
        self.show(f"{source} {'█' * round(share * WIDTH):░<{WIDTH}} {share:4.0%}{left and f'  {left} left'}")

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._is_terminal:
            width = get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[K{text[: width - 1]}")  # \x1b[K erases the rest of the line
            sys.stderr.flush()

    def clear(self) -> None:
        """Erase the line."""
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def format_duration(seconds: float) -> str:
    """Return a duration such as "about 3 min"; empty if it is too short to show."""
    if seconds < SHORTEST_SHOWN:
        return ""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:  # "about 80 min" rather than "about 1 h"
            return f"about {round(seconds / length)} {unit}"
    return f"about {round(seconds, -1):.0f} s"
