"""Exports of practice systems, call logs and message logs as CSV: the practice says which column has which role.

Only the columns that have a role are read. An export of visits is a snapshot: what is missing from it is gone,
unless ``accumulate`` says that each file brings only what is new. Call logs and message logs are added to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from connectors.base import Batch, Context, Fault, RecordType, SourceKind
from connectors.csv_export.columns import DIRECTIONS, WORDS, CellError, alternatives, columns_in
from connectors.csv_export.options import CsvColumns, CsvFormat, CsvOptions, check
from connectors.csv_export.presets import presets
from connectors.csv_export.records import Entry, RowReader, Shape, is_total, shape_of
from connectors.csv_export.table import LARGEST_FILE, TableError, clean, table_from
from connectors.errors import MalformedError, UnavailableError
from connectors.files import NoFileError, files_among, opened
from connectors.fingerprint import spelled
from connectors.records import Grade

__all__ = ["SOURCE_KIND", "CsvColumns", "CsvConnector", "CsvFormat", "CsvOptions", "check", "make"]


@dataclass(slots=True)
class _Intake:
    """What the rows gave: one entry a key, faults with their place, and how many rows were nobody's."""

    entries: dict[str | int, Entry] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    refused: int = 0
    strangers: int = 0

    def take(self, entry: Entry, where: str) -> None:
        self.faults += [Fault(where, doubt) for doubt in entry.doubts]
        if self.entries.setdefault(entry.key, entry) != entry:
            self.faults.append(Fault(where, "a later row about the same entry differs; the later one counts"))
            self.entries[entry.key] = entry

    def refuse(self, where: str, reason: str, *, total: bool) -> None:
        self.faults.append(Fault(where, "totals row" if total else reason))
        self.refused += not total


@dataclass(frozen=True, slots=True)
class CsvConnector:
    """Reads one file, or a folder of files of one make, whole; an unchanged one costs its checksum."""

    options: CsvOptions
    context: Context
    reader: RowReader

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """One page: a snapshot of the window for visits, all rows for logs; an empty page if nothing changed."""
        contents = _contents_of(self.options, self.context)
        mark = self._mark(contents)
        if mark == cursor:
            yield Batch(cursor)
            return
        intake, accumulate = self._read(contents), self.options.accumulate
        snapshot = self.reader.shape is Shape.VISIT and not accumulate
        yield Batch(
            mark,
            tuple(record for entry in intake.entries.values() for record in entry.records),
            replaces=self.context.window if snapshot else None,
            holds=None if snapshot or accumulate else len(intake.entries),
            anew=not accumulate,
            faults=tuple(intake.faults),
            done=len(contents),
            total=len(contents),
        )

    def _read(self, contents: list[bytes]) -> _Intake:
        intake = _Intake()
        for number, content in enumerate(contents, 1):
            place = f"file {number} line" if len(contents) > 1 else "line"
            try:
                self._read_file(content, place, intake)
            except TableError as error:
                raise _malformed(self.options, self.context, str(error)) from error
        if intake.refused and not intake.entries:
            first = next(fault for fault in intake.faults if fault.reason != "totals row")
            raise _malformed(
                self.options,
                self.context,
                f"none of its {intake.refused} rows could be used; {first.where}: {first.reason}.",
            )
        if intake.strangers:
            intake.faults.append(Fault(f"{intake.strangers} rows", "the clinician is nobody of this source"))
        return intake

    def _read_file(self, content: bytes, place: str, intake: _Intake) -> None:
        named = self.options.columns.given()
        table = table_from(content, alternatives(named), self.options.format.sign)
        columns = columns_in(table.header, named)
        for row in table.rows():
            where = f"{place} {row.line}"
            try:
                entry = self.reader.entry(row, columns)
            except CellError as error:
                intake.refuse(where, str(error), total=is_total(row))
                continue
            if entry:
                intake.take(entry, where)
            else:
                intake.strangers += 1

    def _mark(self, contents: list[bytes]) -> str:
        """A checksum of the bytes and of all that decides what is made of them."""
        context = self.context
        days = (context.window.start.date(), context.window.end.date())  # the window moves on every night
        setup = (self.options, context.owners, days, context.classifier)
        sums = [hashlib.sha256(content).hexdigest() for content in contents]
        digest = hashlib.sha256(spelled((setup, sums)).encode("utf-8", "surrogatepass")).hexdigest()
        return context.names.entry(digest, "fingerprint")  # under another key every name is another


def _contents_of(options: CsvOptions, context: Context) -> list[bytes]:
    path = context.folder / options.path
    try:
        files = _files_at(path)
        if any(file.stat().st_size > LARGEST_FILE for file in files):
            raise _malformed(options, context, f"it is larger than {LARGEST_FILE // 2**20} MB.")
        contents = [_read(file) for file in files]
    except NoFileError as error:
        raise error.told(context.source, options.path) from error
    except (OSError, ValueError) as error:
        found = f"{path} cannot be read."
        raise UnavailableError(context.source, found, "Check its path and rights.") from error
    if not contents:
        raise UnavailableError(context.source, f"there is no CSV file at {path}.", "Check its path.")
    return contents


def _malformed(options: CsvOptions, context: Context, found: str) -> MalformedError:
    remedy = f"See what the columns may mean: evenhours inspect {options.path}"
    return MalformedError(context.source, found, remedy)


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        return files_among(file for file in path.iterdir() if file.suffix.lower() in {".csv", ".txt"})
    return [path] if path.exists() else []


def _read(path: Path) -> bytes:
    with opened(path) as file:
        return file.read()


@dataclass(frozen=True, slots=True)
class PresetConnector:
    """Reads the export of a practice system that is known by name: the file decides which of its columns are which."""

    options: CsvOptions
    context: Context

    def fetch(self, cursor: str | None) -> Iterator[Batch]:
        """As :meth:`CsvConnector.fetch`, by the mapping that the preset makes of this file."""
        content = _contents_of(self.options, self.context)[0]
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
        mapped = replace(self.options, preset=None, columns=CsvColumns(**roles), format=written)
        yield from make(mapped, self.context).fetch(cursor)


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
    keeps=tuple(role.name for role in fields(CsvColumns)),
    dropped="left out while parsing: a column without a role is never looked at",
    brings=_brings,
    check=check,
)
