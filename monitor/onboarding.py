"""The permissions that clinicians give for their accounts, asked for by the command line or a page."""

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
    from connectors.google.consent import ConsentFlow, GrantedPermission


class OnboardingError(EvenhoursError):
    """Permission was not given, or cannot be asked for."""


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """A request to one clinician: the sources, the folder for the permission, the client's options, the scopes."""

    sources: tuple[str, ...]
    folder: Path
    options: Any
    scopes: tuple[str, ...]

    @property
    def by_domain(self) -> bool:
        """True if a domain's service account reads the mailbox, so that only the person's own consent is missing."""
        return bool(self.options.service_account)

    @property
    def description(self) -> str:
        """The scopes in plain words."""
        return describe_scopes(self.scopes)


Provider = Literal["google", "microsoft"]
"""The provider of an account."""

PROVIDERS: tuple[Provider, ...] = ("google", "microsoft")


def sources_of_provider(config: Config, clinician: Clinician, provider: Provider) -> list[SourceConfig]:
    """Return the clinician's own sources at a provider."""
    from connectors.google.access import SCOPES

    kinds = set(SCOPES) if provider == "google" else {provider}
    return [source for source in config.sources if source.kind in kinds and clinician.key in source.clinicians]


def has_permission(config: Config, clinician: Clinician, provider: Provider) -> bool:
    """Return whether a permission is stored with which the clinician's account at the provider could be read."""
    return any((folder / name).is_file() for folder, name in _permissions(config, clinician, provider))


def withdraw(config: Config, clinician: Clinician, provider: Provider) -> bool:
    """Delete everything with which the clinician's account at the provider could be read; return whether there was any.

    That is their own permission and their consent to the practice's service account or application, for all their
    sources. Raises OnboardingError where it cannot be deleted.
    """
    from connectors.private import PrivateFileError, remove_private

    try:
        # A list and not any() directly, which would stop at the first deleted file.
        deleted = [remove_private(folder, name) for folder, name in _permissions(config, clinician, provider)]
    except PrivateFileError as error:
        raise OnboardingError(str(error)) from error
    return any(deleted)


def _permissions(config: Config, clinician: Clinician, provider: Provider) -> list[tuple[Path, str]]:
    """Return the places where permissions of a clinician are stored: folder and file name."""
    from connectors.google.access import consent_file, token_file  # the same names at Microsoft

    # Without duplicates: several sources may share a folder.
    folders = dict.fromkeys(
        config.folder / source.options.tokens for source in sources_of_provider(config, clinician, provider)
    )
    return [(folder, name(clinician.key)) for folder in folders for name in (token_file, consent_file)]


def google_sources(config: Config) -> list[SourceConfig]:
    """Return the sources that need a permission from Google."""
    from connectors.google.access import SCOPES

    return [source for source in config.sources if source.kind in SCOPES]


def google_request(config: Config, clinician: Clinician, name: str | None = None) -> PermissionRequest:
    """Return one request for all Google sources of a clinician, so that consent is asked for a single time.

    With ``name``, only the sources that store their permission where that source does: a new one replaces the old.
    Raises UsageError if the clinician has no Google source, or the sources differ in where they store permissions.
    """
    from connectors.google.access import scopes_of

    own = sources_of_provider(config, clinician, "google")
    places = {_place(source) for source in own if name in {None, source.name}}
    if not places:
        names = ", ".join(source.name for source in own)
        if name and names:
            raise UsageError(f'{clinician.key} has no Google source "{name}". There are: {names}.')
        raise UsageError(f"{clinician.key} has no Google source. Add one to the configuration: see docs/google.md.")
    if len(places) > 1:
        raise UsageError(
            f"{clinician.key} has several Google sources. Add --source {' | '.join(source.name for source in own)}"
        )
    chosen = [source for source in own if _place(source) in places]
    # dict instead of set: the order of scopes is the order of the sources.
    scopes = dict.fromkeys(scope for source in chosen for scope in scopes_of(source.kind, source.options))
    options = chosen[0].options
    return PermissionRequest(
        tuple(source.name for source in chosen), config.folder / options.tokens, options, tuple(scopes)
    )


