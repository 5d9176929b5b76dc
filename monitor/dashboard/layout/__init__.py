"""The layout of every page: whose it is, its ways to go, and the body that a report drew or a template writes."""

from __future__ import annotations

from typing import Any

import flask
from flask import render_template, url_for
from markupsafe import Markup

from monitor.access import Reader, Role
from monitor.dashboard import request
from monitor.dashboard.layout import assets

HOME = {Role.CLINICIAN: "week.this_week", Role.DIRECTOR: "practice.caseload"}
WAYS = {
    Role.CLINICIAN: (
        ("This week", "week.this_week"),
        ("Patterns", "patterns.overview"),
        ("Clients", "clients.everybody"),
        ("Agreements", "agreements.everybody"),
        ("Check-in", "check_in.overview"),
        ("Your data", "data.shared"),
        ("Help", "help.definitions"),
    ),
    Role.DIRECTOR: (("Practice", "practice.caseload"), ("Help", "help.definitions")),
}
"""The navigation of each reader: words and view."""


def report_page(title: str, body: str, *, empty: bool = False) -> str:
    """A page around the body that a report drew; ``empty`` says that nothing has ever been read.

    The title names no client: it stays in the browser's history after signing out.
    """
    return page("layout/report.html", title=title, body=Markup(body), empty=empty)  # noqa: S704 (the reports escape)


def page(template: str, **values: Any) -> str:
    """A page from a template of ours, for whoever is reading."""
    return page_for(request.reader(), template, **values)


def page_for(reader: Reader | None, template: str, *, reads: str = "", **values: Any) -> str:
    """A page that names its reader and has their ways to go.

    ``None`` has none, and ``reads`` says in the place of a name what is known of whoever reads.
    """
    here, ways = f"{flask.request.script_root}{flask.request.path}", []
    for words, view in WAYS[reader.role] if reader else ():
        address = url_for(view)
        below = not address.endswith("/") and here.startswith(f"{address}/")
        ways.append((words, address, here == address or below))
    return render_template(
        template,
        stylesheet=f"{flask.request.script_root}{assets.assets().address('evenhours.css')}",
        pages_css=f"{flask.request.script_root}{assets.assets().address('pages.css')}",
        reads=f"You are reading as {reader.name}" if reader else reads,
        messages=request.messages() if reader else [],
        write_failed=request.write_failed(),
        ways=ways,
        **values,
    )
