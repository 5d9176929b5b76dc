"""The pages about clients: codes of one person, terms, agreements and reviews."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from connectors.records import CalendarEvent, Kind
from monitor.analysis.calendar import day_number
from monitor.analysis.terms import ALWAYS, TERMS
from monitor.dashboard.me.agreements import _add_months
from monitor.store import clients, sources
from monitor.store.analysis_records import pseudonyms
from monitor.store.computations import computation
from monitor.store.events import save_events
from monitor.store.keys import clinician_ids, identities
from tests.monitor.dashboard_pages import DashboardPages, csrf_token_of
from tests.monitor.practices import NOW, WrittenPractice
from tests.reports.pages import Element, read, visible

CLIENTS, AGREEMENTS = "/me/clients", "/me/agreements"
TODAY = date(2026, 11, 18)


def post(client: FlaskClient, address: str, **form: object) -> str:
    """Send a form with its token and return the message on the next page."""
    token = csrf_token_of(client.get("/help"))
    page = client.post(address, data={**form, "csrf_token": token}, follow_redirects=True)
    assert page.status_code in {200, 422}, page.status_code
    return " ".join(line.words() for line in read(page.text).all("p", "message"))


def status(client: FlaskClient, address: str, **form: object) -> int:
    return client.post(address, data={**form, "csrf_token": csrf_token_of(client.get("/help"))}).status_code


def names_by_heading(page: str) -> dict[str, list[str]]:
    """Return the names on a list page under their headings."""
    return {
        section.all("h2")[0].words(): [link.words() for link in section.all("a")]
        for section in read(page).all("section")
        if section.all("h2")
    }


def form_at(page: Element, action: str) -> Element:
    return next(form for form in page.all("form") if form.attributes.get("action", "").endswith(action))


def form_values(page: Element, action: str) -> dict[str, object]:
    """Return what a form sends if nothing is changed."""
    form = form_at(page, action)
    sent: dict[str, object] = {}
    for field in form.all("input"):
        kind = field.attributes.get("type", "text")
        if kind == "checkbox" and "checked" in field.attributes:
            sent.setdefault(field.attributes["name"], [])
            sent[field.attributes["name"]].append(field.attributes["value"])  # type: ignore[attr-defined]
        elif kind not in {"checkbox", "hidden"}:
            sent[field.attributes["name"]] = field.attributes["value"]
    for choice in form.all("select"):
        chosen = [option.attributes["value"] for option in choice.all("option") if "selected" in option.attributes]
        assert len(chosen) == 1, choice.attributes["name"]
        sent[choice.attributes["name"]] = chosen[0]
    return sent


def stored_terms(pages: DashboardPages) -> dict[tuple[int, str], list[tuple[int, str | None]]]:
    rows = clients.terms(pages.store.connection, "ana")
    terms: dict[tuple[int, str], list[tuple[int, str | None]]] = {}
    for row in rows:
        terms.setdefault((row.client, row.term), []).append((row.from_day, row.value))
    return terms


@pytest.fixture
def parent(pages: DashboardPages, practice: WrittenPractice) -> int:
    """Return a correspondent who writes in a thread of Ana's first client."""
    with pages.store.write() as connection:
        ana = clinician_ids(connection, ["ana"])["ana"]
        (number,) = identities(connection, [(ana, "PARENTPARENT")]).values()
        sent, source, generation, thread = connection.execute(
            """SELECT sent_at, source_id, generation, thread FROM message
               WHERE clinician_id = ? AND counterpart_id = ? LIMIT 1""",
            (ana, practice.client),
        ).fetchone()
        row = (ana, 7, thread, sent + 60, source, generation, 0, 0, "client", "email", number)
        connection.execute("INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return number


# One client


def test_clients_are_listed_by_usual_slot_and_code_with_their_last_three_sessions(pages: DashboardPages) -> None:
    page = pages.signed_in("ana").get(CLIENTS).text

    names = names_by_heading(page)["Seen in the last 90 days"]
    assert len(names) == 5
    assert all(re.fullmatch(r"[A-Z]\w+days, \d\d:\d\d · [A-Z2-7]{4}", name) for name in names)
    assert "Last sessions: 12 Nov, 11 Nov, 10 Nov" in visible(page)


def test_nobody_else_has_these_clients(pages: DashboardPages, practice: WrittenPractice) -> None:
    ben = pages.signed_in("ben")
    codes = {name[:4] for name in pseudonyms(pages.store.connection, "ana").values()}

    assert not codes & set(re.findall(r"\w+", visible(ben.get(CLIENTS).text)))
    assert ben.get(f"{CLIENTS}/{practice.client}").status_code == 404
    assert ben.get(f"{AGREEMENTS}/{practice.client}").status_code == 404


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("clients/{}", {"standing": "discharged", "from": "2026-11-01"}),
        ("clients/{}/not-a-client", {}),
        ("clients/{}/separate", {}),
        ("clients/{}/take-back", {"term": "band", "from": "20000"}),
        ("clients/{}/join", {"other": "2"}),
        ("clients/{}/apart", {"other": "2"}),
        ("agreements/{}", {"from": "2026-11-01"}),
        ("agreements/{}/reviewed", {"months": "3"}),
        ("agreements/{}/emergency", {"thread": "1", "marked": "yes"}),
    ],
)
def test_only_the_clinician_of_a_client_can_change_anything_about_them(
    pages: DashboardPages, practice: WrittenPractice, address: str, form: dict[str, str]
) -> None:
    assert status(pages.signed_in("ben"), f"/me/{address.format(practice.client)}", **form) == 404
    assert clients.terms(pages.store.connection, "ana") == []
    assert clients.ledger(pages.store.connection, "ana") == []


