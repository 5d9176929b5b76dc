"""Standard output and standard error, of which neither can end what a command does.

A pipe whose reader has left, a full disk behind it and a closed descriptor are one case: what is printed is lost. A
command that does work goes on and its exit code says what became of the work; one that does nothing but print ends.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from monitor.errors import EvenhoursError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class PrintingError(EvenhoursError):
    """Standard output takes nothing, and printing was the whole of the command."""


class Outlet(io.FileIO):
    """A standard stream. Once it has failed, whatever else goes there is lost in silence.

    ``matters``: the first failure is raised. Without it that is silent, too.
    """

    def __init__(self, descriptor: int, *, matters: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.matters = matters
        self._is_lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written; report all of it as written once nothing can be."""
        if not self._is_lost:
            try:
                return super().write(data)
            except BrokenPipeError:  # whoever read it has seen enough
                self._is_lost = True
                if self.matters:
                    raise
            except OSError as error:
                self._is_lost = True
                if self.matters:
                    raise PrintingError(f"Standard output cannot be written: {_reason(error)}.") from error
        return memoryview(data).nbytes


def _reason(error: OSError) -> str:
    return "it is closed" if error.errno == errno.EBADF else (error.strerror or "unknown").lower()


def hold() -> None:
    """Put outlets in the place of the process's standard streams."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The next file to be opened would get its number, and then what is printed. This one refuses to be written.
            os.open(os.devnull, os.O_RDONLY)
    sys.stdout = _stream(sys.stdout, 1, matters=True)
    sys.stderr = _stream(sys.stderr, 2, matters=False)


def work_goes_on() -> None:
    """Let nothing that cannot be printed end the command from here on."""
    outlet = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(outlet, Outlet):
        outlet.matters = False


def _stream(old: TextIO | None, descriptor: int, *, matters: bool) -> io.TextIOWrapper:
    """Return a stream that is like the ``old`` one, which is ``None`` where the descriptor was closed."""
    outlet = Outlet(descriptor, matters=matters)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=getattr(old, "encoding", None) or "utf-8",
        errors=getattr(old, "errors", None) or "backslashreplace",
        line_buffering=descriptor == 2 or outlet.isatty(),
    )
