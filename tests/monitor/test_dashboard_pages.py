"""The content of the pages for each reader, and the pages shown when something fails."""

from __future__ import annotations

import base64
import csv
import io
import re
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.analysis.catalogue import catalogue
from monitor.dashboard.practice import caseload as practice_views
from monitor.notices import ANSWERS
from monitor.store.computations import Invalidation, mark_dirty
from monitor.store.database import open_practice
from monitor.store.referrals import open_slots
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.monitor.practices import CANARIES, WrittenPractice
from tests.reports.pages import Element, read, visible

BANNED_WORDS = re.compile(r"burnout|\brisk|\bscore|\bshould\b|\bfailed\b", re.IGNORECASE)
OWN_ADDRESSES = (
    "/me/",
    "/me/patterns",
    "/me/clients",
    "/me/agreements",
    "/me/data",
    "/me/week/2026-W40",
    "/me/week/2026-W46",
    "/me/week/2031-W01",
    "/me/nowhere",
)
DIRECTOR_ADDRESSES = ("/practice/", "/practice/caseload.csv")


def navigation_labels(page: Element) -> list[str]:
    return [element.words() for nav in page.all("nav") for element in nav.all("*") if element.tag in {"a", "button"}]


def without_token(page: TestResponse) -> str:
    """Return a page without the tokens of its forms, which differ each time."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page.text)


# The therapist's pages


def test_the_first_page_is_the_last_week_that_is_over(pages: DashboardPages) -> None:
    page = pages.signed_in("ana").get("/", follow_redirects=True)

    assert page.request.path == "/me/"
    assert "Week of 9 to 15 November 2026" in visible(page.text)
    assert "Your director sees caseload totals, never this report." in visible(page.text)
    assert navigation_labels(read(page.text)) == [
        "This week",
        "Patterns",
        "Clients",
        "Agreements",
        "Check-in",
        "Your data",
        "Help",
        "Sign out",
    ]


def test_earlier_weeks_are_a_link_away(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")

    assert f'href="{pages.root}/me/week/2026-W45"' in ana.get("/me/").text
    assert "Week of 2 to 8 November 2026" in visible(ana.get("/me/week/2026-W45").text)


@pytest.mark.parametrize(
    "week",
    ["2026-W47", "2031-W01", "2020-W01", "2026-W54", "2026-W0", "W46", "9" * 5000 + "-W01", "x", "1-W1"],
)
def test_a_week_without_a_report_answers_404_with_a_sentence(pages: DashboardPages, week: str) -> None:
    page = pages.signed_in("ana").get(f"/me/week/{week}")

    assert page.status_code == 404
    assert "There is no report for that week" in visible(page.text)


@pytest.mark.parametrize("key", ANSWERS)
def test_an_answer_is_saved_and_shown(pages: DashboardPages, practice: WrittenPractice, key: str) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": key, "csrf_token": csrf_token_of(ana.get("/me/"))}

    page = ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form, follow_redirects=True)

    assert page.request.path == "/me/"
    assert f"Your answer is saved: {ANSWERS[key]}." in visible(page.text)
    assert f"Your answer: {ANSWERS[key]}" in visible(ana.get("/me/").text)
    assert "is saved" not in visible(ana.get("/me/").text)


def test_an_answer_leads_back_to_the_week_it_was_given_on(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": "noted", "csrf_token": csrf_token_of(ana.get("/me/"))}

    assert (
        ana.post(f"/me/week/2026-W45/notices/{practice.notice}", data=form).location == f"{pages.root}/me/week/2026-W45"
    )


def test_an_exception_may_go_on_until_a_day(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": "planned", "until": "2027-01-31", "csrf_token": csrf_token_of(ana.get("/me/"))}
    ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form)

    assert "Your answer: This was planned, until 31 January 2027" in visible(ana.get("/me/").text)


@pytest.mark.parametrize("until", ["2020-01-01", "2099-01-01", "tomorrow", "31/01/2027", "2026-13-01"])
def test_an_exception_ends_within_a_year(pages: DashboardPages, practice: WrittenPractice, until: str) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": "needed", "until": until, "csrf_token": csrf_token_of(ana.get("/me/"))}

    page = ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form, follow_redirects=True)

    assert (page.request.path, page.status_code) == ("/me/", 200)
    assert "Nothing was saved. An exception ends on a day between today and a year from now." in visible(page.text)
    assert "Your answer" not in visible(ana.get("/me/").text)


@pytest.mark.parametrize("address", ["/me/", "/me/patterns"])
def test_the_form_offers_the_days_that_an_exception_can_end_on(pages: DashboardPages, address: str) -> None:
    (field,) = [
        e for e in read(pages.signed_in("ana").get(address).text).all("input") if e.attributes.get("name") == "until"
    ]

    assert (field.attributes["min"], field.attributes["max"]) == ("2026-11-18", "2027-11-19")


def test_an_answer_can_be_taken_back(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": "wrong", "csrf_token": csrf_token_of(ana.get("/me/"))}
    ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form)
    undone = ana.post(
        f"/me/week/2026-W46/notices/{practice.notice}", data=form | {"answer": "undo"}, follow_redirects=True
    )

    assert "Your answer is taken back." in visible(undone.text)
    assert "Your answer" not in visible(ana.get("/me/").text)
    again = ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form | {"answer": "undo"})
    assert again.status_code == 404


@pytest.mark.parametrize("answer", ["", "PLANNED", "planned ", "x" * 500, "'; DROP TABLE notice"])
def test_only_the_five_answers_are_answers(pages: DashboardPages, practice: WrittenPractice, answer: str) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": answer, "csrf_token": csrf_token_of(ana.get("/me/"))}

    assert ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form).status_code == 400


@pytest.mark.parametrize("notice", ["0", "99", "-1", "x", str(2**63 - 1), str(2**63), "9" * 100])
def test_an_unknown_notice_cannot_be_answered(pages: DashboardPages, notice: str) -> None:
    ana = pages.signed_in("ana")
    form = {"answer": "planned", "csrf_token": csrf_token_of(ana.get("/me/"))}

    assert ana.post(f"/me/week/2026-W46/notices/{notice}", data=form).status_code == 404


@pytest.mark.parametrize("user", ["ana", "ben", "finn"])
def test_banned_words_are_never_used(pages: DashboardPages, user: str) -> None:
    client = pages.signed_in(user)

    assert [word for page in OWN_ADDRESSES for word in BANNED_WORDS.findall(visible(client.get(page).text))] == []


def own_row(page: Element) -> dict[str, str]:
    (table,) = page.all("table")
    return {row.all("th")[0].words(): row.all("td")[0].words() for row in table.all("tbody")[0].all("tr")}


def test_a_clinician_reads_their_own_row_as_the_director_sees_it(pages: DashboardPages) -> None:
    own_values = own_row(read(pages.signed_in("ana").get("/me/data").text))
    csv_text = pages.signed_in("director").get("/practice/caseload.csv").text
    row = next(row for row in csv.DictReader(io.StringIO(csv_text)) if row["clinician"] == "Ana")

    assert own_values["Load per FTE"] == row["load_per_fte"]
    assert own_values["Your band around it"] == f"{row['band_low']} – {row['band_high']}"
    assert own_values["Active clients"] == row["active_clients"] == "5"
    assert own_values["Open slots by day"] == row["day_slots"] == "2"
    assert own_values["Open slots in the evening"] == row["evening_slots"] == "1"
    assert own_values["Of these for trauma-focused work"] == row["trauma_slots"] == "1"
    assert own_values["Supervision"] == row["supervision"] == "not known"


def test_a_clinician_sets_open_slots_that_the_director_sees(pages: DashboardPages) -> None:
    ben = pages.signed_in("ben")
    page = ben.get("/me/data")
    assert "You have not set any so far." in visible(page.text)
    form = {"day": "0", "evening": "4", "trauma": "3", "csrf_token": csrf_token_of(page)}
    answer = ben.post("/me/data/open-slots", data=form, follow_redirects=True)
    assert (
        "Saved: 0 by day and 4 in the evening, 3 of them for trauma-focused work. Your director sees these three "
        "numbers." in visible(answer.text)
    )
    assert "Set on 18 November 2026." in visible(answer.text)
    director = pages.signed_in("director")
    row = next(
        row
        for row in csv.DictReader(io.StringIO(director.get("/practice/caseload.csv").text))
        if row["clinician"] == "'=Ben"
    )
    assert [row[name] for name in ("day_slots", "evening_slots", "trauma_slots")] == ["0", "4", "3"]
    assert row["slots_older_than_eight_weeks"] == "0"
    assert (
        "18 November 2026."
        not in visible(director.get("/practice/").text).split("What can still")[0].split("People")[1]
    )


@pytest.mark.parametrize(
    ("day", "evening", "trauma"),
    [("", "0", "0"), ("1", "1", "3"), ("-1", "2", "0"), ("0", "100", "1"), ("9" * 5000, "0", "0"), ("2.5", "0", "1")],
)
def test_open_slots_that_cannot_be_are_refused(pages: DashboardPages, day: str, evening: str, trauma: str) -> None:
    ben = pages.signed_in("ben")
    form = {"day": day, "evening": evening, "trauma": trauma, "csrf_token": csrf_token_of(ben.get("/me/data"))}
    assert "Nothing was saved." in visible(ben.post("/me/data/open-slots", data=form, follow_redirects=True).text)
    with pages.store.read() as connection:
        assert "ben" not in open_slots(connection)


@pytest.mark.parametrize("user", ["ana", "ben", "finn"])
def test_a_clinicians_data_page_names_no_colleague(pages: DashboardPages, user: str) -> None:
    page = visible(pages.signed_in(user).get("/me/data").text.partition("<main")[2])

    assert not re.search(r"\bAna\b|=Ben|\bcleo\b|\bdev\b|\bfinn\b", page)


def test_with_three_clinicians_the_comparison_is_left_out(practice: WrittenPractice) -> None:
    few = replace(practice.config, clinicians=practice.config.clinicians[:3])
    with DashboardPages(few) as opened:
        page = read(opened.signed_in("ana").get("/me/data").text)

    assert not own_row(page).keys() & {"Against an equal share", "Your band around it", "Where that lies"}
    assert "With fewer than four people that would tell you about single colleagues" in page.words()


# The director's pages


def test_the_director_sees_the_caseload(pages: DashboardPages) -> None:
    page = pages.signed_in("director").get("/", follow_redirects=True)

    assert page.request.path == "/practice/"
    assert {"Ana", "=Ben", "cleo", "dev", "finn"} <= {cell.words() for cell in read(page.text).all("th")}
    assert navigation_labels(read(page.text)) == ["Practice", "Help", "Sign out"]


def test_the_same_numbers_come_as_csv(pages: DashboardPages) -> None:
    director = pages.signed_in("director")
    page, answer = visible(director.get("/practice/").text), director.get("/practice/caseload.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["Content-Disposition"] == 'attachment; filename="caseload-2026-10-25.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert {row["clinician"] for row in rows} == {"Ana", "'=Ben", "cleo", "dev", "finn"}
    assert [row["load_per_fte"] for row in rows if row["clinician"] == "finn"] == [""]
    assert all(row["load_per_fte"] in page for row in rows)


def test_the_director_sees_open_slots_and_whose_values_are_not_known(pages: DashboardPages) -> None:
    director = pages.signed_in("director")
    page = read(director.get("/practice/").text)
    table = next(t for t in page.all("table") if "Supervision" in t.words())
    rows = {
        row.all("th")[0].words(): [cell.words() for cell in row.all("td")] for row in table.all("tbody")[0].all("tr")
    }
    by_csv = {row["clinician"]: row for row in csv.DictReader(io.StringIO(director.get("/practice/caseload.csv").text))}

    assert [cell.words() for cell in table.all("thead")[0].all("th")][1:] == [
        "Clients", "New", "Slots: day", "evening", "trauma", "Supervision",
    ]  # fmt: skip
    assert rows["Ana"] == ["5", "–", "2", "1", "1", "not known", ""]
    assert rows["=Ben"][2:5] == ["–", "–", "–"]
    assert rows["finn"] == ["–", "–", "–", "–", "–", "not known", ""]
    assert (by_csv["Ana"]["day_slots"], by_csv["Ana"]["fte"]) == ("2", "1.0")
    assert (by_csv["finn"]["load_per_fte"], by_csv["finn"]["standing"]) == ("", "not known")
    assert not any(re.search("sessions|available|booked", name) for name in by_csv["Ana"])


def test_the_directors_page_reads_no_wellbeing_table(pages: DashboardPages) -> None:
    director = pages.signed_in("director")
    before = [without_token(director.get(page)) for page in DIRECTOR_ADDRESSES]

    for table in (
        "wellbeing_week",
        "notice",
        "notice_signal",
        "answer",
        "node",
        "evidence",
        "event",
        "correction",
        "self_report",
        "workload_week",
    ):
        pages.store.connection.execute(f"DROP TABLE {table}")

    assert [without_token(director.get(page)) for page in DIRECTOR_ADDRESSES] == before


# Pages for everybody


@pytest.mark.parametrize("user", ["ana", "director"])
def test_the_help_defines_every_number(pages: DashboardPages, user: str) -> None:
    page = read(pages.signed_in(user).get("/help").text)

    defined = {article.attributes["id"]: article.words() for article in page.all("article")}

    assert list(defined) == list(catalogue())
    for key, metric in catalogue().items():
        assert metric.title in defined[key]
        assert " ".join(metric.definition.split()) in defined[key].replace("&#39;", "'")
    assert "Morag, supervisor" in page.words()


@pytest.mark.parametrize(("user", "led"), [("ana", True), ("director", False)])
def test_the_help_leads_a_clinician_to_their_accounts(pages: DashboardPages, user: str, led: bool) -> None:  # noqa: FBT001
    assert (f'href="{pages.root}/me/accounts"' in pages.signed_in(user).get("/help").text) is led


def test_no_page_contains_content_of_a_source(pages: DashboardPages) -> None:
    ana, director = pages.signed_in("ana"), pages.signed_in("director")
    answers = [*map(ana.get, (*OWN_ADDRESSES, "/me/check-in", "/help")), *map(director.get, DIRECTOR_ADDRESSES)]
    all_text = "".join(answer.text for answer in answers).lower()

    for canary in CANARIES:
        encoded = base64.b64encode(canary.encode()).decode()[:-4]
        spellings = (canary, quote(canary), canary.encode().hex(), encoded)
        assert [spelling for spelling in spellings if spelling.lower() in all_text] == []


def test_a_clinicians_pages_contain_no_other_name(pages: DashboardPages) -> None:
    all_text = "".join(pages.signed_in("cleo").get(page).text for page in OWN_ADDRESSES)

    assert [name for name in ("Ana", "=Ben", "dev", "finn") if re.search(rf"\b{name}\b", visible(all_text))] == []


def test_old_numbers_have_a_warning(pages: DashboardPages) -> None:
    warning = "so what you see may be old."
    assert warning not in visible(pages.signed_in("ana").get("/me/").text)

    pages.clock.advance(hours=49)

    assert warning in visible(pages.signed_in("ana").get("/me/").text)
    assert warning in visible(pages.signed_in("director").get("/practice/").text)


@pytest.mark.parametrize(("user", "page"), [("ana", "/me/"), ("director", "/practice/"), ("finn", "/me/")])
def test_before_anything_is_read_the_page_names_the_next_step(
    empty_pages: DashboardPages, user: str, page: str
) -> None:
    answer = empty_pages.signed_in(user).get(page)

    assert answer.status_code == 200
    assert "Whoever looks after the computer can run: evenhours nightly" in visible(answer.text)
    assert "without work" not in visible(answer.text)  # a day without data is not a day off


def test_an_empty_practice_has_an_empty_csv(empty_pages: DashboardPages) -> None:
    rows = list(csv.reader(io.StringIO(empty_pages.signed_in("director").get("/practice/caseload.csv").text)))

    assert len(rows) == 6
    assert {row[2] for row in rows[1:]} == {""}


def test_pages_rendered_at_the_same_time_do_not_differ(pages: DashboardPages) -> None:
    visits = [(pages.signed_in("ana"), "/me/"), (pages.signed_in("director"), "/practice/")] * 4

    def page_text(visit: tuple[FlaskClient, str]) -> str:
        client, page = visit
        return without_token(client.get(page))

    one_by_one = [page_text(visit) for visit in visits[:2]]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(page_text, visits)) == one_by_one * 4


# Error pages, and a full disk


def test_without_a_session_the_page_explains_how_to_sign_in(pages: DashboardPages) -> None:
    page = pages.anonymous().get("/me/")

    assert "Open the link that evenhours serve printed and press its button." in visible(page.text)
    assert navigation_labels(read(page.text)) == []


def test_a_used_link_is_refused_with_a_remedy(pages: DashboardPages) -> None:
    anonymous_text, ana_text = (
        visible(client.get("/sign-in/spent").text) for client in (pages.anonymous(), pages.signed_in("ana"))
    )

    for text in (anonymous_text, ana_text):
        assert "This link no longer works It has been used already, or it is too old" in text
    assert "run evenhours serve again" in anonymous_text
    assert "You are signed in: use the links above." in ana_text


def test_an_unexpected_error_shows_no_details(
    pages: DashboardPages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("ZEBRA")

    monkeypatch.setattr(practice_views, "fairness_report", broken)

    page = pages.signed_in("director").get("/practice/")

    assert page.status_code == 500
    assert "This page could not be shown" in visible(page.text)
    assert not {"ZEBRA", "Traceback", "RuntimeError"} & set(re.findall(r"\w+", page.text))
    assert "ZEBRA" in caplog.text


@pytest.mark.parametrize("page", ["/me/", "/nowhere", "/sign-in/x"])
def test_without_its_database_a_page_shows_a_remedy(pages: DashboardPages, page: str) -> None:
    ana = pages.signed_in("ana")
    pages.store.close()
    for suffix in ("", "-wal", "-shm"):
        pages.config.database.with_name(f"evenhours.db{suffix}").unlink(missing_ok=True)

    answer = ana.get(page)

    assert answer.status_code == (404 if page == "/nowhere" else 503)
    assert page == "/nowhere" or "evenhours doctor" in visible(answer.text)
    assert str(pages.config.database) not in answer.text


@pytest.fixture(params=["full", "read-only"])
def unwritable(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[None]]:
    """Return a context manager during which nothing can be written to the disk."""

    @contextmanager
    def full() -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    @contextmanager
    def read_only() -> Iterator[None]:
        with monkeypatch.context() as patch:  # as for a file that this user may not write
            patch.setattr("monitor.dashboard.request.open_practice", partial(open_practice, read_only=True))
            yield

    return full if request.param == "full" else read_only


NOT_RECORDED = "could not be recorded"


def test_on_a_full_disk_own_pages_open_and_the_directors_do_not(
    pages: DashboardPages, unwritable: Callable[[], AbstractContextManager[None]]
) -> None:
    ana, director = pages.signed_in("ana"), pages.signed_in("director")
    pages.clock.advance(minutes=2)

    with unwritable():
        own_pages = [ana.get(page) for page in ("/me/", "/me/patterns", "/me/data", "/help")]
        director_pages = [director.get(page) for page in DIRECTOR_ADDRESSES]
        director_help = director.get("/help")

    assert [(page.status_code, NOT_RECORDED in page.text) for page in [*own_pages, director_help]] == [(200, True)] * 5
    assert [page.status_code for page in director_pages] == [503, 503]
    for page in director_pages:
        assert "opening it has to be recorded" in page.text
        assert "Ana" not in page.text
        assert "You are reading as the director" in page.text
    later_pages = [ana.get("/me/"), director.get("/practice/")]
    assert [(page.status_code, NOT_RECORDED in page.text) for page in later_pages] == [(200, False)] * 2


def test_every_access_of_the_director_is_recorded(pages: DashboardPages) -> None:
    director = pages.signed_in("director")

    def last_recorded() -> int:
        return int(pages.store.connection.execute("SELECT seen_at FROM web_session").fetchone()[0])

    before = last_recorded()
    pages.clock.advance(seconds=5)
    director.get("/help")
    assert last_recorded() == before
    director.get("/practice/")
    assert last_recorded() == before + 5


def test_on_a_full_disk_old_numbers_give_no_all_clear(
    pages: DashboardPages, unwritable: Callable[[], AbstractContextManager[None]]
) -> None:
    ana = pages.signed_in("ana")
    with pages.store.write() as connection:
        invalidation = Invalidation()
        invalidation.add_row(1, int(pages.clock().timestamp()) - 8 * 86_400)
        mark_dirty(connection, invalidation)

    with unwritable():
        page = ana.get("/me/")

    assert page.status_code == 200
    assert NOT_RECORDED in page.text
    assert "Nothing stood out" not in page.text


def test_on_a_full_disk_a_form_reports_that_nothing_was_changed(
    pages: DashboardPages, practice: WrittenPractice, unwritable: Callable[[], AbstractContextManager[None]]
) -> None:
    ana, link, stranger = pages.signed_in("ana"), pages.sign_in_link("ben"), pages.anonymous()
    form = {"csrf_token": csrf_token_of(ana.get("/me/")), "answer": "planned"}
    sign_in_form = {"csrf_token": csrf_token_of(stranger.get(link))}

    with unwritable():
        answers = [
            ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form),
            stranger.post(link, data=sign_in_form),
        ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("Nothing was changed." in answer.text for answer in answers)
    assert "Your answer" not in ana.get("/me/").text
    assert stranger.post(link, data=sign_in_form).status_code == 303
