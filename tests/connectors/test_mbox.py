from __future__ import annotations

import hashlib
import io
import json
import os
import random
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Batch, Context, Owner, Window
from connectors.errors import ConnectorError, MalformedError, UnavailableError
from connectors.files import translated_errors
from connectors.mail import pages, separators
from connectors.mail.mbox import MboxConnector, MboxCursor
from connectors.mail.pages import MailboxOptions
from connectors.mail.separators import message_offsets
from connectors.pseudonyms import Pseudonyms
from connectors.records import MessageStamp
from tests.connectors.mailboxes import ANA, BEN, CANARY, PSEUDONYMS, WINDOW, Reading, letter, practice, read, threads

SEPARATOR = b"From sender@post.example Tue Sep  1 08:00:00 2026\n"


def message(number: int = 1, body: bytes = b"hello", **fields: str) -> bytes:
    return SEPARATOR + letter(number, **fields) + b"\n" + body + b"\n\n"


def mailbox(numbers: Iterable[int]) -> bytes:
    return b"".join(map(message, numbers))


def mbox(folder: Path, name: str = "ana.mbox", **options: str) -> MboxConnector:
    return MboxConnector(options_of(name, **options), practice(folder))


def options_of(name: str = "ana.mbox", lists: str = "ignore", channel: str = "email") -> MailboxOptions:
    return MailboxOptions(path=Path(name), lists="ordinary" if lists == "ordinary" else "ignore", channel=channel)


def read_bytes(folder: Path, content: bytes) -> Reading:
    (folder / "ana.mbox").write_bytes(content)
    return read(mbox(folder))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_MESSAGES", 3)


# Where a message begins


@pytest.mark.parametrize(
    "line",
    [
        b"From now on we meet at half past ten",
        b"From now on we meet at 10:30 in 2026",
        b"From Tue Sep  1 08:00:00 2026 on it is different",
        b"From: somebody",
        b">From sender@post.example Tue Sep  1 08:00:00 2026",
        b"From sender@post.example Tue Sep  1 08:00:00 2026\nand so on",
        b"From sender@post.example Tue Sep  1 08:00:00 2026\n",
    ],
)
def test_body_line_that_begins_with_from_is_not_a_separator(tmp_path: Path, line: bytes) -> None:
    reading = read_bytes(tmp_path, message(1, b"dear\n\n" + line) + message(2))
    assert len(reading.stamps) == 2


def test_separator_without_a_blank_line_before_it_is_body(tmp_path: Path) -> None:
    assert len(read_bytes(tmp_path, message(1, b"forwarded:\n" + SEPARATOR + letter(2)) + message(3)).stamps) == 2


