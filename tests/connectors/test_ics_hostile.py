"""Hostile calendars: endless rules and random mutations."""

from __future__ import annotations

import builtins
import io
import os
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Context, Owner, Window
from connectors.classify import Classifier
from connectors.errors import ConnectorError
from connectors.ics.source import SOURCE_KIND, IcsOptions
from connectors.pseudonyms import Pseudonyms

CONTEXT = Context(
    source="ana-calendar",
    owners=(Owner("ana", ZoneInfo("Europe/Paris"), frozenset({"ana@harbour.example"})),),
    window=Window(datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    classifier=Classifier(),
    pseudonyms=Pseudonyms(b"k" * 32),
    folder=Path(),
    read_secret=str,
)
SEED = b"""BEGIN:VCALENDAR
VERSION:2.0
X-WR-TIMEZONE:Europe/Paris
BEGIN:VTIMEZONE
TZID:Custom
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:weekly
DTSTART;TZID=Custom:20260105T150000
DTEND;TZID=Custom:20260105T155000
RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20261231T000000Z
EXDATE;TZID=Custom:20260107T150000,20260119T150000
RDATE;VALUE=PERIOD:20260106T090000Z/PT2H
ATTENDEE;CN="Kim; Quokka";PARTSTAT=ACCEPTED:mailto:kim@quokka.example
SUMMARY:Quokka
SEQUENCE:3
END:VEVENT
BEGIN:VEVENT
UID:weekly
RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Custom:20260202T150000
DTSTART;TZID=Custom:20260202T170000
DURATION:PT1H30M
STATUS:TENTATIVE
LAST-MODIFIED:20260101T000000Z
END:VEVENT
BEGIN:VEVENT
UID:leave
DTSTART;VALUE=DATE:20260710
DTEND;VALUE=DATE:20260724
RRULE:FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=10;COUNT=3
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
"""
SPLICES = [
    b"99999999", b"00010101", b"99991231T235959Z", b"20260329T023000", b"P99999999W", b"-PT1S", b"UNTIL=1;",
    b"-", b"\x00", b"\xff\xfe", b"\xe2\x80\xa8", b":", b";", b",", b'"', b"\n ", b"\n",
    b"FREQ=DAILY;", b"INTERVAL=0;", b"COUNT=999999999;", b"BYDAY=53SU;", b"BYSETPOS=366;", b"BYMONTHDAY=31;",
    b"BYHOUR=25;", b"BYWEEKNO=53;", b"BYEASTER=0;", b"BYYEARDAY=-366;",
    b"BEGIN:VEVENT\n", b"END:VEVENT\n", b"TZID=/a/b/c", b"VALUE=DATE", b"VALUE=PERIOD", b"RANGE=THISANDFUTURE",
]  # fmt: skip


def mutated(random_: random.Random) -> bytes:
    """Return the seed calendar with one to four small mutations."""
    data = bytearray(SEED)
    for _ in range(random_.randint(1, 4)):
        position, length = random_.randrange(len(data)), random_.choice((0, 1, 1, 4, 20))
        mutation = random_.randrange(4)
        if mutation == 0:
            data[position : position + length] = random_.choice(SPLICES)
        elif mutation == 1:
            data[position : position + 1] = bytes([random_.randrange(256)])
        elif mutation == 2:
            data[position:position] = data[random_.randrange(len(data)) :][:length]
        else:
            del data[position : position + length]
    return bytes(data)


def outcomes(count: int, seed: int, folder: Path) -> tuple[Counter[str], float]:
    """Return how ``count`` mutations ended and the seconds of the slowest. Raises whatever is not a ConnectorError."""
    random_, outcomes_, slowest = random.Random(seed), Counter[str](), 0.0
    path = folder / "ana.ics"
    connector = SOURCE_KIND.make(IcsOptions(path=path.name), replace(CONTEXT, folder=folder))
    for _ in range(count):
        path.write_bytes(mutated(random_))
        started_at = process_time()
        try:
            (batch,) = connector.fetch(None)
            output = repr(batch)
            outcomes_["with rejected records" if batch.rejected else "whole"] += 1
        except ConnectorError as error:
            output = f"{error!r}{error}"
            outcomes_["refused"] += 1
        slowest = max(slowest, process_time() - started_at)
        assert "uokka" not in output
    return outcomes_, slowest


@pytest.mark.parametrize("with_end", [True, False])
@pytest.mark.parametrize("field", ["DTSTART", "DTEND", "RECURRENCE-ID"])
@pytest.mark.parametrize("value", ["PT1H30M", "-PT1H", "20260105T090000Z/PT1H"])
@pytest.mark.parametrize("rule", ["", "RRULE:FREQ=DAILY;COUNT=3\n"])
def test_event_with_a_duration_as_a_date_is_rejected(
    field: str, value: str, rule: str, tmp_path: Path, *, with_end: bool
) -> None:
    properties = {"DTSTART": "20260105T090000Z", **({"DTEND": "20260105T100000Z"} if with_end else {}), field: value}
    lines = "".join(f"{name}:{text}\n" for name, text in properties.items())
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\n{lines}{rule}END:VEVENT\nEND:VCALENDAR\n"
    (tmp_path / "ana.ics").write_text(text)
    connector = SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path))
    (batch,) = connector.fetch(None)
    assert (batch.records, len(batch.rejected)) == ((), 1)


