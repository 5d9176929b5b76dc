"""The frame of every page: its reader, the navigation, and the body that a report or a template renders."""

from __future__ import annotations

from typing import Any

import flask
from flask import render_template, url_for
from markupsafe import Markup

from monitor.access import Reader, Role
from monitor.dashboard import request
from monitor.dashboard.layout import assets

HOME = {Role.CLINICIAN: "week.this_week", Role.DIRECTOR: "practice.caseload"}
NAVIGATION = {
    Role.CLINICIAN: (
        ("This week", "week.this_week"),
        ("Patterns", "patterns.overview"),
        ("Clients", "clients.client_list"),
        ("Agreements", "agreements.agreement_list"),
        ("Check-in", "check_in.overview"),
        ("Your data", "data.shared"),
        ("Help", "help.definitions"),
    ),
    Role.DIRECTOR: (("Practice", "practice.caseload"), ("Help", "help.definitions")),
}
"""The navigation for each role: label and endpoint."""


def report_page(title: str, body: str, *, empty: bool = False) -> str:
    """Return a page around the HTML of a report; ``empty`` means that nothing has ever been read.

    The title must not name a client: it stays in the browser's history after signing out.
    """
    return page("layout/report.html", title=title, body=Markup(body), empty=empty)  # noqa: S704 (the reports escape)


def page(template: str, **values: Any) -> str:
    """Return a page rendered from a template, for whoever is reading."""
    return page_for(request.reader(), template, **values)


def page_for(reader: Reader | None, template: str, *, reader_text: str = "", **values: Any) -> str:
    """Return a page with its reader's name and navigation.

    With ``None`` as the reader there is no navigation, and ``reader_text`` stands in the place of the name.
    """
    root = flask.request.script_root
    current_path, navigation = f"{root}{flask.request.path}", []
    for label, endpoint in NAVIGATION[reader.role] if reader else ():
        address = url_for(endpoint)
        # "/me/" is the first page and not the parent of all others.
        is_below = not address.endswith("/") and current_path.startswith(f"{address}/")
        navigation.append((label, address, current_path == address or is_below))
    return render_template(
        template,
        stylesheet=f"{root}{assets.assets().address('evenhours.css')}",
        pages_css=f"{root}{assets.assets().address('pages.css')}",
        reader_text=f"You are reading as {reader.name}" if reader else reader_text,
        messages=request.take_messages() if reader else [],
        write_failed=request.write_failed(),
        navigation=navigation,
        **values,
    )
