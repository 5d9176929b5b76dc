from __future__ import annotations

import email.parser
import mailbox
import random
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import getaddresses
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.addresses import UnreadableAddressesError, addresses_in
from connectors.mail.dates import instant_from, usual_instant
from connectors.mail.headers import Headers
from connectors.pseudonyms import canonical_address
from connectors.records import CounterpartKind
from tests.connectors.mailboxes import ANA, BEN, CANARY, NAMES, letter, stamp, stamps, together


def person(address: str, owner: str = "ana") -> str:
    return NAMES.person(owner, address)


# Address lists


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ana@x.example", ["ana@x.example"]),
        ('"Moreau, Ana" <Ana@X.example>, ben@x.example', ["ana@x.example", "ben@x.example"]),
        ("Moreau, Ana <ana@x.example>", ["ana@x.example"]),
        ("ana@x.example (Ana (the) Moreau), (nobody) ben@x.example", ["ana@x.example", "ben@x.example"]),
        ("Team: ana@x.example, ben@x.example;, cy@x.example", ["ana@x.example", "ben@x.example", "cy@x.example"]),
        ("undisclosed-recipients:;", []),
        ('"<ana@evil.example>" <ben@x.example>', ["ben@x.example"]),
        ("ana@evil.example <ben@x.example>", ["ben@x.example"]),
        ("<@relay.example,@other.example:ana@x.example>", ["ana@x.example"]),
        ("'ana@x.example'", ["ana@x.example"]),
        ('"ana moreau"@x.example', ['"ana moreau"@x.example']),
        ("=?utf-8?q?Ana=2C_M?= <ana+billing@x.example>", ["ana@x.example"]),
        ("=?utf-8?q?Ana_=3Cana=40x=2Eexample=3E?=", ["ana@x.example"]),
        ("root, MAILER-DAEMON", []),
        ("Ana <>", []),
        (",,", []),
        ("", []),
    ],
)
def test_an_address_list_is_read_by_its_grammar(text: str, found: list[str]) -> None:
    assert list(addresses_in(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        '"Ana <ana@x.example>',
        "Ana <ana@x.example",
        "ana@x.example>",
        "Ana (ana@x.example",
        "ana@x.example)ben@x.example",
        "<ana@x.example> <ben@x.example>",
        "Ana ana@x.example",
        "Ana <ana>",
        "ana@@x.example",
        "ana\\@x.example",
        "=?utf-8?b?A?=",
    ],
)
def test_a_malformed_list_is_not_guessed(text: str) -> None:
    with pytest.raises(UnreadableAddressesError) as error:
        addresses_in(text)
    assert not str(error.value)


@pytest.mark.parametrize(
    "text", ["(" * 250_000, '"' + '\\"' * 125_000, "<" * 250_000, "@" * 250_000, "a@b.example," * 20_000]
)
def test_a_hostile_list_costs_no_stack_and_little_time(text: str) -> None:
    began = process_time()
    with suppress(UnreadableAddressesError):
        addresses_in(text)
    assert process_time() - began < 2


@pytest.mark.real
def test_every_real_list_is_read_as_the_standard_library_reads_it(real: Path) -> None:
    box = mailbox.mbox(real / "mail" / "uboot_stm32_headers.mbox", create=False)
    box._factory = None
    lists = {
        value for message in box for name in ("From", "To", "Cc", "Reply-To") for value in message.get_all(name, [])
    }
    box.close()
    texts = {" ".join(str(value).split()) for value in lists}
    differing = [
        text for text in texts if list(addresses_in(text)) != [canonical_address(a) for _, a in getaddresses([text])]
    ]
    assert len(texts) > 1000
    assert differing == []


