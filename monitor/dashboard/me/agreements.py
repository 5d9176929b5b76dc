"""What was agreed with a client, from which day on, and when it is looked at again; for the clinician alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_day
from monitor.analysis.terms import TERMS, Form
from monitor.briefing.agreements import AGREED, REVIEWED, TOGETHER, agreement_report, agreements_report
from monitor.briefing.book import terms_on
from monitor.dashboard import request
from monitor.dashboard.forms import CLIENT_NUMBER, forms, given_day, keep, own, refused
from monitor.dashboard.layout import framed
from monitor.dashboard.policy import allow
from monitor.errors import UsageError
from monitor.store import clients as kept
from monitor.store.threads import mark_emergency
from reports import clients

blueprint = Blueprint("agreements", __name__, url_prefix="/me/agreements")
REVIEWS = ("modified_until", "review_on")
INCOMPLETE = (
    "A boundary that is another one on purpose needs a reason, who decided it, and a review date. "
    "Leave all three open, or none."
)


@blueprint.get("")
@allow(Role.CLINICIAN)
def everybody() -> str:
    """All clients with what was agreed in short."""
    report = agreements_report(request.config(), request.store(), request.clinician(), now=request.now())
    return framed("Agreements", clients.agreements_html(report, **forms()))


@blueprint.get(f"/<{CLIENT_NUMBER}:client>")
@allow(Role.CLINICIAN)
def one(client: int) -> str:
    """One client's agreement."""
    return _page(client)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>")
@allow(Role.CLINICIAN)
def say(client: int) -> Response | tuple[str, int]:
    """Keep what changed in an agreement, from a day on; refused, the form comes back as it was filled in."""
    said, given = own(client), {term: _given(term) for term in AGREED}
    try:
        from_day = given_day()
        _fit(given, terms_on(said, date_of(from_day)), from_day)
        keep(client, given, from_day)
    except UsageError as error:
        refused(error)
        return _page(client, given), 422
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/reviewed")
@allow(Role.CLINICIAN)
def reviewed(client: int) -> Response:
    """Note in the ledger that an agreement was reviewed today, and set the next date of every review that was due."""
    said, today = own(client), local_day(request.clinician(), request.now())
    months = request.form().get("months", "")
    if months not in {"3", "6", "12"}:
        abort(400)
    holds, following = terms_on(said, today), _months_on(today, int(months)).isoformat()
    due = [term for term in REVIEWS if holds.get(term, "9") <= today.isoformat()]
    with request.store().write() as connection:
        me, now = request.clinician().key, int(request.now().timestamp())
        for term in due or ["review_on"]:
            kept.say(connection, me, client, term, following, from_day=day_number(today), now=now)
        kept.enter(connection, me, REVIEWED, day=day_number(today), client=client, now=now)
    request.tell("Noted in your ledger, and the next date is set.")
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/emergency")
@allow(Role.CLINICIAN)
def emergency(client: int) -> Response:
    """Mark a thread with a client as an emergency, or take that back."""
    own(client)
    thread, marked = _thread(request.form().get("thread", "")), request.form().get("marked") == "yes"
    me, now = request.clinician().key, int(request.now().timestamp())
    with request.store().write() as connection:
        if not mark_emergency(connection, me, thread, marked=marked, now=now):
            abort(404)
    request.tell("Marked as an emergency." if marked else "Taken back: it counts as any other contact.")
    return redirect(url_for(".one", client=client, _anchor="conversations"), 303)


def _page(client: int, sent: Mapping[str, str] | None = None) -> str:
    """One client's agreement; with what was ``sent`` instead of what holds, where that could not be kept."""
    config, me, since = request.config(), request.clinician(), request.form().get("from", "")
    report = agreement_report(config, request.store(), me, client, now=request.now(), sent=sent, since=since)
    if report is None:
        abort(404)
    return framed("What was agreed", clients.agreement_html(report, **forms()))


def _thread(text: str) -> int:
    """The number of 64 bits that names a thread."""
    number = int(text) if re.fullmatch(r"-?\d{1,19}", text, re.ASCII) else None
    return abort(400) if number is None or not -(2**63) <= number < 2**63 else number


def _fit(given: Mapping[str, str], holds: Mapping[str, str], from_day: int) -> None:
    """Refuse, by a UsageError, what cannot be agreed together from that day on, whatever the single values are."""
    if len({bool(given[term]) for term in TOGETHER}) > 1:
        raise UsageError(INCOMPLETE)
    for term in REVIEWS:
        if given[term] and given[term] != holds.get(term) and not _ahead(given[term], date_of(from_day)):
            raise UsageError(f"{TERMS[term].title}: has to be a day after the one from which it holds.")


def _ahead(text: str, day: date) -> bool:
    """Whether a date lies after a day; what is no date is not for this to say."""
    try:
        return date.fromisoformat(text) > day
    except ValueError:
        return True


def _given(term: str) -> str:
    """A term as the form tells it."""
    if TERMS[term].form is Form.WORDS:
        return ",".join(word for word in request.form().getlist(term))
    return request.form().get(term, "").strip()


def _months_on(day: date, months: int) -> date:
    """The same day some months later, or the last of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
