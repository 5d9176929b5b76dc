"""A mail server that refuses, hangs up, says too much or makes no sense; each is one error, and nothing is lost."""

from __future__ import annotations

import os
import re
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import deadline
from connectors.errors import AuthorizationError, ConnectorError, RateLimitError, UnavailableError
from connectors.imap import connection, source
from connectors.imap.messages import received_in, row_from, usual_rows
from connectors.imap.reader import MOST_BREAKS
from connectors.imap.session import spelled
from connectors.imap.source import Imap, ImapOptions
from tests.connectors.mailboxes import CANARY, Reading, practice, read
from tests.peers.scripted_imap import GREETING, HANG_UP, Answer, Script, fetched, scripted_imap


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_imap() as script:
        yield script


def account(server: Script, **options: str) -> Imap:
    usual = ImapOptions(host="127.0.0.1", port=server.port, username="ana", password=CANARY, tls="none")
    return Imap(replace(usual, **options), practice(Path()))  # type: ignore[arg-type]


def test_what_is_asked_never_names_subject_envelope_or_body(server: Script) -> None:
    assert len(read(account(server)).keys) == 1
    (asked,) = [line for line in server.asked if "FETCH" in line]
    fields = asked.partition("BODY.PEEK[HEADER.FIELDS (")[2].partition(")]")
    assert asked.startswith("rows-1 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[")
    assert fields[2] == ")"
    assert {"FROM", "TO", "MESSAGE-ID", "REFERENCES"} <= set(fields[0].split())
    assert "SUBJECT" not in asked
    assert [line.split()[1] for line in server.asked if "EXAMINE" in line or "SELECT" in line] == ["EXAMINE"]


def test_nothing_but_the_folders_is_asked_where_nothing_is_new(server: Script) -> None:
    first = read(account(server))
    server.asked.clear()
    read(account(server), first.cursor)
    commands = [line.split()[1] for line in server.asked if " " in line]
    assert commands[-2:] == ["LIST", "LOGOUT"]
    assert not {"EXAMINE", "UID"} & set(commands)


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("AUTHENTICATE", b"{tag} NO [AUTHENTICATIONFAILED] no\r\n", AuthorizationError),
        ("AUTHENTICATE", b"{tag} NO Quetzalcoatlus is wrong\r\n", AuthorizationError),
        ("AUTHENTICATE", b"{tag} NO [UNAVAILABLE] later\r\n", UnavailableError),
        ("AUTHENTICATE", b"{tag} NO [LIMIT] Too many simultaneous connections\r\n", RateLimitError),
        ("AUTHENTICATE", b"{tag} NO [PRIVACYREQUIRED] encrypt\r\n", UnavailableError),
        ("AUTHENTICATE", None, UnavailableError),
        ("CAPABILITY", None, UnavailableError),
        ("LIST", None, UnavailableError),
        ("LIST", b"{tag} NO [SERVERBUG] sorry\r\n", UnavailableError),
        ("LIST", b"{tag} BAD what?\r\n", UnavailableError),
        ("LIST", b"junk\r\n", UnavailableError),
        ("LIST", b"<html>Sign in</html>\r\n", UnavailableError),
        ("EXAMINE", b"{tag} NO [NOPERM] not yours\r\n", AuthorizationError),
        ("EXAMINE", b"* OK [UIDVALIDITY 8] another\r\n", UnavailableError),
        ("EXAMINE", b"", UnavailableError),
        ("SEARCH", b"{tag} NO cannot\r\n", UnavailableError),
        ("SEARCH", b'* ESEARCH (TAG "x") UID ALL 1:4294967295\r\n', UnavailableError),
        ("SEARCH", None, UnavailableError),
        ("FETCH", b"{tag} NO [OVERQUOTA] bandwidth\r\n", RateLimitError),
        ("FETCH", b"{tag} NO cannot\r\n", UnavailableError),
    ],
)
def test_each_refusal_is_one_error_that_repeats_nothing(
    command: str, answer: Answer, error: type[ConnectorError], server: Script
) -> None:
    server.say(command, answer)
    with pytest.raises(error) as raised:
        read(account(server))
    assert type(raised.value) is error
    told = raised.value
    assert not any(word in f"{told!r}{told.__cause__!r}" for word in (CANARY, "html", "sorry", "not yours"))


