"""A mail server that refuses, hangs up, or sends too much or nonsense: one error for each, and nothing is lost."""

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
from connectors.imap.messages import parse_internaldate, parse_message, parse_standard
from connectors.imap.reader import MAX_RECONNECTS
from connectors.imap.session import uid_set
from connectors.imap.source import ImapConnector, ImapOptions
from tests.connectors.mailboxes import CANARY, Reading, practice, read
from tests.peers.scripted_imap import GREETING, HANG_UP, Answer, Script, fetch_response, scripted_imap


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses in seconds, which are recorded instead of slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_imap() as script:
        yield script


def connector(server: Script, **options: str) -> ImapConnector:
    defaults = ImapOptions(host="127.0.0.1", port=server.port, username="ana", password=CANARY, tls="none")
    return ImapConnector(replace(defaults, **options), practice(Path()))  # type: ignore[arg-type]


def test_fetch_command_never_names_subject_envelope_or_body(server: Script) -> None:
    assert len(read(connector(server)).keys) == 1
    (command,) = [line for line in server.received if "FETCH" in line]
    fields = command.partition("BODY.PEEK[HEADER.FIELDS (")[2].partition(")]")
    assert command.startswith("rows-1 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[")
    assert fields[2] == ")"
    assert {"FROM", "TO", "MESSAGE-ID", "REFERENCES"} <= set(fields[0].split())
    assert "SUBJECT" not in command
    assert [line.split()[1] for line in server.received if "EXAMINE" in line or "SELECT" in line] == ["EXAMINE"]


def test_only_the_folders_are_requested_if_nothing_is_new(server: Script) -> None:
    first = read(connector(server))
    server.received.clear()
    read(connector(server), first.cursor)
    commands = [line.split()[1] for line in server.received if " " in line]
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
    server.set_answer(command, answer)
    with pytest.raises(error) as raised:
        read(connector(server))
    assert type(raised.value) is error
    assert not any(
        word in f"{raised.value!r}{raised.value.__cause__!r}" for word in (CANARY, "html", "sorry", "not yours")
    )


def test_closed_port_is_unavailable() -> None:
    with scripted_imap() as server:
        pass
    with pytest.raises(UnavailableError):
        read(connector(server))


@pytest.mark.parametrize("greeting", [b"* BYE full\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xff\xfe\r\n"])
def test_greeting_of_another_kind_of_server_is_unavailable(greeting: bytes, server: Script) -> None:
    server.greeting = greeting or b"* OK [CAPABILITY IMAP4rev1] \r\n* BYE\r\n"
    with pytest.raises(ConnectorError):
        read(connector(server))


