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
        context, options, window = self._context, self._options, self._context.window
        start, end = fhir_time(window.start), fhir_time(window.end)
        client = self._client()
        people = _owners_by_reference(client, options.practitioners, context)
        settings = fingerprint(context.pseudonyms, options.url, options.channel, people, context.owners)
        last = FhirCursor.parse(cursor, settings)
        restarts = last.is_new or start < last.start
        last = FhirCursor(settings) if restarts else last.for_window_end(end)
        reading = FhirReading(client, FhirRecordMaker(context, people, options.channel), last)
        kinds = ("Appointment",) if context.times_suffice else ("Appointment", "Encounter")

        newest, whole_at = (datetime.fromisoformat(text) if text else None for text in (last.newest(), last.whole_at))
        if not newest or not whole_at or newest - whole_at >= timedelta(days=options.full_every_days):
            span = ("date", f"ge{fhir_time(window.start - _LONGEST)}"), ("date", f"le{end}")
            yield reading.read_snapshot(_searches(people, kinds, lambda _: span), restarts=restarts)
        else:
            # The days that earlier runs did not request, of which the cursor stores no progress.
            if last.end and end > last.end:
                days = ("date", f"ge{fhir_time(datetime.fromisoformat(last.end) - _LONGEST)}"), ("date", f"le{end}")
                for search in _searches(people, kinds, lambda _: days):
                    yield from reading.read_pages(replace(search, name=""))
            for search in _searches(people, kinds, lambda name: since(last.since.get(name, ""))):
                yield from reading.read_pages(search)

        if not context.times_suffice:
            # A message in the window cannot have been changed before its start.
            changes = reading.cursor.since
            for search in _searches(people, ("Communication",), lambda name: since(changes.get(name, start))):
                yield from reading.read_pages(search)
        yield Batch(reading.final_cursor())

    def _client(self) -> FhirClient:
        options, source, read = self._options, self._context.source, self._context.read_secret
        url = options.url if re.match(r"https?://", options.url) else read(options.url).strip()
        login: tuple[str, str] | str | None = None
        if options.token:
            login = read(options.token).strip()
        elif options.user and options.password:
            login = options.user, read(options.password)
        return FhirClient(source, url, HttpClient(source, login=login))


def _searches(people: Mapping[str, str], kinds: Iterable[str], span: Callable[[str], Query]) -> Iterator[FhirSearch]:
    """Yield a search for each parameter by which these people may be on a resource."""
    references = ",".join(sorted(people))
    for kind in kinds:
        elements = "_elements", ",".join(ELEMENTS[kind])
        # FHIR has no OR between parameters, so each needs a search of its own.
        for parameter in _PARAMETERS[kind]:
            name = f"{kind}.{parameter}"
            yield FhirSearch(kind, (*span(name), (parameter, references), elements), name)


def _owners_by_reference(
    client: FhirClient, practitioners: Mapping[str, tuple[str, ...]], context: Context
) -> dict[str, str]:
    """Return the owner's key for each practitioner's reference.

    ``practitioners`` has references (``Practitioner/7``) and identifiers (``system|value``) for each owner; identifiers
    are looked up on the server. Raises a :class:`~connectors.errors.ConnectorError`, also for an unknown identifier.
    """
    owners: dict[str, str] = {}
    for owner in context.owners:
        for number, name in enumerate(practitioners.get(owner.key, ()), 1):
            if _REFERENCE.fullmatch(name):
                owners[name] = owner.key
                continue
            pages = client.search("Practitioner", (("identifier", name), ("_elements", "id")))
            ids = [str(practitioner.get("id")) for page in pages for practitioner in page]
            if not ids:
                found = f"practitioners.{owner.key}, entry {number}: the server has nobody with this identifier."
                remedy = "Look it up in the record system, and write it as system|value or Practitioner/id."
                raise MalformedError(context.source, found, remedy)
            owners |= {f"Practitioner/{identifier}": owner.key for identifier in ids}
    return owners


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