def test_nobody_listening_is_unavailable() -> None:
    with scripted_imap() as server:
        pass
    with pytest.raises(UnavailableError):
        read(account(server))


@pytest.mark.parametrize("greeting", [b"* BYE full\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xff\xfe\r\n"])
def test_greeting_of_something_else_is_unavailable(greeting: bytes, server: Script) -> None:
    server.greeting = greeting or b"* OK [CAPABILITY IMAP4rev1] \r\n* BYE\r\n"
    with pytest.raises(ConnectorError):
        read(account(server))


def test_answer_without_end_is_given_up(server: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LARGEST", 10_000)
    monkeypatch.setattr(connection.Connection, "_left", 10_000)
    server.say("FETCH", b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {4294967295}\r\n" + b"x" * 100)
    with pytest.raises(UnavailableError):
        read(account(server))
    server.say("LIST", b'* LIST () "/" "a"\r\n' * 2_000)
    with pytest.raises(UnavailableError):
        read(account(server))


@pytest.mark.parametrize(
    "cut",
    [
        b"* 2 FETCH (UID 2 FLAGS () ",
        b'* 2 FETCH (UID 2 FLAGS () INTERNALDATE "01-Sep-2026 12:00:00 +0000" BODY[HEADER.FIELDS (FROM)] {90}\r\nFrom:',
    ],
)
def test_connection_that_drops_within_a_message_leaves_the_cursor_before_it(
    cut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 1)
    with scripted_imap(messages=3) as server:

        def drops_at_two(line: str) -> Answer:
            number = int(line.split()[2])
            if number == 3:
                return fetched(3)
            server.greeting = b"* BYE\r\n"
            return cut + HANG_UP

        server.answers["FETCH"] = drops_at_two
        batches = account(server).fetch(None)
        stored = Reading([next(batches)])
        with pytest.raises(UnavailableError):
            next(batches)
        assert len(stored.keys) == 1
        server.greeting = GREETING
        server.answers["FETCH"] = lambda line: fetched(int(line.split()[2]))
        rest = read(account(server), stored.cursor)
        assert len(stored.keys | rest.keys) == 3
        assert stored.keys.isdisjoint(rest.keys)


def test_connection_that_drops_again_and_again_is_given_up() -> None:
    with scripted_imap(messages=900) as server:
        server.say("FETCH", None)
        with pytest.raises(UnavailableError):
            read(account(server))
        assert sum("FETCH" in line for line in server.asked) == MOST_BREAKS + 1


def test_only_message_there_is_may_be_the_broken_one(server: Script) -> None:
    server.answers["SEARCH"] = lambda line: b"" if "NOT UID" in line else b'* ESEARCH (TAG "x") UID ALL 1\r\n'
    server.say("FETCH", None)
    found = read(account(server))
    assert [record.reason for record in found.rejected] == ["the mail server breaks off at it"]
    server.say("FETCH", fetched(1))
    assert len(read(account(server), found.cursor).keys) == 1


def test_server_that_recovers_is_read(server: Script, pauses: list[float]) -> None:
    left = [None, b"{tag} NO [LIMIT] slower\r\n", b"{tag} NO [UNAVAILABLE] later\r\n"]
    server.answers["FETCH"] = lambda _: left.pop(0) if left else fetched(1)
    assert len(read(account(server)).keys) == 1
    assert pauses == [1, 1, 2]


def test_rows_that_come_before_their_turn_are_kept_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 1)
    with scripted_imap(messages=2) as server:
        server.answers["FETCH"] = lambda line: fetched(1) + fetched(2) if line.split()[2] == "2" else b""
        batches = list(account(server).fetch(None))
    assert [len(batch.records) for batch in batches] == [1, 1, 0]


def test_server_without_extensions_is_asked_folder_by_folder(server: Script) -> None:
    server.say("CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n")
    server.say(
        "LIST", b'* LIST (\\HasNoChildren) NIL INBOX\r\n* LIST () "/" {8}\r\na \\"b" c\r\n* LIST () "/" Junk\r\n'
    )
    server.answers["STATUS"] = lambda line: (
        f"* {line.partition(' (')[0]} (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n".encode()
    )
    server.say("SEARCH", b"* SEARCH 1\r\n")
    server.say("FETCH", fetched(1))
    assert len(read(account(server)).stamps) == 2
    opened = [line for line in server.asked if "EXAMINE" in line or "STATUS" in line]
    assert [line.partition(" ")[2] for line in opened] == [
        'STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)',
        'STATUS "a \\\\\\"b\\" c" (MESSAGES UIDNEXT UIDVALIDITY)',
        'EXAMINE "INBOX"',
        'EXAMINE "a \\\\\\"b\\" c"',
    ]


def two_folders(inbox: str, sent: str) -> bytes:
    """The answer to LIST that tells these counts of two folders."""
    folders = (("", "INBOX", inbox), ("\\Sent", "Sent", sent))
    listed = "".join(f'* LIST ({mark}) "/" {name}\r\n' for mark, name, _ in folders)
    return (listed + "".join(f"* STATUS {name} ({told})\r\n" for _, name, told in folders if told)).encode()


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        ("", b""),
        ("", b"{tag} NO [SERVERBUG] sorry\r\n"),
        ("MESSAGES 2 UIDVALIDITY 7", b""),
        ("MESSAGES 2 UIDNEXT 3", b""),
    ],
)
def test_folder_of_which_the_server_does_not_say_what_is_new_is_told_once_the_others_are_read(
    listed: str, status: bytes, server: Script
) -> None:
    server.answers["FETCH"] = lambda line: b"".join(fetched(int(part)) for part in line.split()[2].split(":"))
    server.say("SEARCH", b'* ESEARCH (TAG "x") UID ALL 1\r\n')
    server.say("LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7"))
    first = read(account(server))
    server.say("LIST", two_folders("MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7", listed))
    server.say("STATUS", status)
    pages = account(server).fetch(first.cursor)
    new, last = next(pages), next(pages)
    with pytest.raises(UnavailableError, match="does not say what is new in some of its folders"):
        next(pages)
    assert (len(new.records), len(last.records)) == (1, 0)
    server.say("LIST", two_folders("MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7", "MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7"))
    server.asked.clear()
    read(account(server), last.cursor)
    assert [line.split()[3] for line in server.asked if "FETCH" in line] == ["2"]


