"""What one request has at hand: the configuration, its own store, the clock, and who is reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, abort, current_app, g, session

from monitor import access
from monitor.access import Reader
from monitor.compute import bring_up_to_date
from monitor.config import Config
from monitor.readiness import Readiness
from monitor.roster import Clinician
from monitor.store.database import Store
from monitor.store.practice import open_practice

_SESSION = "session"
_EXTENSION = "evenhours"


@dataclass(frozen=True, slots=True)
class House:
    """What all requests share."""

    config: Config
    key: bytes
    clock: Callable[[], datetime]


def begin(app: Flask, config: Config, key: bytes, clock: Callable[[], datetime]) -> None:
    """Give the requests of an application their surroundings."""
    app.extensions[_EXTENSION] = House(config, key, clock)
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
        g.store = open_practice(config(), _house().key)
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


def holds_clinician() -> bool:
    """Whether a clinician has signed in, as far as this request has asked."""
    found = g.get("reader")
    return found is not None and found.clinician is not None


def readiness() -> Readiness:
    """What can be said of the clinician who is reading; what is out of date is computed first."""
    if "readiness" not in g:
        g.readiness = bring_up_to_date(config(), store(), clinician(), now=now())
    ready: Readiness = g.readiness
    return ready


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
