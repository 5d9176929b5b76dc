"""The application factory: a configuration and a clock in, a WSGI application out.

Also the HTTP headers of every response.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask, Response
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, PackageLoader

from monitor.config import Config
from monitor.credentials import read_key
from monitor.dashboard import auth, policy, request, web_session
from monitor.dashboard.help import definitions
from monitor.dashboard.layout import assets, error_pages
from monitor.dashboard.me import accounts, agreements, check_in, clients, data, patterns, week
from monitor.dashboard.practice import caseload
from reports import shell

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_FORM = 16 * 1024  # bytes; the longest form here, an agreement, sends about one kilobyte
LOOPBACK = ["127.0.0.1", "localhost"]
NOT_FOUND = "There is nothing at this address.\n"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # an address can name a client or contain a link's token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",  # nothing readable stays on the disk after signing out
}
"""The HTTP headers of every response: load nothing from elsewhere, run no script, store no copy."""


class DashboardApp(Flask):
    """A Flask application that logs an error by the rule of its URL.

    A URL itself can sign its reader in or name a client, so it does not belong in a log.
    """

    def log_exception(self, exc_info: Any) -> None:
        """Log an unexpected error with the URL rule and the method of its request."""
        rule, method = flask.request.url_rule, flask.request.method
        self.logger.error("Unexpected error at %s [%s]", rule, method, exc_info=exc_info)


class PathPrefixMiddleware:
    """WSGI middleware that serves an application below one path and answers 404 everywhere else.

    Browsers send a cookie of 127.0.0.1 to every port of the machine, but only below the cookie's path. With a path of
    its own, another local server never receives the cookie of these pages.
    """

    def __init__(self, application: WSGIApplication, prefix: str) -> None:
        self._application, self._prefix = application, prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        first, slash, rest = path[1:].partition("/")
        # Compared in constant time: the prefix is derived from the practice's key and is not to be guessed.
        if not compare_digest(f"/{first}".encode(), self._prefix.encode()):
            response = Response(NOT_FOUND, 404, HEADERS, content_type="text/plain; charset=utf-8")
            return response(environ, start_response)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = self._prefix, slash + rest
        return self._application(environ, start_response)


def create_app(config: Config, clock: Callable[[], datetime], *, https: bool = False) -> Flask:
    """Return the pages of one practice as an application. Until the first request it opens nothing but the key.

    ``https`` means that the pages are reached over TLS: the cookie then travels only over TLS and is bound to the
    host. Otherwise they are served below :func:`path_prefix`.

    Raises:
        KeyFileError: the practice's key cannot be read.
    """
    app = DashboardApp("monitor.dashboard", static_folder=None)
    app.jinja_options = {
        # A page's template lies beside its module; the templates that all reports share come from `reports`.
        "loader": ChoiceLoader([PackageLoader("monitor.dashboard", ""), PackageLoader("reports")]),
        **shell.TEMPLATE_OPTIONS,
    }
    app.jinja_env.filters["quantities"] = shell.quantities
    key = read_key(config.key_file)
    secret = hashlib.blake2b(key=key, person=b"evenhours.cookie").digest()
    app.config.update(
        SECRET_KEY=secret,
        APPLICATION_ROOT="/" if https else path_prefix(key),  # Flask uses it as the cookie's path
        TRUSTED_HOSTS=LOOPBACK,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        # Browsers accept a __Host- cookie only over TLS and only from the host itself.
        SESSION_COOKIE_NAME="__Host-evenhours" if https else "evenhours",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,  # a token is valid as long as its session
        WTF_CSRF_SSL_STRICT=False,  # the strict check needs a Referer header, which these pages suppress
    )
    web_session.init_app(app, secret)
    if not https:
        app.wsgi_app = PathPrefixMiddleware(app.wsgi_app, path_prefix(key))  # type: ignore[method-assign]
    request.init_app(app, config, key, clock)
    policy.init_app(app)
    CSRFProtect(app)
    app.after_request(_add_headers)
    error_pages.init_app(app)
    for views in (auth, week, patterns, clients, agreements, check_in, data, accounts, caseload, definitions, assets):
        app.register_blueprint(views.blueprint)
    return app


def path_prefix(key: bytes) -> str:
    """Return the path below which a practice's pages are served on its own machine.

    It is derived from the practice's key, so it lasts as long, is as hard to guess, and differs between practices.
    """
    return "/" + hashlib.blake2b(key=key, person=b"evenhours.path", digest_size=12).hexdigest()


def _add_headers(response: Response) -> Response:
    """Add the headers to a response. A header that a view has set itself stays."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
