"""The check-in page: answering a questionnaire, the days between two, the comparison with the weeks, and erasing."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.analysis.questionnaires import PROQOL
from monitor.store.selfreport import check_ins
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.reports.pages import read, visible

HERE = "/me/check-in"


def answer(client: FlaskClient, key: str, answers: dict[int, int], **more: str) -> str:
    """Send the answers to a questionnaire and return the message on the next page."""
    page = send(client, key, answers, **more)
    assert page.status_code == 200
    return message_text(page)


def send(client: FlaskClient, key: str, answers: dict[int, int], **more: str) -> TestResponse:
    form = {f"q{item}": str(number) for item, number in answers.items()}
    token = csrf_token_of(client.get("/help"))
    return client.post(f"{HERE}/{key}", data={**form, **more, "csrf_token": token}, follow_redirects=True)


def message_text(page: TestResponse) -> str:
    return next((line.words() for line in read(page.text).all("p", "message")), "")


def proqol(value: int, **left_out: int) -> dict[int, int]:
    return {item: value for item in PROQOL.items if item not in left_out.values()}


def test_no_page_asks_for_a_check_in(pages: DashboardPages) -> None:
    page = pages.signed_in("ana").get(HERE)

    assert read(page.text).all("svg", "chart") == []
    assert "What you answered" not in visible(page.text)
    assert "Single answers are added up and not stored." in visible(page.text)
    assert visible(pages.signed_in("ana").get("/me/").text).lower().count("check-in") == 1  # in the navigation


def test_a_questionnaire_is_scored_saved_and_drawn_beside_the_weeks(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")

    message = answer(ana, "proqol5", proqol(3) | {1: 5})

    results = "Compassion satisfaction 30, moderate · Burnout 28, moderate · Secondary traumatic stress 30, moderate"
    assert message == f"Saved for 18 November 2026: {results}."
    page = read(ana.get(HERE).text)
    assert results in page.words()
    drawn = [use.all("title")[0].words() for use in page.all("svg", "chart")[0].all("use") if use.all("title")]
    assert "Burnout, 18 November: 28, moderate" in drawn
    assert "Sessions held, week of 9 November: 20" in drawn


def test_only_the_numbers_of_the_scales_are_stored(pages: DashboardPages) -> None:
    answer(pages.signed_in("ana"), "proqol5", proqol(3))

    (check_in,) = check_ins(pages.store.connection, "ana")
    assert check_in.results == {"satisfaction": 30, "burnout": 30, "trauma": 30}
    assert pages.store.connection.execute("SELECT count(*) FROM self_report").fetchone() == (3,)


def test_a_form_with_a_gap_is_shown_again_as_it_was_filled_in(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    page = send(ana, "proqol5", proqol(2, one=8) | {1: 5})

    assert page.status_code == 422
    gap = "Question 8 has no answer yet; without it Burnout gets no number."
    assert message_text(page) == f"Nothing is saved yet. {gap}"
    assert check_ins(pages.store.connection, "ana") == []
    form = next(
        form for form in read(page.text).all("form") if form.attributes["action"] == f"{pages.root}{HERE}/proqol5"
    )
    ticked = {i.attributes["name"]: i.attributes["value"] for i in form.all("input") if "checked" in i.attributes}
    assert ticked == {f"q{item}": "5" if item == 1 else "2" for item in PROQOL.items if item != 8}
    assert [i.attributes["name"] for i in form.all("input") if "autofocus" in i.attributes] == ["q8"]
    assert [button.words() for button in form.all("button")] == ["Save my answers", "Save without the rest"]
    assert [d.attributes for d in read(page.text).all("details") if form in d.all("form")] == [{"open": ""}]


def test_a_scale_with_a_question_left_out_gets_no_number(pages: DashboardPages) -> None:
    message = answer(pages.signed_in("ana"), "proqol5", proqol(2, one=8), without="yes")

    assert message.startswith("Saved for 18 November 2026: Compassion satisfaction 20, low")
    (check_in,) = check_ins(pages.store.connection, "ana")
    assert check_in.results.keys() == {"satisfaction", "trauma"}


@pytest.mark.parametrize(
    ("answers", "gap"),
    [
        ({}, "No question has an answer yet."),
        (
            proqol(2, one=1, two=2, three=3),
            "Questions 1, 2 and 3 have no answer yet; without them there is no number for ",
        ),
    ],
)
@pytest.mark.parametrize("more", [{}, {"without": "yes"}])
def test_a_form_without_any_number_is_not_saved(
    pages: DashboardPages, answers: dict[int, int], gap: str, more: dict[str, str]
) -> None:
    page = send(pages.signed_in("ana"), "proqol5", answers, **more)

    assert page.status_code == 422
    assert message_text(page).startswith(f"Nothing is saved yet. {gap}")
    assert "Save without the rest" not in page.text
    assert check_ins(pages.store.connection, "ana") == []


def test_thirty_days_have_to_pass(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    answer(ana, "proqol5", proqol(3))

    assert "You can answer it again from 18 December 2026." in visible(ana.get(HERE).text)
    assert answer(ana, "proqol5", proqol(4)).startswith("Nothing was saved: you can answer ProQOL 5 again from 18 Dec")
    pages.clock.advance(days=29)
    ana = pages.signed_in("ana")
    assert answer(ana, "proqol5", proqol(4)).startswith("Nothing was saved")
    pages.clock.advance(days=1)
    ana = pages.signed_in("ana")
    assert answer(ana, "proqol5", proqol(4)).startswith("Saved for 18 December 2026")


def test_the_single_question_waits_for_nothing_but_the_next_day(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")

    assert answer(ana, "single", {1: 3}) == (
        "Saved for 18 November 2026: Burnout, by your own definition 3, at the mark or over."
    )
    assert answer(ana, "single", {1: 2}).startswith("Nothing was saved")
    pages.clock.advance(days=1)
    assert answer(pages.signed_in("ana"), "single", {1: 2}).startswith("Saved for 19 November 2026")


def test_the_inventory_of_sixteen_is_two_means(pages: DashboardPages) -> None:
    message = answer(pages.signed_in("ana"), "olbi", dict.fromkeys(range(1, 17), 2) | {3: 1})

    assert message == "Saved for 18 November 2026: Disengagement 2.6 · Exhaustion 2.5."


def test_an_entry_is_erased_by_its_owner(pages: DashboardPages) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    answer(ana, "single", {1: 3})
    address = f"{HERE}/single/2026-11-18/remove"

    assert ben.post(address, data={"csrf_token": csrf_token_of(ben.get(HERE))}).status_code == 404
    assert "Burnout, by your own definition 3" in visible(ana.get(HERE).text)
    assert ana.post(address, data={"csrf_token": csrf_token_of(ana.get(HERE))}).status_code == 303
    assert "Burnout, by your own definition 3" not in visible(ana.get(HERE).text)
    assert "Burnout, by your own definition" not in visible(ben.get(HERE).text)


@pytest.mark.parametrize("form", [{"q1": "0"}, {"q1": "6"}, {"q1": "x"}, {"q1": "9" * 5000}, {"q1": "1.5"}])
def test_answers_that_the_form_does_not_offer_are_refused(pages: DashboardPages, form: dict[str, str]) -> None:
    ana = pages.signed_in("ana")

    assert ana.post(f"{HERE}/single", data={**form, "csrf_token": csrf_token_of(ana.get(HERE))}).status_code == 400


@pytest.mark.parametrize(
    "address", ["mbi", "single/2026-11-18/remove", "single/yesterday/remove", "x/2026-11-18/remove"]
)
def test_an_unknown_questionnaire_or_entry_is_not_found(pages: DashboardPages, address: str) -> None:
    ana = pages.signed_in("ana")

    assert ana.post(f"{HERE}/{address}", data={"csrf_token": csrf_token_of(ana.get(HERE))}).status_code == 404


def test_questionnaires_can_be_answered_before_anything_is_read(empty_pages: DashboardPages) -> None:
    finn = empty_pages.signed_in("finn")

    assert answer(finn, "single", {1: 1}).startswith("Saved for 18 November 2026")
    assert len(read(finn.get(HERE).text).all("svg", "chart")) == 2
