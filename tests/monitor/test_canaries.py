"""Canary words in every field of the sources are written nowhere: one nightly run, from files to reports."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from monitor.exports import COLUMNS
from tests.monitor.office import CONFIG, Office, calendar, mailbox

FIELDS = ("title", "place", "notes", "attendee", "address", "category", "link", "subject", "body", "sender", "cell")
CANARIES = {field: f"Zebrafink.{field} & söhne" for field in FIELDS}
LOCAL_PART = "zebrafink.address"

ENTRY = f"""\
BEGIN:VEVENT
UID:{{number}}
DTSTART;TZID=Europe/Paris:202603{{number:02}}T100000
DTEND;TZID=Europe/Paris:202603{{number:02}}T105000
SUMMARY:{CANARIES["title"]}
LOCATION:{CANARIES["place"]}
DESCRIPTION:{CANARIES["notes"]}\\nhttps://meet.example/{quote(CANARIES["link"])}
URL:https://meet.example/{quote(CANARIES["link"])}
CATEGORIES:{CANARIES["category"]}
ORGANIZER;CN="{CANARIES["attendee"]}":mailto:{LOCAL_PART}@post.example
ATTENDEE;CN="{CANARIES["attendee"]}":mailto:{LOCAL_PART}@post.example
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT10M
DESCRIPTION:{CANARIES["notes"]}
END:VALARM
END:VEVENT
"""
HALF_AN_ENTRY = f"BEGIN:VEVENT\nUID:broken\nDTSTART:{CANARIES['title']}\nSUMMARY:{CANARIES['title']}\nEND:VEVENT\n"
LETTER = f"""\
From: "{CANARIES["sender"]}" <{{sender}}>
To: {{to}}
Subject: {CANARIES["subject"]}
Date: {{date}}
Message-ID: <{LOCAL_PART}.{{number}}@post.example>
X-Note: {CANARIES["body"]}
Content-Type: text/plain

{CANARIES["body"]}
From {CANARIES["body"]}
"""
THEIRS, DATE = f"{LOCAL_PART}@post.example", "Tue, 03 Mar 2026 20:15:00 +0100"
LETTERS = (
    LETTER.format(number=1, sender=THEIRS, to="ana@two.example", date=DATE),
    LETTER.format(number=2, sender="ana@two.example", to=THEIRS, date=DATE.replace("20:15", "21:15")),
    LETTER.format(number=3, sender=THEIRS, to="ana@two.example", date=CANARIES["body"]),
)
CELL, WHO = CANARIES["cell"], CANARIES["attendee"]
VISITS = f"""ID,Client,Start,End,Left,Status,Note
{CELL} 1,{WHO},2026-03-02T09:00,2026-03-02T09:50,2026-03-02T10:02:30,Show,{CELL}
2,{WHO},2026-03-09T09:00,2026-03-09T09:50,,{CELL},{CELL}
3,{WHO},{CELL},2026-03-10T09:50,,Show,{CELL}
"""
COMMANDS = (
    ("nightly",),
    ("-v", "nightly", "--json"),
    ("analyse",),
    ("doctor",),
    ("report", "weekly", "--clinician", "ana", "--week", "2026-W10"),
    ("report", "weekly", "--clinician", "ana", "--week", "2026-W10", "--format", "md"),
    ("report", "weekly", "--clinician", "ana", "--week", "2026-W10", "--format", "html", "--output", "ana.html"),
    ("report", "weekly", "--clinician", "ben", "--week", "2026-W10", "--format", "html", "--output", "ben.html"),
    ("report", "fairness"),
    ("report", "fairness", "--format", "html", "--output", "fairness.html"),
    *(("export", table) for table in COLUMNS),
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return an office whose files have a canary in every field, also in records that are rejected."""
    (tmp_path / "office").mkdir()
    office = Office(tmp_path / "office", CONFIG.replace("holiday", "never"))
    office.write("ana.ics", calendar(*(ENTRY.format(number=day) for day in (2, 3, 4)), HALF_AN_ENTRY))
    office.write("ana.mbox", mailbox(*LETTERS))
    office.write("Maildir/cur/9.host:2,S", LETTERS[0].replace("ana@", "ben@"))
    office.write("Maildir/cur/10.host:2,S", LETTERS[2].replace("ana@", "ben@"))
    office.write("Maildir/cur/11.host:2,S", LETTERS[1].replace("ana@", "ben@"))
    office.write("visits.csv", VISITS)
    return office


def spellings(canary: str) -> Iterator[bytes]:
    """Yield a canary as it is and encoded: hex, in a URL, base64 at each of the three offsets, quoted-printable."""
    plain = canary.encode()
    yield from (plain, plain.hex().encode(), quote(canary).encode(), quote(canary, safe="").encode())
    for shift in range(3):
        yield base64.b64encode(b" " * shift + plain)[4 if shift else 0 : -4]
    yield binascii.b2a_qp(plain)


def written_since(folder: Path, before: frozenset[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every file that was not there before."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in before:
            yield path.name, path.read_bytes()


def test_no_canary_of_a_source_is_written_anywhere(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frozenset(office.folder.rglob("*"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(office.folder)
    results = {" ".join(command): office(*command) for command in COMMANDS}
    outputs = {command: (result.out + result.err).encode() for command, result in results.items()}
    outputs |= dict(written_since(tmp_path, before))

    assert {command: result.code for command, result in results.items() if result.code} == {}
    assert {"evenhours.db", "ana.html", "ben.html", "fairness.html"} <= outputs.keys()
    assert [outputs[f"export {table}"].count(b"\n") - 1 for table in ("events", "sessions", "messages")] == [4, 4, 5]
    words = [*CANARIES.values(), "Zebrafink", LOCAL_PART]
    leaks = {
        (place, word)
        for place, text in outputs.items()
        for word in words
        for spelling in spellings(word)
        if spelling.lower() in text.lower()
    }
    assert leaks == set()
