"""``evenhours connect``: asks a clinician for permission to read their account at Google or Microsoft."""

from __future__ import annotations

import sys

import click

from monitor.cli.context import CliContext, pass_context
from monitor.errors import EXIT_AUTHORISE, UsageError
from monitor.roster import Clinician

CONSENT_SECONDS = 300.0  # for a person to read and answer Google's page


@click.group()
def connect() -> None:
    """Give permission to read an account, once, on the provider's own page."""


@connect.command()
@click.option("--clinician", "key", metavar="KEY", help="The clinician; may be left out if there is only one.")
@click.option("--source", "name", metavar="NAME", help="The source, if several store permissions separately.")
@click.option("--no-browser", is_flag=True, help="Show the page's address, for a machine without a browser.")
@click.option("--account", metavar="ADDRESS", help="With a service account: the clinician's address.")
@pass_context
def google(context: CliContext, key: str | None, name: str | None, account: str | None, *, no_browser: bool) -> None:
    """Give permission to read a clinician's Google account: calendar, mail headers, meetings, as the sources need."""
    from connectors.google.consent import redirect_listener, write_consent
    from monitor.onboarding import account_address, consent_page, describe_scopes, google_request

    person = context.clinician(key)
    request = google_request(context.config, person, name)
    if request.by_domain:
        address = account_address(person, account)
        _confirm_consent(context, person, "service account", address, request.description)
        write_consent(request.folder, person.key, address, request.scopes, context.now)
        _print_consent(context, person, request.scopes)
        return

    if no_browser:
        page = consent_page(context.config, request)
        context.print_note(
            f"Open this page on any machine, signed in as {person.name}, and allow access:\n\n{page.url}\n\n"
            "After the last click the browser shows a page that cannot be reached. That is expected: copy the whole "
            "address from the address bar."
        )
        permission = page.finish(click.prompt("The address", err=True), request.folder, person.key, context.now)
    else:
        with redirect_listener(CONSENT_SECONDS) as (back, wait):
            page = consent_page(context.config, request, back)
            context.print_note(f"Google's page opens in the browser. If it does not, open it yourself:\n\n{page.url}\n")
            click.launch(page.url)
            permission = page.finish(wait(), request.folder, person.key, context.now)

    context.print_result(
        f"{person.key}: connected. Evenhours may read: {describe_scopes(permission.granted)}. Next: evenhours ingest",
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
    sys.exit(EXIT_AUTHORISE if permission.missing else 0)  # as the next nightly run would


@connect.command()
@click.option("--clinician", "key", metavar="KEY", help="The clinician; may be left out if there is only one.")
@click.option("--source", "name", metavar="NAME", help="The source, if there are several.")
@click.option("--account", metavar="ADDRESS", help="With an application: the clinician's address.")
@pass_context
def microsoft(context: CliContext, key: str | None, name: str | None, account: str | None) -> None:
    """Give permission to read a clinician's Microsoft account: calendar, message times, meetings, as configured."""
    from connectors.microsoft.access import DeviceSignIn, write_consent
    from connectors.microsoft.options import describe_scopes, scopes_of
    from monitor.onboarding import account_address, sources_of_provider

    person = context.clinician(key)
    own = sources_of_provider(context.config, person, "microsoft")
    chosen = [source for source in own if name in {None, source.name}]
    if not own:
        raise UsageError(f"{person.key} has no source of kind microsoft. Add one to the configuration.")
    if len(chosen) != 1:
        raise UsageError(
            f"{person.key} has several microsoft sources. Add --source {' | '.join(source.name for source in own)}"
        )
    options = chosen[0].options
    folder, scopes = context.config.folder / options.tokens, scopes_of(options)
    if options.client_secret:  # an application with access to all mailboxes; else the person signs in
        address = account_address(person, account)
        _confirm_consent(context, person, "application", address, describe_scopes(scopes))
        write_consent(folder, person.key, address, options, context.now)
        _print_consent(context, person, scopes)
        return

    sign_in = DeviceSignIn(options)
    context.print_note(
        f"On any machine, {person.name} opens {sign_in.address} and enters the code {sign_in.code}.\n"
        f"Evenhours will read: {describe_scopes(scopes)}.\nWaiting for the sign-in ..."
    )
    granted = sign_in.wait(folder, person.key, context.now)
    missing = [scope for scope in scopes if scope not in granted]
    context.print_result(
        f"{person.key}: connected. Evenhours may read: {describe_scopes(granted) or 'nothing'}. Next: evenhours ingest",
        clinician=person.key,
        granted=list(granted),
        missing=missing,
    )
    if missing:
        context.print_note(
            f"Not granted: {describe_scopes(missing)}. An administrator may have to allow it in Entra first."
        )
    sys.exit(EXIT_AUTHORISE if missing else 0)


def _confirm_consent(context: CliContext, person: Clinician, reader: str, address: str, description: str) -> None:
    """Ask a clinician to agree that the practice's own account reads in their name: it could do so without them."""
    context.print_note(f"{person.name}: the practice's {reader} will read, in your name ({address}): {description}.")
    if not click.confirm("Do you, yourself, agree?", err=True):
        raise UsageError("Nothing was stored. Without your own consent nothing is read.")


def _print_consent(context: CliContext, person: Clinician, scopes: tuple[str, ...]) -> None:
    context.print_result(
        f"{person.key}: consent stored. Next: evenhours ingest",
        clinician=person.key,
        granted=list(scopes),
        missing=[],
    )
