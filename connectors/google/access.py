"""Whose permission it is: a clinician's own, or a domain's with the clinician's recorded consent.

::

    <tokens>/ana.json            what Google gave when Ana consented: refresh token, client, granted scopes
    <tokens>/ana.consent.json    where a service account reads in Ana's name: which account, which scopes, since when
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from connectors.base import Context, Owner
from connectors.errors import AuthorizationError, UnavailableError
from connectors.google.options import GoogleOptions
from connectors.private import PrivateFileError, read_private

_AUTH = "https://www.googleapis.com/auth/"
CALENDAR = f"{_AUTH}calendar.events.readonly"
MAIL = f"{_AUTH}gmail.metadata"
MEETINGS = f"{_AUTH}meetings.space.readonly"
REPORTS = f"{_AUTH}admin.reports.audit.readonly"
OPENID = "openid"
SCOPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"google_calendar": (CALENDAR,), "gmail": (MAIL,), "google_meet": (MEETINGS, OPENID)}
)
"""Kind of source → what it has to be allowed; nothing in it lets anybody write."""
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


@dataclass(frozen=True, slots=True)
class GoogleAccess:
    """What opens one owner's account: Google's credentials, and the account's number or address where it is known.

    ``permission`` says when it was given, or for which account: another one may be for another account.
    """

    credentials: Any
    account_id: str = ""
    account: str = ""
    permission: str = ""


def scopes_of(kind: str, options: GoogleOptions) -> tuple[str, ...]:
    """What a source of that kind has to be allowed."""
    return (REPORTS,) if getattr(options, "reports_admin", None) else SCOPES[kind]


def token_file(clinician: str) -> str:
    """The file of the folder of tokens that holds a clinician's own permission."""
    return f"{clinician}.json"


def consent_file(clinician: str) -> str:
    """The file that says a clinician lets the domain's service account read in their name."""
    return f"{clinician}.consent.json"


def at_endpoint(uri: str, endpoint: str | None) -> str:
    """An address of Google's as ``api_endpoint`` has it: the same path, asked for there."""
    return f"{endpoint.rstrip('/')}{urlsplit(uri).path}" if endpoint else uri


def load_access(
    context: Context, options: GoogleOptions, scopes: Sequence[str], subject: str | None = None
) -> GoogleAccess:
    """What opens the only owner's account for these scopes.

    ``subject`` reads in somebody else's name (an administrator's), still only with the owner's consent. Raises
    :class:`~connectors.errors.AuthorizationError` where permission was never given or not for all of ``scopes``, and
    :class:`~connectors.errors.UnavailableError` where what was kept cannot be used.
    """
    owner = _only(context)
    if options.service_account:
        return _delegated(context, options, scopes, owner, subject)
    saved = _kept(context, options, token_file(owner.key))
    if saved is None:
        raise _ask_again(context, f"{owner.key} has not given permission yet.")
    if missing_scopes(scopes, saved.get("scopes", ())):
        raise _ask_again(context, f"{owner.key} gave permission, but not for this: a box was left unticked.")
    account_id, given_at = str(saved.get("account_id", "")), str(saved.get("given_at", ""))
    return GoogleAccess(_user_credentials(context, options, saved), account_id, permission=given_at)


def stored_account_ids(context: Context, options: GoogleOptions) -> frozenset[str]:
    """Under which numbers Google knows whoever of the practice has given permission."""
    folder = context.folder / options.tokens
    found = set()
    for path in folder.glob("*.json"):
        with suppress(PrivateFileError):  # somebody else's file is somebody else's trouble
            found.add(str((read_private(folder, path.name) or {}).get("account_id") or ""))
    return frozenset(found - {""})


def missing_scopes(wanted: Iterable[str], granted: object) -> list[str]:
    """The wanted scopes that were not granted."""
    held = set(map(str, granted)) if isinstance(granted, (list, tuple)) else set()
    return [scope for scope in wanted if scope not in held]


def _only(context: Context) -> Owner:
    if len(context.owners) != 1:
        raise UnavailableError(
            context.source,
            f"it is an account's own and was asked for {len(context.owners)} people at once.",
            "Give each clinician a source of their own.",
        )
    return context.owners[0]


def _kept(context: Context, options: GoogleOptions, name: str) -> dict[str, Any] | None:
    try:
        return read_private(context.folder / options.tokens, name)
    except PrivateFileError as error:
        raise UnavailableError(context.source, error.found, error.remedy) from error


def _ask_again(context: Context, found: str) -> AuthorizationError:
    return AuthorizationError(context.source, found, f"Run: {connect_command(context.owners[0].key)}")


def connect_command(clinician: str) -> str:
    """What to type to give permission."""
    return f"evenhours connect google --clinician {clinician}"


def _user_credentials(context: Context, options: GoogleOptions, saved: dict[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    words = [saved.get(name) for name in ("refresh_token", "client_id", "client_secret")]
    if not all(isinstance(word, str) and word for word in words):
        raise _ask_again(context, "its kept permission is incomplete.")
    refresh_token, client_id, client_secret = words
    return Credentials(  # type: ignore[no-untyped-call]
        None,
        refresh_token=refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        token_uri=at_endpoint(str(saved.get("token_uri") or TOKEN_URI), options.api_endpoint),
    )


def _delegated(
    context: Context, options: GoogleOptions, scopes: Sequence[str], owner: Owner, subject: str | None
) -> GoogleAccess:
    consent = _kept(context, options, consent_file(owner.key))
    account = str(consent.get("account", "")) if consent else ""
    if consent is None or not account or missing_scopes(scopes, consent.get("scopes", ())):
        raise _ask_again(context, f"{owner.key} has not consented to being read through the service account.")
    credentials = _service_credentials(context, options, scopes, subject or account)
    return GoogleAccess(credentials, account=account, permission=account)


def _service_credentials(context: Context, options: GoogleOptions, scopes: Sequence[str], subject: str) -> Any:
    from google.oauth2.service_account import Credentials

    try:
        key = json.loads(context.read_secret(options.service_account or ""))
        key["token_uri"] = at_endpoint(str(key.get("token_uri") or TOKEN_URI), options.api_endpoint)
        return Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=list(scopes), subject=subject
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        # without its cause: it may repeat parts of the key
        raise UnavailableError(
            context.source,
            "the service account's key is none.",
            "Store the JSON file that Google's console gave where service_account says.",
        ) from None
