"""Clients by their codes: joining the codes of one person, standing, weight band and trauma mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.duplicate_clients import DuplicateReason, find_duplicate_clients
from monitor.analysis.terms import ALWAYS, CLIENT, NOT_A_CLIENT, STANDINGS, TERMS
from monitor.config import Config
from monitor.dashboard import request
from monitor.dashboard.layout import page
from monitor.dashboard.me.client_index import (
    PRIVACY,
    RECENT,
    Choice,
    ClientEntry,
    ClientIndex,
    TermEntry,
    TermField,
    load_client_index,
    short_day,
    term_entries,
    term_field,
)
from monitor.dashboard.me.forms import ROW_NUMBER, flash_usage_errors, parse_from_day, require_own_client, save_terms
from monitor.dashboard.policy import allow
from monitor.roster import DEFAULT_WEIGHTS, Clinician
from monitor.store import clients as store_clients
from monitor.store.database import Store
from reports.wording import counted, full_date

blueprint = Blueprint("clients", __name__, url_prefix="/me/clients")
DEFAULTS = {"standing": CLIENT, "trauma": "no"}
"""The terms of a client about whom nothing was stated."""
MOST_ENTRIES = 60
MESSAGES_ONLY = "Anybody outside the practice who writes to you counts as a client until you say otherwise."
IDENTITY_TERMS = ("standing", "band", "trauma")
"""The terms on a client's own page; the others belong to the agreement."""


@dataclass(frozen=True, slots=True)
class SamePersonQuestion:
    """Two clients who may be one person, and why this is asked."""

    client: int
    other: int
    names: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """One group of the list: ``omitted`` more are not shown; ``messages_only`` means that no session is known."""

    heading: str
    sentence: str
    entries: tuple[ClientEntry, ...]
    omitted: int = 0
    messages_only: bool = False


@dataclass(frozen=True, slots=True)
class ClientsReport:
    """The list of clients: everybody whom the clinician has met or who has written."""

    headline: str
    questions: tuple[SamePersonQuestion, ...]
    groups: tuple[ClientGroup, ...]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One key of a client, with its code."""

    client: int
    code: str


@dataclass(frozen=True, slots=True)
class ClientReport:
    """One client: the entry, the form, the joined keys, the clients to join with, and what was stated so far."""

    entry: ClientEntry
    fields: tuple[TermField, ...]
    keys: tuple[ClientKey, ...]
    other_clients: tuple[Choice, ...]
    history: tuple[TermEntry, ...]
    today: date


@blueprint.get("")
@allow(Role.CLINICIAN)
def client_list() -> str:
    """Show everybody whom the clinician has met or who has written."""
    report = clients_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render_list(report)


@blueprint.get(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def client_page(client: int) -> str:
    """Show one client."""
    report = client_report(request.config(), request.store(), request.clinician(), client, now=request.now())
    if report is None:
        abort(404)
    return render_page(report)


@blueprint.post(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def save(client: int) -> Response:
    """Save standing, weight band and trauma mark from a day on."""
    require_own_client(client)
    values = {term: request.form().get(term, "") for term in IDENTITY_TERMS}
    with flash_usage_errors():
        from_day = parse_from_day()
        # Somebody who is not a client never was one: an insurer's messages of before must not count either.
        standing_from = ALWAYS if values["standing"] == NOT_A_CLIENT else from_day
        save_terms(client, {"standing": values["standing"]}, standing_from, DEFAULTS)
        others = {term: value for term, value in values.items() if term != "standing"}
        save_terms(client, others, from_day, DEFAULTS)
    return redirect(url_for(".client_page", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/not-a-client")
@allow(Role.CLINICIAN)
def not_a_client(client: int) -> Response:
    """Mark somebody who only writes as not a client."""
    require_own_client(client)
    save_terms(client, {"standing": NOT_A_CLIENT}, ALWAYS, DEFAULTS)
    return redirect(url_for(".client_list"), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/take-back")
@allow(Role.CLINICIAN)
def take_back(client: int) -> Response:
    """Delete what was stated for a day."""
    term, day = request.form().get("term", ""), request.form().get("from", "")
    # Six digits of a day number reach beyond the year 4000.
    if term not in TERMS or not day.isdecimal() or len(day) > 6:
        abort(400)
    with request.store().write() as connection:
        if not store_clients.remove_term(connection, request.clinician().key, client, term, from_day=int(day)):
            abort(404)
        # The key may be one of several; the page to return to is that of the person.
        person = store_clients.persons(connection, request.clinician().key).get(client, client)
    request.flash(f"Taken back: {TERMS[term].title}.")
    endpoint = ".client_page" if term in IDENTITY_TERMS else "agreements.agreement_page"
    return redirect(url_for(endpoint, client=person), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/join")
@allow(Role.CLINICIAN)
def join(client: int) -> Response:
    """Join two codes to one person."""
    if not request.form().get("other"):  # the list was left at its first, empty option
        require_own_client(client)
        request.flash("Nothing is joined. Choose another code of this person first.")
        return redirect(url_for(".client_page", client=client), 303)
    other = _parse_other(client)
    rows = [*require_own_client(client), *require_own_client(other)]
    was_marked = any(row.value == NOT_A_CLIENT for row in rows)
    with request.store().write() as connection:
        person = store_clients.join_clients(connection, request.clinician().key, [client, other])
    # Joining removes "not a client" if only one of the two had it: an address that only writes, marked before it was
    # joined, would otherwise take the sessions of the client with it.
    is_marked = any(row.value == NOT_A_CLIENT for row in require_own_client(person))
    mark_removed = " They are no longer marked “Not a client”." if was_marked and not is_marked else ""
    request.flash(f"Joined: they are one person. You can separate them here.{mark_removed}")
    return redirect(url_for(".client_page", client=person), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/separate")
@allow(Role.CLINICIAN)
def separate(client: int) -> Response:
    """Separate one code from the person it was joined to."""
    require_own_client(client)
    with request.store().write() as connection:
        store_clients.separate_client(connection, request.clinician().key, client)
    request.flash("Separated: that code is a person of its own again.")
    return redirect(url_for(".client_page", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/apart")
@allow(Role.CLINICIAN)
def keep_apart(client: int) -> Response:
    """Remember that two codes are two people, so that the page does not ask again."""
    other = _parse_other(client)
    with request.store().write() as connection:
        store_clients.save_different_people(
            connection, request.clinician().key, client, other, now=int(request.now().timestamp())
        )
    request.flash("They stay two people. You will not be asked about them again.")
    return redirect(url_for(".client_list"), 303)


def _parse_other(client: int) -> int:
    """Return the client in the form's field ``other``, after checking that both are the reader's own."""
    text = request.form().get("other", "")
    if not text.isdecimal() or len(text) > 18 or int(text) == client:  # 18 digits fit into SQLite's 64 bits
        abort(400)
    require_own_client(client)
    require_own_client(int(text))
    return int(text)


def render_list(report: ClientsReport) -> str:
    """Return the page with the list of clients."""
    return page("me/clients.html", title="Clients", report=report, privacy=PRIVACY, day=short_day)


def render_page(report: ClientReport) -> str:
    """Return the page of one client. Its title names nobody: it stays in the browser's history after signing out."""
    return page(
        "me/client.html", title="One client", report=report, privacy=PRIVACY, day=short_day, full_date=full_date
    )