def test_endless_response_is_given_up(server: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_RESPONSE_BYTES", 10_000)
    monkeypatch.setattr(connection.ImapConnection, "_bytes_left", 10_000)
    server.set_answer("FETCH", b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {4294967295}\r\n" + b"x" * 100)
    with pytest.raises(UnavailableError):
        read(connector(server))
    server.set_answer("LIST", b'* LIST () "/" "a"\r\n' * 2_000)
    with pytest.raises(UnavailableError):
        read(connector(server))


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

        def drop_at_two(line: str) -> Answer:
            number = int(line.split()[2])
            if number == 3:
                return fetch_response(3)
            server.greeting = b"* BYE\r\n"
            return cut + HANG_UP

        server.answers["FETCH"] = drop_at_two
        batches = connector(server).fetch(None)
        stored = Reading([next(batches)])
        with pytest.raises(UnavailableError):
            next(batches)
        assert len(stored.keys) == 1
        server.greeting = GREETING
        server.answers["FETCH"] = lambda line: fetch_response(int(line.split()[2]))
        rest = read(connector(server), stored.cursor)
        assert len(stored.keys | rest.keys) == 3
        assert stored.keys.isdisjoint(rest.keys)


def test_connection_that_keeps_dropping_is_given_up() -> None:
    with scripted_imap(messages=900) as server:
        server.set_answer("FETCH", None)
        with pytest.raises(UnavailableError):
            read(connector(server))
        assert sum("FETCH" in line for line in server.received) == MAX_RECONNECTS + 1


def test_only_message_may_be_the_one_that_breaks_the_connection(server: Script) -> None:
    server.answers["SEARCH"] = lambda line: b"" if "NOT UID" in line else b'* ESEARCH (TAG "x") UID ALL 1\r\n'
    server.set_answer("FETCH", None)
    reading = read(connector(server))
    assert [record.reason for record in reading.rejected] == ["the mail server closes the connection while sending it"]
    server.set_answer("FETCH", fetch_response(1))
    assert len(read(connector(server), reading.cursor).keys) == 1


def test_server_that_recovers_is_read(server: Script, pauses: list[float]) -> None:
    failures = [None, b"{tag} NO [LIMIT] slower\r\n", b"{tag} NO [UNAVAILABLE] later\r\n"]
    server.answers["FETCH"] = lambda _: failures.pop(0) if failures else fetch_response(1)
    assert len(read(connector(server)).keys) == 1
    assert pauses == [1, 1, 2]


def test_messages_that_arrive_early_are_kept_for_their_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 1)
    with scripted_imap(messages=2) as server:
        server.answers["FETCH"] = lambda line: fetch_response(1) + fetch_response(2) if line.split()[2] == "2" else b""
        batches = list(connector(server).fetch(None))
    assert [len(batch.records) for batch in batches] == [1, 1, 0]


def test_server_without_extensions_is_asked_folder_by_folder(server: Script) -> None:
    server.set_answer("CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n")
    server.set_answer(
        "LIST", b'* LIST (\\HasNoChildren) NIL INBOX\r\n* LIST () "/" {8}\r\na \\"b" c\r\n* LIST () "/" Junk\r\n'
    )
    server.answers["STATUS"] = lambda line: (
        f"* {line.partition(' (')[0]} (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n".encode()
    )
    server.set_answer("SEARCH", b"* SEARCH 1\r\n")
    server.set_answer("FETCH", fetch_response(1))
    assert len(read(connector(server)).stamps) == 2
    opened = [line for line in server.received if "EXAMINE" in line or "STATUS" in line]
    assert [line.partition(" ")[2] for line in opened] == [
        'STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)',
        'STATUS "a \\\\\\"b\\" c" (MESSAGES UIDNEXT UIDVALIDITY)',
        'EXAMINE "INBOX"',
        'EXAMINE "a \\\\\\"b\\" c"',
    ]


def two_folders(inbox: str, sent: str) -> bytes:
    """Return the answer to LIST with these counts of two folders."""
    folders = (("", "INBOX", inbox), ("\\Sent", "Sent", sent))
    listed = "".join(f'* LIST ({flag}) "/" {name}\r\n' for flag, name, _ in folders)
    return (listed + "".join(f"* STATUS {name} ({counts})\r\n" for _, name, counts in folders if counts)).encode()


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        ("", b""),
        ("", b"{tag} NO [SERVERBUG] sorry\r\n"),
        ("MESSAGES 2 UIDVALIDITY 7", b""),
        ("MESSAGES 2 UIDNEXT 3", b""),
    ],
)
def test_folder_without_counts_is_reported_once_the_others_are_read(listed: str, status: bytes, server: Script) -> None:
    server.answers["FETCH"] = lambda line: b"".join(fetch_response(int(part)) for part in line.split()[2].split(":"))
    server.set_answer("SEARCH", b'* ESEARCH (TAG "x") UID ALL 1\r\n')
    server.set_answer("LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7"))
    first = read(connector(server))
    server.set_answer("LIST", two_folders("MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7", listed))
    server.set_answer("STATUS", status)
    pages = connector(server).fetch(first.cursor)
    new, last = next(pages), next(pages)
    with pytest.raises(UnavailableError, match="does not say what is new in some of its folders"):
        next(pages)
    assert (len(new.records), len(last.records)) == (1, 0)
    server.set_answer("LIST", two_folders("MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7", "MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7"))
    server.received.clear()
    read(connector(server), last.cursor)
    assert [line.split()[3] for line in server.received if "FETCH" in line] == ["2"]


