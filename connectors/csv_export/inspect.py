"""A proposed mapping for an unknown export, from its header and the format of its cells.

Of the cells nothing is repeated, in a proposal or in an error, except status words: those that every practice uses, and
others that occur at least twice in the status column. Column names are structure and are shown; a file whose first row
is data is refused, so that a client's name is not taken for a column's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.content import open_content
from connectors.csv_export.columns import (
    DIRECTION_WORDS,
    EMPTY_VALUES,
    STATUS_WORDS,
    ColumnMapping,
    lists_by_word,
    map_columns,
)
from connectors.csv_export.patterns import cell_kind, has_offset, matching_patterns, may_be_header
from connectors.csv_export.presets import Preset, recognise
from connectors.csv_export.records import RowType, is_total, row_type_of
from connectors.csv_export.roles import ColumnProfile, guess_roles
from connectors.csv_export.table import MAX_FILE_BYTES, CsvRow, CsvTable, TableError, clean_cell, read_table
from connectors.errors import MalformedError, UnavailableError

_TIME_ROLES = ("booked_start", "booked_end", "actual_start", "actual_end", "sent_at")
_SOURCE_NAMES = {RowType.VISIT: "visits", RowType.CALL: "calls", RowType.MESSAGE: "messages", None: "export"}
_LOGS = {RowType.CALL: "Call logs", RowType.MESSAGE: "Message logs"}
_LONGEST_WORD = 40
_MOST_WORDS = 20
_NO_ROWS = "The file has column names but no rows. Export some days of work and inspect that file instead."


@dataclass(frozen=True, slots=True)
class MappingProposal:
    """A mapping, as far as the file shows it.

    ``patterns`` are strptime's, ``None`` for ISO 8601: two if no row shows which is the day, none if the format of the
    times is unknown. ``words`` are status words by list, ``unlisted`` those in no list. ``have_offsets`` says whether
    every time has an offset.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    roles: Mapping[str, str]
    patterns: tuple[str | None, ...]
    words: Mapping[str, tuple[str, ...]]
    unlisted: tuple[str, ...]
    notes: tuple[str, ...]
    have_offsets: bool = False
    preset: Preset | None = None

    def toml(self) -> str:
        """Return a ``[[source]]`` block for the user to check; open questions are comments or invalid values."""
        return "\n".join([*self._source(), *self._columns(), *self._format()]) + "\n"

    def _source(self) -> Iterator[str]:
        delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(self.delimiter, self.delimiter)
        summary = f"{len(self.columns)} columns between {delimiter}" if len(self.columns) > 1 else "one column"
        yield f"# {summary}, {self.encoding}"
        yield from (f"# {note}" for note in self.notes)
        if self.preset:
            yield f"# It looks like the export of {self.preset.label}."
            replaced = "[source.columns]" if len(self.patterns) > 1 else "[source.columns] and [source.format]"
            yield f'# preset = "{self.preset.name}" can take the place of {replaced}.'
        yield "[[source]]"
        yield f'name = "{_SOURCE_NAMES[row_type_of(self.roles)]}"'
        yield 'kind = "csv"'
        has_clinician = "clinician" in self.roles
        yield (
            'clinician = "*"' if has_clinician else 'clinician = "KEY"  # the key of the clinician whose rows these are'
        )
        yield f"path = {_toml_string(str(self.path.absolute()))}"

    def _columns(self) -> Iterator[str]:
        yield from ("", "[source.columns]")
        yield from (f"{role} = {_toml_string(column)}" for role, column in self.roles.items())
        used = {clean_cell(part) for column in self.roles.values() for part in (column, *column.split("+"))}
        unused = [_toml_string(name) for name in self.columns if name and name not in used]
        if unused:
            yield f"# not read: {', '.join(unused)}"

    def _format(self) -> Iterator[str]:
        yield from ("", "[source.format]")
        is_decided = len(self.patterns) == 1
        for pattern in self.patterns:
            yield (
                f"{'' if is_decided else '# '}instant = {_toml_string(pattern)}" if pattern else "# times are ISO 8601"
            )
        yield from self._zone()
        for name, words in self.words.items():
            yield f"{name} = [{', '.join(map(_toml_string, words))}]"
        if self.unlisted:
            unlisted = ", ".join(map(_toml_string, self.unlisted))
            yield f"# put into held, cancelled, late_cancelled or no_show: {unlisted}"

    def _zone(self) -> Iterator[str]:
        # A program that logs calls or messages mostly writes UTC. Read in London's zone such a file looks right in
        # winter and is an hour off all summer, so it is not read until the user has chosen.
        if self.have_offsets:
            return
        if row_type_of(self.roles) in _LOGS:
            yield 'zone = "?"  # "UTC", or the zone of the times, such as "Europe/Paris"'
        else:
            yield '# zone = "Europe/Paris"  # the zone of times without an offset (default: the clinician\'s)'


