"""Consent: Google's page in a browser, then the address to which the browser is redirected.

::

    with a browser here     page → Google → http://127.0.0.1:PORT/?code=…   received by a server of ours
    without                 page → Google → http://127.0.0.1:1/?code=…      the page fails; its address is copied
                            (its code is useless without the secret that stays here: PKCE)
    a service account       no page: it may read already, and the clinician's own consent is recorded
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.deadline import Deadline
from connectors.errors import AuthorizationError, ConnectorError, UnavailableError
from connectors.google.access import (
    OPENID,
    GoogleOptions,
    connect_command,
    consent_file,
    missing_scopes,
    token_file,
)
from connectors.network import at_endpoint, is_loopback
from connectors.private import PrivateFileError, read_private, write_private

NAME = "google"  # stands in errors for the source
NO_LISTENER = "http://127.0.0.1:1"  # a port on which nothing listens
SECONDS = 60  # timeout of a token request
_PAGE = "<!doctype html><title>Evenhours</title><p>Thank you. You can close this page."


@dataclass(frozen=True, slots=True)
class GrantedPermission:
    """A permission: the scopes that were ticked, those that were not, and when it ends, if it does."""

    granted: tuple[str, ...]
    missing: tuple[str, ...]
    ends_at: datetime | None = None


class ConsentFlow:
    """The consent of one person to some scopes, on Google's page at ``url``."""

    def __init__(
        self,
        client: str,
        options: GoogleOptions,
        scopes: Sequence[str],
        redirect_uri: str = NO_LISTENER,
        secrets: Sequence[str] = (),
    ) -> None:
        """Prepare the page. ``client`` is the OAuth client's JSON; Google redirects the browser to ``redirect_uri``.

        To finish a page that was opened before, pass its :attr:`secrets`.
        """
        from google_auth_oauthlib.flow import InstalledAppFlow

        self._scopes = tuple(scopes)
        self._client = _client(client)
        uris = {name: at_endpoint(self._client[name], options.api_endpoint) for name in ("auth_uri", "token_uri")}
        self._flow = InstalledAppFlow.from_client_config({"installed": self._client | uris}, scopes=list(scopes))
        self._flow.redirect_uri = redirect_uri
        if secrets:
            self._flow.code_verifier = secrets[1]
        # Without prompt=consent Google gives no refresh token the second time.
        with _relaxed_oauth(self._flow.client_config["auth_uri"]):
            self.url, self._state = self._flow.authorization_url(
                access_type="offline", prompt="consent", **({"state": secrets[0]} if secrets else {})
            )

    @property
    def secrets(self) -> tuple[str, str]:
        """The state and the PKCE verifier, without which the redirect cannot be used."""
        return self._state, self._flow.code_verifier

    def finish(self, address: str, folder: Path, clinician: str, now: datetime) -> GrantedPermission:
        """Exchange the address to which the browser was redirected for a permission, and store it in ``folder``.

        Raises :class:`~connectors.errors.ConnectorError` if the person refused, or the address is not this page's.
        """
        query = {name: values[-1] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
        if query.get("error"):
            remedy = "Run the command again and allow it."
            raise AuthorizationError(NAME, "permission was refused on Google's page.", remedy)
        if query.get("state") != self._state or not query.get("code"):
            remedy = "Copy the whole address that the browser shows after the last click, from this page."
            raise UnavailableError(NAME, "that is not the address to which Google's page leads.", remedy)
        token = self._exchange(query["code"])
        granted = tuple(map(str, token.get("scope") or self._scopes))
        # Only the permission of a consent screen in testing mode ends.
        seconds = token.get("refresh_token_expires_in")
        ends_at = now + timedelta(seconds=seconds) if isinstance(seconds, int) and seconds > 0 else None
        content = {
            "refresh_token": token["refresh_token"],
            "client_id": self._client["client_id"],
            "client_secret": self._client["client_secret"],
            "token_uri": self._client["token_uri"],
            "scopes": list(granted),
            "account_id": _account_id(token) if OPENID in granted else "",
            "given_at": now.isoformat(),
            "ends_at": ends_at.isoformat() if ends_at else "",
        }
        _write(folder, token_file(clinician), content)
        return GrantedPermission(granted, tuple(missing_scopes(self._scopes, list(granted))), ends_at)

    def _exchange(self, code: str) -> Mapping[str, Any]:
        from oauthlib.oauth2 import OAuth2Error
        from requests import RequestException

        from connectors.adapter import WatchedAdapter

        with _relaxed_oauth(self._flow.client_config["token_uri"]):
            try:
                session = self._flow.oauth2session
                session.max_redirects = 0  # the code and the client's secret go to no other server
                session.mount(self._flow.client_config["token_uri"], WatchedAdapter(Deadline()))
                token: Mapping[str, Any] = self._flow.fetch_token(code=code, include_client_id=True, timeout=SECONDS)
            except OAuth2Error:
                # Without its cause, which repeats what the server sent.
                raise AuthorizationError(NAME, "Google does not accept the code.", "Run the command again.") from None
            except (RequestException, ValueError):
                raise UnavailableError(NAME, "Google gave no complete response.", "Run the command again.") from None
        if not token.get("refresh_token"):
            remedy = "Revoke it at myaccount.google.com/permissions, then run the command again."
            raise AuthorizationError(NAME, "Google gave a permission that ends within the hour.", remedy)
        return token


@contextmanager
def redirect_listener(seconds: float) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield an address on this machine for the redirect, and a function that waits for it.

    The function returns the whole address. It raises :class:`~connectors.errors.UnavailableError` if no redirect comes
    within ``seconds``.
    """
    received: Queue[str] = Queue()

    class Handler(BaseHTTPRequestHandler):
        """A handler that takes requests with a state; a browser also asks for an icon."""

        def do_GET(self) -> None:
            """Pass the address on and answer with a page."""
            if "state" in parse_qs(urlsplit(self.path).query):
                received.put(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(_PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Write no log: the address contains a code."""

    def wait() -> str:
        try:
            return received.get(timeout=seconds)
        except Empty:
            found = "nobody answered on Google's page in time."
            raise UnavailableError(NAME, found, "Run the command again.") from None

    # A thread for each connection, since browsers open some in advance and send nothing on them.
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", wait
        finally:
            server.shutdown()


def write_consent(folder: Path, clinician: str, account: str, scopes: Sequence[str], now: datetime) -> None:
    """Record a clinician's consent to the domain's service account."""
    content = {"account": account, "scopes": list(scopes), "agreed_at": now.isoformat()}
    _write(folder, consent_file(clinician), content)


def permission_problem(
    folder: Path, options: GoogleOptions, clinician: str, scopes: Sequence[str], now: datetime
) -> str:
    """Return what is wrong with a clinician's permission and how to repair it; empty if nothing is known to be."""
    name = consent_file(clinician) if options.service_account else token_file(clinician)
    try:
        stored = read_private(folder, name)
    except PrivateFileError as error:
        return str(error)
    remedy = f"Run: {connect_command(clinician)}"
    if stored is None:
        return f"{clinician} has not given permission yet. {remedy}"
    if missing_scopes(scopes, stored.get("scopes", ())):
        return f"{clinician} gave permission, but not for all of it. {remedy}"
    try:
        ends_at = datetime.fromisoformat(str(stored["ends_at"]))
    except (KeyError, ValueError):
        return ""
    if ends_at <= now:
        return f"{clinician}'s permission ended on {ends_at:%d %B}: the consent screen is in testing mode. {remedy}"
    remedy = "Publish the consent screen (docs/google.md), then connect again."
    return f"{clinician}'s permission ends on {ends_at:%d %B}: the consent screen is in testing mode. {remedy}"


def _client(text: str) -> dict[str, str]:
    """Return the OAuth client's fields from its JSON."""
    remedy = 'Create an OAuth client of the type "Desktop app" in Google\'s console and store its JSON file.'
    try:
        client = json.loads(text)["installed"]
        fields = {name: client[name] for name in ("client_id", "client_secret", "auth_uri", "token_uri")}
    except (ValueError, TypeError, LookupError):
        raise UnavailableError(NAME, 'the OAuth client is not of the type "Desktop app".', remedy) from None
    if not all(isinstance(value, str) and value for value in fields.values()):
        raise UnavailableError(NAME, "the OAuth client is incomplete.", remedy)
    return fields


@contextmanager
def _relaxed_oauth(address: str) -> Iterator[None]:
    """Let oauthlib accept fewer scopes than requested, and no TLS if the address is on this machine.

    Missing scopes are reported by :class:`GrantedPermission`. oauthlib reads both settings from the environment.
    """
    settings = {"OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    if is_loopback(urlsplit(address).hostname):
        settings["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _account_id(token: Mapping[str, Any]) -> str:
    """Return the account's number from the identity token. It came from Google over TLS, so it is not verified."""
    import base64

    try:
        part = str(token["id_token"]).split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sub"])
    except (ValueError, LookupError, TypeError):
        return ""


def _write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    try:
        write_private(folder, name, content)
    except PrivateFileError as error:
        raise ConnectorError(NAME, error.found, error.remedy) from error
