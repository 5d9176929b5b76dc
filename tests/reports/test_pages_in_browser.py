"""The pages as Chromium shows them, under the policy that the dashboard sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Literal

import pytest

from monitor.dashboard.me import check_in
from reports import fairness, palette, shell, weekly
from tests.monitor import me_samples
from tests.monitor.me_pages import main_html
from tests.reports import samples

if TYPE_CHECKING:
    from playwright.sync_api import Page

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
FRAME = '{% extends "shell.html" %}{% block main %}{{ body | safe }}{% endblock %}'
PAGES: dict[str, Callable[[], str]] = {
    **{name: lambda make=make: weekly.html(make(), actions="/a", weeks="/w") for name, make in samples.WEEKS.items()},  # type: ignore[misc]
    "check-in": lambda: main_html(lambda: check_in.render(me_samples.check_in())),
    **{name: lambda make=make: fairness.html(make()) for name, make in samples.PRACTICES.items()},  # type: ignore[misc]
}


class _Handler(BaseHTTPRequestHandler):
    html = b""
    policy = ""

    def do_GET(self) -> None:
        file = shell.static() / self.path.removeprefix("/static/")
        page = self.path == "/"
        body = self.html if page else file.read_bytes() if file.is_file() else b""
        kind = "text/html; charset=utf-8" if page else "text/css" if self.path.endswith("css") else "font/woff2"
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", kind)
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(html: str, policy: str = POLICY) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"html": html.encode(), "policy": policy})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@cache
def framed(name: str) -> str:
    return shell.environment().from_string(FRAME).render(body=PAGES[name](), stylesheet="/static/evenhours.css")


def complaints(page: Page) -> list[str]:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_to_the_policy_and_to_a_phone(page: Page, name: str) -> None:
    messages = complaints(page)
    with served(framed(name)) as url:
        for width in (360, 1000):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(url)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert messages == []


@pytest.mark.parametrize(("theme", "colours"), [("light", palette.LIGHT), ("dark", palette.DARK)])
def test_figures_have_the_colours_of_the_theme(
    page: Page, theme: Literal["light", "dark"], colours: dict[str, str]
) -> None:
    page.emulate_media(color_scheme=theme)
    painted = "name => getComputedStyle(document.querySelector('.wide .f-' + name)).fill"
    with served(framed("full")) as url:
        page.goto(url)
        for name in ("ink", "quiet", "band", "teal-4", "amber-4"):
            rgb = tuple(int(n) for n in re.findall(r"\d+", page.evaluate(painted, name)))
            assert "#{:02x}{:02x}{:02x}".format(*rgb) == colours[name]


def test_a_phone_gets_the_narrow_figures_and_readable_words(page: Page) -> None:
    size = "() => [...document.querySelectorAll('.narrow text')].map(t => t.getBoundingClientRect().height)"
    with served(framed("full")) as url:
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto(url)
        assert page.locator(".narrow svg").first.is_visible()
        assert not page.locator(".wide svg").first.is_visible()
        assert min(page.evaluate(size)) >= 11


def test_who_a_row_is_about_stays_when_a_wide_table_is_moved(page: Page) -> None:
    moved = """() => {
        const wide = [...document.querySelectorAll('.scroll')].find(s => s.scrollWidth > s.clientWidth);
        const [who, what] = ['tbody th', 'tbody td'].map(name => wide.querySelector(name));
        const lefts = () => [who, what].map(cell => cell.getBoundingClientRect().left);
        const before = lefts();
        wide.scrollLeft = 40;
        return lefts().map((left, n) => before[n] - left)}"""
    with served(framed(next(iter(samples.PRACTICES)))) as url:
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto(url)
        assert page.evaluate(moved) == [0, 40]


@pytest.mark.parametrize("name", ["full", "odd-hours", "large", "check-in"])
@pytest.mark.parametrize("width", [360, 1000])
def test_no_words_of_a_figure_cover_others(page: Page, name: str, width: int) -> None:
    boxes = """() => [...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width).map(
        s => [...s.querySelectorAll('text')].map(t => {
            const b = t.getBoundingClientRect(), o = s.getBoundingClientRect();
            return [t.textContent, b.left, b.right, b.top + 2, b.bottom - 2, o.left, o.right]}))"""
    with served(framed(name)) as url:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(url)
        page.evaluate("document.fonts.ready")
        figures = page.evaluate(boxes)
    for words in figures:
        for n, (text, left, right, top, bottom, start, end) in enumerate(words):
            assert start - 1 <= left, text
            assert right <= end + 1, text
            covered = [w[0] for w in words[n + 1 :] if w[1] < right and left < w[2] and w[3] < bottom and top < w[4]]
            assert covered == [], text


def test_a_file_shows_its_style_and_fonts_by_itself(page: Page) -> None:
    messages = complaints(page)
    with served(weekly.standalone(samples.full()), policy="") as url:
        page.goto(url)
        page.evaluate("document.fonts.ready")
        assert "Inter" in page.evaluate("getComputedStyle(document.body).fontFamily")
        assert page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').length") == 2
    assert [text for text in messages if "favicon" not in text] == []
