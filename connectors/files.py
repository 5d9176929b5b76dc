"""Opening regular files only: pipes, devices and sockets are refused.

Opening a pipe blocks until somebody writes to it, a device may never end, and opening some devices has effects. So the
path is checked first, opened without blocking, and checked again, as another file may have replaced it in between.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from connectors.errors import UnavailableError


class NotAFileError(OSError):
    """A folder, pipe, device or socket in place of a file, or in a folder of which all files are read."""

    def __init__(self, *, in_folder: bool = False) -> None:
        super().__init__()
        self._in_folder = in_folder

    def to_connector_error(self, source: str, path: object) -> UnavailableError:
        """Return the error for the path as it is written in the configuration."""
        if self._in_folder:
            return UnavailableError(source, f'the folder "{path}" contains a pipe or a device.', "Move it elsewhere.")
        return UnavailableError(source, f'"{path}" is neither a file nor a folder.', "Correct its path.")


def open_file(path: Path) -> BinaryIO:
    """Open the regular file at the path, following links, for reading.

    Raises :class:`NotAFileError` and other OSError.
    """
    if not S_ISREG(path.stat().st_mode):
        raise NotAFileError
    # O_NONBLOCK: opening a pipe does not block. O_NOCTTY: a terminal does not become this process's own.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError
    return os.fdopen(descriptor, "rb")


def regular_files(paths: Iterable[Path]) -> list[Path]:
    """Return the regular files among the paths, in order.

    Folders and broken links are left out. Raises :class:`NotAFileError` for pipes, devices and sockets.
    """
    files = []
    for path in sorted(paths):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            continue
        if S_ISREG(mode):
            files.append(path)
        elif not S_ISDIR(mode):
            raise NotAFileError(in_folder=True)
    return files
