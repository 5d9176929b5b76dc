"""Tests of keep_if_unaffected: later changes are not computed, and the numbers equal those of a full analysis.

The last week ended on Monday, 3 August 2026, at 04:00 in Berlin; it is Tuesday now.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.records import CalendarEvent, Grade, Kind, MessageStamp, SessionEvidence, Status
from monitor.compute import bring_up_to_date
from monitor.night import analyse
from monitor.notices import ANSWERS
from monitor.readiness import readiness_of
from monitor.store import clients
from monitor.store.computations import mark_dirty
from monitor.store.database import opened
from monitor.store.events import remove_events, save_events
from monitor.store.evidence import save_correction, save_evidence
from monitor.store.messages import save_messages
from tests.monitor.facts import EXAMPLES, day
from tests.monitor.test_incremental import (
    START,
    Edit,
    EditedPractice,
    answer_notice,
    let_time_pass,
    letter,
    thirty_weeks,
)

END = datetime(2026, 8, 3, 2, tzinfo=UTC)  # 04:00 in Berlin
WEEK, DAY, HOUR, MINUTE = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
LAST_THREAD = 2 * 119 + 1  # the answer that was sent last, in the last week


def entry(name: str, start: datetime, length: timedelta = 50 * MINUTE, **fields: object) -> CalendarEvent:
    event = CalendarEvent("ana", name, start, start + length, Kind.SESSION, client="K1")
    return replace(event, **fields)  # type: ignore[arg-type]


def booked(week: int, number: int) -> CalendarEvent:
    """Return a session of a week ahead: on Monday K0, on Tuesday K1, on Wednesday K2."""
    return entry(f"ahead{week}.{number}", END + week * WEEK + number * DAY + 5 * HOUR, client=f"K{number}")


BOOKED = tuple(booked(week, number) for week in range(6) for number in range(3))
BEFORE = {
    "leave": entry("leave", END - 4 * DAY + 3 * HOUR, 3 * DAY, kind=Kind.LEAVE, client=None),  # from Thursday on
    "night": entry("night", END - 30 * MINUTE, 40 * MINUTE, client="K2"),  # from Sunday to Monday
    "on call": entry("on call", END - 40 * MINUTE, 41 * MINUTE, kind=Kind.ON_CALL, client=None),
    "long": entry("long", END - 20 * MINUTE, 5 * HOUR, client="K0"),
    "eve": entry("eve", END - 110 * MINUTE, client="K3"),
    "plain": entry("plain", END - 6 * DAY + 12 * HOUR, client="K3"),  # without evidence under its name
    "off": entry("off", END - 6 * DAY + 14 * HOUR, status=Status.CANCELLED, client="K5"),  # since nobody knows when
    "seldom": entry("seldom", END - 8 * WEEK, client="K6"),
    "next": entry("next", END + 8 * DAY, client="K6"),  # which makes K6 an active client
    "blank": entry("blank", END + 9 * DAY, client=None),
    "twice": entry("twice", END + 10 * DAY, client="K7"),
    "holiday": entry("holiday", END + 20 * DAY, 5 * DAY, kind=Kind.LEAVE, client=None),
}


@contextmanager
def practice(*without: str, quiet: bool = False) -> Iterator[EditedPractice]:
    """Yield thirty weeks as read in the last of them, with the bookings ahead, and a night on the Tuesday after.

    A second address, ``post``, has only messages of clients. With ``quiet`` there is nothing in the last three weeks,
    and nothing is booked.
    """
    with TemporaryDirectory() as folder, opened(Path(folder) / "evenhours.db", create=True) as store:
        history = thirty_weeks(Path(folder), store, END - 4 * DAY)
        if quiet:
            with store.write() as connection:
                since = int((END - 3 * WEEK).timestamp())
                connection.execute("DELETE FROM event WHERE start_at > ?", (since,))
                connection.execute("DELETE FROM node WHERE sent_at > ?", (since,))
        else:
            history.show(*BOOKED, *(event for name, event in BEFORE.items() if name not in without))
            history.write(letter(6000, END - 2 * DAY - 16 * HOUR, out=True))  # on Friday, on leave
            store_times("eve", BEFORE["eve"].start, BEFORE["eve"].end + 20 * MINUTE, "eve")(history)
            store_times("orphan", BEFORE["plain"].start, BEFORE["plain"].end + 9 * MINUTE, "unknown")(history)
            store_entries(replace(BEFORE["blank"], uid_key="visit"), source="visits")(history)
        store_post_messages(*(letter(7000 + n, END - (n + 3) * DAY, out=False, client=f"K{n % 4}") for n in range(9)))(
            history
        )
        history.now = START
        history.read("calendar", "mail", "post")
        history.night()
        assert not is_anything_computed(history)
        yield history


def is_anything_computed(history: EditedPractice) -> bool:
    """Return whether a night computed anybody."""
    return bool(list(analyse(history.config, history.store, now=history.now)))


def from_scratch(history: EditedPractice) -> dict[str, list[object]]:
    """Return the numbers of a full analysis of the same records, made in a copy of the database."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        history.store.connection.execute("VACUUM INTO ?", (str(path),))
        with opened(path) as store:
            return EditedPractice(store, history.config, history.now).from_scratch()


