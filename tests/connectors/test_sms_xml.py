"""Backups of a telephone's text messages, written here as the app writes them, with emoji and pictures."""

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
from connectors.sms_xml.filter import ALLOWED_ATTRIBUTES, AttributeFilter, InvalidBackupError
from connectors.sms_xml.messages import canonical_number, is_machine
from connectors.sms_xml.source import SOURCE_KIND, SmsXmlOptions
from tests.connectors.mailboxes import CANARY, PSEUDONYMS, RULES, Reading, practice, read

ANA = Owner("ana", ZoneInfo("Europe/London"), frozenset({"ana@harbour.example", "+447700900001"}))
MINUTE = 60_000
START = 1_780_000_000_000  # 28 May 2026, in milliseconds


def sms(number: int = 1, /, **attributes: str) -> str:
    defaults = {
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
    text_of_attributes = "".join(f" {name}={quoteattr(text)}" for name, text in (defaults | attributes).items())
    text_of_attributes = text_of_attributes.replace("body=", 'emoji="&#55357;&#56832;" body=')
    return f"  <sms{text_of_attributes} />\n"


def mms(number: int = 1, /, *numbers: tuple[str, str], data: str = "", **attributes: str) -> str:
    defaults = {"date": str(START + number * MINUTE), "msg_box": "1", "address": "", "m_type": "132", "sub": CANARY}
    text_of_attributes = "".join(f" {name}={quoteattr(text)}" for name, text in (defaults | attributes).items())
    part = f'<part seq="0" ct="image/jpeg" name="{CANARY}" text="{CANARY}" data="{data}" />'
    addresses = "".join(f'<addr address="{address}" type="{kind}" charset="106" />' for kind, address in numbers)
    return f"  <mms{text_of_attributes}>\n<parts>{part}</parts>\n<addrs>{addresses}</addrs>\n</mms>\n"


def backup(*entries: str) -> bytes:
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<!--File Created By the app's v10 on 28/5-->\n"
    sheet = '<?xml-stylesheet type="text/xsl" href="sms.xsl"?>\n'
    return f'{head}{sheet}<smses count="{len(entries)}" backup_set="x">\n{"".join(entries)}</smses>'.encode()


def read_texts(folder: Path, *, cursor: str | None = None, path: str = "sms.xml", **changes: object) -> Reading:
    return read(connector(folder, path=path, **changes), cursor)


def connector(folder: Path, *, path: str = "sms.xml", **changes: object) -> source.SmsXmlConnector:
    options = {name: changes.pop(name) for name in ("country", "channel") if name in changes}
    context: Context = replace(practice(folder, ANA), **changes)  # type: ignore[arg-type]
    instance = SOURCE_KIND.make(SmsXmlOptions(path=Path(path), **options), context)  # type: ignore[arg-type]
    assert isinstance(instance, source.SmsXmlConnector)
    return instance


def read_backup(folder: Path, *entries: str, **changes: object) -> Reading:
    (folder / "sms.xml").write_bytes(backup(*entries))
    return read_texts(folder, **changes)  # type: ignore[arg-type]


# Text messages


def test_a_text_received_and_one_sent(tmp_path: Path) -> None:
    stamps = read_backup(tmp_path, sms(1), sms(2, type="2", address="07700 900123"), country="GB").stamps
    assert [(stamp.sent_at, stamp.outgoing) for stamp in stamps] == [
        (datetime.fromtimestamp(START / 1000 + 60, UTC), False),
        (datetime.fromtimestamp(START / 1000 + 120, UTC), True),
    ]
    assert {stamp.counterpart for stamp in stamps} == {PSEUDONYMS.person("ana", "+447700900123")}
    assert {(stamp.channel, stamp.counterpart_kind, stamp.automatic, stamp.thread_nodes) for stamp in stamps} == {
        ("sms", CounterpartKind.CLIENT, False, ())
    }


@pytest.mark.parametrize("box", ["3", "4", "5", "6"])
def test_unsent_messages_are_skipped(tmp_path: Path, box: str) -> None:
    reading = read_backup(tmp_path, sms(1, type=box), mms(2, msg_box=box))
    assert (reading.stamps, reading.rejected) == ([], [])


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
def test_unusable_message_is_rejected_and_the_rest_is_read(
    tmp_path: Path, attributes: dict[str, str], reason: str
) -> None:
    reading = read_backup(tmp_path, sms(1), sms(2, **attributes), sms(3))
    assert len(reading.stamps) == 2
    assert [(record.where, record.reason) for record in reading.rejected] == [("message 2", reason)]


@pytest.mark.parametrize(("sender", "machine"), [("HARBOURBANK", True), ("62226", True), ("+447700900123", False)])
def test_words_and_short_codes_are_machines(tmp_path: Path, sender: str, machine: bool) -> None:  # noqa: FBT001
    (stamp,) = read_backup(tmp_path, sms(1, address=sender)).stamps
    assert (stamp.automatic, stamp.counterpart_kind is CounterpartKind.AUTOMATIC) == (machine, machine)


def test_a_colleagues_number_is_a_colleague(tmp_path: Path) -> None:
    rules = replace(RULES, staff=RULES.staff | {"+447700900002"})
    reading = read_backup(tmp_path, sms(1, address="07700900002"), country="GB", classifier=rules)
    assert [stamp.counterpart_kind for stamp in reading.stamps] == [CounterpartKind.COLLEAGUE]


# MMS


def test_the_sender_of_an_mms_is_its_counterpart(tmp_path: Path) -> None:
    numbers = ("151", "+447700900001"), ("137", "+447700900123")
    (stamp,) = read_backup(tmp_path, mms(1, *numbers)).stamps
    assert (stamp.counterpart, stamp.outgoing, stamp.thread_nodes) == (
        PSEUDONYMS.person("ana", "+447700900123"),
        False,
        (),
    )


def test_group_is_one_thread_whoever_writes(tmp_path: Path) -> None:
    ben, cleo, ana = "+447700900123", "+447700900124", "+447700900001"
    stamps = read_backup(
        tmp_path,
        mms(1, ("137", ben), ("151", ana), ("151", cleo)),
        mms(2, ("137", cleo), ("151", ben), ("151", ana)),
        mms(3, ("137", "insert-address-token"), ("151", ben), ("151", cleo), msg_box="2", m_type="128"),
    ).stamps
    assert [stamp.counterpart for stamp in stamps] == [PSEUDONYMS.person("ana", number) for number in (ben, cleo, ben)]
    assert [stamp.outgoing for stamp in stamps] == [False, False, True]
    assert len({stamp.thread_nodes[1] for stamp in stamps}) == 1


def test_mms_without_a_list_of_numbers_uses_its_address(tmp_path: Path) -> None:
    reading = read_backup(tmp_path, mms(1, address="+447700900123"), mms(2, address="+447700900123~+447700900124"))
    assert {stamp.counterpart for stamp in reading.stamps} == {PSEUDONYMS.person("ana", "+447700900123")}
    assert [len(stamp.thread_nodes) for stamp in reading.stamps] == [0, 2]


def test_delivery_reports_are_not_messages(tmp_path: Path) -> None:
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
def test_number_is_canonical_in_every_spelling(written: str, country: str | None, canonical: str) -> None:
    assert canonical_number(written, country) == canonical


@pytest.mark.parametrize("number", ["", "someone@post.example", "+447700900123", "07700900123"])
def test_people_are_not_machines(number: str) -> None:
    assert not is_machine(number)


# Backups


def test_next_backup_has_the_same_messages_with_the_same_keys(tmp_path: Path) -> None:
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
    assert read_texts(tmp_path, path="sms-2.xml", cursor=first.cursor).batches == [Batch(first.cursor, source_size=1)]


def test_folder_is_read_without_call_logs_and_copies(tmp_path: Path) -> None:
    (tmp_path / "sms-1.xml").write_bytes(backup(sms(1), sms(2)))
    (tmp_path / "sms-2.xml").write_bytes(backup(sms(1), sms(2), sms(3)))
    (tmp_path / "sms-3.xml").write_bytes(backup(sms(1), sms(2)))
    (tmp_path / "calls-1.xml").write_bytes(b"<calls count='0' />")
    first = read_texts(tmp_path, path=".")
    assert (len(first.keys), len(first.stamps), first.batches[-1].total) == (3, 5, 5)
    (tmp_path / "sms-4.xml").write_bytes(backup(*map(sms, range(1, 6))))
    assert len(read_texts(tmp_path, path=".", cursor=first.cursor).stamps) == 5


def test_batches_report_their_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE_MESSAGES", 2)
    read_backup(tmp_path, *map(sms, range(1, 6)))
    pages = read_texts(tmp_path).batches
    assert [(page.done, page.total) for page in pages] == [(2, 5), (4, 5), (5, 5)]


def test_interrupted_run_reads_the_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE_MESSAGES", 4)
    complete = read_backup(tmp_path, *map(sms, range(10)))
    assert [len(batch.records) for batch in complete.batches] == [4, 4, 2]
    for page in complete.batches[:-1]:
        assert read_texts(tmp_path, cursor=page.cursor).keys == complete.keys
    assert read_texts(tmp_path, cursor=complete.cursor).batches == [Batch(complete.cursor, source_size=10)]


@pytest.mark.parametrize(
    "settings", [{"country": "GB"}, {"channel": "texts"}, {"classifier": replace(RULES, staff=frozenset())}]
)
def test_other_settings_restart_the_source(tmp_path: Path, settings: dict[str, object]) -> None:
    first = read_backup(tmp_path, sms(1))
    second = read_texts(tmp_path, cursor=first.cursor, **settings)  # type: ignore[arg-type]
    assert (second.batches[0].restarts, second.keys) == (True, first.keys)


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[1]", "word", '{"files":3}', '{"files":{"a":"b"}}'])
def test_unknown_cursor_restarts_the_source(tmp_path: Path, cursor: str) -> None:
    assert len(read_backup(tmp_path, sms(1), cursor=cursor).stamps) == 1


def test_first_page_has_the_number_of_messages(tmp_path: Path) -> None:
    first = read_backup(tmp_path, *map(sms, range(20)))
    second = read_backup(tmp_path, *map(sms, range(13)), cursor=first.cursor)
    third = read_texts(tmp_path, cursor=second.cursor)
    assert [reading.batches[0].source_size for reading in (first, second, third)] == [20, 13, 13]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (backup(sms(1), sms(2))[:-9], "cut off before its end"),
        (backup(sms(1), sms(2)[:-40]), "damaged"),
        (b"<smses", "damaged"),
        (b"", "damaged"),
        (b"<html><body>Sign in</body></html>", "contains no texts"),
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
def test_incomplete_backup_is_refused_without_repeating_it(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "sms.xml").write_bytes(content)
    with pytest.raises(MalformedError, match=reason) as error:
        read_texts(tmp_path)
    assert CANARY not in f"{error.value!r}{error.value}{error.value.__cause__!r}"


def test_missing_file_and_empty_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r'there is no "sms\.xml"'):
        read_texts(tmp_path)
    with pytest.raises(UnavailableError, match=r"contains no file named sms\*\.xml"):
        read_texts(tmp_path, path=".")