def _place(source: SourceConfig) -> tuple[Any, ...]:
    """Return what sources must share to be covered by one permission: its folder and the client that asks for it."""
    options = source.options
    return options.tokens, options.client, options.service_account, options.api_endpoint


def consent_page(
    config: Config, request: PermissionRequest, back: str | None = None, begun: Sequence[str] = ()
) -> ConsentFlow:
    """Return Google's consent page, a new one or one that was ``begun`` (its secrets).

    The browser is sent ``back`` afterwards. Raises UsageError if no OAuth client is configured, ConnectorError if it is
    not a valid one.
    """
    from connectors.google.consent import NO_LISTENER, ConsentFlow

    if not request.options.client:
        remedy = 'Add client = "file:google-client.json" to the source; docs/google.md says how to get that file.'
        raise UsageError(f"{request.sources[0]}: no OAuth client is configured. {remedy}")
    client = secret_reader(request.sources[0], config.folder)(request.options.client)
    return ConsentFlow(client, request.options, request.scopes, back or NO_LISTENER, begun)


def start_consent(config: Config, clinician: Clinician) -> tuple[str, tuple[str, ...]]:
    """Return the address of Google's consent page for a clinician, and the secrets needed to accept its answer.

    Raises OnboardingError.
    """
    from connectors.errors import ConnectorError

    try:
        page = consent_page(config, google_request(config, clinician))
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error
    return page.url, page.secrets


def complete_consent(
    config: Config, clinician: Clinician, begun: Sequence[str], address: str, now: datetime
) -> tuple[str, str]:
    """Store the permission given on Google's page; return in plain words what was granted and what was left unticked.

    Raises OnboardingError.
    """
    from connectors.errors import ConnectorError

    try:
        request = google_request(config, clinician)
        permission: GrantedPermission = consent_page(config, request, begun=begun).finish(
            address, request.folder, clinician.key, now
        )
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error
    return describe_scopes(permission.granted), describe_scopes(permission.missing) if permission.missing else ""


def record_consent(config: Config, clinician: Clinician, now: datetime) -> None:
    """Store a clinician's consent that the domain's service account reads in their name. Raises OnboardingError."""
    from connectors.errors import ConnectorError
    from connectors.google.consent import write_consent

    try:
        request = google_request(config, clinician)
        write_consent(request.folder, clinician.key, account_address(clinician, None), request.scopes, now)
    except (ConnectorError, EvenhoursError) as error:
        raise OnboardingError(str(error)) from error


def permission_status(config: Config, clinician: Clinician, now: datetime) -> tuple[PermissionRequest | None, str]:
    """Return what a clinician's Google sources need, and what is wrong with their permission (empty if nothing is).

    The request is ``None`` if they have no Google source, or several that only the command line can choose between.
    """
    from connectors.google.consent import permission_problem

    try:
        request = google_request(config, clinician)
    except UsageError as error:
        return None, str(error)
    return request, permission_problem(request.folder, request.options, clinician.key, request.scopes, now)


def account_address(clinician: Clinician, account: str | None) -> str:
    """Return the clinician's address that equals ``account``, or the only one if ``account`` is ``None``."""
    from connectors.pseudonyms import canonical_address

    mail = sorted(address for address in clinician.addresses if "@" in address)  # without phone numbers
    if account is not None and canonical_address(account) in mail:
        return canonical_address(account)
    if account is None and len(mail) == 1:
        return mail[0]
    raise UsageError(
        f"Add which account it is: --account {' | '.join(mail) or 'ADDRESS (it has to be in the configuration)'}"
    )


def describe_scopes(scopes: Sequence[str]) -> str:
    """Return what scopes allow to read, in plain words."""
    from connectors.google.access import SCOPE_DESCRIPTIONS

    return "; ".join(SCOPE_DESCRIPTIONS.get(scope, scope) for scope in scopes) or "nothing"