def store_entries(*events: CalendarEvent, source: str = "calendar") -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            row = history.source(connection, source)
            mark_dirty(connection, save_events(connection, row, events, int(history.now.timestamp())))

    return edit


def remove_entry(name: str) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            row = history.source(connection, "calendar")
            mark_dirty(connection, remove_events(connection, row, [("ana", name)], int(history.now.timestamp())))

    return edit


def store_times(
    name: str, start: datetime | None, end: datetime | None, about: str | None, grade: Grade = Grade.EHR
) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            row = history.source(connection, "calendar")
            mark_dirty(
                connection, save_evidence(connection, row, [SessionEvidence("ana", name, grade, start, end, about)])
            )

    return edit


def store_post_messages(*letters: MessageStamp) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            mark_dirty(connection, save_messages(connection, history.source(connection, "post"), letters))

    return edit


def store_messages(*letters: MessageStamp) -> Edit:
    return lambda history: history.write(*letters)


def correct_end(name: str, actual_end: datetime) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            save_correction(connection, "ana", name, int(actual_end.timestamp()), 1)

    return edit


def set_term(term: str, value: str, ahead: int) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            since = day("2026-08-04") + ahead
            clients.set_term(connection, "ana", 1, term, value, from_day=since, now=int(history.now.timestamp()))

    return edit


def add_ledger_entry(kind: str, ahead: int) -> Edit:
    def edit(history: EditedPractice) -> None:
        with history.store.write() as connection:
            clients.add_ledger_entry(connection, "ana", kind, day=day("2026-08-04") + ahead, client=1, now=1)

    return edit


def in_sequence(*edits: Edit) -> Edit:
    def edit(history: EditedPractice) -> None:
        for part in edits:
            part(history)

    return edit


def change_entry(name: str, **fields: object) -> Edit:
    return store_entries(replace(BEFORE[name], **fields))  # type: ignore[arg-type]