@pytest.mark.parametrize(
    "separator",
    [
        b"From - Tue Sep 01 08:00:00 2026",
        b"From 1791234567890@xxx Tue Sep 01 08:00:00 +0000 2026",
        b"From MAILER-DAEMON Tue Sep  1 08:00 2026",
        b"From ana at harbour.example  Tue Sep  1 08:00:00 2026",
        b"From ana@harbour.example Tue, 1 Sep 2026 08:00:00 +0000 (UTC)",
        b"From ana@harbour.example Tue Sep  1 08:00:00 UTC 2026",
        b"From  Tue Sep  1 08:00:00 2026",
    ],
)
def test_separator_of_every_program_is_read_with_its_date(tmp_path: Path, separator: bytes) -> None:
    body = letter(1, date="") + b"\nhello\n\n"
    reading = read_bytes(tmp_path, separator + b"\n" + body + separator + b"\r\n" + letter(2, date=""))
    assert [stamp.sent_at for stamp in reading.stamps] == [datetime(2026, 9, 1, 8, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    "content",
    [
        mailbox(range(9)).replace(b"\n", b"\r\n"),
        mailbox(range(9)).removesuffix(b"\n\n"),
        b"\xef\xbb\xbf\n\n" + mailbox(range(9)),
        mailbox(range(8)) + SEPARATOR + letter(8).removesuffix(b"\n"),
        mailbox(range(8)) + message(8, b"\0" * 5_000),
        message(0, b"x" * 3_000_000) + mailbox(range(1, 9)),
        mailbox(range(8)) + SEPARATOR + b"X-Spam: " + b"y" * 200_000 + b"\n" + letter(8) + b"\nhello\n",
    ],
    ids=["CRLF", "no final newline", "byte order mark", "header alone", "NULs", "giant line", "giant header"],
)
def test_nine_messages_are_found_whatever_surrounds_them(tmp_path: Path, content: bytes) -> None:
    reading = read_bytes(tmp_path, content)
    assert reading.keys == {PSEUDONYMS.node("ana", f"{number}@post.example") for number in range(9)}
    assert reading.rejected == []


def test_endless_header_is_read_up_to_its_limit(tmp_path: Path) -> None:
    endless = SEPARATOR + letter(1) + b"X-Spam: y\n" * 100_000
    assert len(read_bytes(tmp_path, endless + b"\n" + message(2)).keys) == 2


def test_same_messages_are_found_with_any_chunk_size(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(
        message(number, b"From x\n\n" * (number % 5) + b"y" * (number * 7 % 400)) for number in range(60)
    )
    expected = [offset for offset in range(len(content)) if content.startswith(SEPARATOR, offset)]
    for chunk in (2_500, 2_501, 2_777, 4_096, 1_000_000):
        monkeypatch.setattr(separators, "_CHUNK_BYTES", chunk)
        assert list(message_offsets(io.BytesIO(content), 0, len(content))) == expected


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n" + b"x" * 9000, b"BEGIN:VCALENDAR\r\n", b"\0" * 9000, b"From me to you\n"]
)
def test_other_file_is_malformed(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(MalformedError, match=r"does not begin like a mailbox.*Export the mailbox again"):
        read_bytes(tmp_path, content)


def test_empty_mailbox_has_no_messages(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"\n").batches[0].records == ()


def test_unusable_message_is_rejected_by_its_number(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, message(1) + message(2, From=f'"{CANARY} <c@post.example>') + message(3))
    assert [record.where for record in reading.rejected] == ["message 2"]
    assert len(reading.stamps) == 2


def test_of_copies_on_one_page_the_sent_one_is_kept(tmp_path: Path) -> None:
    as_received = message(1, From="ana@harbour.example", list_id="<x.example>", date="Tue, 1 Sep 2026 09:00:00 +0000")
    as_sent = message(1, From="ana@harbour.example", date="Tue, 1 Sep 2026 08:00:00 +0000")
    by_another = message(1, date="Tue, 1 Sep 2026 07:00:00 +0000")
    (stamp,) = read_bytes(tmp_path, by_another + as_received + as_sent + by_another).stamps
    assert (stamp.outgoing, stamp.sent_at.hour) == (True, 8)


def test_memory_does_not_grow_with_the_mailbox(tmp_path: Path) -> None:
    with (tmp_path / "ana.mbox").open("wb") as file:
        for number in range(400):
            file.write(message(number, (b"y" * 75 + b"\n") * 1_400))
    tracemalloc.start()
    reading = read(mbox(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(reading.keys) == 400
    assert peak < 8 * 2**20 < (tmp_path / "ana.mbox").stat().st_size / 5


# From run to run


def test_second_run_yields_one_empty_page_and_the_same_cursor(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    assert read(mbox(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=9)]


def test_grown_mailbox_is_read_from_its_former_end(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    second = read_bytes_on(tmp_path, first.cursor, mailbox(range(12)))
    assert len(second.stamps) == 3
    assert first.keys.isdisjoint(second.keys)


def read_bytes_on(folder: Path, cursor: str | None, content: bytes, **changes: object) -> Reading:
    (folder / "ana.mbox").write_bytes(content)
    context: Context = replace(practice(folder), **changes)  # type: ignore[arg-type]
    return read(MboxConnector(options_of(), context), cursor)


@pytest.mark.usefixtures("small_pages")
def test_mailbox_read_while_it_grows_yields_what_one_run_yields(tmp_path: Path) -> None:
    random_ = random.Random(4)
    content = b"".join(message(number, b"From x\n\n" * (number % 3), x_pad="p" * (number % 90)) for number in range(40))
    complete = read_bytes(tmp_path, content)
    for _ in range(25):
        cuts = sorted(random_.sample(range(60, len(content)), 4))
        cursor: str | None = None
        reading: dict[int, MessageStamp] = {}
        for cut in [*cuts, len(content)]:
            (tmp_path / "ana.mbox").write_bytes(content[:cut])
            part = read(mbox(tmp_path), cursor)
            cursor = part.cursor
            reading |= {stamp.key: stamp for stamp in part.stamps}
        assert {stamp.key: stamp for stamp in complete.stamps}.items() <= reading.items()


@pytest.mark.usefixtures("small_pages")
def test_interrupted_run_continues_after_the_last_stored_page(tmp_path: Path) -> None:
    complete = read_bytes(tmp_path, mailbox(range(20)))
    assert len(complete.batches) == 7
    for count in range(1, 7):
        interrupted = Reading(list(islice(mbox(tmp_path).fetch(None), count)))
        rest = read(mbox(tmp_path), interrupted.cursor)
        assert interrupted.stamps + rest.stamps == complete.stamps
        assert rest.cursor == complete.cursor


def test_half_written_header_is_read_again_once_it_is_complete(tmp_path: Path) -> None:
    content = mailbox(range(3))
    first = read_bytes(tmp_path, content[: content.rindex(b"Message-ID")])
    second = read_bytes_on(tmp_path, first.cursor, content)
    assert read_bytes(tmp_path, content).keys <= first.keys | second.keys
    assert len(second.stamps) == 1


def test_half_written_message_keeps_its_number(tmp_path: Path) -> None:
    content = mailbox(range(2)) + message(2, From=f'"{CANARY}')
    first = read_bytes(tmp_path, content[: content.rindex(b"Date")])
    second = read_bytes_on(tmp_path, first.cursor, content)
    assert [record.where for record in (*first.rejected, *second.rejected)] == ["message 3", "message 3"]


def test_mailbox_is_read_again_after_mail_was_deleted_in_the_middle(tmp_path: Path) -> None:
    first_message = message(1, b"y" * 5_000)
    first = read_bytes(tmp_path, first_message + mailbox(range(2, 20)))
    compacted = first_message + mailbox([*range(2, 9), *range(12, 20), *range(30, 40)])
    second = read_bytes_on(tmp_path, first.cursor, compacted)
    assert len(second.stamps) == 26


def test_loss_before_a_half_written_message_is_noticed(tmp_path: Path) -> None:
    first_message = message(1, b"y" * 5_000)
    content = first_message + mailbox(range(2, 20))
    first = read_bytes(tmp_path, content[: content.rindex(b"Message-ID")])
    assert first.batches[-1].source_size == 19
    assert read_bytes_on(tmp_path, first.cursor, first_message + mailbox(range(2, 9))).batches[0].source_size == 8


@pytest.mark.parametrize("numbers", [range(1, 20), range(18)], ids=["first gone", "last gone"])
def test_mailbox_that_lost_a_little_is_read_again(tmp_path: Path, numbers: range) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert len(read_bytes_on(tmp_path, first.cursor, mailbox(numbers)).stamps) == len(numbers)


@pytest.mark.parametrize("remaining", [0, 1, 13])
def test_first_page_has_the_number_of_messages(tmp_path: Path, remaining: int) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert first.batches[0].source_size == 20
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(remaining)))
    assert next(mbox(tmp_path).fetch(first.cursor)).source_size == remaining
    assert next(mbox(tmp_path).fetch(None)).source_size == remaining


def test_last_page_has_the_new_number_of_messages(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert read_bytes_on(tmp_path, first.cursor, mailbox(range(30))).batches[-1].source_size == 30


@pytest.mark.usefixtures("small_pages")
def test_loss_is_noticed_after_an_interrupted_run(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(1, 20)))
    page = next(mbox(tmp_path).fetch(first.cursor))
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(2, 8)))
    assert (page.source_size, read(mbox(tmp_path), page.cursor).batches[0].source_size) == (19, 6)


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"files":3}', '{"files":{"a":{"b":1}}}'])
def test_unknown_cursor_restarts_the_mailbox(tmp_path: Path, cursor: str) -> None:
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(3)))
    assert len(read(mbox(tmp_path), cursor).stamps) == 3