def test_telephone_of_several_owners_is_refused(tmp_path: Path) -> None:
    context = practice(tmp_path, ANA, replace(ANA, key="ben"))
    with pytest.raises(MalformedError, match="belong to one person"):
        SOURCE_KIND.make(SmsXmlOptions(path=Path("sms.xml")), context)


def test_country_must_be_a_code() -> None:
    assert SOURCE_KIND.check is not None
    assert SOURCE_KIND.check(SmsXmlOptions(path=Path("x"), country="GB")) == []
    assert SOURCE_KIND.check(SmsXmlOptions(path=Path("x"), country="Britain")) != []


# Privacy


def pieces(content: bytes, size: int) -> Iterable[bytes]:
    return (content[offset : offset + size] for offset in range(0, len(content), size))


def filtered(content: bytes, size: int) -> bytes:
    attribute_filter = AttributeFilter()
    return b"".join([*map(attribute_filter.feed, pieces(content, size)), attribute_filter.flush()])


def test_texts_names_and_pictures_reach_no_parser(tmp_path: Path) -> None:
    picture = base64.b64encode(CANARY.encode() * 50_000).decode()
    content = backup(sms(1), mms(2, ("137", "+447700900123"), data=picture), sms(3))
    output = filtered(content, 256 * 1024)
    assert CANARY.encode() not in output
    assert base64.b64encode(CANARY.encode())[:-4] not in output
    (tmp_path / "sms.xml").write_bytes(content)
    assert CANARY not in repr(read_texts(tmp_path).batches)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*ALLOWED_ATTRIBUTES, "body", "contact_name", "data", "xml:lang"]),
            st.text(max_size=30),
            max_size=6,
        ),
        max_size=6,
    ),
    st.integers(1, 40),
)
def test_only_allowed_attributes_pass_and_those_unchanged(entries: list[dict[str, str]], size: int) -> None:
    root = ET.Element("smses")
    for attributes in entries:
        printable = {
            name: "".join(character for character in text if character.isprintable())
            for name, text in attributes.items()
        }
        ET.SubElement(root, "sms", printable)
    output = ET.fromstring(filtered(ET.tostring(root, "utf-8"), size))
    allowed = [{name: text for name, text in entry.attrib.items() if name in ALLOWED_ATTRIBUTES} for entry in root]
    assert [entry.attrib for entry in output] == allowed


