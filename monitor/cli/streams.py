"""Standard output and standard error that cannot interrupt the work of a command.

A closed pipe, a full disk and a closed descriptor are one case: the output is lost. A command that does work goes on,
and its exit code says how the work ended; a command that only prints ends with an error.
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
    """Standard output cannot be written, and the command does nothing but print."""


class StandardStream(io.FileIO):
    """A standard stream that discards everything after its first failure.

    With ``raises`` the first failure is raised; without it, it is ignored, too.
    """

    def __init__(self, descriptor: int, *, raises: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.raises = raises
        self._has_failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write ``data``; after a failure, report it as written."""
        if not self._has_failed:
            try:
                return super().write(data)
            except BrokenPipeError:  # the reader has left, as `head` does
                self._has_failed = True
                if self.raises:
                    raise
            except OSError as error:
                self._has_failed = True
                if self.raises:
                    reason = "it is closed" if error.errno == errno.EBADF else (error.strerror or "unknown").lower()
                    raise PrintingError(f"Cannot write to standard output: {reason}.") from error
        return memoryview(data).nbytes


def replace_standard_streams() -> None:
    """Replace the process's standard streams by tolerant ones."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Otherwise the next file that is opened would get this descriptor, and the output with it.
            os.open(os.devnull, os.O_RDONLY)
    sys.stdout = _stream(sys.stdout, 1, raises=True)
    sys.stderr = _stream(sys.stderr, 2, raises=False)


def ignore_output_errors() -> None:
    """Do not let failing output end the command from here on."""
    stream = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(stream, StandardStream):
        stream.raises = False


def _stream(old: TextIO | None, descriptor: int, *, raises: bool) -> io.TextIOWrapper:
    """Return a text stream with the settings of ``old``, which is ``None`` if the descriptor was closed."""
    stream = StandardStream(descriptor, raises=raises)
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding=getattr(old, "encoding", None) or "utf-8",
        errors=getattr(old, "errors", None) or "backslashreplace",
        line_buffering=descriptor == 2 or stream.isatty(),
    )
