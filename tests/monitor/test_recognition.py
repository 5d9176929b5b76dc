"""Tests of a mailbox whose owner was not recognised: the messages about it, and that no address is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import registry
from connectors.records import Kind
from monitor.cli.own_mail import remedy_for_unknown_owner
from monitor.config import load
from monitor.ingest import SourceOutcome, UnrecognisedOwner
from monitor.store.sources import record_counts, source_states
from tests.monitor.memory import PracticeFactory, entry, stamp
from tests.monitor.office import CONFIG, Office, letter, mailbox
from tests.monitor.test_canaries import spellings
from tests.monitor.test_cli import on_terminal

OWN = "anna.zebrafink@post.example"


def mailbox_of(count: int, own: str = OWN, *, answered: bool = True) -> str:
    """Return a mailbox of ``count`` messages with several clients, every third one sent from ``own``."""
    return mailbox(
        *(
            letter(number, own, f"c{number % 7}@client.example", f"Mon, 02 Mar 2026 09:{number % 60:02}:00 +0000")
            if number % 3 == 2 and answered
            else letter(number, f"c{number % 7}@client.example", own, f"Mon, 02 Mar 2026 09:{number % 60:02}:00 +0000")
            for number in range(100, 100 + count)
        )
    )


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return a practice with a mailbox of Ana's whose address is not configured."""
    office = Office(tmp_path)
    office.write("ana.mbox", mailbox_of(240))
    return office


# Messages of a run


def test_the_run_names_the_address_and_the_remedy_on_the_screen(office: Office) -> None:
    answer = office("ingest")
    assert answer.code == 0
    assert (
        "evenhours: mail: none of its 240 messages was sent from a configured address of ana. "
        f"{OWN} is in 240 of the 240 messages just read. If it is Ana's, add it to addresses in the [[clinician]] of "
        "ana and run: evenhours ingest --source mail --full\n"
    ) in answer.err
    assert OWN not in answer.out


def test_with_the_address_everything_is_read_again_and_no_warning_is_printed(office: Office) -> None:
    office("ingest")
    office.change('["ana@two.example"]', f'["ana@two.example", "{OWN}"]')
    answer = office("ingest", "--source", "mail", "--full")
    assert (answer.code, answer.err) == (0, "")
    rows = [line for line in office("export", "messages", "--json").json_lines if line["source"] == "mail"]
    assert sum(row["direction"] == "out" for row in rows) == 80


def test_the_warning_is_printed_only_if_a_reading_returned_messages(office: Office) -> None:
    office("ingest")
    assert office("ingest").err == ""
    path = office.folder / "ana.mbox"
    path.write_text(path.read_text() + mailbox_of(243)[len(mailbox_of(240)) :])
    error = office("ingest").err
    assert "none of its 243 messages was sent from a configured address of ana" in error
    assert f"{OWN} is in 3 of the 3 messages just read" in error


def test_a_source_from_which_something_was_ever_sent_is_recognised(office: Office) -> None:
    office.write("ana.mbox", mailbox_of(6, "ana@two.example"))
    assert office("ingest").err.startswith("Created the practice's key")
    path = office.folder / "ana.mbox"
    path.write_text(path.read_text() + mailbox_of(30, OWN, answered=False)[len(mailbox_of(6)) :])
    answer = office("ingest")
    assert "mail: 24 rows changed" in answer.out
    assert answer.err == ""


def test_an_automatic_answer_alone_does_not_count_as_sent(office: Office) -> None:
    away = letter(7, "ana@two.example", "c1@client.example", "Mon, 02 Mar 2026 09:00:00 +0000")
    office.write("ana.mbox", mailbox(f"Auto-Submitted: auto-replied\n{away}"))
    assert "mail: its one message was not sent from a configured address of ana." in office("ingest").err


def test_an_address_of_another_clinician_is_named_as_theirs(office: Office) -> None:
    office.write("ana.mbox", mailbox_of(30, "ben@two.example"))
    error = office("ingest").err
    assert (
        "ben@two.example is in 30 of the 30 messages just read, and is an address of Ben: check whose mailbox it is.\n"
        in error
    )


def test_without_a_likely_address_the_warning_names_what_may_be_missing(office: Office) -> None:
    office.write("ana.mbox", mailbox_of(30, "ana@two.example", answered=False))
    assert (
        "mail: none of its 30 messages was sent from a configured address of ana. "
        "Add the other addresses of Ana to addresses in the [[clinician]] of ana. If sent messages are stored "
        "elsewhere, add that place as a source instead. Then run: evenhours ingest --source mail --full\n"
    ) in office("ingest").err


def test_an_unattended_night_prints_no_address(office: Office) -> None:
    answer = office("nightly")
    assert answer.code == 0
    assert (
        "none of its 240 messages was sent from a configured address of ana. To see which address may be Ana's, run: "
        "evenhours ingest --source mail --full\n"
    ) in answer.err
    assert OWN not in answer.err + answer.out
    terminal, out = on_terminal(office, "nightly")
    assert OWN.encode() not in terminal + out  # nothing new was read


