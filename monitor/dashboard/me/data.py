"""What of a therapist the director sees, for that therapist: the one row, nobody else's, and their open slots."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.referral import OpenSlots
from monitor.briefing import gaps
from monitor.briefing.caseload import own_caseload
from monitor.dashboard import forms, request
from monitor.dashboard.layout import framed
from monitor.dashboard.policy import allow
from monitor.errors import UsageError
from monitor.store.referrals import set_open_slots
from reports import fairness

blueprint = Blueprint("data", __name__, url_prefix="/me/data")
MOST_SLOTS = 99


@blueprint.get("")
@allow(Role.CLINICIAN)
def shared() -> str:
    """Show the clinician's own row of the director's page."""
    store = request.store()
    with store.read():
        report = own_caseload(request.config(), store, request.clinician(), now=request.now())
    warnings = gaps.all_warnings(request.readiness())
    body = fairness.own_html(report, warnings, actions=url_for(".open_slots"), csrf_token=generate_csrf())
    return framed("Your data", body)


@blueprint.post("/open-slots")
@allow(Role.CLINICIAN)
def open_slots() -> Response:
    """Keep how many more clients the reader could take; the director sees the numbers."""
    with forms.tried():
        slots = OpenSlots(_number("day"), _number("evening"), _number("trauma"))
        if slots.trauma > slots.total:
            raise UsageError(
                f"You have {slots.total} open slots by day and in the evening together, so no more than {slots.total} "
                f"can be for trauma-focused work."
            )
        with request.store().write() as connection:
            set_open_slots(connection, request.clinician().key, slots, set_at=int(request.now().timestamp()))
        request.tell(
            f"Saved: {slots.day} by day and {slots.evening} in the evening, {slots.trauma} of them for trauma-focused "
            "work. Your director sees these three numbers."
        )
    return redirect(url_for(".shared"), 303)


def _number(field: str) -> int:
    text = request.form().get(field, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_SLOTS))):
        raise UsageError(f"Give all three numbers, each from 0 to {MOST_SLOTS}.")
    return int(text)
