"""How somebody feels, by their own word: the sheets, and what was answered beside the own weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, abort, redirect, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.calendar import day_number
from monitor.analysis.clock import local_day
from monitor.analysis.selfreport import Instrument, instrument, results
from monitor.briefing.check_in import check_in_report, gap_words, open_from, result_words
from monitor.dashboard import request
from monitor.dashboard.layout import framed
from monitor.dashboard.policy import allow
from monitor.store.selfreport import CheckIn, check_ins, remove_check_in, save_check_in
from reports import check_in
from reports.wording import full_date

blueprint = Blueprint("check_in", __name__, url_prefix="/me/check-in")


@blueprint.get("")
@allow(Role.CLINICIAN)
def page() -> str:
    """What was answered, and what can be."""
    return _page()


@blueprint.post("/<key>")
@allow(Role.CLINICIAN)
def keep(key: str) -> Response | tuple[str, int]:
    """Score a sheet that was filled in and keep its numbers; one with gaps comes back first, as it was filled in."""
    asked = instrument(key) or abort(404)
    answers = _answers(asked)
    numbers = {scale: value for scale, value in results(asked, answers).items() if value is not None}
    me, today = request.clinician().key, local_day(request.clinician(), request.now())
    with request.store().read() as connection:
        waits = open_from(asked, check_ins(connection, me), today)
    if waits:
        request.tell(f"Nothing is kept: you can answer {asked.title} again from {full_date(waits)}.")
        return redirect(url_for(".page"), 303)
    gap = gap_words(asked, answers)
    if gap and not (numbers and "without" in request.form()):
        request.tell(f"Nothing is kept yet. {gap}")
        return _page({key: answers}), 422
    with request.store().write() as connection:
        save_check_in(connection, me, CheckIn(day_number(today), asked.key, numbers))
    request.tell(f"Kept for {full_date(today)}: {' · '.join(result_words(asked, numbers))}.")
    return redirect(url_for(".page"), 303)


@blueprint.post("/<key>/<day>/remove")
@allow(Role.CLINICIAN)
def remove(key: str, day: str) -> Response:
    """Erase one entry for good."""
    with request.store().write(erases=True) as connection:
        erased = remove_check_in(connection, request.clinician().key, day_number(_date(day)), key)
    if not erased:
        abort(404)
    request.tell("That entry is erased.")
    return redirect(url_for(".page"), 303)


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        return abort(404)


def _page(sent: Mapping[str, Mapping[int, int]] | None = None) -> str:
    """The page; with the answers of a sheet that was sent with gaps."""
    report = check_in_report(request.config(), request.store(), request.clinician(), now=request.now(), sent=sent)
    return framed("Check-in", check_in.html(report, actions=url_for(".page"), csrf_token=generate_csrf()))


def _answers(asked: Instrument) -> dict[int, int]:
    """The answers of the sheet as it was sent; what no sheet of ours can send is refused."""
    given = {item: request.form().get(f"q{item}", "") for item in asked.items}
    try:
        answers = {item: int(answer) for item, answer in given.items() if answer}
        results(asked, answers)
    except ValueError:
        abort(400)
    return answers
