"""Four weeks of a small practice in which things go wrong; and the oracle that judges them, which can fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.quarter.__main__ import lived, report
from benchmarks.quarter.oracle import Complaint, Morning, Page, Ran, Rule, is_quiet, judged
from benchmarks.quarter.plan import SHORT, Missing

BEFORE, GONE, SILENT = date(2026, 10, 7), date(2026, 10, 12), date(2026, 10, 26)
WELL = (
    "<h1>Nothing stood out this week.</h1> Week of 28 September to 4 October 2026. Complete through Sunday night. "
    "5 full days without work."
)
AFTER = WELL.replace("28 September to 4", "5 to 11")


@pytest.mark.slow
def test_nothing_says_that_all_is_well_when_it_is_not(tmp_path: Path) -> None:
    quiet, complaints = 0, list[Complaint]()
    for morning, found in lived(SHORT, tmp_path):
        quiet += is_quiet(morning.said, "jun")
        complaints += found
    assert not complaints, f"\n{report(complaints)}"
    assert quiet, "a quiet week of somebody with everything connected may say so"


def rules(day: date, who: str, page: Page, said: str) -> set[tuple[str, str]]:
    found = judged(SHORT, Morning(day, {(who, page): said}, doctor=Ran(0)))
    return {(one.rule, one.why) for one in found if (one.about, one.where) == (who, page)}


def test_a_whole_quiet_week_may_say_so() -> None:
    assert rules(BEFORE, "jun", Page.ME, WELL) == set()


@pytest.mark.parametrize(
    ("day", "who", "said", "rule", "why"),
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
def test_what_must_not_be_said_is_complained_of(day: date, who: str, said: str, rule: Rule, why: str) -> None:
    assert (rule, why) in rules(day, who, Page.ME, said)


def test_what_is_named_is_not_complained_of() -> None:
    said = "<h1>Your calendar has not been read since 7 October.</h1> Week of 5 to 11 October 2026."
    assert rules(GONE, "ana", Page.ME, said) == set()


def test_a_number_of_a_week_that_is_not_known_has_to_be_a_dash() -> None:
    said = "Your calendar was last read on 7 October.\n\nMeasure        This week\nSessions held  {}\n"
    wrong = (Rule.NUMBER, Missing.CALENDAR_UNREAD)
    assert wrong in rules(GONE, "ana", Page.WEEKLY, said.format("9"))
    assert wrong not in rules(GONE, "ana", Page.WEEKLY, said.format("–"))


BLOCK = (
    "<h1>31 August to {} 2026 · published 6 October</h1>{}<table><tr><th>{}</th><td>1.0</td><td>{}</td></tr></table>"
)


def of_the_director(day: date, *told: str) -> set[tuple[str, str]]:
    found = judged(SHORT, Morning(day, {("", Page.PRACTICE): BLOCK.format(*told)}, doctor=Ran(1)))
    return {(one.about, one.rule) for one in found if one.where == Page.PRACTICE}


def test_a_load_stands_where_a_block_knows_it_and_nowhere_else() -> None:
    assert ("jun", Rule.FALSE_ALARM) not in of_the_director(GONE, "27 September", "", "Jun", "11.6")
    assert ("jun", Rule.FALSE_ALARM) in of_the_director(GONE, "27 September", "", "Jun", "–")
    assert ("cleo", Rule.NUMBER) in of_the_director(GONE, "27 September", "", "Cleo", "11.6")
    assert ("cleo", Rule.NUMBER) not in of_the_director(GONE, "27 September", "", "Cleo", "–")
    assert ("", Rule.NOT_LED) not in of_the_director(GONE, "27 September", "", "Jun", "11.6")
    assert ("", Rule.NOT_LED) in of_the_director(GONE, "25 October", "", "Jun", "11.6")


def test_the_director_is_told_for_whom_a_block_waits() -> None:
    """On the last day but one of the plan cron has been silent since the block was over."""
    assert ("ana", Rule.NOT_NAMED) in of_the_director(SILENT, "27 September", "", "Ana", "11.6")
    named = "<p>The block waits for Ana, whose caseload is not read.</p>"
    assert ("ana", Rule.NOT_NAMED) not in of_the_director(SILENT, "27 September", named, "Ana", "11.6")


def test_doctor_says_when_the_last_night_ended() -> None:
    silent = "✗ nightly run: the last one ended on 23 October, 04:30\n    → Check that cron runs."
    for said, code, right in ((silent, 1, True), (silent, 0, False), ("✓ nightly run: well", 0, False)):
        found = judged(SHORT, Morning(SILENT, doctor=Ran(code, said)))
        assert right is not any(one.where == "doctor" and not one.about for one in found)


def test_a_source_that_was_not_read_has_no_tick() -> None:
    found = judged(SHORT, Morning(GONE, doctor=Ran(1, "✓ source ana-calendar: 400 events\n✗ ben: not computed")))
    assert Rule.TICK in {one.rule for one in found if one.about == "ana"}


def test_the_night_says_by_its_exit_code_what_was_not_read() -> None:
    found = judged(SHORT, Morning(GONE, night=Ran(0, "ana-calendar: not read"), doctor=Ran(1)))
    assert Rule.EXIT in {one.rule for one in found if one.where == "nightly"}
