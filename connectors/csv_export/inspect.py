"""What the columns of an unknown export may mean: a mapping proposed from its header and the look of its cells.

Nothing of the cells is repeated, in a proposal or in an error, but status words: those that every practice uses, and
others that stand at least twice in the status column. Names of columns are structure and are shown; a file whose
first row is itself data is refused, so that a client's name is not taken for a column's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.content import open_content
from connectors.csv_export.columns import DIRECTIONS, UNKNOWN, WORDS, Columns, columns_in, words_from
from connectors.csv_export.patterns import carries_offset, kind_of, may_be_name, patterns_of
from connectors.csv_export.presets import Preset, recognised
from connectors.csv_export.records import Shape, is_total, shape_of
from connectors.csv_export.roles import Column, roles_from
from connectors.csv_export.table import LARGEST_FILE, Row, Table, TableError, clean, table_from
from connectors.errors import MalformedError, UnavailableError

_TIMES = ("booked_start", "booked_end", "actual_start", "actual_end", "sent_at")
_NAMES = {Shape.VISIT: "visits", Shape.CALL: "calls", Shape.MESSAGE: "messages", None: "export"}
_LOGS = {Shape.CALL: "Call logs", Shape.MESSAGE: "Message logs"}
_LONGEST_WORD = 40
_MOST_WORDS = 20
_NO_ROW = "There is no row under the names of its columns. Export some days of work and look at that file instead."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping as far as the file shows it.

    ``patterns`` are strptime's, ``None`` for ISO 8601: two where no row tells day from month, none where times are
    written in no way known here. ``words`` are status words by list, ``unlisted`` those that belong to none yet.
    ``zoned`` is whether every time carries an offset of its own.
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
    zoned: bool = False
    preset: Preset | None = None

    def toml(self) -> str:
        """A ``[[source]]`` block to be looked over; what has to be decided is a comment, or a value that is refused."""
        return "\n".join([*self._source(), *self._columns(), *self._format()]) + "\n"

    def _source(self) -> Iterator[str]:
        delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(self.delimiter, self.delimiter)
        found = f"{len(self.columns)} columns between {delimiter}" if len(self.columns) > 1 else "one column"
        yield f"# {found}, {self.encoding}"
        yield from (f"# {note}" for note in self.notes)
        if self.preset:
            yield f"# It looks like the export of {self.preset.label}."
            instead = "[source.columns]" if len(self.patterns) > 1 else "[source.columns] and [source.format]"
            yield f'# preset = "{self.preset.name}" can take the place of {instead}.'
        yield "[[source]]"
        yield f'name = "{_NAMES[shape_of(self.roles)]}"'
        yield 'kind = "csv"'
        anybody = "clinician" in self.roles
        yield 'clinician = "*"' if anybody else 'clinician = "KEY"  # the key of the clinician whose rows these are'
        yield f"path = {_text(str(self.path.absolute()))}"

    def _columns(self) -> Iterator[str]:
        yield from ("", "[source.columns]")
        yield from (f"{role} = {_text(column)}" for role, column in self.roles.items())
        used = {clean(part) for column in self.roles.values() for part in (column, *column.split("+"))}
        left = [_text(name) for name in self.columns if name and name not in used]
        if left:
            yield f"# not read: {', '.join(left)}"

    def _format(self) -> Iterator[str]:
        yield from ("", "[source.format]")
        decided = len(self.patterns) == 1
        for pattern in self.patterns:
            yield f"{'' if decided else '# '}instant = {_text(pattern)}" if pattern else "# times are ISO 8601"
        yield from self._zone()
        for name, words in self.words.items():
            yield f"{name} = [{', '.join(map(_text, words))}]"
        if self.unlisted:
            yield f"# put into held, cancelled, late_cancelled or no_show: {', '.join(map(_text, self.unlisted))}"

    def _zone(self) -> Iterator[str]:
        # A program that logs calls or messages mostly writes UTC: read in the clinician's zone such a file looks right
        # in winter and is an hour off all summer. So nothing reads it until somebody has said which it is.
        if self.zoned:
            return
        if shape_of(self.roles) in _LOGS:
            yield 'zone = "?"  # "UTC", or where the clock stood that wrote it, such as "Europe/Paris"'
        else:
            yield '# zone = "Europe/Paris"  # of times without an offset; without it the clinician\'s own'


def propose(path: Path) -> Proposal:
    """Look at a file and propose its mapping. Raises :class:`ConnectorError` if it is no table with a header."""
    try:
        with open_content(path) as content:
            if content.size > LARGEST_FILE:
                raise TableError(f"the file is larger than {LARGEST_FILE // 2**20} MB.")
            table = table_from(content)
            return _proposal(path, table, [row for row in table.rows() if not is_total(row)])
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise MalformedError(path.name, str(error), "Save it as CSV with one row of column names.") from error
        raise UnavailableError(path.name, "the file cannot be read.", "Check its path and rights.") from error


def _proposal(path: Path, table: Table, rows: list[Row]) -> Proposal:
    whole = [row for row in rows if len(row.cells) >= len(table.header)]
    if not all(map(may_be_name, filter(None, table.header))):
        raise TableError("its first row is no row of column names.")
    unique = [name for name in table.header if name and table.header.count(name) == 1]
    roles = roles_from([_column(name, whole, table.header.index(name)) for name in unique])
    columns = columns_in(table.header, roles)
    patterns = _patterns(columns, whole)
    words, unlisted = _status_words(_texts(columns, whole, "status"))
    zoned = _zoned(columns, whole)
    notes = (
        *(_doubts(roles, patterns, unlisted) if rows else [_NO_ROW]),
        *_direction_doubts(_texts(columns, whole, "direction")),
        *_zone_doubts(roles, zoned=zoned),
        *_number_doubts(roles),
    )
    return Proposal(
        path, table.header, table.delimiter, table.encoding, roles, patterns, words, unlisted, notes, zoned,
        recognised(table.header),
    )  # fmt: skip


def _column(name: str, rows: list[Row], place: int) -> Column:
    values = [text for row in rows if (text := clean(row.cells[place])).lower() not in UNKNOWN]
    return Column(name, kind_of(values), distinct=len(set(values)) == len(rows))


def _texts(columns: Columns, rows: Iterable[Row], role: str) -> Counter[str]:
    return Counter(text for row in rows if (text := columns.text(row, role)))


def _patterns(columns: Columns, rows: list[Row]) -> tuple[str | None, ...]:
    # One pattern serves all times of a source; if no single one does, the first column decides.
    texts = _times(columns, rows)
    return patterns_of(set().union(*texts)) or patterns_of(texts[0] if texts else ())


def _times(columns: Columns, rows: list[Row]) -> list[set[str]]:
    return [set(_texts(columns, rows, role)) for role in _TIMES if role in columns.places]


def _zoned(columns: Columns, rows: list[Row]) -> bool:
    texts = set().union(*_times(columns, rows))
    return bool(texts) and all(map(carries_offset, texts))


def _status_words(counted: Counter[str]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Words by list, and those in no list. A word of no practice's is shown only if it is short and not alone."""
    usual = words_from({}, WORDS)
    listed: dict[str, tuple[str, ...]] = {}
    unlisted: list[str] = []
    for word, times in sorted(counted.items()):
        name = usual.get(word.lower()) or ("cancelled" if times > 1 and "cancel" in word.lower() else None)
        if name and len(word) <= _LONGEST_WORD:
            listed[name] = (*listed.get(name, ()), word)
        elif times > 1 and len(word) <= _LONGEST_WORD:
            unlisted.append(word)
    if len(unlisted) > _MOST_WORDS:  # not words then, but notes that happen to recur
        unlisted = []
    return {name: listed[name] for name in WORDS if name in listed}, tuple(unlisted)


