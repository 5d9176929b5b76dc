"""Exports of practice systems, call logs and message logs as CSV: the configuration gives columns their roles.

Only columns with a role are read. An export of visits is a snapshot, so that missing visits are removed, unless
``accumulate`` says that each file contains new rows only. Call logs and message logs only grow.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from connectors.base import Batch, Context, RecordType, RejectedRecord, SourceKind
from connectors.content import Content, open_content
from connectors.csv_export.columns import DIRECTION_WORDS, STATUS_WORDS, CellError, map_columns, possible_names
from connectors.csv_export.options import CsvColumns, CsvFormat, CsvOptions, check
from connectors.csv_export.presets import presets
from connectors.csv_export.records import ParsedRow, RowParser, RowType, is_total, row_type_of
from connectors.csv_export.table import MAX_FILE_BYTES, TableError, clean_cell, read_table
from connectors.cursor import Cursor, fingerprint
from connectors.errors import MalformedError, UnavailableError
from connectors.files import NotAFileError, regular_files
from connectors.records import Grade, Record

__all__ = ["SOURCE_KIND", "CsvColumns", "CsvConnector", "CsvFormat", "CsvOptions", "check", "make"]

PAGE_ROWS = 5_000
_TOTALS = "totals row"
_DIFFERS = "a later row about the same entry differs; the later one counts"


@dataclass(slots=True)
class _RowCollector:
    """Collects one page of rows, one for each key, and their rejected records; counts over all pages.

    ``key_hashes`` are hashes of the keys on every page, in eight bytes each, so that a million fit into little memory.
    """

    parsed: dict[str | int, ParsedRow] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)
    rows: int = 0
    unusable: int = 0
    of_other_clinicians: int = 0
    first_unusable: RejectedRecord | None = None
    key_hashes: array[int] = field(default_factory=lambda: array("q"))

    def add(self, row: ParsedRow, place: str) -> None:
        self.rejected += [RejectedRecord(place, reason) for reason in row.rejected]
        if self.parsed.setdefault(row.key, row) != row:
            self.rejected.append(RejectedRecord(place, _DIFFERS))
            self.parsed[row.key] = row

    def reject(self, row: RejectedRecord) -> None:
        self.rejected.append(row)
        if row.reason != _TOTALS:  # that is no problem of the file
            self.unusable += 1
            self.first_unusable = self.first_unusable or row

    def flush(self) -> tuple[tuple[Record, ...], tuple[RejectedRecord, ...]]:
        """Return the contents of the page and empty it."""
        self.key_hashes.extend(map(hash, self.parsed))
        records = tuple(record for row in self.parsed.values() for record in row.records)
        rejected = tuple(self.rejected)
        self.parsed, self.rejected = {}, []
        return records, rejected

    def count_keys(self) -> tuple[int, frozenset[int]]:
        """Return the number of keys, and the hashes of those that are on several pages."""
        if self.rows <= PAGE_ROWS:
            return len(self.key_hashes), frozenset()
        import numpy as np

        hashes, counts = np.unique(np.frombuffer(self.key_hashes, np.int64), return_counts=True)
        return len(hashes), frozenset(hashes[counts > 1].tolist())


@dataclass(frozen=True, slots=True)
class CsvConnector:
    """Reads one file, or a folder of files of one format, as a whole; an unchanged one costs only its checksum."""

    options: CsvOptions
    context: Context
    parser: RowParser

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield a snapshot of the window for visits, all rows for logs, or an empty page if nothing changed."""
        with _open_contents(self.options, self.context) as contents:
            context = self.context
            # By day, since the window moves on every night and a visit may come into it.
            days = (context.window.start.date(), context.window.end.date())
            checksums = [hashlib.file_digest(content.stream(), "sha256").hexdigest() for content in contents]
            settings = fingerprint(
                context.pseudonyms, self.options, context.owners, days, context.classifier, checksums
            )
            previous = Cursor.parse(cursor, settings)
            if previous.is_new:
                yield from self._pages(contents, cursor, previous)
            else:
                yield Batch(cursor)

    def _pages(self, contents: Sequence[Content], cursor: str | None, current: Cursor) -> Iterator[Batch]:
        collector, accumulate = _RowCollector(), self.options.accumulate
        is_snapshot = self.parser.row_type is RowType.VISIT and not accumulate
        page = Batch(cursor, replaces=self.context.window if is_snapshot else None, restarts=not accumulate)
        for place, row in self._rows(contents):
            if collector.rows and not collector.rows % PAGE_ROWS:
                records, rejected = collector.flush()
                yield replace(page, records=records, rejected=rejected, has_more=True, done=collector.rows)
            collector.rows += 1
            if isinstance(row, ParsedRow):
                collector.add(row, place)
            elif row is None:
                collector.of_other_clinicians += 1
            else:
                collector.reject(row)
        records, rejected = collector.flush()
        # Without a single usable row the file or the mapping is wrong, and a snapshot would remove everything.
        if collector.first_unusable and not collector.key_hashes:
            first = collector.first_unusable
            found = f"none of its {collector.unusable} rows could be used; {first.where}: {first.reason}."
            raise _malformed_error(self.options, self.context, found)
        count, on_several_pages = collector.count_keys()
        rejected = (*rejected, *self._contradictions(contents, on_several_pages))
        if collector.of_other_clinicians:
            skipped = RejectedRecord(
                f"{collector.of_other_clinicians} rows", "the clinician is not an owner of this source"
            )
            rejected = (*rejected, skipped)
        if any(content.has_changed for content in contents):
            found = "the file was changed while it was being read."
            raise UnavailableError(self.context.source, found, "Nothing was changed. The next run reads it again.")
        yield replace(
            page, cursor=current.dump(), records=records, rejected=rejected, done=collector.rows,
            total=collector.rows, source_size=None if is_snapshot or accumulate else count,
        )  # fmt: skip

    def _contradictions(
        self, contents: Sequence[Content], on_several_pages: frozenset[int]
    ) -> Iterator[RejectedRecord]:
        """Yield a rejected record for each row that differs from the last one of its key on an earlier page."""
        # The rows are read again, because all of them would not fit into memory.
        last: dict[str | int, tuple[ParsedRow, int]] = {}
        for number, (place, row) in enumerate(self._rows(contents) if on_several_pages else ()):
            if isinstance(row, ParsedRow) and hash(row.key) in on_several_pages:
                page = number // PAGE_ROWS
                earlier, earlier_page = last.get(row.key, (row, page))
                if earlier != row and earlier_page < page:
                    yield RejectedRecord(place, _DIFFERS)
                last[row.key] = row, page

    def _rows(self, contents: Sequence[Content]) -> Iterator[tuple[str, ParsedRow | RejectedRecord | None]]:
        """Yield the result of each row with its place; ``None`` for a row of another clinician."""
        roles = self.options.columns.configured()
        for number, content in enumerate(contents, 1):
            prefix = f"file {number} line" if len(contents) > 1 else "line"
            try:
                table = read_table(content, possible_names(roles), self.options.format.delimiter_character)
                columns = map_columns(table.header, roles)
                for row in table.rows():
                    place = f"{prefix} {row.line}"
                    try:
                        result: ParsedRow | RejectedRecord | None = self.parser.parse(row, columns)
                    except CellError as error:
                        result = RejectedRecord(place, _TOTALS if is_total(row) else str(error))
                    yield place, result
            except TableError as error:
                raise _malformed_error(self.options, self.context, str(error)) from error


