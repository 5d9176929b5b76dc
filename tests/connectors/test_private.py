"""Permissions lie in private files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from connectors.private import PrivateFileError, read_private, remove_private, write_private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def test_what_was_written_is_read_and_belongs_to_us_alone(folder: Path) -> None:
    assert read_private(folder, "ana.json") is None
    write_private(folder, "ana.json", {"token": "a"})

    assert read_private(folder, "ana.json") == {"token": "a"}
    assert (folder.stat().st_mode & 0o777, (folder / "ana.json").stat().st_mode & 0o777) == (0o700, 0o600)
    assert read_private(folder, "ben.json") is None


def test_what_is_deleted_is_gone_and_nothing_else_is(folder: Path) -> None:
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


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    write_private(folder, "ana.json", {"token": "a"})
    (folder / "ben.json").symlink_to("ana.json")
    (tmp_path / "link").symlink_to("tokens")

    with pytest.raises(PrivateFileError):
        read_private(folder, "ben.json")
    with pytest.raises(PrivateFileError, match="Put the file or folder itself there"):
        read_private(tmp_path / "link", "ana.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_a_damaged_file_is_said_without_repeating_it(folder: Path, text: str) -> None:
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
