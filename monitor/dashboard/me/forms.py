"""Forms of the pages for one therapist: checking whose client it is, reading days, saving answers and terms."""

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
"""The URL converter for the number of a row; SQLite's largest is the limit."""

EARLIEST, AHEAD = date(1990, 1, 1), timedelta(days=731)
LONGEST_EXCEPTION = timedelta(days=366)


def require_own_client(client: int) -> list[TermRow]:
    """Return everything that was stated about one of the reader's clients; answer 404 for anybody else's."""
    with request.store().read() as connection:
        rows = term_rows_of(connection, request.clinician().key, client)
    return abort(404) if rows is None else rows


def parse_from_day(meaning: str = "the day from which it holds") -> int:
    """Return the day number of the form's field ``from``; ``meaning`` names that day in the error message.

    Raises UsageError if there is no date, or one that is too far away.
    """
    today = local_day(request.clinician(), request.now())
    day = _parse_day(request.form().get("from", ""))
    if not EARLIEST <= day <= today + AHEAD:
        raise UsageError(f"Choose {meaning}, between {EARLIEST.year} and two years from now.")
    return day_number(day)


def _parse_day(text: str) -> date:
    """Return a day of a form; for text that is no date ``date.min``, which lies outside every range."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


def exception_end_range() -> tuple[date, date]:
    """Return the first and the last day on which an exception can end."""
    today = local_day(request.clinician(), request.now())
    return today, today + LONGEST_EXCEPTION


def save_answer(notice: int, answer: str) -> None:
    """Save the reader's answer to a notice, for an exception with the day on which it ends, and confirm it."""
    if answer not in ANSWERS:
        abort(400)
    clinician, now = request.clinician().key, int(request.now().timestamp())
    with flash_usage_errors(), request.store().write() as connection:
        until = None
        if answer in EXCEPTIONS and (text := request.form().get("until", "")):
            first, last = exception_end_range()
            day = _parse_day(text)
            if not first <= day <= last:
                raise UsageError("An exception ends on a day between today and a year from now.")
            until = day_number(day)
        if not notices.answer_notice(connection, clinician, notice, answer, now, until=until):
            abort(404)
        request.flash(f"Your answer is saved: {ANSWERS[answer]}.")


def take_back_answer(notice: int) -> None:
    """Remove the reader's answer to a notice, and confirm it."""
    with request.store().write() as connection:
        if not notices.undo_answer(connection, request.clinician().key, notice, int(request.now().timestamp())):
            abort(404)
    request.flash("Your answer is taken back.")


@contextmanager
def flash_usage_errors() -> Iterator[None]:
    """Show the message of a UsageError on the next page instead of raising it."""
    try:
        yield
    except UsageError as error:
        flash_refusal(error)


def flash_refusal(error: UsageError) -> None:
    """Show why nothing was saved."""
    request.flash(f"Nothing was saved. {error}")


def save_terms(
    client: int, values: Mapping[str, str], from_day: int, defaults: Mapping[str, str] | None = None
) -> None:
    """Save the terms whose value differs from the one that holds on that day, and confirm them.

    An empty value ends a term. ``defaults`` are the values of terms that were never stated.

    Raises UsageError if a value is not allowed; then nothing is saved.
    """
    current = {**(defaults or {}), **terms_on(require_own_client(client), date_of(from_day))}
    changed = {term: value for term, value in values.items() if value != current.get(term, "")}
    if not changed:
        return  # also without a message: nothing was done
    with request.store().write() as connection:
        # One transaction: if one value is refused, none is saved.
        for term, value in changed.items():
            clients.set_term(
                connection, request.clinician().key, client, term, value or None,
                from_day=from_day, now=int(request.now().timestamp()),
            )  # fmt: skip
    request.flash(f"Saved: {', '.join(TERMS[term].title for term in changed)}.")