def test_a_night_on_a_terminal_prints_the_address(office: Office) -> None:
    terminal, out = on_terminal(office, "nightly")
    assert f"{OWN} is in 240 of the 240 messages just read".encode() in terminal
    assert OWN.encode() not in out


def test_an_address_cannot_control_the_terminal(office: Office) -> None:
    office.write("ana.mbox", mailbox_of(30, "anna\x1b[31m@post.example"))
    assert "anna [31m@post.example is in 30" in office("ingest").err


def test_no_address_is_named_for_a_log_that_marks_sent_messages_itself(office: Office) -> None:
    office.write("texts.csv", "at,way,who\n" + "".join(f"2026-03-02T09:0{n}:00Z,in,{n}\n" for n in range(4)))
    office.config.write_text(
        CONFIG + '[[source]]\nname = "texts"\nkind = "csv"\nclinician = "ben"\npath = "texts.csv"\n'
        '[source.columns]\nsent_at = "at"\ndirection = "way"\ncounterpart = "who"\n'
    )
    office("ingest")
    answer = office("ingest", "--source", "texts", "--full")
    assert answer.err == (
        "evenhours: texts: none of its 4 messages was sent by ben. Check that it includes what Ben sent; "
        "without it, replies and evening messages are unknown.\n"
    )
    (line,) = [line for line in office("doctor", "--json").json_lines if "in texts was sent" in line["found"]]
    assert (
        line["remedy"] == "Check that it includes what Ben sent; without it, replies and evening messages are unknown."
    )


# Owners


def test_each_owner_of_a_source_is_recognised_separately(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana ben", calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00", kind=Kind.SESSION))
    practice.mail.set_pages(
        [
            stamp(1, "2026-03-02 09:00"),
            stamp(2, "2026-03-02 10:00", clinician="ben"),
            stamp(3, "2026-03-02 11:00", clinician="ben", outgoing=True),
        ]
    )
    outcomes = practice.ingest()
    assert outcomes["mail"].unrecognised == {"ana": UnrecognisedOwner(messages=1, stored=1)}
    assert outcomes["calendar"].unrecognised == {}


