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
from connectors.mail import pages as mail
from connectors.mail.maildir import Maildir
from connectors.mail.pages import MailboxOptions
from tests.connectors.mailboxes import ANA, CANARY, WINDOW, Reading, letter, practice, read

BODY = f"\n{CANARY}\nFrom: other@post.example\n".encode()


def maildir(folder: Path, name: str = "post") -> Maildir:
    return Maildir(MailboxOptions(path=Path(name)), practice(folder))


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


def test_a_second_run_gives_one_empty_page_and_the_same_cursor(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    assert len(first.keys) == 5
    assert read(maildir(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=5)]


def test_only_new_messages_are_read_by_the_next_run(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    deliver(tmp_path, [7, 8], "new")
    second = read(maildir(tmp_path), first.cursor)
    assert len(second.stamps) == 2
    assert second.keys.isdisjoint(first.keys)


@pytest.mark.parametrize("flags", [":2,RS", ":2,", ":2,?!x", ""])
def test_reading_answering_or_moving_a_message_makes_it_no_new_one(tmp_path: Path, flags: str) -> None:
    deliver(tmp_path, [1, 2], "new")
    deliver(tmp_path, [3])
    first = read(maildir(tmp_path))
    (tmp_path / file_of(1, "new")).rename(tmp_path / file_of(1, flags=flags))
    assert read(maildir(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=3)]


def test_the_files_own_time_says_nothing(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    os.utime(tmp_path / file_of(1), (0, 0))
    (stamp,) = read(maildir(tmp_path)).stamps
    assert stamp.sent_at == datetime(2026, 9, 2, 8, 1, tzinfo=UTC)


def test_a_copy_in_another_folder_is_the_same_message(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    (tmp_path / "post" / "cur" / "copy:2,").write_bytes(letter(1) + BODY)
    assert len(read(maildir(tmp_path)).stamps) == 1


def test_a_file_that_vanishes_while_we_look_is_read_where_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, [1, 2])
    opened = files.open_file

    def moving(path: Path) -> object:
        if path == tmp_path / file_of(1):
            path.rename(tmp_path / file_of(1, flags=":2,RS"))
        return opened(path)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.mail.maildir.open_file", moving)
        first = read(maildir(tmp_path))
    assert (len(first.stamps), first.rejected) == (1, [])
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 1


def test_a_file_that_cannot_be_read_is_told_by_its_number_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, [1, 2])
    opened = files.open_file

    def failing(path: Path) -> object:
        if path == tmp_path / file_of(2):
            raise OSError(5, "Input/output error", CANARY)
        return opened(path)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.mail.maildir.open_file", failing)
        first = read(maildir(tmp_path))
    assert [(record.where, record.reason) for record in first.rejected] == [("message 2", "its file cannot be read")]
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 1


def test_pipes_folders_and_hidden_files_among_the_messages_are_passed_over(tmp_path: Path) -> None:
    deliver(tmp_path, [1])
    os.mkfifo(tmp_path / "post" / "cur" / "17912.M1P2.host:2,")
    (tmp_path / "post" / "cur" / "folder").mkdir()
    (tmp_path / "post" / "cur" / ".lock").write_bytes(letter(2))
    (tmp_path / "post" / "new").mkdir()
    (tmp_path / "post" / "new" / "dangling").symlink_to(tmp_path / "nowhere")
    found = read(maildir(tmp_path))
    assert (len(found.stamps), found.rejected) == (1, [])


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\0" * 3_000_000, b"x" * 3_000_000, b"\xff\xfe" * 9],
    ids=["empty", "blank", "NULs", "one line", "UTF-16"],
)
def test_what_is_no_message_is_told_by_its_number(tmp_path: Path, content: bytes) -> None:
    deliver(tmp_path, [1])
    (tmp_path / file_of(1)).write_bytes(content)
    assert [record.reason for record in read(maildir(tmp_path)).rejected] == ["it has no readable date"]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "PAGE_MESSAGES", 3)


@pytest.mark.usefixtures("small_pages")
def test_a_run_cut_off_after_any_page_resumes_there_and_loses_nothing(tmp_path: Path) -> None:
    deliver(tmp_path, range(20))
    whole = read(maildir(tmp_path))
    assert [batch.done for batch in whole.batches] == [3, 6, 9, 12, 15, 18, 20]
    for pages in range(1, 7):
        kept = Reading(list(islice(maildir(tmp_path).fetch(None), pages)))
        rest = read(maildir(tmp_path), kept.cursor)
        assert kept.stamps + rest.stamps == whole.stamps
        assert rest.cursor == whole.cursor


def test_a_maildir_that_lost_a_little_goes_on_and_forgets_what_is_gone(tmp_path: Path) -> None:
    deliver(tmp_path, range(10))
    first = read(maildir(tmp_path))
    for number in range(3):
        (tmp_path / file_of(number)).unlink()
    second = read(maildir(tmp_path), first.cursor)
    assert second.stamps == []
    assert len(second.cursor or "") < len(first.cursor or "")


def test_a_maildir_says_how_many_messages_it_has(tmp_path: Path) -> None:
    deliver(tmp_path, range(10))
    first = read(maildir(tmp_path))
    for number in range(4):
        (tmp_path / file_of(number)).unlink()
    second = read(maildir(tmp_path), first.cursor)
    assert second.stamps == []
    assert (first.batches[0].source_size, second.batches[0].source_size) == (10, 6)


def test_a_window_that_reaches_what_was_left_out_reads_again(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    later = practice(tmp_path, window=replace(WINDOW, start=datetime(2026, 12, 1, tzinfo=UTC)))
    first = read(Maildir(MailboxOptions(path=Path("post")), later))
    assert first.stamps == []
    assert len(read(maildir(tmp_path), first.cursor).stamps) == 5


def test_a_new_alias_makes_the_maildir_be_read_anew(tmp_path: Path) -> None:
    deliver(tmp_path, range(5))
    first = read(maildir(tmp_path))
    aliased = practice(tmp_path, replace(ANA, addresses=ANA.addresses | {"client3@post.example"}))
    second = read(Maildir(MailboxOptions(path=Path("post")), aliased), first.cursor)
    assert [stamp.outgoing for stamp in second.stamps].count(True) == 1


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"read":3}', '{"read":"abc"}'])
def test_a_cursor_of_somebody_else_is_the_beginning(tmp_path: Path, cursor: str) -> None:
    deliver(tmp_path, range(3))
    assert len(read(maildir(tmp_path), cursor).stamps) == 3


def test_a_path_to_no_maildir_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r'there is no "post"\. Correct its path'):
        read(maildir(tmp_path))
    (tmp_path / "post").mkdir()
    with pytest.raises(UnavailableError, match='"post" is no Maildir: neither cur nor new'):
        read(maildir(tmp_path))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UnavailableError, match='write kind = "mbox"'):
        read(maildir(tmp_path, "file"))


def test_nothing_but_times_and_keyed_names_leaves_the_connector(tmp_path: Path) -> None:
    deliver(tmp_path, range(3), folder=f".{CANARY}")
    (tmp_path / "post" / f".{CANARY}" / "cur" / f"{CANARY}:2,S").write_bytes(letter(9, From=f'"{CANARY}') + BODY)
    found = read(maildir(tmp_path))
    assert len(found.stamps) == 3
    assert len(found.rejected) == 1
    assert CANARY.lower() not in repr(found.batches).lower()
