"""Agreements with clients, each term dated, and the reviews that are due; for the clinician alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_day, local_time
from monitor.analysis.terms import CLIENT, TERMS, TermFormat
from monitor.config import Config
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.me.client_index import (
    PRIVACY,
    RECENT,
    ClientEntry,
    ClientIndex,
    TermEntry,
    TermField,
    load_client_index,
    short_day,
    term_entries,
    term_field,
    terms_on,
    value_text,
)
from monitor.dashboard.me.forms import ROW_NUMBER, flash_refusal, parse_from_day, require_own_client, save_terms
from monitor.dashboard.policy import allow
from monitor.errors import UsageError
from monitor.roster import Clinician
from monitor.store import clients as store_clients
from monitor.store.database import Store
from monitor.store.threads import mark_emergency
from reports.wording import counted, days_between, full_date

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

blueprint = Blueprint("agreements", __name__, url_prefix="/me/agreements")
REVIEWS = ("modified_until", "review_on")
"""The terms whose value is the day of a review."""
INCOMPLETE_BOUNDARY = (
    "A modified boundary needs a reason, who decided it, and a review date. "
    "Fill in all three, or leave all three empty."
)
THREAD_WEEKS = timedelta(weeks=8)
MOST_THREADS = 12

SECTIONS = (
    (
        "Sessions and contact",
        "A point that you leave empty is not watched.",
        (
            "frequency", "session_minutes", "channels", "contact_days", "contact_hours", "response_hours", "emergency",
            "other_support",
        ),
    ),
    (
        "Discussed and agreed",
        "",
        ("cancellation", "fees", "confidentiality", "social_media", "goals", "supervision", "rationale"),
    ),
    (
        "A modified boundary",
        (
            "A boundary that you have changed on purpose for this client. Until its review date this client is "
            "compared with what you agreed here, not with what is usual for you."
        ),
        ("modified", "modified_by", "modified_until"),
    ),
    ("Review", "On this day your pages remind you.", ("review_on",)),
)  # fmt: skip
"""The sections of an agreement's form: heading, sentence, terms."""

AGREEMENT_TERMS = tuple(term for _, _, terms in SECTIONS for term in terms)
BOUNDARY_TERMS = frozenset({"modified", "modified_by", "modified_until"})
"""Stated all together or not at all."""

REVIEWED = "policy_reviewed"


@dataclass(frozen=True, slots=True)
class AgreementsReport:
    """The list of agreements; ``due`` are the clients with whom a review is due."""

    headline: str
    due: tuple[ClientEntry, ...]
    entries: tuple[ClientEntry, ...]


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """One section of the form."""

    heading: str
    sentence: str
    fields: tuple[TermField, ...]


@dataclass(frozen=True, slots=True)
class MessageThread:
    """A thread with a client that has messages outside the agreed hours: its days and its numbers, in words."""

    thread: int
    days: str
    summary: str
    is_emergency: bool


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """The agreement with one client.

    Attributes:
        entry: The client.
        groups: The sections of the form.
        threads: The latest threads with messages outside the agreed hours, the newest first.
        history: Everything stated so far.
        due: The reviews that are due, in words; empty if there are none.
        since: The form's day from which a change holds, as an ISO date or as the reader typed it.
    """

    entry: ClientEntry
    groups: tuple[FieldGroup, ...]
    threads: tuple[MessageThread, ...]
    history: tuple[TermEntry, ...]
    due: str
    since: str


@blueprint.get("")
@allow(Role.CLINICIAN)
def agreement_list() -> str:
    """Show all clients with a summary of what was agreed."""
    report = agreements_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render_list(report)