# Instants


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Tue, 01 Sep 2026 18:30:00 +0200", "2026-09-01T16:30:00"),
        ("1 Sep 26 18:30 +0200", "2026-09-01T16:30:00"),
        ("Tue, 1 Sep 2026 18:30:00 +0200 (CEST)", "2026-09-01T16:30:00"),
        ("mar., 1 Sep 2026 18:30:00 +0200", "2026-09-01T16:30:00"),
        ("Tue, 1 Sep 2026 18:30:60 +0200", "2026-09-01T16:30:59"),
        ("Tue, 1 Sep 2026 18:30:00 -0000", "2026-09-01T18:30:00"),
        ("Tue, 1 Sep 2026 18:30:00 CEST", "2026-09-01T18:30:00"),
        ("Tue, 1 Sep 2026 18:30:00 EST", "2026-09-01T23:30:00"),
        ("Tue, 1 Sep 2026 18:30:00", "2026-09-01T18:30:00"),
        ("Tue Sep  1 18:30:00 2026", "2026-09-01T18:30:00"),
        ("Tue Sep  1 18:30:00 +0200 2026", "2026-09-01T16:30:00"),
    ],
)
def test_a_date_is_an_instant_whatever_its_dress(text: str, instant: str) -> None:
    assert instant_from(text) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Tue, 1 Sep 2026 18:30:00 +9900",
        "Mon, 30 Feb 2026 18:30:00 +0200",
        "1 Sep 2026 25:00:00 +0200",
        "1 Sep 99999 18:30:00 +0200",
        "31 Dec 9999 23:59:59 -1200",
        "mar. 1 septembre 2026 18:30:00",
        "1 Sep 2026 18:30:00 +" + "9" * 5000,
    ],
)
def test_a_date_that_does_not_add_up_is_none(text: str) -> None:
    assert instant_from(text) is None


@given(
    st.sampled_from(["", "Tue, "]),
    st.sampled_from(["1", " 1", "01", "29", "30", "31", "39", "0"]),
    st.sampled_from(" -"),
    st.sampled_from(["Jan", "Feb", "Sep", "Dec"]),
    st.sampled_from(["1000", "1999", "2024", "2026", "2999"]),
    st.from_regex("[0-2][0-9]:[0-5][0-9]:[0-5][0-9]", fullmatch=True),
    st.from_regex("[+-]([01][0-9]00|[0-9]{4})", fullmatch=True),
)
def test_the_usual_spelling_is_the_same_instant_as_any_other(
    name: str, day: str, dash: str, month: str, year: str, time: str, zone: str
) -> None:
    text = f"{name}{day}{dash}{month}{dash}{year} {time} {zone}"
    quickly, carefully = usual_instant(text), instant_from(f"{text} ")
    assert quickly in {None, carefully}
    assert quickly or carefully is None or day.strip() == "0" or time > "24"


def test_the_postmark_counts_only_where_date_says_nothing() -> None:
    postmark = "Wed Sep  2 08:00:00 2026"
    ((dated,), _) = stamps(letter(date="Tue, 1 Sep 2026 18:30:00 +0200"), postmark=postmark)
    ((undated,), _) = stamps(letter(date="long ago"), postmark=postmark)
    assert dated.sent_at == datetime(2026, 9, 1, 16, 30, tzinfo=UTC)
    assert undated.sent_at == datetime(2026, 9, 2, 8, tzinfo=UTC)


def test_a_message_without_any_time_is_set_aside() -> None:
    found, (rejected,) = stamps(letter(date=f"{CANARY} 2026"))
    assert found == ()
    assert (rejected.where, rejected.reason) == ("message 1", "it has no readable date")


# The block


def test_folded_fields_are_joined_and_stay_one_field() -> None:
    block = b"To: A\n <a@x.example>,\n\tB <b@x.example>\r\nReferences: <1@x>\r\n <2@x>\nDATE : 1 Sep 2026 10:00 +0200\n"
    headers = Headers.from_block(block)
    assert headers.addresses("to") == ("a@x.example", "b@x.example")
    assert headers.identifiers(datetime(2026, 9, 1, tzinfo=UTC))[1:] == ["1@x", "2@x"]
    assert headers.sent_at is not None


