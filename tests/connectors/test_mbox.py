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
from connectors.mail import pages as mail
from connectors.mail import separators
from connectors.mail.mbox import Mbox, MboxCursor
from connectors.mail.pages import MailboxOptions, translated_errors
from connectors.mail.separators import messages_in
from connectors.pseudonyms import Pseudonyms
from connectors.records import MessageStamp
from tests.connectors.mailboxes import ANA, BEN, CANARY, NAMES, WINDOW, Reading, letter, practice, read, threads

POSTMARK = b"From sender@post.example Tue Sep  1 08:00:00 2026\n"


def message(number: int = 1, body: bytes = b"hello", **fields: str) -> bytes:
    return POSTMARK + letter(number, **fields) + b"\n" + body + b"\n\n"


def mailbox(numbers: Iterable[int]) -> bytes:
    return b"".join(map(message, numbers))


def mbox(folder: Path, name: str = "ana.mbox", **options: str) -> Mbox:
    return Mbox(options_of(name, **options), practice(folder))


def options_of(name: str = "ana.mbox", lists: str = "ignore", channel: str = "email") -> MailboxOptions:
    return MailboxOptions(path=Path(name), lists="ordinary" if lists == "ordinary" else "ignore", channel=channel)


def read_bytes(folder: Path, content: bytes) -> Reading:
    (folder / "ana.mbox").write_bytes(content)
    return read(mbox(folder))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "PAGE_MESSAGES", 3)


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
def test_a_body_line_that_begins_with_from_begins_no_message(tmp_path: Path, line: bytes) -> None:
    found = read_bytes(tmp_path, message(1, b"dear\n\n" + line) + message(2))
    assert len(found.stamps) == 2


def test_a_postmark_without_a_blank_line_before_it_is_body(tmp_path: Path) -> None:
    assert len(read_bytes(tmp_path, message(1, b"forwarded:\n" + POSTMARK + letter(2)) + message(3)).stamps) == 2


