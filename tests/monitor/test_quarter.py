"""Tests of four weeks of a small practice with faults, and of the oracle that checks them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.quarter.__main__ import report, run_plan
from benchmarks.quarter.oracle import CommandResult, Complaint, Morning, Page, Rule, find_complaints, is_quiet
from benchmarks.quarter.plan import SHORT, Missing

BEFORE, GONE, SILENT = date(2026, 10, 7), date(2026, 10, 12), date(2026, 10, 26)
WELL = (
    "<h1>Nothing stood out this week.</h1> Week of 28 September to 4 October 2026. Complete through Sunday night. "
    "5 full days without work."
)
AFTER = WELL.replace("28 September to 4", "5 to 11")


@pytest.mark.slow
def test_no_page_reports_that_all_is_well_when_it_is_not(tmp_path: Path) -> None:
    quiet, complaints = 0, list[Complaint]()
    for morning, found_complaints in run_plan(SHORT, tmp_path):
        quiet += is_quiet(morning.texts, "jun")
        complaints += found_complaints
    assert not complaints, f"\n{report(complaints)}"
    assert quiet, "a quiet week of somebody with everything connected may say so"


def rules(day: date, person: str, page: Page, text: str) -> set[tuple[str, str]]:
    complaints = find_complaints(SHORT, Morning(day, {(person, page): text}, doctor=CommandResult(0)))
    return {
        (complaint.rule, complaint.why)
        for complaint in complaints
        if (complaint.about, complaint.where) == (person, page)
    }


def test_a_complete_quiet_week_may_be_reported_as_quiet() -> None:
    assert rules(BEFORE, "jun", Page.ME, WELL) == set()


@pytest.mark.parametrize(
    ("day", "person", "text", "rule", "why"),
    [
        (GONE, "ana", AFTER, Rule.ALL_CLEAR, Missing.CALENDAR_UNREAD),
        (GONE, "ana", AFTER, Rule.NOT_NAMED, Missing.CALENDAR_UNREAD),
        (GONE, "ana", "2 full days without work.", Rule.ALL_CLEAR, Missing.CALENDAR_UNREAD),
        (GONE, "ben", AFTER, Rule.ALL_CLEAR, Missing.NOT_COMPUTED),
        (BEFORE, "cleo", "Nothing was seen outside your agreed hours.", Rule.ALL_CLEAR, Missing.NO_CALENDAR),
        (BEFORE, "jun", "<p class='x'>Nothing has arrived.</p>", Rule.FALSE_ALARM, "all is well"),
        (GONE, "jun", WELL, Rule.NOT_LED, "the week that ended last is whole"),
    ],
)
def test_a_wrong_statement_is_a_complaint(day: date, person: str, text: str, rule: Rule, why: str) -> None:
    assert (rule, why) in rules(day, person, Page.ME, text)


def test_a_named_gap_is_no_complaint() -> None:
    text = "<h1>Your calendar has not been read since 7 October.</h1> Week of 5 to 11 October 2026."
    assert rules(GONE, "ana", Page.ME, text) == set()


def test_a_number_of_a_week_that_is_not_known_has_to_be_a_dash() -> None:
    report_text = "Your calendar was last read on 7 October.\n\nMeasure        This week\nSessions held  {}\n"
    wrong = (Rule.NUMBER, Missing.CALENDAR_UNREAD)
    assert wrong in rules(GONE, "ana", Page.WEEKLY, report_text.format("9"))
    assert wrong not in rules(GONE, "ana", Page.WEEKLY, report_text.format("–"))


BLOCK = (
    "<h1>31 August to {} 2026 · published 6 October</h1>{}<table><tr><th>{}</th><td>1.0</td><td>{}</td></tr></table>"
)


def director_rules(day: date, *parts: str) -> set[tuple[str, str]]:
    complaints = find_complaints(
        SHORT, Morning(day, {("", Page.PRACTICE): BLOCK.format(*parts)}, doctor=CommandResult(1))
    )
    return {(complaint.about, complaint.rule) for complaint in complaints if complaint.where == Page.PRACTICE}


def test_a_load_is_shown_where_a_block_has_it_and_nowhere_else() -> None:
    assert ("jun", Rule.FALSE_ALARM) not in director_rules(GONE, "27 September", "", "Jun", "11.6")
    assert ("jun", Rule.FALSE_ALARM) in director_rules(GONE, "27 September", "", "Jun", "–")
    assert ("cleo", Rule.NUMBER) in director_rules(GONE, "27 September", "", "Cleo", "11.6")
    assert ("cleo", Rule.NUMBER) not in director_rules(GONE, "27 September", "", "Cleo", "–")
    assert ("", Rule.NOT_LED) not in director_rules(GONE, "27 September", "", "Jun", "11.6")
    assert ("", Rule.NOT_LED) in director_rules(GONE, "25 October", "", "Jun", "11.6")


def test_the_director_sees_for_whom_a_block_waits() -> None:
    """On the last day but one of the plan cron has been silent since the block was over."""
    assert ("ana", Rule.NOT_NAMED) in director_rules(SILENT, "27 September", "", "Ana", "11.6")
    named = "<p>The block waits for Ana, whose caseload is not read.</p>"
    assert ("ana", Rule.NOT_NAMED) not in director_rules(SILENT, "27 September", named, "Ana", "11.6")


def test_doctor_reports_when_the_last_night_ended() -> None:
    silent = "✗ last night: the last run ended on 23 October, 04:30\n    → Check that cron runs."
    for output, code, right in ((silent, 1, True), (silent, 0, False), ("✓ last night: ended on 26 October", 0, False)):
        complaints = find_complaints(SHORT, Morning(SILENT, doctor=CommandResult(code, output)))
        assert right is not any(complaint.where == "doctor" and not complaint.about for complaint in complaints)


def test_a_source_that_was_not_read_has_no_tick() -> None:
    complaints = find_complaints(
        SHORT, Morning(GONE, doctor=CommandResult(1, "✓ source ana-calendar: 400 events\n✗ ben: not computed"))
    )
    assert Rule.TICK in {complaint.rule for complaint in complaints if complaint.about == "ana"}


def test_the_nights_exit_code_shows_what_was_not_read() -> None:
    complaints = find_complaints(
        SHORT, Morning(GONE, night=CommandResult(0, "ana-calendar: not read"), doctor=CommandResult(1))
    )
    assert Rule.EXIT in {complaint.rule for complaint in complaints if complaint.where == "nightly"}
