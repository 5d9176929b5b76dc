"""What of a therapist the director sees, for that therapist: the one row, and nobody else's."""

from __future__ import annotations

from flask import Blueprint

from monitor.access import Role
from monitor.briefing import gaps
from monitor.briefing.caseload import own_caseload
from monitor.dashboard import visit
from monitor.dashboard.frame import framed
from monitor.dashboard.policy import allow
from reports import fairness

blueprint = Blueprint("data", __name__, url_prefix="/me/data")


@blueprint.get("")
@allow(Role.CLINICIAN)
def shared() -> str:
    """The clinician's own row of the director's page."""
    store = visit.store()
    with store.read():
        report = own_caseload(visit.config(), store, visit.clinician(), now=visit.now())
    body = fairness.own_html(report, gaps.all_warnings(visit.readiness()))
    return framed("Your data", body, empty=report.row is None)
