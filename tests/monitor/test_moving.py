"""A clinician who moves from Lisbon to New York: every time is local to the place of residence at that moment."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from connectors.records import Kind
from monitor import notices
from monitor.analysis.calendar import date_of
from monitor.analysis.clock import local_day, local_time
from monitor.analysis.frames import Frames
from monitor.config import Config
from monitor.readiness import readiness_of
from monitor.store.database import opened
from monitor.store.notices import NoticeRow
from monitor.weekly_report import evidence_rows, figures, sentences
from monitor.weekly_report.figures import Highlights
from tests.monitor.facts import Row, actual_times, clinician, day, event, frames, instant, message
from tests.monitor.practices import WrittenPractice

WEEK = day("2026-03-02")
LISBON, NEW_YORK = "Europe/Lisbon", "America/New_York"
MOVER = clinician(zone=LISBON, moves={"2026-03-05": NEW_YORK})


def session(start: str, end: str, zone: str, uid: str = "") -> Row:
    return event(start, end, client=1, zone=zone, uid=uid)


def moved(*more: Row) -> Frames:
    sessions = [
        session("2026-03-02 10:00", "2026-03-02 10:50", LISBON, "before"),
        session("2026-03-06 10:00", "2026-03-06 10:50", NEW_YORK, "after"),
        session("2026-03-10 09:00", "2026-03-10 09:50", NEW_YORK),
    ]
    times = [  # as a clock in Berlin shows them
        actual_times("2026-03-02 11:00", "2026-03-02 11:58", uid="before"),
        actual_times("2026-03-06 16:00", "2026-03-06 16:52", uid="after"),
    ]
    mail = [message("2026-03-03 18:30", zone=LISBON), message("2026-03-03 21:40", out=True, zone=LISBON)]
    return frames(MOVER, entries=[*sessions, *more], times=times, mail=mail, as_of="2026-03-10 12:00")


def rows(key: str) -> list[tuple[str, ...]]:
    row = NoticeRow(WEEK, "worth a look", "availability", key, 1.8, 1.3, 2.4, WEEK)
    return list(evidence_rows.evidence_table(moved(), row, WEEK, {}).rows)


def test_a_reply_is_shown_at_the_hour_at_which_it_was_written() -> None:
    assert [sent for sent, *_ in rows("after_hours_replies")] == ["Tue 21:40"]


def test_sessions_end_and_begin_by_the_local_clock() -> None:
    ends = figures.session_ends(moved(), WEEK, Highlights())

    assert ends is not None
    assert [booked for booked, *_ in rows("overrun_minutes")] == ["Mon 10:50"]
    assert [f"{end.booked_end:%H:%M}" for of_day in ends.days for end in of_day.ends] == ["10:50", "10:50"]
    assert sentences.looking_ahead(moved(), WEEK) == ("1 session booked, the first on Tuesday at 09:00.",)


@pytest.mark.parametrize("zone", [LISBON, NEW_YORK])
def test_leave_begins_on_its_own_day(zone: str) -> None:
    away = event("2026-03-16 00:00", "2026-03-21 00:00", kind=Kind.LEAVE, all_day=True, zone=zone)

    assert sentences.protective_facts(moved(away), WEEK, {})[-1] == "Leave is booked from Monday, 16 March."


@pytest.mark.parametrize(
    ("instant", "today"),
    [
        (datetime(2026, 3, 4, 23, 30, tzinfo=UTC), date(2026, 3, 4)),
        (datetime(2026, 3, 5, 3, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 5, 6, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 7, 4, tzinfo=UTC), date(2026, 3, 6)),
    ],
)
def test_today_is_the_local_day_of_the_current_residence(instant: datetime, today: date) -> None:
    assert local_day(MOVER, instant) == today
    assert local_time(MOVER, instant.timestamp()) == instant


def test_a_future_move_changes_no_week_yet(practice: WrittenPractice) -> None:
    config: Config = practice.config
    monday = datetime(2026, 3, 2, 5, tzinfo=UTC)  # a new week has begun in Lisbon, and has not in New York

    with opened(config.database) as store, store.read() as connection:
        weeks = [
            date_of(readiness_of(config, connection, person, monday).last_week)
            for person in (MOVER, clinician(zone=NEW_YORK))
        ]
    assert weeks == [date(2026, 2, 23), date(2026, 2, 16)]


def test_an_answer_belongs_to_the_local_day_on_which_it_was_given() -> None:
    late = instant("2026-03-06 22:00", NEW_YORK)  # the next day in Greenwich
    row = NoticeRow(WEEK, "worth a look", "load", "contact_hours", 1, 1, 1, WEEK, answer="not_now", answered_at=late)

    assert notices.answered_on(row, MOVER) == day("2026-03-06")
    assert [notices.is_open(row, day("2026-03-06") + after, MOVER) for after in (27, 28)] == [False, True]
