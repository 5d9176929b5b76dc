"""A drawing surface for charts: a matplotlib figure without axes, in points, its origin top left.

Axes would cost more than everything drawn in them, and places counted in points are the same in every output. Colours
are those of :mod:`reports.palette`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from reports import svg
from reports.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.backend_bases import RendererBase

mpl.rcParams["svg.fonttype"] = "none"  # words stay words; the SVG backend reads it while drawing, so it is set once

Anchor = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class ChartMark:
    """One drawn value: its centre in points, and its label in words."""

    x: float
    y: float
    label: str


def box(width: float, height: float, radius: float) -> Path:
    """Return a rectangle with rounded corners around the origin."""
    x, y = width / 2, height / 2
    r = min(radius, x, y)
    corners = [
        [(x - r, -y), (x, -y), (x, r - y)],
        [(x, y - r), (x, y), (x - r, y)],
        [(r - x, y), (-x, y), (-x, y - r)],
        [(-x, r - y), (-x, -y), (r - x, -y)],
    ]
    vertices = [(r - x, -y), *(point for corner in corners for point in corner), (r - x, -y)]
    return Path(vertices, [Path.MOVETO, *[Path.LINETO, Path.CURVE3, Path.CURVE3] * 4, Path.CLOSEPOLY])


def disc(radius: float) -> Path:
    """Return a circle around the origin, of four curves where matplotlib's own has eight."""
    k = 0.5523  # with control points at this distance a curve comes closest to a quarter of a circle
    quarters = [
        [(1, k), (k, 1), (0, 1)],
        [(-k, 1), (-1, k), (-1, 0)],
        [(-1, -k), (-k, -1), (0, -1)],
        [(k, -1), (1, -k), (1, 0)],
    ]
    vertices = [(1, 0), *(point for quarter in quarters for point in quarter), (1, 0)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 12, Path.CLOSEPOLY]
    return Path([(radius * x, radius * y) for x, y in vertices], codes)


def arrowhead(radius: float) -> Path:
    """Return a triangle that points to the right, for a value beyond the edge."""
    r = radius
    return Path([(-r, -r), (r, 0), (-r, r), (-r, -r)], closed=True)


class PlainText(Text):
    """Text without any layout: the reader's browser knows the font, matplotlib does not."""

    def draw(self, renderer: RendererBase) -> None:
        """Write the text where it stands."""
        gc = renderer.new_gc()
        gc.set_foreground(self.get_color())
        x, y = self.get_transform().transform(self.get_position())
        _, height = renderer.get_canvas_width_height()
        renderer.draw_text(gc, x, height - y, self.get_text(), self.get_fontproperties(), 0, mtext=self)
        gc.restore()


class Drawing:
    """A chart being drawn, rendered by ``svg``. Two drawings share nothing, so threads may draw at once."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width / 72, height / 72), dpi=72, frameon=False)
        # Callers measure in points from the top left; the figure measures from the bottom.
        self._points = Affine2D().scale(1, -1).translate(0, height)
        self._labels: dict[str, tuple[str, ...]] = {}
        self._order = 0

    def _add(self, artist: Artist) -> None:
        # Later artists lie on top; without an order matplotlib would sort by kind.
        self._order += 1
        artist.set_zorder(self._order)
        artist.set_transform(self._points)
        self._figure.add_artist(artist)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str = "quiet",
        *,
        anchor: Anchor = "left",
        bold: bool = False,
    ) -> None:
        """Draw text with its baseline at ``y``."""
        weight = "semibold" if bold else "normal"
        printable, colour_code = svg.remove_unprintable(text), LIGHT[colour]
        self._add(
            PlainText(
                x,
                y,
                printable,
                color=colour_code,
                horizontalalignment=anchor,
                fontproperties=FontProperties(size=size, weight=weight),
                parse_math=False,
            )
        )

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float, *, dashed: bool = False) -> None:
        """Draw a line through points."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        line = Line2D(xs, ys, color=LIGHT[colour], linewidth=width, solid_capstyle="butt")
        if dashed:
            line.set_linestyle((0, (3, 2.5)))
        self._add(line)

    def strokes(
        self, pieces: Iterable[tuple[tuple[float, float], tuple[float, float]]], colour: str, width: float
    ) -> None:
        """Draw many straight strokes as one path, their ends squared so that they meet in corners."""
        vertices = [point for piece in pieces for point in piece]
        if vertices:
            path = Path(vertices, [Path.MOVETO, Path.LINETO] * (len(vertices) // 2))
            self._add(PathPatch(path, fc="none", ec=LIGHT[colour], linewidth=width, capstyle="projecting"))

    def area(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a filled rectangle, its corner top left."""
        self._add(Rectangle((x, y), width, height, fc=LIGHT[colour], linewidth=0))

    def cells(
        self, rows: Sequence[tuple[float, float, float]], size: tuple[float, float], gap: float, colour: str
    ) -> None:
        """Draw rows of equal cells as one dashed stroke. A row is its left and right edge and its middle."""
        width, height = size
        vertices = [point for left, right, y in rows for point in ((left, y), (right, y))]
        if vertices:
            path = Path(vertices, [Path.MOVETO, Path.LINETO] * len(rows))
            dashes = (0, (width / height, gap / height))  # matplotlib counts dashes in line widths
            style = {"ec": LIGHT[colour], "linewidth": height, "linestyle": dashes, "capstyle": "butt"}
            self._add(PathPatch(path, fc="none", **style))

    def shapes(self, path: Path, places: Sequence[tuple[float, float]], colour: str) -> None:
        """Draw one filled shape at several places, as ground or legend, without labels."""
        self.stamp(path, places, colour, None, 0)

    def marks(
        self, path: Path, marks: Sequence[ChartMark], colour: str, *, ring: str = "paper", ring_width: float = 1.2
    ) -> None:
        """Draw one shape at several places, each a value with its label. ``colour`` may be "none": hollow."""
        if marks:
            self._labels[f"marks-{self._order + 1}"] = tuple(svg.remove_unprintable(mark.label) for mark in marks)
            self.stamp(path, [(mark.x, mark.y) for mark in marks], colour, ring, ring_width)

    def stamp(
        self, path: Path, places: Sequence[tuple[float, float]], colour: str, ring: str | None, ring_width: float
    ) -> None:
        """Draw one shape at several places, with or without a ring."""
        if not places:
            return
        # matplotlib scales a marker's path to its size in points, so this keeps the path as it is.
        size = 2 * np.abs(np.asarray(path.vertices)).max()
        line = Line2D([x for x, _ in places], [y for _, y in places], linestyle="", marker=path, markersize=float(size))
        line.set_markerfacecolor(LIGHT.get(colour, "none"))
        line.set_markeredgecolor(LIGHT[ring] if ring else "none")
        line.set_markeredgewidth(ring_width)
        # The cleaner finds the group by this id and gives each mark its label.
        line.set_gid(f"marks-{self._order + 1}")
        self._add(line)

    def svg(self, caption: svg.Caption, *, literal: bool = False) -> str:
        """Return the chart as SVG; ``literal`` colours for mail and PDF, else the page's variables."""
        raw = io.StringIO()
        FigureCanvasSVG(self._figure).print_svg(raw)  # type: ignore[no-untyped-call]
        return svg.clean_svg(raw.getvalue(), caption, self._labels, literal=literal)
