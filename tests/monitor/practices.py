"""A small practice, written as real files and read by the ordinary connectors, for the tests of pages.

Ana has a calendar, a mailbox and a call log; Ben, Cleo and Dev a calendar; Finn was added just now and has no data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.pseudonyms import Pseudonyms
from monitor.analysis.calendar import day_number
from monitor.analysis.referral import OpenSlots
from monitor.config import Config, load
from monitor.credentials import create_key, read_key
from monitor.ingest import IngestRequest, ingest
from monitor.night import analyse
from monitor.store import analysis_records, notices
from monitor.store.database import opened
from monitor.store.notices import NoticeRow
from monitor.store.referrals import set_open_slots

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
LAST_WEEK = date(2026, 11, 9)
WEEKS = 14
LONDON = ZoneInfo("Europe/London")
CANARIES = ("ZEBRATITLE", "ZEBRAPLACE", "ZEBRANOTES", "ZEBRANAME", "ZEBRASUBJECT", "ZEBRABODY", "zebra.client")

PEOPLE = """
[practice]
name = "Harbour & Sons"
zone = "Europe/London"
domains = ["harbour.example"]
client_title = "Session (?P<client>[A-Z]+)"
contacts = ["Morag, supervisor", "A colleague whom you trust"]

[[kinds]]
kind = "session"
title = "^session"

[[clinician]]
key = "ana"
name = "Ana"
addresses = ["ana@harbour.example"]
hours = [{ mon = ["09:00-17:00"], tue = ["09:00-17:00"], wed = ["09:00-17:00"], thu = ["09:00-17:00"] }]

[[clinician]]
key = "ben"
name = "=Ben"
fte = 0.6

[[clinician]]
key = "cleo"

[[clinician]]
key = "dev"

[[clinician]]
key = "finn"
"""
SOURCES = """
[[source]]
name = "ana-mail"
kind = "mbox"
clinician = "ana"
path = "ana.mbox"

[[source]]
name = "ana-calls"
kind = "csv"
clinician = "ana"
path = "ana-calls.csv"
[source.columns]
id = "Call"
actual_start = "Joined"
actual_end = "Left"
[source.format]
instant = "%Y-%m-%d %H:%M"
zone = "Europe/London"
"""
CALENDAR = '[[source]]\nname = "{key}-calendar"\nkind = "ics"\nclinician = "{key}"\npath = "{key}.ics"\n'
SESSIONS_A_DAY = {"ana": 5, "ben": 2, "cleo": 5, "dev": 7}


@dataclass(frozen=True)
class WrittenPractice:
    """The practice on disk, with the ids of Ana's notice, of Ben's notice, and of a client of Ana's."""

    config: Config
    notice: int = 0
    bens_notice: int = 0
    client: int = 0


def empty_practice(folder: Path) -> Config:
    """Write the configuration, the key and an empty database; return the configuration."""
    (folder / "evenhours.toml").write_text(PEOPLE, encoding="utf-8")
    config = load(folder / "evenhours.toml")
    create_key(config.key_file)
    with opened(config.database, read_key(config.key_file), create=True):
        return config


def written_practice(folder: Path) -> WrittenPractice:
    """Write and compute fourteen weeks, with a notice of last week each for Ana and Ben."""
    config = _with_sources(empty_practice(folder))
    for key, a_day in SESSIONS_A_DAY.items():
        (folder / f"{key}.ics").write_text("\r\n".join(_calendar(key, a_day)), encoding="utf-8")
    (folder / "ana.mbox").write_bytes(b"".join(_mailbox()))
    (folder / "ana-calls.csv").write_text("Call,Joined,Left\n" + "".join(_calls()), encoding="utf-8")
    with opened(config.database) as store:
        outcomes = list(ingest(config, store, Pseudonyms(read_key(config.key_file)), IngestRequest(), now=NOW))
        assert [outcome.problem for outcome in outcomes if outcome.problem] == []
        list(analyse(config, store, now=NOW))
        with store.write() as connection:
            set_open_slots(
                connection, "ana", OpenSlots(2, 1, 1), entered_at=int((NOW - timedelta(weeks=3)).timestamp())
            )
            for key in ("ana", "ben"):
                notices.save_notices(connection, key, [_notice()])
        with store.read() as connection:
            notice_ids = {key: notices.notices(connection, key)[0].id for key in ("ana", "ben")}
            client = min(analysis_records.pseudonyms(connection, "ana"))
    return WrittenPractice(config, notice_ids["ana"], notice_ids["ben"], client)


