"""The factory of the pages: configuration and clock in, a WSGI application out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from flask import Flask
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, PackageLoader, StrictUndefined

from monitor.config import Config
from monitor.credentials import read_key
from monitor.dashboard import assets, faults, headers, policy, visit
from monitor.dashboard.views import (
    accounts,
    agreements,
    check_in,
    clients,
    data,
    door,
    help_page,
    me,
    patterns,
    practice,
)

LARGEST_FORM = 16 * 1024  # bytes; ours have two short fields
LOOPBACK = ["127.0.0.1", "localhost"]


def create_app(config: Config, clock: Callable[[], datetime], *, https: bool = False) -> Flask:
    """The pages of one practice. Nothing is opened before the first request but the practice's key.

    ``https`` says that they are reached over TLS, so that the cookie never travels without it.

    Raises:
        KeyFileError: the practice's key cannot be read.
    """
    app = Flask("monitor.dashboard", static_folder=None)
    app.jinja_options = {
        "loader": ChoiceLoader([PackageLoader("monitor.dashboard"), PackageLoader("reports")]),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    key = read_key(config.key_file)
    app.config.update(_settings(key, https=https))
    visit.begin(app, config, key, clock)
    policy.guard(app)
    CSRFProtect(app)
    headers.add(app)
    faults.explain(app)
    for views in (door, me, patterns, clients, agreements, check_in, data, accounts, practice, help_page, assets):
        app.register_blueprint(views.blueprint)
    return app


def _settings(key: bytes, *, https: bool) -> dict[str, object]:
    return {
        "SECRET_KEY": hashlib.blake2b(key=key, person=b"evenhours.cookie").digest(),
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
