"""Agreements with clients, each from a day on, and the reviews that are due; for the clinician alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    field,
    load_client_index,
    short_day,
    term_entries,
    terms_on,
    value_text,
)
from monitor.dashboard.me.forms import ROW_NUMBER, flash_refusal, keep, own, parse_from_day
from monitor.dashboard.policy import allow
from monitor.errors import UsageError
from monitor.roster import Clinician
from monitor.store import clients as kept
from monitor.store.database import Store
from monitor.store.threads import mark_emergency
from reports.wording import counted, days_between, full_date

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

blueprint = Blueprint("agreements", __name__, url_prefix="/me/agreements")
REVIEWS = ("modified_until", "review_on")
INCOMPLETE = (
    "A boundary that is another one on purpose needs a reason, who decided it, and a review date. "
    "Leave all three open, or none."
)
CONVERSED = timedelta(weeks=8)
MOST_CONVERSATIONS = 12

GROUPS = (
    (
        "Sessions and contact",
        "What you leave open is not watched.",
        (
            "frequency", "session_minutes", "channels", "contact_days", "contact_hours", "response_hours", "emergency",
            "other_support",
        ),
    ),
    (
        "Spoken about and agreed",
        "",
        ("cancellation", "fees", "confidentiality", "social_media", "goals", "supervision", "rationale"),
    ),
    (
        "A boundary that is another one on purpose",
        "Until its review date this client is looked at by what you agreed here and not by what is usual for you.",
        ("modified", "modified_by", "modified_until"),
    ),
    ("Review", "On this day your pages remind you.", ("review_on",)),
)  # fmt: skip
"""The terms of an agreement as they stand together on its page: heading, sentence, terms."""

AGREED = tuple(term for _, _, terms in GROUPS for term in terms)
TOGETHER = frozenset({"modified", "modified_by", "modified_until"})
"""Said together or not at all: without a reason, an author and a review date no boundary is a modified one."""

REVIEWED = "policy_reviewed"


@dataclass(frozen=True, slots=True)
class AgreementsReport:
    """All agreements in short; ``due`` are those whose review is."""

    headline: str
    due: tuple[ClientEntry, ...]
    lines: tuple[ClientEntry, ...]


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that belong together; ``sentence`` says what they do."""

    heading: str
    sentence: str
    fields: tuple[TermField, ...]


@dataclass(frozen=True, slots=True)
class MessageThread:
    """One thread with a client that went on outside the agreed hours: when, in days, and how much of it, in words.

    ``emergency``: it was marked so.
    """

    thread: int
    days: str
    words: str
    emergency: bool


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """The agreement with one client. ``due`` says which review is due, empty if none is.

    ``conversations`` are the latest outside the agreed hours, the newest first. ``since`` stands in the form as the day
    from which on it holds.
    """

    line: ClientEntry
    groups: tuple[FieldGroup, ...]
    conversations: tuple[MessageThread, ...]
    said: tuple[TermEntry, ...]
    due: str
    since: str


@blueprint.get("")
@allow(Role.CLINICIAN)
def everybody() -> str:
    """All clients with what was agreed in short."""
    report = agreements_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render_list(report)


