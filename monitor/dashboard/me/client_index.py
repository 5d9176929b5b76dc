"""A clinician's clients as the pages about them read and show them: everything once, one consistent view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.analysis.calendar import date_of, day_number
from monitor.analysis.clock import local_day
from monitor.analysis.terms import TERMS, Term, TermFormat, choices_of
from monitor.config import Config
from monitor.loading import load_frames
from monitor.roster import Clinician
from monitor.store import analysis_records, clients
from monitor.store.clients import LedgerRow, TermRow
from monitor.store.database import Connection, Store
from monitor.weekly_report.sentences import CODE_LENGTH, client_name, usual_slots
from reports.wording import MONTHS, WEEKDAYS, counted, day_and_month, full_date

if TYPE_CHECKING:
    from monitor.analysis.frames import Frames

LAST_SESSIONS = 3
RECENT = timedelta(days=90)
PRIVACY = (
    "Private to you. No name is stored: a client is known by the usual slot and a short code, and nobody else’s pages "
    "show either."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    key: str
    words: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One client in a list: by usual slot and code, with the last session days and what was said of them, in words."""

    client: int
    name: str
    sessions: tuple[date, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TermEntry:
    """One dated thing that was said, so that it can be taken back; ``since`` is ``None`` for "always"."""

    client: int
    term: str
    words: str
    since: date | None
    from_day: int


@dataclass(frozen=True, slots=True)
class TermField:
    """One thing that can be agreed. ``form`` is how it is written; ``value`` what holds, as it is written.

    ``low`` and ``high`` bound a number.
    """

    term: str
    title: str
    form: str
    choices: tuple[Choice, ...]
    value: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A client's messages: how many, and the day of the last."""

    messages: int
    last: date


@dataclass(frozen=True, slots=True)
class ClientIndex:
    """Everything the pages say of clients. A client is a person, by the smallest of their keys.

    ``in_order`` are all of them in the order of the week, those without a session last.
    """

    frames: Frames
    codes: Mapping[int, str]
    slots: Mapping[int, str]
    keys: Mapping[int, tuple[int, ...]]
    sessions: Mapping[int, tuple[date, ...]]
    contacts: Mapping[int, MessageSummary]
    in_order: tuple[int, ...]
    terms: tuple[TermRow, ...]
    ledger: tuple[LedgerRow, ...]
    apart: frozenset[frozenset[int]]
    today: date

    def name(self, client: int) -> str:
        """The usual slot and the code."""
        return client_name(client, self.slots, self.codes)

    def person(self, key: int) -> int | None:
        """The person behind a key; ``None`` if it is nobody's whom these pages know."""
        return next((person for person, keys in self.keys.items() if key in keys), None)

    def code(self, key: int) -> str:
        """The short code of one key."""
        return self.codes.get(key, "")[:CODE_LENGTH]

    def said(self, client: int) -> list[TermRow]:
        """Return all that was said of a person under any of their keys, the latest day first."""
        theirs = set(self.keys.get(client, ()))
        return sorted((row for row in self.terms if row.client in theirs), key=lambda row: -row.from_day)

    def holds(self, client: int, day: date | None = None) -> dict[str, str]:
        """Return the terms that hold for a person on a day (default: today)."""
        return terms_on(self.said(client), day or self.today)

    def last(self, client: int) -> date:
        """The day of the last session; long ago where there was none."""
        return max(self.sessions.get(client, ()), default=date.min)

    def line(self, client: int, told: Iterable[str]) -> ClientEntry:
        """The client as a line of a list."""
        return ClientEntry(client, self.name(client), self.sessions.get(client, ()), tuple(filter(None, told)))

    def contact(self, client: int) -> str:
        """The client's messages in words; empty where there are none."""
        found = self.contacts.get(client)
        return f"{counted(found.messages, 'message')}, the last on {day_and_month(found.last)}" if found else ""


def load_client_index(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ClientIndex:
    """Everything of one clinician's clients, as known at ``now``."""
    with store.read() as connection:
        frames = load_frames(config, store, clinician, now=now)
        terms, ledger = clients.terms(connection, clinician.key), clients.ledger(connection, clinician.key)
        codes, apart = (
            analysis_records.pseudonyms(connection, clinician.key),
            clients.different_people(connection, clinician.key),
        )
    keys, slots = _keys(frames), usual_slots(frames)
    return ClientIndex(
        frames=frames,
        codes=codes,
        slots=slots,
        keys=keys,
        in_order=_in_order(slots, keys),
        sessions=_sessions(frames),
        contacts=_contacts(frames),
        terms=tuple(terms),
        ledger=tuple(ledger),
        apart=frozenset(apart),
        today=local_day(clinician, now),
    )


def _keys(frames: Frames) -> dict[int, tuple[int, ...]]:
    table = frames.clients
    pairs = sorted(zip(table["person"].tolist(), table["client"].tolist(), strict=True))
    return {person: tuple(key for who, key in pairs if who == person) for person in dict(pairs)}


def _in_order(slots: Mapping[int, str], keys: Iterable[int]) -> tuple[int, ...]:
    """Clients by the weekday and time of their usual slot."""

    def place(client: int) -> tuple[int, str, int]:
        day, _, time = slots.get(client, "").partition("s, ")
        return WEEKDAYS.index(day) if time else len(WEEKDAYS), time, client

    return tuple(sorted(keys, key=place))


def _sessions(frames: Frames) -> dict[int, tuple[date, ...]]:
    held = frames.held_sessions[frames.held_sessions["client"] >= 0].sort_values("booked_start")
    last = held.groupby("client").tail(LAST_SESSIONS)
    days: dict[int, tuple[date, ...]] = {}
    for client, day in zip(last["client"].tolist(), last["day"].tolist(), strict=True):
        days[client] = (*days.get(client, ()), date_of(day))
    return days


def _contacts(frames: Frames) -> dict[int, MessageSummary]:
    by_client = frames.messages.groupby("counterpart")["day"]
    number, last = by_client.size(), by_client.max()
    return {int(who): MessageSummary(int(number[who]), date_of(int(last[who]))) for who in number.index.tolist()}


def terms_on(said: Iterable[TermRow], day: date) -> dict[str, str]:
    """Return the terms that hold on a day: of each the latest at or before it, if that is a value."""
    number = day_number(day)
    before = sorted((row for row in said if row.from_day <= number), key=lambda row: (row.from_day, row.entered_at))
    latest = {row.term: row.value for row in before}
    return {term: value for term, value in latest.items() if value is not None}


def value_text(term: Term, value: str | None) -> str:
    """A term's value as people read it."""
    if value is None:
        return "no longer agreed"
    if term.format is TermFormat.DATE:
        return full_date(date.fromisoformat(value))
    words = choices_of(term)
    return ", ".join(words.get(one, one) for one in value.split(",")) if words else value


def term_rows_of(connection: Connection, clinician: str, client: int) -> list[TermRow] | None:
    """Return all that was said of a person under any of their keys; ``None`` if nobody of the clinician's is meant."""
    if client not in analysis_records.pseudonyms(connection, clinician):
        return None
    persons = clients.persons(connection, clinician)
    person = persons.get(client, client)
    return [row for row in clients.terms(connection, clinician) if persons.get(row.client, row.client) == person]


def term_entries(book: ClientIndex, client: int, terms: Iterable[str]) -> tuple[TermEntry, ...]:
    """Return what was said of a client in some terms, the latest first, to be taken back."""
    wanted = set(terms)
    return tuple(
        TermEntry(
            client=row.client,
            term=row.term,
            words=f"{TERMS[row.term].title}: {value_text(TERMS[row.term], row.value)}",
            since=date_of(row.from_day) if row.from_day else None,
            from_day=row.from_day,
        )
        for row in book.said(client)
        if row.term in wanted
    )


def field(term: Term, value: str, own: Mapping[str, str] | None = None) -> TermField:
    """A term as something to fill in; ``own`` are words that stand beside the listed ones, and before them."""
    given = set(value.split(","))
    words = dict(own or {}) | dict(choices_of(term))
    choices = tuple(Choice(key, said, key in given) for key, said in words.items())
    return TermField(term.name, term.title, term.format.name.lower(), choices, value, term.low, term.high)


def short_day(day: date) -> str:
    """Write a day that stands in a row of days and does not break: "9 Nov"."""
    return f"{day.day}\u00a0{MONTHS[day.month - 1][:3]}"
