"""Private files: a folder that is ours alone, in which every file is written whole or not at all.

A token opens somebody's calendar, so a file or folder that others can look into is refused, not mended in silence:
whoever could read it may have done so.
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
    """A private file cannot be used. ``found`` and ``remedy`` are sentences; neither carries what is in the file."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.found} {self.remedy}"


def read_private(folder: Path, name: str) -> dict[str, Any] | None:
    """What a file of the folder holds; ``None`` where there is none. Raises :class:`PrivateFileError`."""
    path = folder / name
    try:
        _refuse_loose(folder.lstat(), folder, "700", stat.S_ISDIR)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _refuse_loose(os.fstat(descriptor), path, "600", stat.S_ISREG)
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be read.", "Put the file itself there, readable by you.") from error
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PrivateFileError(f"{path} is damaged.", "Remove it and connect again.")
    return found


def is_disk_full(error: OSError) -> bool:
    """Return ``True`` if there is no room left for what was to be written."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def disk_full_message(folder: Path) -> str:
    """Return words for a folder's disk that is full: which one, and how much is free."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return f"the disk of {folder} is full"
    free = status.f_bavail * status.f_frsize
    told = next((f"{free / size:.0f} {unit}" for unit, size in _UNITS if free >= size), f"{free} bytes")
    no_files = status.f_files and not status.f_favail
    return f"the disk of {folder} is full ({told} free{', but no room for another file' if no_files else ''})"


def write_error_reason(folder: Path, error: OSError) -> str:
    """Return words for why nothing can be written into a folder."""
    if error.errno == errno.EDQUOT:
        return f"this user's share of the disk of {folder} is used up"
    return disk_full_message(folder) if is_disk_full(error) else (error.strerror or "unknown").lower()


def replace_file(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, in the place of what was there. Raises OSError.

    A run that is cut off at any moment leaves the old file or the new one.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    _write_through(descriptor, Path(temporary), text, place=path)


def create_file(path: Path, text: str) -> None:
    """Write a file that its owner alone may read where there is none. Raises FileExistsError and other OSError.

    Nothing is left of one that could not be written to its end.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    _write_through(os.open(path, flags, 0o600), path, text, place=path)


def write_private(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Put ``content`` into a file of the private folder as :func:`replace_file` does. Raises PrivateFileError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _refuse_loose(folder.lstat(), folder, "700", stat.S_ISDIR)
        replace_file(folder / name, json.dumps(dict(content)))
    except OSError as error:
        remedy = "Make room on the disk." if is_disk_full(error) else "Let whoever runs evenhours write there."
        raise PrivateFileError(
            f"{folder / name} cannot be written: {write_error_reason(folder, error)}.", remedy
        ) from error


def remove_private(folder: Path, name: str) -> bool:
    """Delete a file of the folder for good, whatever it is; say whether there was one. Raises PrivateFileError."""
    try:
        (folder / name).unlink()
        _sync_folder(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        remedy = "Delete it by hand, or let whoever runs evenhours write there."
        raise PrivateFileError(f"{folder / name} cannot be deleted.", remedy) from error
    return True


def _refuse_loose(status: os.stat_result, path: Path, mode: str, is_right: Callable[[int], bool]) -> None:
    if not is_right(status.st_mode):
        raise PrivateFileError(f"{path} is a link or no ordinary place.", "Put the file or folder itself there.")
    if status.st_uid != os.geteuid():
        raise PrivateFileError(f"{path} belongs to somebody else.", "Let whoever runs evenhours own it.")
    if status.st_mode & 0o077:
        remedy = f"Run: chmod {mode} {shlex.quote(str(path))}. If others use this machine, connect again."
        raise PrivateFileError(f"{path} can be read by others.", remedy)


def _write_through(descriptor: int, path: Path, text: str, *, place: Path) -> None:
    """Write the file just made at ``path`` down to the disk and move it to its place, or leave nothing of it."""
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if path != place:
            path.replace(place)
        _sync_folder(place.parent)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Write a folder's names down to the disk. Some network drives cannot; there the system decides when."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
