"""Cleaning of matplotlib's SVG, so that a page under a strict content-security policy can contain it.

Inline styles become classes and attributes (colours through the page's variables, so that dark mode follows), metadata
are dropped, ids carry the caption's key, every mark gets its title. For mail and PDF the colours stay literal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reports.palette import colour_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
FONTS = "Inter, system-ui, sans-serif"

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
NUMBER = re.compile(r"-?\d+\.\d+")
STYLE_ATTRIBUTES = {"stroke-width", "stroke-dasharray", "stroke-linecap", "font-size", "text-anchor"}
DEFAULTS = {("stroke-width", "1"), ("text-anchor", "start"), ("stroke-linecap", "butt")}


@dataclass(frozen=True, slots=True)
class Caption:
    """A chart's key (unique in its page), a title that states the finding, and a description."""

    key: str
    title: str
    description: str


def remove_unprintable(text: str) -> str:
    """Return the text without the characters that XML cannot contain."""
    return UNPRINTABLE.sub("", text)


def clean_svg(raw: str, caption: Caption, labels: Mapping[str, tuple[str, ...]], *, literal: bool = False) -> str:
    """Return the chart as one ``<svg>`` element. ``labels`` holds the labels of the marks by their group's id."""
    source = ET.fromstring(raw)  # noqa: S314 - drawn by ourselves a moment ago
    target = _root(source, caption, literal=literal)
    _SvgCleaner(caption.key, labels, literal=literal).copy(source, target)
    return ET.tostring(target, encoding="unicode")


def _root(source: ET.Element, caption: Caption, *, literal: bool) -> ET.Element:
    _, _, width, height = source.get("viewBox", "").split()
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_short(width)} {_short(height)}"}
    attributes |= {"role": "img", "aria-labelledby": f"{caption.key}-title {caption.key}-desc"}
    # Inherited by every path, which saves an attribute on each.
    attributes |= {"stroke-linejoin": "round"}
    if literal:
        attributes |= {"width": f"{_short(width)}pt", "height": f"{_short(height)}pt", "font-family": FONTS}
    else:
        attributes["class"] = "chart"
    root = ET.Element("svg", attributes)
    ET.SubElement(root, "title", {"id": f"{caption.key}-title"}).text = remove_unprintable(caption.title)
    ET.SubElement(root, "desc", {"id": f"{caption.key}-desc"}).text = remove_unprintable(caption.description)
    return root


class _SvgCleaner:
    def __init__(self, key: str, labels: Mapping[str, tuple[str, ...]], *, literal: bool) -> None:
        self.key, self.says, self.literal = key, labels, literal
        self.shapes: dict[str, str] = {}
        self.outlines: dict[str, str] = {}

    def copy(self, source: ET.Element, target: ET.Element) -> None:
        """Copy the drawn elements below ``source``; groups without any are left out."""
        for child in source:
            kind = child.tag.removeprefix(SVG)
            if kind == "g" and child.get("id", "").startswith("marks-"):
                self._marks(child, target)
            elif kind == "g":
                self.copy(child, target)
            elif kind in {"path", "text"}:
                self._element(child, target)

    def _marks(self, group: ET.Element, target: ET.Element) -> None:
        for shape in group.iter(f"{SVG}path"):
            # matplotlib defines a marker once per group, and names it anew each time.
            self.shapes[shape.get("id", "")] = self._shape_id(_short(shape.get("d", ""), 2), target)
        # All marks of a group share one style, which moves to the group.
        uses = list(group.iter(f"{SVG}use"))
        group_element = ET.SubElement(target, "g", self._style_attributes(uses[0].get("style", "")) if uses else {})
        labels = iter(self.says.get(group.get("id", ""), ()))
        for use in uses:
            self._use(use, group_element, labels)

    def _shape_id(self, outline: str, target: ET.Element) -> str:
        """Return the id of a shape, which is written once for all colours."""
        if outline not in self.outlines:
            self.outlines[outline] = f"{self.key}-{len(self.outlines) + 1}"
            ET.SubElement(ET.SubElement(target, "defs"), "path", {"id": self.outlines[outline], "d": outline})
        return self.outlines[outline]

    def _use(self, use: ET.Element, target: ET.Element, labels: Iterator[str]) -> None:
        shape = self.shapes[use.get(HREF, "").removeprefix("#")]
        place = {"x": _short(use.get("x", "")), "y": _short(use.get("y", ""))}
        copy = ET.SubElement(target, "use", {"href": f"#{shape}", **place})
        label = next(labels, None)
        if label is not None:
            # The browser shows it as a tooltip, and screen readers read it.
            ET.SubElement(copy, "title").text = label

    def _element(self, source: ET.Element, target: ET.Element) -> None:
        attributes = {name: _short(value) for name in ("d", "x", "y") if (value := source.get(name))}
        kind = source.tag.removeprefix(SVG)
        ET.SubElement(target, kind, attributes | self._style_attributes(source.get("style", ""))).text = source.text

    def _style_attributes(self, style: str) -> dict[str, str]:
        """Return a style attribute as classes and attributes."""
        declared = dict(_declarations(style))
        attributes = {
            name: value
            for name, value in declared.items()
            if name in STYLE_ATTRIBUTES and (name, value) not in DEFAULTS
        }
        paints = {name: declared[name] for name in ("fill", "stroke") if name in declared}
        classes = (
            []
            if self.literal
            # The class is "f-teal-4" for a fill, "s-teal-4" for a stroke.
            else [f"{name[0]}-{colour_name(value)}" for name, value in paints.items() if value != "none"]
        )
        attributes |= {name: value for name, value in paints.items() if self.literal or value == "none"}
        if declared.get("font-weight") == "600":
            attributes |= {"font-weight": "600"}
        return {"class": " ".join(classes), **attributes} if classes else attributes


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip(), value.strip()
        if name == "font":  # shorthand, whose size matplotlib writes with its unit
            name = "font-size"
        if name:
            yield name, _short(value).removesuffix("px") if name in STYLE_ATTRIBUTES else value


def _short(numbers: str, places: int = 1) -> str:
    """Return numbers to a tenth of a point, paths on one line."""
    return " ".join(NUMBER.sub(lambda match: f"{round(float(match[0]), places):g}", numbers).split())
