"""Parsing of WebDAV multistatus answers (RFC 4918, 13), with XML's dangerous features refused."""

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


class InvalidAnswerError(ValueError):
    """The body is not a multistatus answer, or declares document types or entities."""


@dataclass(frozen=True, slots=True)
class ResourceResponse:
    """The answer about one resource: its address, its status (``None`` means success) and its properties.

    ``path`` is the address without the server, in one spelling.
    """

    href: str
    path: str
    status: int | None
    properties: Mapping[str, Element]

    def text(self, name: str) -> str:
        """Return the text of a property; empty if it is missing or empty."""
        element = self.properties.get(name)
        return (element.text or "").strip() if element is not None else ""

    def hrefs(self, name: str) -> list[str]:
        """Return the addresses in a property."""
        element = self.properties.get(name)
        return [(inner.text or "").strip() for inner in element.iter(f"{DAV}href")] if element is not None else []

    def has(self, name: str, inner: str) -> bool:
        """Return ``True`` if a property contains an element of the name ``inner``."""
        element = self.properties.get(name)
        return element is not None and next(element.iter(inner), None) is not None


@dataclass(frozen=True, slots=True)
class Multistatus:
    """A whole multistatus answer; ``token`` is the sync token in an answer about changes."""

    responses: tuple[ResourceResponse, ...]
    token: str = ""


def parse_xml(body: bytes) -> Element:
    """Return the root element. Raises :class:`InvalidAnswerError`, also for any document type or entity."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        # defusedxml refuses entities by default, but not a document type.
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidAnswerError from error
    return root


def parse_multistatus(body: bytes) -> Multistatus:
    """Parse a multistatus answer. Raises :class:`InvalidAnswerError`."""
    root = parse_xml(body)
    if root.tag != f"{DAV}multistatus":
        raise InvalidAnswerError
    responses = tuple(response for element in root.iter(f"{DAV}response") for response in _responses(element))
    return Multistatus(responses, (root.findtext(f"{DAV}sync-token") or "").strip())


def path_of(href: str) -> str:
    """Return the path of an address in one spelling. Raises :class:`InvalidAnswerError`."""
    try:
        return unquote(urlsplit(href).path)
    except ValueError as error:
        raise InvalidAnswerError from error


def _responses(element: Element) -> Iterator[ResourceResponse]:
    properties = {
        value.tag: value
        for propstat in element.iter(f"{DAV}propstat")
        # A server may list properties that it does not have, with a status of 404.
        if (_status(propstat) or 200) < 300
        for prop in propstat.iter(f"{DAV}prop")
        for value in prop
    }
    status = _status(element)
    for child in element.findall(f"{DAV}href"):
        href = (child.text or "").strip()
        yield ResourceResponse(href, path_of(href), status, properties)


def _status(element: Element) -> int | None:
    match = _STATUS.match((element.findtext(f"{DAV}status") or "").strip())
    return int(match[1]) if match else None
