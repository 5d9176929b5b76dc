"""How somebody gives permission: Google's own page in a browser, then an address that the browser is sent to.

::

    with a browser here        page → Google → http://127.0.0.1:PORT/?code=…   heard by us
    without one                page → Google → http://127.0.0.1:1/?code=…      shows nothing; its address is copied
                               (the code in it is of no use without the secret that stays here: PKCE)
    a domain                   no page: the service account may already, and the person's own consent is written down
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
from connectors.google.access import OPENID, at_endpoint, connect_command, consent_file, missing_scopes, token_file
from connectors.google.options import GoogleOptions
from connectors.network import is_loopback
from connectors.private import PrivateFileError, read_private, write_private

NAME = "google"  # whose fault it is, as errors say
NO_LISTENER = "http://127.0.0.1:1"
SECONDS = 60  # of silence
_PAGE = "<!doctype html><title>Evenhours</title><p>Thank you. You can close this page."
_WHAT_TO_DO = "Run the command again and let it."


@dataclass(frozen=True, slots=True)
class GrantedPermission:
    """What somebody gave: the scopes they ticked, those they left out, and the instant it ends, if it does."""

    granted: tuple[str, ...]
    missing: tuple[str, ...]
    ends_at: datetime | None = None


class ConsentFlow:
    """One person's permission for some scopes, asked for on Google's page at ``url``."""

    def __init__(
        self,
        client: str,
        options: GoogleOptions,
        scopes: Sequence[str],
        back: str = NO_LISTENER,
        begun: Sequence[str] = (),
    ) -> None:
        """Prepare the page. ``client`` is the OAuth client's JSON; ``back`` where the browser is sent afterwards.

        ``begun`` are the ``secrets`` of a page that was shown before, whose answer is awaited.
        """
        from google_auth_oauthlib.flow import InstalledAppFlow

        self._scopes = tuple(scopes)
        self._client = _client(client)
        here = {name: at_endpoint(self._client[name], options.api_endpoint) for name in ("auth_uri", "token_uri")}
        self._flow = InstalledAppFlow.from_client_config({"installed": self._client | here}, scopes=list(scopes))
        self._flow.redirect_uri = back
        if begun:
            self._flow.code_verifier = begun[1]
        # without prompt=consent Google gives no refresh token the second time
        with _leniently(self._flow.client_config["auth_uri"]):
            self.url, self._state = self._flow.authorization_url(
                access_type="offline", prompt="consent", **({"state": begun[0]} if begun else {})
            )

    @property
    def secrets(self) -> tuple[str, str]:
        """What the page's answer is worth nothing without."""
        return self._state, self._flow.code_verifier

    def finish(self, address: str, folder: Path, clinician: str, now: datetime) -> GrantedPermission:
        """Trade the address that the browser was sent to for a permission, and keep it in ``folder``.

        Raises :class:`~connectors.errors.ConnectorError` where the person said no, or the address is not this page's.
        """
        told = {name: values[-1] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
        if told.get("error"):
            raise AuthorizationError(NAME, "permission was refused on Google's page.", _WHAT_TO_DO)
        if told.get("state") != self._state or not told.get("code"):
            remedy = "Copy the whole address that the browser shows after the last click, from this page."
            raise UnavailableError(NAME, "that is not the address that Google's page leads to.", remedy)
        token = self._traded(told["code"])
        granted = tuple(map(str, token.get("scope") or self._scopes))
        ends_at = _end(token, now)
        kept = self._kept(token, granted, now, ends_at)
        _write(folder, token_file(clinician), kept)
        return GrantedPermission(granted, tuple(missing_scopes(self._scopes, list(granted))), ends_at)

    def _traded(self, code: str) -> Mapping[str, Any]:
        from oauthlib.oauth2 import OAuth2Error
        from requests import RequestException

        from connectors.adapter import WatchedAdapter

        with _leniently(self._flow.client_config["token_uri"]):
            try:
                session = self._flow.oauth2session
                session.max_redirects = 0  # the code and the client's secret go where they were meant to
                session.mount(self._flow.client_config["token_uri"], WatchedAdapter(Deadline()))
                token: Mapping[str, Any] = self._flow.fetch_token(code=code, include_client_id=True, timeout=SECONDS)
            except OAuth2Error:
                # without its cause: it repeats what the server said
                raise AuthorizationError(NAME, "Google does not accept the answer.", "Run the command again.") from None
            except (RequestException, ValueError):
                raise UnavailableError(NAME, "Google gave no complete answer.", "Run the command again.") from None
        if not token.get("refresh_token"):
            remedy = "Take it back at myaccount.google.com/permissions, then run the command again."
            raise AuthorizationError(NAME, "Google gave a permission that ends within the hour.", remedy)
        return token

    def _kept(
        self, token: Mapping[str, Any], granted: Sequence[str], now: datetime, ends_at: datetime | None
    ) -> dict[str, Any]:
        client = self._client
        return {
            "refresh_token": token["refresh_token"],
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "token_uri": client["token_uri"],
            "scopes": list(granted),
            "account_id": _number(token) if OPENID in granted else "",
            "given_at": now.isoformat(),
            "ends_at": ends_at.isoformat() if ends_at else "",
        }


@contextmanager
def redirect_listener(seconds: float) -> Iterator[tuple[str, Callable[[], str]]]:
    """An address of this machine for the browser to be sent to, and what waits until it was: the whole address.

    The second raises :class:`~connectors.errors.UnavailableError` if nobody came within ``seconds``.
    """
    heard: Queue[str] = Queue()

    class Handler(BaseHTTPRequestHandler):
        """Hears the address that bears a state; a browser's wish for an icon is none, nor is a stray request."""

        def do_GET(self) -> None:
            """Keep the address and say thank you."""
            if "state" in parse_qs(urlsplit(self.path).query):
                heard.put(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(_PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Write nothing: the address holds a code."""

    def wait() -> str:
        try:
            return heard.get(timeout=seconds)
        except Empty:
            found = "nobody answered on Google's page in time."
            raise UnavailableError(NAME, found, "Run the command again.") from None

    # a thread for each connection: browsers open some ahead and say nothing on them
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", wait
        finally:
            server.shutdown()


def write_consent(folder: Path, clinician: str, account: str, scopes: Sequence[str], now: datetime) -> None:
    """Write down that somebody lets the domain's service account read in their name."""
    content = {"account": account, "scopes": list(scopes), "agreed_at": now.isoformat()}
    _write(folder, consent_file(clinician), content)


def permission_problem(
    folder: Path, options: GoogleOptions, clinician: str, scopes: Sequence[str], now: datetime
) -> str:
    """What is wrong with somebody's permission and how to mend it; empty if nothing is known to be."""
    name = consent_file(clinician) if options.service_account else token_file(clinician)
    try:
        kept = read_private(folder, name)
    except PrivateFileError as error:
        return str(error)
    again = f"Run: {connect_command(clinician)}"
    if kept is None:
        return f"{clinician} has not given permission yet. {again}"
    if missing_scopes(scopes, kept.get("scopes", ())):
        return f"{clinician} gave permission, but not for all of it. {again}"
    try:
        ends_at = datetime.fromisoformat(str(kept["ends_at"]))
    except (KeyError, ValueError):
        return ""
    if ends_at <= now:
        return f"{clinician}'s permission ended on {ends_at:%d %B}: the consent screen is in testing mode. {again}"
    remedy = "Publish the consent screen (docs/google.md), then connect again."
    return f"{clinician}'s permission ends on {ends_at:%d %B}: the consent screen is in testing mode. {remedy}"


def _client(text: str) -> dict[str, str]:
    """The OAuth client as Google's library wants it."""
    remedy = 'Make an OAuth client of the type "Desktop app" in Google\'s console and store the JSON file it gives.'
    try:
        client = json.loads(text)["installed"]
        words = {name: client[name] for name in ("client_id", "client_secret", "auth_uri", "token_uri")}
    except (ValueError, TypeError, LookupError):
        raise UnavailableError(NAME, "the OAuth client is none that this can use.", remedy) from None
    if not all(isinstance(word, str) and word for word in words.values()):
        raise UnavailableError(NAME, "the OAuth client is incomplete.", remedy)
    return words


@contextmanager
def _leniently(address: str) -> Iterator[None]:
    """Let fewer scopes be granted than were asked for, which is told and not raised; without TLS on loopback alone."""
    lenient = {"OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    if is_loopback(urlsplit(address).hostname):
        lenient["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    before = {name: os.environ.get(name) for name in lenient}
    os.environ.update(lenient)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(token: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the permission itself ends: Google says so where the consent screen is in testing mode."""
    seconds = token.get("refresh_token_expires_in")
    return now + timedelta(seconds=seconds) if isinstance(seconds, int) and seconds > 0 else None


def _number(token: Mapping[str, Any]) -> str:
    """The account's number, from the identity that came with the token, straight from Google."""
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