@pytest.mark.slow
def test_mutations_end_well(tmp_path: Path) -> None:
    counts, slowest = outcomes(2_000, seed=20261122, folder=tmp_path)
    assert set(counts) == {"whole", "with rejected records", "refused"}
    assert slowest < 5


ENDLESS = [
    "FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=200000", "FREQ=MINUTELY;UNTIL=99991231T000000Z", "FREQ=HOURLY",
    "FREQ=DAILY;INTERVAL=0", "FREQ=WEEKLY;INTERVAL=-1", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
    "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=5",
    "FREQ=DAILY;BYSETPOS=2", "FREQ=DAILY;INTERVAL=7;BYDAY=SU", "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6", "FREQ=DAILY;INTERVAL=146097;BYDAY=SU", "FREQ=YEARLY;INTERVAL=99999999999999",
    f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}",
    f"FREQ=DAILY;BYMINUTE={','.join(map(str, range(60)))};BYSECOND={','.join(map(str, range(60)))};COUNT=5000000",
]  # fmt: skip


@pytest.mark.parametrize("rule", ENDLESS)
def test_endless_rule_ends_at_once(rule: str, tmp_path: Path) -> None:
    event = f"BEGIN:VEVENT\nUID:a\nDTSTART:20260105T090000Z\nRRULE:{rule}\nEND:VEVENT\n"
    (tmp_path / "ana.ics").write_text(f"BEGIN:VCALENDAR\n{event}END:VCALENDAR\n")
    connector = SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path))
    next(connector.fetch(None))  # the libraries are loaded
    started_at = process_time()
    (batch,) = connector.fetch(None)
    assert process_time() - started_at < 1
    assert (len(batch.records), len(batch.rejected)) == (0, 1)


@pytest.mark.parametrize("start", ["00010101T000000Z", "16010101T000000Z", "19700101T000000Z"])
def test_daily_rule_from_long_ago_ends_at_once(start: str, tmp_path: Path) -> None:
    event = f"BEGIN:VEVENT\nUID:a\nDTSTART:{start}\nRRULE:FREQ=DAILY\nEND:VEVENT\n"
    (tmp_path / "ana.ics").write_text(f"BEGIN:VCALENDAR\n{event}END:VCALENDAR\n")
    started_at = process_time()
    next(SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path)).fetch(None))
    assert process_time() - started_at < 2


def test_text_that_is_a_path_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.ics"
    secret.write_bytes(SEED)
    (tmp_path / "ana.ics").write_text(str(secret))
    opened: list[Path] = []

    def recording(original: Any) -> Any:
        def recorded(path: Any, *args: Any, **kwargs: Any) -> Any:
            opened.append(Path(str(path)))
            return original(path, *args, **kwargs)

        return recorded

    for module, name in ((os, "open"), (builtins, "open"), (io, "open"), (Path, "read_bytes"), (Path, "open")):
        monkeypatch.setattr(module, name, recording(getattr(module, name)))
    with pytest.raises(ConnectorError):
        next(SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path)).fetch(None))
    assert [path for path in opened if path.suffix == ".ics"] == [tmp_path / "ana.ics"]