@contextmanager
def _open_contents(options: CsvOptions, context: Context) -> Iterator[Sequence[Content]]:
    """Open the files' contents for the length of a ``with``."""
    path = context.folder / options.path
    with ExitStack() as open_files:
        try:
            files = [path] if path.exists() else []
            if path.is_dir():
                files = regular_files(file for file in path.iterdir() if file.suffix.lower() in {".csv", ".txt"})
            if any(file.stat().st_size > MAX_FILE_BYTES for file in files):
                raise _malformed_error(options, context, f"it is larger than {MAX_FILE_BYTES // 2**20} MB.")
            contents = [open_files.enter_context(open_content(file)) for file in files]
        except NotAFileError as error:
            raise error.to_connector_error(context.source, options.path) from error
        except (OSError, ValueError) as error:
            found = f"{path} cannot be read."
            raise UnavailableError(context.source, found, "Check its path and permissions.") from error
        if not contents:
            raise UnavailableError(context.source, f"there is no CSV file at {path}.", "Check its path.")
        yield contents


def _malformed_error(options: CsvOptions, context: Context, found: str) -> MalformedError:
    remedy = f"To see what its columns may mean, run: evenhours inspect {options.path}"
    return MalformedError(context.source, found, remedy)


@dataclass(frozen=True, slots=True)
class PresetConnector:
    """Reads the export of a known practice system; the file decides which of the preset's columns it has."""

    options: CsvOptions
    context: Context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """Yield as :meth:`CsvConnector.fetch` does, with the preset's mapping for this file."""
        options, preset = self.options, presets()[self.options.preset or ""]
        expected = frozenset(
            clean_cell(part) for names in preset.columns.values() for name in names for part in name.split("+")
        )
        with _open_contents(options, self.context) as contents:
            try:
                # The files of a folder have the same columns.
                table = read_table(contents[0], expected, options.format.delimiter_character)
                roles = preset.roles(table.header, options.columns.configured())
                instant = options.format.instant or preset.instant(table, roles)
            except TableError as error:
                raise _malformed_error(options, self.context, str(error)) from error
        words: dict[str, Any] = {name: getattr(options.format, name) or listed for name, listed in preset.words.items()}
        csv_format = replace(options.format, instant=instant, **words)
        mapped = replace(options, preset=None, columns=CsvColumns(**roles), format=csv_format)
        yield from make(mapped, self.context).fetch(cursor)


