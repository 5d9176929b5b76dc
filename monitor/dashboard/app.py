"""The factory of the pages: configuration and clock in, a WSGI application out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, PackageLoader

from monitor.config import Config
from monitor.credentials import read_key
from monitor.dashboard import auth, headers, policy, request, web_session
from monitor.dashboard.help import definitions
from monitor.dashboard.layout import assets, error_pages
from monitor.dashboard.me import accounts, agreements, check_in, clients, data, patterns, week
from monitor.dashboard.practice import caseload
from reports import shell

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_FORM = 16 * 1024  # bytes; ours have two short fields
LOOPBACK = ["127.0.0.1", "localhost"]


class DashboardApp(Flask):
    """An application whose log names no address: the one of a link signs its bearer in, others name clients."""

    def log_exception(self, exc_info: Any) -> None:
        """Write down a fault by the rule of its address."""
        self.logger.error("A fault of ours at %s [%s]", flask.request.url_rule, flask.request.method, exc_info=exc_info)


class PathPrefixMiddleware:
    """Serves an application below one path, and says nothing of it to whoever asks for another.

    A cookie of 127.0.0.1 goes to every port of this machine, whoever listens there, but only below its own path.
    """

    def __init__(self, served: WSGIApplication, path: str) -> None:
        self._served, self._path = served, path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        first, slash, rest = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))[1:].partition("/")
        if not compare_digest(f"/{first}".encode(), self._path.encode()):
            return headers.answer(404, NOT_HERE)(environ, start_response)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = self._path, slash + rest
        return self._served(environ, start_response)


NOT_HERE = "There is nothing at this address.\n"


def create_app(config: Config, clock: Callable[[], datetime], *, https: bool = False) -> Flask:
    """The pages of one practice. Nothing is opened before the first request but the practice's key.

    ``https`` says that they are reached over TLS, so that the cookie never travels without it and belongs to the host
    alone. Otherwise they are served below :func:`own_path`.

    Raises:
        KeyFileError: the practice's key cannot be read.
    """
    app = DashboardApp("monitor.dashboard", static_folder=None)
    app.jinja_options = {
        # A page's template lies beside its module; what all reports share comes from theirs.
        "loader": ChoiceLoader([PackageLoader("monitor.dashboard", ""), PackageLoader("reports")]),
        **shell.TEMPLATE_OPTIONS,
    }
    app.jinja_env.filters["quantities"] = shell.quantities
    key = read_key(config.key_file)
    app.config.update(_settings(key, https=https))
    web_session.init_app(app, app.config["SECRET_KEY"])
    if not https:
        app.wsgi_app = PathPrefixMiddleware(app.wsgi_app, own_path(key))  # type: ignore[method-assign]
    request.init_app(app, config, key, clock)
    policy.init_app(app)
    CSRFProtect(app)
    headers.init_app(app)
    error_pages.init_app(app)
    for views in (auth, week, patterns, clients, agreements, check_in, data, accounts, caseload, definitions, assets):
        app.register_blueprint(views.blueprint)
    return app


def own_path(key: bytes) -> str:
    """Return the path below which a practice's pages are served on its own machine.

    It is drawn once, with the practice's key: as lasting and as hard to guess as that, and another one's is another.
    """
    return "/" + hashlib.blake2b(key=key, person=b"evenhours.path", digest_size=12).hexdigest()


def _settings(key: bytes, *, https: bool) -> dict[str, object]:
    return {
        "SECRET_KEY": hashlib.blake2b(key=key, person=b"evenhours.cookie").digest(),
        "APPLICATION_ROOT": "/" if https else own_path(key),  # which the cookie names as its path
        "TRUSTED_HOSTS": LOOPBACK,
        "MAX_CONTENT_LENGTH": LARGEST_FORM,
        # A browser takes a __Host- cookie from nobody but this host itself, and only over TLS.
        "SESSION_COOKIE_NAME": "__Host-evenhours" if https else "evenhours",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "WTF_CSRF_TIME_LIMIT": None,  # a token ends with its session
        "WTF_CSRF_SSL_STRICT": False,  # it asks for the referrer, which our own pages forbid
    }
