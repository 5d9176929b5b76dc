"""Progress for people: one line on standard error, on a terminal alone, gone when it is done."""

from __future__ import annotations

import sys
from shutil import get_terminal_size
from types import TracebackType
from typing import Self

from connectors.base import Batch

WIDTH = 24


class SourceBar:
    """The source that is being read, and how far."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def step(self, source: str, batch: Batch) -> None:
        """Show a page that has been stored."""
        if not batch.total or batch.done is None:
            self.show(f"{source} …")
            return
        share = min(batch.done / batch.total, 1)
        self.show(f"{source} {'█' * round(share * WIDTH):░<{WIDTH}} {share:4.0%}")

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
