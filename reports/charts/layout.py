"""Layout shared by all figures: two sizes, text widths, rows of values, legends that wrap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reports.drawing import Anchor, ChartMark, Drawing


@dataclass(frozen=True, slots=True)
class ChartSize:
    """Width of a figure and sizes of its text, in points.

    ``row_height``, ``row_left`` and ``row_right`` place the values of a figure that has one row a metric.
    """

    width: float
    body: float
    small: float
    narrow: bool
    row_height: float
    row_left: float
    row_right: float

    def value_row(self, top: float, low: float, high: float) -> ValueRow:
        """Return the place of values from ``low`` to ``high`` in the row that begins at ``top``."""
        # On a phone the values stand below the row's text.
        upper, lower = (46, 14) if self.narrow else (12, 12)
        return ValueRow(top + upper, top + self.row_height - lower, low, high)


@dataclass(frozen=True, slots=True)
class ValueRow:
    """The place of one metric's values, which turns them into heights."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


WIDE = ChartSize(547, 10.5, 9.5, narrow=False, row_height=62, row_left=178, row_right=429)
NARROW = ChartSize(342, 12.5, 11.5, narrow=True, row_height=96, row_left=0, row_right=342)


def chart_size(*, narrow: bool) -> ChartSize:
    """Return the size for a desk or for a phone."""
    return NARROW if narrow else WIDE


def baseline_at(middle: float, size: float) -> float:
    """Return the baseline of a text that is to be centred on a height."""
    # Half the height of a capital letter.
    return middle + size * 0.36


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in points, rather too wide: the reader's font is not known here."""
    # Semibold letters are about 6 % wider.
    ems = sum(_letter_width(letter) for letter in text)
    return ems * size * (1.06 if bold else 1)


# Widths in em of a typical sans serif, in four classes.
def _letter_width(letter: str) -> float:
    if letter in "ijltfrI.,:;'|!() ":
        return 0.32
    if letter in "mwMW@%" or ord(letter) > 0x2E80:  # from there on Chinese, Japanese and Korean, a square a character
        return 0.92
    return 0.7 if letter.isupper() else 0.59


def shorten(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis where it is wider than ``width`` points."""
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1].rstrip()
    return text + "…"


def draw_row_texts(
    drawing: Drawing, layout: ChartSize, top: float, left: tuple[str, str], right: tuple[str, str], colour: str
) -> None:
    """Draw the texts of a row: title and range at the left, the latest value in a colour and a note at the right."""
    (title, range_text), (value, note) = left, right
    first, second = (top + 17, top + 32) if layout.narrow else (top + 27, top + 42)
    room = layout.width - 90 if layout.narrow else 172
    anchor: Anchor = "right" if layout.narrow else "left"
    x = layout.width if layout.narrow else layout.row_right + 12
    drawing.text(0, first, shorten(title, room, layout.body, bold=True), layout.body, "ink", bold=True)
    drawing.text(0, second, range_text, layout.small)
    drawing.text(x, first, value, layout.body + 2, colour, anchor=anchor, bold=True)
    drawing.text(x, second, note, layout.small, anchor=anchor)


def draw_broken_line(drawing: Drawing, marks: Iterable[ChartMark | None]) -> None:
    """Draw a line through marks that breaks wherever there is none."""
    for is_known, group in groupby(marks, key=lambda mark: mark is not None):
        points = [(mark.x, mark.y) for mark in group if mark]
        if is_known and len(points) > 1:
            drawing.line(points, "teal-2", 1.5)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One entry of a legend: a function that draws its sign between x and x + width around y, and its text."""

    text: str
    width: float
    draw: Callable[[Drawing, float, float], None]


@dataclass(frozen=True, slots=True)
class Legend:
    """Signs and texts in rows, wrapped to a width."""

    entries: Sequence[LegendEntry]
    width: float
    size: float

    @property
    def height(self) -> float:
        """Points from the top of the first row to the bottom of the last."""
        rows = [row for _, _, row in self._placed()]
        return (max(rows) + 1) * self._row if rows else 0

    @property
    def _row(self) -> float:
        return self.size * 1.9

    def _placed(self) -> Iterator[tuple[LegendEntry, float, int]]:
        x, row = 0.0, 0
        for entry in self.entries:
            entry_width = entry.width + 6 + text_width(entry.text, self.size)
            # An entry wider than the whole legend still gets a row of its own.
            if x and x + entry_width > self.width:
                x, row = 0.0, row + 1
            yield entry, x, row
            x += entry_width + 16

    def draw(self, drawing: Drawing, left: float, top: float) -> None:
        """Draw the legend, its corner top left."""
        for entry, x, row in self._placed():
            middle = top + (row + 0.5) * self._row
            entry.draw(drawing, left + x, middle)
            drawing.text(
                left + x + entry.width + (6 if entry.width else 0),
                baseline_at(middle, self.size),
                entry.text,
                self.size,
            )
