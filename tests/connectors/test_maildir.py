from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from connectors import files
from connectors.base import Batch
from connectors.errors import UnavailableError
from connectors.mail import pages
from connectors.mail.maildir import MaildirConnector
from connectors.mail.pages import MailboxOptions
from tests.connectors.mailboxes import ANA, CANARY, WINDOW, Reading, letter, practice, read

BODY = f"\n{CANARY}\nFrom: other@post.example\n".encode()


def maildir(folder: Path, name: str = "post") -> MaildirConnector:
    return MaildirConnector(MailboxOptions(path=Path(name)), practice(folder))


def file_of(number: int, part: str = "cur", folder: str = "", flags: str = ":2,S") -> Path:
    return Path("post", folder, part, f"17912345{number:02}.M1P2.host{flags if part == 'cur' else ''}")


def deliver(root: Path, numbers: Iterable[int], part: str = "cur", folder: str = "") -> None:
    for number in numbers:
        path = root / file_of(number, part, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(letter(number) + BODY)


def test_messages_of_all_folders_are_read_and_drafts_junk_and_trash_are_not(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    deliver(tmp_path, [2], "new")
    deliver(tmp_path, [3], folder=".Sent")
    deliver(tmp_path, [4], folder="Archive")
    for number, folder in enumerate([".Drafts", ".INBOX.Trash", "Junk", ".Spam", ".Templates"], 5):
        deliver(tmp_path, [number], folder=folder)
    deliver(tmp_path, [20], "tmp")
    assert len(read(maildir(tmp_path)).keys) == 4


def test_second_run_yields_one_empty_page_and_the_same_cursor(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    assert len(first.keys) == 5
    assert read(maildir(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=5)]


def test_next_run_reads_only_new_messages(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    deliver(tmp_path, [7, 8], "new")
    second = read(maildir(tmp_path), first.cursor)
    assert len(second.stamps) == 2
    assert second.keys.isdisjoint(first.keys)


@pytest.mark.parametrize("flags", [":2,RS", ":2,", ":2,?!x", ""])
def test_message_stays_the_same_when_it_is_read_answered_or_moved(tmp_path: Path, flags: str) -> None:
    deliver(tmp_path, [1, 2], "new")
    deliver(tmp_path, [3])
    first = read(maildir(tmp_path))
    (tmp_path / file_of(1, "new")).rename(tmp_path / file_of(1, flags=flags))
    assert read(maildir(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=3)]


def test_time_of_the_file_is_ignored(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    os.utime(tmp_path / file_of(1), (0, 0))
    (stamp,) = read(maildir(tmp_path)).stamps
    assert stamp.sent_at == datetime(2026, 9, 2, 8, 1, tzinfo=UTC)


def test_copy_in_another_folder_is_the_same_message(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    (tmp_path / "post" / "cur" / "copy:2,").write_bytes(letter(1) + BODY)
    assert len(read(maildir(tmp_path)).stamps) == 1


def test_file_that_is_moved_during_the_run_is_read_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(tmp_path, [1, 2])
    open_file = files.open_file

    def move_then_open(path: Path) -> object:
        if path == tmp_path / file_of(1):
            path.rename(tmp_path / file_of(1, flags=":2,RS"))
        return open_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.mail.maildir.open_file", move_then_open)
        first = read(maildir(tmp_path))
    assert (len(first.stamps), first.rejected) == (1, [])
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 1


def test_unreadable_file_is_rejected_by_its_number_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, [1, 2])
    open_file = files.open_file

    def fail_to_open(path: Path) -> object:
        if path == tmp_path / file_of(2):
            raise OSError(5, "Input/output error", CANARY)
        return open_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.mail.maildir.open_file", fail_to_open)
        first = read(maildir(tmp_path))
    assert [(record.where, record.reason) for record in first.rejected] == [("message 2", "its file cannot be read")]
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 1


def test_pipes_folders_and_hidden_files_are_ignored(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    os.mkfifo(tmp_path / "post" / "cur" / "17912.M1P2.host:2,")
    (tmp_path / "post" / "cur" / "folder").mkdir()
    (tmp_path / "post" / "cur" / ".lock").write_bytes(letter(2))
    (tmp_path / "post" / "new").mkdir()
    (tmp_path / "post" / "new" / "dangling").symlink_to(tmp_path / "nowhere")
    reading = read(maildir(tmp_path))
    assert (len(reading.stamps), reading.rejected) == (1, [])


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\0" * 3_000_000, b"x" * 3_000_000, b"\xff\xfe" * 9],
    ids=["empty", "blank", "NULs", "one line", "UTF-16"],
)
def test_other_file_is_rejected(tmp_path: Path, content: bytes) -> None:
    deliver(tmp_path, [1])
    (tmp_path / file_of(1)).write_bytes(content)
    assert [record.reason for record in read(maildir(tmp_path)).rejected] == ["it has no readable date"]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_MESSAGES", 3)


@pytest.mark.usefixtures("small_pages")
def test_interrupted_run_continues_after_the_last_stored_page(tmp_path: Path) -> None:
    deliver(tmp_path, range(20))
    complete = read(maildir(tmp_path))
    assert [batch.done for batch in complete.batches] == [3, 6, 9, 12, 15, 18, 20]
    for count in range(1, 7):
        interrupted = Reading(list(islice(maildir(tmp_path).fetch(None), count)))
        rest = read(maildir(tmp_path), interrupted.cursor)
        assert interrupted.stamps + rest.stamps == complete.stamps
        assert rest.cursor == complete.cursor


def test_names_of_missing_files_are_dropped_from_the_cursor(tmp_path: Path) -> None:
    deliver(tmp_path, range(10))
    first = read(maildir(tmp_path))
    for number in range(3):
        (tmp_path / file_of(number)).unlink()
    second = read(maildir(tmp_path), first.cursor)
    assert second.stamps == []
    assert len(second.cursor or "") < len(first.cursor or "")


def test_first_page_has_the_number_of_messages(tmp_path: Path) -> None:
    deliver(tmp_path, range(10))
    first = read(maildir(tmp_path))
    for number in range(4):
        (tmp_path / file_of(number)).unlink()
    second = read(maildir(tmp_path), first.cursor)
    assert second.stamps == []
    assert (first.batches[0].source_size, second.batches[0].source_size) == (10, 6)


def test_window_that_includes_skipped_messages_restarts_the_maildir(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    later = practice(tmp_path, window=replace(WINDOW, start=datetime(2026, 12, 1, tzinfo=UTC)))
    first = read(MaildirConnector(MailboxOptions(path=Path("post")), later))
    assert first.stamps == []
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 5


def test_new_alias_restarts_the_maildir(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    aliased = practice(tmp_path, replace(ANA, addresses=ANA.addresses | {"client3@post.example"}))
    second = read(MaildirConnector(MailboxOptions(path=Path("post")), aliased), first.cursor)
    assert [stamp.outgoing for stamp in second.stamps].count(True) == 1


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"read":3}', '{"read":"abc"}'])
def test_unknown_cursor_restarts_the_maildir(tmp_path: Path, cursor: str) -> None:
    deliver(tmp_path, range(3))
    assert len(read(maildir(tmp_path), cursor).stamps) == 3


def test_path_to_something_else_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r'there is no "post"\. Correct its path'):
        read(maildir(tmp_path))
    (tmp_path / "post").mkdir()
    with pytest.raises(UnavailableError, match='"post" is not a Maildir: it has no folder cur or new'):
        read(maildir(tmp_path))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UnavailableError, match='write kind = "mbox"'):
        read(maildir(tmp_path, "file"))


def test_only_times_and_keyed_names_leave_the_connector(tmp_path: Path) -> None:
    deliver(tmp_path, range(3), folder=f".{CANARY}")
    (tmp_path / "post" / f".{CANARY}" / "cur" / f"{CANARY}:2,S").write_bytes(letter(9, From=f'"{CANARY}') + BODY)
    reading = read(maildir(tmp_path))
    assert len(reading.stamps) == 3
    assert len(reading.rejected) == 1
    assert CANARY.lower() not in repr(reading.batches).lower()
