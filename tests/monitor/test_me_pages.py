"""Checks of every page for one therapist alone: markup, forms, labels and words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import pytest

from monitor.dashboard.me import agreements, check_in, clients, data, patterns
from tests.monitor import me_samples as samples
from tests.monitor.me_pages import main_html
from tests.reports.pages import Element, read, visible
from tests.reports.test_weekly import BANNED

PAGES: dict[str, Callable[[], str]] = {
    "check-in": lambda: check_in.render(samples.check_in()),
    "patterns": lambda: patterns.render(samples.patterns()),
    "data": lambda: data.render(samples.own_caseload()),
    "clients": lambda: clients.render_list(samples.clients()),
    "client": lambda: clients.render_page(samples.client()),
    "agreements": lambda: agreements.render_list(samples.agreements()),
    "agreement": lambda: agreements.render_page(samples.agreement()),
}


@pytest.fixture(params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def page(name: str) -> Element:
    return read(main_html(PAGES[name]))


def test_a_page_has_no_inline_style_or_script_and_no_duplicate_id(name: str) -> None:
    everything = page(name).all("*")

    assert not [e for e in everything if e.tag in {"style", "script", "html", "head", "body", "img", "iframe"}]
    assert not [e for e in everything if any(a == "style" or a.startswith("on") for a in e.attributes)]
    ids = [e.attributes["id"] for e in everything if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert len(page(name).all("h1")) == 1


def test_every_form_is_posted_to_these_pages_with_the_token(name: str) -> None:
    for form in page(name).all("form"):
        assert form.attributes["method"] == "post"
        assert form.attributes["action"].startswith("/me/")
        hidden = [i.attributes["value"] for i in form.all("input") if i.attributes.get("name") == "csrf_token"]
        assert len(hidden) == 1
        assert all(hidden)
        assert form.all("button")


def test_every_field_has_a_label(name: str) -> None:
    named = {id(field) for label in page(name).all("label") for field in label.all("*")}
    fields = [f for tag in ("input", "select") for f in page(name).all(tag) if f.attributes.get("type") != "hidden"]

    assert [f.attributes for f in fields if id(f) not in named] == []


def test_every_button_has_a_label_of_its_own(name: str) -> None:
    labels = [
        (form.attributes["action"], b.attributes.get("aria-label") or b.words())
        for form in page(name).all("form")
        for b in form.all("button")
    ]

    assert len(labels) == len(set(labels))
    assert all(words for _, words in labels)


def test_text_from_elsewhere_is_escaped(name: str) -> None:
    assert "<script" not in main_html(PAGES[name])


@pytest.mark.parametrize("quiet", sorted(PAGES.keys() - {"check-in"}))
def test_banned_words_are_never_used(quiet: str) -> None:
    html = main_html(PAGES[quiet]).replace("1.3 to 2.4", "")

    assert BANNED.findall(visible(html)) == []
    assert "!" not in visible(re.sub(r"&[#\w]+;", "", html))


def test_only_an_open_notice_or_a_due_review_is_a_card() -> None:
    assert [card.attributes["id"] for card in page("patterns").all("section", "card")] == ["note-7"]
    assert [card.all("h2")[0].words() for card in page("agreement").all("section", "card")] == ["A review is due"]
    assert page("clients").all("section", "card") == []


def test_only_an_answered_notice_can_be_taken_back() -> None:
    actions = [form.attributes["action"] for form in page("patterns").all("form")]

    assert [action for action in actions if action.endswith("/undo")] == ["/me/patterns/notices/6/undo"]


def test_a_field_shows_the_current_value() -> None:
    form = next(f for f in page("agreement").all("form") if f.attributes["action"] == "/me/agreements/4")

    values = {
        i.attributes["name"]: i.attributes["value"] for i in form.all("input") if i.attributes.get("type") != "checkbox"
    }
    ticked = {i.attributes["name"]: i.attributes["value"] for i in form.all("input") if "checked" in i.attributes}
    chosen = {
        s.attributes["name"]: [o.attributes["value"] for o in s.all("option") if "selected" in o.attributes]
        for s in form.all("select")
    }

    assert values | {"csrf_token": ""} == {
        "csrf_token": "", "frequency": "0.5", "contact_hours": "09:00-18:00", "review_on": "2026-01-01",
        "from": "2025-11-10",
    }  # fmt: skip
    assert ticked == {"channels": "email", "fees": "agreed"}
    assert chosen == {"standing": ["client"], "emergency": [""]}
