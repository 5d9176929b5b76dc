"""Notices and their answers in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.store import computations
from monitor.store.database import Store, opened
from monitor.store.exports import answers
from monitor.store.notices import NoticeRow, Signal, answer_notice, notices, save_notices, undo_answer
from tests.monitor.facts import day

WEEK = day("2026-03-02")
NOTICE = NoticeRow(WEEK, "worth a look", "availability", "after_hours_replies", 1.8, 1.3, 2.4, WEEK - 35)
LINE = NoticeRow(WEEK, "line", "rest", "short_rests", None, None, None, WEEK, measured=3)
SIGNALS = (
    Signal("reply_minutes_working", 1.6, 1.1, 2.2, WEEK - 14),
    Signal("shortened_share", 1.4, 1.0, 2.0, WEEK - 7),
)
WITHDRAWAL = NoticeRow(
    WEEK + 7, "worth a look", "withdrawal", SIGNALS[0].key, 1.6, 1.1, 2.2, WEEK - 14, signals=SIGNALS
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "evenhours.db", create=True) as fresh:
        yield fresh


def saved(store: Store, *rows: NoticeRow, clinician: str = "ana") -> list[NoticeRow]:
    """Return what is stored after these notices were detected."""
    with store.write() as connection:
        save_notices(connection, clinician, rows)
        return notices(connection, clinician)


def answered(store: Store, notice: NoticeRow, answer: str, now: int, until: int | None = None) -> NoticeRow:
    """Return the notice after it was answered."""
    with store.write() as connection:
        assert answer_notice(connection, "ana", notice.id, answer, now, until=until)
        return next(row for row in notices(connection, "ana") if row.id == notice.id)


def test_stored_notices_are_read_back(store: Store) -> None:
    rows = saved(store, NOTICE, LINE, WITHDRAWAL)

    assert [replace(row, id=0) for row in rows] == [NOTICE, LINE, WITHDRAWAL]
    assert saved(store, NOTICE, clinician="ben") != rows


def test_saving_the_same_again_changes_nothing(store: Store) -> None:
    with store.write() as connection:
        assert save_notices(connection, "ana", [NOTICE, LINE, WITHDRAWAL]) == 3
        assert save_notices(connection, "ana", [WITHDRAWAL, LINE, NOTICE]) == 0
        assert save_notices(connection, "ana", [WITHDRAWAL, replace(NOTICE, ratio=1.7), LINE]) == 1
        assert save_notices(connection, "ana", [replace(WITHDRAWAL, signals=SIGNALS[:1]), LINE]) == 2


def test_an_open_notice_goes_with_its_numbers_and_an_answered_one_stays(store: Store) -> None:
    first, line, last = saved(store, NOTICE, LINE, WITHDRAWAL)
    answered_notice = answered(store, first, "noted", 1)

    assert saved(store) == [answered_notice]
    assert answered_notice == replace(first, answer="noted", answered_at=1)
    assert {row.id for row in saved(store, LINE, WITHDRAWAL)}.isdisjoint({line.id, last.id})


def test_of_several_answers_the_last_counts_and_all_are_kept(store: Store) -> None:
    (notice,) = saved(store, NOTICE)
    answered(store, notice, "noted", 5)
    assert answered(store, notice, "planned", 5, until=WEEK + 30) == replace(
        notice, answer="planned", answered_at=5, until=WEEK + 30
    )
    answers = store.connection.execute("SELECT answer FROM answer ORDER BY id").fetchall()
    assert answers == [("noted",), ("planned",)]


def test_an_answer_taken_back_leaves_the_notice_open_and_is_kept_too(store: Store) -> None:
    (notice,) = saved(store, NOTICE)
    answered(store, notice, "noted", 5)
    answered(store, notice, "wrong", 6)
    with store.write() as connection:
        assert not undo_answer(connection, "ben", notice.id, 7)
        assert undo_answer(connection, "ana", notice.id, 7)
        assert not undo_answer(connection, "ana", notice.id, 8)
        assert notices(connection, "ana") == [notice]
    assert store.connection.execute("SELECT undone_at FROM answer").fetchall() == [(7,), (7,)]
    assert saved(store) == [notice]


def test_only_the_clinician_of_a_notice_can_answer_it(store: Store) -> None:
    (notice,) = saved(store, NOTICE)
    saved(store, NOTICE, clinician="ben")
    with store.write() as connection:
        assert not answer_notice(connection, "ben", notice.id, "noted", 1)
        assert not answer_notice(connection, "ana", 99, "noted", 1)
        assert notices(connection, "ana") == [notice]


def test_an_answer_has_the_numbers_computed_again_from_the_change_on(store: Store) -> None:
    (notice,) = saved(store, NOTICE)
    answered(store, notice, "wrong", 5)

    assert computations.dirty(store.connection) == {"ana": NOTICE.since * 86_400}


def test_answers_are_counted_by_family(store: Store) -> None:
    first, *_ = saved(store, NOTICE, replace(NOTICE, week=WEEK + 70), LINE)
    answered(store, first, "noted", 5)

    assert [tuple(row.values()) for row in answers(store.connection, "ana", WEEK, WEEK + 100)] == [
        ("ana", "line", "rest", None, 1),
        ("ana", "worth a look", "availability", None, 1),
        ("ana", "worth a look", "availability", "noted", 1),
    ]
    assert [row["number"] for row in answers(store.connection, "ana", WEEK + 7, WEEK + 100)] == [1]
    assert list(answers(store.connection, "ben", WEEK, WEEK + 100)) == []


def test_two_rule_notices_of_a_week_with_different_topics_are_two(store: Store) -> None:
    due = [replace(LINE, family="review", key="", topic=term) for term in ("modified_until", "review_on")]
    first, second = saved(store, *due)

    answered(store, first, "noted", 5)

    assert [(row.topic, row.answer) for row in saved(store, *due)] == [("modified_until", "noted"), ("review_on", None)]
    assert second.id != first.id