def test_folder_without_permission_is_skipped(server: Script) -> None:
    server.set_answer("LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7", ""))
    server.set_answer("STATUS", b"{tag} NO [NOPERM] not yours\r\n")
    assert len(read(connector(server)).keys) == 1


def test_gmail_threads_are_requested_if_supported(server: Script) -> None:
    server.set_answer("CAPABILITY", b"* CAPABILITY IMAP4rev1 LIST-STATUS X-GM-EXT-1\r\n")
    server.set_answer("SEARCH", b"* SEARCH 1\r\n")
    server.set_answer("FETCH", fetch_response(1, extra=b"X-GM-THRID 255 "))
    (stamp,) = read(connector(server)).stamps
    assert any("(X-GM-THRID UID FLAGS" in line for line in server.received)
    assert len(stamp.thread_nodes) == 2


def test_access_token_is_used_to_sign_in(server: Script) -> None:
    read(connector(server, password=None, token="ya29.token"))  # type: ignore[arg-type]
    index = next(number for number, line in enumerate(server.received) if "AUTHENTICATE XOAUTH2" in line)
    assert b64decode(server.received[index + 1]) == b"user=ana\x01auth=Bearer ya29.token\x01\x01"


@pytest.mark.parametrize(
    ("text", "block"),
    [
        (b'* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] "From: \\"a\\" <a@b>")\r\n', b'From: "a" <a@b>'),
        (b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] NIL)\r\n", b""),
        (b'* 1 FETCH (BODY[HEADER.FIELDS (FROM)] "" UID 1)\r\n', b""),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\n", None),
        (b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", None),
    ],
)
def test_messages_are_distinguished_from_flag_updates(text: bytes, block: bytes | None) -> None:
    message = parse_message(text, None)
    assert (message and message.header_block) == block


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
def test_internaldate_is_read_with_any_offset(text: bytes, instant: str) -> None:
    received_at = parse_internaldate(text)
    assert (received_at.isoformat() if received_at else "None") == instant


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
def test_messages_parsed_at_once_equal_those_parsed_one_by_one(responses: list[tuple[bytes, bytes]], cut: int) -> None:
    pieces = [b"%b{%d}\r\n%b)\r\n" % (head, len(block), block) for head, block in responses]
    data = b"".join(pieces)
    data = data[: cut % (len(data) + 1)]
    messages, end = parse_standard(data)
    assert messages == [parse_message(head + b")\r\n", block) for head, block in responses[: len(messages)]]
    assert end == sum(map(len, pieces[: len(messages)]))


@given(st.lists(st.tuples(HEADS, st.binary()), min_size=1), st.integers(0))
def test_all_buffered_messages_are_parsed_at_once_if_their_heads_are_alike(
    responses: list[tuple[bytes, bytes]], cut: int
) -> None:
    fields = re.compile(rb"\([^()]*\)\] $")
    names = fields.search(responses[0][0])
    assert names is not None
    pieces = [b"%b{%d}\r\n%b)\r\n" % (fields.sub(names[0], head), len(block), block) for head, block in responses]
    data = b"".join(pieces)
    data = data[: cut % (len(data) + 1)]
    messages, end = parse_standard(data)
    assert len(data) - end < len(pieces[len(messages)] if len(messages) < len(pieces) else b"\n")


def test_uids_are_written_as_spans() -> None:
    assert uid_set([7, 3, 2, 1]) == "1:3,7"
    assert uid_set(range(5, 6)) == "5"


