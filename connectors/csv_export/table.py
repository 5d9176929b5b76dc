"""An exported table as rows of cells, whatever program wrote it.

Encoding, delimiter and the place of the header are detected. Nothing here knows what a column means, and no error
repeats a cell.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from connectors.content import Content

DELIMITERS = (",", ";", "\t")
MAX_FILE_BYTES = 256 * 2**20
_LONGEST_CELL = 2**24
_PREAMBLE_ROWS = 20  # report titles, filters and `sep=;` may precede the header
_END = "\0end"
_DECODING_ERRORS = {"cp1252": "replace"}  # five bytes have no meaning in it
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class TableError(ValueError):
    """The file is not a readable table; the message is a whole sentence without content."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row, with the line of the file on which it begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and the rows below it. The cells of ``header`` are cleaned, see :func:`clean_cell`."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str
    _content: Content = field(repr=False)
    _header_line: int

    def rows(self) -> Iterator[CsvRow]:
        """Yield every row below the header that is not blank. Raises :class:`TableError` if the file is cut off."""
        lines = _lines(self._content, self.encoding)
        return (row for row in _rows(lines, self.delimiter) if row.line > self._header_line)


def clean_cell(cell: str) -> str:
    """Return a cell as a person would read it: single spaces, without a formula around it or an apostrophe before it.

    >>> clean_cell('="0042"'), clean_cell("'09:00"), clean_cell(" 3:00  PM ")
    ('0042', '09:00', '3:00 PM')
    """
    text = " ".join(cell.split())
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1].strip()
    text = text.removeprefix("'").lstrip()
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())


def read_table(content: Content, expected_names: Collection[str] = (), delimiter: str | None = None) -> CsvTable:
    """Find the header of a file: the row with most of the expected names, else the first of the most common width.

    Raises :class:`TableError` for an empty file, one that is not text, or a quotation mark that is never closed.
    """
    names = frozenset(expected_names)
    if content.size > MAX_FILE_BYTES:
        raise TableError(f"the file is larger than {MAX_FILE_BYTES // 2**20} MB.")
    beginning = content.stream().read(4)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if beginning.startswith(mark)), "utf-8")
    # Hardly any other text is valid UTF-8; a file that is not comes from an older Windows program.
    if not content.is_encoded_in(encoding):
        encoding = "cp1252"

    best: CsvTable | None = None
    best_score = (-1, -1)
    for candidate in [delimiter] if delimiter else DELIMITERS:
        top = list(islice(_rows(_lines(content, encoding), candidate, requires_end=False), _PREAMBLE_ROWS))
        if not top:
            continue
        width = Counter(len(row.cells) for row in top).most_common(1)[0][0]
        matches = [len(names.intersection(map(clean_cell, row.cells))) for row in top]
        first_of_width = next(row for row in top if len(row.cells) == width)
        header = top[matches.index(max(matches))] if any(matches) else first_of_width
        # The delimiter that shows most expected names is the right one, else the one that makes most columns.
        if (max(matches), width) > best_score:
            best_score = max(matches), width
            best = CsvTable(tuple(map(clean_cell, header.cells)), candidate, encoding, content, header.line)
    if best is None:
        raise TableError("the file is empty.")
    return best


def _rows(lines: Iterable[str], delimiter: str, *, requires_end: bool = True) -> Iterator[CsvRow]:
    # A row of our own is appended. If it does not come out as a row, an open quotation mark has swallowed it.
    csv.field_size_limit(_LONGEST_CELL)  # the limit is the process's; raising it harms nobody
    reader = csv.reader(chain(lines, ("\n", f"{_END}\n")), delimiter=delimiter)
    line, next_line = 1, 1
    try:
        for cells in reader:
            line, next_line = next_line, reader.line_num + 1
            if cells == [_END]:
                return
            if any(cell and not cell.isspace() for cell in cells):
                yield CsvRow(line, tuple(cells))
    except csv.Error:
        raise TableError(f"the row at line {next_line} has a cell that never ends.") from None
    if requires_end:
        raise TableError(f"a quotation mark in the row at line {line} is never closed: the file is cut off.")


def _lines(content: Content, encoding: str) -> Iterator[str]:
    """Yield the lines of a file with their line ends unchanged."""
    with io.TextIOWrapper(content.stream(), encoding, _DECODING_ERRORS.get(encoding), newline="") as text:
        for line in text:
            yield line.replace("\0", "")
