"""Permission to read a Microsoft account: the clinician's own, or the practice's application with their consent.

::

    <tokens>/ana.json            Ana's permission: the refresh token, in msal's own format, and the granted scopes
    <tokens>/ana.consent.json    Ana's consent to the application: account, scopes, date

Signing in needs no browser on this machine: a code is shown, to be entered on Microsoft's page anywhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.base import Context
from connectors.deadline import Deadline
from connectors.errors import AuthorizationError, UnavailableError
from connectors.http import HttpClient, HttpRequest
from connectors.microsoft.options import MicrosoftOptions, scopes_of
from connectors.network import at_endpoint
from connectors.private import PrivateFileError, read_private, write_private

NAME = "microsoft"  # stands in errors for the source, where there is none
LOGIN = "https://login.microsoftonline.com"
_JUNK = (ValueError, LookupError, AttributeError, TypeError)  # raised by msal at responses in another form
GRAPH = "https://graph.microsoft.com"
_WITHDRAWN = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required", "invalid_client",
                        "unauthorized_client", "expired_token", "authorization_declined", "access_denied"})  # fmt: skip


class MicrosoftAccess:
    """Access to one owner's account, with a token that is renewed when necessary.

    ``root`` is the base address of the account's resources, ``account`` Microsoft's name for it. All requests of the
    source share the ``deadline``.
    """

    def __init__(self, context: Context, options: MicrosoftOptions) -> None:
        self._context, self._options = context, options
        self._owner = context.owners[0].key
        self._folder = context.folder / options.tokens
        self._cache: Any = None
        self.deadline = Deadline()
        graph = f"{at_endpoint(GRAPH, options.api_endpoint).rstrip('/')}/v1.0"
        needed, source = set(scopes_of(options)), context.source
        if options.client_secret:
            consent = self._read(f"{self._owner}.consent.json")
            self.account = str(consent.get("account", "")) if consent else ""
            if consent is None or not self.account or needed - set(consent.get("scopes", ())):
                raise self.refused(f"{self._owner} has not consented to the practice's application.")
            self.root = f"{graph}/users/{self.account}"
            with self._translated():
                secret = context.read_secret(options.client_secret).strip()
                self._application = _create_application(
                    "ConfidentialClientApplication", source, options, self.deadline, client_credential=secret
                )
            return
        self.root = f"{graph}/me"
        with self._translated():
            stored = self._read(f"{self._owner}.json")
            if stored is None:
                raise self.refused(f"{self._owner} has not given permission yet.")
            if needed - set(stored.get("scopes", ())):
                raise self.refused(f"{self._owner} gave permission, but not for everything this source reads.")
            self._stored = stored
            self._cache = _cache(source, json.dumps(stored.get("cache", {})))
            self._application = _create_application(
                "PublicClientApplication", source, options, self.deadline, token_cache=self._cache
            )
            accounts = self._application.get_accounts()
            self.account = str(accounts[0]["home_account_id"]) if accounts else ""

    def token(self) -> str:
        """Return a token that is valid now. Raises a :class:`~connectors.errors.ConnectorError`."""
        result: Any = None
        with self._translated():
            if self._options.client_secret:
                result = self._application.acquire_token_for_client([f"{GRAPH}/.default"])
            elif accounts := self._application.get_accounts():
                scopes = list(scopes_of(self._options))
                result = self._application.acquire_token_silent_with_error(scopes, account=accounts[0])
        result = result if isinstance(result, Mapping) else None
        # msal may have received a new refresh token, after which the old one may stop working.
        if self._cache is not None and self._cache.has_state_changed:
            # A permission that was revoked meanwhile must not be written again.
            if self._read(f"{self._owner}.json") is None:
                raise self.refused(f"{self._owner} revoked the permission.")
            _write(self._folder, f"{self._owner}.json", self._stored | {"cache": json.loads(self._cache.serialize())})
            self._cache.has_state_changed = False
        if result and "access_token" in result:
            return str(result["access_token"])
        if result is None or result.get("error") in _WITHDRAWN:
            raise self.refused("the permission was revoked, or has expired.")
        raise self._unreachable()

    def refused(self, found: str) -> AuthorizationError:
        """Return the error that asks the owner to give permission again."""
        return AuthorizationError(self._context.source, found, f"Run: {connect_command(self._owner)}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn whatever msal raises into one error, without the server's text."""
        try:
            yield
        except _JUNK:
            raise self._unreachable() from None

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            return read_private(self._folder, name)
        except PrivateFileError as error:
            raise UnavailableError(self._context.source, error.found, error.remedy) from error

    def _unreachable(self) -> UnavailableError:
        found = "Microsoft gave no usable token."
        return UnavailableError(self._context.source, found, "Check the network; the next run tries again.")


