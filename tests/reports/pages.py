"""Parsing of rendered HTML and SVG, and the texts that readers see."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str, css: str = "") -> list[Element]:
        below = [child for child in self.children if isinstance(child, Element)]
        return [
            element for child in below for element in (*([child] if child.fits(tag, css) else []), *child.all(tag, css))
        ]

    def fits(self, tag: str, css: str) -> bool:
        return tag in {self.tag, "*"} and (not css or css in self.attributes.get("class", "").split())

    def words(self) -> str:
        text = (child if isinstance(child, str) else child.words() for child in self.children)
        return " ".join("".join(text).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"<{self.open[-1].tag}> closed by </{tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str) -> Element:
    """Return the page as a tree; elements that do not close fail the test."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.open[0]


def visible(html: str) -> str:
    """Return all words of a page, with the titles of marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
