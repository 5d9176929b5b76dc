"""Tests that the demonstration practice contains its planted drifts, read by other code than the writers."""

from __future__ import annotations

import csv
import json
import mailbox
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from recurring_ical_events import of

from connectors.base import Context, Window
from connectors.pseudonyms import Pseudonyms
from connectors.registry import source_kind
from monitor.config import classifier, load, owners
from monitor.demo import Planted, write_practice

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
THIS_MONDAY = date(2026, 11, 16)
WEEKS = 44
CLIENT = re.compile(rb"client\d+@mail\.example")


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return write_practice(tmp_path_factory.mktemp("demo"), NOW, weeks=WEEKS)


@pytest.fixture(scope="module")
def settings(practice: Planted) -> dict[str, Any]:
    return tomllib.loads(practice.config.read_text())


def entries(practice: Planted, key: str) -> list[Any]:
    return list(Calendar.from_ical((practice.folder / f"{key}.ics").read_bytes()).walk("VEVENT"))


def occurrences(practice: Planted, key: str, *, ahead: int = 0) -> list[Any]:
    """Return every occurrence from the first week to the current one, or ``ahead`` weeks beyond it."""
    calendar = Calendar.from_ical((practice.folder / f"{key}.ics").read_bytes())
    return list(of(calendar).between(THIS_MONDAY - timedelta(weeks=WEEKS), THIS_MONDAY + timedelta(weeks=ahead)))


def rows(practice: Planted, name: str) -> list[dict[str, str]]:
    with (practice.folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def messages(practice: Planted, key: str) -> list[Message]:
    mbox = mailbox.mbox(practice.folder / f"{key}.mbox", create=False)
    try:
        return list(mbox)
    finally:
        mbox.close()


def weeks_ago(day: date) -> int:
    return (THIS_MONDAY - (day - timedelta(days=day.weekday()))).days // 7


def sent_at(message: Message) -> datetime:
    return parsedate_to_datetime(message["Date"]).astimezone(LONDON)


def replies(practice: Planted, key: str) -> Iterator[tuple[Message, Message]]:
    """Return the clinician's replies to a client, each with the message it answers."""
    box = {message["Message-ID"]: message for message in messages(practice, key)}
    for message in box.values():
        if message["From"].endswith("@harbour.example>") and message["In-Reply-To"] and not message["Auto-Submitted"]:
            question = box[message["In-Reply-To"]]
            if question["From"].endswith("@mail.example>"):
                yield message, question


def is_after(moment: datetime, hours: dict[str, Any]) -> bool:
    """Return whether an instant lies before the first or after the last agreed minute of its day."""
    spans = hours.get(moment.strftime("%a").lower())
    return not spans or not spans[0][:5] <= moment.strftime("%H:%M") < spans[-1][-5:]


def overrun(call: dict[str, str]) -> float:
    """Return the minutes past ten to the hour, when every session of these clinicians is booked to end."""
    left = datetime.fromisoformat(call["Left"])
    return (left.minute + left.second / 60 - 50 + 30) % 60 - 30


def calls(practice: Planted, key: str) -> dict[int, list[dict[str, str]]]:
    """Return the calls that took place, by weeks ago."""
    by_week: dict[int, list[dict[str, str]]] = defaultdict(list)
    for call in rows(practice, f"{key}-calls.csv"):
        if call["Participants"] == "2":
            by_week[weeks_ago(date.fromisoformat(call["Joined"][:10]))].append(call)
    return by_week


def a_week(counts: Counter[int], first: int, last: int) -> float:
    """Return the mean of the weeks with data, from ``first`` to ``last`` weeks ago."""
    return mean(counts[week] for week in range(last, first + 1) if counts[week])


@pytest.mark.slow
def test_same_day_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    for name, hour in (("one", 0), ("two", 23)):
        write_practice(tmp_path / name, NOW.replace(hour=hour), weeks=32)
    first, second = (
        {path.relative_to(top): path for path in top.rglob("*") if path.is_file()}
        for top in (tmp_path / "one", tmp_path / "two")
    )
    assert first.keys() == second.keys()
    assert len(first) > 1000
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)


@pytest.mark.slow
def test_another_seed_is_another_practice(practice: Planted, tmp_path: Path) -> None:
    other = write_practice(tmp_path, NOW, seed=7, weeks=WEEKS)
    assert (other.folder / "ana.mbox").read_bytes() != (practice.folder / "ana.mbox").read_bytes()