def test_folder_that_is_not_ours_to_read_is_passed_over(server: Script) -> None:
    server.say("LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7", ""))
    server.say("STATUS", b"{tag} NO [NOPERM] not yours\r\n")
    assert len(read(account(server)).keys) == 1


def test_gmails_threads_are_asked_for_where_they_are_known(server: Script) -> None:
    server.say("CAPABILITY", b"* CAPABILITY IMAP4rev1 LIST-STATUS X-GM-EXT-1\r\n")
    server.say("SEARCH", b"* SEARCH 1\r\n")
    server.say("FETCH", fetched(1, extra=b"X-GM-THRID 255 "))
    (stamp,) = read(account(server)).stamps
    assert any("(X-GM-THRID UID FLAGS" in line for line in server.asked)
    assert len(stamp.thread_nodes) == 2


def test_access_token_signs_in_where_it_is_given(server: Script) -> None:
    read(account(server, password=None, token="ya29.token"))  # type: ignore[arg-type]
    at = next(number for number, line in enumerate(server.asked) if "AUTHENTICATE XOAUTH2" in line)
    assert b64decode(server.asked[at + 1]) == b"user=ana\x01auth=Bearer ya29.token\x01\x01"


@pytest.mark.parametrize(
    ("told", "block"),
    [
        (b'* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] "From: \\"a\\" <a@b>")\r\n', b'From: "a" <a@b>'),
        (b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] NIL)\r\n", b""),
        (b'* 1 FETCH (BODY[HEADER.FIELDS (FROM)] "" UID 1)\r\n', b""),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\n", None),
        (b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", None),
    ],
)
def test_rows_are_told_from_news_of_flags(told: bytes, block: bytes | None) -> None:
    row = row_from(told, None)
    assert (row and row.block) == block


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        (b'INTERNALDATE "01-Sep-2026 12:00:00 +0200"', "2026-09-01T10:00:00+00:00"),
        (b'INTERNALDATE " 1-SEP-2026 12:00:60 -0330"', "2026-09-01T15:30:59+00:00"),
        (b'INTERNALDATE "31-Feb-2026 12:00:00 +0000"', "None"),
        (b'INTERNALDATE "01-Set-2026 12:00:00 +0000"', "None"),
        (b'INTERNALDATE "01-Jan-0001 00:00:00 +9900"', "None"),
        (b"INTERNALDATE NIL", "None"),
    ],
)
def test_servers_time_is_read_whatever_its_offset(text: bytes, instant: str) -> None:
    found = received_in(text)
    assert (found.isoformat() if found else "None") == instant


