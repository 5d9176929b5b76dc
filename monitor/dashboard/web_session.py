"""The browser's part of a session: one random word in a cookie. All else lies in the store.

::

    evenhours           the token of a session that the store knows
    evenhours-sign-in   before that: ties the button of a link's page to the browser that shows it
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SessionInterface, SessionMixin

SIGN_IN = "/sign-in"
"""Below it every link lies; the second cookie goes nowhere else."""


class WebSession(dict[str, Any], SessionMixin):
    """The words that a request brought, and those that its answer leaves. What forms are checked by is made of them.

    Attributes:
        token: Of the session that the store knows; empty for whoever has not signed in.
        signing_in: The word of a browser that shows a link's page; empty elsewhere.
    """

    def __init__(self, key: bytes, token: str, signing_in: str, *, at_link: bool) -> None:
        super().__init__()
        self.token, self.signing_in = token, signing_in
        self.brought = (token, signing_in)
        self._key = key
        self._set_form_token(signing_in if at_link else token)

    def begin_signing_in(self) -> None:
        """Give this browser a word of its own, unless it has one: a form that somebody else made does not know it."""
        if not self.signing_in:
            self.signing_in = secrets.token_urlsafe(32)
            self._set_form_token(self.signing_in)

    def begin(self, token: str) -> None:
        """Hold the token of a session that has begun."""
        self.token, self.signing_in = token, ""

    def end(self) -> None:
        """Hold nothing any more."""
        self.token = self.signing_in = ""
        self.clear()

    def _set_form_token(self, word: str) -> None:
        # Flask-WTF compares a form's token with this. It tells nobody the word that it is made of.
        if word:
            digest = hashlib.blake2b(word.encode(), key=self._key, person=b"evenhours.form")
            self["csrf_token"] = digest.hexdigest()


class WebSessionInterface(SessionInterface):
    """Reads and leaves the two cookies, without a look at the store."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def open_session(self, app: Flask, request: Request) -> WebSession:
        """Return what the request brought."""
        # Of two cookies of one name the one with the longer path comes first, so that none of another port takes over.
        name = self.get_cookie_name(app)
        token, signing_in = request.cookies.get(name, ""), request.cookies.get(f"{name}-sign-in", "")
        return WebSession(self._key, token, signing_in, at_link=request.path.startswith(f"{SIGN_IN}/"))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Leave what changed in the browser, until it is closed."""
        held = cast("WebSession", session)
        name, path = self.get_cookie_name(app), self.get_cookie_path(app)
        own = path if self.get_cookie_secure(app) else f"{path.rstrip('/')}{SIGN_IN}"  # __Host- demands the path "/"
        self._leave(app, response, (name, path), held.brought[0], held.token)
        self._leave(app, response, (f"{name}-sign-in", own), held.brought[1], held.signing_in)

    def _leave(self, app: Flask, response: Response, place: tuple[str, str], before: str, word: str) -> None:
        if word == before:
            return
        name, path = place
        how: dict[str, Any] = {
            "path": path,
            "httponly": self.get_cookie_httponly(app),
            "secure": self.get_cookie_secure(app),
            "samesite": self.get_cookie_samesite(app),
        }
        if word:
            response.set_cookie(name, word, **how)
        else:
            response.delete_cookie(name, **how)


def web_session() -> WebSession:
    """Return what this request's browser holds."""
    return cast("WebSession", session)


def init_app(app: Flask, key: bytes) -> None:
    """Let an application hold its sessions so, under a key of its own."""
    app.session_interface = WebSessionInterface(key)
