"""What the pages share in writing: whose client it is, from and until which day, and keeping only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from flask import abort, flash, request

from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_day
from monitor.analysis.terms import TERMS
from monitor.briefing.book import said_of, terms_on
from monitor.dashboard import visit
from monitor.errors import UsageError
from monitor.store import clients
from monitor.store.clients import TermRow

CLIENT_NUMBER = f"int(max={2**63 - 1})"
"""The converter of a client's number in an address."""

EARLIEST, AHEAD = date(1990, 1, 1), timedelta(days=731)
LONGEST_EXCEPTION = timedelta(days=366)


def own(client: int) -> list[TermRow]:
    """What was said of a client of the reader's; for anybody else's there is no such page."""
    with visit.store().read() as connection:
        said = said_of(connection, visit.clinician().key, client)
    return abort(404) if said is None else said


def given_day() -> int | None:
    """The day number that a form says it holds from; without a sensible one the reader is told, and it is ``None``."""
    today = local_day(visit.clinician(), visit.now())
    try:
        day = date.fromisoformat(request.form.get("from", ""))
    except ValueError:
        day = date.min
    if EARLIEST <= day <= today + AHEAD:
        return day_number(day)
    flash("Nothing is kept: say from which day on it holds, at the most two years ahead.")
    return None


def last_day() -> int | None:
    """The last day of an exception that a form tells, as a day number; ``None`` where none was given."""
    text = request.form.get("until", "")
    if not text:
        return None
    today = local_day(visit.clinician(), visit.now())
    try:
        last = date.fromisoformat(text)
    except ValueError:
        last = date.min
    if not today <= last <= today + LONGEST_EXCEPTION:
        abort(400, "An exception lasts until a day between today and a year from now.")
    return day_number(last)


@contextmanager
def tried() -> Iterator[None]:
    """Say why something cannot be kept in the words of whoever refused it."""
    try:
        yield
    except UsageError as error:
        flash(f"Nothing is kept. {error}")


def keep(client: int, given: Mapping[str, str], from_day: int, unsaid: Mapping[str, str] | None = None) -> None:
    """Keep what differs from what holds on that day; an empty value lets nothing hold. Says what was kept."""
    holds = {**(unsaid or {}), **terms_on(own(client), date_of(from_day))}
    changed = {term: value for term, value in given.items() if value != holds.get(term, "")}
    if not changed:
        return
    with tried(), visit.store().write() as connection:
        for term, value in changed.items():
            clients.say(
                connection, visit.clinician().key, client, term, value or None,
                from_day=from_day, now=int(visit.now().timestamp()),
            )  # fmt: skip
        flash(f"Kept: {', '.join(TERMS[term].title for term in changed)}.")
