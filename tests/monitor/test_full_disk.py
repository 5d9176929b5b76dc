"""Tests of a full disk: it is reported wherever a run writes, no partial file stays, and nothing is lost."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.private import PrivateFileError, disk_full_message, write_private
from monitor.cli import reports
from monitor.errors import DiskFullError, StoreError, UsageError
from monitor.night import run_lock
from monitor.store.database import open_store, opened
from tests.monitor.memory import dump
from tests.monitor.office import CommandResult, Office, calendar, session

ROUNDS = max(int(os.environ.get("EVENHOURS_ROUNDS", "20")), 20)
DISK, PAGE = 8 * 1024**2, 4096
FULL = r"is full \(\d+ (bytes|kB) free\)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root, and leave to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


class Filled:
    """A disk that is full but for some bytes while a ``with`` lasts."""

    def __init__(self, disk: Path, left: int) -> None:
        self.filler, self.left = disk / "filler", left

    def __enter__(self) -> None:
        free = os.statvfs(self.filler.parent).f_bavail * PAGE
        self.filler.write_bytes(b"x" * max(free - self.left, 0))

    def __exit__(self, *_: object) -> None:
        self.filler.unlink()


def office_on(disk: Path) -> Office:
    """Return a practice with a calendar of some hundred entries."""
    office = Office(disk)
    entries = [
        session(f"e{day}-{hour}-{n}", day, hour, f"w{n}") for day in range(1, 29) for hour in (9, 11) for n in range(9)
    ]
    office.write("ana.ics", calendar(*entries))
    return office


def names(disk: Path) -> set[str]:
    return {path.name for path in disk.rglob("*")}


def called_full(answer: CommandResult, disk: Path) -> bool:
    """Return whether a command ended because the disk was full; if it did, its output is one sentence."""
    if answer.code == 0:
        return False
    assert answer.code == 1
    *before, sentence = answer.err.splitlines()
    assert re.search(FULL, sentence), sentence
    assert str(disk) in sentence
    assert "Make room" in sentence
    assert all("key" in line for line in before), answer.err
    return True


def taken(disk: Path) -> int:
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bavail) * PAGE


@pytest.mark.slow
def test_a_night_on_a_full_disk_reports_it_and_loses_nothing(disk: Path) -> None:
    whole = office_on(disk)
    before = taken(disk)
    assert whole("nightly").code == 0
    most = taken(disk) - before
    expected, files = whole.dump(), names(disk)
    full = 0
    for number in range(ROUNDS):
        for path in disk.glob("evenhours.d*"):
            path.unlink()
        with Filled(disk, PAGE * (number * 2 * most // ROUNDS // PAGE)):
            full += called_full(whole("init"), disk) or called_full(whole("nightly"), disk)
            assert names(disk) - files <= {"filler", "evenhours.db-wal", "evenhours.db-shm"}
        assert [whole(command).code for command in ("init", "nightly")] == [0, 0]
        assert whole.dump() == expected
        assert names(disk) == files
    assert full >= ROUNDS // 3


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, PAGE, 10 * PAGE, 25 * PAGE])
def test_a_first_night_on_a_full_disk_is_a_first_night_again_with_room(disk: Path, left: int) -> None:
    office = office_on(disk)
    with Filled(disk, left):
        assert called_full(office("nightly"), disk)
    assert "evenhours.key" not in names(disk)
    assert office("nightly").code == 0


@pytest.mark.slow
def test_a_later_night_on_a_full_disk_keeps_what_was_there(disk: Path) -> None:
    office = office_on(disk)
    assert office("nightly").code == 0
    stored = office.dump()
    office.write(
        "ana.ics", calendar(*(session(f"n{day}-{hour}", day, hour) for day in range(1, 29) for hour in range(8, 18)))
    )
    full = 0
    for left in range(0, 40 * PAGE, 2 * PAGE):
        with Filled(disk, left):
            answer = office("--json", "ingest", "--accept-shrink")
            full += called_full(answer, disk)
        if answer.code == 0:
            break
        assert office.dump() == stored
    assert full
    assert office("ingest", "--accept-shrink").code == 0
    assert office.dump() != stored


def test_a_report_on_a_full_disk_leaves_the_old_one_and_nothing_else(disk: Path) -> None:
    report = disk / "report.html"
    reports.write_output(report, "old")
    before = names(disk)
    with Filled(disk, PAGE):
        with pytest.raises(DiskFullError, match=FULL) as error:
            reports.write_output(report, "new" * 10_000)
        assert str(disk) in str(error.value)
        assert names(disk) - before == {"filler"}
    assert report.read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_private_file_that_cannot_be_written_leaves_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "tokens").mkdir(mode=0o700)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((DiskFullError, UsageError)) as unwritten:
        reports.write_output(tmp_path / "report.html", "words")
    with pytest.raises(PrivateFileError) as unkept:
        write_private(tmp_path / "tokens", "ana.json", {"token": "t"})
    assert sorted(names(tmp_path)) == ["tokens"]
    for error, folder in ((unwritten, tmp_path), (unkept, tmp_path / "tokens")):
        reasons = {errno.ENOSPC: disk_full_message(folder), errno.EDQUOT: f"disk of {folder} is used up"}
        assert reasons.get(number, "input/output error") in str(error.value)


def test_a_disk_with_room_but_no_free_file_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    fields = [*status]
    fields[0:2], fields[2:5], fields[5:8] = [PAGE, PAGE], [9999, 2000, 1024], [100, 0, 0]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert disk_full_message(tmp_path) == f"the disk of {tmp_path} is full (4 MB free, but no room for another file)"


def test_a_lock_that_a_full_disk_prevents_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("filelock.FileLock.acquire", fail)
    with (
        pytest.raises(DiskFullError, match=r"evenhours.db.lock cannot be written: the disk of .* is full"),
        run_lock(tmp_path / "evenhours.db"),
    ):
        pass


def test_a_database_is_made_whole_or_not_at_all(disk: Path) -> None:
    """A log that cannot be folded back when it is closed must not leave a file without it."""
    path = disk / "practice.db"
    failures: list[str] = []
    for left in range(0, 1024**2, 16 * PAGE):
        with Filled(disk, left):
            try:
                open_store(path, b"k" * 32, create=True).close()
            except StoreError as error:
                failures.append(str(error))
        if path.exists():
            with opened(path, b"k" * 32) as store:
                assert store.damage() == ""
                assert dump(store)["event"] == []
            break
        assert names(disk) == set()
    assert failures
    assert all(re.search(FULL, sentence) for sentence in failures), failures
    assert path.exists()