def test_identifiers_are_joined_within_a_field_and_never_over_two() -> None:
    headers = Headers.from_block(
        b"Message-ID: <0\n @x>\nReferences: <1\n @x> <2\nReferences: @x>\nIn-Reply-To: @x> <3@x>\n"
    )
    assert headers.identifiers(datetime(2026, 9, 1, tzinfo=UTC)) == ["0@x", "1@x", "3@x"]


def test_what_stands_behind_the_blank_line_or_is_no_field_is_no_header() -> None:
    headers = Headers.from_block(b">From somebody\nno field\n folded\nTo: a@x.example\n\nTo: b@x.example\n")
    assert headers.addresses("to") == ("a@x.example",)


def test_a_repeated_field_has_a_first_value_and_is_one_list() -> None:
    headers = Headers.from_block(b"To: a@x.example\nto:\n b@x.example\nList-Id: <one>\nList-Id: <two>\n")
    assert headers.addresses("to") == ("a@x.example", "b@x.example")
    assert headers.first("list-id") == "<one>"


def test_nuls_and_broken_bytes_in_a_name_leave_the_address_readable() -> None:
    assert Headers.from_block(b"From: \xff\xfe\0Ana <a\0na@x.example>\n").senders == ("ana@x.example",)


def test_only_fields_of_the_list_are_taken_out() -> None:
    headers = Headers.from_block(letter(comments=CANARY, x_note=CANARY))
    assert not headers.first("subject")
    assert not headers.first("comments")


# Direction and counterpart


@pytest.mark.parametrize("sender", ["ana@harbour.example", "Ana <ANA+evening@Harbour.example>", "ana@old.example"])
def test_what_comes_from_one_of_the_owners_addresses_is_outgoing(sender: str) -> None:
    found = stamp(letter(From=sender, to="Client <c@post.example>"))
    assert found.outgoing
    assert found.counterpart == person("c@post.example")
    assert found.counterpart_kind is CounterpartKind.CLIENT


def test_the_offset_of_the_header_changes_the_instant_and_nothing_else() -> None:
    here = stamp(letter(date="Tue, 1 Sep 2026 18:30:00 +0200"))
    there = stamp(letter(date="Tue, 1 Sep 2026 16:30:00 +0000"))
    assert here == there


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("c@post.example", CounterpartKind.CLIENT),
        ("ben@harbour.example", CounterpartKind.COLLEAGUE),
        ("director@harbour.example", CounterpartKind.MANAGEMENT),
        ("no-reply@shop.example", CounterpartKind.AUTOMATIC),
    ],
)
def test_the_counterpart_of_an_incoming_message_is_its_sender(sender: str, kind: CounterpartKind) -> None:
    found = stamp(letter(From=sender))
    assert not found.outgoing
    assert (found.counterpart, found.counterpart_kind) == (person(sender), kind)


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"to": "ana@old.example, c@post.example, d@post.example"}, "c@post.example"),
        ({"to": "ana@old.example", "cc": "ana@harbour.example, d@post.example"}, "d@post.example"),
        ({"to": "undisclosed-recipients:;", "bcc": "e@post.example"}, "e@post.example"),
    ],
)
def test_the_counterpart_of_an_outgoing_message_is_the_first_who_is_not_its_owner(
    fields: dict[str, str], first: str
) -> None:
    assert stamp(letter(From="ana@harbour.example", **fields)).counterpart == person(first)


@pytest.mark.parametrize("recipients", ["ana@old.example", "undisclosed-recipients:;", ""])
def test_a_note_to_self_has_no_counterpart(recipients: str) -> None:
    found = stamp(letter(From="ana@harbour.example", to=recipients))
    assert (found.outgoing, found.counterpart, found.counterpart_kind) == (True, None, CounterpartKind.OTHER)


def test_an_unreadable_recipient_is_counted_and_the_time_is_kept() -> None:
    ((found,), (rejected,)) = stamps(letter(From="ana@harbour.example", to=f'"{CANARY} <c@post.example>'))
    assert (found.outgoing, found.counterpart) == (True, None)
    assert rejected.reason == "the addresses in its To field cannot be read"