USUAL = ("on call", "long")
REACH_BACK: dict[str, tuple[Edit, tuple[str, ...]]] = {
    "a letter of last week that comes late": (store_messages(letter(8100, END - HOUR, out=True)), USUAL),
    "a booking that was known is taken back": (remove_entry("next"), USUAL),
    "a booking that was known is moved far away": (
        change_entry("next", start=END + 50 * DAY, end=END + 51 * DAY), USUAL,
    ),
    "a booking that was known had been called off by then": (
        change_entry("next", status=Status.CANCELLED, edited_at=END - DAY), USUAL,
    ),
    "another source has a long session across the week's end": (
        store_entries(entry("other", END + 3 * HOUR, HOUR, status=Status.CANCELLED, client="K0"), source="visits"),
        ("on call",),
    ),
    "a booking that was known is no session": (change_entry("next", kind=Kind.OTHER), USUAL),
    "another source names the client of a booking that both knew": (
        store_entries(replace(BEFORE["blank"], uid_key="visit", client="K5"), source="visits"), USUAL,
    ),
    "a booking that was called off stands elsewhere at another time": (
        in_sequence(
            change_entry("twice", status=Status.CANCELLED),
            store_entries(
                replace(BEFORE["twice"], start=END + 9 * DAY + HOUR, end=END + 9 * DAY + 2 * HOUR), source="visits",
            ),
        ), USUAL,
    ),
    "leave goes on": (store_entries(entry("more", END + 4 * HOUR, 5 * DAY, kind=Kind.LEAVE, client=None)), USUAL),
    "leave that was booked is taken back": (remove_entry("holiday"), USUAL),
    "leave that was booked is put off": (change_entry("holiday", start=END + 27 * DAY, end=END + 30 * DAY), USUAL),
    "an emergency window holds at a session's end": (
        store_entries(entry("crisis", END + 5 * MINUTE, HOUR, kind=Kind.EMERGENCY, client=None)), USUAL,
    ),
    "on call at a session's end": (
        store_entries(entry("goes on", END + MINUTE, HOUR, kind=Kind.ON_CALL, client=None)), ("eve", "long"),
    ),
    "somebody did not come, for the first time": (store_entries(replace(BOOKED[0], status=Status.NO_SHOW)), USUAL),
    "called off late, for the first time": (store_entries(replace(BOOKED[0], status=Status.LATE_CANCELLED)), USUAL),
    "called off by the clinician, for the first time": (
        store_entries(replace(BOOKED[0], status=Status.CLINICIAN_CANCELLED)), USUAL,
    ),
    "the first letter from another address": (store_post_messages(letter(7100, END + DAY, out=True)), USUAL),
    "a true end after the week's": (store_times("over", None, END + 20 * MINUTE, "night"), USUAL),
    "a call that goes on after the week's end": (
        store_times("call", END + MINUTE, END + 9 * MINUTE, None, Grade.CALL), USUAL,
    ),
    "another source has a session across the week's end": (
        store_entries(entry("other", END + MINUTE, 9 * MINUTE, status=Status.CANCELLED, client="K2"), source="visits"),
        USUAL,
    ),
    "a session soon after the week's end": (store_entries(entry("soon", END + 20 * MINUTE)), ("night", *USUAL)),
    "a true time of this week names a session of before": (
        store_times("late", END + DAY, END + DAY + HOUR, "plain"), USUAL,
    ),
    "an entry of this week has the name to which earlier evidence refers": (
        store_entries(entry("unknown", END + DAY)), USUAL,
    ),
    "an end after the week's, corrected": (correct_end("night", END + 30 * MINUTE), USUAL),
    "a term from next month on, the first of its kind": (set_term("trauma", "yes", 30), USUAL),
    "an entry of the ledger ahead, the first": (add_ledger_entry("exception", 30), USUAL),
}  # fmt: skip
"""Records dated after the last week that change its numbers, and the entries that have to be absent for that."""


@pytest.mark.parametrize("name", REACH_BACK)
def test_a_change_that_affects_the_last_week_is_computed(name: str) -> None:
    edit, without = REACH_BACK[name]
    with practice(*without) as history:
        before = history.numbers()
        edit(history)
        expected = from_scratch(history)
        history.night()

        assert (history.numbers() == expected, before == expected) == (True, False)


@pytest.mark.parametrize(
    "edit",
    [store_messages(letter(8000, END + DAY, out=True)), store_entries(entry("again", END + DAY))],
    ids=["letter", "session"],
)
def test_a_record_after_a_silence_makes_the_weeks_before_known(edit: Edit) -> None:
    with practice(quiet=True) as history:
        before = history.numbers()
        edit(history)
        expected = from_scratch(history)
        history.night()

        assert (history.numbers() == expected, before == expected) == (True, False)


def thread(key: int, sent_at: datetime, *, out: bool) -> MessageStamp:
    """Return a message of the thread that was written in last."""
    return replace(letter(key, sent_at, out=out, client="K3"), thread_nodes=(key, LAST_THREAD))


AFTER: dict[str, Edit] = {
    "a letter": store_messages(letter(8000, END + DAY, out=False)),
    "an answer to a letter of last week": store_messages(thread(8000, END + DAY, out=True)),
    "an answer whose name becomes that of the thread": store_messages(thread(-8000, END + DAY, out=True)),
    "a booking": store_entries(entry("later", END + 20 * DAY)),
    "true times of this week": store_times("monday", BOOKED[0].start, BOOKED[0].end + 7 * MINUTE, BOOKED[0].uid_key),
    "a session of this week that was called off": store_entries(replace(BOOKED[1], status=Status.CANCELLED)),
    "a meeting": store_entries(entry("team", END + DAY, kind=Kind.OTHER, client=None)),
}


@pytest.mark.parametrize("name", AFTER)
def test_a_later_change_is_not_computed_and_the_numbers_are_current(name: str) -> None:
    with practice(*USUAL) as history:
        history.now += 20 * HOUR
        history.read("calendar", "mail", "post")
        AFTER[name](history)
        expected = from_scratch(history)

        assert not is_anything_computed(history)
        assert history.numbers() == expected
        with history.store.read() as connection:
            ready = readiness_of(history.config, connection, history.config.clinicians[0], history.now)
        assert (ready.is_current, ready.computation.computed_at) == (True, int(history.now.timestamp()))
        assert ready.fresh_to == int(history.now.timestamp())


