"""The pages for one therapist alone, rendered without a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from monitor.dashboard.app import create_app
from tests.monitor.practices import NOW, empty_practice


@cache
def app() -> Flask:
    with TemporaryDirectory() as folder:
        return create_app(empty_practice(Path(folder)), lambda: NOW)


def main_html(render: Callable[[], str]) -> str:
    """Return the main element of a page. Addresses begin with ``/me``, as if the pages were served at the root."""
    with app().test_request_context("/me/"):
        html = render().replace(str(app().config["APPLICATION_ROOT"]), "")
    return html.partition('<main id="main">')[2].partition("</main>")[0]