@blueprint.get(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def agreement_page(client: int) -> str:
    """Show the agreement with one client."""
    return _page(client)


@blueprint.post(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def save(client: int) -> Response | tuple[str, int]:
    """Save what changed in an agreement from a day on, or show the form again as it was filled in."""
    # Whose client it is comes first: for anybody else's the form must not even be checked.
    rows, form, values = require_own_client(client), request.form(), {}
    for term in AGREEMENT_TERMS:
        is_list = TERMS[term].format is TermFormat.WORDS
        values[term] = ",".join(form.getlist(term)) if is_list else form.get(term, "").strip()
    try:
        from_day = parse_from_day()
        _check_together(values, terms_on(rows, date_of(from_day)), from_day)
        save_terms(client, values, from_day)
    except UsageError as error:
        flash_refusal(error)
        return _page(client, values), 422
    return redirect(url_for(".agreement_page", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/reviewed")
@allow(Role.CLINICIAN)
def mark_reviewed(client: int) -> Response:
    """Enter in the ledger that an agreement was reviewed today, and set the next date of every review that was due."""
    rows, today = require_own_client(client), local_day(request.clinician(), request.now())
    months = request.form().get("months", "")
    if months not in {"3", "6", "12"}:
        abort(400)
    current, next_date = terms_on(rows, today), _add_months(today, int(months)).isoformat()
    # ISO dates compare as text; "9" stands after every year for a review that has no date.
    due = [term for term in REVIEWS if current.get(term, "9") <= today.isoformat()]
    with request.store().write() as connection:
        clinician, now = request.clinician().key, int(request.now().timestamp())
        for term in due or ["review_on"]:
            store_clients.set_term(connection, clinician, client, term, next_date, from_day=day_number(today), now=now)
        store_clients.add_ledger_entry(connection, clinician, REVIEWED, day=day_number(today), client=client, now=now)
    request.flash("Entered in your ledger, and the date of the next review is set.")
    return redirect(url_for(".agreement_page", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/emergency")
@allow(Role.CLINICIAN)
def set_emergency(client: int) -> Response:
    """Mark a thread with a client as an emergency, or remove the mark."""
    require_own_client(client)
    text, marked = request.form().get("thread", ""), request.form().get("marked") == "yes"
    # A thread is named by a keyed signed 64-bit number, which may be negative, so `isdecimal` is no help here.
    thread = int(text) if re.fullmatch(r"-?\d{1,19}", text, re.ASCII) else None
    if thread is None or not -(2**63) <= thread < 2**63:
        abort(400)
    clinician, now = request.clinician().key, int(request.now().timestamp())
    with request.store().write() as connection:
        if not mark_emergency(connection, clinician, thread, marked=marked, now=now):
            abort(404)
    request.flash("Marked as an emergency." if marked else "Taken back: this thread counts as ordinary contact again.")
    return redirect(url_for(".agreement_page", client=client, _anchor="threads"), 303)


def _page(client: int, sent_values: Mapping[str, str] | None = None) -> str:
    """Return the page of one client's agreement, with a refused form's values in place of the current ones."""
    config, clinician, since = request.config(), request.clinician(), request.form().get("from", "")
    report = agreement_report(
        config, request.store(), clinician, client, now=request.now(), sent_values=sent_values, since=since
    )
    if report is None:
        abort(404)
    return render_page(report)


def _check_together(values: Mapping[str, str], current: Mapping[str, str], from_day: int) -> None:
    """Raise UsageError if values do not go together, or a new review date is not after the day it holds from."""
    if len({bool(values[term]) for term in BOUNDARY_TERMS}) > 1:
        raise UsageError(INCOMPLETE_BOUNDARY)
    for term in REVIEWS:
        # An unchanged date may be past: a review that is due must not keep the reader from changing something else.
        if not values[term] or values[term] == current.get(term):
            continue
        # Text that is no date is refused by saving itself.
        with suppress(ValueError):
            if date.fromisoformat(values[term]) <= date_of(from_day):
                raise UsageError(f"{TERMS[term].title}: choose a day after the day from which it holds.")


def _add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of that month if it is shorter."""
    year, month = divmod(day.month - 1 + months, 12)
    for day_of_month in (day.day, 30, 29, 28):
        try:
            return date(day.year + year, month + 1, day_of_month)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def render_list(report: AgreementsReport) -> str:
    """Return the page with the list of agreements."""
    return page("me/agreements.html", title="Agreements", report=report, privacy=PRIVACY)


def render_page(report: AgreementReport) -> str:
    """Return the page of one client's agreement. As for a client's page, its title names nobody."""
    return page(
        "me/agreement.html", title="What was agreed", report=report, privacy=PRIVACY, day=short_day, full_date=full_date
    )


def agreements_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> AgreementsReport:
    """Return the list of agreements, as known at ``now``: current clients seen lately, or with anything stated."""
    index = load_client_index(config, store, clinician, now=now)
    current = [client for client in index.ordered if index.terms_on(client).get("standing", CLIENT) == CLIENT]
    due_texts = {client: due_text(index.terms_on(client), index.today) for client in current}
    listed = [
        client for client in current if index.last_session(client) >= index.today - RECENT or index.terms_of(client)
    ]
    return AgreementsReport(
        headline="What did I agree with this client?",
        due=tuple(index.entry(client, (f"Due: {text}",)) for client, text in due_texts.items() if text),
        entries=tuple(index.entry(client, _summary(index, client)) for client in listed),
    )


def agreement_report(
    config: Config,
    store: Store,
    clinician: Clinician,
    key: int,
    *,
    now: datetime,
    sent_values: Mapping[str, str] | None = None,
    since: str = "",
) -> AgreementReport | None:
    """Return the agreement with the client of a key, or ``None`` if the clinician has no such client.

    The form shows the current terms or, after it was refused, ``sent_values`` and ``since`` as they were sent.
    """
    index = load_client_index(config, store, clinician, now=now)
    client = index.client_of(key)
    if client is None:
        return None
    current = index.terms_on(client)
    values = current if sent_values is None else sent_values
    # A practice's own channels, such as a messenger, can be agreed on beside the listed ones.
    own_channels = {channel: channel for channel in sorted(set(index.frames.messages.all["channel"].tolist()))}
    groups = []
    for heading, sentence, terms in SECTIONS:
        fields = (
            term_field(TERMS[term], values.get(term, ""), own_channels if TERMS[term].allows_own_words else None)
            for term in terms
        )
        groups.append(FieldGroup(heading, sentence, tuple(fields)))
    return AgreementReport(
        entry=index.entry(client, _summary(index, client)),
        groups=tuple(groups),
        threads=_threads_outside_hours(index.frames, client, index.today),
        history=term_entries(index, client, AGREEMENT_TERMS),
        due=due_text(current, index.today),
        since=since or index.today.isoformat(),
    )


def _threads_outside_hours(frames: Frames, client: int, today: date) -> tuple[MessageThread, ...]:
    """Return the client's threads with messages outside the agreed hours, whether or not that was agreed."""
    threaded = frames.messages.all[(frames.messages.all["thread"] != 0) & ~frames.messages.all["automatic"]]
    messages = threaded[threaded["counterpart"] == client]
    outside = messages[messages["outside_hours"] & (messages["day"] >= day_number(today - THREAD_WEEKS))]
    # A thread is placed by its last message, also if that one was sent inside the hours.
    last_sent = messages.groupby("thread")["sent_at"].max().loc[outside["thread"].unique()]
    newest = last_sent.sort_values(ascending=False, kind="stable").index[:MOST_THREADS]
    threads = []
    for thread in newest.tolist():
        in_thread = messages[messages["thread"] == thread]
        days = days_between(date_of(in_thread["day"].min()), date_of(in_thread["day"].max()))
        sent_outside = in_thread.loc[in_thread["outside_hours"], "sent_at"]
        latest = f"{local_time(frames.clinician, sent_outside.max()):%H:%M}"
        number = counted(len(in_thread), "message")
        summary = f"{number}, {len(sent_outside)} outside your hours, the last at {latest}"
        threads.append(MessageThread(thread, days, summary, bool(in_thread["emergency"].any())))
    return tuple(threads)


def due_text(terms: Mapping[str, str], today: date) -> str:
    """Return the reviews that are due on a day in words, such as "the agreement since 1 March 2026"; empty if none."""
    names = {"modified_until": "the modified boundary", "review_on": "the agreement"}
    dates = {term: date.fromisoformat(terms[term]) for term in names if term in terms}
    return " and ".join(f"{names[term]} since {full_date(day)}" for term, day in dates.items() if day <= today)


def _summary(index: ClientIndex, client: int) -> Iterator[str]:
    """Yield what holds with a client, in words."""
    terms = index.terms_on(client)
    if "frequency" in terms:
        yield f"{terms['frequency']} a week"
    if "session_minutes" in terms:
        yield f"{terms['session_minutes']} min"
    if "channels" in terms:
        yield value_text(TERMS["channels"], terms["channels"])
    if "modified" in terms:
        yield "a modified boundary"
    if terms.get("emergency") == "yes":
        yield "an emergency protocol"
    # Points that have no value of their own are only counted.
    agreed = sum(terms.get(term) == "agreed" for term in AGREEMENT_TERMS)
    if agreed:
        yield f"{counted(agreed, 'more point')} agreed"
    keys = set(index.keys[client])
    reviewed = [row.day for row in index.ledger if row.client in keys and row.kind == REVIEWED]
    if reviewed:
        yield f"last reviewed on {full_date(date_of(max(reviewed)))}"
