"""The weekly report, for the therapist it is about and nobody else."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, redirect, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.calendar import date_of
from monitor.dashboard import request
from monitor.dashboard.layout import report_page
from monitor.dashboard.me import forms
from monitor.dashboard.policy import allow
from monitor.notices import UNDO
from monitor.weekly_report.report import leading_week, weekly_report
from reports import weekly
from reports.models import WeeklyReport
from reports.wording import iso_week

blueprint = Blueprint("week", __name__, url_prefix="/me")


@blueprint.get("/")
@allow(Role.CLINICIAN)
def this_week() -> str:
    """The last week that is over."""
    return _drawn(_report(None))


@blueprint.get("/week/<week>")
@allow(Role.CLINICIAN)
def week(week: str) -> str:
    """An earlier week."""
    report = _report(_monday(week))
    if not _is_known(report):
        abort(404, "There is no report for that week. The links beside a report's week lead to those there are.")
    return _drawn(report)


@blueprint.post(f"/week/<week>/notices/<{forms.ROW_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(week: str, notice: int) -> Response:
    """Keep what the person says to a notice, and show the week again."""
    monday, said = _monday(week), request.form().get("answer", "")
    if said == UNDO:
        forms.take_back(notice)
    else:
        forms.answer(notice, said)
    leads = monday == date_of(leading_week(request.readiness()))
    return redirect(url_for(".this_week") if leads else url_for(".week", week=iso_week(monday)), 303)


def _monday(week: str) -> date:
    """The Monday of a week written as 2026-W46."""
    year, _, number = week.partition("-W")
    try:
        monday = date.fromisocalendar(int(year), int(number), 1)
    except ValueError:
        monday = date.max
    if monday > date_of(request.readiness().last_week):
        abort(404, "There is no report for that week: it is not over yet, or there is no such week.")
    return monday


def _report(monday: date | None) -> WeeklyReport:
    store = request.store()
    with store.read():
        return weekly_report(request.config(), store, request.clinician(), monday, now=request.now())


def _is_known(report: WeeklyReport) -> bool:
    """Say whether anything is stored of that week, or of the one before."""
    built = report.built_from
    return bool(built.calendar_events or built.message_times or report.previous) or report.week == date_of(
        request.readiness().last_week
    )


def _drawn(report: WeeklyReport) -> str:
    body = weekly.html(
        report,
        actions=f"{url_for('.week', week=iso_week(report.week))}/notices",
        csrf_token=generate_csrf(),
        weeks=f"{url_for('.this_week')}week/",
        until=forms.exception_end_range(),
    )
    return report_page(weekly.week_title(report.week), body, empty=report.built_from.complete_through is None)
