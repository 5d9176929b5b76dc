"""Permission to read somebody's own accounts: what is asked for, where they say yes, and where they take it back."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor import onboarding
from monitor.access import Role
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.policy import allow
from monitor.dashboard.web_session import web_session
from monitor.store import signin

blueprint = Blueprint("accounts", __name__, url_prefix="/me/accounts")
NAMES = {"google": "Google", "microsoft": "Microsoft"}


@blueprint.get("")
@allow(Role.CLINICIAN)
def everything() -> str:
    """Show what may be read, and what is asked for."""
    return _page()


@blueprint.post("/google")
@allow(Role.CLINICIAN)
def begin() -> str | Response:
    """Show the way to Google's page; what it leads to is given back here."""
    try:
        address, secrets = onboarding.start_consent(request.config(), request.clinician())
    except onboarding.OnboardingError as error:
        request.flash(str(error))
        return redirect(url_for(".everything"), 303)
    _keep_consent(secrets)
    return _page(address)


@blueprint.post("/google/answer")
@allow(Role.CLINICIAN)
def answer() -> Response:
    """Keep the permission that Google's page led to."""
    begun = _take_consent() or abort(400)
    address = request.form().get("address", "")
    try:
        told = onboarding.complete_consent(request.config(), request.clinician(), begun, address, request.now())
    except onboarding.OnboardingError as error:
        request.flash(str(error))
    else:
        left = f" Left unticked: {told[1]}; you can begin again to give it, too." if told[1] else ""
        request.flash(f"Thank you. May be read: {told[0]}.{left}")
    return redirect(url_for(".everything"), 303)


@blueprint.post("/google/agree")
@allow(Role.CLINICIAN)
def agree() -> Response:
    """Write down that the practice's service account may read in one's name."""
    try:
        onboarding.record_consent(request.config(), request.clinician(), request.now())
        request.flash("Thank you. It is written down, with today's date.")
    except onboarding.OnboardingError as error:
        request.flash(str(error))
    return redirect(url_for(".everything"), 303)


@blueprint.post("/<any(google, microsoft):provider>/withdraw")
@allow(Role.CLINICIAN)
def withdraw(provider: onboarding.Provider) -> Response:
    """Delete the permission or consent with which one's account could be read."""
    name = NAMES[provider]
    try:
        if onboarding.withdraw(request.config(), request.clinician(), provider):
            request.flash(
                f"Taken back: it is deleted, and no later run reads your {name} account unless you give it anew."
            )
        else:
            request.flash(
                f"There was nothing to take back: nothing with which your {name} account could be read lies here."
            )
    except onboarding.OnboardingError as error:
        request.flash(f"It is not taken back. {error}")
    _take_consent()  # nor does an answer of Google's that is still to come give it anew
    return redirect(url_for(".everything"), 303)


def _keep_consent(begun: Sequence[str]) -> None:
    """Keep the secrets of a provider's page that this reader was shown, in the place of an earlier one's."""
    with request.store().write() as connection:
        signin.pop_texts(connection, web_session().token, "consent")
        signin.append_texts(connection, web_session().token, "consent", list(begun))


def _take_consent() -> list[str]:
    """Return the secrets of the provider's page that this reader was shown last, once; empty if there is none."""
    with request.store().write() as connection:
        return signin.pop_texts(connection, web_session().token, "consent")


def _page(address: str = "") -> str:
    config, me = request.config(), request.clinician()
    wish, wrong = onboarding.permission_status(config, me, request.now())
    return page(
        "me/accounts.html",
        title="Your accounts",
        wish=wish,
        wrong=wrong,
        address=address,
        sources={
            name: [s.name for s in onboarding.sources_of_provider(config, me, name)] for name in onboarding.PROVIDERS
        },
        given={name: onboarding.has_permission(config, me, name) for name in onboarding.PROVIDERS},
        me=me.key,
    )
