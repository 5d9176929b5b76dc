"""The director's page: how evenly the caseload is shared, from published blocks alone."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, Response, url_for

from monitor.access import Role
from monitor.dashboard import request
from monitor.dashboard.layout import report_page
from monitor.dashboard.policy import allow
from monitor.fairness_report.report import fairness_report
from reports import fairness
from reports.models import FairnessReport

blueprint = Blueprint("practice", __name__, url_prefix="/practice")

COLUMNS = (
    "clinician", "fte", "load_per_fte", "load_per_fte_before", "band_low", "band_high", "difference_percent",
    "standing", "active_clients", "intakes", "day_slots", "evening_slots", "trauma_slots",
    "slots_older_than_eight_weeks", "supervision", "note",
)  # fmt: skip
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a cell for a formula


@blueprint.get("/")
@allow(Role.DIRECTOR)
def caseload() -> str:
    """Show the caseload plot and its tables."""
    report = _report()
    body = fairness.html(report, csv=url_for(".caseload_csv"))
    return report_page("Practice", body, empty=report.complete_through is None and report.period.last is None)


@blueprint.get("/caseload.csv")
@allow(Role.DIRECTOR)
def caseload_csv() -> Response:
    """Return the rows of the page as CSV: the numbers as rounded there, missing data as empty cells."""
    report = _report()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in report.rows:
        loads = (None if load is None else round(load, 1) for load in (row.load, row.load_before, row.low, row.high))
        difference = None if row.difference is None else round(row.difference)
        writer.writerow((
            _as_text(row.name), row.fte, *loads, difference, row.standing.value, row.active_clients, row.intakes,
            row.day_slots, row.evening_slots, row.trauma_slots, int(row.slots_are_old), row.supervision.value,
            _as_text(row.note),
        ))  # fmt: skip
    name = f"caseload-{report.period.last or 'none'}.csv"
    return Response(
        text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _report() -> FairnessReport:
    store = request.store()
    with store.read():
        return fairness_report(request.config(), store, now=request.now())


def _as_text(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text
