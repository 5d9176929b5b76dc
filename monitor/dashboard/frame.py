"""The frame around every page: its ways to go, and the body that a report drew or a template writes."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from markupsafe import Markup

from monitor.access import Reader, Role
from monitor.dashboard import visit
from monitor.dashboard.assets import assets

HOME = {Role.CLINICIAN: "/me/", Role.DIRECTOR: "/practice/"}
WAYS = {
    Role.CLINICIAN: (
        ("This week", "/me/"),
        ("Patterns", "/me/patterns"),
        ("Clients", "/me/clients"),
        ("Agreements", "/me/agreements"),
        ("Check-in", "/me/check-in"),
        ("Your data", "/me/data"),
        ("Help", "/help"),
    ),
    Role.DIRECTOR: (("Practice", "/practice/"), ("Help", "/help")),
}
"""Where the pages of each reader are: words and address."""


def framed(title: str, body: str, *, empty: bool = False) -> str:
    """A page around the body that a report drew; ``empty`` says that nothing has ever been read."""
    return page("report.html", title=title, body=Markup(body), empty=empty)  # noqa: S704 (the reports escape)


def page(template: str, **values: Any) -> str:
    """A page from a template of ours, for whoever is reading."""
    return page_for(visit.reader(), template, **values)


def page_for(reader: Reader | None, template: str, **values: Any) -> str:
    """A page with the ways to go of one reader; ``None`` has none."""
    return render_template(
        template,
        stylesheet=assets().address("evenhours.css"),
        pages_css=assets().address("pages.css"),
        ways=WAYS[reader.role] if reader else (),
        here=request.path,
        **values,
    )
