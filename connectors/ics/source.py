"""Calendars as iCalendar files: one file, a folder of them, or an address.

::

    first    bytes → sound? → allowed lines → changed? which entries belong together?
    then     bytes → allowed lines → entry by entry → instances → records, one snapshot of the window in pages

What is set aside as a fault and never guessed: an entry whose time zone nobody knows, one that ends before it
begins, one that mixes dates and times, a rule that has no end in practice. Kept: cancelled and declined ones with
their status, and zero-length ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import ClassVar

from connectors.base import Batch, Context, RejectedRecord, SourceKind, Window
from connectors.classify import ClassifiedEntry
from connectors.content import Content, open_content
from connectors.cursor import Cursor, fingerprint
from connectors.deadline import MAX_RESPONSE_BYTES
from connectors.errors import MalformedError, UnavailableError
from connectors.files import NotAFileError, regular_files
from connectors.http import HttpClient, HttpRequest
from connectors.ics.text import LOOKS, PEOPLE, EntryText, Outline, UnsoundError, calendars_in, outline_of
from connectors.network import is_unencrypted
from connectors.records import CalendarEvent

PAGE_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class IcsOptions:
    """Where the calendar is: ``path`` or ``url``."""

    path: str | None = field(
        default=None, metadata={"help": "A calendar file, or a folder of which every *.ics file is read."}
    )
    url: str | None = field(
        default=None,
        metadata={
            "help": "The calendar's address, or where a private one is kept (env:NAME, file:PATH, command:…).",
            "secret": "if private",
        },
    )
    calendar: str = field(
        default="", metadata={"help": "The name by which rules know this calendar; by default the file's."}
    )


@dataclass(frozen=True, slots=True)
class _File:
    """A calendar's file: the name by which rules know it, where it stands among several, and what it holds."""

    name: str
    place: str
    content: Content
    outline: Outline


@dataclass(frozen=True, slots=True)
class IcsCursor(Cursor):
    """What was read last: with what content, for which window (epoch seconds).

    ``etag`` and ``modified`` are the server's names for that state. An ETag may be anything, a path or somebody's name
    too, so a keyed name of it is kept: the server cannot be asked by it, but it is known again by an answer's head.
    """

    version: ClassVar[int] = 5
    content: str = ""
    start: int = 0
    end: int = 0
    etag: str = ""
    modified: str = ""

    def holds_for(self, window: Window) -> bool:
        """Return ``True`` while an unchanged calendar need not be read again: for a week of nights."""
        return window.is_close_after(self.start, self.end)


