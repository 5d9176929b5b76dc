"""Whose permission it is: a clinician's own, or the practice's application with the clinician's recorded consent.

::

    <tokens>/ana.json            what Microsoft gave when Ana signed in: the refresh token, in msal's own words
    <tokens>/ana.consent.json    where an application reads in Ana's name: which account, which permissions, since when

Signing in needs no browser on this machine: a code is shown, to be entered on Microsoft's page anywhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from connectors.base import Context
from connectors.deadline import Deadline
from connectors.errors import AuthorizationError, UnavailableError
from connectors.http import HttpClient, HttpRequest
from connectors.microsoft.options import MicrosoftOptions, at_endpoint, scopes_of
from connectors.private import PrivateFileError, read_private, write_private

T = TypeVar("T")
NAME = "microsoft"  # whose fault it is, as errors say where no source is meant
LOGIN = "https://login.microsoftonline.com"
_JUNK = (ValueError, LookupError, AttributeError, TypeError)  # what the library raises at answers that are none
GRAPH = "https://graph.microsoft.com"
_WITHDRAWN = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required", "invalid_client",
                        "unauthorized_client", "expired_token", "authorization_declined", "access_denied"})  # fmt: skip


class MicrosoftAccess:
    """What opens one owner's account: a token that is renewed when it has to be.

    ``root`` is where the account's own resources begin, ``account`` what Microsoft calls it; ``deadline`` is for
    everything that is asked on behalf of the source.
    """

    def __init__(self, context: Context, options: MicrosoftOptions) -> None:
        self._context, self._options = context, options
        self._owner = context.owners[0].key
        self._folder = context.folder / options.tokens
        self._cache: Any = None
        self.deadline = Deadline()
        account = self._consented() if options.client_secret else None
        self.root = (
            f"{at_endpoint(GRAPH, options.api_endpoint).rstrip('/')}/v1.0/{f'users/{account}' if account else 'me'}"
        )
        self._application = self._guarded(self._acting_application if account else self._own_application)
        self.account = account or self._guarded(self._signed_in)

    def token(self) -> str:
        """A token that is valid now. Raises a :class:`~connectors.errors.ConnectorError`."""
        answer = self._guarded(self._asked)
        if self._cache is not None and self._cache.has_state_changed:
            if self._read(f"{self._owner}.json") is None:  # taken back meanwhile: it must not come to life again
                raise self.refused(f"{self._owner} took the permission back.")
            _write(self._folder, f"{self._owner}.json", self._kept | {"cache": json.loads(self._cache.serialize())})
            self._cache.has_state_changed = False
        if answer and "access_token" in answer:
            return str(answer["access_token"])
        if answer is None or answer.get("error") in _WITHDRAWN:
            raise self.refused("the permission was withdrawn, or ended.")
        raise self._unreachable()

    def refused(self, found: str) -> AuthorizationError:
        """Somebody has to give permission again."""
        return AuthorizationError(self._context.source, found, f"Run: {connect_command(self._owner)}")

    def _guarded(self, ask: Callable[[], T]) -> T:
        """What is asked through the library; whatever goes wrong is one sentence, without what the server said."""
        try:
            return ask()
        except _JUNK:
            raise self._unreachable() from None

    def _asked(self) -> Mapping[str, Any] | None:
        if self._options.client_secret:
            return _answered(self._application.acquire_token_for_client([f"{GRAPH}/.default"]))
        accounts = self._application.get_accounts()
        if not accounts:
            return None
        found = self._application.acquire_token_silent_with_error(list(scopes_of(self._options)), account=accounts[0])
        return _answered(found)

    def _signed_in(self) -> str:
        accounts = self._application.get_accounts()
        return str(accounts[0]["home_account_id"]) if accounts else ""

    def _own_application(self) -> Any:
        kept = self._read(f"{self._owner}.json")
        if kept is None:
            raise self.refused(f"{self._owner} has not given permission yet.")
        if set(scopes_of(self._options)) - set(kept.get("scopes", ())):
            raise self.refused(f"{self._owner} gave permission, but not for all that is to be read.")
        self._kept = kept
        self._cache = _cache(self._context.source, json.dumps(kept.get("cache", {})))
        return _public_application(self._context.source, self._options, self._cache, self.deadline)

    def _acting_application(self) -> Any:
        secret = self._context.read_secret(self._options.client_secret or "").strip()
        kind, source = "ConfidentialClientApplication", self._context.source
        return _made(kind, source, self._options, self.deadline, client_credential=secret)

    def _consented(self) -> str:
        consent = self._read(f"{self._owner}.consent.json")
        account = str(consent.get("account", "")) if consent else ""
        if consent is None or not account or set(scopes_of(self._options)) - set(consent.get("scopes", ())):
            raise self.refused(f"{self._owner} has not consented to being read through the application.")
        return account

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            return read_private(self._folder, name)
        except PrivateFileError as error:
            raise UnavailableError(self._context.source, error.found, error.remedy) from error

    def _unreachable(self) -> UnavailableError:
        found = "Microsoft gave no token that could be used."
        return UnavailableError(self._context.source, found, "Check the network; the next run tries again.")


class DeviceSignIn:
    """One person's signing in with a code: ``code`` is to be entered at ``address``, on any machine."""

    def __init__(self, options: MicrosoftOptions) -> None:
        self._options = options
        self._cache = _cache(NAME, "{}")
        try:
            self._application = _public_application(NAME, options, self._cache, Deadline())
            flow = self._application.initiate_device_flow(list(scopes_of(options)))
        except _JUNK:
            flow = {}
        if "user_code" not in flow:
            raise UnavailableError(NAME, "Microsoft gives no code to sign in with.", "Check client_id and tenant.")
        self._flow = flow
        self.code, self.address = str(flow["user_code"]), str(flow["verification_uri"])

    def wait(self, folder: Path, clinician: str, now: datetime) -> tuple[str, ...]:
        """Wait until the code was entered, keep the permission, and return what it allows.

        Raises a :class:`~connectors.errors.ConnectorError` where it was refused or nobody came in time.
        """
        answer = self._application.acquire_token_by_device_flow(self._flow)
        if "access_token" not in answer:
            raise AuthorizationError(NAME, "nobody signed in with this code, or no was said.", "Run the command again.")
        wanted = scopes_of(self._options)
        granted = {scope.rpartition("/")[2] for scope in str(answer.get("scope", "")).split()}
        scopes = tuple(scope for scope in wanted if scope in granted)
        kept = {"cache": json.loads(self._cache.serialize()), "scopes": scopes, "given_at": now.isoformat()}
        _write(folder, f"{clinician}.json", kept)
        return scopes


