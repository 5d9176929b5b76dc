"""Permission to read the reader's own accounts: what is asked for, giving it, and taking it back."""

from __future__ import annotations

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
def overview() -> str:
    """Show what is asked for, and what may be read."""
    return _page()


@blueprint.post("/google")
@allow(Role.CLINICIAN)
def start_google() -> str | Response:
    """Show the link to Google's consent page, and the form for the address to which that page leads."""
    try:
        address, secrets = onboarding.start_consent(request.config(), request.clinician())
    except onboarding.OnboardingError as error:
        request.flash(str(error))
        return redirect(url_for(".overview"), 303)
    # The secrets lie with the web session in the store, in place of an earlier page's: an answer counts only for the
    # reader who began, and only once.
    with request.store().write() as connection:
        signin.pop_texts(connection, web_session().token, "consent")
        signin.append_texts(connection, web_session().token, "consent", list(secrets))
    return _page(address)


@blueprint.post("/google/answer")
@allow(Role.CLINICIAN)
def complete_google() -> Response:
    """Exchange the address that the reader copied from the browser for the permission, and store it."""
    # Without secrets nobody has begun here, or the answer was used already.
    secrets = _take_consent_secrets() or abort(400)
    address = request.form().get("address", "")
    try:
        granted, refused = onboarding.complete_consent(
            request.config(), request.clinician(), secrets, address, request.now()
        )
    except onboarding.OnboardingError as error:
        request.flash(str(error))
    else:
        unticked = f" You left unticked: {refused}. To give it as well, begin again." if refused else ""
        request.flash(f"Thank you. Evenhours may now read: {granted}.{unticked}")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/google/agree")
@allow(Role.CLINICIAN)
def agree() -> Response:
    """Record the reader's consent that the practice's service account may read in their name."""
    try:
        onboarding.record_consent(request.config(), request.clinician(), request.now())
        request.flash("Thank you. Your consent is recorded, with today's date.")
    except onboarding.OnboardingError as error:
        request.flash(str(error))
    return redirect(url_for(".overview"), 303)


@blueprint.post("/<any(google, microsoft):provider>/withdraw")
@allow(Role.CLINICIAN)
def withdraw(provider: onboarding.Provider) -> Response:
    """Delete the permission or consent by which the reader's account could be read."""
    name = NAMES[provider]
    try:
        if onboarding.withdraw(request.config(), request.clinician(), provider):
            request.flash(
                f"Your permission is taken back and deleted. Your {name} account is not read again unless you give a "
                "new permission."
            )
        else:
            request.flash(f"There was nothing to take back: no permission to read your {name} account is stored here.")
    except onboarding.OnboardingError as error:
        request.flash(f"Your permission is not taken back. {error}")
    _take_consent_secrets()  # so that an answer of Google's that is still under way does not give it again
    return redirect(url_for(".overview"), 303)


def _take_consent_secrets() -> list[str]:
    """Return and delete the secrets of the consent page that this reader was shown last; empty without one."""
    with request.store().write() as connection:
        return signin.pop_texts(connection, web_session().token, "consent")


def _page(consent_address: str = "") -> str:
    config, clinician = request.config(), request.clinician()
    permission_request, problem = onboarding.permission_status(config, clinician, request.now())
    return page(
        "me/accounts.html",
        title="Your accounts",
        permission_request=permission_request,
        problem=problem,
        consent_address=consent_address,
        sources={
            provider: [source.name for source in onboarding.sources_of_provider(config, clinician, provider)]
            for provider in onboarding.PROVIDERS
        },
        has_permission={
            provider: onboarding.has_permission(config, clinician, provider) for provider in onboarding.PROVIDERS
        },
        clinician_key=clinician.key,
    )
