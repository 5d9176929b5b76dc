"""Calendars as iCalendar files: one file, a folder of them, or an address.

::

    first    bytes → complete? → allowed lines → changed? which events belong together?
    then     bytes → allowed lines → event by event → instances → records, one snapshot of the window in pages

Rejected, never guessed: an event whose time zone is unknown, that ends before it begins, or that mixes dates and times,
and a rule that practically never ends. Cancelled and declined events are kept with their status, and so are those of
zero length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import ClassVar

from connectors.base import Batch, Context, RejectedRecord, SourceKind
from connectors.classify import ClassifiedEntry
from connectors.content import Content, open_content
from connectors.cursor import Cursor, fingerprint
from connectors.deadline import MAX_RESPONSE_BYTES
from connectors.errors import MalformedError, UnavailableError
from connectors.files import NotAFileError, regular_files
from connectors.http import HttpClient, HttpRequest
from connectors.ics.text import (
    PEOPLE_PROPERTIES,
    RULE_PROPERTIES,
    CalendarIndex,
    EventText,
    InvalidCalendarError,
    index_calendars,
    read_calendars,
)
from connectors.network import is_unencrypted
from connectors.records import CalendarEvent

PAGE_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class IcsOptions:
    """The place of the calendar: ``path`` or ``url``."""

    path: str | None = field(
        default=None, metadata={"help": "A calendar file, or a folder in which every *.ics file is read."}
    )
    url: str | None = field(
        default=None,
        metadata={
            "help": "The calendar's address, or where a private one is stored (env:NAME, file:PATH, command:…).",
            "secret": "if private",
        },
    )
    calendar: str = field(default="", metadata={"help": "The calendar's name in rules. Default: the name in the file."})


@dataclass(frozen=True, slots=True)
class _CalendarFile:
    """One calendar file: its name for rules, its prefix for places (of several files), its content and index."""

    name: str
    prefix: str
    content: Content
    index: CalendarIndex


@dataclass(frozen=True, slots=True)
class IcsCursor(Cursor):
    """The state that was last read: the content and the window (epoch seconds).

    ``etag`` and ``modified`` identify it at the server. An ETag can be anything, even a path or a person's name, so a
    keyed name of it is stored. The server cannot be asked with that, but the head of its answer is compared with it.
    """

    version: ClassVar[int] = 5
    content: str = ""
    start: int = 0
    end: int = 0
    etag: str = ""
    modified: str = ""


class IcsConnector:
    """Reads one calendar source; a run yields one snapshot of the window, or an empty page if nothing changed."""

    def __init__(self, options: IcsOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the window's snapshot, or an empty page if neither calendar nor settings have changed.

        If the server reports no change, the calendar is not read again for a week, although the window moves on each
        night: instances are expanded at least that far ahead.
        """
        context = self._context
        settings = fingerprint(context.pseudonyms, self._options, (context.owners, context.classifier))
        previous = IcsCursor.parse(cursor, settings)
        with ExitStack() as open_files:
            read = self._files(previous, rule_properties(context), open_files)
            if read is None:
                yield Batch(cursor=previous.dump())
                return
            files, current = read
            start, end = context.window.epoch_seconds
            content = fingerprint(context.pseudonyms, [(file.name, file.index.digest) for file in files])
            current = replace(current, content=content, start=start, end=end)
            if (previous.content, previous.start, previous.end) == (content, start, end):
                yield Batch(cursor=current.dump())
            else:
                yield from self._snapshot(files, cursor, current)

    def classified_entries(self) -> Iterator[ClassifiedEntry]:
        """Yield each instance near the window with its title and what the practice's rules make of it."""
        from connectors.ics.records import traits_of

        properties = rule_properties(self._context, titles=True)
        own_addresses = frozenset[str]().union(*(owner.addresses for owner in self._context.owners))
        with ExitStack() as open_files:
            read = self._files(IcsCursor(""), properties, open_files)
            for result in self._records(read[0] if read else [], properties):
                if not isinstance(result, RejectedRecord):
                    text, record = result
                    yield self._context.classifier.explain(traits_of(text, own_addresses), record)

    def _snapshot(self, files: Sequence[_CalendarFile], cursor: str | None, current: IcsCursor) -> Iterator[Batch]:
        reach = _CommonReach()
        page = Batch(cursor, replaces=self._context.window)
        records: list[CalendarEvent] = []
        rejected: list[RejectedRecord] = []
        done = 0
        for result in self._records(files, rule_properties(self._context)):
            if len(records) + len(rejected) >= PAGE_RECORDS:
                done += len(records)
                yield replace(page, records=tuple(records), rejected=tuple(rejected), has_more=True, done=done)
                records, rejected = [], []
            if isinstance(result, RejectedRecord):
                rejected.append(result)
            else:
                records.append(result[1])
                if len(files) > 1:
                    reach.add(*result)
        # Checked before the last page, since nothing of a result is stored before that.
        if any(file.content.has_changed for file in files):
            raise self._changed_error()
        done += len(records)
        yield replace(
            page, cursor=current.dump(), records=tuple(records), rejected=tuple(rejected),
            done=done or 1, total=done or 1, reaches_back_to=reach.start() if len(files) > 1 else None,
        )  # fmt: skip

    def _records(
        self, files: Sequence[_CalendarFile], properties: frozenset[str]
    ) -> Iterator[tuple[EventText, CalendarEvent] | RejectedRecord]:
        from connectors.ics.records import records
        from connectors.ics.series import ExpansionTimeoutError

        # Hashes of the UIDs of all files, and of those that belong to several events or to a series.
        uids, shared_uids = set[int](), set[int]()
        for file in files:
            shared_uids |= file.index.shared_uids | (uids & file.index.uids)
            uids |= file.index.uids
        calendars = (
            calendar
            for file in files
            for calendar in read_calendars(
                file.content, file.index, properties, self._options.calendar or file.name, file.prefix
            )
        )
        try:
            # The made-up UID of an event without one is not in uids, so such an event is never taken for single.
            yield from records(
                calendars, self._context, lambda text: (uid := hash(text.uid)) in uids and uid not in shared_uids
            )
        except InvalidCalendarError as error:  # it was valid when it was indexed
            raise self._changed_error() from error
        except ExpansionTimeoutError as error:
            raise MalformedError(
                self._context.source,
                "expanding its recurring events takes too long.",
                "Nothing was changed. Export a shorter period, or narrow the source's window.",
            ) from error

    def _changed_error(self) -> UnavailableError:
        return UnavailableError(
            self._context.source,
            "the calendar file was changed while it was being read.",
            "Nothing was changed. The next run reads it again.",
        )

    def _files(
        self, previous: IcsCursor, properties: frozenset[str], open_files: ExitStack
    ) -> tuple[list[_CalendarFile], IcsCursor] | None:
        """Return the files and the state that the server names; ``None`` if the server reports no change."""
        if self._options.url is None:
            return self._index(self._open_contents(open_files), properties), previous
        # While the window has moved by less than a week, an unchanged calendar need not be read again.
        is_covered = self._context.window.is_close_after(previous.start, previous.end)
        # An ETag is more exact than a date, and is compared with the response's head.
        by_date = (
            {"If-Modified-Since": previous.modified} if is_covered and previous.modified and not previous.etag else {}
        )
        request = HttpRequest("GET", self._address(self._options.url), by_date)
        if is_covered and previous.etag:
            request = replace(request, is_unchanged=lambda headers: self._etag(headers) == previous.etag)
        response = HttpClient(self._context.source).send(request)
        if response.status == 304 and (by_date or request.is_unchanged):
            return None
        if response.status == 304:
            found = "the server says that the calendar has not changed, although it was asked for the whole of it."
            raise MalformedError(self._context.source, found, "Nothing was changed. The next run tries again.")
        etag, modified = self._etag(response.headers), _http_date(response.headers.get("last-modified", ""))
        current = IcsCursor(previous.settings, etag=etag, modified=modified)
        return self._index([("", Content(response.body))], properties), current

    def _open_contents(self, open_files: ExitStack) -> list[tuple[str, Content]]:
        """Open the configured file, or each calendar of the folder; return their names and contents."""
        source, configured_path = self._context.source, self._options.path or ""
        path = self._context.folder / configured_path
        contents = []
        try:
            paths = regular_files(path.glob("*.ics")) if path.is_dir() else [path]
            if not paths or not paths[0].exists():
                raise UnavailableError(source, f"there is no calendar file at {path}.", "Check the source's path.")
            for path in paths:
                content = open_files.enter_context(open_content(path))
                if content.size > MAX_RESPONSE_BYTES:
                    found = f"{path} is larger than {MAX_RESPONSE_BYTES // 1024**2} MB."
                    raise MalformedError(source, found, "Export a shorter period of the calendar.")
                contents.append((path.stem, content))
        except NotAFileError as error:
            raise error.to_connector_error(source, configured_path) from error
        except OSError as error:
            raise UnavailableError(source, f"{path} cannot be read.", "Check its permissions.") from error
        return contents

    def _index(self, contents: Sequence[tuple[str, Content]], properties: frozenset[str]) -> list[_CalendarFile]:
        """Read each file through once: check it and find what is needed to read its events one by one."""
        files = []
        for number, (name, content) in enumerate(contents, 1):
            prefix = f"file {number}, " if len(contents) > 1 else ""
            try:
                files.append(_CalendarFile(name, prefix, content, index_calendars(content, properties)))
            except InvalidCalendarError as error:
                raise MalformedError(
                    self._context.source,
                    f"the calendar{f' in file {number}' if prefix else ''} cannot be used: {error}.",
                    "Nothing was changed. Export it again, or check the address.",
                ) from error
        return files

    def _etag(self, headers: Mapping[str, str]) -> str:
        etag = headers.get("etag", "")
        return self._context.pseudonyms.entry(etag, "etag") if etag else ""

    def _address(self, url: str) -> str:
        if not re.match(r"(https?|webcals?)://", url):
            url = self._context.read_secret(url).strip()
        # webcal is no protocol of its own: calendar programs read such addresses by https.
        return re.sub(r"^webcals?://", "https://", url)


