"""iCalendar files: one small calendar for each known trap of the format."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Batch, Context, Owner, Window
from connectors.classify import Classifier, KindRule
from connectors.errors import MalformedError, UnavailableError
from connectors.ics import series
from connectors.ics.source import SOURCE_KIND, IcsOptions, preview
from connectors.pseudonyms import Pseudonyms
from connectors.records import CalendarEvent, Kind, Status
from tests.connectors.ingest_policy import apply_policy

PSEUDONYMS = Pseudonyms(b"k" * 32)
PARIS = ZoneInfo("Europe/Paris")
ANA = Owner("ana", PARIS, frozenset({"ana@harbour.example"}))
CONTEXT = Context(
    source="ana-calendar",
    owners=(ANA,),
    window=Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    classifier=Classifier(domains=frozenset({"harbour.example"})),
    pseudonyms=PSEUDONYMS,
    folder=Path(),
    read_secret=str,
)


def calendar(*events: str, head: str = "") -> str:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n"


def read(text: str | bytes, folder: Path, context: Context = CONTEXT) -> Batch:
    (folder / "ana.ics").write_bytes(text.encode() if isinstance(text, str) else text)
    (batch,) = SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(context, folder=folder)).fetch(None)
    return batch


def events(batch: Batch) -> list[CalendarEvent]:
    assert all(isinstance(record, CalendarEvent) for record in batch.records)
    return sorted((r for r in batch.records if isinstance(r, CalendarEvent)), key=lambda event: event.start)


def spans(batch: Batch) -> list[tuple[str, str]]:
    return [(f"{event.start:%m-%d %H:%M}", f"{event.end:%m-%d %H:%M}") for event in events(batch)]


def reasons(batch: Batch) -> list[tuple[str, str]]:
    return [(record.where, record.reason) for record in batch.rejected]


SESSION = "UID:a\nDTSTART:20260105T090000Z\nDTEND:20260105T095000Z"
WEEKLY = "UID:w\nDTSTART;TZID=Europe/Paris:20260105T150000\nDTEND;TZID=Europe/Paris:20260105T155000\nRRULE:FREQ=WEEKLY"


def weekly(count: int, lines: str = "") -> str:
    return f"{WEEKLY};COUNT={count}\n{lines}"


# Calendars that are refused as a whole


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (calendar(SESSION)[:-20], "cut off"),
        (calendar(SESSION).replace("END:VEVENT\n", ""), "no matching END"),
        (calendar(SESSION).replace("END:VCALENDAR\n", ""), "cut off"),
        (calendar(SESSION) + "BEGIN:VEVENT\n", "cut off"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        ("/etc/passwd", "does not begin"),
        ("", "empty"),
        ("\x00\x01\x02", "does not begin"),
        ("BEGIN:VCALENDAR\n" * 50 + "END:VCALENDAR\n" * 50, "not nested"),
    ],
)
def test_incomplete_calendar_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match=reason):
        read(text, tmp_path)


def test_missing_file_and_empty_folder_are_unavailable(tmp_path: Path) -> None:
    for path in ("nowhere.ics", "."):
        with pytest.raises(UnavailableError, match="no calendar file"):
            next(SOURCE_KIND.make(IcsOptions(path=path), replace(CONTEXT, folder=tmp_path)).fetch(None))


def test_unreadable_file_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "ana.ics").write_text(calendar(SESSION), encoding="utf-8")
    monkeypatch.setattr("connectors.ics.source.open_content", refuse)
    with pytest.raises(UnavailableError, match="cannot be read"):
        next(SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path)).fetch(None))


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ics.source.MAX_RESPONSE_BYTES", 100)
    with pytest.raises(MalformedError, match="larger than"):
        read(calendar(SESSION, SESSION), tmp_path)


def test_calendar_that_would_take_too_long_is_refused_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 10_000, 61))
    monkeypatch.setattr("connectors.ics.series.monotonic", lambda: float(next(ticks)))
    with pytest.raises(MalformedError, match="too long"):
        read(calendar(SESSION), tmp_path)


# Time zones


def test_event_in_an_unknown_zone_is_rejected(tmp_path: Path) -> None:
    batch = read(calendar("UID:a\nDTSTART;TZID=Middle-earth/Shire:20260105T090000", SESSION), tmp_path)
    assert spans(batch) == [("01-05 09:00", "01-05 09:50")]
    assert reasons(batch) == [("event 1", "its time zone is unknown")]


def test_event_with_an_exception_in_an_unknown_zone_is_rejected(tmp_path: Path) -> None:
    batch = read(calendar(weekly(2, "EXDATE;TZID=Nowhere:20260105T150000")), tmp_path)
    assert reasons(batch) == [("event 1", "its time zone is unknown")]


@pytest.mark.parametrize(
    "tzid",
    [
        "Europe/Paris",
        "Romance Standard Time",
        '"Romance Standard Time"',
        "/freeassociation.sourceforge.net/Europe/Paris",
    ],
)
def test_zone_by_any_of_its_names(tzid: str, tmp_path: Path) -> None:
    batch = read(calendar(f"UID:a\nDTSTART;TZID={tzid}:20260705T090000\nDURATION:PT50M"), tmp_path)
    assert spans(batch) == [("07-05 07:00", "07-05 07:50")]


VTIMEZONE = (
    "BEGIN:VTIMEZONE\nTZID:Custom\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:{0}\nTZOFFSETTO:{0}\n"
    "{1}END:STANDARD\nEND:VTIMEZONE\n"
)


def test_zone_that_the_file_defines_is_that_files_alone(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART;TZID=Custom:20260105T090000"
    for offset, expected in (("+0300", "01-05 06:00"), ("-0200", "01-05 11:00")):
        batch = read(calendar(event, head=VTIMEZONE.format(offset, "")), tmp_path)
        assert spans(batch) == [(expected, expected)]
    assert reasons(read(calendar(event), tmp_path)) == [("event 1", "its time zone is unknown")]


def test_defined_zone_with_an_endless_rule_is_unknown(tmp_path: Path) -> None:
    for rule in ("FREQ=SECONDLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"):
        text = calendar("UID:a\nDTSTART;TZID=Custom:20260105T090000", head=VTIMEZONE.format("+0300", f"RRULE:{rule}\n"))
        assert reasons(read(text, tmp_path)) == [("event 1", "its time zone is unknown")]


def test_definition_that_contradicts_a_known_zone_is_ignored(tmp_path: Path) -> None:
    head = VTIMEZONE.format("-0900", "").replace("Custom", "Europe/Paris")
    batch = read(calendar("UID:a\nDTSTART;TZID=Europe/Paris:20260105T090000", head=head), tmp_path)
    assert spans(batch) == [("01-05 08:00", "01-05 08:00")]


def test_floating_times_are_the_calendars_or_else_the_clinicians(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART:20260105T090000\nDTEND:20260105T095000"
    assert spans(read(calendar(event), tmp_path)) == [("01-05 08:00", "01-05 08:50")]
    tokyo = calendar(event, head="X-WR-TIMEZONE:Asia/Tokyo\n")
    assert spans(read(tokyo, tmp_path)) == [("01-05 00:00", "01-05 00:50")]


def test_unknown_zone_of_the_calendar_itself_is_reported(tmp_path: Path) -> None:
    batch = read(calendar(SESSION, head="X-WR-TIMEZONE:Nowhere\n"), tmp_path)
    assert spans(batch) == [("01-05 09:00", "01-05 09:50")]
    assert [record.where for record in batch.rejected] == ["the calendar itself"]


def test_google_series_written_in_utc_follows_the_calendars_wall_clock(tmp_path: Path) -> None:
    series = "UID:a\nDTSTART:20260323T140000Z\nDTEND:20260323T150000Z\nRRULE:FREQ=WEEKLY;COUNT=2"
    batch = read(calendar(series, head="X-WR-TIMEZONE:Europe/Paris\n"), tmp_path)
    assert [start for start, _ in spans(batch)] == ["03-23 14:00", "03-30 13:00"]


def test_night_shift_over_the_clocks_changes(tmp_path: Path) -> None:
    nights = [
        f"UID:{day}\nDTSTART;TZID=Europe/Paris:{day}T220000\nDTEND;TZID=Europe/Paris:{int(day) + 1}T060000"
        for day in ("20260328", "20261024", "20260601")
    ]
    lengths = {event.start.month: event.end - event.start for event in events(read(calendar(*nights), tmp_path))}
    assert lengths == {3: timedelta(hours=7), 10: timedelta(hours=9), 6: timedelta(hours=8)}


def test_session_in_the_hour_that_is_left_out_keeps_its_length(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART;TZID=Europe/Paris:20260329T023000\nDTEND;TZID=Europe/Paris:20260329T030000"
    assert spans(read(calendar(event), tmp_path)) == [("03-29 01:30", "03-29 02:00")]


# Series


def test_moved_override_keeps_its_name(tmp_path: Path) -> None:
    plain = read(calendar(weekly(2)), tmp_path)
    moved = "UID:w\nRECURRENCE-ID;TZID=Europe/Paris:20260112T150000\nDTSTART:20260115T080000Z\nDTEND:20260115T090000Z"
    batch = read(calendar(weekly(2), moved), tmp_path)
    assert spans(batch) == [("01-05 14:00", "01-05 14:50"), ("01-15 08:00", "01-15 09:00")]
    assert [event.uid_key for event in events(batch)] == [event.uid_key for event in events(plain)]
    assert events(plain)[1].uid_key == PSEUDONYMS.entry("w", "20260112T140000Z")


def test_override_that_names_its_place_by_the_wall_clock_keeps_its_name(tmp_path: Path) -> None:
    moved = "UID:w\nRECURRENCE-ID:20260112T150000\nDTSTART;TZID=Europe/Paris:20260115T080000"
    batch = read(calendar(weekly(2), moved), tmp_path)
    assert [event.uid_key for event in events(batch)][1] == PSEUDONYMS.entry("w", "20260112T140000Z")


def test_override_that_names_its_place_by_the_day_alone_keeps_its_name(tmp_path: Path) -> None:
    moved = "UID:w\nRECURRENCE-ID;VALUE=DATE:20260112\nDTSTART;TZID=Europe/Paris:20260113T160000\nDURATION:PT50M"
    cancelled = "UID:w\nRECURRENCE-ID;VALUE=DATE:20260119\nDTSTART:20260119T140000Z\nSTATUS:CANCELLED"
    plain, batch = (read(calendar(*overrides, weekly(3)), tmp_path) for overrides in ([], [moved, cancelled]))
    assert [start for start, _ in spans(batch)] == ["01-05 14:00", "01-13 15:00", "01-19 14:00"]
    assert [event.uid_key for event in events(batch)] == [event.uid_key for event in events(plain)]
    assert events(batch)[2].status is Status.CANCELLED


def test_this_and_future_from_a_day_on(tmp_path: Path) -> None:
    later = "UID:w\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260112\nDTSTART;TZID=Europe/Paris:20260112T170000"
    batch = read(calendar(weekly(3), later), tmp_path)
    assert [start for start, _ in spans(batch)] == ["01-05 14:00", "01-12 16:00", "01-19 16:00"]


def test_override_of_a_series_of_whole_days_is_placed_by_the_day(tmp_path: Path) -> None:
    days = "UID:w\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=2"
    moved = "UID:w\nRECURRENCE-ID;VALUE=DATE:20260112\nDTSTART;VALUE=DATE:20260114"
    assert [start for start, _ in spans(read(calendar(days, moved), tmp_path))] == ["01-04 23:00", "01-13 23:00"]


def test_override_without_its_series_is_an_entry_of_its_own(tmp_path: Path) -> None:
    orphan = "UID:o\nRECURRENCE-ID:20260112T140000Z\nDTSTART:20260115T080000Z\nDTEND:20260115T090000Z"
    batch = read(calendar(orphan), tmp_path)
    assert spans(batch) == [("01-15 08:00", "01-15 09:00")]
    assert events(batch)[0].uid_key == PSEUDONYMS.entry("o", "20260112T140000Z")


def test_single_entry_is_named_by_its_uid_wherever_it_moves(tmp_path: Path) -> None:
    for day in ("05", "06"):
        batch = read(calendar(SESSION.replace("20260105", f"202601{day}")), tmp_path)
        assert events(batch)[0].uid_key == PSEUDONYMS.entry("a")


def test_this_and_future_moves_the_rest_and_keeps_their_names(tmp_path: Path) -> None:
    later = (
        "UID:w\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Paris:20260112T150000\n"
        "DTSTART;TZID=Europe/Paris:20260112T170000\nDTEND;TZID=Europe/Paris:20260112T175000"
    )
    plain, batch = read(calendar(weekly(3)), tmp_path), read(calendar(weekly(3), later), tmp_path)
    assert [start for start, _ in spans(batch)] == ["01-05 14:00", "01-12 16:00", "01-19 16:00"]
    assert [event.uid_key for event in events(batch)] == [event.uid_key for event in events(plain)]


def test_added_period_has_its_own_length(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART:20260105T090000Z\nDTEND:20260105T095000Z\nRDATE;VALUE=PERIOD:20260106T090000Z/PT2H"
    assert spans(read(calendar(event), tmp_path)) == [("01-05 09:00", "01-05 09:50"), ("01-06 09:00", "01-06 11:00")]


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        (";TZID=Europe/Paris", "20260119"),
        (";TZID=Europe/Paris", "20260119T150000"),
        (";TZID=America/New_York", "20260119"),
        (";TZID=America/New_York", "20260119T150000"),
        (";TZID=America/New_York", "20260119T235959"),
        (";TZID=America/New_York", "20260119T200000Z"),
        (";TZID=Asia/Tokyo", "20260119"),
        (";TZID=Pacific/Kiritimati", "20260119T150000"),
        ("", "20260119"),
        ("", "20260119T150000"),
    ],
)
def test_last_session_of_a_series_that_ends_by_its_own_clock(zone: str, until: str, tmp_path: Path) -> None:
    event = f"UID:w\nDTSTART{zone}:20260105T150000\nDURATION:PT50M\nRRULE:FREQ=WEEKLY;UNTIL={until}"
    local_zone = ZoneInfo(zone.partition("=")[2] or "Europe/Paris")
    starts = [f"{event.start.astimezone(local_zone):%m-%d %H:%M}" for event in events(read(calendar(event), tmp_path))]
    assert starts == ["01-05 15:00", "01-12 15:00", "01-19 15:00"]


@pytest.mark.parametrize("until", ["20260118", "20260119T145959", "20260119T135959Z"])
def test_no_session_after_a_series_ends(until: str, tmp_path: Path) -> None:
    event = f"{WEEKLY};UNTIL={until}"
    assert [start for start, _ in spans(read(calendar(event), tmp_path))] == ["01-05 14:00", "01-12 14:00"]


def test_series_until_the_last_day_that_there_is_goes_on(tmp_path: Path) -> None:
    event = "UID:w\nDTSTART;TZID=America/New_York:20260105T150000\nRRULE:FREQ=MONTHLY;UNTIL=99991231"
    batch = read(calendar(event), tmp_path)
    assert (len(batch.records), batch.rejected) == (12, ())


@pytest.mark.parametrize("exdate", [";VALUE=DATE:20260112", ":20260112T140000Z", ";TZID=Europe/Paris:20260112T150000"])
def test_exception_in_any_spelling(exdate: str, tmp_path: Path) -> None:
    batch = read(calendar(weekly(3, f"EXDATE{exdate}")), tmp_path)
    assert [start for start, _ in spans(batch)] == ["01-05 14:00", "01-19 14:00"]


def test_series_with_exceptions_by_rule_is_rejected(tmp_path: Path) -> None:
    assert reasons(read(calendar(weekly(2, "EXRULE:FREQ=WEEKLY;INTERVAL=2")), tmp_path))[0][1].startswith("it has exc")


def test_series_with_too_many_instances_is_rejected(tmp_path: Path) -> None:
    hourly = f"{SESSION}\nRRULE:FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))}"
    assert reasons(read(calendar(hourly), tmp_path)) == [("event 1", "it repeats too often")]


# Copies and contradictions


def test_highest_sequence_wins(tmp_path: Path) -> None:
    newer = SESSION.replace("T0950", "T1050") + "\nSEQUENCE:2"
    for order in ((SESSION, newer), (newer, SESSION)):
        batch = read(calendar(*order), tmp_path)
        assert spans(batch) == [("01-05 09:00", "01-05 10:50")]
        assert batch.rejected == ()


def test_same_sequence_at_other_times_is_rejected(tmp_path: Path) -> None:
    batch = read(calendar(SESSION, SESSION.replace("T0950", "T1050")), tmp_path)
    assert spans(batch) == [("01-05 09:00", "01-05 10:50")]
    assert reasons(batch) == [("event 1", "another event with the same UID and SEQUENCE has other times")]


def test_identical_copy_is_read_once(tmp_path: Path) -> None:
    batch = read(calendar(SESSION, SESSION), tmp_path)
    assert (len(batch.records), batch.rejected) == (1, ())


def test_instances_of_a_rule_name_their_series_and_listed_ones_do_not(tmp_path: Path) -> None:
    moved = WEEKLY.replace("RRULE:FREQ=WEEKLY", "RECURRENCE-ID;TZID=Europe/Paris:20260112T150000")
    override_alone = moved.replace("UID:w", "UID:alone")
    dates = SESSION.replace("UID:a", "UID:d") + "\nRDATE:20260107T090000Z"
    batch = read(calendar(weekly(3), moved, override_alone, dates, SESSION), tmp_path)
    series_by_key = {event.uid_key: event.series for event in events(batch)}
    assert len(series_by_key) == 7
    assert list(series_by_key.values()).count(PSEUDONYMS.entry("w")) == 3
    assert list(series_by_key.values()).count(PSEUDONYMS.entry("d")) == 2
    assert {uid for uid, series in series_by_key.items() if series is None} == {
        PSEUDONYMS.entry("a"), PSEUDONYMS.entry("alone", "20260112T140000Z"),
    }  # fmt: skip
    assert batch.reaches_back_to is None


def single(uid: str, day: int) -> str:
    return f"UID:{uid}\nDTSTART:202601{day:02}T090000Z\nDTEND:202601{day:02}T095000Z"


@pytest.mark.parametrize(
    ("files", "reaches"),
    [
        # an export of everything, and a feed that drops past events
        ([[single("a", 5), single("b", 20)], [single("c", 12), single("d", 13)]], 12),
        # a series does not show how far back its calendar reaches
        ([[single("a", 5), single("b", 20)], [single("c", 12), single("d", 13), weekly(3)]], 12),
        ([[single("a", 5), single("b", 20)], [weekly(3)]], None),
        # one event for each file, as programs write them that synchronise a folder with a server
        ([[single("a", 5)], [single("b", 20)], [single("c", 12)]], None),
        ([[single("a", 5), single("b", 20)]], None),
    ],
)
def test_a_folder_reaches_as_far_back_as_each_of_its_calendars(
    tmp_path: Path, files: list[list[str]], reaches: int | None
) -> None:
    for number, entries in enumerate(files):
        (tmp_path / f"{number}.ics").write_text(calendar(*entries))
    (batch,) = SOURCE_KIND.make(IcsOptions(path="."), replace(CONTEXT, folder=tmp_path)).fetch(None)
    assert batch.reaches_back_to == (reaches and datetime(2026, 1, reaches, 9, 50, tzinfo=UTC))


def test_folder_is_one_calendar(tmp_path: Path) -> None:
    moved = "UID:w\nRECURRENCE-ID:20260112T140000Z\nDTSTART:20260115T080000Z"
    for name, text in (("1.ics", calendar(weekly(2))), ("2.ics", calendar(moved, SESSION)), ("notes.txt", "no")):
        (tmp_path / name).write_text(text)
    (batch,) = SOURCE_KIND.make(IcsOptions(path="."), replace(CONTEXT, folder=tmp_path)).fetch(None)
    assert [start for start, _ in spans(batch)] == ["01-05 09:00", "01-05 14:00", "01-15 08:00"]
    assert batch.replaces == CONTEXT.window
    (tmp_path / "3.ics").write_text("BEGIN:VCALENDAR\n")
    with pytest.raises(MalformedError, match="file 3"):
        next(SOURCE_KIND.make(IcsOptions(path="."), replace(CONTEXT, folder=tmp_path)).fetch(None))


def test_event_without_a_uid_is_read(tmp_path: Path) -> None:
    first, second = (read(calendar("DTSTART:20260105T090000Z"), tmp_path) for _ in range(2))
    assert len(first.records) == 1
    assert first.records == second.records


# Dates and lengths


def test_all_day_runs_from_local_midnight_to_local_midnight(tmp_path: Path) -> None:
    batch = read(calendar("UID:a\nDTSTART;VALUE=DATE:20260329", "UID:b\nDTSTART:20260710\nDTEND:20260712"), tmp_path)
    assert spans(batch) == [("03-28 23:00", "03-29 22:00"), ("07-09 22:00", "07-11 22:00")]
    assert all(event.all_day for event in events(batch))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("DTSTART:20260105T090000Z\nDTEND:20260105T080000Z", "it ends before it begins"),
        ("DTSTART:20260105T090000Z\nDURATION:-PT1H", "it ends before it begins"),
        ("DTSTART:20260105T090000Z\nDTEND;VALUE=DATE:20260106", "begins with a date"),
        ("DTSTART:20260105T090000Z\nDTEND:20260105T100000", "only one of its ends"),
        ("DTSTART:2026-01-05 09:00", "cannot be read"),
        ("DTSTART:20260105T090000Z\nDTSTART:20260106T090000Z", "duplicate property: DTSTART"),
        ("DTEND:20260105T090000Z", "cannot be read"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=FORTNIGHTLY", "cannot be read"),
    ],
)
def test_event_that_contradicts_itself_is_rejected(event: str, reason: str, tmp_path: Path) -> None:
    batch = read(calendar(f"UID:b\n{event}", SESSION), tmp_path)
    assert len(batch.records) == 1
    ((where, actual),) = reasons(batch)
    assert where == "event 1"
    assert reason in actual


def test_entry_without_an_end_has_no_length(tmp_path: Path) -> None:
    assert spans(read(calendar("UID:a\nDTSTART:20260105T090000Z"), tmp_path)) == [("01-05 09:00", "01-05 09:00")]


def test_only_what_touches_the_window_is_kept(tmp_path: Path) -> None:
    edges = [
        ("before", "20251231T230000Z", "20260101T000000Z"), ("into", "20251231T230000Z", "20260101T000001Z"),
        ("first", "20260101T000000Z", "20260101T000000Z"), ("last", "20261231T235959Z", "20270101T010000Z"),
        ("after", "20270101T000000Z", "20270101T010000Z"),
    ]  # fmt: skip
    batch = read(calendar(*(f"UID:{uid}\nDTSTART:{start}\nDTEND:{end}" for uid, start, end in edges)), tmp_path)
    batch = apply_policy(batch, CONTEXT.window)
    assert {event.uid_key for event in events(batch)} == {PSEUDONYMS.entry(uid) for uid in ("into", "first", "last")}


# Bytes


def test_marks_other_line_ends_folds_and_latin_1_are_read(tmp_path: Path) -> None:
    text = calendar(SESSION + "\nSUMMARY:Caf\u00e9")
    folded = text.replace("DTEND:2026", "DTEND:20\n 26")
    for data in (
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("latin-1"),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
        folded.encode(),
        text.lower().replace("20260105t", "20260105T").replace("00z", "00Z").encode(),
    ):
        assert spans(read(data, tmp_path)) == [("01-05 09:00", "01-05 09:50")]


def test_alarms_and_tasks_are_not_entries(tmp_path: Path) -> None:
    alarm = "BEGIN:VALARM\nTRIGGER:-PT10M\nDURATION:PT1H\nATTENDEE:mailto:x@y.example\nEND:VALARM"
    task = "BEGIN:VTODO\nUID:t\nDTSTART:20260105T090000Z\nEND:VTODO\n"
    (event,) = events(read(calendar(f"{SESSION}\n{alarm}", head=task), tmp_path))
    assert (event.end - event.start, event.kind) == (timedelta(minutes=50), Kind.OTHER)


# Owner, kind and status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("STATUS:CANCELLED", Status.CANCELLED),
        ("STATUS:TENTATIVE", Status.TENTATIVE),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:Ana@Harbour.example", Status.DECLINED),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:ben@harbour.example", Status.CONFIRMED),
        ('ATTENDEE;CN="x;PARTSTAT=DECLINED":mailto:ana@harbour.example', Status.CONFIRMED),
    ],
)
def test_status(lines: str, status: Status, tmp_path: Path) -> None:
    assert [event.status for event in events(read(calendar(f"{SESSION}\n{lines}"), tmp_path))] == [status]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ("ATTENDEE:mailto:ana@harbour.example\nATTENDEE:mailto:Kim+x@mail.example", "kim@mail.example"),
        ("ORGANIZER:mailto:kim@mail.example\nATTENDEE:mailto:ana@harbour.example", "kim@mail.example"),
        ("ATTENDEE;EMAIL=kim@mail.example:urn:uuid:1", "kim@mail.example"),
        ("ATTENDEE;CUTYPE=ROOM:mailto:room@mail.example", None),
        ("ATTENDEE:mailto:abc@group.calendar.google.com", None),
        ("ATTENDEE:mailto:ben@harbour.example", None),
        ("SUMMARY:Kim", None),
    ],
)
def test_outside_attendee_makes_a_session(lines: str, client: str | None, tmp_path: Path) -> None:
    (event,) = events(read(calendar(f"{SESSION}\n{lines}"), tmp_path))
    assert event.kind is (Kind.SESSION if client else Kind.OTHER)
    assert event.client == (PSEUDONYMS.person("ana", client) if client else None)


@pytest.mark.parametrize(
    "rule",
    [
        KindRule(Kind.SUPERVISION, title=re.compile("super, vision")),
        KindRule(Kind.SUPERVISION, category="one, two"),
        KindRule(Kind.SUPERVISION, category="three"),
        KindRule(Kind.SUPERVISION, colour="Teal"),
        KindRule(Kind.SUPERVISION, calendar="ana"),
    ],
)
def test_rules_see_title_categories_colour_and_calendar(rule: KindRule, tmp_path: Path) -> None:
    text = calendar(f"{SESSION}\nSUMMARY:Super\\, vision".lower() + "\nCATEGORIES:one\\, two,Three\nCOLOR:teal")
    text = text.replace("20260105t", "20260105T").replace("00z", "00Z")
    batch = read(text, tmp_path, replace(CONTEXT, classifier=Classifier(rules=(rule,))))
    assert [event.kind for event in events(batch)] == [Kind.SUPERVISION]


def test_client_by_title(tmp_path: Path) -> None:
    classifier = Classifier(
        rules=(KindRule(Kind.SESSION, title=re.compile("^Session")),), client_title=re.compile(r"with (\w+)")
    )
    (event,) = events(
        read(calendar(f"{SESSION}\nSUMMARY:Session with Kim"), tmp_path, replace(CONTEXT, classifier=classifier))
    )
    assert event.client == PSEUDONYMS.person("ana", "kim")


def test_last_change_is_kept(tmp_path: Path) -> None:
    (event,) = events(read(calendar(f"{SESSION}\nLAST-MODIFIED:20260105T101500Z"), tmp_path))
    assert event.edited_at == datetime(2026, 1, 5, 10, 15, tzinfo=UTC)


def test_shared_calendar_assigns_each_event_to_the_clinicians_it_names(tmp_path: Path) -> None:
    ben = Owner("ben", ZoneInfo("America/New_York"), frozenset({"ben@harbour.example"}))
    event_of_both = (
        "UID:d\nDTSTART;VALUE=DATE:20260105\nORGANIZER:mailto:ana@harbour.example\nATTENDEE:mailto:ben@harbour.example"
    )
    text = calendar(event_of_both, f"{SESSION}\nATTENDEE:mailto:ben@harbour.example", "UID:n\nDTSTART:20260105T090000Z")
    records = events(read(text, tmp_path, replace(CONTEXT, owners=(ANA, ben))))
    assert [(event.clinician, f"{event.start:%d %H:%M}") for event in records] == [
        ("ana", "04 23:00"), ("ben", "05 05:00"), ("ben", "05 09:00"),
    ]  # fmt: skip


def test_time_that_is_shown_as_free_is_marked(tmp_path: Path) -> None:
    text = calendar(SESSION, "UID:t\nDTSTART:20260107T090000Z\nTRANSP:TRANSPARENT")
    assert [event.is_free for event in events(read(text, tmp_path))] == [False, True]


def test_no_title_is_read_if_times_suffice(tmp_path: Path) -> None:
    classifier = Classifier(rules=(KindRule(Kind.SESSION, title=re.compile("Session")),))
    text = calendar(f"{SESSION}\nSUMMARY:Session\nATTENDEE:mailto:kim@mail.example")
    (event,) = events(read(text, tmp_path, replace(CONTEXT, times_suffice=True, classifier=classifier)))
    assert (event.kind, event.client) == (Kind.OTHER, None)


# Reading again


def test_nothing_new_yields_one_empty_batch(tmp_path: Path) -> None:
    context = replace(CONTEXT, folder=tmp_path)
    connector = SOURCE_KIND.make(IcsOptions(path="ana.ics"), context)
    first = read(calendar(SESSION), tmp_path)
    assert list(connector.fetch(first.cursor)) == [Batch(first.cursor)]
    read(calendar(f"{SESSION}\nDESCRIPTION:new"), tmp_path)
    assert list(connector.fetch(first.cursor)) == [Batch(first.cursor)]
    read(calendar(SESSION.replace("T0950", "T1000")), tmp_path)
    assert [len(batch.records) for batch in connector.fetch(first.cursor)] == [1]


def test_cursor_is_valid_in_another_process(tmp_path: Path) -> None:
    other_process = replace(CONTEXT, pseudonyms=Pseudonyms(b"k" * 32), read_secret=lambda reference: reference)
    assert read(calendar(SESSION), tmp_path).cursor == read(calendar(SESSION), tmp_path, other_process).cursor


@pytest.mark.parametrize(
    "changed",
    [
        {"window": Window(CONTEXT.window.start, CONTEXT.window.end + timedelta(days=1))},
        {"classifier": Classifier(rules=(KindRule(Kind.LEAVE, title=re.compile("x" * 300 + "y")),))},
        {"owners": (replace(ANA, zone=ZoneInfo("Europe/London")),)},
        {"pseudonyms": Pseudonyms(b"j" * 32)},
    ],
)
def test_other_settings_read_the_same_calendar_again(changed: dict[str, object], tmp_path: Path) -> None:
    first = read(calendar(SESSION), tmp_path)
    context = replace(CONTEXT, folder=tmp_path, **changed)  # type: ignore[arg-type]
    (batch,) = SOURCE_KIND.make(IcsOptions(path="ana.ics"), context).fetch(first.cursor)
    assert batch.replaces == context.window
    assert batch.cursor != first.cursor


@pytest.mark.parametrize("cursor", ["", "junk", "[]", "{}", '{"settings": 1}', '{"other": 1}', "null"])
def test_cursor_that_is_not_ours_is_no_cursor(cursor: str, tmp_path: Path) -> None:
    read(calendar(SESSION), tmp_path)
    connector = SOURCE_KIND.make(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path))
    assert [len(batch.records) for batch in connector.fetch(cursor)] == [1]


# Privacy


def test_no_content_leaves_the_connector(tmp_path: Path) -> None:
    canary = "QUOKKA"
    body = (
        f"{SESSION}\nSUMMARY:{canary}\nDESCRIPTION:{canary}\nLOCATION:{canary}\nURL:https://{canary}.example\n"
        f"COMMENT:{canary}\nX-NOTE:{canary}\nATTENDEE;CN={canary}:mailto:{canary}@mail.example"
    )
    broken = f"UID:{canary}\nDTSTART;TZID={canary}:20260105T090000\nSUMMARY:{canary}"
    worse = f"UID:x\nDTSTART:{canary}"
    batch = read(calendar(body, broken, worse), tmp_path)
    assert (len(batch.records), len(batch.rejected)) == (1, 2)
    assert canary.lower() not in repr(batch).lower()
    with pytest.raises(MalformedError) as error:
        read(f"BEGIN:{canary}\n", tmp_path)
    assert canary not in f"{error.value!r}{error.value}"


def test_lines_that_rules_do_not_need_are_never_kept() -> None:
    from connectors.ics.text import PEOPLE_PROPERTIES, parse_calendars

    data = calendar(f"{SESSION}\nSUMMARY:QUOKKA\nDESCRIPTION:QUOKKA\nATTENDEE;CN=QUOKKA:mailto:k@x.example").encode()
    assert "QUOKKA" not in repr(parse_calendars(data, PEOPLE_PROPERTIES))
    assert "k@x.example" not in repr(parse_calendars(data))


def test_preview_shows_titles_and_which_rule_decided(tmp_path: Path) -> None:
    rules = Classifier(rules=(KindRule(Kind.LEAVE, calendar="x"), KindRule(Kind.TRAINING, calendar="ana")))
    (tmp_path / "ana.ics").write_text(calendar(f"{SESSION}\nSUMMARY:Course\nATTENDEE:mailto:k@x.example"))
    (entry,) = preview(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path, classifier=rules))
    assert (entry.title, entry.kind, entry.client, entry.rule) == ("Course", Kind.TRAINING, None, "rule 2")
    (entry,) = preview(IcsOptions(path="ana.ics"), replace(CONTEXT, folder=tmp_path))
    assert (entry.kind, entry.rule) == (Kind.SESSION, "somebody from outside")


# The source kind


def test_path_or_url_and_not_both() -> None:
    assert SOURCE_KIND.check is not None
    assert [bool(SOURCE_KIND.check(options)) for options in (
        IcsOptions(), IcsOptions(path="a", url="b"), IcsOptions(path="a"), IcsOptions(url="b"),
    )] == [True, True, False, False]  # fmt: skip


def test_module_loads_without_its_heavy_libraries() -> None:
    heavy = "{'icalendar', 'recurring_ical_events', 'requests'}"
    code = f"import sys, connectors.ics.source; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"set()"


# Real calendars


@pytest.mark.parametrize(
    ("name", "zone", "years", "instances", "all_day"),
    [
        ("person_paris_2024", "Europe/Paris", (2024, 2025), 687, 96),
        ("machbar_public_2019", "Europe/Berlin", (2018, 2020), 520, 1),
        ("galaxy_wg_google_export", "UTC", (2021, 2027), 1261, 17),
    ],
)
def test_real_calendar(real: Path, name: str, zone: str, years: tuple[int, int], instances: int, all_day: int) -> None:
    local = ZoneInfo(zone)
    first, last = (datetime(year, 1, 1, tzinfo=local) for year in years)
    context = replace(CONTEXT, folder=real / "ics", owners=(Owner("ana", local),), window=Window(first, last))
    (batch,) = SOURCE_KIND.make(IcsOptions(path=f"{name}.ics"), context).fetch(None)
    batch = apply_policy(batch, context.window)
    assert batch.rejected == ()
    assert (len(batch.records), sum(event.all_day for event in events(batch))) == (instances, all_day)
    assert len({event.uid_key for event in events(batch)}) == instances


def test_real_event_of_287_hours_is_read(real: Path) -> None:
    window = Window(datetime(2024, 1, 1, tzinfo=PARIS), datetime(2025, 1, 1, tzinfo=PARIS))
    context = replace(CONTEXT, folder=real / "ics", window=window)
    (batch,) = SOURCE_KIND.make(IcsOptions(path="person_paris_2024.ics"), context).fetch(None)
    assert max(event.end - event.start for event in events(batch) if not event.all_day) == timedelta(hours=287)


@pytest.mark.parametrize(
    "dates",
    [
        "DTSTART:20260105T090000Z\nDTEND:20260105T095000Z",
        "DTSTART:20260105T090000\nDTEND:20260105T095000",
        "DTSTART;TZID=Europe/Paris:20260329T013000\nDTEND;TZID=Europe/Paris:20260329T033000",
        "DTSTART;TZID=Europe/Paris:20260329T023000\nDTEND;TZID=Europe/Paris:20260329T024500",
        "DTSTART;TZID=W. Europe Standard Time:20261025T023000\nDTEND;TZID=Europe/London:20261025T023000",
        "DTSTART;TZID=Europe/Paris:20260105T090000\nDTEND:20260105T090000Z",
        "DTSTART:20260105T090000Z\nDTEND:20260105T090000Z",
        "DTSTART:20260105T090000Z\nDTEND:20260105T080000Z",
        "DTSTART:20260105T090000\nDTEND:20260105T095000Z",
        "DTSTART;TZID=Europe/Paris:20260105T090000Z\nDTEND;TZID=Europe/Paris:20260105T095000Z",
        "DTSTART;TZID=Nowhere/Here:20260105T090000\nDTEND;TZID=Nowhere/Here:20260105T095000",
        "DTSTART:20260230T090000Z\nDTEND:20260230T095000Z",
        "DTSTART:20260105T246060Z\nDTEND:20260105T250000Z",
        "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260106",
        "DTEND:20260105T095000Z\nDTSTART:20260105T090000Z",
    ],
)
def test_event_read_without_the_parser_equals_the_parsed_one(
    dates: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = read(calendar(f"UID:a\n{dates}"), tmp_path)
    monkeypatch.setattr(series, "_parse_simple", lambda _: None)
    assert read(calendar(f"UID:a\n{dates}"), tmp_path) == quick


def test_single_event_is_moved_by_another_of_its_uid(tmp_path: Path) -> None:
    moved = "UID:a\nSEQUENCE:1\nDTSTART:20260106T090000Z\nDTEND:20260106T095000Z"
    assert spans(read(calendar(SESSION, moved), tmp_path)) == [("01-06 09:00", "01-06 09:50")]
