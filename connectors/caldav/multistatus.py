"""What a WebDAV server says of many things at once (RFC 4918, 13), without any trick that XML allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALENDAR_SERVER = "{http://calendarserver.org/ns/}"
_STATUS = re.compile(r"HTTP/\S+ (\d{3})")


class UnsoundAnswerError(ValueError):
    """No such answer, or one with tricks in it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one thing: where it is, how that went (None: well), and the properties it has.

    ``path`` is the place in one spelling, without its server.
    """

    href: str
    path: str
    status: int | None
    properties: Mapping[str, Element]

    def text(self, name: str) -> str:
        """The text of a property; empty where it has none."""
        found = self.properties.get(name)
        return (found.text or "").strip() if found is not None else ""

    def hrefs(self, name: str) -> list[str]:
        """The places that a property names."""
        found = self.properties.get(name)
        return [(inner.text or "").strip() for inner in found.iter(f"{DAV}href")] if found is not None else []

    def has(self, name: str, inner: str) -> bool:
        """Whether a property holds such an element."""
        found = self.properties.get(name)
        return found is not None and next(found.iter(inner), None) is not None


@dataclass(frozen=True, slots=True)
class Multistatus:
    """The whole answer; ``token`` names the state it tells of, where it is about changes."""

    told: tuple[Told, ...]
    token: str = ""


def parsed(body: bytes) -> Element:
    """The root of an answer. Raises :class:`UnsoundAnswerError`, also for any declaration of types or entities."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UnsoundAnswerError from error
    return root


def multistatus(body: bytes) -> Multistatus:
    """Read an answer. Raises :class:`UnsoundAnswerError`."""
    root = parsed(body)
    if root.tag != f"{DAV}multistatus":
        raise UnsoundAnswerError
    told = tuple(found for response in root.iter(f"{DAV}response") for found in _told(response))
    return Multistatus(told, (root.findtext(f"{DAV}sync-token") or "").strip())


def path_of(href: str) -> str:
    """The path of an address in one spelling."""
    try:
        return unquote(urlsplit(href).path)
    except ValueError as error:
        raise UnsoundAnswerError from error


def _told(response: Element) -> Iterator[Told]:
    properties = {
        inner.tag: inner
        for part in response.iter(f"{DAV}propstat")
        if (_status(part) or 200) < 300
        for prop in part.iter(f"{DAV}prop")
        for inner in prop
    }
    status = _status(response)
    for href in response.findall(f"{DAV}href"):
        place = (href.text or "").strip()
        yield Told(place, path_of(place), status, properties)


def _status(element: Element) -> int | None:
    match = _STATUS.match((element.findtext(f"{DAV}status") or "").strip())
    return int(match[1]) if match else None
