"""Private files in a folder that only its owner can read; each file is written completely or not at all.

A token opens somebody's calendar, so a file or folder that others can read is refused, not repaired silently: somebody
may have read it already.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_UNITS = (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024))


class PrivateFileError(Exception):
    """A private file cannot be used. ``found`` and ``remedy`` are sentences without the file's content."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.found} {self.remedy}"


def read_private(folder: Path, name: str) -> dict[str, Any] | None:
    """Return the JSON object in a file of the folder, ``None`` if there is none. Raises :class:`PrivateFileError`."""
    path = folder / name
    try:
        # lstat and O_NOFOLLOW: a link could lead to a file that somebody else controls.
        _check_private(folder.lstat(), folder, "700", stat.S_ISDIR)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _check_private(os.fstat(descriptor), path, "600", stat.S_ISREG)
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be read.", "Put the file itself there, readable by you.") from error
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise PrivateFileError(f"{path} is damaged.", "Remove it and connect again.")
    return content


def is_disk_full(error: OSError) -> bool:
    """Return ``True`` if the error says that the disk, or this user's share of it, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def disk_full_message(folder: Path) -> str:
    """Return a phrase that says which folder's disk is full and how much is free."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return f"the disk of {folder} is full"
    free = status.f_bavail * status.f_frsize
    amount = next((f"{free / size:.0f} {unit}" for unit, size in _UNITS if free >= size), f"{free} bytes")
    no_files = status.f_files and not status.f_favail
    return f"the disk of {folder} is full ({amount} free{', but no room for another file' if no_files else ''})"


def write_error_reason(folder: Path, error: OSError) -> str:
    """Return a phrase for why nothing can be written into a folder."""
    if error.errno == errno.EDQUOT:
        return f"this user's share of the disk of {folder} is used up"
    return disk_full_message(folder) if is_disk_full(error) else (error.strerror or "unknown").lower()


def replace_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing an existing one. Raises OSError.

    If the process is killed at any moment, either the old or the new file is there.
    """
    # In the same folder, since a rename is atomic only within one file system.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    _write_and_sync(descriptor, Path(temporary), text, destination=path)


def create_file(path: Path, text: str) -> None:
    """Create a file that only its owner can read. Raises FileExistsError and other OSError.

    An incomplete file is removed again.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    _write_and_sync(os.open(path, flags, 0o600), path, text, destination=path)


def write_private(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write ``content`` to a file of the private folder with :func:`replace_file`. Raises :class:`PrivateFileError`."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_private(folder.lstat(), folder, "700", stat.S_ISDIR)
        replace_file(folder / name, json.dumps(dict(content)))
    except OSError as error:
        remedy = (
            "Make room on the disk." if is_disk_full(error) else "Allow the user that runs evenhours to write there."
        )
        raise PrivateFileError(
            f"{folder / name} cannot be written: {write_error_reason(folder, error)}.", remedy
        ) from error


def remove_private(folder: Path, name: str) -> bool:
    """Delete a file of the folder; return whether there was one. Raises :class:`PrivateFileError`."""
    try:
        (folder / name).unlink()
        _sync_folder(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        remedy = "Delete it by hand, or allow the user that runs evenhours to write there."
        raise PrivateFileError(f"{folder / name} cannot be deleted.", remedy) from error
    return True


def _check_private(status: os.stat_result, path: Path, mode: str, is_right: Callable[[int], bool]) -> None:
    if not is_right(status.st_mode):
        raise PrivateFileError(f"{path} is a link or a special file.", "Put the file or folder itself there.")
    if status.st_uid != os.geteuid():
        raise PrivateFileError(f"{path} belongs to somebody else.", "Make the user that runs evenhours its owner.")
    if status.st_mode & 0o077:
        remedy = f"Run: chmod {mode} {shlex.quote(str(path))}. If others use this machine, connect again."
        raise PrivateFileError(f"{path} can be read by others.", remedy)


def _write_and_sync(descriptor: int, path: Path, text: str, *, destination: Path) -> None:
    """Write the new file at ``path``, flush it to the disk and move it to its destination; on failure, remove it."""
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if path != destination:
            path.replace(destination)
        _sync_folder(destination.parent)
    # Also on KeyboardInterrupt, so that no half-written secret is left.
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a new or renamed file survives a power cut.

    Some network drives cannot; there the system decides when.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
