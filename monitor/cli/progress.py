"""Progress for people: one line on standard error, on a terminal alone, gone when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from shutil import get_terminal_size
from types import TracebackType
from typing import Self

from connectors.base import Batch

WIDTH = 24
SOON = 10  # seconds; less is not worth a word


class ProgressBar:
    """The source that is being read, how far, and how long the slowest of all that are being read will still take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = sys.stderr.isatty()
        self._clock = clock
        self._begun: dict[str, tuple[float, int]] = {}
        self._ends: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def step(self, source: str, batch: Batch) -> None:
        """Show a page that has been stored."""
        if not batch.total or batch.done is None:
            self.show(f"{source} …")
            return
        self._estimate(source, batch.done, batch.total)
        share = min(batch.done / batch.total, 1)
        left = format_duration(max(self._ends.values(), default=0) - self._clock())
        self.show(f"{source} {'█' * round(share * WIDTH):░<{WIDTH}} {share:4.0%}{left and f'  {left} left'}")

    def _estimate(self, source: str, done: int, total: int) -> None:
        """When the source will have been read, if the rest goes on as all did since its first page."""
        now = self._clock()
        began_at, before = self._begun.setdefault(source, (now, done))
        if done >= total:
            self._ends.pop(source, None)
        elif done > before:
            self._ends[source] = now + (now - began_at) * (total - done) / (done - before)

    def show(self, text: str) -> None:
        """Show one line in place of the last."""
        if self._shown:
            width = get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[K{text[: width - 1]}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def format_duration(seconds: float) -> str:
    """About how long that is; nothing where it is not worth a word."""
    if seconds < SOON:
        return ""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"about {round(seconds / length)} {unit}"
    return f"about {round(seconds, -1):.0f} s"
