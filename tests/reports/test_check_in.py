from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

from reports import charts, check_in, readings, tables
from reports.private import CheckInReport
from tests.reports import private_samples as samples
from tests.reports.pages import Element, read

REPORTS = {"year": samples.check_in, "first": samples.first_check_in}


def html(report: CheckInReport) -> str:
    return check_in.html(report, actions="/me/check-in", csrf_token="t0ken")


@cache
def page(name: str) -> Element:
    return read(html(REPORTS[name]()))


def test_a_sheet_asks_every_question_once_with_every_answer() -> None:
    form = next(f for f in page("first").all("form") if f.attributes["action"] == "/me/check-in/thirty")
    asked = [
        (i.attributes["name"], i.attributes["value"]) for i in form.all("input") if i.attributes["type"] == "radio"
    ]

    assert asked == [(f"q{item}", str(answer)) for item in range(1, 31) for answer in range(1, 6)]
    assert [legend.words() for legend in form.all("legend")] == [f"Question {item}" for item in range(1, 31)]


def test_a_sheet_that_has_to_wait_says_until_when_and_has_no_form() -> None:
    actions = {form.attributes["action"] for form in page("year").all("form")}

    assert actions == {"/me/check-in/one", "/me/check-in/sixteen", "/me/check-in/thirty/2026-03-02/remove"}
    assert "You can answer it again from 1 April 2026." in page("year").words()


def test_the_numbers_of_the_figure_are_the_drawn_ones() -> None:
    shown = samples.beside()
    rows = {row[0]: row[1:] for row in tables.beside(shown).rows}
    said = [use.all("title")[0].words() for use in read(charts.beside(shown, "k")).all("use") if use.all("title")]

    assert len(rows) == 52
    assert sum(cell != "–" for row in rows.values() for cell in row) == len(said)
    assert rows["15 December 2025"] == ("41", "–", "–", "55 min", "1.5 min", "–")
    assert "Compassion satisfaction, 20 December: 41, moderate" in said
    assert "Exhaustion, 10 November: 2.6" in said


def test_two_answers_in_a_week_are_both_in_its_row() -> None:
    shown = samples.beside()
    (day, value), *_ = shown.felt[0].points
    twice = replace(shown.felt[0], points=((day, value), (day + timedelta(days=1), 30.0)))

    table = tables.beside(replace(shown, felt=(twice,), measured=()))

    assert [row[1] for row in table.rows if row[1] != "–"] == ["41, 30"]


def test_a_fine_line_leads_from_each_day_of_answers_through_each_measure() -> None:
    shown = samples.beside()
    days = {day for felt in shown.felt for day, _ in felt.points}
    svg = read(charts.beside(shown, "k"))

    fine = [p for p in svg.all("path") if p.attributes.get("class") == "s-slate-2" and p.attributes["d"].count("M") > 1]

    assert [p.attributes["d"].count("M") for p in fine] == [len(days)] * len(shown.measured)


def test_a_week_without_a_value_breaks_the_line() -> None:
    svg = charts.beside(samples.beside(), "k")

    assert len(re.findall(r'class="s-teal-2" stroke-width="1.5"', svg)) == 3 + 1  # outside hours has two gaps


def test_neither_a_band_nor_a_value_is_made_up() -> None:
    exhaustion, replies = samples.beside().felt[2], samples.beside().measured[2]

    assert readings.band(exhaustion, 4.0) == ""
    assert readings.last_measured(replies, samples.beside().weeks) == ("–", "no value")


def test_nothing_on_it_is_amber() -> None:
    assert "amber" not in html(samples.check_in())
