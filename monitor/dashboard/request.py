"""The context of one request: the configuration, its own store, the clock, and who is reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import flask
from flask import Flask, Response, abort, current_app, g
from werkzeug.datastructures import MultiDict

from monitor import access
from monitor.access import Reader
from monitor.compute import bring_up_to_date
from monitor.config import Config
from monitor.dashboard.web_session import web_session
from monitor.errors import AccessLogError, StoreError
from monitor.readiness import Readiness, readiness_of
from monitor.roster import Clinician
from monitor.store import signin
from monitor.store.database import Store
from monitor.store.practice import open_practice

_EXTENSION = "evenhours"


@dataclass(frozen=True, slots=True)
class AppState:
    """State that all requests share."""

    config: Config
    key: bytes
    clock: Callable[[], datetime]


def init_app(app: Flask, config: Config, key: bytes, clock: Callable[[], datetime]) -> None:
    """Give the requests of an application their surroundings."""
    app.extensions[_EXTENSION] = AppState(config, key, clock)
    app.after_request(_keep_messages)
    app.teardown_appcontext(_close_store)


def config() -> Config:
    """The practice's configuration."""
    return _state().config


def now() -> datetime:
    """The instant of this request, the same wherever it is asked for."""
    if "now" not in g:
        g.now = _state().clock()
    instant: datetime = g.now
    return instant


def store() -> Store:
    """This request's own store, opened when it is first asked for."""
    if "store" not in g:
        g.store = open_practice(config(), _state().key)
    opened: Store = g.store
    return opened


def form() -> MultiDict[str, str]:
    """The fields of the form that was sent."""
    return flask.request.form


def reader() -> Reader | None:
    """Return who is reading; ``None`` if nobody has signed in, or too long ago."""
    if "reader" not in g:
        held, found = web_session().token, None
        if held:
            found = access.session_of(store(), held, now())
        g.reader = access.reader_for(config(), found.subject) if found else None
        g.session_has_messages = bool(found and found.has_messages)
        if found and access.is_use_to_be_recorded(found, now()):
            with _if_writable():
                access.record_use(store(), held, now())
    reading: Reader | None = g.reader
    return reading


def record_access() -> None:
    """Write this look down, whatever was written down a moment ago: nobody looks at others' data without that.

    Raises:
        AccessLogError: It cannot be written down.
    """
    try:
        access.record_use(store(), web_session().token, now())
    except StoreError as error:
        raise AccessLogError(str(error)) from error


@contextmanager
def _if_writable() -> Iterator[None]:
    """Let somebody's own pages open also while nothing can be written; they say so."""
    try:
        yield
    except StoreError as error:
        current_app.logger.warning("%s", error)
        g.write_failed = True


def write_failed() -> bool:
    """Say whether something of this request could not be written down."""
    return bool(g.get("write_failed"))


def require_reader() -> Reader:
    """Return who is reading; nobody is told to sign in."""
    return reader() or abort(401)


def clinician() -> Clinician:
    """The clinician who is reading; for anybody else there is no such page."""
    return require_reader().clinician or abort(404)


def is_clinician() -> bool:
    """Say whether a clinician has signed in, as far as this request has asked."""
    found = g.get("reader")
    return found is not None and found.clinician is not None


def readiness() -> Readiness:
    """Return how much is known of the clinician who reads; what is out of date is computed first, if it can be."""
    if "readiness" not in g:
        with _if_writable():
            g.readiness = bring_up_to_date(config(), store(), clinician(), now=now())
    if "readiness" not in g:
        with store().read() as connection:
            g.readiness = readiness_of(config(), connection, clinician(), now())
    ready: Readiness = g.readiness
    return ready


def reset_reader() -> None:
    """Look anew for who is reading: it has just changed."""
    g.pop("reader", None)


def flash(message: str) -> None:
    """Say something on the next page that this reader sees, which may be this request's own; once."""
    g.setdefault("messages", []).append(message)


def discard_messages() -> None:
    """Forget what this request was about to say: what it says was done was not."""
    g.pop("messages", None)


def messages() -> list[str]:
    """Return what the page that is being made has to say, and let no later page say it."""
    told: list[str] = g.pop("messages", [])
    if g.get("session_has_messages") and flask.request.method != "HEAD":
        with _if_writable(), store().write() as connection:
            told = [*signin.pop_texts(connection, web_session().token, "messages"), *told]
            g.session_has_messages = False
    return told


def _keep_messages(response: Response) -> Response:
    """Keep for the next page what this one had no page to say on. It lies with the session, never in the cookie."""
    told: list[str] = g.pop("messages", [])
    if told and web_session().token:
        with _if_writable(), store().write() as connection:
            signin.append_texts(connection, web_session().token, "messages", told)
    return response


def _state() -> AppState:
    state: AppState = current_app.extensions[_EXTENSION]
    return state


def _close_store(_error: BaseException | None) -> None:
    opened: Store | None = g.pop("store", None)
    if opened is not None:
        opened.close()
