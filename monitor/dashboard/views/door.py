"""In and out: the one-time link, the way to one's own page, and signing out."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.dashboard import visit
from monitor.dashboard.frame import HOME, page_for
from monitor.dashboard.policy import allow

blueprint = Blueprint("door", __name__)

SPENT = (
    "This link has been used already, or it is too old: each works once, for a short time. For a new one, run "
    "evenhours serve again."
)


@blueprint.get("/")
@allow(Role.CLINICIAN, Role.DIRECTOR)
def home() -> Response:
    """On to the reader's own page."""
    return redirect(HOME[visit.signed_in().role], 303)


@blueprint.get("/sign-in/<token>")
@allow(Role.ANYBODY)
def sign_in(token: str) -> Response:
    """Use up a one-time link. What merely looks at it, such as a preview, does not."""
    if request.method == "HEAD" or "Sec-Purpose" in request.headers:
        return Response(status=204)
    if not visit.sign_in(token):
        abort(401, SPENT)
    return redirect("/", 303)


@blueprint.post("/sign-out")
@allow(Role.ANYBODY)
def sign_out() -> str:
    """End the session for good."""
    visit.sign_out()
    return page_for(None, "sentence.html", title="You are signed out", sentence="Nothing of it stays in this browser.")
