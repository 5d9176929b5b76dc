"""Configured files and folders: regular files alone are opened, and an error says what to do.

Pipes, devices and sockets are refused. Opening a pipe blocks until somebody writes to it, a device may never end, and
opening some devices has effects. So the path is checked first, opened without blocking, and checked again, as another
file may have replaced it in between.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from connectors.base import Context
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


@contextmanager
def translated_errors(context: Context, path: Path) -> Iterator[None]:
    """Turn errors of the file system into an :class:`UnavailableError` that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise path_error(context, f'there is no "{path}".') from error
    except PermissionError as error:
        remedy = "Give the user that runs evenhours the right to read it."
        raise UnavailableError(context.source, f'"{path}" may not be read.', remedy) from error
    except NotAFileError as error:
        raise error.to_connector_error(context.source, path) from error
    except OSError as error:
        remedy = "Check the disk that it is on, then run it again."
        raise UnavailableError(context.source, f'"{path}" cannot be read.', remedy) from error


def is_folder(context: Context, path: Path) -> bool:
    """Return ``True`` if the configured path is a folder, ``False`` for a file. Raises UnavailableError for others."""
    with translated_errors(context, path):
        mode = (context.folder / path).stat().st_mode
    if not (S_ISDIR(mode) or S_ISREG(mode)):
        raise NotAFileError().to_connector_error(context.source, path)
    return S_ISDIR(mode)


def path_error(context: Context, found: str) -> UnavailableError:
    """Return the error for a path at which there is nothing usable."""
    return UnavailableError(context.source, found, "Correct its path, which is relative to the configuration file.")