# The window, the settings


def monthly(months: range) -> bytes:
    return b"".join(message(month, date=f"1 {_MONTHS[month]} 2026 12:00 +0000") for month in months)


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def window(first: int, last: int) -> Window:
    """Return the window from the beginning of one month of 2026 to that of another."""
    return Window(datetime(2026, first + 1, 1, tzinfo=UTC), datetime(2026, last + 1, 1, tzinfo=UTC))


def test_only_messages_in_the_window_are_returned(tmp_path: Path) -> None:
    reading = read_bytes_on(tmp_path, None, monthly(range(12)), window=window(3, 6))
    assert [stamp.sent_at.month for stamp in reading.stamps] == [4, 5, 6]


@pytest.mark.parametrize("wider", [window(1, 6), window(3, 8), window(8, 11)], ids=["earlier", "later", "elsewhere"])
def test_window_that_includes_skipped_messages_restarts_the_mailbox(tmp_path: Path, wider: Window) -> None:
    first = read_bytes_on(tmp_path, None, monthly(range(12)), window=window(3, 6))
    second = read_bytes_on(tmp_path, first.cursor, monthly(range(12)), window=wider)
    assert [stamp.sent_at.month for stamp in second.stamps] == list(range(wider.start.month, wider.end.month))


def test_window_that_moves_on_reads_nothing_again(tmp_path: Path) -> None:
    first = read_bytes_on(tmp_path, None, monthly(range(8)), window=window(3, 9))
    second = read_bytes_on(tmp_path, first.cursor, monthly(range(8)), window=window(4, 10))
    assert second.batches == [Batch(first.cursor, source_size=8)]


