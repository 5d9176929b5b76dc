"""The patterns page: notices and answers, the client table, the supervision list and the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from connectors.records import Kind
from monitor.analysis.calendar import day_number
from monitor.analysis.terms import LEDGER
from monitor.dashboard.me import agenda as supervision
from monitor.dashboard.me.agenda import Agenda, AgendaItem
from monitor.dashboard.me.client_index import ClientIndex
from monitor.notices import ANSWERS
from monitor.store import clients, notices
from monitor.store.clients import LedgerRow
from monitor.store.notices import NoticeRow
from reports.wording import ASSUMED_HOURS
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.monitor.facts import event, frames
from tests.monitor.practices import LAST_WEEK, WrittenPractice
from tests.reports.pages import Element, read, visible

HERE = "/me/patterns"
TODAY = date(2026, 11, 18)
LAST = day_number(LAST_WEEK)


def post(client: FlaskClient, address: str, /, **form: object) -> Element:
    """Send a form with its token and return the page that follows."""
    page = client.post(address, data={**form, "csrf_token": csrf_token_of(client.get("/help"))}, follow_redirects=True)
    assert (page.request.path, page.status_code) == (HERE, 200)
    return read(page.text)


def message_text(page: Element) -> str:
    return " ".join(line.words() for line in page.all("p", "message"))


def status(client: FlaskClient, address: str, /, **form: object) -> int:
    return client.post(address, data={**form, "csrf_token": csrf_token_of(client.get("/help"))}).status_code


def add_notices(pages: DashboardPages, practice: WrittenPractice) -> dict[str, int]:
    """Store notices of several families for Ana, and return their numbers by family."""
    moved: dict[str, Any] = {"tier": "worth a look", "ratio": 1.9, "low": 1.2, "high": 2.9}
    rows = [
        NoticeRow(week=LAST, family="availability", key="after_hours_replies", since=LAST - 21, **moved),
        NoticeRow(
            week=LAST - 56, family="sessions running over", key="overrun_minutes", since=LAST - 70,
            **{**moved, "low": -0.02},
        ),
        NoticeRow(
            week=LAST - 49, family="one client", key="client_contacts", since=LAST - 63, client=practice.client, **moved
        ),
        NoticeRow(
            week=LAST - 42, tier="line", family="day off", key="days_since_full_day_off", ratio=None, low=None,
            high=None, since=LAST - 42, measured=14.0,
        ),
    ]  # fmt: skip
    with pages.store.write() as connection:
        notices.save_notices(connection, "ana", rows)
        return {row.family: row.id for row in notices.notices(connection, "ana")}


def entry(page: Element, notice: int) -> Element:
    return next(e for e in page.all("*") if e.attributes.get("id") == f"note-{notice}")


def test_an_open_notice_comes_first_with_its_evidence(pages: DashboardPages, practice: WrittenPractice) -> None:
    page = read(pages.signed_in("ana").get(HERE).text)

    card = entry(page, practice.notice)
    assert card.fits("section", "card")
    assert "19 October to 15 November 2026" in card.words()
    assert "per session were 2.4 times your usual (90 % interval 1.6 to 3.5)" in card.words()
    assert [summary.words() for summary in card.all("summary")] == ["What this is based on", "Week by week"]
    assert [button.words() for button in card.all("button")] == list(ANSWERS.values())
    assert page.all("h1")[0].words() == "You can still answer one note, if you like"


def test_earlier_notices_are_grouped_by_family_with_size_and_weeks(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    numbers = add_notices(pages, practice)

    page = read(pages.signed_in("ana").get(HERE).text)

    summaries = {family: entry(page, number).all("summary")[0].words() for family, number in numbers.items()}
    assert summaries["sessions running over"] == (
        "31 August to 20 September 2026 · 1.9 minutes later than usual (0.0 to 2.9)"
    )
    assert summaries["one client"].startswith(
        "7 September to 27 September 2026 · 1.9 times your usual (1.2 to 2.9) · Thur"
    )
    assert summaries["day off"] == "Week of 28 September 2026"
    headings = [heading.words() for heading in page.all("h3")]
    assert headings == ["Sessions running over", "More contact with one client", "Full days off"]
    assert "14 days since your last full day" in entry(page, numbers["day off"]).words()


def test_an_old_note_without_an_answer_is_neither_answered_nor_over(pages: DashboardPages) -> None:
    """It leads no report any more, though what it is about may well go on."""
    old = NoticeRow(
        week=LAST - 70, tier="worth a look", family="load", key="contact_hours", ratio=1.9, low=1.2, high=2.9,
        since=LAST - 90,
    )  # fmt: skip
    with pages.store.write() as connection:
        notices.save_notices(connection, "ana", [old])

    page = read(pages.signed_in("ana").get(HERE).text)
    assert page.all("h1")[0].words() == "No note is open for an answer now"


def test_families_without_a_notice_are_named(pages: DashboardPages) -> None:
    before, _, after = visible(pages.signed_in("ana").get(HERE).text).partition("No note so far about ")

    assert after.startswith("sessions running over")
    assert "sessions running over" not in before.lower()


@pytest.mark.parametrize("key", ANSWERS)
def test_an_answer_is_saved_shown_and_taken_back(pages: DashboardPages, practice: WrittenPractice, key: str) -> None:
    ana, address = pages.signed_in("ana"), f"{HERE}/notices/{practice.notice}"

    answered_page = post(ana, address, answer=key)

    assert message_text(answered_page) == f"Your answer is saved: {ANSWERS[key]}."
    assert f"Your answer on 18 November 2026: {ANSWERS[key]}" in entry(answered_page, practice.notice).words()
    assert answered_page.all("h1")[0].words() == "You have answered every note"

    undone_page = post(ana, f"{address}/undo")

    assert message_text(undone_page) == "Your answer is taken back."
    assert "Your answer on" not in undone_page.words()
    assert status(ana, f"{address}/undo") == 404


def test_an_exception_has_a_last_day(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, address = pages.signed_in("ana"), f"{HERE}/notices/{practice.notice}"

    page = post(ana, address, answer="planned", until="2026-12-20").words()

    assert "Your answer on 18 November 2026: This was planned, until 20 December 2026" in page
    assert "1 exception in the last year: 0 in the ledger, 1 by an answer to a note." in page
    assert "until 20 December" not in post(ana, address, answer="noted", until="2026-12-20").words()


@pytest.mark.parametrize("until", ["whenever", "2026-11-17", "2099-01-01"])
def test_an_impossible_last_day_is_refused(pages: DashboardPages, practice: WrittenPractice, until: str) -> None:
    page = post(pages.signed_in("ana"), f"{HERE}/notices/{practice.notice}", answer="planned", until=until)

    assert message_text(page) == "Nothing was saved. An exception ends on a day between today and a year from now."
    assert "Your answer on" not in page.words()


@pytest.mark.parametrize("form", [{"answer": "x"}, {}])
def test_an_unknown_answer_is_refused(pages: DashboardPages, practice: WrittenPractice, form: dict[str, str]) -> None:
    assert status(pages.signed_in("ana"), f"{HERE}/notices/{practice.notice}", **form) == 400


def test_notices_and_ledger_entries_belong_to_their_owner_alone(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    post(ana, f"{HERE}/notices/{practice.notice}", answer="noted")
    post(ana, f"{HERE}/ledger", kind="gift", client="", **{"from": TODAY})
    (ledger_entry,) = clients.ledger(pages.store.connection, "ana")

    assert status(ben, f"{HERE}/notices/{practice.notice}", answer="wrong") == 404
    assert status(ben, f"{HERE}/notices/{practice.notice}/undo") == 404
    assert status(ben, f"{HERE}/ledger/{ledger_entry.id}/strike") == 404
    assert status(ben, f"{HERE}/ledger", kind="gift", client=practice.client, **{"from": TODAY}) == 404
    assert read(ben.get(HERE).text).all("ul", "entries") == []
    assert len(clients.ledger(pages.store.connection, "ana")) == 1


def test_a_ledger_entry_is_added_and_removed(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")

    page = post(ana, f"{HERE}/ledger", kind="exception", client=practice.client, **{"from": "2026-11-12"})

    assert message_text(page) == "Added to the ledger: An exception made."
    (ledger_entry,) = clients.ledger(pages.store.connection, "ana")
    assert (ledger_entry.kind, ledger_entry.client, ledger_entry.day) == (
        "exception",
        practice.client,
        day_number(date(2026, 11, 12)),
    )
    (line,) = [li.words() for li in page.all("ul", "entries")[0].all("li")]
    assert line.startswith("An exception made12 November 2026 · Thursdays, 09:00 ·")
    assert "1 exception in the last year: 1 in the ledger, 0 by an answer to a note." in page.words()
    assert message_text(post(ana, f"{HERE}/ledger/{ledger_entry.id}/strike")) == "Removed from the ledger."
    assert clients.ledger(pages.store.connection, "ana") == []


def test_every_kind_of_entry_can_be_chosen_and_nothing_else(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    chosen = read(ana.get(HERE).text).all("select")[0].all("option")

    assert {option.attributes["value"]: option.words() for option in chosen} == dict(LEDGER)
    assert status(ana, f"{HERE}/ledger", kind="diary", **{"from": TODAY}) == 400
    assert status(ana, f"{HERE}/ledger", kind="gift", client="x", **{"from": TODAY}) == 400
    assert message_text(post(ana, f"{HERE}/ledger", kind="gift", **{"from": "1066-10-14"})) == (
        "Nothing was saved. Choose the day on which it was, between 1990 and two years from now."
    )
    assert clients.ledger(pages.store.connection, "ana") == []


def test_the_client_table_is_ordered_by_usual_slot(pages: DashboardPages) -> None:
    page = read(pages.signed_in("ana").get(HERE).text)
    section = next(s for s in page.all("section") if "One client at a time" in s.words())

    rows = [[cell.words() for cell in row.all("th") + row.all("td")] for row in section.all("tbody")[0].all("tr")]

    assert [row[0][:16] for row in rows] == [f"Thursdays, {hour:02}:00" for hour in range(9, 14)]
    assert rows[0][1:5] == ["16", "8, usually 4", "12 of 12", "–"]
    assert rows[0][5] == "0 min, 0 %"  # working time: all were written in the evening
    assert rows[4][5:] == ["–", "+6.0, 0"]


@pytest.mark.parametrize(("user", "assumed"), [("ana", False), ("ben", True)])
def test_assumed_hours_are_stated_on_every_page_with_measures(
    pages: DashboardPages,
    user: str,
    assumed: bool,  # noqa: FBT001
) -> None:
    reader = pages.signed_in(user)
    post_to = "/me/check-in/single"
    reader.post(post_to, data={"q1": "2", "csrf_token": csrf_token_of(reader.get("/help"))})

    for page in (HERE, "/me/check-in", "/me/"):
        assert (ASSUMED_HOURS in " ".join(visible(reader.get(page).text).split())) is assumed


def agenda(page: Element) -> tuple[str, list[tuple[str, str]]]:
    """Return the sentence above the supervision list, and the list's lines."""
    section = next(part for part in page.all("section") if part.attributes.get("id") == "agenda")
    lines = [(item.tag, item.words()) for item in section.all("*") if item.tag in {"dt", "dd"}]
    return section.all("p")[0].words(), lines


