"""A night after an answer: kept notices, excluded weeks, and unchanged pages of the director."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.analysis.calendar import day_number
from monitor.dashboard.me.patterns import patterns_report
from monitor.night import analyse
from monitor.store import analysis_records, clients, weeks
from monitor.store.database import Store, opened
from monitor.store.notices import NoticeRow, answer_notice, notices, save_notices, undo_answer
from monitor.weekly_report.report import weekly_report
from reports.models import EndState, WeeklyReport
from tests.monitor.practices import LAST_WEEK, NOW, WrittenPractice

WEEK = day_number(LAST_WEEK)
ENDS = NoticeRow(WEEK, "worth a look", "sessions running over", "overrun_minutes", 1.5, 0.4, 2.6, WEEK - 7)
LOAD = NoticeRow(WEEK, "worth a look", "load", "contact_hours", 1.2, 1.1, 1.4, WEEK - 7)


def notices_after_night(store: Store, practice: WrittenPractice) -> list[NoticeRow]:
    """Return Ana's notices after one more night."""
    list(analyse(practice.config, store, now=NOW))
    with store.read() as connection:
        return [row for row in notices(connection, "ana") if row.tier != "line"]


def answer_(store: Store, notice: NoticeRow, answer: str, until: int | None = None) -> None:
    """Store this notice for Ana and answer it."""
    with store.write() as connection:
        save_notices(connection, "ana", [notice])
        number = next(row.id for row in notices(connection, "ana") if row.family == notice.family)
        assert answer_notice(connection, "ana", number, answer, int(NOW.timestamp()), until=until)


def values(store: Store, wing: str, key: str) -> dict[int, float | None]:
    read = weeks.wellbeing_weeks if wing == "wellbeing" else weeks.workload_weeks
    with store.read() as connection:
        return {week: value for _, week, name, value, _, _ in read(connection, ["ana"], 0, WEEK) if name == key}


def report(store: Store, practice: WrittenPractice) -> WeeklyReport:
    ana = next(person for person in practice.config.clinicians if person.key == "ana")
    return weekly_report(practice.config, store, ana, LAST_WEEK, now=NOW)


def test_an_answered_notice_outlasts_the_numbers_and_an_open_one_does_not(practice: WrittenPractice) -> None:
    with opened(practice.config.database) as store:
        answer_(store, ENDS, "noted")
        with store.write() as connection:
            save_notices(connection, "ana", [ENDS, LOAD])
        assert [(row.family, row.answer) for row in notices_after_night(store, practice)] == [
            ("sessions running over", "noted")
        ]
        assert [(row.family, row.answer) for row in notices_after_night(store, practice)] == [
            ("sessions running over", "noted")
        ]


@pytest.mark.parametrize("answer", ["planned", "needed", "wrong"])
def test_what_was_an_exception_leaves_the_persons_numbers_and_comes_back_with_the_answer(
    practice: WrittenPractice, answer: str
) -> None:
    with opened(practice.config.database) as store:
        before = values(store, "wellbeing", "overrun_minutes")
        answer_(store, ENDS, answer)
        (answered,) = notices_after_night(store, practice)
        during = values(store, "wellbeing", "overrun_minutes")
        with store.write() as connection:
            assert undo_answer(connection, "ana", answered.id, int(NOW.timestamp()))
        list(analyse(practice.config, store, now=NOW))
        assert values(store, "wellbeing", "overrun_minutes") == before

    assert before[WEEK] is not None
    assert [week for week in during if during[week] != before[week]] == [WEEK - 7, WEEK]
    assert during[WEEK] is None


def test_the_directors_numbers_do_not_depend_on_answers(practice: WrittenPractice) -> None:
    with opened(practice.config.database) as store:
        before = {key: values(store, "workload", key) for key in ("weighted_load", "sessions_held")}
        answer_(store, LOAD, "planned")
        notices_after_night(store, practice)
        hours = values(store, "wellbeing", "contact_hours")
        assert {key: values(store, "workload", key) for key in before} == before

    assert (hours[WEEK], hours[WEEK - 7]) == (None, None)
    assert hours[WEEK - 14] is not None


def states(report_: WeeklyReport) -> set[EndState]:
    assert report_.ends is not None
    return {end.state for day in report_.ends.days for end in day.ends}


def test_session_ends_of_an_exception_are_drawn_hollow(practice: WrittenPractice) -> None:
    with opened(practice.config.database) as store:
        assert states(report(store, practice)) == {EndState.WITHIN, EndState.PAST}
        answer_(store, ENDS, "planned")
        notices_after_night(store, practice)
        assert states(report(store, practice)) == {EndState.WITHIN, EndState.PLANNED}


def test_an_exception_goes_on_until_its_day(practice: WrittenPractice) -> None:
    early = NoticeRow(WEEK - 28, "worth a look", "sessions running over", "overrun_minutes", 1.5, 0.4, 2.6, WEEK - 35)
    with opened(practice.config.database) as store:
        answer_(store, early, "planned", until=day_number(LAST_WEEK - timedelta(days=10)))
        notices_after_night(store, practice)
        missing_weeks = [week for week, value in values(store, "wellbeing", "overrun_minutes").items() if value is None]
        with store.read() as connection:
            ended = [row.week for row in notices(connection, "ana") if row.family == "exception ended"]

    assert missing_weeks == [WEEK - 7 * back for back in (5, 4, 3, 2)]
    assert ended == [WEEK - 14]


def test_what_was_answered_is_not_asked_again_because_two_codes_are_one_client(practice: WrittenPractice) -> None:
    now, ana = int(NOW.timestamp()), next(person for person in practice.config.clinicians if person.key == "ana")
    with opened(practice.config.database) as store:
        with store.write() as connection:
            codes = sorted(analysis_records.pseudonyms(connection, "ana"))
            first, second = codes[-2:]
            clients.set_term(connection, "ana", second, "review_on", f"{LAST_WEEK}", from_day=0, now=now)
        list(analyse(practice.config, store, now=NOW))
        with store.write() as connection:
            (due,) = (row for row in notices(connection, "ana") if row.family == "review")
            assert answer_notice(connection, "ana", due.id, "noted", now)
            clients.join_clients(connection, "ana", [first, second])
        list(analyse(practice.config, store, now=NOW))
        with store.read() as connection:
            reviews = [row for row in notices(connection, "ana") if row.family == "review"]
        page = patterns_report(practice.config, store, ana, now=NOW)

    assert [(row.id, row.answer) for row in reviews] == [(due.id, "noted")]
    assert [note.card.answer for group in page.groups for note in group.notices if note.card.notice_id == due.id]