def set_validity(server: Script, status: str, examine: str | None = None) -> None:
    """Let the server report this UIDVALIDITY in both places."""
    server.set_answer(
        "LIST", two_folders("MESSAGES 1 UIDNEXT 2 UIDVALIDITY " + status, "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7")
    )
    server.set_answer("EXAMINE", f"* OK [UIDVALIDITY {status if examine is None else examine}] valid\r\n".encode())


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
def test_uidvalidity_may_be_any_text(validity: str, server: Script) -> None:
    set_validity(server, validity)
    first = read(connector(server))
    assert len(first.keys) == 1
    assert "Miller" not in (first.cursor or "")
    server.received.clear()
    assert read(connector(server), first.cursor).keys == set()
    assert not [line for line in server.received if "FETCH" in line]
    set_validity(server, f"{validity[:100]}8")
    assert read(connector(server), first.cursor).keys == first.keys


@pytest.mark.parametrize(("status", "examine"), [("0", "0"), ("7", "8"), ("7", "abc"), ("abc", ""), ("7", "7 8]")])
@pytest.mark.usefixtures("pauses")
def test_inconsistent_validity_is_refused_after_few_commands(status: str, examine: str, server: Script) -> None:
    set_validity(server, status, examine)
    if examine.startswith("7"):
        assert len(read(connector(server)).keys) == 1
        return
    with pytest.raises(UnavailableError):
        read(connector(server))
    assert len(server.received) < 60


SPLICES = [
    b"", b"\r\n", b"* ", b"* BYE\r\n", b"{7}\r\n", b"{99999999999}\r\n", b"{0}\r\n", b"(", b")", b'"', b"\\", b"NIL",
    b"\0",
    b"* 1 FETCH (UID 1)\r\n", b"UIDVALIDITY x", b"UIDNEXT 99999999999999999999", b"MESSAGES -1", b" UID ", b"1:*",
    b"4294967295:1", b"{tag} NO [LIMIT] later\r\n", b"{tag} BAD\r\n", b"{tag} OK\r\n", b"+ go\r\n", b"\xff", b"]",
    b"[CLOSED]",
]  # fmt: skip
COMMANDS = ("CAPABILITY", "LIST", "EXAMINE", "SEARCH", "FETCH", "LOGOUT")


def mutated(data: bytes, random_: Random) -> bytes:
    """Return an answer with one to four small mutations; sometimes the server hangs up after it."""
    for _ in range(random_.randint(1, 4)):
        position, length = random_.randrange(len(data) + 1), random_.choice((0, 1, 1, 4, 20))
        piece = random_.choice((random_.choice(SPLICES), random_.randbytes(2), data[position : position + length] * 2))
        data = data[:position] + piece + data[position + length :]
    return data + HANG_UP if random_.random() < 0.1 else data


def outcomes_of(count: int, seed: int, server: Script) -> Counter[str]:
    """Return how reading so many mutated answers ended. Raises whatever is not a ConnectorError."""
    random_, outcomes, valid_answers = Random(seed), Counter[str](), dict(server.answers)
    for _ in range(count):
        command = random_.choice(COMMANDS)
        answer = valid_answers[command]("UID FETCH 1:3")
        assert answer is not None
        server.answers = dict(valid_answers)
        server.set_answer(command, mutated(answer, random_))
        try:
            reading = read(connector(server))
            output, outcome = repr(reading), "whole" if len(reading.keys) == 3 else "in part"
        except ConnectorError as error:
            output, outcome = f"{error}{error!r}", "refused"
        outcomes[outcome] += 1
        assert CANARY not in output
    return outcomes


def test_three_hundred_mutated_answers_end_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "RESPONSE_SECONDS", 0.3)
    block = f"From: <client@post.example>\r\nSubject: {CANARY}\r\n".encode()
    with scripted_imap(messages=3) as server:
        server.set_answer(
            "FETCH", b"".join(fetch_response(n, b"%bMessage-ID: <%d@x>\r\n\r\n" % (block, n)) for n in (1, 2, 3))
        )
        outcomes = outcomes_of(int(os.environ.get("EVENHOURS_INJURED", "300")), 29, server)
    assert set(outcomes) == {"whole", "in part", "refused"}