@pytest.mark.parametrize(
    "postmark",
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
def test_every_programs_postmark_begins_a_message_and_tells_its_time(tmp_path: Path, postmark: bytes) -> None:
    body = letter(1, date="") + b"\nhello\n\n"
    found = read_bytes(tmp_path, postmark + b"\n" + body + postmark + b"\r\n" + letter(2, date=""))
    assert [stamp.sent_at for stamp in found.stamps] == [datetime(2026, 9, 1, 8, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    "content",
    [
        mailbox(range(9)).replace(b"\n", b"\r\n"),
        mailbox(range(9)).removesuffix(b"\n\n"),
        b"\xef\xbb\xbf\n\n" + mailbox(range(9)),
        mailbox(range(8)) + POSTMARK + letter(8).removesuffix(b"\n"),
        mailbox(range(8)) + message(8, b"\0" * 5_000),
        message(0, b"x" * 3_000_000) + mailbox(range(1, 9)),
        mailbox(range(8)) + POSTMARK + b"X-Spam: " + b"y" * 200_000 + b"\n" + letter(8) + b"\nhello\n",
    ],
    ids=["CRLF", "no final newline", "byte order mark", "header alone", "NULs", "giant line", "giant header"],
)
def test_nine_messages_are_nine_whatever_surrounds_them(tmp_path: Path, content: bytes) -> None:
    found = read_bytes(tmp_path, content)
    assert found.keys == {NAMES.node("ana", f"{number}@post.example") for number in range(9)}
    assert found.rejected == []


def test_an_endless_header_is_read_to_its_cap_and_ends_nothing(tmp_path: Path) -> None:
    endless = POSTMARK + letter(1) + b"X-Spam: y\n" * 100_000
    assert len(read_bytes(tmp_path, endless + b"\n" + message(2)).keys) == 2


def test_messages_are_found_alike_whatever_the_chunks_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(
        message(number, b"From x\n\n" * (number % 5) + b"y" * (number * 7 % 400)) for number in range(60)
    )
    expected = [at for at in range(len(content)) if content.startswith(POSTMARK, at)]
    for chunk in (2_500, 2_501, 2_777, 4_096, 1_000_000):
        monkeypatch.setattr(separators, "_CHUNK", chunk)
        assert list(messages_in(io.BytesIO(content), 0, len(content))) == expected


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n" + b"x" * 9000, b"BEGIN:VCALENDAR\r\n", b"\0" * 9000, b"From me to you\n"]
)
def test_what_is_no_mailbox_is_malformed(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(MalformedError, match=r"does not begin like a mailbox.*Export the mailbox again"):
        read_bytes(tmp_path, content)


def test_an_empty_mailbox_holds_nothing(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"\n").batches[0].records == ()


def test_what_cannot_be_used_is_told_by_its_number(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, message(1) + message(2, From=f'"{CANARY} <c@post.example>') + message(3))
    assert [record.where for record in found.rejected] == ["message 2"]
    assert len(found.stamps) == 2


def test_copies_on_one_page_are_one_and_the_sent_one_wins(tmp_path: Path) -> None:
    as_received = message(1, From="ana@harbour.example", list_id="<x.example>", date="Tue, 1 Sep 2026 09:00:00 +0000")
    as_sent = message(1, From="ana@harbour.example", date="Tue, 1 Sep 2026 08:00:00 +0000")
    by_another = message(1, date="Tue, 1 Sep 2026 07:00:00 +0000")
    (stamp,) = read_bytes(tmp_path, by_another + as_received + as_sent + by_another).stamps
    assert (stamp.outgoing, stamp.sent_at.hour) == (True, 8)


def test_a_mailbox_of_any_size_takes_the_same_memory(tmp_path: Path) -> None:
    with (tmp_path / "ana.mbox").open("wb") as file:
        for number in range(400):
            file.write(message(number, (b"y" * 75 + b"\n") * 1_400))
    tracemalloc.start()
    found = read(mbox(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.keys) == 400
    assert peak < 8 * 2**20 < (tmp_path / "ana.mbox").stat().st_size / 5


# From run to run


def test_a_second_run_gives_one_empty_page_and_the_same_cursor(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    assert read(mbox(tmp_path), first.cursor).batches == [Batch(first.cursor, source_size=9)]


def test_a_grown_mailbox_is_read_from_where_it_ended(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    second = read_bytes_on(tmp_path, first.cursor, mailbox(range(12)))
    assert len(second.stamps) == 3
    assert first.keys.isdisjoint(second.keys)


def read_bytes_on(folder: Path, cursor: str | None, content: bytes, **changes: object) -> Reading:
    (folder / "ana.mbox").write_bytes(content)
    context: Context = replace(practice(folder), **changes)  # type: ignore[arg-type]
    return read(Mbox(options_of(), context), cursor)


@pytest.mark.usefixtures("small_pages")
def test_a_mailbox_that_grows_anywhere_gives_what_one_run_gives(tmp_path: Path) -> None:
    chance = random.Random(4)
    content = b"".join(message(number, b"From x\n\n" * (number % 3), x_pad="p" * (number % 90)) for number in range(40))
    whole = read_bytes(tmp_path, content)
    for _ in range(25):
        cuts = sorted(chance.sample(range(60, len(content)), 4))
        cursor: str | None = None
        found: dict[int, MessageStamp] = {}
        for cut in [*cuts, len(content)]:
            (tmp_path / "ana.mbox").write_bytes(content[:cut])
            part = read(mbox(tmp_path), cursor)
            cursor = part.cursor
            found |= {stamp.key: stamp for stamp in part.stamps}
        assert {stamp.key: stamp for stamp in whole.stamps}.items() <= found.items()


@pytest.mark.usefixtures("small_pages")
def test_a_run_cut_off_after_any_page_resumes_there_and_loses_nothing(tmp_path: Path) -> None:
    whole = read_bytes(tmp_path, mailbox(range(20)))
    assert len(whole.batches) == 7
    for pages in range(1, 7):
        kept = Reading(list(islice(mbox(tmp_path).fetch(None), pages)))
        rest = read(mbox(tmp_path), kept.cursor)
        assert kept.stamps + rest.stamps == whole.stamps
        assert rest.cursor == whole.cursor


def test_a_header_half_written_is_read_again_when_it_is_whole(tmp_path: Path) -> None:
    content = mailbox(range(3))
    first = read_bytes(tmp_path, content[: content.rindex(b"Message-ID")])
    second = read_bytes_on(tmp_path, first.cursor, content)
    assert read_bytes(tmp_path, content).keys <= first.keys | second.keys
    assert len(second.stamps) == 1


def test_a_half_written_message_keeps_its_number(tmp_path: Path) -> None:
    content = mailbox(range(2)) + message(2, From=f'"{CANARY}')
    first = read_bytes(tmp_path, content[: content.rindex(b"Date")])
    second = read_bytes_on(tmp_path, first.cursor, content)
    assert [record.where for record in (*first.rejected, *second.rejected)] == ["message 3", "message 3"]


def test_mail_deleted_in_the_middle_makes_it_be_read_anew(tmp_path: Path) -> None:
    kept = message(1, b"y" * 5_000)
    first = read_bytes(tmp_path, kept + mailbox(range(2, 20)))
    compacted = kept + mailbox([*range(2, 9), *range(12, 20), *range(30, 40)])
    second = read_bytes_on(tmp_path, first.cursor, compacted)
    assert len(second.stamps) == 26


def test_a_loss_behind_a_half_written_message_is_seen(tmp_path: Path) -> None:
    kept = message(1, b"y" * 5_000)
    content = kept + mailbox(range(2, 20))
    first = read_bytes(tmp_path, content[: content.rindex(b"Message-ID")])
    assert first.batches[-1].source_size == 19
    assert read_bytes_on(tmp_path, first.cursor, kept + mailbox(range(2, 9))).batches[0].source_size == 8


@pytest.mark.parametrize("numbers", [range(1, 20), range(18)], ids=["first gone", "last gone"])
def test_a_mailbox_that_lost_a_little_is_read_anew(tmp_path: Path, numbers: range) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert len(read_bytes_on(tmp_path, first.cursor, mailbox(numbers)).stamps) == len(numbers)


@pytest.mark.parametrize("left", [0, 1, 13])
def test_a_mailbox_says_how_many_messages_it_has_before_it_is_read(tmp_path: Path, left: int) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert first.batches[0].source_size == 20
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(left)))
    assert next(mbox(tmp_path).fetch(first.cursor)).source_size == left
    assert next(mbox(tmp_path).fetch(None)).source_size == left


def test_a_mailbox_that_grew_says_so_in_the_end(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    assert read_bytes_on(tmp_path, first.cursor, mailbox(range(30))).batches[-1].source_size == 30


@pytest.mark.usefixtures("small_pages")
def test_a_loss_is_seen_even_after_a_reading_that_was_cut_off(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, mailbox(range(20)))
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(1, 20)))
    page = next(mbox(tmp_path).fetch(first.cursor))
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(2, 8)))
    assert (page.source_size, read(mbox(tmp_path), page.cursor).batches[0].source_size) == (19, 6)


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"files":3}', '{"files":{"a":{"b":1}}}'])
def test_a_cursor_of_somebody_else_is_the_beginning(tmp_path: Path, cursor: str) -> None:
    (tmp_path / "ana.mbox").write_bytes(mailbox(range(3)))
    assert len(read(mbox(tmp_path), cursor).stamps) == 3


