"""Permission to read a Google account: the clinician's own, or a service account's with the clinician's consent.

The options of access are the same for every Google source.

::

    <tokens>/ana.json            Ana's permission: refresh token, OAuth client, granted scopes
    <tokens>/ana.consent.json    Ana's consent to the service account: account, scopes, date
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from connectors.base import Context
from connectors.errors import AuthorizationError, UnavailableError
from connectors.network import at_endpoint, endpoint_problems
from connectors.private import PrivateFileError, read_private

_AUTH = "https://www.googleapis.com/auth/"
CALENDAR = f"{_AUTH}calendar.events.readonly"
MAIL = f"{_AUTH}gmail.metadata"
MEETINGS = f"{_AUTH}meetings.space.readonly"
REPORTS = f"{_AUTH}admin.reports.audit.readonly"
OPENID = "openid"  # identifies the account, since Meet names people by number
SCOPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"google_calendar": (CALENDAR,), "gmail": (MAIL,), "google_meet": (MEETINGS, OPENID)}
)
"""The OAuth scopes that each source kind needs; all are read-only."""
SCOPE_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        CALENDAR: "entries of the calendar, read only",
        MAIL: "headers of mail, never its text",
        MEETINGS: "when video meetings began and ended",
        REPORTS: "the domain's report of who was in a video meeting from when to when",
        OPENID: "the number under which Google knows the account",
    }
)
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """The options of every Google source."""

    tokens: Path = field(
        default=Path("google-tokens"),
        metadata={"help": "The private folder of the clinicians' permissions."},
    )
    client: str | None = field(
        default=None,
        metadata={
            "help": "Where the practice's OAuth client is stored (the JSON file from Google's console), for "
            "`evenhours connect google`: file:PATH, env:NAME or command:…",
            "secret": True,
        },
    )
    service_account: str | None = field(
        default=None,
        metadata={
            "help": "Where a service account's key is stored, if a domain lets it read its people's accounts: "
            "file:PATH, env:NAME or command:…",
            "secret": True,
        },
    )
    api_endpoint: str | None = field(
        default=None, metadata={"help": "The address for all requests, instead of Google's own."}
    )


def problems(options: GoogleOptions) -> list[str]:
    """Return the problems that types alone cannot show."""
    return endpoint_problems(options.api_endpoint)


@dataclass(frozen=True, slots=True)
class GoogleAccess:
    """The credentials for one owner's account, with the account's number or address if known.

    ``permission`` is the time at which it was given, or the account's address. If it changes, the account may be
    another one.
    """

    credentials: Any
    account_id: str = ""
    account: str = ""
    permission: str = ""


def scopes_of(kind: str, options: GoogleOptions) -> tuple[str, ...]:
    """Return the scopes that a source of that kind needs."""
    return (REPORTS,) if getattr(options, "reports_admin", None) else SCOPES[kind]


def token_file(clinician: str) -> str:
    """Return the name of the file with a clinician's own permission, in the folder of tokens."""
    return f"{clinician}.json"


def consent_file(clinician: str) -> str:
    """Return the name of the file with a clinician's consent to the domain's service account."""
    return f"{clinician}.consent.json"


def load_access(
    context: Context, options: GoogleOptions, scopes: Sequence[str], subject: str | None = None
) -> GoogleAccess:
    """Load the permission for the only owner's account and these scopes.

    With a ``subject`` a service account reads in somebody else's name (an administrator's), still only with the
    owner's consent.

    Raises:
        AuthorizationError: There is no permission, or not for all of ``scopes``.
        UnavailableError: The stored permission cannot be read.
    """
    if len(context.owners) != 1:
        raise UnavailableError(
            context.source,
            f"it is one person's account and cannot be read for {len(context.owners)} people at once.",
            "Give each clinician a source of their own.",
        )
    owner = context.owners[0]
    if options.service_account:
        return _delegated_access(context, options, scopes, subject)
    saved = _stored(context, options, token_file(owner.key))
    if saved is None:
        raise _not_authorized(context, f"{owner.key} has not given permission yet.")
    if missing_scopes(scopes, saved.get("scopes", ())):
        raise _not_authorized(context, f"{owner.key} gave permission, but not for this: a box was left unticked.")
    values = [saved.get(name) for name in ("refresh_token", "client_id", "client_secret")]
    if not all(isinstance(value, str) and value for value in values):
        raise _not_authorized(context, "the stored permission is incomplete.")

    from google.oauth2.credentials import Credentials

    refresh_token, client_id, client_secret = values
    # Without an access token the library gets one before the first request.
    credentials = Credentials(  # type: ignore[no-untyped-call]
        None,
        refresh_token=refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        token_uri=at_endpoint(str(saved.get("token_uri") or TOKEN_URI), options.api_endpoint),
    )
    account_id, given_at = str(saved.get("account_id", "")), str(saved.get("given_at", ""))
    return GoogleAccess(credentials, account_id, permission=given_at)


def _delegated_access(
    context: Context, options: GoogleOptions, scopes: Sequence[str], subject: str | None
) -> GoogleAccess:
    """Load the service account's key, if the owner has consented to its use."""
    owner = context.owners[0]
    consent = _stored(context, options, consent_file(owner.key))
    account = str(consent.get("account", "")) if consent else ""
    if consent is None or not account or missing_scopes(scopes, consent.get("scopes", ())):
        raise _not_authorized(context, f"{owner.key} has not consented to the service account.")

    from google.oauth2.service_account import Credentials

    try:
        key = json.loads(context.read_secret(options.service_account or ""))
        key["token_uri"] = at_endpoint(str(key.get("token_uri") or TOKEN_URI), options.api_endpoint)
        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=list(scopes), subject=subject or account
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        # Without its cause, which may repeat parts of the key.
        raise UnavailableError(
            context.source,
            "the service account's key is not valid.",
            "Store the JSON file from Google's console where service_account says.",
        ) from None
    return GoogleAccess(credentials, account=account, permission=account)


def stored_account_ids(context: Context, options: GoogleOptions) -> frozenset[str]:
    """Return Google's account numbers of everybody in the practice who has given permission."""
    folder = context.folder / options.tokens
    ids = set()
    for path in folder.glob("*.json"):
        with suppress(PrivateFileError):  # a colleague's damaged file is reported when their own source is read
            ids.add(str((read_private(folder, path.name) or {}).get("account_id") or ""))
    return frozenset(ids - {""})


def missing_scopes(scopes: Iterable[str], granted: object) -> list[str]:
    """Return the scopes that are not in ``granted``, which may come from a damaged file."""
    granted_scopes = set(map(str, granted)) if isinstance(granted, (list, tuple)) else set()
    return [scope for scope in scopes if scope not in granted_scopes]


def _stored(context: Context, options: GoogleOptions, name: str) -> dict[str, Any] | None:
    try:
        return read_private(context.folder / options.tokens, name)
    except PrivateFileError as error:
        raise UnavailableError(context.source, error.found, error.remedy) from error


def _not_authorized(context: Context, found: str) -> AuthorizationError:
    return AuthorizationError(context.source, found, f"Run: {connect_command(context.owners[0].key)}")


def connect_command(clinician: str) -> str:
    """Return the command with which a clinician gives permission."""
    return f"evenhours connect google --clinician {clinician}"
