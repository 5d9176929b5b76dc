"""The web session as the browser holds it: one random token in a cookie. Everything else lies in the store.

::

    evenhours           the token of a session that the store knows
    evenhours-sign-in   before signing in: binds the button of a link's page to the browser that shows it
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SessionInterface, SessionMixin

SIGN_IN = "/sign-in"
"""The path of one-time links, and of the sign-in cookie."""


class WebSession(dict[str, Any], SessionMixin):
    """The tokens that a request brought and its response leaves. The CSRF token of forms is derived from them.

    Attributes:
        token: Of a session in the store; empty without one.
        sign_in_token: Of a browser that shows the page of a link; empty elsewhere.
        received: Both, as the request brought them.
    """

    def __init__(self, key: bytes, token: str, sign_in_token: str, *, at_link: bool) -> None:
        super().__init__()
        self.token, self.sign_in_token = token, sign_in_token
        self.received = (token, sign_in_token)
        self._key = key
        # A link's page may be opened while somebody is signed in; its form belongs to the link, not to that session.
        self._set_csrf_token(sign_in_token if at_link else token)

    def begin_signing_in(self) -> None:
        """Give this browser a sign-in token, unless it has one. A form made by anybody else cannot know it."""
        if not self.sign_in_token:
            self.sign_in_token = secrets.token_urlsafe(32)
            self._set_csrf_token(self.sign_in_token)

    def begin(self, token: str) -> None:
        """Hold the token of a session that has begun."""
        self.token, self.sign_in_token = token, ""

    def end(self) -> None:
        """Drop both tokens."""
        self.token = self.sign_in_token = ""
        self.clear()

    def _set_csrf_token(self, token: str) -> None:
        # Flask-WTF compares the CSRF token of a form with this. A keyed hash does not reveal the token.
        if token:
            digest = hashlib.blake2b(token.encode(), key=self._key, person=b"evenhours.form")
            self["csrf_token"] = digest.hexdigest()


class WebSessionInterface(SessionInterface):
    """Reads and writes the two cookies, without reading the store."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def open_session(self, app: Flask, request: Request) -> WebSession:
        """Return the web session that a request brought."""
        # Of two cookies with one name, browsers send the one with the longer path first, and `cookies.get` returns the
        # first. So a cookie that another local server has set for "/" does not replace ours.
        name = self.get_cookie_name(app)
        token, sign_in_token = request.cookies.get(name, ""), request.cookies.get(f"{name}-sign-in", "")
        return WebSession(self._key, token, sign_in_token, at_link=request.path.startswith(f"{SIGN_IN}/"))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookies whose value has changed. They last until the browser is closed."""
        current = cast("WebSession", session)
        name, path = self.get_cookie_name(app), self.get_cookie_path(app)
        # A __Host- cookie must have the path "/".
        sign_in_path = path if self.get_cookie_secure(app) else f"{path.rstrip('/')}{SIGN_IN}"
        self._set_cookie(app, response, (name, path), current.received[0], current.token)
        self._set_cookie(app, response, (f"{name}-sign-in", sign_in_path), current.received[1], current.sign_in_token)

    def _set_cookie(self, app: Flask, response: Response, cookie: tuple[str, str], received: str, token: str) -> None:
        """Set or delete a cookie, given as its name and path, where its token is not the received one."""
        if token == received:
            return
        name, path = cookie
        options: dict[str, Any] = {
            "path": path,
            "httponly": self.get_cookie_httponly(app),
            "secure": self.get_cookie_secure(app),
            "samesite": self.get_cookie_samesite(app),
        }
        if token:
            response.set_cookie(name, token, **options)
        else:
            response.delete_cookie(name, **options)


def web_session() -> WebSession:
    """Return the web session of this request."""
    return cast("WebSession", session)


def init_app(app: Flask, key: bytes) -> None:
    """Let an application use these web sessions; ``key`` derives the CSRF tokens."""
    app.session_interface = WebSessionInterface(key)
