"""Signing in by a one-time link, the way to one's own page, and signing out."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from monitor import access
from monitor.access import Role
from monitor.dashboard import request
from monitor.dashboard.layout import HOME, page_for
from monitor.dashboard.policy import allow
from monitor.dashboard.web_session import SIGN_IN, web_session

blueprint = Blueprint("auth", __name__)

NOBODY = "You are not signed in"
SPENT = "It has been used already, or it is too old: each works once, for a short time."


@blueprint.get("/")
@allow(Role.CLINICIAN, Role.DIRECTOR)
def home() -> Response:
    """On to the reader's own page."""
    return redirect(url_for(HOME[request.require_reader().role]), 303)


@blueprint.get(f"{SIGN_IN}/<token>")
@allow(Role.ANYBODY)
def link(token: str) -> str | tuple[str, int]:
    """Say whose pages a one-time link opens, and show the button. Previews and scanners use nothing up."""
    whose = access.reader_of_link(request.config(), request.store(), token, request.now())
    earlier = request.reader()
    if whose is None:
        return _spent()
    web_session().begin_signing_in()
    return page_for(
        None,
        "sign_in.html",
        reads=f"You are reading as {earlier.name}" if earlier else "For whoever holds this link",
        pages=whose.pages,
        earlier=earlier.name if earlier else "",
    )


@blueprint.post(f"{SIGN_IN}/<token>")
@allow(Role.ANYBODY)
def sign_in(token: str) -> Response | tuple[str, int]:
    """Use up a one-time link; the address that one is sent on to does not hold it."""
    begun = access.sign_in(request.store(), token, request.now(), earlier=web_session().token)
    if begun is None:
        return _spent()
    web_session().begin(begun)
    request.reset_reader()
    return redirect(url_for(".home"), 303)


@blueprint.post("/sign-out")
@allow(Role.ANYBODY)
def sign_out() -> str:
    """End the session for good."""
    if held := web_session().token:
        access.sign_out(request.store(), held)
    web_session().end()
    request.reset_reader()
    return page_for(
        None,
        "layout/message.html",
        reads=NOBODY,
        title="You are signed out",
        sentence="Of what you saw nothing stays in this browser but the pages’ addresses in its history.",
    )


def _spent() -> tuple[str, int]:
    """Say that a link signs nobody in; whoever has signed in, with this very link perhaps, goes on as before."""
    reader = request.reader()
    way_on = "You are signed in: go on above." if reader else "For a new one, run evenhours serve again."
    return (
        page_for(
            reader,
            "layout/message.html",
            reads=NOBODY,
            title="This link opens nothing any more",
            sentence=f"{SPENT} {way_on}",
        ),
        401,
    )
