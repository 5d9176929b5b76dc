"""Signing in by a one-time link, and signing out."""

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

NOT_SIGNED_IN = "You are not signed in"
LINK_EXPIRED = "It has been used already, or it is too old: a link works once, for a short time."


@blueprint.get("/")
@allow(Role.CLINICIAN, Role.DIRECTOR)
def home() -> Response:
    """Redirect to the reader's first page."""
    return redirect(url_for(HOME[request.require_reader().role]), 303)


@blueprint.get(f"{SIGN_IN}/<token>")
@allow(Role.ANYBODY)
def link(token: str) -> str | tuple[str, int]:
    """Show whose pages a one-time link opens, with a button that opens them.

    Only the button uses the link up: mail scanners and link previews send GET requests.
    """
    link_reader = access.reader_of_link(request.config(), request.store(), token, request.now())
    # A strict cookie is not sent when a link in a mail is followed, so `current` may be missing here.
    current = request.reader()
    if link_reader is None:
        return _expired_link_page()
    web_session().begin_signing_in()
    return page_for(
        None,
        "sign_in.html",
        reader_text=f"You are reading as {current.name}" if current else "For whoever holds this link",
        pages=link_reader.pages,
        current_reader=current.name if current else "",
    )


@blueprint.post(f"{SIGN_IN}/<token>")
@allow(Role.ANYBODY)
def sign_in(token: str) -> Response | tuple[str, int]:
    """Use up a one-time link, then redirect to an address that does not contain its token."""
    session_token = access.sign_in(request.store(), token, request.now(), earlier=web_session().token)
    if session_token is None:
        return _expired_link_page()
    web_session().begin(session_token)
    request.reset_reader()
    return redirect(url_for(".home"), 303)


@blueprint.post("/sign-out")
@allow(Role.ANYBODY)
def sign_out() -> str:
    """End the web session, here and in the store."""
    if token := web_session().token:
        access.sign_out(request.store(), token)
    web_session().end()
    request.reset_reader()
    return page_for(
        None,
        "layout/message.html",
        reader_text=NOT_SIGNED_IN,
        title="You are signed out",
        sentence="This browser keeps nothing of what you saw, except the addresses of the pages in its history.",
    )


def _expired_link_page() -> tuple[str, int]:
    """Return the page for a link that no longer works. Whoever is signed in, perhaps by this very link, stays so."""
    reader = request.reader()
    next_step = "You are signed in: use the links above." if reader else "To get a new one, run evenhours serve again."
    return (
        page_for(
            reader,
            "layout/message.html",
            reader_text=NOT_SIGNED_IN,
            title="This link no longer works",
            sentence=f"{LINK_EXPIRED} {next_step}",
        ),
        401,
    )
