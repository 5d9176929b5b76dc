"""A record system's booked sessions, true times and messages, by FHIR R4.

::

    every run             what changed since the last change that the server told of, less ten minutes
    a window that moved   what is booked in the days that came into it, and what was written in them
    once a week           everything in the window anew: what was deleted there is gone

How far a run came is the server's own word (``meta.lastUpdated``), never our clock's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.base import Batch, Context, SourceKind
from connectors.cursor import fingerprint
from connectors.errors import MalformedError
from connectors.fhir.reading import FhirCursor, FhirReading, FhirSearch, since
from connectors.fhir.records import FhirRecordMaker
from connectors.fhir.resources import ELEMENTS
from connectors.fhir.server import FhirClient, Query, fhir_time
from connectors.http import HttpClient
from connectors.network import is_unencrypted

_REFERENCE = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9.-]{1,64}")
_IDENTIFIER = re.compile(r"[^|\s]*\|[^|]+")
_LONGEST = timedelta(days=1)  # what began before the window may reach into it
_PARTS = {"Appointment": ("actor",), "Encounter": ("participant",), "Communication": ("sender", "recipient")}
"""By which search parameters a server is asked for the practitioners' own resources alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirOptions:
    """The options of a record system."""

    url: str = field(
        metadata={"help": "The base address of the FHIR R4 server, or where it is stored.", "secret": "if private"}
    )
    practitioners: dict[str, tuple[str, ...]] = field(
        metadata={"help": "For each clinician's key: references (Practitioner/7) or identifiers (system|value)."}
    )
    token: str | None = field(default=None, metadata={"help": "Where the access token is stored.", "secret": True})
    user: str | None = field(default=None, metadata={"help": "The user name, instead of a token."})
    password: str | None = field(default=None, metadata={"help": "Where the password is stored.", "secret": True})
    channel: str = field(default="portal", metadata={"help": "The name of this channel in exports and agreements."})
    full_every_days: int = field(
        default=7, metadata={"help": "Days between full readings, which find deletions; 0: every run."}
    )


