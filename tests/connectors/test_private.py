"""Permissions lie in private files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from connectors.private import PrivateFileError, create_file, read_private, remove_private, replace_file, write_private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def test_what_was_written_is_read_and_belongs_to_us_alone(folder: Path) -> None:
    assert read_private(folder, "ana.json") is None
    write_private(folder, "ana.json", {"token": "a"})

    assert read_private(folder, "ana.json") == {"token": "a"}
    assert (folder.stat().st_mode & 0o777, (folder / "ana.json").stat().st_mode & 0o777) == (0o700, 0o600)
    assert read_private(folder, "ben.json") is None


def test_only_the_given_file_is_removed(folder: Path) -> None:
    assert not remove_private(folder, "ana.json")
    write_private(folder, "ana.json", {"token": "a"})
    write_private(folder, "ben.json", {"token": "b"})

    assert remove_private(folder, "ana.json")

    assert [path.name for path in folder.iterdir()] == ["ben.json"]
    assert not remove_private(folder, "ana.json")


def test_a_permissive_umask_loosens_nothing(folder: Path) -> None:
    before = os.umask(0)
    try:
        write_private(folder, "ana.json", {"token": "a"})
    finally:
        os.umask(before)

    assert (folder.stat().st_mode & 0o777, (folder / "ana.json").stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writing_that_breaks_off_leaves_the_old_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_private(folder, "ana.json", {"token": "old"})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(PrivateFileError, match="Make room on the disk"):
        write_private(folder, "ana.json", {"token": "new"})
    monkeypatch.undo()

    assert read_private(folder, "ana.json") == {"token": "old"}
    assert [path.name for path in folder.iterdir()] == ["ana.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_new_file_that_breaks_off_leaves_none_even_where_only_its_folder_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        create_file(tmp_path / "evenhours.key", "k")
    assert list(tmp_path.iterdir()) == []


def test_a_drive_that_cannot_sync_folders_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fail)
    create_file(tmp_path / "evenhours.key", "k")
    replace_file(tmp_path / "report.html", "old")
    replace_file(tmp_path / "report.html", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"evenhours.key": "k", "report.html": "new"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_new_file_replaces_nothing_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for name in ("key", "link"):
        if name == "key":
            create_file(tmp_path / name, "old")
        with pytest.raises(FileExistsError):
            create_file(tmp_path / name, "new")
    assert (tmp_path / "key").read_text() == "old"
    assert not (tmp_path / "elsewhere").exists()


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    write_private(folder, "ana.json", {"token": "a"})
    (folder / "ben.json").symlink_to("ana.json")
    (tmp_path / "link").symlink_to("tokens")

    with pytest.raises(PrivateFileError):
        read_private(folder, "ben.json")
    with pytest.raises(PrivateFileError, match="Put the file or folder itself there"):
        read_private(tmp_path / "link", "ana.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_a_damaged_file_is_reported_without_repeating_it(folder: Path, text: str) -> None:
    write_private(folder, "ana.json", {"token": "a"})
    (folder / "ana.json").write_text(text)

    with pytest.raises(PrivateFileError, match=r"is damaged\. Remove it and connect again"):
        read_private(folder, "ana.json")


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o755])
def test_nothing_is_written_into_a_folder_that_others_can_enter(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(PrivateFileError, match="chmod 700"):
        write_private(folder, "ana.json", {"token": "a"})
    assert list(folder.iterdir()) == []
