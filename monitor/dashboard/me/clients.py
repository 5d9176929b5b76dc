"""Clients by their codes: whom two codes are, who is no client, who was handed over; for the clinician alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from monitor.access import Role
from monitor.analysis.duplicate_clients import DuplicateClient, DuplicateReason, find_duplicate_clients
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
    field,
    load_client_index,
    short_day,
    term_entries,
)
from monitor.dashboard.me.forms import ROW_NUMBER, flash_usage_errors, keep, own, parse_from_day
from monitor.dashboard.policy import allow
from monitor.roster import DEFAULT_WEIGHTS, Clinician, Practice
from monitor.store import clients as kept
from monitor.store.database import Store
from reports.wording import counted, full_date

blueprint = Blueprint("clients", __name__, url_prefix="/me/clients")
UNSAID = {"standing": CLIENT, "trauma": "no"}
"""The terms of whoever nothing was said of."""
MOST_LINES = 60
WHO = ("standing", "band", "trauma")
"""The terms that say who somebody is; the others say what was agreed."""


@dataclass(frozen=True, slots=True)
class SamePersonSuggestion:
    """Two clients who might be one person, and why that is asked."""

    one: int
    other: int
    names: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients of one sort. ``more`` are left out; ``only_write`` are those whom no session is known of."""

    heading: str
    sentence: str
    lines: tuple[ClientEntry, ...]
    more: int = 0
    only_write: bool = False


@dataclass(frozen=True, slots=True)
class ClientsReport:
    """Whoever was met or wrote, for the clinician alone."""

    headline: str
    maybe: tuple[SamePersonSuggestion, ...]
    groups: tuple[ClientGroup, ...]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One of the keys that a person has, and its code."""

    client: int
    code: str


@dataclass(frozen=True, slots=True)
class ClientReport:
    """One client: who it is, which keys are joined, whom else they could be joined with, and what was said."""

    line: ClientEntry
    fields: tuple[TermField, ...]
    keys: tuple[ClientKey, ...]
    others: tuple[Choice, ...]
    said: tuple[TermEntry, ...]
    today: date


@blueprint.get("")
@allow(Role.CLINICIAN)
def everybody() -> str:
    """Everybody who was met or wrote."""
    report = clients_report(request.config(), request.store(), request.clinician(), now=request.now())
    return render_list(report)


@blueprint.get(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def one(client: int) -> str:
    """One client."""
    report = client_report(request.config(), request.store(), request.clinician(), client, now=request.now()) or abort(
        404
    )
    return render_page(report)


@blueprint.post(f"/<{ROW_NUMBER}:client>")
@allow(Role.CLINICIAN)
def say(client: int) -> Response:
    """Keep who a client is, from a day on."""
    own(client)
    given = {term: request.form().get(term, "") for term in WHO}
    with flash_usage_errors():
        from_day = parse_from_day()
        since = ALWAYS if given["standing"] == NOT_A_CLIENT else from_day
        keep(client, {"standing": given["standing"]}, since, UNSAID)
        keep(client, {term: given[term] for term in WHO if term != "standing"}, from_day, UNSAID)
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/not-a-client")
@allow(Role.CLINICIAN)
def not_a_client(client: int) -> Response:
    """Somebody who writes and never was a client."""
    own(client)
    keep(client, {"standing": NOT_A_CLIENT}, ALWAYS, UNSAID)
    return redirect(url_for(".everybody"), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/take-back")
@allow(Role.CLINICIAN)
def take_back(client: int) -> Response:
    """Let what was said for a day be unsaid."""
    term, day = request.form().get("term", ""), request.form().get("from", "")
    if term not in TERMS or not day.isdecimal() or len(day) > 6:
        abort(400)
    with request.store().write() as connection:
        if not kept.remove_term(connection, request.clinician().key, client, term, from_day=int(day)):
            abort(404)
        person = kept.persons(connection, request.clinician().key).get(client, client)
    request.flash(f"Taken back: {TERMS[term].title}.")
    return redirect(url_for(".one" if term in WHO else "agreements.one", client=person), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/join")
@allow(Role.CLINICIAN)
def join(client: int) -> Response:
    """Let two codes be one person."""
    if not request.form().get("other"):
        own(client)
        request.flash("Nothing is joined. Choose another code of this person first.")
        return redirect(url_for(".one", client=client), 303)
    other = _other(client)
    strangers = [row for one in (client, other) for row in own(one) if row.value == NOT_A_CLIENT]
    with request.store().write() as connection:
        person = kept.join_clients(connection, request.clinician().key, [client, other])
    taken_back = " “Not a client” is taken back." if strangers and NOT_A_CLIENT not in _values(person) else ""
    request.flash(f"Joined: they are one person. You can separate them here.{taken_back}")
    return redirect(url_for(".one", client=person), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/separate")
@allow(Role.CLINICIAN)
def separate(client: int) -> Response:
    """Let one code be a person of its own again."""
    own(client)
    with request.store().write() as connection:
        kept.separate_client(connection, request.clinician().key, client)
    request.flash("Separated: that code is a person of its own again.")
    return redirect(url_for(".one", client=client), 303)


@blueprint.post(f"/<{ROW_NUMBER}:client>/apart")
@allow(Role.CLINICIAN)
def apart(client: int) -> Response:
    """Remember that two codes are two people."""
    other = _other(client)
    with request.store().write() as connection:
        kept.save_different_people(
            connection, request.clinician().key, client, other, now=int(request.now().timestamp())
        )
    request.flash("Two people it is. You will not be asked again.")
    return redirect(url_for(".everybody"), 303)


def _values(client: int) -> set[str | None]:
    """Every word that was ever said of a client and not taken back."""
    return {row.value for row in own(client)}


def _other(client: int) -> int:
    """The other code that a form names; both are the reader's own."""
    named = request.form().get("other", "")
    if not named.isdecimal() or len(named) > 18 or int(named) == client:
        abort(400)
    own(client)
    own(int(named))
    return int(named)