def test_the_next_supervision_has_a_list_by_client(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    assert agenda(read(ana.get(HERE).text))[1] == []
    for kind, client, on in (
        ("gift", practice.client, "2026-11-12"),
        ("exception", practice.client, "2026-11-05"),
        ("touch", "", "2026-11-06"),
        ("dual_role", practice.client, "2026-09-02"),
        ("consultation", practice.client, "2026-11-30"),
    ):
        post(ana, f"{HERE}/ledger", kind=kind, client=client, **{"from": on})
    add_notices(pages, practice)

    sentence, lines = agenda(read(ana.get(HERE).text))

    assert "noticed about single clients, in the last eight weeks." in sentence
    assert [words if tag == "dd" else words[:16] for tag, words in lines] == [
        "Thursdays, 09:00",
        "You had more contact with one client than usual, week of 21 September",
        "An exception made, 5 November",
        "A gift, 12 November",
        "No single client",
        "Touch, 6 November",
    ]


def test_a_rule_on_the_list_names_what_it_is_about() -> None:
    analysis_frames = frames(
        entries=[event("2026-03-10 09:00", "2026-03-10 09:50", client=1)], as_of="2026-03-20 12:00"
    )
    index = ClientIndex(
        analysis_frames, {1: "K7Q2"}, {}, {1: (1,)}, {}, {}, (1,), (), (), frozenset(), date(2026, 3, 20)
    )
    week = day_number(date(2026, 3, 9))
    review = NoticeRow(week, "line", "review", "", None, None, None, week, 1, measured=1)
    rows = [replace(review, topic=term) for term in ("review_on", "modified_until")]

    assert supervision.agenda(index, rows).items[0].points == (
        "The modified boundary with this client is due for review, week of 9 March",
        "What you agreed with this client is due for review, week of 9 March",
    )


def test_the_supervision_list_begins_after_the_last_supervision() -> None:
    supervisions = [
        event(f"2026-03-{day:02} 10:00", f"2026-03-{day:02} 11:00", kind=Kind.SUPERVISION) for day in (5, 12, 26)
    ]
    analysis_frames = frames(
        entries=[*supervisions, event("2026-03-10 09:00", "2026-03-10 09:50", client=1)], as_of="2026-03-20 12:00"
    )
    entries = [
        LedgerRow(n, day_number(date(2026, 3, day_of_march)), "gift", 1, 0)
        for n, day_of_march in enumerate((4, 12, 13, 21))
    ]
    index = ClientIndex(
        analysis_frames, {1: "K7Q2"}, {}, {1: (1,)}, {}, {}, (1,), (), tuple(entries), frozenset(), date(2026, 3, 20)
    )

    assert supervision.agenda(index, []) == Agenda(
        "since your last supervision on 12 March 2026", (AgendaItem("K7Q2", ("A gift, 13 March",)),)
    )


def test_the_literature_is_named_once_with_its_source(pages: DashboardPages) -> None:
    page = visible(pages.signed_in("ana").get(HERE).text)

    assert page.count("compassion fatigue") == 1
    assert "Hensel and others, Journal of Traumatic Stress 28, 2015" in page


def test_before_anything_is_read_there_is_no_notice(empty_pages: DashboardPages) -> None:
    page = visible(empty_pages.signed_in("finn").get(HERE).text)

    assert "There is no note so far, but some data is missing" in page
    assert "There were no sessions with clients and no messages to clients in the last eight weeks." in page
