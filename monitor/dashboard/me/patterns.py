"""Is something drifting? Every notice there was, one client at a time, the ledger; for the clinician alone."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.terms import LEDGER
from monitor.briefing.patterns import patterns_report
from monitor.dashboard import forms, request
from monitor.dashboard.forms import CLIENT_NUMBER, given_day, last_days, own, tried
from monitor.dashboard.layout import framed
from monitor.dashboard.policy import allow
from monitor.store import clients
from reports import patterns

blueprint = Blueprint("patterns", __name__, url_prefix="/me/patterns")


@blueprint.get("")
@allow(Role.CLINICIAN)
def page() -> str:
    """Every notice, every client, the ledger."""
    report = patterns_report(request.config(), request.store(), request.clinician(), now=request.now())
    body = patterns.html(report, actions=url_for(".page"), csrf_token=generate_csrf(), until=last_days())
    return framed("Patterns", body)


@blueprint.post(f"/notices/<{CLIENT_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(notice: int) -> Response:
    """Keep what the person says to a notice."""
    forms.answer(notice, request.form().get("answer", ""))
    return redirect(url_for(".page"), 303)


@blueprint.post(f"/notices/<{CLIENT_NUMBER}:notice>/undo")
@allow(Role.CLINICIAN)
def undo(notice: int) -> Response:
    """Take the answer to a notice back."""
    forms.take_back(notice)
    return redirect(url_for(".page"), 303)


@blueprint.post("/ledger")
@allow(Role.CLINICIAN)
def enter() -> Response:
    """Write something into the ledger."""
    kind, named = request.form().get("kind", ""), request.form().get("client", "")
    if kind not in LEDGER or not ((named.isdecimal() and len(named) <= 18) or not named):
        abort(400)
    client = int(named) if named else None
    if client is not None:
        own(client)
    with tried(), request.store().write() as connection:
        day, now = given_day("on which day it was"), int(request.now().timestamp())
        clients.enter(connection, request.clinician().key, kind, day=day, client=client, now=now)
        request.tell(f"Written down: {LEDGER[kind]}.")
    return redirect(url_for(".page"), 303)


@blueprint.post(f"/ledger/<{CLIENT_NUMBER}:entry>/strike")
@allow(Role.CLINICIAN)
def strike(entry: int) -> Response:
    """Take an entry out of the ledger."""
    with request.store().write(erases=True) as connection:
        if not clients.strike(connection, request.clinician().key, entry):
            abort(404)
    request.tell("Struck out.")
    return redirect(url_for(".page"), 303)