def render_list(report: ClientsReport) -> str:
    """Draw the list of clients."""
    return page("me/clients.html", title="Clients", report=report, privacy=PRIVACY, day=short_day)


def render_page(report: ClientReport) -> str:
    """Draw one client. The title names nobody: it stays in the browser's history after signing out."""
    return page(
        "me/client.html", title="One client", report=report, privacy=PRIVACY, day=short_day, full_date=full_date
    )


def clients_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ClientsReport:
    """Everybody who was met or wrote, as known at ``now``."""
    book = load_client_index(config, store, clinician, now=now)
    found = find_duplicate_clients(book.frames.held_sessions, book.frames.messages, apart=book.apart)
    return ClientsReport(
        headline="Who is behind a code?",
        maybe=tuple(_maybe(book, proposal) for proposal in found),
        groups=tuple(group for group in _groups(book) if group.lines),
    )


def client_report(
    config: Config, store: Store, clinician: Clinician, key: int, *, now: datetime
) -> ClientReport | None:
    """One client by any of their keys, ``None`` if there is no such client of the clinician's."""
    book = load_client_index(config, store, clinician, now=now)
    client = book.person(key)
    if client is None:
        return None
    others = (Choice(str(other), book.name(other)) for other in book.in_order if other != client)
    return ClientReport(
        line=_line(book, client),
        fields=tuple(_fields(book, client, config.practice)),
        keys=tuple(ClientKey(one, book.code(one)) for one in book.keys[client]),
        others=tuple(others),
        said=term_entries(book, client, WHO),
        today=book.today,
    )


def _line(book: ClientIndex, client: int) -> ClientEntry:
    holds = book.holds(client)
    standing = holds.get("standing", CLIENT)
    return book.line(
        client,
        (
            STANDINGS[standing] if standing != CLIENT else "",
            f"Weight band {holds['band']}" if "band" in holds else "",
            "Trauma-focused" if holds.get("trauma") == "yes" else "",
            f"{counted(len(book.keys[client]), 'code')} joined" if len(book.keys[client]) > 1 else "",
            book.contact(client),
        ),
    )


def _fields(book: ClientIndex, client: int, practice: Practice) -> Iterator[TermField]:
    """Standing, weight band and trauma mark; the bands are the practice's own of today."""
    holds = book.holds(client)
    yield field(TERMS["standing"], holds.get("standing", CLIENT))
    bands = {str(n): f"Band {n}, counts {weight:g}" for n, weight in enumerate(_bands(practice, book.today), 1)}
    yield field(TERMS["band"], holds.get("band", ""), {"": "No band, counts 1"} | bands)
    yield field(TERMS["trauma"], holds.get("trauma", "no"))


def _bands(practice: Practice, today: date) -> Sequence[float]:
    begun = [table for table in practice.weights if table.starts is None or table.starts <= today]
    return (begun or [DEFAULT_WEIGHTS])[-1].bands


def _groups(book: ClientIndex) -> Iterator[ClientGroup]:
    known = {client: book.holds(client).get("standing", CLIENT) for client in book.keys}
    current = [client for client in book.in_order if known[client] == CLIENT]
    recent = [client for client in current if book.last(client) >= book.today - RECENT]
    before = [client for client in current if client in book.sessions and client not in recent]
    unmet = [client for client in current if client not in book.sessions and client not in book.contacts]
    writing = [client for client in current if client not in book.sessions and client in book.contacts]
    writing.sort(key=lambda client: -book.contacts[client].messages)
    yield _group(book, "Seen in the last 90 days", "", recent)
    yield _group(book, "Seen before that", "", before)
    yield _group(book, "Booked, and not met so far", "", unmet)
    yield _group(
        book,
        "Only in messages",
        "Somebody outside the practice who writes counts as a client until you say otherwise.",
        writing,
        only_write=True,
    )
    rest = [client for client in book.in_order if known[client] != CLIENT]
    yield _group(book, "Not clients, or no longer", "", rest)


def _group(
    book: ClientIndex, heading: str, sentence: str, clients: Sequence[int], *, only_write: bool = False
) -> ClientGroup:
    lines = tuple(_line(book, client) for client in clients[:MOST_LINES])
    return ClientGroup(heading, sentence, lines, max(len(clients) - MOST_LINES, 0), only_write)


def _maybe(book: ClientIndex, proposal: DuplicateClient) -> SamePersonSuggestion:
    names = (book.name(proposal.first), book.name(proposal.second))
    if proposal.reason is DuplicateReason.THREAD:
        reason = f"Both write in {counted(proposal.matches, 'thread')} of yours."
    else:
        reason = (
            f"{names[1]} only writes, {names[0]} is only met: {proposal.matches} of {proposal.total} messages "
            "came within a day before or three hours after those sessions."
        )
    return SamePersonSuggestion(proposal.first, proposal.second, names, reason)
