"""The FHIR R4 connector: a record system's booked sessions, actual times and messages.

::

    every run              what changed since the last change seen, less ten minutes
    the window has moved   what is booked in its new days, and the messages in them
    once a week            everything in the window: what is missing has been deleted

The last change is the server's own time (``meta.lastUpdated``), never our clock's.
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
_LONGEST = timedelta(days=1)  # a session that began this long before the window may still reach into it
_PARAMETERS = {"Appointment": ("actor",), "Encounter": ("participant",), "Communication": ("sender", "recipient")}
"""The search parameters that limit each kind of resource to the practitioners' own."""


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
    """A reader of one record system."""

    def __init__(self, options: FhirOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the whole window if that is due, else the changes; then messages, page by page."""
        client = self._client()
        people = _owners_by_reference(client, self._options.practitioners, self._context)
        last = FhirCursor.parse(cursor, self._settings(people))
        restarts = last.is_new or fhir_time(self._context.window.start) < last.start
        last = FhirCursor(last.settings) if restarts else last.for_window_end(fhir_time(self._context.window.end))
        reading = FhirReading(client, FhirRecordMaker(self._context, people, self._options.channel), last)
        if self._is_snapshot_due(last):
            yield reading.read_snapshot(list(self._in_window(people)), restarts=restarts)
        else:
            for search in (*self._in_new_days(people, last), *self._changed(people, last)):
                yield from reading.read_pages(search)
        for search in () if self._context.times_suffice else self._messages(people, reading.cursor):
            yield from reading.read_pages(search)
        yield Batch(reading.final_cursor())

    def _is_snapshot_due(self, cursor: FhirCursor) -> bool:
        newest = cursor.newest()
        if not newest or not cursor.whole_at:
            return True
        elapsed = datetime.fromisoformat(newest) - datetime.fromisoformat(cursor.whole_at)
        return elapsed >= timedelta(days=self._options.full_every_days)

    def _in_window(self, people: Mapping[str, str]) -> Iterator[FhirSearch]:
        """Yield the searches for all appointments and encounters in the window."""
        window = self._context.window
        span = ("date", f"ge{fhir_time(window.start - _LONGEST)}"), ("date", f"le{fhir_time(window.end)}")
        return self._searches(people, self._calendar, lambda _: span)

    def _in_new_days(self, people: Mapping[str, str], last: FhirCursor) -> Iterator[FhirSearch]:
        """Yield the searches for the days that earlier runs did not request."""
        window = self._context.window
        if not last.end or fhir_time(window.end) <= last.end:
            return
        span = (
            ("date", f"ge{fhir_time(datetime.fromisoformat(last.end) - _LONGEST)}"),
            ("date", f"le{fhir_time(window.end)}"),
        )
        yield from (replace(search, name="") for search in self._searches(people, self._calendar, lambda _: span))

    def _changed(self, people: Mapping[str, str], last: FhirCursor) -> Iterator[FhirSearch]:
        return self._searches(people, self._calendar, lambda name: since(last.since.get(name, "")))

    def _messages(self, people: Mapping[str, str], last: FhirCursor) -> Iterator[FhirSearch]:
        """Yield the searches for new messages; one in the window cannot have been changed before its start."""
        start = fhir_time(self._context.window.start)
        return self._searches(people, ("Communication",), lambda name: since(last.since.get(name, start)))

    @property
    def _calendar(self) -> tuple[str, ...]:
        return ("Appointment",) if self._context.times_suffice else ("Appointment", "Encounter")

    def _searches(
        self, people: Mapping[str, str], kinds: Iterable[str], span: Callable[[str], Query]
    ) -> Iterator[FhirSearch]:
        """Yield a search for each parameter by which these people may be on a resource."""
        references = ",".join(sorted(people))
        for kind in kinds:
            elements = "_elements", ",".join(ELEMENTS[kind])
            # FHIR has no OR between parameters, so each needs a search of its own.
            for parameter in _PARAMETERS[kind]:
                name = f"{kind}.{parameter}"
                yield FhirSearch(kind, (*span(name), (parameter, references), elements), name)

    def _client(self) -> FhirClient:
        options, source = self._options, self._context.source
        url = options.url if re.match(r"https?://", options.url) else self._context.read_secret(options.url).strip()
        return FhirClient(source, url, HttpClient(source, login=self._login()))

    def _login(self) -> tuple[str, str] | str | None:
        options, read = self._options, self._context.read_secret
        if options.token:
            return read(options.token).strip()
        return (options.user, read(options.password)) if options.user and options.password else None

    def _settings(self, people: Mapping[str, str]) -> str:
        context, options = self._context, self._options
        return fingerprint(context.pseudonyms, options.url, options.channel, people, context.owners)


def _owners_by_reference(
    client: FhirClient, practitioners: Mapping[str, tuple[str, ...]], context: Context
) -> dict[str, str]:
    """Return the owner's key for each practitioner's reference.

    ``practitioners`` has references (``Practitioner/7``) and identifiers (``system|value``) for each owner; identifiers
    are looked up on the server. Raises a :class:`~connectors.errors.ConnectorError`, also for an unknown identifier.
    """
    return {
        reference: owner.key
        for owner in context.owners
        for number, name in enumerate(practitioners.get(owner.key, ()), 1)
        for reference in _references(client, name, f"practitioners.{owner.key}, entry {number}", context.source)
    }


def _references(client: FhirClient, name: str, place: str, source: str) -> Iterator[str]:
    if _REFERENCE.fullmatch(name):
        yield name
        return
    pages = client.search("Practitioner", (("identifier", name), ("_elements", "id")))
    ids = [str(practitioner.get("id")) for page in pages for practitioner in page]
    if not ids:
        remedy = "Look it up in the record system, and write it as system|value or Practitioner/id."
        raise MalformedError(source, f"{place}: the server has nobody with this identifier.", remedy)
    yield from (f"Practitioner/{identifier}" for identifier in ids)


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
    unknown = options.practitioners.keys() - {owner.key for owner in context.owners}
    if unknown:
        found = f"practitioners contains keys that are not clinicians of this source: {', '.join(sorted(unknown))}."
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
