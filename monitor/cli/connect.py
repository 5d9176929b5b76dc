"""``evenhours connect``: somebody lets their own account be read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.connect_microsoft import microsoft
from monitor.cli.desk import Desk, pass_desk
from monitor.errors import EXIT_AUTHORISE, UsageError

if TYPE_CHECKING:
    from connectors.google.consent import Permission
    from monitor.config import Config, SourceConfig
    from monitor.roster import Clinician

WAIT = 300.0  # seconds for somebody to read Google's page


@click.group()
def connect() -> None:
    """Let an account be read: its owner says yes once, on the provider's own page."""


connect.add_command(microsoft)


@connect.command()
@click.option(
    "--clinician", "key", metavar="KEY", help="Whose account; may be left out if there is only one clinician."
)
@click.option("--source", "name", metavar="NAME", help="For this source alone, where several keep permissions apart.")
@click.option("--no-browser", is_flag=True, help="There is none on this machine: show the page's address instead.")
@click.option("--account", metavar="ADDRESS", help="For a service account: which of the clinician's addresses it is.")
@pass_desk
def google(desk: Desk, key: str | None, name: str | None, account: str | None, *, no_browser: bool) -> None:
    """Let a clinician's Google account be read: calendar, mail headers, meetings, as the sources need."""
    person = desk.clinician(key)
    wish = _wish(desk.config, person, name)
    if wish.options.service_account:
        _by_domain(desk, person, wish, account)
        return
    permission = _on_googles_page(desk, person, wish, no_browser=no_browser)
    _tell(desk, person, permission)
    sys.exit(EXIT_AUTHORISE if permission.missing else 0)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked of one person: for which sources, to be kept in which folder, by which client, which scopes."""

    sources: tuple[str, ...]
    folder: Path
    options: Any
    scopes: tuple[str, ...]


def google_sources(config: Config) -> list[SourceConfig]:
    """The sources whose owners' permission is Google's to give."""
    from connectors.google.access import SCOPES

    return [source for source in config.sources if source.kind in SCOPES]


def _wish(config: Config, person: Clinician, name: str | None) -> _Wish:
    """All that the person's sources need at once, so that consent is asked for a single time."""
    from connectors.google.access import scopes_of

    found = [source for source in google_sources(config) if person.key in source.clinicians]
    chosen = [source for source in found if name in {None, source.name}]
    if not chosen:
        known = ", ".join(source.name for source in found)
        if name and known:
            raise UsageError(f'{person.key} has no Google source "{name}". There are: {known}.')
        raise UsageError(f"No source of Google's is {person.key}'s. Add one to the configuration: see docs/google.md.")
    places = {
        (source.options.tokens, source.options.client, source.options.service_account, source.options.api_endpoint)
        for source in chosen
    }
    if len(places) > 1:
        raise UsageError(f"Say for which source: --source {' | '.join(source.name for source in chosen)}")
    scopes = dict.fromkeys(scope for source in chosen for scope in scopes_of(source.kind, source.options))
    options = chosen[0].options
    return _Wish(tuple(source.name for source in chosen), config.folder / options.tokens, options, tuple(scopes))


def _on_googles_page(desk: Desk, person: Clinician, wish: _Wish, *, no_browser: bool) -> Permission:
    from connectors.google.consent import Asking, listening
    from monitor.credentials import secret_reader

    if not wish.options.client:
        remedy = 'Give the OAuth client: client = "file:google-client.json" (docs/google.md says how to get one).'
        raise UsageError(f"{wish.sources[0]}: there is nothing to ask Google with. {remedy}")
    client = secret_reader(wish.sources[0], desk.config.folder)(wish.options.client)
    if no_browser:
        asking = Asking(client, wish.options, wish.scopes)
        desk.note(
            f"Open this on any machine, signed in as {person.name}, and let it:\n\n{asking.url}\n\n"
            "After the last click the browser shows a page that cannot be reached. That is right: copy its address, "
            "from the bar at the top, whole."
        )
        return asking.answered(click.prompt("The address", err=True), wish.folder, person.key, desk.now)
    with listening(WAIT) as (back, wait):
        asking = Asking(client, wish.options, wish.scopes, back)
        desk.note(f"Google's page opens in the browser. If it does not, open it yourself:\n\n{asking.url}\n")
        click.launch(asking.url)
        return asking.answered(wait(), wish.folder, person.key, desk.now)


def _by_domain(desk: Desk, person: Clinician, wish: _Wish, account: str | None) -> None:
    from connectors.google.consent import write_consent

    address = account_of(person, account)
    asked = _in_words(wish.scopes)
    desk.note(f"{person.name}: the practice's service account will read, in your name ({address}): {asked}.")
    if not click.confirm("Do you, yourself, agree?", err=True):
        raise UsageError("Nothing was written down. Without your own consent nothing is read.")
    write_consent(wish.folder, person.key, address, wish.scopes, desk.now)
    desk.say(
        f"{person.key}: written down. Next: evenhours ingest",
        clinician=person.key,
        granted=list(wish.scopes),
        missing=[],
    )


def account_of(person: Clinician, account: str | None) -> str:
    """Which of the clinician's addresses is meant; the only one if none is said."""
    from connectors.pseudonyms import canonical_address

    mail = sorted(address for address in person.addresses if "@" in address)
    if account is not None and canonical_address(account) in mail:
        return canonical_address(account)
    if account is None and len(mail) == 1:
        return mail[0]
    raise UsageError(
        f"Say which account: --account {' | '.join(mail) or 'ADDRESS (it has to be in the configuration)'}"
    )


def _tell(desk: Desk, person: Clinician, permission: Permission) -> None:
    told = f"{person.key}: connected; may be read: {_in_words(permission.granted)}."
    desk.say(
        f"{told} Next: evenhours ingest",
        clinician=person.key,
        granted=list(permission.granted),
        missing=list(permission.missing),
        ends_at=permission.ends_at.isoformat() if permission.ends_at else None,
    )
    if permission.missing:
        desk.note(f"Left unticked: {_in_words(permission.missing)}. Run the command again to give it, too.")
    if permission.ends_at:
        desk.note(
            f"This permission ends on {permission.ends_at:%d %B}, because the consent screen is in testing mode. "
            "Publish it in Google's console and connect again: docs/google.md."
        )


def _in_words(scopes: Sequence[str]) -> str:
    from connectors.google.access import IN_WORDS

    return "; ".join(IN_WORDS.get(scope, scope) for scope in scopes) or "nothing"
