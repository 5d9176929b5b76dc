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
from monitor.store.database import Store, open_practice

_EXTENSION = "evenhours"


@dataclass(frozen=True, slots=True)
class AppState:
    """State that all requests share."""

    config: Config
    key: bytes
    clock: Callable[[], datetime]


def init_app(app: Flask, config: Config, key: bytes, clock: Callable[[], datetime]) -> None:
    """Set the state that an application's requests share, and what happens at the end of each."""
    app.extensions[_EXTENSION] = AppState(config, key, clock)
    app.after_request(_save_messages)
    app.teardown_appcontext(_close_store)


def config() -> Config:
    """Return the practice's configuration."""
    return _state().config


def now() -> datetime:
    """Return the instant of this request, the same in every call."""
    if "now" not in g:  # read once, so that a page cannot show two days around midnight
        g.now = _state().clock()
    instant: datetime = g.now
    return instant


def store() -> Store:
    """Return this request's own store, opened at the first call."""
    if "store" not in g:
        g.store = open_practice(config(), _state().key)
    opened: Store = g.store
    return opened


def form() -> MultiDict[str, str]:
    """Return the fields of the form that was sent."""
    return flask.request.form


def reader() -> Reader | None:
    """Return who is reading, or ``None`` if nobody has signed in or the session has expired."""
    if "reader" not in g:
        token, session = web_session().token, None
        if token:  # without a token the store stays closed
            session = access.session_of(store(), token, now())
        g.reader = access.reader_for(config(), session.subject) if session else None
        g.session_has_messages = bool(session and session.has_messages)
        if session and access.is_use_to_be_recorded(session, now()):
            with _log_write_errors():
                access.record_use(store(), token, now())
    current: Reader | None = g.reader
    return current


def record_access() -> None:
    """Record this access to other people's data. Unlike the use of a session, every access is recorded.

    Raises:
        AccessLogError: It cannot be recorded, so the page must not be shown.
    """
    try:
        access.record_use(store(), web_session().token, now())
    except StoreError as error:
        raise AccessLogError(str(error)) from error


@contextmanager
def _log_write_errors() -> Iterator[None]:
    """Log a failed write and go on: a therapist's own pages open on a full disk, too, with a warning."""
    try:
        yield
    except StoreError as error:
        current_app.logger.warning("%s", error)
        g.write_failed = True


def write_failed() -> bool:
    """Return whether something in this request could not be written."""
    return bool(g.get("write_failed"))


def require_reader() -> Reader:
    """Return who is reading; answer 401 if nobody has signed in."""
    return reader() or abort(401)


def clinician() -> Clinician:
    """Return the clinician who is reading; answer 404 to anybody else."""
    return require_reader().clinician or abort(404)


def is_clinician() -> bool:
    """Return whether a clinician is reading, without looking the reader up if this request has not done so."""
    current = g.get("reader")
    return current is not None and current.clinician is not None


def readiness() -> Readiness:
    """Return the readiness of the clinician who is reading, after computing what is out of date if possible."""
    if "readiness" not in g:
        with _log_write_errors():
            g.readiness = bring_up_to_date(config(), store(), clinician(), now=now())
    if "readiness" not in g:  # the computation could not be written: show the last state, and how old it is
        with store().read() as connection:
            g.readiness = readiness_of(config(), connection, clinician(), now())
    current: Readiness = g.readiness
    return current


def reset_reader() -> None:
    """Look up at the next call who is reading, since that has just changed."""
    g.pop("reader", None)


def flash(message: str) -> None:
    """Show a message once, on the next page that this reader sees. That may be this request's own page."""
    g.setdefault("messages", []).append(message)


def discard_messages() -> None:
    """Drop this request's messages: an error has undone what they report."""
    g.pop("messages", None)


def take_messages() -> list[str]:
    """Return the messages for the page that is being made, and let no later page show them."""
    messages: list[str] = g.pop("messages", [])
    # A HEAD request shows no page, so it leaves the messages where they are.
    if g.get("session_has_messages") and flask.request.method != "HEAD":
        with _log_write_errors(), store().write() as connection:
            messages = [*signin.pop_texts(connection, web_session().token, "messages"), *messages]
            g.session_has_messages = False
    return messages


def _save_messages(response: Response) -> Response:
    """Save the messages that no page has shown, for the next page. They lie with the session, never in the cookie."""
    messages: list[str] = g.pop("messages", [])
    if messages and web_session().token:
        with _log_write_errors(), store().write() as connection:
            signin.append_texts(connection, web_session().token, "messages", messages)
    return response


def _state() -> AppState:
    state: AppState = current_app.extensions[_EXTENSION]
    return state


def _close_store(_error: BaseException | None) -> None:
    opened: Store | None = g.pop("store", None)
    if opened is not None:
        opened.close()
