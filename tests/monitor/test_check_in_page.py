from __future__ import annotations

from functools import cache

from monitor.dashboard.me import check_in
from monitor.dashboard.me.check_in import CheckInReport
from tests.monitor import me_samples as samples
from tests.monitor.me_pages import main_html
from tests.reports.pages import Element, read

REPORTS = {"year": samples.check_in, "first": samples.first_check_in}


def html(report: CheckInReport) -> str:
    return main_html(lambda: check_in.render(report))


@cache
def page(name: str) -> Element:
    return read(html(REPORTS[name]()))


def test_a_form_has_every_question_once_with_every_answer() -> None:
    form = next(f for f in page("first").all("form") if f.attributes["action"] == "/me/check-in/thirty")
    inputs = [
        (i.attributes["name"], i.attributes["value"]) for i in form.all("input") if i.attributes["type"] == "radio"
    ]

    assert inputs == [(f"q{item}", str(answer)) for item in range(1, 31) for answer in range(1, 6)]
    assert [legend.words() for legend in form.all("legend")] == [f"Question {item}" for item in range(1, 31)]


def test_a_questionnaire_that_is_not_open_yet_has_a_day_and_no_form() -> None:
    actions = {form.attributes["action"] for form in page("year").all("form")}

    assert actions == {"/me/check-in/one", "/me/check-in/sixteen", "/me/check-in/thirty/2026-03-02/remove"}
    assert "You can answer it again from 1 April 2026." in page("year").words()


def test_nothing_on_the_check_in_page_is_amber() -> None:
    assert "amber" not in html(samples.check_in())
