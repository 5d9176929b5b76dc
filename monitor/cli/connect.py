"""``evenhours connect google``: asks a clinician for permission to read their Google account."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from monitor.cli.connect_microsoft import microsoft
from monitor.cli.context import CliContext, pass_context
from monitor.errors import EXIT_AUTHORISE, UsageError

if TYPE_CHECKING:
    from connectors.google.consent import GrantedPermission
    from monitor.onboarding import PermissionRequest
    from monitor.roster import Clinician

CONSENT_SECONDS = 300.0  # for a person to read and answer Google's page


@click.group()
def connect() -> None:
    """Give permission to read an account, once, on the provider's own page."""


connect.add_command(microsoft)


@connect.command()
@click.option("--clinician", "key", metavar="KEY", help="The clinician; may be left out if there is only one.")
@click.option("--source", "name", metavar="NAME", help="The source, if several store permissions separately.")
@click.option("--no-browser", is_flag=True, help="Show the page's address, for a machine without a browser.")
@click.option("--account", metavar="ADDRESS", help="With a service account: the clinician's address.")
@pass_context
def google(context: CliContext, key: str | None, name: str | None, account: str | None, *, no_browser: bool) -> None:
    """Give permission to read a clinician's Google account: calendar, mail headers, meetings, as the sources need."""
    from monitor.onboarding import google_request

    person = context.clinician(key)
    request = google_request(context.config, person, name)
    if request.by_domain:
        _by_domain(context, person, request, account)
        return
    permission = _on_googles_page(context, person, request, no_browser=no_browser)
    _print_permission(context, person, permission)
    sys.exit(EXIT_AUTHORISE if permission.missing else 0)  # as the next nightly run would


def _on_googles_page(
    context: CliContext, person: Clinician, request: PermissionRequest, *, no_browser: bool
) -> GrantedPermission:
    from connectors.google.consent import redirect_listener
    from monitor.onboarding import consent_page

    if no_browser:
        page = consent_page(context.config, request)
        context.print_note(
            f"Open this page on any machine, signed in as {person.name}, and allow access:\n\n{page.url}\n\n"
            "After the last click the browser shows a page that cannot be reached. That is expected: copy the whole "
            "address from the address bar."
        )
        return page.finish(click.prompt("The address", err=True), request.folder, person.key, context.now)
    with redirect_listener(CONSENT_SECONDS) as (back, wait):
        page = consent_page(context.config, request, back)
        context.print_note(f"Google's page opens in the browser. If it does not, open it yourself:\n\n{page.url}\n")
        click.launch(page.url)
        return page.finish(wait(), request.folder, person.key, context.now)


def _by_domain(context: CliContext, person: Clinician, request: PermissionRequest, account: str | None) -> None:
    from connectors.google.consent import write_consent
    from monitor.onboarding import account_address

    address = account_address(person, account)
    context.print_note(
        f"{person.name}: the practice's service account will read, in your name ({address}): {request.description}."
    )
    if not click.confirm("Do you, yourself, agree?", err=True):
        raise UsageError("Nothing was stored. Without your own consent nothing is read.")
    write_consent(request.folder, person.key, address, request.scopes, context.now)
    context.print_result(
        f"{person.key}: consent stored. Next: evenhours ingest",
        clinician=person.key,
        granted=list(request.scopes),
        missing=[],
    )


def _print_permission(context: CliContext, person: Clinician, permission: GrantedPermission) -> None:
    from monitor.onboarding import describe_scopes

    text = f"{person.key}: connected. Evenhours may read: {describe_scopes(permission.granted)}."
    context.print_result(
        f"{text} Next: evenhours ingest",
        clinician=person.key,
        granted=list(permission.granted),
        missing=list(permission.missing),
        ends_at=permission.ends_at.isoformat() if permission.ends_at else None,
    )
    if permission.missing:
        context.print_note(
            f"Left unticked: {describe_scopes(permission.missing)}. Run the command again to allow that, too."
        )
    if permission.ends_at:
        context.print_note(
            f"This permission ends on {permission.ends_at:%d %B}, because the consent screen is in testing mode. "
            "Publish it in Google's console and connect again: docs/google.md."
        )
