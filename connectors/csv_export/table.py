"""An exported table as rows of cells, whatever program wrote it.

Encoding, delimiter and the header's place are found, not asked for. Nothing here knows what a column means, and no
error repeats a cell.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from connectors.content import Content

DELIMITERS = (",", ";", "\t")
LARGEST_FILE = 256 * 2**20
_LONGEST_CELL = 2**24
_PREAMBLE = 20
"""Report titles, filters and ``sep=;`` may stand above the header: it is sought in this many rows."""

_END = "\0end"
_ERRORS = {"cp1252": "replace"}  # it leaves five bytes undefined
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class TableError(ValueError):
    """The file is no table that could be read; the words are a whole sentence without content."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the line of the file on which it begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and what stands below it. ``header`` is cleaned like every cell, see :func:`clean`."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str
    _content: Content = field(repr=False)
    _header_line: int

    def rows(self) -> Iterator[Row]:
        """Every row below the header that is not blank. Raises :class:`TableError` where the file breaks off."""
        lines = _lines(self._content, self.encoding)
        return (row for row in _rows(lines, self.delimiter) if row.line > self._header_line)


def clean(cell: str) -> str:
    """A cell as a person would read it: single spaces, no formula's wrapping, no apostrophe that forces text.

    >>> clean('="0042"'), clean("'09:00"), clean(" 3:00  PM ")
    ('0042', '09:00', '3:00 PM')
    """
    text = " ".join(cell.split())
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1].strip()
    text = text.removeprefix("'").lstrip()
    return text if text.isprintable() else "".join(sign for sign in text if sign.isprintable())


def table_from(content: Content, wanted: Collection[str] = (), delimiter: str | None = None) -> Table:
    """Find the header in a file: the row with most ``wanted`` names, else the first of the usual width.

    Raises :class:`TableError` for an empty file, one that is no text, or a quotation mark that is never closed.
    """
    encoding = _encoding(content)
    signs = [delimiter] if delimiter else DELIMITERS
    layouts = [_layout(_lines(content, encoding), sign, frozenset(wanted)) for sign in signs]
    best = max((layout for layout in layouts if layout), key=lambda layout: layout.merit, default=None)
    if best is None:
        raise TableError("the file is empty.")
    header = tuple(clean(cell) for cell in best.header.cells)
    return Table(header, best.delimiter, encoding, content, best.header.line)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the file looks if this is the delimiter; ``merit`` is (wanted names found, usual number of cells)."""

    delimiter: str
    header: Row
    merit: tuple[int, int]


def _layout(lines: Iterable[str], delimiter: str, wanted: frozenset[str]) -> _Layout | None:
    top = list(islice(_rows(lines, delimiter, whole=False), _PREAMBLE))
    if not top:
        return None
    width = Counter(len(row.cells) for row in top).most_common(1)[0][0]
    found = [len(wanted.intersection(map(clean, row.cells))) for row in top]
    usual = next(row for row in top if len(row.cells) == width)
    header = top[found.index(max(found))] if any(found) else usual
    return _Layout(delimiter, header, (max(found), width))


def _rows(lines: Iterable[str], delimiter: str, *, whole: bool = True) -> Iterator[Row]:
    # A row of our own is put behind the last. If it does not come out again, a quotation mark has swallowed it.
    csv.field_size_limit(_LONGEST_CELL)  # one limit for the whole process; raising it takes nothing from anybody
    reader = csv.reader(chain(lines, ("\n", f"{_END}\n")), delimiter=delimiter)
    line, after = 1, 1
    try:
        for cells in reader:
            line, after = after, reader.line_num + 1
            if cells == [_END]:
                return
            if any(cell and not cell.isspace() for cell in cells):
                yield Row(line, tuple(cells))
    except csv.Error:
        raise TableError(f"the row at line {after} has a cell that never ends.") from None
    if whole:
        raise TableError(f"a quotation mark in the row at line {line} is never closed: the file is cut off.")


def _lines(content: Content, encoding: str) -> Iterator[str]:
    """Yield the lines of a file with their ends, as they are."""
    with io.TextIOWrapper(content.stream(), encoding, _ERRORS.get(encoding), newline="") as text:
        for line in text:
            yield line.replace("\0", "")


def _encoding(content: Content) -> str:
    # UTF-8 proves itself; what is not UTF-8 comes from an older Windows program.
    if content.size > LARGEST_FILE:
        raise TableError(f"the file is larger than {LARGEST_FILE // 2**20} MB.")
    beginning = content.stream().read(4)
    likely = next((name for mark, name in _BYTE_ORDER_MARKS.items() if beginning.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(likely)()
    try:
        for chunk in content.chunks():
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return likely
