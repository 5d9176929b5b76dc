"""Is something drifting? Every notice there was, one client at a time, the ledger; for the clinician alone."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.terms import LEDGER
from monitor.briefing.patterns import patterns_report
from monitor.dashboard import visit
from monitor.dashboard.frame import framed
from monitor.dashboard.policy import allow
from monitor.dashboard.telling import CLIENT_NUMBER, given_day, last_day, own
from monitor.notices import ANSWERS, EXCEPTIONS
from monitor.store import clients, notices
from reports import patterns

blueprint = Blueprint("patterns", __name__, url_prefix="/me/patterns")
HERE = "/me/patterns"


@blueprint.get("")
@allow(Role.CLINICIAN)
def page() -> str:
    """Every notice, every client, the ledger."""
    report = patterns_report(visit.config(), visit.store(), visit.clinician(), now=visit.now())
    return framed("Patterns", patterns.html(report, actions=HERE, csrf_token=generate_csrf()))


@blueprint.post(f"/notices/<{CLIENT_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(notice: int) -> Response:
    """Keep what the person says to a notice, an exception with the day until which it goes on."""
    said = request.form.get("answer", "")
    if said not in ANSWERS:
        abort(400)
    until = last_day() if said in EXCEPTIONS else None
    with visit.store().write() as connection:
        me, now = visit.clinician().key, int(visit.now().timestamp())
        if not notices.answer_notice(connection, me, notice, said, now, until=until):
            abort(404)
    flash(f"Your answer is kept: {ANSWERS[said]}.")
    return redirect(HERE, 303)


@blueprint.post(f"/notices/<{CLIENT_NUMBER}:notice>/undo")
@allow(Role.CLINICIAN)
def undo(notice: int) -> Response:
    """Take the answer to a notice back."""
    with visit.store().write() as connection:
        undone = notices.undo_answer(connection, visit.clinician().key, notice, int(visit.now().timestamp()))
    if not undone:
        abort(404)
    flash("Your answer is taken back.")
    return redirect(HERE, 303)


@blueprint.post("/ledger")
@allow(Role.CLINICIAN)
def enter() -> Response:
    """Write something into the ledger."""
    kind, named = request.form.get("kind", ""), request.form.get("client", "")
    if kind not in LEDGER or not ((named.isdecimal() and len(named) <= 18) or not named):
        abort(400)
    client = int(named) if named else None
    if client is not None:
        own(client)
    day = given_day()
    if day is not None:
        with visit.store().write() as connection:
            now = int(visit.now().timestamp())
            clients.enter(connection, visit.clinician().key, kind, day=day, client=client, now=now)
        flash(f"Written down: {LEDGER[kind]}.")
    return redirect(HERE, 303)


@blueprint.post(f"/ledger/<{CLIENT_NUMBER}:entry>/strike")
@allow(Role.CLINICIAN)
def strike(entry: int) -> Response:
    """Take an entry out of the ledger."""
    with visit.store().write() as connection:
        if not clients.strike(connection, visit.clinician().key, entry):
            abort(404)
    flash("Struck out.")
    return redirect(HERE, 303)
