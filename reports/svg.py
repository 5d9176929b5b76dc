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

# XML allows these characters nowhere, not even escaped.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
NUMBER = re.compile(r"-?\d+\.\d+")
STYLE_ATTRIBUTES = {"stroke-width", "stroke-dasharray", "stroke-linecap", "font-size", "text-anchor"}
# SVG assumes these values anyway.
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
    _, _, width, height = _short(source.get("viewBox", "")).split()
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}"}
    attributes |= {"role": "img", "aria-labelledby": f"{caption.key}-title {caption.key}-desc"}
    # Inherited by every path, which saves an attribute on each.
    attributes |= {"stroke-linejoin": "round"}
    if literal:
        attributes |= {"width": f"{width}pt", "height": f"{height}pt", "font-family": FONTS}
    else:
        attributes["class"] = "chart"
    root = ET.Element("svg", attributes)
    ET.SubElement(root, "title", {"id": f"{caption.key}-title"}).text = remove_unprintable(caption.title)
    ET.SubElement(root, "desc", {"id": f"{caption.key}-desc"}).text = remove_unprintable(caption.description)

    # A shape is written once for all colours, though matplotlib defines it again for each.
    ids_by_outline: dict[str, str] = {}
    ids_by_name: dict[str, str] = {}
    for element in _drawn_elements(source):
        if element.tag != f"{SVG}g":
            places = {name: _short(value) for name in ("d", "x", "y") if (value := element.get(name))}
            style = _style_attributes(element.get("style", ""), literal=literal)
            ET.SubElement(root, element.tag.removeprefix(SVG), places | style).text = element.text
            continue
        for shape in element.iter(f"{SVG}path"):
            outline = _short(shape.get("d", ""), 2)
            if outline not in ids_by_outline:
                ids_by_outline[outline] = f"{caption.key}-{len(ids_by_outline) + 1}"
                definitions = ET.SubElement(root, "defs")
                ET.SubElement(definitions, "path", {"id": ids_by_outline[outline], "d": outline})
            ids_by_name[shape.get("id", "")] = ids_by_outline[outline]
        # All marks of a group share one style, which moves to the group.
        uses = list(element.iter(f"{SVG}use"))
        group = ET.SubElement(root, "g", _style_attributes(uses[0].get("style", ""), literal=literal) if uses else {})
        texts = iter(labels.get(element.get("id", ""), ()))
        for use in uses:
            shape_id = ids_by_name[use.get(HREF, "").removeprefix("#")]
            place = {"x": _short(use.get("x", "")), "y": _short(use.get("y", ""))}
            mark = ET.SubElement(group, "use", {"href": f"#{shape_id}", **place})
            if (text := next(texts, None)) is not None:
                # The browser shows it as a tooltip, and screen readers read it.
                ET.SubElement(mark, "title").text = text
    return ET.tostring(root, encoding="unicode")


def _drawn_elements(source: ET.Element) -> Iterator[ET.Element]:
    """Yield paths, texts and groups of marks in the order in which they are drawn; other groups only hold these."""
    for child in source:
        kind = child.tag.removeprefix(SVG)
        if kind in {"path", "text"} or (kind == "g" and child.get("id", "").startswith("marks-")):
            yield child
        elif kind == "g":
            yield from _drawn_elements(child)


def _style_attributes(style: str, *, literal: bool) -> dict[str, str]:
    """Return a style attribute as classes and attributes."""
    declared: dict[str, str] = {}
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":  # shorthand, whose size matplotlib writes with its unit
            name = "font-size"
        if name:
            declared[name] = _short(value).removesuffix("px") if name in STYLE_ATTRIBUTES else value
    attributes = {
        name: value for name, value in declared.items() if name in STYLE_ATTRIBUTES and (name, value) not in DEFAULTS
    }
    classes = []
    for name in ("fill", "stroke"):
        paint = declared.get(name)
        if paint and (literal or paint == "none"):
            attributes[name] = paint
        elif paint:
            # The class is "f-teal-4" for a fill, "s-teal-4" for a stroke.
            classes.append(f"{name[0]}-{colour_name(paint)}")
    if declared.get("font-weight") == "600":
        attributes["font-weight"] = "600"
    return {"class": " ".join(classes), **attributes} if classes else attributes


def _short(numbers: str, places: int = 1) -> str:
    """Return numbers to a tenth of a point, paths on one line."""
    return " ".join(NUMBER.sub(lambda match: f"{round(float(match[0]), places):g}", numbers).split())