def make(options: CsvOptions, context: Context) -> CsvConnector | PresetConnector:
    """Return the connector of one source. Raises :class:`MalformedError` for a mapping that is not valid."""
    problems = check(options)
    if options.preset and not problems:
        return PresetConnector(options, context)
    if len(context.owners) != 1 and options.columns.clinician is None:
        problems.append("columns.clinician: needed, since the source has several clinicians")
    row_type = row_type_of(options.columns.configured())
    if context.times_suffice and row_type is not RowType.VISIT:
        problems.append("busy_only: needs booked_start with booked_end or booked_minutes")
    if problems or row_type is None:
        raise MalformedError(context.source, "; ".join(problems) + ".", f"Run: evenhours inspect {options.path}")
    default_grade = Grade.EHR if row_type is RowType.VISIT else Grade.CALL
    parser = RowParser(
        row_type=row_type,
        context=context,
        pattern=options.format.instant,
        zone=options.format.zone,
        grade=options.evidence or default_grade,
        channel=options.channel,
        statuses=options.format.lists_by_word(STATUS_WORDS),
        directions=options.format.lists_by_word(DIRECTION_WORDS),
    )
    return CsvConnector(options, context, parser)


def _record_types(options: CsvOptions) -> frozenset[RecordType]:
    row_type = RowType.VISIT if options.preset else row_type_of(options.columns.configured())
    return frozenset({_RECORD_TYPES[row_type]}) if row_type else frozenset()


_RECORD_TYPES = {
    RowType.VISIT: RecordType.CALENDAR,
    RowType.CALL: RecordType.TIMES,
    RowType.MESSAGE: RecordType.MESSAGES,
}

SOURCE_KIND = SourceKind(
    name="csv",
    options=CsvOptions,
    make=make,
    title="Export of a practice system, call log or message log (CSV)",
    kept_fields=tuple(role.name for role in fields(CsvColumns)),
    other_fields="dropped while parsing: columns without a role are ignored",
    record_types=_record_types,
    check=check,
)
