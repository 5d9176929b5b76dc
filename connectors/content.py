"""The content of a file or response, read in chunks and as often as needed, never as a whole in memory."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors import files

CHUNK_BYTES = 256 * 1024


class Content:
    """The bytes of an open file or of a response."""

    def __init__(self, source: bytes | int) -> None:
        """Take the bytes, or the descriptor of a file that stays open while this is read."""
        self._source = source
        self._state = self._current_state()

    @property
    def size(self) -> int:
        """The size in bytes when it was opened."""
        return self._state[0]

    @property
    def has_changed(self) -> bool:
        """True if the file has been written to since: what was read may mix its old and new content."""
        return self._state != self._current_state()

    def stream(self) -> io.BufferedReader | io.BytesIO:
        """Return a stream from the beginning; several may be read at once."""
        return io.BytesIO(self._source) if isinstance(self._source, bytes) else io.BufferedReader(_View(self._source))

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in chunks."""
        stream = self.stream()
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

    def is_encoded_in(self, encoding: str) -> bool:
        """Return ``True`` if the bytes are valid text in this encoding."""
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for chunk in self.chunks():
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _current_state(self) -> tuple[int, int]:
        if isinstance(self._source, bytes):
            return len(self._source), 0
        # Size and time of change show a file that is written in place; a replaced one keeps its descriptor.
        status = os.fstat(self._source)
        return status.st_size, status.st_mtime_ns


class _View(io.RawIOBase):
    """A raw stream over an open file with a position of its own, so that several can share the descriptor."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._position = descriptor, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        # preadv leaves the descriptor's own position alone, which other views share.
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count


@contextmanager
def open_content(path: Path) -> Iterator[Content]:
    """Open a file for the length of a ``with``; its content stays readable if another file replaces it meanwhile.

    Raises :class:`~connectors.files.NotAFileError` and other OSError.
    """
    with files.open_file(path) as file:
        yield Content(file.fileno())