def _http_date(text: str) -> str:
    """Return the date in the form that HTTP requires; empty if it is not a date."""
    try:
        return format_datetime(parsedate_to_datetime(text), usegmt=True)
    except (ValueError, TypeError):
        return ""


class _CommonReach:
    """The instant from which on every calendar of a folder is complete, if a clinician has several calendars.

    One file may be an export of everything and another a feed of the last month, and the file that a stored event came
    from is not recorded. A file without single events cannot have dropped any. Files of one event each, as programs
    that synchronise calendars write them, count as one calendar together.
    """

    def __init__(self) -> None:
        self._only_uid: dict[str, str | None] = {}
        self._earliest: dict[tuple[str, str], datetime] = {}

    def add(self, text: EventText, record: CalendarEvent) -> None:
        """Take one record and the event that it was made from into account."""
        file = text.place.partition(", ")[0]  # "file 2" of "file 2, event 17"
        if self._only_uid.setdefault(file, text.uid) != text.uid:
            self._only_uid[file] = None
        if record.series is None:
            key = record.clinician, file
            self._earliest[key] = min(self._earliest.get(key, record.end), record.end)

    def start(self) -> datetime | None:
        """Return that instant; ``None`` if no clinician has several calendars."""
        earliest: dict[tuple[str, str], datetime] = {}
        for (clinician, file), end in self._earliest.items():
            key = clinician, file if self._only_uid[file] is None else ""
            earliest[key] = min(earliest.get(key, end), end)
        clinicians = [clinician for clinician, _ in earliest]
        return max(earliest.values()) if len(clinicians) > len(set(clinicians)) else None


