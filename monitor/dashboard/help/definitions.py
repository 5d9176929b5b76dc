"""The definition of each number, read from the catalogue, with who sees it and people to talk to."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint

from monitor.access import Role
from monitor.analysis.catalogue import DEFINITIONS_VERSION, Category, Family, catalogue
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.policy import allow
from monitor.notices import ALL_FAMILIES, FAMILIES, RULES
from reports.models import Unit

blueprint = Blueprint("help", __name__)

HEADINGS = {
    Family.SESSIONS: "Sessions",
    Family.MESSAGES: "Messages",
    Family.RECOVERY: "Rest and recovery",
    Family.CASELOAD: "Caseload",
    Family.CLIENTS: "One client at a time",
}
UNITS = {
    Unit.COUNT: "A count",
    Unit.MINUTES: "In minutes",
    Unit.HOURS: "In hours",
    Unit.PERCENT: "In per cent",
    Unit.DAYS: "In days",
    Unit.LOAD: "A number",
}
SEEN_BY = {
    Category.WELLBEING: "seen only by the person it is about",
    Category.WORKLOAD: "seen only by the person it is about; the director’s blocks of four weeks are made from it",
}
GRADES = {
    "A": "regulation or professional standard",
    "B": "several observational studies",
    "C": "indirect evidence, or small studies",
    "D": "opinion, or our own choice",
    "–": "a plain count, with nothing to prove",
}


@blueprint.get("/help")
@allow(Role.CLINICIAN, Role.DIRECTOR)
def definitions() -> str:
    """Show every definition of the catalogue, by subject."""
    # `groupby` needs each subject's metrics in a row; the sort is stable, so their order within it stays.
    metrics = sorted(catalogue().values(), key=lambda metric: list(Family).index(metric.family))
    by_subject = groupby(metrics, lambda metric: metric.family)
    return page(
        "help/definitions.html",
        subjects=[(HEADINGS[family], list(group)) for family, group in by_subject],
        units=UNITS,
        seen_by=SEEN_BY,
        grades=GRADES,
        watched=(*FAMILIES, ALL_FAMILIES),
        rules=RULES,
        version=DEFINITIONS_VERSION,
        contacts=request.config().practice.contacts,
        has_accounts=request.require_reader().role is Role.CLINICIAN,
    )