class Fhir:
    """Reads one record system."""

    def __init__(self, options: FhirOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the whole window where that is due, else what changed; then messages, page by page."""
        server = self._server()
        people = _owners_by_reference(server, self._options.practitioners, self._context)
        known = FhirCursor.parse(cursor, self._settings(people))
        restarts = known.is_new or fhir_time(self._context.window.start) < known.start
        known = FhirCursor(known.settings) if restarts else known.for_window_end(fhir_time(self._context.window.end))
        reading = FhirReading(server, FhirRecordMaker(self._context, people, self._options.channel), known)
        if self._is_whole_due(known):
            yield reading.read_snapshot(list(self._whole(people)), restarts=restarts)
        else:
            for search in (*self._come_into_window(people, known), *self._changed(people, known)):
                yield from reading.read_pages(search)
        for search in () if self._context.times_suffice else self._messages(people, reading.cursor):
            yield from reading.read_pages(search)
        yield Batch(reading.final_cursor())

    def _is_whole_due(self, cursor: FhirCursor) -> bool:
        newest = cursor.newest()
        if not newest or not cursor.whole_at:
            return True
        gone_by = datetime.fromisoformat(newest) - datetime.fromisoformat(cursor.whole_at)
        return gone_by >= timedelta(days=self._options.full_every_days)

    def _whole(self, people: Mapping[str, str]) -> Iterator[FhirSearch]:
        """Everything booked or met in the window."""
        window = self._context.window
        span = ("date", f"ge{fhir_time(window.start - _LONGEST)}"), ("date", f"le{fhir_time(window.end)}")
        return self._searches(people, self._calendar, lambda _: span)

    def _come_into_window(self, people: Mapping[str, str], known: FhirCursor) -> Iterator[FhirSearch]:
        """What is booked in days that an earlier run did not ask for."""
        window = self._context.window
        if not known.end or fhir_time(window.end) <= known.end:
            return
        span = (
            ("date", f"ge{fhir_time(datetime.fromisoformat(known.end) - _LONGEST)}"),
            ("date", f"le{fhir_time(window.end)}"),
        )
        yield from (replace(search, name="") for search in self._searches(people, self._calendar, lambda _: span))

    def _changed(self, people: Mapping[str, str], known: FhirCursor) -> Iterator[FhirSearch]:
        return self._searches(people, self._calendar, lambda name: since(known.since.get(name, "")))

    def _messages(self, people: Mapping[str, str], known: FhirCursor) -> Iterator[FhirSearch]:
        """What was written since; a message of the window cannot have been changed before it."""
        start = fhir_time(self._context.window.start)
        return self._searches(people, ("Communication",), lambda name: since(known.since.get(name, start)))

    @property
    def _calendar(self) -> tuple[str, ...]:
        return ("Appointment",) if self._context.times_suffice else ("Appointment", "Encounter")

    def _searches(
        self, people: Mapping[str, str], kinds: Iterable[str], span: Callable[[str], Query]
    ) -> Iterator[FhirSearch]:
        """For each way in which these people may be on such a resource a search of its own."""
        who = ",".join(sorted(people))
        for kind in kinds:
            asked_for = "_elements", ",".join(ELEMENTS[kind])
            for part in _PARTS[kind]:
                name = f"{kind}.{part}"
                yield FhirSearch(kind, (*span(name), (part, who), asked_for), name)

    def _server(self) -> FhirClient:
        options, source = self._options, self._context.source
        url = options.url if re.match(r"https?://", options.url) else self._context.read_secret(options.url).strip()
        return FhirClient(source, url, HttpClient(source, login=self._login()))

    def _login(self) -> tuple[str, str] | str | None:
        options, read = self._options, self._context.read_secret
        if options.token:
            return read(options.token).strip()
        return (options.user, read(options.password)) if options.user and options.password else None

    def _settings(self, people: Mapping[str, str]) -> str:
        told, options = self._context, self._options
        return fingerprint(told.pseudonyms, options.url, options.channel, people, told.owners)


def _owners_by_reference(server: FhirClient, named: Mapping[str, tuple[str, ...]], context: Context) -> dict[str, str]:
    """The key of the owner whom each practitioner's reference means.

    ``named`` gives references (``Practitioner/7``) and identifiers (``system|value``) for each owner; the server is
    asked who bears an identifier. Raises a :class:`~connectors.errors.ConnectorError`, also where nobody does.
    """
    return {
        reference: owner.key
        for owner in context.owners
        for number, name in enumerate(named.get(owner.key, ()), 1)
        for reference in _references(server, name, f"practitioners.{owner.key}, entry {number}", context.source)
    }


def _references(server: FhirClient, name: str, place: str, source: str) -> Iterator[str]:
    if _REFERENCE.fullmatch(name):
        yield name
        return
    pages = server.search("Practitioner", (("identifier", name), ("_elements", "id")))
    found = [str(practitioner.get("id")) for page in pages for practitioner in page]
    if not found:
        remedy = "Look it up in the record system, and write it as system|value or Practitioner/id."
        raise MalformedError(source, f"{place}: the server knows nobody by this identifier.", remedy)
    yield from (f"Practitioner/{identifier}" for identifier in found)


def _problems(options: FhirOptions) -> list[str]:
    problems = []
    if not any(options.practitioners.values()):
        problems.append("practitioners: name at least one clinician's reference or identifier")
    for owner, names in options.practitioners.items():
        if not all(_REFERENCE.fullmatch(name) or _IDENTIFIER.fullmatch(name) for name in names):
            problems.append(f"practitioners.{owner}: write Practitioner/id or system|value")
    if (options.user is None) != (options.password is None):
        problems.append("password: user and password go together")
    if options.token and options.user:
        problems.append("token: a token, or user and password, not both")
    if re.match(r"https?://", options.url) and is_unencrypted(options.url):
        problems.append("url: the connection would not be encrypted; the address has to begin with https")
    if options.full_every_days < 0:
        problems.append("full_every_days: a number of days, or 0")
    return problems


def _make(options: FhirOptions, context: Context) -> Fhir:
    strangers = options.practitioners.keys() - {owner.key for owner in context.owners}
    if strangers:
        found = f"practitioners names {', '.join(sorted(strangers))}, whose source it is not."
        raise MalformedError(context.source, found, 'Correct it, or the source\'s "clinicians".')
    return Fhir(options, context)


SOURCE_KIND = SourceKind(
    name="fhir",
    options=FhirOptions,
    make=_make,
    title="Record system (FHIR R4): appointments, encounters, times of messages",
    kept_fields=tuple(f"{kind}.{element}" for kind, elements in ELEMENTS.items() for element in elements),
    other_fields="not requested (_elements), and dropped while parsing if a server sends it anyway",
    check=_problems,
)