class DeviceSignIn:
    """A sign-in with a code: the person enters ``code`` at ``address``, on any machine."""

    def __init__(self, options: MicrosoftOptions) -> None:
        self._options = options
        self._cache = _cache(NAME, "{}")
        try:
            self._application = _create_application(
                "PublicClientApplication", NAME, options, Deadline(), token_cache=self._cache
            )
            flow = self._application.initiate_device_flow(list(scopes_of(options)))
        except _JUNK:
            flow = {}
        if "user_code" not in flow:
            raise UnavailableError(NAME, "Microsoft gave no code to sign in with.", "Check client_id and tenant.")
        self._flow = flow
        self.code, self.address = str(flow["user_code"]), str(flow["verification_uri"])

    def wait(self, folder: Path, clinician: str, now: datetime) -> tuple[str, ...]:
        """Wait until the code is entered, store the permission, and return the granted scopes.

        Raises a :class:`~connectors.errors.ConnectorError` if it is refused or nobody signs in in time.
        """
        result = self._application.acquire_token_by_device_flow(self._flow)
        if "access_token" not in result:
            raise AuthorizationError(
                NAME, "nobody signed in with this code, or permission was refused.", "Run the command again."
            )
        requested = scopes_of(self._options)
        granted = {scope.rpartition("/")[2] for scope in str(result.get("scope", "")).split()}
        scopes = tuple(scope for scope in requested if scope in granted)
        content = {"cache": json.loads(self._cache.serialize()), "scopes": scopes, "given_at": now.isoformat()}
        _write(folder, f"{clinician}.json", content)
        return scopes


def permission_problem(folder: Path, options: MicrosoftOptions, clinician: str) -> str:
    """Return what is wrong with a clinician's permission and how to repair it; empty if nothing is known to be."""
    name = f"{clinician}.consent.json" if options.client_secret else f"{clinician}.json"
    try:
        stored = read_private(folder, name)
    except PrivateFileError as error:
        return str(error)
    remedy = f"Run: {connect_command(clinician)}"
    if stored is None:
        return f"{clinician} has not given permission yet. {remedy}"
    missing = set(scopes_of(options)) - set(stored.get("scopes", ()))
    return f"{clinician} gave permission, but not for all of it. {remedy}" if missing else ""


def connect_command(clinician: str) -> str:
    """Return the command with which a clinician gives permission."""
    return f"evenhours connect microsoft --clinician {clinician}"


def write_consent(folder: Path, clinician: str, account: str, options: MicrosoftOptions, now: datetime) -> None:
    """Record a clinician's consent to the practice's application."""
    content = {"account": account, "scopes": list(scopes_of(options)), "agreed_at": now.isoformat()}
    _write(folder, f"{clinician}.consent.json", content)


def _create_application(kind: str, source: str, options: MicrosoftOptions, deadline: Deadline, **more: Any) -> Any:
    """Return msal's application of that kind: the public one for somebody who signs in, or the practice's own."""
    authority = f"{LOGIN}/{options.tenant}"
    http_client = _MsalHttpClient(source, options.api_endpoint, deadline)
    application = getattr(_library(source), kind)
    # Instance discovery would ask another host whether this one is Microsoft's.
    return application(
        options.client_id, authority=authority, http_client=http_client, instance_discovery=False, **more
    )


def _library(source: str) -> Any:
    """Import msal, Microsoft's library for signing in, which is an optional dependency."""
    try:
        return import_module("msal")
    except ModuleNotFoundError as error:
        remedy = "Install it: pip install 'evenhours[microsoft]'"
        raise UnavailableError(
            source, "the library for signing in at Microsoft (msal) is not installed.", remedy
        ) from error


def _cache(source: str, text: str) -> Any:
    cache = _library(source).SerializableTokenCache()
    cache.deserialize(text)
    return cache


def _write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    try:
        write_private(folder, name, content)
    except PrivateFileError as error:
        raise UnavailableError(NAME, error.found, error.remedy) from error


@dataclass(frozen=True, slots=True)
class _MsalResponse:
    """A response with the attributes that msal reads."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Do nothing: other statuses have been raised before."""


class _MsalHttpClient:
    """An HTTP client for msal, with this project's retry policy and ``endpoint``."""

    def __init__(self, source: str, endpoint: str | None, deadline: Deadline) -> None:
        logging.getLogger("msal").setLevel(logging.ERROR)  # it logs responses
        self._source = source
        self._client = HttpClient(source, deadline=deadline)
        self._endpoint = endpoint

    def get(self, url: str, params: Mapping[str, str] | None = None, **more: Any) -> _MsalResponse:
        """Send a GET request."""
        address = f"{url}?{urlencode(params)}" if params else url
        return self._send(HttpRequest("GET", at_endpoint(address, self._endpoint), more.get("headers") or {}))

    def post(self, url: str, data: Mapping[str, str] | str | None = None, **more: Any) -> _MsalResponse:
        """Send a form. Microsoft refuses with 400 or 401, which msal handles."""
        body = (data if isinstance(data, str) else urlencode(data or {})).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(more.get("headers") or {})}
        address = at_endpoint(url, self._endpoint)
        return self._send(HttpRequest("POST", address, headers, body, frozenset({400, 401})))

    def close(self) -> None:
        """Do nothing: no connection is kept open."""

    def _send(self, request: HttpRequest) -> _MsalResponse:
        response = self._client.send(request)
        if response.status == HTTPStatus.UNAUTHORIZED and not response.body.lstrip().startswith(b"{"):
            remedy = "Run: evenhours connect microsoft"
            raise AuthorizationError(self._source, "Microsoft does not accept the sign-in.", remedy)
        return _MsalResponse(response.status, response.body.decode("utf-8", "replace"), response.headers)