class IcsConnector:
    """Reads one calendar source; a run yields one snapshot of the window, or nothing new."""

    def __init__(self, options: IcsOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """One answer: the window's snapshot, or an empty page where neither calendar nor settings have changed.

        A calendar of which the server knows no change is taken as it was for a week: what repeats reaches that far.
        """
        known = IcsCursor.parse(cursor, self._settings())
        with ExitStack() as open_:
            answer = self._files(known, looked_at(self._context), open_)
            if answer is None:
                yield Batch(cursor=known.dump())
                return
            files, reached = answer
            start, end = self._context.window.epoch_seconds
            digests = [(file.name, file.outline.digest) for file in files]
            reached = replace(reached, content=fingerprint(self._context.pseudonyms, digests), start=start, end=end)
            if (known.content, known.start, known.end) == (reached.content, start, end):
                yield Batch(cursor=reached.dump())
            else:
                yield from self._snapshot(files, cursor, reached)

    def sightings(self) -> Iterator[ClassifiedEntry]:
        """Each instance near the window with its title and what the rules make of it."""
        wanted = looked_at(self._context, titles=True)
        with ExitStack() as open_:
            answer = self._files(IcsCursor(""), wanted, open_)
            for found in self._records(answer[0] if answer else [], wanted):
                if not isinstance(found, RejectedRecord):
                    yield self._sighting(*found)

    def _settings(self) -> str:
        told = self._context
        decisive = (told.owners, told.classifier)
        return fingerprint(told.pseudonyms, self._options, decisive)

    def _snapshot(self, files: Sequence[_File], cursor: str | None, reached: IcsCursor) -> Iterator[Batch]:
        """Yield the pages of the snapshot."""
        wanted, reach = looked_at(self._context), _CommonReach()
        blank = Batch(cursor, replaces=self._context.window)
        records: list[CalendarEvent] = []
        rejected: list[RejectedRecord] = []
        done = 0
        for found in self._records(files, wanted):
            if len(records) + len(rejected) >= PAGE_ENTRIES:
                done += len(records)
                yield replace(blank, records=tuple(records), rejected=tuple(rejected), has_more=True, done=done)
                records, rejected = [], []
            if isinstance(found, RejectedRecord):
                rejected.append(found)
            else:
                records.append(found[1])
                if len(files) > 1:
                    reach.add(*found)
        if any(file.content.has_changed for file in files):
            sentence = "the calendar was written to while it was read."
            raise UnavailableError(self._context.source, sentence, "Nothing was changed. The next run reads it again.")
        done += len(records)
        yield replace(
            blank, cursor=reached.dump(), records=tuple(records), rejected=tuple(rejected),
            done=done or 1, total=done or 1,
            reaches_back_to=reach.instant() if len(files) > 1 else None,
        )  # fmt: skip

    def _records(
        self, files: Sequence[_File], wanted: frozenset[str]
    ) -> Iterator[tuple[EntryText, CalendarEvent] | RejectedRecord]:
        from connectors.ics.records import records
        from connectors.ics.series import TooLongError

        known, together = _uids(files)
        texts = (
            text
            for file in files
            for text in calendars_in(
                file.content, file.outline, wanted, self._options.calendar or file.name, file.place
            )
        )
        try:
            # An entry without a UID is none that is known.
            yield from records(
                texts, self._context, lambda text: (uid := hash(text.uid)) in known and uid not in together
            )
        except UnsoundError as error:  # it was sound a moment ago
            sentence = "the calendar was written to while it was read."
            raise UnavailableError(
                self._context.source, sentence, "Nothing was changed. The next run reads it again."
            ) from error
        except TooLongError as error:
            raise MalformedError(
                self._context.source,
                "its repeating entries take too long to work out.",
                "Nothing was changed. Export a shorter period, or narrow the source's window.",
            ) from error

    def _sighting(self, text: EntryText, record: CalendarEvent) -> ClassifiedEntry:
        from connectors.ics.records import look_at

        own = frozenset[str]().union(*(owner.addresses for owner in self._context.owners))
        return self._context.classifier.explain(look_at(text, own), record)

    def _files(
        self, known: IcsCursor, wanted: frozenset[str], open_: ExitStack
    ) -> tuple[list[_File], IcsCursor] | None:
        """The calendar's files with the server's names for their state; ``None`` if the server knows of no change."""
        if self._options.url is None:
            shown, source = self._options.path or "", self._context.source
            paths = _calendar_paths(self._context.folder / shown, shown, source)
            contents = [(path.stem, _opened(path, shown, source, open_)) for path in paths]
            return self._outlined(contents, wanted), known
        holds = known.holds_for(self._context.window)
        by_date = {"If-Modified-Since": known.modified} if holds and known.modified and not known.etag else {}
        question = HttpRequest("GET", self._address(self._options.url), by_date)
        if holds and known.etag:
            question = replace(question, is_unchanged=lambda headers: self._etag(headers) == known.etag)
        answer = HttpClient(self._context.source).send(question)
        if answer.status == 304 and (by_date or question.is_unchanged):
            return None
        if answer.status == 304:
            found = (
                "the server says that the calendar has not changed, though it was asked for as if for the first time."
            )
            raise MalformedError(self._context.source, found, "Nothing was changed. The next run tries again.")
        etag, modified = self._etag(answer.headers), _date(answer.headers.get("last-modified", ""))
        reached = IcsCursor(known.settings, etag=etag, modified=modified)
        return self._outlined([("", Content(answer.body))], wanted), reached

    def _outlined(self, contents: Sequence[tuple[str, Content]], wanted: frozenset[str]) -> list[_File]:
        """Read each file through once: whether it is sound, and what its entries need to be understood one by one."""
        files = []
        for number, (name, content) in enumerate(contents, 1):
            place = f"file {number}, " if len(contents) > 1 else ""
            try:
                files.append(_File(name, place, content, outline_of(content, wanted)))
            except UnsoundError as error:
                raise MalformedError(
                    self._context.source,
                    f"the calendar{f' in file {number}' if place else ''} cannot be used: {error}.",
                    "Nothing was changed. Export it again, or check the address.",
                ) from error
        return files

    def _etag(self, headers: Mapping[str, str]) -> str:
        etag = headers.get("etag", "")
        return self._context.pseudonyms.entry(etag, "etag") if etag else ""

    def _address(self, url: str) -> str:
        if not re.match(r"(https?|webcals?)://", url):
            url = self._context.read_secret(url).strip()
        return re.sub(r"^webcals?://", "https://", url)


def _date(text: str) -> str:
    """A date as servers write it; nothing of what is none."""
    try:
        return format_datetime(parsedate_to_datetime(text), usegmt=True)
    except (ValueError, TypeError):
        return ""


def _uids(files: Sequence[_File]) -> tuple[set[int], set[int]]:
    """Return hashes of all UIDs, and of those that several entries of all files, or a series, have."""
    if len(files) == 1:
        return files[0].outline.uids, files[0].outline.together
    known, together = set[int](), set[int]()
    for file in files:
        together |= file.outline.together | (known & file.outline.uids)
        known |= file.outline.uids
    return known, together


class _CommonReach:
    """From when on every calendar of a folder tells its single entries, where a clinician has several calendars.

    One file may be an export of everything and another a feed of the last month, and which of them a stored entry came
    from is not kept. A file without single entries has none that it could have forgotten. Files of one entry each, as
    programs that synchronise calendars write them, are one calendar together.
    """

    def __init__(self) -> None:
        self._only: dict[str, str | None] = {}
        self._earliest: dict[tuple[str, str], datetime] = {}

    def add(self, text: EntryText, record: CalendarEvent) -> None:
        """Note one record and the entry that it came from."""
        file = _file_of(text)
        if self._only.setdefault(file, text.uid) != text.uid:
            self._only[file] = None
        if record.series is None:
            key = record.clinician, file
            self._earliest[key] = min(self._earliest.get(key, record.end), record.end)

    def instant(self) -> datetime | None:
        """Return that instant; ``None`` where nobody has several calendars."""
        earliest: dict[tuple[str, str], datetime] = {}
        for (clinician, file), end in self._earliest.items():
            key = clinician, file if self._only[file] is None else ""
            earliest[key] = min(earliest.get(key, end), end)
        clinicians = [clinician for clinician, _ in earliest]
        return max(earliest.values()) if len(clinicians) > len(set(clinicians)) else None


def _file_of(text: EntryText) -> str:
    """Return "file 2" of the place "file 2, event 17"."""
    return text.place.partition(", ")[0]


def looked_at(context: Context, *, titles: bool = False) -> frozenset[str]:
    """The properties beyond times and status that the practice's rules look at."""
    if context.times_suffice:
        return frozenset()
    rules = context.classifier.rules
    asked = {
        "SUMMARY": titles or context.classifier.client_title or any(rule.title for rule in rules),
        "CATEGORIES": any(rule.category for rule in rules),
        "COLOR": any(rule.colour for rule in rules),
    }
    return PEOPLE | {name for name in LOOKS if asked[name]}


def _calendar_paths(path: Path, shown: str, source: str) -> list[Path]:
    try:
        paths = regular_files(path.glob("*.ics")) if path.is_dir() else [path]
    except NotAFileError as error:
        raise error.to_connector_error(source, shown) from error
    if not paths or not paths[0].exists():
        raise UnavailableError(source, f"there is no calendar file at {path}.", "Check the source's path.")
    return paths


def _opened(path: Path, shown: str, source: str, open_: ExitStack) -> Content:
    try:
        content = open_.enter_context(open_content(path))
    except NotAFileError as error:
        raise error.to_connector_error(source, shown) from error
    except OSError as error:
        raise UnavailableError(source, f"{path} cannot be read.", "Check its permissions.") from error
    if content.size > MAX_RESPONSE_BYTES:
        raise MalformedError(
            source,
            f"{path} is larger than {MAX_RESPONSE_BYTES // 1024**2} MB.",
            "Export a shorter period of the calendar.",
        )
    return content


def _problems(options: IcsOptions) -> list[str]:
    if (options.path is None) == (options.url is None):
        return ["path: give either path or url"]
    if (options.url or "").startswith("http:") and is_unencrypted(options.url or ""):
        return ["url: the connection would not be encrypted; the address has to begin with https"]
    return []


def _is_remote(options: IcsOptions) -> bool:
    return options.url is not None


def preview(options: IcsOptions, context: Context) -> Iterator[ClassifiedEntry]:
    """What the rules make of each instance in the window, for ``evenhours classify --try``; stores nothing."""
    return IcsConnector(options, context).sightings()


def _make(options: IcsOptions, context: Context) -> IcsConnector:
    return IcsConnector(options, context)


SOURCE_KIND = SourceKind(
    name="ics",
    options=IcsOptions,
    make=_make,
    title="Calendar file, folder of files, or address (iCalendar)",
    kept_fields=(
        "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
        "TRANSP", "LAST-MODIFIED", "VTIMEZONE", "X-WR-TIMEZONE", "ATTENDEE and ORGANIZER (address, PARTSTAT)",
        "SUMMARY, CATEGORIES, COLOR (where a rule looks at them)",
    ),
    other_fields="left out while parsing",
    check=_problems,
    remote=_is_remote,
    preview=preview,
)  # fmt: skip