@pytest.mark.parametrize("sender", [f'"{CANARY} <c@post.example>', "c at post.example", "c@post.example <d@>"])
def test_an_unreadable_sender_is_counted_and_gives_no_record(sender: str) -> None:
    found, (rejected,) = stamps(letter(From=sender))
    assert found == ()
    assert rejected.reason == "the addresses in its From field cannot be read"


# Lists

REWRITTEN = {"From": "Ana via Peers <peers@lists.example>", "List_Id": "Peers <peers.lists.example>"}


def test_the_owners_message_that_a_list_rewrote_is_outgoing() -> None:
    found = stamp(letter(**REWRITTEN, reply_to="Ana <ana@harbour.example>", to="peers@lists.example"))
    assert (found.outgoing, found.automatic) == (True, False)
    assert found.counterpart == person("peers@lists.example")


def test_the_senders_of_a_rewriting_list_are_told_apart_by_reply_to() -> None:
    found = stamp(letter(**REWRITTEN, reply_to="peers@lists.example, c@post.example"), lists="ordinary")
    assert (found.outgoing, found.counterpart) == (False, person("c@post.example"))


def test_a_reply_to_without_a_list_makes_nobody_a_sender() -> None:
    found = stamp(letter(From="form@shop.example", reply_to="ana@harbour.example"))
    assert (found.outgoing, found.counterpart) == (False, person("form@shop.example"))


@pytest.mark.parametrize("fields", [{"list_id": "<peers.lists.example>"}, {"precedence": "list"}])
def test_list_mail_is_automatic_unless_lists_are_ordinary(fields: dict[str, str]) -> None:
    ignored, ordinary = stamp(letter(**fields)), stamp(letter(**fields), lists="ordinary")
    assert (ignored.automatic, ignored.counterpart_kind) == (True, CounterpartKind.AUTOMATIC)
    assert (ordinary.automatic, ordinary.counterpart_kind) == (False, CounterpartKind.CLIENT)


# Was it a person?


@pytest.mark.parametrize(
    "fields",
    [
        {"auto_submitted": "auto-replied (vacation)"},
        {"auto_submitted": "Auto-Generated; owner=x"},
        {"x_auto_response_suppress": "DR, OOF"},
        {"precedence": "bulk"},
        {"precedence": "Junk"},
        {"precedence": "auto_reply"},
        {"return_path": "<>"},
        {"From": "MAILER-DAEMON@mx.example"},
        {"From": "MAILER-DAEMON (Mail System)"},
        {"From": "<>"},
        {"From": ""},
    ],
)
def test_an_incoming_message_of_a_machine_is_automatic(fields: dict[str, str]) -> None:
    for lists in ("ignore", "ordinary"):
        found = stamp(letter(**fields), lists=lists)
        assert (found.automatic, found.counterpart_kind) == (True, CounterpartKind.AUTOMATIC)


@pytest.mark.parametrize(
    "fields",
    [
        {"auto_submitted": "no"},
        {"x_auto_response_suppress": "None"},
        {"precedence": "first-class"},
        {"return_path": "<c@post.example>"},
    ],
)
def test_an_incoming_message_of_a_person_is_not(fields: dict[str, str]) -> None:
    assert not stamp(letter(**fields)).automatic


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"auto_submitted": "auto-replied"}, "automatic"),
        ({"x_auto_response_suppress": "All"}, "automatic"),
        ({"list_id": "<peers.lists.example>", "precedence": "list", "return_path": "<>"}, "written"),
        ({"precedence": "bulk"}, "written"),
    ],
)
def test_the_owners_own_message_is_automatic_only_by_its_own_word(fields: dict[str, str], word: str) -> None:
    found = stamp(letter(From="ana@harbour.example", to="c@post.example", **fields))
    assert (found.automatic, found.counterpart_kind) == (word == "automatic", CounterpartKind.CLIENT)