def test_each_account_is_recognised_separately(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana ben")
    accounts = practice.accounts("mail")
    accounts["ana"].set_pages([stamp(1, "2026-03-02 09:00", outgoing=True)])
    accounts["ben"].set_pages([stamp(number, f"2026-03-02 0{number}:00", clinician="ben") for number in (2, 3)])
    outcomes = practice.ingest()
    assert outcomes["mail of ana"].unrecognised == {}
    assert outcomes["mail of ben"].unrecognised == {"ben": UnrecognisedOwner(messages=2, stored=2)}


def test_a_sent_message_stored_from_another_source_counts_as_recognised_here(make_practice: PracticeFactory) -> None:
    practice = make_practice(archive="ana", mail="ana")
    both = [stamp(1, "2026-03-02 09:00"), stamp(2, "2026-03-02 10:00", outgoing=True)]
    practice.archive.set_pages(both)
    practice.mail.set_pages([*both, stamp(3, "2026-03-03 09:00")])
    assert [outcome.unrecognised for outcome in practice.ingest().values()] == [{}, {}]


def test_the_store_counts_sent_messages_of_each_source(make_practice: PracticeFactory) -> None:
    practice = make_practice(mail="ana ben", cloud="ana", calendar="ana")
    practice.calendar.set_snapshot(entry("a", "2026-03-02 10:00"))
    practice.mail.set_pages(
        [
            stamp(1, "2026-03-02 09:00"),
            stamp(2, "2026-03-02 10:00", outgoing=True, automatic=True),
            stamp(3, "2026-03-02 11:00", 99, clinician="ben", outgoing=True),
            stamp(4, "2026-03-02 12:00", clinician="ben"),
        ]
    )
    accounts = practice.accounts("cloud")
    accounts["ana"].set_pages([stamp(5, "2026-03-02 13:00", outgoing=True)])
    practice.ingest()
    with practice.store.read() as connection:
        names = {row["id"]: (row["name"], row["account"]) for row in source_states(connection)}
        counts = record_counts(connection)
        rows = [
            (*names[source], owner, number.messages, number.sent)
            for owner, by_source in counts.items()
            for source, number in by_source.items()
            if number.messages
        ]
        assert sorted(rows, key=str) == [
            ("cloud", "ana", "ana", 1, 1), ("mail", None, "ana", 2, 0), ("mail", None, "ben", 2, 1),
        ]  # fmt: skip
        assert [names[source] for source in record_counts(connection, "ben")["ben"]] == [("mail", None)]


# doctor


def test_doctor_reports_a_missing_address_and_how_to_find_it(office: Office) -> None:
    office("ingest")
    answer = office("doctor", "--json")
    (problem,) = [line for line in answer.json_lines if line["remedy"] and "was sent from" in line["found"]]
    assert answer.code == 1
    assert problem["check"] == "page of ana"
    assert problem["found"] == "none of the 240 messages in mail was sent from a configured address of ana"
    assert f"evenhours inspect {office.folder / 'ana.mbox'}" in problem["remedy"]
    assert OWN not in answer.out + answer.err


@pytest.mark.parametrize(
    ("source", "see"),
    [
        ('kind = "maildir"\npath = "her mail"', "evenhours inspect '{folder}/her mail'"),
        (
            'kind = "imap"\nhost = "mail.example"\nusername = "ana"\npassword = "env:X"',
            "evenhours ingest --source x --full",
        ),
    ],
)
def test_the_remedy_is_inspect_for_a_file_and_ingest_for_a_server(office: Office, source: str, see: str) -> None:
    office.config.write_text(f'{CONFIG}[[source]]\nname = "x"\nclinician = "ana"\n{source}\n')
    config = load(office.config)
    assert remedy_for_unknown_owner(config, config.sources[-1], config.clinicians[0]).endswith(
        see.format(folder=office.folder)
    )


def test_doctor_checks_configured_sources_only(office: Office) -> None:
    office("ingest")
    office.config.write_text(office.config.read_text().replace('name = "mail"', 'name = "post"'))
    assert not [line for line in office("doctor", "--json").json_lines if line["check"].startswith("own mail")]


# inspect


def test_inspect_names_the_address_that_is_probably_yours(office: Office) -> None:
    answer = office("inspect", str(office.folder / "ana.mbox"))
    assert 'kind = "mbox"' in answer.out
    assert answer.err == (
        f"{OWN} is in 240 of the 240 messages examined, so it is probably yours. "
        "If so, add it to addresses in your [[clinician]].\n"
    )
    answer = office("inspect", str(office.folder / "ana.mbox"), "--json")
    assert OWN not in answer.out + answer.err


def test_inspect_reads_a_maildir(office: Office) -> None:
    for number in range(5):
        text = letter(number, f"c{number}@client.example", OWN, "Mon, 02 Mar 2026 09:00:00 +0000")
        office.write(f"Maildir/new/{number}.host", text)
    assert f"{OWN} is in 5 of the 7 messages" in office("inspect", str(office.folder / "Maildir")).err


def test_inspect_reads_a_folder_of_mailboxes(office: Office) -> None:
    (office.folder / "post").mkdir()
    office.write("post/inbox.mbox", mailbox_of(12))
    answer = office("inspect", str(office.folder / "post"))
    assert 'kind = "mbox"' in answer.out
    assert f"{OWN} is in 12 of the 12 messages" in answer.err


def test_inspect_of_texts_names_the_number(office: Office) -> None:
    lists = "".join(
        f'<mms date="{1_770_000_000_000 + number}" msg_box="1" m_type="132" address="x"><addrs>'
        f'<addr address="+44770090010{number}" type="137" /><addr address="+447700900001" type="151" /></addrs></mms>'
        for number in range(4)
    )
    path = office.write("sms.xml", f"<?xml version='1.0'?><smses count='4'>{lists}</smses>")
    assert (
        "+447700900001 is in 4 of the 4 messages examined, so it is probably yours." in office("inspect", str(path)).err
    )


def test_inspect_reports_that_no_address_is_likely_or_nothing_can_be_read(office: Office) -> None:
    path = office.write("few.mbox", mailbox_of(1))
    assert "No address is in most of the messages" in office("inspect", str(path)).err
    path = office.write("none.mbox", "nothing of a mailbox")
    answer = office("inspect", str(path))
    assert (answer.code, "does not begin like a mailbox" in answer.err) == (0, True)


# No address is stored


@pytest.mark.parametrize("command", [("ingest",), ("-v", "nightly", "--json"), ("ingest", "--json")])
def test_the_address_is_neither_stored_nor_printed_as_json(office: Office, command: tuple[str, ...]) -> None:
    before = {path for path in office.folder.rglob("*") if path.is_file()}
    answer = office(*command)
    read = office("doctor", "--json").out + office("export", "messages").out
    stored = [path.read_bytes() for path in office.folder.rglob("*") if path.is_file() and path not in before]
    assert stored
    for text in (answer.out.encode(), read.encode(), *stored):
        for word in (OWN, OWN.partition("@")[0]):
            assert [spelling for spelling in spellings(word) if spelling.lower() in text.lower()] == []
    if "--json" in command:
        assert OWN not in answer.err
        assert {line["source"]: line["unrecognised"] for line in answer.json_lines if "source" in line}["mail"] == [
            "ana"
        ]


def test_the_repr_of_an_outcome_does_not_contain_the_address() -> None:
    seen = UnrecognisedOwner(messages=240, stored=240, address=OWN, with_address=236)
    assert OWN not in repr(SourceOutcome("mail", "mbox", unrecognised={"ana": seen}))


def test_every_mailbox_kind_is_marked_as_sent_by_address() -> None:
    kinds = {name for name in registry.KINDS if registry.source_kind(name).sent_by_address}
    assert kinds == {"mbox", "maildir", "imap", "gmail", "microsoft"}
