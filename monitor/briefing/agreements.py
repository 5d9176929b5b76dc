"""What was agreed with each client and from when on, and which review is due; for the clinician alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_time
from monitor.analysis.terms import CLIENT, TERMS
from monitor.briefing.book import RECENT, Book, book_of, field, said_words, value_words
from monitor.config import Config
from monitor.roster import Clinician
from monitor.store.database import Store
from reports.private import AgreementReport, AgreementsReport, ClientLine, Conversation, FieldGroup
from reports.wording import counted, days_between, full_date

if TYPE_CHECKING:
    import pandas as pd

    from monitor.analysis.frames import Frames

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


def agreements_report(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> AgreementsReport:
    """All clients with what was agreed in short, as known at ``now``."""
    book = book_of(config, store, clinician, now=now)
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
    book = book_of(config, store, clinician, now=now)
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
            tuple(field(TERMS[t], shown.get(t, ""), own if TERMS[t].open_list else None) for t in terms),
        )
        for heading, sentence, terms in GROUPS
    )
    line = book.line(client, _told(book, client))
    return AgreementReport(
        line=line,
        groups=tuple(groups),
        conversations=_conversations(book.frames, client, book.today),
        said=said_words(book, client, AGREED),
        due=due_words(holds, book.today),
        since=since or book.today.isoformat(),
    )


def _conversations(frames: Frames, client: int, today: date) -> tuple[Conversation, ...]:
    """The threads of the last weeks with something outside the agreed hours, whether or not it was agreed."""
    written = frames.messages[(frames.messages["thread"] != 0) & ~frames.messages["automatic"]]
    theirs = written[written["counterpart"] == client]
    outside = theirs[theirs["outside"] & (theirs["day"] >= day_number(today - CONVERSED))]
    last = theirs.groupby("thread")["sent_at"].max().loc[outside["thread"].unique()]
    newest = last.sort_values(ascending=False, kind="stable").index[:MOST_CONVERSATIONS]
    return tuple(_conversation(frames, thread, theirs[theirs["thread"] == thread]) for thread in newest.tolist())


def _conversation(frames: Frames, thread: int, messages: pd.DataFrame) -> Conversation:
    """One thread, by when it went on and how much of it was outside."""
    first, last = date_of(messages["day"].min()), date_of(messages["day"].max())
    outside = messages.loc[messages["outside"], "sent_at"]
    latest = f"{local_time(frames.clinician, outside.max()):%H:%M}"
    words = f"{counted(len(messages), 'message')}, {len(outside)} outside your hours, the last at {latest}"
    return Conversation(thread, days_between(first, last), words, bool(messages["emergency"].any()))


def due_words(holds: dict[str, str], today: date) -> str:
    """Which review of what holds is due on a day; empty where none is."""
    dates = {term: date.fromisoformat(holds[term]) for term in ("modified_until", "review_on") if term in holds}
    named = {"modified_until": "the modified boundary", "review_on": "the agreement"}
    due = [f"{named[term]} since {full_date(day)}" for term, day in dates.items() if day <= today]
    return " and ".join(due)


def _due_line(book: Book, client: int) -> ClientLine:
    return book.line(client, (f"Due: {due_words(book.holds(client), book.today)}",))


def _told(book: Book, client: int) -> Iterator[str]:
    holds = book.holds(client)
    if "frequency" in holds:
        yield f"{holds['frequency']} a week"
    if "session_minutes" in holds:
        yield f"{holds['session_minutes']} min"
    if "channels" in holds:
        yield value_words(TERMS["channels"], holds["channels"])
    if "modified" in holds:
        yield "a modified boundary"
    if holds.get("emergency") == "yes":
        yield "an emergency protocol"
    agreed = sum(holds.get(term) == "agreed" for term in AGREED)
    if agreed:
        yield f"{counted(agreed, 'more point')} agreed"
    if reviewed := _last_reviewed(book, client):
        yield f"last reviewed on {full_date(reviewed)}"


def _last_reviewed(book: Book, client: int) -> date | None:
    """When the ledger says that a policy was last reviewed with a client."""
    theirs = set(book.keys[client])
    days = [row.day for row in book.ledger if row.client in theirs and row.kind == REVIEWED]
    return date_of(max(days)) if days else None
