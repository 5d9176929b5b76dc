"""The clients of one clinician, loaded in one consistent view for the pages about them."""

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
    "Private to you. No name is stored: a client appears by their usual slot and a short code, and only on your own "
    "pages."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a form field."""

    key: str
    label: str
    is_selected: bool = False


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One client in a list: name (usual slot and code), the days of the last sessions, and details in words."""

    client: int
    name: str
    last_sessions: tuple[date, ...]
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TermEntry:
    """One dated statement about a client that can be taken back; ``since`` is ``None`` if it has always held."""

    client: int
    term: str
    text: str
    since: date | None
    from_day: int


@dataclass(frozen=True, slots=True)
class TermField:
    """A term as a form field, with its options and the current value."""

    term: Term
    choices: tuple[Choice, ...]
    value: str


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """The number of a client's messages, and the day of the last."""

    count: int
    last_day: date


@dataclass(frozen=True, slots=True)
class ClientIndex:
    """All clients of one clinician. Joined keys are one client, identified by the smallest of them.

    Attributes:
        frames: The clinician's analysis tables.
        codes: The full pseudonym of each key.
        slots: The usual slot of each client, in words.
        keys: The keys of each client.
        last_sessions: The days of each client's last sessions, at most three, the oldest first.
        message_summaries: Of the clients who have messages.
        ordered: All clients in the order of the week, those without a usual slot last.
        terms: Everything that was ever stated about a key.
        ledger: The clinician's ledger, the oldest entry first.
        different_people: Pairs of keys that the clinician has called two people.
        today: The clinician's local day.
    """

    frames: Frames
    codes: Mapping[int, str]
    slots: Mapping[int, str]
    keys: Mapping[int, tuple[int, ...]]
    last_sessions: Mapping[int, tuple[date, ...]]
    message_summaries: Mapping[int, MessageSummary]
    ordered: tuple[int, ...]
    terms: tuple[TermRow, ...]
    ledger: tuple[LedgerRow, ...]
    different_people: frozenset[frozenset[int]]
    today: date

    def name(self, client: int) -> str:
        """Return a client's usual slot and code."""
        return client_name(client, self.slots, self.codes)

    def client_of(self, key: int) -> int | None:
        """Return the client with a key, or ``None`` if there is none."""
        return next((client for client, keys in self.keys.items() if key in keys), None)

    def code(self, key: int) -> str:
        """Return the short code of one key."""
        return self.codes.get(key, "")[:CODE_LENGTH]

    def terms_of(self, client: int) -> list[TermRow]:
        """Return everything that was ever stated about a client under any of their keys, the latest day first."""
        keys = set(self.keys.get(client, ()))
        return sorted((row for row in self.terms if row.client in keys), key=lambda row: -row.from_day)

    def terms_on(self, client: int, day: date | None = None) -> dict[str, str]:
        """Return the terms that hold for a client on a day (default: today)."""
        return terms_on(self.terms_of(client), day or self.today)

    def last_session(self, client: int) -> date:
        """Return the day of the last session, ``date.min`` if there was none."""
        return max(self.last_sessions.get(client, ()), default=date.min)

    def entry(self, client: int, details: Iterable[str]) -> ClientEntry:
        """Return the client as an entry of a list; empty details are left out."""
        return ClientEntry(client, self.name(client), self.last_sessions.get(client, ()), tuple(filter(None, details)))

    def message_text(self, client: int) -> str:
        """Return the client's messages in words, such as "12 messages, the last on 9 November"; empty without any."""
        summary = self.message_summaries.get(client)
        if summary is None:
            return ""
        return f"{counted(summary.count, 'message')}, the last on {day_and_month(summary.last_day)}"


