"""Exports of practice systems, call logs and message logs as CSV: the practice says which column has which role.

Only the columns that have a role are read. An export of visits is a snapshot: what is missing from it is gone,
unless ``accumulate`` says that each file brings only what is new. Call logs and message logs are added to.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from connectors.base import Batch, Context, RecordType, RejectedRecord, SourceKind
from connectors.content import Content, open_content
from connectors.csv_export.columns import DIRECTIONS, WORDS, CellError, alternatives, columns_in
from connectors.csv_export.options import CsvColumns, CsvFormat, CsvOptions, check
from connectors.csv_export.presets import presets
from connectors.csv_export.records import Entry, RowReader, Shape, is_total, shape_of
from connectors.csv_export.table import LARGEST_FILE, TableError, clean, table_from
from connectors.cursor import Cursor, fingerprint
from connectors.errors import MalformedError, UnavailableError
from connectors.files import NotAFileError, regular_files
from connectors.records import Grade, Record

__all__ = ["SOURCE_KIND", "CsvColumns", "CsvConnector", "CsvFormat", "CsvOptions", "check", "make"]

PAGE_ROWS = 5_000
_DIFFERS = "a later row about the same entry differs; the later one counts"


@dataclass(frozen=True, slots=True)
class _Refused:
    """A row that cannot be used, and why; one that sums up the others is none."""

    reason: str
    is_total: bool


@dataclass(slots=True)
class _Intake:
    """What the rows of one page gave: one entry a key, and rejected rows; and of all pages some numbers.

    ``names`` are hashes of the keys on every page, in eight bytes each: a million has to fit into a small machine.
    """

    entries: dict[str | int, Entry] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)
    rows: int = 0
    refused: int = 0
    strangers: int = 0
    refusal: RejectedRecord | None = None
    names: array[int] = field(default_factory=lambda: array("q"))

    def take(self, entry: Entry, where: str) -> None:
        self.rejected += [RejectedRecord(where, doubt) for doubt in entry.doubts]
        if self.entries.setdefault(entry.key, entry) != entry:
            self.rejected.append(RejectedRecord(where, _DIFFERS))
            self.entries[entry.key] = entry

    def refuse(self, where: str, reason: str, *, total: bool) -> None:
        self.rejected.append(RejectedRecord(where, "totals row" if total else reason))
        if not total:
            self.refused += 1
            self.refusal = self.refusal or self.rejected[-1]

    def turn(self) -> tuple[tuple[Record, ...], tuple[RejectedRecord, ...]]:
        """Hand over what is on the page and begin a new one."""
        self.names.extend(map(hash, self.entries))
        page = tuple(record for entry in self.entries.values() for record in entry.records), tuple(self.rejected)
        self.entries, self.rejected = {}, []
        return page

    def counted(self) -> tuple[int, frozenset[int]]:
        """Return how many keys there are, and the hashes of those that stand on several pages."""
        if self.rows <= PAGE_ROWS:
            return len(self.names), frozenset()
        import numpy as np

        names, counts = np.unique(np.frombuffer(self.names, np.int64), return_counts=True)
        return len(names), frozenset(names[counts > 1].tolist())


@dataclass(frozen=True, slots=True)
class CsvConnector:
    """Reads one file, or a folder of files of one make, whole; an unchanged one costs its checksum."""

    options: CsvOptions
    context: Context
    reader: RowReader

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """One answer: a snapshot of the window for visits, all rows for logs; an empty page if nothing changed."""
        with _contents_of(self.options, self.context) as contents:
            known = Cursor.parse(cursor, self._fingerprint(contents))
            if not known.is_new:
                yield Batch(cursor)
                return
            yield from self._pages(contents, cursor, known)

    def _pages(self, contents: Sequence[Content], cursor: str | None, reached: Cursor) -> Iterator[Batch]:
        intake, accumulate = _Intake(), self.options.accumulate
        snapshot = self.reader.shape is Shape.VISIT and not accumulate
        blank = Batch(cursor, replaces=self.context.window if snapshot else None, restarts=not accumulate)
        for where, found in self._rows(contents):
            if intake.rows and not intake.rows % PAGE_ROWS:
                records, rejected = intake.turn()
                yield replace(blank, records=records, rejected=rejected, has_more=True, done=intake.rows)
            intake.rows += 1
            if isinstance(found, Entry):
                intake.take(found, where)
            elif found is None:
                intake.strangers += 1
            else:
                intake.refuse(where, found.reason, total=found.is_total)
        records, rejected = intake.turn()
        if intake.refusal and not intake.names:
            first = intake.refusal
            sentence = f"none of its {intake.refused} rows could be used; {first.where}: {first.reason}."
            raise _malformed(self.options, self.context, sentence)
        count, twice = intake.counted()
        rejected = (*rejected, *self._contradictions(contents, twice))
        if intake.strangers:
            rejected = (*rejected, RejectedRecord(f"{intake.strangers} rows", "the clinician is nobody of this source"))
        if any(content.has_changed for content in contents):
            sentence = "it was written to while it was read."
            raise UnavailableError(self.context.source, sentence, "Nothing was changed. The next run reads it again.")
        yield replace(
            blank, cursor=reached.dump(), records=records, rejected=rejected, done=intake.rows, total=intake.rows,
            source_size=None if snapshot or accumulate else count,
        )  # fmt: skip

    def _contradictions(self, contents: Sequence[Content], twice: frozenset[int]) -> Iterator[RejectedRecord]:
        """Yield a fault for each row that differs from the last one of its key, if that stands on an earlier page."""
        last: dict[str | int, tuple[Entry, int]] = {}
        for number, (where, found) in enumerate(self._rows(contents) if twice else ()):
            if isinstance(found, Entry) and hash(found.key) in twice:
                page = number // PAGE_ROWS
                before, its_page = last.get(found.key, (found, page))
                if before != found and its_page < page:
                    yield RejectedRecord(where, _DIFFERS)
                last[found.key] = found, page

    def _rows(self, contents: Sequence[Content]) -> Iterator[tuple[str, Entry | _Refused | None]]:
        """Yield what each row gives and where it stands; ``None`` is nobody's."""
        for number, content in enumerate(contents, 1):
            place = f"file {number} line" if len(contents) > 1 else "line"
            try:
                yield from self._rows_of(content, place)
            except TableError as error:
                raise _malformed(self.options, self.context, str(error)) from error

    def _rows_of(self, content: Content, place: str) -> Iterator[tuple[str, Entry | _Refused | None]]:
        named = self.options.columns.given()
        table = table_from(content, alternatives(named), self.options.format.sign)
        columns = columns_in(table.header, named)
        for row in table.rows():
            try:
                entry = self.reader.entry(row, columns)
            except CellError as error:
                yield f"{place} {row.line}", _Refused(str(error), is_total(row))
            else:
                yield f"{place} {row.line}", entry

    def _fingerprint(self, contents: Sequence[Content]) -> str:
        """A checksum of the bytes and of all that decides what is made of them."""
        context = self.context
        days = (context.window.start.date(), context.window.end.date())  # the window moves on every night
        sums = [_checksum(content) for content in contents]
        return fingerprint(context.pseudonyms, self.options, context.owners, days, context.classifier, sums)


