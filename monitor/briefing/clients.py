"""Who is behind a code, and which codes are one person; for the clinician alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from monitor.analysis.same_person import Proposal, Reason, proposals
from monitor.analysis.terms import CLIENT, STANDINGS, TERMS
from monitor.briefing.book import RECENT, Book, book_of, field, said_words
from monitor.config import Config
from monitor.roster import USUAL_WEIGHTS, Clinician, Practice
from monitor.store.database import Store
from reports.private import Choice, ClientGroup, ClientKey, ClientLine, ClientReport, ClientsReport, Field, MaybeOne
from reports.wording import counted

MOST_LINES = 60
WHO = ("standing", "band", "trauma")
"""The terms that say who somebody is; the others say what was agreed."""


def clients_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ClientsReport:
    """Everybody who was met or wrote, as known at ``now``."""
    book = book_of(config, store, clinician, now=now)
    found = proposals(book.frames.held, book.frames.messages, apart=book.apart)
    return ClientsReport(
        headline="Who is behind a code?",
        maybe=tuple(_maybe(book, proposal) for proposal in found),
        groups=tuple(group for group in _groups(book) if group.lines),
    )


def client_report(
    config: Config, store: Store, clinician: Clinician, key: int, *, now: datetime
) -> ClientReport | None:
    """One client by any of their keys, ``None`` if there is no such client of the clinician's."""
    book = book_of(config, store, clinician, now=now)
    client = book.person(key)
    if client is None:
        return None
    others = (Choice(str(other), book.name(other)) for other in book.in_order if other != client)
    return ClientReport(
        line=_line(book, client),
        fields=tuple(_fields(book, client, config.practice)),
        keys=tuple(ClientKey(one, book.code(one)) for one in book.keys[client]),
        others=tuple(others),
        said=said_words(book, client, WHO),
        today=book.today,
    )


def _line(book: Book, client: int) -> ClientLine:
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


def _fields(book: Book, client: int, practice: Practice) -> Iterator[Field]:
    """Standing, weight band and trauma mark; the bands are the practice's own of today."""
    holds = book.holds(client)
    yield field(TERMS["standing"], holds.get("standing", CLIENT))
    bands = {str(n): f"Band {n}, counts {weight:g}" for n, weight in enumerate(_bands(practice, book.today), 1)}
    yield field(TERMS["band"], holds.get("band", ""), {"": "No band, counts 1"} | bands)
    yield field(TERMS["trauma"], holds.get("trauma", "no"))


def _bands(practice: Practice, today: date) -> Sequence[float]:
    begun = [table for table in practice.weights if table.starts is None or table.starts <= today]
    return (begun or [USUAL_WEIGHTS])[-1].bands


def _groups(book: Book) -> Iterator[ClientGroup]:
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


def _group(book: Book, heading: str, sentence: str, clients: Sequence[int], *, only_write: bool = False) -> ClientGroup:
    lines = tuple(_line(book, client) for client in clients[:MOST_LINES])
    return ClientGroup(heading, sentence, lines, max(len(clients) - MOST_LINES, 0), only_write)


def _maybe(book: Book, proposal: Proposal) -> MaybeOne:
    names = (book.name(proposal.one), book.name(proposal.other))
    if proposal.reason is Reason.THREAD:
        reason = f"Both write in {counted(proposal.seen, 'thread')} of yours."
    else:
        reason = (
            f"{names[1]} only writes, {names[0]} is only met: {proposal.seen} of {proposal.of} messages came within a "
            "day before or three hours after those sessions."
        )
    return MaybeOne(proposal.one, proposal.other, names, reason)
