from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest

from reports import value_texts, weekly, wording
from reports.models import BuiltFrom
from reports.shell import static
from tests.reports import samples
from tests.reports.conftest import Snapshot
from tests.reports.pages import Element, read, visible

BANNED = re.compile(r"\b(burn-?out|risks?|scor(?:e|es|ed|ing)|should|fail(?:ed|ure|s)?)\b", re.IGNORECASE)


@pytest.fixture(params=samples.WEEKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def page(name: str) -> Element:
    report = samples.WEEKS[name]()
    return read(weekly.html(report, actions="/me/notices", csrf_token="t0ken", weeks="/me/?week="))


def headings(of: Element) -> list[str]:
    return [e.words() for e in of.all("*") if e.tag in {"h1", "h2"}]


def test_banned_words_appear_in_no_rendering(name: str) -> None:
    report = samples.WEEKS[name]()
    for rendered in (visible(weekly.html(report, actions="/a")), weekly.text(report), weekly.markdown(report)):
        assert not BANNED.search(rendered)
        assert "!" not in rendered


def test_a_fragment_holds_under_the_strictest_policy(name: str) -> None:
    everything = page(name).all("*")
    assert not [e for e in everything if e.tag in {"style", "script", "html", "head", "body", "img", "iframe"}]
    assert not [e for e in everything if any(a == "style" or a.startswith("on") for a in e.attributes)]
    addresses = [e.attributes[a] for e in everything for a in ("href", "src", "action") if a in e.attributes]
    assert all(address.startswith(("#", "/me/")) for address in addresses)


def test_ids_are_unique_in_the_page(name: str) -> None:
    ids = [e.attributes["id"] for e in page(name).all("*") if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_a_page_stays_under_a_hundred_kilobytes(name: str) -> None:
    sheet = (static() / "evenhours.css").read_bytes()
    assert len(weekly.html(samples.WEEKS[name](), actions="/a").encode()) + len(sheet) < 100_000


def test_the_order_is_privacy_headline_source_card_figures_care_notes() -> None:
    report = samples.full()
    assert report.rhythm
    assert report.ends
    order = [
        weekly.PRIVACY,
        report.headline,
        "Built from 24 calendar events and 61 message times.",
        "Something you may want to look at",
        report.rhythm.title,
        report.ends.title,
        weekly.RANGES,
        "What protects",
        "Looking ahead",
        "Ends are known for 24 of 24 sessions.",
    ]
    for rendered in (page("full").words(), _flat(weekly.text(report)), _flat(weekly.markdown(report))):
        places = [rendered.index(words) for words in order]
        assert places == sorted(places)
        assert rendered.index(weekly.CLOSING) > places[-1] or "People to talk to" in rendered
        assert "Definitions, version 2025.1." in rendered


def _flat(words: str) -> str:
    return " ".join(words.split())


def test_a_page_has_one_first_heading(name: str) -> None:
    assert len(page(name).all("h1")) == 1


def test_answers_are_posted_with_the_token() -> None:
    form = page("full").all("form")[0]
    assert (form.attributes["method"], form.attributes["action"]) == ("post", "/me/notices/7")
    fields = {i.attributes["name"]: (i.attributes["type"], i.attributes.get("value")) for i in form.all("input")}
    assert fields == {"csrf_token": ("hidden", "t0ken"), "until": ("date", None)}
    buttons = {b.attributes["value"]: b.words() for b in form.all("button")}
    assert buttons == {answer.key: answer.label for answer in samples.ANSWERS}


def test_an_answer_that_was_given_can_be_taken_back() -> None:
    (undo,) = [form for form in page("answered").all("form") if "Take the answer back" in form.words()]
    assert [(b.attributes["name"], b.attributes["value"]) for b in undo.all("button")] == [("answer", "undo")]
    assert len(page("full").all("form")) == 1


def test_a_file_has_neither_buttons_nor_links() -> None:
    document = read(weekly.standalone(samples.full()))
    assert document.all("form") == []
    assert [a.attributes["href"] for a in document.all("a")] == ["#main"]


def test_an_answered_card_shows_the_answer() -> None:
    assert "Your answer: This was planned" in page("answered").words()
    assert "Your answer: This was planned." in weekly.text(samples.answered())


def test_a_quiet_week_has_no_card_and_no_amber() -> None:
    html = weekly.html(samples.quiet())
    assert 'class="card"' not in html
    assert "amber" not in html


def test_links_lead_to_neighbouring_weeks_where_there_are_any() -> None:
    links = {a.words(): a.attributes["href"] for a in page("full").all("a")}
    assert links == {"Week before": "/me/?week=2025-W44", "Week after": "/me/?week=2025-W46"}
    assert page("nothing-yet").all("a") == []


def test_every_figure_has_its_numbers_beside_it(name: str) -> None:
    for figure in page(name).all("section", "figure"):
        assert len(figure.all("svg")) in {0, 2}
        if figure.all("svg"):
            assert figure.all("summary")[0].words() == "The numbers"
            assert figure.all("table")


def test_the_numbers_of_the_rhythm_are_the_drawn_ones() -> None:
    week = samples.rhythm()
    table = page("full").all("section", "figure")[0].all("table")[0]
    rows = {row.all("th")[0].words(): [td.words() for td in row.all("td")] for row in table.all("tbody")[0].all("tr")}
    assert rows["9 pm"][1] == "+48"
    assert rows["9 am"][0] == "60"
    numbers = sum(
        int(n) for hour, cells in rows.items() for cell in cells for n in re.findall(r"^\+?(\d+)$", cell) if hour
    )
    assert numbers == sum(sum(day.inside) + sum(day.outside) for day in week.days)
    assert rows["outside"] == [value_texts.outside_hours(day) for day in week.days]


def test_the_numbers_of_the_ends_are_the_drawn_ones() -> None:
    figure = page("full").all("section", "figure")[1]
    listed = [row.all("td")[1].words() for row in figure.all("tbody")[0].all("tr")]
    drawn = [use.all("title")[0].words() for use in figure.all("svg")[0].all("use") if use.all("title")]
    assert sorted(listed) == sorted(says.partition(": ")[2] for says in drawn)


def test_the_numbers_of_the_ranges_are_the_drawn_ones() -> None:
    figure = page("full").all("section", "figure")[2]
    rows = [[td.words() for td in row.all("td")] for row in figure.all("tbody")[0].all("tr")]
    drawn = sorted(use.all("title")[0].words().rpartition(": ")[2] for use in figure.all("svg")[0].all("use"))
    assert sorted(cell for row in rows[:13] for cell in row if cell != "–") == drawn
    assert rows[13] == ["1 h 06 – 1 h 41", "7 – 12", "44 min – 1 h 05", "22 – 26"]


def test_unknown_ends_are_stated_and_not_zero() -> None:
    words = page("odd-hours").words()
    assert "end unknown for 2 sessions" in words
    assert "end unknown for 3 sessions" in words


def test_too_few_weeks_are_stated() -> None:
    report = samples.first_weeks()
    for rendered in (page("first-weeks").words(), _flat(weekly.text(report))):
        assert "Your usual range needs 6 weeks; you have 2. We show your week without comparing it." in rendered
        assert "no usual range yet" in rendered
        assert "Shaded" not in rendered


def test_a_week_of_leave_shows_dashes() -> None:
    text = weekly.text(samples.leave())
    assert "leave" in text
    assert "no value this week" in text
    assert not re.search(r"\b0 min\b", text)


MONDAY = samples.MONDAY


@pytest.mark.parametrize(
    ("through", "words"),
    [
        (datetime(2025, 11, 9, 23, 59), "Complete through Sunday night."),  # noqa: DTZ001 - local
        (datetime(2025, 11, 20, 8, 0), "Complete through Sunday night."),  # noqa: DTZ001 - local
        (datetime(2025, 11, 6, 14, 5), "Complete through Thursday 14:05."),  # noqa: DTZ001 - local
        (datetime(2025, 11, 1, 14, 5), "Complete through 1 November, before this week began."),  # noqa: DTZ001 - local
        (None, "Nothing has arrived yet."),
    ],
)
def test_freshness_is_stated_for_this_week(through: datetime | None, words: str) -> None:
    built = replace(samples.BUILT, complete_through=through)
    assert weekly.basis_sentence(built, MONDAY).endswith(words)


def test_the_source_line_names_missing_sources() -> None:
    assert weekly.basis_sentence(samples.BUILT, MONDAY) == (
        "Built from 24 calendar events and 61 message times. No message or note is read. Not seen: phone, portal. "
        "Complete through Sunday night."
    )
    alone = BuiltFrom(1, 0, False, (), None, False)
    assert "No messages are connected" in weekly.basis_sentence(alone, MONDAY)


def test_assumed_hours_and_unread_sources_are_stated() -> None:
    words, report = page("without-messages").words(), samples.without_messages()
    for sentence in (wording.ASSUMED_HOURS, *report.warnings, *(gap.text for gap in report.gaps)):
        assert sentence in words
        assert sentence in _flat(weekly.text(report))


def test_words_from_outside_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    report = replace(
        samples.full(), headline=evil, contacts=(evil,), notes=(evil,), protective_facts=(f"{evil} 38 min",)
    )
    assert "<script" not in weekly.html(report)
    assert "<script" not in weekly.standalone(report)
    assert evil not in weekly.markdown(report)


def test_a_quantity_does_not_break_across_lines() -> None:
    assert '<span class="q">2 h 41</span>' in weekly.html(samples.full())


def test_plain_text_keeps_to_72_columns(name: str) -> None:
    assert max(map(len, weekly.text(samples.WEEKS[name]()).splitlines())) <= 72


def test_a_file_loads_nothing_and_its_style_is_allowed_by_its_own_policy() -> None:
    file = weekly.standalone(samples.full())
    assert "https:" not in file
    assert 'href="/' not in file
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in file
    assert file.count("data:font/woff2;base64,") == 2


def test_the_text_of_a_week(name: str, snapshot: Snapshot) -> None:
    snapshot(f"weekly-{name}.txt", weekly.text(samples.WEEKS[name]()))


def test_the_markdown_of_a_week(snapshot: Snapshot) -> None:
    snapshot("weekly-full.md", weekly.markdown(samples.full()))