@pytest.mark.parametrize(
    "owner",
    [replace(ANA, addresses=ANA.addresses | {"ana@new.example"}), replace(ANA, key="anna")],
    ids=["alias", "key"],
)
def test_changed_owner_restarts_the_mailbox(tmp_path: Path, owner: Owner) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    assert len(read_bytes_on(tmp_path, first.cursor, mailbox(range(9)), owners=(owner,)).stamps) == 9


@pytest.mark.parametrize("options", [{"lists": "ordinary"}, {"channel": "letters"}])
def test_changed_option_restarts_the_mailbox(tmp_path: Path, options: dict[str, str]) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    second = read(mbox(tmp_path, **options), first.cursor)
    assert {stamp.channel for stamp in second.stamps} == {options.get("channel", "email")}


# Folders


def test_folder_is_read_file_by_file_with_a_position_each(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "2025.mbox").write_bytes(mailbox(range(5)))
    (box / "2026.mbox").write_bytes(mailbox(range(5, 9)))
    (box / "notes.txt").write_bytes(b"no mailbox")
    first = read(mbox(tmp_path, "box"))
    assert len(first.keys) == 9
    assert first.batches[-1].done == first.batches[-1].total == sum(p.stat().st_size for p in box.glob("*.mbox"))
    (box / "2026.mbox").write_bytes(mailbox(range(5, 11)))
    (box / "2027.mbox").write_bytes(mailbox(range(20, 22)))
    second = read(mbox(tmp_path, "box"), first.cursor)
    assert len(second.keys) == 4
    assert read(mbox(tmp_path, "box"), second.cursor).batches == [Batch(second.cursor, source_size=13)]


def test_file_missing_from_the_folder_counts_as_lost(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(mailbox(range(5)))
    (tmp_path / "b.mbox").write_bytes(mailbox(range(5, 25)))
    first = read(mbox(tmp_path, "."))
    (tmp_path / "b.mbox").rename(tmp_path / "c.mbox")
    second = read(mbox(tmp_path, "."), first.cursor)
    assert len(second.stamps) == 20
    (tmp_path / "c.mbox").unlink()
    assert second.batches[-1].source_size == 25
    assert [batch.source_size for batch in read(mbox(tmp_path, "."), second.cursor).batches] == [5]


# Paths


def test_missing_file_is_an_error_with_its_path_and_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as error:
        read(mbox(tmp_path, "post/ana.mbox"))
    assert str(error.value).endswith(
        'there is no "post/ana.mbox". Correct its path, which is relative to the configuration file.'
    )
    assert str(tmp_path) not in str(error.value)


def test_file_without_permission_is_an_error(tmp_path: Path) -> None:
    refused = pytest.raises(UnavailableError, match=r'"ana.mbox" may not be read\..*right to read')
    with refused, translated_errors(practice(tmp_path), Path("ana.mbox")):
        raise PermissionError(13, "Permission denied", "/secret/place")


def test_pipe_is_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ana.mbox")
    with pytest.raises(UnavailableError, match="neither a file nor a folder"):
        read(mbox(tmp_path))


def test_folder_without_mailboxes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"contains no file named \*\.mbox"):
        read(mbox(tmp_path, "."))
    (tmp_path / "cur").mkdir()
    with pytest.raises(UnavailableError, match='write kind = "maildir"'):
        read(mbox(tmp_path, "."))


