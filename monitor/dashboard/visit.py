"""What one request has at hand: the configuration, its own store, the clock, and who is reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, abort, current_app, g, session

from monitor import access
from monitor.access import Reader
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store.database import Store, open_store

_SESSION = "session"
_EXTENSION = "evenhours"


@dataclass(frozen=True, slots=True)
class House:
    """What all requests share."""

    config: Config
    clock: Callable[[], datetime]


def begin(app: Flask, config: Config, clock: Callable[[], datetime]) -> None:
    """Give the requests of an application their surroundings."""
    app.extensions[_EXTENSION] = House(config, clock)
    app.teardown_appcontext(_close_store)


def config() -> Config:
    """The practice's configuration."""
    return _house().config


def now() -> datetime:
    """The instant of this request, the same wherever it is asked for."""
    if "now" not in g:
        g.now = _house().clock()
    instant: datetime = g.now
    return instant


def store() -> Store:
    """This request's own store, opened when it is first asked for."""
    if "store" not in g:
        g.store = open_store(config().database)
    opened: Store = g.store
    return opened


def reader() -> Reader | None:
    """Who is reading; ``None`` if nobody has signed in, or too long ago."""
    if "reader" not in g:
        held = session.get(_SESSION)
        g.reader = access.reader_of(config(), store(), held, now()) if held else None
    found: Reader | None = g.reader
    return found


def signed_in() -> Reader:
    """Who is reading; nobody is told to sign in."""
    return reader() or abort(401)


def clinician() -> Clinician:
    """The clinician who is reading; for anybody else there is no such page."""
    return signed_in().clinician or abort(404)


def sign_in(token: str) -> bool:
    """Use up a one-time link and begin a new session; an earlier one of this browser ends. Whether the link held."""
    begun = access.sign_in(store(), token, now())
    if begun is None:
        return False
    sign_out()
    session[_SESSION] = begun
    return True


def sign_out() -> None:
    """End this browser's session, in the store and in the browser."""
    if held := session.get(_SESSION):
        access.sign_out(store(), held)
    session.clear()
    g.pop("reader", None)


def _house() -> House:
    house: House = current_app.extensions[_EXTENSION]
    return house


def _close_store(_error: BaseException | None) -> None:
    opened: Store | None = g.pop("store", None)
    if opened is not None:
        opened.close()