def propose(path: Path) -> MappingProposal:
    """Read a file and propose its mapping. Raises :class:`ConnectorError` if it is not a table with a header."""
    try:
        with open_content(path) as content:
            if content.size > MAX_FILE_BYTES:
                raise TableError(f"the file is larger than {MAX_FILE_BYTES // 2**20} MB.")
            table = read_table(content)
            return _proposal(path, table, [row for row in table.rows() if not is_total(row)])
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise MalformedError(path.name, str(error), "Save it as CSV with one row of column names.") from error
        raise UnavailableError(path.name, "the file cannot be read.", "Check its path and permissions.") from error


def _proposal(path: Path, table: CsvTable, rows: list[CsvRow]) -> MappingProposal:
    complete = [row for row in rows if len(row.cells) >= len(table.header)]
    if not all(map(may_be_header, filter(None, table.header))):
        raise TableError("its first row does not contain column names.")
    unique = [name for name in table.header if name and table.header.count(name) == 1]
    roles = guess_roles([_column(name, complete, table.header.index(name)) for name in unique])
    columns = map_columns(table.header, roles)
    patterns = _patterns(columns, complete)
    words, unlisted = _status_words(_texts(columns, complete, "status"))
    have_offsets = _have_offsets(columns, complete)
    notes = (
        *(_mapping_notes(roles, patterns, unlisted) if rows else [_NO_ROWS]),
        *_direction_notes(_texts(columns, complete, "direction")),
        *_zone_notes(roles, have_offsets=have_offsets),
        *_number_notes(roles),
    )
    return MappingProposal(
        path, table.header, table.delimiter, table.encoding, roles, patterns, words, unlisted, notes, have_offsets,
        recognise(table.header),
    )  # fmt: skip


def _column(name: str, rows: list[CsvRow], place: int) -> ColumnProfile:
    values = [text for row in rows if (text := clean_cell(row.cells[place])).lower() not in EMPTY_VALUES]
    return ColumnProfile(name, cell_kind(values), distinct=len(set(values)) == len(rows))


def _texts(columns: ColumnMapping, rows: Iterable[CsvRow], role: str) -> Counter[str]:
    return Counter(text for row in rows if (text := columns.text(row, role)))


def _patterns(columns: ColumnMapping, rows: list[CsvRow]) -> tuple[str | None, ...]:
    # One pattern serves all times of a source; if no single one does, the first column decides.
    texts = _time_texts(columns, rows)
    return matching_patterns(set().union(*texts)) or matching_patterns(texts[0] if texts else ())


def _time_texts(columns: ColumnMapping, rows: list[CsvRow]) -> list[set[str]]:
    return [set(_texts(columns, rows, role)) for role in _TIME_ROLES if role in columns.places]


def _have_offsets(columns: ColumnMapping, rows: list[CsvRow]) -> bool:
    texts = set().union(*_time_texts(columns, rows))
    return bool(texts) and all(map(has_offset, texts))


def _status_words(counted: Counter[str]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return status words by list, and those in no list; of these only short ones that occur more than once."""
    default_lists = lists_by_word({}, STATUS_WORDS)
    by_list: dict[str, tuple[str, ...]] = {}
    unlisted: list[str] = []
    for word, count in sorted(counted.items()):
        list_name = default_lists.get(word.lower()) or ("cancelled" if count > 1 and "cancel" in word.lower() else None)
        if list_name and len(word) <= _LONGEST_WORD:
            by_list[list_name] = (*by_list.get(list_name, ()), word)
        elif count > 1 and len(word) <= _LONGEST_WORD:
            unlisted.append(word)
    if len(unlisted) > _MOST_WORDS:  # not words then, but notes that happen to recur
        unlisted = []
    return {list_name: by_list[list_name] for list_name in STATUS_WORDS if list_name in by_list}, tuple(unlisted)


def _mapping_notes(
    roles: Mapping[str, str], patterns: tuple[str | None, ...], unlisted: tuple[str, ...]
) -> Iterator[str]:
    if row_type_of(roles) is None:
        yield "No columns of visits, calls or messages were recognised: fill in [source.columns]."
    if len(patterns) > 1:
        yield "No row shows which is the day and which the month: remove the # from the right instant."
    if row_type_of(roles) and not patterns:
        yield "The format of the times is unknown: fill in instant."
    if unlisted:
        yield "Some status words are in no list yet: see the last line."


def _direction_notes(counted: Counter[str]) -> Iterator[str]:
    if any(text.lower() not in lists_by_word({}, DIRECTION_WORDS) for text in counted):
        yield "Some direction words are unknown: list them as incoming = [] and outgoing = []."


def _zone_notes(roles: Mapping[str, str], *, have_offsets: bool) -> Iterator[str]:
    row_type = row_type_of(roles)
    if have_offsets or row_type is None:
        return
    if logs := _LOGS.get(row_type):
        yield f'The times have no zone. {logs} are often in UTC: then write zone = "UTC" below.'
        yield "If they are in the practice's zone, write that. Until you have chosen, the file is not read."
    else:
        yield "The times have no zone and are read in the clinician's. If they are in another, write it below."


def _number_notes(roles: Mapping[str, str]) -> Iterator[str]:
    if row_type_of(roles) is RowType.CALL and "id" in roles:
        yield "The number of each call is different here. If it is a room's, which will repeat, remove the id line."


def _toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string without control characters is a TOML string
