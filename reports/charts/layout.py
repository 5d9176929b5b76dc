"""Layout shared by all figures: two sizes, text widths, legends that wrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reports.drawing import Drawing


@dataclass(frozen=True, slots=True)
class ChartSize:
    """Width of a figure and sizes of its text, in points."""

    width: float
    body: float
    small: float
    narrow: bool


WIDE = ChartSize(547, 10.5, 9.5, narrow=False)
NARROW = ChartSize(342, 12.5, 11.5, narrow=True)


def chart_size(*, narrow: bool) -> ChartSize:
    """Return the size for a desk or for a phone."""
    return NARROW if narrow else WIDE


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in points, rather too wide: the reader's font is not known here."""
    ems = sum(_letter_width(letter) for letter in text)
    return ems * size * (1.06 if bold else 1)


# Widths in em of a typical sans serif, in four classes.
def _letter_width(letter: str) -> float:
    if letter in "ijltfrI.,:;'|!() ":
        return 0.32
    if letter in "mwMW@%" or ord(letter) > 0x2E80:
        return 0.92
    return 0.7 if letter.isupper() else 0.59


def shorten(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis where it is wider than ``width`` points."""
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1].rstrip()
    return text + "…"


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
                left + x + entry.width + (6 if entry.width else 0), middle + self.size * 0.36, entry.text, self.size
            )