def test_only_times_and_keyed_names_leave_the_connector(tmp_path: Path) -> None:
    name = f"{CANARY}.mbox"
    body = f"{CANARY}\n\nFrom {CANARY} on\n".encode()
    bad = message(2, body, date=CANARY).replace(b"2026\n", f"2026 {CANARY}\n".encode(), 1)
    content = message(1, body, cc=f"{CANARY} <{CANARY}@x.example>") + bad + message(3, body, From=f'"{CANARY}')
    (tmp_path / name).write_bytes(content)
    reading = read(mbox(tmp_path, "."))
    assert reading.stamps
    assert reading.rejected
    assert CANARY.lower() not in repr(reading.batches).lower()
    (tmp_path / name).write_bytes(CANARY.encode())
    with pytest.raises(ConnectorError) as error:
        read(mbox(tmp_path, "."))
    assert CANARY not in f"{error.value!r}{error.value}{error.value.__cause__}"


# Facts that others measured


@pytest.mark.real
def test_real_mailbox_has_8516_messages_in_1193_threads(real: Path) -> None:
    addresses = frozenset({"owner@clinic.example", "owner.alias@old-clinic.example"})
    owner = Owner("owner", ZoneInfo("Europe/Paris"), addresses)
    context = practice(real / "mail", owner, window=replace(WINDOW, start=datetime(2019, 1, 1, tzinfo=UTC)))
    reading = read(MboxConnector(options_of("uboot_stm32_headers.mbox", lists="ordinary"), context))
    assert reading.rejected == []
    assert len(reading.stamps) == len(reading.keys) == 8_516
    assert threads(reading.stamps) == 1_193
    assert sum(stamp.outgoing for stamp in reading.stamps) == 2_517
    assert sum(stamp.automatic for stamp in reading.stamps) == 1
    assert json.loads(reading.cursor or "")["settings"]


def test_mailbox_of_two_owners_yields_stamps_for_each(tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(message(1) + message(2, to="ben@harbour.example, ana@old.example"))
    reading = read(MboxConnector(options_of("all.mbox"), practice(tmp_path, ANA, BEN)))
    assert sorted(stamp.clinician for stamp in reading.stamps) == ["ana", "ana", "ben"]


def names_in(cursor: str) -> set[str]:
    positions = MboxCursor.parse(cursor, json.loads(cursor)["settings"]).files.values()
    names = {name for position in positions for name in (position.head, position.digest)}
    assert names
    return names


def test_cursor_contains_no_digest_that_could_be_guessed(tmp_path: Path) -> None:
    """A header block is easily guessed, down to its Message-ID, so its name has to depend on the practice's key."""
    content = mailbox([1, 2])
    (tmp_path / "ana.mbox").write_bytes(content)
    cursor = read(mbox(tmp_path)).cursor or ""
    names = names_in(cursor)
    blocks = [
        content,
        *(block for offset in range(len(content)) if (block := content[offset:].partition(b"\n\n")[0] + b"\n")),
    ]
    digests = {hashlib.sha256(block).hexdigest() for block in blocks}
    assert not [digest for digest in digests if any(digest.startswith(name.lower()) for name in names)]
    other = replace(practice(tmp_path), pseudonyms=Pseudonyms(b"o" * 32))
    other_cursor = read(MboxConnector(options_of(), other)).cursor or ""
    assert not names & names_in(other_cursor)
