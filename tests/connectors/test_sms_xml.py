"""Backups of a telephone's texts, written here as the app writes them, emoji and pictures included."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.address_count import LikelyAddress
from connectors.base import Batch, Context, Owner
from connectors.errors import ConnectorError, MalformedError, UnavailableError
from connectors.records import CounterpartKind
from connectors.sms_xml import source
from connectors.sms_xml.filter import ALLOWED, Sieve, UnfitError
from connectors.sms_xml.messages import canonical_number, is_machine
from connectors.sms_xml.source import SOURCE_KIND, SmsXmlOptions
from tests.connectors.mailboxes import CANARY, PSEUDONYMS, RULES, Reading, practice, read

ANA = Owner("ana", ZoneInfo("Europe/London"), frozenset({"ana@harbour.example", "+447700900001"}))
MINUTE = 60_000
START = 1_780_000_000_000  # 28 May 2026, in milliseconds


def sms(number: int = 1, /, **attributes: str) -> str:
    told = {
        "protocol": "0",
        "address": "+44 7700 900123",
        "date": str(START + number * MINUTE),
        "type": "1",
        "subject": CANARY,
        "body": f"{CANARY} address='+44' date=\"1\" <&> \n",
        "read": "1",
        "readable_date": CANARY,
        "contact_name": CANARY,
    }
    spelled = "".join(f" {name}={quoteattr(text)}" for name, text in (told | attributes).items())
    spelled = spelled.replace("body=", 'emoji="&#55357;&#56832;" body=')
    return f"  <sms{spelled} />\n"


def mms(number: int = 1, /, *numbers: tuple[str, str], data: str = "", **attributes: str) -> str:
    told = {"date": str(START + number * MINUTE), "msg_box": "1", "address": "", "m_type": "132", "sub": CANARY}
    spelled = "".join(f" {name}={quoteattr(text)}" for name, text in (told | attributes).items())
    part = f'<part seq="0" ct="image/jpeg" name="{CANARY}" text="{CANARY}" data="{data}" />'
    people = "".join(f'<addr address="{address}" type="{kind}" charset="106" />' for kind, address in numbers)
    return f"  <mms{spelled}>\n<parts>{part}</parts>\n<addrs>{people}</addrs>\n</mms>\n"


def backup(*entries: str) -> bytes:
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<!--File Created By the app's v10 on 28/5-->\n"
    sheet = '<?xml-stylesheet type="text/xsl" href="sms.xsl"?>\n'
    return f'{head}{sheet}<smses count="{len(entries)}" backup_set="x">\n{"".join(entries)}</smses>'.encode()


def texts(folder: Path, *, cursor: str | None = None, path: str = "sms.xml", **more: object) -> Reading:
    return read(connector(folder, path=path, **more), cursor)


def connector(folder: Path, *, path: str = "sms.xml", **more: object) -> source.SmsXml:
    options = {name: more.pop(name) for name in ("country", "channel") if name in more}
    context: Context = replace(practice(folder, ANA), **more)  # type: ignore[arg-type]
    made = SOURCE_KIND.make(SmsXmlOptions(path=Path(path), **options), context)  # type: ignore[arg-type]
    assert isinstance(made, source.SmsXml)
    return made


def read_backup(folder: Path, *entries: str, **more: object) -> Reading:
    (folder / "sms.xml").write_bytes(backup(*entries))
    return texts(folder, **more)  # type: ignore[arg-type]


# What a text becomes


def test_a_text_received_and_one_sent(tmp_path: Path) -> None:
    found = read_backup(tmp_path, sms(1), sms(2, type="2", address="07700 900123"), country="GB").stamps
    assert [(stamp.sent_at, stamp.outgoing) for stamp in found] == [
        (datetime.fromtimestamp(START / 1000 + 60, UTC), False),
        (datetime.fromtimestamp(START / 1000 + 120, UTC), True),
    ]
    assert {stamp.counterpart for stamp in found} == {PSEUDONYMS.person("ana", "+447700900123")}
    assert {(stamp.channel, stamp.counterpart_kind, stamp.automatic, stamp.thread_nodes) for stamp in found} == {
        ("sms", CounterpartKind.CLIENT, False, ())
    }


@pytest.mark.parametrize("box", ["3", "4", "5", "6"])
def test_what_was_never_sent_is_passed_over(tmp_path: Path, box: str) -> None:
    found = read_backup(tmp_path, sms(1, type=box), mms(2, msg_box=box))
    assert (found.stamps, found.rejected) == ([], [])


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"date": ""}, "it has no readable date"),
        ({"date": "soon"}, "it has no readable date"),
        ({"date": "9" * 15}, "it has no readable date"),
        ({"type": "7"}, "it is neither received nor sent"),
        ({"type": ""}, "it is neither received nor sent"),
    ],
)
def test_what_cannot_be_used_is_set_aside_and_the_rest_is_read(
    tmp_path: Path, attributes: dict[str, str], reason: str
) -> None:
    found = read_backup(tmp_path, sms(1), sms(2, **attributes), sms(3))
    assert len(found.stamps) == 2
    assert [(record.where, record.reason) for record in found.rejected] == [("message 2", reason)]


@pytest.mark.parametrize(("sender", "machine"), [("HARBOURBANK", True), ("62226", True), ("+447700900123", False)])
def test_words_and_short_codes_are_machines(tmp_path: Path, sender: str, machine: bool) -> None:  # noqa: FBT001
    (stamp,) = read_backup(tmp_path, sms(1, address=sender)).stamps
    assert (stamp.automatic, stamp.counterpart_kind is CounterpartKind.AUTOMATIC) == (machine, machine)


def test_a_colleagues_number_is_a_colleague(tmp_path: Path) -> None:
    rules = replace(RULES, staff=RULES.staff | {"+447700900002"})
    found = read_backup(tmp_path, sms(1, address="07700900002"), country="GB", classifier=rules)
    assert [stamp.counterpart_kind for stamp in found.stamps] == [CounterpartKind.COLLEAGUE]


# MMS


def test_the_sender_of_an_mms_is_its_counterpart(tmp_path: Path) -> None:
    numbers = ("151", "+447700900001"), ("137", "+447700900123")
    (stamp,) = read_backup(tmp_path, mms(1, *numbers)).stamps
    assert (stamp.counterpart, stamp.outgoing, stamp.thread_nodes) == (
        PSEUDONYMS.person("ana", "+447700900123"),
        False,
        (),
    )


def test_a_group_is_one_conversation_whoever_writes(tmp_path: Path) -> None:
    ben, cleo, own = "+447700900123", "+447700900124", "+447700900001"
    found = read_backup(
        tmp_path,
        mms(1, ("137", ben), ("151", own), ("151", cleo)),
        mms(2, ("137", cleo), ("151", ben), ("151", own)),
        mms(3, ("137", "insert-address-token"), ("151", ben), ("151", cleo), msg_box="2", m_type="128"),
    ).stamps
    assert [stamp.counterpart for stamp in found] == [PSEUDONYMS.person("ana", number) for number in (ben, cleo, ben)]
    assert [stamp.outgoing for stamp in found] == [False, False, True]
    assert len({stamp.thread_nodes[1] for stamp in found}) == 1


def test_an_mms_without_a_list_of_numbers_goes_by_its_conversation(tmp_path: Path) -> None:
    found = read_backup(tmp_path, mms(1, address="+447700900123"), mms(2, address="+447700900123~+447700900124"))
    assert {stamp.counterpart for stamp in found.stamps} == {PSEUDONYMS.person("ana", "+447700900123")}
    assert [len(stamp.thread_nodes) for stamp in found.stamps] == [0, 2]


def test_reports_of_delivery_are_no_messages(tmp_path: Path) -> None:
    assert read_backup(tmp_path, mms(1, m_type="134"), mms(2, m_type="136")).stamps == []


# Numbers


@pytest.mark.parametrize(
    ("written", "country", "canonical"),
    [
        ("07700 900123", "GB", "+447700900123"),
        ("+44 7700 900123", "GB", "+447700900123"),
        ("0044 7700 900123", "GB", "+447700900123"),
        ("+33 6 12 34 56 78", "GB", "+33612345678"),
        ("(650) 253-0000", "US", "+16502530000"),
        ("1-650-253-0000", "US", "+16502530000"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("62226", "GB", "62226"),
        ("HarbourBank", "GB", "harbourbank"),
        ("07700 900123", None, "07700900123"),
        ("someone@post.example", "GB", "someone@post.example"),
    ],
)
def test_a_number_has_one_spelling(written: str, country: str | None, canonical: str) -> None:
    assert canonical_number(written, country) == canonical


@pytest.mark.parametrize("number", ["", "someone@post.example", "+447700900123", "07700900123"])
def test_people_are_no_machines(number: str) -> None:
    assert not is_machine(number)


# Backups


def test_the_next_backup_brings_the_same_messages_under_the_same_keys(tmp_path: Path) -> None:
    first = read_backup(tmp_path, sms(1), mms(2, ("137", "+447700900123")))
    second = read_backup(
        tmp_path, sms(1, address="07700900123"), mms(2, ("137", "+447700900123")), sms(3), cursor=first.cursor
    )
    assert len(second.keys) == 3
    assert first.keys < second.keys
    assert not second.batches[0].restarts


def test_a_backup_that_was_read_is_not_read_again_under_another_name(tmp_path: Path) -> None:
    first = read_backup(tmp_path, sms(1))
    (tmp_path / "sms.xml").rename(tmp_path / "sms-2.xml")
    assert texts(tmp_path, path="sms-2.xml", cursor=first.cursor).batches == [Batch(first.cursor, source_size=1)]


def test_a_folder_is_read_whole_calls_and_copies_left_out(tmp_path: Path) -> None:
    (tmp_path / "sms-1.xml").write_bytes(backup(sms(1), sms(2)))
    (tmp_path / "sms-2.xml").write_bytes(backup(sms(1), sms(2), sms(3)))
    (tmp_path / "sms-3.xml").write_bytes(backup(sms(1), sms(2)))
    (tmp_path / "calls-1.xml").write_bytes(b"<calls count='0' />")
    first = texts(tmp_path, path=".")
    assert (len(first.keys), len(first.stamps), first.batches[-1].total) == (3, 5, 5)
    (tmp_path / "sms-4.xml").write_bytes(backup(*map(sms, range(1, 6))))
    assert len(texts(tmp_path, path=".", cursor=first.cursor).stamps) == 5


def test_it_is_told_how_many_messages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE_MESSAGES", 2)
    read_backup(tmp_path, *map(sms, range(1, 6)))
    pages = texts(tmp_path).batches
    assert [(page.done, page.total) for page in pages] == [(2, 5), (4, 5), (5, 5)]


def test_pages_are_whole_and_a_run_cut_off_begins_the_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE_MESSAGES", 4)
    whole = read_backup(tmp_path, *map(sms, range(10)))
    assert [len(batch.records) for batch in whole.batches] == [4, 4, 2]
    for page in whole.batches[:-1]:
        assert texts(tmp_path, cursor=page.cursor).keys == whole.keys
    assert texts(tmp_path, cursor=whole.cursor).batches == [Batch(whole.cursor, source_size=10)]


@pytest.mark.parametrize(
    "more", [{"country": "GB"}, {"channel": "texts"}, {"classifier": replace(RULES, staff=frozenset())}]
)
def test_other_settings_read_anew(tmp_path: Path, more: dict[str, object]) -> None:
    first = read_backup(tmp_path, sms(1))
    again = texts(tmp_path, cursor=first.cursor, **more)  # type: ignore[arg-type]
    assert (again.batches[0].restarts, again.keys) == (True, first.keys)


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"files":3}', '{"files":{"a":"b"}}'])
def test_a_cursor_of_somebody_else_is_the_beginning(tmp_path: Path, cursor: str) -> None:
    assert len(read_backup(tmp_path, sms(1), cursor=cursor).stamps) == 1


def test_a_backup_says_how_many_messages_it_has(tmp_path: Path) -> None:
    first = read_backup(tmp_path, *map(sms, range(20)))
    second = read_backup(tmp_path, *map(sms, range(13)), cursor=first.cursor)
    again = texts(tmp_path, cursor=second.cursor)
    assert [reading.batches[0].source_size for reading in (first, second, again)] == [20, 13, 13]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (backup(sms(1), sms(2))[:-9], "cut off before its end"),
        (backup(sms(1), sms(2)[:-40]), "damaged"),
        (b"<smses", "damaged"),
        (b"", "damaged"),
        (b"<html><body>Sign in</body></html>", "holds no texts"),
        (b'<calls count="1"><call number="1" date="1" type="1" duration="3" /></calls>', "log of calls"),
        (backup(sms(1)).decode().encode("utf-16"), "not written in UTF-8"),
        (backup(sms(1)).replace(b"<smses", b'<!DOCTYPE smses [<!ENTITY a "b">]>\n<smses'), "definitions of its own"),
        (backup(sms(1)).replace(b"<smses", b"<!DOCTYPE smses SYSTEM 'file:///etc/passwd'>\n<smses"), "definitions"),
        (backup(sms(1).replace('"+44', '"' + "9" * 90_000 + "+44").replace('" date', " date", 1)), "damaged"),
        (backup(sms(1)).replace(b'type="1"', b'type="' + b"1" * 900_000), "does not end"),
    ],
    ids=[
        *("end", "middle", "begun", "empty", "page", "calls", "utf-16", "entity", "system"),
        *("lost quotation mark", "endless value"),
    ],
)
def test_what_is_no_whole_backup_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "sms.xml").write_bytes(content)
    with pytest.raises(MalformedError, match=found) as error:
        texts(tmp_path)
    assert CANARY not in f"{error.value!r}{error.value}{error.value.__cause__!r}"


def test_no_file_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r'there is no "sms\.xml"'):
        texts(tmp_path)
    with pytest.raises(UnavailableError, match=r"holds no file named sms\*\.xml"):
        texts(tmp_path, path=".")


def test_a_telephone_is_one_persons(tmp_path: Path) -> None:
    context = practice(tmp_path, ANA, replace(ANA, key="ben"))
    with pytest.raises(MalformedError, match="one person's"):
        SOURCE_KIND.make(SmsXmlOptions(path=Path("sms.xml")), context)


def test_a_country_is_its_code() -> None:
    assert SOURCE_KIND.check is not None
    assert SOURCE_KIND.check(SmsXmlOptions(path=Path("x"), country="GB")) == []
    assert SOURCE_KIND.check(SmsXmlOptions(path=Path("x"), country="Britain")) != []


# Nothing else leaves


def pieces(content: bytes, size: int) -> Iterable[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def sifted(content: bytes, size: int) -> bytes:
    sieve = Sieve()
    return b"".join([*map(sieve.passed, pieces(content, size)), sieve.rest()])


def test_texts_names_and_pictures_reach_no_parser(tmp_path: Path) -> None:
    picture = base64.b64encode(CANARY.encode() * 50_000).decode()
    content = backup(sms(1), mms(2, ("137", "+447700900123"), data=picture), sms(3))
    passed = sifted(content, 256 * 1024)
    assert CANARY.encode() not in passed
    assert base64.b64encode(CANARY.encode())[:-4] not in passed
    (tmp_path / "sms.xml").write_bytes(content)
    assert CANARY not in repr(texts(tmp_path).batches)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*ALLOWED, "body", "contact_name", "data", "xml:lang"]), st.text(max_size=30), max_size=6
        ),
        max_size=6,
    ),
    st.integers(1, 40),
)
def test_only_allowed_attributes_pass_and_those_unchanged(entries: list[dict[str, str]], size: int) -> None:
    root = ET.Element("smses")
    for attributes in entries:
        clean = {name: "".join(sign for sign in text if sign.isprintable()) for name, text in attributes.items()}
        ET.SubElement(root, "sms", clean)
    passed = ET.fromstring(sifted(ET.tostring(root, "utf-8"), size))
    allowed = [{name: text for name, text in entry.attrib.items() if name in ALLOWED} for entry in root]
    assert [entry.attrib for entry in passed] == allowed


@given(st.binary(max_size=300), st.integers(1, 64))
def test_whatever_comes_is_read_or_refused_in_our_own_words(noise: bytes, size: int) -> None:
    from connectors.sms_xml.messages import texts_in

    content = backup(sms(1), sms(2))
    middle = len(content) // 2
    for damaged in (noise, content[:middle] + noise + content[middle:], content + noise):
        with suppress(UnfitError):
            list(texts_in(pieces(damaged, size), frozenset()))


def test_errors_are_connector_errors(tmp_path: Path) -> None:
    (tmp_path / "sms.xml").mkdir()
    with pytest.raises(ConnectorError):
        texts(tmp_path)


def test_the_number_in_most_lists_is_likely_the_owners(tmp_path: Path) -> None:
    people = ["+447700900123", "+447700900124", "+447700900125"]
    entries = [mms(number, ("137", one), ("151", "07700 900001")) for number, one in enumerate(people)]
    (tmp_path / "sms.xml").write_bytes(backup(sms(9), *entries))
    nobody = replace(ANA, addresses=frozenset())
    context = practice(tmp_path, nobody)
    read(SOURCE_KIND.make(SmsXmlOptions(path=Path("sms.xml"), country="GB"), context))
    assert context.address_count.most_likely() == LikelyAddress("+447700900001", 3, 3)