# The window, the settings


def monthly(months: range) -> bytes:
    return b"".join(message(month, date=f"1 {_MONTHS[month]} 2026 12:00 +0000") for month in months)


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def window(first: int, last: int) -> Window:
    """From the beginning of one month of 2026 to that of another."""
    return Window(datetime(2026, first + 1, 1, tzinfo=UTC), datetime(2026, last + 1, 1, tzinfo=UTC))


def test_only_messages_in_the_window_are_given(tmp_path: Path) -> None:
    found = read_bytes_on(tmp_path, None, monthly(range(12)), window=window(3, 6))
    assert [stamp.sent_at.month for stamp in found.stamps] == [4, 5, 6]


@pytest.mark.parametrize("wider", [window(1, 6), window(3, 8), window(8, 11)], ids=["earlier", "later", "elsewhere"])
def test_a_window_that_reaches_what_was_left_out_reads_again(tmp_path: Path, wider: Window) -> None:
    first = read_bytes_on(tmp_path, None, monthly(range(12)), window=window(3, 6))
    second = read_bytes_on(tmp_path, first.cursor, monthly(range(12)), window=wider)
    assert [stamp.sent_at.month for stamp in second.stamps] == list(range(wider.start.month, wider.end.month))


def test_a_window_that_moves_with_the_nights_reads_nothing_again(tmp_path: Path) -> None:
    first = read_bytes_on(tmp_path, None, monthly(range(8)), window=window(3, 9))
    second = read_bytes_on(tmp_path, first.cursor, monthly(range(8)), window=window(4, 10))
    assert second.batches == [Batch(first.cursor, source_size=8)]


@pytest.mark.parametrize(
    "owner",
    [replace(ANA, addresses=ANA.addresses | {"ana@new.example"}), replace(ANA, key="anna")],
    ids=["alias", "key"],
)
def test_a_changed_owner_makes_the_mailbox_be_read_anew(tmp_path: Path, owner: Owner) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    assert len(read_bytes_on(tmp_path, first.cursor, mailbox(range(9)), owners=(owner,)).stamps) == 9


@pytest.mark.parametrize("options", [{"lists": "ordinary"}, {"channel": "letters"}])
def test_a_changed_option_makes_the_mailbox_be_read_anew(tmp_path: Path, options: dict[str, str]) -> None:
    first = read_bytes(tmp_path, mailbox(range(9)))
    second = read(mbox(tmp_path, **options), first.cursor)
    assert {stamp.channel for stamp in second.stamps} == {options.get("channel", "email")}