def _doubts(roles: Mapping[str, str], patterns: tuple[str | None, ...], unlisted: tuple[str, ...]) -> Iterator[str]:
    if shape_of(roles) is None:
        yield "No columns were recognised that make a visit, a call or a message: fill in [source.columns]."
    if len(patterns) > 1:
        yield "No row tells the day from the month: take the # from the right instant."
    if shape_of(roles) and not patterns:
        yield "Times are written in no way known here: fill in instant."
    if unlisted:
        yield "Some status words belong to no list yet: see the last line."


def _direction_doubts(counted: Counter[str]) -> Iterator[str]:
    if any(text.lower() not in words_from({}, DIRECTIONS) for text in counted):
        yield "Some direction words are not known here: list them as incoming = [] and outgoing = []."


def _zone_doubts(roles: Mapping[str, str], *, zoned: bool) -> Iterator[str]:
    shape = shape_of(roles)
    if zoned or shape is None:
        return
    if logs := _LOGS.get(shape):
        yield f'These times carry no zone. {logs} are often in UTC: then write zone = "UTC" below.'
        yield "If the clock of the practice wrote them, write the practice's zone. Until you have, nothing is read."
    else:
        yield "These times carry no zone: they are read in the clinician's own. Are they in another? Then say so below."


def _number_doubts(roles: Mapping[str, str]) -> Iterator[str]:
    if shape_of(roles) is Shape.CALL and "id" in roles:
        yield "Each call has a number of its own here. Is it a room's, which comes again? Then take the id line away."


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string without control characters is a TOML string
