"""Opening what lies at a path: an ordinary file, or nothing.

A pipe waits for whoever writes into it, a device need not have an end, and opening some does something. So what lies
there is looked at first, open_file without waiting, and looked at again, since it may have become another meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from connectors.errors import UnavailableError


class NotAFileError(OSError):
    """A folder, a pipe, a device or a socket where a file was to be, or in a folder of which all files are read."""

    def __init__(self, *, in_folder: bool = False) -> None:
        super().__init__()
        self._in_folder = in_folder

    def to_connector_error(self, source: str, path: object) -> UnavailableError:
        """Say so of the path as the configuration has it."""
        if self._in_folder:
            return UnavailableError(source, f'the folder "{path}" holds a pipe or a device.', "Take it out of there.")
        return UnavailableError(source, f'"{path}" is neither a file nor a folder.', "Correct its path.")


def open_file(path: Path) -> BinaryIO:
    """The file at the path, or where a link leads, for reading. Raises :class:`NotAFileError` and other OSError."""
    if not S_ISREG(path.stat().st_mode):
        raise NotAFileError
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError
    return os.fdopen(descriptor, "rb")


def regular_files(paths: Iterable[Path]) -> list[Path]:
    """The files, in order; folders and links to nothing are left out. Raises :class:`NotAFileError` for the rest."""
    found = []
    for path in sorted(paths):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            continue
        if S_ISREG(mode):
            found.append(path)
        elif not S_ISDIR(mode):
            raise NotAFileError(in_folder=True)
    return found