HEADS = st.builds(
    b'* 1 FETCH (UID %d FLAGS (%b) INTERNALDATE "%b" BODY[HEADER.FIELDS (%b)] '.__mod__,
    st.tuples(
        st.integers(1, 2**32 - 1),
        st.sampled_from([b"", b"\\Seen", b"\\Seen \\DRAFT"]),
        st.sampled_from([b"01-Sep-2026 12:00:00 +0200", b" 1-sep-2026 12:00:60 -9900", b"31-Feb-2026 12:00:00 +0000"]),
        st.sampled_from([b"FROM TO", b'"FROM" "TO"', b"FROM"]),
    ),
)


BLOCKS = st.binary() | st.just(b")\r\n* 1 FETCH (") | HEADS.map(b")\r\n%b{0}\r\n".__mod__)


@given(st.lists(st.tuples(HEADS, BLOCKS), min_size=1), st.integers(0))
def test_rows_that_have_come_at_once_are_those_read_one_by_one(told: list[tuple[bytes, bytes]], cut: int) -> None:
    pieces = [b"%b{%d}\r\n%b)\r\n" % (head, len(block), block) for head, block in told]
    came = b"".join(pieces)
    came = came[: cut % (len(came) + 1)]
    rows, end = usual_rows(came)
    assert rows == [row_from(head + b")\r\n", block) for head, block in told[: len(rows)]]
    assert end == sum(map(len, pieces[: len(rows)]))


@given(st.lists(st.tuples(HEADS, st.binary()), min_size=1), st.integers(0))
def test_all_that_have_come_come_at_once_if_spelled_alike(told: list[tuple[bytes, bytes]], cut: int) -> None:
    fields = re.compile(rb"\([^()]*\)\] $")
    alike = fields.search(told[0][0])
    assert alike is not None
    pieces = [b"%b{%d}\r\n%b)\r\n" % (fields.sub(alike[0], head), len(block), block) for head, block in told]
    came = b"".join(pieces)
    came = came[: cut % (len(came) + 1)]
    rows, end = usual_rows(came)
    assert len(came) - end < len(pieces[len(rows)] if len(rows) < len(pieces) else b"\n")


def test_numbers_are_spelled_as_spans() -> None:
    assert spelled([7, 3, 2, 1]) == "1:3,7"
    assert spelled(range(5, 6)) == "5"


def numbered(server: Script, status: str, examine: str | None = None) -> None:
    """Let the server call its numbering so, in both places in which it does."""
    server.say("LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY " + status, "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7"))
    server.say("EXAMINE", f"* OK [UIDVALIDITY {status if examine is None else examine}] valid\r\n".encode())