def permission_problem(folder: Path, options: MicrosoftOptions, clinician: str) -> str:
    """What is wrong with somebody's permission and how to mend it; empty if nothing is known to be."""
    name = f"{clinician}.consent.json" if options.client_secret else f"{clinician}.json"
    try:
        kept = read_private(folder, name)
    except PrivateFileError as error:
        return str(error)
    again = f"Run: {connect_command(clinician)}"
    if kept is None:
        return f"{clinician} has not given permission yet. {again}"
    lacking = set(scopes_of(options)) - set(kept.get("scopes", ()))
    return f"{clinician} gave permission, but not for all of it. {again}" if lacking else ""


def connect_command(clinician: str) -> str:
    """What to type to give permission."""
    return f"evenhours connect microsoft --clinician {clinician}"


def write_consent(folder: Path, clinician: str, account: str, options: MicrosoftOptions, now: datetime) -> None:
    """Write down that somebody lets the practice's application read in their name."""
    content = {"account": account, "scopes": list(scopes_of(options)), "agreed_at": now.isoformat()}
    _write(folder, f"{clinician}.consent.json", content)


def _public_application(source: str, options: MicrosoftOptions, cache: Any, deadline: Deadline) -> Any:
    """The application in the name of whoever signs in."""
    return _made("PublicClientApplication", source, options, deadline, token_cache=cache)


def _made(kind: str, source: str, options: MicrosoftOptions, deadline: Deadline, **more: Any) -> Any:
    authority = f"{LOGIN}/{options.tenant}"
    door = _MsalHttpClient(source, options.api_endpoint, deadline)
    # Its discovery would ask another host whether this one is Microsoft's.
    made = getattr(_library(source), kind)
    return made(options.client_id, authority=authority, http_client=door, instance_discovery=False, **more)


def _library(source: str) -> Any:
    """Microsoft's own library for signing in, which is an extra."""
    try:
        return import_module("msal")
    except ModuleNotFoundError as error:
        remedy = "Install it: pip install 'evenhours[microsoft]'"
        raise UnavailableError(source, "what signs in at Microsoft is not installed.", remedy) from error


def _cache(source: str, text: str) -> Any:
    cache = _library(source).SerializableTokenCache()
    cache.deserialize(text)
    return cache


def _answered(answer: Any) -> Mapping[str, Any] | None:
    return answer if isinstance(answer, Mapping) else None


def _write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    try:
        write_private(folder, name, content)
    except PrivateFileError as error:
        raise UnavailableError(NAME, error.found, error.remedy) from error


@dataclass(frozen=True, slots=True)
class _MsalResponse:
    """An answer as msal wants it."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Nothing to raise: what may not be looked at has been refused."""


class _MsalHttpClient:
    """The door through which msal asks: where ``endpoint`` says, and as patiently as all is asked for."""

    def __init__(self, source: str, endpoint: str | None, deadline: Deadline) -> None:
        logging.getLogger("msal").setLevel(logging.ERROR)  # it writes what servers say
        self._source = source
        self._client = HttpClient(source, deadline=deadline)
        self._endpoint = endpoint

    def get(self, url: str, params: Mapping[str, str] | None = None, **more: Any) -> _MsalResponse:
        """Ask."""
        address = f"{url}?{urlencode(params)}" if params else url
        return self._exchanged(HttpRequest("GET", at_endpoint(address, self._endpoint), more.get("headers") or {}))

    def post(self, url: str, data: Mapping[str, str] | str | None = None, **more: Any) -> _MsalResponse:
        """Ask with a form. What Microsoft refuses it says with 400 or 401, which msal understands."""
        body = (data if isinstance(data, str) else urlencode(data or {})).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(more.get("headers") or {})}
        address = at_endpoint(url, self._endpoint)
        return self._exchanged(HttpRequest("POST", address, headers, body, frozenset({400, 401})))

    def close(self) -> None:
        """Nothing is kept open."""

    def _exchanged(self, question: HttpRequest) -> _MsalResponse:
        answer = self._client.send(question)
        if answer.status == HTTPStatus.UNAUTHORIZED and not answer.body.lstrip().startswith(b"{"):
            raise AuthorizationError(self._source, "Microsoft does not let us in.", "Run: evenhours connect microsoft")
        return _MsalResponse(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)