@blueprint.get(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def one(client: int) -> str:
    """One client's agreement."""
    return _page(client)


@blueprint.post(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def say(client: int) -> Response | tuple[str, int]:
    """Keep what changed in an agreement, from a day on; refused, the form comes back as it was filled in."""
    said, given = own(client), {term: _given(term) for term in AGREED}
    try:
        from_day = parse_from_day()
        _fit(given, terms_on(said, date_of(from_day)), from_day)
        keep(client, given, from_day)
    except UsageError as error:
        flash_refusal(error)
        return _page(client, given), 422
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/reviewed")
@allow(Role.CLINICIAN)
def reviewed(client: int) -> Response:
    """Note in the ledger that an agreement was reviewed today, and set the next date of every review that was due."""
    said, today = own(client), local_day(request.clinician(), request.now())
    months = request.form().get("months", "")
    if months not in {"3", "6", "12"}:
        abort(400)
    holds, following = terms_on(said, today), _months_on(today, int(months)).isoformat()
    due = [term for term in REVIEWS if holds.get(term, "9") <= today.isoformat()]
    with request.store().write() as connection:
        me, now = request.clinician().key, int(request.now().timestamp())
        for term in due or ["review_on"]:
            kept.set_term(connection, me, client, term, following, from_day=day_number(today), now=now)
        kept.add_ledger_entry(connection, me, REVIEWED, day=day_number(today), client=client, now=now)
    request.flash("Noted in your ledger, and the next date is set.")
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/emergency")
@allow(Role.CLINICIAN)
def emergency(client: int) -> Response:
    """Mark a thread with a client as an emergency, or take that back."""
    own(client)
    thread, marked = _thread(request.form().get("thread", "")), request.form().get("marked") == "yes"
    me, now = request.clinician().key, int(request.now().timestamp())
    with request.store().write() as connection:
        if not mark_emergency(connection, me, thread, marked=marked, now=now):
            abort(404)
    request.flash("Marked as an emergency." if marked else "Taken back: it counts as any other contact.")
    return redirect(url_for(".one", client=client, _anchor="conversations"), 303)


def _page(client: int, sent: Mapping[str, str] | None = None) -> str:
    """One client's agreement; with what was ``sent`` instead of what holds, where that could not be kept."""
    config, me, since = request.config(), request.clinician(), request.form().get("from", "")
    report = agreement_report(config, request.store(), me, client, now=request.now(), sent=sent, since=since)
    if report is None:
        abort(404)
    return render_page(report)


def _thread(text: str) -> int:
    """The number of 64 bits that names a thread."""
    number = int(text) if re.fullmatch(r"-?\d{1,19}", text, re.ASCII) else None
    return abort(400) if number is None or not -(2**63) <= number < 2**63 else number


def _fit(given: Mapping[str, str], holds: Mapping[str, str], from_day: int) -> None:
    """Refuse, by a UsageError, what cannot be agreed together from that day on, whatever the single values are."""
    if len({bool(given[term]) for term in TOGETHER}) > 1:
        raise UsageError(INCOMPLETE)
    for term in REVIEWS:
        if given[term] and given[term] != holds.get(term) and not _ahead(given[term], date_of(from_day)):
            raise UsageError(f"{TERMS[term].title}: has to be a day after the one from which it holds.")


def _ahead(text: str, day: date) -> bool:
    """Say whether a date lies after a day; of what is no date something else says so."""
    try:
        return date.fromisoformat(text) > day
    except ValueError:
        return True


def _given(term: str) -> str:
    """A term as the form tells it."""
    if TERMS[term].format is TermFormat.WORDS:
        return ",".join(word for word in request.form().getlist(term))
    return request.form().get(term, "").strip()


def _months_on(day: date, months: int) -> date:
    """The same day some months later, or the last of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def render_list(report: AgreementsReport) -> str:
    """Draw the list of agreements."""
    return page("me/agreements.html", title="Agreements", report=report, privacy=PRIVACY)


def render_page(report: AgreementReport) -> str:
    """Draw one client's agreement. The title names nobody: it stays in the browser's history after signing out."""
    return page(
        "me/agreement.html", title="What was agreed", report=report, privacy=PRIVACY, day=short_day, full_date=full_date
    )


def agreements_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> AgreementsReport:
    """All clients with what was agreed in short, as known at ``now``."""
    book = load_client_index(config, store, clinician, now=now)
    current = [client for client in book.in_order if book.holds(client).get("standing", CLIENT) == CLIENT]
    lines = {client: book.line(client, _told(book, client)) for client in current}
    due = [client for client in current if due_words(book.holds(client), book.today)]
    met = [client for client in current if book.last(client) >= book.today - RECENT or book.said(client)]
    return AgreementsReport(
        headline="What did I agree with this client?",
        due=tuple(_due_line(book, client) for client in due),
        lines=tuple(lines[client] for client in met),
    )


def agreement_report(
    config: Config,
    store: Store,
    clinician: Clinician,
    key: int,
    *,
    now: datetime,
    sent: Mapping[str, str] | None = None,
    since: str = "",
) -> AgreementReport | None:
    """The agreement with a client by any of their keys, ``None`` if there is no such client of the clinician's.

    The fields show what holds today or, where a form was refused, what was ``sent``, and ``since`` when it was to hold.
    """
    book = load_client_index(config, store, clinician, now=now)
    client = book.person(key)
    if client is None:
        return None
    holds = book.holds(client)
    shown = holds if sent is None else sent
    own = {channel: channel for channel in sorted(set(book.frames.messages["channel"].tolist()))}
    groups = (
        FieldGroup(
            heading,
            sentence,
            tuple(field(TERMS[t], shown.get(t, ""), own if TERMS[t].allows_own_words else None) for t in terms),
        )
        for heading, sentence, terms in GROUPS
    )
    line = book.line(client, _told(book, client))
    return AgreementReport(
        line=line,
        groups=tuple(groups),
        conversations=_conversations(book.frames, client, book.today),
        said=term_entries(book, client, AGREED),
        due=due_words(holds, book.today),
        since=since or book.today.isoformat(),
    )


def _conversations(frames: Frames, client: int, today: date) -> tuple[MessageThread, ...]:
    """The threads of the last weeks with something outside the agreed hours, whether or not it was agreed."""
    written = frames.messages[(frames.messages["thread"] != 0) & ~frames.messages["automatic"]]
    theirs = written[written["counterpart"] == client]
    outside = theirs[theirs["outside_hours"] & (theirs["day"] >= day_number(today - CONVERSED))]
    last = theirs.groupby("thread")["sent_at"].max().loc[outside["thread"].unique()]
    newest = last.sort_values(ascending=False, kind="stable").index[:MOST_CONVERSATIONS]
    return tuple(_conversation(frames, thread, theirs[theirs["thread"] == thread]) for thread in newest.tolist())


def _conversation(frames: Frames, thread: int, messages: pd.DataFrame) -> MessageThread:
    """One thread, by when it went on and how much of it was outside."""
    first, last = date_of(messages["day"].min()), date_of(messages["day"].max())
    outside = messages.loc[messages["outside_hours"], "sent_at"]
    latest = f"{local_time(frames.clinician, outside.max()):%H:%M}"
    words = f"{counted(len(messages), 'message')}, {len(outside)} outside your hours, the last at {latest}"
    return MessageThread(thread, days_between(first, last), words, bool(messages["emergency"].any()))


def due_words(holds: dict[str, str], today: date) -> str:
    """Name the reviews that are due on a day; empty where none is."""
    dates = {term: date.fromisoformat(holds[term]) for term in ("modified_until", "review_on") if term in holds}
    named = {"modified_until": "the modified boundary", "review_on": "the agreement"}
    due = [f"{named[term]} since {full_date(day)}" for term, day in dates.items() if day <= today]
    return " and ".join(due)


def _due_line(book: ClientIndex, client: int) -> ClientEntry:
    return book.line(client, (f"Due: {due_words(book.holds(client), book.today)}",))


def _told(book: ClientIndex, client: int) -> Iterator[str]:
    holds = book.holds(client)
    if "frequency" in holds:
        yield f"{holds['frequency']} a week"
    if "session_minutes" in holds:
        yield f"{holds['session_minutes']} min"
    if "channels" in holds:
        yield value_text(TERMS["channels"], holds["channels"])
    if "modified" in holds:
        yield "a modified boundary"
    if holds.get("emergency") == "yes":
        yield "an emergency protocol"
    agreed = sum(holds.get(term) == "agreed" for term in AGREED)
    if agreed:
        yield f"{counted(agreed, 'more point')} agreed"
    if reviewed := _last_reviewed(book, client):
        yield f"last reviewed on {full_date(reviewed)}"


def _last_reviewed(book: ClientIndex, client: int) -> date | None:
    """Return the day on which, by the ledger, a policy was last reviewed with a client."""
    theirs = set(book.keys[client])
    days = [row.day for row in book.ledger if row.client in theirs and row.kind == REVIEWED]
    return date_of(max(days)) if days else None
