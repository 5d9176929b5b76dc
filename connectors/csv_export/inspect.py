"""A proposed mapping for an unknown export, from its header and the format of its cells.

Of the cells nothing is repeated, in a proposal or in an error, except status words: those that every practice uses, and
others that occur at least twice in the status column. Column names are structure and are shown; a file whose first row
is data is refused, so that a client's name is not taken for a column's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.content import open_content
from connectors.csv_export.columns import (
    DIRECTION_WORDS,
    EMPTY_VALUES,
    STATUS_WORDS,
    lists_by_word,
    map_columns,
    possible_names,
)
from connectors.csv_export.patterns import cell_kind, has_offset, matching_patterns, may_be_header
from connectors.csv_export.presets import Preset, recognise
from connectors.csv_export.records import RowType, is_total, row_type_of
from connectors.csv_export.roles import ColumnProfile, guess_roles
from connectors.csv_export.table import CsvRow, CsvTable, TableError, clean_cell, read_table
from connectors.errors import MalformedError, UnavailableError

_TIME_ROLES = ("booked_start", "booked_end", "actual_start", "actual_end", "sent_at")
_SOURCE_NAMES = {RowType.VISIT: "visits", RowType.CALL: "calls", RowType.MESSAGE: "messages", None: "export"}
_LOGS = {RowType.CALL: "Call logs", RowType.MESSAGE: "Message logs"}
_LONGEST_WORD = 40
_MOST_WORDS = 20


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
        row_type, is_decided = row_type_of(self.roles), len(self.patterns) == 1
        delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(self.delimiter, self.delimiter)
        summary = f"{len(self.columns)} columns between {delimiter}" if len(self.columns) > 1 else "one column"
        lines = [f"# {summary}, {self.encoding}", *(f"# {note}" for note in self.notes)]
        if self.preset:
            lines.append(f"# It looks like the export of {self.preset.label}.")
            replaced = "[source.columns]" if len(self.patterns) > 1 else "[source.columns] and [source.format]"
            lines.append(f'# preset = "{self.preset.name}" can take the place of {replaced}.')
        clinician = '"*"' if "clinician" in self.roles else '"KEY"  # the key of the clinician whose rows these are'
        lines += [
            "[[source]]",
            f'name = "{_SOURCE_NAMES[row_type]}"',
            'kind = "csv"',
            f"clinician = {clinician}",
            f"path = {_toml_string(str(self.path.absolute()))}",
            "",
            "[source.columns]",
            *(f"{role} = {_toml_string(column)}" for role, column in self.roles.items()),
        ]
        used = possible_names(self.roles)
        if unused := [_toml_string(name) for name in self.columns if name and name not in used]:
            lines.append(f"# not read: {', '.join(unused)}")

        lines += ["", "[source.format]"]
        for pattern in self.patterns:
            instant = f"instant = {_toml_string(pattern)}" if pattern else ""
            lines.append((instant if is_decided else f"# {instant}") if instant else "# times are ISO 8601")
        # A program that logs calls or messages mostly writes UTC. Read in London's zone such a file looks right in
        # winter and is an hour off all summer, so it is not read until the user has chosen.
        if not self.have_offsets and row_type in _LOGS:
            lines.append('zone = "?"  # "UTC", or the zone of the times, such as "Europe/Paris"')
        elif not self.have_offsets:
            lines.append('# zone = "Europe/Paris"  # the zone of times without an offset (default: the clinician\'s)')
        lines += [f"{name} = [{', '.join(map(_toml_string, words))}]" for name, words in self.words.items()]
        if self.unlisted:
            unlisted = ", ".join(map(_toml_string, self.unlisted))
            lines.append(f"# put into held, cancelled, late_cancelled or no_show: {unlisted}")
        return "\n".join(lines) + "\n"


def propose(path: Path) -> MappingProposal:
    """Read a file and propose its mapping. Raises :class:`ConnectorError` if it is not a table with a header."""
    try:
        with open_content(path) as content:
            table = read_table(content)
            return _proposal(path, table, [row for row in table.rows() if not is_total(row)])
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise MalformedError(path.name, str(error), "Save it as CSV with one row of column names.") from error
        raise UnavailableError(path.name, "the file cannot be read.", "Check its path and permissions.") from error


def _proposal(path: Path, table: CsvTable, rows: list[CsvRow]) -> MappingProposal:
    header = table.header
    if not all(map(may_be_header, filter(None, header))):
        raise TableError("its first row does not contain column names.")

    complete = [row for row in rows if len(row.cells) >= len(header)]
    profiles = []
    for place, name in enumerate(header):
        if name and header.count(name) == 1:
            cells = [clean_cell(row.cells[place]) for row in complete]
            values = [cell for cell in cells if cell.lower() not in EMPTY_VALUES]
            profiles.append(ColumnProfile(name, cell_kind(values), distinct=len(set(values)) == len(complete)))
    roles = guess_roles(profiles)
    columns = map_columns(header, roles)
    texts = {role: Counter(text for row in complete if (text := columns.text(row, role))) for role in roles}

    # One pattern serves all times of a source; if no single one does, the first column decides.
    times = [set(texts[role]) for role in _TIME_ROLES if role in texts]
    all_times = set[str]().union(*times)
    patterns = matching_patterns(all_times) or matching_patterns(times[0] if times else ())
    words, unlisted = _status_words(texts.get("status", Counter()))
    proposal = MappingProposal(
        path=path,
        columns=header,
        delimiter=table.delimiter,
        encoding=table.encoding,
        roles=roles,
        patterns=patterns,
        words=words,
        unlisted=unlisted,
        notes=(),
        have_offsets=bool(all_times) and all(map(has_offset, all_times)),
        preset=recognise(header),
    )
    return replace(proposal, notes=tuple(_notes(proposal, texts.get("direction", ()), has_rows=bool(rows))))


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


def _notes(proposal: MappingProposal, directions: Iterable[str], *, has_rows: bool) -> Iterator[str]:
    """Yield what the user has to decide or to know about the file."""
    row_type = row_type_of(proposal.roles)
    if not has_rows:
        yield "The file has column names but no rows. Export some days of work and inspect that file instead."
    if has_rows and row_type is None:
        yield "No columns of visits, calls or messages were recognised: fill in [source.columns]."
    if has_rows and len(proposal.patterns) > 1:
        yield "No row shows which is the day and which the month: remove the # from the right instant."
    if has_rows and row_type and not proposal.patterns:
        yield "The format of the times is unknown: fill in instant."
    if has_rows and proposal.unlisted:
        yield "Some status words are in no list yet: see the last line."
    if any(text.lower() not in lists_by_word({}, DIRECTION_WORDS) for text in directions):
        yield "Some direction words are unknown: list them as incoming = [] and outgoing = []."
    if row_type in _LOGS and not proposal.have_offsets:
        yield f'The times have no zone. {_LOGS[row_type]} are often in UTC: then write zone = "UTC" below.'
        yield "If they are in the practice's zone, write that. Until you have chosen, the file is not read."
    elif row_type and not proposal.have_offsets:
        yield "The times have no zone and are read in the clinician's. If they are in another, write it below."
    if row_type is RowType.CALL and "id" in proposal.roles:
        yield "The number of each call is different here. If it is a room's, which will repeat, remove the id line."


def _toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string without control characters is a TOML string