def load_client_index(config: Config, store: Store, clinician: Clinician, *, now: datetime) -> ClientIndex:
    """Load the clients of one clinician, as known at ``now``."""
    # One transaction, so that frames, terms and ledger belong to the same state.
    with store.read() as connection:
        frames = load_frames(config, store, clinician, now=now)
        terms, ledger = clients.terms(connection, clinician.key), clients.ledger(connection, clinician.key)
        codes = analysis_records.pseudonyms(connection, clinician.key)
        different_people = clients.different_people(connection, clinician.key)

    pairs = zip(frames.clients.terms["person"].tolist(), frames.clients.terms["client"].tolist(), strict=True)
    keys: dict[int, tuple[int, ...]] = {}
    for client, key in sorted(pairs):
        keys[client] = (*keys.get(client, ()), key)

    # A client below 0 is none: a session whose entry names nobody.
    held = frames.sessions.held[frames.sessions.held["client"] >= 0].sort_values("booked_start")
    last = held.groupby("client").tail(LAST_SESSIONS)
    last_sessions: dict[int, tuple[date, ...]] = {}
    for client, day in zip(last["client"].tolist(), last["day"].tolist(), strict=True):
        last_sessions[client] = (*last_sessions.get(client, ()), date_of(day))

    message_days = frames.messages.all.groupby("counterpart")["day"]
    counts, last_days = message_days.size(), message_days.max()
    message_summaries = {
        int(client): MessageSummary(int(counts[client]), date_of(int(last_days[client])))
        for client in counts.index.tolist()
    }

    slots = usual_slots(frames)

    def position(client: int) -> tuple[int, str, int]:
        # A slot reads "Tuesdays, 15:00"; a client without one has no entry, and `time` is empty.
        weekday, _, time = slots.get(client, "").partition("s, ")
        return WEEKDAYS.index(weekday) if time else len(WEEKDAYS), time, client

    return ClientIndex(
        frames=frames,
        codes=codes,
        slots=slots,
        keys=keys,
        ordered=tuple(sorted(keys, key=position)),
        last_sessions=last_sessions,
        message_summaries=message_summaries,
        terms=tuple(terms),
        ledger=tuple(ledger),
        different_people=frozenset(different_people),
        today=local_day(clinician, now),
    )


def terms_on(rows: Iterable[TermRow], day: date) -> dict[str, str]:
    """Return the terms that hold on a day: for each the latest row at or before it, unless that row ends the term."""
    number = day_number(day)
    # Two rows of one day differ only in their keys, after joining; the later entry counts.
    until_day = sorted((row for row in rows if row.from_day <= number), key=lambda row: (row.from_day, row.entered_at))
    latest = {row.term: row.value for row in until_day}
    return {term: value for term, value in latest.items() if value is not None}


def value_text(term: Term, value: str | None) -> str:
    """Return a term's value in words."""
    if value is None:
        return "no longer agreed"
    if term.format is TermFormat.DATE:
        return full_date(date.fromisoformat(value))
    labels = choices_of(term)
    return ", ".join(labels.get(word, word) for word in value.split(",")) if labels else value


def term_rows_of(connection: Connection, clinician: str, client: int) -> list[TermRow] | None:
    """Return everything that was ever stated about a client under any of their keys.

    ``None`` if the key is not one of this clinician's clients.
    """
    if client not in analysis_records.pseudonyms(connection, clinician):
        return None
    persons = clients.persons(connection, clinician)
    person = persons.get(client, client)
    return [row for row in clients.terms(connection, clinician) if persons.get(row.client, row.client) == person]


def term_entries(index: ClientIndex, client: int, terms: Iterable[str]) -> tuple[TermEntry, ...]:
    """Return what was stated about a client in some terms, the latest day first."""
    names = set(terms)
    return tuple(
        TermEntry(
            client=row.client,
            term=row.term,
            text=f"{TERMS[row.term].title}: {value_text(TERMS[row.term], row.value)}",
            since=date_of(row.from_day) if row.from_day else None,  # day 0 means "always"
            from_day=row.from_day,
        )
        for row in index.terms_of(client)
        if row.term in names
    )


def term_field(term: Term, value: str, extra_choices: Mapping[str, str] | None = None) -> TermField:
    """Return a term as a form field; ``extra_choices`` (label by value) stand before the term's own."""
    selected = set(value.split(","))
    labels = dict(extra_choices or {}) | dict(choices_of(term))
    choices = tuple(Choice(key, label, key in selected) for key, label in labels.items())
    return TermField(term, choices, value)


def short_day(day: date) -> str:
    """Return a day as "9 Nov", with a space that does not break."""
    return f"{day.day}\u00a0{MONTHS[day.month - 1][:3]}"