def test_a_client_who_was_handed_over_is_no_longer_listed_as_a_client(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana = pages.signed_in("ana")

    message = post(ana, f"{CLIENTS}/{practice.client}", standing="handed_over", band="", trauma="no", **{"from": TODAY})

    assert message == "Saved: Who this is."
    assert stored_terms(pages) == {(practice.client, "standing"): [(day_number(TODAY), "handed_over")]}
    names = names_by_heading(ana.get(CLIENTS).text)
    assert len(names["Seen in the last 90 days"]) == 4
    assert len(names["Not clients, or no longer"]) == 1


def test_not_a_client_holds_from_the_beginning(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")

    post(ana, f"{CLIENTS}/{practice.client}", standing="not_a_client", band="", trauma="no", **{"from": TODAY})

    assert stored_terms(pages) == {(practice.client, "standing"): [(ALWAYS, "not_a_client")]}
    assert "always" in visible(ana.get(f"{CLIENTS}/{practice.client}").text)


def test_the_weight_band_and_the_trauma_mark_hold_from_a_day_on(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana = pages.signed_in("ana")

    message = post(
        ana, f"{CLIENTS}/{practice.client}", standing="client", band="3", trauma="yes", **{"from": "2026-09-01"}
    )

    assert message == "Saved: Weight band, The work is trauma-focused."
    assert {term: rows for (_, term), rows in stored_terms(pages).items()} == {
        "band": [(day_number(date(2026, 9, 1)), "3")],
        "trauma": [(day_number(date(2026, 9, 1)), "yes")],
    }
    assert "Weight band 3 · Trauma-focused" in visible(ana.get(CLIENTS).text)


@pytest.mark.parametrize("page", [CLIENTS, AGREEMENTS])
def test_an_unchanged_form_changes_nothing(pages: DashboardPages, practice: WrittenPractice, page: str) -> None:
    ana, address = pages.signed_in("ana"), f"{page}/{practice.client}"
    with pages.store.write() as connection:
        for term, value in {"frequency": "0.5", "channels": "email,phone", "fees": "agreed", "trauma": "yes"}.items():
            clients.set_term(connection, "ana", practice.client, term, value, from_day=20_000, now=1)
    before = stored_terms(pages)

    assert post(ana, address, **form_values(read(ana.get(address).text), address)) == ""
    assert stored_terms(pages) == before


@pytest.mark.parametrize("day", ["", "yesterday", "1066-10-14", "2031-01-01"])
def test_without_a_possible_day_nothing_is_saved(pages: DashboardPages, practice: WrittenPractice, day: str) -> None:
    ana = pages.signed_in("ana")

    assert post(ana, f"{CLIENTS}/{practice.client}", standing="discharged", **{"from": day}).startswith(
        "Nothing was saved"
    )
    assert stored_terms(pages) == {}


def test_a_term_can_be_taken_back(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, address = pages.signed_in("ana"), f"{CLIENTS}/{practice.client}"
    post(ana, address, standing="discharged", band="", trauma="no", **{"from": TODAY})

    page = read(ana.get(address).text)
    button = form_at(page, f"{address}/take-back").all("button")[0]
    assert button.attributes["aria-label"] == "Take back: Who this is: Discharged"
    assert (
        post(ana, f"{address}/take-back", term="standing", **{"from": day_number(TODAY)}) == "Taken back: Who this is."
    )
    assert stored_terms(pages) == {}
    assert status(ana, f"{address}/take-back", term="standing", **{"from": day_number(TODAY)}) == 404


@pytest.mark.parametrize("form", [{"term": "x", "from": "1"}, {"term": "band", "from": "x"}, {"term": "band"}])
def test_taking_back_an_impossible_term_or_day_is_refused(
    pages: DashboardPages, practice: WrittenPractice, form: dict[str, str]
) -> None:
    assert status(pages.signed_in("ana"), f"{CLIENTS}/{practice.client}/take-back", **form) == 400


# Joining codes


def test_two_who_write_in_one_thread_are_asked_about_joined_and_separated(
    pages: DashboardPages, practice: WrittenPractice, parent: int
) -> None:
    ana = pages.signed_in("ana")
    assert "Both write in 1 thread of yours." in visible(ana.get(CLIENTS).text)

    message = post(ana, f"{CLIENTS}/{practice.client}/join", other=parent)

    assert message == "Joined: they are one person. You can separate them here."
    assert clients.persons(pages.store.connection, "ana") == {practice.client: practice.client, parent: practice.client}
    page = visible(ana.get(f"{CLIENTS}/{parent}").text)
    assert "These codes are joined" in page, "either code leads to the person"
    page = visible(ana.get(CLIENTS).text)
    assert "The same person?" not in page
    assert "2 codes joined" in page
    assert post(ana, f"{CLIENTS}/{parent}/separate").startswith("Separated")
    assert clients.persons(pages.store.connection, "ana") == {}
    assert "Both write in 1 thread of yours." in visible(ana.get(CLIENTS).text)


def test_joining_removes_the_mark_not_a_client(pages: DashboardPages, practice: WrittenPractice, parent: int) -> None:
    ana = pages.signed_in("ana")
    post(ana, f"{CLIENTS}/{parent}/not-a-client")

    message = post(ana, f"{CLIENTS}/{practice.client}/join", other=parent)

    assert message.endswith("They are no longer marked “Not a client”.")
    assert stored_terms(pages) == {}
    assert len(names_by_heading(ana.get(CLIENTS).text)["Seen in the last 90 days"]) == 5


def test_two_people_are_not_asked_about_again(pages: DashboardPages, practice: WrittenPractice, parent: int) -> None:
    ana = pages.signed_in("ana")

    assert post(ana, f"{CLIENTS}/{practice.client}/apart", other=parent).startswith("They stay two people.")
    assert "The same person?" not in visible(ana.get(CLIENTS).text)


def test_somebody_who_only_writes_is_marked_as_not_a_client_by_one_button(pages: DashboardPages, parent: int) -> None:
    ana = pages.signed_in("ana")
    assert names_by_heading(ana.get(CLIENTS).text)["Only in messages"] == ["PARE"]

    assert post(ana, f"{CLIENTS}/{parent}/not-a-client") == "Saved: Who this is."
    names = names_by_heading(ana.get(CLIENTS).text)
    assert names["Not clients, or no longer"] == ["PARE"]
    assert "Only in messages" not in names


def test_a_client_who_is_booked_but_was_not_met_yet_has_a_group_of_their_own(pages: DashboardPages) -> None:
    start = NOW + timedelta(days=20)
    with pages.store.write() as connection:
        calendar = sources.source_row(connection, "ana-calendar", "ics", ["ana"])
        booked = CalendarEvent("ana", "later", start, start + timedelta(minutes=50), Kind.SESSION, client="NEWCOMER")
        save_events(connection, calendar, [booked], int(NOW.timestamp()))

    assert names_by_heading(pages.signed_in("ana").get(CLIENTS).text)["Booked, but not met so far"] == ["NEWC"]


def test_joining_without_a_chosen_code_shows_a_remedy(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, address = pages.signed_in("ana"), f"{CLIENTS}/{practice.client}"

    assert post(ana, f"{address}/join", other="") == "Nothing is joined. Choose another code of this person first."
    assert "required" in read(ana.get(address).text).all("select")[-1].attributes
    assert status(pages.signed_in("ben"), f"{address}/join", other="") == 404


@pytest.mark.parametrize("other", ["x", "-1", "9" * 30])
def test_joining_with_nobody_is_refused(pages: DashboardPages, practice: WrittenPractice, other: str) -> None:
    assert status(pages.signed_in("ana"), f"{CLIENTS}/{practice.client}/join", other=other) == 400


@pytest.mark.parametrize(("other", "expected_status"), [("same", 400), ("bens", 404), ("999999", 404)])
def test_joining_stays_among_ones_own_clients(
    pages: DashboardPages, practice: WrittenPractice, other: str, expected_status: int
) -> None:
    bens = min(pseudonyms(pages.store.connection, "ben"))
    number = {"same": practice.client, "bens": bens}.get(other, other)

    assert status(pages.signed_in("ana"), f"{CLIENTS}/{practice.client}/join", other=number) == expected_status


# Agreements


def test_each_point_of_an_agreement_holds_from_a_day_on(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"

    message = post(
        ana, address, frequency="0.5", channels=["phone", "email"], contact_hours="9:00-18:00", fees="agreed",
        review_on="2027-02-01", **{"from": "2026-11-01"},
    )  # fmt: skip

    assert message.startswith("Saved: Sessions a week, Channels between sessions, Hours of contact")
    assert {term: rows[-1][1] for (_, term), rows in stored_terms(pages).items()} == {
        "frequency": "0.5",
        "channels": "email,phone",
        "contact_hours": "09:00-18:00",
        "fees": "agreed",
        "review_on": "2027-02-01",
    }
    assert "0.5 a week · Email, Phone · 1 more point agreed" in visible(ana.get(AGREEMENTS).text)


def test_a_point_that_is_no_longer_agreed_still_holds_for_the_time_before(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    post(ana, address, frequency="1", **{"from": "2026-09-01"})

    post(ana, address, frequency="", **{"from": "2026-11-01"})

    assert stored_terms(pages)[practice.client, "frequency"] == [
        (day_number(date(2026, 9, 1)), "1"),
        (day_number(date(2026, 11, 1)), None),
    ]
    assert "Sessions a week: no longer agreed" in visible(ana.get(address).text)


@pytest.mark.parametrize(
    "form",
    [
        {"modified": "crisis_plan"},
        {"modified": "crisis_plan", "modified_by": "supervision"},
        {"modified_by": "supervision", "modified_until": "2027-01-01"},
    ],
)
def test_a_modified_boundary_needs_reason_author_and_review(
    pages: DashboardPages, practice: WrittenPractice, form: dict[str, str]
) -> None:
    message = post(pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}", **form, **{"from": "2026-11-01"})

    assert message.startswith("Nothing was saved. A modified boundary needs a reason")
    assert stored_terms(pages) == {}


@pytest.mark.parametrize("review", ["2026-10-31", "2026-11-01", "20261031"])
@pytest.mark.parametrize("term", ["review_on", "modified_until"])
def test_a_review_is_after_the_day_from_which_it_holds(
    pages: DashboardPages, practice: WrittenPractice, term: str, review: str
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    form = {"modified": "crisis_plan", "modified_by": "supervision", "modified_until": "2027-01-01", term: review}

    assert post(ana, address, **form, **{"from": "2026-11-01"}) == (
        f"Nothing was saved. {TERMS[term].title}: choose a day after the day from which it holds."
    )
    assert stored_terms(pages) == {}
    assert post(ana, address, **{**form, term: "2026-11-02", "from": "2026-11-01"}).startswith("Saved")


def test_a_review_that_is_due_does_not_keep_another_point_from_being_saved(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    post(ana, address, review_on="2026-11-01", **{"from": "2026-09-01"})

    assert post(ana, address, review_on="2026-11-01", fees="agreed", **{"from": TODAY}) == "Saved: Fees."


@pytest.mark.parametrize(
    "form", [{"frequency": "9"}, {"contact_hours": "whenever"}, {"session_minutes": "<b>"}, {"channels": "pigeon"}]
)
def test_a_form_with_an_impossible_value_is_refused_as_a_whole(
    pages: DashboardPages, practice: WrittenPractice, form: dict[str, str]
) -> None:
    message = post(pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}", fees="agreed", **form, **{"from": TODAY})

    (term, value), *_ = form.items()
    assert message.startswith(f"Nothing was saved. {TERMS[term].title}: has to be ")
    assert value == "9" or value not in message
    assert stored_terms(pages) == {}


def test_a_refused_agreement_is_shown_again_as_it_was_filled_in(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    form = {
        "frequency": "2", "channels": ["email", "sms"], "contact_hours": "9-5", "fees": ["agreed"], "emergency": "yes",
        "modified": "crisis_plan", "from": "2026-10-05",
    }  # fmt: skip
    page = ana.post(address, data={**form, "csrf_token": csrf_token_of(ana.get("/help"))})

    assert page.status_code == 422
    assert stored_terms(pages) == {}
    values = form_values(read(page.text), address)
    assert {name: value for name, value in values.items() if value} == form

    corrected = {**values, "contact_hours": "9-17", "modified": ""}
    assert post(ana, address, **corrected).startswith("Saved: Sessions a week, ")
    assert stored_terms(pages)[practice.client, "contact_hours"] == [(day_number(date(2026, 10, 5)), "09:00-17:00")]


def test_a_review_that_is_due_is_shown_and_completed_by_one_button(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    modified = {"modified": "crisis_plan", "modified_by": "supervision", "modified_until": "2026-11-18"}
    post(ana, address, review_on="2026-12-01", **modified, **{"from": "2026-09-01"})
    assert len(names_by_heading(ana.get(AGREEMENTS).text)["A review is due"]) == 1
    assert "The modified boundary since 18 November 2026." in visible(ana.get(address).text)

    assert (
        post(ana, f"{address}/reviewed", months="6")
        == "Entered in your ledger, and the date of the next review is set."
    )

    assert "A review is due" not in visible(ana.get(address).text)
    assert stored_terms(pages)[practice.client, "modified_until"][-1] == (day_number(TODAY), "2027-05-18")
    assert stored_terms(pages)[practice.client, "review_on"] == [(day_number(date(2026, 9, 1)), "2026-12-01")]
    (entry,) = clients.ledger(pages.store.connection, "ana")
    assert (entry.kind, entry.client, entry.day) == ("policy_reviewed", practice.client, day_number(TODAY))
    assert "last reviewed on 18 November 2026" in visible(ana.get(AGREEMENTS).text)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 18), 3, date(2027, 2, 18)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
    ],
)
def test_adding_months_gives_the_same_day_or_the_last_of_the_month(day: date, months: int, expected: date) -> None:
    assert _add_months(day, months) == expected


def threads(page: str) -> list[tuple[str, str]]:
    """Return the number and the button's label of each thread on an agreement's page."""
    section = next(part for part in read(page).all("section") if part.attributes.get("id") == "threads")
    return [(button.attributes["value"], button.words()) for button in section.all("button")]


def test_a_thread_outside_the_hours_is_marked_as_an_emergency_and_unmarked(
    pages: DashboardPages, practice: WrittenPractice
) -> None:
    ana, address = pages.signed_in("ana"), f"{AGREEMENTS}/{practice.client}"
    (thread, label), *other_threads = threads(ana.get(address).text)
    assert label == "Mark"
    page = visible(ana.get(address).text)
    assert re.search(r"\d+ November \d+ messages?, \d+ outside your hours, the last at \d\d:\d\d", page)

    assert post(ana, f"{address}/emergency", thread=thread, marked="yes") == "Marked as an emergency."

    assert threads(ana.get(address).text) == [(thread, "Take back"), *other_threads]
    assert "November, an emergency" in visible(ana.get(address).text)
    assert pages.store.connection.execute("SELECT count(*) FROM dirty").fetchone() == (0,), "computed at once"
    assert post(ana, f"{address}/emergency", thread=thread, marked="no").startswith("Taken back")
    assert threads(ana.get(address).text) == [(thread, "Mark"), *other_threads]


@pytest.mark.parametrize(
    ("thread", "expected_status"),
    [("", 400), ("x", 400), (2**63, 400), (-(2**63) - 1, 400), (2**63 - 1, 404), (-(2**63), 404), ("٣", 400)],
)
def test_a_thread_that_does_not_exist_is_refused(
    pages: DashboardPages, practice: WrittenPractice, thread: object, expected_status: int
) -> None:
    address = f"{AGREEMENTS}/{practice.client}/emergency"

    assert status(pages.signed_in("ana"), address, thread=thread, marked="yes") == expected_status
    assert pages.store.connection.execute("SELECT count(*) FROM emergency_thread").fetchone() == (0,)


def test_a_thread_of_another_clinician_cannot_be_marked(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    (thread, _), *_ = threads(ana.get(f"{AGREEMENTS}/{practice.client}").text)
    bens = min(pseudonyms(pages.store.connection, "ben"))

    assert status(ben, f"{AGREEMENTS}/{bens}/emergency", thread=thread, marked="yes") == 404
    assert pages.store.connection.execute("SELECT count(*) FROM emergency_thread").fetchone() == (0,)


def test_a_change_about_a_client_is_computed_at_once(pages: DashboardPages, practice: WrittenPractice) -> None:
    with pages.store.read() as connection:
        before = computation(connection, "ana")
    pages.clock.advance(minutes=5)

    post(pages.signed_in("ana"), f"{CLIENTS}/{practice.client}", standing="discharged", **{"from": TODAY})

    with pages.store.read() as connection:
        now = computation(connection, "ana")
    assert (now.dirty_from, now.computed_at) == (None, int(pages.clock().timestamp()))
    assert now.version > before.version


@pytest.mark.parametrize("page", [CLIENTS, AGREEMENTS])
def test_the_lists_show_that_nothing_was_read(empty_pages: DashboardPages, page: str) -> None:
    assert "There are no clients yet. As soon as a calendar" in visible(empty_pages.signed_in("finn").get(page).text)