@given(st.binary(max_size=300), st.integers(1, 64))
def test_damaged_backup_is_read_or_refused(noise: bytes, size: int) -> None:
    from connectors.sms_xml.messages import parse_messages

    content = backup(sms(1), sms(2))
    middle = len(content) // 2
    for damaged in (noise, content[:middle] + noise + content[middle:], content + noise):
        with suppress(InvalidBackupError):
            list(parse_messages(pieces(damaged, size), frozenset()))


def test_errors_are_connector_errors(tmp_path: Path) -> None:
    (tmp_path / "sms.xml").mkdir()
    with pytest.raises(ConnectorError):
        read_texts(tmp_path)


def test_the_number_in_most_lists_is_likely_the_owners(tmp_path: Path) -> None:
    numbers = ["+447700900123", "+447700900124", "+447700900125"]
    entries = [mms(index, ("137", sender), ("151", "07700 900001")) for index, sender in enumerate(numbers)]
    (tmp_path / "sms.xml").write_bytes(backup(sms(9), *entries))
    without_addresses = replace(ANA, addresses=frozenset())
    context = practice(tmp_path, without_addresses)
    read(SOURCE_KIND.make(SmsXmlOptions(path=Path("sms.xml"), country="GB"), context))
    assert context.address_count.most_likely() == LikelyAddress("+447700900001", 3, 3)