# Whose it is


def test_in_a_shared_mailbox_each_named_owner_has_a_stamp_of_their_own() -> None:
    found, _ = stamps(letter(From="ana@harbour.example", to="ben@harbour.example, c@post.example"), ANA, BEN)
    assert {(one.clinician, one.outgoing, one.counterpart) for one in found} == {
        ("ana", True, person("ben@harbour.example")),
        ("ben", False, person("ana@harbour.example", "ben")),
    }
    assert len({one.key for one in found}) == 2


def test_in_a_shared_mailbox_what_names_no_owner_is_nobodys() -> None:
    assert stamps(letter(to="office@harbour.example"), ANA, BEN) == ((), ())


# Told before

_SOMEBODY = st.sampled_from(["ana@harbour.example", "c@post.example", "ben@harbour.example", "<>", "c at post", ""])
_FIELDS = st.fixed_dictionaries(
    {"From": _SOMEBODY, "to": _SOMEBODY, "cc": _SOMEBODY, "reply_to": _SOMEBODY},
    optional={"list_id": st.just("<peers.lists.example>"), "precedence": st.just("bulk")},
)


@given(fields=st.lists(_FIELDS, min_size=2, max_size=8), both=st.booleans())
def test_what_was_told_before_of_the_same_people_changes_no_message(
    fields: list[dict[str, str]], *, both: bool
) -> None:
    owners = (ANA, BEN) if both else (ANA,)
    blocks = [letter(number, **told) for number, told in enumerate(fields + fields)]
    alone = [stamps(block, *owners) for block in blocks]
    assert together(blocks, *owners) == (
        tuple(found for one, _ in alone for found in one),
        tuple(record for _, rejected in alone for record in rejected),
    )


# Threads


def test_a_thread_holds_the_message_first_then_what_it_follows_once_each() -> None:
    found = stamp(letter(7, references="<1@x>\n <2@x> <1@x>", in_reply_to="<3@x> (message from Quetz of 3 May)"))
    words = ["7@post.example", "1@x", "2@x", "3@x"]
    assert found.thread_nodes == tuple(NAMES.node("ana", word) for word in words)
    assert found.key == found.thread_nodes[0]


def test_gmails_thread_is_a_node_in_the_spelling_of_its_interface() -> None:
    assert NAMES.node("ana", "thread:ff") in stamp(letter(x_gm_thrid="255")).thread_nodes


def test_an_endless_thread_keeps_its_two_ends() -> None:
    found = stamp(letter(references=" ".join(f"<{number}@x>" for number in range(5000))))
    assert len(found.thread_nodes) == 100
    assert found.thread_nodes[1] == NAMES.node("ana", "0@x")
    assert found.thread_nodes[-1] == NAMES.node("ana", "4999@x")


@pytest.mark.parametrize("spelling", ["<1@x>", "1@x", "<1@\n x>", "junk <1@x>", "<1@x>@changeid"])
def test_a_message_id_is_the_same_however_it_is_spelled(spelling: str) -> None:
    assert stamp(letter(message_id=spelling)).key == NAMES.node("ana", "1@x")


def test_a_message_without_id_is_known_by_what_no_mail_program_changes() -> None:
    plain, flagged = letter(message_id=""), letter(message_id="", status="RO", x_mozilla_status="0001")
    assert stamp(plain).key == stamp(flagged).key
    assert stamp(plain).key != stamp(letter(2, message_id="")).key


# Hostile input


def mutated(block: bytes, chance: random.Random) -> bytes:
    """The block with a few bytes cut, doubled, swapped or replaced by what hurts parsers."""
    pieces = [
        b"\0",
        b"\r",
        b"\n",
        b"\n ",
        b"(",
        b'"',
        b"<",
        b"\\",
        b",",
        b":",
        b"=?utf-8?b?",
        b"?=",
        b"\xff",
        b"+9999",
        b"@",
    ]
    for _ in range(chance.randint(1, 8)):
        begin = chance.randrange(len(block) + 1)
        end = min(len(block), begin + chance.choice([0, 1, 2, 20]))
        block = block[:begin] + chance.choice([b"", *pieces, block[begin:end] * 3]) + block[end:]
    return block