def clients_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ClientsReport:
    """Return the list of clients, as known at ``now``."""
    index = load_client_index(config, store, clinician, now=now)
    questions = []
    sessions, messages = index.frames.sessions.held, index.frames.messages.all
    for pair in find_duplicate_clients(sessions, messages, apart=index.different_people):
        names = (index.name(pair.first), index.name(pair.second))
        reason = f"Both write in {counted(pair.matches, 'thread')} of yours."
        if pair.reason is not DuplicateReason.THREAD:
            reason = (
                f"{names[1]} only writes and {names[0]} only comes to sessions: {pair.matches} of {pair.total} "
                "messages came within a day before or three hours after those sessions."
            )
        questions.append(SamePersonQuestion(pair.first, pair.second, names, reason))

    standings = {client: index.terms_on(client).get("standing", CLIENT) for client in index.keys}
    current = [client for client in index.ordered if standings[client] == CLIENT]
    recent = [client for client in current if index.last_session(client) >= index.today - RECENT]
    earlier = [client for client in current if client in index.last_sessions and client not in recent]
    without_session = [client for client in current if client not in index.last_sessions]
    booked_only = [client for client in without_session if client not in index.message_summaries]
    writing_only = [client for client in without_session if client in index.message_summaries]
    # The most messages first: a client is more likely among them than an insurer or a shop.
    writing_only.sort(key=lambda client: -index.message_summaries[client].count)
    others = [client for client in index.ordered if standings[client] != CLIENT]
    groups = []
    for heading, sentence, clients in (
        ("Seen in the last 90 days", "", recent),
        ("Seen before that", "", earlier),
        ("Booked, but not met so far", "", booked_only),
        ("Only in messages", MESSAGES_ONLY, writing_only),
        ("Not clients, or no longer", "", others),
    ):
        if clients:
            entries = tuple(_entry(index, client) for client in clients[:MOST_ENTRIES])
            omitted = max(len(clients) - MOST_ENTRIES, 0)
            is_writing_only = clients is writing_only
            groups.append(ClientGroup(heading, sentence, entries, omitted, messages_only=is_writing_only))
    return ClientsReport("Who is behind a code?", tuple(questions), tuple(groups))


def client_report(
    config: Config, store: Store, clinician: Clinician, key: int, *, now: datetime
) -> ClientReport | None:
    """Return the page of the client with a key, or ``None`` if the clinician has no such client."""
    index = load_client_index(config, store, clinician, now=now)
    client = index.client_of(key)
    if client is None:
        return None
    terms = index.terms_on(client)
    # The form offers the practice's bands of today, also for a day in the past.
    tables = [table for table in config.practice.weights if table.starts is None or table.starts <= index.today]
    weights = (tables or [DEFAULT_WEIGHTS])[-1].bands
    bands = {"": "No band, counts 1"} | {str(n): f"Band {n}, counts {weight:g}" for n, weight in enumerate(weights, 1)}
    return ClientReport(
        entry=_entry(index, client),
        fields=(
            term_field(TERMS["standing"], terms.get("standing", CLIENT)),
            term_field(TERMS["band"], terms.get("band", ""), bands),
            term_field(TERMS["trauma"], terms.get("trauma", "no")),
        ),
        keys=tuple(ClientKey(key, index.code(key)) for key in index.keys[client]),
        other_clients=tuple(Choice(str(other), index.name(other)) for other in index.ordered if other != client),
        history=term_entries(index, client, IDENTITY_TERMS),
        today=index.today,
    )


def _entry(index: ClientIndex, client: int) -> ClientEntry:
    """Return the client as a list entry, with whatever is not the default."""
    terms = index.terms_on(client)
    standing = terms.get("standing", CLIENT)
    return index.entry(
        client,
        (
            STANDINGS[standing] if standing != CLIENT else "",
            f"Weight band {terms['band']}" if "band" in terms else "",
            "Trauma-focused" if terms.get("trauma") == "yes" else "",
            f"{counted(len(index.keys[client]), 'code')} joined" if len(index.keys[client]) > 1 else "",
            index.message_text(client),
        ),
    )
