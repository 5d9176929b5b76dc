"""Forms of the pages for one therapist: whose client, from which day, answers, only what changed is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from flask import abort

from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_day
from monitor.analysis.terms import TERMS
from monitor.dashboard import request
from monitor.dashboard.me.client_index import term_rows_of, terms_on
from monitor.errors import UsageError
from monitor.notices import ANSWERS, EXCEPTIONS
from monitor.store import clients, notices
from monitor.store.clients import TermRow

ROW_NUMBER = f"int(max={2**63 - 1})"
"""The converter of a row's number in an address; the largest is SQLite's."""

EARLIEST, AHEAD = date(1990, 1, 1), timedelta(days=731)
LONGEST_EXCEPTION = timedelta(days=366)


def own(client: int) -> list[TermRow]:
    """Return what was said of a client of the reader's; for anybody else's there is no such page."""
    with request.store().read() as connection:
        said = term_rows_of(connection, request.clinician().key, client)
    return abort(404) if said is None else said


def parse_from_day(wanted: str = "from which day on it holds") -> int:
    """The day number that a form says in ``from``; ``wanted`` are the words for what that day is.

    Raises UsageError where it says no day, or one that is too far away.
    """
    today = local_day(request.clinician(), request.now())
    try:
        day = date.fromisoformat(request.form().get("from", ""))
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= today + AHEAD:
        raise UsageError(f"Say {wanted}, between {EARLIEST.year} and two years from now.")
    return day_number(day)


def exception_end_range() -> tuple[date, date]:
    """The first and the last day until which an exception can go on."""
    today = local_day(request.clinician(), request.now())
    return today, today + LONGEST_EXCEPTION


def answer(notice: int, said: str) -> None:
    """Keep what the reader says to a notice of theirs, an exception with the day until which it goes on, and say so."""
    if said not in ANSWERS:
        abort(400)
    me, now = request.clinician().key, int(request.now().timestamp())
    with flash_usage_errors(), request.store().write() as connection:
        until = _last_day() if said in EXCEPTIONS else None
        if not notices.answer_notice(connection, me, notice, said, now, until=until):
            abort(404)
        request.flash(f"Your answer is kept: {ANSWERS[said]}.")


def take_back(notice: int) -> None:
    """Take the reader's answer to a notice back, and say so."""
    with request.store().write() as connection:
        if not notices.undo_answer(connection, request.clinician().key, notice, int(request.now().timestamp())):
            abort(404)
    request.flash("Your answer is taken back.")


def _last_day() -> int | None:
    """The last day of an exception that a form tells, as a day number; ``None`` where none was given."""
    text, (first, last) = request.form().get("until", ""), exception_end_range()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not first <= day <= last:
        raise UsageError("An exception lasts until a day between today and a year from now.")
    return day_number(day)


@contextmanager
def flash_usage_errors() -> Iterator[None]:
    """Say why something cannot be kept in the words of whoever refused it."""
    try:
        yield
    except UsageError as error:
        flash_refusal(error)


def flash_refusal(error: UsageError) -> None:
    """Say why nothing is kept."""
    request.flash(f"Nothing is kept. {error}")


def keep(client: int, given: Mapping[str, str], from_day: int, unsaid: Mapping[str, str] | None = None) -> None:
    """Keep what differs from what holds on that day; an empty value lets nothing hold. Says what was kept.

    Raises UsageError with what is wrong about a value; then nothing is kept.
    """
    holds = {**(unsaid or {}), **terms_on(own(client), date_of(from_day))}
    changed = {term: value for term, value in given.items() if value != holds.get(term, "")}
    if not changed:
        return
    with request.store().write() as connection:
        for term, value in changed.items():
            clients.set_term(
                connection, request.clinician().key, client, term, value or None,
                from_day=from_day, now=int(request.now().timestamp()),
            )  # fmt: skip
    request.flash(f"Kept: {', '.join(TERMS[term].title for term in changed)}.")
