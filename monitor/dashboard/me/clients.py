"""Who is behind a code: whom two codes are, who is no client, who was handed over; for the clinician alone."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.terms import CLIENT, EVER, NOT_A_CLIENT, TERMS
from monitor.briefing.clients import WHO, client_report, clients_report
from monitor.dashboard import request
from monitor.dashboard.forms import CLIENT_NUMBER, forms, given_day, keep, own, tried
from monitor.dashboard.layout import framed
from monitor.dashboard.policy import allow
from monitor.store import clients as kept
from reports import clients

blueprint = Blueprint("clients", __name__, url_prefix="/me/clients")
UNSAID = {"standing": CLIENT, "trauma": "no"}
"""What holds of whoever nothing was said of."""


@blueprint.get("")
@allow(Role.CLINICIAN)
def everybody() -> str:
    """Everybody who was met or wrote."""
    report = clients_report(request.config(), request.store(), request.clinician(), now=request.now())
    return framed("Clients", clients.clients_html(report, **forms()))


@blueprint.get(f"/<{CLIENT_NUMBER}:client>")
@allow(Role.CLINICIAN)
def one(client: int) -> str:
    """One client."""
    report = client_report(request.config(), request.store(), request.clinician(), client, now=request.now()) or abort(
        404
    )
    return framed("One client", clients.client_html(report, **forms()))


@blueprint.post(f"/<{CLIENT_NUMBER}:client>")
@allow(Role.CLINICIAN)
def say(client: int) -> Response:
    """Keep who a client is, from a day on."""
    own(client)
    given = {term: request.form().get(term, "") for term in WHO}
    with tried():
        from_day = given_day()
        since = EVER if given["standing"] == NOT_A_CLIENT else from_day
        keep(client, {"standing": given["standing"]}, since, UNSAID)
        keep(client, {term: given[term] for term in WHO if term != "standing"}, from_day, UNSAID)
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/not-a-client")
@allow(Role.CLINICIAN)
def not_a_client(client: int) -> Response:
    """Somebody who writes and never was a client."""
    own(client)
    keep(client, {"standing": NOT_A_CLIENT}, EVER, UNSAID)
    return redirect(url_for(".everybody"), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/take-back")
@allow(Role.CLINICIAN)
def take_back(client: int) -> Response:
    """Let what was said for a day be unsaid."""
    term, day = request.form().get("term", ""), request.form().get("from", "")
    if term not in TERMS or not day.isdecimal() or len(day) > 6:
        abort(400)
    with request.store().write() as connection:
        if not kept.unsay(connection, request.clinician().key, client, term, from_day=int(day)):
            abort(404)
        person = kept.persons(connection, request.clinician().key).get(client, client)
    request.tell(f"Taken back: {TERMS[term].title}.")
    return redirect(url_for(".one" if term in WHO else "agreements.one", client=person), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/join")
@allow(Role.CLINICIAN)
def join(client: int) -> Response:
    """Let two codes be one person."""
    if not request.form().get("other"):
        own(client)
        request.tell("Nothing is joined. Choose another code of this person first.")
        return redirect(url_for(".one", client=client), 303)
    other = _other(client)
    strangers = [row for one in (client, other) for row in own(one) if row.value == NOT_A_CLIENT]
    with request.store().write() as connection:
        person = kept.join(connection, request.clinician().key, [client, other])
    taken_back = " “Not a client” is taken back." if strangers and NOT_A_CLIENT not in _values(person) else ""
    request.tell(f"Joined: they are one person. You can separate them here.{taken_back}")
    return redirect(url_for(".one", client=person), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/separate")
@allow(Role.CLINICIAN)
def separate(client: int) -> Response:
    """Let one code be a person of its own again."""
    own(client)
    with request.store().write() as connection:
        kept.separate(connection, request.clinician().key, client)
    request.tell("Separated: that code is a person of its own again.")
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{CLIENT_NUMBER}:client>/apart")
@allow(Role.CLINICIAN)
def apart(client: int) -> Response:
    """Remember that two codes are two people."""
    other = _other(client)
    with request.store().write() as connection:
        kept.keep_apart(connection, request.clinician().key, client, other, now=int(request.now().timestamp()))
    request.tell("Two people it is. You will not be asked again.")
    return redirect(url_for(".everybody"), 303)


def _values(client: int) -> set[str | None]:
    """Every word that was ever said of a client and not taken back."""
    return {row.value for row in own(client)}


def _other(client: int) -> int:
    """The other code that a form names; both are the reader's own."""
    named = request.form().get("other", "")
    if not named.isdecimal() or len(named) > 18 or int(named) == client:
        abort(400)
    own(client)
    own(int(named))
    return int(named)
