"""``evenhours connect microsoft``: asks for permission to read a Microsoft account, with a code for any browser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from monitor.cli.context import CliContext, pass_context
from monitor.errors import EXIT_AUTHORISE, UsageError

if TYPE_CHECKING:
    from connectors.microsoft.options import MicrosoftOptions
    from monitor.config import SourceConfig
    from monitor.roster import Clinician

KIND = "microsoft"


@click.command()
@click.option("--clinician", "key", metavar="KEY", help="The clinician; may be left out if there is only one.")
@click.option("--source", "name", metavar="NAME", help="The source, if there are several.")
@click.option("--account", metavar="ADDRESS", help="With an application: the clinician's address.")
@pass_context
def microsoft(context: CliContext, key: str | None, name: str | None, account: str | None) -> None:
    """Give permission to read a clinician's Microsoft account: calendar, message times, meetings, as configured."""
    person = context.clinician(key)
    source = _source(context, person, name)
    if source.options.client_secret:  # an application with access to all mailboxes; else the person signs in
        _by_application(context, person, source.options, account)
    else:
        _with_a_code(context, person, source.options)


def _source(context: CliContext, person: Clinician, name: str | None) -> SourceConfig:
    own = [source for source in context.config.sources if source.kind == KIND and person.key in source.clinicians]
    chosen = [source for source in own if name in {None, source.name}]
    if not own:
        raise UsageError(f"{person.key} has no source of kind {KIND}. Add one to the configuration.")
    if len(chosen) != 1:
        raise UsageError(
            f"{person.key} has several {KIND} sources. Add --source {' | '.join(source.name for source in own)}"
        )
    return chosen[0]


def _with_a_code(context: CliContext, person: Clinician, options: MicrosoftOptions) -> None:
    from connectors.microsoft.access import DeviceSignIn
    from connectors.microsoft.options import describe_scopes, scopes_of

    asking = DeviceSignIn(options)
    context.print_note(
        f"On any machine, {person.name} opens {asking.address} and enters the code {asking.code}.\n"
        f"Evenhours will read: {describe_scopes(scopes_of(options))}.\nWaiting for the sign-in ..."
    )
    granted = asking.wait(context.config.folder / options.tokens, person.key, context.now)
    missing = [scope for scope in scopes_of(options) if scope not in granted]
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


def _by_application(context: CliContext, person: Clinician, options: MicrosoftOptions, account: str | None) -> None:
    from connectors.microsoft.access import write_consent
    from connectors.microsoft.options import describe_scopes, scopes_of
    from monitor.onboarding import account_address

    address, scopes = account_address(person, account), scopes_of(options)
    context.print_note(
        f"{person.name}: the practice's application will read, in your name ({address}): {describe_scopes(scopes)}."
    )
    if not click.confirm("Do you, yourself, agree?", err=True):
        raise UsageError("Nothing was stored. Without your own consent nothing is read.")
    write_consent(context.config.folder / options.tokens, person.key, address, options, context.now)
    text = f"{person.key}: consent stored. Next: evenhours ingest"
    context.print_result(text, clinician=person.key, granted=list(scopes), missing=[])
