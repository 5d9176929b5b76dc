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


def is_full(error: OSError) -> bool:
    """Return ``True`` if there is no room left for what was to be written."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def full_disk(folder: Path) -> str:
    """Return words for a folder's disk that is full: which one, and how much is free."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return f"the disk of {folder} is full"
    free = status.f_bavail * status.f_frsize
    told = next((f"{free / size:.0f} {unit}" for unit, size in _UNITS if free >= size), f"{free} bytes")
    no_files = status.f_files and not status.f_favail
    return f"the disk of {folder} is full ({told} free{', but no room for another file' if no_files else ''})"


def why_unwritten(folder: Path, error: OSError) -> str:
    """Return words for why nothing can be written into a folder."""
    if error.errno == errno.EDQUOT:
        return f"this user's share of the disk of {folder} is used up"
    return full_disk(folder) if is_full(error) else (error.strerror or "unknown").lower()


def write_private(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Put ``content`` into a file of the folder, readable by its owner alone, in the place of what was there.

    A run that is cut off at any moment leaves the old file or the new one. Raises :class:`PrivateFileError`.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _refuse_loose(folder.lstat(), folder, "700", stat.S_ISDIR)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(dict(content), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, folder / name)  # noqa: PTH105 (the name that mkstemp gave)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
        _sync_folder(folder)
    except OSError as error:
        remedy = "Make room on the disk." if is_full(error) else "Let whoever runs evenhours write there."
        raise PrivateFileError(f"{folder / name} cannot be written: {why_unwritten(folder, error)}.", remedy) from error


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