def test_a_page_computes_no_more_than_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(*USUAL) as history:
        AFTER["a letter"](history)
        monkeypatch.setattr("monitor.compute.compute", lambda *_, **__: pytest.fail("computed"))

        assert bring_up_to_date(history.config, history.store, history.config.clinicians[0], now=history.now).is_current


def test_a_failed_computation_is_repeated() -> None:
    with practice(*USUAL) as history:
        AFTER["a letter"](history)
        with history.store.write() as connection:
            connection.execute("UPDATE computation SET failed_at = 1, error = 'ValueError'")

        assert is_anything_computed(history)


def test_on_monday_everybody_is_computed() -> None:
    with practice(*USUAL) as history:
        history.now += 6 * DAY
        history.read("calendar", "mail", "post")

        assert is_anything_computed(history)


numbered, days = st.integers(0, 8), st.integers(0, 40)
instants = st.builds(lambda n, minutes: END + n * DAY + minutes * MINUTE, st.integers(-3, 30), st.integers(-60, 1440))
people = st.sampled_from(["K0", "K1", "K6", "K7", "K9", None])
kinds = st.sampled_from([Kind.SESSION, Kind.SESSION, Kind.LEAVE, Kind.ON_CALL, Kind.EMERGENCY, Kind.BUSY, Kind.OTHER])
entries = st.builds(
    lambda name, start, length, kind, client, status, all_day: entry(
        name, start, length * MINUTE, kind=kind, client=client, status=status, all_day=all_day
    ),
    st.sampled_from([*BEFORE, *(event.uid_key for event in BOOKED[:6]), "new", "s118"]), instants,
    st.sampled_from([10, 50, 600, 5000]), kinds, people, st.sampled_from(Status), st.booleans(),
)  # fmt: skip
letters = st.builds(
    lambda key, sent_at, out, client, of_thread: replace(
        letter(key, sent_at, out=out, client=client), thread_nodes=(key, of_thread) if of_thread else (key,)
    ),
    st.integers(-4, 4).map(lambda n: 9000 * n + 5), instants, st.booleans(), st.sampled_from(["K1", "K3", "K9"]),
    st.sampled_from([0, LAST_THREAD, LAST_THREAD - 7, 7003]),
)  # fmt: skip
edits = st.one_of(
    st.builds(store_entries, entries, source=st.sampled_from(["calendar", "calendar", "visits"])),
    st.builds(remove_entry, st.sampled_from([*BEFORE, *(event.uid_key for event in BOOKED)])),
    st.builds(store_messages, letters),
    st.builds(store_post_messages, letters),
    st.builds(
        store_times, st.sampled_from(["orphan", "eve", "t118", "new"]), st.none() | instants, instants,
        st.none() | st.sampled_from([*BEFORE, "s118", "ahead0.0"]), st.sampled_from(Grade),
    ),
    st.builds(correct_end, st.sampled_from([*BEFORE, "s118"]), instants),
    st.builds(
        set_term, st.sampled_from(["trauma", "emergency"]), st.sampled_from(["yes", "no"]), days
    ),
    st.builds(set_term, st.just("standing"), st.sampled_from(["not_a_client", "discharged", "client"]), days),
    st.builds(add_ledger_entry, st.sampled_from(["exception", "gift"]), days),
    st.builds(answer_notice, st.integers(0, 3), st.sampled_from(sorted(ANSWERS)), st.none() | st.integers(0, 60)),
    st.builds(let_time_pass, st.integers(1, 30), st.sampled_from([(), ("calendar", "mail", "post")])),
)  # fmt: skip


@settings(max_examples=max(EXAMPLES // 4, 5))
@given(st.lists(edits, min_size=1, max_size=4), st.booleans())
def test_after_changes_of_any_date_each_night_stores_the_numbers_of_a_full_analysis(
    chosen: list[Edit],
    quiet: bool,  # noqa: FBT001
) -> None:
    with practice(*USUAL, quiet=quiet) as history:
        for edit in chosen:
            edit(history)
            expected = from_scratch(history)
            history.night()

            assert history.numbers() == expected


def test_an_error_in_the_checksum_fails_that_clinician_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(*USUAL) as history:
        AFTER["a letter"](history)
        monkeypatch.setattr("monitor.compute.upcoming_checksum", lambda *_: 1 / 0)
        failed: dict[str, Exception] = {}

        assert list(analyse(history.config, history.store, now=history.now, failed=failed.__setitem__)) == []
        assert list(map(type, failed.values())) == [ZeroDivisionError]
