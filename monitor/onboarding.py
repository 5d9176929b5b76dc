"""What somebody has to allow before their accounts can be read, for whoever asks them: the command line or a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from monitor.config import Config, SourceConfig
from monitor.credentials import secret_reader
from monitor.errors import EvenhoursError, UsageError
from monitor.roster import Clinician

if TYPE_CHECKING:
    from connectors.google.consent import Asking, Permission


class OnboardingError(EvenhoursError):
    """Permission was not given, or cannot be asked for; says what to do."""


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """What is asked of one person: for which sources, to be kept in which folder, by which client, which scopes."""

    sources: tuple[str, ...]
    folder: Path
    options: Any
    scopes: tuple[str, ...]

    @property
    def by_domain(self) -> bool:
        """Whether a domain's service account reads, so that the person's own consent is all that is missing."""
        return bool(self.options.service_account)

    @property
    def words(self) -> str:
        """What is asked for, as a person reads it."""
        return describe_scopes(self.scopes)


Provider = Literal["google", "microsoft"]
"""Whose permission it is that somebody gives or takes back."""

PROVIDERS: tuple[Provider, ...] = ("google", "microsoft")


def sources_of_provider(config: Config, person: Clinician, provider: Provider) -> list[SourceConfig]:
    """The person's own sources whose permission is that provider's to give."""
    from connectors.google.access import SCOPES

    kinds = set(SCOPES) if provider == "google" else {provider}
    return [source for source in config.sources if source.kind in kinds and person.key in source.clinicians]


def has_permission(config: Config, person: Clinician, provider: Provider) -> bool:
    """Whether anything is kept with which somebody's account at the provider could be read."""
    return any((folder / name).is_file() for folder, name in _permissions(config, person, provider))


def withdraw(config: Config, person: Clinician, provider: Provider) -> bool:
    """Delete all with which somebody's account at the provider could be read; say whether there was anything.

    Their own permission and their consent to the practice's service account or application, for every source of theirs.
    Raises OnboardingError where it cannot be deleted.
    """
    from connectors.private import PrivateFileError, remove_private

    try:
        deleted = [remove_private(folder, name) for folder, name in _permissions(config, person, provider)]
    except PrivateFileError as error:
        raise OnboardingError(str(error)) from error
    return any(deleted)


def _permissions(config: Config, person: Clinician, provider: Provider) -> list[tuple[Path, str]]:
    """Return where permissions of a person can lie: folder and file."""
    from connectors.google.access import consent_file, token_file  # Microsoft's are called the same

    folders = dict.fromkeys(
        config.folder / source.options.tokens for source in sources_of_provider(config, person, provider)
    )
    return [(folder, name(person.key)) for folder in folders for name in (token_file, consent_file)]


def google_sources(config: Config) -> list[SourceConfig]:
    """The sources whose owners' permission is Google's to give."""
    from connectors.google.access import SCOPES

    return [source for source in config.sources if source.kind in SCOPES]


def google_request(config: Config, person: Clinician, name: str | None = None) -> PermissionRequest:
    """All that the person's Google sources need at once, so that consent is asked for a single time.

    With ``name`` it is all that keep their permission where that source does: a new one takes the place of the old.
    Raises UsageError where there is nothing to ask for, or it has to be said for which source.
    """
    from connectors.google.access import scopes_of

    found = [source for source in google_sources(config) if person.key in source.clinicians]
    places = {_place(source) for source in found if name in {None, source.name}}
    if not places:
        known = ", ".join(source.name for source in found)
        if name and known:
            raise UsageError(f'{person.key} has no Google source "{name}". There are: {known}.')
        raise UsageError(f"No source of Google's is {person.key}'s. Add one to the configuration: see docs/google.md.")
    if len(places) > 1:
        raise UsageError(f"Say for which source: --source {' | '.join(source.name for source in found)}")
    chosen = [source for source in found if _place(source) in places]
    scopes = dict.fromkeys(scope for source in chosen for scope in scopes_of(source.kind, source.options))
    options = chosen[0].options
    return PermissionRequest(
        tuple(source.name for source in chosen), config.folder / options.tokens, options, tuple(scopes)
    )


def _place(source: SourceConfig) -> tuple[Any, ...]:
    """Where permission for a source is kept, and who asks for it."""
    options = source.options
    return options.tokens, options.client, options.service_account, options.api_endpoint


def consent_page(
    config: Config, request: PermissionRequest, back: str | None = None, begun: Sequence[str] = ()
) -> Asking:
    """The page on which Google asks, or one that was ``begun`` (its secrets); the browser is sent ``back`` afterwards.

    Raises UsageError where no OAuth client is configured, ConnectorError where it is none.
    """
    from connectors.google.consent import NOBODY_LISTENS, Asking

    if not request.options.client:
        remedy = 'Give the OAuth client: client = "file:google-client.json" (docs/google.md says how to get one).'
        raise UsageError(f"{request.sources[0]}: there is nothing to ask Google with. {remedy}")
    client = secret_reader(request.sources[0], config.folder)(request.options.client)
    return Asking(client, request.options, request.scopes, back or NOBODY_LISTENS, begun)


def start_consent(config: Config, person: Clinician) -> tuple[str, tuple[str, ...]]:
    """The address of Google's page for somebody, and the secrets that its answer will be worth nothing without.

    Raises OnboardingError.
    """
    from connectors.errors import ConnectorError

    try:
        page = consent_page(config, google_request(config, person))
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error
    return page.url, page.secrets


def complete_consent(
    config: Config, person: Clinician, begun: Sequence[str], address: str, now: datetime
) -> tuple[str, str]:
    """Keep the permission that Google's page led to: what may be read, and what was left unticked (empty if nothing).

    Raises OnboardingError.
    """
    from connectors.errors import ConnectorError

    try:
        request = google_request(config, person)
        given: Permission = consent_page(config, request, begun=begun).answered(
            address, request.folder, person.key, now
        )
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error
    return describe_scopes(given.granted), describe_scopes(given.missing) if given.missing else ""


def record_consent(config: Config, person: Clinician, now: datetime) -> None:
    """Write down that somebody lets the domain's service account read in their name. Raises OnboardingError."""
    from connectors.errors import ConnectorError
    from connectors.google.consent import write_consent

    try:
        request = google_request(config, person)
        write_consent(request.folder, person.key, account_address(person, None), request.scopes, now)
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error


def permission_status(config: Config, person: Clinician, now: datetime) -> tuple[PermissionRequest | None, str]:
    """What somebody's Google sources need, and what is wrong with their permission (empty if nothing is).

    ``None`` where none of Google's sources is theirs, or where only the command line can tell them apart.
    """
    from connectors.google.consent import standing

    try:
        request = google_request(config, person)
    except UsageError as error:
        return None, str(error)
    return request, standing(request.folder, request.options, person.key, request.scopes, now)


def account_address(person: Clinician, account: str | None) -> str:
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


def describe_scopes(scopes: Sequence[str]) -> str:
    """What may be read, as a person reads it."""
    from connectors.google.access import IN_WORDS

    return "; ".join(IN_WORDS.get(scope, scope) for scope in scopes) or "nothing"