def test_refuses_a_naive_clock_few_weeks_and_a_folder_in_use(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zone"):
        write_practice(tmp_path / "new", NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="32 weeks"):
        write_practice(tmp_path / "new", NOW, weeks=12)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        write_practice(tmp_path, NOW)


def test_settings_name_twelve_people_and_files_that_exist(practice: Planted, settings: dict[str, Any]) -> None:
    people = settings["clinician"]
    assert len({person["key"] for person in people}) == 12
    assert {person.get("zone") for person in people} == {None, "Europe/Lisbon", "Europe/Paris"}
    assert min(person["fte"] for person in people) == 0.4
    assert max(person["fte"] for person in people) == 1.0
    assert all((practice.folder / source["path"]).exists() for source in settings["source"])
    assert {source["kind"] for source in settings["source"]} == {"ics", "mbox", "maildir", "csv"}


def test_windows_hold_every_week_and_the_bookings_ahead(settings: dict[str, Any]) -> None:
    for source in settings["source"]:
        assert source["window"]["from"] <= THIS_MONDAY - timedelta(weeks=WEEKS)
        assert source["window"]["to"] >= THIS_MONDAY + timedelta(weeks=8)


@pytest.mark.slow
def test_every_source_is_read_without_a_fault(practice: Planted) -> None:
    config = load(practice.config)
    for source in config.sources:
        first, last = source.window
        assert first is not None
        assert last is not None
        window = Window(datetime.combine(first, time(), LONDON), datetime.combine(last, time(), LONDON))
        context = Context(
            source.name,
            owners(config, source, NOW),
            window,
            classifier(config),
            Pseudonyms(bytes(32)),
            practice.folder,
            str,
        )
        batches = list(source_kind(source.kind).make(source.options, context).fetch(None))
        assert not [record for batch in batches for record in batch.rejected]
        assert sum(len(batch.records) for batch in batches) > 10, source.name


def test_calendars_are_sound(practice: Planted) -> None:
    paths = sorted(practice.folder.glob("*.ics"))
    assert len(paths) == 13
    for path in paths:
        text = path.read_bytes()
        parsed = Calendar.from_ical(text)
        assert len(parsed.walk("VEVENT")) == text.count(b"BEGIN:VEVENT") > 0
        assert not [error for part in parsed.walk() for error in part.errors]
        assert all(len(line) <= 75 for line in text.split(b"\r\n"))
        assert b"\n" not in text.replace(b"\r\n", b"")


def test_calendars_use_what_real_ones_use(practice: Planted) -> None:
    written = [entry for key in ("ana", "cleo", "kofi") for entry in entries(practice, key)]
    assert any("EXDATE" in entry for entry in written)
    assert any("INTERVAL" in entry["RRULE"] for entry in written if "RRULE" in entry)
    overrides = [entry for entry in written if "RECURRENCE-ID" in entry]
    assert any(entry["STATUS"] == "CANCELLED" for entry in overrides)
    assert any(
        entry["STATUS"] == "CONFIRMED" and entry["DTSTART"].dt != entry["RECURRENCE-ID"].dt for entry in overrides
    )
    assert {entry["DTSTART"].params.get("TZID") for entry in written} >= {"Europe/London", "Romance Standard Time"}
    assert any(re.fullmatch(r"Client [A-Z]{2}\d{2}", entry["SUMMARY"]) for entry in written)


def test_one_slot_holds_one_session(practice: Planted) -> None:
    entries = occurrences(practice, "ana")
    starts = Counter(
        entry["DTSTART"].dt for entry in entries if entry["SUMMARY"] == "Session" and entry["STATUS"] != "CANCELLED"
    )
    assert len(starts) > 400
    assert max(starts.values()) == 1


def test_nobody_has_sessions_on_leave(practice: Planted) -> None:
    for key in ("ana", "dev", "kofi"):
        entries = occurrences(practice, key, ahead=8)
        away = {
            entry["DTSTART"].dt + timedelta(days=day)
            for entry in entries
            if entry["SUMMARY"] == "Annual leave"
            for day in range((entry["DTEND"].dt - entry["DTSTART"].dt).days)
        }
        held = {entry["DTSTART"].dt.date() for entry in entries if "Client" in entry["SUMMARY"] or "ATTENDEE" in entry}
        assert away
        assert not away & held


def test_mailboxes_hold_threads_in_their_order(practice: Planted) -> None:
    box = messages(practice, "ana")
    names = {message["Message-ID"]: message for message in box}
    assert len(names) == len(box) == (practice.folder / "ana.mbox").read_bytes().count(b"\nMessage-ID: ")
    answers = [message for message in box if message["In-Reply-To"]]
    assert len(answers) > 500
    for message in answers:
        assert sent_at(names[message["In-Reply-To"]]) < sent_at(message)
        assert re.findall(r"<[^<>]+>", message["References"])[-1] == message["In-Reply-To"]
    assert all(sent_at(earlier) <= sent_at(later) for earlier, later in pairwise(box))


def test_mail_is_of_every_sort(practice: Planted) -> None:
    box = messages(practice, "ana")
    assert {message["Date"][-5:] for message in box} == {"+0000", "+0100"}
    assert {message["Auto-Submitted"] for message in box} == {None, "auto-replied", "auto-generated"}
    assert any(message["List-Id"] for message in box)
    assert any(message["Subject"].startswith("=?utf-8?") for message in box)
    assert any("director@harbour.example" in message["From"] and sent_at(message).hour >= 19 for message in box)
    assert any(re.search(r"^>From ", str(message.get_payload()), re.MULTILINE) for message in box)


def test_a_maildir_holds_both_directions(practice: Planted) -> None:
    folder = mailbox.Maildir(practice.folder / "grace-mail", create=False)
    assert len(folder) > 100
    assert {message["From"] for message in folder.get_folder("Sent")} == {"Grace <grace@harbour.example>"}


def test_nobody_is_the_client_of_two_clinicians(practice: Planted, settings: dict[str, Any]) -> None:
    clients: dict[str, set[bytes]] = defaultdict(set)
    for person in settings["clinician"]:
        for path in practice.folder.glob(f"{person['key']}[.-]*"):
            parts = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
            clients[person["key"]].update(*(CLIENT.findall(part.read_bytes()) for part in parts))
    for row in rows(practice, "practice-system.csv"):
        clients[row["Clinician"].lower()].add(row["Client"].encode())
    assert len(clients) == 12
    assert sum(map(len, clients.values())) == len(set().union(*clients.values()))


def test_a_client_is_known_by_one_address_in_calendar_and_mail(practice: Planted) -> None:
    seen, written = (
        set(CLIENT.findall((practice.folder / f"ana.{ending}").read_bytes())) for ending in ("ics", "mbox")
    )
    assert len(seen & written) > 0.8 * len(written)


def test_what_was_planted_lies_beside_the_data(practice: Planted) -> None:
    planted = json.loads((practice.folder / "planted.json").read_text())
    stories = {story["clinician"]: story for story in planted["stories"]}
    assert stories["ana"]["week"] == "2026-W37"
    assert len(planted["stories"]) == 8
    assert all(f"| {story['week']} |" in (practice.folder / "PLANTED.md").read_text() for story in planted["stories"])


def test_anas_evenings_creep_up(practice: Planted, settings: dict[str, Any]) -> None:
    hours = settings["clinician"][0]["hours"][0]
    evenings = Counter(
        weeks_ago(sent_at(reply).date()) for reply, _ in replies(practice, "ana") if is_after(sent_at(reply), hours)
    )
    assert a_week(evenings, 3, 1) > 1.7 * a_week(evenings, WEEKS, 11)


def test_one_client_of_cleo_drifts(practice: Planted) -> None:
    client = next(story.client for story in practice.stories if story.clinician == "cleo")
    assert client is not None
    letters = [sent_at(message) for message in messages(practice, "cleo") if client in message["From"]]
    before = [sent for sent in letters if weeks_ago(sent.date()) > 14]
    after = [sent for sent in letters if 14 >= weeks_ago(sent.date()) > 0]
    assert len(after) / 14 - len(before) / (WEEKS - 14) > 1.5
    assert mean(sent.hour >= 18 for sent in after) > 0.5
    single = [entry for entry in entries(practice, "cleo") if entry["UID"].startswith("single")]
    assert 5 <= len(single) <= 8
    assert all(f"mailto:{client}" in entry["ATTENDEE"] for entry in single)


def test_bens_sessions_run_over(practice: Planted) -> None:
    by_week = calls(practice, "ben")
    before = [overrun(call) for week in range(11, WEEKS + 1) for call in by_week[week]]
    after = [overrun(call) for week in range(1, 5) for call in by_week[week]]
    assert 2 < mean(after) - mean(before) < 4
    assert abs(mean(before) - 1) < 0.6


def test_devs_days_are_overfull(practice: Planted) -> None:
    by_week = calls(practice, "dev")
    sessions = Counter({week: len(held) for week, held in by_week.items()})
    saturdays = Counter(
        week
        for week, held in by_week.items()
        for call in held
        if date.fromisoformat(call["Joined"][:10]).weekday() == 5
    )
    assert a_week(sessions, 16, 1) > 1.2 * a_week(sessions, WEEKS, 19)
    assert not [week for week in saturdays if week > 18]
    assert a_week(saturdays, 16, 1) > 1.5
    sent = [message for message in messages(practice, "dev") if "dev@" in message["From"]]
    nights = Counter(weeks_ago(sent_at(message).date()) for message in sent if sent_at(message).hour in {22, 23})
    assert sum(nights[week] for week in range(1, 19)) > 2 * sum(nights[week] for week in range(19, 37))


def test_esi_is_there_less_later_and_shorter(practice: Planted) -> None:
    visits = [row for row in rows(practice, "practice-system.csv") if row["Clinician"] == "Esi"]
    starts = [datetime.strptime(row["Start"], "%d/%m/%Y %H:%M").replace(tzinfo=LONDON) for row in visits]
    then = [row for row, start in zip(visits, starts, strict=True) if weeks_ago(start.date()) > 16]
    now = [row for row, start in zip(visits, starts, strict=True) if 10 >= weeks_ago(start.date()) > 0]
    assert _share(now, "Clinician Cancelled") > 0.08 > 2 * _share(then, "Clinician Cancelled")
    assert _ended_early(now) > 0.2 > 2 * _ended_early(then)
    assert _held(now) / 10 < 0.8 * _held(then) / (WEEKS - 16)
    waits: dict[bool, list[float]] = {True: [], False: []}
    for reply, question in replies(practice, "esi"):
        waits[weeks_ago(sent_at(question).date()) > 16].append((sent_at(reply) - sent_at(question)).total_seconds())
    assert median(waits[False]) > 1.4 * median(waits[True])


def _share(visits: list[dict[str, str]], status: str) -> float:
    return mean(visit["Status"] == status for visit in visits)


def _held(visits: list[dict[str, str]]) -> int:
    return sum(visit["Status"] == "Show" for visit in visits)


def _ended_early(visits: list[dict[str, str]]) -> float:
    ends = [
        tuple(datetime.strptime(visit[name], "%d/%m/%Y %H:%M").replace(tzinfo=UTC) for name in ("End", "Actual end"))
        for visit in visits
        if visit["Actual end"]
    ]
    return mean(actual <= booked - timedelta(minutes=5) for booked, actual in ends)


def test_farid_is_back_from_six_weeks_of_leave(practice: Planted) -> None:
    by_week = calls(practice, "farid")
    assert not [week for week in range(6, 12) if by_week[week]]
    assert all(by_week[week] for week in (1, 2, 3, 4, 5))
    leave = [entry for entry in entries(practice, "farid") if entry["SUMMARY"] == "Leave"]
    assert [(entry["DTSTART"].dt, entry["DTEND"].dt) for entry in leave] == [(date(2026, 8, 31), date(2026, 10, 10))]


def test_lena_began_ten_weeks_ago(practice: Planted, settings: dict[str, Any]) -> None:
    assert settings["clinician"][-1]["starts"] == THIS_MONDAY - timedelta(weeks=10)
    assert max(calls(practice, "lena")) in {9, 10}


def test_half_of_ines_ends_are_known_and_none_of_kofis(practice: Planted) -> None:
    entries = occurrences(practice, "ines")
    held = [entry for entry in entries if entry["SUMMARY"] == "Session" and entry["STATUS"] == "CONFIRMED"]
    assert 0.4 < len(rows(practice, "ines-calls.csv")) / len(held) < 0.6
    assert not (practice.folder / "kofi-calls.csv").exists()
