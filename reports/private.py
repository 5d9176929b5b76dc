"""What the pages for one therapist alone may be told, besides the weekly report. Plain frozen values, as in models.

check-in    what the person answered, beside their own weeks
patterns    every notice there was, one client at a time, the ledger
clients     who is behind a code, and which codes are one person
agreements  what was agreed with a client, and from when on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from reports.models import Card, Table, Unit


@dataclass(frozen=True, slots=True)
class Felt:
    """One scale of a questionnaire over time. ``low`` to ``high`` is what it can come to.

    ``bands`` are the published parts of it: the first value of each, and its word; empty where none is published.
    ``points`` are the days on which it was answered, the oldest first, each with the result.
    """

    title: str
    low: float
    high: float
    bands: tuple[tuple[float, str], ...]
    points: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure by week, along ``Beside.weeks``; ``None`` where there is no value."""

    title: str
    unit: Unit
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What was felt beside what was measured, on one line of time. ``weeks`` are Mondays."""

    title: str
    subtitle: str
    weeks: tuple[date, ...]
    felt: tuple[Felt, ...]
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A questionnaire that can be filled in from an own copy, answer by answer.

    ``ends`` say what the lowest and the highest answer mean. ``open_from`` is the day from which it can be answered
    again, ``None`` when it can be now. A sheet that was sent with gaps comes back with its ``answers`` by item and the
    ``gap`` in words; ``is_enough`` says that it can be kept like that.
    """

    key: str
    title: str
    about: str
    items: tuple[int, ...]
    lowest: int
    highest: int
    ends: tuple[str, str]
    reading: str
    source: str
    address: str
    open_from: date | None
    answers: Mapping[int, int] = field(default_factory=dict)
    gap: str = ""
    is_enough: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """One sheet that was filled in: its results in words, one for each scale that has a number."""

    key: str
    title: str
    day: date
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """How somebody feels, by their own word, beside what was counted; told to that person alone.

    ``assumed_hours`` says that nobody declared the agreed hours, on which the measures beside it rest.
    """

    headline: str
    beside: Beside | None
    answered: tuple[Answered, ...]
    sheets: tuple[Sheet, ...]
    contacts: tuple[str, ...]
    assumed_hours: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    key: str
    words: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One client in a list: by usual slot and code, with the last session days and what was said of them, in words."""

    client: int
    name: str
    sessions: tuple[date, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients of one sort. ``more`` are left out; ``only_write`` are those whom no session is known of."""

    heading: str
    sentence: str
    lines: tuple[ClientLine, ...]
    more: int = 0
    only_write: bool = False


@dataclass(frozen=True, slots=True)
class MaybeOne:
    """Two clients who might be one person, and why that is asked."""

    one: int
    other: int
    names: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class ClientsReport:
    """Whoever was met or wrote, for the clinician alone."""

    headline: str
    maybe: tuple[MaybeOne, ...]
    groups: tuple[ClientGroup, ...]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One of the keys that a person has, and its code."""

    client: int
    code: str


@dataclass(frozen=True, slots=True)
class Said:
    """One dated thing that was said, so that it can be taken back; ``since`` is ``None`` for "always"."""

    client: int
    term: str
    words: str
    since: date | None
    from_day: int


@dataclass(frozen=True, slots=True)
class Field:
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
class FieldGroup:
    """Fields that belong together; ``sentence`` says what they do."""

    heading: str
    sentence: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class ClientReport:
    """One client: who it is, which keys are joined, whom else they could be joined with, and what was said."""

    line: ClientLine
    fields: tuple[Field, ...]
    keys: tuple[ClientKey, ...]
    others: tuple[Choice, ...]
    said: tuple[Said, ...]
    today: date


@dataclass(frozen=True, slots=True)
class AgreementsReport:
    """What was agreed with each client, in short; ``due`` are those whose review is."""

    headline: str
    due: tuple[ClientLine, ...]
    lines: tuple[ClientLine, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One thread with a client that went on outside the agreed hours: when, in days, and how much of it, in words.

    ``emergency``: it was marked so.
    """

    thread: int
    days: str
    words: str
    emergency: bool


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """What was agreed with one client. ``due`` says which review is due, empty if none is.

    ``conversations`` are the latest outside the agreed hours, the newest first. ``since`` stands in the form as the day
    from which on it holds.
    """

    line: ClientLine
    groups: tuple[FieldGroup, ...]
    conversations: tuple[Conversation, ...]
    said: tuple[Said, ...]
    due: str
    since: str


@dataclass(frozen=True, slots=True)
class Note:
    """A notice or line of some week, past or present. ``card`` is what it says and rests on.

    ``moved`` is how far, with its interval, and with whom, where it is about one client; ``weeks`` are those it speaks
    of, in words. ``answered_on`` is when the standing answer was given.
    """

    card: Card
    week: date
    moved: str
    weeks: str
    open: bool
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class NoteGroup:
    """The notes of one family, the newest first."""

    heading: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One entry of the ledger, in words; ``client`` is empty where it is about no single client."""

    entry: int
    day: date
    kind: str
    client: str


@dataclass(frozen=True, slots=True)
class AgendaLine:
    """What there is to say of one client, in words, the oldest first."""

    client: str
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """What could be brought to the next supervision; ``since`` says from when on, inside a sentence."""

    since: str
    lines: tuple[AgendaLine, ...]


@dataclass(frozen=True, slots=True)
class PatternsReport:
    """Is something drifting? Every note by family, one client at a time, the ledger.

    ``quiet`` are the titles of what is watched and has no note, ``unknown`` of what cannot be watched, since nothing is
    known of it. ``warnings`` say what was not read, not computed or not recognised. ``clients`` has one row a client,
    already in words. ``exceptions`` says how many there were in a year. ``kinds`` and ``people`` are what a new entry
    can be about.
    ``agenda`` is the list for the next supervision. ``assumed_hours`` says that nobody declared the agreed hours.
    """

    headline: str
    waiting: tuple[Note, ...]
    groups: tuple[NoteGroup, ...]
    quiet: tuple[str, ...]
    clients: Table
    ledger: tuple[LedgerLine, ...]
    exceptions: str
    kinds: tuple[Choice, ...]
    people: tuple[Choice, ...]
    agenda: Agenda
    assumed_hours: bool
    today: date
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