def _checksum(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _contents_of(options: CsvOptions, context: Context) -> Iterator[Sequence[Content]]:
    """What the files hold, for the length of a ``with``."""
    path = context.folder / options.path
    with ExitStack() as open_:
        try:
            files = _files_at(path)
            if any(file.stat().st_size > LARGEST_FILE for file in files):
                raise _malformed(options, context, f"it is larger than {LARGEST_FILE // 2**20} MB.")
            contents = [open_.enter_context(open_content(file)) for file in files]
        except NotAFileError as error:
            raise error.to_connector_error(context.source, options.path) from error
        except (OSError, ValueError) as error:
            found = f"{path} cannot be read."
            raise UnavailableError(context.source, found, "Check its path and rights.") from error
        if not contents:
            raise UnavailableError(context.source, f"there is no CSV file at {path}.", "Check its path.")
        yield contents


def _malformed(options: CsvOptions, context: Context, found: str) -> MalformedError:
    remedy = f"See what the columns may mean: evenhours inspect {options.path}"
    return MalformedError(context.source, found, remedy)


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        return regular_files(file for file in path.iterdir() if file.suffix.lower() in {".csv", ".txt"})
    return [path] if path.exists() else []


@dataclass(frozen=True, slots=True)
class PresetConnector:
    """Reads the export of a practice system that is known by name: the file decides which of its columns are which."""

    options: CsvOptions
    context: Context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """As :meth:`CsvConnector.fetch`, by the mapping that the preset makes of this file."""
        with _contents_of(self.options, self.context) as contents:
            mapped = self._mapped(contents[0])
        yield from make(mapped, self.context).fetch(cursor)

    def _mapped(self, content: Content) -> CsvOptions:
        """The options of the same source with the preset's columns, times and words."""
        preset = presets()[self.options.preset or ""]
        known = frozenset(
            clean(part) for names in preset.columns.values() for name in names for part in name.split("+")
        )
        try:
            table = table_from(content, known, self.options.format.sign)
            roles = preset.roles(table.header, self.options.columns.given())
            instant = self.options.format.instant or preset.instant(table, roles)
        except TableError as error:
            raise _malformed(self.options, self.context, str(error)) from error
        words: dict[str, Any] = {
            name: getattr(self.options.format, name) or listed for name, listed in preset.words.items()
        }
        written = replace(self.options.format, instant=instant, **words)
        return replace(self.options, preset=None, columns=CsvColumns(**roles), format=written)


def make(options: CsvOptions, context: Context) -> CsvConnector | PresetConnector:
    """The connector of one source. Raises :class:`MalformedError` for a mapping that cannot mean anything."""
    problems = check(options)
    if options.preset and not problems:
        return PresetConnector(options, context)
    if len(context.owners) != 1 and options.columns.clinician is None:
        problems.append("columns.clinician: needed, since the source has several clinicians")
    shape = shape_of(options.columns.given())
    if context.times_suffice and shape is not Shape.VISIT:
        problems.append("busy_only: needs booked_start with booked_end or booked_minutes")
    if problems or shape is None:
        raise MalformedError(context.source, "; ".join(problems) + ".", f"Run: evenhours inspect {options.path}")
    usual = Grade.EHR if shape is Shape.VISIT else Grade.CALL
    reader = RowReader(
        shape=shape,
        context=context,
        pattern=options.format.instant,
        zone=options.format.zone,
        grade=options.evidence or usual,
        channel=options.channel,
        statuses=options.format.words(WORDS),
        directions=options.format.words(DIRECTIONS),
    )
    return CsvConnector(options, context, reader)


def _brings(options: CsvOptions) -> frozenset[RecordType]:
    shape = Shape.VISIT if options.preset else shape_of(options.columns.given())
    return frozenset({_PART[shape]}) if shape else frozenset()


_PART = {Shape.VISIT: RecordType.CALENDAR, Shape.CALL: RecordType.TIMES, Shape.MESSAGE: RecordType.MESSAGES}

SOURCE_KIND = SourceKind(
    name="csv",
    options=CsvOptions,
    make=make,
    title="Export of a practice system, call log or message log (CSV)",
    kept_fields=tuple(role.name for role in fields(CsvColumns)),
    other_fields="dropped while parsing: columns without a role are ignored",
    record_types=_brings,
    check=check,
)