def _with_sources(config: Config) -> Config:
    calendars = "".join(CALENDAR.format(key=key) for key in SESSIONS_A_DAY)
    config.path.write_text(PEOPLE + calendars + SOURCES, encoding="utf-8")
    return load(config.path)


def _notice() -> NoticeRow:
    return NoticeRow(
        week=day_number(LAST_WEEK), tier="worth a look", family="availability", key="after_hours_replies",
        ratio=2.4, low=1.6, high=3.5, since=day_number(LAST_WEEK) - 21,
    )  # fmt: skip


def _days() -> Iterator[date]:
    """Yield the Mondays to Thursdays of the weeks up to the last one."""
    for back in range(WEEKS):
        yield from (LAST_WEEK - timedelta(weeks=back) + timedelta(days=day) for day in range(4))


def _starts(a_day: int) -> Iterator[datetime]:
    for day in _days():
        yield from (datetime(day.year, day.month, day.day, 9 + hour, tzinfo=LONDON) for hour in range(a_day))


def _calendar(key: str, a_day: int) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Evenhours//Tests//EN")
    for number, start in enumerate(_starts(a_day)):
        name = "ABCDEFGH"[number % a_day]
        yield from (
            "BEGIN:VEVENT",
            f"UID:{key}-{number}@harbour.example",
            f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTEND:{start.astimezone(UTC) + timedelta(minutes=50):%Y%m%dT%H%M%SZ}",
            f"SUMMARY:Session {name} ZEBRATITLE",
            "LOCATION:ZEBRAPLACE",
            "DESCRIPTION:ZEBRANOTES",
            f"ATTENDEE;CN=ZEBRANAME:mailto:zebra.client.{name.lower()}@mail.example",
            "END:VEVENT",
        )
    yield "END:VCALENDAR\r\n"


def _calls() -> Iterator[str]:
    """Yield Ana's actual ends, six minutes late in the last session of each day."""
    for number, start in enumerate(_starts(SESSIONS_A_DAY["ana"])):
        late = 6 if number % SESSIONS_A_DAY["ana"] == SESSIONS_A_DAY["ana"] - 1 else number % 3
        end = start + timedelta(minutes=50 + late)
        yield f"{number},{start:%Y-%m-%d %H:%M},{end:%Y-%m-%d %H:%M}\n"


def _mailbox() -> Iterator[bytes]:
    """Yield a client's mail of each Tuesday at 18:30, with Ana's reply that evening; lately also on Wednesdays."""
    for number, day in enumerate(_days()):
        if day.weekday() == 1 or (day.weekday() == 2 and day > LAST_WEEK - timedelta(weeks=3)):
            sent_at = datetime(day.year, day.month, day.day, 18, 30, tzinfo=LONDON)
            client, ana = "zebra.client.a@mail.example", "ana@harbour.example"
            yield _letter(f"q{number}", client, ana, sent_at)
            yield _letter(f"a{number}", ana, client, sent_at + timedelta(hours=2), answers=f"q{number}")


def _letter(name: str, sender: str, to: str, sent_at: datetime, answers: str = "") -> bytes:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = f"ZEBRANAME <{sender}>", to, "ZEBRASUBJECT"
    letter["Date"], letter["Message-ID"] = sent_at, f"<{name}@mail.example>"
    if answers:
        letter["In-Reply-To"] = f"<{answers}@mail.example>"
    letter.set_content("ZEBRABODY")
    return f"From {sender} {sent_at:%a %b %d %H:%M:%S %Y}\n".encode() + letter.as_bytes() + b"\n"
