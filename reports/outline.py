"""The outline of a report: headings, sentences and tables in the page's order, written as plain text and Markdown."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.models import TextTable

COLUMNS = 72
MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report; absent parts are empty. ``picture`` is a drawing in letters, written unchanged."""

    heading: str = ""
    sentences: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    table: TextTable | None = None
    picture: str = ""


@dataclass(frozen=True, slots=True)
class ReportOutline:
    """A whole report: the sentences above the title, the title, its sections."""

    above: tuple[str, ...]
    title: str
    sections: tuple[Section, ...]


def text(report: ReportOutline) -> str:
    """Return the report as plain text of 72 columns."""
    blocks = [_wrapped(sentence) for sentence in report.above]
    blocks.append(f"{_wrapped(report.title)}\n{'=' * min(len(report.title), COLUMNS)}")
    blocks += [block for section in report.sections for block in _text_blocks(section)]
    return "\n\n".join(blocks) + "\n"


def _text_blocks(section: Section) -> Iterator[str]:
    if section.heading:
        yield f"{_wrapped(section.heading)}\n{'-' * min(len(section.heading), COLUMNS)}"
    yield from (_wrapped(sentence) for sentence in section.sentences)
    if section.items:
        yield "\n".join(_wrapped(item, "- ") for item in section.items)
    if section.picture:
        yield section.picture
    if section.table and section.table.rows:
        yield _text_table(section.table)


def _wrapped(sentence: str, bullet: str = "") -> str:
    # Non-breaking spaces and line ends of the page become plain spaces.
    plain = " ".join(sentence.split())
    return textwrap.fill(
        plain, COLUMNS, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_on_hyphens=False
    )


def _text_table(table: TextTable) -> str:
    """Return aligned columns, a long first one wrapped; where even that is too wide, one paragraph a row."""
    rows = (table.columns, *table.rows) if any(table.columns) else table.rows
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.columns))]
    # Only the first column may wrap: the others hold numbers.
    widths[0] = min(widths[0], COLUMNS - sum(widths[1:]) - 2 * (len(widths) - 1))
    # Narrower than 12 characters nobody reads a column.
    if widths[0] < min(12, max(len(row[0]) for row in rows)):
        return "\n".join(_wrapped(_row_sentence(table.columns, row), "- ") for row in table.rows)
    return "\n".join(line for row in rows for line in _text_row(row, widths))


def _text_row(row: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    first, *continuation = textwrap.wrap(row[0], widths[0]) or [""]
    yield "  ".join(cell.ljust(width) for cell, width in zip((first, *row[1:]), widths, strict=True)).rstrip()
    yield from continuation


def _row_sentence(columns: tuple[str, ...], row: tuple[str, ...]) -> str:
    cells = (f"{column} {cell}".strip() for column, cell in zip(columns[1:], row[1:], strict=True) if cell)
    return f"{row[0]}: {', '.join(cells)}"


def markdown(report: ReportOutline) -> str:
    """Return the report as CommonMark with tables; Markdown's own marks in the text are escaped."""
    blocks = [escaped(sentence) for sentence in report.above]
    blocks.append(f"# {escaped(report.title)}")
    blocks += [block for section in report.sections for block in _markdown_blocks(section)]
    return "\n\n".join(blocks) + "\n"


def _markdown_blocks(section: Section) -> Iterator[str]:
    if section.heading:
        yield f"## {escaped(section.heading)}"
    yield from (escaped(sentence) for sentence in section.sentences)
    if section.items:
        yield "\n".join(f"- {escaped(item)}" for item in section.items)
    if section.picture:
        yield f"```text\n{section.picture}\n```"
    if section.table and section.table.rows:
        yield _markdown_table(section.table)


def _markdown_table(table: TextTable) -> str:
    rows = (table.columns, tuple("---" for _ in table.columns), *table.rows)
    return "\n".join(f"| {' | '.join(cell if cell == '---' else escaped(cell) for cell in row)} |" for row in rows)


def escaped(text: str) -> str:
    """Return text that Markdown prints unchanged."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))
