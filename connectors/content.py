"""What a file holds, read in pieces and as often as somebody has to: of a large one there is never more in memory."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors import files

CHUNK_BYTES = 256 * 1024


class Content:
    """The bytes of a file that is open, or of an answer that has come."""

    def __init__(self, held: bytes | int) -> None:
        """``held``: the bytes, or the descriptor of a file that stays open as long as this is read."""
        self._held = held
        self._state = self._state_now()

    @property
    def size(self) -> int:
        """How many bytes there were at first."""
        return self._state[0]

    @property
    def has_changed(self) -> bool:
        """Whether somebody has written into the file meanwhile: what was read is neither the old nor the new one."""
        return self._state != self._state_now()

    def stream(self) -> io.BufferedReader | io.BytesIO:
        """Return a stream from the beginning; several may be read side by side."""
        return io.BytesIO(self._held) if isinstance(self._held, bytes) else io.BufferedReader(_At(self._held))

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces."""
        stream = self.stream()
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

    def _state_now(self) -> tuple[int, int]:
        if isinstance(self._held, bytes):
            return len(self._held), 0
        status = os.fstat(self._held)
        return status.st_size, status.st_mtime_ns


class _At(io.RawIOBase):
    """A file that is open, read at a place of one's own."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._place = descriptor, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        count = os.preadv(self._descriptor, [buffer], self._place)
        self._place += count
        return count


@contextmanager
def open_content(path: Path) -> Iterator[Content]:
    """What a file holds, for the length of a ``with``, even if another takes its place meanwhile.

    Raises :class:`~connectors.files.NotAFileError` and other OSError.
    """
    with files.open_file(path) as file:
        yield Content(file.fileno())