def rule_properties(context: Context, *, titles: bool = False) -> frozenset[str]:
    """Return the properties beyond dates and status that the practice's rules look at."""
    if context.times_suffice:
        return frozenset()
    rules = context.classifier.rules
    is_needed = {
        "SUMMARY": titles or context.classifier.client_title or any(rule.title for rule in rules),
        "CATEGORIES": any(rule.category for rule in rules),
        "COLOR": any(rule.colour for rule in rules),
    }
    return PEOPLE_PROPERTIES | {name for name in RULE_PROPERTIES if is_needed[name]}


def _problems(options: IcsOptions) -> list[str]:
    if (options.path is None) == (options.url is None):
        return ["path: give either path or url"]
    if (options.url or "").startswith("http:") and is_unencrypted(options.url or ""):
        return ["url: the calendar would be sent unencrypted; the address has to begin with https"]
    return []


def preview(options: IcsOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """Yield what the rules make of each instance in the window, for ``evenhours classify --try``; store nothing."""
    return IcsConnector(options, context).classified_entries()


SOURCE_KIND = SourceKind(
    name="ics",
    options=IcsOptions,
    make=IcsConnector,
    title="Calendar file, folder of files, or address (iCalendar)",
    kept_fields=(
        "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
        "TRANSP", "LAST-MODIFIED", "VTIMEZONE", "X-WR-TIMEZONE", "ATTENDEE and ORGANIZER (address, PARTSTAT)",
        "SUMMARY, CATEGORIES, COLOR (where a rule needs them)",
    ),
    other_fields="dropped while parsing",
    check=_problems,
    remote=lambda options: options.url is not None,
    preview=preview,
)  # fmt: skip
