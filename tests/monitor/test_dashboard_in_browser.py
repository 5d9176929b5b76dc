"""The pages in Chromium without scripts and under their own policy, at phone and desktop width."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Literal

import pytest
from werkzeug.serving import make_server

from tests.monitor.dashboard_pages import DashboardPages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OWN_PAGES = [
    ("ana", "/me/"),
    ("ana", "/me/week/2026-W45"),
    ("ana", "/me/patterns"),
    ("ana", "/me/clients"),
    ("ana", "/me/clients/1"),
    ("ana", "/me/agreements/1"),
    ("ana", "/me/check-in"),
    ("ana", "/me/data"),
    ("ana", "/help"),
    ("director", "/practice/"),
]
WITH_FIGURES = {"/me/", "/me/week/2026-W45", "/practice/"}
WIDTHS = (360, 1000)


@pytest.fixture
def address(pages: DashboardPages) -> Iterator[str]:
    """Serve the pages and yield their address."""
    with make_server("127.0.0.1", 0, pages.app, threaded=True) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Page]:
    """Yield a browser page without scripts; a console message or a request to another machine fails the test."""
    complaints: list[str] = []
    requested_urls: list[str] = []
    with browser.new_context(java_script_enabled=False, base_url=address) as context:
        window = context.new_page()
        window.on("console", lambda message: complaints.append(message.text))
        context.on("request", lambda request: requested_urls.append(request.url))
        context.on("requestfailed", lambda request: complaints.append(f"not loaded: {request.url}"))
        yield window
    assert [url for url in requested_urls if not url.startswith((address, "data:"))] == []
    assert complaints == []


def sign_in(window: Page, pages: DashboardPages, user: str) -> None:
    window.goto(f"{pages.root}{pages.sign_in_link(user)}")
    window.get_by_role("button").click()
    window.wait_for_url(lambda url: "/sign-in/" not in url)  # a key pressed before would go to the page that is left


def sessions(pages: DashboardPages) -> list[str]:
    return [subject for (subject,) in pages.store.connection.execute("SELECT subject FROM web_session")]


def overflow(window: Page) -> int:
    return int(window.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize(("user", "page"), OWN_PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_fits_a_phone_and_a_desktop(
    window: Page, pages: DashboardPages, user: str, page: str, theme: Literal["light", "dark"]
) -> None:
    window.emulate_media(color_scheme=theme)
    sign_in(window, pages, user)
    for width in WIDTHS:
        window.set_viewport_size({"width": width, "height": 800})
        response = window.goto(f"{pages.root}{page}")
        assert response is not None
        assert response.status == 200
        assert overflow(window) == 0
        are_visible = [window.locator(f"{copy} svg").first.is_visible() for copy in (".wide", ".narrow")]
        assert are_visible == ([width == 1000, width == 360] if page in WITH_FIGURES else [False, False])
    dark = window.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (theme == "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_a_link_fits_a_phone_and_a_desktop(
    window: Page, pages: DashboardPages, theme: Literal["light", "dark"]
) -> None:
    window.emulate_media(color_scheme=theme)
    window.goto(f"{pages.root}{pages.sign_in_link('ana')}")
    for width in WIDTHS:
        window.set_viewport_size({"width": width, "height": 800})
        assert overflow(window) == 0
        box = window.get_by_role("button", name="Open Ana’s pages").bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_a_link_in_a_mail_signs_in_by_its_button_and_ends_the_session_before(
    window: Page, pages: DashboardPages, address: str
) -> None:
    sign_in(window, pages, "director")
    assert window.locator(".reader").inner_text() == "You are reading as the director"
    link = f"{address}{pages.root}{pages.sign_in_link('ana')}"

    window.goto(f'data:text/html,<a href="{link}">A mail on another site</a>')
    window.get_by_role("link").click()
    assert (
        window.locator(".reader").inner_text() == "For whoever holds this link"
    )  # browsers send no strict cookie from another site
    assert len(sessions(pages)) == 1
    window.get_by_role("button", name="Open Ana’s pages").click()

    assert window.url == f"{address}{pages.root}/me/"
    assert window.locator(".reader").inner_text() == "You are reading as Ana"
    assert sessions(pages) == ["ana"]


def test_the_shipped_typeface_is_used(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.evaluate("document.fonts.ready")

    assert window.evaluate("[...document.fonts].filter(face => face.status == 'loaded').length") >= 2


def test_a_notice_is_answered_by_a_button(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.get_by_role("button", name="This was planned").click()

    assert window.url.endswith("/me/")
    assert window.get_by_role("status").inner_text() == "Your answer is saved: This was planned."
    assert "Your answer: This was planned" in window.locator(".card .answered").inner_text()
    assert not window.get_by_role("button", name="This was planned").is_visible()


def test_what_a_notice_is_based_on_opens_without_a_script(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    table = window.locator(".card table").first
    assert not table.is_visible()

    window.get_by_text("What this is based on").click()

    assert table.is_visible()


def test_a_questionnaire_is_filled_in_and_drawn_without_a_script(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.get_by_role("link", name="Check-in").click()
    sheet = window.locator("#proqol5")
    sheet.get_by_text("Enter your answers").click()
    for item in range(1, 31):
        sheet.get_by_role("group", name=f"Question {item}", exact=True).get_by_label("2").check()
    sheet.get_by_role("button", name="Save my answers").click()

    assert (
        window.get_by_role("status").inner_text().startswith("Saved for 18 November 2026: Compassion satisfaction 20")
    )
    assert window.locator(".wide svg").is_visible()
    window.get_by_role("button", name="Erase ProQOL 5").click()
    assert window.get_by_role("status").inner_text() == "That entry is erased."


def test_a_client_is_marked_and_an_agreement_saved_without_a_script(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.get_by_role("link", name="Clients").click()
    window.get_by_role("link", name="Thursdays, 09:00").click()
    window.get_by_label("The work is trauma-focused").select_option("Yes")
    window.get_by_role("button", name="Save the changes").click()
    assert window.get_by_role("status").inner_text() == "Saved: The work is trauma-focused."
    assert window.locator("nav [aria-current]").inner_text() == "Clients"

    window.get_by_role("link", name="What was agreed").click()
    window.get_by_role("checkbox", name="Phone").check()
    window.get_by_role("checkbox", name="Fees").check()
    window.get_by_role("button", name="Save the agreement").click()

    assert window.get_by_role("status").inner_text() == "Saved: Channels between sessions, Fees."
    assert window.get_by_role("checkbox", name="Phone").is_checked()


def test_a_ledger_entry_is_added_without_a_script(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.get_by_role("link", name="Patterns").click()
    window.locator("select[name=kind]").select_option("A gift")
    window.get_by_role("button", name="Add to the ledger").click()

    assert window.get_by_role("status").inner_text() == "Added to the ledger: A gift."
    assert window.locator(".entries").inner_text().startswith("A gift")


def test_signing_out_closes_the_pages(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "director")
    window.get_by_role("button", name="Sign out").click()
    assert window.get_by_role("heading", level=1).inner_text() == "You are signed out"


def test_the_pages_link_up(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.get_by_role("link", name="Week before").click()
    assert window.url.endswith("/me/week/2026-W45")
    window.get_by_role("link", name="Help", exact=True).click()
    assert window.get_by_role("heading", level=1).inner_text() == "What the numbers mean"
    window.get_by_role("link", name="Evenhours").click()
    assert window.url.endswith("/me/")


def test_everything_that_can_be_used_is_reached_by_the_keyboard(window: Page, pages: DashboardPages) -> None:
    sign_in(window, pages, "ana")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(30):
        window.keyboard.press("Tab")
        reached.add(str(window.evaluate("document.activeElement.textContent")).strip())
    assert {"This week", "Help", "Sign out", "What this is based on", "This was planned", "This looks wrong"} <= reached