# Folders


def test_a_folder_is_read_file_by_file_with_a_mark_each(tmp_path: Path) -> None:
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


def test_a_file_that_left_the_folder_counts_as_lost(tmp_path: Path) -> None:
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


def test_a_missing_file_is_told_with_its_path_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as error:
        read(mbox(tmp_path, "post/ana.mbox"))
    assert str(error.value).endswith(
        'there is no "post/ana.mbox". Correct its path, which begins at the configuration file\'s folder.'
    )
    assert str(tmp_path) not in str(error.value)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    refused = pytest.raises(UnavailableError, match=r'"ana.mbox" may not be read\..*right to read')
    with refused, translated_errors(practice(tmp_path), Path("ana.mbox")):
        raise PermissionError(13, "Permission denied", "/secret/place")


def test_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ana.mbox")
    with pytest.raises(UnavailableError, match="neither a file nor a folder"):
        read(mbox(tmp_path))


def test_a_folder_without_mailboxes_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"holds no file named \*\.mbox"):
        read(mbox(tmp_path, "."))
    (tmp_path / "cur").mkdir()
    with pytest.raises(UnavailableError, match='write kind = "maildir"'):
        read(mbox(tmp_path, "."))


def test_nothing_but_times_and_keyed_names_leaves_the_connector(tmp_path: Path) -> None:
    name = f"{CANARY}.mbox"
    body = f"{CANARY}\n\nFrom {CANARY} on\n".encode()
    bad = message(2, body, date=CANARY).replace(b"2026\n", f"2026 {CANARY}\n".encode(), 1)
    content = message(1, body, cc=f"{CANARY} <{CANARY}@x.example>") + bad + message(3, body, From=f'"{CANARY}')
    (tmp_path / name).write_bytes(content)
    found = read(mbox(tmp_path, "."))
    assert found.stamps
    assert found.rejected
    assert CANARY.lower() not in repr(found.batches).lower()
    (tmp_path / name).write_bytes(CANARY.encode())
    with pytest.raises(ConnectorError) as error:
        read(mbox(tmp_path, "."))
    assert CANARY not in f"{error.value!r}{error.value}{error.value.__cause__}"


# Facts that others measured


@pytest.mark.real
def test_a_real_mailbox_holds_8516_messages_in_1193_threads(real: Path) -> None:
    addresses = frozenset({"owner@clinic.example", "owner.alias@old-clinic.example"})
    owner = Owner("owner", ZoneInfo("Europe/Paris"), addresses)
    context = practice(real / "mail", owner, window=replace(WINDOW, start=datetime(2019, 1, 1, tzinfo=UTC)))
    found = read(Mbox(options_of("uboot_stm32_headers.mbox", lists="ordinary"), context))
    assert found.rejected == []
    assert len(found.stamps) == len(found.keys) == 8_516
    assert threads(found.stamps) == 1_193
    assert sum(stamp.outgoing for stamp in found.stamps) == 2_517
    assert sum(stamp.automatic for stamp in found.stamps) == 1
    assert json.loads(found.cursor or "")["settings"]


def test_a_mailbox_of_two_owners_gives_each_their_own(tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(message(1) + message(2, to="ben@harbour.example, ana@old.example"))
    found = read(Mbox(options_of("all.mbox"), practice(tmp_path, ANA, BEN)))
    assert sorted(stamp.clinician for stamp in found.stamps) == ["ana", "ana", "ben"]


def names_in(cursor: str) -> set[str]:
    marks = MboxCursor.parse(cursor, json.loads(cursor)["settings"]).files.values()
    names = {name for mark in marks for name in (mark.head, mark.digest)}
    assert names
    return names


def test_cursor_holds_no_digest_that_could_be_guessed(tmp_path: Path) -> None:
    """A header block is easily guessed, down to its Message-ID: what names it needs the practice's key."""
    content = mailbox([1, 2])
    (tmp_path / "ana.mbox").write_bytes(content)
    cursor = read(mbox(tmp_path)).cursor or ""
    held = names_in(cursor)
    blocks = [content, *(block for at in range(len(content)) if (block := content[at:].partition(b"\n\n")[0] + b"\n"))]
    plain = {hashlib.sha256(block).hexdigest() for block in blocks}
    assert not [digest for digest in plain if any(digest.startswith(name.lower()) for name in held)]
    other = replace(practice(tmp_path), pseudonyms=Pseudonyms(b"o" * 32))
    again = read(Mbox(options_of(), other)).cursor or ""
    assert not held & names_in(again)
