"""The page of the weekly report, for the therapist it is about and nobody else."""

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
    """Show the report of the last week that is over."""
    return _render(_report(None))


@blueprint.get("/week/<week>")
@allow(Role.CLINICIAN)
def week(week: str) -> str:
    """Show the report of an earlier week."""
    report = _report(_parse_week(week))
    # The last week always has a report; of others something must be stored for it or the week before.
    built = report.built_from
    is_last_week = report.week == date_of(request.readiness().last_week)
    if not (built.calendar_events or built.message_times or report.previous or is_last_week):
        abort(404, "There is no report for that week. The links beside a report's week lead to the others.")
    return _render(report)


@blueprint.post(f"/week/<week>/notices/<{forms.ROW_NUMBER}:notice>")
@allow(Role.CLINICIAN)
def answer(week: str, notice: int) -> Response:
    """Save or take back the reader's answer to a notice, and show the week again."""
    monday, sent_answer = _parse_week(week), request.form().get("answer", "")
    if sent_answer == UNDO:
        forms.take_back_answer(notice)
    else:
        forms.save_answer(notice, sent_answer)
    is_this_week = monday == date_of(leading_week(request.readiness()))
    return redirect(url_for(".this_week") if is_this_week else url_for(".week", week=iso_week(monday)), 303)


def _parse_week(week: str) -> date:
    """Return the Monday of a week written as 2026-W46; answer 404 if there is no such week, or it is not over."""
    year, _, number = week.partition("-W")
    try:
        monday = date.fromisocalendar(int(year), int(number), 1)
    except ValueError:
        monday = date.max  # later than any week that is over, so it is refused below
    if monday > date_of(request.readiness().last_week):
        abort(404, "There is no report for that week: it is not over yet, or there is no such week.")
    return monday


def _report(monday: date | None) -> WeeklyReport:
    store = request.store()
    with store.read():
        return weekly_report(request.config(), store, request.clinician(), monday, now=request.now())


def _render(report: WeeklyReport) -> str:
    body = weekly.html(
        report,
        actions=f"{url_for('.week', week=iso_week(report.week))}/notices",
        csrf_token=generate_csrf(),
        weeks=f"{url_for('.this_week')}week/",
        until=forms.exception_end_range(),
    )
    return report_page(weekly.week_title(report.week), body, empty=report.built_from.complete_through is None)