@pytest.mark.parametrize(
    "validity",
    [
        "7",
        "007",
        "4294967296",
        "9" * 25,
        "9" * 5_000,
        "abc",
        "-1",
        "1e9",
        "7.5",
        "NIL",
        '"7"',
        "d\u00e9j\u00e0",
        "Kim-Miller",
    ],
)
def test_numbering_may_be_called_anything(validity: str, server: Script) -> None:
    numbered(server, validity)
    first = read(account(server))
    assert len(first.keys) == 1
    assert "Miller" not in (first.cursor or "")
    server.asked.clear()
    assert read(account(server), first.cursor).keys == set()
    assert not [line for line in server.asked if "FETCH" in line]
    numbered(server, f"{validity[:100]}8")
    assert read(account(server), first.cursor).keys == first.keys


@pytest.mark.parametrize(("status", "examine"), [("0", "0"), ("7", "8"), ("7", "abc"), ("abc", ""), ("7", "7 8]")])
@pytest.mark.usefixtures("pauses")
def test_numbering_that_makes_no_sense_is_refused_once(status: str, examine: str, server: Script) -> None:
    numbered(server, status, examine)
    if examine.startswith("7"):
        assert len(read(account(server)).keys) == 1
        return
    with pytest.raises(UnavailableError):
        read(account(server))
    assert len(server.asked) < 60


SPLICES = [
    b"", b"\r\n", b"* ", b"* BYE\r\n", b"{7}\r\n", b"{99999999999}\r\n", b"{0}\r\n", b"(", b")", b'"', b"\\", b"NIL",
    b"\0",
    b"* 1 FETCH (UID 1)\r\n", b"UIDVALIDITY x", b"UIDNEXT 99999999999999999999", b"MESSAGES -1", b" UID ", b"1:*",
    b"4294967295:1", b"{tag} NO [LIMIT] later\r\n", b"{tag} BAD\r\n", b"{tag} OK\r\n", b"+ go\r\n", b"\xff", b"]",
    b"[CLOSED]",
]  # fmt: skip
COMMANDS = ("CAPABILITY", "LIST", "EXAMINE", "SEARCH", "FETCH", "LOGOUT")


def injured(data: bytes, random_: Random) -> bytes:
    """An answer with one to four small injuries, after which the server may hang up."""
    for _ in range(random_.randint(1, 4)):
        at, length = random_.randrange(len(data) + 1), random_.choice((0, 1, 1, 4, 20))
        piece = random_.choice((random_.choice(SPLICES), random_.randbytes(2), data[at : at + length] * 2))
        data = data[:at] + piece + data[at + length :]
    return data + HANG_UP if random_.random() < 0.1 else data


def ends_of(count: int, seed: int, server: Script) -> Counter[str]:
    """How so many accounts ended whose answers are injured; whatever is no ConnectorError is raised."""
    random_, ends, sound = Random(seed), Counter[str](), dict(server.answers)
    for _ in range(count):
        name = random_.choice(COMMANDS)
        whole = sound[name]("UID FETCH 1:3")
        assert whole is not None
        server.answers = dict(sound)
        server.say(name, injured(whole, random_))
        try:
            found = read(account(server))
            told, end = repr(found), "whole" if len(found.keys) == 3 else "in part"
        except ConnectorError as error:
            told, end = f"{error}{error!r}", "refused"
        ends[end] += 1
        assert CANARY not in told
    return ends


def test_three_hundred_injured_answers_end_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", 0.3)
    block = f"From: <client@post.example>\r\nSubject: {CANARY}\r\n".encode()
    with scripted_imap(messages=3) as server:
        server.say("FETCH", b"".join(fetched(n, b"%bMessage-ID: <%d@x>\r\n\r\n" % (block, n)) for n in (1, 2, 3)))
        ends = ends_of(int(os.environ.get("EVENHOURS_INJURED", "300")), 29, server)
    assert set(ends) == {"whole", "in part", "refused"}