def longest_of(count: int, seed: int) -> float:
    """Read that many mutated header blocks; the seconds of the slowest. Whatever escapes is a failure."""
    chance = random.Random(seed)
    slowest = 0.0
    for number in range(count):
        block = letter(
            number,
            From=chance.choice(
                ["ana@harbour.example", '"Moreau, (A)" <c@post.example>', "=?utf-8?q?C?= <c@post.example>"]
            ),
            cc="Team: a@x.example, (note) b@x.example;",
            references="<1@x> <2@x>",
            list_id="Peers <peers.lists.example>",
            reply_to="ana@harbour.example",
            auto_submitted="no",
        )
        began = process_time()
        found = stamps(mutated(block, chance), ANA, BEN, lists=chance.choice(["ignore", "ordinary"]))
        slowest = max(slowest, process_time() - began)
        assert CANARY not in repr(found)
    return slowest


def test_three_thousand_mutated_header_blocks_are_survived() -> None:
    assert longest_of(3_000, seed=2) < 1


def test_no_subject_name_or_address_is_in_a_stamp() -> None:
    found = repr(stamps(letter(From=f"{CANARY} <{CANARY}@post.example>", to="ana@harbour.example")))
    assert CANARY.lower() not in found.lower()
    assert "post.example" not in found


SPELLED = st.sampled_from(
    ["Date", "From", "To", "Message-ID", "Message-Id", "MESSAGE-ID ", "References", "in-reply-to"]
)
FIELDS = st.tuples(
    SPELLED, st.sampled_from([" <1@x>", " <2@x>\n <3@x>", " c@post.example", "", " Tue, 1 Sep 2026 10:00:00 Z"])
)


@given(
    st.lists(FIELDS, max_size=8),
    st.sampled_from(["\r\n", "\n", "\r\nTo: d@post.example\r\n", "\nReferences: <9@x>\n", ""]),
)
def test_a_block_of_which_a_server_chose_the_fields_is_read_like_any_other(
    fields: list[tuple[str, str]], behind: str
) -> None:
    block = ("".join(f"{name}:{value}\n" for name, value in fields).replace("\n", "\r\n") + behind).encode()
    at = datetime(2026, 9, 1, tzinfo=UTC)
    whole, filtered = Headers.from_block(block), Headers.from_block(block, filtered=True)
    assert filtered.identifiers(at) == whole.identifiers(at)
    assert (filtered.sent_at, filtered.senders, filtered.addresses("to")) == (
        whole.sent_at,
        whole.senders,
        whole.addresses("to"),
    )


def test_the_first_of_several_names_and_dates_counts_and_all_references() -> None:
    headers = Headers.from_block(
        b"Message-Id: <1@x>\nDATE: Tue, 1 Sep 2026 10:00:00 +0000\nmessage-id: <2@x>\n"
        b"Date: Wed, 2 Sep 2026 10:00:00 +0000\n"
        b"References: <3@x>\nreferences: <4@x>\n"
    )
    at = datetime(2026, 9, 1, 10, tzinfo=UTC)
    assert headers.identifiers(at) == ["1@x", "3@x", "4@x"]
    assert headers.sent_at == at


@pytest.mark.real
def test_the_kept_fields_are_what_the_standard_library_finds(real: Path) -> None:
    blocks = (real / "mail" / "uboot_stm32_headers.mbox").read_bytes().split(b"\n\nFrom ")[:500]
    for block in blocks:
        fields = block.partition(b"\n")[2] + b"\n\n"
        ours, theirs = Headers.from_block(fields), email.parser.BytesHeaderParser().parsebytes(fields)
        for name in ("Date", "Message-ID", "References", "List-Id"):
            assert ours.first(name.lower()) == " ".join(str(theirs[name] or "").split())
