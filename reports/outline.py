"""The outline of a report: headings, sentences and tables in the page's order, written as plain text and Markdown."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    for section in report.sections:
        if section.heading:
            blocks.append(f"{_wrapped(section.heading)}\n{'-' * min(len(section.heading), COLUMNS)}")
        blocks += [_wrapped(sentence) for sentence in section.sentences]
        if section.items:
            blocks.append("\n".join(_wrapped(item, "- ") for item in section.items))
        if section.picture:
            blocks.append(section.picture)
        if section.table and section.table.rows:
            blocks.append(_text_table(section.table))
    return "\n\n".join(blocks) + "\n"


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
    lines = []
    # Narrower than 12 characters nobody reads a column.
    if widths[0] < min(12, max(len(row[0]) for row in rows)):
        for name, *cells in table.rows:
            named_cells = (
                f"{column} {cell}".strip() for column, cell in zip(table.columns[1:], cells, strict=True) if cell
            )
            lines.append(_wrapped(f"{name}: {', '.join(named_cells)}", "- "))
        return "\n".join(lines)
    for row in rows:
        first, *continuation = textwrap.wrap(row[0], widths[0]) or [""]
        aligned = (cell.ljust(width) for cell, width in zip((first, *row[1:]), widths, strict=True))
        lines += ["  ".join(aligned).rstrip(), *continuation]
    return "\n".join(lines)


def markdown(report: ReportOutline) -> str:
    """Return the report as CommonMark with tables; Markdown's own marks in the text are escaped."""
    blocks = [escaped(sentence) for sentence in report.above]
    blocks.append(f"# {escaped(report.title)}")
    for section in report.sections:
        if section.heading:
            blocks.append(f"## {escaped(section.heading)}")
        blocks += [escaped(sentence) for sentence in section.sentences]
        if section.items:
            blocks.append("\n".join(f"- {escaped(item)}" for item in section.items))
        if section.picture:
            blocks.append(f"```text\n{section.picture}\n```")
        if section.table and section.table.rows:
            head, *rows = (map(escaped, row) for row in (section.table.columns, *section.table.rows))
            rule = ["---"] * len(section.table.columns)
            blocks.append("\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown prints unchanged."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))
